"""Prices of houses in Boston (Harrison and Rubinfeld, 1978), which mlxtend carries.

One of the features is made from the share of Black inhabitants on an assumption about prejudice; scikit-learn has taken
the data out for that. It is here because programs written for Keras name it.
"""

from __future__ import annotations

import numpy as np

from nerve.datasets._split import Split, data_file, split


def load_data(test_split: float = 0.2, seed: int = 113) -> Split:
    """13 features of 506 districts, and the median price of a house in thousands of dollars.

    Parameters
    ----------
    test_split : float
        Fraction of the samples for testing.
    seed : int
        Of the order of the samples.

    Returns
    -------
    (x_train, y_train), (x_test, y_test)
        x (samples, 13); y (samples,).

    Raises
    ------
    ImportError
        Without mlxtend: ``pip install 'nerve[datasets]'``.
    """
    table = np.loadtxt(data_file("boston_housing", "mlxtend", "data", "data", "boston_housing.csv"), delimiter=",")
    return split("boston_housing", table[:, :-1], table[:, -1], test_split, seed)
