"""Batch, layer and root mean square normalization."""

from __future__ import annotations

import numpy as np

from nerve.errors import DTypeError, ShapeError

from .row import SIZES, BadCall, Op, Sample

# Narrow and wide, few rows and many: around the folding of narrow matrices, tiles and blocks of channels.
SHAPES = [
    *((7, channels) for channels in SIZES),
    *((300, channels) for channels in (1, 3, 5, 17, 63, 64, 65, 100)),
    (20_000, 1), (9000, 3), (1000, 70), (70, 600), (3, 1000), (2, 5, 6, 9), (9,), (4, 0),
]  # fmt: skip


def _training(rng: np.random.Generator) -> list[Sample]:
    n = rng.normal
    calls = [Sample((n(2, 3, size=s), n(size=s[-1]), n(size=s[-1]))) for s in SHAPES]
    return [*calls, Sample((n(size=(9, 5)), None, n(size=5))), Sample((n(size=(9, 5)),), {"epsilon": 0.1})]


def _far_from_zero(rng: np.random.Generator) -> list[Sample]:
    """Means much larger than the deviation, where sums of squares would cancel to nothing in float32.

    Of whole thousandths, more or less, whose sums are exact in float64: else the mean would be rounded up or down by
    the last bit of a sum, and be off by 2e-12.
    """
    shapes = ((40_000, 1), (5000, 6), (3001, 70), (50, 300))
    return [Sample((np.round(rng.normal(1e4, 1, size=shape) * 1024) / 1024,)) for shape in shapes] + [
        Sample((np.full((999, 3), 1234.5),))
    ]


def _inference(rng: np.random.Generator) -> list[Sample]:
    n = rng.normal
    calls = [
        Sample((n(size=s), n(size=s[-1]), rng.uniform(0.5, 2, size=s[-1]), n(size=s[-1]), n(size=s[-1])))
        for s in [*SHAPES, (0, 4)]
    ]
    return [*calls, Sample((n(size=(9, 5)), n(size=5), rng.uniform(0.5, 2, size=5)), {"epsilon": 0.1})]


def _fold(rng: np.random.Generator) -> list[Sample]:
    n = rng.normal
    calls = [
        Sample((n(size=s), n(size=s[-1]), rng.uniform(0.5, 2, size=s[-1]), *n(size=(3, s[-1]))))
        for s in [*SHAPES, (0, 4), (3, 3, 7, 20)]
    ]
    without = Sample((n(size=(9, 5)), n(size=5), rng.uniform(0.5, 2, size=5)), {"epsilon": 0.1})
    return [*calls, without, Sample((n(size=(9, 5)), n(size=5), np.ones(5), None, None, n(size=5)))]


def _backward(rng: np.random.Generator) -> list[Sample]:
    calls = []
    for shape in [*SHAPES, (0, 4)]:
        x, channels = rng.normal(2, 3, size=shape), shape[-1]
        rows = x.reshape(-1, channels) if channels and x.size else np.zeros((1, channels))
        calls.append(
            Sample((rng.normal(size=shape), x, rows.mean(axis=0), rows.var(axis=0), rng.normal(size=channels)))
        )
    without = Sample((rng.normal(size=(6, 3)), rng.normal(size=(6, 3)), np.zeros(3), np.ones(3)), {"epsilon": 0.1})
    return [*calls, without]


# Rows side by side, folded together, alone, and one on several threads.
LAYERS = [*((7, columns) for columns in SIZES), (300, 6), (40, 64), (9, 300), (70, 520), (3, 5000), (2, 70_000),
          (2000, 20), (2, 5, 6, 9), (9,), (4, 0), (0, 4)]  # fmt: skip


def _layer(rng: np.random.Generator) -> list[Sample]:
    n = rng.normal
    calls = [Sample((n(2, 3, size=s), n(size=s[-1]), n(size=s[-1]))) for s in LAYERS]
    return [*calls, Sample((n(size=(9, 5)), None, n(size=5))), Sample((n(size=(9, 50)),), {"epsilon": 0.1})]


def _layer_backward(rng: np.random.Generator) -> list[Sample]:
    calls = []
    for shape in LAYERS:
        x = rng.normal(2, 3, size=shape)
        mean, variance = (x.mean(axis=-1), x.var(axis=-1)) if shape[-1] else (np.zeros(4), np.zeros(4))
        rstd = 1 / np.sqrt(variance + 0.1)
        calls.append(Sample((rng.normal(size=shape), x, mean, rstd, rng.normal(size=shape[-1]))))
    return [*calls, Sample((rng.normal(size=(6, 3)), rng.normal(size=(6, 3)), np.zeros(6), np.ones(6)))]


def _rms(rng: np.random.Generator) -> list[Sample]:
    n = rng.normal
    calls = [Sample((n(1, 3, size=s), n(size=s[-1]))) for s in LAYERS]
    return [*calls, Sample((n(size=(9, 5)),)), Sample((n(size=(9, 50)),), {"epsilon": 0.1})]


def _rms_backward(rng: np.random.Generator) -> list[Sample]:
    calls = []
    for shape in LAYERS:
        x = rng.normal(1, 3, size=shape)
        rstd = 1 / np.sqrt((x**2).mean(axis=-1) + 0.1) if shape[-1] else np.ones(shape[:-1])
        calls.append(Sample((rng.normal(size=shape), x, rstd, rng.normal(size=shape[-1]))))
    return [*calls, Sample((rng.normal(size=(6, 3)), rng.normal(size=(6, 3)), np.ones(6)))]


# Folded lines and whole ones, several tiles, blocks of channels; a group that is cut into parts.
GROUPED = [((3, 7, 6), 2), ((2, 5, 4, 8), 8), ((2, 300, 5), 1), ((4, 12), 3), ((1, 40, 40, 64), 8), ((2, 9, 600), 4),
           ((1, 3000, 24), 2), ((0, 4, 6), 2), ((2, 0, 6), 2)]  # fmt: skip


def _group(rng: np.random.Generator) -> list[Sample]:
    n = rng.normal
    calls = [Sample((n(2, 3, size=s), n(size=s[-1]), n(size=s[-1])), {"groups": g}) for s, g in GROUPED]
    return [*calls, Sample((n(size=(2, 9, 6)),), {"groups": 3, "epsilon": 0.1})]


def _group_backward(rng: np.random.Generator) -> list[Sample]:
    n = rng.normal
    return [
        Sample((n(size=s), n(size=s), n(size=(s[0], g)), rng.uniform(0.5, 2, size=(s[0], g)), n(size=s[-1])))
        for s, g in GROUPED
    ] + [Sample((n(size=(2, 3, 4)), n(size=(2, 3, 4)), np.zeros((2, 2)), np.ones((2, 2))))]


_X, _C = np.zeros((4, 3)), np.zeros(3)
_GAMMA = BadCall((_X, np.zeros(4)), {}, ShapeError, r"gamma expects shape \(3,\) for x of shape \(4, 3\), got \(4,\)")

ROWS = [
    Op(
        "batch_norm_training",
        _training,
        gradient=True,
        errors=[
            _GAMMA,
            BadCall((_X, None, np.zeros((3, 1))), {}, ShapeError, "beta expects shape"),
            BadCall((np.float64(1),), {}, ShapeError, "at least one dimension"),
            BadCall((np.zeros((0, 3)),), {}, ShapeError, r"at least one row .*\(0, 3\)"),
            BadCall((_X,), {"epsilon": -1.0}, ValueError, "epsilon expects a number >= 0, got -1.0"),
            BadCall((_X,), {"epsilon": "small"}, ValueError, "epsilon expects a number, got 'small'"),
            BadCall((np.array([["a"]]),), {}, DTypeError, "expects real numbers"),
        ],
    ),
    Op("batch_norm_training", _far_from_zero),
    Op(
        "batch_norm_inference",
        _inference,
        gradient=True,
        errors=[
            BadCall((_X, np.zeros(2), _C), {}, ShapeError, r"mean expects shape \(3,\)"),
            BadCall((_X, _C, np.zeros(2)), {}, ShapeError, r"variance expects shape \(3,\)"),
        ],
    ),
    Op(
        "fold_batch_norm",
        _fold,
        gradient=True,
        errors=[
            BadCall((_X, np.zeros(2), _C), {}, ShapeError, r"mean expects shape \(3,\)"),
            BadCall((_X, _C, _C, None, None, np.zeros(2)), {}, ShapeError, r"bias expects shape \(3,\)"),
            BadCall((_X, _C, _C), {"epsilon": -1.0}, ValueError, "epsilon expects a number >= 0, got -1.0"),
        ],
    ),
    # grad_gamma sums up to 20,000 terms: it is of order 100, observed error 3e-5 in float32.
    Op(
        "batch_norm_backward",
        _backward,
        tolerance=15,
        errors=[BadCall((np.zeros((4, 2)), _X, _C, _C), {}, ShapeError, r"grad expects the shape of x, \(4, 3\)")],
    ),
    Op(
        "layer_norm",
        _layer,
        gradient=True,
        tolerance=10,  # of its gradients, sums over all rows: observed error 4.3e-13 in float64
        errors=[
            _GAMMA,
            BadCall((_X, None, np.zeros((3, 1))), {}, ShapeError, "beta expects shape"),
            BadCall((np.float64(1),), {}, ShapeError, "at least one dimension"),
            BadCall((_X,), {"epsilon": -1.0}, ValueError, "epsilon expects a number >= 0, got -1.0"),
        ],
    ),
    Op("layer_norm_with_statistics", _layer, errors=[_GAMMA]),
    # grad_gamma sums up to 2,000 terms: it is of order 70, observed error 4.6e-5 in float32.
    Op(
        "layer_norm_backward",
        _layer_backward,
        tolerance=40,
        errors=[
            BadCall((np.zeros((4, 2)), _X, np.zeros(4), np.zeros(4)), {}, ShapeError, r"grad expects .*\(4, 3\)"),
            BadCall((_X, _X, np.zeros(3), np.zeros(4)), {}, ShapeError, r"mean expects shape \(4,\)"),
            BadCall((_X, _X, np.zeros(4), np.zeros(3)), {}, ShapeError, r"rstd expects shape \(4,\)"),
        ],
    ),
    Op(
        "rms_norm",
        _rms,
        gradient=True,
        tolerance=10,  # as for layer_norm
        errors=[
            _GAMMA,
            BadCall((np.float64(1),), {}, ShapeError, "at least one dimension"),
            BadCall((_X,), {"epsilon": -1.0}, ValueError, "epsilon expects a number >= 0, got -1.0"),
        ],
    ),
    Op("rms_norm_with_statistics", _rms, errors=[_GAMMA]),
    Op(
        "rms_norm_backward",
        _rms_backward,
        tolerance=40,  # as for layer_norm_backward
        errors=[
            BadCall((np.zeros((4, 2)), _X, np.zeros(4)), {}, ShapeError, r"grad expects .*\(4, 3\)"),
            BadCall((_X, _X, np.zeros(3)), {}, ShapeError, r"rstd expects shape \(4,\)"),
        ],
    ),
    Op(
        "group_norm",
        _group,
        gradient=True,
        tolerance=10,
        errors=[
            BadCall((_X, np.zeros(4)), {"groups": 1}, ShapeError, r"gamma expects shape \(3,\)"),
            BadCall((_X,), {"groups": 2}, ShapeError, r"that 2 groups divide, got shape \(4, 3\)"),
            BadCall((_X,), {"groups": 1, "epsilon": -1.0}, ValueError, "epsilon expects a number >= 0, got -1.0"),
        ],
    ),
    # grad_gamma sums up to 1,600 terms.
    Op(
        "group_norm_backward",
        _group_backward,
        tolerance=40,
        errors=[
            BadCall((_X, _X, np.zeros(4), np.zeros(4)), {}, ShapeError, r"expect shape \(batch, groups\)"),
            BadCall((np.zeros((4, 2)), _X, _X[:, :1], _X[:, :1]), {}, ShapeError, r"grad expects .*\(4, 3\)"),
        ],
    ),
]
