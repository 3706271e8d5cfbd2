"""Boxes in images that are changed: they lie where the things are that were in them."""

from __future__ import annotations

import numpy as np
import pytest

import nerve
from nerve import layers, models
from nerve.errors import ShapeError
from nerve.layers.box_formats import FORMATS
from nerve.utils.bounding_boxes import clip_to_image_size, convert_format

HEIGHT, WIDTH = 60, 80
# Left, top, right, bottom of a thing in each of three images.
THINGS = np.array([[30, 20, 52, 38], [25, 24, 41, 45], [34, 15, 58, 30]])


def drawn(things=THINGS, size=(HEIGHT, WIDTH)):
    """Images of these things, the brighter the more: 1 inside, 0 outside."""
    images = np.zeros((len(things), *size, 1), np.float32)
    for image, (left, top, right, bottom) in zip(images, things, strict=True):
        image[top:bottom, left:right] = 1
    return images


def found_in(images, least=0.5):
    """Where the things are."""
    boxes = []
    for image in np.asarray(images)[..., 0]:
        rows, columns = (np.flatnonzero((image > least).any(axis)) for axis in (1, 0))
        boxes.append([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1] if len(rows) else [0, 0, 0, 0])
    return np.array(boxes)


def data(form="xyxy", things=THINGS, size=(HEIGHT, WIDTH)):
    boxes = convert_format(things[:, None].astype(np.float32), "xyxy", form, *size).numpy()
    return {
        "images": drawn(things, size),
        "bounding_boxes": {"boxes": boxes, "labels": np.arange(len(things))[:, None]},
    }


CONSTANT = {"fill_mode": "constant", "fill_value": 0.0}
MOVES = [
    ("RandomFlip", {}, 0),
    ("RandomFlip", {"mode": "vertical"}, 0),
    ("RandomTranslation", {"height_factor": 0.2, "width_factor": 0.3, **CONSTANT}, 0.6),
    ("RandomZoom", {"height_factor": (-0.4, 0.6), "width_factor": 0.3, **CONSTANT}, 1.1),
    ("RandomRotation", {"factor": 0.5, **CONSTANT}, 1.6),
    ("RandomShear", {"x_factor": 0.3, "y_factor": (0.1, 0.2), **CONSTANT}, 1.6),
    ("RandomPerspective", {"factor": 0.8, "scale": 0.4}, 1.6),
    ("RandomCrop", {"height": 40, "width": 50}, 0),
    ("RandomCrop", {"height": 70, "width": 50}, 1),
    ("Resizing", {"height": 30, "width": 100}, 0.8),
    ("Resizing", {"height": 90, "width": 50, "pad_to_aspect_ratio": True}, 0.8),
    ("Resizing", {"height": 50, "width": 100, "crop_to_aspect_ratio": True}, 0.8),
    ("CenterCrop", {"height": 33, "width": 40}, 0),
    ("CenterCrop", {"height": 90, "width": 40}, 1),
]


@pytest.mark.parametrize("form", ["xyxy", "rel_center_xywh"])
@pytest.mark.parametrize(("name", "options", "tolerance"), MOVES)
def test_boxes_hold_the_things(name, options, tolerance, form):
    random = name.startswith("Random")
    for seed in range(4) if random else (0,):
        layer = getattr(layers, name)(**options, **({"seed": seed} if random else {}), bounding_box_format=form)
        given = data(form)
        result = layer(given)
        images = np.asarray(result["images"].numpy())
        boxes = convert_format(result["bounding_boxes"]["boxes"], form, "xyxy", *images.shape[1:3]).numpy()[:, 0]
        seen = found_in(images)
        for box, thing, label in zip(boxes, seen, result["bounding_boxes"]["labels"].numpy()[:, 0], strict=True):
            if (thing[2:] - thing[:2] > 1).all():
                np.testing.assert_allclose(box, thing, atol=tolerance + 1e-3)
            assert label == -1 or label in (0, 1, 2)
        np.testing.assert_array_equal(given["bounding_boxes"]["boxes"], data(form)["bounding_boxes"]["boxes"])


def test_labels_of_what_has_gone():
    things = np.array([[0, 0, 10, 10], [60, 40, 80, 60], [0, 0, 50, 40]])
    layer = layers.CenterCrop(20, 20, bounding_box_format="xyxy")
    found = layer({**data(things=things), "labels": np.arange(3)})
    np.testing.assert_array_equal(found["bounding_boxes"]["labels"].numpy()[:, 0], [-1, -1, 2])
    np.testing.assert_array_equal(found["bounding_boxes"]["boxes"].numpy()[2, 0], [0, 0, 20, 20])
    np.testing.assert_array_equal(found["labels"].numpy(), np.arange(3))
    assert found["bounding_boxes"]["labels"].dtype == np.int64


def test_rows_that_fill_up_stay():
    given = data()
    given["bounding_boxes"] = layers.MaxNumBoundingBoxes(3)(given)["bounding_boxes"]
    for layer in (
        layers.RandomTranslation((0.1, 0.1), (0.2, 0.2), bounding_box_format="xyxy"),
        layers.Resizing(30, 30, bounding_box_format="xyxy"),
    ):
        found = layer(given)["bounding_boxes"]
        assert (found["boxes"].numpy()[:, 1:] == -1).all()
        assert (found["labels"].numpy()[:, 1:] == -1).all()
        assert (found["labels"].numpy()[:, 0] == np.arange(3)).all()


@pytest.mark.parametrize("channels", ["channels_last", "channels_first"])
def test_single_images_and_channels(channels):
    given = data()
    one = {"images": given["images"][0], "bounding_boxes": {k: v[0] for k, v in given["bounding_boxes"].items()}}
    if channels == "channels_first":
        one["images"] = one["images"].transpose(2, 0, 1)
    for make in (
        lambda: layers.RandomCrop(40, 50, seed=1, data_format=channels, bounding_box_format="xyxy"),
        lambda: layers.RandomRotation(0.1, seed=1, data_format=channels, bounding_box_format="xyxy", **CONSTANT),
        lambda: layers.Resizing(40, 50, data_format=channels, bounding_box_format="xyxy"),
    ):
        found = make()(one)
        image = found["images"].numpy()
        image = image.transpose(1, 2, 0) if channels == "channels_first" else image
        np.testing.assert_allclose(found["bounding_boxes"]["boxes"].numpy()[0], found_in(image[None])[0], atol=1.6)
        assert found["bounding_boxes"]["labels"].shape == (1,)


def test_inference_leaves_boxes_where_images_stay():
    given = data()
    for layer in (layers.RandomFlip(bounding_box_format="xyxy"), layers.RandomZoom(0.5, bounding_box_format="xyxy")):
        found = layer(given, training=False)["bounding_boxes"]
        np.testing.assert_array_equal(np.asarray(found["boxes"]), given["bounding_boxes"]["boxes"])


def test_colours_leave_them_alone_and_mixtures_have_both():
    given = data()
    for layer in (
        layers.RandomBrightness(0.5, bounding_box_format="xyxy"),
        layers.RandomErasing(bounding_box_format="xyxy"),
        layers.AugMix((0, 1), bounding_box_format="xyxy"),
    ):
        found = layer(given)["bounding_boxes"]
        np.testing.assert_array_equal(np.asarray(found["boxes"]), given["bounding_boxes"]["boxes"])
    layer = layers.MixUp(seed=3, bounding_box_format="xyxy")
    found = layer({**given, "labels": np.eye(3, dtype=np.float32)})
    weights = found["labels"].numpy()
    for own, (row, labels) in enumerate(zip(weights, found["bounding_boxes"]["labels"].numpy(), strict=True)):
        assert set(labels) == {own, *np.flatnonzero(row)}
    np.testing.assert_array_equal(
        found["bounding_boxes"]["boxes"].numpy(), THINGS[found["bounding_boxes"]["labels"].numpy()]
    )


def test_several_in_a_row():
    pipeline = layers.Pipeline(
        [
            layers.RandomFlip(seed=0, bounding_box_format="xywh"),
            layers.RandomCrop(50, 60, seed=0, bounding_box_format="xywh"),
            layers.Resizing(100, 100, bounding_box_format="xywh"),
        ]
    )
    found = pipeline(data("xywh"))
    boxes = convert_format(found["bounding_boxes"]["boxes"], "xywh", "xyxy").numpy()[:, 0]
    np.testing.assert_allclose(boxes, found_in(found["images"].numpy()), atol=1.5)
    for seed in range(6):
        several = layers.RandAugment((0, 1), factor=0.1, seed=seed, bounding_box_format="xyxy")
        found = several(data())
        assert found["bounding_boxes"]["boxes"].shape == (3, 1, 4)


def test_recorded_with_new_draws():
    layer = layers.RandomTranslation(0.3, 0.3, seed=5, bounding_box_format="xyxy")
    other = layers.RandomTranslation(0.3, 0.3, seed=5, bounding_box_format="xyxy")

    @nerve.compile
    def step(images, boxes, labels):
        found = layer({"images": images, "bounding_boxes": {"boxes": boxes, "labels": labels}}, training=True)
        return found["images"], found["bounding_boxes"]["boxes"], found["bounding_boxes"]["labels"]

    given = data()
    parts = given["images"], given["bounding_boxes"]["boxes"], given["bounding_boxes"]["labels"]
    seen = []
    for _ in range(6):
        expected = other(given)
        images, boxes, labels = step(*parts)
        np.testing.assert_array_equal(images.numpy(), expected["images"].numpy())
        np.testing.assert_array_equal(boxes.numpy(), expected["bounding_boxes"]["boxes"].numpy())
        np.testing.assert_array_equal(labels.numpy(), expected["bounding_boxes"]["labels"].numpy())
        seen.append(boxes.numpy().copy())
    assert not np.array_equal(seen[-1], seen[-2])
    assert step.recorder.recordings[0].ready


def test_the_format_is_part_of_the_configuration():
    for layer in (
        layers.RandomFlip(bounding_box_format="REL_xyxy"),
        layers.CenterCrop(3, 4, bounding_box_format="xywh"),
    ):
        config = layer.get_config()
        assert config["bounding_box_format"].lower() == layer.bounding_box_format
        assert type(layer).from_config(config).bounding_box_format == layer.bounding_box_format
    assert models.Sequential([layers.RandomFlip(bounding_box_format="xyxy")]).layers[0].bounding_box_format == "xyxy"


class TestErrors:
    def test_no_format(self):
        for layer in (
            layers.RandomFlip(name="f"),
            layers.Resizing(4, 4, name="f"),
            layers.RandomBrightness(0.1, name="f"),
        ):
            with pytest.raises(
                ValueError, match=r"\[f\] got bounding_boxes: pass bounding_box_format, one of \('xyxy'"
            ):
                layer(data())
        with pytest.raises(ValueError, match=r"the format of bounding boxes must be one of .* got 'xy'"):
            layers.RandomFlip(bounding_box_format="xy")

    def test_what_are_no_boxes(self):
        layer, images = layers.RandomFlip(bounding_box_format="xyxy"), drawn()
        with pytest.raises(TypeError, match="expects bounding_boxes as a dict of boxes and labels, got"):
            layer({"images": images, "bounding_boxes": THINGS})
        with pytest.raises(
            TypeError, match=r"expects boxes in one array, filled up to one length \(MaxNumBoundingBoxes"
        ):
            layer({"images": images, "bounding_boxes": {"boxes": [[[1, 2, 3, 4]], [], []], "labels": [[1], [], []]}})
        for boxes, labels in (((3, 1, 5), (3, 1)), ((3, 2, 4), (3, 1)), ((2, 4), (2,))):
            with pytest.raises(ShapeError, match=r"expects boxes \(batch, n, 4\) and labels \(batch, n\), got"):
                layer({"images": images, "bounding_boxes": {"boxes": np.ones(boxes), "labels": np.ones(labels)}})

    def test_what_no_box_survives(self):
        for layer in (
            layers.CutMix(bounding_box_format="xyxy"),
            layers.RandomElasticTransform(bounding_box_format="xyxy"),
        ):
            with pytest.raises(ValueError, match="does not transform bounding_boxes"):
                layer(data())

    def test_a_crop_that_does_not_know_the_size(self):
        layer = layers.RandomCrop(40, 50, bounding_box_format="rel_xyxy")
        with pytest.raises(ValueError, match="needs image_size, the height and width of the images"):
            layer.transform_bounding_boxes(data()["bounding_boxes"], (1.0, 2.0))

    def test_conversions(self):
        with pytest.raises(ValueError, match=r"\[convert_format\] needs height and width from 'xyxy' to 'rel_xyxy'"):
            convert_format(THINGS, "xyxy", "rel_xyxy")
        with pytest.raises(ShapeError, match=r"expects boxes \(\.\.\., 4\), got shape \(3, 3\)"):
            convert_format(np.ones((3, 3)), "xyxy", "xywh")
        with pytest.raises(ValueError, match=r"\[clip_to_image_size\] needs height and width for 'xyxy'"):
            clip_to_image_size({"boxes": THINGS})
        with pytest.raises(ValueError, match="expects 'xyxy' or 'rel_xyxy', got 'xywh'"):
            clip_to_image_size({"boxes": THINGS}, 3, 4, "xywh")


@pytest.mark.parametrize("form", FORMATS)
def test_formats_there_and_back(form):
    there = convert_format({"boxes": THINGS, "labels": "as they are"}, "xyxy", form, HEIGHT, WIDTH)
    assert there["labels"] == "as they are"
    np.testing.assert_allclose(convert_format(there["boxes"], form, "XYXY", HEIGHT, WIDTH).numpy(), THINGS, rtol=1e-5)
