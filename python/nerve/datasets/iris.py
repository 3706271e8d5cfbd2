"""Three kinds of iris flowers (Fisher, 1936)."""

from __future__ import annotations

from nerve.datasets._split import Split, of_scikit_learn, split


def load_data(test_split: float = 0.2, seed: int = 113) -> Split:
    """Lengths and widths of 150 flowers, and their kinds.

    Parameters
    ----------
    test_split : float
        Fraction of the samples for testing.
    seed : int
        Of the order of the samples.

    Returns
    -------
    (x_train, y_train), (x_test, y_test)
        x (samples, 4) in cm: sepal length and width, petal length and width; y 0, 1 or 2.
    """
    return split("iris", *of_scikit_learn("iris"), test_split, seed)
