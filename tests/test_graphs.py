"""Recordings on the GPU: graphs against the same code run eagerly, on CuPy's stand-in that captures (fake_cuda.py)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

import nerve
from nerve import layers, ops
from nerve.errors import RecordingError
from nerve.kernels import _cupy
from nerve.kernels._graph import GraphRecording

from . import fake_cuda, fake_cupy
from .cuda_shim import CudaShim
from .test_cuda import ON_THE_CPU, shim  # noqa: F401 - a fixture


@pytest.fixture
def cupy(shim: CudaShim) -> Iterator[ModuleType]:  # noqa: F811
    with fake_cupy.installed(shim) as module:
        yield module


def training(cupy: ModuleType, steps: int, compiled: bool, optimizer: Callable[[], Any]) -> list[np.ndarray]:
    """The loss of every step, and the weights and the state of the optimizer at the end."""
    nerve.random.seed(11)
    rng = np.random.default_rng(0)
    model = nerve.Sequential(
        [nerve.Input((5,)), layers.Dense(6, activation="gelu"), layers.Dropout(0.3), layers.BatchNormalization(),
         layers.Dense(3)]
    ).to("cuda")  # fmt: skip
    chosen = optimizer()

    def step(x: nerve.Tensor, y: nerve.Tensor) -> nerve.Tensor:
        loss = ops.mean(ops.softmax_cross_entropy(model(x, training=True), y.array))
        chosen.apply(nerve.gradients(loss, model.trainable_variables), model.trainable_variables)
        return loss

    run = nerve.compile(step) if compiled else step
    found, others = [], []
    for i in range(steps):
        x, y = cupy.asarray(rng.normal(size=(4, 5)).astype(np.float32)), cupy.asarray(rng.integers(0, 3, 4))
        found.append(run(nerve.Tensor(x, tracked=False), nerve.Tensor(y, tracked=False)).numpy().copy())
        # Arrays of others, which come and go between the steps and lie wherever memory has become free.
        others.append(cupy.asarray(np.full((4, 6), 7, np.float32)))
        others.append(cupy.asarray(np.full((1 + i % 7, 3), 7, np.float32)))
        assert all((other.get() == 7).all() for other in others), "a launch wrote to an array of others"
        del others[: -5 - i % 3]
    if compiled:
        (entry,) = run.recorder.recordings
        assert entry.recording.runs == steps - 3, "all but four launch the graph"  # the first makes the slots
    return [*found, *model.get_weights(), *(a.get() for slots in chosen.slots.values() for a in slots)]


OPTIMIZERS = {
    "Adam": lambda: nerve.optimizers.Adam(nerve.optimizers.schedules.ExponentialDecay(0.01, 3, 0.9)),
    "Nadam": lambda: nerve.optimizers.Nadam(0.01),
    "SGD": lambda: nerve.optimizers.SGD(0.1, momentum=0.9, global_clipnorm=1.0),
}


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_a_hundred_replays_have_the_bits_of_eager_steps(optimizer: Callable[[], Any], cupy: ModuleType) -> None:
    expected = training(cupy, 100, False, optimizer)
    for got, want in zip(training(cupy, 100, True, optimizer), expected, strict=True):
        assert got.tobytes() == want.tobytes()


@ON_THE_CPU
def test_memory_of_the_graph_is_its_own(cupy: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the test above would find: with blocks of the common pool, other arrays come to lie in the graph's."""
    own = GraphRecording._allocate

    def common(recording: GraphRecording, size: int) -> Any:
        recording._pool = SimpleNamespace(malloc=fake_cuda._allocators[0])
        return own(recording, size)

    monkeypatch.setattr(GraphRecording, "_allocate", common)
    with pytest.raises(AssertionError, match="wrote to an array of others"):
        training(cupy, 20, True, OPTIMIZERS["SGD"])


@ON_THE_CPU
def test_only_numbers_that_change_are_replaced(cupy: ModuleType) -> None:
    def replaced(optimizer: nerve.Optimizer) -> int:
        weight = nerve.Variable(cupy.asarray(np.ones(3)))

        @nerve.compile
        def step(x: nerve.Tensor) -> nerve.Tensor:
            loss = ops.sum(weight * x)
            optimizer.apply(nerve.gradients(loss, [weight]), [weight])
            return loss

        before = _cupy.load().extension.replaced
        for _ in range(6):
            step(cupy.asarray(np.ones(3)))
        assert optimizer.iterations == 6
        count: int = _cupy.load().extension.replaced - before
        optimizer.learning_rate = 0.5
        was = weight.numpy().copy()
        step(cupy.asarray(np.ones(3)))
        assert not np.isclose(weight.numpy(), was - 0.1).any()
        return count

    assert replaced(nerve.optimizers.SGD(0.1)) == 0
    assert replaced(nerve.optimizers.Adam(0.1)) == 2  # in the last two steps: the first makes the slots


def test_models_replay(cupy: ModuleType, recwarn: pytest.WarningsRecorder) -> None:
    """`fit`, `evaluate` and `predict` launch graphs, of whole batches and of the last, short one."""
    model = nerve.Sequential([nerve.Input((3,)), layers.Dense(2)]).to("cuda")
    model.compile("adam", "mse", metrics=["mae"])
    x, y = np.ones((10, 3), np.float32), np.zeros((10, 2), np.float32)
    model.fit(x, y, batch_size=4, epochs=6, verbose=0)
    model.evaluate(x, y, batch_size=5, verbose=0)
    model.predict(x, batch_size=2, verbose=0)
    kept = model._recorders
    assert [entry.ready for entry in kept["train"].recordings] == [True, True]
    assert all(kept["predict"].recordings[0].recording.runs > 1 for _ in range(1))
    assert not recwarn.list
    assert kept["train"].bytes > 0
    loss = model.evaluate(x, y, verbose=0)[0]
    model.to("cpu")
    assert np.isclose(model.evaluate(x, y, verbose=0)[0], loss)
    assert isinstance(model.predict(x, verbose=0), np.ndarray)


def test_what_a_graph_cannot_hold_is_refused(cupy: ModuleType) -> None:
    x = cupy.asarray(np.ones((2, 3)))
    count = iter(range(100))
    here = np.ones((2, 3))

    def reads(t: nerve.Tensor) -> nerve.Tensor:
        return t * float(ops.sum(t))

    def reads_cupy(t: nerve.Tensor) -> nerve.Tensor:
        return t * float(t.array.sum())

    def copies(t: nerve.Tensor) -> nerve.Tensor:
        return t + nerve.Tensor(cupy.asarray(here), tracked=False)

    def counts(t: nerve.Tensor) -> nerve.Tensor:
        return t * float(next(count))

    def changes(t: nerve.Tensor) -> nerve.Tensor:
        return ops.exp(t) if next(count) % 2 else ops.tanh(t)

    def on_the_host(t: nerve.Tensor) -> nerve.Tensor:
        ops.exp(nerve.Tensor(here))
        return t

    for function, why in (
        (reads, r"float\(\) of a tensor cannot be recorded"),
        (reads_cupy, r"(?s)CUDA cannot capture what was done: .*not permitted.*in reads_cupy\n.*t.array.sum\(\)"),
        (copies, r"(?s)CUDA cannot capture what was done.*in copies"),
        (counts, r"(?s)did other things in two runs: \[multiply\] got other numbers.*in counts"),
        (changes, r"(?s)did other things in two runs: \[(exp|tanh)\] was called, and then \[(exp|tanh)\].*in changes"),
        (on_the_host, "a kernel on the CPU cannot be recorded where the inputs lie on the GPU"),
    ):
        compiled = nerve.compile(function)
        compiled(x)
        with pytest.raises(RecordingError, match=why):
            [compiled(x) for _ in range(2)]
        assert not fake_cuda._capture, "the capture has ended"
    with pytest.raises(RecordingError, match="some inputs lie on the GPU and others in the host's memory"):
        nerve.compile(lambda a, b: a)(x, here)


def test_a_layer_that_cannot_be_captured_runs_eagerly(cupy: ModuleType) -> None:
    class Reading(nerve.Layer):
        def call(self, inputs: Any) -> Any:
            return inputs * float(inputs.array.sum() > 0)

    def losses(device: str) -> list[float]:
        nerve.random.seed(2)
        model = nerve.Sequential([nerve.Input((3,)), layers.Dense(2), Reading()]).to(device)
        model.compile(nerve.optimizers.Adam(0.1), "mse", run_eagerly=device == "cpu")
        x, y = np.ones((8, 3), np.float32), np.zeros((8, 2), np.float32)
        history: list[float] = model.fit(x, y, batch_size=4, epochs=4, verbose=0).history["loss"]
        assert model.optimizer.iterations == 8
        return history

    with pytest.warns(UserWarning, match="steps are not recorded, and so run slower: CUDA cannot capture"):
        there = losses("cuda")
    np.testing.assert_allclose(there, losses("cpu"), 1e-4)


def test_indices_are_checked_in_replays(cupy: ModuleType) -> None:
    table = nerve.Variable(cupy.asarray(np.arange(8.0).reshape(4, 2)))
    look_up = nerve.compile(lambda rows: ops.take(table, rows.array, axis=0))
    for _ in range(4):
        assert look_up(cupy.asarray(np.array([1, -1]))).numpy().tolist() == [[2, 3], [6, 7]]
    with pytest.raises(IndexError, match=r"\[take\] an index is out of range for axis 0 of size 4"):
        look_up(cupy.asarray(np.array([1, 4])))
    assert look_up(cupy.asarray(np.array([0, 3]))).numpy().tolist() == [[0, 1], [6, 7]]


def test_with_every_launch_waited_for_nothing_is_captured(cupy: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    kernels = _cupy.load()
    monkeypatch.setattr(kernels, "_wait", lambda: None)
    twice = nerve.compile(lambda x: x * 2.0)
    for _ in range(4):
        assert twice(cupy.asarray(np.ones(2))).numpy().tolist() == [2, 2]
    assert not twice.recorder.recordings


def test_the_extension_has_what_graphs_need() -> None:
    cuda = pytest.importorskip("nerve._cuda", reason="built without CUDA")
    cuda.note_nodes()
    assert cuda.noted_nodes() == []
    cuda.replace_arguments(1, [])
    with pytest.raises(nerve.DeviceError, match=r"\[exp\].* not those that the graph has captured"):
        cuda.exp("float32", 0, 1, 1, 1)
    cuda.launch_again()
