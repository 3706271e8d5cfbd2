"""A small GPT that writes like Python's language reference, character by character."""

import re
from pydoc_data.topics import topics

import numpy as np

import nerve as keras

BATCH, EPOCHS = 32, 4
CONTEXT, WIDTH, HEADS, BLOCKS = 64, 128, 4, 2
TEXT = re.sub(r"[^a-z.,;:()'-]+", " ", " ".join(topics[name] for name in sorted(topics)).lower())[:200_000]
ALPHABET = sorted(set(TEXT))


def encode(text):
    """Characters as numbers."""
    return np.array([ALPHABET.index(c) for c in text], "int32")


def data():
    """Windows of the text, and the same one character on."""
    numbers = encode(TEXT)
    begins = np.random.default_rng(0).integers(0, len(numbers) - CONTEXT - 1, 4000)
    windows = np.stack([numbers[begin : begin + CONTEXT + 1] for begin in begins])
    return windows[:, :-1], windows[:, 1:]


class Positions(keras.layers.Layer):
    """Adds to each vector one that is learned for its place."""

    def build(self, input_shape):
        """One vector for each place."""
        self.places = self.add_weight(shape=input_shape[1:], initializer="random_normal", name="places")

    def call(self, x):
        """Of the places that there are."""
        return x + self.places[: keras.ops.shape(x)[1]]


def build():
    """Blocks of attention and of two dense layers, each beside a way around it."""
    layers = keras.layers
    inputs = keras.Input((CONTEXT,), dtype="int32")
    x = Positions()(layers.Embedding(len(ALPHABET), WIDTH)(inputs))
    for _ in range(BLOCKS):
        normalized = layers.LayerNormalization()(x)
        x = x + layers.MultiHeadAttention(HEADS, WIDTH // HEADS)(normalized, normalized, use_causal_mask=True)
        hidden = layers.Dense(4 * WIDTH, activation="gelu")(layers.LayerNormalization()(x))
        x = x + layers.Dense(WIDTH)(hidden)
    model = keras.Model(inputs, layers.Dense(len(ALPHABET))(layers.LayerNormalization()(x)))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.AdamW(1e-3), loss)
    return model


def write(model, begin, length=200):
    """Go on from a text of at least one character, always with one that is likely."""
    rng = np.random.default_rng(0)
    text = begin
    for _ in range(length):
        seen = encode(text[-CONTEXT:])
        window = np.zeros((1, CONTEXT), "int32")
        window[0, : len(seen)] = seen
        logits = model.predict(window, verbose=0)[0, len(seen) - 1] / 0.7
        odds = np.exp(logits - logits.max())
        text += ALPHABET[rng.choice(len(odds), p=odds / odds.sum())]
    return text


def main():
    """Train, then write."""
    x, y = data()
    model = build()
    model.fit(x, y, batch_size=BATCH, epochs=EPOCHS, verbose=2)
    print(write(model, "the statement "))


if __name__ == "__main__":
    main()
