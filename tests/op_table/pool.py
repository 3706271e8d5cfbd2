"""Pooling."""

from __future__ import annotations

from typing import Any

import numpy as np

from nerve.errors import DTypeError, ShapeError

from .row import SIZES, BadCall, Op, Sample

Call = tuple[tuple[int, ...], dict[str, Any]]

CALLS: list[Call] = [
    *(((2, 5, 6, channels), {}) for channels in SIZES),
    *(((2, 5, 6, channels), {"pool_size": 3, "strides": 2, "padding": "same"}) for channels in SIZES),
    ((2, 7, 9, 5), {"pool_size": (3, 2), "strides": (1, 3)}),
    ((2, 7, 9, 20), {"pool_size": (3, 2), "strides": (1, 3), "padding": "same"}),
    ((1, 4, 4, 3), {"pool_size": 2, "strides": 3, "padding": "same"}),  # gaps between windows
    ((1, 3, 3, 2), {"pool_size": 5, "strides": 1, "padding": "same"}),  # windows larger than the image
    ((3, 6, 5, 18), {"pool_size": (6, 5)}),  # the whole image
    ((2, 6, 5, 4), {"pool_size": 3, "strides": 2, "padding": 1}),
    ((2, 6, 5, 17), {"pool_size": (3, 4), "strides": (2, 1), "padding": ((2, 0), (1, 3))}),
    ((2, 40, 40, 16), {}),  # several bands of rows
    ((2, 40, 41, 80), {"pool_size": 3, "strides": 2}),  # several blocks of channels
    ((1, 21, 20, 19), {"pool_size": (17, 16), "strides": (2, 3)}),  # more than 256 positions
    ((1, 21, 20, 3), {"pool_size": (17, 16), "strides": (3, 2), "padding": "same"}),
    ((2, 9, 40, 6), {"strides": (2, 3), "padding": "same"}),  # few channels: columns in no window
    ((2, 9, 40, 3), {"pool_size": (3, 5), "strides": (1, 2), "padding": ((1, 2), (4, 3))}),
    ((1, 5, 70, 1), {"pool_size": (2, 7), "strides": 1}),
    ((3, 4, 5, 2), {"pool_size": 4, "strides": 3, "padding": 3}),
    ((1, 2, 90, 2), {"pool_size": (1, 1), "strides": (1, 20)}),  # vectors with no window
    ((1, 1, 1, 1), {"pool_size": 1}),
    ((0, 4, 4, 3), {}),
    ((2, 4, 4, 0), {}),
]


def _forward(rng: np.random.Generator) -> list[Sample]:
    return [Sample((rng.normal(size=shape),), kwargs) for shape, kwargs in CALLS]


def _strange(rng: np.random.Generator) -> list[Sample]:
    ties = rng.integers(-2, 2, size=(2, 6, 7, 19)).astype(float)
    strange = rng.normal(size=(2, 6, 6, 18))
    strange[:, 1, :3], strange[:, 4] = np.nan, -np.inf
    few = rng.normal(size=(2, 6, 40, 3))
    few[:, 2, 5:9], few[:, 4, 20:], few[:, 0, :9] = np.nan, -np.inf, np.inf
    return [
        *(Sample((ties[..., :channels],), {"pool_size": 3}) for channels in (3, 6, 19)),
        *(Sample((strange[..., :channels],), {"pool_size": 2}) for channels in (3, 6, 18)),
        *(Sample((few,), {"pool_size": (3, 2), "strides": (2, 1), "padding": 1}),),
    ]


def _out_shape(shape: tuple[int, ...], kwargs: dict[str, Any]) -> tuple[int, ...]:
    from nerve import kernels

    return kernels.average_pool2d(np.zeros(shape), **kwargs).shape


def _max_backward(rng: np.random.Generator) -> list[Sample]:
    from nerve import kernels

    calls = []
    for shape, kwargs in CALLS:
        _, index = kernels.max_pool2d_with_index(rng.normal(size=shape), **kwargs)
        calls.append(Sample((rng.normal(size=index.shape), index), {"input_shape": shape, **kwargs}))
    return calls


def _average_backward(rng: np.random.Generator) -> list[Sample]:
    return [
        Sample((rng.normal(size=_out_shape(shape, kwargs)),), {"input_shape": shape, **kwargs})
        for shape, kwargs in CALLS
    ]


_X = np.zeros((2, 4, 4, 3))
_ERRORS = [
    BadCall((np.zeros((4, 4, 3)),), {}, ShapeError, r"x expects 4 dimensions .*, got shape \(4, 4, 3\)"),
    BadCall((_X,), {"pool_size": 5}, ShapeError, "5 x 5 does not fit in images of 4 x 4"),
    BadCall((np.zeros((2, 0, 4, 3)),), {"padding": "same"}, ShapeError, "output would be empty"),
    BadCall((_X,), {"pool_size": 0}, ValueError, "pool_size expects integers >= 1, got 0"),
    BadCall((_X,), {"strides": (1, -1)}, ValueError, "strides expects integers >= 1, got -1"),
    BadCall((_X,), {"strides": (1, 1, 1)}, ValueError, "strides expects one integer or two"),
    BadCall((_X,), {"pool_size": 2.5}, ValueError, "pool_size expects integers, got 2.5"),
    BadCall((_X,), {"padding": "full"}, ValueError, 'padding expects "valid", "same"'),
    BadCall((_X,), {"padding": -1}, ValueError, "padding expects integers >= 0, got -1"),
    BadCall((_X,), {"padding": 2}, ValueError, r"padding expects fewer than pool_size=\(2, 2\)"),
    BadCall((_X.astype(complex),), {}, DTypeError, "expects real numbers"),
]
_GRAD, _GRAD_2 = np.zeros((2, 2, 1, 3)), np.zeros((2, 2, 2, 3))
_INDEX, _SHAPE = np.zeros((2, 2, 2, 3), np.uint8), {"input_shape": (2, 4, 4, 3)}

ROWS = [
    Op("max_pool2d", _forward, gradient=True, errors=_ERRORS),
    Op("max_pool2d", _strange),
    Op("max_pool2d_with_index", _forward, errors=_ERRORS),
    Op("max_pool2d_with_index", _strange),
    Op("average_pool2d", _forward, gradient=True, errors=_ERRORS),
    Op(
        "max_pool2d_backward",
        _max_backward,
        errors=[
            BadCall((_GRAD, _INDEX), _SHAPE, ShapeError, r"grad expects the output's shape \(2, 2, 2, 3\)"),
            BadCall((_GRAD_2, _INDEX[:1]), _SHAPE, ShapeError, r"index expects the output's shape \(2, 2, 2, 3\)"),
            BadCall((_GRAD_2, _INDEX.astype(np.int64)), _SHAPE, DTypeError, "an array of uint8, got int64"),
        ],
    ),
    Op(
        "average_pool2d_backward",
        _average_backward,
        errors=[
            BadCall((_GRAD,), {"input_shape": (2, 4, 4, 3)}, ShapeError, r"grad expects the output's shape"),
            BadCall((_GRAD,), {"input_shape": 4.0}, ValueError, "input_shape expects integers, got 4.0"),
            BadCall((_GRAD,), {"input_shape": (2, 4, 4)}, ShapeError, "expects 4 dimensions"),
        ],
    ),
]
