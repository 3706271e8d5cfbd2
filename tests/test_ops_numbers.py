"""Numbers, windows, segments and patterns under Keras's names beside NumPy and SciPy, in recordings, on the GPU."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special
from scipy.spatial import distance

import nerve
from nerve import layers, ops
from nerve.errors import DTypeError, ShapeError

from . import fake_cupy
from .differences import check_gradients, check_recorded
from .test_cuda import shim  # noqa: F401 - a fixture

rng = np.random.default_rng(15)
A, B = rng.normal(size=(3, 4)), rng.normal(size=(3, 4))
ROWS, OTHERS = rng.normal(size=(2, 1, 5, 3)), rng.normal(size=(4, 6, 3))
LONG, SHORT = rng.normal(size=9), rng.normal(size=4)
IMAGES = rng.normal(size=(2, 3, 7, 8))
HOLES = np.where(np.abs(A) < 0.4, np.nan, A)
IDS = np.array([0, 2, 2, 0, 4, 2, 2])
DATA = rng.normal(size=(7, 3))
DATA[1, 0] = 0.0


def of_segments(function, empty):
    def reference(data, ids, count):
        groups = [data[ids == i] for i in range(count)]
        return np.stack([function(group, 0) if len(group) else np.full(data.shape[1:], empty) for group in groups])

    return reference


def distances(x, y):
    return np.array([[distance.cdist(ROWS[i, 0] * 0 + x[i, 0], y[j]) for j in range(4)] for i in range(2)])


# name, inputs with gradients, a function of the op and inputs, NumPy's or SciPy's
CASES = {
    "erfinv": ([np.tanh(A)], lambda op, x: op(x), special.erfinv),
    "fmod": ([A * 9, B], lambda op, x, y: op(x, y), np.fmod),
    "ldexp": ([A], lambda op, x: op(x, np.array([-3, 0, 5, 60])), lambda x: np.ldexp(x, [-3, 0, 5, 60])),
    "cdist": ([ROWS, OTHERS], lambda op, x, y: op(x, y), distances),
    "corrcoef": ([A], lambda op, x: op(x), np.corrcoef),
    "vander": ([SHORT], lambda op, x: op(x, 3, True), lambda x: np.vander(x, 3, True)),
    "segment_min": ([DATA], lambda op, x: op(x, IDS, 6), lambda x: of_segments(np.min, 0)(x, IDS, 6)),
    "segment_prod": ([DATA], lambda op, x: op(x, IDS, 6), lambda x: of_segments(np.prod, 1)(x, IDS, 6)),
    "unfold": ([IMAGES], lambda op, x: op(x, 2, stride=2), None),
    "fold": ([rng.normal(size=(2, 12, 12))], lambda op, x: op(x, (4, 5), 2, stride=(2, 1), padding=(1, 0)), None),
    "rearrange": (
        [IMAGES],
        lambda op, x: op(x, "b c h (w j) -> b (h w) (j c)", j=4),
        lambda x: x.reshape(2, 3, 7, 2, 4).transpose(0, 2, 3, 4, 1).reshape(2, 14, 12),
    ),
    "dsplit": ([IMAGES], lambda op, x: op(x, [3])[1], lambda x: x[:, :, 3:]),
    "sparse_plus": ([A], lambda op, x: op(x), lambda x: np.where(x <= -1, 0, np.where(x < 1, (x + 1) ** 2 / 4, x))),
    "sparse_sigmoid": ([A], lambda op, x: op(x), lambda x: np.clip((x + 1) / 2, 0, 1)),
    "associative_scan": ([A], lambda op, x: op(lambda a, b: a * b, x, axis=1), lambda x: np.cumprod(x, 1)),
    **{
        f"correlate-{mode}-{order}": (
            [LONG, SHORT][::order],
            lambda op, x, y, mode=mode: op(x, y, mode),
            lambda x, y, mode=mode: np.correlate(x, y, mode),
        )
        for mode in ("valid", "same", "full")
        for order in (1, -1)
    },
}
ON_HOST = {  # what no recording holds
    "i0": ([A * 3], lambda op, x: op(x), special.i0),
    "nextafter": ([A], lambda op, x: op(x, 9.0), lambda x: np.nextafter(x, 9)),
}
IDENTITIES = {**CASES, **ON_HOST}


def named(name):
    return getattr(ops, name.partition("-")[0])


@pytest.mark.parametrize("name", IDENTITIES)
def test_values_and_gradients(name):
    inputs, function, reference = IDENTITIES[name]
    op = named(name)
    if reference is not None:
        found, expected = function(op, *map(nerve.Tensor, inputs)), reference(*inputs)
        np.testing.assert_allclose(found.numpy(), expected, rtol=1e-10, atol=1e-11)
        assert found.shape == expected.shape
    check_gradients(lambda *given: function(op, *given), inputs, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("name", CASES)
def test_in_models(name):
    """In a model, float32, saved as configuration; and in a recording with gradients, the bits of a call without."""
    inputs, function, _ = CASES[name]
    op, arrays = named(name), [np.asarray(x, np.float32) for x in inputs]
    if name != "associative_scan":  # whose function is nowhere to be found
        symbolic = [layers.Input(batch_shape=x.shape) for x in arrays]
        model = nerve.Model(symbolic, function(op, *symbolic))
        again = nerve.Model.from_config(model.get_config())
        np.testing.assert_array_equal(again(arrays).numpy(), function(op, *arrays).numpy())
    check_recorded(lambda *given: function(op, *given), arrays)


@pytest.mark.parametrize("name", IDENTITIES)
def test_on_the_gpu(shim, name):  # noqa: F811
    inputs, function, _ = IDENTITIES[name]
    op = named(name)
    with fake_cupy.installed(shim) as cupy:
        if name == "ldexp":
            function = lambda op, x: op(x, _beside(np.array([-3, 0, 5, 60]), x, cupy))  # noqa: E731
        if name == "segment_min":
            function = lambda op, x: op(x, _beside(IDS, x, cupy), 6)  # noqa: E731
        here, there = ([nerve.Tensor(put(x)) for x in inputs] for put in (np.asarray, cupy.asarray))
        ours, theirs = function(op, *here), function(op, *there)
        np.testing.assert_allclose(theirs.array.get(), ours.numpy(), rtol=1e-9, atol=1e-9)
        pairs = zip(*(nerve.gradients(ops.sum(y * y), x) for y, x in ((ours, here), (theirs, there))), strict=True)
        for one, other in pairs:
            np.testing.assert_allclose(other.get(), one, rtol=1e-7, atol=1e-7)


def _beside(x, tensor, cupy):
    return cupy.asarray(x) if isinstance(tensor.array, cupy.ndarray) else x


class TestNumbers:
    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_the_inverse_of_the_error_function(self, dtype):
        x = np.concatenate([np.linspace(-1, 1, 4001), 1 - np.logspace(-16, -1, 99), np.logspace(-300, -1, 99)])
        x = np.unique(x.astype(dtype))
        x = x[(np.abs(x) > np.finfo(dtype).tiny) & (np.abs(x) < 1)]
        found = ops.erfinv(x)
        assert found.dtype == dtype
        np.testing.assert_allclose(found.numpy(), special.erfinv(x), rtol=8 * np.finfo(dtype).eps)  # 4 observed
        ends = ops.erfinv(np.array([-1, 1, -1.5, np.nan, 0], dtype)).numpy()
        np.testing.assert_array_equal(ends, [-np.inf, np.inf, np.nan, np.nan, 0])

    def test_what_division_leaves(self):
        x, y = np.float32([1, 5.5, -5.5, 1e8, 3]), np.float32([0.1, 2, 2, 0.3, np.inf])
        for name in ("fmod", "mod", "floor_divide"):
            found = getattr(ops, name)(x, y)
            assert found.dtype == np.float32
            np.testing.assert_array_equal(found.numpy(), getattr(np, name)(x, y))
        assert ops.mod(x, np.float64(2)).dtype == np.float64
        whole = ops.fmod(np.array([7, -7, 100_000_001]), np.array([3, 3, -2]))
        assert whole.dtype == np.int64
        np.testing.assert_array_equal(whole.numpy(), [1, -1, 1])

    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_powers_of_two(self, dtype):
        x, k = rng.normal(size=500).astype(dtype), rng.integers(-1200, 1200, 500)
        x[:20], k[:4] = 0.0, [10**6, -(10**6), 2000, 300]
        numbers = np.finfo(dtype)
        x[20:22], k[20:22] = numbers.smallest_subnormal, [numbers.maxexp - numbers.minexp + numbers.nmant - 1, -1]
        with np.errstate(all="ignore"):
            np.testing.assert_array_equal(ops.ldexp(x, k).numpy(), np.ldexp(x, k))
        np.testing.assert_array_equal(ops.ldexp(np.array([3, 5]), np.array([1, -1])).numpy(), [6, 2.5])
        with pytest.raises(DTypeError, match=r"\[ldexp\] x2 expects integers, got dtype float64"):
            ops.ldexp(x, np.ones(500))

    def test_signs(self):
        x = np.array([-0.0, 0.0, -1, 2, -np.inf, np.inf, np.nan])
        np.testing.assert_array_equal(ops.signbit(x).numpy(), [1, 0, 1, 0, 1, 0, 0])
        np.testing.assert_array_equal(ops.signbit(np.array([-3, 0, 2])).numpy(), [1, 0, 0])
        recorded = nerve.compile(ops.signbit)
        for _ in range(4):
            found = recorded(x)
        assert recorded.recorder.recordings
        np.testing.assert_array_equal(np.asarray(found), [1, 0, 1, 0, 1, 0, 0])

    def test_saturated(self):
        x = np.array([-1e30, -np.inf, -300.5, -0.5, 0.5, 300.5, 1e30, np.inf], np.float32)
        for dtype, least, most in (("uint8", 0, 255), ("int8", -128, 127), ("int32", -(2**31), 2**31 - 128)):
            found = ops.saturate_cast(x, dtype)
            assert found.dtype == np.int64
            np.testing.assert_array_equal(found.numpy(), np.trunc(np.clip(x.astype(float), least, most)))
        np.testing.assert_array_equal(ops.saturate_cast(x, "int64").numpy()[[0, -1]], [-(2**63), 2**63 - 2**39])
        np.testing.assert_array_equal(ops.saturate_cast(np.array([-300, 5, 300]), "int8").numpy(), [-128, 5, 127])
        np.testing.assert_array_equal(ops.saturate_cast(x, "bool").numpy(), [0, 0, 0, 0, 1, 1, 1, 1])
        narrow = ops.saturate_cast(np.array([1e300, -np.inf, 2.5]), "float32")
        assert narrow.dtype == np.float32
        np.testing.assert_array_equal(narrow.numpy(), np.float32([3.4028235e38, -3.4028235e38, 2.5]))
        recorded = nerve.compile(lambda x: ops.saturate_cast(x, "uint8"))
        for _ in range(4):
            found = recorded(x)
        assert recorded.recorder.recordings
        np.testing.assert_array_equal(np.asarray(found), [0, 0, 0, 0, 0, 255, 255, 255])

    def test_divisors(self):
        x, y = rng.integers(-30, 30, (3, 4)), rng.integers(-30, 30, 4)
        np.testing.assert_array_equal(ops.gcd(x, y).numpy(), np.gcd(x, y))
        np.testing.assert_array_equal(ops.lcm(x, y).numpy(), np.lcm(x, y))
        with pytest.raises(DTypeError, match=r"\[gcd\] expects integers, got dtype float64"):
            ops.gcd(x, A[0])

    def test_neighbours(self):
        x = np.float32([1, 0, -1, 5])
        found = ops.nextafter(x, np.float32([2, 1, -1, 0])).numpy()
        np.testing.assert_array_equal(found, np.nextafter(x, np.float32([2, 1, -1, 0])))
        assert found.dtype == np.float32

    def test_powers_of_whole_numbers(self):
        x = np.array([3, -7, 11])
        found = ops.vander(x, 9)
        assert found.dtype == np.int64
        np.testing.assert_array_equal(found.numpy(), np.vander(x, 9))
        assert ops.vander(A[0], 0).shape == (4, 0)
        with pytest.raises(ShapeError, match=r"\[vander\] expects x of one axis"):
            ops.vander(A)
