"""Agglomerative clustering, the trees by kernels that take memory for the points alone where the linkage allows it."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.distance import pdist
from sklearn.base import BaseEstimator, ClusterMixin, _fit_context
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.cluster import linkage_tree, ward_tree
from sklearn.metrics.pairwise import _VALID_METRICS
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import check_array, check_memory, validate_data

from nerve import kernels
from nerve._typing import Array
from nerve.cluster.progress import Progress
from nerve.cluster.trees import LinkageMatrixMixin, cut_tree

__all__ = ["AgglomerativeClustering"]

# Up to here the tree of Ward's criterion is made on a matrix of distances (8 MB), and equal to SciPy's also where
# merges tie, as they do among a few points with whole coordinates.
SMALL = 1024

_KERNEL_METRICS = {
    "euclidean": "euclidean",
    "l2": "euclidean",
    "manhattan": "manhattan",
    "l1": "manhattan",
    "cityblock": "manhattan",
}
_BLOCK = 512


class AgglomerativeClustering(CallbackSupportMixin, LinkageMatrixMixin, ClusterMixin, BaseEstimator):
    """Merges the two nearest clusters until the number asked for is left.

    scikit-learn's estimator of this name: the same arguments, attributes and errors, and the same trees: bit for bit
    with ``linkage`` "single", "complete" and "average", and with "ward" for up to 1024 samples; beyond, where merges
    are equally good up to rounding, another of them may come first.

    Adds :meth:`linkage_matrix`. "ward", and "single" with euclidean or manhattan distances, need memory for the samples
    alone, however many; "complete" and "average" are defined by all distances and hold the matrix of them, in float64.
    With ``connectivity``, and with "single" and any other metric, scikit-learn's own ``ward_tree`` and ``linkage_tree``
    build the tree. Callbacks are told of two tasks, the tree and its cut, and cannot end the fit between them.

    Parameters
    ----------
    n_clusters : int or None, default=2
        ``None`` if ``distance_threshold`` is given.
    metric : str or callable, default="euclidean"
        "euclidean", "l1", "l2", "manhattan", "cosine", any other that SciPy's ``pdist`` knows, "precomputed" for a
        matrix of distances, or a function that makes one of the samples. With "ward": "euclidean" or "l2".
    memory : str or joblib.Memory, default=None
        Where to cache the tree.
    connectivity : array-like, sparse matrix or callable, default=None
        Which samples are neighbours, if only those may be merged; or a function that makes it of the samples.
    compute_full_tree : "auto" or bool, default="auto"
        Whether merges go on after ``n_clusters`` are left; matters with ``connectivity`` only.
    linkage : {"ward", "complete", "average", "single"}, default="ward"
        Nearest are the clusters whose union has the least growth of the sum of squares; whose farthest samples are
        nearest; whose samples are nearest on average; whose nearest samples are nearest.
    distance_threshold : float, default=None
        Clusters at this distance or above are not merged.
    compute_distances : bool, default=False
        Whether to keep ``distances_`` without a ``distance_threshold``.

    Attributes
    ----------
    n_clusters_ : int
    labels_ : ndarray of int, (n_samples,)
    n_leaves_ : int
    n_connected_components_ : int
    n_features_in_ : int
    feature_names_in_ : ndarray of str, (n_features_in_,)
        If the samples have names of features.
    children_ : ndarray of int, (n_samples - 1, 2)
        The clusters of each merge: below ``n_samples`` a sample, ``n_samples + i`` what merge i made.
    distances_ : ndarray of float64, (n_samples - 1,)
        Of the clusters merged, if asked for.

    Examples
    --------
    >>> import numpy as np
    >>> from nerve.cluster import AgglomerativeClustering
    >>> samples = np.array([[1, 2], [1, 4], [1, 0], [4, 2], [4, 4], [4, 0]])
    >>> AgglomerativeClustering().fit(samples).labels_
    array([1, 1, 1, 0, 0, 0])
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_clusters": [Interval(Integral, 1, None, closed="left"), None],
        "metric": [StrOptions(set(_VALID_METRICS) | {"precomputed"}), callable],
        "memory": [str, HasMethods("cache"), None],
        "connectivity": ["array-like", "sparse matrix", callable, None],
        "compute_full_tree": [StrOptions({"auto"}), "boolean"],
        "linkage": [StrOptions({"ward", "complete", "average", "single"})],
        "distance_threshold": [Interval(Real, 0, None, closed="left"), None],
        "compute_distances": ["boolean"],
    }
    _way_to_distances = "set compute_distances=True or a distance_threshold"

    def __init__(
        self,
        n_clusters: int | None = 2,
        *,
        metric: str | Callable[[Array], Array] = "euclidean",
        memory: Any = None,
        connectivity: Any = None,
        compute_full_tree: str | bool = "auto",
        linkage: str = "ward",
        distance_threshold: float | None = None,
        compute_distances: bool = False,
    ) -> None:
        self.n_clusters = n_clusters
        self.metric = metric
        self.memory = memory
        self.connectivity = connectivity
        self.compute_full_tree = compute_full_tree
        self.linkage = linkage
        self.distance_threshold = distance_threshold
        self.compute_distances = compute_distances

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Build the tree and cut it.

        Parameters
        ----------
        X : array-like, (n_samples, n_features), or (n_samples, n_samples) if ``metric`` is "precomputed"
        y : ignored
        """
        samples = validate_data(self, X, ensure_min_samples=2)
        self._check_choices()
        connectivity = self.connectivity(samples) if callable(self.connectivity) else self.connectivity
        if connectivity is not None:
            connectivity = check_array(connectivity, accept_sparse=["csr", "coo", "lil"])
        progress = Progress(self, 2, X=samples)
        progress.begin("tree")
        full = connectivity is None or self._wants_full_tree(len(samples))
        build = check_memory(self.memory).cache(build_tree)
        self.children_, self.n_connected_components_, parents, distances = build(
            samples, self.linkage, self.metric, connectivity, None if full else self.n_clusters
        )
        progress.end()
        progress.begin("labels")
        self.n_leaves_ = len(samples)
        if self.distance_threshold is not None or self.compute_distances:
            self.distances_ = distances
        if self.n_clusters is None:
            self.n_clusters_ = int(np.count_nonzero(distances >= self.distance_threshold)) + 1
        else:
            self.n_clusters_ = self.n_clusters
        if full:
            self.labels_ = cut_tree(self.children_, self.n_leaves_, self.n_clusters_)
        else:
            self.labels_ = _labels_of_roots(parents, self.n_leaves_)
        progress.end()
        progress.end()
        return self

    def fit_predict(self, X: ArrayLike, y: object = None) -> Array:
        """Build the tree, cut it, and return ``labels_``."""
        labels: Array = super().fit_predict(X, y)
        return labels

    def _check_choices(self) -> None:
        if (self.n_clusters is None) == (self.distance_threshold is None):
            raise ValueError(
                "Exactly one of n_clusters and distance_threshold has to be set, and the other needs to be None."
            )
        if self.distance_threshold is not None and not self.compute_full_tree:
            raise ValueError("compute_full_tree must be True if distance_threshold is set.")
        if self.linkage == "ward" and self.metric not in ("euclidean", "l2"):
            raise ValueError(
                f"{self.metric} was provided as metric. Ward can only work with euclidean distances (i.e. 'euclidean' "
                "and 'l2')."
            )

    def _wants_full_tree(self, samples: int) -> bool:
        if self.compute_full_tree != "auto":
            return bool(self.compute_full_tree)
        # Stopping early saves time only where many clusters are left: scikit-learn's rule.
        return self.n_clusters is None or self.n_clusters < max(100, 0.02 * samples)


def build_tree(
    samples: Array, linkage: str, metric: Any, connectivity: Any, n_clusters: int | None
) -> tuple[Array, int, Array | None, Array]:
    """Children, connected components, parents (of a tree that may not be whole) and distances."""
    if connectivity is not None or _left_to_scikit_learn(linkage, metric):
        choices = {"connectivity": connectivity, "n_clusters": n_clusters, "return_distance": True}
        if linkage == "ward":
            children, components, _, parents, distances = ward_tree(samples, **choices)
        else:
            children, components, _, parents, distances = linkage_tree(
                samples, linkage=linkage, affinity=metric, **choices
            )
        return children, components, parents, distances
    if samples.dtype not in (np.float32, np.float64):
        samples = samples.astype(np.float64)
    if linkage == "ward" and len(samples) > SMALL:
        children, heights, _ = kernels.ward_linkage(samples)
    elif linkage == "single" and metric in _KERNEL_METRICS:
        children, heights, _ = kernels.single_linkage(samples, metric=_KERNEL_METRICS[metric])
    elif linkage == "single":
        children, heights, _ = kernels.single_linkage(all_distances(samples, metric), metric="precomputed")
    else:
        children, heights, _ = kernels.matrix_linkage(all_distances(samples, metric), method=linkage, overwrite=True)
    if not (linkage == "single" and metric in _KERNEL_METRICS) and not np.isfinite(heights).all():
        raise ValueError("The condensed distance matrix must contain only finite values.")
    return children.astype(np.intp, copy=False), 1, None, heights


def all_distances(samples: Array, metric: Any) -> Array:
    """The symmetric matrix of distances in float64, an array of its own."""
    if metric in _KERNEL_METRICS:
        return kernels.dissimilarity_matrix(samples, metric=_KERNEL_METRICS[metric])
    if metric == "cosine" and not samples.any(axis=1).all():
        raise ValueError("Cosine affinity cannot be used when X contains zero vectors")
    if metric == "precomputed" or callable(metric):
        matrix = np.array(metric(samples) if callable(metric) else samples, np.float64)
        if matrix.shape[0] != matrix.shape[1]:
            raise ValueError(f"Distance matrix should be square, got matrix of shape {matrix.shape}")
    else:
        condensed = pdist(samples, metric)
        matrix = np.zeros((len(samples), len(samples)))
        begin = 0
        for i in range(len(samples) - 1):
            end = begin + len(samples) - 1 - i
            matrix[i, i + 1 :] = condensed[begin:end]
            begin = end
    # What counts is above the diagonal.
    for begin in range(0, len(matrix), _BLOCK):
        end = begin + _BLOCK
        corner = np.triu(matrix[begin:end, begin:end], 1)
        matrix[begin:end, begin:end] = corner + corner.T
        matrix[end:, begin:end] = matrix[begin:end, end:].T
    return matrix


def _left_to_scikit_learn(linkage: str, metric: Any) -> bool:
    return linkage == "single" and not (callable(metric) or metric in {*_KERNEL_METRICS, "precomputed"})


def _labels_of_roots(parents: Array | None, n_leaves: int) -> Array:
    """Labels of the trees that a tree not built to its end falls into, in the order of their roots."""
    roots = np.asarray(parents)
    while not np.array_equal(roots, roots[roots]):
        roots = roots[roots]
    labels: Array = np.unique(roots[:n_leaves], return_inverse=True)[1].astype(np.intp)
    return labels
