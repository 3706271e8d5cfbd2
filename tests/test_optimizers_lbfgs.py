"""L-BFGS as the optimizer of `compile`."""

from __future__ import annotations

import numpy as np
import pytest

import nerve
from nerve import Input, Model, Sequential, callbacks, layers, models, optimizers, regularizers

from .fitting import LABELS, Recorder, X, Y, close

FULL = {"batch_size": 50, "verbose": 0}


def network(*more, optimizer=None, units=1, **options):
    nerve.random.seed(2)
    model = Sequential([Input((3,)), layers.Dense(4, "tanh"), *more, layers.Dense(units)])
    model.compile(optimizer or optimizers.LBFGS(max_iter=40), **{"loss": "mse", "metrics": ["mae"], **options})
    return model


def test_finds_the_logistic_regression_of_scikit_learn():
    linear_model = pytest.importorskip("sklearn.linear_model")
    noisy = LABELS.copy()
    noisy[::7] = 1 - noisy[::7]
    strength = 0.01
    model = Sequential([Input((3,)), layers.Dense(1, "sigmoid", kernel_regularizer=regularizers.L2(strength))])
    model.compile(optimizers.LBFGS(max_iter=200), "binary_crossentropy")
    model.fit(X, noisy, **FULL)
    expected = linear_model.LogisticRegression(C=1 / (2 * len(X) * strength), tol=1e-8).fit(X, noisy)
    kernel, bias = model.get_weights()
    close(kernel[:, 0], expected.coef_[0], 2e-3)
    close(bias, expected.intercept_, 2e-3)


@pytest.mark.parametrize("eager", [False, True])
def test_logs_are_those_of_where_a_step_has_ended(eager):
    model = network(run_eagerly=eager)
    before = model.evaluate(X, Y, batch_size=50, verbose=0)
    history = model.fit(X, Y, **FULL).history
    after = model.evaluate(X, Y, batch_size=50, verbose=0)
    close([history["loss"][0], history["mae"][0]], after)
    assert after[0] < 1e-2 * before[0]
    assert model.optimizer.iterations == 1
    assert model.optimizer.evaluations > 20


def test_one_step_is_a_minimization_with_the_closure_of_the_batch():
    model, other = network(), network()
    model.train_on_batch(X, Y)
    optimizers.LBFGS(max_iter=40).step(
        lambda: other.compute_loss(X, Y, other(X, training=True)), other.trainable_variables
    )
    for got, expected in zip(model.get_weights(), other.get_weights(), strict=True):
        assert np.array_equal(got, expected)


def test_moving_averages_and_losses_of_outputs_see_a_batch_once():
    inputs = Input((3,))
    hidden = layers.BatchNormalization(momentum=0.9)(inputs)
    model = Model(inputs, [layers.Dense(1, name="a")(hidden), layers.Dense(1, name="b")(hidden)])
    model.compile(optimizers.LBFGS(max_iter=30), "mse")
    history = model.fit(X, [Y, -Y], **FULL).history
    close(model.layers[1].moving_mean.numpy(), 0.1 * X.mean(0))
    close(history["loss"], np.add(history["a_loss"], history["b_loss"]))
    assert history["loss"][0] < 1e-4


def test_several_batches_epochs_and_executions():
    model = network(steps_per_execution=2)
    recorder = Recorder()
    model.fit(X, Y, batch_size=25, epochs=3, callbacks=[recorder], verbose=0)
    assert recorder.events.count("train_batch_end") == 3
    assert model.optimizer.iterations == 6


def test_saved_models_and_killed_runs_go_on(tmp_path):
    model = network(optimizer=optimizers.LBFGS(max_iter=7, history_size=5))
    model.fit(X, Y, epochs=2, callbacks=[callbacks.BackupAndRestore(tmp_path / "run")], **FULL)
    model.save(tmp_path / "m.nerve")
    loaded = models.load_model(tmp_path / "m.nerve")
    assert loaded.optimizer.get_config() == model.optimizer.get_config()
    assert (loaded.optimizer.max_iter, loaded.optimizer.history_size, loaded.optimizer.iterations) == (7, 5, 2)
    for each in (model, loaded):
        each.fit(X, Y, shuffle=False, **FULL)
    assert all(map(np.array_equal, model.get_weights(), loaded.get_weights()))
    with pytest.raises(ValueError, match=r"\[lbfgs\] not the state of this optimizer: it has \['calls'\]"):
        loaded.optimizer.load_state({"calls": 1})


def test_it_is_known_by_name_and_to_callbacks(tmp_path):
    model = network(optimizer="lbfgs")
    norms = callbacks.GradientNorms()
    model.fit(X, Y, epochs=2, callbacks=[norms, callbacks.TensorBoard(tmp_path)], **FULL)
    assert [len(values) for values in norms.history.values()] == [2, 2]
    with pytest.raises(AttributeError, match=r"\[LBFGS\] has no learning rate: a line search finds"):
        model.fit(X, Y, callbacks=[callbacks.ReduceLROnPlateau("loss")], **FULL)
    with pytest.raises(AttributeError, match=r"\[LBFGS\] has no learning rate that could be set"):
        model.optimizer.learning_rate = 0.1


class TestRefuses:
    def test_random_losses(self):
        model = network(layers.Dropout(0.5))
        before = model.get_weights()
        with pytest.raises(ValueError, match=r"\[LBFGS\] the loss must be the same function in every call, and is"):
            model.fit(X, Y, **FULL)
        assert all(map(np.array_equal, model.get_weights(), before))
        assert model.optimizer.iterations == 0

    def test_constraints(self):
        model = network(layers.Dense(2, kernel_constraint="non_neg", name="bounded"))
        with pytest.raises(ValueError, match=r"\[LBFGS\] cannot heed constraints, and variable .*kernel.* has one"):
            model.fit(X, Y, **FULL)

    def test_steps_that_bring_gradients(self):
        class Own(Sequential):
            def train_step(self, data):
                x, y = data
                loss = self.compute_loss(x, y, self(x, training=True))
                self.optimizer.apply(nerve.gradients(loss, self.trainable_variables), self.trainable_variables)
                return {"loss": loss}

        model = Own([Input((3,)), layers.Dense(1)])
        model.compile("lbfgs", "mse")
        with pytest.raises(TypeError, match=r"\[LBFGS\] cannot step by the gradients of one place: call step\(closure"):
            model.fit(X, Y, **FULL)

    def test_a_place_among_several_optimizers(self):
        with pytest.raises(TypeError, match=r"\[OptimizerMap\] expects an optimizer for one set of variables"):
            optimizers.OptimizerMap(optimizers.LBFGS())


def test_a_step_of_ones_own():
    class Own(Sequential):
        def train_step(self, data):
            x, y = data
            loss = self.optimizer.step(
                lambda: self.compute_loss(x, y, self(x, training=True)), self.trainable_variables
            )
            return {"loss": loss}

    model = Own([Input((3,)), layers.Dense(1)])
    model.compile("lbfgs", "mse")
    losses = model.fit(X, Y, epochs=5, **FULL).history["loss"]
    assert losses[-1] < 1e-8
