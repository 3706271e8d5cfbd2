"""`nerve.utils`: images, texts and series as data sets, splits, progress, and what files may name."""

from __future__ import annotations

import io
import json
import sys

import numpy as np
import pytest

import nerve
from nerve import utils
from nerve.data import Dataset
from nerve.errors import DTypeError, ShapeError
from nerve.utils.resampling import INTERPOLATIONS, resize

rng = np.random.default_rng(3)


class TestImages:
    @pytest.fixture(autouse=True)
    def _pillow(self):
        pytest.importorskip("PIL")

    @pytest.mark.parametrize(("channels", "mode"), [(1, "grayscale"), (3, "rgb"), (4, "rgba")])
    def test_there_and_back(self, tmp_path, channels, mode):
        image = rng.integers(0, 256, (5, 7, channels)).astype(np.float32)
        utils.save_img(tmp_path / "a.png", image, scale=False)
        loaded = utils.load_img(tmp_path / "a.png", color_mode=mode)
        array = utils.img_to_array(loaded)
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, image)
        np.testing.assert_array_equal(utils.img_to_array(loaded, "channels_first"), image.transpose(2, 0, 1))
        again = utils.array_to_img(image.transpose(2, 0, 1), "channels_first", scale=False)
        np.testing.assert_array_equal(utils.img_to_array(again, dtype="uint8"), image)

    def test_scale(self):
        image = np.array([[[-1.0], [0.0], [1.0]]])
        assert np.asarray(utils.array_to_img(image)).tolist() == [[0, 127, 255]]
        assert np.asarray(utils.array_to_img(np.zeros((1, 2, 3)))).max() == 0
        assert utils.array_to_img(np.full((1, 1, 1), 300.0), scale=False).mode == "I"

    def test_sizes(self, tmp_path):
        image = np.repeat(np.arange(12.0)[None, :, None], 4, axis=0) * np.ones(3)
        utils.save_img(tmp_path / "a.png", image, scale=False)
        wide = utils.img_to_array(utils.load_img(tmp_path / "a.png", target_size=(2, 6)))
        assert wide.shape == (2, 6, 3)
        cut = utils.img_to_array(utils.load_img(tmp_path / "a.png", target_size=(4, 4), keep_aspect_ratio=True))
        np.testing.assert_array_equal(cut[0, :, 0], [4, 5, 6, 7])
        buffer = io.BytesIO((tmp_path / "a.png").read_bytes())
        assert utils.load_img(buffer).size == (12, 4)

    def test_refusals(self, tmp_path):
        with pytest.raises(ShapeError, match="1, 3 or 4 channels"):
            utils.array_to_img(np.zeros((2, 2, 2)))
        with pytest.raises(ShapeError, match="expects an image"):
            utils.img_to_array(np.zeros(3))
        with pytest.raises(ValueError, match="data_format"):
            utils.img_to_array(np.zeros((3, 3)), "NCHW")
        with pytest.raises(ValueError, match="color_mode"):
            utils.load_img("a.png", color_mode="cmyk")
        with pytest.raises(TypeError, match="expects a path"):
            utils.load_img(3)
        with pytest.warns(UserWarning, match="alpha channel"):
            utils.save_img(tmp_path / "a.jpg", np.zeros((2, 2, 4)))

    def test_without_pillow(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "PIL.Image", None)
        with pytest.raises(ImportError, match=r"\[load_img\] needs PIL: pip install 'nerve\[images\]'"):
            utils.load_img("a.png")


class TestResize:
    @pytest.mark.parametrize("interpolation", INTERPOLATIONS)
    @pytest.mark.parametrize("size", [(1, 1), (3, 11), (8, 8), (20, 4)])
    def test_constants_stay_and_halves_mirror(self, interpolation, size):
        np.testing.assert_allclose(resize(np.full((8, 8, 2), 7.0), *size, interpolation), 7.0, rtol=1e-6)
        image = rng.uniform(size=(8, 8, 1))
        found = resize(image, *size, interpolation)
        assert found.shape == (*size, 1)
        if interpolation != "nearest":  # which takes the right one of two that are as near
            mirrored = resize(image[::-1, ::-1], *size, interpolation)
            np.testing.assert_allclose(mirrored, found[::-1, ::-1], atol=1e-6)

    def test_by_hand(self):
        image = np.array([[[0.0], [4.0]]])
        assert resize(image, 1, 4)[0, :, 0].tolist() == [0, 1, 3, 4]
        assert resize(image, 1, 4, "nearest")[0, :, 0].tolist() == [0, 0, 4, 4]
        steps = np.arange(6.0)[None, :, None]
        np.testing.assert_allclose(resize(steps, 1, 3, "area")[0, :, 0], [0.5, 2.5, 4.5])
        np.testing.assert_allclose(resize(steps, 1, 4, "area")[0, :, 0], [1 / 3, 5 / 3, 10 / 3, 14 / 3], rtol=1e-6)
        # Keys's cubic with a = -1/2: half way between pixels the weights are -1/16, 9/16, 9/16, -1/16.
        line = np.array([0.0, 0.0, 1.0, 0.0])[None, :, None]
        np.testing.assert_allclose(resize(line, 1, 2, "bicubic")[0, 1, 0], (9 / 16) / (17 / 16), rtol=1e-6)


@pytest.fixture
def folder(tmp_path):
    """Three classes of four images each, whose values tell which they are, and a file that is none."""
    pytest.importorskip("PIL")
    for number, name in enumerate(["ants", "bees", "cats"]):
        (tmp_path / name).mkdir()
        for index in range(4):
            image = np.full((6, 9, 3), 10 * number + index, np.uint8)
            utils.save_img(tmp_path / name / f"{index}.png", image, scale=False)
    (tmp_path / "bees" / "notes.txt").write_text("no image")
    (tmp_path / ".hidden").mkdir()
    return tmp_path


class TestImageFolders:
    def load(self, folder, **options):
        options = {"image_size": (4, 5), "shuffle": False, "verbose": False, **options}
        return utils.image_dataset_from_directory(folder, **options)

    def test_labels_of_folders(self, folder, capsys):
        data = self.load(folder, batch_size=5, verbose=True)
        assert capsys.readouterr().out == "Found 12 files belonging to 3 classes.\n"
        assert data.class_names == ["ants", "bees", "cats"]
        assert len(data) == 3
        x, y = map(np.concatenate, zip(*data, strict=True))
        assert x.shape == (12, 4, 5, 3)
        assert (x.dtype, y.dtype) == (np.float32, np.int32)
        assert y.tolist() == [0] * 4 + [1] * 4 + [2] * 4
        assert x[:, 0, 0, 0].tolist() == [10 * label + index for label in range(3) for index in range(4)]
        assert data.file_paths[5] == str(folder / "bees" / "1.png")

    def test_modes(self, folder):
        _, y = next(iter(self.load(folder, label_mode="categorical")))
        np.testing.assert_array_equal(y, np.eye(3)[[0] * 4 + [1] * 4 + [2] * 4])
        data = self.load(folder, label_mode="binary", class_names=["cats", "ants"])
        _, y = next(iter(data))
        np.testing.assert_array_equal(y, [[0]] * 4 + [[1]] * 4)
        assert data.class_names == ["cats", "ants"]
        assert next(iter(self.load(folder, label_mode=None, batch_size=7))).shape == (7, 4, 5, 3)
        assert next(iter(self.load(folder, labels=None, batch_size=None))).shape == (4, 5, 3)
        _, y = next(iter(self.load(folder, labels=list(range(12)))))
        assert y.tolist() == list(range(12))
        assert next(iter(self.load(folder, color_mode="grayscale")))[0].shape == (12, 4, 5, 1)
        assert next(iter(self.load(folder, color_mode="rgba", image_size=3)))[0].shape == (12, 3, 3, 4)
        assert next(iter(self.load(folder, data_format="channels_first")))[0].shape == (12, 3, 4, 5)

    def test_proportions(self, folder):
        utils.save_img(folder / "wide.png", np.arange(8.0)[None, :, None] * np.ones((4, 1, 3)), scale=False)
        for name in ("ants", "bees", "cats"):
            for path in (folder / name).glob("*.png"):
                path.unlink()
        (cut,) = self.load(folder, labels=None, image_size=(4, 4), crop_to_aspect_ratio=True, batch_size=None)
        np.testing.assert_array_equal(cut[0, :, 0], [2, 3, 4, 5])
        (padded,) = self.load(folder, labels=None, image_size=(8, 8), pad_to_aspect_ratio=True, batch_size=None)
        np.testing.assert_array_equal(padded[[0, 1, 6, 7]], 0)
        np.testing.assert_array_equal(padded[2, :, 0], np.arange(8))

    def test_shuffling(self, folder):
        data = self.load(folder, shuffle=True, seed=1, batch_size=12)
        orders = [next(iter(data))[0][:, 0, 0, 0].tolist() for _ in range(2)]
        assert orders[0] != orders[1]
        assert sorted(orders[0]) == sorted(orders[1])
        for x, y in data:
            np.testing.assert_array_equal(x[:, 0, 0, 0] // 10, y)

    def test_splits(self, folder, capsys):
        options = {"validation_split": 0.25, "shuffle": True, "seed": 3}
        train = self.load(folder, subset="training", verbose=True, **options)
        assert "Using 9 files for training." in capsys.readouterr().out
        held_out = self.load(folder, subset="validation", **options)
        assert len(train.file_paths) == 9
        assert not set(train.file_paths) & set(held_out.file_paths)
        both = self.load(folder, subset="both", **options)
        assert [part.file_paths for part in both] == [train.file_paths, held_out.file_paths]
        assert both[0].class_names == ["ants", "bees", "cats"]

    def test_training(self, folder):
        model = nerve.Sequential([nerve.Input((4, 5, 3)), nerve.layers.Flatten(), nerve.layers.Dense(3)])
        model.compile("adam", nerve.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
        train, held_out = self.load(folder, subset="both", validation_split=0.25, seed=0, shuffle=True, batch_size=4)
        history = model.fit(train, validation_data=held_out, epochs=2, verbose=0).history
        assert np.isfinite(history["val_loss"]).all()

    def test_refusals(self, folder, tmp_path_factory):
        for options, message in [
            ({"label_mode": "float"}, "label_mode"),
            ({"label_mode": "binary"}, "needs two classes"),
            ({"color_mode": "cmyk"}, "color_mode"),
            ({"image_size": (1, 2, 3)}, "image_size"),
            ({"interpolation": "cubic"}, "interpolation"),
            ({"crop_to_aspect_ratio": True, "pad_to_aspect_ratio": True}, "not both"),
            ({"validation_split": 0.5}, "together"),
            ({"validation_split": 1.5, "subset": "both"}, "between 0 and 1"),
            ({"validation_split": 0.5, "subset": "test"}, "subset"),
            ({"validation_split": 0.5, "subset": "training", "shuffle": True}, "needs a seed"),
            ({"class_names": ["dogs"]}, "must be folders"),
            ({"class_names": ["ants"], "labels": None}, "class_names"),
            ({"labels": [1, 2]}, "got 2 labels for 12 files"),
            ({"labels": "none"}, "labels must be"),
            ({"batch_size": 0}, "batch_size"),
        ]:
            with pytest.raises(ValueError, match=message):
                self.load(folder, **options)
        with pytest.raises(ValueError, match="found no files"):
            self.load(tmp_path_factory.mktemp("empty"))


def test_text_folders(tmp_path):
    for name, texts in {"bad": ["awful", "zum Gähnen"], "good": ["fine"]}.items():
        (tmp_path / name).mkdir()
        for index, text in enumerate(texts):
            (tmp_path / name / f"{index}.txt").write_text(text, encoding="utf-8")
    load = utils.text_dataset_from_directory
    ((texts, labels),) = load(tmp_path, shuffle=False, verbose=False)
    assert texts.tolist() == ["awful", "zum Gähnen", "fine"]
    assert labels.tolist() == [0, 0, 1]
    (texts,) = load(tmp_path, label_mode=None, max_length=5, shuffle=False, verbose=False)
    assert texts.tolist() == ["awful", "zum G", "fine"]
    with pytest.raises(ValueError, match="max_length"):
        load(tmp_path, max_length=-1)


class TestTimeSeries:
    def test_windows(self):
        x = np.arange(20)
        data = utils.timeseries_dataset_from_array(x, 10 * x, 3, sequence_stride=2, sampling_rate=4, batch_size=4)
        windows, targets = map(np.concatenate, zip(*data, strict=True))
        starts = np.arange(0, 12, 2)
        np.testing.assert_array_equal(windows, starts[:, None] + [0, 4, 8])
        np.testing.assert_array_equal(targets, 10 * starts)
        assert len(data) == 2

    def test_part_of_the_series(self):
        x = np.arange(20.0).reshape(10, 2)
        (windows,) = utils.timeseries_dataset_from_array(x, None, 2, start_index=3, end_index=7)
        np.testing.assert_array_equal(windows[:, :, 0], [[6, 8], [8, 10], [10, 12]])
        one = next(iter(utils.timeseries_dataset_from_array(x, None, 2, batch_size=None)))
        np.testing.assert_array_equal(one, x[:2])
        (windows, targets) = next(iter(utils.timeseries_dataset_from_array(x, x[:3, 0], 2)))
        assert len(windows) == len(targets) == 3

    def test_shuffled(self):
        data = utils.timeseries_dataset_from_array(np.arange(50), np.arange(50), 5, shuffle=True, seed=1)
        windows, targets = next(iter(data))
        np.testing.assert_array_equal(windows[:, 0], targets)
        assert sorted(targets) == list(range(46))
        assert targets.tolist() != sorted(targets)

    def test_refusals(self):
        for options in (
            {"sequence_length": 0}, {"sequence_stride": 0}, {"sampling_rate": 20}, {"start_index": 30},
            {"start_index": 5, "end_index": 5}, {"sequence_length": 15},
        ):  # fmt: skip
            with pytest.raises(ValueError, match=r"\[timeseries_dataset_from_array\]"):
                utils.timeseries_dataset_from_array(np.arange(10), None, **{"sequence_length": 2, **options})


class TestSplit:
    def test_sizes(self):
        x = np.arange(10)
        for sizes, expected in [
            ({"left_size": 0.7}, (7, 3)),
            ({"right_size": 2}, (8, 2)),
            ({"left_size": 4, "right_size": 0.5}, (4, 5)),
        ]:
            left, right = utils.split_dataset(x, **sizes)
            assert (len(left), len(right)) == expected
            np.testing.assert_array_equal([*left, *right], [*x[: expected[0]], *x[-expected[1] :]])

    def test_shuffled(self):
        x = np.arange(30)
        parts = utils.split_dataset((x, 2 * x), left_size=0.5, shuffle=True, seed=1)
        pairs = [pair for part in parts for pair in part]
        assert sorted(a for a, _ in pairs) == list(range(30))
        assert [a for a, _ in pairs] != list(range(30))
        assert all(b == 2 * a for a, b in pairs)
        again = utils.split_dataset((x, 2 * x), left_size=0.5, shuffle=True, seed=1)
        assert [pair for part in again for pair in part] == pairs

    def test_of_data_sets(self):
        left, right = utils.split_dataset(Dataset.range(6).map(lambda i: {"a": i, "b": -i}), right_size=1)
        assert [item["a"] for item in left] == [0, 1, 2, 3, 4]
        assert [item["b"] for item in right] == [-5]

        class Items:
            def __len__(self):
                return 3

            def __getitem__(self, index):
                return index, 10 * index

        left, _ = utils.split_dataset(Items(), left_size=2)
        assert [tuple(map(int, item)) for item in left] == [(0, 0), (1, 10)]

    def test_refusals(self):
        for sizes in (
            {},
            {"left_size": 10},
            {"left_size": 0.0},
            {"left_size": 6, "right_size": 6},
            {"left_size": 0.01},
        ):
            with pytest.raises(ValueError, match=r"\[split_dataset\]"):
                utils.split_dataset(np.arange(10), **sizes)
        with pytest.raises(TypeError, match="left_size must be"):
            utils.split_dataset(np.arange(10), left_size="half")
        with pytest.raises(ShapeError, match="one length"):
            utils.split_dataset((np.arange(3), np.arange(4)), left_size=1)
        with pytest.raises(ShapeError, match="is empty"):
            utils.split_dataset(Dataset.range(0), left_size=1)


class TestProgbar:
    def test_a_line_where_there_is_no_terminal(self, capsys):
        bar = utils.Progbar(4, stateful_metrics=["last"], unit_name="sample")
        bar.update(1, [("loss", 1.0), ("last", 5)])
        bar.update(3, [("loss", 4.0), ("last", 6)])
        assert capsys.readouterr().out == ""
        bar.add(1, [("loss", 7.0), ("last", 7)])
        line = capsys.readouterr().out
        assert line.startswith("4/4 - ")
        assert line.endswith("ms/sample - loss: 4.0000 - last: 7.0000\n")  # loss: (1 + 2 * 4 + 7) / 4

    def test_choices(self, capsys):
        bar = utils.Progbar(None, stateless_metrics=["mean"])
        bar.update(1, [("mean", 1.0), ("last", 1.0)])
        bar.update(2, [("mean", 2.0), ("last", 2.0)], finalize=True)
        assert "mean: 1.5000 - last: 2.0000" in capsys.readouterr().out
        utils.Progbar(1, verbose=0).update(1)
        assert capsys.readouterr().out == ""
        with pytest.raises(ValueError, match="not both"):
            utils.Progbar(1, stateful_metrics=[], stateless_metrics=[])

    def test_a_bar_on_a_terminal(self, monkeypatch):
        class Terminal(io.StringIO):
            def isatty(self):
                return True

        terminal = Terminal()
        monkeypatch.setattr(sys, "stdout", terminal)
        bar = utils.Progbar(2)
        bar.update(1, [("loss", 0.5)])
        assert "1/2" in terminal.getvalue()
        bar.update(2)
        assert terminal.getvalue().rstrip().endswith("loss: 0.5000")


class TestNames:
    @pytest.fixture(autouse=True)
    def _unregistered(self):
        before = dict(utils.get_custom_objects())
        yield
        utils.get_custom_objects().clear()
        utils.get_custom_objects().update(before)

    def test_a_registered_layer_needs_no_custom_objects(self, tmp_path):
        @nerve.saving.register_keras_serializable(package="zoo")
        class Twice(nerve.layers.Layer):
            def call(self, x):
                return 2 * x

        @nerve.saving.register_keras_serializable(package="zoo", name="mean_cube")
        def cubes(y_true, y_pred):
            return (abs(y_true - y_pred) ** 3).mean(axis=-1)

        assert utils.get_registered_name(Twice) == "zoo>Twice"
        assert utils.get_registered_object("zoo>mean_cube") is cubes
        assert utils.get_registered_name(nerve.layers.Dense) == "Dense"
        model = nerve.Sequential([nerve.Input((2,)), Twice()])
        model.compile("sgd", cubes)
        model.save(tmp_path / "m.nerve")
        x = np.ones((3, 2), np.float32)
        loaded = nerve.models.load_model(tmp_path / "m.nerve")
        np.testing.assert_array_equal(loaded.predict(x, verbose=0), 2 * x)
        assert loaded.evaluate(x, 0 * x, verbose=0) == 8
        utils.get_custom_objects().clear()
        with pytest.raises(nerve.ModelFileError, match="zoo>Twice"):
            nerve.models.load_model(tmp_path / "m.nerve")
        with utils.custom_object_scope({"zoo>Twice": Twice, "zoo>mean_cube": cubes}):
            nerve.models.load_model(tmp_path / "m.nerve")

    def test_objects_as_plain_data(self):
        config = utils.serialize_keras_object(nerve.layers.Dense(3, activation="relu", name="d"))
        layer = utils.deserialize_keras_object(json.loads(json.dumps(config)))
        assert (layer.units, layer.name) == (3, "d")
        with pytest.raises(ValueError, match="safe_mode is always on"):
            utils.deserialize_keras_object(config, safe_mode=False)
        with pytest.raises(ValueError, match="needs a get_config"):
            utils.register_keras_serializable()(type("Bare", (), {}))
        utils.get_custom_objects()["mine"] = len
        assert utils.get_registered_object("mine") is len
        with utils.CustomObjectScope({"other": abs}):
            assert utils.get_registered_object("other") is abs
        assert utils.get_registered_object("other") is None


class TestSession:
    def test_names_begin_again(self):
        utils.clear_session()
        assert nerve.layers.Dense(1).name == "dense"
        assert nerve.layers.Dense(1).name == "dense_1"
        utils.clear_session(free_memory=False)
        assert nerve.layers.Dense(1).name == "dense"

    def test_symbolic(self):
        assert utils.is_keras_tensor(nerve.layers.Dense(1)(nerve.Input((2,))))
        assert not utils.is_keras_tensor(np.zeros(2))

    def test_dtypes(self):
        names = [utils.standardize_dtype(d) for d in (None, "int8", np.float64, np.dtype("uint8"), bool, int, float)]
        assert names == ["float32", "int8", "float64", "uint8", "bool", "int64", "float32"]
        with pytest.raises(DTypeError, match="is no dtype"):
            utils.standardize_dtype("text")

    def test_packing(self):
        x, y, w = np.zeros(1), np.ones(1), np.full(1, 2)
        for parts in ((x, None, None), (x, y, None), (x, y, w), ([x, x], None, None)):
            found = utils.unpack_x_y_sample_weight(utils.pack_x_y_sample_weight(*parts))
            assert all(a is b for a, b in zip(found, parts, strict=True))
        assert utils.pack_x_y_sample_weight(x) is x
        with pytest.raises(ShapeError, match="4 parts"):
            utils.unpack_x_y_sample_weight((x, y, w, x))
