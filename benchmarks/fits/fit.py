"""The form of a row of estimators: one piece of work, the libraries that do it, and how good a result is."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Data = tuple[np.ndarray, ...]
Side = Callable[..., Callable[[], Any]]
PACKAGES = {"nerve": "nerve", "scikit-learn": "sklearn", "oneDAL": "sklearnex", "FAISS": "faiss"}


@dataclass(frozen=True)
class Fit:
    """One piece of work.

    Parameters
    ----------
    samples : the size it is measured at; a smaller one warms up what is to be measured in bytes.
    data : draws the arrays for a number of samples, the same ones every time.
    sides : for nerve, scikit-learn and others, in this order: gets the arrays, returns the call to time.
    judged : what ``quality`` is: a number computed in float64 from a result, scikit-learn's result and the arrays.
    higher : whether more of it is better.
    tolerance : how much worse than scikit-learn's nerve's may be, relative to it.
    """

    name: str
    family: str
    samples: int
    data: Callable[[int], Data]
    sides: Mapping[str, Side]
    judged: str
    quality: Callable[..., float]
    higher: bool = False
    tolerance: float = 1e-3

    @property
    def peers(self) -> tuple[str, ...]:
        return tuple(name for name in self.sides if name != "nerve")

    def worse(self, quality: float, reference: float) -> bool:
        """Whether a quality is worse than another by more than the tolerance; NaN is."""
        worse = reference - quality if self.higher else quality - reference
        return not worse <= self.tolerance * abs(reference)


def same(module: str, make: Callable[..., Callable[[], Any]], *libraries: str) -> dict[str, Side]:
    """Sides of libraries that have the class under the same name: ``make`` gets the module and the arrays."""

    def side(library: str) -> Side:
        path = f"{PACKAGES[library]}.{module}"
        return lambda *data: make(importlib.import_module(path), *data)

    return {library: side(library) for library in ("nerve", "scikit-learn", *libraries)}


def blobs(samples: int, features: int, centers: int, distance: float = 0.5, seed: int = 0) -> np.ndarray:
    """Normal clusters of spread 1 around normal centers; at a small distance they overlap and k-means goes on long."""
    rng = np.random.default_rng(seed)
    around = rng.standard_normal((centers, features), dtype=np.float32) * np.float32(distance)
    x = rng.standard_normal((samples, features), dtype=np.float32)
    x += around[rng.integers(centers, size=samples)]
    return x


def some_rows(x: np.ndarray, count: int) -> np.ndarray:
    """Different rows, to begin with."""
    return np.ascontiguousarray(x[np.random.default_rng(1).permutation(len(x))[:count]])
