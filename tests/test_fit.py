"""Training, evaluation and prediction against steps written out, and under Keras's names."""

from __future__ import annotations

import numpy as np
import pytest

import nerve
from nerve import Input, Model, Sequential, callbacks, layers, losses, metrics, ops, optimizers
from nerve.callbacks import Callback
from nerve.errors import ShapeError
from nerve.models.data import ArrayBatches

from .fitting import LABELS, Recorder, W, X, Y, classifier, close, regression, rng


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
        model.compile("sgd", "mse", run_eagerly=True)  # so that the layer sees every batch
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
        assert [type(metric) for metric in model.metrics[-1].metrics] == [kind]
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


@pytest.mark.parametrize("run_eagerly", [False, True])
def test_a_model_without_trainable_weights_is_measured(run_eagerly):
    model = Sequential([Input((3,), name="rows"), layers.Rescaling(2.0)], name="scale")
    model.compile("sgd", "mse", metrics=["mae"], run_eagerly=run_eagerly)
    x = np.arange(12, dtype=np.float32).reshape(4, 3)
    with pytest.warns(UserWarning, match=r"\[scale\] has no trainable weights"):
        logs = model.fit(x, x, epochs=2, batch_size=2, verbose=0).history
    np.testing.assert_allclose(logs["loss"], [np.mean(x**2)] * 2, rtol=1e-6)
    np.testing.assert_allclose(logs["mae"], [x.mean()] * 2, rtol=1e-6)
