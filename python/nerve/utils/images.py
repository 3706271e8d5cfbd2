"""Images between files, Pillow's and arrays (height, width, channels)."""

from __future__ import annotations

import io
import os
import pathlib
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from nerve._extras import require
from nerve._typing import Array
from nerve.errors import ShapeError

if TYPE_CHECKING:
    from PIL.Image import Image

_MODES = {"grayscale": "L", "rgb": "RGB", "rgba": "RGBA"}
_GRAY = ("L", "I;16", "I")  # grayscale of 8, 16 and 32 bits
_RESAMPLING = ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")


def channels_first(what: str, data_format: str | None) -> bool:
    """Whether `data_format` is "channels_first"; None is "channels_last"."""
    if data_format not in (None, "channels_last", "channels_first"):
        raise ValueError(f"[{what}] data_format must be 'channels_last' or 'channels_first', got {data_format!r}")
    return data_format == "channels_first"


def load_img(
    path: Any,
    color_mode: str = "rgb",
    target_size: tuple[int, int] | None = None,
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
) -> Image:
    """Read an image with Pillow (``pip install 'nerve[images]'``).

    Parameters
    ----------
    path : path or io.BytesIO
    color_mode : {"rgb", "rgba", "grayscale"}
    target_size : (height, width), optional
    interpolation : {"nearest", "bilinear", "bicubic", "hamming", "box", "lanczos"}
        Pillow's resampling, which smooths where it makes an image smaller.
    keep_aspect_ratio : bool
        Cut the image in its middle to the proportions of `target_size` first.

    Returns
    -------
    PIL.Image.Image
    """
    image = require("load_img", "PIL.Image", "images")
    if color_mode not in _MODES:
        raise ValueError(f"[load_img] color_mode must be one of {', '.join(_MODES)}, got {color_mode!r}")
    if interpolation not in _RESAMPLING:
        raise ValueError(f"[load_img] interpolation must be one of {', '.join(_RESAMPLING)}, got {interpolation!r}")
    if not isinstance(path, io.BytesIO | str | bytes | os.PathLike):
        raise TypeError(f"[load_img] expects a path or io.BytesIO, got {type(path).__name__}")
    with image.open(path) as opened:
        if not (color_mode == "grayscale" and opened.mode in _GRAY):
            img = opened.convert(_MODES[color_mode])
        else:
            img = opened.copy()
    if target_size is None or img.size == (target_size[1], target_size[0]):
        return img  # type: ignore[no-any-return]
    box = None
    if keep_aspect_ratio:
        top, left, height, width = middle(img.height, img.width, *target_size)
        box = (left, top, left + width, top + height)
    resample = getattr(image.Resampling, interpolation.upper())
    return img.resize((target_size[1], target_size[0]), resample, box=box)  # type: ignore[no-any-return]


def middle(height: int, width: int, to_height: int, to_width: int) -> tuple[int, int, int, int]:
    """Top, left, height and width of the largest part with the proportions of a size."""
    crop_height = max(min(height, width * to_height // to_width), 1)
    crop_width = max(min(width, height * to_width // to_height), 1)
    return (height - crop_height) // 2, (width - crop_width) // 2, crop_height, crop_width


def img_to_array(img: Any, data_format: str | None = None, dtype: DTypeLike | None = None) -> Array:
    """An image of Pillow as an array (height, width, channels), float32 if no dtype is given."""
    first = channels_first("img_to_array", data_format)
    x = np.array(img, dtype or np.float32)
    if x.ndim not in (2, 3):
        raise ShapeError(f"[img_to_array] expects an image (height, width) or (height, width, channels), got {x.shape}")
    if x.ndim == 2:
        x = x[:, :, None]
    return x.transpose(2, 0, 1) if first else x


def array_to_img(
    x: ArrayLike, data_format: str | None = None, scale: bool = True, dtype: DTypeLike | None = None
) -> Image:
    """An array (height, width, channels) as an image of Pillow (``pip install 'nerve[images]'``).

    Parameters
    ----------
    x : array_like
        Of 1, 3 or 4 channels.
    data_format : {"channels_last", "channels_first"}, optional
    scale : bool
        Stretch the values so that the smallest becomes 0 and the largest 255; else they are cut to bytes as they are.
    dtype : dtype, optional
        Computed in; float32 if not given.

    Raises
    ------
    ShapeError
        If `x` is no image.
    """
    image = require("array_to_img", "PIL.Image", "images")
    values = np.array(x, dtype or np.float32)
    if channels_first("array_to_img", data_format) and values.ndim == 3:
        values = values.transpose(1, 2, 0)
    if values.ndim != 3 or values.shape[2] not in (1, 3, 4):
        raise ShapeError(f"[array_to_img] expects an image of 1, 3 or 4 channels, got shape {np.shape(x)}")
    if scale:
        values = values - values.min()
        values = 255 * (values / (values.max() or 1))
    if values.shape[2] == 1:
        values = values[:, :, 0]
        if values.max() > 255:
            return image.fromarray(values.astype(np.int32))  # type: ignore[no-any-return]
    return image.fromarray(values.astype(np.uint8))  # type: ignore[no-any-return]


def save_img(
    path: Any,
    x: ArrayLike,
    data_format: str | None = None,
    file_format: str | None = None,
    scale: bool = True,
    **kwargs: Any,
) -> None:
    """Write an array (height, width, channels) as an image file.

    Parameters
    ----------
    path : path or file
    x, data_format, scale
        As `array_to_img` takes them.
    file_format : str, optional
        Told by the name of the file if not given.
    **kwargs
        For Pillow's `Image.save`.
    """
    if file_format is None and isinstance(path, str | os.PathLike):
        file_format = pathlib.Path(path).suffix[1:].lower()
    if file_format and file_format.lower() == "jpg":
        file_format = "jpeg"
    img = array_to_img(x, data_format, scale)
    if img.mode == "RGBA" and file_format == "jpeg":
        warnings.warn("JPEG has no transparency: the alpha channel is dropped", stacklevel=2)
        img = img.convert("RGB")
    img.save(path, format=file_format, **kwargs)
