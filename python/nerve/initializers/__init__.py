"""Initial values of weights, under Keras 3's names.

An initializer is called with a shape and a dtype and gives a NumPy array. `seed` may be an int (the same values at
every call), a `nerve.random.SeedGenerator`, or None: the global stream, so that one unseeded initializer shared by two
layers gives them different weights (in Keras it gives them the same).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nerve._lookup import names_of, resolve
from nerve._typing import Array
from nerve.initializers.fixed import STFT, Constant, Identity, Ones, Zeros
from nerve.initializers.initializer import Initializer, Shape, compute_fans
from nerve.initializers.random import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    Orthogonal,
    RandomNormal,
    RandomUniform,
    TruncatedNormal,
    VarianceScaling,
)
from nerve.serialization import functions_for

__all__ = [
    "STFT",
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "IdentityInitializer",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "Orthogonal",
    "OrthogonalInitializer",
    "RandomNormal",
    "RandomUniform",
    "STFTInitializer",
    "TruncatedNormal",
    "VarianceScaling",
    "Zeros",
    "compute_fans",
    "constant",
    "deserialize",
    "get",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "identity",
    "lecun_normal",
    "lecun_uniform",
    "ones",
    "orthogonal",
    "random_normal",
    "random_uniform",
    "serialize",
    "stft",
    "truncated_normal",
    "variance_scaling",
    "zeros",
]

IdentityInitializer, OrthogonalInitializer, STFTInitializer = Identity, Orthogonal, STFT
constant = Constant
glorot_normal = GlorotNormal
glorot_uniform = GlorotUniform
he_normal = HeNormal
he_uniform = HeUniform
identity = Identity
lecun_normal = LecunNormal
lecun_uniform = LecunUniform
ones = Ones
orthogonal = Orthogonal
random_normal = RandomNormal
random_uniform = RandomUniform
stft = STFT
truncated_normal = TruncatedNormal
variance_scaling = VarianceScaling
zeros = Zeros

_NAMES: dict[str, type[Initializer]] = names_of(
    [
        Constant, GlorotNormal, GlorotUniform, HeNormal, HeUniform, Identity, LecunNormal, LecunUniform, Ones,
        Orthogonal, RandomNormal, RandomUniform, STFT, TruncatedNormal, VarianceScaling, Zeros,
    ],
    normal=RandomNormal,
    uniform=RandomUniform,
)  # fmt: skip


def get(identifier: Any) -> Callable[[Shape, str], Array]:
    """The initializer meant by a name, a config, an instance, a class or any callable of (shape, dtype)."""
    if callable(identifier) and not isinstance(identifier, type):
        return identifier  # type: ignore[no-any-return]
    return resolve("initializer", identifier, Initializer, _NAMES)


serialize, deserialize = functions_for("initializers", get)
