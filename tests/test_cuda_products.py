"""Matrix products and convolutions on the GPU, on their sources compiled for the CPU (cuda_shim.py).

What test_cuda.py cannot say: large tiles, every precision, what tensor cores add up, numbers that a split cannot hold,
GPUs without tensor cores, and that a missing wait or barrier is found. The index maths is tried index by index.
"""

from __future__ import annotations

import itertools
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nerve
from nerve import kernels

from . import fake_cupy
from .cuda_shim import CUDA, NATIVE, ROOT, CudaShim, build, compiler
from .test_cuda import shim  # noqa: F401

BLOCKS = {"large tiles": 1, "small tiles, long sums split": 264}
#: of float32 products, relative to |a| |b|, and root mean square
TOLERANCE = {"highest": 3e-7, "high": 3e-7, "medium": 1e-3}


@pytest.fixture(params=TOLERANCE)
def precision(request: pytest.FixtureRequest) -> Iterator[str]:
    before = nerve.get_matmul_precision()
    nerve.set_matmul_precision(request.param)
    yield request.param
    nerve.set_matmul_precision(before)


def on_gpu(gpu: CudaShim, function: Any, *arrays: Any, blocks: int = 264, seed: int = 1, **kwargs: Any) -> np.ndarray:
    """The result of a kernel on arrays in the GPU's memory, for a GPU that so many blocks fill."""
    gpu.busy_blocks(blocks)
    gpu.seed(seed)
    try:
        with fake_cupy.installed(gpu) as cupy:
            result = function(*(None if array is None else cupy.asarray(array) for array in arrays), **kwargs)
            return result.get()  # type: ignore[no-any-return]
    finally:
        gpu.busy_blocks(264)


@pytest.mark.parametrize("blocks", BLOCKS.values(), ids=BLOCKS)
@pytest.mark.parametrize(("transpose_a", "transpose_b"), [*itertools.product((False, True), repeat=2)])
@pytest.mark.parametrize("shape", [(130, 70, 132), (129, 33, 131), (70, 600, 66)], ids=str)
def test_products(
    shape: tuple[int, int, int],
    transpose_a: bool,
    transpose_b: bool,
    blocks: int,
    precision: str,
    shim: CudaShim,  # noqa: F811
) -> None:
    rows, inner, columns = shape
    rng = np.random.default_rng(0)
    a, b, bias = (rng.normal(size=size).astype(np.float32) for size in ((rows, inner), (inner, columns), (columns,)))
    turned = (a.T.copy() if transpose_a else a), (b.T.copy() if transpose_b else b)
    options = {"transpose_a": transpose_a, "transpose_b": transpose_b}
    got, again = (on_gpu(shim, kernels.matmul, *turned, bias, blocks=blocks, seed=seed, **options) for seed in (1, 2))
    assert got.tobytes() == again.tobytes(), "depends on the order of the threads"
    size = np.abs(a.astype(float)) @ np.abs(b.astype(float)) + np.abs(bias)
    error = np.abs(got - (a.astype(float) @ b.astype(float) + bias)) / size
    assert error.max() < TOLERANCE[precision]
    assert precision != "medium" or error.max() > 1e-6, "computed more than one product"


@pytest.mark.parametrize("draw", ["normal", "random"])
def test_parts_are_as_accurate_as_fma(draw: str, shim: CudaShim) -> None:  # noqa: F811
    """The root mean square error of tf32 parts on tensor cores that cut off, beside the one of fused multiply-adds."""
    rng = np.random.default_rng(0)
    for inner in (8, 32, 64, 100, 256, 1000):
        a, b = (getattr(rng, draw)(size=size).astype(np.float32) for size in ((64, inner), (inner, 64)))
        want, errors = a.astype(float) @ b.astype(float), {}
        for name in ("highest", "high"):  # the second is what there was
            nerve.set_matmul_precision(name)
            errors[name] = np.sqrt(np.mean((on_gpu(shim, kernels.matmul, a, b) - want) ** 2))
        chain = np.zeros((64, 64), np.float32)
        for k in range(inner):
            chain = (chain + a[:, k, None].astype(float) * b[k].astype(float)).astype(np.float32)
        errors["one chain"] = np.sqrt(np.mean((chain - want) ** 2))
        # Cutting off costs more than rounding; from sums of 64 on, short sums more than make up for it.
        assert errors["high"] <= errors["one chain"] * (1 if inner >= 64 else 2.5), (inner, errors)


@pytest.mark.parametrize("blocks", BLOCKS.values(), ids=BLOCKS)
def test_numbers_that_parts_cannot_hold(blocks: int, precision: str, shim: CudaShim) -> None:  # noqa: F811
    rng = np.random.default_rng(0)
    a, b = (rng.normal(size=size).astype(np.float32) for size in ((80, 40), (40, 80)))
    a[3, 5], a[4, 6], a[5, 7] = np.inf, -np.inf, np.nan
    b[8, 9] = np.inf
    a[10], b[:, 11] = 0, 0
    a[10, 1] = 3.4028e38  # which tf32 rounds to infinity
    b[1] /= np.abs(b[1]).max()
    with np.errstate(all="ignore"):
        want = a.astype(float) @ b.astype(float)
    got = on_gpu(shim, kernels.matmul, a, b, blocks=blocks)
    if precision == "medium":
        want, got = want[:10], got[:10]
    np.testing.assert_allclose(
        got, want, 1e-2 if precision == "medium" else 1e-5, 0.1 if precision == "medium" else 1e-5
    )


CONVOLUTIONS: list[tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = [
    ((2, 9, 9, 72), (3, 3, 72, 68), {"padding": "same"}),
    ((2, 17, 16, 66), (3, 2, 66, 65), {"strides": 2, "padding": 1}),
    ((1, 12, 13, 68), (3, 3, 68, 72), {"strides": (3, 2), "dilation_rate": (2, 3), "padding": "same"}),
    ((2, 2, 3, 5), (1, 2, 5, 4), {"strides": 4}),  # phases without pixels
]


@pytest.mark.parametrize(("x_shape", "kernel_shape", "options"), CONVOLUTIONS, ids=str)
def test_convolutions(
    x_shape: tuple[int, ...],
    kernel_shape: tuple[int, ...],
    options: dict[str, Any],
    precision: str,
    shim: CudaShim,  # noqa: F811
) -> None:
    rng = np.random.default_rng(0)
    x, kernel = (rng.normal(size=size).astype(np.float32) for size in (x_shape, kernel_shape))
    out = kernels.conv2d(x.astype(float), kernel.astype(float), **options)
    grad = rng.normal(size=out.shape).astype(np.float32)
    calls: list[tuple[Any, tuple[np.ndarray, ...], dict[str, Any]]] = [
        (kernels.conv2d, (x, kernel), {}),
        (kernels.conv2d_backward_input, (grad, kernel), {"input_shape": x_shape}),
        (kernels.conv2d_backward_kernel, (grad, x), {"kernel_shape": kernel_shape}),
    ]
    for function, arrays, shapes in calls:
        want = function(*(array.astype(float) for array in arrays), **shapes, **options)
        got = on_gpu(shim, function, *arrays, blocks=1, **shapes, **options)
        error = np.abs(got - want).max() / np.sqrt(np.mean(want**2))
        assert error < 30 * TOLERANCE[precision], function.__name__


def copied_sources(folder: Path, *families: str) -> Path:
    """The sources of some families alone."""
    for path in (*CUDA.glob("*.cuh"), *CUDA.glob("*.h"), *(CUDA / f"{name}.cu" for name in (*families, "wgmma"))):
        folder.mkdir(exist_ok=True)
        shutil.copy(path, folder)
    return folder


def small_products(gpu: CudaShim) -> None:
    rng = np.random.default_rng(0)
    layouts = itertools.product(("float32", "float64"), (False, True), (False, True))
    for seed, (dtype, a_turned, b_turned) in enumerate(layouts):
        a, b = (rng.normal(size=size).astype(dtype) for size in ((70, 100), (100, 68)))
        options = {"transpose_a": a_turned, "transpose_b": b_turned}
        turned = (a.T.copy() if a_turned else a), (b.T.copy() if b_turned else b)
        got = on_gpu(gpu, kernels.matmul, *turned, blocks=1, seed=seed, **options)
        np.testing.assert_allclose(got, a.astype(float) @ b.astype(float), 1e-4, 1e-4)


@pytest.mark.skipif(not compiler(), reason="needs Linux and a C++ compiler")
def test_a_gpu_without_tensor_cores(tmp_path: Path) -> None:
    turing = CudaShim(build(tmp_path, copied_sources(tmp_path / "cuda", "matmul"), "NERVE_SHIM_TURING"))
    small_products(turing)
    a = np.random.default_rng(0).normal(size=(70, 100))
    np.testing.assert_allclose(on_gpu(turing, kernels.matmul, a, a.T), a @ a.T, 1e-12, 1e-12)


LAST_STEP = """                    copy_wait<stages - 2>();
                    __syncthreads();
                    read"""
FIRST_STEP = """        copy_wait<stages - 2>();
        __syncthreads();
        sums"""
FAULTS = {
    "a wait missing": ("gemm.cuh", LAST_STEP, LAST_STEP.replace("copy_wait<stages - 2>();", "")),
    "a barrier missing": ("gemm.cuh", LAST_STEP, LAST_STEP.replace("__syncthreads();", "")),
    "a wait too short": ("gemm.cuh", FIRST_STEP, FIRST_STEP.replace("stages - 2", "stages - 1")),
    "a barrier missing at the end": ("gemm.cuh", "__syncthreads();  // what lay there has been read", ""),
    "a chunk misplaced": ("multiply.cuh", "k + lane / 16 * 4)", "k + lane / 16 * 4 % 4)"),
    "a part left out": ("multiply.cuh", "mma(part[j], a_big, small[j]);", "{}"),
    "bounds": ("operands.cuh", "begin + e < m.length;", "true;"),
}


@pytest.mark.skipif(not compiler(), reason="needs Linux and a C++ compiler")
@pytest.mark.slow
@pytest.mark.parametrize(("file", "old", "new"), FAULTS.values(), ids=FAULTS)
def test_faults_are_found(file: str, old: str, new: str, tmp_path: Path) -> None:
    folder = copied_sources(tmp_path / "cuda", "matmul")
    source = (folder / file).read_text()
    assert source.count(old) == 1
    (folder / file).write_text(source.replace(old, new))
    faulty = CudaShim(build(tmp_path, folder))
    with pytest.raises(AssertionError):
        small_products(faulty)


@pytest.mark.skipif(not compiler(), reason="needs a C++ compiler")
def test_index_maths(tmp_path: Path) -> None:
    program = tmp_path / "cuda_index"
    subprocess.run(
        [*compiler(), "-std=c++17", "-O1", f"-I{ROOT / 'csrc'}", str(NATIVE / "cuda_index.cpp"), "-o", str(program)],
        check=True,
    )
    done = subprocess.run([str(program)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
