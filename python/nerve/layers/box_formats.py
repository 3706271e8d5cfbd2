"""Boxes around the things in images: how their four numbers are read, and where they go when an image is changed.

Coordinates are those of edges: the first pixel of a row lies between 0 and 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nerve import ops
from nerve.errors import ShapeError
from nerve.kernels._arrays import is_array
from nerve.tensor import Tensor

__all__ = ["clip_to_image_size", "convert_format"]

FORMATS = (
    "xyxy", "yxyx", "xywh", "center_xywh", "center_yxhw", "rel_xyxy", "rel_yxyx", "rel_xywh", "rel_center_xywh",
)  # fmt: skip
Corners = tuple[Any, Any, Any, Any]  # left, top, right and bottom
Size = tuple[Any, Any]  # height and width


def optional_format(here: str, value: Any) -> str | None:
    """A format in lower case, or None."""
    return None if value is None else checked_format(here, value)


def checked_format(here: str, value: Any) -> str:
    """A format in lower case.

    Raises
    ------
    ValueError
        If there is no such format.
    """
    if not isinstance(value, str) or value.lower() not in FORMATS:
        raise ValueError(f"[{here}] the format of bounding boxes must be one of {FORMATS}, got {value!r}")
    return value.lower()


def corners_of(boxes: Any, source: str, size: Size | None) -> Corners:
    """The edges of boxes (..., 4), in pixels; without a size, in the unit that they have."""
    a, b, c, d = ops.unstack(boxes, axis=-1)
    kind = source.removeprefix("rel_")
    if kind in ("yxyx", "center_yxhw"):
        a, b, c, d = b, a, d, c
    if kind == "xywh":
        c, d = a + c, b + d
    elif kind.startswith("center"):
        a, b, c, d = a - c * 0.5, b - d * 0.5, a + c * 0.5, b + d * 0.5
    if source.startswith("rel_") and size is not None:
        a, b, c, d = a * float(size[1]), b * float(size[0]), c * float(size[1]), d * float(size[0])
    return a, b, c, d


def boxes_of(corners: Corners, target: str, size: Size | None) -> Any:
    """The way back from `corners_of`."""
    a, b, c, d = corners
    if target.startswith("rel_") and size is not None:
        a, b, c, d = a / float(size[1]), b / float(size[0]), c / float(size[1]), d / float(size[0])
    kind = target.removeprefix("rel_")
    if kind == "xywh":
        c, d = c - a, d - b
    elif kind.startswith("center"):
        a, b, c, d = (a + c) * 0.5, (b + d) * 0.5, c - a, d - b
    if kind in ("yxyx", "center_yxhw"):
        a, b, c, d = b, a, d, c
    return ops.stack([a, b, c, d], axis=-1)


def clipped_corners(corners: Corners, size: Size) -> Corners:
    """What lies inside of an image."""
    height, width = (float(one) for one in size)
    left, right = (ops.clip(x, 0.0, width) for x in corners[::2])
    top, bottom = (ops.clip(y, 0.0, height) for y in corners[1::2])
    return left, top, right, bottom


def box_around(xs: Sequence[Any], ys: Sequence[Any]) -> Corners:
    """The least box that holds four points."""
    low, high = ([pick(pick(v[0], v[1]), pick(v[2], v[3])) for v in (xs, ys)] for pick in (ops.minimum, ops.maximum))
    return low[0], low[1], high[0], high[1]


def area_of(corners: Corners) -> Any:
    """Width times height; 0 where one of them is negative."""
    left, top, right, bottom = corners
    return ops.relu(right - left) * ops.relu(bottom - top)


def labels_where(inside: Any, labels: Any) -> Any:
    """Labels (..., n) or (..., n, classes), and -1 where a box has no area; integers become int64."""
    labels = labels if isinstance(labels, Tensor) else ops.convert_to_tensor(np.asarray(labels))
    if len(labels.shape) > len(inside.shape):
        inside = ops.expand_dims(inside, -1)
    if labels.dtype.kind == "f":
        return ops.where(inside, labels, -1.0)
    return ops.cast(ops.where(inside, ops.cast(labels, dtype="float64"), -1.0), dtype="int64")


def moved_boxes(
    bounding_boxes: dict[str, Any],
    form: str,
    before: Size | None,
    after: Size,
    move: Callable[[Corners], Corners],
) -> dict[str, Any]:
    """Boxes after a change of their images.

    Parameters
    ----------
    bounding_boxes : dict
        "boxes" (batch, n, 4), a tensor of floats, and "labels" (batch, n) or (batch, n, classes).
    form : str
        One of `FORMATS`, of what comes and what goes.
    before, after : (height, width)
        Of the images; `before` may be None where the format needs no size.
    move : callable
        Gives corners in the new images for those in the old ones, (batch, n) each.

    Returns
    -------
    dict
        What is left of the boxes in the new images; the label is -1 of those of which nothing is. Rows without an
        area, which fill up the boxes of an image, stay as they are.
    """
    boxes = bounding_boxes["boxes"]
    corners = corners_of(boxes, form, before)
    kept = clipped_corners(move(corners), after)
    filling = ops.expand_dims(area_of(corners) <= 0.0, -1)
    return {
        **bounding_boxes,
        "boxes": ops.where(filling, boxes, boxes_of(kept, form, after)),
        "labels": labels_where(area_of(kept) > 0.0, bounding_boxes["labels"]),
    }


def through_window(window: tuple[Any, Any, int, int], after: Size) -> Callable[[Corners], Corners]:
    """The move where a window (top, left, rows and columns) of the old images becomes the whole of the new ones."""
    top, left, rows, columns = window
    y, x = after[0] / rows, after[1] / columns
    return lambda c: ((c[0] - left) * x, (c[1] - top) * y, (c[2] - left) * x, (c[3] - top) * y)


def through_map(coefficients: Any) -> Callable[[Corners], Corners]:
    """The move where new images are old ones looked at elsewhere, by maps (batch, 8) between middles of pixels.

    Corners go the way back, by the adjugate of the map, and the new box is the least that holds all four.
    """
    a, b, c, d, e, f, g, h = (ops.reshape(one, (-1, 1)) for one in ops.unstack(coefficients, axis=1))

    def place(x: Any, y: Any) -> tuple[Any, Any]:
        x, y = x - 0.5, y - 0.5
        scale = (d * h - e * g) * x + (b * g - a * h) * y + (a * e - b * d)
        across = (e - f * h) * x + (c * h - b) * y + (b * f - c * e)
        down = (f * g - d) * x + (a - c * g) * y + (c * d - a * f)
        return across / scale + 0.5, down / scale + 0.5

    def move(corners: Corners) -> Corners:
        left, top, right, bottom = corners
        xs, ys = zip(*(place(x, y) for x in (left, right) for y in (top, bottom)), strict=True)
        return box_around(xs, ys)

    return move


def told_format(here: str, form: str | None) -> str:
    """The format that a layer was told, or a ValueError if there is none."""
    if form is None:
        raise ValueError(f"[{here}] got bounding_boxes: pass bounding_box_format, one of {FORMATS}")
    return form


def checked_boxes(here: str, form: str | None, given: Any, batched: bool) -> dict[str, Any]:
    """What came as "bounding_boxes" in a dict.

    Raises
    ------
    ValueError
        If the layer was told no format.
    TypeError, ShapeError
        If they are not boxes and labels that fit.
    """
    told_format(here, form)
    if not isinstance(given, dict) or not {"boxes", "labels"} <= set(given):
        raise TypeError(f"[{here}] expects bounding_boxes as a dict of boxes and labels, got {type(given).__name__}")
    for key in ("boxes", "labels"):
        if not (isinstance(given[key], Tensor) or hasattr(given[key], "shape")):
            raise TypeError(f"[{here}] expects {key} in one array, filled up to one length (MaxNumBoundingBoxes)")
    boxes, labels = (tuple(given[key].shape) for key in ("boxes", "labels"))
    axes = 3 if batched else 2
    if len(boxes) != axes or boxes[-1] != 4 or len(labels) not in (axes - 1, axes) or labels[: axes - 1] != boxes[:-1]:
        wanted = "(batch, n, 4) and labels (batch, n)" if batched else "(n, 4) and labels (n,)"
        raise ShapeError(f"expects boxes {wanted}, got {boxes} and {labels}")
    return given


def convert_format(
    boxes: Any,
    source: str,
    target: str,
    height: float | None = None,
    width: float | None = None,
    dtype: str = "float32",
) -> Any:
    """Boxes in another format.

    "xyxy" is left, top, right and bottom; "xywh" left, top, width and height; "center_xywh" has the middle in place of
    the corner. With "yx" the two axes are swapped, and with "rel_" numbers are fractions of the width and height of the
    image.

    Parameters
    ----------
    boxes : array or Tensor (..., 4), or a dict with such "boxes"
    source, target : {"xyxy", "yxyx", "xywh", "center_xywh", "center_yxhw", "rel_xyxy", "rel_yxyx", "rel_xywh", \
"rel_center_xywh"}
    height, width : float, optional
        Of the image; needed between pixels and fractions.
    dtype : {"float32", "float64"}

    Returns
    -------
    Tensor, or a dict with everything else as it was

    Raises
    ------
    ValueError
        If a format is unknown, or needs the size.
    ShapeError
        If there are not four numbers.
    """
    op = "convert_format"
    if isinstance(boxes, dict):
        return {**boxes, "boxes": convert_format(boxes["boxes"], source, target, height, width, dtype)}
    source, target = checked_format(op, source), checked_format(op, target)
    found = ops.cast(boxes if is_array(boxes) or isinstance(boxes, Tensor) else np.asarray(boxes), dtype=dtype)
    if not found.shape or found.shape[-1] != 4:
        raise ShapeError(f"[{op}] expects boxes (..., 4), got shape {found.shape}")
    relative = source.startswith("rel_"), target.startswith("rel_")
    size = None
    if any(relative) and not all(relative):
        if height is None or width is None:
            raise ValueError(f"[{op}] needs height and width from {source!r} to {target!r}")
        size = height, width
    return found if source == target else boxes_of(corners_of(found, source, size), target, size)


def clip_to_image_size(
    bounding_boxes: dict[str, Any],
    height: float | None = None,
    width: float | None = None,
    bounding_box_format: str = "xyxy",
) -> dict[str, Any]:
    """What of boxes lies inside of an image; the labels of those of which nothing does become -1.

    Parameters
    ----------
    bounding_boxes : dict
        "boxes" (..., n, 4), and "labels" (..., n) if there are any.
    height, width : float, optional
        Of the image; needed for "xyxy".
    bounding_box_format : {"xyxy", "rel_xyxy"}

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        If the format is another one, or needs the size.
    """
    op = "clip_to_image_size"
    if bounding_box_format not in ("xyxy", "rel_xyxy"):
        raise ValueError(f"[{op}] expects 'xyxy' or 'rel_xyxy', got {bounding_box_format!r}")
    if bounding_box_format == "rel_xyxy":
        size: Size = (1.0, 1.0)
    elif height is None or width is None:
        raise ValueError(f"[{op}] needs height and width for 'xyxy'")
    else:
        size = height, width
    corners = clipped_corners(corners_of(convert_format(bounding_boxes["boxes"], "xyxy", "xyxy"), "xyxy", None), size)
    found = {**bounding_boxes, "boxes": boxes_of(corners, "xyxy", None)}
    if bounding_boxes.get("labels") is not None:
        found["labels"] = labels_where(area_of(corners) > 0.0, bounding_boxes["labels"])
    return found
