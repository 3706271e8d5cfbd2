"""What estimators with cluster centers share: checks, initial centers, and everything after fitting."""

from __future__ import annotations

import warnings
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from numpy.random import RandomState
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, ClusterMixin, TransformerMixin
from sklearn.callback import CallbackSupportMixin
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.utils import check_array
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.sparsefuncs import mean_variance_axis
from sklearn.utils.validation import (
    _is_arraylike_not_scalar,
    check_is_fitted,
)

from nerve import kernels
from nerve._typing import Array
from nerve.checked import beside, checked_data, checked_weights, rows_of
from nerve.cluster.passes import assign, weighted_sum
from nerve.cluster.seeding import greedy_plusplus
from nerve.kernels._arrays import host, on_gpu, placed


class CentroidClusterer(
    CallbackSupportMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin, ClusterMixin, BaseEstimator
):
    """Base of the estimators whose ``cluster_centers_`` are all that predictions need."""

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "n_clusters": [Interval(Integral, 1, None, closed="left")],
        "init": [StrOptions({"k-means++", "random"}), callable, "array-like"],
        "n_init": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
    }
    _random_runs: ClassVar[int] = 10  # what n_init="auto" is where initial centers are left to chance
    _accept_sparse: ClassVar[str | bool] = "csr"

    n_clusters: int
    init: Any
    n_init: int | str
    tol: float
    cluster_centers_: Array

    def predict(self, X: Any) -> Array:
        """The nearest cluster of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix}, (n_samples, n_features)

        Returns
        -------
        labels : ndarray of int32, (n_samples,)
        """
        check_is_fitted(self)
        X = self._checked_data(X, reset=False)
        labels, _ = assign(X, self._centers_for(X))
        return labels

    def fit_predict(self, X: Any, y: None = None, sample_weight: ArrayLike | None = None) -> Array:
        """``fit(X).labels_``."""
        labels: Array = self.fit(X, sample_weight=sample_weight).labels_
        return labels

    def transform(self, X: Any) -> Array:
        """The distances of each row to all centers.

        Parameters
        ----------
        X : {array-like, sparse matrix}, (n_samples, n_features)

        Returns
        -------
        X_new : ndarray, (n_samples, n_clusters)
        """
        check_is_fitted(self)
        X = self._checked_data(X, reset=False)
        if on_gpu(X):
            return kernels.pairwise_distances(X, self._centers_for(X))
        distances: Array = euclidean_distances(X, self.cluster_centers_)
        return distances

    def fit_transform(self, X: Any, y: None = None, sample_weight: ArrayLike | None = None) -> Array:
        """``fit(X).transform(X)``."""
        distances: Array = self.fit(X, sample_weight=sample_weight).transform(X)
        return distances

    def score(self, X: Any, y: None = None, sample_weight: ArrayLike | None = None) -> float:
        """The negative of what ``fit`` makes small: the weighted sum of squared distances.

        Parameters
        ----------
        X : {array-like, sparse matrix}, (n_samples, n_features)
        y : ignored
        sample_weight : array-like, (n_samples,), optional

        Returns
        -------
        score : float
        """
        check_is_fitted(self)
        X = self._checked_data(X, reset=False)
        weights = checked_weights(sample_weight, X)
        _, distances = assign(X, self._centers_for(X))
        return -weighted_sum(distances, weights)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = bool(self._accept_sparse)
        return tags

    def _checked_data(self, X: Any, reset: bool, **options: Any) -> Any:
        if not reset:
            beside(X, self.cluster_centers_, type(self).__name__)
        return checked_data(
            self,
            X,
            accept_sparse=self._accept_sparse,
            reset=reset,
            dtype=[np.float64, np.float32],
            order="C",
            accept_large_sparse=False,
            **options,
        )

    def _centers_for(self, x: Any) -> Array:
        """The centers in the dtype of checked rows."""
        centers: Array = self.cluster_centers_.astype(x.dtype, copy=False)
        return centers

    def _check_params_vs_input(self, X: Any) -> None:
        if X.shape[0] < self.n_clusters:
            raise ValueError(f"n_samples={X.shape[0]} should be >= n_clusters={self.n_clusters}.")
        explicit = _is_arraylike_not_scalar(self.init)
        if self.n_init != "auto":
            self._n_init = int(self.n_init)
        else:
            self._n_init = 1 if explicit or self._uses("k-means++") else self._random_runs
        if explicit and self._n_init != 1:
            warnings.warn(
                "Explicit initial center position passed: performing only one init in "
                f"{self.__class__.__name__} instead of n_init={self._n_init}.",
                RuntimeWarning,
                stacklevel=3,
            )
            self._n_init = 1

    def _checked_init(self, X: Any) -> Any:
        """``init``; an array of centers checked, and a copy."""
        if not _is_arraylike_not_scalar(self.init):
            return self.init
        centers = check_array(host(self.init), dtype=X.dtype, copy=True, order="C")
        self._validate_center_shape(X, centers)
        return placed(centers, X)

    @staticmethod
    def _mean_variance(X: Any, mean: Array | None = None) -> float:
        """The mean of the variances of the features."""
        if sp.issparse(X):
            return float(np.mean(mean_variance_axis(X, axis=0)[1]))
        squares = assign(X, (X.mean(axis=0) if mean is None else mean)[None])[1]
        return float(squares.sum(dtype=np.float64) / X.size)

    def _validate_center_shape(self, X: Any, centers: Array) -> None:
        if centers.shape[0] != self.n_clusters:
            raise ValueError(
                f"The shape of the initial centers {centers.shape} does not "
                f"match the number of clusters {self.n_clusters}."
            )
        if centers.shape[1] != X.shape[1]:
            raise ValueError(
                f"The shape of the initial centers {centers.shape} does not "
                f"match the number of features of the data {X.shape[1]}."
            )

    def _uses(self, init: str) -> bool:
        return isinstance(self.init, str) and self.init == init

    def _initial_centers(
        self, X: Any, init: Any, random_state: RandomState, weights: Array, init_size: int | None = None
    ) -> Array:
        """Initial centers from rows of X, or of ``init_size`` of them drawn at random."""
        if init_size is not None and init_size < X.shape[0]:
            drawn = random_state.randint(0, X.shape[0], init_size)
            X, weights = rows_of(X, drawn), rows_of(weights, drawn)
        if self._uses("k-means++"):
            centers: Any = greedy_plusplus(X, self.n_clusters, weights, random_state)[0]
        elif self._uses("random"):
            p = host(weights)
            drawn = random_state.choice(X.shape[0], size=self.n_clusters, replace=False, p=p / p.sum())
            centers = rows_of(X, drawn)
        elif callable(init):
            made = init(X, self.n_clusters, random_state=random_state)
            centers = placed(check_array(host(made), dtype=X.dtype, copy=False, order="C"), X)
            self._validate_center_shape(X, centers)
        else:
            centers = init
        dense: Array = centers.toarray() if sp.issparse(centers) else centers
        return dense
