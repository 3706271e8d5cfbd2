"""k-means on small batches of rows."""

from __future__ import annotations

import warnings
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from numpy.random import RandomState
from numpy.typing import ArrayLike
from sklearn.base import _fit_context
from sklearn.callback import with_callbacks
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval

from nerve._typing import Array
from nerve.checked import checked_weights, rows_of
from nerve.cluster.centroids import CentroidClusterer
from nerve.cluster.passes import assign, row, update, weighted_sum
from nerve.cluster.progress import Progress
from nerve.kernels._arrays import array_module, host, placed


class MiniBatchKMeans(CentroidClusterer):
    """k-means on batches drawn at random: scikit-learn's ``MiniBatchKMeans``, with its arguments, draws and results.

    Of scikit-learn's it leaves out nothing; beyond it, results do not depend on the number of threads, callbacks are
    told of every step, and ``partial_fit`` takes float32 after float64 and the other way round.

    A CuPy array stays on the GPU, as do labels and centers. What is drawn at random, which centers are put elsewhere,
    and whether a step was the last, is decided in the host's memory, from a few numbers for each cluster.

    Parameters
    ----------
    n_clusters, init, n_init, verbose, random_state
        As of :class:`nerve.cluster.KMeans`; ``n_init="auto"`` is 3 where that has 10. Initial centers are compared by
        their inertia, and only the best are used.
    max_iter : int
        Passes over all rows at most.
    batch_size : int
    compute_labels : bool
        Whether ``fit`` ends with ``labels_`` and ``inertia_`` of all rows.
    tol : float
        Ends when centers move less: see ``KMeans``; 0: no such end.
    max_no_improvement : int or None
        Ends after so many batches without improvement of the smoothed inertia.
    init_size : int, optional
        Rows from which initial centers are taken, ``3 * batch_size`` or, if that is too few, ``3 * n_clusters``.
    reassignment_ratio : float
        Centers with a smaller part of the largest cluster's weight are put elsewhere.

    Attributes
    ----------
    cluster_centers_ : ndarray, (n_clusters, n_features)
    labels_ : ndarray of int32, (n_samples,)
        If ``compute_labels``.
    inertia_ : float
        Without ``compute_labels`` an estimate from the batches.
    n_iter_ : int
        Passes over all rows.
    n_steps_ : int
        Batches.
    n_features_in_ : int
    feature_names_in_ : ndarray of str, (n_features_in_,)

    References
    ----------
    Sculley, "Web-scale k-means clustering", WWW 2010.
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **CentroidClusterer._parameter_constraints,
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "compute_labels": ["boolean"],
        "max_no_improvement": [Interval(Integral, 0, None, closed="left"), None],
        "init_size": [Interval(Integral, 1, None, closed="left"), None],
        "reassignment_ratio": [Interval(Real, 0, None, closed="left")],
    }
    _random_runs = 3

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        init: Any = "k-means++",
        max_iter: int = 100,
        batch_size: int = 1024,
        verbose: int = 0,
        compute_labels: bool = True,
        random_state: int | RandomState | None = None,
        tol: float = 0.0,
        max_no_improvement: int | None = 10,
        init_size: int | None = None,
        n_init: int | str = "auto",
        reassignment_ratio: float = 0.01,
    ) -> None:
        self.n_clusters = n_clusters
        self.init = init
        self.max_iter = max_iter
        self.batch_size = batch_size
        self.verbose = verbose
        self.compute_labels = compute_labels
        self.random_state = random_state
        self.tol = tol
        self.max_no_improvement = max_no_improvement
        self.init_size = init_size
        self.n_init = n_init
        self.reassignment_ratio = reassignment_ratio

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: None = None, sample_weight: ArrayLike | None = None) -> MiniBatchKMeans:
        """Find the clusters from batches of X.

        Parameters
        ----------
        X : {array-like, sparse matrix}, (n_samples, n_features)
        y : ignored
        sample_weight : array-like, (n_samples,), optional
            Rows are drawn in proportion to it.

        Returns
        -------
        self
        """
        X = self._checked_data(X, reset=True)
        self._check_params_vs_input(X)
        random_state = check_random_state(self.random_state)
        weights = checked_weights(sample_weight, X)
        init = self._checked_init(X)
        rows, size = X.shape[0], self._batch_size
        steps = (self.max_iter * rows) // size
        progress = Progress(self, steps, X=X, metadata={"sample_weight": sample_weight})

        centers = self._best_initial_centers(X, init, random_state, weights)
        self._counts = np.zeros(self.n_clusters, X.dtype)
        self._n_since_last_reassign = 0
        watch = _Watch(self, steps, rows)
        shares = host(weights)
        batches = _Batches(shares / np.sum(shares), size)
        for step in range(steps):
            progress.begin("step")
            old = centers
            batch = rows_of(X, batches.draw(random_state))
            centers, inertia = self._step(batch, None, old, random_state)
            change = float(((centers - old) ** 2).sum()) if self._tol > 0 else 0.0
            stop = progress.end(lambda: {"cluster_centers_": centers})  # noqa: B023  # called at once
            if watch.converged(step, change, inertia) or stop:
                break
        self.cluster_centers_ = centers
        self._n_features_out = self.n_clusters
        self.n_steps_ = step + 1
        self.n_iter_ = int(np.ceil((step + 1) * size / rows))
        if self.compute_labels:
            self._label(X, weights)
        else:
            self.inertia_ = watch.average * np.sum(shares)
        progress.end(lambda: {"cluster_centers_": centers})
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: None = None, sample_weight: ArrayLike | None = None) -> MiniBatchKMeans:
        """One step with X as the batch.

        Parameters
        ----------
        X : {array-like, sparse matrix}, (n_samples, n_features)
        y : ignored
        sample_weight : array-like, (n_samples,), optional

        Returns
        -------
        self
        """
        fitted = hasattr(self, "cluster_centers_")
        X = self._checked_data(X, reset=not fitted)
        self._random_state = getattr(self, "_random_state", check_random_state(self.random_state))
        weights = checked_weights(sample_weight, X)
        self.n_steps_ = getattr(self, "n_steps_", 0)
        if not fitted:
            self._check_params_vs_input(X)
            init = self._checked_init(X)
            self.cluster_centers_ = self._initial_centers(X, init, self._random_state, weights, self._init_size)
            self._counts = np.zeros(self.n_clusters, X.dtype)
            self._n_since_last_reassign = 0
        centers = self.cluster_centers_.astype(X.dtype, copy=False)
        self.cluster_centers_, _ = self._step(X, weights, centers, self._random_state)
        if self.compute_labels:
            self._label(X, weights)
        self.n_steps_ += 1
        self._n_features_out = self.n_clusters
        return self

    def _check_params_vs_input(self, X: Any) -> None:
        super()._check_params_vs_input(X)
        self._tol = 0.0 if self.tol == 0 else self._mean_variance(X) * self.tol
        self._batch_size = min(self.batch_size, X.shape[0])
        self._init_size = self.init_size
        if self._init_size is None:
            self._init_size = 3 * self._batch_size
            if self._init_size < self.n_clusters:
                self._init_size = 3 * self.n_clusters
        elif self._init_size < self.n_clusters:
            warnings.warn(
                f"init_size={self._init_size} should be larger than n_clusters={self.n_clusters}. Setting it to "
                "min(3*n_clusters, n_samples)",
                RuntimeWarning,
                stacklevel=3,
            )
            self._init_size = 3 * self.n_clusters
        self._init_size = min(self._init_size, X.shape[0])

    def _best_initial_centers(self, X: Any, init: Any, random_state: RandomState, weights: Array) -> Array:
        """Of ``n_init`` times initial centers those with the least inertia on some rows drawn for it."""
        drawn = random_state.randint(0, X.shape[0], self._init_size)
        valid, valid_weights = rows_of(X, drawn), rows_of(weights, drawn)
        best, least = None, np.inf
        for run in range(self._n_init):
            if self.verbose:
                print(f"Init {run + 1}/{self._n_init} with method {init}")
            centers = self._initial_centers(X, init, random_state, weights, self._init_size)
            inertia = weighted_sum(assign(valid, centers)[1], valid_weights)
            if self.verbose:
                print(f"Inertia for init {run + 1}/{self._n_init}: {inertia}")
            if best is None or inertia < least:
                best, least = centers, inertia
        assert best is not None
        return best

    def _step(
        self, batch: Any, weights: Array | None, centers: Array, random_state: RandomState
    ) -> tuple[Array, float]:
        """New centers, and the inertia of the batch with the old ones."""
        reassign = self._random_reassign()
        _, distances, sums, totals = update(batch, centers, weights, with_distances=True)
        assert distances is not None
        inertia = weighted_sum(distances, weights)
        added = host(totals)
        some, counts = added > 0, self._counts + added
        factors = np.divide(1, counts, out=np.zeros_like(counts), where=some)
        before, factors, chosen = (placed(each[:, None], sums) for each in (self._counts, factors, some))
        new = array_module(sums).where(chosen, (centers * before + sums) * factors, centers)
        self._counts = counts
        if reassign and self.reassignment_ratio > 0:
            self._reassign(batch, new, random_state)
        return new, inertia

    def _random_reassign(self) -> bool:
        """Whether it is time: after every 10 rows a cluster, and whenever a cluster is empty."""
        self._n_since_last_reassign += self._batch_size
        if (self._counts == 0).any() or self._n_since_last_reassign >= 10 * self.n_clusters:
            self._n_since_last_reassign = 0
            return True
        return False

    def _reassign(self, batch: Any, centers: Array, random_state: RandomState) -> None:
        """Put centers of too little weight on rows of the batch, half of its rows at most."""
        counts = self._counts
        chosen = counts < self.reassignment_ratio * counts.max()
        if chosen.sum() > 0.5 * batch.shape[0]:
            chosen[np.argsort(counts)[int(0.5 * batch.shape[0]) :]] = False
        number = chosen.sum()
        if number:
            rows = random_state.choice(batch.shape[0], replace=False, size=number)
            if self.verbose:
                print(f"[MiniBatchKMeans] Reassigning {number} cluster centers.")
            for cluster, index in zip(np.flatnonzero(chosen), rows, strict=True):
                centers[cluster] = row(batch, index)
        # Not so small that they are moved again at once.
        counts[chosen] = np.min(counts[~chosen])

    def _label(self, X: Any, weights: Array) -> None:
        self.labels_, distances = assign(X, self.cluster_centers_)
        self.inertia_ = weighted_sum(distances, weights)


class _Batches:
    """Rows drawn by their weights: ``random_state.choice(len(p), size, p=p)``, without summing p up in every draw."""

    def __init__(self, p: Array, size: int) -> None:
        self.ends = p.astype(np.float64).cumsum()
        self.ends /= self.ends[-1]
        self.size = size

    def draw(self, random_state: RandomState) -> Array:
        return self.ends.searchsorted(random_state.random_sample(self.size), side="right")


class _Watch:
    """Looks at the smoothed inertia, and ends a fit that does not improve."""

    def __init__(self, estimator: MiniBatchKMeans, steps: int, rows: int) -> None:
        self.estimator, self.steps = estimator, steps
        self.rate = min(estimator._batch_size * 2.0 / (rows + 1), 1)
        self.average: Any = None
        self.least: Any = None
        self.without_improvement = 0

    def converged(self, step: int, change: float, inertia: float) -> bool:
        """Whether to end after a step with these squared shifts of the centers and this inertia of its batch."""
        estimator, name = self.estimator, f"{step + 1}/{self.steps}"
        inertia /= estimator._batch_size
        if step == 0:  # of the initial centers
            if estimator.verbose:
                print(f"Minibatch step {name}: mean batch inertia: {inertia}")
            return False
        self.average = inertia if self.average is None else self.average * (1 - self.rate) + inertia * self.rate
        if estimator.verbose:
            print(f"Minibatch step {name}: mean batch inertia: {inertia}, ewa inertia: {self.average}")
        if estimator._tol > 0 and change <= estimator._tol:
            if estimator.verbose:
                print(f"Converged (small centers change) at step {name}")
            return True
        if self.least is None or self.average < self.least:
            self.without_improvement, self.least = 0, self.average
        else:
            self.without_improvement += 1
        limit = estimator.max_no_improvement
        if limit is not None and self.without_improvement >= limit:
            if estimator.verbose:
                print(f"Converged (lack of improvement in inertia) at step {name}")
            return True
        return False
