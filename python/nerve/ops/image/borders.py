"""Images with more around them, or less."""

from __future__ import annotations

from typing import Any

from nerve.ops._differentiable import composed
from nerve.ops.creation import shape
from nerve.ops.image.layout import first_axis
from nerve.ops.indexing import getitem
from nerve.ops.padding import pad
from nerve.tensor import Tensor

__all__ = ["crop_images", "pad_images"]


@composed
def pad_images(
    images: Any,
    top_padding: int | None = None,
    left_padding: int | None = None,
    bottom_padding: int | None = None,
    right_padding: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Tensor:
    """Zeros around images: two of the three numbers are needed for each axis."""
    op, first = "pad_images", first_axis("pad_images", images, data_format)
    height, width = shape(images)[first : first + 2]
    borders = [(0, 0)] * len(shape(images))
    borders[first] = _both(op, height, top_padding, bottom_padding, target_height, 1)
    borders[first + 1] = _both(op, width, left_padding, right_padding, target_width, 1)
    return pad(images, borders)


@composed
def crop_images(
    images: Any,
    top_cropping: int | None = None,
    left_cropping: int | None = None,
    bottom_cropping: int | None = None,
    right_cropping: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Tensor:
    """Images without some rows and columns: two of the three numbers are needed for each axis."""
    op, first = "crop_images", first_axis("crop_images", images, data_format)
    height, width = shape(images)[first : first + 2]
    top, bottom = _both(op, height, top_cropping, bottom_cropping, target_height, -1)
    left, right = _both(op, width, left_cropping, right_cropping, target_width, -1)
    cut = slice(top, height - bottom), slice(left, width - right)
    return getitem(images, (*(slice(None),) * first, *cut))


def _both(op: str, size: int, before: int | None, after: int | None, target: int | None, sign: int) -> tuple[int, int]:
    """How much comes or goes before and after, of which two of three numbers say all."""
    given = [x is not None for x in (before, after, target)]
    if sum(given) != 2:
        raise ValueError(f"[{op}] expects two of before, after and target along an axis, got {before, after, target}")
    if before is None:
        before = sign * ((target or 0) - size) - (after or 0)
    if after is None:
        after = sign * ((target or 0) - size) - before
    if before < 0 or after < 0:
        raise ValueError(f"[{op}] a size of {size} cannot become {target} with {before} before and {after} after")
    return before, after
