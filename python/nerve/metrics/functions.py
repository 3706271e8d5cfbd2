"""Metrics as functions: a number per sample, not kept over batches."""

from __future__ import annotations

from typing import Any

from nerve.metrics.accuracy import (
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
)
from nerve.metrics.metric import PairMetric, as_array
from nerve.tensor import Tensor, constant


def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Tensor:
    """1 where a probability lies on its target's side of `threshold`, else 0; see `BinaryAccuracy`."""
    found = _of(BinaryAccuracy(threshold=threshold), y_true, y_pred)
    # A single axis is one of samples, which the class gives a second one.
    one_axis = as_array(y_true).ndim == as_array(y_pred).ndim == 1
    return constant(found.array.reshape(-1)) if one_axis else found


def categorical_accuracy(y_true: Any, y_pred: Any) -> Tensor:
    """1 where the largest output is at the place of the largest target, else 0; see `CategoricalAccuracy`."""
    return _of(CategoricalAccuracy(), y_true, y_pred)


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Tensor:
    """1 where the largest output is at the place the target names, else 0; see `SparseCategoricalAccuracy`."""
    return _of(SparseCategoricalAccuracy(), y_true, y_pred)


def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Tensor:
    """1 where the target is among the `k` largest outputs, else 0; see `TopKCategoricalAccuracy`."""
    return _of(TopKCategoricalAccuracy(k), y_true, y_pred)


def sparse_top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5, from_sorted_ids: bool = False) -> Tensor:
    """1 where the target is among the `k` best, else 0; see `SparseTopKCategoricalAccuracy`."""
    return _of(SparseTopKCategoricalAccuracy(k, from_sorted_ids=from_sorted_ids), y_true, y_pred)


def _of(metric: PairMetric, y_true: Any, y_pred: Any) -> Tensor:
    found = as_array(metric.values(as_array(y_true), as_array(y_pred)))
    return constant(found if found.dtype.kind == "f" else found.astype("float32"))
