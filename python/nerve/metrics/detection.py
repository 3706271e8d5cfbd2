"""How well boxes around objects are found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels._numbers import integer
from nerve.metrics.metric import Metric, host_array

RECALLS = np.linspace(0, 1, 101)


class MeanAveragePrecision(Metric):
    """The area under precision over recall, averaged over classes and overlaps (Lin et al., "Microsoft COCO", 2014).

    A box found is right if it overlaps a box of its class, which no surer one has taken, by a threshold at least.
    Precision at a recall is the best at that recall or above, at 101 recalls.

    Parameters
    ----------
    iou_thresholds : sequence of float, optional
        0.5, 0.55, ... 0.95 if not given, as of COCO; (0.5,) is what PASCAL VOC takes.
    max_detections : int
        The surest boxes of an image and class that count.
    name : str, optional
    """

    direction = "up"
    _state = ("_seen",)

    def __init__(
        self,
        iou_thresholds: Sequence[float] | None = None,
        max_detections: int = 100,
        name: str | None = "mean_average_precision",
    ) -> None:
        super().__init__(name)
        chosen = np.linspace(0.5, 0.95, 10) if iou_thresholds is None else np.asarray(iou_thresholds, float)
        if chosen.ndim != 1 or not chosen.size or chosen.min() <= 0 or chosen.max() > 1:
            raise ValueError(f"[{self.name}] iou_thresholds must lie in (0, 1], got {iou_thresholds!r}")
        self.iou_thresholds = [float(threshold) for threshold in chosen]
        self.max_detections = integer(self.name, "max_detections", max_detections, 1)
        self._seen: list[tuple[int, Array, Array, int]] = []  # class, scores, right at each threshold, boxes to find

    def update_state(self, y_true: Sequence[Any], y_pred: Sequence[Any], sample_weight: None = None) -> None:
        """Add images.

        Parameters
        ----------
        y_true : list of dict, one for each image
            "boxes" (n, 4) as (x_min, y_min, x_max, y_max) and "labels" (n,).
        y_pred : list of dict
            The same of what was found, and "scores" (n,), the larger the surer.

        Raises
        ------
        ShapeError
            If numbers of images, boxes, labels or scores differ.
        """
        if len(y_true) != len(y_pred):
            raise ShapeError(f"[{self.name}] got {len(y_true)} images of targets and {len(y_pred)} of predictions")
        for targets, found in zip(y_true, y_pred, strict=True):
            boxes, labels = self._boxes("y_true", targets)
            own_boxes, own_labels = self._boxes("y_pred", found)
            scores = host_array(found["scores"]).astype(np.float64).reshape(-1)
            if len(scores) != len(own_boxes):
                raise ShapeError(f"[{self.name}] got {len(own_boxes)} boxes with {len(scores)} scores")
            for label in np.union1d(labels, own_labels):
                mine = np.flatnonzero(own_labels == label)
                mine = mine[np.argsort(-scores[mine], kind="stable")][: self.max_detections]
                of_class = boxes[labels == label]
                self._seen.append((int(label), scores[mine], self._right(own_boxes[mine], of_class), len(of_class)))

    def _boxes(self, name: str, image: Mapping[str, Any]) -> tuple[Array, Array]:
        boxes = host_array(image["boxes"]).astype(np.float64).reshape(-1, 4)
        labels = host_array(image["labels"]).reshape(-1)
        if len(boxes) != len(labels):
            raise ShapeError(f"[{self.name}] {name} has {len(boxes)} boxes with {len(labels)} labels")
        return boxes, labels

    def _right(self, found: Array, boxes: Array) -> Array:
        """Which boxes, surest first, are right at each threshold: each takes the free one that it overlaps most."""
        right = np.zeros((len(self.iou_thresholds), len(found)), bool)
        if not len(found) or not len(boxes):
            return right
        overlaps = _overlaps(found, boxes)
        for at, threshold in enumerate(self.iou_thresholds):
            free = np.ones(len(boxes), bool)
            for i, overlap in enumerate(overlaps):
                candidates = np.where(free, overlap, -1.0)
                best = len(boxes) - 1 - int(candidates[::-1].argmax())  # of equal ones the last, as COCO's program
                if candidates[best] >= min(threshold, 1 - 1e-10):
                    right[at, i], free[best] = True, False
        return right

    def result(self) -> float:
        per_threshold = self.result_by_threshold()
        return float(np.mean(per_threshold)) if per_threshold else 0.0

    def result_by_threshold(self) -> list[float]:
        """The mean over classes at each of `iou_thresholds`; empty before the first box."""
        classes = sorted({label for label, _, _, count in self._seen if count})
        found = [self._average_precisions([each for each in self._seen if each[0] == label]) for label in classes]
        return [float(value) for value in np.mean(found, axis=0)] if found else []

    def _average_precisions(self, seen: list[tuple[int, Array, Array, int]]) -> Array:
        scores = np.concatenate([each[1] for each in seen])
        order = np.argsort(-scores, kind="mergesort")
        right = np.concatenate([each[2] for each in seen], axis=1)[:, order]
        to_find = sum(each[3] for each in seen)
        hits = np.cumsum(right, axis=1)
        precision = np.maximum.accumulate((hits / np.arange(1, len(order) + 1))[:, ::-1], axis=1)[:, ::-1]
        averages = np.zeros(len(right))
        for at, recall in enumerate(hits / to_find):
            places = np.searchsorted(recall, RECALLS, side="left")
            averages[at] = np.append(precision[at], 0.0)[places].mean()
        return averages

    def reset_state(self) -> None:
        self._seen = []

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "iou_thresholds": self.iou_thresholds,
            "max_detections": self.max_detections,
        }


def _overlaps(a: Array, b: Array) -> Array:
    """Intersection over union of every box of `a` with every box of `b`."""
    low, high = np.maximum(a[:, None, :2], b[None, :, :2]), np.minimum(a[:, None, 2:], b[None, :, 2:])
    common = np.prod(np.maximum(high - low, 0), axis=2)
    areas = [np.prod(x[:, 2:] - x[:, :2], axis=1) for x in (a, b)]
    return np.asarray(common / np.maximum(areas[0][:, None] + areas[1] - common, np.finfo(float).tiny))
