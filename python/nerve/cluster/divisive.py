"""Divisive clustering: DIANA, from one cluster of all samples down."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, ClusterMixin, _fit_context
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.metrics.pairwise import _VALID_METRICS
from sklearn.utils import Tags
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import validate_data

from nerve import kernels
from nerve._typing import Array
from nerve.cluster.agglomerative import _KERNEL_METRICS, all_distances
from nerve.cluster.progress import Progress
from nerve.cluster.trees import LinkageMatrixMixin

__all__ = ["DivisiveClustering"]


class DivisiveClustering(CallbackSupportMixin, LinkageMatrixMixin, ClusterMixin, BaseEstimator):
    """Splits the cluster of the largest diameter until there are as many as asked for: DIANA (DIvisive ANAlysis).

    The algorithm known by this name from R's ``cluster::diana``; bisecting k-means, the other way down, is
    scikit-learn's ``BisectingKMeans``. scikit-learn has no estimator of this name; arguments and attributes are those
    of :class:`AgglomerativeClustering` where they mean the same.

    A cluster is split by its splinter group: first the sample with the largest average distance to the others, then, as
    long as there is one, the sample whose average distance to the rest most exceeds that to the group. That looks at
    all distances within a cluster: n^2 of them for the first split, and up to n^3 for a whole tree where few samples
    leave at a time. Euclidean and manhattan distances are computed as they are needed, in memory for the samples alone;
    any other metric holds their matrix in float64. Of equally far samples the first goes first. Callbacks are told of
    every split; where one ends the fit there are the clusters so far, and no tree.

    Parameters
    ----------
    n_clusters : int or None, default=2
        ``None`` if ``distance_threshold`` is given.
    metric : str or callable, default="euclidean"
        As of :class:`AgglomerativeClustering`; "precomputed" for a matrix of distances.
    compute_full_tree : bool, default=True
        Whether to split on until every sample is alone, for ``children_`` and what belongs to them. Without it the work
        ends with the clusters asked for.
    distance_threshold : float, default=None
        Clusters of this diameter or above are split.

    Attributes
    ----------
    n_clusters_ : int
    labels_ : ndarray of int, (n_samples,)
        Clusters numbered in the order of their first samples.
    diameters_ : ndarray of float64, (n_clusters_,)
        The largest distance within each cluster.
    n_leaves_ : int
    n_features_in_ : int
    feature_names_in_ : ndarray of str, (n_features_in_,)
        If the samples have names of features.
    children_ : ndarray of int, (n_samples - 1, 2)
        The two parts of each cluster split, the last split first, so that it reads like a tree of merges: below
        ``n_samples`` a sample, ``n_samples + i`` what row i splits.
    distances_ : ndarray of float64, (n_samples - 1,)
        The diameter of each cluster split.
    divisive_coefficient_ : float
        The mean over the samples of 1 - d / D, where d is the diameter of the cluster that a sample is last split from
        and D that of all samples: from 0, no structure found, to 1.

    References
    ----------
    Kaufman and Rousseeuw, "Finding Groups in Data" (1990), chapter 6. Macnaughton-Smith, Williams, Dale and Mockett,
    "Dissimilarity Analysis: a new Technique of Hierarchical Sub-division", Nature 202 (1964).

    Examples
    --------
    >>> import numpy as np
    >>> from nerve.cluster import DivisiveClustering
    >>> samples = np.array([[1, 2], [1, 4], [1, 0], [10, 2], [10, 4], [10, 0]])
    >>> DivisiveClustering().fit(samples).labels_
    array([0, 0, 0, 1, 1, 1])
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_clusters": [Interval(Integral, 1, None, closed="left"), None],
        "metric": [StrOptions(set(_VALID_METRICS) | {"precomputed"}), callable],
        "compute_full_tree": ["boolean"],
        "distance_threshold": [Interval(Real, 0, None, closed="left"), None],
    }
    _way_to_distances = "set compute_full_tree=True"

    def __init__(
        self,
        n_clusters: int | None = 2,
        *,
        metric: str | Callable[[Array], Array] = "euclidean",
        compute_full_tree: bool = True,
        distance_threshold: float | None = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.metric = metric
        self.compute_full_tree = compute_full_tree
        self.distance_threshold = distance_threshold

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Split the samples.

        Parameters
        ----------
        X : array-like, (n_samples, n_features), or (n_samples, n_samples) if ``metric`` is "precomputed"
        y : ignored
        """
        samples = validate_data(self, X, ensure_min_samples=2)
        if (self.n_clusters is None) == (self.distance_threshold is None):
            raise ValueError(
                "Exactly one of n_clusters and distance_threshold has to be set, and the other needs to be None."
            )
        self.n_leaves_ = len(samples)
        if self.n_clusters is not None and self.n_clusters > self.n_leaves_:
            raise ValueError(
                f"Cannot extract more clusters than samples: {self.n_clusters} clusters were given for a tree with "
                f"{self.n_leaves_} leaves."
            )
        most = self.n_leaves_ if self.compute_full_tree else self.n_clusters
        progress = Progress(self, None if most is None else most - 1, X=samples)
        splits = _Splits(samples, self.metric)

        def ended() -> bool:
            """By a callback, told of one more split."""
            progress.begin("split")
            splits.split()
            return progress.end()

        whole = self.compute_full_tree
        while not self._enough(splits):
            if ended():
                whole = False
                break
        self.n_clusters_ = len(splits.clusters)
        self.labels_, self.diameters_ = splits.labels()
        while whole and splits.largest_size > 1:
            whole = not ended()
        if whole:
            self.children_, self.distances_ = splits.tree()
            top = self.distances_[-1]
            last = np.zeros(self.n_leaves_)
            for pair, diameter in zip(self.children_, self.distances_, strict=True):
                last[pair[pair < self.n_leaves_]] = diameter
            self.divisive_coefficient_ = float(np.mean(1 - last / top)) if top > 0 else 0.0
        progress.end()
        return self

    def fit_predict(self, X: ArrayLike, y: object = None) -> Array:
        """Split the samples and return ``labels_``."""
        labels: Array = super().fit_predict(X, y)
        return labels

    def _enough(self, splits: _Splits) -> bool:
        if self.distance_threshold is not None:
            return splits.largest_size == 1 or splits.largest_diameter < self.distance_threshold
        return len(splits.clusters) == self.n_clusters

    def __sklearn_tags__(self) -> Tags:
        tags: Tags = super().__sklearn_tags__()
        tags.input_tags.pairwise = self.metric == "precomputed"
        return tags


class _Splits:
    """Clusters that wait to be split, in a heap with the largest diameter on top, and the splits made.

    A cluster is (-diameter, -size, number, members, sums of distances): of equal diameters the larger one is split, so
    that equal samples are parted last; numbers tell which of the splits made it.
    """

    def __init__(self, samples: Array, metric: Any) -> None:
        if metric in _KERNEL_METRICS:
            self.samples, self.metric = samples, _KERNEL_METRICS[metric]
            if samples.dtype not in (np.float32, np.float64):
                self.samples = samples.astype(np.float64)
        else:
            self.samples, self.metric = all_distances(samples, metric), "precomputed"
        self.clusters: list[tuple[float, int, int, Array, Array]] = []
        self.parts: list[tuple[int, int]] = []  # of each split, in the order made
        self.numbers = 0
        self.split_numbers: list[int] = []
        self.split_diameters: list[float] = []
        self.single: dict[int, int] = {}  # the sample of a cluster that has but one
        self._add(np.arange(len(samples)))

    @property
    def largest_size(self) -> int:
        return -self.clusters[0][1]

    @property
    def largest_diameter(self) -> float:
        return -self.clusters[0][0]

    def split(self) -> None:
        negative_diameter, _, number, members, sums = heappop(self.clusters)
        if negative_diameter == 0:  # all equal
            moved = np.arange(len(members)) == 0
        else:
            moved = kernels.splinter_group(self._within(members), sums, metric=self.metric)
        self.split_numbers.append(number)
        self.split_diameters.append(-negative_diameter)
        self.parts.append((self._add(members[moved]), self._add(members[~moved], negative_diameter == 0)))

    def labels(self) -> tuple[Array, Array]:
        order = sorted(self.clusters, key=lambda cluster: int(cluster[3][0]))
        labels = np.empty(len(self.samples), np.intp)
        for label, (_, _, _, members, _) in enumerate(order):
            labels[members] = label
        return labels, np.array([0.0 - cluster[0] for cluster in order])

    def tree(self) -> tuple[Array, Array]:
        """Splits in the order in which they would be merged again."""
        samples = len(self.samples)
        names = dict(self.single)  # number of a cluster -> its name in the tree
        children = np.empty((samples - 1, 2), np.intp)
        for i, (number, parts) in enumerate(zip(reversed(self.split_numbers), reversed(self.parts), strict=True)):
            children[i] = sorted(names[part] for part in parts)
            names[number] = samples + i
        return children, np.array(self.split_diameters[::-1])

    def _within(self, members: Array) -> Array:
        """What kernels are to know of a cluster: its samples, or the distances between them."""
        if len(members) == len(self.samples):
            return self.samples
        if self.metric == "precomputed":
            within: Array = self.samples[np.ix_(members, members)]
        else:
            within = self.samples[members]
        return within

    def _add(self, members: Array, equal: bool = False) -> int:
        number = self.numbers
        self.numbers += 1
        diameter, sums = 0.0, np.zeros(0)
        if len(members) == 1:
            self.single[number] = int(members[0])
        elif not equal:
            sums, largest = kernels.dissimilarity_sums(self._within(members), metric=self.metric)
            diameter = float(largest[0])
        heappush(self.clusters, (-diameter, -len(members), number, members, sums))
        return number
