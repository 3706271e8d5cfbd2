"""Training steps of one's own, and Ctrl-C."""

from __future__ import annotations

import os
import signal
import threading
import warnings

import numpy as np
import pytest

import nerve
from nerve import Input, Model, Sequential, layers, metrics, ops, optimizers
from nerve.callbacks import Callback
from nerve.errors import ShapeError

from .fitting import X, Y, close, regression


class TestSubclassing:
    def test_own_train_step(self):
        class Custom(Model):
            def train_step(self, data):
                x, y = data
                y_pred = self(x, training=True)
                loss = ops.mean((y_pred - y) ** 2)
                self.optimizer.apply(nerve.gradients(loss, self.trainable_variables), self.trainable_variables)
                return {"mine": loss}

        inputs = Input((3,))
        model = Custom(inputs, layers.Dense(1)(inputs))
        model.compile(optimizers.SGD(0.1))
        history = model.fit(X, Y, epochs=30, verbose=0).history
        assert list(history) == ["mine"]
        assert history["mine"][-1] < 1e-2

    def test_batches_as_keras_packs_them(self):
        seen = []

        class Watch(Model):
            def train_step(self, data):
                seen.append(data)
                return super().train_step(data)

            def predict_step(self, data):
                seen.append(data)
                return super().predict_step(data)

        inputs = Input((3,))
        model = Watch(inputs, layers.Dense(1)(inputs))
        model.compile("sgd", "mse")
        model.fit(X, Y, batch_size=50, verbose=0)
        model.fit(X, Y, batch_size=50, sample_weight=np.ones(50), verbose=0)
        model.predict(X, batch_size=50, verbose=0)
        assert [len(data) for data in seen[:2]] == [2, 3]
        assert np.array_equal(seen[2], X)
        other = Input((3,))
        model = Watch([inputs, other], layers.Add()([inputs, other]))
        close(model.predict([X, X], batch_size=50, verbose=0), 2 * X)
        assert len(seen[3]) == 1
        assert len(seen[3][0]) == 2

    def test_own_metrics(self):
        class Watch(Model):
            def __init__(self, *args, **kwargs):
                super().__init__(*args, **kwargs)
                self.seen = metrics.Mean(name="seen")

            def train_step(self, data):
                self.seen.update_state(self.optimizer.iterations)
                return super().train_step(data)

        inputs = Input((3,))
        model = Watch(inputs, layers.Dense(1)(inputs))
        model.compile("sgd", "mse", metrics=["mae"], run_eagerly=True)  # the step reads a number that changes
        history = model.fit(X, Y, batch_size=25, epochs=2, verbose=0).history
        assert history["seen"] == [0.5, 2.5]  # two steps an epoch, and nothing of the epoch before
        assert model.metrics_names == ["loss", "seen", "mae"]
        assert [metric.name for metric in model.metrics] == ["loss", "compile_metrics", "seen"]  # as in Keras

    def test_own_loss(self):
        class Own(Model):
            def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):
                return ops.mean(ops.absolute(y_pred - y)) + 1.0

        inputs = Input((3,))
        model = Own(inputs, layers.Dense(1)(inputs))
        model.compile("sgd", metrics=["mae"])
        logs = model.evaluate(X, Y, verbose=0, return_dict=True)
        close(logs["loss"], logs["mae"] + 1.0)

    def test_call(self):
        class Net(Model):
            def __init__(self):
                super().__init__()
                self.hidden = layers.Dense(8, activation="relu")
                self.out = layers.Dense(1)

            def call(self, x):
                return self.out(self.hidden(x))

        model = Net()
        model.compile(optimizers.Adam(0.05), "mse", metrics=["mae"])
        history = model.fit(X, Y, epochs=40, verbose=0).history
        assert history["loss"][-1] < 0.05 * history["loss"][0]
        model = Net()
        model.compile("sgd", "mse")
        model.hidden = layers.Conv2D(2, 3)
        with pytest.raises(ShapeError, match=r"^\[net\S*/conv2d\S* \(Conv2D\)\] "):
            model.fit(X, Y, verbose=0)
        assert not model.built


class TestInterrupts:
    def test_a_callback_that_is_interrupted(self):
        class Press(Callback):
            ended = 0

            def on_train_batch_end(self, batch, logs=None):
                if batch == 2:
                    raise KeyboardInterrupt

            def on_train_end(self, logs=None):
                self.ended += 1

        nerve.random.seed(0)
        model, press = regression(), Press()
        start = model.get_weights()
        with pytest.raises(KeyboardInterrupt):
            model.fit(X, Y, batch_size=10, shuffle=False, verbose=0, callbacks=[press])
        assert press.ended == 1
        assert model.optimizer.iterations == 3
        other = regression()
        other.set_weights(start)
        other.fit(X[:30], Y[:30], batch_size=10, shuffle=False, verbose=0)
        close(model.get_weights()[0], other.get_weights()[0], 0)
        model.fit(X, Y, verbose=0)

    @pytest.mark.skipif(os.name != "posix", reason="signals")
    def test_ctrl_c_in_the_middle_of_a_step_waits_for_its_end(self):
        events = []

        class Press(layers.Layer):
            def call(self, x, training=None):
                if training:
                    events.append("pressed")
                    signal.raise_signal(signal.SIGINT)
                    events.append("went on")
                return x

        before = signal.getsignal(signal.SIGINT)
        model = Sequential([Input((3,)), layers.BatchNormalization(), Press(), layers.Dense(1)])
        model.compile("sgd", "mse")
        with pytest.raises(KeyboardInterrupt):
            model.fit(X, Y, batch_size=10, verbose=0)
        assert events == ["pressed", "went on"]
        assert model.optimizer.iterations == 1
        assert np.abs(model.layers[0].moving_mean.numpy()).max() > 0
        assert signal.getsignal(signal.SIGINT) is before

    def test_an_error_in_a_step_changes_nothing(self):
        model = Sequential([Input((3,)), layers.BatchNormalization(), layers.Dense(1)])

        def broken(y_true, y_pred):
            raise RuntimeError("broken loss")

        model.compile("sgd", broken)
        before = model.get_weights()
        closed = []

        class Watch(Callback):
            def on_train_end(self, logs=None):
                closed.append("end")

            def close(self):
                closed.append("close")

        with pytest.raises(RuntimeError, match="broken loss"):
            model.fit(X, Y, verbose=0, callbacks=[Watch()])
        assert closed == ["close"]
        assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))

    def test_other_threads_train_too(self):
        model = regression()
        thread = threading.Thread(target=lambda: model.fit(X, Y, verbose=0))
        thread.start()
        thread.join()
        assert model.optimizer.iterations == 2


def test_metrics_and_their_reset_of_ones_own():
    """As in Keras's guide: the listed metrics are what is reported, and reset by the method beside them."""

    class Custom(Model):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.loss_tracker = nerve.metrics.Mean(name="loss")
            self.hidden = nerve.metrics.Mean(name="hidden")

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            loss = ops.mean(ops.square(y - y_pred))
            self.loss_tracker.update_state(loss)
            self.hidden.update_state(loss)
            return loss

        def reset_metrics(self):
            self.loss_tracker.reset_state()

        @property
        def metrics(self):
            return [self.loss_tracker]

    inputs = Input((3,))
    model = Custom(inputs, layers.Dense(1)(inputs))
    model.compile("adam")
    x, y = np.ones((8, 3), np.float32), np.arange(8.0, dtype=np.float32)[:, None]
    history = model.fit(x, y, epochs=5, batch_size=8, verbose=0).history
    assert list(history) == ["loss"]
    expected = np.square(y - model.predict(x, verbose=0)).mean()
    assert model.evaluate(x, y, verbose=0) == pytest.approx(expected)
    assert history["loss"][-1] == pytest.approx(expected, rel=0.02)
    assert history["loss"] == sorted(history["loss"], reverse=True)
    assert model.hidden.count == 6


def test_outputs_without_a_loss_need_no_targets():
    """As in Keras's miniature GPT, whose second output is for looking at."""
    inputs = Input((3,))
    hidden = layers.Dense(4, name="hidden")(inputs)
    outputs = layers.Dense(1, name="out")(hidden)
    logs = []
    for given, loss, y in (
        ([outputs, hidden], ["mse", None], Y),
        ([outputs, hidden], {"out": "mse"}, {"out": Y}),
        (outputs, "mse", Y),
    ):
        model = Model(inputs, given)
        model.set_weights([np.full(v.shape, 0.1) for v in model.weights])
        model.compile("sgd", loss)
        logs.append(model.fit(X, y, epochs=2, shuffle=False, verbose=0).history["loss"])
    assert logs[0] == logs[1] == logs[2]
    model = Model(inputs, [outputs, hidden])
    for loss, metrics_given, y in (
        (["mse", None], [None, ["mae"]], Y),
        (["mse", "mse"], None, Y),
        (["mse", None], None, {"hidden": Y}),
    ):
        model.compile("sgd", loss, metrics=metrics_given)
        with pytest.raises(ShapeError, match="expects targets for"):
            model.fit(X, y, verbose=0)


def test_sizes_made_of_tensors_are_recorded():
    class Causal(layers.Layer):
        def call(self, x):
            n, length = ops.shape(x)[0], ops.shape(x)[1]
            mask = ops.reshape(
                ops.cast(ops.arange(length)[:, None] >= ops.arange(length), "float32"), (1, length, length)
            )
            times = ops.concatenate([ops.expand_dims(n, -1), ops.convert_to_tensor([1, 1])], 0)
            return ops.matmul(ops.tile(mask, times), x)

    model = Sequential([Input((4, 2)), Causal()])
    x = np.random.default_rng(0).normal(size=(6, 4, 2)).astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(4):
            np.testing.assert_allclose(model.predict(x, verbose=0), np.cumsum(x, 1), rtol=1e-5, atol=1e-6)
    assert model._recorders["predict"].recordings[-1].ready
