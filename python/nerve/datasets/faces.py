"""Faces and what is none, of 25 x 25 pixels: a part of Labeled Faces in the Wild (Huang and others, 2007)."""

from __future__ import annotations

import numpy as np

from nerve.datasets._split import Split, data_file, split


def load_data(test_split: float = 0.2, seed: int = 113) -> Split:
    """100 grey faces and 100 other parts of photographs, which scikit-image carries.

    Parameters
    ----------
    test_split : float
        Fraction of the samples for testing.
    seed : int
        Of the order of the samples.

    Returns
    -------
    (x_train, y_train), (x_test, y_test)
        x float64 (samples, 25, 25) from 0 to 1; y uint8, 1 for a face.

    Raises
    ------
    ImportError
        Without scikit-image: ``pip install 'nerve[datasets]'``.
    """
    x = np.load(data_file("faces", "skimage", "data", "lfw_subset.npy"))
    return split("faces", x, (np.arange(len(x)) < len(x) // 2).astype(np.uint8), test_split, seed)
