"""Elementwise functions and softmax write where they are told, in place too, and refuse what does not fit."""

from __future__ import annotations

import numpy as np
import pytest

from nerve import kernels
from nerve.errors import DTypeError, ShapeError

X = np.random.default_rng(0).normal(size=(3, 7)).astype(np.float32)


@pytest.mark.parametrize("name", ["leaky_relu", "elu"])
def test_functions_with_a_parameter_work_in_place(name: str) -> None:
    function, backward = getattr(kernels, name), getattr(kernels, f"{name}_backward")
    expected = function(X, 0.3)
    x = X.copy()
    assert function(x, 0.3, out=x) is x
    np.testing.assert_array_equal(x, expected)
    grad = X + 1
    expected = backward(grad, X, x, 0.3)
    assert backward(grad, X, x, 0.3, out=grad) is grad
    np.testing.assert_array_equal(grad, expected)
    overlapping = np.r_[X.ravel(), np.float32(0)]
    expected = function(overlapping[:-1], 0.3)
    np.testing.assert_array_equal(function(overlapping[:-1], 0.3, out=overlapping[1:]), expected)
    with pytest.raises(ShapeError, match=r"out of shape \(3, 7\), got \(7,\)"):
        function(X, out=np.empty(7, np.float32))


def test_where_works_in_place() -> None:
    condition, other = X > 0, X[1] + 5
    expected = np.where(condition, X, other)
    for place in (0, 1):
        operands = [X.copy(), np.broadcast_to(other, X.shape).copy()]
        out = operands[place]
        assert kernels.where(condition, *operands, out=out) is out
        np.testing.assert_array_equal(out, expected)
    a = X.copy()
    np.testing.assert_array_equal(kernels.where(condition, a, a[1], out=a), np.where(condition, X, X[1]))
    numbers = np.zeros(9, np.float32)
    chosen = numbers.view(bool)[:9]  # the result's memory
    chosen[::2] = True
    expected = np.where(chosen, np.float32(1), np.float32(2))
    np.testing.assert_array_equal(kernels.where(chosen, 1.0, np.full(9, 2, np.float32), out=numbers), expected)
    with pytest.raises(ShapeError, match=r"\[where\] expects out of shape \(3, 7\), got \(7,\)"):
        kernels.where(condition, X, other, out=np.empty(7, np.float32))


@pytest.mark.parametrize("axis", [-1, 0])
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_softmax_works_in_place(name: str, axis: int) -> None:
    function, backward = getattr(kernels, name), getattr(kernels, f"{name}_backward")
    y, x = function(X, axis=axis), X.copy()
    assert function(x, axis=axis, out=x) is x
    np.testing.assert_array_equal(x, y)
    for place in (0, 1):
        operands = [X + 1, y.copy()]
        expected, out = backward(*operands, axis=axis), operands[place]
        assert backward(*operands, axis=axis, out=out) is out
        np.testing.assert_array_equal(out, expected)
    overlapping = np.r_[X.ravel(), np.zeros(7, np.float32)].reshape(4, 7)
    np.testing.assert_array_equal(function(overlapping[:3], axis=axis, out=overlapping[1:]), y)
    with pytest.raises(DTypeError, match="out of dtype float32, got float64"):
        function(X, axis=axis, out=np.empty((3, 7)))


def test_comparisons_write_booleans() -> None:
    out = np.empty((3, 7), bool)
    assert kernels.less(X, 0.0, out=out) is out
    np.testing.assert_array_equal(out, X < 0)
    with pytest.raises(DTypeError, match="out of dtype bool, got float32"):
        kernels.less(X, 0.0, out=np.empty((3, 7), np.float32))
