"""The error of the elementary functions, in units in the last place (ULP), and what they do at special values.

The largest errors seen, rounded up: over every float32 (the functions of ``EVERYWHERE``, with fused multiply-add),
or every hundredth, and over some ten million float64, many of them where the error is largest; with fused multiply-add
(AVX2, AVX-512 and NEON, which agree to the last bit) and without it (baseline).

=========  ========  ========  =================  =================
function   float32   float64   float32, baseline  float64, baseline
=========  ========  ========  =================  =================
exp        0.90      0.87      1.17               1.17
expm1      1.10      1.15      1.16               1.18
log        0.93      0.84      1.09               0.86
log1p      1.34      0.84      1.37               0.86
sin        1.58      1.49      1.58               1.49
cos        1.58      1.49      1.58               1.49
tanh       1.57      1.68      1.46               1.60
erf        1.13      1.06      1.25               1.32
sigmoid    1.83      1.80      1.83               1.80
power      0.51      1.70      0.51               1.70
=========  ========  ========  =================  =================

``sqrt``, ``floor``, ``ceil`` and ``round`` are exact.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from scipy import special

from nerve import _cpu, kernels


def table() -> dict[str, tuple[float, ...]]:
    """The numbers above."""
    rows = [line.split() for line in (__doc__ or "").splitlines()]
    return {row[0]: tuple(map(float, row[1:])) for row in rows if len(row) == 5 and row[0] not in ("function", "=" * 9)}


MAXIMA = table()
EXACT = ("sqrt", "floor", "ceil", "round")
WIDE = np.finfo(np.longdouble).nmant > 60  # where it is a double, NumPy's own error comes on top of ours


def sigmoid(x: np.ndarray) -> np.ndarray:
    z = np.exp(-np.abs(x))
    return np.where(x < 0, z, 1) / (1 + z)


REFERENCE: dict[str, Callable[..., Any]] = {
    **{name: getattr(np, name) for name in ("exp", "expm1", "log", "log1p", "sin", "cos", "tanh", "power")},
    **{name: getattr(np, name) for name in ("sqrt", "floor", "ceil")},
    "round": np.rint,
    "erf": lambda x: special.erf(x) if x.dtype == np.float64 else np.vectorize(math.erf, otypes=[float])(x),
    "sigmoid": sigmoid,
}
UNARY = [name for name in REFERENCE if name != "power"]


@pytest.fixture(params=_cpu.isas())
def isa(request: pytest.FixtureRequest) -> Iterator[str]:
    before = _cpu.isa()
    _cpu.set_isa(request.param)
    yield request.param
    _cpu.set_isa(before)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with np.errstate(all="ignore"):
        yield


def ulps(got: np.ndarray, want: np.ndarray) -> np.ndarray:
    """Errors in units of got's precision at ``want``, which is wider; infinity stands for the next power of two."""
    info = np.finfo(got.dtype)
    wide = want.dtype.type
    exponent = np.clip(np.frexp(want)[1] - 1, info.minexp, info.maxexp - 1)
    beyond = np.ldexp(wide(1), info.maxexp) if want.dtype != got.dtype else wide(info.max)
    computed = np.clip(got.astype(wide), -beyond, beyond)
    errors = np.abs(computed - np.clip(want, -beyond, beyond)) / np.ldexp(wide(1), exponent - info.nmant)
    errors[np.isinf(want)] = np.where(got == want, 0, np.inf)[np.isinf(want)]
    errors[np.isnan(want)] = np.where(np.isnan(got), 0, np.inf)[np.isnan(want)]
    return np.where(np.isnan(errors), np.inf, errors)


def assert_within(name: str, got: np.ndarray, want: np.ndarray, isa: str, x: tuple[np.ndarray, ...]) -> None:
    errors = ulps(got, want)
    double = got.dtype == np.float64
    allowed = 0.5 if name in EXACT else MAXIMA[name][double + 2 * (isa == "baseline")]
    if double and (not WIDE or name == "erf"):
        allowed += 1.0  # the reference is computed in double, too
    worst = int(errors.argmax())
    assert errors[worst] <= allowed, (
        f"{name} at {[a.flat[worst] for a in x]}: {got.flat[worst]}, not {want.flat[worst]}"
    )
    zero = (got == 0) & (want == 0)
    np.testing.assert_array_equal(np.signbit(got[zero]), np.signbit(want[zero]))


def around(rng: np.random.Generator, count: int) -> np.ndarray:
    """Numbers of all magnitudes, and more of those where a function changes its formula or leaves its range."""
    return np.concatenate(
        [
            rng.integers(0, 2**64, size=count, dtype=np.uint64).view(np.float64),
            rng.uniform(-6, 6, size=count),
            rng.uniform(0, 2, size=count),
            rng.uniform(-750, 750, size=count),
            np.arange(1, count + 1) * (np.pi / 2),  # where reducing the angle cancels most
            rng.normal(size=count) * 10.0 ** rng.uniform(-20, 5, size=count),
        ]
    )


# Around the ends of the ranges of exp and its relatives, subnormals, and where floats end to have fractions.
# fmt: off
SPECIAL = np.array([
    0.0, 0.5, 1.0, 1.5, 2.5, np.inf, np.nan, 1e22, 3.4e38, 1.7e308,
    88.7228394, 89, 103.97208, 104, 709.79, 745.2, 1e-40, 1e-310, 5e-324, 2.0**-126, 2.0**-149, 2.0**-1022,
    8388607.5, 2.0**23 + 1, 4503599627370495.5, 2.0**52 + 1,
])
# fmt: on


@pytest.mark.parametrize("name", UNARY)
def test_float32(name: str, isa: str) -> None:
    """A spread of the bit patterns of float32."""
    patterns = np.arange(0, 2**32, 997, dtype=np.uint64).astype(np.uint32)
    x = patterns.view(np.float32)
    want = REFERENCE[name](x.astype(np.float64))
    assert_within(name, getattr(kernels, name)(x), want, isa, (x,))


EVERYWHERE = ("exp", "log", "tanh", "erf", "sigmoid", "sin", "cos")
WIDE_ISAS = [name for name in _cpu.isas() if name != "baseline"]


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.skipif(not os.environ.get("NERVE_EXHAUSTIVE"), reason="set NERVE_EXHAUSTIVE to run it: minutes a function")
@pytest.mark.parametrize("name", EVERYWHERE)
def test_every_float32(name: str, record_property: Callable[[str, object], None]) -> None:
    """All bit patterns, the same bits on every instruction set with fused multiply-add."""
    before, worst, at, step = _cpu.isa(), 0.0, 0.0, 1 << 20
    function = getattr(kernels, name)
    try:
        for start in range(0, 2**32, step):
            x = np.arange(start, start + step, dtype=np.uint64).astype(np.uint32).view(np.float32)
            want = REFERENCE[name](x.astype(np.float64))
            results = []
            for level in WIDE_ISAS:
                _cpu.set_isa(level)
                results.append(function(x))
            for other in results[1:]:
                same = results[0].view(np.uint32) == other.view(np.uint32)
                assert (same | (np.isnan(other) & np.isnan(results[0]))).all()
            got = results[0].astype(np.float64)
            np.testing.assert_array_equal(np.isnan(got), np.isnan(want))
            # As in ulps(), with the unit made from the bits of the exponent.
            exponent = np.clip(want.view(np.int64) >> 52 & 0x7FF, 1023 - 126, 1023 + 127)
            unit = (exponent - 23 << 52).view(np.float64)
            errors = np.abs(np.clip(got, -(2.0**128), 2.0**128) - np.clip(want, -(2.0**128), 2.0**128)) / unit
            errors[np.isnan(want)] = 0
            if errors.max() > worst:
                worst, at = errors.max(), x[errors.argmax()]
    finally:
        _cpu.set_isa(before)
    record_property("ulps", worst)
    print(f"{name}: {worst:.4f} ULP at {at!r}")
    assert worst <= MAXIMA[name][0] <= 2, f"{name}: {worst:.4f} ULP at {at!r}"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", UNARY)
def test_samples(name: str, dtype: type[np.floating], isa: str) -> None:
    x = np.concatenate([around(np.random.default_rng(0), 50_000), SPECIAL, -SPECIAL]).astype(dtype)
    want = np.asarray(REFERENCE[name](x.astype(np.longdouble)))
    assert_within(name, getattr(kernels, name)(x), want, isa, (x,))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_power(dtype: type[np.floating], isa: str) -> None:
    rng, count, largest = np.random.default_rng(0), 50_000, np.log(np.finfo(dtype).max)
    x = np.abs(around(rng, count)).astype(dtype)
    # Exponents that lead to results of all magnitudes, overflow and underflow included, and small whole ones.
    y = (rng.uniform(-1.05, 1.05, size=x.size) * largest / np.log(x.astype(float))).astype(dtype)
    whole = rng.integers(-9, 10, size=x.size).astype(dtype)
    for base, exponent in ((x, y), (rng.uniform(-9, 9, size=x.size).astype(dtype), whole)):
        want = np.power(base.astype(np.longdouble), exponent.astype(np.longdouble))
        assert_within("power", kernels.power(base, exponent), want, isa, (base, exponent))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_power_special(dtype: type[np.floating], isa: str) -> None:
    """Zeros of either sign, infinities, NaN, negative bases: as NumPy, which follows C."""
    values = np.array([0, 1, 2, 3, 0.5, 2.5, 1e30, 1e-30, 2.0**23 + 1, 2.0**53 - 1, np.inf, np.nan, 1.0000001])
    values = np.concatenate([values, -values]).astype(dtype)
    base, exponent = values[:, None], values
    got, want = kernels.power(base, exponent), np.power(base, exponent)
    kept = ~np.isfinite(want) | (want == 0)
    np.testing.assert_array_equal(got[kept], want[kept])
    np.testing.assert_array_equal(np.isfinite(got), np.isfinite(want))
    np.testing.assert_array_equal(np.signbit(got[got == 0]), np.signbit(want[got == 0]))


def test_extrema_keep_nan(isa: str) -> None:
    values = np.array([0.0, 1, np.nan, -np.inf, np.inf, -2, np.nan, 3, 4, 5, 6])
    for name in ("maximum", "minimum"):
        got = getattr(kernels, name)(values[:, None], values)
        np.testing.assert_array_equal(got, getattr(np, name)(values[:, None], values))


def test_the_left_tail_of_gelu_is_accurate(isa: str) -> None:
    """Where ``1 + erf`` has no digits left; what remains is the rounding of the argument of exp."""
    x = np.linspace(-13, -2, 1001, dtype=np.float32)
    want = x.astype(float) * special.ndtr(x.astype(float))
    for name, rtol in (("gelu", 2e-5), ("gelu_tanh", 3e-5)):
        exact = want if name == "gelu" else x * sigmoid(2 * np.sqrt(2 / np.pi) * (x + 0.044715 * x.astype(float) ** 3))
        np.testing.assert_allclose(getattr(kernels, name)(x), exact, rtol=rtol, atol=1e-38)


def test_in_place() -> None:
    x = np.linspace(-2, 2, 1003, dtype=np.float32)
    want = kernels.exp(x)
    assert kernels.exp(x, out=x) is x
    np.testing.assert_array_equal(x, want)

    a = np.arange(12.0).reshape(3, 4)
    want = a + a[1]
    assert kernels.add(a, a[1], out=a) is a  # the row added is a view of what is written
    np.testing.assert_array_equal(a, want)


def test_functions_have_names_and_documentation() -> None:
    from nerve.kernels import elementwise

    for name in elementwise.__all__:
        function = getattr(elementwise, name)
        assert function.__name__ == name
        assert function.__module__ == "nerve.kernels.elementwise"
        assert (function.__doc__ or "").strip()
