"""Several steps per execution: callbacks hear of some batches, and all else is as it was."""

from __future__ import annotations

import numpy as np
import pytest

import nerve
from nerve import Sequential, callbacks, layers, metrics, optimizers

from .fitting import LABELS, X, Y, classifier, close, iter_batches, regression


class Batches(callbacks.Callback):
    """What is said of batches, in `fit`, `evaluate` and `predict`."""

    def __init__(self):
        super().__init__()
        self.heard = []
        for kind in ("train", "test", "predict"):
            for when in ("begin", "end"):
                setattr(self, f"on_{kind}_batch_{when}", self.listener(kind, when))

    def listener(self, kind, when):
        def listen(batch, logs=None):
            self.heard.append((kind, when, batch))

        return listen


def trained(n, data, eager=False, **options):
    nerve.random.seed(3)
    model = classifier(steps_per_execution=n, run_eagerly=eager)
    model.layers[0].kernel.assign(model.layers[0].kernel * 0.5)
    batches = Batches()
    history = model.fit(*data(), epochs=3, callbacks=[batches], verbose=0, **options)
    return history.history, model.get_weights(), batches.heard


def arrays():
    return X, LABELS


def iterable():
    return (zip_batches(),)


class zip_batches:
    def __iter__(self):
        return ((X[i : i + 8], LABELS[i : i + 8]) for i in range(0, 50, 8))


@pytest.mark.parametrize("eager", [False, True])
@pytest.mark.parametrize(
    ("data", "options"),
    [
        (arrays, {"batch_size": 8, "validation_split": 0.2}),
        (arrays, {"batch_size": 8, "steps_per_epoch": 5}),
        (iterable, {}),
        (iterable, {"steps_per_epoch": 5}),
    ],
)
def test_results_are_those_of_single_steps(data, options, eager):
    expected, weights, every = trained(1, data, eager, **options)
    for n in (2, 3, 100):
        history, got, heard = trained(n, data, eager, **options)
        assert history == expected
        assert all(map(np.array_equal, got, weights))
        assert heard == grouped(every, n)


def grouped(every, n):
    """What is left to hear of single batches where `n` are run at once."""
    passes = []
    for kind, when, batch in every:
        if when == "begin" and batch == 0:
            passes.append([kind, 0])
        passes[-1][1] = batch + 1
    return [
        event
        for kind, count in passes
        for first in range(0, count, n)
        for event in ((kind, "begin", first), (kind, "end", min(first + n, count) - 1))
    ]


def test_prediction_gives_callbacks_the_outputs_of_all_batches():
    model = regression(steps_per_execution=2)
    given = []
    listener = callbacks.LambdaCallback(
        on_predict_batch_end=lambda batch, logs: given.append((batch, np.asarray(logs["outputs"])))
    )
    predictions = model.predict(X, batch_size=10, callbacks=[listener], verbose=0)
    assert [batch for batch, _ in given] == [1, 3, 4]
    assert [len(outputs) for _, outputs in given] == [20, 20, 10]
    assert np.array_equal(np.concatenate([outputs for _, outputs in given]), predictions)
    kernel, bias = model.get_weights()
    close(predictions, X @ kernel + bias)


@pytest.mark.parametrize("heard", [True, False])
def test_predictions_are_joined_for_who_hears_of_them(heard, monkeypatch):
    joined = []
    concatenate = np.concatenate
    monkeypatch.setattr(np, "concatenate", lambda parts, *rest: joined.append(len(parts)) or concatenate(parts, *rest))
    callback = callbacks.LambdaCallback(**{f"on_predict_batch_{'end' if heard else 'begin'}": lambda *_: None})
    regression(steps_per_execution=2).predict(X, batch_size=10, callbacks=[callback], verbose=0)
    assert joined == ([2, 2, 1, 5] if heard else [5])


@pytest.mark.parametrize("data", [arrays, iterable])
@pytest.mark.parametrize("heard", [True, False])
def test_metrics_are_read_for_who_hears_of_them(data, heard, monkeypatch):
    read = []
    result = metrics.Mean.result
    monkeypatch.setattr(metrics.Mean, "result", lambda self: read.append(self.name) or result(self))
    ends = ("train_batch", "test_batch") if heard else ("epoch",)
    listener = callbacks.LambdaCallback(**{f"on_{end}_end": lambda *_: None for end in ends})
    model = classifier()
    model.fit(*data(), batch_size=None if data is iterable else 8, epochs=2, callbacks=[listener], verbose=0)
    batches = -(-50 // 8)
    assert read.count("loss") == (2 * batches if heard else 2)
    read.clear()
    model.evaluate(*data(), batch_size=None if data is iterable else 8, callbacks=[listener], verbose=0)
    assert read.count("loss") == (batches if heard else 1)


def test_checkpoints_count_batches(tmp_path):
    checkpoint = callbacks.ModelCheckpoint(tmp_path / "{epoch}-{batch}.nerve", save_freq=3)
    regression(steps_per_execution=2).fit(X, Y, batch_size=10, epochs=2, callbacks=[checkpoint], verbose=0)
    # As in Keras: at the first end of an execution that is at least 3 batches behind the last file.
    assert sorted(path.stem for path in tmp_path.iterdir()) == ["1-4", "2-2", "2-5"]


def test_tensorboard_counts_batches(tmp_path, monkeypatch):
    board = callbacks.TensorBoard(tmp_path, update_freq=2)
    written = []
    monkeypatch.setattr(
        board,
        "_write",
        lambda folder, values, step: written.extend([step] * any(key.startswith("batch_") for key in values)),
    )
    regression(steps_per_execution=2).fit(X, Y, batch_size=10, epochs=2, callbacks=[board], verbose=0)
    assert written == [2, 4, 7, 9, 10]  # wherever a multiple of 2 has been reached


def test_a_stop_is_heeded_after_the_execution():
    class Stop(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = True

    model = regression(steps_per_execution=2)
    model.fit(X, Y, batch_size=10, epochs=2, callbacks=[Stop()], verbose=0)
    assert model.optimizer.iterations == 2


def test_a_killed_run_goes_on_with_the_same_bits(tmp_path):
    def model():
        nerve.random.seed(0)
        made = Sequential([layers.Dense(4), layers.Dropout(0.3), layers.Dense(1)])
        made.compile(optimizers.Adam(0.05), "mse", steps_per_execution=2)
        return made

    class Kill(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if self.model.optimizer.iterations == 9:
                raise RuntimeError("killed")

    options = {"batch_size": 10, "epochs": 3, "verbose": 0}
    whole = model()
    whole.fit(X, Y, **options)
    backup = {"backup_dir": tmp_path, "save_freq": 2}
    with pytest.raises(RuntimeError, match="killed"):
        model().fit(X, Y, callbacks=[Kill(), callbacks.BackupAndRestore(**backup)], **options)
    again = model()
    again.fit(X, Y, callbacks=[callbacks.BackupAndRestore(**backup)], **options)
    assert all(map(np.array_equal, again.get_weights(), whole.get_weights()))


def test_it_is_saved(tmp_path):
    model = regression(steps_per_execution=4)
    model.fit(X, Y, verbose=0)
    model.save(tmp_path / "m.nerve")
    loaded = nerve.models.load_model(tmp_path / "m.nerve")
    assert loaded.steps_per_execution == model.get_compile_config()["steps_per_execution"] == 4


def test_each_batch_is_read_when_those_before_it_have_been_run():
    model = regression(steps_per_execution=3)
    seen = []

    def batches():
        for x, y in iter_batches(10):
            seen.append(model.optimizer.iterations)
            yield x, y

    model.fit(batches(), verbose=0)
    assert seen == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("count", [0, 1.5, True, "2"])
def test_no_count(count):
    with pytest.raises(ValueError, match=f"steps_per_execution must be an int of at least 1, got {count!r}"):
        regression(steps_per_execution=count)
