"""Layers that make graphs smaller: fewer nodes, chosen or merged by scores that are learned.

Which nodes are left depends on the values of their features, and so the shapes of what comes next: no recording holds
that. Models with these layers run their steps in Python (`compile(run_eagerly=True)`).
"""

from __future__ import annotations

from typing import Any, ClassVar, Unpack

import numpy as np

from nerve import activations, ops
from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels._arrays import host
from nerve.kernels._numbers import number
from nerve.kernels._recording import now
from nerve.kernels._traced import plain
from nerve.layers.graph import ends, features_of
from nerve.layers.layer import Layer
from nerve.layers.options import LayerOptions
from nerve.layers.regularization import Dropout
from nerve.layers.structure import Shape, is_positive_int
from nerve.layers.symbolic import SymbolicTensor
from nerve.tensor import Tensor

__all__ = [
    "EdgePooling",
    "TopKPooling",
]


class _Coarsening(Layer):
    """Base: called with features (nodes, features), edges (2, n_edges) and the number of each node's graph."""

    regulated: ClassVar[tuple[str, ...]] = ("kernel",)

    def _infer(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        features, dtype = args[0].shape[-1], self.dtype
        return (
            SymbolicTensor((None, features), dtype),
            SymbolicTensor((2, None), "int64"),
            *(SymbolicTensor((None,), one) for one in ("int64", "int64", dtype)),
        )

    def _given(self, x: Any, edges: Any, graph_ids: Any) -> tuple[Array, Array, Array]:
        """Sources, targets and graphs, as arrays that NumPy may look into."""
        if now.recording is not None:
            now.recording.refuse(
                f"[{self.name} ({type(self).__name__})] which nodes are left depends on the values of their features"
            )
        sources, targets = (np.asarray(host(plain(end)), np.int64) for end in ends(edges))
        if graph_ids is None:
            ids = np.zeros(x.shape[0], np.int64)
        else:
            ids = np.asarray(host(plain(getattr(graph_ids, "array", graph_ids))), np.int64)
        if ids.shape != (x.shape[0],):
            raise ShapeError(f"expects the graph of each of {x.shape[0]} nodes, got graph_ids of shape {ids.shape}")
        for what, values in (("edges", sources), ("edges", targets)):
            if values.size and (values.min() < 0 or values.max() >= x.shape[0]):
                raise IndexError(f"[{self.name}] {what} are out of range: there are {x.shape[0]} nodes")
        return sources, targets, ids


class TopKPooling(_Coarsening):
    """The nodes of each graph with the highest scores, multiplied by these (Gao and Ji, "Graph U-Nets", 2019).

    Scores are nonlinearity(x kernel / |kernel|), or with `min_score` the softmax of x kernel over each graph.

    Called with x (nodes, features), edges (2, n_edges) and optionally the graph of each node (nodes,). Gives the new
    features, edges and graphs, which of the old nodes these are, and their scores; the best of a graph come first.
    With `edge_features` (n_edges, ...) those of the edges that are left come behind the edges.

    Parameters
    ----------
    ratio : float or int
        The fraction of the nodes of each graph that is kept, rounded up; from 1 on, their number.
    min_score : float, optional
        Keep instead the nodes whose score is above it, and the best of a graph where none is.
    multiplier : float
        Of the new features.
    nonlinearity : str or callable
    kernel_initializer : str, Initializer or callable
        kernel is (features, 1).
    """

    def __init__(
        self,
        ratio: float = 0.5,
        min_score: float | None = None,
        multiplier: float = 1.0,
        nonlinearity: Any = "tanh",
        kernel_initializer: Any = "glorot_uniform",
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        here = f"{self.name} (TopKPooling)"
        if not (is_positive_int(ratio) or 0.0 < number(here, "ratio", ratio) < 1.0):
            raise ValueError(f"[{here}] ratio must be a fraction in (0, 1) or a positive int, got {ratio!r}")
        self.ratio, self.multiplier = ratio, number(here, "multiplier", multiplier)
        self.min_score = None if min_score is None else number(here, "min_score", min_score)
        self.nonlinearity = activations.get(nonlinearity)
        self.kernel_initializer = kernel_initializer

    def build(self, input_shape: Shape) -> None:
        self.kernel = self.add_weight((features_of(input_shape), 1), self.kernel_initializer, name="kernel")

    def _infer(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        features = kwargs.get("edge_features", args[3] if len(args) > 3 else None)
        y, edges, *rest = super()._infer(args, kwargs)
        if features is None:
            return y, edges, *rest
        return y, edges, SymbolicTensor((None, *features.shape[1:]), self.dtype), *rest

    def call(self, x: Any, edges: Any, graph_ids: Any = None, edge_features: Any = None) -> Any:
        sources, targets, ids = self._given(x, edges, graph_ids)
        if edge_features is not None and tuple(edge_features.shape[:1]) != sources.shape:
            raise ShapeError(f"expects edge_features of {len(sources)} edges, got shape {tuple(edge_features.shape)}")
        scores = ops.reshape(ops.matmul(x, self.kernel), (-1,))
        if self.min_score is None:
            scores = self.nonlinearity(scores / ops.sqrt(ops.sum(ops.square(self.kernel))))
        else:
            scores = ops.segment_softmax(scores, ids)
        nodes = self._chosen(host(plain(scores.array)), ids)
        kept = ops.take(scores, nodes, axis=0)
        y = ops.take(x, nodes, axis=0) * ops.expand_dims(kept, -1)
        if self.multiplier != 1.0:
            y = y * self.multiplier
        places = np.full(x.shape[0], -1)
        places[nodes] = np.arange(len(nodes))
        between = np.stack([places[sources], places[targets]])
        left = np.flatnonzero((between >= 0).all(axis=0))
        found = [Tensor(one, tracked=False) for one in (between[:, left], ids[nodes], nodes)]
        if edge_features is not None:
            found.insert(1, ops.take(edge_features, left, axis=0))
        return y, *found, kept

    def _chosen(self, scores: Array, ids: Array) -> Array:
        """Which nodes are kept."""
        if self.min_score is not None:
            best = np.full(ids.max(initial=-1) + 1, -np.inf)
            np.maximum.at(best, ids, scores)
            found: Array = np.flatnonzero(scores > np.minimum(best[ids] - 1e-7, self.min_score))
            return found
        order = np.lexsort((-scores, ids))  # stable: of equal nodes the first
        counts = np.bincount(ids)
        if isinstance(self.ratio, int | np.integer):
            most = np.full(len(counts), self.ratio)
        else:
            most = np.ceil(np.float32(self.ratio) * counts.astype(np.float32)).astype(np.int64)
        sorted_ids = ids[order]
        rank = np.arange(len(ids)) - (np.cumsum(counts) - counts)[sorted_ids]
        return order[rank < most[sorted_ids]]


class EdgePooling(_Coarsening):
    """Merges the two ends of edges, those with the highest scores first, each node at most once (Diehl, 2019).

    A merged node is the sum of its two times the score of their edge; nodes that no edge is left for stay as they are.
    The score of an edge comes from the features of its ends, sender first: [x_source, x_target] kernel + bias.

    Called with x (nodes, features), edges (2, n_edges) and optionally the graph of each node (nodes,). Gives the new
    features, edges, which are sorted and each there once, and graphs, the new node of each old one, and the score of
    each new one; `unpool` takes the last two.

    Parameters
    ----------
    score_method : {"softmax", "tanh", "sigmoid"}
        What is made of scores; the softmax is over the edges that a node gets.
    dropout : float
        Fraction of the scores that are 0 in training, before that.
    add_to_edge_score : float
    kernel_initializer, bias_initializer : str, Initializer or callable
        kernel is (2 features, 1), bias is (1,).
    seed : int, optional
        Of the dropout.

    References
    ----------
    Diehl, "Edge contraction pooling for graph neural networks", 2019.
    """

    regulated: ClassVar[tuple[str, ...]] = ("kernel", "bias")

    def __init__(
        self,
        score_method: str = "softmax",
        dropout: float = 0.0,
        add_to_edge_score: float = 0.5,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        seed: int | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        methods = ("softmax", "tanh", "sigmoid")
        if score_method not in methods:
            raise ValueError(f"[{self.name}] score_method must be one of {methods}, got {score_method!r}")
        self.score_method, self.dropout = score_method, Dropout(dropout, seed=seed, dtype=self.dtype)
        self.add_to_edge_score = number(self.name, "add_to_edge_score", add_to_edge_score)
        self.kernel_initializer, self.bias_initializer = kernel_initializer, bias_initializer

    def build(self, input_shape: Shape) -> None:
        self.kernel = self.add_weight((2 * features_of(input_shape), 1), self.kernel_initializer, name="kernel")
        self.bias = self.add_weight((1,), self.bias_initializer, name="bias")

    def call(self, x: Any, edges: Any, graph_ids: Any = None) -> Any:
        sources, targets, ids = self._given(x, edges, graph_ids)
        nodes, features = x.shape
        # The product of the two ends side by side is that of one plus that of the other.
        sent, got = (ops.reshape(ops.matmul(x, self.kernel[at : at + features]), (-1,)) for at in (0, features))
        raw = self.dropout(ops.take(sent, sources, axis=0) + ops.take(got, targets, axis=0) + self.bias)
        if self.score_method == "softmax":
            scores = ops.segment_softmax(raw, targets, nodes)
        else:
            scores = activations.get(self.score_method)(raw)
        scores = scores + self.add_to_edge_score
        merged, clusters, count = _contracted(host(plain(scores.array)), sources, targets, nodes)
        alone = ops.ones((count - len(merged),), x.dtype)
        kept = ops.concatenate([ops.take(scores, merged, axis=0), alone], axis=0)
        y = ops.segment_sum(x, clusters, count) * ops.expand_dims(kept, -1)
        pairs = np.unique(clusters[sources] * count + clusters[targets])
        new_ids = np.zeros(count, np.int64)
        new_ids[clusters] = ids
        found = np.stack([pairs // max(count, 1), pairs % max(count, 1)]), new_ids, clusters
        return y, *(Tensor(one, tracked=False) for one in found), kept

    @staticmethod
    def unpool(x: Any, clusters: Any, scores: Any) -> Any:
        """The features of the nodes before, each those of what it was merged into, divided by the score.

        Parameters
        ----------
        x : (new nodes, features)
        clusters, scores
            What the layer gave.

        Returns
        -------
        Tensor (old nodes, features)
        """
        return ops.take(x / ops.expand_dims(scores, -1), getattr(clusters, "array", clusters), axis=0)


def _contracted(scores: Array, sources: Array, targets: Array, nodes: int) -> tuple[Array, Array, int]:
    """Edges whose ends are merged, the new node of each node, and how many new ones there are."""
    clusters = np.full(nodes, -1)
    merged: list[int] = []
    for edge in np.argsort(-scores, kind="stable").tolist():
        ends_of_it = [sources[edge], targets[edge]]
        if (clusters[ends_of_it] < 0).all():
            clusters[ends_of_it] = len(merged)
            merged.append(edge)
    left = np.flatnonzero(clusters < 0)
    clusters[left] = len(merged) + np.arange(len(left))
    return np.array(merged, np.int64), clusters, len(merged) + len(left)
