"""The mean of the neighbors' targets."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils.validation import check_is_fitted

from nerve._typing import Array
from nerve.kernels._arrays import array_module, host
from nerve.neighbors import weights as weighting
from nerve.neighbors.base import Neighbors
from nerve.neighbors.weighted import WeightedNearest, WeightedWithin


class NeighborsRegressor(RegressorMixin, Neighbors):  # type: ignore[misc]
    """What both regressors do with targets."""

    def score(self, X: Any, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """The coefficient of determination (R2) of :meth:`predict`.

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
        return r2_score(host(y), host(self.predict(X)), sample_weight=host(sample_weight))  # type: ignore[no-any-return]


class KNeighborsRegressor(NeighborsRegressor, WeightedNearest):
    """The mean target of the nearest points: scikit-learn's ``KNeighborsRegressor``, with its arguments and results.

    How neighbors are found, and what is passed on to scikit-learn: see :class:`nerve.neighbors.NearestNeighbors`.
    Beside that nothing is left out; sparse ``y`` is taken as the dense one.

    CuPy arrays, then of ``X`` and of ``y``, stay on the GPU, and so do predictions.

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
            predicted: Array = targets[indices].mean(axis=1)
        else:
            module = array_module(indices)
            sums = module.einsum("qko,qk->qo", targets[indices], weights, dtype=np.float64)
            predicted = sums / weights.sum(axis=1)[:, None]
        return predicted.reshape(-1) if self._y.ndim == 1 else predicted


class RadiusNeighborsRegressor(NeighborsRegressor, WeightedWithin):
    """The mean target within a radius: scikit-learn's ``RadiusNeighborsRegressor``, with its arguments and results.

    How neighbors are found, and what is passed on to scikit-learn: see :class:`nerve.neighbors.NearestNeighbors`.
    Beside that nothing is left out; where no point lies within the radius the prediction is NaN for integer targets,
    too, which scikit-learn makes some integer of, and sparse ``y`` is taken as the dense one.

    CuPy arrays, then of ``X`` and of ``y``, stay on the GPU, and so do predictions.

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
        module, rows = array_module(offsets), weighting.queries_of(offsets, indices.size)
        totals = weighting.summed(rows, weights, queries)
        predicted = module.empty((queries, targets.shape[1]), dtype=np.float64)
        for output in range(targets.shape[1]):
            values = targets[indices, output] if weights is None else targets[indices, output] * weights
            predicted[:, output] = weighting.summed(rows, values, queries)
        with np.errstate(invalid="ignore"):
            predicted /= totals[:, None]
        if module.isnan(predicted).any():
            warnings.warn(
                "One or more samples have no neighbors within specified radius; predicting NaN.", stacklevel=2
            )
        if weights is None and targets.dtype.kind == "f":
            predicted = predicted.astype(targets.dtype, copy=False)
        return predicted.reshape(-1) if self._y.ndim == 1 else predicted  # type: ignore[no-any-return]
