"""Runs that are killed and go on: the weights at the end are those of a run that nobody killed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import nerve
from nerve import Input, Sequential, layers, optimizers
from nerve.callbacks import BackupAndRestore, Callback, CSVLogger, LearningRateScheduler, ReduceLROnPlateau
from nerve.errors import ModelFileError

from .fitting import X, Y, regression

pytestmark = pytest.mark.skipif(os.name != "posix", reason="SIGKILL")

PROGRAM = """
import sys, time
import numpy as np, nerve
from nerve import Input, Sequential, layers, optimizers, callbacks

folder, freq, pause = sys.argv[1], sys.argv[2], float(sys.argv[3])
nerve.random.seed(3)
rng = np.random.default_rng(0)
x = rng.normal(size=(70, 5)).astype(np.float32)
y = x[:, :1] ** 2 + 0.1 * rng.normal(size=(70, 1)).astype(np.float32)
model = Sequential([
    Input((5,)), layers.Dense(16, "relu"), layers.BatchNormalization(), layers.Dropout(0.2),
    layers.Dense(8, "tanh"), layers.Dropout(0.1, seed=4), layers.Dense(1),
])
model.compile(optimizers.Nadam(0.01, use_ema=True, gradient_accumulation_steps=2), "mse", metrics=["mae"])

class Slow(callbacks.Callback):
    def on_train_batch_begin(self, batch, logs=None):
        time.sleep(pause)

backup = callbacks.BackupAndRestore(folder + "/backup", "epoch" if freq == "epoch" else int(freq), freq == "4")
rates = callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.9)
plateau = callbacks.ReduceLROnPlateau("loss", 0.5, 1, min_delta=0.1)
history = model.fit(
    x, y, batch_size=8, epochs=6, steps_per_epoch=7 if freq == "5" else None, validation_split=0.1, verbose=0,
    callbacks=[backup, Slow(), rates, plateau],
)
np.savez(folder + "/weights.npz", *model.get_weights(), rate=model.optimizer.learning_rate,
         loss=history.history["loss"], val=history.history["val_mae"])
"""


def start(folder, freq, pause=0.0):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen([sys.executable, "-c", PROGRAM, str(folder), freq, str(pause)], env=environment)


@pytest.mark.parametrize(
    ("freq", "kills"),
    [
        ("3", 2),
        ("epoch", 1),
        pytest.param("4", 10, marks=pytest.mark.slow),
        pytest.param("5", 10, marks=pytest.mark.slow),
    ],
)
def test_a_run_killed_at_any_moment_ends_with_the_same_bits(freq, kills, tmp_path):
    (tmp_path / "whole").mkdir()
    (tmp_path / "killed").mkdir()
    began = time.perf_counter()
    assert start(tmp_path / "whole", freq, 0.01).wait() == 0
    duration = time.perf_counter() - began
    moments = random.Random(freq + str(time.time_ns()))
    killed = 0
    while killed < kills:
        process = start(tmp_path / "killed", freq, 0.01)
        # The beginning goes by before there is anything to go on from.
        time.sleep(duration * moments.uniform(0.4, 0.95))
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            killed += 1
        process.wait()
        if (tmp_path / "killed" / "weights.npz").exists():  # it was faster
            break
    if not (tmp_path / "killed" / "weights.npz").exists():
        assert start(tmp_path / "killed", freq).wait() == 0
    found, expected = (np.load(tmp_path / name / "weights.npz") for name in ("killed", "whole"))
    for name in expected.files:
        assert np.array_equal(found[name], expected[name]), name
    assert not (tmp_path / "killed" / "backup").exists()


class Stop(Callback):
    """Ends a run as if the process had ended, after so many batches."""

    def __init__(self, after):
        super().__init__()
        self.after = after

    def on_train_batch_begin(self, batch, logs=None):
        if self.after == 0:
            raise RuntimeError("killed")
        self.after -= 1


def network():
    nerve.random.seed(5)
    model = Sequential([Input((3,)), layers.Dense(6, "tanh"), layers.Dropout(0.3), layers.Dense(1)])
    model.compile(optimizers.Adam(0.01), "mse", metrics=["mae"])
    return model


def batches():
    for begin in range(0, 50, 10):
        yield X[begin : begin + 10], Y[begin : begin + 10]


class Again:
    def __iter__(self):
        return batches()


@pytest.mark.parametrize("data", ["arrays", "iterable"])
@pytest.mark.parametrize("freq", [1, 3, "epoch"])
def test_every_moment(data, freq, tmp_path):
    given = {"x": X, "y": Y, "batch_size": 10} if data == "arrays" else {"x": Again()}

    def run(*callbacks):
        model = network()
        more = [LearningRateScheduler(lambda epoch, rate: 0.8 * rate), ReduceLROnPlateau("loss", patience=1)]
        return model, model.fit(**given, epochs=3, verbose=0, callbacks=[*callbacks, *more]).history

    whole, history = run()
    for moment in range(15):
        folder = tmp_path / str(moment)
        with pytest.raises(RuntimeError, match="killed"):
            run(BackupAndRestore(folder, freq, double_checkpoint=True), Stop(moment))
        model, again = run(BackupAndRestore(folder, freq, delete_checkpoint=False), Stop(-1))
        assert all(map(np.array_equal, model.get_weights(), whole.get_weights())), moment
        assert again == history
        assert (folder / "progress.safetensors").exists()


def test_files_that_do_not_fit(tmp_path):
    model = regression()
    model.fit(X, Y, verbose=0, callbacks=[BackupAndRestore(tmp_path / "a", delete_checkpoint=False)])
    path = tmp_path / "a" / "progress.safetensors"
    before = network().get_weights()
    other = network()
    with pytest.raises(ModelFileError, match=r"no weight|that .* does not have|has shape"):
        other.fit(X, Y, verbose=0, callbacks=[BackupAndRestore(tmp_path / "a")])
    assert all(map(np.array_equal, other.get_weights(), before))
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(ModelFileError, match="checksum"):
        regression().fit(X, Y, verbose=0, callbacks=[BackupAndRestore(tmp_path / "a")])
    model.save_weights(path)
    with pytest.raises(ModelFileError, match="is no file of BackupAndRestore"):
        regression().fit(X, Y, verbose=0, callbacks=[BackupAndRestore(tmp_path / "a")])
    with pytest.raises(ValueError, match=r"\[BackupAndRestore\] save_freq must be 'epoch' or a positive int, got 0"):
        BackupAndRestore(tmp_path, 0)


def test_ctrl_c_leaves_the_file(tmp_path):
    class Press(Callback):
        def on_train_batch_end(self, batch, logs=None):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        regression().fit(X, Y, verbose=0, callbacks=[BackupAndRestore(tmp_path / "a", 1), Press()])
    # What writes comes behind all others, so there is nothing yet; at the end of an epoch there is.
    model = regression()
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, epochs=2, verbose=0, callbacks=[BackupAndRestore(tmp_path / "a"), Late()])
    assert (tmp_path / "a" / "progress.safetensors").exists()
    regression().fit(
        X, Y, epochs=2, verbose=0, callbacks=[BackupAndRestore(tmp_path / "a"), CSVLogger(tmp_path / "csv")]
    )
    assert not (tmp_path / "a").exists()
    assert Path(tmp_path / "csv").read_text().count("\n") == 2  # the header, and the epoch that was left


class Late(Callback):
    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            raise KeyboardInterrupt


def test_what_a_killed_run_was_writing_is_removed(tmp_path):
    for name in (".progress.safetensors.0123456789ab.tmp", "previous.new"):
        (tmp_path / name).write_bytes(b"half a file")
    model = Sequential([Input((2,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.ones((4, 2), np.float32)
    model.fit(x, x[:, :1], verbose=0, callbacks=[BackupAndRestore(tmp_path / "kept", delete_checkpoint=False)])
    model.fit(x, x[:, :1], verbose=0, callbacks=[BackupAndRestore(tmp_path)])
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
