"""What the op table cannot say of moving elements: dtypes that are kept, views, symbolic tensors, Keras's masks."""

from __future__ import annotations

import numpy as np
import pytest

import nerve
from nerve import Tensor, kernels, ops
from nerve.errors import DTypeError
from nerve.layers import Input
from nerve.models import Model

from . import fake_cupy
from .test_cuda import shim  # noqa: F401 - a fixture


@pytest.mark.parametrize("dtype", ["int32", "int64", "uint8", "bool"])
def test_integers_and_booleans_keep_their_dtype(dtype: str) -> None:
    x = (np.arange(24) * 2**30 % 7).reshape(2, 3, 4).astype(dtype)
    for got, want in [
        (kernels.transpose(x, (2, 0, 1)), x.transpose(2, 0, 1)),
        (kernels.broadcast_to(x, (5, 2, 3, 4)), np.broadcast_to(x, (5, 2, 3, 4))),
        (kernels.getitem(x, (0, slice(None, None, -1))), x[0, ::-1]),
        (kernels.getitem(x, (1, 2, 3)), x[1, 2, 3]),
        (kernels.concatenate([x, x], axis=1), np.concatenate([x, x], axis=1)),
        (kernels.take(x, [1, -1, 0], axis=2), x[:, :, [1, -1, 0]]),
    ]:
        assert got.dtype == dtype
        np.testing.assert_array_equal(got, want)
        assert not np.shares_memory(got, x)


def test_results_do_not_share_memory_with_their_inputs() -> None:
    x = np.ones((3, 4), np.float32)
    for y in (kernels.transpose(x), kernels.getitem(x, ...), kernels.broadcast_to(x, (3, 4)), kernels.concatenate([x])):
        assert not np.shares_memory(x, y)
        assert y.flags.c_contiguous
        assert y.flags.writeable


def test_large_copies_in_every_order_of_axes() -> None:
    """Blocks of transposes, lines in pieces, and odd strides, each over several tasks."""
    x = np.random.default_rng(0).normal(size=(70, 130, 66)).astype(np.float32)
    for axes in [(0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]:
        np.testing.assert_array_equal(kernels.transpose(x, axes), x.transpose(axes))
    flat = x.reshape(-1)
    for index in [slice(None, None, -1), slice(5, None, 3), slice(None, 100_000), slice(-7, 3, -2)]:
        np.testing.assert_array_equal(kernels.getitem(flat, index), flat[index])
    np.testing.assert_array_equal(kernels.getitem(x, (..., slice(60, 2, -5))), x[..., 60:2:-5])


def test_take_backward_is_the_same_for_any_number_of_threads() -> None:
    rng = np.random.default_rng(0)
    before = nerve.num_threads()
    try:
        for inner in (1, 40, 300):
            grad, indices = rng.normal(size=(5000, inner)).astype(np.float32), rng.integers(0, 50, 5000)
            results = []
            for threads in (1, 2, 5):
                nerve.set_num_threads(threads)
                results.append(kernels.take_backward(grad, indices, input_shape=(50, inner)).tobytes())
            assert results[0] == results[1] == results[2]
    finally:
        nerve.set_num_threads(before)


def test_no_gradient_flows_through_stop_gradient() -> None:
    x = Tensor(np.array([2.0, 3.0]))
    (grad,) = nerve.gradients(ops.sum(x * ops.stop_gradient(x)), [x])
    np.testing.assert_array_equal(grad, [2.0, 3.0])


def test_reshape_is_a_view() -> None:
    x = np.arange(6, dtype=np.float32)
    assert np.shares_memory(ops.reshape(x, (2, 3)).array, x)


def test_concatenate_of_symbolic_tensors_is_part_of_a_model() -> None:
    a, b = Input((2,)), Input((3,))
    model = Model([a, b], ops.concatenate([a, ops.negative(b)], axis=-1))
    x, y = np.ones((4, 2), np.float32), np.ones((4, 3), np.float32)
    np.testing.assert_array_equal(model([x, y]).numpy(), np.concatenate([x, -y], axis=1))


def test_whole_floats_are_indices_and_labels_of_ops():
    table = np.arange(12.0).reshape(4, 3)
    places = ops.arange(2) + 1  # sums of integers are floats
    assert places.dtype == np.float32
    np.testing.assert_array_equal(ops.take(table, places, axis=0).numpy(), table[1:3])
    np.testing.assert_array_equal(ops.take(table, np.array([2.7])).numpy(), [2.0])
    np.testing.assert_array_equal(ops.one_hot(np.array([2.0, 0.0]), 3).numpy(), np.eye(3)[[2, 0]])
    with pytest.raises(IndexError, match="index 4 at position 0 is out of range"):
        ops.take(table, np.array([4.0]), axis=0)
    with pytest.raises(DTypeError, match="expects indices of int32 or int64"):
        kernels.take(table, np.array([1.0]), axis=0)


def test_elements_are_repeated_as_often_as_is_said_of_each():
    x = np.arange(6.0).reshape(2, 3)
    for repeats, axis in (
        ([2], 0),
        ([1, 3], 0),
        ([0, 2, 1], 1),
        (np.array(2), 1),
        ([1, 0, 2, 0, 0, 1], None),
        (2, None),
    ):
        np.testing.assert_array_equal(ops.repeat(x, repeats, axis=axis).numpy(), np.repeat(x, repeats, axis=axis))
    for repeats in ([1, 2, 3], [-1, 1], 1.5, [[1, 1]]):
        with pytest.raises(ValueError, match="repeats must be a count, or one for each of 2 elements"):
            ops.repeat(x, repeats, axis=0)
    np.testing.assert_array_equal(ops.tile(x, np.int64(2)).numpy(), np.tile(x, 2))


def test_elements_on_the_gpu_are_repeated_there(shim):  # noqa: F811
    x = np.arange(6.0).reshape(2, 3)
    with fake_cupy.installed(shim) as cupy:
        found = ops.repeat(cupy.asarray(x), [1, 0, 2], axis=1)
        np.testing.assert_array_equal(found.array.get(), np.repeat(x, [1, 0, 2], axis=1))
