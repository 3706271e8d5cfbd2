"""Boxes around the things in images, under the names of `keras.utils.bounding_boxes`."""

from __future__ import annotations

from nerve.layers.box_formats import clip_to_image_size, convert_format

__all__ = ["clip_to_image_size", "convert_format"]
