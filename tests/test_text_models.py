"""Models that take text, which becomes numbers before the recorded steps; and layers that were never adapted."""

from __future__ import annotations

import numpy as np
import pytest

import nerve
from nerve import layers
from nerve.errors import DTypeError, ShapeError

TEXTS = np.array(["good film", "bad film", "a good day", "a bad day", "good good", "bad bad"] * 4)
LABELS = np.array([1, 0, 1, 0, 1, 0] * 4, np.float32)[:, None]


def vectorizer(**options):
    layer = layers.TextVectorization(output_sequence_length=4, **options)
    layer.adapt(TEXTS)
    return layer


def stack(first, **options):
    nerve.utils.set_random_seed(0)
    body = [layers.Embedding(16, 4), layers.GlobalAveragePooling1D(), layers.Dense(1, activation="sigmoid")]
    model = nerve.Sequential([*first, *body])
    model.compile(nerve.optimizers.Adam(0.05), "binary_crossentropy", metrics=["accuracy"], **options)
    return model


def on_numbers(vectorize):
    """The same model, on what the layer makes of the texts."""
    model = stack([])
    history = model.fit(vectorize(TEXTS), LABELS, epochs=8, batch_size=8, verbose=0).history
    return model, history


@pytest.mark.parametrize(
    ("x", "shape"),
    [(TEXTS, (1,)), (TEXTS[:, None], (1,)), (TEXTS.tolist(), (1,)), (TEXTS.astype(object), (1,)), (TEXTS, ())],
    ids=["array", "column", "list", "objects", "no axis"],
)
def test_a_stack_learns_from_texts_as_from_their_numbers(x, shape):
    vectorize = vectorizer()
    reference, expected = on_numbers(vectorize)
    model = stack([nerve.Input(shape, dtype="string"), vectorize])
    history = model.fit(x, LABELS, epochs=8, batch_size=8, verbose=0).history
    assert history == expected
    assert history["loss"][-1] < 0.8 * history["loss"][0]
    np.testing.assert_array_equal(model.predict(x, verbose=0), reference.predict(vectorize(TEXTS), verbose=0))
    np.testing.assert_array_equal(model.predict(x, verbose=0), model.predict(x, verbose=0))
    assert model.evaluate(x, LABELS, verbose=0) == reference.evaluate(vectorize(TEXTS), LABELS, verbose=0)
    assert model._recorders  # no step has seen the text


def test_without_an_input_and_in_single_batches():
    vectorize = vectorizer()
    _, expected = on_numbers(vectorize)
    model = stack([vectorize])
    assert model.fit(TEXTS, LABELS, epochs=8, batch_size=8, verbose=0).history == expected
    assert model.input_shape == (None, 1)
    found = stack([vectorizer()]).train_on_batch(TEXTS, LABELS)
    assert found == stack([]).train_on_batch(vectorize(TEXTS), LABELS)
    np.testing.assert_array_equal(model.predict_on_batch(TEXTS[:3]), model.predict(TEXTS[:3], verbose=0))
    np.testing.assert_array_equal(np.asarray(model(TEXTS[:3])), model.predict(TEXTS[:3], verbose=0))


def test_batches_of_text_and_validation():
    vectorize = vectorizer()
    slices = [slice(i, i + 8) for i in range(0, 24, 8)]
    results = []
    for x, first in ((TEXTS, [nerve.Input((1,), dtype="string"), vectorize]), (vectorize(TEXTS), [])):
        model = stack(first)
        batches = ((x[rows], LABELS[rows]) for _ in range(3) for rows in slices)
        given = {"steps_per_epoch": 3, "validation_data": (x[:8], LABELS[:8])}
        results.append(model.fit(batches, epochs=3, verbose=0, **given).history)
        results.append(model.predict((x[rows] for rows in slices), verbose=0).tolist())
        results.append(model.fit(x, LABELS, validation_split=0.5, verbose=0).history)
    assert results[:3] == results[3:]


def test_text_beside_numbers(tmp_path):
    words, number = nerve.Input((1,), dtype="string", name="words"), nerve.Input((2,), name="number")
    place = layers.StringLookup(vocabulary=["red", "green"], name="place")
    known = layers.Flatten()(layers.Embedding(3, 2)(place(words)))
    hashed = layers.Hashing(5, output_mode="one_hot")(words)
    outputs = layers.Dense(1)(layers.Concatenate()([known, hashed, number]))
    model = nerve.Model({"words": words, "number": number}, outputs)
    x = {"words": np.array(["red", "green", "blue", "red"])[:, None], "number": np.ones((4, 2), np.float32)}
    model.compile("sgd", "mse")
    before = model.get_weights()
    model.fit(x, np.ones((4, 1)), verbose=0, epochs=2)
    assert any(not np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    y = model.predict(x, verbose=0)
    assert y[0] == y[3] != y[1]
    model.save(tmp_path / "model.nerve")
    np.testing.assert_array_equal(nerve.models.load_model(tmp_path / "model.nerve").predict(x, verbose=0), y)
    assert nerve.models.clone_model(model).output_shape == (None, 1)


def test_what_is_refused():
    text = nerve.Input((1,), dtype="string", name="text")
    with pytest.raises(TypeError, match=r"\[flat \(Flatten\)\] gets the text of Input 'text': only"):
        nerve.Model(text, layers.Flatten(name="flat")(text))
    model = stack([nerve.Input((1,), dtype="string", name="t"), vectorizer()])
    with pytest.raises(DTypeError, match=r"expects text for input 't', got float64"):
        model.predict(np.ones((3, 1)), verbose=0)
    with pytest.raises(ShapeError, match=r"expects input 't' of shape \(None, 1\), got \(2, 2, 1\)"):
        model.fit(TEXTS[:4].reshape(2, 2, 1), LABELS[:2], verbose=0)
    with pytest.raises(DTypeError, match=r"x must hold numbers, got dtype .*; text goes through TextVectorization"):
        stack([]).fit(TEXTS, LABELS)


@pytest.mark.parametrize(
    "layer",
    [
        layers.StringLookup(name="l"),
        layers.StringLookup(invert=True, name="l"),
        layers.IntegerLookup(name="l"),
        layers.TextVectorization(name="l"),
        layers.TextVectorization(output_mode="tf_idf", name="l"),
        layers.StringLookup(output_mode="multi_hot", max_tokens=5, pad_to_max_tokens=True, name="l"),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_a_vocabulary_that_was_never_learned(layer):
    x = np.array([1, 2]) if getattr(layer, "invert", False) or "Integer" in type(layer).__name__ else TEXTS[:2]
    with pytest.raises(RuntimeError, match=r"^\[l \(\w+\)\] has no vocabulary yet: give one, or call adapt$"):
        layer(x)


def test_a_normalization_that_was_never_adapted():
    x = np.array([[3.0], [5.0]], np.float32)
    layer = layers.Normalization(name="n")
    with pytest.warns(UserWarning, match=r"\[n \(Normalization\)\] was never adapted, and gives its inputs back"):
        np.testing.assert_array_equal(np.asarray(layer(x)), x)
    layer(x)  # said once
    for data in (x, np.array([[-1.0], [1.0]])):  # the second has mean 0 and variance 1 already
        layer = layers.Normalization()
        layer.adapt(data)
        layer(x)
    again = layers.Normalization()
    again.build((None, 1))
    again.set_weights([[4.0], [1.0]])
    np.testing.assert_allclose(np.asarray(again(x)), x - 4)
    model = nerve.Sequential([nerve.Input((1,)), layers.Normalization(name="n"), layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.warns(UserWarning, match="never adapted"):
        model.fit(x, x, epochs=2, verbose=0)


class Reader(nerve.Model):
    """Text is read in the middle of `call`."""

    def __init__(self, vectorize=None, **options):
        super().__init__(**options)
        self.vectorize = vectorizer() if vectorize is None else vectorize
        self.table, self.pool = layers.Embedding(16, 4), layers.GlobalAveragePooling1D()
        self.top = layers.Dense(1, activation="sigmoid")

    def call(self, inputs):
        return self.top(self.pool(self.table(self.vectorize(inputs))))

    def get_config(self):
        return {"name": self.name}


class OwnSteps(Reader):
    def train_step(self, data):
        x, y = data
        loss = self.compute_loss(x, y, self(x, training=True))
        self.optimizer.apply(nerve.gradients(loss, self.trainable_variables), self.trainable_variables)
        return {"loss": loss, **self.compute_metrics(x, y, self(x))}

    def predict_step(self, data):
        return self(data)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("cls", [Reader, OwnSteps])
@pytest.mark.parametrize(
    "x", [TEXTS, TEXTS[:, None], TEXTS.tolist(), TEXTS.astype(object)], ids=lambda x: type(x).__name__
)
def test_a_subclass_reads_text_in_its_call(cls, x):
    """As the same layers do on the numbers, though its steps run in Python."""
    _, expected = on_numbers(vectorizer())
    nerve.utils.set_random_seed(0)
    model = cls()
    model.compile(nerve.optimizers.Adam(0.05), "binary_crossentropy", metrics=["accuracy"])
    history = model.fit(x, LABELS, epochs=8, batch_size=8, verbose=0).history
    if cls is Reader:
        for name, values in expected.items():
            np.testing.assert_allclose(history[name], values, rtol=1e-6)
    assert history["loss"][-1] < 0.8 * history["loss"][0]
    np.testing.assert_array_equal(model.predict(x, verbose=0), np.asarray(model(np.array(x, str))))
    assert model.evaluate(x, LABELS, verbose=0)[1] == pytest.approx(expected["accuracy"][-1], abs=0.3)
    batches = ((np.asarray(x)[rows], LABELS[rows]) for _ in range(2) for rows in (slice(0, 8), slice(8, 24)))
    assert len(model.fit(batches, steps_per_epoch=2, epochs=2, verbose=0).history["loss"]) == 2
    assert np.isfinite(model.train_on_batch(x, LABELS)).all()


def test_a_subclass_with_text_and_numbers_is_saved(tmp_path):
    @nerve.saving.register_keras_serializable("texts")
    class Both(Reader):
        def call(self, inputs):
            words, number = inputs
            return self.top(layers.Concatenate()([self.pool(self.table(self.vectorize(words))), number]))

        def get_config(self):
            return {"vectorize": self.vectorize}

    model = Both()
    x = [TEXTS, np.ones((24, 2), np.float32)]
    model.compile("sgd", "binary_crossentropy")
    model.fit(x, LABELS, verbose=0)
    model.save(tmp_path / "model.nerve")
    again = nerve.models.load_model(tmp_path / "model.nerve")
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
    assert again.count_params() == 16 * 4 + 7
