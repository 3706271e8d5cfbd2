"""Functions of `keras.ops.image` that look at neighbours and other places: values and gradients."""

from __future__ import annotations

import numpy as np
import pytest
from test_keras_ops import compare

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]

rng = np.random.default_rng(16)
IMAGES, OTHERS = (rng.random((2, 12, 13, 3)).astype(np.float32) for _ in range(2))
FIRST = IMAGES.transpose(0, 3, 1, 2).copy()
VOLUMES = rng.random((2, 6, 5, 4, 2)).astype(np.float32)
LAST = {"data_format": "channels_last"}
CHANNELS_FIRST = {"data_format": "channels_first"}
FILLS = ("constant", "nearest", "wrap", "mirror", "reflect")
# Without perspective, which Keras leaves out on PyTorch.
MAPS = np.array([[0.913, 0.207, 0.531, -0.312, 1.112, 0.734], [1.213, -0.217, -2.513, 0.317, 0.814, 1.717]], np.float32)
PLACES = rng.uniform(-5, 12, (3, 4, 6)).astype(np.float32)
CORNERS = np.array([[[0, 0], [12, 0], [0, 11], [12, 11]]] * 2, np.float32)
MOVED = CORNERS + rng.uniform(-1, 1, CORNERS.shape).astype(np.float32)
TURNED = CORNERS[:, [1, 3, 0, 2]] + rng.uniform(-1, 1, CORNERS.shape).astype(np.float32)
STRETCH, SHIFT = np.array([1.3, 0.63], np.float32), np.array([0.4, -0.27], np.float32)

CALLS = [
    ("rgb_to_hsv", (IMAGES,), {}), ("rgb_to_hsv", (FIRST,), CHANNELS_FIRST), ("rgb_to_hsv", (IMAGES[0],), {}),
    ("hsv_to_rgb", (IMAGES * 3 - 1,), {}), ("hsv_to_rgb", (FIRST,), CHANNELS_FIRST),
    ("gaussian_blur", (IMAGES,), LAST), ("gaussian_blur", (IMAGES, (5, 5), (0.7, 1.9)), LAST),
    ("gaussian_blur", (FIRST[0],), CHANNELS_FIRST), ("sobel_edges", (IMAGES,), {}),
    ("sobel_edges", (FIRST,), CHANNELS_FIRST), ("ssim", (IMAGES, OTHERS), {}),
    ("ssim", (IMAGES[0], OTHERS[0]), {"filter_size": 5, "max_val": 2.0, "filter_sigma": 0.8}),
    ("ssim", (FIRST, OTHERS.transpose(0, 3, 1, 2).copy()), CHANNELS_FIRST),
    ("affine_transform", (FIRST, MAPS, "nearest"), CHANNELS_FIRST),
    ("perspective_transform", (IMAGES, CORNERS, MOVED), {"fill_value": 0.2}),
    ("perspective_transform", (IMAGES, CORNERS, TURNED), {}),
    ("perspective_transform", (IMAGES[0], CORNERS[0], MOVED[0]), {"interpolation": "nearest"}),
    ("perspective_transform", (FIRST, CORNERS, MOVED), CHANNELS_FIRST),
    ("extract_patches_3d", (VOLUMES, 2), {}), ("extract_patches_3d", (VOLUMES[0], (2, 3, 2)), {"strides": 1}),
    ("extract_patches_3d", (VOLUMES, (2, 3, 2)), {"padding": "same", "strides": (1, 2, 1)}),
    ("extract_patches", (VOLUMES, (2, 3, 2)), {}),
    *(("affine_transform", (IMAGES, MAPS, how), {"fill_mode": fill, "fill_value": 0.3})
      for fill in FILLS for how in ("bilinear", "nearest")),
    *(("map_coordinates", (IMAGES[0], PLACES, order), {"fill_mode": fill, "fill_value": 0.3})
      for fill in FILLS for order in (0, 1)),
    ("map_coordinates", ((IMAGES[0] * 99).astype(int), PLACES, 1), {"fill_value": 3}),
    ("map_coordinates", (IMAGES[0, 0, :, 0].copy(), PLACES[:1]), {"order": 1, "fill_mode": "mirror"}),
    *(("scale_and_translate", (IMAGES, (2, 15, 6, 3), STRETCH, SHIFT, (1, 2), method), {"antialias": antialias})
      for method in ("linear", "trilinear", "cubic", "lanczos3", "lanczos5") for antialias in (True, False)),
    ("scale_and_translate", ((IMAGES * 255).astype(int), (2, 15, 6, 3), STRETCH, SHIFT, (-3, 2), "bicubic"), {}),
]  # fmt: skip


def whole_maps(library, args):
    """Maps of eight numbers, of which Keras's own function changes the first ones in place."""
    return [args[0], library.ops.pad(args[1], ((0, 0), (0, 2))), *args[2:]]


@pytest.mark.parametrize(("name", "args", "options"), CALLS, ids=[f"{i}-{c[0]}" for i, c in enumerate(CALLS)])
def test_like_keras(name, args, options):
    compare(f"image.{name}", args, options, *([whole_maps] if name == "affine_transform" else []))
