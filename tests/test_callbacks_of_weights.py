"""Callbacks that write event files, send logs, watch gradients and swap weights."""

from __future__ import annotations

import http.server
import json
import struct
import threading
import urllib.parse
import warnings

import numpy as np
import pytest

from nerve import Input, Model, Sequential, layers, optimizers
from nerve.callbacks import (
    GradientNorms,
    LambdaCallback,
    ModelCheckpoint,
    RemoteMonitor,
    SwapEMAWeights,
    TensorBoard,
)
from nerve.callbacks.event_files import masked_crc32c

from .fitting import X, Y, close, regression


def fields(data):
    """The fields of a message of protocol buffers: number to list of values."""
    found, at = {}, 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        key = varint()
        if key & 7 == 0:
            value = varint()
        elif key & 7 == 2:
            length = varint()
            value, at = data[at : at + length], at + length
        else:
            form, size = ("<d", 8) if key & 7 == 1 else ("<f", 4)
            (value,) = struct.unpack(form, data[at : at + size])
            at += size
        found.setdefault(key >> 3, []).append(value)
    return found


def events(folder):
    """(tag, step, value) of the only event file in a folder; its checksums are right."""
    (path,) = folder.iterdir()
    data, at, found = path.read_bytes(), 0, []
    while at < len(data):
        (length,) = struct.unpack("<Q", data[at : at + 8])
        assert struct.unpack("<I", data[at + 8 : at + 12])[0] == masked_crc32c(data[at : at + 8])
        record = data[at + 12 : at + 12 + length]
        assert struct.unpack("<I", data[at + 12 + length : at + 16 + length])[0] == masked_crc32c(record)
        at += 16 + length
        event = fields(record)
        for summary in event.get(5, []):
            value = fields(fields(summary)[1][0])
            found.append(
                (value[1][0].decode(), event.get(2, [0])[0], value[2][0] if 2 in value else fields(value[5][0]))
            )
    return found


class TestTensorBoard:
    def test_checksum(self):
        # The check value of CRC-32C, 0xE3069283, masked.
        crc = 0xE3069283
        assert masked_crc32c(b"123456789") == ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF

    def test_what_is_written(self, tmp_path):
        model = regression(metrics=["mae"])
        board = TensorBoard(tmp_path, histogram_freq=2, update_freq=2, write_steps_per_second=True)
        history = model.fit(X, Y, batch_size=10, epochs=3, validation_split=0.2, verbose=0, callbacks=[board]).history
        train = events(tmp_path / "train")
        scalars = {(tag, step): value for tag, step, value in train if not isinstance(value, dict)}
        close([scalars["epoch_loss", epoch] for epoch in range(3)], history["loss"])
        close([scalars["epoch_learning_rate", epoch] for epoch in range(3)], [0.1] * 3)
        assert {tag for tag, _, _ in train} == {
            "epoch_loss", "epoch_mae", "epoch_learning_rate", "epoch_steps_per_second", "batch_loss", "batch_mae",
            "batch_steps_per_second", "dense/kernel/histogram", "dense/bias/histogram",
        }  # fmt: skip
        assert [step for tag, step, _ in train if tag == "batch_mae"] == [2, 4, 6, 8, 10, 12]
        validation = {(tag, step): value for tag, step, value in events(tmp_path / "validation")}
        close([validation["epoch_mae", epoch] for epoch in range(3)], history["val_mae"])
        assert ("evaluation_loss_vs_iterations", 12) in validation
        last = [value for tag, step, value in train if tag == "dense/kernel/histogram" and step == 2]
        kernel = model.get_weights()[0]
        close(
            [last[0][key][0] for key in (1, 2, 3, 4, 5)],
            [kernel.min(), kernel.max(), 3, kernel.sum(), (kernel**2).sum()],
        )
        assert np.frombuffer(last[0][7][0]).sum() == 3
        assert board._files == {}

    def test_what_is_wrong(self):
        with pytest.raises(ValueError, match=r"\[TensorBoard\] update_freq must be .* got 'step'"):
            TensorBoard(update_freq="step")

    def test_what_is_not_written_is_said(self, tmp_path):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            TensorBoard(tmp_path, embeddings_freq=0, profile_batch=0, write_images=False, write_graph=False)
        with pytest.warns(UserWarning, match=r": write_graph=True, profile_batch=\(2, 4\) changes nothing"):
            TensorBoard(tmp_path, write_graph=True, profile_batch=(2, 4))


class TestRemoteMonitor:
    @pytest.mark.parametrize("as_json", [False, True])
    def test_sends_logs(self, as_json):
        received = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                text = body if as_json else urllib.parse.parse_qs(body)["logs"][0]
                received.append((self.path, self.headers["X-Run"], json.loads(text)))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *args):
                pass

        server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            root = f"http://127.0.0.1:{server.server_port}"
            monitor = RemoteMonitor(root, "/here/", "logs", {"X-Run": "7"}, send_as_json=as_json)
            history = regression().fit(X, Y, epochs=2, verbose=0, callbacks=[monitor]).history
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
        assert received == [("/here/", "7", {"epoch": e, "loss": history["loss"][e]}) for e in range(2)]

    def test_a_server_that_is_not_there(self):
        with pytest.warns(UserWarning, match=r"\[RemoteMonitor\] could not reach http://127.0.0.1:9"):
            regression().fit(X, Y, verbose=0, callbacks=[RemoteMonitor("http://127.0.0.1:9")])
        with pytest.raises(ValueError, match="root must begin with http"):
            RemoteMonitor("file:///etc")


class TestGradientNorms:
    @pytest.mark.parametrize("run_eagerly", [False, True])
    def test_are_those_of_the_layers(self, run_eagerly):
        model = regression(optimizer=optimizers.SGD(0.1, clipnorm=0.01), run_eagerly=run_eagerly)
        found = []

        def note(batch, logs):
            if batch:
                return
            w, b = model.get_weights()
            error = X @ w + b - Y
            found.append(np.sqrt(((2 * X.T @ error / 50) ** 2).sum() + (2 * error.mean()) ** 2))

        norms = GradientNorms()
        watch = LambdaCallback(on_train_batch_begin=note)
        model.fit(X, Y, batch_size=50, epochs=5, verbose=0, callbacks=[watch, norms])
        close(norms.history["dense"], found)
        assert model.optimizer.watched is None

    def test_warnings_name_the_layer(self):
        inputs = Input((3,))
        x = layers.Dense(4, kernel_initializer="zeros", name="dead")(inputs)
        x = layers.Dense(4, kernel_initializer="zeros", name="next")(x)
        model = Model(inputs, layers.Dense(1, kernel_initializer="zeros", name="last")(x))
        model.compile(optimizers.SGD(0.0), "mse")
        with pytest.warns(UserWarning, match=r"gradients of (dense|dense_1|.*) \(Dense\) vanish") as caught:
            model.fit(X, Y, epochs=3, verbose=0, callbacks=[GradientNorms()])
        assert len([w for w in caught if "vanish" in str(w.message)]) == 2
        model = regression()
        with pytest.warns(UserWarning, match=r"gradients of dense \(Dense\) explode: their norm in epoch 1 is"):
            model.fit(X, 1e6 * Y, verbose=0, callbacks=[GradientNorms()])


class TestSwapEMAWeights:
    def test_evaluates_with_the_averages(self):
        model = regression(optimizer=optimizers.SGD(0.1, use_ema=True, ema_momentum=0.9))
        seen = []
        swap = SwapEMAWeights()
        keep = LambdaCallback(
            on_test_begin=lambda logs: seen.append(model.get_weights()[0]),
            on_epoch_end=lambda epoch, logs: seen.append(model.get_weights()[0]),
        )
        model.fit(X, Y, epochs=2, verbose=0, validation_data=(X, Y), callbacks=[swap, keep])
        assert not np.array_equal(seen[0], seen[1])
        assert np.array_equal(seen[2], model.get_weights()[0])  # where training ends, too

    def test_saves_the_averages(self, tmp_path):
        model = regression(optimizer=optimizers.SGD(0.1, use_ema=True, ema_momentum=0.9))
        plain = regression(optimizer=optimizers.SGD(0.1, use_ema=True, ema_momentum=0.9))
        plain.set_weights(model.get_weights())
        save = ModelCheckpoint(tmp_path / "{epoch}.nerve")
        fit = {"epochs": 3, "verbose": 0, "shuffle": False, "batch_size": 10}
        model.fit(X, Y, callbacks=[SwapEMAWeights(swap_on_epoch=True), save], **fit)
        plain.fit(X, Y, **fit)
        assert all(map(np.array_equal, model.get_weights(), plain.get_weights()))
        averaged = regression()
        averaged.load_weights(tmp_path / "3.nerve")
        assert all(map(np.array_equal, averaged.get_weights(), plain.get_weights()))

    def test_without_averages(self):
        with pytest.raises(ValueError, match="needs an optimizer with use_ema=True"):
            regression().fit(X, Y, verbose=0, validation_data=(X, Y), callbacks=[SwapEMAWeights()])


def test_checkpoints_that_are_left(tmp_path):
    model = Sequential([Input((3,)), layers.Dense(1)])
    model.compile(optimizers.SGD(0.05), "mse")
    last = ModelCheckpoint(tmp_path / "last" / "{epoch}.nerve", max_to_keep=2)
    best = ModelCheckpoint(tmp_path / "best" / "{epoch}.nerve", "loss", save_best_only=True, max_to_keep=1)
    rates = LambdaCallback(
        on_epoch_begin=lambda epoch, logs: setattr(model.optimizer, "learning_rate", [0.05, 0.05, 1e3][epoch])
    )
    model.fit(X, Y, epochs=3, verbose=0, callbacks=[rates, last, best], shuffle=False)
    assert sorted(path.name for path in (tmp_path / "last").iterdir()) == ["2.nerve", "3.nerve"]
    assert [path.name for path in (tmp_path / "best").iterdir()] == ["2.nerve"]
    with pytest.raises(ValueError, match="max_to_keep must be a positive int, got 0"):
        ModelCheckpoint(tmp_path, max_to_keep=0)
