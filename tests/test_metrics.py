"""Metrics: values over batches against whole-array formulas, weights, errors."""

from __future__ import annotations

import numpy as np
import pytest

import nerve
from nerve import metrics
from nerve.errors import DTypeError, ShapeError

rng = np.random.default_rng(0)
N, C = 23, 7
OUTPUTS = rng.normal(size=(N, C)).astype(np.float32)
REAL = rng.normal(size=(N, C)).astype(np.float32)
LABELS = rng.integers(0, C, N)
ONE_HOT = np.eye(C)[LABELS]
BINARY = rng.integers(0, 2, (N, C))
WEIGHTS = rng.uniform(0.1, 2.0, N)
RANK = (OUTPUTS[np.arange(N), LABELS][:, None] < OUTPUTS).sum(1)

CASES = [
    (metrics.MeanSquaredError, {}, REAL, ((OUTPUTS - REAL) ** 2).mean(1)),
    (metrics.MeanAbsoluteError, {}, REAL, np.abs(OUTPUTS - REAL).mean(1)),
    (metrics.Accuracy, {}, np.where(BINARY, OUTPUTS, REAL), BINARY.mean(1)),
    (metrics.BinaryAccuracy, {"threshold": 0.3}, BINARY, ((OUTPUTS > 0.3) == BINARY).mean(1)),
    (metrics.CategoricalAccuracy, {}, ONE_HOT, RANK < 1),
    (metrics.SparseCategoricalAccuracy, {}, LABELS, RANK < 1),
    (metrics.SparseCategoricalAccuracy, {}, LABELS[:, None], RANK < 1),
    (metrics.TopKCategoricalAccuracy, {"k": 3}, ONE_HOT, RANK < 3),
    (metrics.SparseTopKCategoricalAccuracy, {"k": 3, "from_sorted_ids": False}, LABELS, RANK < 3),
]


@pytest.mark.parametrize(("cls", "arguments", "y_true", "values"), CASES)
def test_batches_add_up(cls, arguments, y_true, values):
    metric = cls(**arguments)
    for weights in (None, WEIGHTS):
        metric.reset_state()
        assert metric.result() == 0.0
        for rows in (slice(0, 10), slice(10, 11), slice(11, N)):
            batch = None if weights is None else weights[rows]
            metric.update_state(y_true[rows], nerve.Tensor(OUTPUTS[rows]), batch)
        assert metric.result() == pytest.approx(np.average(values, weights=weights), rel=1e-6)


@pytest.mark.parametrize(("cls", "arguments", "y_true", "values"), CASES)
def test_config_makes_the_same_metric(cls, arguments, y_true, values):
    metric = cls(**arguments, name="mine")
    again = metrics.get({"class_name": cls.__name__, "config": metric.get_config()})
    assert type(again) is cls
    assert again.get_config() == {**arguments, "name": "mine"}


def test_a_sample_counts_once_however_many_values_it_has():
    # (1 + 0 + (1 + 0 + 0) / 3) / 3 and not 2 / 5 or so: the numbers are those of Keras 3.15.
    metric = metrics.BinaryAccuracy()
    metric.update_state([[1.0], [1.0]], [[0.9], [0.1]])
    metric.update_state([[1.0, 1.0, 1.0]], [[0.9, 0.1, 0.1]])
    assert metric.result() == pytest.approx(4 / 9)
    metric.reset_state()
    metric.update_state([[1.0, 1.0], [1.0, 1.0]], [[0.9, 0.1], [0.1, 0.1]], [3.0, 1.0])
    metric.update_state([[1.0, 1.0]], [[0.9, 0.9]])
    assert metric.result() == pytest.approx((3 * 0.5 + 0 + 1) / 5)
    mean = metrics.Mean()
    mean.update_state([[1.0, 3.0], [5.0, 7.0]], [[1.0, 3.0], [0.0, 0.0]])
    assert mean.result() == pytest.approx((1 + 9) / 4)


def test_root_mean_squared_error_takes_weights_for_each_value():
    weights = rng.uniform(size=REAL.shape)
    expected = np.sqrt(np.average((OUTPUTS - REAL) ** 2, weights=weights))
    assert metrics.RootMeanSquaredError()(REAL, OUTPUTS, weights) == pytest.approx(expected, rel=1e-6)


def test_state_in_variables():
    class Bias(metrics.Metric):
        def __init__(self, name="bias"):
            super().__init__(name=name)
            self.total = self.add_weight(name="total", initializer="zeros")
            self.count = self.add_variable(shape=(), initializer="ones", name="count")

        def update_state(self, y_true, y_pred, sample_weight=None):
            self.total.assign_add(nerve.ops.sum(y_pred - y_true))
            self.count.assign(self.count + float(len(y_true)))

        def result(self):
            return self.total / self.count

    metric = Bias()
    metric(np.zeros((3, 1)), nerve.Tensor(np.ones((3, 1))))
    assert metric.result().item() == pytest.approx(3 / 4)
    assert [(v.name, v.trainable) for v in metric.variables] == [("total", False), ("count", False)]
    metric.reset_state()
    assert (metric.total.item(), metric.count.item()) == (0.0, 1.0)


def test_root_mean_squared_error_is_the_root_over_all_batches():
    metric = metrics.RootMeanSquaredError()
    assert metric([[0.0]], [[3.0]]) == pytest.approx(3.0)
    assert metric([[0.0]], [[4.0]]) == pytest.approx(np.sqrt(12.5))
    assert metric.name == "root_mean_squared_error"


def test_mean():
    mean = metrics.Mean(name="loss")
    mean.update_state(4.0)
    mean.update_state([1.0, 3.0], sample_weight=[1.0, 2.0])
    assert mean.result() == pytest.approx((4 + 1 + 6) / 4)
    mean.update_state([[1.0, 3.0]], sample_weight=6.0)
    assert mean.result() == pytest.approx((4 + 1 + 6 + 6 * 2) / 10)


def test_vectors_count_element_by_element():
    metric = metrics.MeanSquaredError()
    metric.update_state([0.0, 0.0, 0.0], [1.0, 1.0, 1.0])
    metric.update_state([0.0], [3.0])
    assert metric.result() == pytest.approx(3.0)
    assert metrics.BinaryAccuracy()([0, 1, 1], [[0.4], [0.6], [0.5]]) == pytest.approx(2 / 3)
    assert metrics.Accuracy()([1, 2, 3, 4], [0, 2, 3, 4], sample_weight=[1, 1, 0, 0]) == pytest.approx(0.5)


def test_top_k_counts_ties_in_and_nan_and_unknown_labels_out():
    metric = metrics.SparseTopKCategoricalAccuracy(k=1)
    assert metric([1], [[2.0, 2.0, 1.0]]) == 1.0
    metric.reset_state()
    assert metric([1, 3, -1], [[0.0, np.nan, 0.0], [1.0, 2.0, 3.0], [1.0, 2.0, 3.0]]) == 0.0


def test_what_accuracy_means_follows_the_shapes():
    assert type(metrics.accuracy_for((8, 1), (8, 1))) is metrics.BinaryAccuracy
    assert type(metrics.accuracy_for((8,), (8, 1))) is metrics.BinaryAccuracy
    assert type(metrics.accuracy_for((8, 10), (8, 10))) is metrics.CategoricalAccuracy
    assert type(metrics.accuracy_for((8,), (8, 10))) is metrics.SparseCategoricalAccuracy
    assert type(metrics.accuracy_for((8, 1), (8, 10))) is metrics.SparseCategoricalAccuracy
    assert type(metrics.accuracy_for((8, 5, 10), (8, None, 10))) is metrics.CategoricalAccuracy  # of any length
    assert type(metrics.accuracy_for((8, 5), (8, None, 10))) is metrics.SparseCategoricalAccuracy
    assert metrics.accuracy_for((8,), (8, 10)).name == "accuracy"


def test_get():
    assert isinstance(metrics.get("mse"), metrics.MeanSquaredError)
    assert isinstance(metrics.get("sparse_top_k_categorical_accuracy"), metrics.SparseTopKCategoricalAccuracy)
    assert isinstance(metrics.get(metrics.Mean), metrics.Mean)

    def bias(y_true, y_pred):
        return (y_pred - y_true).mean(axis=-1)

    metric = metrics.get(bias)
    assert metric.name == "bias"
    assert metric(REAL, OUTPUTS) == pytest.approx((OUTPUTS - REAL).mean(), abs=1e-6)
    with pytest.raises(ValueError, match=r"\[bias\] .*cannot be saved"):
        metric.get_config()


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: metrics.MeanSquaredError()(REAL, OUTPUTS[:, :2]), ShapeError,
         r"\[mean_squared_error\] .*\(23, 7\) and \(23, 2\)"),
        (lambda: metrics.CategoricalAccuracy()(LABELS, OUTPUTS), ShapeError,
         r"\[categorical_accuracy\] .*\(23,\) and \(23, 7\)"),
        (lambda: metrics.SparseCategoricalAccuracy()(ONE_HOT, OUTPUTS), ShapeError,
         r"\[sparse_categorical_accuracy\] .*\(23, 7\) and \(23, 7\)"),
        (lambda: metrics.MeanSquaredError()(REAL, OUTPUTS, WEIGHTS[:3]), ShapeError,
         r"sample_weight of shape \(3,\) does not fit values of \(23,\)"),
        (lambda: metrics.TopKCategoricalAccuracy(k=0), ValueError, "k must be at least 1, got 0"),
        (lambda: metrics.SparseTopKCategoricalAccuracy(k=0), ValueError, "k must be at least 1, got 0"),
        (lambda: metrics.Mean().update_state(None), DTypeError, "a metric expects numbers, got dtype object"),
        (lambda: metrics.SparseCategoricalAccuracy()(LABELS.astype(str), OUTPUTS), DTypeError, "expects numbers"),
        (lambda: metrics.get("accuracyy"), ValueError, "unknown metric 'accuracyy': did you mean 'accuracy'"),
    ],
)  # fmt: skip
def test_bad_input(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_a_refused_batch_leaves_the_state_alone():
    metric = metrics.MeanSquaredError()
    metric.update_state(REAL, OUTPUTS)
    before = metric.result()
    with pytest.raises(ShapeError):
        metric.update_state(REAL, OUTPUTS, WEIGHTS[:3])
    assert metric.result() == before


def test_results_are_numbers_that_answer_as_tensors_do():
    mean = metrics.Mean()
    mean.update_state([1.0, 2.0])
    result = mean.result()
    assert (result, result.numpy(), result.item(), result.shape) == (1.5, np.float64(1.5), 1.5, ())
    assert type(result.numpy()) is np.float64
    assert f"{result:.2f} {result}" == "1.50 1.5"
    assert repr(mean) == "<Mean name=mean>"
