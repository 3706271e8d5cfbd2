"""Images of another size."""

from __future__ import annotations

from typing import Any

import numpy as np

from nerve.errors import DTypeError, ShapeError

from .row import BadCall, Op, Sample

INTERPOLATIONS = ("bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5", "gaussian", "mitchellcubic")
SIZES = [  # of an image, and of the result
    ((4, 5), (8, 10)),
    ((7, 6), (3, 2)),
    ((3, 40), (5, 17)),  # higher, narrower, by more than two registers of pixels of three channels
    ((9, 3), (4, 35)),
    ((6, 7), (6, 14)),  # one axis alone
    ((6, 7), (9, 7)),
    ((5, 4), (5, 4)),
    ((1, 1), (3, 2)),
    ((90, 23), (31, 9)),  # several tasks
    ((21, 16), (42, 32)),
]
CHANNELS = (1, 2, 3, 4, 5, 15, 16, 17, 33)


def _resize(rng: np.random.Generator) -> list[Sample]:
    calls = []
    for index, (have, size) in enumerate(SIZES * 2):
        for channels in CHANNELS[index % 2 :: 2]:
            batch = 3 if have[0] * channels < 100 else 1
            for interpolation in ("bilinear", "nearest", INTERPOLATIONS[index % len(INTERPOLATIONS)]):
                options: dict[str, Any] = {"size": size, "interpolation": interpolation, "antialias": index % 3 == 1}
                calls.append(Sample((rng.normal(size=(batch, *have, channels)),), options))
    calls.append(Sample((rng.normal(size=(1, 30, 600, 3)),), {"size": (60, 1200)}))  # rows of several tasks
    calls.append(Sample((np.zeros((0, 4, 4, 3)),), {"size": (2, 8)}))
    calls.append(Sample((np.zeros((2, 4, 4, 0)),), {"size": (2, 8)}))
    return calls


def _backward(rng: np.random.Generator) -> list[Sample]:
    calls = []
    for sample in _resize(rng):
        shape, options = sample.args[0].shape, dict(sample.kwargs)
        grad = rng.normal(size=(shape[0], *options.pop("size"), shape[3]))
        calls.append(Sample((grad,), {"input_shape": shape, **options}))
    return calls


def _few(rng: np.random.Generator) -> list[Sample]:
    return [sample for sample in _resize(rng) if 0 < sample.args[0].size < 300]


_X = np.zeros((2, 3, 4, 1))
_ERRORS = [
    BadCall((np.zeros((3, 4)),), {"size": (2, 2)}, ShapeError, r"expects .*, got shape \(3, 4\)"),
    BadCall((_X,), {"size": (2,)}, ValueError, "size expects"),
    BadCall((_X,), {"size": (0, 2)}, ValueError, "size expects"),
    BadCall((_X,), {"size": (2, 2), "interpolation": "linear"}, ValueError, "interpolation expects one of .*'linear'"),
    BadCall((np.zeros((2, 0, 4, 1)),), {"size": (3, 3)}, ShapeError, "images have no pixels"),
    BadCall((_X.astype(complex),), {"size": (3, 3)}, DTypeError, "expects real numbers"),
]
_GRAD_ERRORS = [
    BadCall((_X[0],), {"input_shape": (2, 3, 4, 1)}, ShapeError, "grad expects 4 dimensions"),
    BadCall((_X,), {"input_shape": (1, 3, 4, 1)}, ShapeError, r"does not fit input_shape \(1, 3, 4, 1\)"),
    BadCall((_X,), {"input_shape": (2, 3, 4, 1), "interpolation": "x"}, ValueError, "interpolation expects one of"),
]

ROWS = [
    Op("resize", _resize, errors=_ERRORS),
    Op("resize", _few, gradient=True),
    Op("resize_backward", _backward, errors=_GRAD_ERRORS),
]
