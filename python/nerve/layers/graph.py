"""Layers of graphs: what nodes make of themselves and of what their neighbours send.

They are called with the nodes' features (nodes, features) and the edges (2, n_edges): `edges[0]` are the nodes that
send, `edges[1]` those that get. An undirected edge is two. In a functional model the edges may be an array, which
becomes part of it.
"""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np

from nerve import activations, ops
from nerve.errors import ShapeError
from nerve.layers.core import Dense, positive
from nerve.layers.layer import Layer
from nerve.layers.options import LayerOptions
from nerve.layers.structure import Shape
from nerve.layers.symbolic import SymbolicTensor

__all__ = [
    "GIN",
    "GraphAttention",
    "GraphConv",
    "GraphPooling",
    "GraphSAGE",
    "MessagePassing",
]


class OfNodes(Layer):
    """Base: called with features and edges, on which the shape of the result does not depend."""

    def _infer(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        x, *edges = (*args, *kwargs.values())
        return super()._infer((x, *(np.zeros((2, 0), np.int64) for _ in edges)), {})

    def call(self, x: Any, edges: Any) -> Any:
        """What becomes of the nodes."""
        raise NotImplementedError(f"{type(self).__name__}.call")


class MessagePassing(OfNodes):
    """Base: every edge makes a message, every node reduces those it gets, and is updated (Gilmer et al., 2017).

    A subclass may define `message(sender, receiver)`, both (n_edges, features), and `update(x, received)`, where
    `received` is (nodes, ...); by default a message is what the sender is, and what is received is the result.

    Parameters
    ----------
    reduce : {"sum", "mean", "max"}
        How a node puts together what it gets; 0 if it gets nothing.
    """

    def __init__(self, reduce: str = "sum", **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        if reduce not in ops.graph.REDUCTIONS:
            raise ValueError(f"[{self.name}] reduce must be one of {ops.graph.REDUCTIONS}, got {reduce!r}")
        self.reduce = reduce

    def call(self, x: Any, edges: Any) -> Any:
        sources, targets = ends(edges)
        if type(self).message is MessagePassing.message:
            return self.update(x, ops.propagate(x, sources, targets, x.shape[0], reduce=self.reduce))
        messages = self.message(ops.take(x, sources, axis=0), ops.take(x, targets, axis=0))
        every = np.arange(messages.shape[0])
        return self.update(x, ops.propagate(messages, every, targets, x.shape[0], reduce=self.reduce))

    def message(self, sender: Any, receiver: Any) -> Any:
        """What goes along the edges, (n_edges, ...)."""
        return sender

    def update(self, x: Any, received: Any) -> Any:
        """What becomes of the nodes."""
        return received


def ends(edges: Any) -> tuple[Any, Any]:
    """The nodes that edges come from, and those they go to."""
    array = edges.array if hasattr(edges, "array") else np.asarray(edges)
    if array.ndim != 2 or array.shape[0] != 2:
        raise ShapeError(f"expects edges of shape (2, n_edges), got {array.shape}")
    if type(array) is np.ndarray:  # rows of a transposed array, which no recording takes
        array = np.ascontiguousarray(array)
    return array[0], array[1]


class GraphConv(OfNodes):
    """activation(D^-1/2 (A + 1) D^-1/2 x kernel + bias), the graph convolution of Kipf and Welling (2017).

    Parameters
    ----------
    units : int
    activation : str or callable, optional
    use_bias : bool
    self_loops : bool
        Whether a node counts among its neighbours.
    kernel_initializer, bias_initializer : str, Initializer or callable
    """

    regulated = ("kernel", "bias")

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        self_loops: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        positive(self, units=units)
        self.units, self.use_bias, self.self_loops = units, use_bias, self_loops
        self.activation = activations.get(activation)
        self.kernel_initializer, self.bias_initializer = kernel_initializer, bias_initializer

    def build(self, input_shape: Shape) -> None:
        self.kernel = self.add_weight((features_of(input_shape), self.units), self.kernel_initializer, name="kernel")
        self.bias = self.add_weight((self.units,), self.bias_initializer, name="bias") if self.use_bias else None

    def call(self, x: Any, edges: Any) -> Any:
        sources, targets = ends(edges)
        x = ops.matmul(x, self.kernel)
        nodes, own = x.shape[0], 1.0 if self.self_loops else 0.0
        degrees = ops.segment_sum(ops.ones((targets.size, 1), x.dtype), targets, nodes) + own
        scale = ops.where(degrees > 0.0, ops.rsqrt(ops.maximum(degrees, 1.0)), 0.0)
        y = ops.propagate(x * scale, sources, targets, nodes)
        if self.self_loops:
            y = y + x * scale
        y = y * scale
        return self.activation(y if self.bias is None else y + self.bias)


class GraphSAGE(OfNodes):
    """activation(x kernel + reduce(neighbours) neighbor_kernel + bias) (Hamilton, Ying and Leskovec, 2017).

    Parameters
    ----------
    units : int
    reduce : {"mean", "sum", "max"}
    activation : str or callable, optional
    use_bias : bool
    normalize : bool
        Whether every node's result is divided by its length.
    kernel_initializer, bias_initializer : str, Initializer or callable
    """

    regulated = ("kernel", "bias")
    kernel_regularizer: Any
    kernel_constraint: Any

    def __init__(
        self,
        units: int,
        reduce: str = "mean",
        activation: Any = None,
        use_bias: bool = True,
        normalize: bool = False,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        positive(self, units=units)
        if reduce not in ops.graph.REDUCTIONS:
            raise ValueError(f"[{self.name}] reduce must be one of {ops.graph.REDUCTIONS}, got {reduce!r}")
        self.units, self.reduce, self.use_bias, self.normalize = units, reduce, use_bias, normalize
        self.activation = activations.get(activation)
        self.kernel_initializer, self.bias_initializer = kernel_initializer, bias_initializer

    def build(self, input_shape: Shape) -> None:
        shape = (features_of(input_shape), self.units)
        self.kernel = self.add_weight(shape, self.kernel_initializer, name="kernel")
        self.neighbor_kernel = self.add_weight(
            shape,
            self.kernel_initializer,
            name="neighbor_kernel",
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        self.bias = self.add_weight((self.units,), self.bias_initializer, name="bias") if self.use_bias else None

    def call(self, x: Any, edges: Any) -> Any:
        received = ops.propagate(x, *ends(edges), x.shape[0], reduce=self.reduce)
        y = ops.dense(x, self.kernel, self.bias) + ops.matmul(received, self.neighbor_kernel)
        return self.activation(ops.normalize(y) if self.normalize else y)


class GraphAttention(OfNodes):
    """Neighbours weighed by attention, which a node also pays to itself (Velickovic et al., 2018).

    The weight of an edge is the softmax, over the edges of its receiver, of
    leaky_relu(source_attention . x kernel of the sender + target_attention . that of the receiver).

    Parameters
    ----------
    units : int
        Of each head.
    heads : int
    concat : bool
        Whether the heads' results stand side by side, `heads * units`; else their mean is taken.
    negative_slope : float
    activation : str or callable, optional
    use_bias : bool
    kernel_initializer, attention_initializer, bias_initializer : str, Initializer or callable
    """

    regulated = ("kernel", "bias")

    def __init__(
        self,
        units: int,
        heads: int = 1,
        concat: bool = True,
        negative_slope: float = 0.2,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        attention_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        positive(self, units=units, heads=heads)
        self.units, self.heads, self.concat, self.use_bias = units, heads, concat, use_bias
        self.negative_slope = float(negative_slope)
        self.activation = activations.get(activation)
        self.kernel_initializer, self.bias_initializer = kernel_initializer, bias_initializer
        self.attention_initializer = attention_initializer

    def build(self, input_shape: Shape) -> None:
        shape = (features_of(input_shape), self.heads * self.units)
        self.kernel = self.add_weight(shape, self.kernel_initializer, name="kernel")
        self.source_attention, self.target_attention = (
            self.add_weight((self.heads, self.units), self.attention_initializer, name=name)
            for name in ("source_attention", "target_attention")
        )
        width = self.heads * self.units if self.concat else self.units
        self.bias = self.add_weight((width,), self.bias_initializer, name="bias") if self.use_bias else None

    def call(self, x: Any, edges: Any) -> Any:
        sources, targets = ends(edges)
        nodes = x.shape[0]
        x = ops.reshape(ops.matmul(x, self.kernel), (nodes, self.heads, self.units))
        sent, got = (ops.sum(x * vector, axis=-1) for vector in (self.source_attention, self.target_attention))
        scores = self._rectified(ops.take(sent, sources, axis=0) + ops.take(got, targets, axis=0))
        own = self._rectified(sent + got)
        largest = ops.stop_gradient(ops.maximum(ops.segment_max(scores, targets, nodes), own))
        raised, own = ops.exp(scores - ops.take(largest, targets, axis=0)), ops.exp(own - largest)
        total = ops.segment_sum(raised, targets, nodes) + own
        y = ops.propagate(x, sources, targets, nodes, weights=raised) + x * ops.expand_dims(own, -1)
        y = y / ops.expand_dims(total, -1)
        y = ops.reshape(y, (nodes, self.heads * self.units)) if self.concat else ops.mean(y, axis=1)
        return self.activation(y if self.bias is None else y + self.bias)

    def _rectified(self, scores: Any) -> Any:
        return ops.leaky_relu(scores, self.negative_slope)


class GIN(OfNodes):
    """network((1 + epsilon) x + sum of the neighbours), the graph isomorphism network of Xu et al. (2019).

    Parameters
    ----------
    network : Layer or int
        What nodes go through; a number stands for two dense layers of so many units, the first rectified.
    epsilon : float
    train_epsilon : bool
        Whether epsilon is learned.
    """

    def __init__(
        self, network: Any, epsilon: float = 0.0, train_epsilon: bool = False, **options: Unpack[LayerOptions]
    ) -> None:
        super().__init__(**options)
        self.network = network
        if not isinstance(network, Layer):
            positive(self, network=network)
            self.first, self.network = Dense(network, activation="relu"), Dense(network)
        self.epsilon, self.train_epsilon = float(epsilon), bool(train_epsilon)

    def build(self, input_shape: Shape) -> None:
        features_of(input_shape)
        self.offset = self.add_weight((), "zeros", name="epsilon", trainable=self.train_epsilon)
        self.offset.assign(np.full((), self.epsilon, self.dtype))

    def call(self, x: Any, edges: Any) -> Any:
        y = x * (self.offset + 1.0) + ops.propagate(x, *ends(edges), x.shape[0])
        return self.network(self.first(y) if hasattr(self, "first") else y)


class GraphPooling(Layer):
    """One row for each graph of several in one: the sum, mean or maximum of its nodes.

    Called with features (nodes, ...), or those of edges, and the number of each one's graph (nodes,).

    Parameters
    ----------
    num_graphs : int
    reduce : {"mean", "sum", "max"}
    """

    def __init__(self, num_graphs: int, reduce: str = "mean", **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        positive(self, num_graphs=num_graphs)
        if reduce not in ops.graph.REDUCTIONS:
            raise ValueError(f"[{self.name}] reduce must be one of {ops.graph.REDUCTIONS}, got {reduce!r}")
        self.num_graphs, self.reduce = num_graphs, reduce

    def _infer(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return SymbolicTensor((self.num_graphs, *args[0].shape[1:]), self.dtype)

    def call(self, x: Any, graph_ids: Any) -> Any:
        found = {"sum": ops.segment_sum, "mean": ops.segment_mean, "max": ops.segment_max}[self.reduce]
        return found(x, graph_ids, self.num_graphs)


def features_of(input_shape: Shape) -> int:
    if len(input_shape) != 2 or input_shape[-1] is None:
        raise ShapeError(f"expects features of shape (nodes, features), got {input_shape}")
    return int(input_shape[-1])
