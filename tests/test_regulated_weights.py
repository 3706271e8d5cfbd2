"""Regularizers and constraints: formulas, in a model's loss and steps, recorded and eager, in configs and files."""

from __future__ import annotations

import numpy as np
import pytest

import nerve
from nerve import constraints, layers, models, optimizers, regularizers
from nerve.errors import ShapeError

rng = np.random.default_rng(0)
W = rng.normal(size=(5, 3))
NORMS = np.linalg.norm(W, axis=0, keepdims=True)
UNIT = W / np.linalg.norm(W, axis=1, keepdims=True)

REGULARIZERS = [
    (regularizers.L1(0.3), 0.3 * np.abs(W).sum()),
    (regularizers.L2(0.3), 0.3 * (W**2).sum()),
    (regularizers.L1L2(0.1, 0.2), 0.1 * np.abs(W).sum() + 0.2 * (W**2).sum()),
    (
        regularizers.OrthogonalRegularizer(0.5),
        0.5 * np.abs((UNIT @ UNIT.T)[np.triu_indices(5, 1)]).sum() / 10,
    ),
]
CONSTRAINTS = [
    (constraints.MaxNorm(1.5), W * np.minimum(NORMS, 1.5) / NORMS),
    (constraints.NonNeg(), np.maximum(W, 0)),
    (constraints.UnitNorm(axis=1), UNIT),
    (constraints.MinMaxNorm(1.9, 2.1, rate=0.5), W * (0.5 * np.clip(NORMS, 1.9, 2.1) + 0.5 * NORMS) / NORMS),
]


@pytest.mark.parametrize(("regularizer", "value"), REGULARIZERS, ids=[type(r).__name__ for r, _ in REGULARIZERS])
def test_regularizer(regularizer, value):
    x = nerve.Tensor(W)
    assert regularizer(x).item() == pytest.approx(value)
    (gradient,) = nerve.gradients(regularizer(x), [x])
    direction = rng.normal(size=W.shape)
    change = (
        regularizer(nerve.Tensor(W + 1e-6 * direction)).item() - regularizer(nerve.Tensor(W - 1e-6 * direction)).item()
    )
    assert (gradient * direction).sum() == pytest.approx(change / 2e-6, rel=1e-5)
    again = regularizers.get({"class_name": type(regularizer).__name__, "config": regularizer.get_config()})
    assert again(x).item() == regularizer(x).item()


@pytest.mark.parametrize(("constraint", "value"), CONSTRAINTS, ids=[type(c).__name__ for c, _ in CONSTRAINTS])
def test_constraint(constraint, value):
    np.testing.assert_allclose(constraint(nerve.Tensor(W)).numpy(), value, rtol=1e-6)
    again = constraints.get({"class_name": type(constraint).__name__, "config": constraint.get_config()})
    np.testing.assert_array_equal(again(nerve.Tensor(W)).numpy(), constraint(nerve.Tensor(W)).numpy())


def make_model():
    nerve.random.seed(3)
    model = models.Sequential(
        [
            layers.Input((6, 4)),
            layers.GRU(
                5, kernel_regularizer="l2", recurrent_regularizer=regularizers.L1(0.02), bias_constraint="non_neg"
            ),
            layers.BatchNormalization(gamma_constraint=constraints.MinMaxNorm(0.5, 1.5), beta_regularizer="l1"),
            layers.Dense(
                4, activation="relu", kernel_constraint="max_norm", kernel_regularizer=regularizers.L1L2(0.01, 0.1)
            ),
            layers.Dense(1, kernel_constraint=constraints.UnitNorm(), bias_regularizer="l1_l2"),
        ]
    )
    model.compile(optimizers.Adam(0.1), "mse")
    return model


X, Y = rng.normal(size=(40, 6, 4)).astype(np.float32), rng.normal(size=(40, 1)).astype(np.float32)


def test_a_models_loss_and_steps(tmp_path):
    model = make_model()
    terms = [0.01 * (v.numpy() ** 2).sum() for v in model.layers[0].weights[:1]]
    terms += [
        0.02 * np.abs(model.layers[0].weights[1].numpy()).sum(),
        0.01 * np.abs(model.layers[1].beta.numpy()).sum(),
    ]
    kernel = model.layers[2].kernel.numpy()
    terms += [0.01 * np.abs(kernel).sum() + 0.1 * (kernel**2).sum(), 0.0]
    assert sum(term.item() for term in model.losses) == pytest.approx(sum(terms), rel=1e-6)
    plain = float(((model.predict(X, verbose=0) - Y) ** 2).mean())
    assert model.evaluate(X, Y, verbose=0) == pytest.approx(plain + sum(terms), rel=1e-5)
    model.fit(X, Y, epochs=3, batch_size=10, verbose=0)
    assert np.linalg.norm(model.layers[3].kernel.numpy(), axis=0) == pytest.approx([1.0], rel=1e-5)
    assert (np.linalg.norm(model.layers[2].kernel.numpy(), axis=0) <= 2 + 1e-5).all()
    assert (model.layers[0].weights[2].numpy() >= 0).all()
    model.save(tmp_path / "regulated.nerve")
    again = models.load_model(tmp_path / "regulated.nerve")
    assert again.evaluate(X, Y, verbose=0) == model.evaluate(X, Y, verbose=0)
    for one in (model, again):
        one.fit(X, Y, epochs=1, batch_size=10, shuffle=False, verbose=0)
    for one, other in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    model.layers[2].trainable = False
    assert len(model.losses) == 4, "a frozen weight adds nothing"


def test_a_recorded_fit_is_the_eager_one():
    weights = []
    for eagerly in (False, True):
        model = make_model()
        model.run_eagerly = eagerly
        model.fit(X, Y, epochs=2, batch_size=8, shuffle=False, verbose=0)
        weights.append(model.get_weights())
    for one, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_is_refused():
    with pytest.raises(TypeError, match="unexpected keyword argument 'recurrent_regularizer'"):
        layers.Dense(3, recurrent_regularizer="l2")
    with pytest.raises(ValueError, match=r"unknown regularizer 'L3'"):
        layers.Dense(3, kernel_regularizer="L3")
    with pytest.raises(ValueError, match=r"\[L2\] l2 must be a number that is not negative, got -1"):
        regularizers.L2(-1)
    with pytest.raises(ValueError, match="mode must be 'rows' or 'columns'"):
        regularizers.OrthogonalRegularizer(mode="both")
    with pytest.raises(ShapeError, match=r"\[OrthogonalRegularizer\] expects a matrix, got shape \(3,\)"):
        regularizers.OrthogonalRegularizer()(nerve.Tensor(np.ones(3)))
