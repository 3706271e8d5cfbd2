"""k-means."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

import numpy as np
import scipy.sparse as sp
from numpy.random import RandomState
from numpy.typing import ArrayLike
from sklearn.base import _fit_context
from sklearn.callback import with_callbacks
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import StrOptions

from nerve import kernels
from nerve._typing import Array
from nerve.checked import checked_weights, expect_finite
from nerve.cluster import lloyd
from nerve.cluster.centroids import CentroidClusterer
from nerve.cluster.progress import Progress
from nerve.kernels._arrays import array_module, host, on_gpu


class KMeans(CentroidClusterer):
    """k-means clustering: scikit-learn's ``KMeans``, with its arguments, attributes and results.

    The same ``random_state`` gives the same initial centers and the same labels, up to the rounding of float32 sums. Of
    scikit-learn's it leaves out nothing; beyond it, results do not depend on the number of threads, callbacks are told
    of every step, and no matrix of rows by clusters is held, but for the bounds of ``algorithm="elkan"``. Sparse input
    is clustered by Lloyd's algorithm with either ``algorithm``.

    A CuPy array stays on the GPU, as do labels and centers; there, either ``algorithm`` is Lloyd's. What is drawn at
    random, and whether a step was the last, is decided in the host's memory, from a few numbers for each cluster.

    Parameters
    ----------
    n_clusters : int
    init : {"k-means++", "random"}, callable or array-like (n_clusters, n_features)
        A callable gets ``X``, ``n_clusters`` and ``random_state`` and returns centers.
    n_init : "auto" or int
        Runs from different centers, of which the one with the least inertia is kept; ``"auto"``: 10 if ``init`` is
        ``"random"`` or a callable, else 1.
    max_iter : int
        Steps of a run at most.
    tol : float
        A run ends when the squares of the centers' shifts sum up to ``tol`` times the mean variance of the features.
    verbose : int
    random_state : int, RandomState or None
    copy_x : bool
        Whether to leave ``X`` alone; if not, its mean, if that is far from zero, is subtracted in place and added
        again. A copy is made only to subtract it.
    algorithm : {"lloyd", "elkan"}

    Attributes
    ----------
    cluster_centers_ : ndarray, (n_clusters, n_features)
    labels_ : ndarray of int32, (n_samples,)
    inertia_ : float
        The weighted sum of squared distances to the centers.
    n_iter_ : int
    n_features_in_ : int
    feature_names_in_ : ndarray of str, (n_features_in_,)

    References
    ----------
    Lloyd, "Least squares quantization in PCM", IEEE Trans. Information Theory 28, 1982. Elkan, "Using the triangle
    inequality to accelerate k-means", ICML 2003.

    Examples
    --------
    >>> from nerve.cluster import KMeans
    >>> KMeans(2, random_state=0).fit([[1, 2], [1, 4], [1, 0], [10, 2], [10, 4], [10, 0]]).labels_
    array([1, 1, 1, 0, 0, 0], dtype=int32)
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **CentroidClusterer._parameter_constraints,
        "copy_x": ["boolean"],
        "algorithm": [StrOptions({"lloyd", "elkan"})],
    }

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        init: Any = "k-means++",
        n_init: int | str = "auto",
        max_iter: int = 300,
        tol: float = 1e-4,
        verbose: int = 0,
        random_state: int | RandomState | None = None,
        copy_x: bool = True,
        algorithm: str = "lloyd",
    ) -> None:
        self.n_clusters = n_clusters
        self.init = init
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.verbose = verbose
        self.random_state = random_state
        self.copy_x = copy_x
        self.algorithm = algorithm

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: None = None, sample_weight: ArrayLike | None = None) -> KMeans:
        """Find the clusters.

        Parameters
        ----------
        X : {array-like, sparse matrix}, (n_samples, n_features)
        y : ignored
        sample_weight : array-like, (n_samples,), optional

        Returns
        -------
        self
        """
        X = self._checked_data(X, reset=True, ensure_all_finite=False)
        sparse = sp.issparse(X)
        mean = np.zeros(X.shape[1], X.dtype) if sparse else kernels.mean(X, axis=0)
        expect_finite(self, X, np.nan if sparse else mean)
        self._check_params_vs_input(X)
        random_state = check_random_state(self.random_state)
        weights = checked_weights(sample_weight, X)
        init = self._checked_init(X)
        progress = Progress(self, self._n_init, X=X, metadata={"sample_weight": sample_weight})

        tol = self._mean_variance(X, mean) * self.tol if self.tol > 0 else 0.0
        # A callable is given rows less their mean, as in scikit-learn.
        moved = not sparse and (on_gpu(X) or callable(init) or _far_from_zero(X, mean))
        in_place = moved and not (self.copy_x or progress.listened or on_gpu(X))
        x = X if not moved else np.subtract(X, mean, out=X) if in_place else kernels.subtract(X, mean)
        mean = mean if moved else np.zeros_like(mean)
        if not (isinstance(init, str) or callable(init)):
            init -= mean
        best: tuple[Array, float, Array, int] | None = None
        for _ in range(self._n_init):
            progress.begin("run", self.max_iter)
            centers = self._initial_centers(x, init, random_state, weights)
            if self.verbose:
                print("Initialization complete")
            passes = self._passes(x, None if sample_weight is None else weights)
            found = lloyd.run(passes, centers, self.max_iter, tol, self.verbose, progress, mean)
            # Labels alike but for their names: the inertia is smaller by rounding alone.
            if best is None or (
                found[1] < best[1] and not lloyd.same_partition(host(found[0]), host(best[0]), self.n_clusters)
            ):
                best = found
            if progress.end():
                break
        assert best is not None
        self.labels_, self.inertia_, centers, self.n_iter_ = best
        if in_place:
            X += mean
        self.cluster_centers_ = centers + mean
        self._n_features_out = self.n_clusters
        module = array_module(self.labels_)
        distinct = int(module.count_nonzero(module.bincount(self.labels_)))
        if distinct < self.n_clusters:
            warnings.warn(
                f"Number of distinct clusters ({distinct}) found smaller than n_clusters ({self.n_clusters}). Possibly "
                "due to duplicate points in X.",
                ConvergenceWarning,
                stacklevel=2,
            )
        progress.end(lambda: {"cluster_centers_": self.cluster_centers_})
        return self

    def _passes(self, x: Any, weights: Array | None) -> lloyd.Lloyd:
        if self._algorithm == "elkan" and not sp.issparse(x) and not on_gpu(x):
            return lloyd.Elkan(x, weights, self.n_clusters)
        return lloyd.Lloyd(x, weights)

    def _check_params_vs_input(self, X: Any) -> None:
        super()._check_params_vs_input(X)
        self._algorithm = self.algorithm
        if self._algorithm == "elkan" and self.n_clusters == 1:
            warnings.warn(
                "algorithm='elkan' doesn't make sense for a single cluster. Using 'lloyd' instead.",
                RuntimeWarning,
                stacklevel=3,
            )
            self._algorithm = "lloyd"


def _far_from_zero(x: Array, mean: Array) -> bool:
    """Whether products of rows less their mean lose fewer digits than those of rows as they are, by a few rows."""
    some, center = x[:: max(1, len(x) // 64)].astype(np.float64), mean.astype(np.float64)
    return bool(4 * np.square(center).sum() > np.square(some - center).sum() / len(some))
