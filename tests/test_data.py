"""`nerve.data`: streams of elements against plain Python, their threads, and training from them."""

from __future__ import annotations

import gc
import math
import os
import signal
import subprocess
import sys
import threading
import time
import traceback

import numpy as np
import pytest

import nerve
from nerve.data import AUTOTUNE, Dataset, PyDataset
from nerve.errors import ShapeError

from .fitting import Recorder, X, Y, close, regression


def numbers(dataset):
    return [int(item) for item in dataset]


def no_threads_left():
    gc.collect()
    return not [thread for thread in threading.enumerate() if thread.name.startswith("nerve-")]


class TestSources:
    def test_rows_of_arrays(self):
        data = Dataset.from_tensor_slices((X, {"b": Y, "a": np.arange(50)}))
        assert len(data) == data.cardinality() == 50
        x, rest = list(data)[7]
        np.testing.assert_array_equal(x, X[7])
        np.testing.assert_array_equal(rest["b"], Y[7])
        assert rest["a"] == 7
        x, y = next(iter(Dataset.from_arrays(X, Y).batch(4)))
        np.testing.assert_array_equal(x, X[:4])
        assert y.shape == (4, 1)
        assert numbers(Dataset.from_tensor_slices([3, 1, 2])) == [3, 1, 2]
        with pytest.raises(ShapeError, match=r"must have one length, got \[49, 50\]"):
            Dataset.from_tensor_slices((X, Y[1:]))
        with pytest.raises(ShapeError, match="a number has no rows"):
            Dataset.from_tensor_slices(3.0)

    def test_generators_are_begun_anew(self):
        data = Dataset.from_generator(lambda n: (i * i for i in range(n)), args=(4,))
        assert numbers(data) == numbers(data) == [0, 1, 4, 9]
        assert data.cardinality() == nerve.data.UNKNOWN_CARDINALITY
        with pytest.raises(TypeError, match="length is not known"):
            len(data)
        with pytest.raises(TypeError, match="expects a function"):
            Dataset.from_generator(iter([1]))

    def test_lines_of_files(self, tmp_path):
        for name, text in {"a": "one\ntwo\n", "b": "drei Äpfel"}.items():
            (tmp_path / name).write_text(text, encoding="utf-8")
        data = Dataset.from_text_lines(tmp_path / "a", tmp_path / "b")
        assert list(data) == list(data.prefetch(1)) == ["one", "two", "drei Äpfel"]
        next(iter(data))  # warns if it leaves the file open

    def test_from_tensors_and_range(self):
        (element,) = Dataset.from_tensors((X, [1.0]))
        assert element[0].shape == X.shape
        assert element[1].shape == (1,)
        assert numbers(Dataset.range(2, 11, 3)) == [2, 5, 8]

    def test_zip(self):
        a, b = Dataset.range(5), Dataset.range(10, 13)
        assert [tuple(map(int, pair)) for pair in Dataset.zip(a, b)] == [(0, 10), (1, 11), (2, 12)]
        assert len(Dataset.zip(a, b)) == len(Dataset.zip((a, b))) == 3
        assert [pair["x"] for pair in Dataset.zip({"x": a, "y": b})] == [0, 1, 2]
        with pytest.raises(TypeError, match="expects data sets"):
            Dataset.zip(a, [1, 2])


class TestOrder:
    def mapped(self):
        """Elements that are rows, and elements that are not, take different ways."""
        return (Dataset.range(20), Dataset.range(20).map(lambda i: i))

    @pytest.mark.parametrize("buffer", [1, 7, 20, 100])
    def test_shuffle(self, buffer):
        for data in self.mapped():
            shuffled = data.shuffle(buffer, seed=3)
            first, second = numbers(shuffled), numbers(shuffled)
            assert sorted(first) == list(range(20))
            # An element comes no earlier than its buffer lets it.
            assert all(number < place + buffer for place, number in enumerate(first))
            assert (first == list(range(20))) == (buffer == 1)
            assert (first == second) == (buffer == 1)
            assert first == numbers(data.shuffle(buffer, seed=3))
            fixed = data.shuffle(buffer, seed=3, reshuffle_each_iteration=False)
            assert numbers(fixed) == numbers(fixed) == first

    def test_both_ways_shuffle_alike(self):
        a, b = (numbers(data.shuffle(6, seed=1).repeat(2)) for data in self.mapped())
        assert a == b

    def test_the_global_stream_decides_without_a_seed(self):
        def orders():
            nerve.random.seed(5)
            data = Dataset.range(20).shuffle(20)
            return numbers(data), numbers(data)

        first, second = orders()
        assert first != second
        assert (first, second) == orders()

    def test_all_orders_are_alike_likely(self):
        data = Dataset.range(3).shuffle(3, seed=0)
        orders = [tuple(numbers(data)) for _ in range(600)]
        counts = [orders.count(order) for order in set(orders)]
        assert len(counts) == 6
        assert min(counts) > 60  # 100 expected, with a deviation of 9

    def test_take_skip_shard_repeat_concatenate(self):
        for data in self.mapped():
            assert numbers(data.take(3)) == [0, 1, 2]
            assert numbers(data.take(-1)) == list(range(20))
            assert numbers(data.skip(17)) == [17, 18, 19]
            assert numbers(data.skip(-1)) == []
            assert numbers(data.shard(6, 1)) == [1, 7, 13, 19]
            assert numbers(data.take(2).repeat(3)) == [0, 1] * 3
            assert numbers(data.take(2).repeat().take(5)) == [0, 1, 0, 1, 0]
            assert numbers(data.take(2).concatenate(data.skip(18))) == [0, 1, 18, 19]
            assert numbers(data.take(0).repeat()) == []
            parts = data.take(3), data.skip(17), data.skip(30), data.shard(6, 1), data.repeat(3), data.repeat(0)
            assert [len(part) for part in parts] == [3, 3, 0, 4, 60, 0]
            assert len(data.take(2).concatenate(data)) == 22
            endless = data.repeat()
            assert endless.cardinality() == endless.batch(7).cardinality() == nerve.data.INFINITE_CARDINALITY
            assert len(endless.take(33)) == 33
            assert endless
            with pytest.raises(TypeError, match="length is infinite"):
                len(endless)

    def test_bad_counts(self):
        data = Dataset.range(3)
        for call in (
            lambda: data.take(-2), lambda: data.skip(1.5), lambda: data.repeat(-2), lambda: data.shuffle(0),
            lambda: data.batch(0), lambda: data.shard(2, 2), lambda: data.prefetch(-2),
            lambda: data.map(abs, num_parallel_calls=0),
        ):  # fmt: skip
            with pytest.raises(ValueError, match=r"\[Dataset\."):
                call()
        with pytest.raises(TypeError, match="expects a function"):
            data.map(3)

    def test_cache_reads_once(self):
        passes = []

        def generate():
            passes.append(1)
            yield from range(5)

        data = Dataset.from_generator(generate).cache()
        assert numbers(data.take(2)) == [0, 1]  # not a whole pass: nothing is kept
        assert numbers(data) == numbers(data) == numbers(data) == list(range(5))
        assert len(passes) == 2
        kept = Dataset.range(30).shuffle(30, seed=1).cache()
        assert numbers(kept) == numbers(kept)


class TestBatches:
    @pytest.mark.parametrize("drop", [False, True])
    def test_batch(self, drop):
        rows = Dataset.from_tensor_slices((X, Y))
        for data in (rows, rows.map(lambda x, y: (x, y))):
            batches = list(data.batch(20, drop_remainder=drop))
            assert [len(x) for x, _ in batches] == ([20, 20] if drop else [20, 20, 10])
            np.testing.assert_array_equal(np.concatenate([x for x, _ in batches]), X[: 40 if drop else 50])
            assert len(data.batch(20, drop_remainder=drop)) == len(batches)

    def test_of_shuffled_rows(self):
        data = Dataset.from_tensor_slices((X, np.arange(50))).shuffle(50, seed=2).batch(8)
        seen = []
        for x, index in data:
            np.testing.assert_array_equal(x, X[index])
            seen += index.tolist()
        assert sorted(seen) == list(range(50))
        assert seen != list(range(50))

    def test_numbers_and_strings(self):
        data = Dataset.from_generator(lambda: iter([("one", 1), ("three", 3)])).batch(2)
        ((words, counts),) = data
        assert words.tolist() == ["one", "three"]
        assert counts.tolist() == [1, 3]

    def test_shapes_must_fit(self):
        data = Dataset.from_generator(lambda: (np.ones(n) for n in (2, 3)))
        with pytest.raises(ShapeError, match=r"one shape, got \(2,\) and \(3,\); see padded_batch"):
            list(data.batch(2))
        data = Dataset.from_generator(lambda: iter([(1, 2), (1, 2, 3)]))
        with pytest.raises(ShapeError, match="the same parts"):
            list(data.batch(2))

    def test_padded_batch(self):
        data = Dataset.from_generator(lambda: ((np.arange(n), n) for n in (2, 0, 3, 1)))
        first, second = data.padded_batch(3, padding_values=-1)
        assert first[0].tolist() == [[0, 1, -1], [-1, -1, -1], [0, 1, 2]]
        assert first[1].tolist() == [2, 0, 3]
        assert second[0].tolist() == [[0]]
        (table,) = Dataset.from_generator(lambda: (np.ones(shape) for shape in ((1, 2), (2, 1)))).padded_batch(2)
        assert table.tolist() == [[[1, 1], [0, 0]], [[1, 0], [1, 0]]]

    def test_unbatch(self):
        data = Dataset.from_tensor_slices((X, Y)).batch(7).unbatch()
        np.testing.assert_array_equal([x for x, _ in data], X)
        with pytest.raises(ShapeError, match="must have one length"):
            list(Dataset.from_tensors((X, Y[1:])).unbatch())


class TestFunctions:
    @pytest.mark.parametrize("threads", [None, 1, 3, AUTOTUNE])
    def test_map_keeps_the_order(self, threads):
        def slow(i):
            time.sleep(0.002 * ((7 * int(i)) % 3))
            return i * i

        data = Dataset.range(20).map(slow, num_parallel_calls=threads)
        assert numbers(data) == [i * i for i in range(20)]
        assert len(data) == 20
        assert no_threads_left()

    def test_map_runs_at_once(self):
        meeting = threading.Barrier(3, timeout=30)  # each call waits for two others
        data = Dataset.range(6).map(lambda i: (meeting.wait(), i)[1], num_parallel_calls=3)
        assert numbers(data) == list(range(6))

    def test_parts_and_no_gradients(self):
        data = Dataset.from_tensor_slices((X, Y)).map(lambda x, y: {"sum": nerve.Tensor(x).sum() + y})
        value = next(iter(data))["sum"]
        assert value.parents == ()
        close(value, X[0].sum() + Y[0])

    def test_threads_compute_with_the_backend_of_the_reader(self):
        from nerve.kernels._backend import native

        seen = []
        with nerve.backend("reference"):
            list(Dataset.range(3).map(lambda i: seen.append(native()), num_parallel_calls=2).prefetch(1))
        assert seen == [False] * 3

    def test_filter_enumerate_apply(self):
        data = Dataset.range(10)
        assert numbers(data.filter(lambda i: i % 3 == 0)) == [0, 3, 6, 9]
        pairs = Dataset.zip(data, data).filter(lambda a, b: a + b > 14)
        assert [int(a) for a, _ in pairs] == [8, 9]
        assert [(n, int(i)) for n, i in data.skip(7).enumerate(start=5)] == [(5, 7), (6, 8), (7, 9)]
        assert numbers(data.apply(lambda d: d.take(1))) == [0]

    def test_prefetch_runs_ahead_and_not_further(self):
        made = []
        data = Dataset.from_generator(lambda: (made.append(i) or i for i in range(9))).prefetch(2)
        iterator = iter(data)
        assert next(iterator) == 0
        deadline = time.monotonic() + 30
        while len(made) < 4 and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.05)
        assert len(made) == 4  # one read, two waiting, one in the hand of the thread
        assert list(iterator) == list(range(1, 9))
        assert no_threads_left()
        assert list(Dataset.range(2).prefetch(0)) == [0, 1]


def failing(i):
    if i == 3:
        raise LookupError("the fourth one")
    return i


class TestThreads:
    @pytest.mark.parametrize(
        "data",
        [
            Dataset.range(9).map(failing, num_parallel_calls=3),
            Dataset.range(9).map(failing).prefetch(2),
            Dataset.range(9).map(failing, num_parallel_calls=2).batch(1).prefetch(1),
            Dataset.range(9).map(failing).map(lambda i: i, num_parallel_calls=3),
        ],
    )
    def test_exceptions_come_in_order_with_their_traceback(self, data):
        seen = []
        with pytest.raises(LookupError, match="the fourth one") as caught:
            seen.extend(int(np.squeeze(item)) for item in data)
        assert seen == [0, 1, 2]
        assert "failing" in [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
        del caught
        assert no_threads_left()

    @pytest.mark.parametrize(
        "data",
        [
            Dataset.range(1000).map(abs, num_parallel_calls=3),
            Dataset.range(1000).prefetch(2),
            Dataset.range(1000).map(abs, num_parallel_calls=3).repeat().prefetch(1).batch(2).prefetch(1),
        ],
    )
    def test_nothing_is_left_where_iteration_is_abandoned(self, data):
        for item in data:
            if np.min(item) >= 4:
                break
        del item
        assert no_threads_left()
        iterator = iter(data)
        next(iterator)
        del iterator
        assert no_threads_left()
        iter(data)
        assert no_threads_left()

    def test_interrupted_while_waiting(self):
        ready = threading.Event()

        def wait(i):
            if i:
                ready.set()
                time.sleep(0.3)
            return i

        def interrupt():
            ready.wait(30)
            os.kill(os.getpid(), signal.SIGINT)

        threading.Thread(target=interrupt, name="interrupter").start()
        with pytest.raises(KeyboardInterrupt):
            list(Dataset.range(9).map(wait).prefetch(1))
        assert no_threads_left()

    @pytest.mark.parametrize("how", ["prefetch(2)", "map(abs, num_parallel_calls=2)"])
    def test_the_program_ends_with_an_iterator_half_read(self, how):
        code = f"from nerve.data import Dataset; i = iter(Dataset.range(9).repeat().{how}); next(i); print('end')"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
        assert done.stdout == "end\n"
        assert done.stderr == ""


class Numbered(PyDataset):
    """X and Y in batches of 20."""

    def __init__(self, **options):
        super().__init__(**options)
        self.events = []

    def __len__(self):
        return 3

    def __getitem__(self, index):
        self.events.append(index)
        return X[index * 20 : (index + 1) * 20], Y[index * 20 : (index + 1) * 20]

    def on_epoch_begin(self):
        self.events.append("begin")

    def on_epoch_end(self):
        self.events.append("end")


class TestFit:
    def test_a_dataset_trains_as_arrays_do(self):
        a, b = regression(), regression()
        b.set_weights(a.get_weights())
        data = Dataset.from_tensor_slices((X, Y, np.ones(50))).batch(20).prefetch(2)
        history = a.fit(data, epochs=3, validation_data=data, verbose=0).history
        expected = b.fit(X, Y, batch_size=20, epochs=3, shuffle=False, validation_data=(X, Y), verbose=0).history
        close(history["loss"], expected["loss"], 0)
        close(history["val_loss"], expected["val_loss"])
        close(a.evaluate(data, verbose=0), b.evaluate(X, Y, verbose=0))
        close(a.predict(data, verbose=0), b.predict(X, verbose=0))
        assert no_threads_left()

    def test_endless_with_steps_leaves_no_thread(self):
        recorder = Recorder()
        data = Dataset.from_tensor_slices((X, Y)).shuffle(50).repeat().batch(20).prefetch(1)
        model = regression()
        model.fit(data, steps_per_epoch=3, epochs=2, verbose=0, callbacks=[recorder])
        assert recorder.events.count("train_batch_end") == 6
        assert no_threads_left()
        assert model.predict(data, steps=2, verbose=0).shape == (40, 1)
        with pytest.raises(ShapeError) as caught:
            model.fit(data.map(lambda x, y: (x[:, :2], y)).prefetch(1), steps_per_epoch=1, verbose=0)
        assert no_threads_left(), caught  # although the error is still there, with all its frames

    def test_errors_of_a_dataset_reach_the_caller(self):
        data = Dataset.from_tensor_slices((X, Y)).batch(5).enumerate().map(lambda i, b: (failing(i), b)[1]).prefetch(1)
        with pytest.raises(LookupError, match="the fourth one"):
            regression().fit(data, verbose=0)
        assert no_threads_left()

    @pytest.mark.parametrize("workers", [0, 1, 3])
    def test_py_dataset(self, workers):
        a, b = regression(), regression()
        b.set_weights(a.get_weights())
        data = Numbered(workers=workers, max_queue_size=2)
        history = a.fit(data, epochs=2, shuffle=False, verbose=0).history
        close(history["loss"], b.fit(X, Y, batch_size=20, epochs=2, shuffle=False, verbose=0).history["loss"], 0)
        assert data.events[:2] == [0, "begin"]  # the model is built for batch 0, which the first epoch still has
        assert data.events.count("begin") == data.events.count("end") == 2
        assert sorted(event for event in data.events if event in (0, 1, 2)) == [0, 0, 0, 1, 1, 2, 2]
        close(a.predict(data, verbose=0), b.predict(X, verbose=0))
        assert [len(x) for x, _ in data] == [20, 20, 10]
        assert no_threads_left()

    def test_py_dataset_shuffles_batches(self):
        nerve.random.seed(1)
        data = Numbered()
        regression().fit(data, epochs=8, verbose=0)
        events = [event for event in data.events[1:] if event not in ("begin", "end")]
        passes = [tuple(events[i : i + 3]) for i in range(0, 24, 3)]
        assert all(sorted(one) == [0, 1, 2] for one in passes)
        assert len(set(passes)) > 1

    def test_py_dataset_without_end(self):
        class Endless(Numbered):
            @property
            def num_batches(self):
                return None

        model = regression()
        model.fit(Endless(workers=2), steps_per_epoch=2, epochs=1, verbose=0)
        assert no_threads_left()
        with pytest.raises(ValueError, match="has no end"):
            model.fit(Endless(), verbose=0)

    def test_py_dataset_refusals(self):
        with pytest.raises(ValueError, match="threads, not processes"):
            Numbered(use_multiprocessing=True)

        class Uninitialized(Numbered):
            def __init__(self):
                self.events = []

        with pytest.raises(TypeError, match=r"must call super\(\).__init__"):
            regression().fit(Uninitialized(), verbose=0)

        class Uncounted(PyDataset):
            pass

        with pytest.raises(NotImplementedError, match="needs __len__"):
            regression().fit(Uncounted(), verbose=0)


class TestFrames:
    @pytest.fixture(params=["pandas", "polars"])
    def library(self, request):
        return pytest.importorskip(request.param)

    def test_train_as_arrays_do(self, library):
        frame = library.DataFrame({"a": X[:, 0], "b": X[:, 1].astype(np.float64), "c": X[:, 2]})
        target = library.Series(Y[:, 0])
        a, b = regression(), regression()
        b.set_weights(a.get_weights())
        weights = library.Series(np.linspace(0.5, 1.5, 50))
        history = a.fit(frame, target, sample_weight=weights, epochs=2, shuffle=False, verbose=0).history
        expected = b.fit(X, Y, sample_weight=np.asarray(weights), epochs=2, shuffle=False, verbose=0).history
        close(history["loss"], expected["loss"], 1e-6)
        close(a.predict(frame, verbose=0), b.predict(X, verbose=0), 1e-6)
        history = a.fit(frame, library.DataFrame({"y": target}), validation_split=0.2, verbose=0).history
        assert math.isfinite(history["val_loss"][0])

    def test_a_series_is_one_feature(self, library):
        model = nerve.Sequential([nerve.Input((1,)), nerve.layers.Dense(1)])
        assert model.predict(library.Series(X[:, 0]), verbose=0).shape == (50, 1)

    def test_mixed_columns(self, library):
        from nerve.models.arrays import as_arrays

        frame = library.DataFrame({"a": [1, 2], "b": [True, False], "c": [0.5, 1.5]})
        np.testing.assert_array_equal(as_arrays("x", frame), [[1, 1, 0.5], [2, 0, 1.5]])
        options = {"dtype": "Int64"} if library.__name__ == "pandas" else {}
        missing = library.Series([1, None], **options)
        np.testing.assert_array_equal(as_arrays("x", missing), [[1], [np.nan]])
        options = {"dtype": "boolean"} if options else {}
        missing = library.Series([True, None], **options)
        np.testing.assert_array_equal(as_arrays("x", missing), [[1], [np.nan]])

    def test_text_is_refused_by_name(self, library):
        frame = library.DataFrame({"a": [1.0, 2.0, 3.0], "city": ["x", "y", "z"], "b": [0.0, 1.0, 2.0]})
        with pytest.raises(nerve.DTypeError, match="x must hold numbers, which column city does not"):
            regression().fit(frame, Y[:3], verbose=0)
        with pytest.raises(nerve.DTypeError, match="y must hold numbers, got a series"):
            regression().fit(X[:3], frame["city"], verbose=0)
