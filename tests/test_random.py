"""Random numbers against published vectors, and their statistics.

Every element must be a function of (seed, offset, position) alone. The streams are fixed, so a statistical test either
always passes or always fails; the bounds on p-values are what a right generator misses once in ten thousand streams.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from scipy import stats

import nerve
from nerve import Tensor, _cpu, kernels, ops
from nerve.kernels.reference.random import _philox4x32_10

DTYPES = ["float32", "float64"]
PER_BLOCK = {"float32": 4, "float64": 2}
N = 200_000
LEAST_P = 1e-4

# From kat_vectors of the authors' Random123 library: counter, key, and the block of philox4x32 10.
KNOWN = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]


def words(text: str) -> list[int]:
    return [int(word, 16) for word in text.split()]


@pytest.fixture(params=_cpu.isas())
def isa(request: pytest.FixtureRequest) -> Iterator[str]:
    before = _cpu.isa()
    _cpu.set_isa(request.param)
    yield request.param
    _cpu.set_isa(before)


@pytest.mark.parametrize(("counter", "key", "block"), KNOWN)
def test_published_vectors(counter: str, key: str, block: str) -> None:
    low, high = words(key)
    assert _philox4x32_10(np.array([words(counter)]), (low, high)).tolist() == [words(block)]


def test_published_block_in_numbers(isa: str) -> None:
    """Counter 0, key 0: the bits of the first vector, in float32 and float64."""
    w = words(KNOWN[0][2])
    floats = kernels.random_uniform(4, seed=0)
    assert (floats * 2.0**24).tolist() == [word >> 8 for word in w]
    doubles = kernels.random_uniform(2, seed=0, dtype="float64")
    assert (doubles * 2.0**53).tolist() == [(w[i] | w[i + 1] << 32) >> 11 for i in (0, 2)]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("seed", "offset"), [(0, 0), (1, 5), (2**32, 2**32 - 3), (2**64 - 1, 2**64 - 5), (0x299F31D0A4093822, 123)]
)
def test_uniform_has_the_bits_of_the_reference(isa: str, dtype: str, seed: int, offset: int) -> None:
    """Across the carry of the low counter word and the end of the counter."""
    interval = {"low": -0.3, "high": 1.7}
    got = kernels.random_uniform(1003, seed=seed, offset=offset, dtype=dtype, **interval)
    with nerve.backend("reference"):
        want = kernels.random_uniform(1003, seed=seed, offset=offset, dtype=dtype, **interval)
    assert got.tobytes() == want.tobytes()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["random_uniform", "random_normal"])
def test_any_part_of_a_stream_can_be_had_alone(isa: str, name: str, dtype: str) -> None:
    draw = getattr(kernels, name)
    whole = draw(70_000, seed=3, offset=10, dtype=dtype)
    per = PER_BLOCK[dtype]
    for block, size in [(0, 1), (1, 70), (7, 33), (5000, 20_001), (16_384 // per, 64)]:
        part = draw(size, seed=3, offset=10 + block, dtype=dtype)
        assert part.tobytes() == whole[block * per : block * per + size].tobytes()


@pytest.mark.parametrize("dtype", DTYPES)
def test_instruction_sets_agree(dtype: str) -> None:
    """Uniform numbers and masks to the bit everywhere; normal ones where there is a fused multiply-add."""
    before = _cpu.isa()
    x = np.ones(1003, dtype)
    try:
        drawn = {}
        for name in _cpu.isas():
            _cpu.set_isa(name)
            drawn[name] = (
                kernels.random_uniform(1003, low=-1, high=2, seed=5, dtype=dtype).tobytes(),
                kernels.dropout(x, rate=0.4, seed=5).tobytes(),
                kernels.random_normal(1003, seed=5, dtype=dtype),
            )
    finally:
        _cpu.set_isa(before)
    first, *others = (drawn[name] for name in _cpu.isas())
    for uniform, mask, normal in others:
        assert uniform == first[0]
        assert mask == first[1]
        np.testing.assert_allclose(normal, first[2], rtol=1e-5 if dtype == "float32" else 1e-13)


@pytest.mark.parametrize("dtype", DTYPES)
def test_threads_agree(dtype: str) -> None:
    before = nerve.num_threads()
    try:
        drawn = []
        for threads in (1, 2, 5):
            nerve.set_num_threads(threads)
            drawn.append(
                kernels.random_normal(100_001, seed=5, dtype=dtype).tobytes()
                + kernels.random_uniform(100_001, seed=5, dtype=dtype).tobytes()
                + kernels.dropout(np.ones(100_001, dtype), rate=0.4, seed=5).tobytes()
            )
    finally:
        nerve.set_num_threads(before)
    assert drawn[0] == drawn[1] == drawn[2]


@pytest.mark.parametrize("dtype", DTYPES)
def test_uniform_never_gives_high(isa: str, dtype: str) -> None:
    """Intervals of a few representable numbers, where rounding would reach the end half the time."""
    one = np.dtype(dtype).type(1)
    for low, high in [
        (one, np.nextafter(one, one + 1)),
        (1.0, 1 + 3 * np.finfo(dtype).eps),
        (-1e-45, 0.0),
        (-3.0, -2.999),
    ]:
        low, high = np.dtype(dtype).type(low), np.dtype(dtype).type(high)
        drawn = kernels.random_uniform(4096, low=float(low), high=float(high), seed=1, dtype=dtype)
        assert (drawn >= low).all()
        assert (drawn < high).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_uniform_statistics(dtype: str) -> None:
    u = kernels.random_uniform(N, seed=11, offset=77, dtype=dtype).astype(np.float64)
    assert stats.kstest(u, "uniform").pvalue > LEAST_P
    assert abs(u.mean() - 1 / 2) < 4 / np.sqrt(12 * N)
    assert abs(u.var() - 1 / 12) < 4 / np.sqrt(180 * N)
    cells = np.bincount((u * 1024).astype(int), minlength=1024)
    assert stats.chisquare(cells).pvalue > LEAST_P
    # Neighbours within a block, across blocks, and streams of other seeds and offsets have nothing in common.
    for lag in (1, 2, 3, 4, 5, 64):
        assert stats.pearsonr(u[lag:], u[:-lag]).pvalue > LEAST_P
    for seed, offset in [(12, 77), (11, 77 + N)]:
        other = kernels.random_uniform(N, seed=seed, offset=offset, dtype=dtype)
        assert stats.pearsonr(u, other).pvalue > LEAST_P
    # Every bit is set half the time.
    bits = 24 if dtype == "float32" else 53
    integers = (u * 2.0**bits).astype(np.uint64)
    for bit in range(bits):
        assert stats.binomtest(int((integers >> np.uint64(bit) & np.uint64(1)).sum()), N).pvalue > LEAST_P


@pytest.mark.parametrize("dtype", DTYPES)
def test_normal_statistics(dtype: str) -> None:
    z = kernels.random_normal(N, mean=3.0, stddev=2.0, seed=11, dtype=dtype).astype(np.float64)
    z = (z - 3) / 2
    assert stats.kstest(z, "norm").pvalue > LEAST_P
    for power, moment, variance in [(1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)]:
        assert abs((z**power).mean() - moment) < 4 * np.sqrt(variance / N), f"moment {power}"
    # The two numbers that share a radius are independent all the same, as are their squares.
    half = PER_BLOCK[dtype] // 2
    pairs = z.reshape(-1, 2, half)
    for power in (1, 2):
        assert stats.pearsonr(pairs[:, 0].ravel() ** power, pairs[:, 1].ravel() ** power).pvalue > LEAST_P
    assert 4 < np.abs(z).max() < 6


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_dropout_statistics(rate: float) -> None:
    kept = kernels.dropout(np.ones(N, np.float32), rate=rate, seed=4)
    assert set(np.unique(kept)) == {np.float32(0), np.float32(1 / (1 - rate))}
    assert stats.binomtest(int((kept == 0).sum()), N, rate).pvalue > LEAST_P


def test_dropout_mask_is_that_of_the_uniform_numbers_for_either_dtype(isa: str) -> None:
    kept = kernels.random_uniform(1003, seed=9, offset=2) >= np.float32(0.3)
    for dtype in DTYPES:
        np.testing.assert_array_equal(kernels.dropout(np.ones(1003, dtype), rate=0.3, seed=9, offset=2) != 0, kept)


def test_dropout_backward_draws_the_same_mask() -> None:
    x = Tensor(np.random.default_rng(0).normal(size=(20, 30)).astype(np.float32))
    y = ops.dropout(x, rate=0.25, seed=1, offset=6)
    (grad,) = nerve.gradients(ops.sum(y), [x])
    np.testing.assert_array_equal(grad != 0, y.array != 0)
    np.testing.assert_allclose(grad[grad != 0], 1 / 0.75, rtol=1e-6)
