"""Metrics of classes and of losses: against scikit-learn on whole arrays, in recorded steps, and what they refuse."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

import nerve
from nerve import layers, metrics, models
from nerve.errors import ShapeError

rng = np.random.default_rng(0)
N = 400
TRUTH = rng.integers(0, 2, N)
SCORES = np.clip(rng.normal(0.35 + 0.3 * TRUTH, 0.25), 0, 1)
LABELS, PREDICTED = rng.integers(0, 4, N), rng.integers(0, 4, N)
WEIGHTS = rng.random(N)


def over_batches(metric, truth, predicted, weights=None):
    for begin in range(0, N, 150):
        rows = slice(begin, begin + 150)
        metric.update_state(truth[rows], predicted[rows], None if weights is None else weights[rows])
    return metric.result()


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["", "weighted"])
def test_precision_recall_and_counts(weights):
    positive = SCORES > 0.5
    counts = sklearn_metrics.confusion_matrix(TRUTH, positive, sample_weight=weights)
    for metric, expected in zip(
        (metrics.TrueNegatives(), metrics.FalsePositives(), metrics.FalseNegatives(), metrics.TruePositives()),
        counts.ravel(),
        strict=True,
    ):
        assert over_batches(metric, TRUTH, SCORES, weights) == pytest.approx(expected)
    for metric, function in (
        (metrics.Precision(), sklearn_metrics.precision_score),
        (metrics.Recall(), sklearn_metrics.recall_score),
    ):
        expected = function(TRUTH, positive, sample_weight=weights)
        assert over_batches(metric, TRUTH, SCORES, weights) == pytest.approx(expected)


def test_areas_approach_those_of_all_thresholds():
    area = over_batches(metrics.AUC(num_thresholds=4000), TRUTH, SCORES)
    assert area == pytest.approx(sklearn_metrics.roc_auc_score(TRUTH, SCORES), abs=2e-3)
    area = over_batches(metrics.AUC(num_thresholds=4000, curve="PR"), TRUTH, SCORES)
    assert area == pytest.approx(sklearn_metrics.average_precision_score(TRUTH, SCORES), abs=5e-3)


def test_scores_of_several_classes():
    one_hot, predicted = np.eye(4)[LABELS], np.eye(4)[PREDICTED]
    for average in (None, "micro", "macro", "weighted"):
        f1 = over_batches(metrics.F1Score(average=average), one_hot, predicted)
        np.testing.assert_allclose(f1, sklearn_metrics.f1_score(LABELS, PREDICTED, average=average), rtol=1e-5)
        f2 = over_batches(metrics.FBetaScore(average=average, beta=2.0), one_hot, predicted)
        expected = sklearn_metrics.fbeta_score(LABELS, PREDICTED, average=average, beta=2.0)
        np.testing.assert_allclose(f2, expected, rtol=1e-5)
    mean = over_batches(metrics.MeanIoU(4), LABELS, PREDICTED, WEIGHTS)
    expected = sklearn_metrics.jaccard_score(LABELS, PREDICTED, average="macro", sample_weight=WEIGHTS)
    assert mean == pytest.approx(expected)
    r2 = over_batches(metrics.R2Score(), SCORES, SCORES + 0.1 * WEIGHTS, WEIGHTS)
    assert r2 == pytest.approx(sklearn_metrics.r2_score(SCORES, SCORES + 0.1 * WEIGHTS, sample_weight=WEIGHTS))
    assert metrics.Sum()(SCORES, WEIGHTS) == pytest.approx((SCORES * WEIGHTS).sum())


def test_a_recorded_step_keeps_the_same_counts():
    x = rng.normal(size=(96, 5)).astype(np.float32)
    y = (x.sum(1) > 0).astype(np.float32)[:, None]

    def history(eagerly):
        nerve.random.seed(0)
        model = models.Sequential([layers.Dense(4, activation="relu"), layers.Dense(1, activation="sigmoid")])
        chosen = [
            metrics.Precision(thresholds=[0.4, 0.6]),
            metrics.Recall(class_id=0),
            metrics.AUC(),
            metrics.SensitivityAtSpecificity(0.5),
            metrics.BinaryCrossentropy(),
            metrics.Hinge(),
        ]
        model.compile("adam", "binary_crossentropy", metrics=chosen, run_eagerly=eagerly)
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # the one of a step that cannot be recorded among them
            return model.fit(x, y, epochs=3, batch_size=16, verbose=0).history

    recorded, eager = history(False), history(True)
    assert list(recorded) == list(eager)
    for name in eager:
        np.testing.assert_array_equal(recorded[name], eager[name])


@pytest.mark.parametrize("shape", [(40,), (40, 1), (10, 4)], ids=str)
def test_an_ignored_class_does_not_count(shape):
    labels = rng.integers(0, 4, shape)
    size = shape[:1] if shape[-1] == 1 else shape
    scores = rng.dirichlet(np.ones(4), size)
    metric = metrics.SparseCategoricalCrossentropy(ignore_class=2)
    metric.update_state(labels, scores)
    losses = -np.log(np.take_along_axis(scores, labels.reshape(size)[..., None], -1)[..., 0])
    counts = labels.reshape(size) != 2
    expected = losses[counts].mean()
    assert metric.result() == pytest.approx(expected, rel=1e-6)
    again = metrics.SparseCategoricalCrossentropy.from_config(metric.get_config())
    again.update_state(labels, scores, np.full(shape[0], 3.0))
    assert again.result() == pytest.approx(expected, rel=1e-6)


def test_areas_of_several_labels():
    """The mean of those of the columns; in recorded steps the same, whether the number of labels is known or not."""
    x = rng.normal(size=(96, 5)).astype(np.float32)
    y = (x[:, :3] > 0.3).astype(np.float32)
    scores = rng.uniform(size=(96, 3)).astype(np.float32)
    weights = rng.uniform(size=96)
    several, single = metrics.AUC(multi_label=True, label_weights=[1, 2, 0]), [metrics.AUC() for _ in range(3)]
    for rows in (slice(0, 40), slice(40, 96)):
        several.update_state(y[rows], scores[rows], weights[rows])
        for column, metric in enumerate(single):
            metric.update_state(y[rows, column], scores[rows, column], weights[rows])
    assert several.result() == pytest.approx((single[0].result() + 2 * single[1].result()) / 3)
    parts = [metrics.AUC(multi_label=True, label_weights=[1, 2, 0]) for _ in range(3)]  # the first has seen nothing
    for metric, rows in zip(parts[1:], (slice(0, 40), slice(40, 96)), strict=True):
        metric.update_state(y[rows], scores[rows], weights[rows])
    assert parts[0].result() == 0.0
    assert parts[0].merge_state(parts[1:]).result() == pytest.approx(several.result())
    results = []
    for eagerly in (False, True):
        nerve.random.seed(0)
        model = models.Sequential([layers.Dense(3, activation="sigmoid")])
        chosen = [
            metrics.AUC(multi_label=True, name="found"),
            metrics.AUC(multi_label=True, num_labels=3, name="known"),
            metrics.AUC(label_weights=[1, 2, 3], name="flat"),
        ]
        model.compile("adam", "binary_crossentropy", metrics=chosen, run_eagerly=eagerly)
        results.append(model.fit(x, y, epochs=3, batch_size=16, verbose=0).history)
    assert results[0] == results[1]
    assert results[0]["found"] == results[0]["known"] != results[0]["flat"]
    for options, message in (
        ({"num_labels": 3}, "num_labels needs multi_label=True"),
        ({"label_weights": [0, 0]}, "label_weights must not be negative nor all 0"),
    ):
        with pytest.raises(ValueError, match=message):
            metrics.AUC(**options)
    with pytest.raises(ShapeError, match=r"\[auc\] expects predictions \(batch, 3\), got shape \(96, 2\)"):
        metrics.AUC(multi_label=True, num_labels=3).update_state(y[:, :2], scores[:, :2])
    with pytest.raises(ShapeError, match=r"\[auc\] 2 label_weights do not fit shape \(96, 3\)"):
        metrics.AUC(label_weights=[1, 2]).update_state(y, scores)


def test_what_does_not_fit_is_named():
    with pytest.raises(ShapeError, match=r"\[precision\] y_true and y_pred must have one shape"):
        metrics.Precision().update_state(np.zeros(3), np.zeros(4))
    with pytest.raises(ShapeError, match=r"\[recall\] class_id 3 is beyond the classes of \(2, 3\)"):
        metrics.Recall(class_id=3).update_state(np.zeros((2, 3)), np.zeros((2, 3)))
    with pytest.raises(ShapeError, match=r"\[auc\] sample_weight of shape \(2,\) does not fit shape \(3,\)"):
        metrics.AUC().update_state(np.zeros(3), np.zeros(3), np.ones(2))
    with pytest.raises(ValueError, match=r"\[precision\] thresholds must be in \[0, 1\], got 2"):
        metrics.Precision(thresholds=2)
    with pytest.raises(ValueError, match="curve must be one of"):
        metrics.AUC(curve="DET")
    score = metrics.F1Score()
    score.update_state(np.eye(2), np.eye(2))
    with pytest.raises(ShapeError, match=r"\[f1_score\] has seen 2 classes, got 3"):
        score.update_state(np.eye(3), np.eye(3))
    with pytest.raises(ValueError, match=r"target_class_ids must be below 2, got \[2\]"):
        metrics.IoU(2, [2])
