"""Ops made of other ops, under Keras's names: values against NumPy, gradients against central differences."""

from __future__ import annotations

import numpy as np
import pytest

import nerve
from nerve import layers, ops
from nerve.errors import ShapeError

from .differences import check_gradients

rng = np.random.default_rng(3)
A = rng.normal(size=(3, 4))
B = rng.normal(size=(2, 3, 5))
ONE = rng.normal(size=(4, 1, 3, 1))
V = rng.normal(size=6)


def logsumexp(x, axis=None, keepdims=False):
    return np.log(np.exp(x).sum(axis=axis, keepdims=keepdims))


def normalized(x, axis=-1, order=2):
    return x / np.linalg.norm(x, order, axis, keepdims=True)


# name, inputs, keyword arguments, NumPy's function
CASES = [
    ("expand_dims", [A], {"axis": 1}, np.expand_dims),
    ("expand_dims", [A], {"axis": (0, -1)}, np.expand_dims),
    ("squeeze", [ONE], {}, np.squeeze),
    ("squeeze", [ONE], {"axis": -1}, np.squeeze),
    ("squeeze", [ONE], {"axis": (1, 3)}, np.squeeze),
    ("moveaxis", [B], {"source": 0, "destination": -1}, np.moveaxis),
    ("moveaxis", [B], {"source": (2, 0), "destination": (0, 1)}, np.moveaxis),
    ("swapaxes", [B], {"axis1": 0, "axis2": -1}, np.swapaxes),
    ("ravel", [B], {}, np.ravel),
    ("ravel", [np.zeros((0, 3))], {}, np.ravel),
    ("tile", [A], {"repeats": 3}, lambda x, repeats: np.tile(x, repeats)),
    ("tile", [A], {"repeats": (2, 1, 3)}, lambda x, repeats: np.tile(x, repeats)),
    ("tile", [B], {"repeats": (2,)}, lambda x, repeats: np.tile(x, repeats)),
    ("repeat", [A], {"repeats": 3}, np.repeat),
    ("repeat", [B], {"repeats": 2, "axis": -2}, np.repeat),
    ("flip", [B], {}, np.flip),
    ("flip", [B], {"axis": (0, 2)}, np.flip),
    ("roll", [V], {"shift": 2}, np.roll),
    ("roll", [B], {"shift": -4, "axis": 2}, np.roll),
    ("roll", [A], {"shift": 5}, np.roll),
    ("abs", [A], {}, np.abs),
    ("clip", [A], {"x_min": -0.5, "x_max": 0.7}, lambda x, x_min, x_max: np.clip(x, x_min, x_max)),
    ("amax", [B], {"axis": 1}, np.amax),
    ("var", [B], {}, np.var),
    ("var", [B], {"axis": (0, 2), "keepdims": True}, np.var),
    ("std", [B], {"axis": -1}, np.std),
    ("average", [B], {"axis": 1}, np.average),
    ("average", [B], {"axis": 2, "weights": np.arange(1.0, 6)}, np.average),
    ("logsumexp", [B], {}, logsumexp),
    ("logsumexp", [B], {"axis": 1, "keepdims": True}, logsumexp),
    ("logsumexp", [A], {"axis": -1}, logsumexp),
    ("normalize", [A], {}, normalized),
    ("normalize", [A], {"axis": 0, "order": 1}, normalized),
    ("dot", [A, rng.normal(size=(4, 2))], {}, np.dot),
    ("dot", [V, V + 1], {}, np.dot),
    ("dot", [A, rng.normal(size=(2, 4, 3))], {}, np.dot),
    ("outer", [V, A], {}, np.outer),
    ("tensordot", [B, rng.normal(size=(3, 5, 4))], {}, np.tensordot),
    ("tensordot", [B, rng.normal(size=(5, 2, 2))], {"axes": ([0, 2], [1, 0])}, np.tensordot),
    ("tensordot", [B, A], {"axes": (1, 0)}, np.tensordot),
    ("tril", [B], {}, np.tril),
    ("tril", [A], {"k": 1}, np.tril),
    ("triu", [B], {"k": -1}, np.triu),
    ("diag", [V], {}, np.diag),
    ("diag", [V], {"k": -2}, np.diag),
    ("diag", [V], {"k": 3}, np.diag),
    ("diag", [A], {"k": 1}, np.diag),
    ("diag", [A], {"k": -1}, np.diag),
]
IDS = [f"{case[0]}-{i}" for i, case in enumerate(CASES)]


@pytest.mark.parametrize(("name", "inputs", "options", "reference"), CASES, ids=IDS)
def test_values_and_gradients(name, inputs, options, reference):
    op = getattr(ops, name)
    y, expected = op(*map(nerve.Tensor, inputs), **options), reference(*inputs, **options)
    np.testing.assert_allclose(y.numpy(), expected, rtol=1e-12, atol=1e-12)
    assert y.shape == expected.shape
    check_gradients(lambda *given: op(*given, **options), inputs)


@pytest.mark.parametrize(
    "case", [c for c in CASES if c[0] not in ("diag", "outer") and c[1][0].size], ids=lambda c: c[0]
)
def test_symbolic_shapes(case):
    """What a model says of the shape before there is a batch is the shape of what it gives."""
    name, inputs, options, _ = case
    symbolic = [layers.Input(batch_shape=x.shape) for x in inputs]
    outputs = getattr(ops, name)(*symbolic, **options)
    model = nerve.Model(symbolic, outputs)
    found = model([np.asarray(x, np.float32) for x in inputs])
    assert tuple(outputs.shape) == found.shape
    again = nerve.Model.from_config(model.get_config())
    assert np.array_equal(again([np.asarray(x, np.float32) for x in inputs]).numpy(), found.numpy())


def test_diagonal_of_a_cube():
    with pytest.raises(ShapeError, match=r"\[diag\] expects a vector or a matrix, got shape \(2, 3, 5\)"):
        ops.diag(B)


def test_stack_and_split():
    tensors = [nerve.Tensor(x) for x in B]
    for axis in (0, 1, -1):
        np.testing.assert_array_equal(ops.stack(tensors, axis).numpy(), np.stack(list(B), axis))
    for sections, axis in ((5, 2), (1, 0), ([1, 2], 1), ([2], -1), ([0, 4], 2)):
        for ours, theirs in zip(ops.split(B, sections, axis), np.split(B, sections, axis), strict=True):
            np.testing.assert_array_equal(ours.numpy(), theirs)
    assert [part.shape for part in ops.split(np.zeros((0, 2)), 2)] == [(0, 2), (0, 2)]
    x = nerve.Tensor(B)
    first, _, _ = ops.split(x, 3, axis=1)
    (gradient,) = nerve.gradients(ops.sum(first), [x])
    np.testing.assert_array_equal(gradient, np.broadcast_to(np.array([1.0, 0, 0])[:, None], B.shape))
    a, b = ops.split(layers.Input((6, 4)), 2, axis=-1)
    assert a.shape == b.shape == (None, 6, 2)


def test_take_along_axis():
    x = nerve.Tensor(B)
    for axis, indices in (
        (1, rng.integers(-3, 3, (2, 4, 5))),
        (2, rng.integers(0, 5, (1, 3, 2))),
        (0, np.ones((1, 3, 1), int)),
    ):
        y, expected = ops.take_along_axis(x, indices, axis), np.take_along_axis(B, indices, axis)
        np.testing.assert_array_equal(y.numpy(), expected)
    np.testing.assert_array_equal(ops.take_along_axis(B, [3, 1]).numpy(), np.take_along_axis(B, np.array([3, 1]), None))
    chosen = np.array([[0, 0, 2]])
    (gradient,) = nerve.gradients(ops.sum(ops.take_along_axis(nx := nerve.Tensor(A), chosen, 1)), [nx])
    np.testing.assert_array_equal(gradient, np.tile([2.0, 0, 1, 0], (3, 1)))


def test_logic():
    a, b = np.array([True, True, False, False]), np.array([True, False, True, False])
    np.testing.assert_array_equal(ops.logical_and(a, b).numpy(), a & b)
    np.testing.assert_array_equal(ops.logical_or(a, b).numpy(), a | b)
    np.testing.assert_array_equal(ops.logical_not(a).numpy(), ~a)
    np.testing.assert_array_equal(ops.logical_and(np.array([2.0, 0, -1, 0]), b).numpy(), [True, False, True, False])
    grid = rng.random((3, 4)) > 0.6
    for axis in (None, 0, 1):
        np.testing.assert_array_equal(ops.any(grid, axis=axis).numpy(), grid.any(axis))
        np.testing.assert_array_equal(ops.all(grid, axis=axis, keepdims=True).numpy(), grid.all(axis, keepdims=True))
    odd = np.array([1.0, np.nan, np.inf, -np.inf, 0.0])
    for name in ("isnan", "isinf", "isfinite"):
        np.testing.assert_array_equal(getattr(ops, name)(odd).numpy(), getattr(np, name)(odd))


def test_new_arrays():
    x = np.zeros((2, 3), np.float64)
    assert ops.zeros((2, 3)).dtype == ops.ones(3).dtype == np.float32
    assert ops.ones_like(x).dtype == np.float64
    np.testing.assert_array_equal(ops.full((2, 3), 7).numpy(), ops.full_like(x, 7).numpy())
    np.testing.assert_array_equal(ops.full_like(x, 7, "float32").numpy(), np.full((2, 3), 7))
    np.testing.assert_array_equal(ops.arange(2, 9, 3).numpy(), [2, 5, 8])
    assert (ops.arange(3).dtype, ops.arange(3.0).dtype) == (np.int32, np.float32)
    np.testing.assert_allclose(ops.linspace(0, 1, 5).numpy(), np.linspace(0, 1, 5))
    np.testing.assert_array_equal(ops.eye(2, 3, 1).numpy(), np.eye(2, 3, 1))
    assert ops.shape(layers.Input((4,))) == (None, 4)
    assert (ops.ndim(x), ops.size(x), ops.shape([[1, 2]])) == (2, 6, (1, 2))
    tensor = ops.convert_to_tensor([1, 2])
    assert not tensor.tracked
    assert ops.convert_to_tensor(tensor) is tensor
    assert ops.convert_to_tensor([[1.0], (2.0,)]).dtype == nerve.Variable([1.0]).dtype == np.float32
    assert ops.convert_to_tensor([np.float64(1.0)]).dtype == nerve.Variable(np.ones(2)).dtype == np.float64
    np.testing.assert_allclose(ops.round(np.array([1.234, -0.05]), 1).numpy(), [1.2, 0.0], atol=1e-15)
    assert ops.convert_to_tensor(tensor, "float64").dtype == np.float64
    assert type(ops.convert_to_numpy(tensor)) is np.ndarray
    assert ops.zeros_like(layers.Input((4,))).shape == (None, 4)
    assert [ops.is_tensor(each) for each in (tensor, x, layers.Input((4,)))] == [True, False, False]
    assert [ops.dtype(each) for each in (tensor, x, layers.Input((4,)))] == [str(tensor.dtype), "float64", "float32"]


def test_extremes():
    x = np.array([[1e5, 1e5], [-np.inf, -np.inf], [np.inf, 0.0], [-1e5, -2e5]])
    np.testing.assert_allclose(ops.logsumexp(x, axis=1).numpy(), [1e5 + np.log(2), -np.inf, np.inf, -1e5])
    mean, variance = ops.moments(B, [0, 2])
    np.testing.assert_allclose(mean.numpy(), B.mean((0, 2)))
    np.testing.assert_allclose(variance.numpy(), B.var((0, 2)))


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: ops.squeeze(A, axis=0), r"\[squeeze\] axis 0 has size 3, not 1"),
        (lambda: ops.split(A, 3, axis=1), r"\[split\] axis 1 of size 4 has no 3 equal parts"),
        (lambda: ops.expand_dims(A, 4), r"\[expand_dims\] axis 4 does not exist"),
        (lambda: ops.tensordot(A, B, 1), r"\[tensordot\] axes \[1\] of shape \(3, 4\) do not match axes \[0\]"),
    ],
)
def test_errors(call, match):
    with pytest.raises(ShapeError, match=match):
        call()


def test_in_a_recording():
    """A step of such ops is recorded: nothing in them computes with NumPy on what a batch holds."""

    @nerve.compile
    def step(x):
        y = ops.normalize(ops.roll(ops.clip(x, -1.0, 1.0), 1, 0)) + ops.expand_dims(ops.logsumexp(x, axis=1), 1)
        y = ops.tril(ops.flip(ops.repeat(y, 2, 0), 1)) * ops.ones_like(y[0])
        return ops.std(y), ops.var(ops.stack([y, y], 1)), ops.where(ops.logical_and(y > 0.0, ops.isfinite(y)), y, 0.0)

    for _ in range(5):
        x = rng.normal(size=(4, 6)).astype(np.float32)
        for ours, eager in zip(step(x), step.__wrapped__(nerve.Tensor(x)), strict=True):
            np.testing.assert_array_equal(np.asarray(ours), np.asarray(eager))
    assert step.recorder.recordings
