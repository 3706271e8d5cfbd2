"""Progression of diabetes in a year (Efron, Hastie, Johnstone and Tibshirani, 2004)."""

from __future__ import annotations

from nerve.datasets._split import Split, of_scikit_learn, split


def load_data(test_split: float = 0.2, seed: int = 113) -> Split:
    """Ten standardized features of 442 patients, and a measure of how the disease went on.

    Parameters
    ----------
    test_split : float
        Fraction of the samples for testing.
    seed : int
        Of the order of the samples.

    Returns
    -------
    (x_train, y_train), (x_test, y_test)
        x (samples, 10); y from 25 to 346.
    """
    return split("diabetes", *of_scikit_learn("diabetes"), test_split, seed)
