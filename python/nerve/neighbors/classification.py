"""A vote among the neighbors."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.metrics import accuracy_score
from sklearn.utils.validation import check_is_fitted

from nerve._typing import Array
from nerve.kernels._arrays import array_module, host, placed
from nerve.neighbors import weights as weighting
from nerve.neighbors.base import Neighbors
from nerve.neighbors.weighted import WeightedNearest, WeightedWithin

VOTES = 1 << 20  # of queries times classes that are counted at a time


class NeighborsClassifier(ClassifierMixin, Neighbors):  # type: ignore[misc]
    """What both classifiers do with votes."""

    def _outputs(self) -> list[tuple[Array, Array]]:
        """The classes of each output, and the class of each fitted point."""
        if self.outputs_2d_:
            return list(zip(self.classes_, self._y.T, strict=True))
        return [(self.classes_, self._y)]

    def _joined(self, columns: list[Array]) -> Array:
        """Labels of every output, as ``y`` had them."""
        if not self.outputs_2d_:
            return columns[0]
        joined = array_module(*columns).empty((columns[0].size, len(columns)), dtype=self.classes_[0].dtype)
        for output, labels in enumerate(columns):
            joined[:, output] = labels
        return joined  # type: ignore[no-any-return]

    @staticmethod
    def _labels(classes: Array, winners: Array) -> Array:
        """The classes at these places, where these lie; text, which a GPU does not hold, in the host's memory."""
        if classes.dtype.kind not in "fiub":
            winners = host(winners)
        return array_module(winners).take(placed(classes, winners), winners)  # type: ignore[no-any-return]

    def score(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """The mean accuracy of :meth:`predict`.

        Parameters
        ----------
        X : array-like or sparse matrix (n_samples, n_features), or None
            ``None``: the fitted points, none of which is its own neighbor, as if each were left out once.
        y : array-like (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like (n_samples,), optional

        Returns
        -------
        float
        """
        return accuracy_score(host(y), host(self.predict(X)), sample_weight=host(sample_weight))  # type: ignore[no-any-return]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class KNeighborsClassifier(NeighborsClassifier, WeightedNearest):
    """A vote among the nearest points: scikit-learn's ``KNeighborsClassifier``, with its arguments and results.

    How neighbors are found, and what is passed on to scikit-learn: see :class:`nerve.neighbors.NearestNeighbors`.
    Beside that nothing is left out; sparse ``y`` is taken as the dense one.

    CuPy arrays stay on the GPU, and what comes of them are CuPy arrays, but for labels that are text. Labels ``y`` may
    lie in either memory; ``classes_`` are in the host's, where they are found.

    Parameters
    ----------
    n_neighbors : int
    weights : {"uniform", "distance"}, callable or None
        ``"distance"``: the inverse of the distance. A callable makes weights of an array of distances.
    algorithm, leaf_size, p, metric, metric_params, n_jobs
        As for :class:`nerve.neighbors.NearestNeighbors`.

    Attributes
    ----------
    classes_ : ndarray (n_classes,), or a list of them for several outputs
    effective_metric_ : str or callable
    effective_metric_params_ : dict
    n_features_in_ : int
    feature_names_in_ : ndarray of str (n_features_in_,)
    n_samples_fit_ : int
    outputs_2d_ : bool
    """

    def predict(self, X: Any) -> Array:
        """The class that most of the nearest points have; of equally many the first one.

        Parameters
        ----------
        X : array-like or sparse matrix (n_queries, n_features), or None
            ``None``: the fitted points, none of which is its own neighbor.

        Returns
        -------
        ndarray (n_queries,) or (n_queries, n_outputs)
        """
        indices, weights = self._voters(X)
        columns = []
        for classes, of_point in self._outputs():
            winners = [votes.argmax(axis=1) for votes in _votes(of_point[indices], weights, classes.size)]
            columns.append(self._labels(classes, array_module(indices).concatenate(winners)))
        return self._joined(columns)

    def predict_proba(self, X: Any) -> Any:
        """The part of the votes that each class gets.

        Parameters
        ----------
        X : array-like or sparse matrix (n_queries, n_features), or None
            ``None``: the fitted points, none of which is its own neighbor.

        Returns
        -------
        ndarray (n_queries, n_classes), or a list of them for several outputs
        """
        indices, weights = self._voters(X)
        found = []
        for classes, of_point in self._outputs():
            votes = array_module(indices).concatenate(list(_votes(of_point[indices], weights, classes.size)))
            found.append(votes / votes.sum(axis=1, keepdims=True))
        return found if self.outputs_2d_ else found[0]

    def _voters(self, X: Any) -> tuple[Array, Array | None]:
        check_is_fitted(self)
        if self.weights in (None, "uniform"):
            return self.kneighbors(X, return_distance=False), None
        distances, indices = self.kneighbors(X)
        weights = weighting.of_nearest(distances, self.weights)
        if weights is not None and (weights == 0).all(axis=1).any():
            raise ValueError(
                "All neighbors of some sample is getting zero weights. Please modify 'weights' to avoid this case if "
                "you are using a user-defined function."
            )
        return indices, weights


def _votes(labels: Array, weights: Array | None, n_classes: int) -> Iterator[Array]:
    """The votes (queries, n_classes) of neighbors with these labels, some queries at a time."""
    module, step = array_module(labels), max(VOTES // n_classes, 1)
    for begin in range(0, max(labels.shape[0], 1), step):
        some = labels[begin : begin + step]
        votes = module.zeros((some.shape[0], n_classes))
        rows = module.arange(some.shape[0])
        for neighbor in range(some.shape[1]):
            votes[rows, some[:, neighbor]] += 1.0 if weights is None else weights[begin : begin + step, neighbor]
        yield votes


class RadiusNeighborsClassifier(NeighborsClassifier, WeightedWithin):
    """A vote within a radius: scikit-learn's ``RadiusNeighborsClassifier``, with its arguments and results.

    How neighbors are found, and what is passed on to scikit-learn: see :class:`nerve.neighbors.NearestNeighbors`.
    Beside that nothing is left out; sparse ``y`` is taken as the dense one.

    CuPy arrays stay on the GPU, and what comes of them are CuPy arrays, but for labels that are text. Labels ``y`` may
    lie in either memory; ``classes_`` are in the host's, where they are found.

    Parameters
    ----------
    radius : float
    weights : {"uniform", "distance"}, callable or None
        ``"distance"``: the inverse of the distance. A callable makes weights of an array of arrays of distances.
    algorithm, leaf_size, p, metric, metric_params, n_jobs
        As for :class:`nerve.neighbors.NearestNeighbors`.
    outlier_label : label, list of labels, "most_frequent" or None
        What a query with no point within the radius gets, for each output; ``None``: an error.

    Attributes
    ----------
    classes_ : ndarray (n_classes,), or a list of them for several outputs
    effective_metric_ : str or callable
    effective_metric_params_ : dict
    n_features_in_ : int
    feature_names_in_ : ndarray of str (n_features_in_,)
    n_samples_fit_ : int
    outlier_label_ : list of labels, or None
    outputs_2d_ : bool
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **WeightedWithin._parameter_constraints,
        "outlier_label": [Integral, str, "array-like", None],
    }

    def __init__(
        self,
        radius: float = 1.0,
        *,
        weights: Any = "uniform",
        algorithm: str = "auto",
        leaf_size: int = 30,
        p: float = 2,
        metric: Any = "minkowski",
        outlier_label: Any = None,
        metric_params: dict[str, Any] | None = None,
        n_jobs: int | None = None,
    ) -> None:
        super().__init__(
            radius,
            weights=weights,
            algorithm=algorithm,
            leaf_size=leaf_size,
            metric=metric,
            p=p,
            metric_params=metric_params,
            n_jobs=n_jobs,
        )
        self.outlier_label = outlier_label

    @_fit_context(prefer_skip_nested_validation=False)  # type: ignore[untyped-decorator]
    def fit(self, X: Any, y: Any) -> Any:
        """Take points and their labels.

        Parameters
        ----------
        X : array-like or sparse matrix (n_samples, n_features), or (n_samples, n_samples) of distances
        y : array-like (n_samples,) or (n_samples, n_outputs)

        Returns
        -------
        self
        """
        self._fit(X, y)
        outputs = self._outputs()
        label = self.outlier_label
        if label is None:
            self.outlier_label_ = None
            return self
        if isinstance(label, str) and label == "most_frequent":
            self.outlier_label_ = [classes[np.bincount(host(of_point)).argmax()] for classes, of_point in outputs]
            return self
        listed = np.ndim(label) > 0 and not isinstance(label, str)
        if listed and len(label) != len(outputs):
            raise ValueError(
                f"The length of outlier_label: {label} is inconsistent with the output length: {len(outputs)}"
            )
        labels = label if listed else [label] * len(outputs)
        for (classes, _), one in zip(outputs, labels, strict=True):
            if np.ndim(one) > 0 and not isinstance(one, str):
                raise TypeError(f"The outlier_label of classes {classes} is supposed to be a scalar, got {one}.")
            if np.append(classes, one).dtype != classes.dtype:
                raise TypeError(f"The dtype of outlier_label {one} is inconsistent with classes {classes} in y.")
        self.outlier_label_ = labels
        return self

    def predict(self, X: Any) -> Array:
        """The class that most of the points within the radius have; of equally many the first one.

        Parameters
        ----------
        X : array-like or sparse matrix (n_queries, n_features), or None
            ``None``: the fitted points, none of which is its own neighbor.

        Returns
        -------
        ndarray (n_queries,) or (n_queries, n_outputs)
        """
        found = self.predict_proba(X)
        columns = []
        for output, ((classes, _), votes) in enumerate(
            zip(self._outputs(), found if self.outputs_2d_ else [found], strict=True)
        ):
            labels = self._labels(classes, votes.argmax(axis=1))
            without = (votes == 0).all(axis=1)
            if without.any() and self.outlier_label_ is not None:
                labels[placed(without, labels)] = self.outlier_label_[output]
            columns.append(labels)
        return self._joined(columns)

    def predict_proba(self, X: Any) -> Any:
        """The part of the votes that each class gets.

        Parameters
        ----------
        X : array-like or sparse matrix (n_queries, n_features), or None
            ``None``: the fitted points, none of which is its own neighbor.

        Returns
        -------
        ndarray (n_queries, n_classes), or a list of them for several outputs
        """
        check_is_fitted(self)
        offsets, indices, distances = self._within(X, None, self.weights not in (None, "uniform"))
        alone = host(array_module(offsets).flatnonzero(offsets[1:] == offsets[:-1]))
        if self.outlier_label_ is None and alone.size:
            raise ValueError(
                f"No neighbors found for test samples {alone!r}, you can try using larger radius, giving a label for "
                "outliers, or considering removing them from your dataset."
            )
        weights = weighting.of_near(distances, offsets, self.weights)
        queries = offsets.size - 1
        rows = weighting.queries_of(offsets, indices.size)
        found = []
        for output, (classes, of_point) in enumerate(self._outputs()):
            cells = rows * classes.size + of_point[indices]
            votes = weighting.summed(cells, weights, queries * classes.size).astype(np.float64)
            votes = votes.reshape(queries, classes.size)
            if alone.size and self.outlier_label_ is not None:
                at = np.flatnonzero(classes == self.outlier_label_[output])
                if at.size == 1:
                    votes[placed(alone, votes), at[0]] = 1.0
                else:
                    warnings.warn(
                        f"Outlier label {self.outlier_label_[output]} is not in training classes. All class "
                        "probabilities of outliers will be assigned with 0.",
                        stacklevel=2,
                    )
            totals = votes.sum(axis=1, keepdims=True)
            totals[totals == 0.0] = 1.0
            found.append(votes / totals)
        return found if self.outputs_2d_ else found[0]
