"""A few colour photographs, which scikit-image carries: for filters, denoising, crops."""

from __future__ import annotations

import numpy as np

from nerve._extras import require
from nerve._typing import Array
from nerve.datasets._split import data_file

_FILES = {"astronaut": "astronaut.png", "cat": "chelsea.png", "coffee": "coffee.png", "rocket": "rocket.jpg"}
NAMES = tuple(_FILES)


def load_data(name: str = "astronaut") -> Array:
    """One photograph.

    Parameters
    ----------
    name : {"astronaut", "cat", "coffee", "rocket"}

    Returns
    -------
    ndarray of uint8, (height, width, 3)

    Raises
    ------
    ValueError
        If there is no such photograph.
    ImportError
        Without scikit-image and Pillow: ``pip install 'nerve[datasets]'``.
    """
    if name not in _FILES:
        raise ValueError(f"[nerve.datasets.photographs] name must be one of {', '.join(NAMES)}, got {name!r}")
    path = data_file("photographs", "skimage", "data", _FILES[name])
    with require("nerve.datasets.photographs", "PIL.Image", "datasets").open(path) as image:
        return np.array(image.convert("RGB"))
