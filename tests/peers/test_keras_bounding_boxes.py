"""Bounding boxes beside Keras, where its boxes are those of the images."""

from __future__ import annotations

import numpy as np
import pytest
from test_keras import array, keras  # skips this file too where Keras is not installed

import nerve
from nerve import layers
from nerve.utils import bounding_boxes

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
    return {key: array(value) for key, value in found.items()}


@pytest.mark.parametrize("source", FORMATS)
@pytest.mark.parametrize("target", FORMATS)
def test_formats(source, target):
    ours = bounding_boxes.convert_format(BOXES, source, target, 30, 40).numpy()
    theirs = keras.utils.bounding_boxes.convert_format(BOXES, source, target, 30, 40)
    np.testing.assert_allclose(ours, array(theirs), rtol=1e-5, atol=1e-5)


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


def test_cropping_and_padding():
    for name, sizes in (("crop", (3, -2, 12, 20)), ("pad", (3, 5))):
        ours, theirs = (getattr(library.utils.bounding_boxes, name) for library in (nerve, keras))
        expected = array(theirs(keras.ops.convert_to_tensor(BOXES), *sizes))
        np.testing.assert_allclose(ours(BOXES, *sizes).numpy(), expected, rtol=1e-6)
        for form in ("yxyx", "center_xywh"):
            moved = ours(bounding_boxes.convert_format(BOXES, "xyxy", form), *sizes, bounding_box_format=form)
            moved = bounding_boxes.convert_format(moved, form, "xyxy").numpy()
            np.testing.assert_allclose(moved, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("center", [{}, {"center_x": 0.2, "center_y": 0.8}])
def test_affine_transform(center):
    options = {
        "angle": [30.0, -100.0, 5.0, 0.0], "translate_x": [0.1, 0.0, -0.2, 0.3], "translate_y": [0.0, 0.4, 0.1, -0.1],
        "scale": [1.0, 0.5, 1.5, 2.0], "shear_x": [0.0, 10.0, -20.0, 5.0], "shear_y": [15.0, 0.0, 7.0, -3.0],
    }  # fmt: skip
    tensors = {key: keras.ops.convert_to_tensor(np.float32(value)) for key, value in options.items()}
    boxes = keras.ops.convert_to_tensor(BOXES)
    theirs = array(keras.utils.bounding_boxes.affine_transform(boxes, **tensors, height=30, width=40, **center))
    ours = bounding_boxes.affine_transform(BOXES, **options, height=30, width=40, **center)
    np.testing.assert_allclose(ours.numpy(), theirs, rtol=1e-4, atol=1e-4)
    first = {key: value[0] for key, value in options.items()}
    single = bounding_boxes.affine_transform(BOXES[0], **first, height=30, width=40, **center)
    np.testing.assert_allclose(single.numpy(), theirs[0], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("variance", [None, [0.1, 0.1, 0.2, 0.2]])
@pytest.mark.parametrize("encoding", ["center_yxhw", "center_xywh"])
def test_deltas(encoding, variance):
    anchors, forms = BOXES[0] + np.float32([1, 2, 4, 3]), ("xyxy", "rel_yxyx", encoding, variance, (30, 40, 3))
    boxes = bounding_boxes.convert_format(BOXES, "xyxy", "rel_yxyx", 30, 40).numpy()
    ours = bounding_boxes.encode_box_to_deltas(anchors, boxes, *forms)
    tensors = [keras.ops.convert_to_tensor(x) for x in (anchors, boxes)]
    theirs = keras.utils.bounding_boxes.encode_box_to_deltas(*tensors, *forms)
    np.testing.assert_allclose(ours.numpy(), array(theirs), rtol=1e-4, atol=1e-5)
    back = bounding_boxes.decode_deltas_to_boxes(anchors, ours, *forms)
    expected = keras.utils.bounding_boxes.decode_deltas_to_boxes(tensors[0], theirs, *forms)
    np.testing.assert_allclose(back.numpy(), array(expected), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(back.numpy(), boxes, rtol=1e-3, atol=1e-4)
    levels = bounding_boxes.decode_deltas_to_boxes({"P3": anchors}, {"P3": ours}, *forms)
    np.testing.assert_array_equal(levels["P3"].numpy(), back.numpy())


@pytest.mark.parametrize("masking", [False, True])
@pytest.mark.parametrize("form", ["xyxy", "rel_xyxy", "xywh"])
def test_overlaps_of_all_pairs(form, masking):
    several = np.concatenate([BOXES, np.full((4, 1, 4), -1, np.float32)], axis=1)
    others = BOXES[:, ::-1] + np.float32(1.5)
    if form != "xyxy":
        several, others = (bounding_boxes.convert_format(x, "xyxy", form, 30, 40).numpy() for x in (several, others))
    options = {"use_masking": masking, "mask_val": -2, "image_shape": (30, 40, 3)}
    for one, other in ((several, others), (several[0], others[0])):
        theirs = keras.utils.bounding_boxes.compute_iou(
            *map(keras.ops.convert_to_tensor, (one, other)), form, **options
        )
        ours = bounding_boxes.compute_iou(one, other, form, **options)
        np.testing.assert_allclose(ours.numpy(), array(theirs), rtol=1e-5, atol=1e-6)
    mixed = bounding_boxes.compute_iou(several, others[0], form, image_shape=(30, 40, 3)).numpy()
    assert mixed.shape == (4, 6, 5)
    np.testing.assert_allclose(
        mixed[0], bounding_boxes.compute_iou(several[0], others[0], form, image_shape=(30, 40, 3)).numpy(), rtol=1e-5
    )


@pytest.mark.parametrize("form", ["xyxy", "center_xywh"])
def test_complete_overlap(form):
    others = BOXES[:, ::-1] + np.float32(1.5)
    one, other = (bounding_boxes.convert_format(x, "xyxy", form).numpy() for x in (BOXES, others))
    theirs = keras.utils.bounding_boxes.compute_ciou(*map(keras.ops.convert_to_tensor, (one, other)), form)
    ours = bounding_boxes.compute_ciou(one, other, form)
    np.testing.assert_allclose(ours.numpy(), array(theirs), rtol=1e-4, atol=1e-5)


def test_aug_mix_leaves_them():
    given = {"images": IMAGES, "bounding_boxes": {"boxes": BOXES, "labels": LABELS}}
    for library in (nerve, keras):
        layer = library.layers.AugMix((0, 1), bounding_box_format="xyxy", seed=1)
        found = layer({**given, "bounding_boxes": dict(given["bounding_boxes"])})["bounding_boxes"]
        np.testing.assert_array_equal(array(found["boxes"]), BOXES)
