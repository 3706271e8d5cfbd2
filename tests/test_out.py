"""Elementwise functions write where they are told, in place too, and refuse what does not fit."""

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


def test_comparisons_write_booleans() -> None:
    out = np.empty((3, 7), bool)
    assert kernels.less(X, 0.0, out=out) is out
    np.testing.assert_array_equal(out, X < 0)
    with pytest.raises(DTypeError, match="out of dtype bool, got float32"):
        kernels.less(X, 0.0, out=np.empty((3, 7), np.float32))
