"""Data sets of the images and the texts in a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nerve._extras import require
from nerve._typing import Array
from nerve.kernels._numbers import integer, integers
from nerve.utils.directory import datasets_of_files
from nerve.utils.images import channels_first, img_to_array, load_img, middle
from nerve.utils.resampling import INTERPOLATIONS, resize

_IMAGES = (".bmp", ".gif", ".jpeg", ".jpg", ".png")


def image_dataset_from_directory(
    directory: Any,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    color_mode: str = "rgb",
    batch_size: int | None = 32,
    image_size: int | tuple[int, int] = (256, 256),
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    interpolation: str = "bilinear",
    follow_links: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    data_format: str | None = None,
    verbose: bool = True,
) -> Any:
    """The images in the folders of a folder, with the folders as classes.

    Images are read on threads, batch by batch (``pip install 'nerve[images]'``).

    Parameters
    ----------
    directory : path
    labels : "inferred", None, or list of int
        A class for each folder; none; or one label for each file, in the order of their paths.
    label_mode : {"int", "categorical", "binary", None}
        int32 (batch,), float32 with a one (batch, classes), float32 (batch, 1), or no labels.
    class_names : list of str, optional
        The folders to take, in the order of their numbers; all, sorted, if not given.
    color_mode : {"rgb", "rgba", "grayscale"}
    batch_size : int, optional
        None: images one by one.
    image_size : int or (height, width)
    shuffle : bool
        Else in the order of their paths.
    seed : int, optional
    validation_split : float, optional
        Fraction of the files held out.
    subset : {"training", "validation", "both"}, optional
        Which side of the split; "both" gives a list of two data sets.
    interpolation : {"bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5", "gaussian", "mitchellcubic"}
    follow_links : bool
    crop_to_aspect_ratio, pad_to_aspect_ratio : bool
        Cut images to the proportions of `image_size`, or fill them up with zeros, instead of stretching them.
    data_format : {"channels_last", "channels_first"}, optional
    verbose : bool
        Print what was found.

    Returns
    -------
    Dataset
        Of images or (images, labels); images are float32 from 0 to 255, (batch, height, width, channels). Its
        attributes `class_names` and `file_paths` say what is in it.

    Raises
    ------
    ValueError
        If there are no files, or an argument is not one of those.
    """
    what = "image_dataset_from_directory"
    require(what, "PIL.Image", "images")
    size = (image_size,) * 2 if not isinstance(image_size, list | tuple) else image_size
    if len(size) != 2:
        raise ValueError(f"[{what}] image_size must be (height, width), got {image_size!r}")
    height, width = integers(what, "image_size", size, 1)
    if color_mode not in ("rgb", "rgba", "grayscale"):
        raise ValueError(f"[{what}] color_mode must be 'rgb', 'rgba' or 'grayscale', got {color_mode!r}")
    interpolation = interpolation.lower()
    if interpolation not in INTERPOLATIONS:
        raise ValueError(f"[{what}] interpolation must be one of {', '.join(INTERPOLATIONS)}, got {interpolation!r}")
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ValueError(f"[{what}] takes crop_to_aspect_ratio or pad_to_aspect_ratio, not both")
    first = channels_first(what, data_format)

    def read(path: Any) -> Array:
        image = img_to_array(load_img(str(path), color_mode))
        if crop_to_aspect_ratio:
            top, left, rows, columns = middle(image.shape[0], image.shape[1], height, width)
            image = image[top : top + rows, left : left + columns]
        if pad_to_aspect_ratio:
            image = _padded(image, height, width)
        image = resize(image, height, width, interpolation)
        return image.transpose(2, 0, 1) if first else image

    return datasets_of_files(
        what, directory, labels, label_mode, class_names, batch_size, shuffle, seed, validation_split, subset,
        follow_links, verbose, _IMAGES, read,
    )  # fmt: skip


def _padded(image: Array, height: int, width: int) -> Array:
    """The whole image in the middle of zeros, with the proportions of a size."""
    rows, columns, _ = image.shape
    top = (max(rows, columns * height // width) - rows) // 2
    left = (max(columns, rows * width // height) - columns) // 2
    return np.pad(image, ((top, top), (left, left), (0, 0)))  # as much on either side, as in Keras


def text_dataset_from_directory(
    directory: Any,
    labels: Any = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    batch_size: int | None = 32,
    max_length: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    verbose: bool = True,
) -> Any:
    """The texts (`.txt`, UTF-8) in the folders of a folder, with the folders as classes.

    Parameters
    ----------
    directory, labels, label_mode, class_names, batch_size, shuffle, seed
        As :func:`image_dataset_from_directory` takes them.
    max_length : int, optional
        Characters that are kept of each text.
    validation_split, subset, follow_links, verbose
        As there.

    Returns
    -------
    Dataset
        Of texts or (texts, labels); texts are an array of strings (batch,).
    """
    what = "text_dataset_from_directory"
    if max_length is not None:
        max_length = integer(what, "max_length", max_length, 0)
    return datasets_of_files(
        what, directory, labels, label_mode, class_names, batch_size, shuffle, seed, validation_split, subset,
        follow_links, verbose, (".txt",), lambda path: Path(str(path)).read_text(encoding="utf-8")[:max_length],
    )  # fmt: skip
