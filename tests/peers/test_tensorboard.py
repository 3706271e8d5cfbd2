"""Event files, read by TensorBoard itself."""

from __future__ import annotations

import numpy as np
import pytest

from nerve import Input, Sequential, layers
from nerve.callbacks import TensorBoard

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]
event_accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")


def read(folder):
    found = event_accumulator.EventAccumulator(str(folder), {"scalars": 0, "histograms": 0})
    found.Reload()
    return found


def test_event_files(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, 3)).astype(np.float32)
    model = Sequential([Input((3,)), layers.Dense(50, "tanh"), layers.Dense(1)])
    model.compile("adam", "mse", metrics=["mae"])
    board = TensorBoard(tmp_path, histogram_freq=1, update_freq="batch")
    history = model.fit(
        x, x[:, :1], batch_size=10, epochs=3, validation_split=0.25, verbose=0, callbacks=[board]
    ).history
    train, validation = read(tmp_path / "train"), read(tmp_path / "validation")
    for found, prefix in ((train, ""), (validation, "val_")):
        for name in ("loss", "mae"):
            scalars = found.Scalars(f"epoch_{name}")
            assert [event.step for event in scalars] == [0, 1, 2]
            np.testing.assert_allclose([event.value for event in scalars], history[prefix + name], rtol=1e-6)
    assert [event.step for event in train.Scalars("batch_loss")] == list(range(1, 10))
    histograms = train.Histograms("dense/kernel/histogram")
    assert [event.step for event in histograms] == [0, 1, 2]
    kernel, value = model.get_weights()[0], histograms[-1].histogram_value
    assert value.num == sum(value.bucket) == kernel.size
    np.testing.assert_allclose([value.min, value.max, value.sum], [kernel.min(), kernel.max(), kernel.sum()], rtol=1e-5)
