"""What the data sets share: where they lie, and how they are split."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np

from nerve._typing import Array

Split = tuple[tuple[Array, Array], tuple[Array, Array]]

_PACKAGES = {"skimage": "scikit-image"}  # on PyPI, where that is another name


def data_file(what: str, package: str, *parts: str) -> Path:
    """A file in an installed package, which is not imported.

    Raises
    ------
    ImportError
        If the package is missing.
    FileNotFoundError
        If it has no such file.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ImportError(
            f"[nerve.datasets.{what}] needs {_PACKAGES.get(package, package)}: pip install 'nerve[datasets]'"
        )
    path = Path(spec.submodule_search_locations[0]).joinpath(*parts)
    if not path.is_file():
        raise FileNotFoundError(f"[nerve.datasets.{what}] this version of {package} has no {'/'.join(parts)}")
    return path


def split(what: str, x: Array, y: Array, test_split: float, seed: int) -> Split:
    """Samples in the order that `seed` gives, the last `test_split` of them for testing; as Keras does it."""
    if not 0 <= test_split < 1:
        raise ValueError(f"[nerve.datasets.{what}] test_split must be at least 0 and below 1, got {test_split!r}")
    order = np.arange(len(x))
    np.random.RandomState(seed).shuffle(order)
    x, y = x[order], y[order]
    at = int(len(x) * (1 - test_split))
    return (x[:at], y[:at]), (x[at:], y[at:])


def of_scikit_learn(what: str) -> tuple[Any, Any]:
    """Features and targets of one of scikit-learn's own data sets."""
    from sklearn import datasets

    x, y = getattr(datasets, f"load_{what}")(return_X_y=True)
    return x, y
