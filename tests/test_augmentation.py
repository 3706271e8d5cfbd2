"""Layers that change images at random: what they change when, what they draw, in recorded steps and in files."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

import nerve
from nerve import Input, Sequential, layers
from nerve.errors import ShapeError
from nerve.layers.image_layer import Draws, ImageLayer
from nerve.random import SeedGenerator

rng = np.random.default_rng(0)
IMAGES = rng.uniform(0, 255, (6, 12, 10, 3)).astype(np.float32)
RECORDED = [
    ("RandomFlip", {}),
    ("RandomRotation", {"factor": 0.2}),
    ("RandomZoom", {"height_factor": 0.3}),
    ("RandomTranslation", {"height_factor": 0.3, "width_factor": 0.3}),
    ("RandomShear", {"x_factor": 0.4, "y_factor": 0.2}),
    ("RandomPerspective", {"scale": 0.5}),
    ("RandomElasticTransform", {}),
    ("RandomCrop", {"height": 8, "width": 7}),
    ("RandomBrightness", {"factor": 0.5}),
    ("RandomContrast", {"factor": 0.5}),
    ("RandomErasing", {}),
    ("RandomErasing", {"fill_value": [1.0, 2.0, 3.0]}),
    ("RandomGrayscale", {}),
    ("RandomHue", {"factor": 0.5}),
    ("RandomSaturation", {"factor": (0.2, 0.7)}),
    ("RandomColorDegeneration", {"factor": 0.5}),
    (
        "RandomColorJitter",
        {"brightness_factor": 0.2, "contrast_factor": 0.3, "saturation_factor": (0.4, 0.6), "hue_factor": 0.1},
    ),
    ("RandomInvert", {"factor": 0.5}),
    ("RandomPosterization", {"factor": (2, 6)}),
    ("RandomSharpness", {"factor": 0.9}),
    ("RandomGaussianBlur", {}),
    ("Solarization", {"addition_factor": 0.3, "threshold_factor": 0.6}),
    ("AutoContrast", {}),
    ("MixUp", {}),
    ("CutMix", {}),
]
EAGER = [
    ("Equalization", {}),
    ("ContrastLimitedAdaptiveHistogramEqualization", {"tile_grid_size": (3, 2)}),
    ("RandAugment", {}),
    ("AugMix", {}),
]
UNSEEDED = ("AutoContrast", "Equalization", "ContrastLimitedAdaptiveHistogramEqualization")
NAMES = [f"{name}-{i}" for i, (name, _) in enumerate(RECORDED + EAGER)]


def make(name, options):
    return getattr(layers, name)(**options, **({} if name in UNSEEDED else {"seed": 5}))


@pytest.mark.parametrize(("name", "options"), RECORDED + EAGER, ids=NAMES)
def test_when_and_what(name, options):
    layer = make(name, options)
    outside, stated = layer(IMAGES).numpy(), make(name, options)(IMAGES, training=True).numpy()
    np.testing.assert_array_equal(outside, stated, err_msg="outside a model a call trains; a seed gives the same")
    assert np.isfinite(outside).all()
    assert outside.dtype == np.float32
    if name not in UNSEEDED:
        assert not np.array_equal(layer(IMAGES).numpy(), outside), "every call draws anew"
    assert tuple(outside.shape) == tuple(layer.compute_output_shape(IMAGES.shape))
    if name not in ("RandomCrop", "AutoContrast", "ContrastLimitedAdaptiveHistogramEqualization"):
        np.testing.assert_array_equal(layer(IMAGES, training=False).numpy(), IMAGES)
    single = layer(IMAGES[0])
    assert tuple(single.shape) == outside.shape[1:]
    bytes_ = make(name, options)(IMAGES.astype(np.uint8)).numpy()
    np.testing.assert_array_equal(bytes_, make(name, options)(np.floor(IMAGES)).numpy())
    first = make(name, {**options, "data_format": "channels_first"})(np.moveaxis(IMAGES, -1, 1).copy()).numpy()
    if name not in ("RandomErasing", "RandAugment", "AugMix"):  # whose noise is drawn in the order of the array
        np.testing.assert_allclose(np.moveaxis(first, 1, -1), outside, atol=1e-3)
    with pytest.raises(ShapeError, match=rf"{layer.name}.*3 or 4 axes, got shape \(10, 3\)"):
        layer(IMAGES[0, 0])


@pytest.mark.parametrize(("name", "options"), RECORDED + EAGER, ids=NAMES)
def test_in_a_model(name, options, tmp_path):
    def model(eager):
        nerve.random.seed(3)
        built = Sequential([Input((12, 10, 3)), make(name, options), layers.Flatten(), layers.Dense(2)])
        built.compile("sgd", "mse", run_eagerly=eager)
        return built

    y = rng.normal(size=(6, 2)).astype(np.float32)
    recorded, eager = model(False), model(True)
    if (name, options) in EAGER:
        with pytest.warns(UserWarning, match="steps are not recorded"):
            recorded.fit(IMAGES / 255, y, epochs=5, batch_size=3, shuffle=False, verbose=0)
    else:
        recorded.fit(IMAGES / 255, y, epochs=5, batch_size=3, shuffle=False, verbose=0)
        assert recorded._recorders["train"].refusal == ""
    eager.fit(IMAGES / 255, y, epochs=5, batch_size=3, shuffle=False, verbose=0)
    for a, b in zip(recorded.get_weights(), eager.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    recorded.save(tmp_path / "m.nerve")
    loaded = nerve.models.load_model(tmp_path / "m.nerve")
    np.testing.assert_array_equal(loaded.predict(IMAGES, verbose=0), recorded.predict(IMAGES, verbose=0))
    assert loaded.layers[0].get_config() == recorded.layers[0].get_config() or name in ("RandomColorJitter",)


def test_a_crop_copies_nothing_where_only_its_place_matters():
    layer = layers.RandomCrop(5, 4)
    assert np.shares_memory(layer(IMAGES).numpy(), IMAGES)
    assert np.shares_memory(layer(IMAGES[0]).numpy(), IMAGES)
    x = nerve.Tensor(IMAGES)
    (gradient,) = nerve.gradients(nerve.ops.sum(layer(x)), [x])
    assert gradient.sum() == IMAGES.shape[0] * 5 * 4 * 3


def test_dicts_change_alike():
    masks = (IMAGES[..., :1] > 127).astype(np.float32)
    data = {
        "images": np.repeat(masks * 200, 3, axis=-1),
        "segmentation_masks": masks,
        "labels": np.eye(6),
        "other": IMAGES,
    }
    for layer in (
        layers.RandomFlip(),
        layers.RandomRotation(0.3, interpolation="nearest"),
        layers.CutMix(),
        layers.RandomCrop(5, 5),
    ):
        found = layer(data)
        np.testing.assert_array_equal(found["images"].numpy()[..., :1], found["segmentation_masks"].numpy() * 200)
        np.testing.assert_array_equal(found["other"].numpy(), IMAGES)
    mixed = layers.MixUp(alpha=1.0)(data)
    weights = mixed["labels"].numpy()
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(mixed["images"].numpy(), np.einsum("ij,jabc->iabc", weights, data["images"]), atol=1e-3)
    one = layers.RandomFlip()({"images": IMAGES[0], "labels": np.eye(6)[0]})
    assert one["images"].shape == (12, 10, 3)
    assert one["labels"].shape == (6,)


def test_draws():
    draws = Draws(SeedGenerator(0).next_offset, "float32")
    order = draws.order(1000).numpy()
    np.testing.assert_array_equal(np.sort(order), np.arange(1000))
    for alpha in (0.2, 1.0, 3.0):
        x = draws.beta((20000,), alpha).numpy().astype(np.float64)
        assert x.mean() == pytest.approx(0.5, abs=0.02)
        assert x.var() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.05)  # of Beta(alpha, alpha)
        gamma = np.exp(draws.log_gamma((20000,), alpha).numpy().astype(np.float64))
        assert gamma.mean() == pytest.approx(alpha, rel=0.06)
        assert gamma.var() == pytest.approx(alpha, rel=0.15)
    assert draws.whether(20000, (0.3, 0.3)).numpy().mean() == pytest.approx(0.3, abs=0.02)
    assert np.isfinite(draws.beta((1000,), 1e-6).numpy()).all()


def test_elastic_transform_is_that_of_scipy():
    """Gaussian weights cut off at 3 sigma with zeros outside, then a look at the places that are moved."""
    layer = layers.RandomElasticTransform(scale=1.0, fill_mode="mirror")
    drawn = layer.get_random_transformation(IMAGES, seed=4)
    applied = np.flatnonzero(drawn["apply_transform"].numpy())
    y = layer.transform_images(IMAGES, drawn).numpy()
    factor = float(drawn["distortion_factor"].numpy())
    alpha, sigma = 12 * 0.1 * factor, 10 * 0.05 * factor
    fields = drawn["noise"].numpy().astype(np.float64) * sigma
    reach = int(3 * sigma)
    for axis in (2, 3):
        fields = ndimage.gaussian_filter1d(fields, sigma, axis, mode="constant", radius=reach)
    rows, columns = np.mgrid[:12, :10]
    assert factor > 0.5
    assert 0 < applied.size < 6
    np.testing.assert_array_equal(np.delete(y, applied, axis=0), np.delete(IMAGES, applied, axis=0))
    for b in applied:
        places = [rows + alpha * fields[1, b], columns + alpha * fields[0, b]]
        for c in range(3):
            expected = ndimage.map_coordinates(IMAGES[b, :, :, c], places, order=1, mode="mirror")
            np.testing.assert_allclose(y[b, :, :, c], expected, atol=5e-3)


def test_crop_in_inference():
    """The largest window of the piece's proportions, from the middle, resized."""
    x = np.arange(8.0 * 4).reshape(1, 8, 4, 1)
    found = layers.RandomCrop(2, 2)(x, training=False).numpy()
    middle = x[0, 2:6, :, 0]
    np.testing.assert_allclose(found[0, :, :, 0], middle.reshape(2, 2, 2, 2).mean(axis=(1, 3)))
    small = layers.RandomCrop(16, 8)(x, training=True)
    assert small.shape == (1, 16, 8, 1)


def test_pipeline(tmp_path):
    steps = layers.Pipeline(
        [layers.RandomFlip(seed=1), layers.RandomBrightness(0.3, seed=2), layers.Rescaling(1 / 255)]
    )
    flipped = layers.RandomBrightness(0.3, seed=2)(layers.RandomFlip(seed=1)(IMAGES))
    np.testing.assert_allclose(steps(IMAGES).numpy(), flipped.numpy() / 255, rtol=1e-6)
    np.testing.assert_allclose(steps(IMAGES, training=False).numpy(), IMAGES / 255, rtol=1e-6)
    model = Sequential([Input((12, 10, 3)), steps, layers.Flatten(), layers.Dense(2)])
    model.save(tmp_path / "m.nerve")
    loaded = nerve.models.load_model(tmp_path / "m.nerve")
    assert [type(layer).__name__ for layer in loaded.layers[0].layers] == [
        "RandomFlip",
        "RandomBrightness",
        "Rescaling",
    ]


def test_errors():
    for make_bad, match in (
        (lambda: layers.RandomFlip("sideways"), "mode must be one of"),
        (lambda: layers.RandomRotation(2.0), r"factor must be a number in \[-1.0, 1.0\] or two"),
        (lambda: layers.RandomRotation(0.1, fill_mode="edge"), "fill_mode must be one of"),
        (lambda: layers.RandomZoom((0.1, 0.2, 0.3)), "height_factor must be a number"),
        (lambda: layers.RandomContrast(-0.5), r"factor must be a number in \[0.0, 1.0\]"),
        (lambda: layers.RandomBrightness(0.1, value_range=3), "value_range must be two numbers"),
        (lambda: layers.RandomGaussianBlur(kernel_size=4), "kernel_size must be an odd int"),
        (lambda: layers.RandomCrop(0, 2), "positive ints"),
        (lambda: layers.MixUp(alpha=0), "alpha must be positive"),
        (lambda: layers.RandomPosterization(9), "factor must be a number"),
    ):
        with pytest.raises(ValueError, match=match):
            make_bad()
    with pytest.raises(ShapeError, match=r"random_hue.*three channels, got 2"):
        layers.RandomHue(0.5)(IMAGES[..., :2])
    with pytest.raises(TypeError, match="list of layers"):
        layers.Pipeline([3])
    assert issubclass(layers.RandAugment, ImageLayer)
