"""Training, evaluation, prediction: against steps written out, all kinds of data, Keras's names, bad data, Ctrl-C."""

from __future__ import annotations

import os
import signal
import threading

import numpy as np
import pytest

import nerve
from nerve import Input, Model, Sequential, callbacks, layers, losses, metrics, ops, optimizers
from nerve.callbacks import Callback
from nerve.errors import DTypeError, ShapeError
from nerve.models.data import ArrayBatches, IterableBatches

rng = np.random.default_rng(4)
X = rng.normal(size=(50, 3)).astype(np.float32)
W = np.array([[1.0], [-2.0], [0.5]], np.float32)
Y = X @ W + 0.3
LABELS = (Y[:, 0] > 0).astype(np.int64)


def close(actual, expected, tolerance=2e-5):
    np.testing.assert_allclose(np.asarray(actual), expected, rtol=tolerance, atol=tolerance)


def regression(**options):
    model = Sequential([Input((3,)), layers.Dense(1)])
    model.compile(**{"optimizer": optimizers.SGD(0.1), "loss": "mse", **options})
    return model


def classifier(loss="sparse_categorical_crossentropy", units=2, activation="softmax", **options):
    model = Sequential([Input((3,)), layers.Dense(8, activation="tanh"), layers.Dense(units, activation=activation)])
    model.compile(**{"optimizer": "adam", "loss": loss, "metrics": ["accuracy"], **options})
    return model


class Recorder(Callback):
    """Keeps the names of all events and the logs of batches and epochs."""

    def __init__(self):
        super().__init__()
        self.events = []
        self.logs = []
        for event in (
            "train_begin", "train_end", "epoch_begin", "epoch_end", "train_batch_begin", "train_batch_end",
            "test_begin", "test_end", "test_batch_begin", "test_batch_end",
        ):  # fmt: skip
            setattr(self, f"on_{event}", lambda *args, event=event: self.note(event, *args))

    def note(self, event, *args):
        self.events.append(event)
        if event in ("train_batch_end", "epoch_end"):
            self.logs.append((event, args[0], dict(args[1])))


class TestFit:
    def test_follows_gradient_descent_written_out(self):
        model = regression()
        w, b = (a.astype(np.float64) for a in model.get_weights())
        history = model.fit(X, Y, batch_size=20, epochs=3, shuffle=False, verbose=0)
        expected = []
        for _ in range(3):
            total = 0.0
            for start in (0, 20, 40):
                x, y = X[start : start + 20], Y[start : start + 20]
                error = x @ w + b - y
                total += (error**2).mean() * len(x)
                w, b = w - 0.1 * 2 * x.T @ error / len(x), b - 0.1 * 2 * error.mean(0)
            expected.append(total / 50)
        close(history.history["loss"], expected)
        close(model.get_weights()[0], w)
        close(model.get_weights()[1], b)
        assert history.epoch == [0, 1, 2]
        assert model.history is history

    def test_learns(self):
        nerve.random.seed(1)
        model = classifier(optimizer=optimizers.Adam(0.05))
        history = model.fit(X, LABELS, epochs=30, verbose=0)
        assert history.history["accuracy"][-1] > 0.95
        assert history.history["loss"][-1] < 0.5 * history.history["loss"][0]

    def test_shuffling_is_seeded_and_on_by_default(self):
        def weights(seed, **options):
            nerve.random.seed(0)
            model = regression()
            nerve.random.seed(seed)
            model.fit(X, Y, batch_size=5, epochs=2, verbose=0, **options)
            return model.get_weights()[0]

        assert np.array_equal(weights(1), weights(1))
        assert not np.array_equal(weights(1), weights(2))
        assert np.array_equal(weights(1, shuffle=False), weights(2, shuffle=False))

    def test_every_sample_once_per_epoch(self):
        seen = []

        class Watch(layers.Layer):
            def call(self, x, training=None):
                if training:
                    seen.extend(x.numpy()[:, 0].tolist())
                return x

        model = Sequential([Input((1,)), Watch(), layers.Dense(1)])
        model.compile("sgd", "mse")
        x = np.arange(23.0)[:, None]
        model.fit(x, x, batch_size=5, epochs=2, verbose=0)
        assert sorted(seen[:23]) == sorted(seen[23:]) == x[:, 0].tolist()
        assert seen[:23] != seen[23:]

    def test_order_of_events(self):
        recorder = Recorder()
        regression().fit(X[:4], Y[:4], batch_size=2, validation_data=(X[:4], Y[:4]), verbose=0, callbacks=[recorder])
        assert recorder.events == [
            "train_begin", "epoch_begin", "train_batch_begin", "train_batch_end", "train_batch_begin",
            "train_batch_end", "test_begin", "test_batch_begin", "test_batch_end", "test_batch_begin",
            "test_batch_end", "test_end", "epoch_end", "train_end",
        ]  # fmt: skip

    def test_logs_of_batches_are_means_so_far(self):
        recorder = Recorder()
        model = regression(optimizer=optimizers.SGD(0.0))
        model.fit(X, Y, batch_size=20, shuffle=False, verbose=0, callbacks=recorder)
        squares = (X @ model.get_weights()[0] + model.get_weights()[1] - Y) ** 2
        logs = [logs["loss"] for event, _, logs in recorder.logs if event == "train_batch_end"]
        close(logs, [squares[:20].mean(), squares[:40].mean(), squares.mean()])

    def test_stop_training(self):
        class Stop(Callback):
            def on_train_batch_end(self, batch, logs=None):
                self.model.stop_training = batch == 1

        recorder = Recorder()
        history = regression().fit(X, Y, batch_size=5, epochs=4, verbose=0, callbacks=[Stop(), recorder])
        assert recorder.events.count("train_batch_end") == 2
        assert recorder.events[-2:] == ["epoch_end", "train_end"]
        assert history.epoch == [0]

    def test_early_stopping_and_initial_epoch(self):
        model = regression(optimizer=optimizers.SGD(0.0))
        stop = callbacks.EarlyStopping(monitor="loss", patience=2)
        history = model.fit(X, Y, epochs=50, initial_epoch=10, verbose=0, callbacks=[stop])
        assert history.epoch[0] == 10
        assert len(history.epoch) < 10

    def test_checkpoint(self, tmp_path):
        path = tmp_path / "{epoch:02d}.nerve"
        model = classifier()
        model.fit(X, LABELS, epochs=2, verbose=0, callbacks=[callbacks.ModelCheckpoint(path)])
        loaded = nerve.models.load_model(tmp_path / "02.nerve")
        assert np.array_equal(loaded(X).numpy(), model(X).numpy())
        assert loaded.optimizer.iterations == 4

    def test_progress_is_printed(self, capsys):
        regression().fit(X, Y, epochs=2, verbose=2)
        assert "Epoch 2/2" in capsys.readouterr().out
        regression().fit(X, Y, verbose=0)
        assert capsys.readouterr().out == ""

    def test_frozen_weights_stay(self):
        model = classifier()
        model.layers[0].trainable = False
        before = model.get_weights()
        model.fit(X, LABELS, verbose=0)
        after = model.get_weights()
        assert np.array_equal(before[0], after[0])
        assert not np.array_equal(before[2], after[2])

    def test_float64(self):
        inputs = Input((3,), dtype="float64")
        model = Model(inputs, layers.Dense(1, dtype="float64")(inputs))
        model.compile(optimizers.SGD(0.2), "mse")
        model.fit(X, Y, epochs=300, verbose=0)
        close(model.get_weights()[0], W, 1e-7)

    def test_compile_again_forgets_the_optimizer(self):
        model = regression(optimizer="adam")
        model.fit(X, Y, verbose=0)
        assert model.optimizer.iterations == 2
        model.compile("adam", "mae")
        assert model.optimizer.iterations == 0
        assert "loss" in model.fit(X, Y, verbose=0).history


class TestWeights:
    def one_step(self, **options):
        model = regression()
        model.set_weights([np.zeros((3, 1)), np.zeros(1)])
        model.fit(X, Y, batch_size=50, shuffle=False, verbose=0, **options)
        return model.get_weights()[0]

    def expected(self, weights):
        return 0.1 * 2 * X.T @ (weights[:, None] * Y) / 50

    def test_sample_weight(self):
        weights = rng.uniform(size=50).astype(np.float32)
        close(self.one_step(sample_weight=weights), self.expected(weights))
        close(self.one_step(sample_weight=weights[:, None]), self.expected(weights))

    def test_class_weight(self):
        model = classifier(optimizer=optimizers.SGD(0.1))
        start = model.get_weights()
        by_class = {0: 3.0}
        model.fit(X, LABELS, batch_size=50, class_weight=by_class, verbose=0)
        other = classifier(optimizer=optimizers.SGD(0.1))
        other.set_weights(start)
        weights = np.where(LABELS == 0, 3.0, 1.0)
        other.fit(X, LABELS, batch_size=50, sample_weight=weights, verbose=0)
        close(model.get_weights()[0], other.get_weights()[0])
        third = classifier("categorical_crossentropy", optimizer=optimizers.SGD(0.1))
        third.set_weights(start)
        third.fit(X, np.eye(2)[LABELS], batch_size=50, class_weight=by_class, verbose=0)
        close(model.get_weights()[0], third.get_weights()[0])

    def test_class_weight_and_sample_weight_multiply(self):
        weights = rng.uniform(size=50).astype(np.float32)
        batches = ArrayBatches(X, LABELS, weights, batch_size=50)
        batches.weigh_classes({1: 2.0})
        close(batches.first()[2], weights * np.where(LABELS == 1, 2, 1))

    def test_metrics_without_and_with_weights(self):
        model = regression(metrics=["mae"], weighted_metrics=["mae"], optimizer=optimizers.SGD(0.0))
        weights = np.zeros(50)
        weights[0] = 2.0
        logs = model.evaluate(X, Y, sample_weight=weights, return_dict=True, verbose=0, batch_size=50)
        errors = np.abs(model.predict(X, verbose=0) - Y)
        close(logs["mae"], errors.mean())
        close(logs["weighted_mae"], errors[0, 0])
        close(logs["loss"], 2 * errors[0, 0] ** 2 / 50)


class TestNames:
    @pytest.mark.parametrize(
        ("model", "y", "kind"),
        [
            (lambda: classifier(), LABELS, metrics.SparseCategoricalAccuracy),
            (lambda: classifier(), LABELS[:, None], metrics.SparseCategoricalAccuracy),
            (lambda: classifier("categorical_crossentropy"), np.eye(2)[LABELS], metrics.CategoricalAccuracy),
            (lambda: classifier("binary_crossentropy", 1, "sigmoid"), LABELS, metrics.BinaryAccuracy),
            (lambda: classifier("binary_crossentropy", 1, "sigmoid"), LABELS[:, None], metrics.BinaryAccuracy),
            (lambda: classifier("crossentropy"), LABELS, metrics.SparseCategoricalAccuracy),
            (lambda: classifier("crossentropy"), np.eye(2)[LABELS], metrics.CategoricalAccuracy),
            (lambda: classifier("crossentropy", 1, "sigmoid"), LABELS, metrics.BinaryAccuracy),
        ],
    )
    def test_accuracy_is_the_one_that_fits(self, model, y, kind):
        model = model()
        history = model.fit(X, y, epochs=2, verbose=0)
        assert list(history.history) == ["accuracy", "loss"]  # sorted, as Keras gives them
        assert type(model.metrics[0]) is kind
        predicted = model.predict(X, verbose=0)
        labels = predicted.argmax(1) if predicted.shape[1] > 1 else predicted[:, 0] > 0.5
        close(model.evaluate(X, y, verbose=0)[1], (labels == LABELS).mean())

    def test_names_as_the_user_wrote_them(self):
        def bias(y_true, y_pred):
            return y_pred - y_true

        model = regression(metrics=["mse", "mae", metrics.RootMeanSquaredError(name="rmse"), bias, "mse"])
        history = model.fit(X, Y, validation_split=0.2, verbose=0)
        names = ["loss", "mse", "mae", "rmse", "bias", "mse_1"]
        assert list(history.history) == sorted(names + [f"val_{name}" for name in names])
        assert model.metrics_names == names
        found = model.evaluate(X, Y, verbose=0, return_dict=True)
        assert list(found) == sorted(names)
        assert model.evaluate(X, Y, verbose=0) == [found[name] for name in names]
        close(history.history["val_mse"], history.history["val_loss"])

    def test_several_outputs(self):
        inputs = Input((3,))
        model = Model(inputs, [layers.Dense(1, name="level")(inputs), layers.Dense(2, name="kind")(inputs)])
        model.compile(
            optimizers.SGD(0.0),
            loss={"level": "mse", "kind": losses.SparseCategoricalCrossentropy(from_logits=True)},
            loss_weights={"level": 0.5, "kind": 2.0},
            metrics={"level": ["mae"], "kind": ["accuracy"]},
        )
        for y in ([Y, LABELS], {"kind": LABELS, "level": Y}):
            logs = model.evaluate(X, y, return_dict=True, verbose=0)
            assert list(logs) == ["kind_accuracy", "kind_loss", "level_loss", "level_mae", "loss"]
            # The order of the list is Keras's too: losses by output, metrics by name.
            names = ["loss", "level_loss", "kind_loss", "kind_accuracy", "level_mae"]
            assert model.metrics_names == names
            assert model.evaluate(X, y, verbose=0) == [logs[name] for name in names]
            close(logs["loss"], 0.5 * logs["level_loss"] + 2 * logs["kind_loss"])
        level, kind = model.predict(X, verbose=0)
        close(logs["level_loss"], ((level - Y) ** 2).mean())
        close(logs["kind_accuracy"], (kind.argmax(1) == LABELS).mean())
        history = model.fit(X, [Y, LABELS], validation_split=0.5, verbose=0).history
        assert "val_kind_accuracy" in history
        model.compile("sgd", ["mse", "mse"], metrics={"level": ["mae"]}, weighted_metrics={"level": ["mae"]})
        logs = model.evaluate(X, [Y, X[:, :2]], return_dict=True, verbose=0)
        assert list(logs) == ["kind_loss", "level_loss", "level_mae", "level_weighted_mae", "loss"]

    def test_some_outputs_without_loss(self):
        inputs = Input((3,))
        model = Model(inputs, [layers.Dense(1, name="a")(inputs), layers.Dense(1, name="b")(inputs)])
        model.compile("sgd", [None, "mse"])
        logs = model.evaluate(X, [Y, Y], return_dict=True, verbose=0)
        assert list(logs) == ["loss"]  # of the only output that has one

    def test_outputs_in_a_dict(self):
        inputs = Input((3,))
        model = Model(inputs, {"z": layers.Dense(1)(inputs), "a": layers.Dense(1)(inputs)})
        model.compile("sgd", {"z": "mse", "a": "mae"}, metrics={"z": ["mae"]})
        logs = model.evaluate(X, {"z": Y, "a": Y}, return_dict=True, verbose=0)
        assert list(logs) == ["a_loss", "loss", "z_loss", "z_mae"]

    def test_functions_as_losses(self):
        def cubed(y_true, y_pred):
            return ops.mean(ops.absolute(y_pred - y_true) ** 3, axis=-1)

        model = regression(loss=cubed)
        close(model.evaluate(X, Y, verbose=0), (np.abs(model.predict(X, verbose=0) - Y) ** 3).mean())

    def test_unknown_names(self):
        model = Sequential([Input((3,)), layers.Dense(1)])
        for wrong in ({"optimizer": "adamm"}, {"loss": "msee"}, {"metrics": ["accuraccy"]}):
            with pytest.raises(ValueError, match="did you mean"):
                model.compile(**wrong)
        for wrong in ({"loss": 5}, {"metrics": [5]}, {"optimizer": None}):
            with pytest.raises(TypeError, match="expected a name or an instance of"):
                model.compile(**wrong)
        with pytest.raises(ValueError, match="loss_weights must be numbers, got 'a'"):
            model.compile(loss="mse", loss_weights="a")
        assert not model.compiled

    def test_arguments_that_do_not_fit_the_outputs(self):
        inputs = Input((3,))
        model = Model(inputs, [layers.Dense(1, name="a")(inputs), layers.Dense(1, name="b")(inputs)])
        for options, message in (
            ({"loss": ["mse"]}, "one entry for each of the 2 outputs"),
            ({"loss": {"c": "mse"}}, r"loss names \['c'\]"),
            ({"loss": "mse", "metrics": "mae"}, "must be a list or a dict"),
        ):
            model.compile("sgd", **options)
            with pytest.raises(ValueError, match=message):
                model.fit(X, [Y, Y], verbose=0)


class TestValidation:
    def test_split_is_the_end_before_shuffling(self):
        model = regression(optimizer=optimizers.SGD(0.0))
        history = model.fit(X, Y, validation_split=0.3, verbose=0).history
        close(history["val_loss"][0], model.evaluate(X[35:], Y[35:], verbose=0))
        close(history["loss"][0], model.evaluate(X[:35], Y[:35], verbose=0))

    @pytest.mark.parametrize("split", [-0.1, 1.0, 0.999])
    def test_bad_split(self, split):
        with pytest.raises(ValueError, match="validation_split"):
            regression().fit(X, Y, validation_split=split, verbose=0)

    def test_data_with_weights_and_batches(self):
        model = regression(optimizer=optimizers.SGD(0.0))
        weights = rng.uniform(size=50)
        history = model.fit(X, Y, validation_data=(X, Y, weights), validation_batch_size=50, verbose=0).history
        squares = (model.predict(X, verbose=0) - Y)[:, 0] ** 2
        close(history["val_loss"][0], (squares * weights).mean())
        history = model.fit(X, Y, validation_data=iter_batches(7), verbose=0)
        close(history.history["val_loss"][0], squares.mean())

    def test_frequency(self):
        recorder = Recorder()
        regression().fit(X, Y, epochs=4, validation_data=(X, Y), validation_freq=2, verbose=0, callbacks=[recorder])
        assert ["val_loss" in logs for event, _, logs in recorder.logs if event == "epoch_end"] == [0, 1, 0, 1]

    def test_is_checked_before_training(self):
        model = regression()
        before = model.get_weights()
        with pytest.raises(ShapeError, match="expects input"):
            model.fit(X, Y, validation_data=(X[:, :2], Y), verbose=0)
        with pytest.raises(ValueError, match="validation_data must be"):
            model.fit(X, Y, validation_data=X, verbose=0)
        assert np.array_equal(before[0], model.get_weights()[0])


class Listed:
    """An iterable of what is in a list."""

    def __init__(self, batches):
        self.batches = batches

    def __iter__(self):
        return iter(self.batches)


class iter_batches:
    """An iterable that begins anew every time."""

    def __init__(self, size, weights=False):
        self.size = size
        self.weights = weights
        self.passes = 0

    def __iter__(self):
        self.passes += 1
        for start in range(0, 50, self.size):
            chosen = slice(start, start + self.size)
            extra = (np.ones(len(X[chosen])),) if self.weights else ()
            yield (X[chosen], Y[chosen], *extra)


class TestIterables:
    def test_the_same_as_arrays(self):
        a, b = regression(), regression()
        b.set_weights(a.get_weights())
        source = iter_batches(20, weights=True)
        history = a.fit(source, epochs=3, verbose=0)
        expected = b.fit(X, Y, batch_size=20, epochs=3, shuffle=False, verbose=0)
        close(history.history["loss"], expected.history["loss"], 0)
        assert source.passes == 3
        close(a.evaluate(iter_batches(7), verbose=0), b.evaluate(X, Y, verbose=0))
        close(a.predict(iter_batches(7), verbose=0), b.predict(X, verbose=0))

    def test_a_sequence_of_lists_that_knows_its_length(self):
        class Batches:
            def __len__(self):
                return 3

            def __getitem__(self, index):  # beyond the end it gives empty batches, and no IndexError
                return [X[index * 20 : (index + 1) * 20], Y[index * 20 : (index + 1) * 20]]

        a, b = regression(), regression()
        b.set_weights(a.get_weights())
        history = a.fit(Batches(), epochs=2, verbose=0)
        expected = b.fit(X, Y, batch_size=20, epochs=2, shuffle=False, verbose=0)
        close(history.history["loss"], expected.history["loss"], 0)

    def test_endless_generators(self):
        def endless():
            while True:
                yield X[:10], Y[:10]

        recorder = Recorder()
        model = regression()
        model.fit(endless(), steps_per_epoch=3, epochs=2, verbose=0, callbacks=[recorder])
        assert recorder.events.count("train_batch_end") == 6
        assert model.evaluate(endless(), steps=2, verbose=0) >= 0
        assert model.predict(endless(), steps=2, verbose=0).shape == (20, 1)

    def test_a_generator_is_read_once(self):
        with pytest.raises(ValueError, match="can be read once"):
            regression().fit(iter(iter_batches(10)), epochs=2, verbose=0)
        model = regression()
        model.fit(iter(iter_batches(10)), verbose=0)
        assert model.optimizer.iterations == 5

    @pytest.mark.parametrize("kind", ["arrays", "iterable"])
    def test_epochs_go_on_where_the_last_ended(self, kind):
        x = np.arange(7, dtype=np.float32)[:, None]
        batches = [(x[i : i + 1], 0 * x[i : i + 1]) for i in range(7)]
        model = Sequential([Input((1,)), layers.Dense(1, kernel_initializer="ones")])
        model.compile(optimizers.SGD(0.0), "mae")
        options = {"steps_per_epoch": 3, "epochs": 5, "validation_steps": 2, "verbose": 0, "shuffle": False}
        if kind == "arrays":
            data = {"x": x, "y": 0 * x, "batch_size": 1, "validation_data": (x, 0 * x)}
        else:
            data = {"x": Listed(batches), "validation_data": Listed(batches)}
        history = model.fit(**data, **options).history
        assert history["loss"] == [1.0, 4.0, 6.0, 1.0, 4.0]
        assert history["val_loss"] == [0.5] * 5

    def test_steps_say_the_size_of_the_batches(self):
        recorder = Recorder()
        model = regression()
        model.fit(X, Y, steps_per_epoch=2, validation_split=0.5, validation_steps=5, verbose=0, callbacks=[recorder])
        assert recorder.events.count("train_batch_end") == 2
        assert recorder.events.count("test_batch_end") == 5
        assert model.predict(X, steps=3, verbose=0).shape == (50, 1)
        assert model.predict(X, steps=3, batch_size=2, verbose=0).shape == (6, 1)

    def test_steps_of_arrays(self):
        recorder = Recorder()
        regression().fit(X, Y, batch_size=10, steps_per_epoch=2, verbose=0, callbacks=[recorder])
        assert recorder.events.count("train_batch_end") == 2

    def test_class_weights(self):
        batches = IterableBatches([(X[:5], LABELS[:5])])
        batches.weigh_classes({0: 4.0})
        close(next(iter(batches))[2], np.where(LABELS[:5] == 0, 4, 1))

    def test_errors(self):
        model = regression()
        before = model.get_weights()
        for options, message in (
            ({"y": Y}, "y cannot be given"),
            ({"batch_size": 3}, "batch_size cannot be given"),
            ({"validation_split": 0.5}, "validation_split needs arrays"),
        ):
            with pytest.raises(ValueError, match=message):
                model.fit(iter_batches(10), verbose=0, **options)
        for wrong, message in (
            (iter([]), "yields no batches"),
            (iter([(X, Y, None, None)]), "got 4 parts"),
            (iter([(X, Y[:3])]), "one length above 0"),
            (iter([(X[:0], Y[:0])]), "one length above 0"),
            (iter([(X[:, :2], Y)]), "expects input"),
        ):
            with pytest.raises(ShapeError, match=message):
                model.fit(wrong, verbose=0)
        with pytest.raises(TypeError, match="must be arrays or yield batches"):
            model.fit(3, verbose=0)
        assert np.array_equal(before[0], model.get_weights()[0])


NAN = Y.copy()
NAN[7, 0] = np.nan


class TestBadData:
    @pytest.mark.parametrize(
        ("options", "error", "message"),
        [
            ({"x": X[:0], "y": LABELS[:0]}, ShapeError, "no samples"),
            ({"x": X, "y": LABELS[:-1]}, ShapeError, "x 50, y 49 samples"),
            ({"x": X, "y": LABELS, "sample_weight": np.ones(3)}, ShapeError, "sample_weight 3"),
            (
                {"x": X, "y": LABELS, "sample_weight": np.full(50, np.nan)},
                ValueError,
                "sample_weight holds NaN or infinity",
            ),
            (
                {"x": X, "y": LABELS, "sample_weight": np.full(50, np.inf)},
                ValueError,
                "sample_weight holds NaN or infinity",
            ),
            ({"x": X, "y": NAN[:, 0]}, ValueError, r"y for 'out' holds NaN, the first at index \(7,\)"),
            ({"x": X, "y": np.full(50, np.inf)}, ValueError, r"y for 'out' holds inf, the first at index \(0,\)"),
            ({"x": X, "y": LABELS + 1}, ValueError, "y for 'out' holds label 2, the output has classes 0 to 1"),
            ({"x": X, "y": LABELS - 1}, ValueError, "holds label -1"),
            ({"x": X, "y": LABELS + 0.5}, ValueError, "not a whole number"),
            ({"x": X[:, :2], "y": LABELS}, ShapeError, r"expects input 'in' of shape \(None, 3\), got \(32, 2\)"),
            ({"x": [X, X], "y": LABELS}, ShapeError, "expects 1 inputs, got 2"),
            ({"x": X, "y": [LABELS, LABELS]}, ShapeError, "targets for 1 outputs, got 2"),
            ({"x": X, "y": LABELS.astype(str)}, DTypeError, "encode labels as integers"),
            ({"x": X.astype(complex), "y": LABELS}, DTypeError, "x must hold numbers"),
            ({"x": [[1.0], [1.0, 2.0]], "y": LABELS}, ShapeError, "x is no array"),
            ({"x": 3.0 * np.ones(()), "y": LABELS}, ShapeError, "single number"),
            ({"x": X, "y": np.ones((50, 3))}, ShapeError, "y_true"),
            ({"x": X}, ValueError, "needs targets y"),
            ({"x": X, "y": LABELS, "batch_size": 0}, ValueError, "batch_size must be a positive int"),
            ({"x": X, "y": LABELS, "batch_size": 2.5}, ValueError, "batch_size must be a positive int"),
            ({"x": X, "y": LABELS, "steps_per_epoch": 0}, ValueError, "number of steps"),
            ({"x": X, "y": LABELS, "epochs": -1}, ValueError, "epochs must be an int of at least 0, got -1"),
            ({"x": X, "y": LABELS, "epochs": 1.5}, ValueError, "epochs must be an int of at least 0, got 1.5"),
            ({"x": X, "y": LABELS, "initial_epoch": "a"}, ValueError, "initial_epoch must be an int"),
            ({"x": X, "y": LABELS, "validation_freq": 0}, ValueError, "validation_freq must be an int of at least 1"),
            ({"x": X, "y": LABELS, "verbose": "loud"}, ValueError, "verbose must be .*, got 'loud'"),
            ({"x": X, "y": LABELS, "callbacks": 5}, TypeError, "expected a list of callbacks, got 5"),
            ({"x": X, "y": LABELS, "validation_split": "a"}, ValueError, "validation_split must be between 0 and 1"),
            (
                {"x": X, "y": LABELS, "validation_split": 0.5, "validation_batch_size": 0},
                ValueError,
                "batch_size must be a positive int, got 0",
            ),
            ({"x": X, "y": LABELS, "validation_split": 0.5, "validation_steps": 0}, ValueError, "number of steps"),
            ({"x": X, "y": LABELS, "validation_data": (X, None)}, ValueError, "needs targets y"),
            ({"x": X, "y": LABELS, "class_weight": [1, 2]}, TypeError, "must be a dict of class to weight, got list"),
            ({"x": X, "y": LABELS, "class_weight": {0: "a"}}, ValueError, "finite weights, got 0: 'a'"),
            ({"x": X, "y": LABELS, "class_weight": {0: np.nan}}, ValueError, "finite weights, got 0: nan"),
            ({"x": X, "y": LABELS, "class_weight": {"a": 1.0}}, ValueError, "finite weights, got 'a': 1.0"),
            ({"x": X, "y": LABELS, "class_weight": {0: 2.0}, "sample_weight": [np.ones(50)]}, ValueError, "one output"),
        ],
    )
    def test_one_clear_error_and_nothing_changed(self, options, error, message):
        inputs = Input((3,), name="in")
        x = layers.BatchNormalization()(inputs)
        model = Model(inputs, layers.Dense(2, activation="softmax", name="out")(x))
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        before = model.get_weights()
        with pytest.raises(error, match=message):
            model.fit(**{"verbose": 0, **options})
        assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
        assert model.optimizer.iterations == 0
        model.fit(X, LABELS, verbose=0)

    def test_steps_of_a_validation_split(self):
        recorder = Recorder()
        options = {"validation_split": 0.5, "validation_steps": 2, "batch_size": 5, "verbose": 0}
        regression().fit(X, Y, callbacks=[recorder], **options)
        assert recorder.events.count("test_batch_end") == 2

    def test_calls_with_what_is_no_data(self):
        model = regression()
        with pytest.raises(TypeError, match="x must be arrays, got NoneType"):
            model.predict_on_batch(None)
        with pytest.raises(DTypeError, match="expects real numbers, got dtype object"):
            model(np.full((2, 3), None))
        with pytest.raises(TypeError, match="expects a list of arrays, got NoneType"):
            model.set_weights(None)
        with pytest.raises(DTypeError, match="expects numbers for weight 'kernel', got dtype complex128"):
            model.set_weights([w.astype(complex) for w in model.get_weights()])

    def test_unbuilt_models_stay_unbuilt(self):
        model = Sequential([layers.Dense(4), layers.Conv2D(2, 3)])
        model.compile("sgd", "mse")
        with pytest.raises(ShapeError, match="Conv2D"):
            model.fit(X, Y, verbose=0)
        assert not model.built
        assert not model.layers[0].built
        model = Sequential([layers.Dense(2)])
        model.compile("sgd", "sparse_categorical_crossentropy")
        with pytest.raises(ValueError, match="holds label"):
            model.fit(X, LABELS + 5, verbose=0)
        assert not model.built

    def test_ignored_labels_may_be_anything(self):
        model = classifier(losses.SparseCategoricalCrossentropy(ignore_class=-1), metrics=None)
        labels = LABELS.copy()
        labels[::2] = -1
        model.fit(X, labels, verbose=0)

    def test_not_compiled(self):
        model = Sequential([Input((3,)), layers.Dense(1)])
        for act in (model.fit, model.evaluate, model.train_on_batch, model.test_on_batch):
            with pytest.raises(RuntimeError, match=r"call compile\(optimizer, loss\) before"):
                act(X, Y)
        model.compile("sgd")
        with pytest.raises(ValueError, match="no loss"):
            model.fit(X, Y, verbose=0)


class TestEvaluateAndPredict:
    def test_values(self):
        model = regression(metrics=["mae"])
        close(model.predict(X, batch_size=7, verbose=0), X @ model.get_weights()[0] + model.get_weights()[1])
        errors = model.predict(X, verbose=0) - Y
        loss, mae = model.evaluate(X, Y, batch_size=7, verbose=0)
        close([loss, mae], [(errors**2).mean(), np.abs(errors).mean()])
        assert isinstance(regression().evaluate(X, Y, verbose=0), float)

    def test_predict_needs_no_compile(self):
        model = Sequential([layers.Dense(2)])
        assert model.predict(X, verbose=0).shape == (50, 2)
        with pytest.raises(ShapeError, match="expects input"):
            model.predict(X[:, :2], verbose=0)
        with pytest.raises(ShapeError, match="no samples"):
            model.predict(X[:0], verbose=0)

    def test_nothing_is_trained_nor_remembered(self):
        model = Sequential([Input((3,)), layers.BatchNormalization(), layers.Dropout(0.5), layers.Dense(1)])
        model.compile("sgd", "mse")
        before = model.get_weights()
        model.evaluate(X, Y, verbose=0)
        assert np.array_equal(model.predict(X, verbose=0), model.predict(X, verbose=0))
        assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))

    def test_lists_of_numbers_and_tensors(self):
        model = regression()
        expected = model.predict(X, verbose=0)
        close(model.predict(X.tolist(), verbose=0), expected)
        close(model.predict(nerve.Tensor(X), verbose=0), expected)

    def test_single_batches(self):
        model = regression(metrics=["mae"])
        close(model.predict_on_batch(X), model.predict(X, verbose=0))
        before = model.test_on_batch(X, Y)
        losses_ = []
        for _ in range(60):
            losses_.append(model.train_on_batch(X, Y, return_dict=True)["loss"])
        close(losses_[0], before[0])  # every call tells of its own batch alone
        assert losses_[-1] < 1e-3 * losses_[0]
        with pytest.raises(ShapeError, match="expects input"):
            model.predict_on_batch(X[:, :1])

    def test_several_inputs(self):
        a, b = Input((3,), name="a"), Input((1,), name="b")
        model = Model([a, b], layers.Dense(1)(a) + b)
        model.compile(optimizers.SGD(0.1), "mse")
        model.fit({"a": X, "b": Y}, 2 * Y, epochs=60, verbose=0)
        assert model.evaluate([X, Y], 2 * Y, verbose=0) < 1e-3
        close(model.predict({"b": Y, "a": X}, verbose=0), model.predict([X, Y], verbose=0), 0)


class TestSubclassing:
    def test_own_train_step(self):
        class Custom(Model):
            def train_step(self, data):
                x, y = data
                y_pred = self(x, training=True)
                loss = ops.mean((y_pred - y) ** 2)
                self.optimizer.apply(nerve.gradients(loss, self.trainable_variables), self.trainable_variables)
                return {"mine": loss}

        inputs = Input((3,))
        model = Custom(inputs, layers.Dense(1)(inputs))
        model.compile(optimizers.SGD(0.1))
        history = model.fit(X, Y, epochs=30, verbose=0).history
        assert list(history) == ["mine"]
        assert history["mine"][-1] < 1e-2

    def test_batches_as_keras_packs_them(self):
        seen = []

        class Watch(Model):
            def train_step(self, data):
                seen.append(data)
                return super().train_step(data)

            def predict_step(self, data):
                seen.append(data)
                return super().predict_step(data)

        inputs = Input((3,))
        model = Watch(inputs, layers.Dense(1)(inputs))
        model.compile("sgd", "mse")
        model.fit(X, Y, batch_size=50, verbose=0)
        model.fit(X, Y, batch_size=50, sample_weight=np.ones(50), verbose=0)
        model.predict(X, batch_size=50, verbose=0)
        assert [len(data) for data in seen[:2]] == [2, 3]
        assert np.array_equal(seen[2], X)
        other = Input((3,))
        model = Watch([inputs, other], layers.Add()([inputs, other]))
        close(model.predict([X, X], batch_size=50, verbose=0), 2 * X)
        assert len(seen[3]) == 1
        assert len(seen[3][0]) == 2

    def test_own_metrics(self):
        class Watch(Model):
            def __init__(self, *args, **kwargs):
                super().__init__(*args, **kwargs)
                self.seen = metrics.Mean(name="seen")

            def train_step(self, data):
                self.seen.update_state(self.optimizer.iterations)
                return super().train_step(data)

        inputs = Input((3,))
        model = Watch(inputs, layers.Dense(1)(inputs))
        model.compile("sgd", "mse", metrics=["mae"])
        history = model.fit(X, Y, batch_size=25, epochs=2, verbose=0).history
        assert history["seen"] == [0.5, 2.5]  # two steps an epoch, and nothing of the epoch before
        assert model.metrics_names == ["loss", "seen", "mae"]
        assert [metric.name for metric in model.metrics] == ["seen", "mae"]

    def test_own_loss(self):
        class Own(Model):
            def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):
                return ops.mean(ops.absolute(y_pred - y)) + 1.0

        inputs = Input((3,))
        model = Own(inputs, layers.Dense(1)(inputs))
        model.compile("sgd", metrics=["mae"])
        logs = model.evaluate(X, Y, verbose=0, return_dict=True)
        close(logs["loss"], logs["mae"] + 1.0)

    def test_call(self):
        class Net(Model):
            def __init__(self):
                super().__init__()
                self.hidden = layers.Dense(8, activation="relu")
                self.out = layers.Dense(1)

            def call(self, x):
                return self.out(self.hidden(x))

        model = Net()
        model.compile(optimizers.Adam(0.05), "mse", metrics=["mae"])
        history = model.fit(X, Y, epochs=40, verbose=0).history
        assert history["loss"][-1] < 0.05 * history["loss"][0]
        model = Net()
        model.compile("sgd", "mse")
        model.hidden = layers.Conv2D(2, 3)
        with pytest.raises(ShapeError, match=r"^\[net\S*/conv2d\S* \(Conv2D\)\] "):
            model.fit(X, Y, verbose=0)
        assert not model.built


class TestInterrupts:
    def test_a_callback_that_is_interrupted(self):
        class Press(Callback):
            ended = 0

            def on_train_batch_end(self, batch, logs=None):
                if batch == 2:
                    raise KeyboardInterrupt

            def on_train_end(self, logs=None):
                self.ended += 1

        nerve.random.seed(0)
        model, press = regression(), Press()
        start = model.get_weights()
        with pytest.raises(KeyboardInterrupt):
            model.fit(X, Y, batch_size=10, shuffle=False, verbose=0, callbacks=[press])
        assert press.ended == 1
        assert model.optimizer.iterations == 3
        other = regression()
        other.set_weights(start)
        other.fit(X[:30], Y[:30], batch_size=10, shuffle=False, verbose=0)
        close(model.get_weights()[0], other.get_weights()[0], 0)
        model.fit(X, Y, verbose=0)

    @pytest.mark.skipif(os.name != "posix", reason="signals")
    def test_ctrl_c_in_the_middle_of_a_step_waits_for_its_end(self):
        events = []

        class Press(layers.Layer):
            def call(self, x, training=None):
                if training:
                    events.append("pressed")
                    signal.raise_signal(signal.SIGINT)
                    events.append("went on")
                return x

        before = signal.getsignal(signal.SIGINT)
        model = Sequential([Input((3,)), layers.BatchNormalization(), Press(), layers.Dense(1)])
        model.compile("sgd", "mse")
        with pytest.raises(KeyboardInterrupt):
            model.fit(X, Y, batch_size=10, verbose=0)
        assert events == ["pressed", "went on"]
        assert model.optimizer.iterations == 1
        assert np.abs(model.layers[0].moving_mean.numpy()).max() > 0
        assert signal.getsignal(signal.SIGINT) is before

    def test_an_error_in_a_step_changes_nothing(self):
        model = Sequential([Input((3,)), layers.BatchNormalization(), layers.Dense(1)])

        def broken(y_true, y_pred):
            raise RuntimeError("broken loss")

        model.compile("sgd", broken)
        before = model.get_weights()
        closed = []

        class Watch(Callback):
            def on_train_end(self, logs=None):
                closed.append("end")

            def close(self):
                closed.append("close")

        with pytest.raises(RuntimeError, match="broken loss"):
            model.fit(X, Y, verbose=0, callbacks=[Watch()])
        assert closed == ["close"]
        assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))

    def test_other_threads_train_too(self):
        model = regression()
        thread = threading.Thread(target=lambda: model.fit(X, Y, verbose=0))
        thread.start()
        thread.join()
        assert model.optimizer.iterations == 2
