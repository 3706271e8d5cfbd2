"""Optimizer steps: parameters and slots are compared after a step in place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nerve.errors import DTypeError, ShapeError

from .row import SIZES, BadCall, Op, Sample

_ADAM = {"learning_rate": 0.1, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7, "step": 3}
_NADAM = {**_ADAM, "momentum_now": 0.88, "momentum_next": 0.89, "product_now": 0.6}


def _samples(slots: str, **settings: Any) -> Callable[[np.random.Generator], list[Sample]]:
    """Calls with the slot arrays drawn as ``slots`` says: "+" positive, "0" any, "-" left out."""

    def draw(rng: np.random.Generator, shapes: list[tuple[int, ...]]) -> tuple[Any, ...]:
        lists: list[Any] = [[rng.normal(size=shape) for shape in shapes] for _ in range(2)]
        for kind in slots:
            values = [rng.normal(size=shape) for shape in shapes]
            lists.append(None if kind == "-" else [np.abs(v) + 1 if kind == "+" else 0.1 * v for v in values])
        return tuple(lists)

    def samples(rng: np.random.Generator) -> list[Sample]:
        shapes: list[list[tuple[int, ...]]] = [[(n,)] for n in SIZES]
        # Many small ones, empty ones between, one that spans blocks, and none at all.
        shapes += [[(3, 3, 1, 6), (6,), (0,), (), (40, 500), (0, 2), (7,)], []]
        calls = [Sample(draw(rng, each), dict(settings)) for each in shapes]
        return [*calls, Sample(draw(rng, [(33,)]), {**settings, "weight_decay": 0.01})]

    return samples


def change(lists: tuple[list[np.ndarray], ...], function: Any) -> tuple[list[np.ndarray], ...]:
    return tuple([function(array) for array in arrays] for arrays in lists)


def _bad(slots: int, settings: dict[str, Any]) -> list[BadCall]:
    """The errors every step has."""

    def lists(**changed: Any) -> tuple[list[np.ndarray], ...]:
        made = [[np.ones(3), np.ones((2, 2))] for _ in range(2 + slots)]
        for place, array in changed.items():
            made[int(place[1:])][1] = array
        return tuple(made)

    read_only = np.ones((2, 2))
    read_only.flags.writeable = False
    last = f"_{1 + slots}"
    short = lists()
    short[1].pop()
    twice = lists()
    twice[0][0] = twice[0][1] = np.ones((2, 2))
    for arrays in twice[1:]:
        arrays[0] = np.ones((2, 2))
    views = lists()
    buffer = np.ones(6)
    views[0][:] = buffer[:3], buffer[2:].reshape(2, 2)
    return [
        BadCall(
            lists(), {**settings, "learning_rate": -0.1}, ValueError, "learning_rate must be finite and not negative"
        ),
        BadCall(lists(), {**settings, "learning_rate": float("nan")}, ValueError, "learning_rate must be finite"),
        BadCall(
            lists(), {**settings, "weight_decay": -1.0}, ValueError, "weight_decay must be finite and not negative"
        ),
        BadCall(short, settings, ShapeError, "as many gradients as parameters, 2, got 1"),
        BadCall(
            lists(_1=np.ones(4)), settings, ShapeError, r"parameter 1 has shape \(2, 2\), but gradients\[1\] \(4,\)"
        ),
        BadCall(lists(_1=np.ones((2, 2), np.float32)), settings, DTypeError, "at position 1 of gradients, float32"),
        BadCall(lists(_0=read_only), settings, ValueError, r"writeable arrays, parameters\[1\] is not"),
        BadCall(
            lists(**{last: np.ones((2, 4))[:, ::2]}), settings, ValueError, r"C-contiguous, writeable arrays, \w+\[1\]"
        )
        if slots
        else BadCall(lists(_0=np.ones((2, 4))[:, ::2]), settings, ValueError, r"parameters\[1\] is not"),
        BadCall(twice, settings, ValueError, r"parameters\[0\] and parameters\[1\] share memory"),
        BadCall(views, settings, ValueError, r"parameters\[0\] and parameters\[1\] share memory"),
        BadCall(change(lists(), lambda x: x.astype(">f8")), settings, DTypeError, "got >f8 and, at position 0"),
        BadCall(change(lists(), np.longdouble), settings, DTypeError, "float32 or float64, got"),
        BadCall(
            (*lists()[:1], None, *lists()[2:]), settings, DTypeError, "a list of arrays as gradients, got NoneType"
        ),
        BadCall(
            lists(), {**settings, "learning_rate": "fast"}, ValueError, "learning_rate expects a number, got 'fast'"
        ),
        BadCall(([[1.0]], [[1.0]], *([[1.0]] for _ in range(slots))), settings, DTypeError, "expects arrays, got list"),
    ]


_SGD = {"learning_rate": 0.1}
_RMSPROP = {"learning_rate": 0.1, "rho": 0.9, "epsilon": 1e-7, "momentum": 0.0}
_ADADELTA = {"learning_rate": 0.1, "rho": 0.95, "epsilon": 1e-7}
_LION = {"learning_rate": 0.1, "beta_1": 0.9, "beta_2": 0.99}
_FTRL = {"learning_rate": 0.1, "l1": 0.05, "l2": 0.02, "l2_shrinkage": 0.01, "beta": 0.3}
_POWER = BadCall(([], [], [], []), {**_FTRL, "learning_rate_power": 0.5}, ValueError, "must be at most 0, got 0.5")
_FRACTION = BadCall(([], []), {"momentum": 1.5}, ValueError, r"momentum must be in \[0, 1\], got 1.5")


def _averages(rng: np.random.Generator) -> list[Sample]:
    """Averages that move a little, not at all and altogether."""
    drawn = [sample for sample in _samples("")(rng) if "weight_decay" not in sample.kwargs]
    return [Sample(drawn[i].args, {"momentum": momentum}) for i in range(len(drawn)) for momentum in (0.9, 0.0, 1.0)]


_STEP_0 = BadCall(([], [], [], []), {**_ADAM, "step": 0}, ValueError, "step expects integers >= 1, got 0")
_BETA = BadCall(([], [], [], []), {**_ADAM, "beta_1": 1.0}, ValueError, r"beta_1 must be in \[0, 1\), got 1.0")

ROWS = [
    Op("sgd_step", _samples("-", **_SGD), in_place=(0,), errors=_bad(0, _SGD)),
    Op(
        "sgd_step",
        _samples("0", momentum=0.9, **_SGD),
        in_place=(0, 2),
        errors=[
            *_bad(1, {"momentum": 0.9, **_SGD}),
            BadCall(([], []), {"momentum": 0.9, **_SGD}, ValueError, "need momenta"),
            BadCall(([], [], []), {"momentum": 1.5, **_SGD}, ValueError, r"momentum must be in \[0, 1\], got 1.5"),
        ],
    ),
    Op("sgd_step", _samples("0", momentum=0.9, nesterov=True, **_SGD), in_place=(0, 2)),
    Op(
        "adagrad_step",
        _samples("+", learning_rate=0.1, epsilon=1e-7),
        in_place=(0, 2),
        errors=_bad(1, {"learning_rate": 0.1, "epsilon": 1e-7}),
    ),
    Op("rmsprop_step", _samples("+", **_RMSPROP), in_place=(0, 2), errors=_bad(1, _RMSPROP)),
    Op("rmsprop_step", _samples("+0", **{**_RMSPROP, "momentum": 0.9}), in_place=(0, 2, 3)),
    Op("rmsprop_step", _samples("+-0", **_RMSPROP), in_place=(0, 2, 4)),
    Op(
        "rmsprop_step",
        _samples("+00", **{**_RMSPROP, "momentum": 0.9}),
        in_place=(0, 2, 3, 4),
        errors=[
            *_bad(3, {**_RMSPROP, "momentum": 0.9}),
            BadCall(([], [], []), {**_RMSPROP, "momentum": 0.9}, ValueError, "needs momenta"),
        ],
    ),
    Op("adadelta_step", _samples("++", **_ADADELTA), in_place=(0, 2, 3), errors=_bad(2, _ADADELTA)),
    Op("adam_step", _samples("0+", **_ADAM), in_place=(0, 2, 3), errors=[*_bad(2, _ADAM), _STEP_0, _BETA]),
    Op("adam_step", _samples("0++", **_ADAM), in_place=(0, 2, 3, 4), errors=_bad(3, _ADAM)),
    Op("adamax_step", _samples("0+", **_ADAM), in_place=(0, 2, 3), errors=[*_bad(2, _ADAM), _STEP_0, _BETA]),
    Op("lion_step", _samples("0", **_LION), in_place=(0, 2), errors=_bad(1, _LION)),
    # The difference of two roots is divided by the learning rate: 1e-5 was observed.
    Op("ftrl_step", _samples("+0", **_FTRL), in_place=(0, 2, 3), errors=[*_bad(2, _FTRL), _POWER], tolerance=20.0),
    Op("ftrl_step", _samples("+0", **{**_FTRL, "learning_rate_power": -0.7}), in_place=(0, 2, 3), tolerance=20.0),
    Op(
        "schedule_free_adamw_step",
        _samples("0+", **_ADAM),
        in_place=(0, 2, 3),
        errors=[
            *_bad(2, _ADAM),
            _STEP_0,
            BadCall(([], [], [], []), {**_ADAM, "beta_1": 0.0}, ValueError, "beta_1 must not be 0"),
        ],
    ),
    Op("moving_average_step", _averages, in_place=(0,), errors=[_FRACTION]),
    Op("nadam_step", _samples("0+", **_NADAM), in_place=(0, 2, 3), errors=_bad(2, _NADAM)),
]
