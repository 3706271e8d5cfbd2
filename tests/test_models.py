"""Functional models, Sequential and subclassing: graphs, names, order, weights, configuration, summary, errors."""

from __future__ import annotations

import pickle
from copy import deepcopy

import numpy as np
import pytest

import nerve
from nerve import Input, Model, Sequential, applications, layers, ops
from nerve.errors import DTypeError, ShapeError

rng = np.random.default_rng(2)
ROWS = rng.normal(size=(5, 3)).astype(np.float32)


def close(actual, expected, tolerance=2e-5):
    np.testing.assert_allclose(np.asarray(actual), expected, rtol=tolerance, atol=tolerance)


def residual():
    """Two ways to one sum, a shared layer, an op: everything a graph can have."""
    inputs = Input((3,), name="data")
    shared = layers.Dense(4, activation="relu", name="shared")
    left = shared(inputs)
    right = shared(inputs * 2.0)
    x = layers.Add(name="add")([left, right])
    return Model(inputs, layers.Dense(1, name="head")(x + ops.exp(-left)), name="residual")


class TestFunctional:
    def test_values(self):
        model = residual()
        kernel, bias, last, last_bias = model.get_weights()
        left, right = np.maximum(ROWS @ kernel + bias, 0), np.maximum(2 * ROWS @ kernel + bias, 0)
        close(model(ROWS), (left + right + np.exp(-left)) @ last + last_bias)

    def test_layers_and_weights_once_each_in_order(self):
        model = residual()
        names = [layer.name for layer in model.layers]
        assert names[0] == "data"
        assert names[-1] == "head"
        assert names.count("shared") == 1
        assert [w.shape for w in model.weights] == [(3, 4), (4,), (4, 1), (1,)]
        assert model.count_params() == 21
        assert list(model._named_weights()) == ["dense/kernel", "dense/bias", "dense_1/kernel", "dense_1/bias"]

    def test_order_is_keras_order(self):
        a, b = Input((2,), name="a"), Input((2,), name="b")
        x = layers.Dense(2, name="x")(a)
        x = layers.Dense(2, name="x2")(x)
        y = layers.Dense(2, name="y")(b)
        model = Model([b, a], layers.Concatenate(name="c")([x, y]))
        assert [layer.name for layer in model.layers] == ["b", "a", "x", "x2", "y", "c"]

    def test_several_inputs_and_outputs(self):
        a, b = Input((3,), name="a"), Input((2,), name="b")
        joined = layers.Concatenate()([a, b])
        model = Model([a, b], [layers.Dense(1, name="one")(joined), joined])
        other = np.ones((5, 2), np.float32)
        one, both = model([ROWS, other])
        close(both, np.concatenate([ROWS, other], 1), 0)
        close(model({"b": other, "a": ROWS})[0], one.numpy(), 0)
        assert model.output_shape == [(None, 1), (None, 5)]
        assert model.input_shape == [(None, 3), (None, 2)]
        assert model.output_names[0] == "one"

    def test_dicts(self):
        inputs = {"p": Input((3,)), "q": Input((3,))}
        model = Model(inputs, {"sum": inputs["p"] + inputs["q"], "p": layers.Dense(2)(inputs["p"])})
        y = model({"q": ROWS, "p": ROWS})
        assert sorted(y) == ["p", "sum"]
        close(y["sum"], 2 * ROWS, 0)

    def test_models_are_layers(self):
        inner = residual()
        x = Input((3,))
        outer = Model(x, inner(x) + inner(-x))
        close(outer(ROWS), inner(ROWS).numpy() + inner(-ROWS).numpy())
        assert len(outer.weights) == 4
        outer.trainable = False
        assert inner.trainable_weights == []

    def test_features_from_the_middle(self):
        model = residual()
        features = Model(model.input, model.get_layer("add").output)
        assert features(ROWS).shape == (5, 4)
        tail = Model(model.get_layer("add").output, layers.Dense(2)(model.get_layer("add").output))
        assert tail(features(ROWS)).shape == (5, 2)

    def test_training_reaches_the_layers(self):
        x = Input((3,))
        model = Model(x, layers.Dropout(0.5)(x))
        always = Model(x, layers.Dropout(0.5)(x, training=True))
        close(model(ROWS), ROWS, 0)
        assert (model(ROWS, training=True).numpy() == 0).any()
        assert (always(ROWS).numpy() == 0).any()

    def test_inputs_are_converted(self):
        x = Input((3,))
        model = Model(x, x)
        assert model(ROWS.astype(np.float64)).dtype == np.float32
        assert model(np.ones((2, 3), np.uint8)).dtype == np.float32
        labels = Input((), dtype="int32")
        assert Model(labels, labels)(np.array([1.0, 2.0])).dtype == np.int32
        double = Input((3,), dtype="float64")
        x = ROWS.astype(np.float64) / 3
        close(Model(double, double)(x), x, 0)

    def test_a_last_axis_of_one_may_be_missing(self):
        x = Input((4, 4, 1))
        model = Model(x, layers.Flatten()(x))
        assert model(np.ones((2, 4, 4))).shape == (2, 16)
        y = Input((4,))
        assert Model(y, y)(np.ones((2, 4, 1))).shape == (2, 4)

    def test_float64_models(self):
        x = Input((3,), dtype="float64")
        model = Model(x, layers.Dense(2, dtype="float64")(x))
        assert model(ROWS).dtype == np.float64

    def test_a_very_deep_model(self):
        inputs = Input((2,))
        x = inputs
        for _ in range(1500):
            x = layers.Activation("linear")(x)
        close(Model(inputs, x)(np.ones((1, 2))), [[1, 1]], 0)

    def test_gradients_of_inputs(self):
        model = residual()
        x = nerve.Tensor(ROWS)
        (grad,) = nerve.gradients(ops.sum(model(x)), [x])
        assert np.abs(grad).sum() > 0

    def test_compute_output_shape(self):
        x = Input((None, None, 3))
        model = Model(x, layers.Conv2D(4, 3)(x))
        assert model.compute_output_shape((7, 10, 9, 3)) == (7, 8, 7, 4)

    def test_errors(self):
        x, y = Input((3,), name="x"), Input((3,), name="y")
        with pytest.raises(ValueError, match=r"'y'.* not among the inputs"):
            Model(x, x + y)
        with pytest.raises(TypeError, match="inputs and outputs together"):
            Model(x)
        with pytest.raises(TypeError, match="must come from Input"):
            Model(ROWS, x)
        with pytest.raises(ValueError, match=r"different names.*\['same'\]"):
            Model(x, layers.Dense(1, name="same")(layers.Dense(1, name="same")(x)))
        with pytest.raises(ShapeError, match="positive sizes"):
            Input((0,))
        model = residual()
        with pytest.raises(ShapeError, match=r"^\[residual \(Model\)\] expects input 'data' of shape \(None, 3\)"):
            model(np.ones((2, 4)))
        with pytest.raises(ShapeError, match=r"expects 1 inputs, got 2"):
            model([ROWS, ROWS])
        with pytest.raises(DTypeError, match=r"expects arrays"):
            model([[1.0, 2.0, 3.0]])
        two = Model([x, y], x + y)
        with pytest.raises(ShapeError, match=r"expects 2 inputs, got 1"):
            two(ROWS)
        with pytest.raises(ShapeError, match=r"got none for \['y'\]"):
            two({"x": ROWS})

    def test_a_wrong_shape_inside_names_the_path(self):
        inner = Sequential([layers.Dense(3, name="d")], name="inner")
        inputs = Input((3,))
        outer = Model(inputs, inner(inputs), name="outer")
        inner.get_layer("d").kernel = nerve.Variable(np.ones((4, 3), np.float32))
        with pytest.raises(ShapeError, match=r"^\[outer/inner/d \(Dense\)\] "):
            outer(ROWS)


class TestSequential:
    def test_with_and_without_input(self):
        built = Sequential([Input((3,)), layers.Dense(4, activation="relu"), layers.Dense(2)])
        later = Sequential([layers.Dense(4, activation="relu"), layers.Dense(2)])
        assert built.built
        assert not later.built
        assert later.weights == []
        later(ROWS)
        later.set_weights(built.get_weights())
        close(later(ROWS), built(ROWS).numpy(), 0)
        assert later.output_shape == (None, 2)
        assert len(later.layers) == len(built.layers) == 2

    def test_a_model_in_front_brings_its_input(self):
        inputs = Input((4, 4, 1))
        base = Model(inputs, layers.Conv2D(2, 3)(inputs))
        model = Sequential([base, layers.Flatten(), layers.Dense(1)])
        assert model.built
        assert model.input_shape == (None, 4, 4, 1)
        assert [w.shape for w in model.weights] == [(3, 3, 1, 2), (2,), (8, 1), (1,)]
        assert [layer.name for layer in model.layers] == [base.name, model.layers[1].name, model.layers[2].name]
        again = Sequential.from_config(model.get_config())
        again.set_weights(model.get_weights())
        x = np.ones((2, 4, 4, 1), np.float32)
        assert np.array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))

    def test_build(self):
        model = Sequential([layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(1)])
        model.build((None, 8, 8, 1))
        assert model.count_params() == 20 + 73

    def test_add_and_pop(self):
        model = Sequential()
        model.add(Input((3,)))
        model.add(layers.Dense(4))
        model.add(layers.Dense(2))
        assert model(ROWS).shape == (5, 2)
        top = model.pop()
        assert model(ROWS).shape == (5, 4)
        model.add(top)
        assert model(ROWS).shape == (5, 2)
        assert top.output is model.output
        with pytest.raises(ValueError, match="already has a layer called"):
            model.add(top)
        with pytest.raises(ValueError, match="must come first"):
            model.add(Input((3,)))
        with pytest.raises(IndexError, match="no layers"):
            Sequential().pop()
        with pytest.raises(TypeError, match="expects layers"):
            model.add(np.tanh)

    def test_a_layer_that_does_not_fit_is_not_added(self):
        model = Sequential([Input((3,)), layers.Dense(4)], name="stack")
        wrong = layers.Conv2D(2, 3, name="wrong")
        with pytest.raises(ShapeError, match=r"^\[stack/wrong \(Conv2D\)\] "):
            model.add(wrong)
        assert len(model.layers) == 1
        assert not wrong.built
        assert model(ROWS).shape == (5, 4)

    def test_a_build_that_fails_leaves_nothing(self):
        model = Sequential([layers.Dense(4), layers.Conv2D(2, 3)])
        with pytest.raises(ShapeError, match="Conv2D"):
            model(ROWS)
        assert not model.built
        assert not model.layers[0].built
        assert model.weights == []
        model.pop()
        assert model(ROWS).shape == (5, 4)

    def test_no_layers(self):
        with pytest.raises(ValueError, match="no layers"):
            Sequential()(ROWS)

    def test_inside_a_functional_model(self):
        inputs = Input((3,))
        model = Model(inputs, Sequential([layers.Dense(2)])(inputs))
        assert model(ROWS).shape == (5, 2)
        assert list(model._named_weights()) == ["sequential/dense/kernel", "sequential/dense/bias"]


class Twice(Model):
    def __init__(self, width=4, **options):
        super().__init__(**options)
        self.width = width
        self.hidden = [layers.Dense(width), layers.Dense(width)]
        self.norm = layers.BatchNormalization()
        self.head = layers.Dense(1)

    def call(self, x, training=None):
        for layer in self.hidden:
            x = ops.relu(layer(x))
        return 2 * self.head(self.norm(x, training=training))


class TestSubclassing:
    def test_weights_come_with_the_first_call(self):
        model = Twice()
        assert model.weights == []
        y = model(ROWS)
        assert y.shape == (5, 1)
        assert len(model.weights) == 10
        assert len(model.trainable_weights) == 8
        assert [layer.name.rsplit("_", 1)[0] for layer in model.layers][-2] == model.norm.name.rsplit("_", 1)[0]

    def test_build(self):
        model = Twice()
        model.build((None, 3))
        assert len(model.weights) == 10
        close(model.norm.moving_mean, np.zeros(4), 0)

    def test_as_a_layer_of_a_functional_model(self):
        inputs = Input((3,))
        inner = Twice()
        model = Model(inputs, inner(inputs))
        assert model.output_shape == (None, 1)
        assert len(model.weights) == 10
        close(model(ROWS), inner(ROWS).numpy(), 0)

    def test_a_subclass_may_take_inputs_and_outputs(self):
        class Custom(Model):
            pass

        x = Input((3,))
        model = Custom(x, layers.Dense(2)(x))
        assert model(ROWS).shape == (5, 2)
        again = Custom.from_config(model.get_config())
        assert type(again) is Custom
        again.set_weights(model.get_weights())
        close(again(ROWS), model(ROWS).numpy(), 0)

    def test_neither_call_nor_graph(self):
        with pytest.raises(NotImplementedError, match="neither a call method"):
            Model()(ROWS)
        with pytest.raises(AttributeError, match="has no output"):
            _ = Twice().output


class TestConfiguration:
    def test_functional(self):
        model = residual()
        again = Model.from_config(model.get_config())
        assert again.name == "residual"
        assert [layer.name for layer in again.layers] == [layer.name for layer in model.layers]
        assert again.weights[0] is not model.weights[0]
        again.set_weights(model.get_weights())
        close(again(ROWS), model(ROWS).numpy(), 0)

    def test_constants_slices_and_options_of_calls(self):
        x = Input((3,))
        y = ops.concatenate([x[:, 1:], x * np.array([1.0, 2.0, 3.0], np.float32)], axis=-1)
        model = Model(x, [ops.sum(y, axis=1, keepdims=True), ops.maximum(y, 0.5), y[..., None]])
        again = Model.from_config(model.get_config())
        for a, b in zip(again(ROWS), model(ROWS), strict=True):
            close(a, b.numpy(), 0)

    def test_sequential(self):
        model = Sequential([Input((3,)), layers.Dense(4, activation="relu", name="d")], name="s")
        again = Sequential.from_config(model.get_config())
        assert (again.name, again.built, again.layers[0].name) == ("s", True, "d")
        unbuilt = Sequential.from_config(Sequential([layers.Dense(4)]).get_config())
        assert not unbuilt.built

    def test_subclass(self):
        again = Twice.from_config(Twice(width=7, name="t").get_config())
        assert (again.width, again.name) == (7, "t")


class TestSummary:
    def text(self, model, **options):
        lines = []
        model.summary(print_fn=lines.append, **options)
        assert len(lines) == 1
        return lines[0]

    def test_numbers(self):
        model = Sequential([Input((28, 28, 1)), layers.Conv2D(8, 3, name="conv"), layers.BatchNormalization(name="bn")])
        model.get_layer("bn").trainable = False
        text = self.text(model, show_trainable=True)
        for part in (
            f'Model: "{model.name}"', "conv (Conv2D)", "(None, 26, 26, 8)", "80", "Total params: 112 (448.00 B)",
            "Trainable params: 80 (320.00 B)", "Non-trainable params: 32 (128.00 B)", "yes", "no",
        ):  # fmt: skip
            assert part in text
        assert "Connected to" not in text

    def test_branches_are_shown(self):
        text = self.text(residual())
        assert "Connected to" in text
        assert "shared" in text.split("add (Add)")[1].splitlines()[0]

    def test_nested(self):
        inputs = Input((3,))
        model = Model(inputs, Sequential([layers.Dense(2, name="deep")], name="stack")(inputs))
        assert "deep" not in self.text(model)
        assert "  deep (Dense)" in self.text(model, expand_nested=True)

    def test_unbuilt_and_narrow(self, capsys):
        Sequential([layers.Dense(2)]).summary(line_length=50)
        text = capsys.readouterr().out
        assert "Not built yet" in text
        assert max(map(len, text.splitlines())) <= 80

    def test_subclass(self):
        model = Twice()
        model(ROWS)
        assert "Total params: 57" in self.text(model)


@pytest.mark.parametrize("copy", [deepcopy, lambda model: pickle.loads(pickle.dumps(model))], ids=["copy", "pickle"])
def test_copies_are_models_of_their_own(copy):
    for model in (residual(), Sequential([Input((3,)), layers.Dropout(0.5, seed=1), layers.Dense(2)])):
        model.compile("adam", "mse")
        again = copy(model)
        close(again(ROWS), model(ROWS).numpy(), 0)
        again.fit(ROWS, np.ones((5, *again(ROWS).shape[1:])), verbose=0)
        assert not np.array_equal(again.get_weights()[0], model.get_weights()[0])
        assert model.optimizer.iterations == 0


def test_get_layer():
    model = residual()
    assert model.get_layer("head") is model.layers[-1]
    assert model.get_layer(index=0) is model.layers[0]
    with pytest.raises(ValueError, match="has no layer 'nose'; it has"):
        model.get_layer("nose")
    with pytest.raises(ValueError, match="asked for index 99"):
        model.get_layer(index=99)
    with pytest.raises(ValueError, match="a name or an index"):
        model.get_layer()


def test_lenet():
    model = applications.LeNet5()
    assert model.count_params() == 61_706
    probabilities = model.predict(rng.uniform(size=(3, 28, 28)), verbose=0)
    close(probabilities.sum(1), np.ones(3))
    assert applications.LeNet5((32, 32, 3), include_top=False).output_shape == (None, 6, 6, 16)


def test_resnet20():
    model = applications.ResNet20()
    assert sum(v.size for v in model.trainable_variables) == 272_474
    # The paper's table 6 has 0.27M; with its zeros in place of two 1x1 convolutions these would be 269,722.
    assert model.count_params() - 272_474 == 2 * (7 * 16 + 7 * 32 + 7 * 64)  # moving means and variances
    convolutions = [layer for layer in model.layers if isinstance(layer, layers.Conv2D)]
    assert len(convolutions) + 1 == 20 + 2  # with the dense layer, and without the shortcuts'
    close(model.predict(rng.uniform(size=(2, 32, 32, 3)), verbose=0).sum(1), np.ones(2))
    assert applications.ResNet20((16, 24, 1), include_top=False).output_shape == (None, 4, 6, 64)


def test_resnet20_trains_replayed_as_eagerly():
    labels = np.arange(24) % 3
    images = 0.3 * rng.normal(size=(24, 8, 8, 3)).astype(np.float32)
    images[np.arange(24), :, :, labels] += 1  # a class for each colour

    def fitted(run_eagerly):
        nerve.random.seed(4)
        model = applications.ResNet20((8, 8, 3), classes=3)
        model.compile(
            nerve.optimizers.SGD(0.05, momentum=0.9), "sparse_categorical_crossentropy", run_eagerly=run_eagerly
        )
        return model.fit(images, labels, batch_size=8, epochs=4, verbose=0).history["loss"], model

    (eager, expected), (replayed, model) = fitted(True), fitted(False)
    assert replayed == eager
    assert replayed[-1] < 0.3 * replayed[0]
    for a, b in zip(expected.weights, model.weights, strict=True):
        np.testing.assert_array_equal(a.array, b.array, err_msg=a.name)
    (recording,) = model._recorders["train"].recordings
    assert recording.ready


def test_an_init_that_forgets_super_says_so():
    class Forgets(Model):
        def __init__(self):
            self.dense = layers.Dense(1)

        def call(self, inputs):
            return self.dense(inputs)

    with pytest.raises(AttributeError, match=r"Forgets has no '\w+' yet: its __init__ must call super\(\)"):
        Forgets()(ROWS)
    with pytest.raises(AttributeError, match=r"must call super\(\)"):
        Sequential([Input((3,)), Forgets()])


class TestSizesOfData:
    def test_a_stack_made_by_its_first_data_takes_other_lengths(self):
        model = Sequential([layers.LSTM(3), layers.Dense(2, name="d")])
        model.compile("sgd", "mse")
        model.fit(np.ones((4, 6, 3), np.float32), np.ones((4, 2)), verbose=0)
        weights = model.get_weights()
        assert model.input_shape == (None, 6, 3)
        x = rng.normal(size=(5, 9, 3)).astype(np.float32)
        expected = model.layers[1](model.layers[0](x)).numpy()
        np.testing.assert_allclose(model.predict(x, verbose=0), expected, rtol=1e-6)
        assert model.input_shape == (None, None, 3)
        assert model.layers[1].output.shape == (None, 2)
        model.fit(x, np.ones((5, 2)), verbose=0)
        assert len(model.get_weights()) == len(weights)
        again = Sequential.from_config(model.get_config())
        assert again.input_shape == (None, None, 3)

    def test_but_not_where_a_layer_minds_it(self):
        model = Sequential([layers.Flatten(), layers.Dense(2)])
        model(np.ones((1, 4, 3), np.float32))
        for other in ((1, 5, 3), (1, 4, 3, 1, 1)):
            with pytest.raises(ShapeError, match=r"of shape \(None, 4, 3\), got"):
                model(np.ones(other, np.float32))
        assert model.input_shape == (None, 4, 3)

        class OfFour(layers.Layer):
            def call(self, x):
                if x.shape[1] != 4:
                    raise ValueError("four are expected")
                return x

        own = Sequential([OfFour(), layers.Dense(2)])
        own(np.ones((1, 4, 3), np.float32))
        with pytest.raises(ShapeError, match=r"of shape \(None, 4, 3\), got \(1, 5, 3\)"):
            own(np.ones((1, 5, 3), np.float32))
        said = Sequential([Input((4, 3)), layers.LSTM(2)])
        with pytest.raises(ShapeError, match=r"of shape \(None, 4, 3\), got \(1, 5, 3\)"):
            said.predict(np.ones((1, 5, 3), np.float32), verbose=0)

    def test_a_stack_in_a_layer_of_unknown_length(self):
        class Block(layers.Layer):
            def __init__(self):
                super().__init__()
                self.places = layers.Embedding(8, 4)
                self.inner = Sequential([layers.Dense(5, activation="relu"), layers.Dense(4)])

            def call(self, x):
                return x + self.inner(x) + self.places(ops.arange(0, ops.shape(x)[1], 1))

        inputs = Input((None, 4))  # stand-ins for the length are longer than there are places
        model = Model(inputs, Block()(inputs))
        assert model.output_shape == (None, None, 4)
        assert model.predict(np.ones((2, 8, 4)), verbose=0).shape == (2, 8, 4)
        with pytest.raises(IndexError, match=r"\(Embedding\)\] has vectors for 0 to 7"):
            model(np.ones((2, 9, 4)))
