"""Images, under the names of `keras.ops.image`."""

from nerve.ops.image.borders import crop_images, pad_images
from nerve.ops.image.colors import hsv_to_rgb, rgb_to_grayscale, rgb_to_hsv
from nerve.ops.image.filters import gaussian_blur, sobel_edges, ssim
from nerve.ops.image.patches import extract_patches, extract_patches_3d
from nerve.ops.image.scaling import scale_and_translate
from nerve.ops.image.warps import affine_transform, elastic_transform, map_coordinates, perspective_transform
from nerve.ops.resizing import resize

__all__ = [
    "affine_transform",
    "crop_images",
    "elastic_transform",
    "extract_patches",
    "extract_patches_3d",
    "gaussian_blur",
    "hsv_to_rgb",
    "map_coordinates",
    "pad_images",
    "perspective_transform",
    "resize",
    "rgb_to_grayscale",
    "rgb_to_hsv",
    "scale_and_translate",
    "sobel_edges",
    "ssim",
]
