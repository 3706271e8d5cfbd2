"""Recorded functions: a replay gives the same bits as the function, and what cannot be recorded is refused."""

from __future__ import annotations

import copy
import gc
import os
import pickle
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nerve
from nerve import Tensor, kernels, layers, losses, ops, optimizers
from nerve.errors import RecordingError
from nerve.layers.context import deferred_updates

from .op_table import OPS, Exact, Op
from .test_ops import change, samples

OPTIMIZERS: dict[str, Callable[[], Any]] = {
    "sgd": lambda: optimizers.SGD(0.05, momentum=0.9, nesterov=True),
    "adam": lambda: optimizers.Adam(optimizers.schedules.ExponentialDecay(0.01, 10, 0.9), amsgrad=True),
    "adamw": lambda: optimizers.AdamW(0.01, clipnorm=0.5),
    "nadam": lambda: optimizers.Nadam(0.01, global_clipnorm=0.7),
    "rmsprop": lambda: optimizers.RMSprop(0.01, clipvalue=0.1, weight_decay=0.01),
    "adadelta": lambda: optimizers.Adadelta(0.5),
    "lion": lambda: optimizers.Lion(optimizers.schedules.LinearWarmup(0.01, 3)),
    "ftrl": lambda: optimizers.Ftrl(0.05, l1_regularization_strength=0.01),
    "lamb": lambda: optimizers.Lamb(0.01, weight_decay=0.1),
    "adafactor": lambda: optimizers.Adafactor(0.01, weight_decay=0.1),
    "muon": lambda: optimizers.Muon(0.01, adam_lr_ratio=0.5),
    "schedule_free": lambda: optimizers.ScheduleFreeAdamW(0.01, warmup_steps=3, weight_decay=0.1),
    "ema": lambda: optimizers.SGD(0.05, use_ema=True, ema_momentum=0.8, ema_overwrite_frequency=3),
    "accumulation": lambda: optimizers.Adam(0.01, gradient_accumulation_steps=3, use_ema=True, clipnorm=0.5),
    "scaled": lambda: optimizers.Nadam(0.01, loss_scale_factor=8.0, gradient_accumulation_steps=2),
}


def network() -> nerve.Sequential:
    """Dropout, moving averages, convolution, pooling and a recurrent layer in one."""
    nerve.random.seed(11)
    return nerve.Sequential(
        [
            nerve.Input((8, 8, 2)),
            layers.Conv2D(5, 3, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.Activation("relu"),
            layers.MaxPooling2D(2),
            layers.Dropout(0.3),
            layers.Reshape((4, 20)),
            layers.GRU(6, return_sequences=True),
            layers.LayerNormalization(),
            layers.Flatten(),
            layers.Dense(4),
        ]
    )


def batches(count: int) -> list[tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(5)
    return [(rng.normal(size=(7, 8, 8, 2)).astype(np.float32), rng.integers(0, 4, size=7)) for _ in range(count)]


def training(optimizer: Any) -> tuple[nerve.Sequential, Callable[[Any, Any], Tensor]]:
    model = network()
    loss_of = losses.SparseCategoricalCrossentropy(from_logits=True)

    def step(x: Tensor, y: Tensor) -> Tensor:
        with deferred_updates():
            loss = loss_of(y, model(x, training=True))
            variables = model.trainable_variables
            optimizer.apply(nerve.gradients(loss, variables), variables)
        return loss

    return model, step


class TestSameBits:
    @pytest.mark.parametrize("name", OPTIMIZERS)
    def test_a_hundred_steps(self, name: str) -> None:
        """With other allocations in between, which write over whatever a recording should have kept."""
        eager, step = training(OPTIMIZERS[name]())
        expected = [step(Tensor(x), Tensor(y)).item() for x, y in batches(100)]
        model, step = training(OPTIMIZERS[name]())
        compiled = nerve.compile(step)
        found = []
        for i, (x, y) in enumerate(batches(100)):
            found.append(compiled(x, y).item())
            litter = [kernels.broadcast_to(np.float32("nan"), (100 + 37 * i + j,)) for j in range(5)]
            del litter
            if i % 20 == 0:
                gc.collect()
        assert found == expected
        branches = name in ("ema", "accumulation", "scaled")  # which do one thing or another
        assert len(compiled.recorder.recordings) == 1 + branches
        assert all(entry.ready for entry in compiled.recorder.recordings)
        assert compiled.recorder.recordings[0].ready
        for a, b in zip(eager.weights, model.weights, strict=True):
            np.testing.assert_array_equal(a.array, b.array, err_msg=a.name)

    @pytest.mark.parametrize("threads", [1, 2, 5])
    def test_at_any_number_of_threads(self, threads: int) -> None:
        before = nerve.num_threads()
        _, step = training(optimizers.Adam())
        expected = [step(Tensor(x), Tensor(y)).item() for x, y in batches(8)]
        try:
            nerve.set_num_threads(threads)
            _, step = training(optimizers.Adam())
            compiled = nerve.compile(step)
            assert [compiled(x, y).item() for x, y in batches(8)] == expected
        finally:
            nerve.set_num_threads(before)

    def test_shapes_are_recorded_one_by_one(self) -> None:
        compiled = nerve.compile(lambda x: ops.softmax(ops.matmul(x, x)))
        rng = np.random.default_rng(0)
        for i in range(12):
            x = rng.normal(size=(3 + i % 2, 3 + i % 2))
            np.testing.assert_array_equal(compiled(x).array, ops.softmax(ops.matmul(x, x)).array)
        assert [entry.ready for entry in compiled.recorder.recordings] == [True, True]


PLAIN = ("argmax", "argmin", "equal", "greater", "greater_equal", "less", "less_equal", "not_equal")


@pytest.mark.parametrize("op", [op for op in OPS if op.gradient or op.name in PLAIN], ids=lambda op: op.name)
def test_every_op_is_recorded_whole(op: Op) -> None:
    """Forward, and backward where there is a gradient, with other numbers in every call."""
    function = getattr(ops, op.name)
    for sample in samples(op)[:12]:
        places = [i for i, x in enumerate(sample.args) if isinstance(x, np.ndarray) and x.dtype.kind == "f"]
        if not places or any(isinstance(x, Exact) for x in sample.args):
            continue

        def run(*floats: Tensor, sample: Any = sample, places: Any = places) -> list[Any]:
            args = list(sample.args)
            inputs = [Tensor(x.array) for x in floats]
            for place, x in zip(places, inputs, strict=True):
                args[place] = x
            result = function(*args, **sample.kwargs)
            results = list(result) if isinstance(result, tuple) else [result]
            if op.gradient:
                results += nerve.gradients(ops.sum(ops.multiply(results[0], results[0])), inputs)
            return [x for x in results if x is not None]

        compiled = nerve.compile(run)
        for factor in (1.0, 0.5, 0.75, 0.875, 0.625):
            floats = [np.asarray(sample.args[i] * factor, np.float32) for i in places]
            expected = run(*[Tensor(x) for x in floats])
            for got, want in zip(compiled(*floats), expected, strict=True):
                np.testing.assert_array_equal(got.array, getattr(want, "array", want))
        assert compiled.recorder.recordings[0].ready


@pytest.mark.parametrize("source", ["float32", "float64", "int64", "bool"])
@pytest.mark.parametrize("target", ["float32", "float64", "int64", "bool"])
def test_casts_are_recorded(source: str, target: str) -> None:
    compiled = nerve.compile(lambda x: ops.cast(x, dtype=target))
    for i in range(5):
        x = (np.arange(-3, 4) * (i + 0.75)).astype(source)
        got = compiled(x).array
        assert got.dtype == target
        np.testing.assert_array_equal(got, x.astype(target))


class TestRefusals:
    @pytest.mark.parametrize(
        ("function", "what"),
        [
            (lambda x: x * float(ops.sum(x)), "float"),
            (lambda x: x if ops.sum(x) > 0 else -x, "bool"),
            (lambda x: ops.add(x, np.asarray(x) * 2), "NumPy"),
            (lambda x: x * x.numpy().mean(), "numpy"),
            (lambda x: x * ops.sum(x).item(), "item"),
            (lambda x: ops.add(x, repr(x) and 1.0), "printing"),
            (lambda x: ops.add(x, np.exp(x.array)), "numpy.exp"),
            (lambda x: ops.add(x, np.concatenate([x.array])), "numpy.concatenate"),
            (lambda x: ops.add(x, ops.exp(x).array.mean()), "numpy.add"),
            (lambda x: ops.add(x, x.array.astype(int)), "astype"),
            (lambda x: [ops.exp(x).array.fill(0), x][1], "fill"),
        ],
    )  # fmt: skip
    def test_reading_a_value(self, function: Any, what: str) -> None:
        compiled = nerve.compile(function)
        x = np.ones(3)
        compiled(x)  # the first call is an ordinary one
        with pytest.raises(RecordingError, match=rf"(?s){what}.*test_recorded\.py.*line"):
            compiled(x)

    def test_what_numpy_computed_behind_its_back(self) -> None:
        compiled = nerve.compile(lambda x: ops.add(x, np.exp(np.asarray(x.array))))
        for i in range(2):
            compiled(np.full(3, float(i)))
        with pytest.raises(RecordingError, match=r"(?s)no kernel computed was given to add.*test_recorded\.py"):
            compiled(np.full(3, 7.0))

    def test_another_way_taken(self) -> None:
        compiled = nerve.compile(lambda x: ops.exp(x) if x.array[0] > 1 else ops.sin(x))
        for i in range(2):
            compiled(np.full(3, float(i)))
        with pytest.raises(RecordingError, match="call 0 was of sin and is now of exp"):
            compiled(np.full(3, 7.0))

    def test_labels_are_looked_at_before_anything_changes(self) -> None:
        model, step = training(optimizers.SGD(0.1))
        compiled = nerve.compile(step)
        for x, y in batches(6):
            compiled(x, y)
        before, ((x, y),) = model.get_weights(), batches(1)
        wrong = y.copy()
        wrong[3] = 9
        with pytest.raises(ValueError, match="9"):
            compiled(x, wrong)
        for a, b in zip(before, model.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
        compiled(x, y)

    def test_computed_indices_and_labels_are_looked_at_in_every_run(self) -> None:
        table = np.arange(12.0, dtype=np.float32).reshape(4, 3)
        whole = lambda x: ops.cast(x, dtype="int64")  # noqa: E731
        look_up = nerve.compile(lambda x: ops.take(table, whole(x), axis=0))
        judge = nerve.compile(lambda x: ops.softmax_cross_entropy(table, whole(x)))
        for i in range(6):
            good = np.array([i % 3, 1, 2, 0], np.float32)
            np.testing.assert_array_equal(look_up(good).array, table[good.astype(int)])
            judge(good)
        with pytest.raises(IndexError, match=r"\[take\].*axis 0 of size 4"):
            look_up(np.array([0, 1, 4, 2], np.float32))
        with pytest.raises(ValueError, match=r"labels must lie in 0\.\.2"):
            judge(np.array([0, 1, 3, 2], np.float32))
        np.testing.assert_array_equal(look_up(good).array, table[good.astype(int)])

    def test_the_functions_own_errors(self) -> None:
        compiled = nerve.compile(lambda a, b: ops.matmul(a, b))
        with pytest.raises(nerve.ShapeError, match="matmul"):
            compiled(np.ones((2, 3)), np.ones((2, 3)))
        with pytest.raises(TypeError, match="hashable"):
            compiled(np.ones(3), {1, 2})
        with pytest.raises(TypeError, match="a function"):
            nerve.compile(3)


class TestLife:
    def test_outputs_are_arrays_of_their_own(self) -> None:
        compiled = nerve.compile(lambda x: {"twice": x * 2.0, "same": x, "rest": (None, 3)})
        results = [compiled(np.full(4, float(i))) for i in range(6)]
        for i, result in enumerate(results):
            np.testing.assert_array_equal(result["twice"].array, np.full(4, 2.0 * i))
            np.testing.assert_array_equal(result["same"].array, np.full(4, float(i)))
            assert result["rest"] == (None, 3)

    def test_numbers_are_part_of_what_is_recorded(self) -> None:
        compiled = nerve.compile(lambda x, n: x * float(n))
        for i in range(5):
            for n in (2, 3):
                np.testing.assert_array_equal(compiled(np.full(3, float(i)), n).array, np.full(3, float(i * n)))

    def test_memory_is_shared_and_bounded(self) -> None:
        def chain(x: Tensor) -> Tensor:
            for _ in range(20):
                x = ops.tanh(x)
            return x

        compiled = nerve.compile(chain, max_bytes=1 << 20)
        x = np.ones(20_000, np.float32)
        for _ in range(4):
            compiled(x)
        calls = compiled.recorder.recordings[0].recording.calls
        assert calls.planned_bytes <= x.nbytes + 64 < calls.recorded_bytes  # each in the place of the one before
        for size in range(30_000, 40_000, 1000):
            for _ in range(4):
                compiled(np.ones(size, np.float32))
        assert compiled.recorder.bytes <= 1 << 20

    def test_what_is_needed_later_is_not_written_over(self) -> None:
        def step(x: Tensor) -> list[Tensor]:
            a = ops.exp(x)
            b = ops.tanh(a)  # a is needed again
            c = ops.add(b, ops.sum(a, axis=0))  # of b, which is broadcast
            d = ops.multiply(c, c)
            e = ops.where(ops.greater(d, c), d, c)
            return [
                ops.subtract(ops.sum(e, axis=0, keepdims=True), e),
                ops.multiply(ops.reshape(e, (1, -1))[:, 3:], 2.0),
            ]

        x = np.random.default_rng(0).normal(size=(30, 70)).astype(np.float32)
        compiled = nerve.compile(step)
        expected = [y.array for y in step(Tensor(x))]
        for _ in range(5):
            for a, b in zip(expected, compiled(x), strict=True):
                np.testing.assert_array_equal(a, b.array)

    def test_parts_of_what_is_written_over(self) -> None:
        def step(x: Tensor) -> list[np.ndarray]:
            a, b, c = (kernels.exp(x.array) for _ in range(3))
            results = kernels.add(a, a[:1]), kernels.multiply(b[2], b), kernels.subtract(c, c)
            return [kernels.tanh(result) for result in results]

        x = np.random.default_rng(0).normal(size=(5, 700)).astype(np.float32)
        compiled = nerve.compile(step)
        expected = step(Tensor(x))
        for _ in range(5):
            for a, b in zip(expected, compiled(x), strict=True):
                np.testing.assert_array_equal(a, b.array)

    def test_a_change_of_what_is_trained(self) -> None:
        model = network()
        model.compile("sgd", "sparse_categorical_crossentropy")
        (x, y), *_ = batches(1)
        for _ in range(5):
            model.train_on_batch(x, y)
        before = model.layers[0].get_weights()
        model.layers[0].trainable = False
        for _ in range(5):
            model.train_on_batch(x, y)
        np.testing.assert_array_equal(before[0], model.layers[0].get_weights()[0])
        model.layers[4].rate = 0.0
        for _ in range(5):
            model.train_on_batch(x, y)

    def test_in_two_threads(self) -> None:
        compiled = nerve.compile(lambda x: ops.sum(ops.exp(x)))
        x = np.ones(1000, np.float32)
        expected = compiled(x).item()
        found: list[float] = []

        def work() -> None:
            found.extend(compiled(x).item() for _ in range(50))

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [expected] * 200

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
    @pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
    def test_after_a_fork(self) -> None:
        compiled = nerve.compile(lambda x: ops.sum(ops.matmul(x, x)))
        x = np.ones((200, 200), np.float32)
        for _ in range(4):
            expected = compiled(x).item()
        child = os.fork()
        if child == 0:
            os._exit(0 if compiled(x).item() == expected else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert compiled(x).item() == expected


class TestModels:
    def fitted(self, run_eagerly: bool, **options: Any) -> tuple[Any, list[np.ndarray]]:
        model = network()
        model.compile(
            optimizers.Adam(0.01),
            losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
            weighted_metrics=["accuracy"],
            run_eagerly=run_eagerly,
        )
        rng = np.random.default_rng(2)
        x, y = rng.normal(size=(67, 8, 8, 2)).astype(np.float32), rng.integers(0, 4, size=67)
        history = model.fit(x, y, batch_size=16, epochs=6, validation_split=0.2, verbose=0, **options)
        results = [model.predict(x, verbose=0), np.asarray(model.evaluate(x, y, verbose=0)), *model.get_weights()]
        return history.history, results

    @pytest.mark.parametrize("options", [{}, {"sample_weight": np.linspace(0, 2, 67)}, {"class_weight": {0: 3.0}}])
    def test_fit_is_the_same_as_run_eagerly(self, options: dict[str, Any]) -> None:
        eager, expected = self.fitted(True, **options)
        logs, found = self.fitted(False, **options)
        assert logs == eager
        for a, b in zip(expected, found, strict=True):
            np.testing.assert_array_equal(a, b)

    def test_fit_replays(self) -> None:
        model = network()
        model.compile("adam", losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
        (x, y), *_ = batches(1)
        for _ in range(4):
            model.train_on_batch(x, y)
            model.test_on_batch(x, y)
            model.predict_on_batch(x)
        for recorder in model._recorders.values():
            assert [entry.ready for entry in recorder.recordings] == [True]
        assert set(model._recorders) == {"train", "test", "predict"}

    def test_a_layer_that_reads_values_runs_eagerly_and_says_so(self) -> None:
        class Reads(layers.Layer):
            def call(self, inputs: Any) -> Any:
                return inputs * float(ops.mean(inputs))

        model = nerve.Sequential([Reads(), layers.Dense(1)])
        model.compile("sgd", "mse")
        x = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
        with pytest.warns(UserWarning, match=r"(?s)not recorded.*float.*test_recorded\.py.*run_eagerly"):
            model.fit(x, x[:, :1], batch_size=10, epochs=2, verbose=0)

    @pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
    def test_copies_record_anew(self, copied: Callable[[Any], Any]) -> None:
        model = network()
        model.compile("adam", losses.SparseCategoricalCrossentropy(from_logits=True))
        (x, y), *_ = batches(1)
        for _ in range(5):
            model.train_on_batch(x, y)
        other = copied(model)
        np.testing.assert_array_equal(model.predict(x, verbose=0), other.predict(x, verbose=0))
        before = model.get_weights()
        for _ in range(5):
            other.train_on_batch(x, y)
        for a, b, c in zip(before, model.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
            assert not np.array_equal(b, c) or b.size < 3

    @pytest.mark.parametrize("change", ["momentum", "clipvalue", "label_smoothing"])
    def test_a_changed_attribute_counts_from_the_next_step(self, change: str) -> None:
        def run(run_eagerly: bool) -> list[np.ndarray]:
            model = network()
            optimizer, loss = optimizers.SGD(0.1, momentum=0.9), losses.CategoricalCrossentropy(from_logits=True)
            model.compile(optimizer, loss, run_eagerly=run_eagerly)
            (x, y), *_ = batches(1)
            for step in range(12):
                if step == 6:
                    setattr(loss if change == "label_smoothing" else optimizer, change, 0.1)
                model.train_on_batch(x, np.eye(4, dtype=np.float32)[y])
            return model.get_weights()

        for a, b in zip(run(True), run(False), strict=True):
            np.testing.assert_array_equal(a, b)

    @pytest.mark.parametrize("dtype", ["uint8", "int32", "float64", "float16"])
    def test_any_dtype_of_data(self, dtype: str) -> None:
        rng = np.random.default_rng(0)
        x, y = rng.integers(0, 9, size=(50, 6)).astype(dtype), rng.integers(0, 3, size=50).astype("uint8")

        def fitted(run_eagerly: bool) -> list[np.ndarray]:
            nerve.random.seed(1)
            model = nerve.Sequential([nerve.Input((6,)), layers.Dense(3, activation="softmax")])
            model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"], run_eagerly=run_eagerly)
            model.fit(x, y, batch_size=10, epochs=2, verbose=0)
            return model.get_weights()

        for a, b in zip(fitted(True), fitted(False), strict=True):
            np.testing.assert_array_equal(a, b)


def test_change_leaves_samples_alone() -> None:
    """`samples` are shared between tests: what a recording does must not write to them."""
    op = next(op for op in OPS if op.name == "add")
    before = change(samples(op)[0].args, np.copy)
    nerve.compile(ops.add)(*samples(op)[0].args)
    for a, b in zip(before, samples(op)[0].args, strict=True):
        np.testing.assert_array_equal(a, b)
