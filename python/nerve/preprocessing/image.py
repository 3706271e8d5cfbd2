"""Images in files and as arrays: functions of `nerve.utils`."""

from __future__ import annotations

from nerve.utils import array_to_img, img_to_array, load_img, save_img

__all__ = ["array_to_img", "img_to_array", "load_img", "save_img"]
