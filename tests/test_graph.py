"""Graphs: messages along edges and the layers made of them, against loops and dense matrices in NumPy."""

from __future__ import annotations

import numpy as np
import pytest

import nerve
from nerve import layers, ops
from nerve.errors import ShapeError

from .differences import check_gradients

rng = np.random.default_rng(11)
NODES, EDGES = 7, 20
SOURCES, TARGETS = rng.integers(0, NODES, EDGES), rng.integers(0, NODES - 1, EDGES)  # nothing goes to the last node
GRAPH = np.stack([SOURCES, TARGETS])
X = rng.normal(size=(NODES, 3))
WEIGHTS = rng.normal(size=(EDGES, 2))


def propagated(x, weights, reduce):
    rows = x[SOURCES] if weights is None else x[SOURCES] * weights[..., None]
    found = np.zeros((NODES, *x.shape[1:]))
    for node in range(NODES):
        mine = rows[node == TARGETS]
        if len(mine):
            found[node] = getattr(np, reduce)(mine, axis=0)
    return found


@pytest.mark.parametrize("reduce", ["sum", "mean", "max"])
def test_propagate(reduce):
    y = ops.propagate(X, SOURCES, TARGETS, NODES, reduce=reduce)
    np.testing.assert_allclose(y.numpy(), propagated(X, None, reduce), rtol=1e-12)
    check_gradients(lambda x: ops.propagate(x, SOURCES, TARGETS, NODES, reduce=reduce), [X])


@pytest.mark.parametrize("reduce", ["sum", "mean"])
def test_propagate_with_weights(reduce):
    heads = rng.normal(size=(NODES, 2, 3))
    y = ops.propagate(heads, SOURCES, TARGETS, NODES, WEIGHTS, reduce)
    np.testing.assert_allclose(y.numpy(), propagated(heads, WEIGHTS, reduce), rtol=1e-12)
    check_gradients(lambda x, w: ops.propagate(x, SOURCES, TARGETS, NODES, w, reduce), [heads, WEIGHTS])
    check_gradients(lambda x, w: ops.propagate(x, SOURCES, TARGETS, NODES, w, reduce), [X, WEIGHTS[:, 0]])


def test_edge_dot():
    a, b = rng.normal(size=(2, NODES, 2, 5))
    expected = (a[TARGETS] * b[SOURCES]).sum(-1)
    np.testing.assert_allclose(ops.edge_dot(a, b, TARGETS, SOURCES).numpy(), expected)
    check_gradients(lambda a, b: ops.edge_dot(a, b, TARGETS, SOURCES), [a, b])


def test_segments():
    data, ids = rng.normal(size=(9, 2, 2)), np.array([3, 0, 0, 1, 3, 3, 0, 1, 1])
    for name in ("sum", "mean", "max"):
        found = getattr(ops, f"segment_{name}")(data, ids)
        expected = np.zeros((4, 2, 2))
        for segment in (0, 1, 3):
            expected[segment] = getattr(np, name)(data[ids == segment], axis=0)
        np.testing.assert_allclose(found.numpy(), expected)
        check_gradients(lambda x, name=name: getattr(ops, f"segment_{name}")(x, ids, 5), [data])
    shares = ops.segment_softmax(data + 1000, ids).numpy()
    for segment in (0, 1, 3):
        raised = np.exp(data[ids == segment])
        np.testing.assert_allclose(shares[ids == segment], raised / raised.sum(0))
    check_gradients(lambda x: ops.segment_softmax(x, ids), [data])
    assert ops.segment_sum(np.zeros((0, 3)), np.zeros(0, int), 2).shape == (2, 3)


def call(layer, x=X):
    return layer(x.astype(np.float32), GRAPH).numpy().astype(float)


def weights(layer):
    return [weight.numpy().astype(float) for weight in layer.weights]


def adjacency():
    """How many edges go to a row from a column."""
    found = np.zeros((NODES, NODES))
    np.add.at(found, (TARGETS, SOURCES), 1)
    return found


def test_graph_conv():
    layer = layers.GraphConv(4, activation="tanh", bias_initializer="normal")
    y = call(layer)
    kernel, bias = weights(layer)
    dense = adjacency() + np.eye(NODES)
    scale = 1 / np.sqrt(dense.sum(1))
    np.testing.assert_allclose(y, np.tanh(scale[:, None] * dense * scale @ X @ kernel + bias), atol=1e-5)
    alone = layers.GraphConv(4, self_loops=False)
    degrees = adjacency().sum(1)
    scale = np.where(degrees, 1 / np.sqrt(np.maximum(degrees, 1)), 0)
    y = call(alone)
    np.testing.assert_allclose(y, scale[:, None] * adjacency() * scale @ X @ weights(alone)[0], atol=1e-5)


@pytest.mark.parametrize("reduce", ["sum", "mean", "max"])
def test_graph_sage(reduce):
    layer = layers.GraphSAGE(4, reduce, bias_initializer="normal", normalize=True)
    y = call(layer)
    kernel, neighbor_kernel, bias = weights(layer)
    expected = X @ kernel + propagated(X, None, reduce) @ neighbor_kernel + bias
    np.testing.assert_allclose(y, expected / np.linalg.norm(expected, axis=1, keepdims=True), atol=1e-5)


@pytest.mark.parametrize("concat", [True, False])
def test_graph_attention(concat):
    layer = layers.GraphAttention(4, heads=2, concat=concat, bias_initializer="normal")
    y = call(layer)
    kernel, source, target, bias = weights(layer)
    x = (X @ kernel).reshape(NODES, 2, 4)
    expected = np.zeros((NODES, 2, 4))
    for node in range(NODES):
        senders = [*SOURCES[node == TARGETS], node]
        for head in range(2):
            scores = np.array([x[i, head] @ source[head] + x[node, head] @ target[head] for i in senders])
            raised = np.exp(np.where(scores > 0, scores, 0.2 * scores))
            expected[node, head] = raised / raised.sum() @ x[senders, head]
    expected = expected.reshape(NODES, 8) if concat else expected.mean(1)
    np.testing.assert_allclose(y, expected + bias, atol=1e-5)


def test_gin():
    layer = layers.GIN(layers.Dense(4), epsilon=0.5, train_epsilon=True)
    y = call(layer)
    kernel = next(w.numpy() for w in layer.weights if w.shape == (3, 4))
    np.testing.assert_allclose(y, (1.5 * X + propagated(X, None, "sum")) @ kernel, atol=1e-5)
    assert len(layer.trainable_weights) == 3
    assert call(layers.GIN(8)).shape == (NODES, 8)


def test_pooling():
    ids = np.array([0, 0, 2, 2, 2, 0, 2])
    for reduce in ("sum", "mean", "max"):
        found = layers.GraphPooling(3, reduce)(X.astype(np.float32), ids).numpy()
        for graph in (0, 2):
            np.testing.assert_allclose(found[graph], getattr(np, reduce)(X[ids == graph], axis=0), atol=1e-6)
        assert not found[1].any()


def test_messages_of_ones_own():
    class Differences(layers.MessagePassing):
        def message(self, sender, receiver):
            return ops.square(sender - receiver)

        def update(self, x, received):
            return x + received

    expected = X.copy()
    np.add.at(expected, TARGETS, (X[SOURCES] - X[TARGETS]) ** 2)
    np.testing.assert_allclose(call(Differences()), expected, atol=1e-5)
    np.testing.assert_allclose(call(layers.MessagePassing("max")), propagated(X, None, "max"), atol=1e-6)


LAYERS = [
    layers.GraphConv(3),
    layers.GraphSAGE(3, "max"),
    layers.GraphAttention(2, heads=2),
    layers.GIN(layers.Dense(3)),
    layers.MessagePassing("mean"),
]


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: type(layer).__name__)
def test_in_a_model(layer, tmp_path):
    """Built, trained in recorded steps with the whole graph as one batch, saved and loaded."""
    nerve.random.seed(1)
    inputs = nerve.Input((3,))
    y = type(layer).from_config({**layer.get_config(), "name": None})(inputs, GRAPH)
    assert y.shape[0] is None
    model = nerve.Model(inputs, layers.Dense(2)(y))
    model.compile(nerve.optimizers.Adam(0.05), nerve.losses.SparseCategoricalCrossentropy(from_logits=True))
    x, labels = X.astype(np.float32), rng.integers(0, 2, NODES)
    history = model.fit(x, labels, batch_size=NODES, epochs=40, shuffle=False, verbose=0).history["loss"]
    assert history[-1] < history[0]
    assert model._recorders["train"].recordings, model._recorders["train"].refusal
    model.save(tmp_path / "graph.nerve")
    again = nerve.models.load_model(tmp_path / "graph.nerve")
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))


def test_edges_in_any_order_in_memory_are_recorded():
    layer, x = layers.GraphConv(3), X.astype(np.float32)
    step = nerve.compile(lambda x: layer(x, np.asfortranarray(GRAPH)))
    for _ in range(5):
        y = step(x)
    assert step.recorder.recordings[0].ready
    np.testing.assert_array_equal(y.numpy(), layer(x, GRAPH).numpy())


def test_the_number_of_threads_changes_nothing():
    nodes, edges = 3000, 20_000
    graph = rng.integers(0, nodes, (2, edges))
    x = rng.normal(size=(nodes, 33)).astype(np.float32)
    before = nerve.num_threads()
    try:
        found = []
        for threads in (1, 2, 5):
            nerve.set_num_threads(threads)
            found.append([ops.propagate(x, *graph, nodes, reduce=reduce).numpy() for reduce in ("sum", "max")])
    finally:
        nerve.set_num_threads(before)
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


def test_errors():
    with pytest.raises(ShapeError, match=r"edges of shape \(2, n_edges\), got \(20, 2\)"):
        layers.GraphConv(2)(X.astype(np.float32), GRAPH.T)
    with pytest.raises(IndexError, match="out of range"):
        layers.GraphSAGE(2)(X.astype(np.float32), GRAPH + 1)
    with pytest.raises(ValueError, match="reduce must be one of"):
        layers.GraphPooling(2, "median")
    with pytest.raises(ValueError, match="takes no weights"):
        ops.propagate(X, SOURCES, TARGETS, NODES, WEIGHTS[:, 0], "max")


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["GraphConv", "GraphSAGE", "GraphAttention", "GIN"])
def test_beside_pytorch_geometric(name):
    torch = pytest.importorskip("torch")
    geometric = pytest.importorskip("torch_geometric.nn")
    edges = np.stack([SOURCES, TARGETS])[:, SOURCES != TARGETS]  # it takes loops out before it adds its own
    ours = {
        "GraphConv": lambda: layers.GraphConv(4),
        "GraphSAGE": lambda: layers.GraphSAGE(4),
        "GraphAttention": lambda: layers.GraphAttention(4, heads=2),
        "GIN": lambda: layers.GIN(layers.Dense(4), epsilon=0.25),
    }[name]()
    x = nerve.Tensor(X.astype(np.float32))
    y = ours(x, edges)
    theirs = {
        "GraphConv": lambda: geometric.GCNConv(3, 4),
        "GraphSAGE": lambda: geometric.SAGEConv(3, 4),
        "GraphAttention": lambda: geometric.GATConv(3, 4, heads=2),
        "GIN": lambda: geometric.GINConv(torch.nn.Linear(3, 4), eps=0.25),
    }[name]()
    values = {weight.name: torch.tensor(weight.numpy()) for weight in ours.weights}
    with torch.no_grad():
        if name == "GraphConv":
            theirs.lin.weight.copy_(values["kernel"].T)
        elif name == "GraphSAGE":
            theirs.lin_r.weight.copy_(values["kernel"].T)
            theirs.lin_l.weight.copy_(values["neighbor_kernel"].T)
            theirs.lin_l.bias.copy_(values["bias"])
        elif name == "GraphAttention":
            theirs.lin.weight.copy_(values["kernel"].T)
            theirs.att_src.copy_(values["source_attention"][None])
            theirs.att_dst.copy_(values["target_attention"][None])
        else:
            theirs.nn.weight.copy_(values["kernel"].T)
            theirs.nn.bias.copy_(values["bias"])
    b = torch.tensor(X.astype(np.float32), requires_grad=True)
    expected = theirs(b, torch.tensor(edges))
    np.testing.assert_allclose(y.numpy(), expected.detach().numpy(), atol=1e-5)
    expected.square().sum().backward()
    (gradient,) = nerve.gradients(ops.sum(ops.square(y)), [x])
    np.testing.assert_allclose(gradient, b.grad.numpy(), atol=1e-4)
