"""Discs found in noisy images full of other shapes, pixel by pixel: a U-Net.

Ronneberger, Fischer and Brox, "U-Net: convolutional networks for biomedical image segmentation", 2015.
"""

import numpy as np

import nerve as keras

BATCH, EPOCHS = 16, 6
SIZE = 64


def data(count=512):
    """Images of discs, squares and noise, and masks of the discs."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:SIZE, :SIZE]
    images = rng.normal(scale=0.15, size=(count, SIZE, SIZE, 1))
    masks = np.zeros((count, SIZE, SIZE, 1))
    for image, mask in zip(images[..., 0], masks[..., 0], strict=True):
        for _ in range(3):
            row, column, radius, bright = *rng.integers(10, SIZE - 10, 2), rng.integers(4, 10), rng.uniform(0.5, 1)
            disc = (rows - row) ** 2 + (columns - column) ** 2 < radius**2
            image[disc], mask[disc] = bright, 1
            row, column, half, bright = *rng.integers(10, SIZE - 10, 2), rng.integers(3, 8), rng.uniform(0.5, 1)
            square = (abs(rows - row) < half) & (abs(columns - column) < half)
            image[square], mask[square] = bright, 0
    return images.astype("float32"), masks.astype("float32")


def block(x, filters):
    """Two convolutions."""
    for _ in range(2):
        x = keras.layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
    return x


def build():
    """Down to 16 x 16 pixels and up again, with what was there on the way down."""
    layers = keras.layers
    inputs = keras.Input((SIZE, SIZE, 1))
    fine = block(inputs, 16)
    middle = block(layers.MaxPooling2D()(fine), 32)
    x = block(layers.MaxPooling2D()(middle), 64)
    x = layers.Conv2DTranspose(32, 2, strides=2)(x)
    x = block(layers.Concatenate()([x, middle]), 32)
    x = layers.Conv2DTranspose(16, 2, strides=2)(x)
    x = block(layers.Concatenate()([x, fine]), 16)
    model = keras.Model(inputs, layers.Conv2D(1, 1, activation="sigmoid")(x))
    model.compile("adam", "binary_crossentropy", metrics=[keras.metrics.BinaryIoU([1])])
    return model


def main():
    """Train on 448 images and test on the others."""
    images, masks = data()
    model = build()
    model.fit(images[:448], masks[:448], batch_size=BATCH, epochs=EPOCHS, verbose=2)
    print("loss and overlap on unseen images:", model.evaluate(images[448:], masks[448:], verbose=0))


if __name__ == "__main__":
    main()
