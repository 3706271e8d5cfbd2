"""Pooling of volumes and adaptive windows."""

from __future__ import annotations

from typing import Any

import numpy as np

from nerve.errors import DTypeError, ShapeError

from .row import SIZES, BadCall, Op, Sample

Call = tuple[tuple[int, ...], dict[str, Any]]

CALLS: list[Call] = [
    *(((2, 3, 4, 5, channels), {}) for channels in SIZES),
    *(((1, 4, 5, 6, channels), {"pool_size": 3, "strides": 2, "padding": "same"}) for channels in SIZES),
    *(((2, 3, 5, 7, channels), {"output_size": (2, 3, 4)}) for channels in SIZES),
    ((1, 5, 6, 7, 19), {"pool_size": (2, 3, 1), "strides": (1, 2, 3)}),
    ((2, 5, 6, 41, 3), {"pool_size": (2, 3, 4), "strides": (1, 2, 3), "padding": ((1, 0), (0, 2), (3, 1))}),
    ((1, 4, 4, 40, 1), {"pool_size": 3, "strides": 1, "padding": "same"}),
    ((1, 4, 5, 4, 2), {"pool_size": 2, "strides": 3, "padding": "same"}),  # gaps between windows
    ((1, 3, 2, 3, 2), {"pool_size": 5, "strides": 1, "padding": "same"}),  # windows larger than the volume
    ((1, 3, 2, 3, 18), {"pool_size": (3, 2, 3)}),  # the whole volume
    ((2, 1, 1, 50, 3), {"output_size": (1, 1, 7)}),  # sequences and images
    ((2, 1, 13, 11, 20), {"output_size": (1, 5, 4)}),
    ((1, 2, 2, 3, 5), {"output_size": (4, 2, 7)}),  # more windows than positions
    ((1, 2, 40, 41, 80), {"output_size": (2, 17, 6)}),  # several bands of lines
    ((1, 70, 9, 8, 80), {"pool_size": 3, "strides": 1}),
    ((1, 1, 300, 31, 40), {"pool_size": (1, 3, 2), "strides": (1, 2, 2)}),
    ((1, 70, 9, 8, 80), {"pool_size": (5, 4, 4), "strides": 2}),  # as well, of windows too large to be looked through
    ((1, 1, 300, 31, 40), {"pool_size": (1, 9, 7), "strides": (1, 4, 3)}),
    ((1, 20, 60, 61, 1), {"pool_size": 3, "strides": 2, "padding": "same"}),  # a volume larger than a near cache
    ((1, 4, 5, 9, 20), {"pool_size": 3, "strides": 1, "padding": "same"}),
    ((40, 2, 3, 4, 5), {"output_size": (1, 2, 3)}),  # several volumes in a task
    ((1, 1, 1, 1, 1), {"pool_size": 1}),
    ((0, 4, 4, 4, 3), {}),
    ((2, 4, 4, 4, 0), {"output_size": 3}),
]


def _forward(rng: np.random.Generator) -> list[Sample]:
    return [Sample((rng.normal(size=shape),), kwargs) for shape, kwargs in CALLS]


def _strange(rng: np.random.Generator) -> list[Sample]:
    ties = rng.integers(-1, 2, size=(2, 4, 5, 7, 19)).astype(float)
    strange = rng.normal(size=(2, 4, 4, 20, 18))
    strange[:, 1, :3, 4:9], strange[:, 2:, :, 10:] = np.nan, -np.inf
    strange[0, 0, 0, :2], strange[1, :, 2] = np.inf, -np.inf
    options = [{"pool_size": 3, "strides": 1, "padding": "same"}, {"output_size": (2, 2, 4)}, {}]
    return [
        Sample((x[..., :channels],), kwargs) for x in (ties, strange) for channels in (1, 3, 18) for kwargs in options
    ]


def _out_shape(shape: tuple[int, ...], kwargs: dict[str, Any]) -> tuple[int, ...]:
    from nerve import kernels

    return kernels.average_pool3d(np.zeros(shape), **kwargs).shape


def _average_backward(rng: np.random.Generator) -> list[Sample]:
    return [
        Sample((rng.normal(size=_out_shape(shape, kwargs)),), kwargs | {"input_shape": shape})
        for shape, kwargs in CALLS
    ]


def _max_backward(rng: np.random.Generator) -> list[Sample]:
    from nerve import kernels

    samples = []
    for shape, kwargs in CALLS:
        x = rng.integers(-2, 3, size=shape).astype(float)
        with kernels.backend("reference"):
            index = kernels.max_pool3d_with_index(x, **kwargs)[1]
        samples.append(Sample((rng.normal(size=index.shape), index), kwargs | {"input_shape": shape}))
    return samples


_X = np.zeros((2, 4, 4, 4, 3))
_ERRORS = [
    BadCall((_X[0],), {}, ShapeError, r"x expects 5 dimensions \(batch, depth, height, width, channels\)"),
    BadCall((_X,), {"pool_size": (2, 5, 2)}, ShapeError, "a window of 2 x 5 x 2 does not fit in volumes of 4 x 4 x 4"),
    BadCall((np.zeros((2, 0, 4, 4, 3)),), {"padding": "same"}, ShapeError, "output would be empty"),
    BadCall((np.zeros((2, 0, 4, 4, 3)),), {"output_size": 1}, ShapeError, "cannot cut volumes of 0 x 4 x 4"),
    BadCall((_X,), {"pool_size": 0}, ValueError, "pool_size expects integers >= 1, got 0"),
    BadCall((_X,), {"pool_size": (1, 2)}, ValueError, "pool_size expects one integer or three"),
    BadCall((_X,), {"strides": (1, 1, -1)}, ValueError, "strides expects integers >= 1, got -1"),
    BadCall((_X,), {"output_size": 1.5}, ValueError, "output_size expects integers, got 1.5"),
    BadCall((_X,), {"output_size": 1, "pool_size": 2}, ValueError, "output_size goes without pool_size, strides and"),
    BadCall((_X,), {"output_size": 1, "padding": "same"}, ValueError, "output_size goes without pool_size"),
    BadCall((_X,), {"padding": "full"}, ValueError, 'padding expects "valid", "same" or 3 pairs'),
    BadCall((_X,), {"padding": ((0, 0), (0, 2), (0, 0))}, ValueError, r"padding expects fewer than pool_size=\(2, 2"),
    BadCall((_X.astype(complex),), {}, DTypeError, "expects real numbers"),
]
_GRAD, _INDEX = np.zeros((2, 2, 2, 2, 3)), np.zeros((2, 2, 2, 2, 3), np.int32)
_SHAPE = {"input_shape": (2, 4, 4, 4, 3)}

ROWS = [
    Op("max_pool3d", _forward, gradient=True, errors=_ERRORS),
    Op("max_pool3d", _strange),
    Op("max_pool3d_with_index", _forward, errors=_ERRORS),
    Op("max_pool3d_with_index", _strange),
    Op("average_pool3d", _forward, gradient=True, errors=_ERRORS),
    Op(
        "max_pool3d_backward",
        _max_backward,
        errors=[
            BadCall((_GRAD[:1], _INDEX), _SHAPE, ShapeError, r"grad expects the output's shape \(2, 2, 2, 2, 3\)"),
            BadCall((_GRAD, _INDEX[:1]), _SHAPE, ShapeError, r"index expects the output's shape \(2, 2, 2, 2, 3\)"),
            BadCall((_GRAD, _INDEX.astype(np.int64)), _SHAPE, DTypeError, "an array of int32, got int64"),
        ],
    ),
    Op(
        "average_pool3d_backward",
        _average_backward,
        errors=[
            BadCall((_GRAD[:1],), _SHAPE, ShapeError, "grad expects the output's shape"),
            BadCall((_GRAD,), {"input_shape": (2, 4, 4, 4)}, ShapeError, "expects 5 dimensions"),
        ],
    ),
]
