"""Optimizers: their formulas transcribed to float64 NumPy, clipping, decay, schedules, state and errors."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import nerve
from nerve import Variable, kernels, optimizers
from nerve.errors import ShapeError
from nerve.optimizers import schedules

SHAPES = [(5, 3), (), (0,), (17,)]
STEPS = 7
RATE = 0.05


# Each gives (the parameter after STEPS steps) for one parameter p and its gradients gs, after Keras 3's documented
# formulas. s is the state, a dict that starts empty.
def sgd(p, g, s, t, momentum=0.0, nesterov=False):
    s["m"] = momentum * s.get("m", 0.0) - RATE * g
    return p + (momentum * s["m"] - RATE * g if nesterov else s["m"])


def adagrad(p, g, s, t, start=0.1, epsilon=1e-7):
    s["a"] = s.get("a", start) + g**2
    return p - RATE * g / np.sqrt(s["a"] + epsilon)


def rmsprop(p, g, s, t, rho=0.9, momentum=0.0, epsilon=1e-7, centered=False):
    s["v"] = rho * s.get("v", 0.0) + (1 - rho) * g**2
    s["a"] = rho * s.get("a", 0.0) + (1 - rho) * g
    increment = RATE * g / np.sqrt(s["v"] - (s["a"] ** 2 if centered else 0.0) + epsilon)
    s["m"] = momentum * s.get("m", 0.0) + increment
    return p - s["m"]


def adadelta(p, g, s, t, rho=0.95, epsilon=1e-7):
    s["a"] = rho * s.get("a", 0.0) + (1 - rho) * g**2
    delta = -np.sqrt(s.get("d", 0.0) + epsilon) / np.sqrt(s["a"] + epsilon) * g
    s["d"] = rho * s.get("d", 0.0) + (1 - rho) * delta**2
    return p + RATE * delta


def adam(p, g, s, t, beta_1=0.9, beta_2=0.999, epsilon=1e-7, amsgrad=False):
    rate = RATE * np.sqrt(1 - beta_2**t) / (1 - beta_1**t)
    s["m"] = beta_1 * s.get("m", 0.0) + (1 - beta_1) * g
    s["v"] = beta_2 * s.get("v", 0.0) + (1 - beta_2) * g**2
    s["x"] = np.maximum(s.get("x", 0.0), s["v"])
    return p - rate * s["m"] / (np.sqrt(s["x"] if amsgrad else s["v"]) + epsilon)


def adamax(p, g, s, t, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    s["m"] = beta_1 * s.get("m", 0.0) + (1 - beta_1) * g
    s["u"] = np.maximum(beta_2 * s.get("u", 0.0), np.abs(g))
    return p - RATE * s["m"] / ((1 - beta_1**t) * (s["u"] + epsilon))


def nadam(p, g, s, t, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    now, following = (beta_1 * (1 - 0.5 * 0.96**i) for i in (t, t + 1))
    s["u"] = s.get("u", 1.0) * now
    s["m"] = beta_1 * s.get("m", 0.0) + (1 - beta_1) * g
    s["v"] = beta_2 * s.get("v", 0.0) + (1 - beta_2) * g**2
    mean = following * s["m"] / (1 - s["u"] * following) + (1 - now) * g / (1 - s["u"])
    return p - RATE * mean / (np.sqrt(s["v"] / (1 - beta_2**t)) + epsilon)


def lion(p, g, s, t, beta_1=0.9, beta_2=0.99):
    m = s.get("m", 0.0)
    s["m"] = beta_2 * m + (1 - beta_2) * g
    return p - RATE * np.sign(beta_1 * m + (1 - beta_1) * g)


def ftrl(p, g, s, t, q=0.5, start=0.1, l1=0.0, l2=0.0, shrinkage=0.0, beta=0.0):
    before = s.get("a", start)
    s["a"] = before + g**2
    s["z"] = s.get("z", 0.0) + g + 2 * shrinkage * p - (s["a"] ** q - before**q) / RATE * p
    return (np.clip(s["z"], -l1, l1) - s["z"]) / (s["a"] ** q / RATE + 2 * (l2 + beta / (2 * RATE)))


def lamb(p, g, s, t, beta_1=0.9, beta_2=0.999, epsilon=1e-7):
    s["m"] = beta_1 * s.get("m", 0.0) + (1 - beta_1) * g
    s["v"] = beta_2 * s.get("v", 0.0) + (1 - beta_2) * g**2
    u = s["m"] / (1 - beta_1**t) / (np.sqrt(s["v"] / (1 - beta_2**t)) + epsilon)
    weights, change = np.sqrt((p**2).sum()), np.sqrt((u**2).sum())
    return p - RATE * (weights / change if weights > 0 and change > 0 else 1.0) * u


def adafactor(p, g, s, t, decay=-0.8, epsilon_1=1e-30, epsilon_2=1e-3, threshold=1.0):
    if not p.size:
        return p
    keep, square = 1 - t**decay, g**2 + epsilon_1
    if p.ndim < 2:
        v = s["v"] = keep * s.get("v", 0.0) + (1 - keep) * square
    else:
        s["r"] = keep * s.get("r", 0.0) + (1 - keep) * square.mean(-1)
        s["c"] = keep * s.get("c", 0.0) + (1 - keep) * square.mean(-2)
        v = (s["r"] / s["r"].mean(-1, keepdims=True))[..., None] * s["c"][..., None, :]
    u = g / np.sqrt(v)
    u = u / max(1.0, np.sqrt((u**2).mean()) / threshold)
    return p - max(epsilon_2, np.sqrt((p**2).mean())) * min(RATE, t**-0.5) * u


def muon(p, g, s, t, momentum=0.95, nesterov=True, rate=0.2):
    if p.ndim != 2:
        return adam(p, g, s, t)
    s["m"] = momentum * s.get("m", 0.0) + g
    x = g + momentum * s["m"] if nesterov else s["m"]
    x = x.T if x.shape[0] > x.shape[1] else x
    x = x / (np.sqrt((x**2).sum()) + 1e-7)
    for _ in range(5):
        a = x @ x.T
        x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
    x = x.T if p.shape[0] > p.shape[1] else x
    return p - RATE * x * (1.0 if rate is None else rate * max(p.shape) ** 0.5)


def schedule_free(p, g, s, t, beta_1=0.9, beta_2=0.999, epsilon=1e-8, warmup=0):
    z = s.get("z", s["start"])
    x = (p - (1 - beta_1) * z) / beta_1
    s["v"] = beta_2 * s.get("v", 0.0) + (1 - beta_2) * g**2
    rate = RATE * (min(t / warmup, 1.0) if warmup else 1.0)
    s["z"] = z - rate * g / (np.sqrt(s["v"] / (1 - beta_2**t)) + epsilon)
    x = (1 - 1 / t) * x + s["z"] / t
    return (1 - beta_1) * s["z"] + beta_1 * x


CASES = [
    (optimizers.SGD, {}, sgd, {}),
    (optimizers.SGD, {"momentum": 0.9}, sgd, {"momentum": 0.9}),
    (optimizers.SGD, {"momentum": 0.9, "nesterov": True}, sgd, {"momentum": 0.9, "nesterov": True}),
    (optimizers.Adagrad, {"initial_accumulator_value": 0.3}, adagrad, {"start": 0.3}),
    (optimizers.RMSprop, {}, rmsprop, {}),
    (optimizers.RMSprop, {"momentum": 0.5, "centered": True}, rmsprop, {"momentum": 0.5, "centered": True}),
    (optimizers.Adadelta, {"epsilon": 1e-3}, adadelta, {"epsilon": 1e-3}),
    (optimizers.Adam, {"beta_1": 0.8, "beta_2": 0.95}, adam, {"beta_1": 0.8, "beta_2": 0.95}),
    (optimizers.Adam, {"amsgrad": True}, adam, {"amsgrad": True}),
    (optimizers.AdamW, {"weight_decay": 0.0}, adam, {}),
    (optimizers.Adamax, {}, adamax, {}),
    (optimizers.Nadam, {}, nadam, {}),
    (optimizers.Lion, {"beta_2": 0.95}, lion, {"beta_2": 0.95}),
    (optimizers.Ftrl, {}, ftrl, {}),
    (
        optimizers.Ftrl,
        {
            "learning_rate_power": -0.7,
            "initial_accumulator_value": 0.3,
            "l1_regularization_strength": 0.4,
            "l2_regularization_strength": 0.2,
            "l2_shrinkage_regularization_strength": 0.1,
            "beta": 0.5,
        },
        ftrl,
        {"q": 0.7, "start": 0.3, "l1": 0.4, "l2": 0.2, "shrinkage": 0.1, "beta": 0.5},
    ),
    (optimizers.Lamb, {}, lamb, {}),
    (optimizers.Adafactor, {"clip_threshold": 0.8}, adafactor, {"threshold": 0.8}),
    (optimizers.Muon, {"weight_decay": None, "adam_weight_decay": None}, muon, {}),
    (
        optimizers.Muon,
        {"weight_decay": None, "adam_weight_decay": None, "nesterov": False, "rms_rate": None},
        muon,
        {"nesterov": False, "rate": None},
    ),
    (optimizers.ScheduleFreeAdamW, {"warmup_steps": 4}, schedule_free, {"warmup": 4}),
]
IDS = [f"{cls.__name__}-{i}" for i, (cls, *_) in enumerate(CASES)]


def make_variables(dtype="float64", shapes=SHAPES):
    rng = np.random.default_rng(1)
    return [Variable(rng.normal(size=shape).astype(dtype), name=f"layer/{i}") for i, shape in enumerate(shapes)]


def make_gradients(dtype="float64", shapes=SHAPES, steps=STEPS):
    rng = np.random.default_rng(2)
    return [[np.asarray(rng.normal(size=shape), dtype) for shape in shapes] for _ in range(steps)]


def expected(formula, arguments, gradients, decay=0.0):
    parameters = [v.numpy().astype(float) for v in make_variables()]
    states = [{"start": p.copy()} for p in parameters]
    for t, step in enumerate(gradients, start=1):
        for i, g in enumerate(step):
            parameters[i] = formula(parameters[i] * (1 - RATE * decay), g.astype(float), states[i], t, **arguments)
    return parameters


@pytest.mark.parametrize("backend", ["native", "reference"])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-11), ("float32", 2e-5)])
@pytest.mark.parametrize(("cls", "options", "formula", "arguments"), CASES, ids=IDS)
def test_steps_follow_the_formula(cls, options, formula, arguments, dtype, tolerance, backend):
    optimizer = cls(learning_rate=RATE, **options)
    variables = make_variables(dtype)
    storage = [variable.array for variable in variables]
    gradients = make_gradients(dtype)
    before = [[g.copy() for g in step] for step in gradients]
    with nerve.backend(backend):
        for step in gradients:
            optimizer.apply(step, variables)
    assert optimizer.iterations == STEPS
    for variable, array, want in zip(variables, storage, expected(formula, arguments, gradients), strict=True):
        assert variable.array is array
        assert variable.dtype == dtype
        np.testing.assert_allclose(variable.numpy(), want, rtol=tolerance, atol=tolerance)
    for got, want in zip(gradients, before, strict=True):
        assert all(np.array_equal(g, w) for g, w in zip(got, want, strict=True))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_arrays_may_begin_anywhere(dtype):
    """Off the registers' boundaries, and each of them elsewhere: the bits of short pieces, and nothing beside them."""
    drawn = np.abs(np.random.default_rng(3).normal(size=(4, 20_000))).astype(dtype)
    settings = {"learning_rate": 0.1, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7, "step": 3, "weight_decay": 0.01}
    expected = drawn.copy()
    kernels.adam_step(*(np.split(array, 400) for array in expected), **settings)
    for offset in range(16):
        buffers = [np.full(20_050, 7, dtype) for _ in drawn]
        found = [buffer[place : place + 20_000] for buffer, place in zip(buffers, (offset, 1, 6, 16), strict=True)]
        for array, values in zip(found, drawn, strict=True):
            array[:] = values
        kernels.adam_step(*([array] for array in found), **settings)
        np.testing.assert_array_equal(found, expected)
        for array in found:
            array[:] = 7
        np.testing.assert_array_equal(buffers, 7)


@pytest.mark.parametrize(("cls", "options", "formula", "arguments"), CASES, ids=IDS)
def test_weight_decay_is_decoupled(cls, options, formula, arguments):
    decays = dict.fromkeys(("weight_decay", *[name for name in options if name.endswith("weight_decay")]), 0.1)
    optimizer = cls(learning_rate=RATE, **{**options, **decays})
    variables, gradients = make_variables(), make_gradients()
    for step in gradients:
        optimizer.apply_gradients(zip(step, variables, strict=True))
    for variable, want in zip(variables, expected(formula, arguments, gradients, decay=0.1), strict=True):
        np.testing.assert_allclose(variable.numpy(), want, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("by", ["list", "names", "names before building"])
def test_excluded_variables_do_not_decay(by):
    variables, gradients = make_variables(), make_gradients()
    optimizer = optimizers.AdamW(RATE, weight_decay=0.1)
    if by == "names before building":
        optimizer.exclude_from_weight_decay(var_names=["/0", "/2"])
    optimizer.build(variables)
    if by == "list":
        optimizer.exclude_from_weight_decay(var_list=[variables[0], variables[2]])
    elif by == "names":
        optimizer.exclude_from_weight_decay(var_names=["/[02]$"])
    for step in gradients:
        optimizer.apply(step)
    plain, decayed = expected(adam, {}, gradients), expected(adam, {}, gradients, decay=0.1)
    for i, variable in enumerate(variables):
        np.testing.assert_allclose(variable.numpy(), (plain if i in (0, 2) else decayed)[i], rtol=1e-11, atol=1e-11)


def test_variables_of_both_dtypes_in_one_step():
    mixed = [*make_variables("float32")[:2], *make_variables("float64")[2:]]
    optimizer = optimizers.Nadam(RATE)
    for step in make_gradients():
        optimizer.apply(step, mixed)
    for variable, want in zip(mixed, expected(nadam, {}, make_gradients()), strict=True):
        np.testing.assert_allclose(variable.numpy(), want, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize(
    ("options", "clip"),
    [
        ({"clipvalue": 0.3}, lambda gs: [np.clip(g, -0.3, 0.3) for g in gs]),
        ({"clipnorm": 0.5}, lambda gs: [g * min(1.0, 0.5 / max(np.linalg.norm(g), 1e-300)) for g in gs]),
        (
            {"global_clipnorm": 2.0},
            lambda gs: [g * min(1.0, 2.0 / np.sqrt(sum((h**2).sum() for h in gs))) for g in gs],
        ),
    ],
)
def test_clipping(options, clip):
    variables, gradients = make_variables(), make_gradients()
    gradients[1] = [g * 0.01 for g in gradients[1]]  # short enough to stay as it is
    optimizer = optimizers.SGD(RATE, **options)
    for step in gradients:
        optimizer.apply(step, variables)
    for variable, want in zip(variables, expected(sgd, {}, [clip(step) for step in gradients]), strict=True):
        np.testing.assert_allclose(variable.numpy(), want, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("cls", "options", "formula", "arguments"), CASES, ids=IDS)
def test_going_on_from_a_saved_state_is_exact(cls, options, formula, arguments):
    gradients = make_gradients()
    whole, variables = cls(learning_rate=RATE, **options), make_variables()
    for step in gradients:
        whole.apply(step, variables)
    first, halfway = cls(learning_rate=RATE, **options), make_variables()
    for step in gradients[:3]:
        first.apply(step, halfway)
    second = optimizers.get({"class_name": cls.__name__, "config": first.get_config()})
    assert second.get_config() == first.get_config()
    second.build(halfway)
    second.load_state({key: value.copy() for key, value in first.state().items()})
    for step in gradients[3:]:
        second.apply(step)
    assert second.iterations == STEPS
    for got, want in zip(halfway, variables, strict=True):
        assert np.array_equal(got.numpy(), want.numpy())


def test_state_of_another_optimizer_is_refused_and_changes_nothing():
    optimizer = optimizers.Adam(RATE)
    variables = make_variables()
    optimizer.apply(make_gradients()[0], variables)
    before = {key: value.copy() for key, value in optimizer.state().items()}
    for key, wrong, error in [
        ("momentum/0", np.zeros((5, 4)), ShapeError),
        ("learning_rate", np.float64(-1.0), ValueError),
    ]:
        with pytest.raises(error):
            optimizer.load_state({**before, "iterations": np.int64(9), key: wrong})
        assert all(np.array_equal(value, before[name]) for name, value in optimizer.state().items())
    other = optimizers.Adam(RATE, amsgrad=True)
    other.build(variables)
    with pytest.raises(ValueError, match="'max_velocity/0' is missing"):
        other.load_state(before)


def test_learning_rate_can_be_set_and_may_follow_the_step():
    variable = Variable(np.array([0.0]))
    optimizer = optimizers.SGD(0.5)
    optimizer.apply([[1.0]], [variable])
    optimizer.learning_rate = 0.25
    optimizer.apply([[1.0]])
    assert variable.numpy() == pytest.approx([-0.75])
    scheduled = optimizers.SGD(lambda step: [1.0, 10.0, 100.0][step])
    scheduled.apply([[1.0]], [variable])
    assert scheduled.learning_rate == 10.0
    scheduled.apply([[1.0]])
    assert variable.numpy() == pytest.approx([-11.75])
    with pytest.raises(TypeError, match="follows a schedule"):
        scheduled.learning_rate = 0.1
    with pytest.raises(ValueError, match="cannot be saved"):
        scheduled.get_config()


def test_schedules():
    exponential = schedules.ExponentialDecay(1.0, 10, 0.5)
    assert [exponential(s) for s in (0, 5, 20)] == pytest.approx([1.0, 0.5**0.5, 0.25])
    stairs = schedules.ExponentialDecay(1.0, 10, 0.5, staircase=True)
    assert [stairs(s) for s in (0, 9, 10, 29)] == [1.0, 1.0, 0.5, 0.25]
    pieces = schedules.PiecewiseConstantDecay([10, 20], [1.0, 0.5, 0.1])
    assert [pieces(s) for s in (0, 10, 11, 20, 21)] == [1.0, 1.0, 0.5, 0.5, 0.1]
    cosine = schedules.CosineDecay(1.0, 100, alpha=0.1)
    assert [cosine(s) for s in (0, 50, 100, 200)] == pytest.approx([1.0, 0.55, 0.1, 0.1])
    warm = schedules.CosineDecay(0.0, 100, warmup_target=2.0, warmup_steps=10)
    assert [warm(s) for s in (0, 5, 10, 60, 110)] == pytest.approx([0.0, 1.0, 2.0, 1.0, 0.0])
    inverse = schedules.InverseTimeDecay(1.0, 10, 0.5)
    assert [inverse(s) for s in (0, 10, 15)] == pytest.approx([1.0, 1 / 1.5, 1 / 1.75])
    power = schedules.PolynomialDecay(1.0, 10, end_learning_rate=0.2, power=2.0)
    assert [power(s) for s in (0, 5, 10, 99)] == pytest.approx([1.0, 0.4, 0.2, 0.2])
    cycle = schedules.PolynomialDecay(1.0, 10, end_learning_rate=0.0, cycle=True)
    assert [cycle(s) for s in (0, 10, 15, 20)] == pytest.approx([1.0, 0.0, 0.25, 0.0])
    restarts = schedules.CosineDecayRestarts(1.0, 10, t_mul=2.0, m_mul=0.5)
    assert [restarts(s) for s in (0, 5, 10, 20, 30)] == pytest.approx([1.0, 0.5, 0.5, 0.25, 0.25])
    again = schedules.CosineDecayRestarts(1.0, 10, t_mul=1.0)
    assert [again(s) for s in (9, 10, 1000005)] == pytest.approx([0.5 + 0.5 * np.cos(0.9 * np.pi), 1.0, 0.5])
    with pytest.raises(ValueError, match=r"\[CosineDecayRestarts\] t_mul must be at least 1, got 0.5"):
        schedules.CosineDecayRestarts(1.0, 10, t_mul=0.5)


@pytest.mark.parametrize(
    "schedule",
    [
        schedules.ExponentialDecay(1.0, 10, 0.5, staircase=True),
        schedules.PiecewiseConstantDecay([1], [0.1, 0.2]),
        schedules.CosineDecay(0.1, 10, warmup_target=0.2, warmup_steps=3),
    ],
)
def test_an_optimizer_with_a_schedule_survives_its_config(schedule):
    optimizer = optimizers.Adam(schedule)
    again = optimizers.Adam.from_config(optimizer.get_config())
    again.iterations = optimizer.iterations = 2
    assert again.get_config() == optimizer.get_config()
    assert again.learning_rate == schedule(2)
    assert "learning_rate" not in again.state()


def test_a_missing_gradient_leaves_its_variable_alone():
    variables = make_variables()
    before = [v.numpy().copy() for v in variables]
    gradients = make_gradients()[0]
    gradients[3] = None
    with pytest.warns(UserWarning, match=r"no gradient for layer/3"):
        optimizers.SGD(RATE).apply(gradients, variables)
    assert np.array_equal(variables[3].numpy(), before[3])
    assert not np.array_equal(variables[0].numpy(), before[0])


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (lambda gs: [*gs[:3], np.ones((3, 5))], ShapeError, r"'layer/3' has shape \(17,\), its gradient \(3, 5\)"),
        (lambda gs: [*gs[:1], np.ones(1), *gs[2:]], ShapeError, r"'layer/1' has shape \(\), its gradient \(1,\)"),
        (lambda gs: gs[:3], ValueError, "got 3 gradients for 4 variables"),
        (lambda gs: [None] * 4, ValueError, "no variable has a gradient"),
    ],
)
def test_bad_gradients_change_nothing(wrong, error, message):
    optimizer, variables = optimizers.Nadam(RATE), make_variables()
    optimizer.apply(make_gradients()[0], variables)
    before = [v.numpy().copy() for v in variables]
    state = {key: value.copy() for key, value in optimizer.state().items()}
    with pytest.raises(error, match=message):
        optimizer.apply(wrong(make_gradients()[1]), variables)
    assert all(np.array_equal(v.numpy(), b) for v, b in zip(variables, before, strict=True))
    assert all(np.array_equal(value, state[key]) for key, value in optimizer.state().items())


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: optimizers.SGD(-0.1), ValueError, "learning_rate must be finite and not negative, got -0.1"),
        (lambda: optimizers.SGD(np.nan), ValueError, "learning_rate must be finite"),
        (lambda: optimizers.SGD("0.1"), TypeError, "learning_rate must be a number or a callable"),
        (lambda: optimizers.SGD(momentum=2.0), ValueError, "momentum must be in .* got 2.0"),
        (lambda: optimizers.Adam(beta_2=1.0), ValueError, "beta_2 must be in .* got 1.0"),
        (lambda: optimizers.Adam(beta_1="0.9"), ValueError, r"\[adam\] beta_1 expects a number, got '0.9'"),
        (lambda: optimizers.SGD(momentum=None), ValueError, r"\[sgd\] momentum expects a number, got None"),
        (lambda: optimizers.Adam(clipnorm="a"), ValueError, r"\[adam\] clipnorm expects a number, got 'a'"),
        (lambda: schedules.CosineDecay(0.1, "a"), ValueError, r"\[CosineDecay\] decay_steps expects a number"),
        (lambda: optimizers.Adam(clipnorm=1.0, clipvalue=1.0), ValueError, "only one of clipnorm"),
        (lambda: optimizers.Adam(clipnorm=-1.0), ValueError, "clipnorm must not be negative"),
        (lambda: optimizers.Adam(weight_decay=-1.0), ValueError, "weight_decay must not be negative"),
        (lambda: optimizers.AdamW(weight_decay=None), ValueError, "weight_decay must be a number"),
        (lambda: optimizers.Adagrad(initial_accumulator_value=-1.0), ValueError, "must not be negative, got -1.0"),
        (lambda: optimizers.Adam(clip=1.0), TypeError, "clip"),
        (lambda: optimizers.SGD().apply([np.ones(2)]), ValueError, "no variables"),
        (
            lambda: optimizers.SGD().apply([np.ones(2)], [5]),
            TypeError,
            r"\[sgd\] expects a list of Variables, got \[5\]",
        ),
        (lambda: optimizers.SGD().build(None), TypeError, "expects a list of Variables, got None"),
        (lambda: optimizers.get("adm"), ValueError, "unknown optimizer 'adm': did you mean 'adam'"),
        (lambda: schedules.PiecewiseConstantDecay([1, 2], [0.1, 0.2]), ValueError, "one more value than boundaries"),
        (lambda: schedules.PiecewiseConstantDecay([2, 1], [0.1, 0.2, 0.3]), ValueError, "boundaries must rise"),
        (lambda: schedules.ExponentialDecay(0.1, 0, 0.5), ValueError, "decay_steps must be positive"),
        (lambda: schedules.CosineDecay(0.1, 0), ValueError, "decay_steps must be positive"),
    ],
)
def test_bad_arguments(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_a_variable_counts_once():
    variable = Variable(np.ones(2))
    with pytest.raises(ValueError, match="a variable is there twice; add its gradients"):
        optimizers.SGD().apply([np.ones(2), np.ones(2)], [variable, variable])
    assert np.array_equal(variable.numpy(), [1, 1])


def test_an_unknown_variable_is_refused():
    optimizer = optimizers.SGD()
    optimizer.build(make_variables())
    with pytest.raises(ValueError, match="variable 'new' is unknown"):
        optimizer.apply([np.ones(2)], [Variable(np.ones(2), name="new")])


@pytest.mark.parametrize("name", ["sgd", "SGD", "RMSprop", "RMSProp", "adagrad", "adadelta", "adam", "ADAMW", "nadam"])
def test_get_by_name(name):
    assert type(optimizers.get(name)).__name__.lower() == name.lower()
    assert optimizers.get(name).name == name.lower()


def test_apply_takes_the_names_of_keras():
    variable = Variable(np.ones(2, np.float32))
    optimizers.SGD(0.5).apply(grads=[np.ones(2)], trainable_variables=[variable])
    assert variable.array.tolist() == [0.5, 0.5]


def test_the_learning_rate_can_be_assigned():
    optimizer = optimizers.SGD(0.1)
    assert optimizer.learning_rate == 0.1
    optimizer.learning_rate.assign(0.02)
    assert optimizer.learning_rate == 0.02
    assert optimizer.learning_rate.numpy() == np.float32(0.02)
    assert type(copy.deepcopy({"rate": optimizer.learning_rate})["rate"]) is float
    with pytest.raises(ValueError, match="learning_rate must be finite and not negative, got -1"):
        optimizer.learning_rate.assign(-1)
    with pytest.raises(TypeError, match="follows a schedule"):
        optimizers.SGD(lambda step: 0.1).learning_rate.assign(0.2)
