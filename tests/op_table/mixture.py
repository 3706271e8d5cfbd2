"""Mixtures of normal distributions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nerve.errors import ShapeError

from .row import SIZES, BadCall, Op, Sample

COVARIANCE_TYPES = ("full", "tied", "diag", "spherical")
# (rows, components, features): around a vector's width, a block of rows, a band and a block of features; empty.
_SHAPES = [(n, 3, 2) for n in SIZES] + [(5, 2, n) for n in SIZES]
_SHAPES += [(600, 3, 9), (300, 1, 3), (257, 17, 1), (4, 2, 0), (0, 2, 3), (40, 2, 70), (9, 1, 300)]


def _factors(rng: np.random.Generator, covariance_type: str, components: int, features: int) -> np.ndarray:
    def triangular(*shape: int) -> np.ndarray:
        small = rng.normal(size=(*shape, features, features)) / (2 * max(features, 1))
        return small + np.eye(features) * rng.uniform(0.7, 1.5, size=(*shape, features, 1))

    if covariance_type == "full":
        return triangular(components)  # what lies below the diagonal is not read
    if covariance_type == "tied":
        return triangular()
    shape = (components, features) if covariance_type == "diag" else (components,)
    return rng.uniform(0.7, 1.5, size=shape)


def _mixtures(weighted: bool, **settings: Any) -> Callable[[np.random.Generator], list[Sample]]:
    def samples(rng: np.random.Generator) -> list[Sample]:
        calls = []
        for covariance_type in COVARIANCE_TYPES:
            for rows, components, features in _SHAPES:
                means = rng.normal(size=(components, features)) + 3
                x = means[rng.integers(components, size=rows)] + rng.normal(size=(rows, features)) / 2
                args = [x, means, _factors(rng, covariance_type, components, features)]
                if weighted:
                    args.append(rng.dirichlet(np.ones(components)))
                calls.append(Sample(tuple(args), {"covariance_type": covariance_type, **settings}))
        return calls

    return samples


def _moments(rng: np.random.Generator) -> list[Sample]:
    calls = []
    for covariance_type in COVARIANCE_TYPES[:3]:
        for rows, components, features in _SHAPES:
            shifts = rng.normal(size=(components, features)) / 4 + 3
            x, weights = rng.normal(size=(rows, features)) + 3, rng.uniform(size=(rows, components))
            for given in (weights, None):
                calls.append(Sample((x, shifts, given), {"covariance_type": covariance_type}))
    return calls


_X, _MEANS, _FULL, _WEIGHTS = np.ones((4, 3)), np.ones((2, 3)), np.ones((2, 3, 3)), np.ones(2)


def _errors(*rest: np.ndarray) -> list[BadCall]:
    return [
        BadCall((_X[:, :2], _MEANS, _FULL, *rest), {}, ShapeError, r"means \(components, features\), got \(4, 2\) and"),
        BadCall((_X[0], _MEANS, _FULL, *rest), {}, ShapeError, r"x \(rows, features\) and means"),
        BadCall((_X, _MEANS, _FULL[0], *rest), {}, ShapeError, r"shape \(2, 3, 3\) for 'full' and means \(2, 3\), got"),
        BadCall(
            (_X, _MEANS, _FULL, *rest), {"covariance_type": "spherical"}, ShapeError, r"shape \(2,\) for 'spherical'"
        ),
        BadCall((_X, _MEANS, _FULL, *rest), {"covariance_type": "round"}, ValueError, "covariance_type expects one of"),
    ]


_FEW_WEIGHTS = BadCall((_X, _MEANS, _FULL, np.ones(3)), {}, ShapeError, r"weights \(components,\), one or more")
_NONE = BadCall((_X, _MEANS[:0], _FULL[:0], np.ones(0)), {}, ShapeError, "one or more")

# Densities are sums of as many squares as features: up to 300 here.
ROWS = [
    Op("gaussian_log_density", _mixtures(False), errors=_errors(), tolerance=5),
    Op(
        "gaussian_posterior",
        _mixtures(True),
        errors=[*_errors(_WEIGHTS), _FEW_WEIGHTS, _NONE],
        tolerance=20,
    ),
    Op("gaussian_posterior", _mixtures(True, responsibilities=False), tolerance=20),
    Op(
        "gaussian_moments",
        _moments,
        tolerance=20,
        errors=[
            BadCall((_X[0], _MEANS), {}, ShapeError, r"x \(rows, features\) and shifts \(components, features\)"),
            BadCall((_X, _MEANS, np.ones((4, 3))), {}, ShapeError, r"weights of shape \(4, 2\) for x \(4, 3\)"),
            BadCall((_X, _MEANS), {"covariance_type": None}, ValueError, "covariance_type expects one of"),
        ],
    ),
    Op("gaussian_em_step", _mixtures(True), errors=[*_errors(_WEIGHTS), _FEW_WEIGHTS, _NONE], tolerance=20),
]
