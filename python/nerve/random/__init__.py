"""Streams of random numbers, and arrays drawn from them under the names of `keras.random`."""

from __future__ import annotations

from nerve.random.draws import (
    beta,
    binomial,
    categorical,
    dropout,
    gamma,
    normal,
    randint,
    shuffle,
    truncated_normal,
    uniform,
)
from nerve.random.streams import SeedGenerator, generator, next_offset, reserve, seed

__all__ = [
    "SeedGenerator",
    "beta",
    "binomial",
    "categorical",
    "dropout",
    "gamma",
    "generator",
    "next_offset",
    "normal",
    "randint",
    "reserve",
    "seed",
    "shuffle",
    "truncated_normal",
    "uniform",
]
