"""Series with a class each (Dau and others, "The UCR time series archive", 2019), which sktime carries."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nerve._typing import Array
from nerve.datasets._split import Split, data_file

# The training set is the archive's, as the test set is: other people's results can be compared with.
NAMES = ("ACSF1", "ArrowHead", "BasicMotions", "GunPoint", "ItalyPowerDemand", "OSULeaf")


def load_data(name: str = "GunPoint") -> Split:
    """Series of one length, and their classes, split as the archive has them.

    Parameters
    ----------
    name : str
        "GunPoint": a hand that draws a gun or points (2 classes, 150 steps, 50 + 150 series). "ItalyPowerDemand": days
        in winter or summer (2, 24, 67 + 1029). "ArrowHead" (3, 251, 36 + 175) and "OSULeaf" (6, 427, 200 + 242):
        outlines.
        "ACSF1": power of ten kinds of appliances (10, 1460, 100 + 100). "BasicMotions": six sensors at a wrist (4, 100,
        40 + 40).

    Returns
    -------
    (x_train, y_train), (x_test, y_test)
        x float64 (series, steps, features); y int64 from 0.

    Raises
    ------
    ValueError
        If there is no such data set.
    ImportError
        Without sktime: ``pip install 'nerve[datasets]'``.
    """
    if name not in NAMES:
        raise ValueError(f"[nerve.datasets.time_series] name must be one of {', '.join(NAMES)}, got {name!r}")
    return _read(_file(name, "TRAIN")), _read(_file(name, "TEST"))


def _file(name: str, part: str) -> Path:
    return data_file("time_series", "sktime", "datasets", "data", name, f"{name}_{part}.ts")


def _read(path: Path) -> tuple[Array, Array]:
    """A line is a series: its features between colons, the steps of one between commas, its class behind the last."""
    classes: list[str] = []
    series, labels = [], []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.lower().startswith("@classlabel"):
            classes = line.split()[2:]
        elif line and line[0] not in "#@":
            *features, label = line.split(":")
            series.append([feature.split(",") for feature in features])
            labels.append(classes.index(label.strip()))
    return np.array(series, np.float64).transpose(0, 2, 1), np.array(labels, np.int64)
