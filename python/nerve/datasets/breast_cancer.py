"""Malignant and benign tumours of the breast (Street, Wolberg and Mangasarian, 1993)."""

from __future__ import annotations

from nerve.datasets._split import Split, of_scikit_learn, split


def load_data(test_split: float = 0.2, seed: int = 113) -> Split:
    """Features of cell nuclei in 569 images, and the diagnosis.

    Parameters
    ----------
    test_split : float
        Fraction of the samples for testing.
    seed : int
        Of the order of the samples.

    Returns
    -------
    (x_train, y_train), (x_test, y_test)
        x (samples, 30); y 0, malignant, or 1, benign.
    """
    return split("breast_cancer", *of_scikit_learn("breast_cancer"), test_split, seed)
