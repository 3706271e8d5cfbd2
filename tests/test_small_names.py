"""Keras's small names: random arrays, metrics as functions, objects as plain data, copies of models."""

from __future__ import annotations

import json
from typing import ClassVar

import numpy as np
import pytest

import nerve
from nerve import (
    Input,
    Sequential,
    activations,
    constraints,
    initializers,
    layers,
    losses,
    metrics,
    optimizers,
    random,
    regularizers,
)
from nerve.errors import DTypeError, ModelFileError, RecordingError, ShapeError
from nerve.models import Model, clone_model, model_from_json
from nerve.optimizers import schedules

from .fitting import close

rng = np.random.default_rng(5)


class TestRandom:
    DRAWS: ClassVar = {
        "normal": lambda **o: random.normal((4000,), 1.0, 2.0, **o),
        "uniform": lambda **o: random.uniform((4000,), -1.0, 3.0, **o),
        "truncated_normal": lambda **o: random.truncated_normal((4000,), 1.0, 2.0, **o),
        "gamma": lambda **o: random.gamma((4000,), 2.5, **o),
        "beta": lambda **o: random.beta((4000,), 2.0, 3.0, **o),
        "binomial": lambda **o: random.binomial((4000,), 10, 0.3, **o),
    }
    # Mean and variance. A normal cut at two deviations has 0.7737 of the variance.
    MOMENTS: ClassVar = {
        "normal": (1.0, 4.0), "uniform": (1.0, 16 / 12), "truncated_normal": (1.0, 4 * 0.7737), "gamma": (2.5, 2.5),
        "beta": (0.4, 0.04), "binomial": (3.0, 2.1),
    }  # fmt: skip

    @pytest.mark.parametrize("name", DRAWS)
    def test_seeds(self, name):
        draw = self.DRAWS[name]
        values = draw(seed=3)
        assert isinstance(values, nerve.Tensor)
        assert (values.shape, values.dtype) == ((4000,), np.float32)
        assert draw(seed=3, dtype="float64").dtype == np.float64
        np.testing.assert_array_equal(values, draw(seed=3))
        stream = random.SeedGenerator(3)
        first, second = np.asarray(draw(seed=stream)), np.asarray(draw(seed=stream))
        assert not np.array_equal(first, second)
        random.seed(9)
        from_global = np.asarray(draw())
        assert not np.array_equal(from_global, np.asarray(draw()))
        random.seed(9)
        np.testing.assert_array_equal(draw(), from_global)

    @pytest.mark.parametrize("name", DRAWS)
    def test_moments(self, name):
        values = np.asarray(self.DRAWS[name](seed=1))
        mean, variance = self.MOMENTS[name]
        np.testing.assert_allclose(values.mean(), mean, atol=5 * np.sqrt(variance / 4000))
        np.testing.assert_allclose(values.var(), variance, rtol=0.15)

    def test_ranges(self):
        values = np.asarray(random.randint((4000,), -2, 3, seed=1))
        assert values.dtype == np.int32
        assert np.bincount(values + 2).min() > 4000 / 5 - 5 * np.sqrt(4000 * 0.16)
        assert values.min() == -2
        assert values.max() == 2
        assert np.abs(np.asarray(random.truncated_normal((4000,), seed=1))).max() <= 2
        assert random.randint((2,), 0, 1, dtype="int64").dtype == np.int64

    def test_parameters_broadcast(self):
        np.testing.assert_allclose(np.asarray(random.gamma((4000, 2), [1.0, 9.0], seed=1)).mean(0), [1, 9], rtol=0.1)
        np.testing.assert_allclose(
            np.asarray(random.beta((4000, 2), [1.0, 3.0], 1.0, seed=1)).mean(0), [0.5, 0.75], rtol=0.1
        )
        counts = np.asarray(random.binomial((4000, 2), [1, 10], 0.5, seed=1))
        assert counts.max(0).tolist() == [1, 10]

    def test_categorical(self):
        logits = np.log([[0.1, 0.2, 0.7], [1.0, 1e-30, 1e-30]])
        drawn = np.asarray(random.categorical(logits, 4000, seed=1))
        assert (drawn.shape, drawn.dtype) == ((2, 4000), np.int32)
        np.testing.assert_allclose(np.bincount(drawn[0]) / 4000, [0.1, 0.2, 0.7], atol=0.035)
        assert not drawn[1].any()
        with pytest.raises(ShapeError, match=r"\(batch, classes\), got shape \(3,\)"):
            random.categorical(np.zeros(3), 1)

    def test_dropout(self):
        x = nerve.Variable(np.ones((200, 50), np.float32))
        dropped = random.dropout(x, 0.3, seed=2)
        values = np.unique(dropped)
        np.testing.assert_allclose(values, [0, 1 / 0.7], rtol=1e-6)
        np.testing.assert_allclose((np.asarray(dropped) == 0).mean(), 0.3, atol=0.03)
        (gradient,) = nerve.gradients(dropped.sum(), [x])
        np.testing.assert_array_equal(gradient, dropped)
        columns = np.asarray(random.dropout(x, 0.3, noise_shape=(1, None), seed=2))
        assert (columns == columns[0]).all()
        assert 0 < (columns[0] == 0).sum() < 50
        with pytest.raises(ShapeError, match="must have 2 sizes"):
            random.dropout(x, 0.3, noise_shape=(1,))

    def test_shuffle(self):
        x = np.arange(60).reshape(20, 3)
        shuffled = np.asarray(random.shuffle(x, seed=1))
        assert sorted(shuffled[:, 0]) == sorted(x[:, 0])
        assert not np.array_equal(shuffled, x)
        np.testing.assert_array_equal(shuffled[:, 1], shuffled[:, 0] + 1)
        across = np.asarray(random.shuffle(x, axis=1, seed=3))
        np.testing.assert_array_equal(np.sort(across, axis=1), x)
        with pytest.raises(ShapeError, match="axis 2"):
            random.shuffle(x, axis=2)

    def test_refusals(self):
        for error, call in [
            (DTypeError, lambda: random.normal((2,), dtype="int32")),
            (DTypeError, lambda: random.randint((2,), 0, 3, dtype="float32")),
            (DTypeError, lambda: random.categorical([[1.0]], 1, dtype="float32")),
            (DTypeError, lambda: random.gamma((2,), 1.0, dtype="int32")),
            (ValueError, lambda: random.randint((2,), 3, 3)),
            (ValueError, lambda: random.gamma((2,), 0.0)),
            (ValueError, lambda: random.beta((2,), 1.0, -1.0)),
            (ValueError, lambda: random.binomial((2,), 1.5, 0.5)),
            (ValueError, lambda: random.binomial((2,), 1, 1.5)),
            (ValueError, lambda: random.uniform((2,), seed=-1)),
            (TypeError, lambda: random.uniform((2,), seed=1.5)),
        ]:
            with pytest.raises(error):
                call()

    def test_in_recordings(self):
        def draw(x):
            noise = random.normal(x.shape) + random.uniform(x.shape, seed=7)
            return x + noise, random.randint(x.shape, 0, 1000), random.categorical(x, 5)

        recorded = nerve.compile(draw)
        x = np.zeros((3, 4), np.float32)
        for function in (draw, recorded):
            random.seed(1)
            passes = [[np.asarray(part) for part in function(nerve.Tensor(x))] for _ in range(3)]
            assert not np.array_equal(passes[0][0], passes[1][0])
            assert not np.array_equal(passes[1][1], passes[2][1])
            if function is draw:
                eager = passes
        for mine, expected in zip(passes, eager, strict=True):
            for a, b in zip(mine, expected, strict=True):
                np.testing.assert_array_equal(a, b)
        unrecordable = nerve.compile(lambda x: x + random.gamma((4,), 1.0))
        unrecordable(x)
        with pytest.raises(RecordingError, match="a NumPy generator"):
            unrecordable(x)


class TestMetricsAsFunctions:
    def test_accuracies(self):
        outputs = np.array([[0.1, 0.7, 0.2], [0.6, 0.3, 0.1]])
        assert np.asarray(metrics.sparse_categorical_accuracy([1, 2], outputs)).tolist() == [1, 0]
        assert np.asarray(metrics.categorical_accuracy(np.eye(3)[[1, 2]], outputs)).tolist() == [1, 0]
        assert np.asarray(metrics.top_k_categorical_accuracy(np.eye(3)[[2, 2]], outputs, k=2)).tolist() == [1, 0]
        assert np.asarray(metrics.sparse_top_k_categorical_accuracy([2, 2], outputs, k=2)).tolist() == [1, 0]
        best = np.array([[1, 2, 0], [0, 1, 2]])
        found = metrics.sparse_top_k_categorical_accuracy([2, 2], best, k=2, from_sorted_ids=True)
        assert np.asarray(found).tolist() == [1, 0]
        assert np.asarray(metrics.binary_accuracy([1, 0, 1], [0.6, 0.4, 0.4])).tolist() == [1, 1, 0]
        assert np.asarray(metrics.binary_accuracy([[1, 0]], [[0.3, 0.1]], threshold=0.2)).tolist() == [[1, 1]]

    def test_losses_are_here_too(self):
        x, y = rng.normal(size=(2, 4, 3))
        for name in ("mean_squared_error", "huber", "kl_divergence"):
            assert getattr(metrics, name) is getattr(losses, name)
        assert type(metrics.get(metrics.mean_squared_error)) is metrics.MeanSquaredError
        assert type(metrics.get(metrics.binary_accuracy)) is metrics.BinaryAccuracy
        close(metrics.get(metrics.huber)(x, y), np.asarray(losses.huber(x, y)).mean())

    def test_correlations(self):
        x, y = rng.normal([[[1.0]], [[2.0]]], size=(2, 6, 40))
        expected = [np.corrcoef(a, b)[0, 1] for a, b in zip(x, y, strict=True)]
        close(metrics.pearson_correlation(x, y), expected)
        metric = metrics.PearsonCorrelation()
        metric.update_state(x[:2], y[:2])
        metric.update_state(x[2:], y[2:])
        close(metric.result(), np.mean(expected))
        lin = 2 * np.mean((x - x.mean(1, keepdims=True)) * (y - y.mean(1, keepdims=True)), 1)
        lin /= x.var(1) + y.var(1) + (x.mean(1) - y.mean(1)) ** 2
        close(metrics.concordance_correlation(x, y), lin)
        close(metrics.ConcordanceCorrelation()(x, x), 1)
        close(metrics.PearsonCorrelation(axis=(0, 1))(x, y), np.corrcoef(x.ravel(), y.ravel())[0, 1])
        close(metrics.PearsonCorrelation()(x[0], y[0][:, None]), expected[0])
        with pytest.raises(ShapeError, match="one shape"):
            metrics.pearson_correlation(x, y[:, :3])

    def test_of_a_function_with_options(self, tmp_path):
        def distance(y_true, y_pred, power=1):
            return abs(y_true - y_pred) ** power

        metric = metrics.MeanMetricWrapper(distance, name="cube", power=3)
        close(metric([[1.0, 2.0]], [[3.0, 2.0]]), 4)
        data = json.loads(json.dumps(metrics.serialize(metric)))
        again = metrics.deserialize(data, {"distance": distance})
        close(again([[1.0, 2.0]], [[3.0, 2.0]]), 4)
        model = Sequential([Input((2,)), layers.Dense(2)])
        model.compile("sgd", "mse", metrics=[metric, metrics.PearsonCorrelation(), metrics.ConcordanceCorrelation()])
        x = rng.normal(size=(8, 2)).astype(np.float32)
        model.fit(x, x, verbose=0)
        model.save(tmp_path / "m.nerve")
        loaded = nerve.models.load_model(tmp_path / "m.nerve", {"distance": distance})
        close(loaded.evaluate(x, x, verbose=0), model.evaluate(x, x, verbose=0))


class TestCircle:
    def formula(self, labels, x, reference_labels=None, reference=None, *, gamma=80.0, margin=0.4, diagonal=False):
        reference = x if reference is None else reference
        same = labels[:, None] == (labels if reference_labels is None else reference_labels)[None]
        other = ~same
        if not diagonal:
            same = same & ~np.eye(*same.shape, dtype=bool)
        s = x @ reference.T
        losses = []
        for row in range(len(x)):
            # Sun et al., 2020, equation 6, with O_p = 1 + m, O_n = -m, D_p = 1 - m, D_n = m.
            p, n = s[row][same[row]], s[row][other[row]]
            positive = np.exp(-gamma * np.maximum(1 + margin - p, 0) * (p - 1 + margin)).sum()
            negative = np.exp(gamma * np.maximum(n + margin, 0) * (n - margin)).sum()
            losses.append(np.log1p(positive * negative))
        return np.array(losses)

    def unit(self, *shape):
        x = rng.normal(size=shape)
        return x / np.linalg.norm(x, axis=-1, keepdims=True)

    def test_formula(self):
        x, labels = self.unit(8, 5), np.array([0, 1, 2, 0, 1, 2, 0, 3])
        close(losses.circle(labels, x, gamma=4.0), self.formula(labels, x, gamma=4.0))
        assert np.asarray(losses.circle(labels, x))[7] == 0  # alone in its class
        close(
            losses.circle(labels[:, None], x, gamma=4.0, remove_diagonal=False),
            self.formula(labels, x, gamma=4.0, diagonal=True),
        )
        other, known = self.unit(6, 5), np.array([0, 1, 2, 3, 0, 1])
        close(
            losses.circle(labels, x, known, other, gamma=4.0, margin=0.2, remove_diagonal=False),
            self.formula(labels, x, known, other, gamma=4.0, margin=0.2, diagonal=True),
        )

    def test_mean_of_what_is_left(self):
        x, labels = self.unit(8, 5), np.array([0, 1, 2, 0, 1, 2, 0, 3])
        values = self.formula(labels, x, gamma=4.0)
        close(losses.Circle(gamma=4.0)(labels, x), values[values > 0].mean())
        close(losses.Circle(gamma=4.0, reduction="sum")(labels, x), values.sum())
        alone = losses.Circle()(np.arange(8), x)
        assert float(alone) == 0
        config = losses.serialize(losses.Circle(gamma=3.0, margin=0.1, remove_diagonal=False))
        assert losses.deserialize(config).get_config() == losses.Circle(3.0, 0.1, False).get_config()

    def test_gradient(self):
        x, labels = self.unit(6, 4), np.array([0, 1, 0, 1, 2, 2])
        v = nerve.Variable(x)
        (gradient,) = nerve.gradients(losses.Circle(gamma=4.0)(labels, v), [v])
        direction = rng.normal(size=x.shape)
        up, down = (float(losses.Circle(gamma=4.0)(labels, x + h * direction)) for h in (1e-6, -1e-6))
        np.testing.assert_allclose((np.asarray(gradient) * direction).sum(), (up - down) / 2e-6, rtol=1e-6)
        v = nerve.Variable(x.astype(np.float32))
        (gradient,) = nerve.gradients(losses.Circle()(np.arange(6), v), [v])
        assert not np.asarray(gradient).any()  # nobody has a partner, and nothing is NaN

    def test_training(self):
        x = np.concatenate([rng.normal(c, 0.3, (20, 3)) for c in (-1, 0, 1)]).astype(np.float32)
        labels = np.repeat([0, 1, 2], 20)

        class Unit(layers.Layer):
            def call(self, x):
                return x / nerve.ops.sqrt((x * x).sum(axis=-1, keepdims=True))

        model = Sequential([Input((3,)), layers.Dense(8, activation="tanh"), layers.Dense(4), Unit()])
        model.compile(optimizers.Adam(0.01), losses.Circle(gamma=8.0))
        history = model.fit(x, labels, batch_size=60, epochs=40, verbose=0).history["loss"]
        assert history[-1] < 0.5 * history[0]
        with pytest.raises(ShapeError, match="labels do not fit"):
            losses.circle(labels[:5], x)


class TestPlainData:
    @pytest.mark.parametrize(
        ("module", "value"),
        [
            (layers, layers.Dense(3, activation="relu", name="d")),
            (losses, losses.Huber(0.5)),
            (metrics, metrics.MeanSquaredError()),
            (optimizers, optimizers.Adam(0.1, clipnorm=1.0)),
            (schedules, schedules.ExponentialDecay(0.1, 10, 0.5)),
            (initializers, initializers.HeNormal(seed=3)),
            (regularizers, regularizers.L1L2(0.1, 0.2)),
            (constraints, constraints.MinMaxNorm(0.1, 2.0)),
        ],
    )
    def test_there_and_back(self, module, value):
        data = json.loads(json.dumps(module.serialize(value)))
        again = module.deserialize(data)
        assert type(again) is type(value)
        assert module.serialize(again) == module.serialize(value)
        bare = {"class_name": data["class_name"], "config": data["config"]}
        assert type(module.deserialize(bare)) is type(value)
        assert {"serialize", "deserialize"} <= set(dir(module))

    def test_names(self):
        assert type(losses.deserialize("mse")) is losses.MeanSquaredError
        assert type(metrics.deserialize("mse")) is metrics.MeanSquaredError
        assert activations.deserialize(activations.serialize(activations.relu)) is activations.relu
        assert type(regularizers.deserialize("l2")) is regularizers.L2
        own = type("Own", (losses.Loss,), {})
        assert losses.deserialize("own", {"own": own}) is own
        with pytest.raises(ValueError, match="unknown loss"):
            losses.deserialize("nothing")
        with pytest.raises(TypeError, match="expected what serialize gives"):
            layers.deserialize("dense")
        with pytest.raises(ModelFileError, match="'Dense', which is not part of nerve"):
            losses.deserialize({"class_name": "Dense", "config": {}})

    def test_a_file_cannot_name_what_makes_objects(self):
        with pytest.raises(ModelFileError, match="not part of nerve"):
            nerve.serialization.deserialize({"function": "deserialize", "module": "losses"})
        with pytest.raises(ModelFileError, match="not part of nerve"):
            nerve.serialization.deserialize({"function": "get", "module": "activations"})

    def test_aliases(self):
        for name in (
            "glorot_uniform",
            "he_normal",
            "random_normal",
            "variance_scaling",
            "zeros",
            "constant",
            "identity",
        ):
            assert getattr(initializers, name) is type(initializers.get(name))
        assert initializers.OrthogonalInitializer is initializers.orthogonal is initializers.Orthogonal
        assert regularizers.orthogonal_regularizer is regularizers.OrthogonalRegularizer


def functional():
    inputs = Input((4,), name="x")
    shared = layers.Dense(4, activation="tanh", name="shared")
    x = shared(shared(inputs))
    outputs = layers.Add(name="sum")([layers.Dense(2, name="head")(x), layers.Dense(2)(inputs)])
    return Model(inputs, outputs, name="f")


class TestCopies:
    X = rng.normal(size=(5, 4)).astype(np.float32)

    def models(self):
        sequential = Sequential([Input((4,)), layers.Dense(3), layers.Bidirectional(layers.LSTM(2))][:2], name="s")
        unbuilt = Sequential([layers.Dense(3)])
        return functional(), sequential, Sequential([functional(), layers.Dense(1)]), unbuilt

    def test_same_structure_new_weights(self):
        for model in self.models():
            copy = clone_model(model)
            assert copy.name == model.name
            assert type(copy) is type(model)
            assert [layer.name for layer in copy.layers] == [layer.name for layer in model.layers]
            assert not set(map(id, copy._walk())) & set(map(id, model._walk()))
            expected = model.predict(self.X, verbose=0)
            assert not np.allclose(copy.predict(self.X, verbose=0), expected)
            copy.set_weights(model.get_weights())
            close(copy.predict(self.X, verbose=0), expected)

    def test_inner_layers_are_copied(self):
        model = Sequential([Input((5, 4)), layers.Bidirectional(layers.LSTM(2))])
        copy = clone_model(model)
        before = model.get_weights()
        copy.set_weights([0 * w for w in copy.get_weights()])
        for a, b in zip(model.get_weights(), before, strict=True):
            np.testing.assert_array_equal(a, b)

    def test_with_other_layers(self):
        def wider(layer):
            config = layer.get_config()
            if isinstance(layer, layers.Dense) and layer.name == "head":
                config["use_bias"] = False
            return type(layer).from_config(config)

        copy = clone_model(functional(), clone_function=wider)
        assert len(copy.weights) == len(functional().weights) - 1
        copy = clone_model(Sequential([functional(), layers.Dense(1)]), clone_function=wider, recursive=True)
        assert len(copy.layers[0].weights) == len(functional().weights) - 1
        copy = clone_model(Sequential([Input((4,)), layers.Dense(2, name="head")]), clone_function=wider)
        assert len(copy.weights) == 1

    def test_with_calls_between(self):
        def call(layer, *args, **kwargs):
            return 2 * layer(*args, **kwargs) if layer.name == "sum" else layer(*args, **kwargs)

        model = functional()
        copy = clone_model(model, clone_function=lambda layer: layer, call_function=call)
        close(copy.predict(self.X, verbose=0), 2 * model.predict(self.X, verbose=0))

    def test_on_other_inputs(self):
        model = functional()
        begin = Input((4,), name="begin")
        copy = clone_model(model, input_tensors=layers.Rescaling(2.0)(begin))
        whole = Model(begin, copy.outputs[0])
        copy_weights = {w.shape for w in copy.weights}
        assert copy_weights == {w.shape for w in model.weights}
        whole.set_weights(model.get_weights())
        close(whole.predict(self.X, verbose=0), model.predict(2 * self.X, verbose=0))
        copy = clone_model(Sequential([Input((4,)), layers.Dense(2)]), input_tensors=Input((4,), name="other"))
        assert copy.inputs[0].name == "other"

    def test_of_a_program(self):
        class Own(Model):
            def __init__(self, units=3):
                super().__init__()
                self.dense = layers.Dense(units)

            def call(self, x):
                return self.dense(x)

        assert clone_model(Own(7)).dense.units == 7
        with pytest.raises(ValueError, match="is no graph"):
            clone_model(Own(), clone_function=lambda layer: layer)
        with pytest.raises(ValueError, match="is Sequential"):
            clone_model(Sequential([layers.Dense(1)]), call_function=lambda layer, x: layer(x))

    def test_json(self):
        for model in self.models():
            model(self.X)
            text = model.to_json(indent=2)
            copy = model_from_json(text)
            copy.set_weights(model.get_weights())
            close(copy.predict(self.X, verbose=0), model.predict(self.X, verbose=0))
            assert copy.to_json(indent=2) == text
        for text, message in [
            ("{", "is not JSON"),
            ("{}", "describes no model"),
            ('{"model": {"a": 1}}', "describes no model"),
        ]:
            with pytest.raises(ModelFileError, match=message):
                model_from_json(text)

        class Own(layers.Layer):
            def call(self, x):
                return x

        text = Sequential([Input((4,)), Own()]).to_json()
        with pytest.raises(ModelFileError, match="Own"):
            model_from_json(text)
        assert type(model_from_json(text, {"Own": Own}).layers[0]) is Own
