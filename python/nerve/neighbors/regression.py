"""The mean of the neighbors' targets."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils.validation import check_is_fitted

from nerve._typing import Array
from nerve.neighbors import weights as weighting
from nerve.neighbors.weighted import WeightedNearest, WeightedWithin


class KNeighborsRegressor(RegressorMixin, WeightedNearest):  # type: ignore[misc]
    """The mean target of the nearest points: scikit-learn's ``KNeighborsRegressor``, with its arguments and results.

    How neighbors are found, and what is passed on to scikit-learn: see :class:`nerve.neighbors.NearestNeighbors`.
    Beside that nothing is left out; sparse ``y`` is taken as the dense one. Data lie in the host's memory, not on the
    GPU.

    Parameters
    ----------
    n_neighbors : int
    weights : {"uniform", "distance"}, callable or None
        ``"distance"``: the inverse of the distance. A callable makes weights of an array of distances.
    algorithm, leaf_size, p, metric, metric_params, n_jobs
        As for :class:`nerve.neighbors.NearestNeighbors`.

    Attributes
    ----------
    effective_metric_ : str or callable
    effective_metric_params_ : dict
    n_features_in_ : int
    feature_names_in_ : ndarray of str (n_features_in_,)
    n_samples_fit_ : int
    """

    def predict(self, X: Any) -> Array:
        """The mean targets of the nearest points.

        Parameters
        ----------
        X : array-like or sparse matrix (n_queries, n_features), or None
            ``None``: the fitted points, none of which is its own neighbor.

        Returns
        -------
        ndarray (n_queries,) or (n_queries, n_outputs)
        """
        check_is_fitted(self)
        if self.weights in (None, "uniform"):
            indices, weights = self.kneighbors(X, return_distance=False), None
        else:
            distances, indices = self.kneighbors(X)
            weights = weighting.of_nearest(distances, self.weights)
        targets = self._y[:, None] if self._y.ndim == 1 else self._y
        if weights is None:
            predicted: Array = np.mean(targets[indices], axis=1)
        else:
            sums = np.einsum("qko,qk->qo", targets[indices], weights, dtype=np.float64)
            predicted = sums / np.sum(weights, axis=1)[:, None]
        return predicted.ravel() if self._y.ndim == 1 else predicted


class RadiusNeighborsRegressor(RegressorMixin, WeightedWithin):  # type: ignore[misc]
    """The mean target within a radius: scikit-learn's ``RadiusNeighborsRegressor``, with its arguments and results.

    How neighbors are found, and what is passed on to scikit-learn: see :class:`nerve.neighbors.NearestNeighbors`.
    Beside that nothing is left out; where no point lies within the radius the prediction is NaN for integer targets,
    too, which scikit-learn makes some integer of, and sparse ``y`` is taken as the dense one. Data lie in the host's
    memory, not on the GPU.

    Parameters
    ----------
    radius : float
    weights : {"uniform", "distance"}, callable or None
        ``"distance"``: the inverse of the distance. A callable makes weights of an array of arrays of distances.
    algorithm, leaf_size, p, metric, metric_params, n_jobs
        As for :class:`nerve.neighbors.NearestNeighbors`.

    Attributes
    ----------
    effective_metric_ : str or callable
    effective_metric_params_ : dict
    n_features_in_ : int
    feature_names_in_ : ndarray of str (n_features_in_,)
    n_samples_fit_ : int
    """

    def predict(self, X: Any) -> Array:
        """The mean targets of the points within the radius; NaN, with a warning, where there are none.

        Parameters
        ----------
        X : array-like or sparse matrix (n_queries, n_features), or None
            ``None``: the fitted points, none of which is its own neighbor.

        Returns
        -------
        ndarray (n_queries,) or (n_queries, n_outputs)
        """
        check_is_fitted(self)
        offsets, indices, distances = self._within(X, None, self.weights not in (None, "uniform"))
        weights = weighting.of_near(distances, offsets, self.weights)
        targets = self._y[:, None] if self._y.ndim == 1 else self._y
        queries = offsets.size - 1
        rows = np.repeat(np.arange(queries), np.diff(offsets))
        totals = np.bincount(rows, weights, minlength=queries)
        predicted = np.empty((queries, targets.shape[1]))
        for output in range(targets.shape[1]):
            values = targets[indices, output] if weights is None else targets[indices, output] * weights
            predicted[:, output] = np.bincount(rows, values, minlength=queries)
        with np.errstate(invalid="ignore"):
            predicted /= totals[:, None]
        if np.isnan(predicted).any():
            warnings.warn(
                "One or more samples have no neighbors within specified radius; predicting NaN.", stacklevel=2
            )
        if weights is None and targets.dtype.kind == "f":
            predicted = predicted.astype(targets.dtype, copy=False)
        return predicted.ravel() if self._y.ndim == 1 else predicted
