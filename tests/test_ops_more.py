"""Ops under Keras's names that are made of kernels: values beside NumPy and SciPy, gradients, models, recordings."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import nerve
from nerve import layers, ops
from nerve.ops import trigonometry

rng = np.random.default_rng(5)
A = rng.normal(size=(3, 4))
B = rng.normal(size=(3, 4))
INNER = rng.uniform(-0.95, 0.95, size=(2, 9))

# name, inputs, keyword arguments, NumPy's function
CASES = [
    ("arctan", [A * 3], {}, np.arctan),
    ("arctan2", [A, B], {}, np.arctan2),
    ("arcsin", [INNER], {}, np.arcsin),
    ("arccos", [INNER], {}, np.arccos),
    ("arctanh", [INNER], {}, np.arctanh),
    ("arccosh", [1.0 + A**2], {}, np.arccosh),
    ("arcsinh", [A * 3], {}, np.arcsinh),
    ("sinh", [A], {}, np.sinh),
    ("cosh", [A], {}, np.cosh),
    ("tan", [A], {}, np.tan),
]
IDS = [f"{case[0]}-{i}" for i, case in enumerate(CASES)]


@pytest.mark.parametrize(("name", "inputs", "options", "reference"), CASES, ids=IDS)
def test_values_and_gradients(name, inputs, options, reference):
    op = getattr(ops, name)
    tensors = [nerve.Tensor(x) for x in inputs]
    y, expected = op(*tensors, **options), reference(*inputs, **options)
    np.testing.assert_allclose(y.numpy(), expected, rtol=1e-12, atol=1e-12)
    assert y.shape == expected.shape
    weights = rng.normal(size=y.shape)
    gradients = nerve.gradients(ops.sum(y * weights), tensors)
    for i, (x, gradient) in enumerate(zip(inputs, gradients, strict=True)):
        direction = rng.normal(size=x.shape)
        ends = []
        for step in (1e-6, -1e-6):
            moved = [*inputs[:i], x + step * direction, *inputs[i + 1 :]]
            ends.append((op(*moved, **options).numpy() * weights).sum())
        assert (gradient * direction).sum() == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_in_models(case):
    """In a model, saved as configuration, float32; and in a recording, the bits of a call without one."""
    name, inputs, options, _ = case
    arrays = [np.asarray(x, np.float32) for x in inputs]
    symbolic = [layers.Input(batch_shape=x.shape) for x in arrays]
    outputs = getattr(ops, name)(*symbolic, **options)
    model = nerve.Model(symbolic, outputs)
    eager = model(arrays)
    assert tuple(outputs.shape) == eager.shape
    again = nerve.Model.from_config(model.get_config())
    np.testing.assert_array_equal(again(arrays).numpy(), eager.numpy())
    recorded = nerve.compile(lambda *given: model(list(given)))
    for _ in range(4):
        found = recorded(*arrays)
    assert recorded.recorder.recordings
    np.testing.assert_array_equal(np.asarray(found), eager.numpy())


class TestAngles:
    def test_ends_and_special_values(self):
        x = np.array([0.0, -0.0, 1e30, -1e30, np.inf, -np.inf, np.nan, 1e-30], np.float32)
        np.testing.assert_array_equal(ops.arctan(x).numpy(), np.arctan(x))
        assert np.signbit(ops.arctan(x).numpy()[1])
        ends = np.array([-1.0, 1.0])
        for name in ("arcsin", "arccos"):
            np.testing.assert_allclose(getattr(ops, name)(ends).numpy(), getattr(np, name)(ends), rtol=1e-15)
        y, x = np.array([0.0, 0.0, 1.0, -1.0, 0.0]), np.array([1.0, -1.0, 0.0, 0.0, 0.0])
        np.testing.assert_allclose(ops.arctan2(y, x).numpy(), np.arctan2(y, x), rtol=1e-15)

    def test_no_gradient_at_the_origin(self):
        y, x = nerve.Tensor(np.zeros(2)), nerve.Tensor(np.zeros(2))
        for gradient in nerve.gradients(ops.sum(ops.arctan2(y, x)), [y, x]):
            np.testing.assert_array_equal(gradient, 0)


def test_every_name_is_tested():
    text = inspect.getsource(inspect.getmodule(test_every_name_is_tested))
    for module in (trigonometry,):
        for name in module.__all__:
            assert f'"{name}"' in text or f"ops.{name}(" in text, name
