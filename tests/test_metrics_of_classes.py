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
