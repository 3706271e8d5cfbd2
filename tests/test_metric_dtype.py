"""`dtype` of metrics and losses: what floating inputs are converted to before anything is computed of them."""

from __future__ import annotations

import numpy as np
import pytest

import nerve
from nerve import layers, metrics
from nerve.errors import DTypeError

rng = np.random.default_rng(0)
# Far from zero, where float32 keeps few digits of a difference.
TRUE = 1e6 + rng.normal(size=(64, 3))
PRED = 1e6 + rng.normal(size=(64, 3))


def test_targets_and_predictions_are_converted():
    exact = np.mean((TRUE - PRED) ** 2)
    rounded = np.mean((TRUE.astype(np.float32) - PRED.astype(np.float32)).astype(float) ** 2)
    assert abs(exact - rounded) > 1e-5 * exact
    for dtype, expected in ((None, exact), ("float64", exact), ("float32", rounded)):
        metric = metrics.MeanSquaredError(dtype=dtype)
        metric.update_state(TRUE, PRED)
        assert metric.result() == pytest.approx(expected, rel=1e-6)
        assert metric.dtype == (dtype or "float32")
    metric = metrics.MeanSquaredError("mse", "float32")
    metric.update_state(y_true=nerve.Tensor(TRUE), y_pred=nerve.Tensor(PRED))
    assert metric.result() == pytest.approx(rounded, rel=1e-6)


def test_variables_and_configuration():
    class Largest(metrics.Metric):
        def __init__(self, name=None, **options):
            super().__init__(name, **options)
            self.largest = self.add_variable((), "zeros", name="largest")

        def update_state(self, y_true, y_pred, sample_weight=None):
            assert y_pred.dtype == self.dtype
            self.largest.assign(np.maximum(self.largest.numpy(), y_pred.numpy().max()))

        def result(self):
            return self.largest.numpy()

    for dtype in ("float32", "float64"):
        metric = Largest(dtype=dtype)
        metric.update_state(TRUE, PRED.astype("float64" if dtype == "float32" else "float32"))
        assert metric.largest.dtype == dtype
        assert Largest.from_config(metric.get_config()).dtype == dtype
    for metric in (metrics.AUC(dtype="float64"), metrics.BinaryIoU(dtype="float64"), metrics.F1Score(dtype="float64")):
        assert type(metric).from_config(metric.get_config()).dtype == "float64"
    assert metrics.Mean().get_config() == {"name": "mean"}
    with pytest.raises(DTypeError, match=r"\[mean\] dtype must be 'float32' or 'float64', got 'float16'"):
        metrics.Mean(dtype="float16")


def test_in_recorded_steps():
    x = rng.normal(size=(64, 3)).astype(np.float32)
    results = []
    for eagerly in (False, True):
        nerve.utils.set_random_seed(0)
        model = nerve.Sequential([nerve.Input((3,)), layers.Dense(3)])
        model.compile("sgd", "mse", metrics=[metrics.MeanAbsoluteError(dtype="float64")], run_eagerly=eagerly)
        results.append(model.fit(x, x**2, epochs=2, batch_size=16, verbose=0).history["mean_absolute_error"])
    assert results[0] == results[1]
    y = model.predict(x, verbose=0).astype(float)
    expected = np.abs(y - (x**2).astype(float)).mean()
    assert model.evaluate(x, x**2, verbose=0)[1] == pytest.approx(expected, rel=1e-12)


def test_losses_are_computed_in_their_dtype():
    pred = nerve.Tensor(PRED.astype(np.float32))
    exact = np.mean((TRUE - pred.numpy().astype(float)) ** 2)
    loss = nerve.losses.MeanSquaredError(dtype="float64")
    found = loss(TRUE, pred)
    assert found.dtype == loss.dtype == "float64"
    assert found.item() == pytest.approx(exact, rel=1e-12)
    assert nerve.losses.MeanSquaredError()(TRUE, pred).dtype == "float32"
    (gradient,) = nerve.gradients(found, [pred])
    assert gradient.dtype == "float32"
    np.testing.assert_allclose(gradient, 2 * (pred.numpy().astype(float) - TRUE) / TRUE.size, rtol=1e-6)
    for loss in (
        nerve.losses.CategoricalCrossentropy(dtype="float64"),
        nerve.losses.SparseCategoricalCrossentropy(dtype="float64"),
        nerve.losses.Huber(dtype="float64"),
        nerve.losses.Dice(dtype="float64"),
        nerve.losses.CTC(dtype="float64"),
        nerve.losses.Hinge(dtype="float64"),
    ):
        assert type(loss).from_config(loss.get_config()).dtype == "float64"
    assert "dtype" not in nerve.losses.Huber().get_config()
    with pytest.raises(DTypeError, match=r"\[mean_squared_error\] dtype must be 'float32' or 'float64', got 'int8'"):
        nerve.losses.MeanSquaredError(dtype="int8")


def test_a_loss_in_float64_of_masked_float32_predictions_in_recorded_steps():
    tokens = np.array([[1, 2, 0], [3, 0, 0]] * 8)
    results = []
    for eagerly in (False, True):
        for dtype in (None, "float64"):
            nerve.utils.set_random_seed(0)
            model = nerve.Sequential([layers.Embedding(4, 3, mask_zero=True), layers.Dense(1)])
            model.compile("sgd", nerve.losses.MeanSquaredError(dtype=dtype), run_eagerly=eagerly)
            history = model.fit(tokens, np.ones((16, 3, 1), np.float32), epochs=3, batch_size=4, verbose=0).history
            results.append(history["loss"])
    assert results[0] == results[2]
    assert results[1] == results[3]
    np.testing.assert_allclose(results[0], results[1], rtol=1e-6)
