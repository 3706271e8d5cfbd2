"""Written dates into numbers, "3 march 1997" into "1997-03-03": an encoder and a decoder of GRUs with attention."""

import numpy as np

import nerve as keras

BATCH, EPOCHS = 64, 12
MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
SOURCE = " abcdefghijklmnopqrstuvwxyz0123456789,"
TARGET = " 0123456789-^"  # ^ begins a date
LONGEST, LENGTH = 20, 10


def numbers(text, alphabet, length):
    """Characters as numbers, blanks at the end."""
    return [alphabet.index(c) for c in text.ljust(length)]


def data(count=4000):
    """Written dates, what the decoder has seen so far, and what it is to say next."""
    rng = np.random.default_rng(0)
    written, spelled = [], []
    for _ in range(count):
        year, month, day = int(rng.integers(1900, 2030)), int(rng.integers(12)), int(rng.integers(1, 29))
        ways = (f"{day} {MONTHS[month]} {year}", f"{MONTHS[month]} {day}, {year}", f"{day} {MONTHS[month][:3]} {year}")
        written.append(numbers(ways[rng.integers(3)], SOURCE, LONGEST))
        spelled.append(numbers(f"{year}-{month + 1:02}-{day:02}", TARGET, LENGTH))
    said = np.array(spelled, "int32")
    begin = np.full((count, 1), TARGET.index("^"), "int32")
    return [np.array(written, "int32"), np.concatenate([begin, said[:, :-1]], 1)], said


def build():
    """The decoder begins with the encoder's last state, and looks at all the others."""
    layers = keras.layers
    source = keras.Input((LONGEST,), dtype="int32", name="source")
    target = keras.Input((LENGTH,), dtype="int32", name="target")
    encoded, state = layers.GRU(96, return_sequences=True, return_state=True)(layers.Embedding(len(SOURCE), 32)(source))
    decoded = layers.GRU(96, return_sequences=True)(layers.Embedding(len(TARGET), 32)(target), initial_state=state)
    context = layers.Attention()([decoded, encoded])
    hidden = layers.Dense(96, activation="tanh")(layers.Concatenate()([decoded, context]))
    model = keras.Model([source, target], layers.Dense(len(TARGET))(hidden))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(3e-3), loss, metrics=["accuracy"])
    return model


def spell(model, written):
    """The date that the model makes of a written one, character by character."""
    source = np.array([numbers(written, SOURCE, LONGEST)], "int32")
    target = np.full((1, LENGTH), TARGET.index("^"), "int32")
    said = ""
    for i in range(LENGTH):
        said += TARGET[int(model.predict([source, target], verbose=0)[0, i].argmax())]
        if i + 1 < LENGTH:
            target[0, i + 1] = TARGET.index(said[-1])
    return said


def main():
    """Train, then read a few dates."""
    x, y = data()
    model = build()
    model.fit(x, y, batch_size=BATCH, epochs=EPOCHS, validation_split=0.1, verbose=2)
    for written in ("3 march 1997", "december 24, 2014", "9 oct 1969"):
        print(f"{written:>20} -> {spell(model, written)}")


if __name__ == "__main__":
    main()
