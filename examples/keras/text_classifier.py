"""Which chapter of Python's language reference a passage is from: an LSTM over its words."""

import re
from collections import Counter
from pydoc_data.topics import topics

import numpy as np

import nerve as keras

BATCH, EPOCHS = 32, 8
WORDS, LENGTH = 2000, 32
CHAPTERS = ("specialnames", "compound", "types", "string-methods", "debugger", "typesseq")


def data(begin=0.0, end=0.9):
    """Windows of 32 words of a part of each chapter, as numbers, 0 where a word is rare, and the chapter's number."""
    texts = [re.findall(r"[a-z]+", topics[chapter].lower()) for chapter in CHAPTERS]
    counts = Counter(word for text in texts for word in text)
    number = {word: i + 1 for i, (word, _) in enumerate(counts.most_common(WORDS - 1))}
    windows, labels = [], []
    for label, text in enumerate(texts):
        numbers = [number.get(word, 0) for word in text[int(begin * len(text)) : int(end * len(text))]]
        places = range(0, len(numbers) - LENGTH, LENGTH // 4)
        windows += [numbers[place : place + LENGTH] for place in places]
        labels += [label] * len(places)
    order = np.random.default_rng(0).permutation(len(labels))
    return np.array(windows, "int32")[order], np.array(labels, "int32")[order]


def build():
    """Words as 64 numbers each, an LSTM, and a layer that decides."""
    model = keras.Sequential(
        [
            keras.Input((LENGTH,), dtype="int32"),
            keras.layers.Embedding(WORDS, 64),
            keras.layers.LSTM(64),
            keras.layers.Dense(len(CHAPTERS), activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def main():
    """Train on nine tenths of every chapter and test on the last."""
    model = build()
    model.fit(*data(), batch_size=BATCH, epochs=EPOCHS, verbose=2)
    print("loss and accuracy on unseen passages:", model.evaluate(*data(0.9, 1.0), verbose=0))


if __name__ == "__main__":
    main()
