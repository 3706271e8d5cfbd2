"""Graphs made smaller, beside PyTorch Geometric and loops."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import nerve
from nerve import layers, ops
from nerve.errors import RecordingError, ShapeError

rng = np.random.default_rng(4)
NODES = 40
IDS = np.sort(rng.integers(0, 3, NODES))
# No edge twice, and several to every node: equal scores are merged in an order that PyTorch leaves open.
EDGES = np.stack(np.nonzero((rng.random((NODES, NODES)) < 0.4) & (IDS[:, None] == IDS)))
X = rng.normal(size=(NODES, 5)).astype(np.float32)

TOP = [{}, {"ratio": 0.3}, {"ratio": 4, "nonlinearity": "sigmoid", "multiplier": 2.0}, {"min_score": 0.09}]
MERGED = [{}, {"score_method": "tanh", "add_to_edge_score": 0.0}, {"score_method": "sigmoid"}]


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("ids", [IDS, None])
@pytest.mark.parametrize(("name", "options"), [*(("TopK", o) for o in TOP), *(("Edge", o) for o in MERGED)])
def test_beside_pytorch_geometric(name, options, ids):
    torch = pytest.importorskip("torch")
    geometric = pytest.importorskip("torch_geometric.nn")
    nerve.random.seed(0)  # weights for which no two scores are so close that rounding orders them
    layer = getattr(layers, f"{name}Pooling")(**options)
    x, theirs_x = nerve.Tensor(X), torch.tensor(X, requires_grad=True)
    found = layer(x, EDGES, ids)
    theirs_ids = torch.zeros(NODES, dtype=torch.long) if ids is None else torch.tensor(ids)
    kernel = torch.tensor(layer.kernel.numpy().T)
    if name == "TopK":
        theirs = geometric.TopKPooling(5, **options)
        theirs.select.weight.data.copy_(kernel)
        y, edges, _, batch, nodes, scores = theirs(theirs_x, torch.tensor(EDGES), None, theirs_ids)
    else:
        options = dict(options)
        method = getattr(geometric.EdgePooling, f"compute_edge_score_{options.pop('score_method', 'softmax')}")
        theirs = geometric.EdgePooling(5, method, **options)
        theirs.lin.weight.data.copy_(kernel)
        theirs.lin.bias.data.zero_()
        y, edges, batch, info = theirs(theirs_x, torch.tensor(EDGES), theirs_ids)
        nodes, scores = info.cluster, info.new_edge_score
        back, *_ = theirs.unpool(y, info)
        np.testing.assert_allclose(layer.unpool(found[0], *found[3:]).numpy(), back.detach().numpy(), atol=1e-5)
    for ours, expected in zip(found, (y, edges, batch, nodes, scores), strict=True):
        assert ours.shape == tuple(expected.shape)
        np.testing.assert_allclose(ours.numpy(), expected.detach().numpy(), rtol=1e-5, atol=1e-5)
    y.square().sum().backward()
    weight = theirs.select.weight if name == "TopK" else theirs.lin.weight
    of_x, of_kernel = nerve.gradients(ops.sum(ops.square(found[0])), [x, layer.kernel])
    np.testing.assert_allclose(of_x, theirs_x.grad.numpy(), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(of_kernel[:, 0], weight.grad.numpy()[0], rtol=1e-3, atol=1e-3)


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("shape", [(), (3,)])
def test_features_of_edges_beside_pytorch_geometric(shape):
    torch = pytest.importorskip("torch")
    geometric = pytest.importorskip("torch_geometric.nn")
    layer, theirs = layers.TopKPooling(), geometric.TopKPooling(5)
    features = nerve.Tensor(rng.normal(size=(EDGES.shape[1], *shape)).astype(np.float32))
    theirs_features = torch.tensor(features.numpy(), requires_grad=True)
    found = layer(X, EDGES, IDS, edge_features=features)
    theirs.select.weight.data.copy_(torch.tensor(layer.kernel.numpy().T))
    expected = theirs(torch.tensor(X), torch.tensor(EDGES), theirs_features, torch.tensor(IDS))
    for ours, one in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours.numpy(), one.detach().numpy(), rtol=1e-5, atol=1e-5)
    expected[2].square().sum().backward()
    (gradient,) = nerve.gradients(ops.sum(ops.square(found[2])), [features])
    np.testing.assert_allclose(gradient, theirs_features.grad.numpy(), rtol=1e-5)
    inputs = [nerve.Input((5,)), nerve.Input(batch_shape=(2, None), dtype="int64"), nerve.Input(shape)]
    outputs = layers.TopKPooling()(*inputs[:2], edge_features=inputs[2])
    assert [len(one.shape) for one in outputs] == [2, 2, 1 + len(shape), 1, 1, 1]


def test_the_best_nodes_of_each_graph():
    layer = layers.TopKPooling(0.5)
    y, edges, ids, nodes, scores = layer(X, EDGES, IDS)
    kernel = layer.kernel.numpy()[:, 0].astype(float)
    every = np.tanh(X @ kernel / np.linalg.norm(kernel))
    expected = [
        node
        for graph in range(3)
        for node in sorted(np.flatnonzero(graph == IDS), key=lambda n: -every[n])[: -(-np.sum(graph == IDS) // 2)]
    ]
    np.testing.assert_array_equal(nodes.numpy(), expected)
    np.testing.assert_array_equal(ids.numpy(), IDS[expected])
    np.testing.assert_allclose(scores.numpy(), every[expected], rtol=1e-5)
    np.testing.assert_allclose(y.numpy(), X[expected] * every[expected][:, None], rtol=1e-5, atol=1e-6)
    old = [(s, t) for s, t in EDGES.T if s in expected and t in expected]
    assert [(nodes.numpy()[s], nodes.numpy()[t]) for s, t in edges.numpy().T] == old


def test_merged_ends_of_edges():
    layer = layers.EdgePooling()
    y, edges, ids, clusters, scores = (one.numpy() for one in layer(X, EDGES, IDS))
    sizes = np.bincount(clusters)
    assert set(sizes) <= {1, 2}
    for new, size in enumerate(sizes):
        members = np.flatnonzero(clusters == new)
        assert set(IDS[members]) == {ids[new]}
        np.testing.assert_allclose(y[new], X[members].sum(0) * scores[new], rtol=1e-5, atol=1e-6)
        if size == 2:
            assert ((members[:, None] == EDGES).all(0) | (members[::-1, None] == EDGES).all(0)).any()
    left = np.flatnonzero(scores[clusters] == 1)
    assert not np.isin(EDGES, left).all(axis=0).any()  # or one more edge could have been merged
    assert sorted(set(map(tuple, clusters[EDGES].T))) == list(map(tuple, edges.T))
    dropped = layers.EdgePooling(dropout=0.5, seed=1)
    first = dropped(X, EDGES, IDS, training=True)[0].numpy()
    assert not np.array_equal(first[:5], dropped(X, EDGES, IDS, training=True)[0].numpy()[:5])


def test_no_edges():
    nothing = np.zeros((2, 0), np.int64)
    y, edges, *_, scores = layers.EdgePooling()(X, nothing)
    np.testing.assert_array_equal(y.numpy(), X)
    assert edges.shape == (2, 0)
    assert (scores.numpy() == 1).all()
    y, edges, *_ = layers.TopKPooling(3)(X, nothing)
    assert (y.shape, edges.shape) == ((3, 5), (2, 0))


def model(**options):
    nerve.random.seed(0)
    inputs = nerve.Input((5,))
    hidden = layers.GraphConv(8, "relu")(inputs, EDGES)
    pool = layers.EdgePooling()
    smaller, edges, _, clusters, scores = pool(hidden, EDGES)
    smaller = layers.GraphConv(8, "relu")(smaller, edges)
    best, edges, ids, *_ = layers.TopKPooling(0.9)(smaller, edges)
    assert best.shape == (None, 8)
    assert edges.shape == (2, None)
    assert layers.GraphPooling(1)(best, ids).shape == (1, 8)

    class Back(layers.Layer):
        def _infer(self, args, kwargs):
            return nerve.layers.symbolic.SymbolicTensor((None, 8))

        def call(self, x, clusters, scores):
            return pool.unpool(x, clusters, scores)

    outputs = layers.Dense(1)(Back()(smaller, clusters, scores))
    made = nerve.Model(inputs, outputs)
    made.compile(nerve.optimizers.Adam(0.02), "mse", **options)
    return made


def test_in_a_model_that_runs_in_python():
    x, y = X, X[:, :1] - X[:, 1:2]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        eager = model(run_eagerly=True)
        losses = eager.fit(x, y, batch_size=NODES, epochs=60, shuffle=False, verbose=0).history["loss"]
    assert losses[-1] < 0.8 * losses[0]
    recorded = model()
    with pytest.warns(UserWarning, match=r"\(EdgePooling\)\] which nodes are left depends on the values of their"):
        again = recorded.fit(x, y, batch_size=NODES, epochs=60, shuffle=False, verbose=0).history["loss"]
    assert again == losses


def test_a_compiled_function_says_why():
    layer = layers.TopKPooling()

    @nerve.compile
    def scored(x):
        return layer(x, EDGES)[0]

    scored(X)  # makes the weights
    scored(X)
    with pytest.raises(RecordingError, match=r"\(TopKPooling\)\] which nodes are left depends on the values"):
        scored(X)


def test_errors():
    with pytest.raises(ShapeError, match=r"expects the graph of each of 40 nodes, got graph_ids of shape \(3,\)"):
        layers.TopKPooling()(X, EDGES, IDS[:3])
    with pytest.raises(ShapeError, match=rf"expects edge_features of {EDGES.shape[1]} edges, got shape \(2, 3\)"):
        layers.TopKPooling()(X, EDGES, edge_features=np.ones((2, 3), np.float32))
    with pytest.raises(IndexError, match="edges are out of range: there are 40 nodes"):
        layers.EdgePooling()(X, EDGES + 30)
    with pytest.raises(ShapeError, match=r"expects edges of shape \(2, n_edges\)"):
        layers.EdgePooling()(X, EDGES.T)
    for ratio in (0, 1.5, -1, True):
        with pytest.raises(ValueError, match="ratio must be a fraction in"):
            layers.TopKPooling(ratio)
    with pytest.raises(ValueError, match="score_method must be one of"):
        layers.EdgePooling("relu")
