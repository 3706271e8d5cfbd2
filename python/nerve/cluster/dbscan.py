"""Density-based clustering that looks at neighbourhoods block by block instead of keeping all of them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from sklearn.base import BaseEstimator, ClusterMixin, _fit_context
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.metrics.pairwise import _VALID_METRICS
from sklearn.neighbors import NearestNeighbors, sort_graph_by_row_values
from sklearn.utils import Tags
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import _check_sample_weight, validate_data

from nerve import kernels
from nerve._typing import Array
from nerve.cluster.progress import Progress

__all__ = ["DBSCAN"]

_METRICS = {
    "euclidean": "euclidean",
    "l2": "euclidean",
    "manhattan": "manhattan",
    "l1": "manhattan",
    "cityblock": "manhattan",
    "cosine": "cosine",
}
_TREE_FEATURES = 5  # up to so many a k-d tree finds neighbours faster than all distances
_NEIGHBORS_AT_ONCE = 1 << 22  # in memory: 32 MB


class DBSCAN(CallbackSupportMixin, ClusterMixin, BaseEstimator):
    """Clusters are dense regions; samples in none of them are noise: anomalies.

    A sample is a core sample if at least ``min_samples``, itself among them, lie within ``eps`` of it. Core samples
    within ``eps`` of each other are one cluster, to which samples within ``eps`` of one of them belong as well.

    scikit-learn's estimator of this name: the same arguments, attributes and labels. With Euclidean, Manhattan and
    cosine distances of dense samples, neighbourhoods are found by nerve's kernels, twice or three times, and at most a
    few million neighbours are held at once; with any other metric, and for sparse samples, scikit-learn's
    ``NearestNeighbors`` finds them, once, and all are held. Callbacks are told of every block of neighbourhoods; they
    cannot end the fit before the last.

    Parameters
    ----------
    eps : float, default=0.5
        How far apart neighbours may be.
    min_samples : int, default=5
        Neighbours of a core sample, or their weight; itself among them.
    metric : str or callable, default="euclidean"
        Any metric of scikit-learn's ``pairwise_distances``, or "precomputed" for a matrix of distances.
    metric_params : dict, default=None
        Arguments of the metric.
    algorithm : {"auto", "ball_tree", "kd_tree", "brute"}, default="auto"
        How neighbours are looked for, which changes no label. nerve's kernels have a k-d tree, taken for
        "kd_tree" and for few features, and all distances.
    leaf_size : int, default=30
        Of the tree; nerve's own are made of whole registers.
    p : float, default=None
        The power of the Minkowski metric, 2 if not given.
    n_jobs : int, default=None
        Of scikit-learn's search; nerve's kernels use the threads of ``nerve.set_num_threads``.

    Attributes
    ----------
    core_sample_indices_ : ndarray of int, (n_core_samples,)
    components_ : ndarray, (n_core_samples, n_features)
        The core samples.
    labels_ : ndarray of int, (n_samples,)
        Clusters numbered in the order of their first core samples; -1 is noise. A sample near several clusters belongs
        to the first.
    n_features_in_ : int
    feature_names_in_ : ndarray of str, (n_features_in_,)
        If the samples have names of features.

    References
    ----------
    Ester, Kriegel, Sander and Xu, "A Density-Based Algorithm for Discovering Clusters in Large Spatial Databases with
    Noise", KDD (1996). Schubert et al., "DBSCAN Revisited, Revisited", ACM TODS 42 (2017).

    Examples
    --------
    >>> import numpy as np
    >>> from nerve.cluster import DBSCAN
    >>> samples = np.array([[1, 2], [2, 2], [2, 3], [8, 7], [8, 8], [25, 80]])
    >>> DBSCAN(eps=3, min_samples=2).fit(samples).labels_
    array([ 0,  0,  0,  1,  1, -1])
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "eps": [Interval(Real, 0.0, None, closed="neither")],
        "min_samples": [Interval(Integral, 1, None, closed="left")],
        "metric": [StrOptions(set(_VALID_METRICS) | {"precomputed"}), callable],
        "metric_params": [dict, None],
        "algorithm": [StrOptions({"auto", "ball_tree", "kd_tree", "brute"})],
        "leaf_size": [Interval(Integral, 1, None, closed="left")],
        "p": [Interval(Real, 0.0, None, closed="left"), None],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        eps: float = 0.5,
        *,
        min_samples: int = 5,
        metric: str | Callable[[Array, Array], float] = "euclidean",
        metric_params: dict[str, Any] | None = None,
        algorithm: str = "auto",
        leaf_size: int = 30,
        p: float | None = None,
        n_jobs: int | None = None,
    ) -> None:
        self.eps = eps
        self.min_samples = min_samples
        self.metric = metric
        self.metric_params = metric_params
        self.algorithm = algorithm
        self.leaf_size = leaf_size
        self.p = p
        self.n_jobs = n_jobs

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: object = None, sample_weight: ArrayLike | None = None) -> Self:
        """Find core samples and clusters.

        Parameters
        ----------
        X : array-like or sparse matrix, (n_samples, n_features), or (n_samples, n_samples) distances if ``metric`` is
            "precomputed"
        y : ignored
        sample_weight : array-like, (n_samples,), default=None
            How much a sample counts among the neighbours of another; a sample of weight ``min_samples`` is a core
            sample by itself, a negative one may keep its neighbours from being one.
        """
        samples = validate_data(self, X, accept_sparse="csr")
        weights = None if sample_weight is None else _check_sample_weight(sample_weight, samples)
        progress = Progress(self, None, X=samples, metadata={"sample_weight": sample_weight})
        progress.begin("density")
        neighborhoods = self._neighborhoods(samples)
        density = neighborhoods.counts().astype(np.float64)
        if weights is not None:
            for rows, offsets, indices in neighborhoods.of(np.arange(len(density))):
                density[rows] = _by_row(np.add, weights[indices].astype(np.float64), offsets, 0.0)
        progress.end()
        core = density >= self.min_samples
        self.core_sample_indices_ = np.flatnonzero(core)
        self.labels_ = _labels(neighborhoods, density, core, self.min_samples, progress)
        if len(self.core_sample_indices_):
            self.components_ = samples[self.core_sample_indices_].copy()
        else:
            self.components_ = np.empty((0, samples.shape[1]))
        progress.end()
        return self

    def fit_predict(self, X: Any, y: object = None, sample_weight: ArrayLike | None = None) -> Array:
        """Find clusters and return ``labels_``."""
        labels: Array = self.fit(X, sample_weight=sample_weight).labels_
        return labels

    def _neighborhoods(self, samples: Any) -> _Searched | _Kept:
        metric = self.metric
        if metric == "minkowski" and not self.metric_params:
            metric = "manhattan" if self.p == 1 else "euclidean" if self.p in (2, None) else metric
        known = not callable(metric) and not self.metric_params and _METRICS.get(metric)
        if known == "cosine" and self.algorithm in ("ball_tree", "kd_tree"):
            known = None  # scikit-learn says that no tree takes it
        if known and not sparse.issparse(samples) and samples.shape[1]:
            return _Searched(samples, self.eps, known, self.algorithm)
        if metric == "precomputed" and sparse.issparse(samples):
            samples = _with_diagonal(samples)
        search = NearestNeighbors(
            radius=self.eps,
            algorithm=self.algorithm,
            leaf_size=self.leaf_size,
            metric=self.metric,
            metric_params=self.metric_params,
            p=self.p,
            n_jobs=self.n_jobs,
        )
        return _Kept(search.fit(samples).radius_neighbors(samples, return_distance=False))

    def __sklearn_tags__(self) -> Tags:
        tags: Tags = super().__sklearn_tags__()
        tags.input_tags.pairwise = self.metric == "precomputed"
        tags.input_tags.sparse = True
        return tags


class _Searched:
    """Neighbourhoods by nerve's kernels, found whenever they are asked for."""

    def __init__(self, samples: Array, eps: float, metric: str, algorithm: str) -> None:
        points = samples if samples.dtype in (np.float32, np.float64) else samples.astype(np.float64)
        self.eps, self.metric = float(eps), metric
        self.points: Array = np.ascontiguousarray(points)
        self.where: Any = self.points
        self.order = np.arange(len(points))
        few = points.shape[1] <= _TREE_FEATURES and metric != "cosine"
        if algorithm == "kd_tree" or (algorithm != "brute" and few):
            self.where = kernels.kd_tree(self.points)
            self.order = self.where.order  # neighbours ask after each other, whose leaves are in the caches then
        self.algorithm = "kd_tree" if self.where is not self.points else "brute"
        self.sizes = np.empty(len(points), np.int64)

    def counts(self) -> Array:
        self.sizes[self.order] = kernels.radius_counts(
            self.points[self.order], self.where, self.eps, metric=self.metric, algorithm=self.algorithm
        )
        return self.sizes

    def of(self, rows: Array) -> Iterator[tuple[Array, Array, Array]]:
        """Some of the samples after the others, and their neighbours: offsets and indices."""
        wanted = np.zeros(len(self.points), bool)
        wanted[rows] = True
        rows = self.order[wanted[self.order]]
        ends = np.cumsum(self.sizes[rows])
        begin = 0
        while begin < len(rows):
            before = ends[begin - 1] if begin else 0
            end = max(begin + 1, int(np.searchsorted(ends, before + _NEIGHBORS_AT_ONCE, side="right")))
            some = rows[begin:end]
            found = kernels.radius_neighbors(
                self.points[some],
                self.where,
                self.eps,
                metric=self.metric,
                algorithm=self.algorithm,
                return_distance=False,
            )
            yield some, found[0], found[1]
            begin = end


class _Kept:
    """Neighbourhoods as scikit-learn gives them: an array for each sample."""

    def __init__(self, neighborhoods: Array) -> None:
        self.offsets = np.zeros(len(neighborhoods) + 1, np.int64)
        self.offsets[1:] = np.cumsum([len(each) for each in neighborhoods])
        self.indices = np.concatenate(neighborhoods).astype(np.int64, copy=False)

    def counts(self) -> Array:
        return np.diff(self.offsets)

    def of(self, rows: Array) -> Iterator[tuple[Array, Array, Array]]:
        sizes = np.diff(self.offsets)[rows]
        offsets = np.zeros(len(rows) + 1, np.int64)
        offsets[1:] = np.cumsum(sizes)
        places = np.arange(offsets[-1]) + np.repeat(self.offsets[rows] - offsets[:-1], sizes)
        yield rows, offsets, self.indices[places]


def _told(blocks: Iterator[tuple[Array, Array, Array]], progress: Progress) -> Iterator[tuple[Array, Array, Array]]:
    """The blocks, with a task for what is done with each."""
    for block in blocks:
        progress.begin("neighborhoods")
        yield block
        progress.end()


def _labels(neighborhoods: _Searched | _Kept, density: Array, core: Array, least: float, progress: Progress) -> Array:
    labels = np.full(len(core), -1, np.intp)
    roots = np.arange(len(core))
    for rows, offsets, indices in _told(neighborhoods.of(np.flatnonzero(core)), progress):
        roots = kernels.join_neighbors(roots, density, rows, offsets, indices, float(least))
    labels[core] = np.unique(roots[core], return_inverse=True)[1]  # a root is its cluster's first core sample
    none = len(core)
    reached = np.where(core, labels, none)
    for rows, offsets, indices in _told(neighborhoods.of(np.flatnonzero(~core)), progress):
        first = _by_row(np.minimum, reached[indices], offsets, none)
        labels[rows] = np.where(first == none, -1, first)
    return labels


def _by_row(combine: np.ufunc, values: Array, offsets: Array, empty: Any) -> Array:
    """What a function makes of the values of each row, of which some may have none."""
    out = np.full(len(offsets) - 1, empty, values.dtype)
    some = np.diff(offsets) > 0
    if some.any():
        out[some] = combine.reduceat(values, offsets[:-1][some])
    return out


def _with_diagonal(distances: Any) -> Any:
    """A sparse matrix of distances in which every sample is its own neighbour."""
    distances = distances.copy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sparse.SparseEfficiencyWarning)
        distances.setdiag(distances.diagonal())
        return sort_graph_by_row_values(distances, warn_when_not_sorted=False)
