"""Handwritten digits of 8 x 8 pixels (Alpaydin and Kaynak, 1998)."""

from __future__ import annotations

import numpy as np

from nerve.datasets._split import Split, of_scikit_learn, split


def load_data(test_split: float = 0.2, seed: int = 113) -> Split:
    """1797 images of digits, and which they are.

    Parameters
    ----------
    test_split : float
        Fraction of the samples for testing.
    seed : int
        Of the order of the samples.

    Returns
    -------
    (x_train, y_train), (x_test, y_test)
        x uint8 (samples, 8, 8) from 0 to 16; y uint8.
    """
    x, y = of_scikit_learn("digits")
    return split("digits", x.reshape(-1, 8, 8).astype(np.uint8), y.astype(np.uint8), test_split, seed)
