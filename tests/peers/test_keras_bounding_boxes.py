"""Bounding boxes beside Keras, where its boxes are those of the images."""

from __future__ import annotations

import os

import numpy as np
import pytest

from nerve import layers
from nerve.utils import bounding_boxes

os.environ["KERAS_BACKEND"] = "torch"
keras = pytest.importorskip("keras")
pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]

RNG = np.random.default_rng(1)
IMAGES = RNG.random((4, 30, 40, 3)).astype(np.float32)
LEFT_TOP = RNG.uniform(-4, 20, (4, 5, 2))
BOXES = np.concatenate([LEFT_TOP, LEFT_TOP + RNG.uniform(1, 25, (4, 5, 2))], -1).astype(np.float32)
LABELS = RNG.integers(0, 9, (4, 5))
FORMATS = [
    "xyxy", "yxyx", "xywh", "center_xywh", "center_yxhw", "rel_xyxy", "rel_yxyx", "rel_xywh", "rel_center_xywh",
]  # fmt: skip


def arrays(found):
    return {key: np.asarray(keras.ops.convert_to_numpy(value)) for key, value in found.items()}


@pytest.mark.parametrize("source", FORMATS)
@pytest.mark.parametrize("target", FORMATS)
def test_formats(source, target):
    ours = bounding_boxes.convert_format(BOXES, source, target, 30, 40).numpy()
    theirs = keras.utils.bounding_boxes.convert_format(BOXES, source, target, 30, 40)
    np.testing.assert_allclose(ours, keras.ops.convert_to_numpy(theirs), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("form", "scale"), [("xyxy", 1.0), ("rel_xyxy", 0.1)])
def test_clipping(form, scale):
    given = {"boxes": BOXES * np.float32(scale), "labels": LABELS}
    ours = bounding_boxes.clip_to_image_size(dict(given), 15, 12, form)
    tensors = {key: keras.ops.convert_to_tensor(value) for key, value in given.items()}
    theirs = arrays(keras.utils.bounding_boxes.clip_to_image_size(tensors, 15, 12, form))
    assert (theirs["labels"] == -1).any()
    for key, expected in theirs.items():
        np.testing.assert_allclose(ours[key].numpy(), expected, rtol=1e-6)


@pytest.mark.parametrize("form", ["xyxy", "yxyx", "xywh", "center_yxhw", "rel_xywh"])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("RandomFlip", {}),
        ("RandomFlip", {"mode": "horizontal"}),
        ("RandomTranslation", {"height_factor": 0.4, "width_factor": 0.3}),
        ("Resizing", {"height": 25, "width": 90}),
        ("Resizing", {"height": 60, "width": 120, "pad_to_aspect_ratio": True}),
        ("Resizing", {"height": 60, "width": 60, "crop_to_aspect_ratio": True}),
        ("CenterCrop", {"height": 14, "width": 18}),
        ("CenterCrop", {"height": 60, "width": 60}),
    ],
)
def test_layers(name, options, form):
    # Keras clips what it flips in fractions of an image as if they were pixels: boxes inside of it are the same.
    boxes = np.clip(BOXES, 0, [40, 30, 40, 30]) if name == "RandomFlip" else BOXES
    boxes = bounding_boxes.convert_format(boxes, "xyxy", form, 30, 40).numpy()
    ours, theirs = (getattr(library, name)(**options, bounding_box_format=form) for library in (layers, keras.layers))
    if name.startswith("Random"):
        transformation = theirs.get_random_transformation(IMAGES, seed=7)
        given = {key: keras.ops.convert_to_tensor(value) for key, value in (("boxes", boxes), ("labels", LABELS))}
        expected = arrays(theirs.transform_bounding_boxes(given, transformation))
        transformation = {
            key: value if isinstance(value, tuple) else np.asarray(value) for key, value in transformation.items()
        }
        found = ours.transform_bounding_boxes({"boxes": boxes, "labels": LABELS}, transformation)
    else:
        given = {"images": IMAGES, "bounding_boxes": {"boxes": boxes, "labels": LABELS}}
        found = ours(given)["bounding_boxes"]
        expected = arrays(theirs({**given, "bounding_boxes": dict(given["bounding_boxes"])})["bounding_boxes"])
    for key, value in expected.items():
        np.testing.assert_allclose(found[key].numpy(), value, rtol=1e-4, atol=1e-4)
