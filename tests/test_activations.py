"""Activations: values against formulas written out in NumPy, gradients against central differences, names."""

from __future__ import annotations

import math

import numpy as np
import pytest

import nerve
from nerve import activations

X = np.array([[-7.3, -3.2, -2.4, -0.7, -0.01], [0.02, 0.6, 1.3, 2.9, 8.1]])


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x, axis=-1):
    e = np.exp(x)
    return e / e.sum(axis, keepdims=True)


def sparsemax(x):
    """By sorting, as the paper has it."""
    z = np.sort(x, -1)[..., ::-1]
    count = np.arange(1, x.shape[-1] + 1)
    k = (1 + count * z > z.cumsum(-1)).sum(-1, keepdims=True)
    tau = (np.take_along_axis(z.cumsum(-1), k - 1, -1) - 1) / k
    return np.maximum(x - tau, 0)


CASES = [
    ("sparsemax", {}, sparsemax(X)),
    ("linear", {}, X),
    ("relu", {}, np.maximum(X, 0)),
    ("relu", {"negative_slope": 0.1}, np.where(X > 0, X, 0.1 * X)),
    ("relu", {"max_value": 2.0}, np.clip(X, 0, 2)),
    ("relu", {"threshold": 1.0}, np.where(X >= 1, X, 0)),
    (
        "relu",
        {"negative_slope": 0.1, "max_value": 5.0, "threshold": -1.0},
        np.minimum(np.where(X >= -1, X, 0.1 * (X + 1)), 5),
    ),
    ("heaviside", {}, (X >= 0).astype(float)),
    ("leaky_relu", {}, np.where(X > 0, X, 0.2 * X)),
    ("leaky_relu", {"negative_slope": 0.3}, np.where(X > 0, X, 0.3 * X)),
    ("relu6", {}, np.clip(X, 0, 6)),
    ("elu", {"alpha": 0.5}, np.where(X > 0, X, 0.5 * np.expm1(X))),
    ("selu", {}, 1.0507009873554805 * np.where(X > 0, X, 1.6732632423543772 * np.expm1(X))),
    ("gelu", {}, X * 0.5 * (1 + np.vectorize(math.erf)(X / np.sqrt(2)))),
    ("gelu", {"approximate": True}, X * 0.5 * (1 + np.tanh(np.sqrt(2 / np.pi) * (X + 0.044715 * X**3)))),
    ("silu", {}, X * sigmoid(X)),
    ("swish", {}, X * sigmoid(X)),
    ("mish", {}, X * np.tanh(np.log1p(np.exp(X)))),
    ("sigmoid", {}, sigmoid(X)),
    ("hard_sigmoid", {}, np.clip(X + 3, 0, 6) / 6),
    ("tanh", {}, np.tanh(X)),
    ("softmax", {}, softmax(X)),
    ("softmax", {"axis": 0}, softmax(X, 0)),
    ("log_softmax", {}, np.log(softmax(X))),
    ("softplus", {}, np.log1p(np.exp(X))),
    ("softsign", {}, X / (1 + np.abs(X))),
    ("exponential", {}, np.exp(X)),
    ("celu", {"alpha": 0.5}, np.where(X > 0, X, 0.5 * np.expm1(X / 0.5))),
    ("glu", {"axis": 0}, X[:1] * sigmoid(X[1:])),
    ("hard_silu", {}, X * np.clip(X + 3, 0, 6) / 6),
    ("hard_swish", {}, X * np.clip(X + 3, 0, 6) / 6),
    ("hard_tanh", {}, np.clip(X, -1, 1)),
    ("hard_shrink", {}, np.where(np.abs(X) > 0.5, X, 0)),
    ("soft_shrink", {"threshold": 0.65}, np.sign(X) * np.maximum(np.abs(X) - 0.65, 0)),
    ("tanh_shrink", {}, X - np.tanh(X)),
    ("threshold", {"threshold": 0.5, "default_value": -2.0}, np.where(X > 0.5, X, -2)),
    ("log_sigmoid", {}, np.log(sigmoid(X))),
    ("sparse_plus", {}, np.where(X < -1, 0, np.where(X < 1, (X + 1) ** 2 / 4, X))),
    ("sparse_sigmoid", {}, np.clip((X + 1) / 2, 0, 1)),
    ("squareplus", {"b": 2}, (X + np.sqrt(X**2 + 2)) / 2),
]


@pytest.mark.parametrize(("name", "arguments", "values"), CASES)
def test_values_and_gradients(name, arguments, values):
    function = activations.get(name)
    x = nerve.Tensor(X)
    y = function(x, **arguments)
    np.testing.assert_allclose(y.numpy(), values, rtol=1e-11, atol=1e-14)
    direction = np.random.default_rng(0).normal(size=X.shape)
    weights = np.random.default_rng(1).normal(size=X.shape)
    (gradient,) = nerve.gradients(nerve.ops.sum(y * weights), [x])
    h = 1e-6
    upper, lower = (function(nerve.Tensor(X + s * direction), **arguments).numpy() for s in (h, -h))
    slope = ((upper - lower) * weights).sum() / (2 * h)
    assert (gradient * direction).sum() == pytest.approx(slope, rel=1e-6, abs=1e-7)


@pytest.mark.parametrize(
    "name", sorted(set(activations.__all__) - {"deserialize", "get", "hard_swish", "serialize", "swish"})
)
def test_every_activation_is_found_by_the_name_it_is_saved_under(name):
    function = getattr(activations, name)
    assert activations.serialize(function) == name
    assert activations.get(name) is function
    assert name in {case[0] for case in CASES}


def test_sparsemax_is_the_nearest_point_that_sums_to_one():
    rng = np.random.default_rng(3)
    for scale, shape, axis in ((0.1, (7, 40), -1), (5.0, (3, 9, 4), 1), (1e4, (6, 5), -1), (0.0, (2, 6), -1)):
        x = rng.normal(size=shape) * scale
        y = activations.sparsemax(x, axis=axis).numpy()
        np.testing.assert_allclose(y, np.moveaxis(sparsemax(np.moveaxis(x, axis, -1)), -1, axis), rtol=1e-9, atol=1e-12)
    x = rng.normal(size=(50, 30)).astype(np.float32)
    np.testing.assert_allclose(activations.sparsemax(x).numpy(), sparsemax(x.astype(np.float64)), rtol=1e-5, atol=1e-6)
    tensor = nerve.Tensor(rng.normal(size=(5, 8)) / 2)
    weights, direction = rng.normal(size=(2, 5, 8))
    (gradient,) = nerve.gradients(nerve.ops.sum(activations.sparsemax(tensor) * weights), [tensor])
    ends = [(sparsemax(tensor.numpy() + step * direction) * weights).sum() for step in (1e-6, -1e-6)]
    assert (gradient * direction).sum() == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-6, abs=1e-7)
    with pytest.raises(nerve.errors.ShapeError, match="expects elements along axis 1"):
        activations.sparsemax(np.zeros((2, 0)))


def test_second_names():
    assert activations.swish is activations.get("swish") is activations.silu
    assert activations.hard_swish is activations.get("hard_swish") is activations.hard_silu


def test_get():
    assert activations.swish is activations.silu
    assert activations.hard_swish is activations.hard_silu
    assert activations.get(None) is activations.linear
    assert activations.get("swish") is activations.silu
    assert activations.get(np.tanh) is np.tanh
    with pytest.raises(ValueError, match="unknown activation 'rellu': did you mean 'relu'"):
        activations.get("rellu")
    with pytest.raises(TypeError, match="got 3"):
        activations.get(3)
    with pytest.raises(ValueError, match=r"'tanh' is not one of nerve\.activations"):
        activations.serialize(np.tanh)
