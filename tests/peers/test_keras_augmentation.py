"""Layers that change images at random, against Keras: the same change by both, where Keras has drawn it."""

from __future__ import annotations

import os

import numpy as np
import pytest

import nerve
from nerve import layers

os.environ["KERAS_BACKEND"] = "torch"
keras = pytest.importorskip("keras")
torch = pytest.importorskip("torch")
pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]

rng = np.random.default_rng(0)
# Smooth, so that a position a rounding away from another makes little difference.
_Y, _X = np.mgrid[:30, :24] / 10
IMAGES = np.stack(
    [
        np.stack([127 + 110 * np.sin(a * _Y + b + c * _X) for c in (0.5, 1.3, 2.1)], -1)
        for a, b in rng.normal(size=(5, 2))
    ]
).astype(np.float32)
MASKS = (IMAGES[..., :1] > 127).astype(np.float32)
LABELS = np.eye(5, dtype=np.float32)

LAYERS = [
    ("RandomFlip", {}),
    ("RandomFlip", {"mode": "horizontal"}),
    ("RandomFlip", {"mode": "vertical"}),
    *(("RandomRotation", {"factor": 0.2, "fill_mode": mode}) for mode in ("reflect", "wrap", "constant", "nearest")),
    ("RandomRotation", {"factor": (0.1, 0.3), "interpolation": "nearest", "fill_mode": "constant", "fill_value": 9.0}),
    ("RandomZoom", {"height_factor": 0.4}),
    ("RandomZoom", {"height_factor": (-0.3, 0.1), "width_factor": 0.2, "fill_mode": "wrap"}),
    ("RandomTranslation", {"height_factor": 0.3, "width_factor": (-0.2, 0.4)}),
    ("RandomTranslation", {"height_factor": 0.3, "width_factor": 0.3, "fill_mode": "constant", "fill_value": 50.0}),
    ("RandomShear", {"x_factor": 0.4, "y_factor": (0.1, 0.3)}),
    ("RandomPerspective", {"factor": 0.7, "scale": 0.4}),
    ("RandomBrightness", {"factor": 0.5}),
    ("RandomContrast", {"factor": 0.5}),
    ("RandomContrast", {"factor": (0.2, 0.9)}),
    ("RandomErasing", {}),
    ("RandomErasing", {"factor": 0.5, "scale": (0.1, 0.5), "fill_value": [10, 20, 30]}),
    ("RandomGrayscale", {}),
    ("RandomHue", {"factor": 0.6}),
    ("RandomSaturation", {"factor": (0.2, 0.7)}),
    ("RandomColorDegeneration", {"factor": 0.8}),
    ("RandomInvert", {"factor": 0.5}),
    ("RandomPosterization", {"factor": 4}),
    ("RandomPosterization", {"factor": (2, 6)}),
    ("RandomSharpness", {"factor": 0.9}),
    ("RandomGaussianBlur", {"factor": 0.6, "kernel_size": 5, "sigma": (0.5, 1.0)}),
    ("Solarization", {"addition_factor": 0.3, "threshold_factor": 0.6}),
    ("AutoContrast", {}),
    ("Equalization", {}),
    ("Equalization", {"bins": 64}),
    (
        "ContrastLimitedAdaptiveHistogramEqualization",
        {"clip_limit": 16.0, "tile_grid_size": (5, 3)},
    ),  # nothing to pad or to round, as Keras does otherwise on torch
    ("ContrastLimitedAdaptiveHistogramEqualization", {"clip_limit": 0, "tile_grid_size": (6, 4)}),
    ("MixUp", {"alpha": 0.7}),
    ("CutMix", {}),
]
UNSEEDED = ("AutoContrast", "Equalization", "ContrastLimitedAdaptiveHistogramEqualization")


def numbers(transformation):
    """What Keras has drawn, in NumPy."""
    if isinstance(transformation, dict):
        return {key: numbers(value) for key, value in transformation.items()}
    if isinstance(transformation, list | tuple):
        return type(transformation)(numbers(value) for value in transformation)
    return transformation.detach().cpu().numpy().copy() if torch.is_tensor(transformation) else transformation


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize(("name", "options"), LAYERS, ids=[f"{name}-{i}" for i, (name, _) in enumerate(LAYERS)])
def test_same_transformation(name, options, data_format):
    if data_format == "channels_first" and name in ("RandomZoom", "AutoContrast", "RandomErasing", "RandomBrightness"):
        pytest.skip("Keras does not do what it says there, or takes no data_format")
    if name == "Solarization" and data_format == "channels_first":
        pytest.skip("takes no data_format in Keras")
    images, masks = (x if data_format == "channels_last" else np.moveaxis(x, -1, 1).copy() for x in (IMAGES, MASKS))
    options = {**options, "data_format": data_format} if data_format == "channels_first" else options
    theirs, ours = getattr(keras.layers, name)(**options, dtype="float32"), getattr(layers, name)(**options)
    seeded = {} if name in UNSEEDED else {"seed": keras.random.SeedGenerator(7)}
    drawn = theirs.get_random_transformation(torch.tensor(images), training=True, **seeded)
    given = numbers(drawn)
    expected = theirs.transform_images(torch.tensor(images), drawn, training=True).numpy()
    y = ours.transform_images(nerve.Tensor(images), given, training=True).numpy()
    np.testing.assert_allclose(y, expected, atol=0.01)  # of 255: positions are rounded
    assert y.dtype == np.float32
    if name.startswith("ContrastLimited"):  # theirs takes images only
        return
    drawn = theirs.get_random_transformation(torch.tensor(images), training=True, **seeded)
    given = numbers(drawn)
    if name not in ("MixUp", "RandomErasing"):  # theirs takes pixels, and not masks, in the order drawn
        found = ours.transform_segmentation_masks(masks, given, training=True)
        theirs_found = np.asarray(theirs.transform_segmentation_masks(torch.tensor(masks), drawn, training=True))
        if name != "CutMix":  # theirs have the channels of the images
            assert (np.abs(np.asarray(found) - theirs_found) > 1e-3).mean() < 0.01  # a pixel on an edge
    labels = theirs.transform_labels(torch.tensor(LABELS), drawn, training=True)
    np.testing.assert_allclose(np.asarray(ours.transform_labels(LABELS, given)), np.asarray(labels), atol=1e-6)
    assert tuple(ours.compute_output_shape(images.shape)) == tuple(theirs.compute_output_shape(images.shape))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("RandomRotation", {"factor": 0.2}),
        ("RandomContrast", {"factor": 0.5}),
        ("RandomHue", {"factor": 0.5}),
        ("RandomSharpness", {"factor": 0.5}),
        ("MixUp", {}),
        ("RandomFlip", {}),
    ],
)
def test_gradients(name, options):
    theirs, ours = getattr(keras.layers, name)(**options), getattr(layers, name)(**options)
    x, a = torch.tensor(IMAGES, requires_grad=True), nerve.Tensor(IMAGES)
    drawn = theirs.get_random_transformation(x, seed=keras.random.SeedGenerator(3))
    given = numbers(drawn)
    weights = rng.normal(size=IMAGES.shape).astype(np.float32)
    (theirs.transform_images(x, drawn) * torch.tensor(weights)).sum().backward()
    (gradient,) = nerve.gradients(nerve.ops.sum(ours.transform_images(a, given) * weights), [a])
    np.testing.assert_allclose(gradient, x.grad.numpy(), atol=2e-3)


@pytest.mark.parametrize("size", [(12, 10), (29, 23)])
def test_crop(size):
    theirs, ours = keras.layers.RandomCrop(*size), layers.RandomCrop(*size)
    drawn = theirs.get_random_transformation(torch.tensor(IMAGES), seed=keras.random.SeedGenerator(3))
    expected = np.asarray(theirs.transform_images(torch.tensor(IMAGES), drawn))
    np.testing.assert_array_equal(ours.transform_images(IMAGES, numbers(drawn)).numpy(), expected)


@pytest.mark.parametrize("name", ["RandAugment", "AugMix"])
def test_several(name):
    theirs, ours = getattr(keras.layers, name)(seed=5), getattr(layers, name)()
    for _ in range(4):
        drawn = theirs.get_random_transformation(torch.tensor(IMAGES))
        given = numbers(drawn)
        if name == "AugMix":
            expected = theirs.transform_images(torch.tensor(IMAGES), drawn).numpy()
        else:  # one by one, for here theirs adds the brightness to the images whether it was drawn or not
            x, names = torch.tensor(IMAGES), list(drawn["transforms"])
            for index in given["layer_idxes"]:
                x = getattr(theirs, names[index]).transform_images(x, drawn["transforms"][names[index]]).clone()
            expected = x.numpy()
        y = ours.transform_images(IMAGES, given).numpy()
        assert (np.abs(y - expected) > 0.05).mean() < 0.1  # posterization and equalization have steps


@pytest.mark.parametrize(("name", "options"), LAYERS, ids=[f"{name}-{i}" for i, (name, _) in enumerate(LAYERS)])
def test_same_statistics(name, options):
    """Means and deviations of many draws; both are seeded, the bound is five standard errors or so."""
    images = np.repeat(IMAGES[:1, :12, :10], 500, axis=0)
    theirs, ours = getattr(keras.layers, name)(**options), getattr(layers, name)(**options)
    a = ours.get_random_transformation(nerve.Tensor(images), seed=1)
    seeded = {} if name in UNSEEDED else {"seed": keras.random.SeedGenerator(7)}
    b = numbers(theirs.get_random_transformation(torch.tensor(images), **seeded))
    if a is None or b is None:
        assert a is None
        assert b is None
        return
    pairs = a.items() if isinstance(a, dict) else [("", a)]
    for key, x in pairs:
        if key in ("input_shape", "permutation_order"):
            continue
        x, y = (np.asarray(v).astype(np.float64) for v in (x, b[key] if key else b))
        if x.size < 100:  # drawn once for all images
            continue
        assert x.mean() == pytest.approx(y.mean(), abs=0.25 * (x.std() + y.std()) + 1e-6), key
        assert x.std() == pytest.approx(y.std(), rel=0.3, abs=1e-6), key
