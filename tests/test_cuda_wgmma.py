"""Large matrix products by warpgroups of a Hopper GPU, on their source compiled for the CPU (cuda_shim.py).

What the instructions do is emulated (native/cuda_wgmma.h); how operands lie in shared memory is tried index by index in
test_cuda_products.py.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nerve
from nerve import kernels

from . import fake_cupy
from .cuda_shim import CudaShim, build, compiler
from .test_cuda import shim  # noqa: F401
from .test_cuda_products import TOLERANCE, copied_sources, on_gpu

LAYOUTS = [*itertools.product((False, True), repeat=2)]


@pytest.fixture(params=["high", "medium"])
def precision(request: pytest.FixtureRequest) -> Iterator[str]:
    before = nerve.get_matmul_precision()
    nerve.set_matmul_precision(request.param)
    yield request.param
    nerve.set_matmul_precision(before)


@pytest.fixture
def hopper(shim: CudaShim) -> Iterator[CudaShim]:  # noqa: F811
    if fake_cupy.REAL:
        pytest.skip("of the kernels compiled for the CPU")
    shim.has_wgmma(True)
    shim.large_launches()
    yield shim
    shim.has_wgmma(False)


def operands(*shapes: tuple[int, ...], dtype: str = "float32") -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [rng.normal(size=shape).astype(dtype) for shape in shapes]


def turned(a: np.ndarray, b: np.ndarray, transpose_a: bool, transpose_b: bool) -> tuple[np.ndarray, np.ndarray]:
    return (a.swapaxes(-1, -2).copy() if transpose_a else a), (b.swapaxes(-1, -2).copy() if transpose_b else b)


def product(
    gpu: CudaShim, a: np.ndarray, b: np.ndarray, *arrays: Any, layout: Any = (False, False), **kwargs: Any
) -> Any:
    options = {"transpose_a": layout[0], "transpose_b": layout[1], **kwargs}
    return on_gpu(gpu, kernels.matmul, *turned(a, b, *layout), *arrays, blocks=1, **options)


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
@pytest.mark.parametrize("shape", [(132, 100, 140), (68, 64, 260), (128, 352, 128)], ids=str)
def test_products(shape: tuple[int, int, int], layout: tuple[bool, bool], precision: str, hopper: CudaShim) -> None:
    rows, inner, columns = shape
    a, b, bias = operands((rows, inner), (inner, columns), (columns,))
    got, again = (product(hopper, a, b, bias, layout=layout, activation="relu", seed=seed) for seed in (1, 2))
    assert hopper.large_launches() == 2
    assert got.tobytes() == again.tobytes(), "depends on the order of the threads"
    size = np.abs(a.astype(float)) @ np.abs(b.astype(float)) + np.abs(bias)
    error = np.abs(got - np.maximum(a.astype(float) @ b.astype(float) + bias, 0)) / size
    assert error.max() < TOLERANCE[precision]
    assert precision != "medium" or error.max() > 1e-6, "computed more than one product"


def test_batches(precision: str, hopper: CudaShim) -> None:
    a, b = operands((3, 72, 64), (3, 64, 132))
    for left, right in ((a, b), (a, b[1])):
        error = np.abs(product(hopper, left, right) - left.astype(float) @ right)
        assert error.max() < TOLERANCE[precision] * 64
    assert hopper.large_launches() == 2


def test_lines_of_results_that_are_not_aligned(precision: str, hopper: CudaShim) -> None:
    a, b = operands((130, 64), (64, 67))
    got = product(hopper, a, b, layout=(False, True))
    assert hopper.large_launches() == 1
    assert np.abs(got - a.astype(float) @ b).max() < TOLERANCE[precision] * 64


@pytest.mark.parametrize(
    ("shape", "layout"),
    [
        ((132, 60, 140), (False, False)),  # a short sum
        ((64, 100, 140), (False, False)),  # few rows
        ((132, 100, 142), (False, False)),  # lines of b that are not aligned
        ((130, 100, 140), (True, False)),  # of a
        ((132, 102, 140), (False, True)),  # of both
    ],
    ids=str,
)
def test_what_it_is_not_for(shape: tuple[int, int, int], layout: tuple[bool, bool], hopper: CudaShim) -> None:
    rows, inner, columns = shape
    a, b = operands((rows, inner), (inner, columns))
    got = product(hopper, a, b, layout=layout)
    assert hopper.large_launches() == 0
    np.testing.assert_allclose(got, a.astype(float) @ b, 1e-4, 1e-4)


def test_choices(hopper: CudaShim, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = operands((132, 100), (100, 140))

    def launches(*arrays: np.ndarray, **kwargs: Any) -> int:
        on_gpu(hopper, kernels.matmul, *arrays, **{"blocks": 1, **kwargs})
        return hopper.large_launches()

    assert launches(a, b) == 1
    assert launches(a, b, blocks=264) == 0, "tiles that do not fill the machine"
    assert launches(a.astype(float), b.astype(float)) == 0
    with monkeypatch.context() as patch:
        patch.setenv("NERVE_CUDA_WGMMA", "0")
        assert launches(a, b) == 0
        patch.setenv("NERVE_CUDA_WGMMA", "1")
        assert launches(a, b) == 1
    hopper.has_wgmma(False)
    assert launches(a, b) == 0
    hopper.has_wgmma(True)
    before = nerve.get_matmul_precision()
    nerve.set_matmul_precision("highest")
    assert launches(a, b) == 0
    nerve.set_matmul_precision(before)


def test_operands_that_begin_between_chunks(hopper: CudaShim) -> None:
    a, b = operands((133, 100), (100, 140))
    with fake_cupy.installed(hopper) as cupy:
        hopper.busy_blocks(1)
        try:
            flat = cupy.asarray(np.concatenate([np.zeros(1, np.float32), a.ravel()]))
            got = kernels.matmul(flat[1:].reshape(133, 100), cupy.asarray(b)).get()
        finally:
            hopper.busy_blocks(264)
    assert hopper.large_launches() == 0
    np.testing.assert_allclose(got, a.astype(float) @ b, 1e-4, 1e-4)


@pytest.mark.parametrize("draw", ["normal", "random"])
def test_parts_are_as_accurate_as_fma(draw: str, hopper: CudaShim) -> None:
    """Beside one chain of fused multiply-adds, root mean square: 0.8, 0.66, 0.45, 0.32 and 0.76, 0.59, 0.43, 0.31."""
    rng = np.random.default_rng(0)
    for inner in (64, 100, 256, 1000):
        a, b = (getattr(rng, draw)(size=size).astype(np.float32) for size in ((65, inner), (inner, 68)))
        want = a.astype(float) @ b.astype(float)
        chain = np.zeros_like(want, np.float32)
        for k in range(inner):
            chain = (chain + a[:, k, None].astype(float) * b[k].astype(float)).astype(np.float32)
        errors = [np.sqrt(np.mean((result - want) ** 2)) for result in (product(hopper, a, b), chain)]
        assert errors[0] < errors[1], (inner, errors)
    assert hopper.large_launches() == 4


def test_numbers_that_parts_cannot_hold(precision: str, hopper: CudaShim) -> None:
    a, b = operands((80, 64), (64, 80))
    a[3, 5], a[4, 6], a[5, 7] = np.inf, -np.inf, np.nan
    b[8, 9] = np.inf
    a[10], b[:, 11] = 0, 0
    a[10, 1], a[11, 1] = 3.4028e38, 1e35  # which rounding to tf32 makes NaN
    b[1] /= np.abs(b[1]).max()
    with np.errstate(all="ignore"):
        want = a.astype(float) @ b.astype(float)
    got = product(hopper, a, b)
    assert hopper.large_launches() == 1
    tolerance = 1e-2 if precision == "medium" else 1e-5
    np.testing.assert_allclose(got, want, tolerance, 10 * tolerance)


@pytest.mark.skipif(not fake_cupy.REAL, reason="needs a GPU")
@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_on_a_gpu(
    layout: tuple[bool, bool],
    precision: str,
    shim: CudaShim,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Enough tiles for a whole H100; where a GPU has no warpgroups that multiply, the same is asked of what it has."""
    a, b = operands((1540, 1000), (1000, 1668))
    options = {"transpose_a": layout[0], "transpose_b": layout[1]}
    results = []
    with fake_cupy.installed(shim) as cupy:
        for wanted in ("1", "1", "0"):
            monkeypatch.setenv("NERVE_CUDA_WGMMA", wanted)
            results.append(kernels.matmul(*map(cupy.asarray, turned(a, b, *layout)), **options).get())
    assert results[0].tobytes() == results[1].tobytes()
    size = np.abs(a.astype(float)) @ np.abs(b.astype(float))
    for result in results:
        assert (np.abs(result - a.astype(float) @ b) / size).max() < TOLERANCE[precision]


FAULTS = {
    "a wait missing": ("wgmma.cu", "wgmma_wait(part);", ""),
    "a wait missing, of single products": ("wgmma.cu", "            wgmma_wait(sum);\n", ""),
    "sums that are not ready": ("wgmma.cu", "wgmma_begin(part);", ""),
    "numbers that are not published": ("wgmma.cu", "        wgmma_publish();\n", ""),
    "a barrier missing": ("wgmma.cu", "            read();\n            __syncthreads();", "            read();"),
    "a barrier missing at the end": ("wgmma.cu", "__syncthreads();  // what lay there has been multiplied", ""),
    "a stage too few": ("wgmma.cu", "stage + 1 == wgmma_stages ?", "stage + 2 == wgmma_stages ?"),
    "a part left out": ("wgmma.cu", "wgmma<true>(part, a(step), b(step, Memory::part));", ""),
    "both warpgroups the same rows": ("wgmma.cu", "int(threadIdx.x) / warpgroup *", "0 *"),
    "bounds": ("wgmma.cu", "if (i < inside)", "if (true)"),
    "operands not turned": ("wgmma.cu", "of[e].of[i]", "of[i].of[e]"),
    "another swizzling": ("wgmma_index.cuh", "(index % 8))", "(index % 4))"),
    "another distance of lines": ("wgmma_index.cuh", "8 * wgmma_slice * 4 / 16", "4 * wgmma_slice * 4 / 16"),
    "results misplaced": ("wgmma_index.cuh", "i / 2 % 2 * 8", "i % 2 * 8"),
}


def all_products(gpu: CudaShim) -> None:
    a, b = operands((132, 100), (100, 72))
    before = nerve.get_matmul_precision()
    try:
        for precision, layout in itertools.product(("high", "medium"), LAYOUTS):
            nerve.set_matmul_precision(precision)
            error = np.abs(product(gpu, a, b, layout=layout) - a.astype(float) @ b)
            assert error.max() < TOLERANCE[precision] * 100
    finally:
        nerve.set_matmul_precision(before)


@pytest.mark.skipif(not compiler(), reason="needs Linux and a C++ compiler")
@pytest.mark.slow
@pytest.mark.parametrize(("file", "old", "new"), FAULTS.values(), ids=FAULTS)
def test_faults_are_found(file: str, old: str, new: str, tmp_path: Path) -> None:
    folder = copied_sources(tmp_path / "cuda", "matmul")
    source = (folder / file).read_text()
    assert source.count(old) == 1
    (folder / file).write_text(source.replace(old, new))
    faulty = CudaShim(build(tmp_path, folder))
    faulty.has_wgmma(True)
    with pytest.raises(AssertionError):
        all_products(faulty)
