"""Images under the names of `keras.ops.image`: values beside SciPy and colorsys, gradients, models, recordings, GPU."""

from __future__ import annotations

import colorsys

import numpy as np
import pytest
from scipy import ndimage, signal

import nerve
from nerve import layers, ops
from nerve.errors import DTypeError, ShapeError
from nerve.ops import image

from . import fake_cupy
from .differences import check_gradients, check_recorded
from .test_cuda import shim  # noqa: F401 - a fixture

rng = np.random.default_rng(3)
IMAGES = rng.random((2, 9, 8, 3))
OTHERS = rng.random((2, 9, 8, 3))
VOLUME = rng.random((4, 5, 3))
PLACES = rng.uniform(-6, 11, (3, 2, 7))
MAPS = np.array([
    [0.913, 0.207, 0.531, -0.312, 1.112, 0.734, 0.02, -0.01], [1.213, -0.217, -2.513, 0.317, 0.814, 1.717, 0, 0.03],
])  # fmt: skip
CORNERS = np.array([[[0.0, 0], [7, 0], [0, 8], [7, 8]]] * 2)
MOVED = CORNERS + rng.uniform(-1, 1, CORNERS.shape)
STRETCH, SHIFT = np.array([1.3, 0.63]), np.array([0.4, -0.27])
FILLS = {
    "constant": "grid-constant", "nearest": "nearest", "wrap": "grid-wrap", "mirror": "mirror", "reflect": "reflect",
}  # fmt: skip

# what is differentiated, and a function of it
CASES = {
    "rgb_to_hsv": ([IMAGES], image.rgb_to_hsv),
    "hsv_to_rgb": ([IMAGES * 3 - 1], image.hsv_to_rgb),
    "gaussian_blur": ([IMAGES, np.array([0.7, 1.9])], lambda x, sigma: image.gaussian_blur(x, (5, 3), sigma)),
    "sobel_edges": ([IMAGES], image.sobel_edges),
    "ssim": ([IMAGES, OTHERS], lambda x, y: image.ssim(x, y, filter_size=5)),
    "affine_transform": ([IMAGES, MAPS], lambda x, maps: image.affine_transform(x, maps, fill_value=0.5)),
    "affine_transform_mirror": ([IMAGES, MAPS], lambda x, maps: image.affine_transform(x, maps, fill_mode="mirror")),
    "affine_transform_of_all": ([IMAGES, MAPS[0]], lambda x, maps: image.affine_transform(x, maps, fill_mode="wrap")),
    "perspective_transform": ([IMAGES, CORNERS, MOVED], image.perspective_transform),
    "elastic_transform": (
        [IMAGES, np.array([0.9])],
        lambda x, alpha: image.elastic_transform(x, alpha, 1.5, seed=3, fill_mode="wrap"),
    ),
    "map_coordinates": ([VOLUME, PLACES], lambda x, at: image.map_coordinates(x, at, 1, "reflect")),
    "map_coordinates_constant": ([VOLUME, PLACES], lambda x, at: image.map_coordinates(x, at, 1, "constant", 0.25)),
    "extract_patches_3d": ([rng.random((2, 5, 4, 3, 2))], lambda x: image.extract_patches_3d(x, (2, 3, 2), 1)),
    **{
        f"scale_and_translate_{method}": (
            [IMAGES, STRETCH, SHIFT],
            lambda x, scale, shift, method=method: image.scale_and_translate(
                x, (2, 12, 5, 3), scale, shift, (1, 2), method
            ),
        )
        for method in ("linear", "cubic", "lanczos3", "lanczos5")
    },
}


@pytest.mark.parametrize("name", CASES)
def test_gradients(name):
    inputs, function = CASES[name]
    check_gradients(function, inputs, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("name", CASES)
def test_in_models(name):
    """In a model, saved as configuration, float32; and in a recording with gradients, the bits of a call without."""
    inputs, function = CASES[name]
    arrays = [np.asarray(x, np.float32) for x in inputs]
    symbolic = [layers.Input(batch_shape=x.shape) for x in arrays]
    model = nerve.Model(symbolic, function(*symbolic))
    again = nerve.Model.from_config(model.get_config())
    eager = function(*map(nerve.Tensor, arrays))
    np.testing.assert_array_equal(again(arrays).numpy(), eager.numpy())
    check_recorded(function, arrays)


@pytest.mark.parametrize("name", CASES)
def test_on_the_gpu(shim, name):  # noqa: F811
    inputs, function = CASES[name]
    with fake_cupy.installed(shim) as cupy:
        here, there = ([nerve.Tensor(put(x)) for x in inputs] for put in (np.asarray, cupy.asarray))
        ours, theirs = function(*here), function(*there)
        np.testing.assert_allclose(theirs.array.get(), ours.numpy(), rtol=1e-9, atol=1e-9)
        pairs = zip(*(nerve.gradients(ops.sum(y * y), x) for y, x in ((ours, here), (theirs, there))), strict=True)
        for one, other in pairs:
            np.testing.assert_allclose(other.get(), one, rtol=1e-7, atol=1e-7)


class TestColors:
    def test_beside_the_standard_library(self):
        pixels = np.concatenate([IMAGES.reshape(-1, 3), np.eye(3), np.zeros((1, 3)), np.full((1, 3), 0.5)])
        expected = [colorsys.rgb_to_hsv(*pixel) for pixel in pixels]
        found = image.rgb_to_hsv(pixels[None, :, None]).numpy()[0, :, 0]
        np.testing.assert_allclose(found, expected, atol=1e-12)
        np.testing.assert_allclose(image.hsv_to_rgb(found[None, :, None]).numpy()[0, :, 0], pixels, atol=1e-12)

    def test_layouts(self):
        first = image.rgb_to_hsv(IMAGES.transpose(0, 3, 1, 2), data_format="channels_first").numpy()
        np.testing.assert_array_equal(first.transpose(0, 2, 3, 1), image.rgb_to_hsv(IMAGES).numpy())
        np.testing.assert_array_equal(image.hsv_to_rgb(IMAGES[0]).numpy(), image.hsv_to_rgb(IMAGES).numpy()[0])


class TestFilters:
    def test_blurred(self):
        found = image.gaussian_blur(IMAGES, (5, 3), (0.7, 1.9)).numpy()
        expected = IMAGES
        for axis, size, sigma in ((2, 5, 0.7), (1, 3, 1.9)):
            weights = signal.windows.gaussian(size, sigma)
            expected = ndimage.correlate1d(expected, weights / weights.sum(), axis, mode="constant")
        np.testing.assert_allclose(found, expected, atol=1e-12)
        first = image.gaussian_blur(IMAGES.transpose(0, 3, 1, 2), (5, 3), (0.7, 1.9), data_format="channels_first")
        np.testing.assert_allclose(first.numpy().transpose(0, 2, 3, 1), expected, atol=1e-12)

    def test_edges(self):
        found = image.sobel_edges(IMAGES).numpy()
        for index, axis in ((0, 1), (1, 2)):
            across = [0, 0, 0, 0]
            for each in (1, 2):
                across[each] = 1
            expected = ndimage.correlate1d(IMAGES, [-1, 0, 1], axis, mode="constant")
            expected = ndimage.correlate1d(expected, [1, 2, 1], 3 - axis, mode="constant")
            np.testing.assert_allclose(found[..., index], expected, atol=1e-12)
        one = image.sobel_edges(IMAGES[0].transpose(2, 0, 1), data_format="channels_first").numpy()
        np.testing.assert_allclose(one.transpose(1, 2, 0, 3), found[0], atol=1e-12)
        assert image.sobel_edges((IMAGES * 9).astype(int)).dtype == np.float32

    def test_similarity(self):
        np.testing.assert_allclose(image.ssim(IMAGES, IMAGES, filter_size=7).numpy(), [1, 1], rtol=1e-12)
        weights = signal.windows.gaussian(5, 0.8)
        weights = np.outer(weights, weights) / weights.sum() ** 2
        x, y = IMAGES[1, ..., 2], OTHERS[1, ..., 2]
        means = [signal.correlate2d(each, weights, "valid") for each in (x, y, x * x, y * y, x * y)]
        spread = means[2] - means[0] ** 2 + means[3] - means[1] ** 2
        dark, flat = (0.02 * 2) ** 2, (0.05 * 2) ** 2
        alike = (2 * means[0] * means[1] + dark) * (2 * (means[4] - means[0] * means[1]) + flat)
        alike /= (means[0] ** 2 + means[1] ** 2 + dark) * (spread + flat)
        found = image.ssim(x[..., None], y[..., None], 2.0, 5, 0.8, 0.02, 0.05)
        assert found.shape == ()
        assert found.item() == pytest.approx(alike.mean(), rel=1e-10)


class TestPlaces:
    @pytest.mark.parametrize("fill", FILLS)
    @pytest.mark.parametrize("order", [0, 1])
    @pytest.mark.parametrize("shape", [(4, 5, 3), (6, 7), (9,), (1, 4), (2, 3, 2, 3)])
    def test_between_elements(self, shape, order, fill):
        x, at = rng.random(shape), rng.uniform(-6, 11, (len(shape), 40))
        found = image.map_coordinates(x, at, order, fill, 0.25).numpy()
        expected = ndimage.map_coordinates(x, at, order=order, mode=FILLS[fill], cval=0.25)
        np.testing.assert_allclose(found, expected, atol=1e-12)

    def test_what_is_no_place(self):
        at = np.array([[np.nan, np.inf, -np.inf, 1e30, 2.0]])
        x = np.arange(4.0)
        np.testing.assert_array_equal(image.map_coordinates(x, at, 0, "constant", 7.0).numpy(), [7, 7, 7, 7, 2])
        np.testing.assert_array_equal(image.map_coordinates(x, at[:, 1:], 0, "nearest").numpy(), [3, 0, 3, 2])

    def test_whole_numbers(self):
        x = np.array([[1, 2], [4, 9]])
        found = image.map_coordinates(x, [np.array([0.5, 1.0]), np.array([0.5, 0.9])], 1)
        assert found.dtype == np.int64
        np.testing.assert_array_equal(found.numpy(), [4, 8])
        np.testing.assert_array_equal(image.map_coordinates(x, np.array([[1, 0], [0, 1]]), 1).numpy(), [4, 2])

    def test_affine_in_all_layouts(self):
        expected = image.affine_transform(IMAGES, MAPS, "nearest", "reflect").numpy()
        first = image.affine_transform(IMAGES.transpose(0, 3, 1, 2), MAPS, "nearest", "reflect", 0.0, "channels_first")
        np.testing.assert_array_equal(first.numpy().transpose(0, 2, 3, 1), expected)
        np.testing.assert_array_equal(
            image.affine_transform(IMAGES[1], list(MAPS[1]), "nearest", "reflect"), expected[1]
        )

    def test_perspective_brings_points_to_others(self):
        """In any order; a bright pixel at a start is bright at the end."""
        start, end = np.array([[1, 1], [6, 2], [7, 8], [0, 6]]), np.array([[2, 0], [7, 3], [5, 7], [1, 8]])
        picture = np.zeros((9, 8, 1))
        picture[start[:, 1], start[:, 0]] = 1
        found = image.perspective_transform(picture, start, end).numpy()
        np.testing.assert_allclose(found[end[:, 1], end[:, 0]], 1, atol=1e-9)

    def test_elastic(self):
        still = image.elastic_transform(IMAGES, alpha=0.0, sigma=1.0).numpy()
        np.testing.assert_allclose(still, IMAGES, atol=1e-12)
        one, same, other = (image.elastic_transform(IMAGES, 1.0, 1.2, seed=seed).numpy() for seed in (1, 1, 2))
        np.testing.assert_array_equal(one, same)
        assert abs(one - other).max() > 0.01
        noise = nerve.random.normal((4, 9, 8, 1), stddev=1.2, dtype="float64", seed=1).numpy().reshape(2, 2, 9, 8)
        weights = signal.windows.gaussian(7, 1.2)
        for axis in (2, 3):
            noise = ndimage.correlate1d(noise, weights / weights.sum(), axis, mode="constant")
        across, down = noise
        for index in (0, 1):
            at = np.indices((9, 8)) + np.stack([down[index], across[index]])
            for channel in range(3):
                expected = ndimage.map_coordinates(IMAGES[index, ..., channel], at, order=1, mode="reflect")
                np.testing.assert_allclose(one[index, ..., channel], expected, atol=1e-12)


class TestScaling:
    @pytest.mark.parametrize("size", [(18, 4), (5, 16), (9, 8)])
    @pytest.mark.parametrize("antialias", [True, False])
    def test_like_resizing(self, size, antialias):
        scale = np.array([size[0] / 9, size[1] / 8])
        for method, other in (("linear", "bilinear"), ("cubic", "bicubic"), ("lanczos3", "lanczos3")):
            found = image.scale_and_translate(
                IMAGES, (2, *size, 3), scale, np.zeros(2), (1, 2), method, antialias=antialias
            )
            expected = image.resize(IMAGES, size, other, antialias=antialias)
            np.testing.assert_allclose(found.numpy(), expected.numpy(), atol=1e-9)

    def test_moved(self):
        x = np.arange(9.0).reshape(3, 3)
        found = image.scale_and_translate(x, (5, 5), [2.0, 2.0], [-0.5, -0.5], (0, 1), "linear")
        np.testing.assert_allclose(found.numpy(), np.arange(5) / 2 + 1.5 * np.arange(5)[:, None], atol=1e-6)
        moved = image.scale_and_translate(x, (3, 3), np.ones(1), np.full(1, -1.0), (-1,), "triangle").numpy()
        np.testing.assert_allclose(moved, np.pad(x, ((0, 0), (0, 1)))[:, 1:])

    def test_whole_numbers(self):
        x = np.array([[0, 100], [200, 255]])
        found = image.scale_and_translate(x, (4, 4), np.full(2, 2.0), np.zeros(2), (0, 1), "cubic")
        assert found.dtype == np.int64
        assert found.numpy().min() == 0
        assert found.numpy().max() == 255


def test_patches_of_volumes():
    volume = np.arange(60.0).reshape(3, 4, 5, 1)
    found = image.extract_patches_3d(volume, (1, 2, 2)).numpy()
    assert found.shape == (3, 2, 2, 4)
    np.testing.assert_array_equal(found[1, 1, 1], volume[1, 2:4, 2:4].ravel())
    np.testing.assert_array_equal(image.extract_patches(volume, (1, 2, 2)).numpy(), found)
    first = image.extract_patches_3d(volume.transpose(3, 0, 1, 2), (1, 2, 2), data_format="channels_first").numpy()
    np.testing.assert_array_equal(first.transpose(1, 2, 3, 0), found)


def raises(error, match, function, *args, **options):
    with pytest.raises(error, match=match):
        function(*args, **options)


def test_errors():
    for name in ("rgb_to_hsv", "hsv_to_rgb", "rgb_to_grayscale"):
        op = getattr(image, name)
        raises(ShapeError, rf"\[{name}\] expects three channels, got shape \(2, 9, 8, 2\)", op, IMAGES[..., :2])
        raises(ShapeError, rf"\[{name}\] images expects one image or a batch", op, IMAGES[0, 0])
        raises(ValueError, rf"\[{name}\] data_format must be", op, IMAGES, data_format="NCHW")
    raises(
        DTypeError, r"\[rgb_to_hsv\] expects floats in \[0, 1\], got dtype int64", image.rgb_to_hsv, IMAGES.astype(int)
    )
    raises(ValueError, r"\[gaussian_blur\] expects two numbers of neighbours", image.gaussian_blur, IMAGES, (3, 3, 3))
    raises(ValueError, r"\[gaussian_blur\] kernel_size", image.gaussian_blur, IMAGES, (0, 3))
    raises(ShapeError, r"\[ssim\] expects images of one shape", image.ssim, IMAGES, IMAGES[:1])
    raises(ShapeError, r"\[ssim\] expects images of at least 11 x 11 pixels", image.ssim, IMAGES, OTHERS)
    raises(ValueError, r"\[ssim\] filter_size must be odd, got 4", image.ssim, IMAGES, OTHERS, filter_size=4)
    raises(ShapeError, r"\[affine_transform\] transform expects", image.affine_transform, IMAGES, MAPS[:, :6])
    raises(ValueError, "fill_mode expects one of", image.affine_transform, IMAGES, MAPS, fill_mode="edge")
    raises(ShapeError, r"\[perspective_transform\] expects", image.perspective_transform, IMAGES, CORNERS, MOVED[:, :3])
    raises(ValueError, r"\[elastic_transform\] sigma must be positive", image.elastic_transform, IMAGES, sigma=0.0)
    raises(ValueError, r"\[map_coordinates\] order must be 0 or 1, got 3", image.map_coordinates, VOLUME, PLACES, 3)
    raises(ValueError, r"\[map_coordinates\] fill_mode", image.map_coordinates, VOLUME, PLACES, 1, "edge")
    raises(ShapeError, r"\[map_coordinates\] expects 3 coord", image.map_coordinates, VOLUME, PLACES[:2], 1)
    raises(ShapeError, r"\[map_coordinates\] inputs have no", image.map_coordinates, VOLUME[:0], PLACES, 1)
    scaled = lambda *args: image.scale_and_translate(IMAGES, *args)  # noqa: E731
    raises(ValueError, "method must be one of", scaled, (2, 9, 8, 3), STRETCH, SHIFT, (1, 2), "area")
    raises(ShapeError, r"output_shape may differ from \(2, 9, 8, 3\) along \[1, 2\]", scaled, (3, 9, 8, 3), STRETCH,
           SHIFT, (1, 2), "linear")  # fmt: skip
    raises(ShapeError, r"expects scale and translation of shape \(2,\)", scaled, (2, 9, 8, 3), STRETCH[:1], SHIFT,
           (1, 2), "linear")  # fmt: skip
    raises(ShapeError, r"\[extract_patches_3d\] volumes expects one volume or a batch, of 4 or 5 axes",
           image.extract_patches_3d, VOLUME, 2)  # fmt: skip
    for op in (image.extract_patches, image.extract_patches_3d):
        raises(ValueError, r"data_format must be 'channels_last' or", op, IMAGES[None], 2, data_format="last")
    raises(
        ValueError, r"\[extract_patches\] size expects one integer or 2", image.extract_patches, IMAGES, (1, 2, 3, 4)
    )
