"""Callbacks, driven by hand on a model that only holds weights."""

from __future__ import annotations

import csv
import io
import re
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest

import nerve
from nerve import callbacks, metrics, optimizers


class FakeModel:
    """What callbacks know of a model."""

    def __init__(self):
        self.stop_training = False
        self.optimizer = optimizers.SGD(1.0)
        self.metrics = [metrics.MeanSquaredError(name="mse"), SimpleNamespace(name="odd", direction=None)]
        self.weights = [np.zeros(2)]
        self.saved = []

    def get_weights(self):
        return self.weights

    def set_weights(self, weights):
        self.weights = [np.array(w) for w in weights]

    def save(self, path):
        self.saved.append(("model", str(path)))

    def save_weights(self, path):
        self.saved.append(("weights", str(path)))


def run(callback, epochs, model=None, batches=1, **params):
    """Train through `epochs`, a list of logs; the weights are the number of the epoch. Gives the model and history."""
    model = model or FakeModel()
    params = {"epochs": len(epochs), "steps": batches, "verbose": 0, **params}
    calls = callbacks.CallbackList(callback, add_history=True, model=model, **params)
    calls.on_train_begin()
    for epoch, logs in enumerate(epochs):
        calls.on_epoch_begin(epoch)
        model.weights[0][...] = epoch
        for batch in range(batches):
            calls.on_train_batch_begin(batch)
            calls.on_train_batch_end(batch, dict(logs))
            if model.stop_training:
                break
        calls.on_epoch_end(epoch, dict(logs))
        if model.stop_training:
            break
    calls.on_train_end()
    calls.close()
    return model, calls.history


def values(name, *numbers):
    return [{name: number} for number in numbers]


def test_history_keeps_every_epoch():
    _, history = run(None, [{"loss": 3.0, "accuracy": 0.5}, {"loss": 2.0, "accuracy": 0.6}])
    assert history.history == {"loss": [3.0, 2.0], "accuracy": [0.5, 0.6]}
    assert history.epoch == [0, 1]


def test_list_calls_in_order_and_only_what_is_overridden():
    seen = []

    class Loud(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append(("epoch", epoch, logs["loss"], self.model.stop_training, self.params["epochs"]))

        def on_batch_end(self, batch, logs=None):
            seen.append(("batch", batch))

    late = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(("late", epoch)))
    run([Loud(), late], values("loss", 1.0), batches=2)
    assert seen == [("batch", 0), ("batch", 1), ("epoch", 0, 1.0, False, 1), ("late", 0)]
    quiet = callbacks.CallbackList([Loud(), callbacks.Callback()])
    assert len(quiet._listeners["epoch_end"]) == 1
    assert not quiet._listeners["train_batch_begin"]


def test_list_adds_what_is_asked_for_once():
    both = callbacks.CallbackList(add_history=True, add_progbar=True)
    assert [type(c).__name__ for c in both.callbacks] == ["ProgbarLogger", "History"]
    again = callbacks.CallbackList(both.callbacks, add_history=True, add_progbar=True)
    assert again.callbacks == both.callbacks
    with pytest.raises(TypeError, match=r"expected a nerve\.callbacks\.Callback, got 3"):
        callbacks.CallbackList([3])
    with pytest.raises(TypeError, match="on_epoch_ends is not a method"):
        callbacks.LambdaCallback(on_epoch_ends=print)


@pytest.mark.parametrize(
    ("arguments", "numbers", "epochs", "best"),
    [
        ({}, (3, 2, 1, 2, 0), 4, 2),
        ({"patience": 2}, (3, 2, 1, 2, 2, 0), 5, 2),
        ({"min_delta": 0.5}, (3, 2.4, 2.2, 1), 3, 1),
        ({"mode": "max"}, (1, 2, 3, 2), 4, 2),
        ({"baseline": 2.0, "patience": 2}, (3, 4, 3.5, 1), 2, 0),
        ({"baseline": 2.0, "patience": 1}, (3, 1, 0, 2), 4, 2),
        ({"start_from_epoch": 3}, (3, 4, 5, 2, 3, 1), 5, 3),
        ({}, (np.nan, np.nan, 1), 2, 0),
    ],
)
def test_early_stopping(arguments, numbers, epochs, best):
    stopping = callbacks.EarlyStopping(restore_best_weights=True, **arguments)
    model, history = run(stopping, values("val_loss", *numbers))
    assert len(history.epoch) == epochs
    assert np.array_equal(model.weights[0], [best, best])
    assert stopping.best_epoch == best


def test_early_stopping_without_restoring_keeps_the_last_weights_and_can_be_used_again(capsys):
    stopping = callbacks.EarlyStopping(verbose=1)
    model, _ = run(stopping, values("val_loss", 1, 2, 3))
    assert np.array_equal(model.weights[0], [1, 1])
    assert "Epoch 2: stopped early" in capsys.readouterr().out
    _, history = run(stopping, values("val_loss", 5, 4, 3))
    assert len(history.epoch) == 3


@pytest.mark.parametrize(
    ("monitor", "numbers", "epochs"),
    [("val_accuracy", (1, 2, 1), 3), ("val_loss", (2, 1, 2), 3), ("val_mse", (2, 1, 2), 3)],
)
def test_direction_is_known_by_the_name_or_the_metric(monitor, numbers, epochs):
    _, history = run(callbacks.EarlyStopping(monitor), values(monitor, *numbers, 0 if numbers[0] == 1 else 9))
    assert len(history.epoch) == epochs


def test_unknown_direction_and_missing_numbers():
    with pytest.raises(ValueError, match=r"\[EarlyStopping\] cannot tell if 'val_odd' should rise or fall"):
        run(callbacks.EarlyStopping("val_odd"), values("val_odd", 1, 2))
    with pytest.warns(UserWarning, match=r"'val_loss' is not in the logs \(loss\)"):
        _, history = run(callbacks.EarlyStopping(), values("loss", 1, 2, 3))
    assert len(history.epoch) == 3
    with pytest.raises(ValueError, match="mode must be auto, min or max, got 'up'"):
        callbacks.EarlyStopping(mode="up")


def test_checkpoint_after_every_epoch(tmp_path):
    checkpoint = callbacks.ModelCheckpoint(tmp_path / "new" / "m-{epoch:02d}-{loss:.1f}.nerve")
    model, _ = run(checkpoint, values("loss", 3, 2))
    assert model.saved == [("model", str(tmp_path / "new" / f"m-{name}.nerve")) for name in ("01-3.0", "02-2.0")]
    assert (tmp_path / "new").is_dir()


def test_checkpoint_of_the_best_weights_only(tmp_path, capsys):
    checkpoint = callbacks.ModelCheckpoint(
        tmp_path / "{epoch}", monitor="accuracy", save_best_only=True, save_weights_only=True, verbose=1,
        initial_value_threshold=0.2,
    )  # fmt: skip
    model, _ = run(checkpoint, values("accuracy", 0.1, 0.3, 0.2, 0.4))
    assert model.saved == [("weights", str(tmp_path / "2")), ("weights", str(tmp_path / "4"))]
    assert "Epoch 3: accuracy has not improved from 0.3" in capsys.readouterr().out


def test_checkpoint_by_batches(tmp_path):
    checkpoint = callbacks.ModelCheckpoint(tmp_path / "{epoch}-{batch}", save_freq=2)
    model, _ = run(checkpoint, values("loss", 1, 1), batches=3)
    assert [path.rsplit("/", 1)[1] for _, path in model.saved] == ["1-2", "2-1", "2-3"]


def test_checkpoint_errors(tmp_path):
    with pytest.raises(ValueError, match="save_freq must be 'epoch' or a positive int, got 0"):
        callbacks.ModelCheckpoint(tmp_path / "m", save_freq=0)
    with pytest.raises(ValueError, match=r"names 'val_loss', the logs have only loss"):
        run(callbacks.ModelCheckpoint(tmp_path / "{val_loss}"), values("loss", 1))


def test_learning_rate_scheduler(capsys):
    model, history = run(callbacks.LearningRateScheduler(lambda epoch: 1.0 / (epoch + 1)), values("loss", 1, 1, 1))
    assert history.history["learning_rate"] == pytest.approx([1, 1 / 2, 1 / 3])
    _, history = run(
        callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2, verbose=1), values("loss", 1, 1), model=model
    )
    assert history.history["learning_rate"] == pytest.approx([1 / 6, 1 / 12])
    assert "Epoch 2: the learning rate is 0.0833333" in capsys.readouterr().out


def test_reduce_learning_rate_on_plateau():
    reduce = callbacks.ReduceLROnPlateau("loss", factor=0.1, patience=2, cooldown=1, min_lr=0.005)
    _, history = run(reduce, values("loss", 3, 3, 3, 3, 3, 3, 3, 3, 3))
    # Two epochs without improvement, then one that does not count, and so on, down to min_lr.
    assert history.history["learning_rate"] == pytest.approx([1, 1, 1, 0.1, 0.1, 0.01, 0.01, 0.005, 0.005])
    _, history = run(callbacks.ReduceLROnPlateau("loss", patience=1), values("loss", 3, 2, 1))
    assert history.history["learning_rate"] == [1, 1, 1]
    with pytest.raises(ValueError, match=r"factor must be in .* got 1\.0"):
        callbacks.ReduceLROnPlateau(factor=1.0)


def test_csv_logger(tmp_path):
    path = tmp_path / "log.csv"
    run(callbacks.CSVLogger(path), [{"loss": 3.0, "accuracy": 0.5}, {"loss": 2.0}])
    run(callbacks.CSVLogger(path, append=True), [{"loss": 1.0, "accuracy": 0.7}])
    with open(path) as file:
        assert list(csv.reader(file)) == [
            ["epoch", "accuracy", "loss"], ["0", "0.5", "3.0"], ["1", "NA", "2.0"], ["0", "0.7", "1.0"],
        ]  # fmt: skip
    run(callbacks.CSVLogger(path, separator=";"), values("loss", 9.0))
    assert path.read_text().split() == ["epoch;loss", "0;9.0"]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_terminate_on_nan(bad):
    with pytest.raises(RuntimeError, match=r"\[TerminateOnNaN\] the loss of batch 0 is (nan|inf)"):
        run(callbacks.TerminateOnNaN(raise_error=True), values("loss", 1.0, bad, 1.0), batches=2)
    model, history = run(callbacks.TerminateOnNaN(), values("loss", 1.0, bad, 1.0), batches=2)
    assert model.stop_training
    assert len(history.epoch) == 2


class Terminal(io.StringIO):
    def isatty(self):
        return True


EPOCHS = [{"loss": 0.5, "accuracy": 0.75}, {"loss": 0.00025, "accuracy": 1.0}]


@pytest.mark.parametrize("verbose", ["auto", 1, 2])
def test_a_line_per_epoch_where_there_is_no_terminal(verbose, capsys):
    run(callbacks.ProgbarLogger(), EPOCHS, batches=4, verbose=verbose)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert re.fullmatch(r"Epoch 1/2 - \d\.\ds - \S+ms/step - accuracy: 0\.7500 - loss: 0\.5000", lines[0])
    assert lines[1].endswith("accuracy: 1.0000 - loss: 2.5000e-04")


@pytest.mark.parametrize("verbose", ["auto", 1, 2, 0])
def test_on_a_terminal(verbose, monkeypatch):
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("nerve.callbacks.progress.REFRESH", 0.0)
    run(callbacks.ProgbarLogger(), EPOCHS, batches=4, verbose=verbose)
    output = sys.stdout.getvalue()
    if verbose == 0:
        assert output == ""
        return
    assert ("\x1b[?25l" in output) == (verbose != 2)  # a bar hides the cursor ...
    assert output.count("\x1b[?25h") == output.count("\x1b[?25l")  # ... and gives it back
    assert ("4/4" in output) == (verbose != 2)
    assert "Epoch 2/2 - " in output


def test_bar_is_drawn_ten_times_a_second_at_most(monkeypatch):
    monkeypatch.setattr(sys, "stdout", Terminal())
    drawn = []
    bar = callbacks.ProgbarLogger()
    draw = bar._draw
    monkeypatch.setattr(bar, "_draw", lambda *args: (drawn.append(1), draw(*args)))
    start = time.perf_counter()
    run(bar, EPOCHS * 20, batches=50, verbose=1)
    assert 1 <= len(drawn) <= 2 + 10 * (time.perf_counter() - start)
    assert sys.stdout.getvalue().count(" - loss: ") >= 40  # no epoch's line is lost


def test_the_bar_goes_when_the_run_breaks(monkeypatch):
    monkeypatch.setattr(sys, "stdout", Terminal())
    calls = callbacks.CallbackList(add_progbar=True, model=FakeModel(), epochs=3, steps=5, verbose=1)
    calls.on_train_begin()
    calls.on_epoch_begin(0)
    calls.close()
    calls.close()
    assert sys.stdout.getvalue().count("\x1b[?25h") == sys.stdout.getvalue().count("\x1b[?25l") == 1


def test_evaluation_has_a_line_of_its_own_but_none_within_training(capsys):
    calls = callbacks.CallbackList(add_progbar=True, model=FakeModel(), steps=2, epochs=1, verbose=2)
    calls.on_test_begin()
    calls.on_test_batch_end(0, {"loss": 1.0})
    calls.on_test_end({"loss": 1.0})
    assert re.fullmatch(r"Evaluation - \S+s - \S+ms/step - loss: 1\.0000\n", capsys.readouterr().out)
    calls.on_train_begin()
    calls.on_epoch_begin(0)
    calls.on_test_begin()
    calls.on_test_end({"loss": 1.0})
    assert capsys.readouterr().out == ""


def test_logs_are_sorted_plain_and_shared_but_not_the_models():
    class Add(callbacks.Callback):
        def on_train_begin(self, logs=None):
            logs["harmless"] = 1  # a dict, though there is nothing to tell yet

        def on_epoch_end(self, epoch, logs=None):
            logs["extra"] = 2.0

    history, given = callbacks.History(), {"loss": nerve.Tensor(np.float32(0.5)), "accuracy": 0.75}
    listeners = callbacks.CallbackList([Add(), history])
    listeners.on_train_begin()
    listeners.on_epoch_end(0, given)
    assert list(given) == ["loss", "accuracy"]
    assert history.history == {"accuracy": [0.75], "loss": [0.5], "extra": [2.0]}
    assert list(history.history) == ["accuracy", "loss", "extra"]
    assert isinstance(history.history["loss"][0], float)
