"""One long series each, for forecasting, which sktime carries."""

from __future__ import annotations

import csv

import numpy as np

from nerve._typing import Array
from nerve.datasets._split import data_file

_FILES = {"airline": "Airline", "lynx": "Lynx", "seatbelts": "seatbelts", "shampoo": "ShampooSales"}
NAMES = tuple(_FILES)


def load_data(name: str = "airline", test_split: float = 0.2) -> tuple[Array, Array]:
    """The beginning of a series, and the end to be forecast.

    :func:`nerve.utils.timeseries_dataset_from_array` cuts windows of it.

    Parameters
    ----------
    name : {"airline", "lynx", "seatbelts", "shampoo"}
        Thousands of passengers a month, 1949 to 1960 (144); lynxes trapped a year, 1821 to 1934 (114); drivers killed
        or hurt a month in Great Britain, 1969 to 1984 (192); sales of shampoo in 36 months.
    test_split : float
        Fraction of the steps at the end.

    Returns
    -------
    train, test : ndarray of float64, (steps,)

    Raises
    ------
    ValueError
        If there is no such series.
    ImportError
        Without sktime: ``pip install 'nerve[datasets]'``.
    """
    if name not in _FILES:
        raise ValueError(f"[nerve.datasets.long_series] name must be one of {', '.join(NAMES)}, got {name!r}")
    if not 0 <= test_split < 1:
        raise ValueError(f"[nerve.datasets.long_series] test_split must be at least 0 and below 1, got {test_split!r}")
    path = data_file("long_series", "sktime", "datasets", "data", _FILES[name], f"{_FILES[name]}.csv")
    with path.open(newline="", encoding="utf-8") as file:
        values = np.array([row[1] for row in list(csv.reader(file))[1:]], np.float64)
    at = int(len(values) * (1 - test_split))
    return values[:at], values[at:]
