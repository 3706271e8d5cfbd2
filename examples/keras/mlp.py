"""Handwritten digits of 8 x 8 pixels, told apart by a multi-layer perceptron."""

from sklearn.datasets import load_digits

import nerve as keras

BATCH, EPOCHS = 32, 20


def data():
    """Pixels in [0, 1] and the digits they show."""
    x, y = load_digits(return_X_y=True)
    return (x / 16).astype("float32"), y.astype("int32")


def build():
    """Two hidden layers."""
    model = keras.Sequential(
        [
            keras.Input((64,)),
            keras.layers.Dense(256, activation="relu"),
            keras.layers.Dense(128, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def main():
    """Train on the first 1,500 and test on the others."""
    x, y = data()
    model = build()
    model.summary()
    model.fit(x[:1500], y[:1500], batch_size=BATCH, epochs=EPOCHS, verbose=2)
    print("loss and accuracy on unseen digits:", model.evaluate(x[1500:], y[1500:], verbose=0))


if __name__ == "__main__":
    main()
