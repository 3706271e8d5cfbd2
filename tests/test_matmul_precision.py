"""What float32 products are made of: the switch, and the code for AMX.

The instructions are emulated on machines without them (``amx_emulation.py``).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nerve
from nerve import _cpu, kernels
from nerve.kernels import _backend

from . import op_table
from .amx_emulation import PIECES, ProductKernels, build, families
from .cuda_shim import compiler
from .op_table import VALUE_TOLERANCE
from .test_ops import change, results, samples
from .test_runtime import run

MODULES = [module for module in op_table.FAMILIES if module.__name__.rpartition(".")[2] in families()]
ROWS = [row for module in MODULES for row in module.ROWS if hasattr(kernels, row.name)]
FEATURES = _cpu.cpu_features()
UNIT = 2.0**-24

DISTRIBUTIONS = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "uniform": lambda rng, shape: rng.uniform(size=shape),
    "lognormal": lambda rng, shape: rng.lognormal(0, 1, shape) * rng.choice([-1, 1], shape),
    "wide lognormal": lambda rng, shape: rng.lognormal(0, 2, shape) * rng.choice([-1, 1], shape),
    "very wide lognormal": lambda rng, shape: rng.lognormal(0, 6, shape) * rng.choice([-1, 1], shape),
    "tiny": lambda rng, shape: rng.normal(size=shape) * 2.0**-120,
    "mostly zeros": lambda rng, shape: np.maximum(rng.normal(size=shape) - 1.5, 0),
}


class Libraries:
    """Built when first asked for, once in a session."""

    def __init__(self, config: pytest.Config, folder: Path) -> None:
        self.folder = config.cache.mkdir("amx") if getattr(config, "cache", None) else folder
        self.built: dict[str, ProductKernels] = {}

    def __getitem__(self, name: str) -> ProductKernels:
        if not compiler():
            pytest.skip("needs Linux and a C++ compiler")
        if "avx512" not in FEATURES:
            pytest.skip("the emulation needs AVX-512")
        pieces = set(PIECES)
        if name == "instructions":
            pieces = {"float32"}
            pieces |= {"bf16", "bf16x6"} if "amx-bf16" in FEATURES else set()
            pieces |= {"fp16x3"} if "amx-fp16" in FEATURES else set()
        if name not in self.built:
            self.built[name] = ProductKernels(build(self.folder, name == "emulation"), pieces)
        return self.built[name]


@pytest.fixture(scope="session")
def libraries(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Libraries:
    return Libraries(request.config, tmp_path_factory.mktemp("amx"))


@pytest.fixture(params=["emulation", "instructions"] if "amx-bf16" in FEATURES else ["emulation"])
def amx(
    request: pytest.FixtureRequest, libraries: Libraries, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ProductKernels]:
    library = libraries[request.param]
    monkeypatch.setattr(_backend, "_cpu", library)
    library.set_num_threads(2)
    yield library
    library.set_pieces("float32")


def error(product: np.ndarray, a: np.ndarray, b: np.ndarray) -> float:
    """The largest error of an element in units of float32's precision, relative to the sum of absolute products."""
    exact, size = a.astype(np.float64) @ b, np.abs(a).astype(np.float64) @ np.abs(b)
    return float((np.abs(product - exact) / np.maximum(size, np.finfo(np.float32).smallest_subnormal)).max() / UNIT)


def operands(distribution: str, rows: int, columns: int, inner: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(rows + columns + inner)
    make = DISTRIBUTIONS[distribution]
    a = make(rng, (rows, inner)).astype(np.float32)
    b = rng.normal(size=(inner, columns)) if distribution == "tiny" else make(rng, (inner, columns))
    return a, b.astype(np.float32)


@pytest.mark.parametrize("pieces", ["bf16x6", "fp16x3"])
@pytest.mark.parametrize("op", ROWS, ids=[f"{row.name}-{i}" for i, row in enumerate(ROWS)])
def test_rows(op: op_table.Op, pieces: str, amx: ProductKernels) -> None:
    """The op table, held to the tolerances of float32."""
    rtol, atol = (tolerance * op.tolerance for tolerance in VALUE_TOLERANCE["float32"])
    made_of_pieces = False
    for sample in samples(op):
        rounded = change(sample.args, lambda x: x.astype(np.float32))
        with nerve.backend("reference"):
            expected = results(op, change(rounded, lambda x: x.astype(np.float64)), sample.kwargs)
        amx.set_pieces("float32")
        native = results(op, rounded, sample.kwargs)
        outcomes = []
        amx.set_pieces(pieces)
        for threads in (1, 2, 5):
            amx.set_num_threads(threads)
            outcomes.append(results(op, rounded, sample.kwargs))
        for want, *got in zip(expected, *outcomes, strict=True):
            np.testing.assert_allclose(got[0], want, rtol=rtol, atol=atol, err_msg=f"{op.name}{sample}")
            assert got[0].tobytes() == got[1].tobytes() == got[2].tobytes(), "depends on the number of threads"
        made_of_pieces |= any(one.tobytes() != other.tobytes() for one, other in zip(native, outcomes[0], strict=True))
    assert made_of_pieces


@pytest.mark.parametrize("pieces", ["bf16x6", "fp16x3"])
@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@pytest.mark.parametrize("shape", [(96, 96, 96), (130, 70, 600), (33, 300, 2300)], ids=str)
def test_error_is_not_above_float32(
    distribution: str, shape: tuple[int, int, int], pieces: str, amx: ProductKernels
) -> None:
    """Component by component, beside the same product in float32 (NumPy's, so OpenBLAS's) on the same numbers."""
    a, b = operands(distribution, *shape)
    amx.set_pieces(pieces)
    ours, theirs = error(kernels.matmul(a, b), a, b), error(a @ b, a, b)
    # A sum of one or two terms shows what pieces leave out, and that each is added piece by piece; longer sums round as
    # often in float32. Observed with 2 to 10 terms other than zero: 6.3 units, against 2.7.
    allowed = 12 if distribution == "mostly zeros" else max(theirs, 2)
    assert ours <= allowed, f"{ours:.2f} units, float32 has {theirs:.2f}"


@pytest.mark.parametrize("shape", [(64, 64, 64), (33, 70, 600), (2100, 40, 300), (300, 1000, 50)], ids=str)
def test_bf16_has_its_own_error(shape: tuple[int, int, int], amx: ProductKernels) -> None:
    a, b = operands("normal", *shape)
    amx.set_pieces("bf16")
    assert 2.0**-14 < error(kernels.matmul(a, b), a, b) * UNIT < 2.0**-7


def exact_in_float32(a: np.ndarray, b: np.ndarray, amx: ProductKernels) -> None:
    """The product is the very one that float32 gives."""
    amx.set_pieces("float32")
    expected = kernels.matmul(a, b)
    for pieces in ("bf16x6", "fp16x3"):
        amx.set_pieces(pieces)
        for threads in (1, 5):
            amx.set_num_threads(threads)
            np.testing.assert_array_equal(kernels.matmul(a, b), expected)


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan, 3e37, 1e-42])
@pytest.mark.parametrize("place", [(0, 0), (69, 599), (40, 300)])
@pytest.mark.parametrize("operand", [0, 1])
@np.errstate(over="ignore", invalid="ignore")
def test_special_numbers(value: float, place: tuple[int, int], operand: int, amx: ProductKernels) -> None:
    """What a split cannot hold is left to float32, wherever it stands: no NaN where there is none, no Inf less."""
    pair = [x.copy() for x in operands("normal", 70, 70, 600)]
    pair[operand][place if operand == 0 else place[::-1]] = value
    if np.isfinite(value):  # beside much larger or smaller ones
        for pieces in ("bf16x6", "fp16x3"):
            amx.set_pieces(pieces)
            assert error(kernels.matmul(*pair), *pair) <= max(error(pair[0] @ pair[1], *pair), 2)
    else:
        exact_in_float32(*pair, amx)


def test_ranges_beyond_fp16_are_left_to_bf16(amx: ProductKernels) -> None:
    """The error stays small in each element, also where a row's largest numbers meet a column's smallest."""
    rng = np.random.default_rng(0)
    scales = 2.0 ** rng.integers(-24, 24, 500)
    a = (rng.normal(size=(64, 500)) * scales).astype(np.float32)
    b = (rng.normal(size=(500, 64)) / scales[:, np.newaxis]).astype(np.float32)
    amx.set_pieces("bf16x6")
    expected = kernels.matmul(a, b)
    amx.set_pieces("fp16x3")
    np.testing.assert_array_equal(kernels.matmul(a, b), expected)
    assert error(expected, a, b) <= error(a @ b, a, b)


def test_ranges_beyond_bf16_are_left_to_float32(amx: ProductKernels) -> None:
    rng = np.random.default_rng(0)
    scales = 2.0 ** rng.integers(-60, 60, 500)
    a = (rng.normal(size=(64, 500)) * scales).astype(np.float32)
    b = (rng.normal(size=(500, 64)) / scales[:, np.newaxis]).astype(np.float32)
    exact_in_float32(a, b, amx)


def test_quarter_of_small_numbers(amx: ProductKernels) -> None:
    """fp16x3 takes up to a quarter of small elements in a row or column; with more it is bf16x6."""
    rng = np.random.default_rng(0)
    for small, same in ((16, False), (17, True)):
        a, b = rng.uniform(1, 2, (2, 64, 64)).astype(np.float32)
        a[3, :small] *= np.float32(2.0**-12)
        amx.set_pieces("bf16x6")
        expected = kernels.matmul(a, b)
        amx.set_pieces("fp16x3")
        assert np.array_equal(kernels.matmul(a, b), expected) == same


def test_zeros_and_empty_sizes(amx: ProductKernels) -> None:
    for pieces in ("bf16", "bf16x6", "fp16x3"):
        amx.set_pieces(pieces)
        zero, one = np.zeros((40, 50), np.float32), np.ones((50, 60), np.float32)
        np.testing.assert_array_equal(kernels.matmul(zero, one), np.zeros((40, 60)))
        bias = np.arange(60, dtype=np.float32)
        np.testing.assert_array_equal(kernels.matmul(zero, one, bias), np.broadcast_to(bias, (40, 60)))
        np.testing.assert_array_equal(kernels.matmul(zero[:, :0], one[:0], bias), np.broadcast_to(bias, (40, 60)))
        assert kernels.matmul(zero[:0], one).shape == (0, 60)


def test_small_whole_numbers_are_exact(amx: ProductKernels) -> None:
    """Every product of pieces and every sum of them is there once."""
    rng = np.random.default_rng(0)
    a, b = rng.integers(-2000, 2000, (50, 300)), rng.integers(-100, 100, (300, 45))
    amx.set_pieces("bf16x6")
    product = kernels.matmul(a.astype(np.float32), b.astype(np.float32))
    amx.set_pieces("fp16x3")
    np.testing.assert_array_equal(kernels.matmul(a.astype(np.float32), b.astype(np.float32)), product)
    np.testing.assert_allclose(product, a @ b, rtol=1e-7)


def test_identity(amx: ProductKernels) -> None:
    """bf16x6 has all bits of a float."""
    (a, _) = operands("normal", 200, 100, 100)
    amx.set_pieces("bf16x6")
    np.testing.assert_array_equal(kernels.matmul(a, np.eye(100, dtype=np.float32)), a)


def test_float64_is_not_made_of_pieces(amx: ProductKernels) -> None:
    a, b = np.random.default_rng(0).normal(size=(2, 70, 70))
    products: list[Any] = []
    for pieces in ("float32", "bf16"):
        amx.set_pieces(pieces)
        products.append(kernels.matmul(a, b))
    np.testing.assert_array_equal(*products)


@pytest.mark.skipif("amx-bf16" not in FEATURES, reason="needs AMX")
@pytest.mark.parametrize("pieces", ["bf16", "bf16x6", "fp16x3"])
@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_emulation_is_exact(
    distribution: str, pieces: str, libraries: Libraries, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the last bit what the instructions give."""
    a, b = operands(distribution, 100, 70, 600)
    products = []
    for name in ("instructions", "emulation"):
        libraries[name].set_pieces(pieces)
        monkeypatch.setattr(_backend, "_cpu", libraries[name])
        products.append(kernels.matmul(a, b))
    np.testing.assert_array_equal(*products)


@pytest.fixture
def precision() -> Iterator[None]:
    before = nerve.get_matmul_precision()
    yield
    nerve.set_matmul_precision(before)


@pytest.mark.usefixtures("precision")
def test_precision_is_kept() -> None:
    for name in ("highest", "medium", "high"):
        nerve.set_matmul_precision(name)
        assert nerve.get_matmul_precision() == name
        assert (_cpu.matmul_pieces() == "float32") if name == "highest" else _cpu.matmul_pieces()


@pytest.mark.parametrize("name", ["low", "", None, 1, ["high"]])
def test_precision_must_be_known(name: Any) -> None:
    with pytest.raises(ValueError, match=r"\[set_matmul_precision\] expects one of 'highest', 'high', 'medium', got"):
        nerve.set_matmul_precision(name)
    assert nerve.get_matmul_precision() == "high"


@pytest.mark.usefixtures("precision")
def test_precision_of_this_machine() -> None:
    """Without matrix units all precisions are one; with them "high" is as exact as float32."""
    a, b = operands("normal", 600, 600, 600)
    nerve.set_matmul_precision("highest")
    highest = kernels.matmul(a, b)
    nerve.set_matmul_precision("high")
    high = kernels.matmul(a, b)
    if _cpu.matmul_pieces() == "float32":
        np.testing.assert_array_equal(high, highest)
    assert error(high, a, b) <= error(a @ b, a, b)


@pytest.mark.skipif("avx512" not in _cpu.isas(), reason="needs AVX-512")
def test_max_isa_caps_the_pieces() -> None:
    code = "from nerve import _cpu; print(_cpu.isa(), _cpu.matmul_pieces())"
    bf16 = "bf16x6" if any("amx-bf16" in feature for feature in FEATURES) else "float32"
    fp16 = "fp16x3" if any("amx-fp16" in feature for feature in FEATURES) else bf16
    assert run(code, NERVE_MAX_ISA="avx512") == "avx512 float32"
    assert run(code, NERVE_MAX_ISA="amx_bf16") == f"avx512 {bf16}"
    assert run(code, NERVE_MAX_ISA="amx_fp16") == f"avx512 {fp16}"
