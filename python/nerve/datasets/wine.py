"""Three growers of wine (Forina and others, 1991)."""

from __future__ import annotations

from nerve.datasets._split import Split, of_scikit_learn, split


def load_data(test_split: float = 0.2, seed: int = 113) -> Split:
    """Chemical analyses of 178 wines, and who grew them.

    Parameters
    ----------
    test_split : float
        Fraction of the samples for testing.
    seed : int
        Of the order of the samples.

    Returns
    -------
    (x_train, y_train), (x_test, y_test)
        x (samples, 13); y 0, 1 or 2.
    """
    return split("wine", *of_scikit_learn("wine"), test_split, seed)
