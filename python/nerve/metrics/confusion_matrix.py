"""Which classes are taken for which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels._numbers import integer
from nerve.metrics.metric import Metric, host_array


class ConfusionMatrix(Metric):
    """How many samples of each class, a row, were taken for each class, a column.

    Parameters
    ----------
    num_classes : int
    normalize : {None, "true", "pred", "all"}
        Divide by the sum of each row, each column, or all, as `sklearn.metrics.confusion_matrix`.
    name : str, optional
    """

    _state = ("_counts",)

    def __init__(self, num_classes: int, normalize: str | None = None, name: str | None = "confusion_matrix") -> None:
        super().__init__(name)
        if normalize not in (None, "true", "pred", "all"):
            raise ValueError(f"[{self.name}] normalize must be None, 'true', 'pred' or 'all', got {normalize!r}")
        self.num_classes, self.normalize = integer(self.name, "num_classes", num_classes, 2), normalize
        self._counts: Array = np.zeros((self.num_classes, self.num_classes))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: ArrayLike | None = None) -> None:
        """Add labels (batch,), or one-hot targets, and predictions (batch, num_classes) or (batch,) of labels.

        Raises
        ------
        ShapeError
            If the numbers of targets, predictions and weights differ.
        ValueError
            If a label is out of range.
        """
        true, predicted = self._labels(y_true), self._labels(y_pred)
        weights = np.ones(len(true)) if sample_weight is None else host_array(sample_weight).reshape(-1)
        if not len(true) == len(predicted) == len(weights):
            raise ShapeError(
                f"[{self.name}] got {len(true)} targets, {len(predicted)} predictions and {len(weights)} weights"
            )
        np.add.at(self._counts, (true, predicted), weights)

    def _labels(self, values: Any) -> Array:
        array = host_array(values)
        if array.ndim > 1 and array.shape[-1] == self.num_classes:
            return np.asarray(array.argmax(-1).reshape(-1))
        labels = array.reshape(-1).astype(np.int64)
        if labels.size and not 0 <= labels.min() <= labels.max() < self.num_classes:
            raise ValueError(
                f"[{self.name}] labels must lie in 0..{self.num_classes - 1}, got {labels.min()} to {labels.max()}"
            )
        return labels

    def result(self) -> Array:
        """(num_classes, num_classes) float64."""
        if self.normalize is None:
            return self._counts.copy()
        axis = {"true": 1, "pred": 0, "all": None}[self.normalize]
        totals = self._counts.sum(axis=axis, keepdims=True)
        shares: Array = np.divide(self._counts, totals, out=np.zeros_like(self._counts), where=totals > 0)
        return shares

    def plot(self, labels: Sequence[str] | None = None, ax: Any = None) -> Any:
        """Draw the matrix, with the numbers in it where they can be read.

        Parameters
        ----------
        labels : sequence of str, optional
            Names of the classes.
        ax : matplotlib axes, optional

        Returns
        -------
        matplotlib.figure.Figure
        """
        from sklearn.metrics import ConfusionMatrixDisplay

        values = self.result()
        display = ConfusionMatrixDisplay(values, display_labels=labels)
        few = self.num_classes <= 20
        whole = bool((values == np.round(values)).all())
        display.plot(
            ax=ax,
            cmap="Blues",
            include_values=few,
            values_format=".0f" if whole else ".2f",
            xticks_rotation="vertical" if labels else "horizontal",
        )
        return display.figure_

    def reset_state(self) -> None:
        self._counts[...] = 0.0

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "num_classes": self.num_classes, "normalize": self.normalize}
