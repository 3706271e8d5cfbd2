"""Gradients of tables that are read by rows, and what optimizers make of them."""

from __future__ import annotations

import numpy as np
import pytest

import nerve
from nerve import ops, optimizers
from nerve.errors import ShapeError
from nerve.layers import Dense, Embedding, Flatten
from nerve.models import Sequential

INDICES = np.array([[3, 1, 3], [7, 3, 0]])


def table(seed: int = 0) -> nerve.Variable:
    return nerve.Variable(np.random.default_rng(seed).normal(size=(9, 4)).astype(np.float32))


def loss(variable: nerve.Tensor, indices: np.ndarray = INDICES) -> nerve.Tensor:
    return ops.sum(ops.square(ops.take(variable, indices, axis=0)))


def dense(indices: np.ndarray, values: np.ndarray) -> np.ndarray:
    out = np.zeros_like(values)
    np.add.at(out, indices, 2 * values[indices])
    return out


def test_a_variable_only_read_by_rows_has_a_gradient_of_rows() -> None:
    variable = table()
    (gradient,) = nerve.gradients(loss(variable), [variable])
    assert isinstance(gradient, nerve.IndexedRows)
    assert gradient.rows.tolist() == [0, 1, 3, 7]
    assert (gradient.shape, gradient.dtype, gradient.ndim) == ((9, 4), np.float32, 2)
    np.testing.assert_allclose(gradient, dense(INDICES, variable.array), rtol=1e-6)
    np.testing.assert_array_equal(2 * gradient, 2 * gradient.dense())
    assert "4 rows of shape (9, 4)" in repr(gradient)


def test_other_tensors_and_axes_have_arrays() -> None:
    tensor = nerve.Tensor(table().array)
    (gradient,) = nerve.gradients(loss(tensor), [tensor])
    assert isinstance(gradient, np.ndarray)
    variable = table()
    (gradient,) = nerve.gradients(ops.sum(ops.take(variable, np.array([1, 1]), axis=1)), [variable])
    assert isinstance(gradient, np.ndarray)
    np.testing.assert_array_equal(gradient, np.eye(4, dtype=np.float32)[1] * np.full((9, 1), 2))


@pytest.mark.parametrize("order", [(0, 1), (1, 0), (0, 0), (0, 1, 0), (1, 0, 0), (0, 0, 1)])
def test_gradients_of_one_table_are_added(order: tuple[int, ...]) -> None:
    variable = table()
    other = np.array([8, 3])
    parts = [lambda: loss(variable), lambda: ops.sum(variable)]
    total, expected = None, np.zeros((9, 4), np.float32)
    for i, kind in enumerate(order):
        part = parts[kind]() if i == 0 or kind else loss(variable, other)
        expected += 1 if kind else dense(INDICES if i == 0 else other, variable.array)
        total = part if total is None else total + part
    (gradient,) = nerve.gradients(total, [variable])
    assert isinstance(gradient, np.ndarray if 1 in order else nerve.IndexedRows)
    np.testing.assert_allclose(gradient, expected, rtol=1e-6)


def test_shapes_are_checked() -> None:
    rows = nerve.IndexedRows(np.array([1]), np.ones((1, 2), np.float32), (3, 2))
    with pytest.raises(ShapeError, match=r"cannot add shapes \(3, 2\) and \(4, 2\)"):
        rows + nerve.IndexedRows(np.array([1]), np.ones((1, 2), np.float32), (4, 2))
    with pytest.raises(ShapeError, match=r"values of shape \(2, 2\), got \(1, 2\)"):
        nerve.IndexedRows(np.array([1, 2]), np.ones((1, 2), np.float32), (3, 2))
    with pytest.raises(ValueError, match="without a copy"):
        np.array(rows, copy=False)


OPTIMIZERS = [
    (optimizers.SGD, {}), (optimizers.SGD, {"momentum": 0.9}), (optimizers.SGD, {"weight_decay": 0.1}),
    (optimizers.SGD, {"clipnorm": 0.5}), (optimizers.Adagrad, {}), (optimizers.Adagrad, {"epsilon": 0.0}),
    (optimizers.Adam, {}), (optimizers.RMSprop, {}), (optimizers.Adadelta, {}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "options"), OPTIMIZERS)
def test_a_step_is_that_of_the_whole_gradient(kind: type[optimizers.Optimizer], options: dict[str, float]) -> None:
    results = []
    for whole in (False, True):
        variable, beside = table(), table(1)
        optimizer = kind(0.1, **options)
        for indices in (INDICES, np.array([8, 8, 0])):
            grads = nerve.gradients(loss(variable, indices) + ops.sum(beside), [variable, beside])
            assert isinstance(grads[0], nerve.IndexedRows)
            optimizer.apply([np.asarray(gradient) for gradient in grads] if whole else grads, [variable, beside])
        results.append([variable.array, beside.array, *(s for values in optimizer.slots.values() for s in values)])
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_embedding_learns() -> None:
    nerve.random.seed(0)
    model = Sequential([Embedding(5, 3), Flatten(), Dense(1)])
    model.compile(optimizers.SGD(0.5), "mse")
    x = np.arange(5, dtype=np.int32).repeat(4).reshape(-1, 1)
    y = (x % 2).astype(np.float32)
    history = model.fit(x, y, epochs=60, batch_size=10, verbose=0).history["loss"]
    assert history[-1] < 0.01 < history[0]


def test_embedding_takes_integers_of_any_kind_and_whole_floats() -> None:
    layer = Embedding(5, 3)
    expected = None
    for dtype in (np.int32, np.int64, np.uint8, np.float32):
        y = layer(np.array([[0, 4]], dtype))
        assert y.shape == (1, 2, 3)
        expected = y.numpy() if expected is None else expected
        np.testing.assert_array_equal(y.numpy(), expected)
    assert layer.compute_output_shape((None, 7)) == (None, 7, 3)
    assert layer.get_config()["input_dim"] == 5
    with pytest.raises(IndexError, match="index 5"):
        layer(np.array([5]))
    with pytest.raises(ValueError, match="output_dim must be a positive int"):
        Embedding(5, 0)
