"""Every metric that nerve and Keras have: name, and values over batches with and without weights."""

from __future__ import annotations

import os
import re

import numpy as np
import pytest

import nerve

os.environ["KERAS_BACKEND"] = "torch"
keras = pytest.importorskip("keras")
pytestmark = pytest.mark.peers

N, C = 61, 4
rng = np.random.default_rng(0)
OUTPUTS = rng.normal(size=(N, C)).astype(np.float32)
PROBABILITIES = (np.exp(OUTPUTS) / np.exp(OUTPUTS).sum(-1, keepdims=True)).astype(np.float32)
SIGMOID = (1 / (1 + np.exp(-OUTPUTS))).astype(np.float32)
LABELS = rng.integers(0, C, N)
ONE_HOT = np.eye(C, dtype=np.float32)[LABELS]
BINARY = rng.integers(0, 2, (N, C)).astype(np.float32)
SINGLE, SCORES = BINARY[:, :1], SIGMOID[:, :1]
REAL = rng.normal(size=(N, C)).astype(np.float32)
PREDICTED = rng.integers(0, C, N)
WEIGHTS = rng.integers(1, 4, N).astype(np.float32)

CASES = [
    ("MeanSquaredError", {}, REAL, OUTPUTS),
    ("RootMeanSquaredError", {}, REAL, OUTPUTS),
    ("MeanAbsoluteError", {}, REAL, OUTPUTS),
    ("MeanAbsolutePercentageError", {}, REAL + 4, OUTPUTS),
    ("MeanSquaredLogarithmicError", {}, REAL**2, SIGMOID),
    ("LogCoshError", {}, REAL, OUTPUTS),
    ("Poisson", {}, REAL**2, SIGMOID),
    ("CosineSimilarity", {}, REAL, OUTPUTS),
    ("KLDivergence", {}, PROBABILITIES[::-1].copy(), PROBABILITIES),
    ("Hinge", {}, BINARY, OUTPUTS),
    ("SquaredHinge", {}, BINARY, OUTPUTS),
    ("CategoricalHinge", {}, ONE_HOT, OUTPUTS),
    ("BinaryCrossentropy", {"label_smoothing": 0.1}, BINARY, SIGMOID),
    ("BinaryCrossentropy", {"from_logits": True}, SINGLE, OUTPUTS[:, :1]),
    ("CategoricalCrossentropy", {"label_smoothing": 0.1}, ONE_HOT, PROBABILITIES),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, LABELS, OUTPUTS),
    ("SparseCategoricalCrossentropy", {"ignore_class": 2}, LABELS, PROBABILITIES),
    ("TruePositives", {}, SINGLE, SCORES),
    ("FalsePositives", {"thresholds": 0.4}, SINGLE, SCORES),
    ("TrueNegatives", {"thresholds": [0.2, 0.7]}, BINARY, SIGMOID),
    ("FalseNegatives", {}, BINARY, SIGMOID),
    ("Precision", {}, BINARY, SIGMOID),
    ("Precision", {"thresholds": [0.3, 0.6]}, SINGLE, SCORES),
    ("Precision", {"class_id": 2, "thresholds": 0.4}, BINARY, SIGMOID),
    ("Precision", {"top_k": 2}, ONE_HOT, PROBABILITIES),
    ("Recall", {}, BINARY, SIGMOID),
    ("Recall", {"top_k": 2, "class_id": 1}, ONE_HOT, PROBABILITIES),
    ("AUC", {}, SINGLE, SCORES),
    ("AUC", {"curve": "PR"}, SINGLE, SCORES),
    ("AUC", {"summation_method": "minoring", "num_thresholds": 11}, SINGLE, SCORES),
    ("AUC", {"summation_method": "majoring", "curve": "PR", "num_thresholds": 7}, BINARY, SIGMOID),
    ("AUC", {"thresholds": [0.2, 0.35, 0.8], "from_logits": True}, SINGLE, OUTPUTS[:, :1]),
    ("AUC", {"multi_label": True}, BINARY, SIGMOID),
    (
        "AUC",
        {"multi_label": True, "curve": "PR", "num_labels": C, "label_weights": [1.0, 0.0, 2.0, 0.5]},
        BINARY,
        SIGMOID,
    ),
    ("AUC", {"multi_label": True, "summation_method": "minoring", "num_thresholds": 9}, BINARY, SIGMOID),
    ("AUC", {"label_weights": [1.0, 0.0, 2.0, 0.5], "curve": "PR"}, BINARY, SIGMOID),
    ("AUC", {"multi_label": True, "from_logits": True}, BINARY, OUTPUTS),
    ("SensitivityAtSpecificity", {"specificity": 0.4}, SINGLE, SCORES),
    ("SpecificityAtSensitivity", {"sensitivity": 0.6, "num_thresholds": 5}, SINGLE, SCORES),
    ("PrecisionAtRecall", {"recall": 0.5}, SINGLE, SCORES),
    ("RecallAtPrecision", {"precision": 0.52, "class_id": 1}, BINARY, SIGMOID),
    ("F1Score", {}, ONE_HOT, PROBABILITIES),
    ("F1Score", {"average": "micro", "threshold": 0.4}, BINARY, SIGMOID),
    ("FBetaScore", {"beta": 2.0, "average": "weighted"}, ONE_HOT, PROBABILITIES),
    ("FBetaScore", {"beta": 0.5, "average": "macro", "threshold": 0.3}, BINARY, SIGMOID),
    ("IoU", {"num_classes": C, "target_class_ids": [0, 2]}, LABELS, PREDICTED),
    ("MeanIoU", {"num_classes": C + 1}, LABELS, PREDICTED),
    ("MeanIoU", {"num_classes": C, "ignore_class": 1}, LABELS, PREDICTED),
    ("BinaryIoU", {"threshold": 0.3}, SINGLE, SCORES),
    ("OneHotIoU", {"num_classes": C, "target_class_ids": [1, 3]}, ONE_HOT, PROBABILITIES),
    ("OneHotMeanIoU", {"num_classes": C}, ONE_HOT, PROBABILITIES),
    ("R2Score", {}, REAL, REAL + 0.3 * OUTPUTS),
    ("R2Score", {"class_aggregation": "variance_weighted_average"}, REAL, REAL + 0.3 * OUTPUTS),
    ("R2Score", {"class_aggregation": None, "num_regressors": 3}, REAL, REAL + 0.3 * OUTPUTS),
]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("name", "options", "targets", "outputs"), CASES, ids=[f"{c[0]}-{c[1]}" for c in CASES])
def test_metric(name, options, targets, outputs, weighted):
    if "ignore_class" in options and name == "SparseCategoricalCrossentropy" and not weighted:
        pytest.skip("Keras leaves samples out of its mean where there are weights, and counts them as 0 where not")
    ours, theirs = getattr(nerve.metrics, name)(**options), getattr(keras.metrics, name)(**options)
    assert ours.name == re.sub(r"_\d+$", "", theirs.name)  # Keras counts the metrics of a class
    assert ours.direction == getattr(theirs, "_direction", ours.direction)
    for rows in (slice(0, 20), slice(20, 21), slice(21, N)):
        weights = WEIGHTS[rows] if weighted else None
        ours.update_state(targets[rows], nerve.Tensor(outputs[rows]), sample_weight=weights)
        integers = "IoU" in name and weighted  # where Keras wants whole weights
        theirs.update_state(targets[rows], outputs[rows], sample_weight=weights.astype(int) if integers else weights)
    np.testing.assert_allclose(ours.result(), np.asarray(theirs.result()), rtol=1e-5, atol=1e-6)
    again = nerve.metrics.get({"class_name": name, "config": ours.get_config()})
    assert again.get_config() == ours.get_config()
    again.update_state(targets, outputs, sample_weight=WEIGHTS if weighted else None)
    if not isinstance(again, nerve.metrics.Mean):
        np.testing.assert_allclose(again.result(), ours.result(), rtol=1e-6)
    ours.reset_state()
    ours.update_state(targets, outputs, sample_weight=WEIGHTS if weighted else None)
    np.testing.assert_allclose(ours.result(), again.result(), rtol=1e-6)


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        ("MeanSquaredError", "float64"),  # of these two Keras converts the values, and not what they are made of
        ("MeanAbsoluteError", "float64"),
        ("RootMeanSquaredError", "float64"),
        ("RootMeanSquaredError", "float32"),
    ],
)
def test_dtype(name, dtype):
    """Far from zero, where the two dtypes give other results."""
    targets, outputs = 1e7 + REAL.astype(float), 1e7 + OUTPUTS.astype(float)
    ours, theirs = (getattr(of.metrics, name)("m", dtype) for of in (nerve, keras))
    for metric in (ours, theirs):
        metric.update_state(targets, outputs)
        assert metric.dtype == dtype
    assert ours.result() == pytest.approx(float(theirs.result()), rel=1e-6)
    other = getattr(nerve.metrics, name)(dtype={"float32": "float64", "float64": "float32"}[dtype])
    other.update_state(targets, outputs)
    assert other.result() != pytest.approx(float(theirs.result()), rel=1e-4)


def test_every_metric_of_keras_is_known():
    names = {name for name in dir(keras.metrics) if name[0] != "_"}
    assert not names - set(nerve.metrics.__all__)
