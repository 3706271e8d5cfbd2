"""Losses that layers add, and steps of one's own: recorded, they give the bits of the same steps run in Python."""

from __future__ import annotations

import numpy as np
import pytest

import nerve
from nerve import Input, Model, Sequential, layers, losses, metrics, ops, optimizers, regularizers
from nerve.callbacks import LambdaCallback
from nerve.errors import ShapeError
from nerve.models import load_model

from .fitting import LABELS, X, Y, close


class Autoencoder(Model):
    """A variational one, the loss of its latent space added in `call`, the step as programs for Keras have it."""

    def __init__(self, portable=False):
        super().__init__()
        self.encoder = layers.Dense(4)
        self.decoder = layers.Dense(3)
        self.noise = layers.GaussianNoise(0.1, seed=3)
        self.kl = metrics.Mean(name="kl")
        self.tracker = metrics.Mean(name="total")
        self.portable = portable
        self.runs = []  # a list may be changed without a word

    @property
    def metrics(self):
        return [self.tracker, self.kl]

    def call(self, x, training=None):
        code = self.encoder(x)
        mean, log_variance = code[:, :2], code[:, 2:]
        z = self.noise(mean, training=training) * ops.exp(0.5 * log_variance)
        kl = -0.5 * ops.mean(1 + log_variance - ops.square(mean) - ops.exp(log_variance))
        self.add_loss(kl)
        return self.decoder(z)

    def train_step(self, data):
        self.runs.append(data.shape)
        y_pred = self(data, training=True)
        (kl,) = self.losses
        loss = ops.mean(ops.square(data - y_pred)) + kl
        variables = self.trainable_variables
        if self.portable:
            self.zero_grad()
            loss.backward()
            self.optimizer.apply([v.value.grad for v in variables], variables)
        else:
            self.optimizer.apply(nerve.gradients(loss, variables), variables)
        self.tracker.update_state(loss)
        self.kl.update_state(kl)
        return {"total": self.tracker.result(), "kl": self.kl.result(), "last": loss}


class Adversaries(Model):
    """Two networks, each with its optimizer, as in a generative adversarial network."""

    def __init__(self):
        super().__init__()
        self.generator = Sequential([Input((2,)), layers.Dense(8, "tanh"), layers.Dense(3)])
        self.discriminator = Sequential([Input((3,)), layers.Dense(8, "tanh"), layers.Dense(1)])
        self.dropout = layers.Dropout(0.5, seed=1)

    def compile(self, d_optimizer, g_optimizer, **options):
        super().compile(**options)
        self.d_optimizer, self.g_optimizer = d_optimizer, g_optimizer
        self.loss_function = losses.BinaryCrossentropy(from_logits=True)

    def train_step(self, real):
        ones = ops.ones((real.shape[0], 1)) if hasattr(ops, "ones") else np.ones((real.shape[0], 1), np.float32)
        noise = self.dropout(np.ones((real.shape[0], 2), np.float32), training=True)
        judged = self.discriminator(ops.concatenate([real, self.generator(noise)], axis=0))
        labels = ops.concatenate([ones, ones * 0.0], axis=0)
        self.zero_grad()
        d_loss = self.loss_function(labels, judged)
        d_loss.backward()
        weights = self.discriminator.trainable_weights
        self.d_optimizer.apply([v.value.grad for v in weights], weights)
        self.zero_grad()
        g_loss = self.loss_function(ones, self.discriminator(self.generator(noise)))
        g_loss.backward()
        weights = self.generator.trainable_weights
        self.g_optimizer.apply([v.value.grad for v in weights], weights)
        return {"d_loss": d_loss, "g_loss": g_loss}


def trained(make, run_eagerly, compile=None, **options):
    """Logs of all batches, and weights."""
    nerve.random.seed(7)
    model = make()
    (compile or (lambda m, **more: m.compile(optimizers.Adam(0.01), **more)))(model, run_eagerly=run_eagerly)
    logs = []
    watch = LambdaCallback(on_train_batch_end=lambda batch, found: logs.append(dict(found)))
    options = {"y": None, "batch_size": 10, "epochs": 3, **options}
    model.fit(X, verbose=0, callbacks=[watch], **options)
    return model, logs


def same_recorded(make, replays=True, **options):
    model, logs = trained(make, False, **options)
    eager, expected = trained(make, True, **options)
    assert logs == expected
    assert all(map(np.array_equal, model.get_weights(), eager.get_weights()))
    recorder = model._recorders["train"]
    assert not recorder.refusal
    assert recorder.recordings[0].ready is replays
    return model, eager


class TestOwnSteps:
    @pytest.mark.parametrize("portable", [False, True])
    def test_a_variational_autoencoder(self, portable):
        model, eager = same_recorded(lambda: Autoencoder(portable))
        assert len(model.runs) == 4  # once to build, once as it is, twice recorded
        assert len(eager.runs) == 15
        assert all(v.grad is None for v in model.weights)

    def test_adversaries(self):
        same_recorded(
            Adversaries, compile=lambda m, **more: m.compile(optimizers.Adam(0.01), optimizers.RMSprop(0.01), **more)
        )

    def test_backward_is_gradients(self):
        a, b = (trained(lambda p=p: Autoencoder(p), True)[0] for p in (False, True))
        assert all(map(np.array_equal, a.get_weights(), b.get_weights()))

    @pytest.mark.parametrize("loop", [False, True])
    def test_metrics_of_compile(self, loop):
        class Own(Model):
            def train_step(self, data):
                x, y, weight = data
                y_pred = self(x, training=True)
                loss = self.compute_loss(x, y, y_pred, weight)
                self.optimizer.apply(nerve.gradients(loss, self.trainable_weights), self.trainable_weights)
                if not loop:
                    self._loss_tracker.update_state(loss)
                    return self.compute_metrics(x, y, y_pred, weight)
                for metric in self.metrics:
                    metric.update_state(*((loss,) if metric.name == "loss" else (y, y_pred)))
                return {metric.name: metric.result() for metric in self.metrics}

        def make():
            inputs = Input((3,))
            return Own(inputs, layers.Dense(1)(inputs))

        compile = lambda m, **more: m.compile("sgd", "mse", metrics=["mae", "mse"], **more)  # noqa: E731
        model, _ = same_recorded(make, compile=compile, y=Y, sample_weight=np.linspace(0, 1, 50))
        assert set(model.train_on_batch(X, Y, np.ones(50), return_dict=True)) == {"loss", "mae", "mse"}

    def test_a_step_around_that_of_the_model(self):
        class Own(Sequential):
            def train_step(self, data):
                x, y = data
                return {**super().train_step((x, y + 1.0)), "bias": ops.mean(self.layers[0].bias)}

            def test_step(self, data):
                return {**super().test_step(data), "seen": ops.sum(data[0])}

            def predict_step(self, data):
                return 2.0 * super().predict_step(data)

        def make():
            return Own([Input((3,)), layers.Dense(1)])

        compile = lambda m, **more: m.compile("sgd", "mse", **more)  # noqa: E731
        model, eager = same_recorded(make, compile=compile, y=Y)
        for _ in range(5):
            found = model.evaluate(X, Y, batch_size=50, verbose=0, return_dict=True)
            assert found == eager.evaluate(X, Y, batch_size=50, verbose=0, return_dict=True)
            close(found["seen"], X.sum(), 1e-4)
            close(model.predict(X, verbose=0), 2.0 * np.asarray(model(X)))
        assert model._recorders["test"].recordings[0].ready
        assert model._recorders["predict"].recordings[0].ready

    @pytest.mark.parametrize(
        ("wrong", "why"),
        [
            (lambda self, loss: {"loss": float(loss)}, "float.. of a tensor"),
            (lambda self, loss: {"double": 2 * self.mean.result()}, "the result of the metric 'mean'"),
            (lambda self, loss: {"x": np.exp(loss.array)}, "numpy.exp"),
        ],
    )
    def test_what_cannot_be_recorded_runs_in_python(self, wrong, why):
        class Own(Sequential):
            def __init__(self):
                super().__init__([Input((3,)), layers.Dense(1)])
                self.mean = metrics.Mean(name="mean")

            def train_step(self, data):
                x, y = data
                loss = ops.mean(ops.square(self(x, training=True) - y))
                self.optimizer.apply(nerve.gradients(loss, self.trainable_weights), self.trainable_weights)
                self.mean.update_state(loss)
                return wrong(self, loss)

        with pytest.warns(UserWarning, match=f"not recorded.*{why}"):
            model, logs = trained(Own, False, y=Y)
        eager, expected = trained(Own, True, y=Y)
        assert logs == expected
        assert all(map(np.array_equal, model.get_weights(), eager.get_weights()))

    def test_a_gradient_of_an_earlier_step_is_not_baked_in(self):
        class Own(Sequential):
            def train_step(self, data):
                x, y = data
                ops.mean(ops.square(self(x, training=True) - y)).backward()  # sums up from step to step
                self.optimizer.apply([v.grad for v in self.trainable_weights], self.trainable_weights)
                return {}

        make = lambda: Own([Input((3,)), layers.Dense(1)])  # noqa: E731
        with pytest.warns(UserWarning, match="call zero_grad"):
            model, _ = trained(make, False, y=Y)
        eager, _ = trained(make, True, y=Y)
        assert all(map(np.array_equal, model.get_weights(), eager.get_weights()))

    def test_logs_that_are_none(self):
        class Own(Sequential):
            def train_step(self, data):
                return None

        model = Own([Input((3,)), layers.Dense(1)], name="own")
        model.compile()
        with pytest.raises(TypeError, match=r"\[own\] train_step must return a dict"):
            model.fit(X, Y, verbose=0)

    def test_compute_loss_is_told_whether_it_trains(self):
        seen = []

        class Own(Sequential):
            def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
                seen.append(training)
                return super().compute_loss(x, y, y_pred, sample_weight, training)

        model = Own([Input((3,)), layers.Dense(1)])
        model.compile("sgd", "mse")
        model.fit(X, Y, verbose=0, batch_size=50)
        model.evaluate(X, Y, verbose=0, batch_size=50)
        assert seen == [True, False]


def test_jit_compile_is_keras_word_for_recording():
    model = Sequential([Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse", jit_compile=False)
    assert model.run_eagerly
    model.compile("sgd", "mse", jit_compile=True)
    assert not model.run_eagerly
    with pytest.raises(ValueError, match="jit_compile must be True, False or 'auto', got 'yes'"):
        model.compile("sgd", "mse", jit_compile="yes")


class TestBackward:
    def test_sums_up_until_zero_grad(self):
        dense, table = layers.Dense(2), nerve.Variable(np.ones((5, 2), np.float32))
        dense.build((None, 3))
        for count in (1, 2):
            (dense(X).sum() + ops.take(table, np.array([1, 1, 3]), axis=0).sum()).backward()
            close(dense.kernel.grad, count * np.repeat(X.sum(0)[:, None], 2, 1), 1e-4)
            close(np.asarray(table.grad), count * np.array([[0], [2], [0], [1], [0]]) * np.ones(2))
        assert dense.kernel.value is dense.kernel
        dense.zero_grad()
        assert dense.kernel.grad is None

    def test_a_loss_of_nothing(self):
        with pytest.raises(ValueError, match=r"\[backward\] the loss depends on no variable"):
            nerve.Tensor(1.0).backward()


class Sparse(layers.Layer):
    def call(self, x, training=None):
        if training:
            self.add_loss([ops.sum(ops.absolute(x)), ops.square(x)])
        return x


class TestAddedLosses:
    def test_count_for_one_call(self):
        inner, inputs = Sparse(), Input((3,))
        model = Model(inputs, inner(inner(layers.Dense(2, kernel_regularizer="l2")(inputs))))
        assert len(model.losses) == 1  # building adds none
        y = np.asarray(model(X, training=True))
        assert len(model.losses) == 5
        assert len(inner.losses) == 4
        close([float(t) for t in inner.losses], [np.abs(y).sum(), (y * y).sum()] * 2, 1e-4)
        model(X)
        assert len(model.losses) == 1
        inner(y, training=True)
        assert len(inner.losses) == 2
        model(X, training=True)
        assert len(inner.losses) == 4
        with pytest.raises(TypeError, match="add_loss expects a tensor"):
            inner.add_loss(1.0)

    @pytest.mark.parametrize("targets", [False, True])
    def test_train_without_targets_or_besides_them(self, targets):
        def compile(model, **more):
            model.compile(optimizers.SGD(0.005), "mse" if targets else None, **more)

        make = lambda: Sequential([Input((3,)), layers.Dense(1), Sparse()])  # noqa: E731
        model, _ = same_recorded(make, compile=compile, y=Y if targets else None)
        start, *_, end = model.history.history["loss"]
        assert end < start
        if not targets:
            with pytest.raises(ValueError, match=r"has no loss: pass compile\(loss=...\), or call add_loss"):
                model.evaluate(X, verbose=0)  # it adds none out of training

    def test_activity_regularizers(self, tmp_path):
        make = lambda: Sequential(  # noqa: E731
            [
                Input((3,)),
                layers.Dense(4, "relu", activity_regularizer=regularizers.L1L2(0.1, 0.2), name="dense"),
                layers.ActivityRegularization(l2=0.3, name="middle"),
                layers.Dense(2, activation="softmax", activity_regularizer="l1"),
            ]
        )

        def compile(model, **more):
            model.compile("sgd", "sparse_categorical_crossentropy", **more)

        model, _ = same_recorded(make, compile=compile, y=LABELS)
        y = np.asarray(model(X))
        h = np.asarray(model.get_layer("dense")(X))
        first = (0.1 * np.abs(h).sum() + 0.2 * (h * h).sum()) / 50
        close([float(t) for t in model.layers[0].losses], [first])
        model(X)
        close([float(t) for t in model.losses], [first, 0.3 * (h * h).sum() / 50, 0.01 * y.sum() / 50])
        total = -np.log(y[np.arange(50), LABELS]).mean() + sum(float(t) for t in model.losses)
        close(model.evaluate(X, LABELS, batch_size=50, verbose=0), total)
        model.save(tmp_path / "model.nerve")
        again = load_model(tmp_path / "model.nerve")
        close(again.evaluate(X, LABELS, batch_size=50, verbose=0), total)
        assert again.layers[1].get_config()["l2"] == 0.3

    def test_a_fused_convolution_is_penalized_as_any(self):
        images = np.random.default_rng(0).normal(size=(4, 6, 6, 2)).astype(np.float32)
        model = Sequential(
            [Input((6, 6, 2)), layers.Conv2D(3, 3, activity_regularizer="l2"), layers.BatchNormalization()]
        )
        model(images)
        close(float(model.losses[0]), 0.01 * (np.asarray(model.layers[0](images)) ** 2).sum() / 4)

    def test_attention_penalizes_its_projections(self):
        x = np.random.default_rng(0).normal(size=(2, 5, 4)).astype(np.float32)
        layer = layers.MultiHeadAttention(2, 3, activity_regularizer="l1")
        y = layer(x, x)
        assert len(layer.losses) == 4
        close(float(layer.losses[3]), 0.01 * np.abs(np.asarray(y)).sum() / 2)


class WithoutLosses(Model):
    """Its head is made by the first pass that trains."""

    def __init__(self):
        super().__init__()
        self.hidden, self.head = layers.Dense(4), layers.Dense(1)

    def call(self, x, training=None):
        return self.head(self.hidden(x)) if training else self.hidden(x)[:, :1]

    def train_step(self, data):
        return super().train_step(data)


def test_weights_that_the_first_step_makes_are_trained_by_it():
    model = WithoutLosses()
    model.compile("sgd", "mse")
    model(X)
    assert len(model.weights) == 2
    model.train_on_batch(X, Y)
    assert len(model.weights) == 4
    before = model.get_weights()
    model.train_on_batch(X, Y)
    assert all((a != b).any() for a, b in zip(before, model.get_weights(), strict=True))


@pytest.mark.parametrize("run_eagerly", [False, True])
def test_the_first_step_of_a_model_without_weights_trains(run_eagerly):
    model = WithoutLosses()
    model.compile("sgd", "mse", run_eagerly=run_eagerly)
    nerve.random.seed(0)
    model.train_on_batch(X, Y)
    np.testing.assert_array_equal(model.head.bias.numpy() != 0, True)


@pytest.mark.parametrize("run_eagerly", [False, True])
def test_metrics_of_compile_are_one_metric_of_several_results(run_eagerly):
    class Own(Model):
        def train_step(self, data):
            x, y, weight = data
            y_pred = self(x, training=True)
            loss = self.compute_loss(x, y, y_pred, weight)
            self.optimizer.apply(nerve.gradients(loss, self.trainable_weights), self.trainable_weights)
            for metric in self.metrics:
                if metric.name == "loss":
                    metric.update_state(loss)
                else:
                    metric.update_state(y, y_pred, sample_weight=weight)
            return {metric.name: metric.result() for metric in self.metrics}

    inputs = Input((3,))
    outputs = {"a": layers.Dense(1, name="a")(inputs), "b": layers.Dense(1, name="b")(inputs)}
    logs = []
    for cls in (Model, Own):
        nerve.random.seed(2)
        model = cls(inputs, outputs)
        model.set_weights([np.full(v.shape, 0.1) for v in model.weights])
        model.compile(
            "sgd",
            "mse",
            metrics={"a": ["mae"], "b": ["mse"]},
            weighted_metrics={"b": ["mae"]},
            run_eagerly=run_eagerly,
        )
        assert [metric.name for metric in model.metrics] == ["loss", "compile_metrics"]
        assert model.metrics[1].result() == {}
        weights = {"a": np.linspace(0, 1, 50), "b": np.linspace(1, 0, 50)}
        logs.append(model.fit(X, {"a": Y, "b": Y}, sample_weight=weights, shuffle=False, verbose=0).history)
        assert set(model.metrics[1].result()) == {"a_mae", "b_mse", "b_mae"}
    assert set(logs[1]) == {"loss", "a_mae", "b_mse", "b_mae"}  # and no dict inside
    for name in set(logs[1]) - {"loss"}:
        close(logs[0][name], logs[1][name])


def test_a_step_of_its_own_may_cut_a_batch_into_inputs():
    class Pairs(Model):
        def train_step(self, data):
            y_pred = self(data[:, 0], training=True)
            loss = ops.mean(ops.square(y_pred - self(data[:, 1], training=True)))
            self.optimizer.apply(nerve.gradients(loss, self.trainable_weights), self.trainable_weights)
            return {"loss": loss}

    inputs = Input((3,))
    model = Pairs(inputs, layers.Dense(2)(inputs))
    model.compile("sgd", "mse")
    history = model.fit(np.stack([X, X[::-1]], 1), batch_size=50, shuffle=False, epochs=8, verbose=0).history["loss"]
    assert history[-1] < history[0]
    usual = Model(inputs, layers.Dense(2)(inputs))
    usual.compile("sgd", "mse")
    with pytest.raises(ShapeError, match="expects input"):
        usual.fit(np.stack([X, X], 1), Y, verbose=0)
