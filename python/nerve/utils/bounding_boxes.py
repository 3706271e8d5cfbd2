"""Boxes around the things in images, under the names of `keras.utils.bounding_boxes`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from nerve import ops
from nerve.errors import ShapeError
from nerve.layers.box_formats import (
    Corners,
    area_of,
    box_around,
    boxes_of,
    checked_format,
    clip_to_image_size,
    clipped_corners,
    convert_format,
    corners_of,
)
from nerve.tensor import Tensor

__all__ = [
    "affine_transform",
    "clip_to_image_size",
    "compute_ciou",
    "compute_iou",
    "convert_format",
    "crop",
    "decode_deltas_to_boxes",
    "encode_box_to_deltas",
    "pad",
]

_EPSILON = 1e-7


def crop(boxes: Any, top: float, left: float, height: float, width: float, bounding_box_format: str = "xyxy") -> Tensor:
    """What of boxes lies in a window, from its corner.

    Parameters
    ----------
    boxes : array or Tensor (..., 4)
    top, left, height, width : float
        Of the window.
    bounding_box_format : str
        See `convert_format`; one in pixels.
    """
    x1, y1, x2, y2 = _pixels("crop", boxes, bounding_box_format)
    moved = x1 - left, y1 - top, x2 - left, y2 - top
    return _as(bounding_box_format, *clipped_corners(moved, (height, width)))


def pad(
    boxes: Any,
    top: float,
    left: float,
    height: float | None = None,
    width: float | None = None,
    bounding_box_format: str = "xyxy",
) -> Tensor:
    """Boxes of an image to which rows and columns were added at the top and at the left.

    Parameters
    ----------
    boxes : array or Tensor (..., 4)
    top, left : float
        How many.
    height, width : float, optional
        Of the image, which Keras asks for and nothing depends on.
    bounding_box_format : str
        See `convert_format`; one in pixels.
    """
    x1, y1, x2, y2 = _pixels("pad", boxes, bounding_box_format)
    return _as(bounding_box_format, x1 + left, y1 + top, x2 + left, y2 + top)


def affine_transform(
    boxes: Any,
    angle: Any,
    translate_x: Any,
    translate_y: Any,
    scale: Any,
    shear_x: Any,
    shear_y: Any,
    height: float,
    width: float,
    center_x: Any = None,
    center_y: Any = None,
    bounding_box_format: str = "xyxy",
) -> Tensor:
    """The least boxes around others that are rotated, sheared, scaled and moved.

    Parameters
    ----------
    boxes : array or Tensor (batch, n, 4) or (n, 4)
    angle, shear_x, shear_y : array (batch,) or float
        In degrees.
    translate_x, translate_y : array (batch,) or float
        Fractions of the width and height.
    scale : array (batch,) or float
    height, width : float
        Of the image.
    center_x, center_y : array (batch,) or float, optional
        What stays where it is, as fractions of the width and height; the middle if not given.
    bounding_box_format : str
        See `convert_format`; one in pixels.

    Notes
    -----
    The map of x and y is that of Keras, of which the angles turn to the left and 1 pixel is missing in the sizes.
    """
    x1, y1, x2, y2 = _pixels("affine_transform", boxes, bounding_box_format)
    rows = (-1, 1) if x1.ndim == 2 else (-1,)

    def each(value: Any, factor: float = 1.0) -> Tensor:
        return ops.reshape(ops.cast(np.multiply(np.asarray(value), factor), dtype=x1.dtype), rows)

    turn, tilt_x, tilt_y = (each(degrees, -math.pi / 180) for degrees in (angle, shear_x, shear_y))
    tangent = ops.sin(tilt_x) / ops.cos(tilt_x)
    a, c = (ops.cos(turn - tilt_y) / ops.cos(tilt_y), -ops.sin(turn - tilt_y) / ops.cos(tilt_y))
    b, d = a * tangent + ops.sin(turn), ops.cos(turn) - c * tangent
    middle_x = each(0.5 if center_x is None else center_x, width - 1)
    middle_y = each(0.5 if center_y is None else center_y, height - 1)
    from_x, from_y = middle_x - each(translate_x, width - 1), middle_y - each(translate_y, height - 1)
    size = each(scale)
    corners = [(x - from_x, y - from_y) for x in (x1, x2) for y in (y1, y2)]
    xs = [middle_x + (d * x - b * y) * size for x, y in corners]
    ys = [middle_y + (a * y - c * x) * size for x, y in corners]
    return _as(bounding_box_format, *box_around(xs, ys))


def encode_box_to_deltas(
    anchors: Any,
    boxes: Any,
    anchor_format: str,
    box_format: str,
    encoding_format: str = "center_yxhw",
    variance: Sequence[float] | None = None,
    image_shape: Sequence[int] | None = None,
) -> Tensor:
    """How boxes differ from anchors: distance of the middles over the anchor's size, and log of the ratio of sizes.

    Parameters
    ----------
    anchors : array or Tensor (n, 4)
    boxes : array or Tensor (n, 4) or (batch, n, 4)
    anchor_format, box_format : str
        See `convert_format`.
    encoding_format : {"center_yxhw", "center_xywh"}
        Whether y or x comes first.
    variance : four floats, optional
        Of which the deltas are multiples.
    image_shape : (height, width, channels), optional
        Needed for boxes or anchors in fractions of it.

    References
    ----------
    Ren et al., "Faster R-CNN", NeurIPS 2015.
    """
    op = "encode_box_to_deltas"
    unit = _variance(op, variance)
    start, end = (
        _centered(op, each, form, encoding_format, image_shape)
        for each, form in ((anchors, anchor_format), (boxes, box_format))
    )
    sizes, wanted = (ops.maximum(each[..., 2:], _EPSILON) for each in (start, end))
    found: Tensor = ops.concatenate([(end[..., :2] - start[..., :2]) / sizes, ops.log(wanted / sizes)], axis=-1)
    return found if unit is None else found / unit


def decode_deltas_to_boxes(
    anchors: Any,
    boxes_delta: Any,
    anchor_format: str,
    box_format: str,
    encoded_format: str = "center_yxhw",
    variance: Sequence[float] | None = None,
    image_shape: Sequence[int] | None = None,
) -> Any:
    """The way back from `encode_box_to_deltas`, whose parameters these are.

    `anchors` and `boxes_delta` may be dicts with the same keys; then the result is one, too.
    """
    if isinstance(anchors, dict) and isinstance(boxes_delta, dict):
        rest = (anchor_format, box_format, encoded_format, variance, image_shape)
        return {level: decode_deltas_to_boxes(one, boxes_delta[level], *rest) for level, one in anchors.items()}
    op = "decode_deltas_to_boxes"
    unit = _variance(op, variance)
    start = _centered(op, anchors, anchor_format, encoded_format, image_shape)
    deltas = ops.cast(boxes_delta if isinstance(boxes_delta, Tensor) else np.asarray(boxes_delta), dtype="float32")
    if unit is not None:
        deltas = deltas * unit
    middles = deltas[..., :2] * start[..., 2:] + start[..., :2]
    found = ops.concatenate([middles, ops.exp(deltas[..., 2:]) * start[..., 2:]], axis=-1)
    return convert_format(found, encoded_format, box_format, *_size(op, image_shape))


def compute_iou(
    boxes1: Any,
    boxes2: Any,
    bounding_box_format: str,
    use_masking: bool = False,
    mask_val: float = -1,
    image_shape: Sequence[int] | None = None,
) -> Tensor:
    """Intersection over union of every box of one set with every one of another.

    Parameters
    ----------
    boxes1 : array or Tensor (m, 4) or (batch, m, 4)
    boxes2 : array or Tensor (n, 4) or (batch, n, 4)
    bounding_box_format : str
        See `convert_format`.
    use_masking : bool
        Whether pairs with a box whose numbers are all negative give `mask_val`.
    mask_val : float
    image_shape : (height, width, channels), optional
        Needed for boxes in fractions of it.

    Returns
    -------
    Tensor (m, n) or (batch, m, n)
    """
    op = "compute_iou"
    size = _size(op, image_shape)
    one, other = (_converted(op, boxes, bounding_box_format, "xyxy", size) for boxes in (boxes1, boxes2))
    for boxes in (one, other):
        if boxes.ndim not in (2, 3):
            raise ShapeError(f"[{op}] expects boxes (n, 4) or (batch, n, 4), got {one.shape} and {other.shape}")
    one, other = ops.expand_dims(one, -2), ops.expand_dims(other, -3)
    shared, areas = _intersection(one, other), [area_of(corners_of(boxes, "xyxy", None)) for boxes in (one, other)]
    found: Tensor = shared / (areas[0] + areas[1] - shared + _EPSILON)
    if use_masking:
        for boxes in (one, other):
            found = ops.where(ops.max(boxes, axis=-1) < 0.0, float(mask_val), found)
    return found


def compute_ciou(
    boxes1: Any, boxes2: Any, bounding_box_format: str, image_shape: Sequence[int] | None = None
) -> Tensor:
    """Complete intersection over union of pairs of boxes: less where middles are apart or proportions differ.

    Parameters
    ----------
    boxes1, boxes2 : array or Tensor (..., 4)
    bounding_box_format : str
        See `convert_format`.
    image_shape : (height, width, channels), optional
        Needed for boxes in fractions of it.

    Returns
    -------
    Tensor (...)

    References
    ----------
    Zheng et al., "Distance-IoU loss: faster and better learning for bounding box regression", AAAI 2020.
    """
    op = "compute_ciou"
    size = _size(op, image_shape)
    one, other = (_converted(op, boxes, bounding_box_format, "xyxy", size) for boxes in (boxes1, boxes2))
    a, b = corners_of(one, "xyxy", None), corners_of(other, "xyxy", None)
    (w1, h1), (w2, h2) = ((c[2] - c[0], c[3] - c[1] + _EPSILON) for c in (a, b))
    shared = _intersection(one, other)
    iou = shared / (w1 * h1 + w2 * h2 - shared + 2 * _EPSILON)
    around = [ops.maximum(a[i + 2], b[i + 2]) - ops.minimum(a[i], b[i]) for i in (0, 1)]
    apart = [(a[i] + a[i + 2] - b[i] - b[i + 2]) * 0.5 for i in (0, 1)]
    distance = _squares(apart) / (_squares(around) + _EPSILON)
    v = ops.square(ops.arctan(w2 / h2) - ops.arctan(w1 / h1)) * (4 / math.pi**2)
    found: Tensor = iou - (distance + v * v / (v - iou + (1 + _EPSILON)))
    return found


def _squares(parts: Sequence[Any]) -> Any:
    return ops.square(parts[0]) + ops.square(parts[1])


def _intersection(one: Any, other: Any) -> Any:
    a, b = corners_of(one, "xyxy", None), corners_of(other, "xyxy", None)
    return area_of((*map(ops.maximum, a[:2], b[:2]), *map(ops.minimum, a[2:], b[2:])))  # type: ignore[arg-type]


def _pixels(op: str, boxes: Any, form: str) -> Corners:
    known = checked_format(op, form)
    if known.startswith("rel_"):
        raise ValueError(f"[{op}] expects a format in pixels, got {form!r}")
    return corners_of(convert_format(boxes, known, known), known, None)


def _as(form: str, *corners: Any) -> Tensor:
    found: Tensor = boxes_of(corners, form.lower(), None)
    return found


def _size(op: str, image_shape: Sequence[int] | None) -> tuple[int | None, int | None]:
    if image_shape is None:
        return None, None
    if len(image_shape) != 3:
        raise ValueError(f"[{op}] image_shape must be height, width and channels, got {image_shape}")
    return image_shape[0], image_shape[1]


def _converted(op: str, boxes: Any, source: str, target: str, size: tuple[int | None, int | None]) -> Any:
    if checked_format(op, source).startswith("rel_") and size[0] is None:
        raise ValueError(f"[{op}] needs image_shape for {source!r}")
    return convert_format(boxes, source, target, *size)


def _centered(op: str, boxes: Any, source: str, target: str, image_shape: Sequence[int] | None) -> Any:
    if target not in ("center_xywh", "center_yxhw"):
        raise ValueError(f"[{op}] the encoding must be 'center_xywh' or 'center_yxhw', got {target!r}")
    return _converted(op, boxes, source, target, _size(op, image_shape))


def _variance(op: str, variance: Sequence[float] | None) -> Any:
    if variance is None:
        return None
    found = np.asarray(variance, np.float32)
    if found.shape != (4,):
        raise ValueError(f"[{op}] variance must be four numbers, got {variance!r}")
    return found
