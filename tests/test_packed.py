"""Matrices packed once: the products they give, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest

import nerve
from nerve import _cpu, kernels
from nerve.errors import DTypeError, ShapeError

SHAPES = [(1, 300, 170), (5, 9, 17), (30, 64, 33), (140, 300, 40), (300, 600, 600), (3, 0, 4), (0, 3, 4), (3, 4, 0)]


@pytest.fixture(params=[*_cpu.isas(), "reference"])
def kernels_of(request):
    if request.param == "reference":
        with nerve.backend("reference"):
            yield
        return
    before = _cpu.isa()
    _cpu.set_isa(request.param)
    yield
    _cpu.set_isa(before)


@pytest.mark.parametrize("transpose_b", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_products(kernels_of, shape, dtype, transpose_b):
    rows, inner, columns = shape
    rng = np.random.default_rng(1)
    a, b, bias = (rng.normal(size=size).astype(dtype) for size in ((rows, inner), (inner, columns), (columns,)))
    packed = kernels.pack(b.T.copy() if transpose_b else b, transpose_b=transpose_b)
    assert packed.shape == (inner, columns)
    assert packed.dtype == dtype
    expected = np.maximum(a.astype("float64") @ b.astype("float64") + bias, 0)
    tolerance = np.finfo(dtype).eps * (4 + inner) * 4
    for times in range(2):  # the packed matrix is read, not used up
        out = kernels.matmul(a, packed, bias, activation="relu")
        assert out.dtype == dtype
        np.testing.assert_allclose(out, expected, rtol=tolerance, atol=tolerance, err_msg=f"time {times}")


def test_batches_and_transposed_a():
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(2, 3, 5, 7)), rng.normal(size=(7, 9))
    packed = kernels.pack(b)
    np.testing.assert_allclose(kernels.matmul(a, packed), a @ b, rtol=1e-13, atol=1e-13)
    turned = np.ascontiguousarray(a.swapaxes(-1, -2))
    np.testing.assert_allclose(kernels.matmul(turned, packed, transpose_a=True), a @ b, rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(kernels.matmul(a[0, 0].T.copy(), packed, transpose_a=True), a[0, 0] @ b, atol=1e-13)
    np.testing.assert_allclose(kernels.matmul(a[0, 0, 0], packed), a[0, 0, 0] @ b, rtol=1e-13, atol=1e-13)


def test_it_is_a_copy():
    b = np.ones((3, 3), "float32")
    packed = kernels.pack(b)
    b[:] = 7
    np.testing.assert_array_equal(kernels.matmul(np.ones((1, 3), "float32"), packed), [[3, 3, 3]])


def test_what_is_refused():
    packed = kernels.pack(np.ones((3, 4), "float32"))
    a = np.ones((2, 3), "float32")
    with pytest.raises(ShapeError, match=r"\[pack\] expects a matrix, got shape \(3,\)"):
        kernels.pack(np.ones(3))
    with pytest.raises(ShapeError, match=r"\[matmul\] inner sizes differ: 4 in \(2, 4\) and 3 in \(3, 4\)"):
        kernels.matmul(np.ones((2, 4), "float32"), packed)
    with pytest.raises(DTypeError, match=r"\[matmul\] b was packed in float32, the other operands are float64"):
        kernels.matmul(a.astype("float64"), packed)
    with pytest.raises(DTypeError, match="the other operands are float64"):
        kernels.matmul(a, packed, np.ones(4))
    with pytest.raises(ValueError, match="transpose_b belongs to pack"):
        kernels.matmul(a, packed, transpose_b=True)
    with nerve.backend("reference"), pytest.raises(ValueError, match="cannot be used by the reference kernels"):
        kernels.matmul(a, packed)
