"""Fuzzy c-means."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

import numpy as np
from numpy.random import RandomState
from numpy.typing import ArrayLike
from sklearn.base import _fit_context
from sklearn.callback import with_callbacks
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from nerve import kernels
from nerve._typing import Array
from nerve.cluster.centroids import CentroidClusterer
from nerve.cluster.passes import assign
from nerve.cluster.progress import Progress


class FuzzyCMeans(CentroidClusterer):
    """Clusters to which every row belongs in part.

    Makes the sum of ``u**fuzzifier`` times squared distances small, where the memberships ``u`` of a row are one in
    all. scikit-learn has no such class; arguments and methods are those of :class:`nerve.cluster.KMeans`, without
    sparse input. ``skfuzzy.cmeans`` begins with random memberships instead of centers and ends when these change
    little; from the same centers, the same steps give the same results.

    Parameters
    ----------
    n_clusters : int
    fuzzifier : float
        More than 1; close to it, clusters are as hard as those of k-means.
    init, n_init, max_iter, tol, verbose, random_state
        As of ``KMeans``.

    Attributes
    ----------
    cluster_centers_ : ndarray, (n_clusters, n_features)
    memberships_ : ndarray, (n_samples, n_clusters)
    labels_ : ndarray of int32, (n_samples,)
        The cluster to which a row belongs most.
    objective_ : float
        What was made small.
    n_iter_ : int
    n_features_in_ : int
    feature_names_in_ : ndarray of str, (n_features_in_,)

    References
    ----------
    Bezdek, "Pattern recognition with fuzzy objective function algorithms", 1981.

    Examples
    --------
    >>> from nerve.cluster import FuzzyCMeans
    >>> model = FuzzyCMeans(2, random_state=0).fit([[0.0], [1.0], [2.0], [10.0], [11.0], [12.0]])
    >>> model.predict_proba([[6.0]]).round(2)
    array([[0.5, 0.5]])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **CentroidClusterer._parameter_constraints,
        "fuzzifier": [Interval(Real, 1, None, closed="neither")],
    }
    _accept_sparse = False

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        fuzzifier: float = 2.0,
        init: Any = "k-means++",
        n_init: int | str = "auto",
        max_iter: int = 300,
        tol: float = 1e-4,
        verbose: int = 0,
        random_state: int | RandomState | None = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.fuzzifier = fuzzifier
        self.init = init
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.verbose = verbose
        self.random_state = random_state

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: None = None, sample_weight: ArrayLike | None = None) -> FuzzyCMeans:
        """Find the clusters.

        Parameters
        ----------
        X : array-like, (n_samples, n_features)
        y : ignored
        sample_weight : array-like, (n_samples,), optional

        Returns
        -------
        self
        """
        X = self._checked_data(X, reset=True)
        self._check_params_vs_input(X)
        random_state = check_random_state(self.random_state)
        weights = _check_sample_weight(sample_weight, X, dtype=X.dtype)
        init = self._checked_init(X)
        progress = Progress(self, self._n_init, X=X, metadata={"sample_weight": sample_weight})
        tol = 0.0 if self.tol == 0 else self._mean_variance(X) * self.tol
        self.objective_ = np.inf
        for run in range(self._n_init):
            progress.begin("run", self.max_iter)
            centers = self._initial_centers(X, init, random_state, weights)
            centers, objective, iterations = self._run(X, centers, weights, tol, progress)
            if run == 0 or objective < self.objective_:
                self.cluster_centers_, self.objective_, self.n_iter_ = centers, objective, iterations
            if progress.end():
                break
        self._n_features_out = self.n_clusters
        self.memberships_ = self._memberships(X)
        self.labels_, _ = assign(X, self.cluster_centers_)
        progress.end(lambda: {"cluster_centers_": self.cluster_centers_})
        return self

    def _run(
        self, x: Array, centers: Array, weights: Array, tol: float, progress: Progress
    ) -> tuple[Array, float, int]:
        """Centers, the objective and the number of steps of a run."""
        for iteration in range(self.max_iter):
            progress.begin("step")
            old = centers
            costs, sums, totals = self._pass(x, old, weights)
            some = (totals > 0)[:, None]
            centers = np.divide(sums, totals[:, None], out=old.copy(), where=some)
            moved = ((centers - old) ** 2).sum()
            if self.verbose:
                print(f"Iteration {iteration}, objective {costs.sum(dtype=np.float64)}.")
            stop = progress.end(lambda: {"cluster_centers_": centers})  # noqa: B023  # called at once
            if moved <= tol:
                if self.verbose:
                    print(f"Converged at iteration {iteration}: center shift {moved} within tolerance {tol}.")
                break
            if stop:
                break
        costs, _, _ = self._pass(x, centers, weights)
        return centers, float(costs.sum(dtype=np.float64)), iteration + 1

    def predict_proba(self, X: Any) -> Array:
        """The memberships of each row.

        Parameters
        ----------
        X : array-like, (n_samples, n_features)

        Returns
        -------
        memberships : ndarray, (n_samples, n_clusters)
        """
        check_is_fitted(self)
        return self._memberships(self._checked_data(X, reset=False))

    def score(self, X: Any, y: None = None, sample_weight: ArrayLike | None = None) -> float:
        """The negative of the objective.

        Parameters
        ----------
        X : array-like, (n_samples, n_features)
        y : ignored
        sample_weight : array-like, (n_samples,), optional

        Returns
        -------
        score : float
        """
        check_is_fitted(self)
        X = self._checked_data(X, reset=False)
        weights = _check_sample_weight(sample_weight, X, dtype=X.dtype)
        costs, _, _ = self._pass(X, self._centers_for(X), weights)
        return -float(costs.sum(dtype=np.float64))

    def _memberships(self, x: Array) -> Array:
        memberships, _, _, _ = kernels.fuzzy_assign(x, self._centers_for(x), fuzzifier=self.fuzzifier)
        assert memberships is not None
        return memberships

    def _pass(self, x: Array, centers: Array, weights: Array) -> tuple[Array, Array, Array]:
        """Costs, sums and totals."""
        found = kernels.fuzzy_assign(x, centers, weights, fuzzifier=self.fuzzifier, with_memberships=False)
        return found[1:]
