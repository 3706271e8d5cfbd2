"""Regularizers, constraints, and a training run under them, against Keras from the same weights."""

from __future__ import annotations

import os

import numpy as np
import pytest

import nerve

os.environ["KERAS_BACKEND"] = "torch"
keras = pytest.importorskip("keras")
pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]

W = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
REGULARIZERS = [
    ("L1", {}),
    ("L2", {"l2": 0.2}),
    ("L1L2", {"l1": 0.1, "l2": 0.3}),
    ("OrthogonalRegularizer", {"factor": 0.4}),
    ("OrthogonalRegularizer", {"mode": "columns"}),
]
CONSTRAINTS = [
    ("MaxNorm", {"max_value": 1.2}),
    ("NonNeg", {}),
    ("UnitNorm", {"axis": 1}),
    ("MinMaxNorm", {"min_value": 1.0, "max_value": 1.5, "rate": 0.7}),
]


@pytest.mark.parametrize(("name", "options"), REGULARIZERS)
def test_regularizer(name, options):
    ours, theirs = getattr(nerve.regularizers, name)(**options), getattr(keras.regularizers, name)(**options)
    assert ours(nerve.Tensor(W)).item() == pytest.approx(float(theirs(keras.ops.array(W))), rel=1e-6)
    assert ours.get_config() == pytest.approx(theirs.get_config())


@pytest.mark.parametrize(("name", "options"), CONSTRAINTS)
def test_constraint(name, options):
    ours, theirs = getattr(nerve.constraints, name)(**options), getattr(keras.constraints, name)(**options)
    expected = keras.ops.convert_to_numpy(theirs(keras.ops.array(W)))
    np.testing.assert_allclose(ours(nerve.Tensor(W)).numpy(), expected, rtol=1e-6, atol=1e-7)
    assert ours.get_config() == theirs.get_config()


def test_every_name_of_keras_is_known():
    for room in ("regularizers", "constraints"):
        names = {name for name in dir(getattr(keras, room)) if name[0].isupper()}
        assert names <= set(getattr(nerve, room).__all__)


def test_training():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(32, 6)).astype(np.float32), rng.normal(size=(32, 2)).astype(np.float32)
    start = [rng.normal(size=shape).astype(np.float32) for shape in ((6, 5), (5,), (5, 2), (2,))]

    def run(library):
        model = library.models.Sequential(
            [
                library.layers.Input((6,)),
                library.layers.Dense(
                    5, "tanh", kernel_regularizer="l2", kernel_constraint=library.constraints.MaxNorm(1.0)
                ),
                library.layers.Dense(2, bias_regularizer=library.regularizers.L1(0.1), kernel_constraint="non_neg"),
            ]
        )
        model.set_weights(start)
        model.compile(library.optimizers.SGD(0.1, momentum=0.9), "mse")
        losses = model.fit(x, y, epochs=4, batch_size=8, shuffle=False, verbose=0).history["loss"]
        return losses, model.get_weights()

    (ours, our_weights), (theirs, their_weights) = run(nerve), run(keras)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)
    for one, other in zip(our_weights, their_weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
