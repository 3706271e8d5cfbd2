"""What is said where layers do not fit together: the path, the axes, what came, and from which layer."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nerve import Input, Model, Sequential, callbacks, layers
from nerve.errors import ShapeError

Layers = list[Any]

STACKS: list[tuple[Layers, str]] = [
    (
        [Input((4, 4, 3)), layers.Flatten(name="f"), layers.Conv2D(2, 3, name="c")],
        (
            "[net/c (Conv2D)] expects inputs (batch, rows, columns, channels), got shape (None, 48); "
            "inputs come from f (Flatten): (None, 48)"
        ),
    ),
    (
        [Input((None, 3), name="x"), layers.Flatten(name="f"), layers.Dense(2, name="d")],
        (
            "[net/d (Dense)] expects inputs (batch, ..., features) with known features, got shape (None, None); "
            "inputs come from f (Flatten): (None, None)"
        ),
    ),
    (
        [Input((4, 2)), layers.LSTM(5, name="a"), layers.LSTM(5, name="b")],
        (
            "[net/b (LSTM)] expects inputs (batch, time, features) with known features, got shape (None, 5); "
            "inputs come from a (LSTM): (None, 5)"
        ),
    ),
    (
        [Input((4, 9, 3)), layers.Conv2D(2, 3, name="a"), layers.MaxPooling2D(3, name="p")],
        (
            "[net/p (MaxPooling2D)] expects at least 3 rows where padding is 'valid', got 2; "
            "inputs come from a (Conv2D): (None, 2, 7, 2)"
        ),
    ),
    (
        [Input((9, 4, 3)), layers.Conv2D(2, 3, name="a"), layers.Conv2D(2, (3, 5), name="b")],
        (
            "[net/b (Conv2D)] expects at least 5 columns where padding is 'valid', got 2; "
            "inputs come from a (Conv2D): (None, 7, 2, 2)"
        ),
    ),
    (
        [Input((4,), name="x"), layers.GlobalAveragePooling1D(name="p")],
        (
            "[net/p (GlobalAveragePooling1D)] expects inputs (batch, steps, features), got shape (None, 4); "
            "inputs come from x (InputLayer): (None, 4)"
        ),
    ),
    (
        [Input((4, 5, 1), name="x"), layers.Cropping2D(2, name="c")],
        "[net/c (Cropping2D)] cannot crop 4 of 4 rows; inputs come from x (InputLayer): (None, 4, 5, 1)",
    ),
    (
        [Input((4,)), layers.Dense(10, name="d"), layers.Reshape((3, 3), name="r")],
        (
            "[net/r (Reshape)] cannot make (3, 3) from the 10 values of a sample of (10,); "
            "inputs come from d (Dense): (None, 10)"
        ),
    ),
    (
        [Input((4,)), Sequential([layers.Dense(10, name="d"), layers.Conv1D(2, 3, name="c")], name="inner")],
        (
            "[net/inner/c (Conv1D)] expects inputs (batch, steps, features), got shape (None, 10); "
            "inputs come from d (Dense): (None, 10)"
        ),
    ),
]


@pytest.mark.parametrize(("stack", "message"), STACKS)
def test_a_stack_names_the_layer_before_and_what_it_gives(stack: Layers, message: str) -> None:
    with pytest.raises(ShapeError, match=f"^{re.escape(message)}$"):
        Sequential(stack, name="net")


def test_a_stack_without_an_input_says_the_same_when_data_comes() -> None:
    net = Sequential([layers.Flatten(name="f"), layers.Conv2D(2, 3, name="c")], name="net")
    net.compile("sgd", "mse")
    with pytest.raises(ShapeError, match=r"^\[net/c \(Conv2D\)\] .*; inputs come from f \(Flatten\): \(None, 12\)$"):
        net.fit(np.zeros((2, 2, 2, 3), "float32"), np.zeros((2, 1), "float32"), verbose=0)
    assert not net.weights


def _joined(join: Any, **shapes: tuple[int, ...]) -> Callable[[], Any]:
    return lambda: join([layers.Dense(shape[-1], name=name)(Input(shape)) for name, shape in shapes.items()])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            _joined(layers.Concatenate(name="j"), a=(3, 4), b=(5, 4)),
            (
                "[j (Concatenate)] expects shapes that agree except along axis -1; axis 1 differs in "
                "[(None, 3, 4), (None, 5, 4)]; inputs come from a (Dense): (None, 3, 4), b (Dense): (None, 5, 4)"
            ),
        ),
        (
            _joined(layers.Concatenate(name="j"), a=(3, 4), b=(4,)),
            (
                "[j (Concatenate)] expects shapes that agree except along axis -1; numbers of axes differ in "
                "[(None, 3, 4), (None, 4)]; inputs come from a (Dense): (None, 3, 4), b (Dense): (None, 4)"
            ),
        ),
        (
            _joined(layers.Add(name="j"), a=(3,), b=(4,)),
            (
                "[j (Add)] expects shapes that can be broadcast together, got (None, 3) and (None, 4): 3 and 4 along "
                "axis 1; inputs come from a (Dense): (None, 3), b (Dense): (None, 4)"
            ),
        ),
    ],
)
def test_layers_of_several_inputs_name_them_all(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ShapeError, match=f"^{re.escape(message)}$"):
        make()


def test_a_built_layer_names_the_axis_of_another_size() -> None:
    images = np.zeros((2, 5, 5, 2), "float32")
    for layer, x, message in (
        (layers.Dense(3, name="l"), images, "expects inputs (batch, ..., 2), got 4 features in shape (2, 5, 5, 4)"),
        (layers.Conv2D(3, 3, name="l"), images, "expects 2 channels along axis -1, got 4"),
        (
            layers.Conv2D(3, (3, 2), data_format="channels_first", name="l"),
            images,
            "expects 5 channels along axis 1, got 7",
        ),
        (layers.Conv1D(3, 3, name="l"), images[0], "expects 2 features along axis -1, got 4"),
    ):
        layer(x)
        axis = 1 if "channels_first" in str(layer.get_config()) else -1
        other = np.concatenate([x, x], axis)[:, :7]
        with pytest.raises(ShapeError, match=rf"^\[l \({type(layer).__name__}\)\] {re.escape(message)}$"):
            layer(other)


def test_a_model_names_the_input_that_does_not_fit() -> None:
    x = Input((4, 3), name="x")
    net = Model(x, layers.Dense(1)(layers.Flatten()(x)), name="net")
    net.compile("sgd", "mse")
    with pytest.raises(ShapeError, match=r"^\[net \(Model\)\] expects input 'x' of shape .*4, 3\), got \(2, 5, 3\)$"):
        net.fit(np.zeros((2, 5, 3), "float32"), np.zeros((2, 1), "float32"), verbose=0)
    with pytest.raises(ShapeError, match=r"expects input 'x' of shape \(None, 4, 3\), got \(2, 12\)"):
        net.predict(np.zeros((2, 12), "float32"), verbose=0)


def test_usual_mistakes_are_named() -> None:
    x = Input((4,), name="x")
    dense = layers.Dense(3, name="d")
    with pytest.raises(
        AttributeError, match=r"^\[d\] has no input and output yet: they are those of a call on what Input"
    ):
        _ = dense.output
    dense(x), dense(x)
    with pytest.raises(
        AttributeError, match=r"^\[d\] was called 2 times on symbolic tensors, so that it has no one input"
    ):
        _ = dense.output
    with pytest.raises(TypeError, match=r"expects layers, got <class .*Flatten'>: make one, Flatten\(\.\.\.\)"):
        Sequential([x, layers.Flatten])

    class Nothing(layers.Layer):
        def call(self, inputs: Any) -> None:
            return None

    with pytest.raises(
        TypeError, match=r"^\[n \(Nothing\)\] expects a call that gives tensors, got NoneType; inputs come"
    ):
        Nothing(name="n")(x)
    net = Model(x, layers.Dense(3, "softmax")(x), name="net")
    with pytest.raises(ShapeError, match=r"expects inputs \['x'\], got none for \['x'\], but \['y'\]"):
        net.predict({"y": np.zeros((2, 4))}, verbose=0)
    net.compile("sgd", "sparse_categorical_crossentropy")
    with pytest.raises(
        ShapeError, match=r"got \(2, 3\) and \(2, 3\); one-hot targets go with categorical_crossentropy"
    ):
        net.fit(np.zeros((2, 4)), np.eye(3)[:2], verbose=0)
    with pytest.raises(
        IndexError, match=r"^\[e \(Embedding\)\] has vectors for 0 to 4: .* index 7 at position \(0, 1\)"
    ):
        layers.Embedding(5, 2, name="e")(np.array([[1, 7]]))


def test_names_of_files_are_checked_before_training(tmp_path: Any) -> None:
    net = Sequential([Input((2,)), layers.Dense(1)])
    net.compile("sgd", "mse")
    before = net.get_weights()
    for name, weights_only, ends in (
        ("m.h5", False, "'.nerve' or '.keras'"),
        ("m.pt", True, "'.safetensors' or '.weights.h5'"),
    ):
        checkpoint = callbacks.ModelCheckpoint(tmp_path / name, save_weights_only=weights_only)
        with pytest.raises(ValueError, match=f"must end in {ends}"):
            net.fit(np.ones((4, 2)), np.ones(4), verbose=0, callbacks=[checkpoint])
    assert all(map(np.array_equal, net.get_weights(), before))
