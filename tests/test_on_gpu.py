"""Models on a GPU, without one: CuPy's stand-in and the CUDA kernels compiled for the CPU (fake_cupy.py).

The same model is trained from the same start on both devices; what comes out must be the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import nerve
from nerve import layers, metrics
from nerve.errors import DeviceError

from . import fake_cupy
from .cuda_shim import CudaShim
from .test_cuda import ON_THE_CPU, shim  # noqa: F401 - a fixture

Made = Callable[[], nerve.Model]


@pytest.fixture
def cupy(shim: CudaShim) -> Iterator[ModuleType]:  # noqa: F811
    with fake_cupy.installed(shim) as module:
        yield module


def mlp() -> nerve.Model:
    return nerve.Sequential(
        [
            nerve.Input((6,)),
            layers.Dense(8, activation="relu", kernel_regularizer="l2"),
            layers.BatchNormalization(),
            layers.Dropout(0.25),
            layers.Dense(3, activation="softmax", kernel_constraint="max_norm"),
        ]
    )


def lenet() -> nerve.Model:
    return nerve.Sequential(
        [
            nerve.Input((8, 8, 1)),
            layers.Rescaling(0.5),
            layers.Conv2D(3, 3, padding="same", activation="tanh"),
            layers.AveragePooling2D(2),
            layers.Conv2D(4, 3),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(3),
        ]
    )


def lstm() -> nerve.Model:
    return nerve.Sequential(
        [
            nerve.Input((5,), dtype="int64"),
            layers.Embedding(7, 4),
            layers.LSTM(6, return_sequences=True),
            layers.GRU(4, recurrent_dropout=0.2),
            layers.LayerNormalization(),
            layers.Dense(3, activation="softmax"),
        ]
    )


def data(model: nerve.Model, n: int = 22) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    shape = (n, *model.inputs[0].shape[1:])
    whole = model.inputs[0].dtype.startswith("int")
    x = rng.integers(0, 7, shape) if whole else rng.normal(size=shape).astype(np.float32)
    return x, rng.integers(0, 3, n)


def trained(make: Made, device: str, move: Callable[[Any], Any] = lambda x: x, **options: Any) -> tuple[Any, Any, Any]:
    """Losses and metrics of every epoch and of an evaluation, the predictions, and the weights after a training."""
    nerve.random.seed(3)
    model = make().to(device)
    x, y = data(model)
    logits = not np.isclose(model.predict(move(x), verbose=0)[0].sum().item(), 1)
    loss = nerve.losses.SparseCategoricalCrossentropy(from_logits=logits)
    model.compile("adam", loss, metrics=["accuracy"], **options)
    history = model.fit(move(x), move(y), batch_size=8, epochs=3, verbose=0, validation_split=0.25).history
    numbers = [
        *(value for values in history.values() for value in values),
        *model.evaluate(move(x), move(y), verbose=0),
    ]
    return np.array(numbers), model.predict(move(x), verbose=0), model.get_weights()


@pytest.mark.parametrize("make", [mlp, lenet, lstm])
@pytest.mark.parametrize("resident", [False, True], ids=["batches moved", "data on the GPU"])
def test_training_is_that_of_the_cpu(make: Made, resident: bool, cupy: ModuleType) -> None:
    expected = trained(make, "cpu")
    numbers, predictions, weights = trained(make, "cuda", cupy.asarray if resident else lambda x: x)
    assert isinstance(predictions, cupy.ndarray if resident else np.ndarray)
    np.testing.assert_allclose(numbers, expected[0], 1e-4, 1e-5)
    np.testing.assert_allclose(predictions.get() if resident else predictions, expected[1], 1e-4, 1e-5)
    for one, other in zip(weights, expected[2], strict=True):
        np.testing.assert_allclose(one, other, 1e-4, 1e-5)


@ON_THE_CPU
def test_nothing_waits_for_a_step(cupy: ModuleType) -> None:
    """How often a pass reads a value from the GPU does not depend on how many batches it has."""

    def waits(batch_size: int) -> int:
        model = mlp().to("cuda")
        x, y = map(cupy.asarray, data(model))
        model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"], run_eagerly=True)
        before = fake_cupy.waited()
        model.fit(x, y, batch_size=batch_size, epochs=1, verbose=0)
        return fake_cupy.waited() - before

    assert waits(2) == waits(11)


def test_wrong_values_are_said_after_the_pass(cupy: ModuleType) -> None:
    model = lstm().to("cuda")
    model.compile("sgd", "sparse_categorical_crossentropy")
    x, y = data(model)
    with pytest.raises(IndexError, match=r"\[take\] an index is out of range for axis 0 of size 7"):
        model.predict(np.where(np.arange(5) == 2, 7, x), verbose=0)
    model.predict(x, verbose=0)  # said once

    def batches(y: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        yield from ((x[i : i + 8], y[i : i + 8]) for i in range(0, 16, 8))

    with pytest.raises(ValueError, match=r"label is out of range \[0, 3\)"):
        model.fit(batches(np.where(np.arange(22) == 12, 3, y)), verbose=0)
    with pytest.raises(ValueError, match="holds label 3"):  # of arrays before the first step
        model.fit(cupy.asarray(x), cupy.asarray(np.where(y == 2, 3, y)), verbose=0)
    with pytest.raises(ValueError, match="y_true holds NaN, the first at index"):  # of a call of one's own at once
        nerve.losses.MeanSquaredError()(cupy.asarray(np.array([[np.nan]])), cupy.asarray(np.ones((1, 1))))


def test_where_weights_are_made(cupy: ModuleType) -> None:
    assert nerve.get_device() == "cpu"
    with nerve.device("cuda"):
        model = nerve.Sequential([layers.Dense(3), layers.Dense(2)])
        recurrent = layers.LSTM(2, stateful=True)
        with nerve.device("cpu"):
            here = layers.Dense(2)
            here.build((None, 4))
    model.build((None, 4))  # later, elsewhere
    recurrent.build((5, 4, 3))
    assert all(isinstance(v.array, cupy.ndarray) for v in model.weights)
    assert isinstance(recurrent.states[0], cupy.ndarray)
    assert isinstance(here.kernel.array, np.ndarray)
    assert model.to("cpu") is model
    assert all(isinstance(v.array, np.ndarray) for v in model.weights)
    assert isinstance(recurrent.to("cpu").states[0], np.ndarray)
    nerve.set_device("cuda")
    try:
        assert nerve.get_device() == "cuda"
        assert isinstance(lenet().weights[0].array, cupy.ndarray)
    finally:
        nerve.set_device("cpu")
    for call in (nerve.set_device, lambda name: nerve.device(name).__enter__(), model.to):
        with pytest.raises(ValueError, match="expects 'cpu' or 'cuda', got 'tpu'"):
            call("tpu")


def test_there_and_back(cupy: ModuleType, tmp_path: Path) -> None:
    """A model trains on where it was left, on another device, and after a file."""
    pytest.importorskip("safetensors")

    def numbers(*devices: str, file: bool = False) -> np.ndarray:
        nerve.random.seed(5)
        model = mlp()
        model.compile(nerve.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
        x, y = data(model)
        for device in devices:
            model.to(device)
            model.fit(x, y, batch_size=8, verbose=0, shuffle=False)
            slots = model.optimizer.slots["momentum"]
            assert all(isinstance(slot, cupy.ndarray if device == "cuda" else np.ndarray) for slot in slots)
            if file:
                model.save(tmp_path / "model.nerve")
                model.save_weights(tmp_path / "model.safetensors")
                model = nerve.models.load_model(tmp_path / "model.nerve")
                model.to(device).load_weights(tmp_path / "model.safetensors")
        assert all(isinstance(w, np.ndarray) for w in model.get_weights())
        model.set_weights(model.get_weights())
        return np.concatenate([w.ravel() for w in model.get_weights()])

    expected = numbers("cpu", "cpu", "cpu")
    np.testing.assert_allclose(numbers("cuda", "cpu", "cuda"), expected, 1e-4, 1e-5)
    np.testing.assert_allclose(numbers("cuda", "cuda", "cuda", file=True), expected, 1e-4, 1e-5)
    with nerve.device("cuda"):
        loaded = nerve.models.load_model(tmp_path / "model.nerve")
    assert isinstance(loaded.weights[0].array, cupy.ndarray)
    assert isinstance(loaded.optimizer.slots["momentum"][0], cupy.ndarray)


def test_adapted_at_low_rank(cupy: ModuleType, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(12, 6)).astype(np.float32), rng.normal(size=(12, 2)).astype(np.float32)
    found = []
    for device in ("cpu", "cuda"):
        nerve.random.seed(0)
        model = nerve.Sequential([nerve.Input((6,)), layers.Dense(4, "tanh", lora_rank=2), layers.Dense(2)]).to(device)
        model.layers[-1].enable_lora(1, b_initializer="ones")
        model.compile("adam", "mse", steps_per_execution=2)
        model.fit(x, y, batch_size=4, epochs=3, shuffle=False, verbose=0)
        model.save_weights(tmp_path / f"{device}.safetensors")
        model.load_weights(tmp_path / f"{device}.safetensors")
        found.append([*model.get_weights(), model.predict(x, verbose=0)])
    for ours, expected in zip(found[1], found[0], strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-5)


def test_arrays_elsewhere_are_refused(cupy: ModuleType) -> None:
    model = mlp()
    model.compile("sgd", "sparse_categorical_crossentropy")
    x, y = data(model)
    for call in (model.predict, lambda x: model.fit(x, y, verbose=0), model.predict_on_batch):
        with pytest.raises(DeviceError, match=r"got x on the GPU.*model.to\(\"cuda\"\)"):
            call(cupy.asarray(x))
    model.to("cuda")
    with pytest.raises(DeviceError, match=r"\(Dense\)\] \[matmul\] got CuPy.*beside them, ndarray.*cupy.asarray"):
        model(x)
    assert isinstance(model(cupy.asarray(x)).array, cupy.ndarray)
    assert isinstance(model.predict_on_batch(x), np.ndarray)
    assert isinstance(model.predict_on_batch(cupy.asarray(x)), cupy.ndarray)
    results = [model.train_on_batch(x, y), model.test_on_batch(x, y, return_dict=True)["loss"]]
    assert all(isinstance(result, float) for result in results)


def test_lbfgs_works_on_the_cpu_alone(cupy: ModuleType) -> None:
    model = nerve.Sequential([nerve.Input((2,)), layers.Dense(1)]).to("cuda")
    model.compile("lbfgs", "mse")
    with pytest.raises(DeviceError, match=r"\[LBFGS\] works in the host's memory, and variable 'kernel' is on the GPU"):
        model.fit(np.ones((4, 2), np.float32), np.ones((4, 1), np.float32), verbose=0)


def test_metrics(cupy: ModuleType) -> None:
    """Those that kernels compute stay on the GPU; the others get copies."""
    rng = np.random.default_rng(0)
    y = (rng.random((9, 3)) > 0.5).astype(np.float32)
    p, w = rng.random((9, 3)).astype(np.float32), rng.random(9).astype(np.float32)
    made: list[Callable[[], nerve.Metric]] = [
        metrics.AUC, metrics.BinaryAccuracy, metrics.CategoricalAccuracy, metrics.MeanSquaredError, metrics.F1Score,
        metrics.Precision, lambda: metrics.Recall(top_k=2), metrics.R2Score, metrics.TopKCategoricalAccuracy,
        lambda: metrics.OneHotIoU(3, [0, 2]),
    ]  # fmt: skip
    for make in made:
        there, here = make(), make()
        weighted = () if isinstance(here, metrics.R2Score) else (w,)
        for _ in range(2):
            here.update_state(y, p, *weighted)
            there.update_state(cupy.asarray(y), cupy.asarray(p), *map(cupy.asarray, weighted))
        np.testing.assert_allclose(there.result(), here.result(), 1e-5, err_msg=here.name)
        there.reset_state()
    total = metrics.Sum()
    total.update_state(cupy.asarray(y), cupy.asarray(w[:, None]))
    np.testing.assert_allclose(total.result(), (y * w[:, None]).sum(), 1e-5)


def test_weights_of_samples_and_classes(cupy: ModuleType) -> None:
    def losses(move: Callable[[Any], Any], device: str) -> list[float]:
        nerve.random.seed(1)
        model = mlp().to(device)
        model.compile("sgd", "sparse_categorical_crossentropy", weighted_metrics=["accuracy"])
        x, y = data(model)
        weights = np.linspace(0, 1, len(y))
        history = model.fit(
            move(x), move(y), sample_weight=move(weights), class_weight={1: 2.0}, epochs=2, verbose=0, shuffle=False
        )
        return [*history.history["loss"], *history.history["accuracy"]]

    np.testing.assert_allclose(losses(cupy.asarray, "cuda"), losses(np.asarray, "cpu"), 1e-5)
    np.testing.assert_allclose(losses(np.asarray, "cuda"), losses(np.asarray, "cpu"), 1e-5)


def test_the_guilty_launch_is_found(cupy: ModuleType) -> None:
    """NERVE_CUDA_SYNC=1: an error that the GPU reports late is said where it was made."""
    waited = []

    def wait() -> None:
        waited.append(True)
        if len(waited) == 2:
            raise RuntimeError("an illegal memory access was encountered")

    class Launchers:
        def exp(self, *_: Any) -> None: ...

    from nerve.kernels._cupy import CudaKernels

    kernels = CudaKernels(Launchers(), lambda: 0, wait)
    x = cupy.asarray(np.ones((2, 3)))
    kernels.exp(x, x, 6)
    with pytest.raises(DeviceError, match=r"\[exp\] failed on the GPU, .*shapes \[\(2, 3\), .*illegal memory"):
        kernels.exp(x, x, 6)


def test_without_a_gpu_the_reason_is_said() -> None:
    if nerve.gpu.status()[0].isdigit():
        pytest.skip("this machine has a GPU")
    for call in (lambda: mlp().to("cuda"), lambda: nerve.set_device("cuda"), lambda: nerve.device("cuda").__enter__()):
        with pytest.raises(DeviceError, match=r"\[gpu\] cannot be used: (no NVIDIA|nerve was built without CUDA)"):
            call()
    assert nerve.get_device() == "cpu"
