"""What optimizers gather over steps, several of them in one, L-BFGS; and that all of them reach an optimum."""

from __future__ import annotations

import numpy as np
import pytest

import nerve
from nerve import Input, Sequential, Variable, layers, ops, optimizers
from nerve.callbacks import LambdaCallback
from nerve.models import load_model
from nerve.optimizers import schedules

from .fitting import X, Y, close, regression


def parabola(x):
    """Least at (1, -2), where it is 0; the curvatures differ by ten."""
    return 0.5 * ops.square(x[0] - 1.0) + 5.0 * ops.square(x[1] + 2.0)


def rosenbrock(x):
    """Least at (1, 1), where it is 0, in a bent valley (Rosenbrock, 1960)."""
    return ops.square(1.0 - x[0]) + 100.0 * ops.square(x[1] - ops.square(x[0]))


CALM = lambda rate, steps: schedules.CosineDecay(rate, steps)  # noqa: E731
# Of each the steps and the largest loss at the end, for both functions. From the origin, and from (-1.2, 1).
REACH = {
    "SGD": (lambda n: optimizers.SGD(CALM(0.1 if n < 5000 else 1.5e-3, n)), 500, 1e-9, 20000, 1e-4),
    "momentum": (lambda n: optimizers.SGD(CALM(0.05 if n < 5000 else 1e-3, n), 0.9), 500, 1e-9, 10000, 1e-7),
    "Nesterov": (lambda n: optimizers.SGD(CALM(0.05 if n < 5000 else 1e-3, n), 0.9, True), 500, 1e-9, 10000, 1e-7),
    "Adagrad": (lambda n: optimizers.Adagrad(CALM(1.0, n)), 1000, 1e-9, 20000, 1e-3),
    "Adadelta": (lambda n: optimizers.Adadelta(CALM(10.0, n)), 3000, 1e-6, 30000, 1e-3),
    "RMSprop": (lambda n: optimizers.RMSprop(CALM(0.05, n)), 1000, 1e-6, 20000, 1e-4),
    "Adam": (lambda n: optimizers.Adam(CALM(0.1, n)), 1000, 1e-9, 10000, 1e-7),
    "AMSGrad": (lambda n: optimizers.Adam(CALM(0.1, n), amsgrad=True), 1000, 1e-9, 20000, 1e-4),
    "AdamW": (lambda n: optimizers.AdamW(CALM(0.1, n), weight_decay=0.0), 1000, 1e-9, 10000, 1e-7),
    "Adamax": (lambda n: optimizers.Adamax(CALM(0.1, n)), 1000, 1e-9, 20000, 1e-4),
    "Nadam": (lambda n: optimizers.Nadam(CALM(0.1, n)), 1000, 1e-9, 10000, 1e-7),
    "Lion": (lambda n: optimizers.Lion(CALM(0.05, n)), 1000, 1e-4, 20000, 1e-2),
    "Ftrl": (lambda n: optimizers.Ftrl(0.3), 1000, 1e-9, 20000, 1e-7),
    "Lamb": (lambda n: optimizers.Lamb(CALM(0.1, n)), 1000, 1e-6, 20000, 1e-4),
    "Adafactor": (lambda n: optimizers.Adafactor(CALM(0.5, n)), 3000, 1e-3, 20000, 1e-2),
    "Muon": (
        lambda n: optimizers.Muon(CALM(0.1, n), adam_weight_decay=None, weight_decay=None),
        1000,
        1e-9,
        10000,
        1e-7,
    ),
    "ScheduleFreeAdamW": (lambda n: optimizers.ScheduleFreeAdamW(0.03, warmup_steps=20), 3000, 1e-9, 20000, 5e-3),
}


def minimized(function, start, optimizer, steps):
    x = Variable(np.array(start))

    @nerve.compile
    def step():
        loss = function(x)
        optimizer.apply(nerve.gradients(loss, [x]), [x])
        return loss

    for _ in range(steps):
        step()
    return float(function(x))


@pytest.mark.parametrize("name", REACH)
def test_optimizers_reach_the_least_of_a_parabola_and_of_rosenbrocks_function(name):
    make, steps, worst, more_steps, worst_in_the_valley = REACH[name]
    assert minimized(parabola, [0.0, 0.0], make(steps), steps) < worst
    assert minimized(rosenbrock, [-1.2, 1.0], make(more_steps), more_steps) < worst_in_the_valley


def test_every_optimizer_is_in_the_table():
    known = {name for name in optimizers.__all__ if name[0].isupper()}
    others = {"LBFGS", "MultiOptimizer", "Optimizer", "OptimizerMap"}
    assert known - others == set(REACH) - {"momentum", "Nesterov", "AMSGrad"}


class TestLBFGS:
    @pytest.mark.parametrize(("function", "start"), [(parabola, [0.0, 0.0]), (rosenbrock, [-1.2, 1.0])])
    def test_reaches_the_least(self, function, start):
        x = Variable(np.array(start))
        optimizer = optimizers.LBFGS(max_iter=100)
        assert optimizer.step(lambda: function(x), [x]) < 1e-12
        assert float(function(x)) < 1e-12
        assert optimizer.evaluations < 70

    def test_fits_a_model(self):
        model = Sequential([Input((3,)), layers.Dense(4, "tanh"), layers.Dense(1)])
        model.compile("sgd", "mse")
        loss = lambda: model.compute_loss(X, Y, model(X, training=True))  # noqa: E731
        before = float(loss())
        after = optimizers.LBFGS(max_iter=200).step(loss, model.trainable_variables)
        assert after == float(loss()) < 1e-3 * before

    def test_what_is_wrong(self):
        x = Variable(np.zeros(2))
        with pytest.raises(TypeError, match=r"\[LBFGS\] expects a list of Variables"):
            optimizers.LBFGS().step(lambda: x, [])
        with pytest.raises(TypeError, match=r"\[LBFGS\] expects a closure that gives the loss as a tensor, got 1.0"):
            optimizers.LBFGS().step(lambda: 1.0, [x])
        with pytest.raises(FloatingPointError, match="the loss at the start is nan"):
            optimizers.LBFGS().step(lambda: ops.sum(x) * np.nan, [x])
        assert np.array_equal(x.numpy(), [0.0, 0.0])


class TestGathering:
    def test_accumulation_steps_with_the_mean_of_gradients(self):
        gradients = np.random.default_rng(0).normal(size=(7, 3))
        x, y = Variable(np.ones(3)), Variable(np.ones(3))
        gathering, plain = optimizers.Adam(0.1, gradient_accumulation_steps=3, clipnorm=0.5), None
        plain = optimizers.Adam(0.1, clipnorm=0.5)
        for index, gradient in enumerate(gradients):
            gathering.apply([gradient], [x])
            if index % 3 == 2:
                plain.apply([gradients[index - 2 : index + 1].mean(0)], [y])
            close(x.numpy(), y.numpy(), 1e-12)
        assert gathering.iterations == plain.iterations == 2

    def test_moving_averages_take_the_place_of_weights(self):
        x = Variable(np.ones(3))
        optimizer = optimizers.SGD(0.1, use_ema=True, ema_momentum=0.8, ema_overwrite_frequency=4)
        weights, average = np.ones(3), None
        for step in range(1, 9):
            gradient = np.array([1.0, -2.0, step])
            weights = weights - 0.1 * gradient
            average = weights if average is None else 0.8 * average + 0.2 * weights
            weights = average if step % 4 == 0 else weights
            optimizer.apply([gradient], [x])
            close(x.numpy(), weights, 1e-12)

    @pytest.mark.parametrize("run_eagerly", [False, True])
    def test_fit_ends_with_the_averages(self, run_eagerly):
        model = regression(optimizer=optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5), run_eagerly=run_eagerly)
        seen = []
        watch = LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(model.get_weights()[0].copy()))
        model.fit(X, Y, batch_size=10, epochs=2, verbose=0, callbacks=[watch])
        average = seen[0]
        for weights in seen[1:]:
            average = 0.5 * average + 0.5 * weights
        close(model.get_weights()[0], average)

    @pytest.mark.parametrize(
        "options",
        [{"gradient_accumulation_steps": 3}, {"use_ema": True}, {"loss_scale_factor": 1024.0}],
        ids=lambda options: next(iter(options)),
    )
    def test_a_saved_model_goes_on_exactly(self, options, tmp_path):
        model = regression(optimizer=optimizers.Adam(0.01, **options))
        model.fit(X, Y, batch_size=12, verbose=0, shuffle=False, steps_per_epoch=4)
        model.save(tmp_path / "model.nerve")
        again = load_model(tmp_path / "model.nerve")
        for each in (model, again):
            each.fit(X, Y, batch_size=12, epochs=2, verbose=0, shuffle=False)
        assert all(map(np.array_equal, model.get_weights(), again.get_weights()))

    def test_a_scaled_loss_changes_nothing(self):
        a, b = (regression(optimizer=optimizers.SGD(0.1, loss_scale_factor=factor)) for factor in (None, 256.0))
        b.set_weights(a.get_weights())
        logs = [m.fit(X, Y, epochs=2, verbose=0, shuffle=False).history for m in (a, b)]
        assert logs[0] == logs[1]

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"ema_momentum": 1.5}, r"\[sgd\] ema_momentum must be in \[0, 1\], got 1.5"),
            ({"ema_overwrite_frequency": 0}, "ema_overwrite_frequency must be an int of at least 1, got 0"),
            ({"gradient_accumulation_steps": 1}, "gradient_accumulation_steps must be an int of at least 2, got 1"),
            ({"loss_scale_factor": 0.0}, "loss_scale_factor must be positive, got 0.0"),
        ],
    )
    def test_what_is_wrong(self, options, message):
        with pytest.raises(ValueError, match=message):
            optimizers.SGD(0.1, **options)


def two_speeds(**options):
    chosen = optimizers.OptimizerMap(
        optimizers.Adam(0.01), {".*first/.*": optimizers.SGD(0.0), ".*/bias": optimizers.SGD(0.1)}
    )
    return optimizers.MultiOptimizer(chosen, **options)


class TestMultiOptimizer:
    def test_layers_have_their_own_learning_rates(self, tmp_path):
        model = Sequential([Input((3,)), layers.Dense(4, use_bias=False, name="first"), layers.Dense(1, name="last")])
        optimizer = two_speeds()
        model.compile(optimizer, "mse")
        before = model.get_weights()
        model.fit(X, Y, epochs=4, batch_size=25, verbose=0, shuffle=False)
        after = model.get_weights()
        assert np.array_equal(after[0], before[0])
        assert not np.array_equal(after[1], before[1])
        assert [type(one).__name__ for one in optimizer.optimizers] == ["SGD", "Adam", "SGD"]
        assert model._recorders["train"].recordings[0].ready
        assert optimizer.iterations == optimizer.optimizers[1].iterations == 8
        model.save(tmp_path / "model.nerve")
        again = load_model(tmp_path / "model.nerve")
        for each in (model, again):
            each.fit(X, Y, epochs=2, verbose=0, shuffle=False)
        assert all(map(np.array_equal, model.get_weights(), again.get_weights()))
        with pytest.raises(AttributeError, match="look at the learning rate of each"):
            _ = optimizer.learning_rate

    def test_what_is_wrong(self):
        chosen = two_speeds().optimizer_map
        with pytest.raises(ValueError, match="'x/first/bias' is matched by several expressions"):
            chosen["x/first/bias"]
        with pytest.raises(ValueError, match=r"'.\*/bias' is there already"):
            chosen[".*/bias"] = optimizers.SGD()
        with pytest.raises(TypeError, match="expects an optimizer for one set of variables"):
            chosen["x"] = two_speeds()
        with pytest.raises(ValueError, match="chosen by a function cannot be saved"):
            optimizers.MultiOptimizer(lambda variable: optimizers.SGD()).get_config()


def test_schedules_that_rise_first():
    warm = schedules.LinearWarmup(schedules.ExponentialDecay(1.0, 10, 0.5), 4, 0.2)
    assert [warm(s) for s in (0, 2, 4, 14)] == pytest.approx([0.2, 0.6, 1.0, 0.5])
    again = schedules.get({"class_name": "LinearWarmup", "config": warm.get_config()})
    assert [again(s) for s in range(20)] == [warm(s) for s in range(20)]
    cycle = schedules.OneCycle(2.0, 100, warmup_fraction=0.21, div_factor=10.0, final_div_factor=100.0)
    assert [cycle(s) for s in (0, 10, 20, 99, 200)] == pytest.approx([0.2, 1.1, 2.0, 0.002, 0.002])
    with pytest.raises(ValueError, match=r"\[OneCycle\] total_steps must leave"):
        schedules.OneCycle(1.0, 3)


class OwnMomentum(optimizers.Optimizer):
    """As one writes it for Keras."""

    def __init__(self, learning_rate=0.01, momentum=0.9, **options):
        super().__init__(learning_rate=learning_rate, **options)
        self.momentum = momentum

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self.velocities = [self.add_variable_from_reference(v, name="velocity") for v in variables]
        self.steps = self.add_variable((), "zeros", name="steps")

    def update_step(self, gradient, variable, learning_rate):
        velocity = self.velocities[self._get_variable_index(variable)]
        self.assign(velocity, velocity * self.momentum - ops.cast(gradient, variable.dtype) * learning_rate)
        self.assign_add(variable, velocity)
        self.assign_sub(self.steps, -1.0)

    def get_config(self):
        return {**super().get_config(), "momentum": self.momentum}


def test_a_step_for_one_weight_as_in_keras(tmp_path):
    models = []
    for optimizer in (OwnMomentum(0.05, weight_decay=0.1), optimizers.SGD(0.05, 0.9, weight_decay=0.1)):
        model = regression()
        model.set_weights([np.full(v.shape, 0.1) for v in model.weights])
        model.compile(optimizer, "mse")
        model.fit(X, Y, batch_size=10, epochs=2, shuffle=False, verbose=0)
        models.append(model)
    own, usual = models
    for a, b in zip(own.get_weights(), usual.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-7)
    assert own.optimizer.steps.item() == 10 * len(own.weights)
    own.save(tmp_path / "own.nerve")
    again = load_model(tmp_path / "own.nerve", custom_objects={"OwnMomentum": OwnMomentum})
    assert [v.numpy().tolist() for v in again.optimizer.velocities] == [
        v.numpy().tolist() for v in own.optimizer.velocities
    ]
    for model in (own, again):
        model.fit(X, Y, batch_size=10, shuffle=False, verbose=0)
    assert all(map(np.array_equal, own.get_weights(), again.get_weights()))
    with pytest.raises(NotImplementedError, match="step"):
        optimizers.Optimizer(0.1).update_step(None, None, 0.1)


def test_a_schedule_of_tensors_is_recorded():
    class Rising(schedules.LearningRateSchedule):
        def __call__(self, step):
            return 0.05 * ops.minimum(ops.cast(step, "float32") / 8.0, 1.0)

    found = []
    for run_eagerly in (False, True):
        model = regression()
        model.set_weights([np.full(v.shape, 0.1) for v in model.weights])
        model.compile(optimizers.Adam(Rising()), "mse", run_eagerly=run_eagerly)
        model.fit(X, Y, batch_size=10, epochs=3, shuffle=False, verbose=0)
        found.append(model)
    assert found[0]._recorders["train"].recordings[0].ready
    assert all(map(np.array_equal, found[0].get_weights(), found[1].get_weights()))
    assert abs(float(found[0].optimizer.learning_rate) - 0.05) < 1e-8
