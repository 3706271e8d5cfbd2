"""The CUDA kernels without a GPU: their sources compiled for the CPU (cuda_shim.py), against the reference.

Whatever a row of the op table makes of kernel calls, forward and backward, is made twice: by the reference on NumPy
arrays, and by the CUDA kernel through ``nerve.kernels._cupy``, on a stand-in for CuPy's arrays (fake_cupy.py). Then the
public functions, tensors and optimizers are called with such arrays.
"""

from __future__ import annotations

import copy
import importlib
import importlib.util
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nerve
from nerve import kernels, ops
from nerve.errors import DeviceError, DTypeError
from nerve.kernels import _backend, _cupy, reference
from nerve.kernels.shapes import METRICS, DistanceShape, RecurrentShape

from . import fake_cupy, op_table
from .cuda_shim import CUDA, CudaShim, build, compiler, families
from .op_table import VALUE_TOLERANCE, Op
from .test_grad import evaluate, map_floats
from .test_ops import change, flat, results, samples, with_dtype

LARGEST = 20_000  # elements of a sample that is also differentiated
ROWS = {module.__name__.rpartition(".")[2]: module.ROWS for module in op_table.FAMILIES}


ON_THE_CPU = pytest.mark.skipif(fake_cupy.REAL, reason="of the kernels compiled for the CPU")


def on_device(arguments: tuple[Any, ...]) -> tuple[tuple[Any, ...], list[fake_cupy.ndarray]]:
    """The arguments of a kernel with copies of their arrays, and these. Sizes of a list's arrays stay as they are."""
    arrays: list[fake_cupy.ndarray] = []
    lists = any(isinstance(argument, list) for argument in arguments)

    def convert(argument: Any, here: bool) -> Any:
        if isinstance(argument, list):
            return [convert(item, False) for item in argument]
        if here or not isinstance(argument, np.ndarray):
            return argument
        arrays.append(fake_cupy.asarray(argument))
        return arrays[-1]

    return tuple(convert(argument, lists) for argument in arguments), arrays


class Comparison:
    """Stands in for ``nerve._cpu``: answers with the reference's results, having compared a family's CUDA kernels."""

    def __init__(self, shim: CudaShim, family: str) -> None:
        self.shim, self.family = shim, family
        self.cuda = _cupy.CudaKernels(shim, lambda: 0, allocate=lambda size: fake_cupy.empty(size, np.uint8))
        self.tolerance = 1.0
        self.compared: set[str] = set()

    @staticmethod
    def empty(shape: tuple[int, ...], dtype: np.dtype[Any]) -> np.ndarray:
        """Filled with NaN or -1, so that whoever reads it is found out."""
        return np.full(int(np.prod(shape)) * dtype.itemsize, 0xFF, np.uint8).view(dtype).reshape(shape)

    def __getattr__(self, name: str) -> Any:
        if self.shim.kernels.get(name) != self.family:
            return getattr(reference, name)
        return lambda *arguments: self.compare(name, arguments)

    def compare(self, name: str, arguments: tuple[Any, ...]) -> None:
        runs = []
        for seed in (1, 2):  # two orders of the threads
            self.shim.seed(seed)
            converted, arrays = on_device(arguments)
            getattr(self.cuda, name)(*converted)
            wrong = fake_cupy.written_outside()
            assert not wrong, f"{name} wrote {wrong}"
            runs.append(arrays)
        getattr(reference, name)(*arguments)
        for one, other, want in zip(*runs, _originals(arguments), strict=True):
            assert one.get().tobytes() == other.get().tobytes(), f"{name} depends on the order of its threads"
            if want.dtype.kind == "f":
                rtol, atol = (t * self.tolerance for t in VALUE_TOLERANCE[want.dtype.name])
                np.testing.assert_allclose(one.get(), want, rtol, atol, err_msg=f"{name}, {arguments[-1]}")
            else:
                np.testing.assert_array_equal(one.get(), want, err_msg=name)
        self.compared.add(name)


def _originals(arguments: tuple[Any, ...]) -> list[np.ndarray]:
    if any(isinstance(argument, list) for argument in arguments):
        return [item for argument in arguments if isinstance(argument, list) for item in argument]
    return [argument for argument in arguments if isinstance(argument, np.ndarray)]


@pytest.fixture(scope="session")
def shim(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> CudaShim:
    if fake_cupy.REAL:
        return importlib.import_module("nerve._cuda")  # type: ignore[return-value]  # which nothing asks for more
    if not compiler():
        pytest.skip("needs Linux and a C++ compiler")
    cache = getattr(request.config, "cache", None)
    return CudaShim(build(cache.mkdir("cuda_shim") if cache else tmp_path_factory.mktemp("cuda_shim")))


def differentiate(op: Op, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Run the backward kernels of a call; the comparison watches them."""
    tensors: list[nerve.Tensor] = []

    def track(x: np.ndarray) -> nerve.Tensor:
        tensors.append(nerve.Tensor(np.asarray(x)))
        return tensors[-1]

    output = evaluate(op, map_floats(args, track), kwargs)
    if output.dtype.kind == "f":
        weights = np.linspace(-1, 1, output.size).reshape(output.shape).astype(output.dtype)
        nerve.gradients(ops.sum(output * weights), tensors)


def packed_products(dtype: str) -> None:
    rng = np.random.default_rng(0)
    a, b, bias = (rng.normal(size=size).astype(dtype) for size in ((5, 7), (7, 9), (9,)))
    kernels.matmul(a, kernels.pack(b), bias, activation="relu")
    kernels.matmul(a, kernels.pack(b.T.copy(), transpose_b=True))


# Kernels whose arguments are no plain arrays, so that no row of the table can hold them.
BESIDE_THE_TABLE = {"matmul": (packed_products,)}


@ON_THE_CPU
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("family", families())
@np.errstate(all="ignore")
def test_family(family: str, dtype: str, shim: CudaShim, monkeypatch: pytest.MonkeyPatch) -> None:
    comparison = Comparison(shim, family)
    monkeypatch.setattr(_backend, "_cpu", comparison)
    for op in ROWS[family]:
        # Sums of 27 products in the order of the tensor cores' tiles: off by 1.7e-6 where the CPU's are by 1e-6.
        comparison.tolerance = op.tolerance * (2.0 if family == "conv" else 1.0)
        for sample in samples(op):
            args = change(sample.args, lambda x: x.astype(dtype))
            kwargs = with_dtype(change(sample.kwargs, lambda x: x.astype(dtype)), dtype)
            if op.gradient and sum(array.size for array in flat(args)) <= LARGEST:
                differentiate(op, args, kwargs)
            elif hasattr(kernels, op.name):
                getattr(kernels, op.name)(*args, **kwargs)
    for call in BESIDE_THE_TABLE.get(family, ()):
        call(dtype)
    expected = {name for name, family_of in shim.kernels.items() if family_of == family}
    assert comparison.compared == expected, "every kernel of the family is called by some row"


@pytest.mark.parametrize("family", families())
@np.errstate(all="ignore")
def test_public_functions_take_arrays_on_the_gpu(family: str, shim: CudaShim) -> None:
    """Values and gradients of every row as the reference gives them, on arrays that NumPy refuses to read."""
    computed = 0
    for op in ROWS[family]:
        rtol, atol = (tolerance * op.tolerance for tolerance in VALUE_TOLERANCE["float64"])
        for sample in samples(op):
            kwargs = with_dtype(sample.kwargs, "float64")
            if not hasattr(kernels, op.name) or not any(array.ndim for array in flat(sample.args)):
                continue
            if sum(array.size for array in flat(sample.args)) > 2000:
                continue  # test_family has the large ones
            with nerve.backend("reference"):
                expected = results(op, change(sample.args, np.copy), copy.deepcopy(kwargs))
            with fake_cupy.installed(shim) as cupy:
                outcome = results_on_gpu(op, sample.args, kwargs, cupy)
            for got, want in zip(outcome, expected, strict=True):
                np.testing.assert_allclose(got, want, rtol, atol, err_msg=f"{op.name}{sample}")
            computed += 1
            if op.gradient:
                np.testing.assert_allclose(
                    gradient_on_gpu(op, sample.args, kwargs, shim), gradient(op, sample.args, kwargs), 1e-11, 1e-11
                )
    assert computed or family == "random", "some row has arrays"


def moved(value: Any, cupy: Any) -> Any:
    """Arrays, also in lists, on the GPU; numbers and tuples of sizes as they are."""
    if isinstance(value, (list, tuple)):
        return type(value)(moved(item, cupy) for item in value)
    return cupy.asarray(value) if isinstance(value, np.ndarray) else value


def results_on_gpu(op: Op, args: tuple[Any, ...], kwargs: dict[str, Any], cupy: Any) -> list[np.ndarray]:
    args = moved(args, cupy)
    returned = getattr(kernels, op.name)(*args, **{name: moved(value, cupy) for name, value in kwargs.items()})
    found = [
        *arrays_in(returned),
        *(a for position in op.in_place if position < len(args) for a in arrays_in(args[position])),
    ]
    assert all(isinstance(array, cupy.ndarray) for array in found), f"{op.name} gives an array in the host's memory"
    return [array.get() for array in found]


def arrays_in(value: Any) -> list[Any]:
    if value is None:
        return []
    return [array for item in value for array in arrays_in(item)] if isinstance(value, (list, tuple)) else [value]


def gradient(op: Op, args: tuple[Any, ...], kwargs: dict[str, Any], move: Callable[[Any], Any] = lambda x: x) -> Any:
    """The gradients of a weighted sum of a row's output, one after the other."""
    tensors: list[nerve.Tensor] = []

    def track(x: Any) -> nerve.Tensor:
        tensors.append(nerve.Tensor(move(np.asarray(x))))
        return tensors[-1]

    others = change_integers(args, move)
    output = evaluate(op, map_floats(others, track), kwargs)
    if output.dtype.kind != "f":
        return np.zeros(0)
    weights = move(np.linspace(-1, 1, output.size).reshape(output.shape))
    found = nerve.gradients(ops.sum(output * weights), tensors)
    return np.concatenate([nerve.Tensor(g).numpy().ravel() for g in found]) if found else np.zeros(0)


def change_integers(value: Any, move: Callable[[Any], Any]) -> Any:
    if isinstance(value, (list, tuple)):
        return type(value)(change_integers(item, move) for item in value)
    return move(value) if isinstance(value, np.ndarray) and value.dtype.kind in "iub" else value


def gradient_on_gpu(op: Op, args: tuple[Any, ...], kwargs: dict[str, Any], shim: CudaShim) -> np.ndarray:
    with fake_cupy.installed(shim) as cupy:
        found: np.ndarray = gradient(op, args, kwargs, cupy.asarray)
    return found


def test_training_on_the_gpu(shim: CudaShim) -> None:
    """Tensors, gradients and an optimizer step by step as on the CPU; only numbers and shapes leave the device."""

    def losses(move: Callable[[Any], Any]) -> list[float]:
        rng = np.random.default_rng(0)
        x, y = move(rng.normal(size=(12, 5))), move(rng.integers(0, 3, 12))
        weights = [nerve.Variable(move(rng.normal(size=shape))) for shape in ((5, 8), (8,), (8, 3), (3,))]
        table = nerve.Variable(move(rng.normal(size=(4, 5))))
        optimizer = nerve.optimizers.Adam(learning_rate=0.1, clipnorm=1.0)
        found = []
        for _ in range(5):
            hidden = ops.dense(
                nerve.Tensor(x, tracked=False) + ops.take(table, y, axis=0), *weights[:2], activation="relu"
            )
            loss = ops.mean(ops.softmax_cross_entropy(ops.dense(hidden, *weights[2:]), y))
            optimizer.apply(nerve.gradients(loss, [*weights, table]), [*weights, table])
            found.append(loss.item())
        assert repr(weights[1]).startswith("Variable([")
        return [*found, *weights[0].numpy().ravel()]

    with fake_cupy.installed(shim) as cupy:
        on_gpu = losses(cupy.asarray)
    np.testing.assert_allclose(on_gpu, losses(np.asarray), 1e-10, 1e-10)


def test_to_device(shim: CudaShim) -> None:
    host = np.arange(6.0).reshape(2, 3)
    assert nerve.to_device(host, "cpu") is host
    with fake_cupy.installed(shim) as cupy:
        there = nerve.to_device(host, "cuda")
        assert isinstance(there, cupy.ndarray)
        assert nerve.to_device(there, "cuda") is there
        np.testing.assert_array_equal(nerve.to_device(there, "cpu"), host)
    with pytest.raises(ValueError, match=r"\[to_device\] expects 'cpu' or 'cuda', got 'tpu'"):
        nerve.to_device(host, "tpu")
    with pytest.raises(DTypeError, match=r"\[to_device\] expects an array of numbers, got dtype"):
        nerve.to_device(["a"], "cpu")


def test_nothing_moves_between_devices_by_itself(shim: CudaShim) -> None:
    host = np.ones((2, 3))
    with fake_cupy.installed(shim) as cupy:
        x = cupy.asarray(host)
        assert (kernels.add(x, 1).get() == 2).all(), "a number has no device"
        for call in (
            lambda: kernels.add(x, host),
            lambda: kernels.where(x > 0, x, host),
            lambda: kernels.take(x, [0, 1]),
            lambda: kernels.softmax_cross_entropy(x, np.array([0, 1])),
            lambda: kernels.exp(x, out=host.copy()),
            lambda: ops.matmul(nerve.Tensor(x), nerve.Tensor(host.T)),
            lambda: nerve.Variable(x).assign(host),
        ):
            with pytest.raises(DeviceError, match=r"cupy.asarray"):
                call()
        with nerve.backend("reference"), pytest.raises(DeviceError, match="computes on NumPy arrays"):
            kernels.exp(x)
        step = nerve.compile(lambda y: ops.exp(nerve.Tensor(x)))
        step(host)  # as it is; the next call is recorded
        with pytest.raises(nerve.RecordingError, match="on the GPU cannot be recorded"):
            step(host)


@ON_THE_CPU
@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("common.cuh", "        __syncthreads();\n        value =", "        value ="),
        ("reduce.cu", "    __syncthreads();\n    if (group > 0", "    if (group > 0"),
        ("reduce.cu", "    if (row >= rows) return;", "    if (row >= rows || row_lane<width>() > 7) return;"),
        ("reduce.cu", "Item of[threads / warp][warp]", "Item of[threads / warp - 1][warp]"),
        ("reduce.cu", "if (group > 0 || column >= inner) return;", "if (group > 0) return;"),
    ],
    ids=["a barrier missing in a row", "a barrier missing in a column", "lanes missing", "shared memory", "bounds"],
)
def test_faults_are_found(file: str, old: str, new: str, tmp_path: Path, shim: CudaShim) -> None:
    """What the comparison is for: it fails when a barrier, a lane, or a bound is taken from a kernel."""
    sums(Comparison(shim, "reduce"))
    folder = tmp_path / "cuda"
    folder.mkdir()
    for name in ("common.cuh", "math.cuh", "instantiate.cuh", "kernels.h", "reduce.cu", "wgmma.cu"):
        shutil.copy(CUDA / name, folder)
    source = (folder / file).read_text()
    assert source.count(old) == 1
    (folder / file).write_text(source.replace(old, new))
    faulty = Comparison(CudaShim(build(tmp_path, folder)), "reduce")

    with pytest.raises(AssertionError):
        sums(faulty)


@ON_THE_CPU
@pytest.mark.parametrize(
    ("family", "file", "old"),
    [
        ("norm", "moments.cuh", "__syncthreads();"),
        ("kmeans", "kmeans_assign.cuh", "__syncthreads();"),
        ("kmeans", "kmeans_sums.cuh", "__syncthreads();  // the rows before have been read"),
        ("distance", "pairs.cuh", "__syncthreads();  // slice i has arrived, and all have read the one before"),
        ("recurrent", "recurrent_step.cuh", "__syncthreads();  // what lay there has been read"),
    ],
)
def test_missing_barriers_are_found(family: str, file: str, old: str, tmp_path: Path, shim: CudaShim) -> None:
    CALLS[family](Comparison(shim, family))
    folder = tmp_path / "cuda"
    folder.mkdir()
    for name in (f"{family}.cu", "wgmma.cu"):
        shutil.copy(CUDA / name, folder)
    source = (CUDA / file).read_text()
    assert source.count(old) == 1
    (folder / file).write_text(source.replace(old, ""))
    faulty = Comparison(CudaShim(build(tmp_path, folder)), family)

    with pytest.raises(AssertionError):
        CALLS[family](faulty)


def normalize(comparison: Comparison) -> None:
    x = np.random.default_rng(0).normal(size=(300, 17))
    numbers = [np.full(17, np.nan) for _ in range(2)]
    comparison.batch_norm_training(np.full_like(x, np.nan), *numbers, x, None, None, *x.shape, 1e-3)


def cluster(comparison: Comparison) -> None:
    rng = np.random.default_rng(0)
    x, centers = rng.normal(size=(300, 40)), rng.normal(size=(50, 40))
    sums, totals = np.full_like(centers, np.nan), np.full(50, np.nan)
    # No distances, which would look up wrong labels.
    arrays = (np.full(300, -1, np.int32), None, sums, totals, x, None, centers)
    comparison.kmeans_assign(*arrays, *x.shape, len(centers))


def measure(comparison: Comparison) -> None:
    x, y = np.random.default_rng(0).normal(size=(2, 100, 40))
    comparison.pairwise_distances(np.full((100, 100), np.nan), x, y, DistanceShape(100, 100, 40, METRICS["euclidean"]))


def recur(comparison: Comparison) -> None:
    rng = np.random.default_rng(0)
    batch, time, features, units = 3, 2, 150, 20
    arrays = [rng.normal(size=size) / 9 for size in ((batch, time, features), (features, 80), (units, 80))]
    out, state, cell = np.full((batch, time, units), np.nan), *np.full((2, batch, units), np.nan)
    comparison.lstm(out, state, cell, None, *arrays, None, None, None, RecurrentShape(batch, time, features, units, 0))


CALLS = {"norm": normalize, "kmeans": cluster, "distance": measure, "recurrent": recur}


def sums(comparison: Comparison) -> None:
    x = np.random.default_rng(0).normal(size=(3, 3000))
    comparison.tolerance = 100.0
    comparison.sum(np.full(3, np.nan), x, 3, 3000, 1)
    comparison.sum(np.full(3, np.nan), x[:, :100].copy(), 3, 100, 1)
    comparison.sum(np.full((3, 30), np.nan), x.reshape(3, 100, 30), 3, 100, 30)
    comparison.sum(np.full((1, 3), np.nan), x.T.reshape(1, 3000, 3).copy(), 1, 3000, 3)


class Recorder:
    """An extension that only notes what it is called with."""

    def __init__(self, *names: str) -> None:
        self.calls: list[tuple[Any, ...]] = []
        for name in names:
            setattr(self, name, lambda *arguments, name=name: self.calls.append((name, *arguments)))


@ON_THE_CPU
def test_arrays_become_addresses() -> None:
    recorder = Recorder("softmax", "sgd_step")
    cuda = _cupy.CudaKernels(recorder, lambda: 99)
    x, y = fake_cupy.asarray(np.ones((2, 3))), fake_cupy.asarray(np.ones((2, 3)))
    empty = fake_cupy.asarray(np.ones((0, 3)))
    cuda.softmax(y, x, 2, 3)
    cuda.softmax(y, empty, 0, 3)
    p, g, sizes = fake_cupy.asarray(np.ones(4, np.float32)), fake_cupy.asarray(np.ones(4, np.float32)), np.array([4])
    cuda.sgd_step([p], None, [g], sizes, 1, 0.1, 0.0, False, 0.0)
    assert recorder.calls == [
        ("softmax", "float64", 99, y.data.ptr, x.data.ptr, 2, 3),
        ("softmax", "float64", 99, y.data.ptr, None, 0, 3),
        ("sgd_step", "float32", 99, [p.data.ptr], None, [g.data.ptr], sizes.ctypes.data, 1, 0.1, 0.0, False, 0.0),
    ]


@ON_THE_CPU
def test_arrays_that_do_not_fit() -> None:
    cuda = _cupy.CudaKernels(Recorder("softmax"), lambda: 0)
    x, y = fake_cupy.asarray(np.ones((2, 3))), fake_cupy.asarray(np.ones((2, 3), np.float32))
    with pytest.raises(DeviceError, match=r"\[softmax\] got NumPy and CuPy arrays in one call"):
        cuda.softmax(np.ones((2, 3)), x, 2, 3)
    with pytest.raises(DeviceError, match="one call"):  # integers too, where no list has sizes
        cuda.softmax(x, np.ones(3, np.int64), 2, 3)
    with pytest.raises(DTypeError, match=r"\[softmax\] expects arrays of float32 or of float64"):
        cuda.softmax(x, y, 2, 3)
    with pytest.raises(DTypeError, match="float16"):
        cuda.softmax(fake_cupy.asarray(np.ones(3, np.float16)), 1, 3)
    x = fake_cupy.asarray(np.ones((4, 4)))[:, :2]
    with pytest.raises(TypeError, match=r"\[softmax\] expects C-contiguous arrays"):
        cuda.softmax(x, x, 2, 3)
    with pytest.raises(DeviceError, match=r"\[lstm\] has no CUDA kernel"):
        cuda.lstm(x)


def test_status_gives_a_reason() -> None:
    if importlib.util.find_spec("nerve._cuda") is None:
        assert "built without CUDA" in nerve.gpu.status()
    else:
        assert any(word in nerve.gpu.status() for word in ("driver", "GPU", "device"))


@ON_THE_CPU
def test_extension_without_a_gpu(shim: CudaShim) -> None:
    """It imports, has every kernel, and a launch names the op and says what is missing."""
    cuda = pytest.importorskip("nerve._cuda", reason="built without CUDA")
    assert set(dir(cuda)) >= set(shim.kernels)
    if cuda.device_count() > 0:
        pytest.skip("this machine has a GPU")
    with pytest.raises(DeviceError, match=r"\[softmax\] could not be launched on the GPU: no NVIDIA"):
        cuda.softmax("float32", 0, 1, 1, 2, 3)
    with pytest.raises(TypeError, match="incompatible function arguments"):
        cuda.softmax("float32", 0, 1.5, 1, 2, 3)
    with pytest.raises(DTypeError, match=r"\[softmax\] expects float32 or float64, got float16"):
        cuda.softmax("float16", 0, 1, 1, 2, 3)
    for attempt in (_cupy.load, lambda: nerve.to_device(np.ones(3), "cuda")):
        with pytest.raises(DeviceError, match=r"\[gpu\] cannot be used: "):
            attempt()
