"""Activations and learning-rate schedules under Keras's names: the same numbers, and for activations the gradients."""

from __future__ import annotations

import os

import numpy as np
import pytest

import nerve

os.environ["KERAS_BACKEND"] = "torch"
keras = pytest.importorskip("keras")
torch = pytest.importorskip("torch")
pytestmark = pytest.mark.peers

X = (np.random.default_rng(0).normal(size=(9, 6)) * 3).astype(np.float32)
OPTIONS = {"threshold": {"threshold": 0.3, "default_value": 2.0}, "squareplus": {"b": 2.0}, "celu": {"alpha": 0.4}}
# Keras 3.15's sparsemax adds up cumulative sums, and its rows do not sum to one: test_activations.py has the paper's.
OTHERS = {"get", "serialize", "sparsemax"}
NAMES = sorted({name for name in nerve.activations.__all__ if hasattr(keras.activations, name)} - OTHERS)


@pytest.mark.parametrize("name", NAMES)
def test_activation(name):
    options = OPTIONS.get(name, {})
    x, x_torch = nerve.Tensor(X), torch.tensor(X, requires_grad=True)
    y, expected = getattr(nerve.activations, name)(x, **options), getattr(keras.activations, name)(x_torch, **options)
    expected.square().sum().backward()
    np.testing.assert_allclose(y.numpy(), expected.detach().numpy(), rtol=3e-6, atol=1e-6)
    if name != "linear":
        (gradient,) = nerve.gradients(nerve.ops.sum(y * y), [x])
        np.testing.assert_allclose(gradient, x_torch.grad.numpy(), rtol=2e-5, atol=2e-6)


def test_every_activation_of_keras_is_known():
    """All of them."""
    names = {name for name in dir(keras.activations) if name[0] != "_" and callable(getattr(keras.activations, name))}
    assert {name for name in names if name not in nerve.activations._NAMES} == {
        "get", "serialize", "deserialize",
    }  # fmt: skip


SCHEDULES = [
    ("ExponentialDecay", {"decay_steps": 10, "decay_rate": 0.7}),
    ("ExponentialDecay", {"decay_steps": 10, "decay_rate": 0.7, "staircase": True}),
    ("InverseTimeDecay", {"decay_steps": 10, "decay_rate": 0.7}),
    ("InverseTimeDecay", {"decay_steps": 10, "decay_rate": 0.7, "staircase": True}),
    ("PolynomialDecay", {"decay_steps": 20, "power": 2.0}),
    ("PolynomialDecay", {"decay_steps": 20, "end_learning_rate": 0.05, "cycle": True}),
    ("CosineDecay", {"decay_steps": 30, "alpha": 0.1}),
    ("CosineDecay", {"decay_steps": 30, "warmup_target": 0.9, "warmup_steps": 7}),
    ("CosineDecayRestarts", {"first_decay_steps": 7}),
    ("CosineDecayRestarts", {"first_decay_steps": 7, "t_mul": 1.0, "m_mul": 0.8, "alpha": 0.1}),
    ("CosineDecayRestarts", {"first_decay_steps": 5, "t_mul": 1.5, "m_mul": 0.9}),
]


@pytest.mark.parametrize(("name", "options"), SCHEDULES)
def test_schedule(name, options):
    ours = getattr(nerve.optimizers.schedules, name)(0.5, **options)
    theirs = getattr(keras.optimizers.schedules, name)(0.5, **options)
    steps = [step for step in range(70) if step % options.get("first_decay_steps", 1000)]  # there Keras's floor of
    # a logarithm may fall on either side
    np.testing.assert_allclose([ours(s) for s in steps], [float(theirs(s)) for s in steps], rtol=2e-5, atol=1e-7)
    assert nerve.optimizers.schedules.get({"class_name": name, "config": ours.get_config()})(3) == ours(3)


def test_every_schedule_of_keras_is_known():
    names = {name for name in dir(keras.optimizers.schedules) if name[0].isupper()}
    assert names <= set(nerve.optimizers.schedules.__all__)
