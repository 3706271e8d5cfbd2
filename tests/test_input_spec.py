"""What layers of one's own say of their inputs and weights."""

from __future__ import annotations

import numpy as np
import pytest

import nerve
from nerve import layers, ops
from nerve.errors import DTypeError, ShapeError

X = np.ones((4, 3), np.float32)


class Product(layers.Layer):
    def __init__(self, **options):
        super().__init__(**options)
        self.input_spec = layers.InputSpec(min_ndim=2)

    def build(self, input_shape):
        self.calls = self.add_weight(initializer="zeros", trainable=False, name="calls", aggregation="sum")
        self.kernel = self.add_weight((input_shape[-1], 2), "ones", name="kernel", autocast=False)
        self.input_spec = layers.InputSpec(min_ndim=2, axes={-1: input_shape[-1]})

    def call(self, x):
        return ops.matmul(x, self.kernel)


def test_calls_are_checked_before_and_after_building():
    layer = Product(name="p")
    with pytest.raises(ShapeError, match=r"\[p \(Product\)\] expects inputs with min_ndim=2, got shape \(4,\)"):
        layer(X[:, 0])
    np.testing.assert_array_equal(layer(X).numpy(), np.full((4, 2), 3))
    message = r"expects inputs with min_ndim=2, axes=\{-1: 3\}, got shape \(4, 2\)"
    with pytest.raises(ShapeError, match=message):
        layer(X[:, :2])
    with pytest.raises(ShapeError, match=r"axes=\{-1: 3\}, got shape \(None, 5\)"):
        layer(nerve.Input((5,)))
    assert layer(nerve.Input((3,))).shape == (None, 2)


def test_what_is_trained_comes_first():
    layer = Product()
    layer.build((None, 3))
    assert [weight.name for weight in layer.weights] == ["kernel", "calls"]
    assert [weight.shape for weight in layer.weights] == [(3, 2), ()]


@pytest.mark.parametrize(
    ("options", "fits", "refused"),
    [
        ({"ndim": 2}, [(4, 3)], [(4,), (4, 3, 1)]),
        ({"max_ndim": 2}, [(4, 3), (4,)], [(4, 3, 1)]),
        ({"max_ndim": 0}, [()], [(4,)]),
        ({"ndim": 0}, [()], [(4,)]),
        ({"shape": (None, 3)}, [(4, 3), (None, 3), (4, None)], [(4, 2), (4, 3, 1)]),
        ({"ndim": 2, "allow_last_axis_squeeze": True}, [(4,), (4, 3, 1), (4, 3)], [(4, 3, 2)]),
        ({"axes": {1: 3}}, [(4, 3), (4, 3, 9)], [(4, 2), (4,)]),
    ],
    ids=str,
)
def test_shapes(options, fits, refused):
    spec = layers.InputSpec.from_config(layers.InputSpec(**options).get_config())
    for shape in fits:
        spec.check(nerve.KerasTensor(shape))
    for shape in refused:
        with pytest.raises(ShapeError, match=r"expects inputs with \w+="):
            spec.check(nerve.KerasTensor(shape))


def test_types_and_several_inputs():
    with pytest.raises(DTypeError, match="expects inputs of int64, got dtype float32"):
        layers.InputSpec(dtype="int64").check(X)
    layers.InputSpec(ndim=2, optional=True).check(None)
    assert layers.InputSpec.from_config(layers.InputSpec(name="a").get_config()).name == "a"

    class Sum(layers.Layer):
        input_spec = (layers.InputSpec(ndim=2, name="a"), layers.InputSpec(ndim=1, name="b"))

        def call(self, given):
            return given["a"] + ops.expand_dims(given["b"], -1) if isinstance(given, dict) else given[0]

    assert Sum()({"b": X[:, 0], "a": X}).shape == (4, 3)
    assert Sum()([X, X[:, 0]]).shape == (4, 3)
    with pytest.raises(ShapeError, match="expects 2 inputs, got 1"):
        Sum()([X])
    with pytest.raises(ShapeError, match=r"expects inputs \['a', 'b'\], got none for \['b'\]"):
        Sum()({"a": X})


def test_a_symbolic_call_outside_of_a_model():
    layer = layers.Conv2D(4, 3, strides=2, padding="same")
    found = layer.compute_output_spec(nerve.KerasTensor((None, 12, 12, 3)))
    assert (found.shape, found.dtype) == ((None, 6, 6, 4), "float32")
    assert (layer.compute_dtype, layer.variable_dtype) == ("float32", "float32")
    assert not layer._nodes
