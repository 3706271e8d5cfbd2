"""How many clusters there are: silhouettes and inertias over a range of numbers of clusters."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import ArrayLike
from sklearn.base import clone
from sklearn.utils import check_array, check_random_state

from nerve import kernels
from nerve._typing import Array
from nerve.cluster.kmeans import KMeans

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["ClusterCounts", "estimate_n_clusters"]


@dataclass(frozen=True)
class ClusterCounts:
    """What :func:`estimate_n_clusters` finds, a number for each number of clusters tried.

    Attributes
    ----------
    n_clusters : ndarray of int64
        The numbers tried, ascending.
    inertia : ndarray of float64
        The sum of squared distances to the clusters' means. It falls with every cluster more; where its fall flattens,
        the "elbow", further clusters part what belongs together.
    silhouette : ndarray of float64
        The mean silhouette, from -1 to 1; NaN where there are fewer than two clusters, or as many as samples.
    """

    n_clusters: Array
    inertia: Array
    silhouette: Array

    @property
    def best(self) -> int:
        """The number with the largest mean silhouette; of equal ones the smallest."""
        return int(self.n_clusters[np.nanargmax(self.silhouette)])

    def plot(self) -> Figure:
        """Both curves, the silhouette above, and a line at the best number. Needs matplotlib.

        Returns
        -------
        matplotlib.figure.Figure
            Made without pyplot, so that nothing is shown by itself: ``figure.savefig("clusters.png")``.
        """
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator

        figure = Figure(figsize=(6, 5), layout="constrained")
        above, below = figure.subplots(2, 1, sharex=True)
        for axes, values, name in ((above, self.silhouette, "mean silhouette"), (below, self.inertia, "inertia")):
            axes.plot(self.n_clusters, values, marker="o", markersize=4)
            axes.axvline(self.best, color="0.6", linestyle="--", zorder=0)
            axes.set_ylabel(name)
            axes.spines[["top", "right"]].set_visible(False)
        above.set_title(f"{self.best} clusters have the largest mean silhouette", fontsize="medium")
        below.set_ylim(bottom=0)
        below.set_xlabel("number of clusters")
        below.xaxis.set_major_locator(MaxNLocator(integer=True))
        return figure


def estimate_n_clusters(
    X: ArrayLike,
    n_clusters: Iterable[int] = range(2, 11),
    *,
    estimator: Any = None,
    metric: str = "euclidean",
    sample_size: int | None = None,
    random_state: int | RandomState | None = None,
) -> ClusterCounts:
    """Cluster samples with every number of clusters of a range, and measure how well each fits.

    Parameters
    ----------
    X : array-like, (n_samples, n_features)
    n_clusters : iterable of int
        The numbers to try, each at least 1 and at most ``n_samples``.
    estimator : clusterer with ``n_clusters`` and ``fit_predict``, default=None
        Cloned for each number; ``KMeans(random_state=random_state)`` if not given.
    metric : {"euclidean", "sqeuclidean", "manhattan", "cosine"}
        Of the silhouettes.
    sample_size : int, default=None
        Of how many samples, drawn at random, the silhouettes are computed, whose work grows with the square of their
        number; of all if not given.
    random_state : int, RandomState or None, default=None

    Returns
    -------
    ClusterCounts
        With ``best``, the number of the largest mean silhouette, and ``plot()``.

    Raises
    ------
    ValueError
        If there is no number to try with at least two clusters and fewer than samples, or one out of range.

    References
    ----------
    Rousseeuw, "Silhouettes: a graphical aid to the interpretation and validation of cluster analysis" (1987).

    Examples
    --------
    >>> from sklearn.datasets import make_blobs
    >>> from nerve.cluster import estimate_n_clusters
    >>> samples, _ = make_blobs(300, centers=4, random_state=3)
    >>> estimate_n_clusters(samples, range(1, 9), random_state=0).best
    4
    """
    op = "estimate_n_clusters"
    samples: Array = check_array(X, dtype=[np.float64, np.float32], ensure_min_samples=2)
    tried = sorted({int(k) for k in n_clusters})
    if not tried or tried[0] < 1 or tried[-1] > len(samples):
        raise ValueError(f"[{op}] expects numbers of clusters from 1 to the {len(samples)} samples, got {tried}")
    if sample_size is not None and not 2 <= sample_size <= len(samples):
        raise ValueError(f"[{op}] sample_size expects 2 to the {len(samples)} samples, got {sample_size}")
    random = check_random_state(random_state)
    looked_at = slice(None) if sample_size is None else random.permutation(len(samples))[:sample_size]
    if estimator is None:
        estimator = KMeans(random_state=random.randint(2**31 - 1))
    inertia, silhouette = np.empty(len(tried)), np.full(len(tried), np.nan)
    for i, k in enumerate(tried):
        labels = np.asarray(clone(estimator).set_params(n_clusters=k).fit_predict(samples))
        inertia[i] = _inertia(samples, labels)
        some = labels[looked_at]
        if 1 < len(np.unique(some)) < len(some):
            silhouette[i] = float(
                np.mean(kernels.silhouette(samples[looked_at], some, metric=metric), dtype=np.float64)
            )
    if np.isnan(silhouette).all():
        raise ValueError(f"[{op}] expects a number with at least 2 clusters and fewer than samples, got {tried}")
    return ClusterCounts(np.array(tried, np.int64), inertia, silhouette)


def _inertia(samples: Array, labels: Array) -> float:
    """The sum of squared distances to the means of the clusters."""
    total = 0.0
    for label in np.unique(labels):
        members = samples[labels == label].astype(np.float64)
        total += float(np.square(members - members.mean(axis=0)).sum())
    return total
