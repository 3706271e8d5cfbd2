"""Images at other positions than their pixels."""

from __future__ import annotations

from typing import Any

import numpy as np

from nerve.errors import DTypeError, ShapeError

from .row import BadCall, Op, Sample

FILLS = ("constant", "nearest", "wrap", "mirror", "reflect")
SHAPES = [
    *((2, 5, 6, channels) for channels in (1, 2, 3, 4, 5, 16, 17)),
    (3, 9, 70, 3),  # more than a piece of a row
    (2, 3, 133, 1),
    (1, 1, 1, 2),
    (2, 2, 1, 3),
    (1, 40, 41, 12),  # several tasks
    (0, 4, 4, 3),
    (2, 4, 4, 0),
]


def _eighths(rng: np.random.Generator, shape: tuple[int, ...], most: int) -> np.ndarray:
    """Multiples of 1/8, which float32 holds exactly: no position is rounded to the other side of a pixel."""
    return rng.integers(-8 * most, 8 * most, shape) / 8


def _transforms(rng: np.random.Generator, batch: int, projective: bool = False) -> np.ndarray:
    t = _eighths(rng, (batch, 8), 2)
    t[:, (2, 5)] *= 3
    t[:, 6:] = rng.integers(1, 4, (batch, 2)) / 64 if projective else 0
    return t


def _options(index: int) -> dict[str, Any]:
    interpolation = ("bilinear", "nearest")[index // len(FILLS) % 2]
    return {"fill_mode": FILLS[index % len(FILLS)], "interpolation": interpolation}


def _affine(rng: np.random.Generator) -> list[Sample]:
    calls = []
    for index, shape in enumerate(SHAPES * 3):
        options: dict[str, Any] = _options(index) | {"fill_value": 1.5}
        if index % 4 == 3:
            options["size"] = (shape[1] + 2, max(shape[2] - 1, 1))
        transforms = _transforms(rng, shape[0])
        if index % 2:  # mostly inside
            transforms[:] = [0.75, 0.125, 0.25, -0.125, 0.75, 0.5, 0, 0]
        calls.append(Sample((rng.normal(size=shape), transforms), options))
    return calls


def _projective(rng: np.random.Generator) -> list[Sample]:
    return [
        Sample((rng.normal(size=shape), _transforms(rng, shape[0], projective=True)), {"fill_mode": fill})
        for shape in SHAPES
        for fill in FILLS
    ]


def _far(rng: np.random.Generator) -> list[Sample]:
    transforms = np.zeros((4, 8))
    transforms[:, 2], transforms[:, 5] = [np.inf, np.nan, -3e12, 0], [0, 1, np.nan, -np.inf]
    x = rng.normal(size=(4, 3, 4, 2))
    return [
        Sample((x, transforms), {"fill_mode": fill, "interpolation": interpolation})
        for fill in FILLS
        for interpolation in ("bilinear", "nearest")
    ]


def _shifted(rng: np.random.Generator) -> list[Sample]:
    """By whole pixels, so that rows are copied: inside of an image, over its edges, and past them."""
    calls = []
    for index, shape in enumerate(SHAPES * 2):
        transforms = np.zeros((shape[0], 8))
        transforms[:, (0, 4)] = 1
        transforms[:, (2, 5)] = rng.integers(0, 3, (shape[0], 2)) if index % 2 else rng.integers(-9, 9, (shape[0], 2))
        options: dict[str, Any] = {"interpolation": "nearest", "fill_mode": FILLS[index % len(FILLS)]}
        if index % 2:
            options["size"] = (max(shape[1] - 2, 1), max(shape[2] - 2, 1))
        calls.append(Sample((rng.normal(size=shape), transforms), options | {"fill_value": 2.5}))
    return calls


def _grid(rng: np.random.Generator) -> list[Sample]:
    calls = []
    for index, shape in enumerate(SHAPES * 2):
        rows, columns = (shape[1], shape[2]) if index % 2 else (shape[1] + 1, 70)
        positions = _eighths(rng, (shape[0], rows, columns, 2), 2) + rng.integers(0, 4, (shape[0], rows, columns, 2))
        calls.append(Sample((rng.normal(size=shape), positions), _options(index) | {"fill_value": -0.5}))
    return calls


def _backward(samples: Any) -> Any:
    def draw(rng: np.random.Generator) -> list[Sample]:
        calls = []
        for sample in samples(rng):
            x, where = sample.args
            size = sample.kwargs.get("size", where.shape[1:3] if where.ndim == 4 else x.shape[1:3])
            options = {k: v for k, v in sample.kwargs.items() if k not in ("size", "fill_value")}
            grad = rng.normal(size=(x.shape[0], *size, x.shape[3]))
            calls.append(Sample((grad, where), {"input_shape": x.shape, **options}))
        return calls

    return draw


def _of_the_image(samples: Any) -> Any:
    """The same at whole positions, in integers, which have no gradient; test_sampling.py has that of others."""
    return lambda rng: [
        Sample((s.args[0], np.round(s.args[1]).astype(np.int64)), s.kwargs) for s in samples(rng) if s.args[0].size
    ]


_X, _T, _P = np.zeros((2, 3, 4, 1)), np.zeros((2, 8)), np.zeros((2, 5, 6, 2))
_ERRORS = [
    BadCall((np.zeros((3, 4, 1)), _T), {}, ShapeError, r"x expects 4 dimensions .*, got shape \(3, 4, 1\)"),
    BadCall((_X, np.zeros((2, 6))), {}, ShapeError, r"transforms expects shape \(2, 8\), got \(2, 6\)"),
    BadCall((_X, _T), {"fill_mode": "edge"}, ValueError, "fill_mode expects one of .*, got 'edge'"),
    BadCall((_X, _T), {"interpolation": "cubic"}, ValueError, "interpolation expects 'bilinear' or 'nearest'"),
    BadCall((_X, _T), {"size": (3,)}, ValueError, "size expects two integers"),
    BadCall((np.zeros((2, 0, 4, 1)), _T), {"size": (3, 3)}, ShapeError, "no pixels to look at"),
    BadCall((_X.astype(complex), _T), {}, DTypeError, "expects real numbers"),
]
_GRID_ERRORS = [
    BadCall((_X, _P[:1]), {}, ShapeError, r"positions expects shape \(2, 5, 6, 2\), got \(1, 5, 6, 2\)"),
    BadCall((_X, _T), {}, ShapeError, "positions expects 4 dimensions"),
]
_GRAD_ERRORS = [
    BadCall((_X[:1], _T), {"input_shape": (2, 3, 4, 1)}, ShapeError, r"grad expects shape \(2, 3, 4, 1\)"),
    BadCall((_X, _T[:1]), {"input_shape": (2, 3, 4, 1)}, ShapeError, r"transforms expects shape \(2, 8\)"),
]

ROWS = [
    Op("affine_sample", _affine, errors=_ERRORS, tolerance=2),
    Op("affine_sample", _of_the_image(_affine), gradient=True, tolerance=2),
    # A quotient of positions has the rounding of float32: 4e-6 of a pixel's distance, at slopes of up to 5.
    Op("affine_sample", _projective, tolerance=100),
    Op("affine_sample", _far),
    Op("affine_sample", _shifted),
    Op("affine_sample_backward", _backward(_affine), errors=_GRAD_ERRORS, tolerance=20),  # sums of up to 300 numbers
    Op("grid_sample", _grid, errors=_GRID_ERRORS, tolerance=2),
    Op("grid_sample", _of_the_image(_grid), gradient=True, tolerance=2),
    Op("grid_sample_backward", _backward(_grid), tolerance=20),
]
