"""Bits beside NumPy's."""

from __future__ import annotations

import numpy as np
import pytest

import nerve
from nerve import layers, ops
from nerve.errors import DeviceError, DTypeError, RecordingError

from . import fake_cupy
from .test_cuda import shim  # noqa: F401 - a fixture

rng = np.random.default_rng(14)
A, B = rng.integers(-(2**31), 2**31, size=(2, 3, 4))
NAMES = {
    "bitwise_and": np.bitwise_and,
    "bitwise_or": np.bitwise_or,
    "bitwise_xor": np.bitwise_xor,
    "bitwise_left_shift": np.left_shift,
    "bitwise_right_shift": np.right_shift,
    "left_shift": np.left_shift,
    "right_shift": np.right_shift,
}


@pytest.mark.parametrize("dtype", ["int32", "int64", "uint8", "uint32"])
@pytest.mark.parametrize("name", NAMES)
def test_values(name, dtype):
    op, reference = getattr(ops, name), NAMES[name]
    a, b = A.astype(dtype), (np.abs(B) % 7).astype(dtype)
    for x, y in ((a, b), (a, b[0]), (a, 3), (a[:, :1], b)):
        found, expected = op(nerve.Tensor(x), y), reference(x, y)
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found.numpy(), expected)
    assert op(6, 3).numpy() == reference(6, 3)


def test_inverted():
    for x in (A, A.astype(np.uint8), A > 0):
        for op in (ops.bitwise_not, ops.bitwise_invert):
            found = op(x)
            assert found.dtype == x.dtype
            np.testing.assert_array_equal(found.numpy(), np.invert(x))
    assert ops.bitwise_not(5).numpy() == -6


def test_booleans():
    for name in ("bitwise_and", "bitwise_or", "bitwise_xor"):
        found = getattr(ops, name)(A > 0, B > 0)
        assert found.dtype == np.bool_
        np.testing.assert_array_equal(found.numpy(), NAMES[name](A > 0, B > 0))


def test_in_models():
    x = layers.Input((4,), dtype="int32")
    model = nerve.Model(x, ops.bitwise_and(ops.right_shift(x, 3), 5))
    again = nerve.Model.from_config(model.get_config())
    np.testing.assert_array_equal(again(A.astype(np.int32)).numpy(), (A >> 3) & 5)


def test_on_the_gpu(shim):  # noqa: F811
    with fake_cupy.installed(shim) as cupy:
        for name, reference in NAMES.items():
            found = getattr(ops, name)(cupy.asarray(A), cupy.asarray(np.abs(B) % 7))
            np.testing.assert_array_equal(found.array.get(), reference(A, np.abs(B) % 7))
        np.testing.assert_array_equal(ops.bitwise_not(cupy.asarray(A)).array.get(), ~A)
        np.testing.assert_array_equal(ops.bitwise_and(cupy.asarray(A), 9).array.get(), A & 9)
        with pytest.raises(DeviceError, match=r"\[bitwise_or\] got one array on the GPU"):
            ops.bitwise_or(cupy.asarray(A), B)


def test_errors():
    for values in ((1.5, 2), (A, A * 1.0), (np.ones(2, np.float32), 1)):
        with pytest.raises(DTypeError, match=r"\[bitwise_xor\] expects integers or booleans, got dtype float"):
            ops.bitwise_xor(*values)
    with pytest.raises(DTypeError, match=r"\[bitwise_invert\] expects integers or booleans, got dtype float64"):
        ops.bitwise_not(1.0)
    recorded = nerve.compile(lambda x: ops.bitwise_and(x, 1))
    recorded(A)
    with pytest.raises(RecordingError, match="on an array of a recording cannot be recorded"):
        recorded(A)
