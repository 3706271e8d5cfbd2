"""What `fit` takes: validation data, iterables of batches, and bad data, which is refused before the first step."""

from __future__ import annotations

import numpy as np
import pytest

from nerve import Input, Model, Sequential, layers, losses, ops, optimizers
from nerve.errors import DTypeError, ShapeError
from nerve.models.data import IterableBatches

from .fitting import LABELS, Recorder, X, Y, classifier, close, iter_batches, regression, rng


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
        close(model.evaluate(endless(), steps=2, verbose=0), model.evaluate(X[:10], Y[:10], verbose=0))
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
        close(model.evaluate(X, labels, verbose=0), model.evaluate(X[1::2], labels[1::2], verbose=0))
        before = model.get_weights()
        model.fit(X, labels, verbose=0)
        assert any((a != b).any() for a, b in zip(before, model.get_weights(), strict=True))

    def test_not_compiled(self):
        model = Sequential([Input((3,)), layers.Dense(1)])
        for act in (model.fit, model.evaluate, model.train_on_batch, model.test_on_batch):
            with pytest.raises(RuntimeError, match=r"call compile\(optimizer, loss\) before"):
                act(X, Y)
        model.compile("sgd")
        with pytest.raises(ValueError, match="no loss"):
            model.fit(X, Y, verbose=0)


def test_validation_data_without_targets():
    class Own(Sequential):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return ops.mean(ops.square(y_pred))

    model = Own([Input((3,)), layers.Dense(1)])
    model.compile("sgd")
    history = model.fit(X, validation_data=(X,), epochs=2, verbose=0).history
    assert len(history["val_loss"]) == 2
    close(history["val_loss"][-1], model.evaluate(X, verbose=0))


def test_a_batch_size_beside_batches_is_of_no_account():
    model = regression()
    with pytest.warns(UserWarning, match="batch_size=3 changes nothing where x yields batches itself"):
        history = model.fit(iter_batches(10), batch_size=3, verbose=0)
    assert len(history.history["loss"]) == 1
