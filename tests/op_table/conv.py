"""Convolution."""

from __future__ import annotations

from typing import Any

import numpy as np

from nerve.errors import DTypeError, ShapeError

from .row import SIZES, BadCall, Op, Sample

Call = tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]  # shapes of x and of the kernel, and how

CALLS: list[Call] = [
    *(((2, 5, 6, 3), (3, 2, 3, filters), {}) for filters in SIZES),
    *(((1, 5, 4, channels), (3, 3, channels, 2), {"padding": "same"}) for channels in SIZES),
    *(((2, 6, 5, groups), (3, 3, 1, groups), {"padding": "same", "groups": groups}) for groups in SIZES),  # depthwise
    ((2, 8, 9, 4), (3, 3, 4, 5), {"strides": 2}),
    ((2, 8, 9, 4), (3, 3, 4, 5), {"strides": (2, 3), "padding": "same"}),
    ((1, 7, 7, 2), (2, 2, 2, 3), {"strides": 3}),  # pixels that no window looks at
    ((2, 9, 10, 3), (3, 2, 3, 4), {"dilation_rate": (2, 3)}),
    ((2, 12, 11, 3), (3, 3, 3, 4), {"dilation_rate": (3, 2), "strides": (2, 3), "padding": "same"}),
    ((2, 13, 12, 3), (4, 3, 3, 4), {"dilation_rate": 4, "strides": 6, "padding": 8}),
    ((2, 6, 5, 3), (3, 3, 3, 4), {"padding": ((0, 2), (3, 1))}),
    ((2, 6, 5, 3), (2, 3, 3, 4), {"padding": 4, "strides": 2}),  # windows that hold nothing but padding
    ((1, 2, 2, 1), (5, 5, 1, 2), {"padding": "same"}),  # a window larger than the image
    ((2, 6, 6, 6), (3, 3, 2, 9), {"groups": 3, "strides": 2, "padding": "same"}),
    ((2, 6, 6, 4), (3, 3, 1, 12), {"groups": 4, "padding": "same"}),  # depthwise with three filters a channel
    ((2, 9, 8, 20), (3, 3, 1, 20), {"groups": 20, "strides": (2, 1), "dilation_rate": (1, 2)}),
    ((1, 9, 9, 5), (3, 3, 1, 5), {"groups": 5, "strides": 3, "padding": 2, "dilation_rate": 2}),
    ((2, 5, 5, 40), (1, 1, 40, 24), {}),
    ((1, 5, 5, 300), (1, 1, 300, 8), {"strides": 2}),  # more channels than are packed at a time
    ((3, 28, 28, 1), (5, 5, 1, 6), {"padding": "same"}),
    ((3, 20, 20, 16), (3, 3, 16, 40), {"padding": "same"}),  # several tasks and parts
    ((2, 9, 9, 96), (3, 3, 96, 160), {"padding": "same"}),
    ((1, 40, 40, 3), (7, 7, 3, 33), {"strides": 2, "padding": "same"}),
    ((4, 33, 33, 33), (3, 3, 1, 33), {"groups": 33, "padding": "same"}),
    ((2, 9, 7, 32), (3, 3, 4, 32), {"groups": 8, "padding": "same"}),  # few channels and filters a group
    ((1, 8, 9, 24), (3, 2, 3, 40), {"groups": 8, "dilation_rate": (2, 1), "padding": 2}),
    ((1, 60, 61, 21), (3, 3, 21, 3), {"padding": "same"}),  # few filters, several bands
    ((2, 30, 31, 3), (5, 4, 3, 7), {"padding": ((4, 0), (1, 2))}),
    ((2, 14, 40, 20), (5, 5, 1, 20), {"groups": 20, "padding": "same"}),  # depthwise away from the edges
    ((1, 40, 33, 9), (3, 3, 1, 9), {"groups": 9, "strides": 2, "dilation_rate": (1, 2)}),
    ((2, 9, 33, 20), (3, 3, 1, 20), {"groups": 20, "strides": 2, "padding": "same"}),
    ((3, 23, 13, 20), (1, 1, 20, 70), {}),  # pixels side by side, several blocks
    ((5, 6, 7, 33), (3, 3, 33, 18), {"padding": ((1, 0), (2, 1))}),  # blocks of several images
    ((1, 6, 6, 512), (3, 3, 512, 130), {"padding": "same"}),  # a kernel larger than the cache
    ((2, 1, 250, 1), (1, 64, 1, 33), {"strides": (1, 32)}),  # one filter more than a tile has
    ((2, 9, 11, 20), (3, 3, 20, 18), {"dilation_rate": (2, 1), "padding": "same"}),  # three taps of neighbours in a row
    ((2, 6, 6, 40), (2, 3, 20, 36), {"groups": 2, "padding": ((0, 1), (2, 0))}),
    ((1, 30, 50, 16), (1, 3, 16, 16), {}),
    ((0, 5, 5, 2), (3, 3, 2, 4), {}),
    ((0, 5, 5, 2), (3, 3, 1, 2), {"groups": 2, "strides": 2}),
    ((2, 5, 5, 0), (3, 3, 0, 4), {}),
    ((2, 5, 5, 3), (3, 3, 3, 0), {}),
]


def _forward(rng: np.random.Generator) -> list[Sample]:
    n, calls = rng.normal, []
    for i, (x, kernel, kwargs) in enumerate(CALLS):
        bias = n(size=kernel[-1]) if i % 3 else None
        activation = (None, "linear", "relu", "sigmoid", "tanh")[i % 5]
        calls.append(Sample((n(size=x), n(size=kernel) / 4, bias), {**kwargs, "activation": activation}))
    return calls


def _out_shape(x: tuple[int, ...], kernel: tuple[int, ...], kwargs: dict[str, Any]) -> tuple[int, ...]:
    from nerve import kernels

    return kernels.conv2d(np.zeros(x), np.zeros(kernel), **kwargs).shape


def _backward_input(rng: np.random.Generator) -> list[Sample]:
    n = rng.normal
    return [
        Sample((n(size=_out_shape(x, kernel, kwargs)), n(size=kernel)), {"input_shape": x, **kwargs})
        for x, kernel, kwargs in CALLS
    ]


def _backward_kernel(rng: np.random.Generator) -> list[Sample]:
    n = rng.normal
    return [
        Sample((n(size=_out_shape(x, kernel, kwargs)), n(size=x)), {"kernel_shape": kernel, **kwargs})
        for x, kernel, kwargs in CALLS
    ]


VOLUMES: list[Call] = [
    *(((1, 3, 4, 4, 3), (2, 3, 2, 3, filters), {}) for filters in (1, 3, 8, 17)),
    *(((2, 4, 5, 3, channels), (3, 2, 3, channels, 2), {"padding": "same"}) for channels in (1, 3, 8, 17)),
    ((2, 7, 6, 5, 4), (3, 3, 3, 2, 6), {"groups": 2, "padding": "same", "strides": 2}),
    ((1, 6, 5, 7, 3), (2, 2, 2, 1, 6), {"groups": 3, "dilation_rate": (3, 1, 2)}),
    ((2, 5, 4, 4, 3), (3, 2, 2, 3, 4), {"padding": ((2, 1), (0, 1), (1, 0)), "strides": (3, 1, 2)}),
    ((1, 2, 3, 3, 2), (5, 3, 3, 2, 2), {"padding": "same"}),  # planes of the kernel that see nothing
    ((1, 9, 3, 3, 2), (2, 1, 1, 2, 3), {"strides": (4, 1, 1)}),  # planes that no window looks at
    ((2, 4, 5, 5, 3), (1, 3, 3, 3, 4), {}),  # images side by side
    ((2, 4, 5, 5, 3), (1, 3, 3, 3, 4), {"strides": (3, 1, 1)}),
    ((1, 3, 3, 16, 16), (3, 3, 3, 16, 17), {"padding": "same"}),  # tiles of one row, some of which see zeros only
    ((1, 3, 5, 28, 17), (3, 2, 3, 17, 9), {"padding": "same"}),
    ((1, 3, 5, 13, 17), (3, 3, 3, 17, 18), {"padding": "same"}),
    ((3, 4, 4, 4, 20), (3, 3, 3, 20, 18), {"padding": "same"}),  # blocks of several planes
    ((2, 5, 6, 5, 17), (3, 2, 3, 17, 20), {"dilation_rate": (2, 1, 1), "strides": (1, 2, 1), "padding": "same"}),
    ((1, 3, 8, 21, 1), (3, 3, 3, 1, 18), {"padding": "same"}),  # one channel
    ((1, 2, 2, 2, 152), (3, 3, 3, 152, 128), {"padding": "same"}),  # a kernel larger than the cache
    ((0, 3, 4, 4, 3), (2, 2, 2, 3, 4), {}),
    ((2, 3, 4, 4, 0), (2, 2, 2, 0, 4), {}),
]
SEQUENCES: list[Call] = [
    *(((2, 6, 3), (3, 3, filters), {}) for filters in (1, 8, 17)),
    ((2, 9, 4), (3, 2, 6), {"groups": 2, "padding": "same", "strides": 2}),
    ((2, 9, 4), (3, 4, 5), {"dilation_rate": 3, "padding": "causal"}),
    ((2, 9, 4), (2, 4, 5), {"padding": (3, 1)}),
]
TRANSPOSED: list[Call] = [  # for one axis: the tests below make more of it
    ((2, 5, 3), (3, 4, 3), {}),
    ((2, 5, 3), (2, 4, 3), {"strides": 3}),
    ((2, 5, 3), (3, 4, 3), {"strides": 2, "padding": "same"}),
    ((2, 4, 3), (4, 2, 3), {"strides": 3, "padding": "same", "output_padding": 1}),
    ((2, 4, 3), (3, 2, 3), {"strides": 4, "padding": "valid", "output_padding": 3}),
    ((2, 5, 3), (3, 4, 3), {"dilation_rate": 2, "padding": "same"}),
]


def _forward_of(calls: list[Call]) -> Any:
    def samples(rng: np.random.Generator) -> list[Sample]:
        made = []
        for i, (x, kernel, kwargs) in enumerate(calls):
            bias = rng.normal(size=kernel[-1]) if i % 3 else None
            activation = (None, "relu", "sigmoid")[i % 3]
            arrays = (rng.normal(size=x), rng.normal(size=kernel) / 4, bias)
            made.append(Sample(arrays, {**kwargs, "activation": activation}))
        return made

    return samples


def _transposed(rank: int) -> Any:
    """The calls of one axis with two more axes of the first size, or one, or none."""

    def samples(rng: np.random.Generator) -> list[Sample]:
        made = []
        for i, (x, kernel, kwargs) in enumerate(TRANSPOSED):
            bias = rng.normal(size=kernel[-2]) if i % 3 else None
            x = (x[0], *(x[1] - axis for axis in range(rank)), x[2])
            kernel = (*kernel[:1] * rank, *kernel[1:])
            made.append(Sample((rng.normal(size=x), rng.normal(size=kernel), bias), kwargs))
        return made

    return samples


def _volume_out(x: tuple[int, ...], kernel: tuple[int, ...], kwargs: dict[str, Any]) -> tuple[int, ...]:
    from nerve import kernels

    return kernels.conv3d(np.zeros(x), np.zeros(kernel), **kwargs).shape


def _volume_backward_input(rng: np.random.Generator) -> list[Sample]:
    n = rng.normal
    return [
        Sample((n(size=_volume_out(x, kernel, kwargs)), n(size=kernel)), {"input_shape": x, **kwargs})
        for x, kernel, kwargs in VOLUMES
    ]


def _volume_backward_kernel(rng: np.random.Generator) -> list[Sample]:
    n = rng.normal
    return [
        Sample((n(size=_volume_out(x, kernel, kwargs)), n(size=x)), {"kernel_shape": kernel, **kwargs})
        for x, kernel, kwargs in VOLUMES
    ]


_X, _K = np.zeros((2, 8, 8, 4)), np.zeros((3, 3, 4, 6))
_ERRORS = [
    BadCall((np.zeros((8, 8, 4)), _K), {}, ShapeError, r"x expects 4 dimensions .*, got shape \(8, 8, 4\)"),
    BadCall((_X, np.zeros((3, 3, 4))), {}, ShapeError, r"kernel expects 4 dimensions .*, got shape \(3, 3, 4\)"),
    BadCall(
        (_X, np.zeros((3, 3, 3, 6))),
        {},
        ShapeError,
        r"\(3, 3, 3, 6\) expects 3 input channels \(x.shape\[-1\] / groups\), got x of shape \(2, 8, 8, 4\)",
    ),
    BadCall((_X, _K), {"groups": 4}, ShapeError, "groups=4 does not divide 4 channels and 6 filters"),
    BadCall((_X, _K), {"groups": 2}, ShapeError, "expects 4 input channels .* groups=2"),
    BadCall((_X, _K), {"groups": 0}, ValueError, "groups expects integers >= 1, got 0"),
    BadCall((_X, np.zeros((0, 3, 4, 6))), {}, ShapeError, "height and width of at least 1"),
    BadCall((_X, _K, np.zeros(5)), {}, ShapeError, r"bias expects shape \(6,\), one per filter, got \(5,\)"),
    BadCall((_X, _K), {"dilation_rate": 4}, ShapeError, "9 x 9 does not fit in images of 8 x 8"),
    BadCall((np.zeros((2, 0, 8, 4)), _K), {"padding": "same"}, ShapeError, "output would be empty"),
    BadCall((_X, _K), {"strides": 0}, ValueError, "strides expects integers >= 1, got 0"),
    BadCall((_X, _K), {"strides": "2"}, ValueError, "strides expects integers, got '2'"),
    BadCall((_X, _K), {"dilation_rate": (1, -2)}, ValueError, "dilation_rate expects integers >= 1, got -2"),
    BadCall((_X, _K), {"padding": "causal"}, ValueError, 'padding expects "valid", "same"'),
    BadCall((_X, _K), {"padding": (1, 1)}, ValueError, 'padding expects "valid", "same"'),
    BadCall((_X, _K), {"padding": ((1, -1), (0, 0))}, ValueError, "padding expects integers >= 0, got -1"),
    BadCall((_X, _K), {"activation": "swish"}, ValueError, "activation expects one of"),
    BadCall((_X, _K), {"activation": ["relu"]}, ValueError, r"activation expects one of .*, got \['relu'\]"),
    BadCall((_X, _K), {"strides": 2**63}, ValueError, "strides expects integers <= 9223372036854775807"),
    BadCall((_X, _K), {"padding": 2**62}, MemoryError, r"\[empty\] cannot allocate an array of shape \(2, "),
    BadCall((_X, _K.astype(complex)), {}, DTypeError, "expects real numbers"),
]
_GRAD = np.zeros((2, 6, 5, 6))
_X3, _K3 = np.zeros((2, 4, 5, 5, 4)), np.zeros((3, 3, 3, 2, 6))
_GRAD3 = np.zeros((2, 2, 3, 2, 6))

ROWS = [
    # Sums of up to 4608 products of order 17: observed error 2e-5 in float32.
    Op("conv2d", _forward, gradient=True, tolerance=20, errors=_ERRORS),
    # Sums of up to 1440 and 4356 products of normals, of order 40 and 70: observed errors 6e-5 and 5e-5.
    Op(
        "conv2d_backward_input",
        _backward_input,
        tolerance=50,
        errors=[
            BadCall((_GRAD, _K), {"input_shape": _X.shape}, ShapeError, r"grad expects .* \(2, 6, 6, 6\)"),
            BadCall((_GRAD, _K), {"input_shape": None}, ValueError, "input_shape expects integers, got None"),
            BadCall(
                (_GRAD, _K), {"input_shape": (2, 8, -8, 4)}, ValueError, "input_shape expects integers >= 0, got -8"
            ),
        ],
    ),
    Op(
        "conv2d_backward_kernel",
        _backward_kernel,
        tolerance=40,
        errors=[
            BadCall((_GRAD, _X), {"kernel_shape": _K.shape}, ShapeError, r"grad expects .* \(2, 6, 6, 6\)"),
            BadCall((_GRAD, _X), {"kernel_shape": "3344"}, ValueError, "kernel_shape expects integers, got '3344'"),
        ],
    ),
    Op(
        "conv3d",
        _forward_of(VOLUMES),
        gradient=True,
        tolerance=20,
        errors=[
            BadCall((_X, _K3), {}, ShapeError, r"x expects 5 dimensions .*, got shape \(2, 8, 8, 4\)"),
            BadCall((_X3, _K3), {}, ShapeError, r"expects 2 input channels .* got x of shape .* groups=1"),
            BadCall((_X3, _K3), {"groups": 2, "dilation_rate": 2}, ShapeError, "5 x 5 x 5 does not fit in volumes of"),
            BadCall((_X3, _K3), {"groups": 2, "strides": (1, 2)}, ValueError, "strides expects one integer or three"),
            BadCall((_X3, _K3), {"groups": 2, "padding": 1}, ValueError, r'expects "valid", "same" or 3 pairs'),
            BadCall((_X3, _K3), {"groups": 2, "activation": "swish"}, ValueError, "activation expects one of"),
        ],
    ),
    Op(
        "conv3d_backward_input",
        _volume_backward_input,
        tolerance=40,
        errors=[
            BadCall((_GRAD3[:, :1], _K3), {"input_shape": _X3.shape, "groups": 2}, ShapeError, "the output's shape"),
            BadCall((_GRAD3, _K3), {"input_shape": _X3.shape, "groups": 2}, ShapeError, "the output's shape"),
        ],
    ),
    Op(
        "conv3d_backward_kernel",
        _volume_backward_kernel,
        tolerance=40,
        errors=[
            BadCall((_GRAD3[:, :1], _X3), {"kernel_shape": _K3.shape, "groups": 2}, ShapeError, "the output's shape"),
        ],
    ),
    Op(
        "conv1d",
        _forward_of(SEQUENCES),
        gradient=True,
        errors=[
            BadCall((_X, np.zeros((3, 4, 2))), {}, ShapeError, r"x expects 3 dimensions .*, got shape \(2, 8, 8, 4\)"),
            BadCall((_X[0], _K), {}, ShapeError, r"kernel expects 3 dimensions .*, got shape \(3, 3, 4, 6\)"),
            BadCall((_X[0], np.zeros((3, 4, 2))), {"strides": 0}, ValueError, "strides expects integers >= 1, got 0"),
        ],
    ),
    Op("conv1d_transpose", _transposed(1), gradient=True),
    Op("conv3d_transpose", _transposed(3), gradient=True),
    Op(
        "conv2d_transpose",
        _transposed(2),
        gradient=True,
        errors=[
            BadCall((_X, _K), {}, ShapeError, "expects 6 channels"),
            BadCall((_X, np.zeros((3, 3, 5, 4)), np.zeros(4)), {}, ShapeError, r"bias expects shape \(5,\)"),
            BadCall(
                (_X, np.zeros((3, 3, 5, 4))), {"padding": "causal"}, ValueError, 'padding expects "valid" or "same"'
            ),
            BadCall(
                (_X, np.zeros((3, 3, 5, 4))),
                {"strides": 2, "output_padding": 2},
                ValueError,
                r"output_padding expects less than strides=\(2, 2\), got 2",
            ),
        ],
    ),
]
