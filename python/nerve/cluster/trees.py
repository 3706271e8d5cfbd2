"""What clusterings with a tree have in common: cutting it, and showing it to SciPy."""

from __future__ import annotations

from heapq import heappush, heapreplace
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from nerve._typing import Array

__all__ = ["LinkageMatrixMixin", "cut_tree"]


class LinkageMatrixMixin:
    """Gives an estimator with ``children_`` and ``distances_`` the linkage matrix that SciPy works on."""

    def linkage_matrix(self) -> Array:
        """The tree as SciPy has it, for ``scipy.cluster.hierarchy.dendrogram``, ``fcluster`` and their like.

        Returns
        -------
        ndarray of float64, (n_samples - 1, 4)
            A row for each merge: the two clusters, their distance, and how many samples are in the union.

        Raises
        ------
        AttributeError
            If the tree was built without distances, or not to its end.
        """
        check_is_fitted(self)
        children: Array | None = getattr(self, "children_", None)
        distances: Array | None = getattr(self, "distances_", None)
        if children is None or distances is None:
            raise AttributeError(
                f"[{type(self).__name__}] linkage_matrix expects a tree with distances; {self._way_to_distances}"
            )
        samples = self.n_leaves_
        if len(children) != samples - 1:
            raise AttributeError(
                f"[{type(self).__name__}] linkage_matrix expects a whole tree of {samples - 1} merges, got "
                f"{len(children)}; set compute_full_tree=True"
            )
        sizes = [1] * samples
        for one, other in children.tolist():
            sizes.append(sizes[one] + sizes[other])
        return np.column_stack([children.astype(np.float64), distances, np.array(sizes[samples:], np.float64)])

    n_leaves_: int
    _way_to_distances: str


def cut_tree(children: Array, n_leaves: int, n_clusters: int) -> Array:
    """Labels of the leaves after undoing the last ``n_clusters - 1`` merges.

    Clusters are numbered as scikit-learn does: by their places in a binary heap of the nodes at the cut, the latest
    merge on top.
    """
    if n_clusters > n_leaves:
        raise ValueError(
            f"Cannot extract more clusters than samples: {n_clusters} clusters were given for a tree with {n_leaves} "
            "leaves."
        )
    heap: list[Any] = [-(n_leaves + len(children) - 1)]
    for _ in range(n_clusters - 1):
        one, other = children[-heap[0] - n_leaves].tolist()
        heappush(heap, -one)
        heapreplace(heap, -other)
    parents = np.arange(n_leaves + len(children))
    parents[children] = np.arange(n_leaves, len(parents))[:, None]
    cut = -np.array(heap)
    parents[cut] = cut
    while True:  # every round doubles the way up
        above = parents[parents]
        if np.array_equal(above, parents):
            break
        parents = above
    labels = np.zeros(len(parents), np.intp)
    labels[cut] = np.arange(n_clusters)
    found: Array = labels[parents[:n_leaves]]
    return found
