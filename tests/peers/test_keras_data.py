"""Data sets beside Keras: the same batches from the same files and arrays, and the same training from them."""

from __future__ import annotations

import os

import numpy as np
import pytest

import nerve

os.environ["KERAS_BACKEND"] = "torch"
keras = pytest.importorskip("keras")
pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]

rng = np.random.default_rng(0)
X = rng.normal(size=(50, 3)).astype(np.float32)
Y = (X @ [[1.0], [-2.0], [0.5]] + 0.3).astype(np.float32)


def dense(library, weights=None):
    model = library.Sequential([library.layers.Input((3,)), library.layers.Dense(1)])
    model.compile(library.optimizers.SGD(0.1), "mse")
    if weights is not None:
        model.set_weights(weights)
    return model


def numbered(library):
    class Numbered(library.utils.PyDataset):
        def __len__(self):
            return 3

        def __getitem__(self, index):
            return X[index * 20 : (index + 1) * 20], Y[index * 20 : (index + 1) * 20]

    return Numbered


@pytest.mark.parametrize("workers", [1, 2])
def test_py_dataset(workers):
    theirs = dense(keras)
    ours = dense(nerve, theirs.get_weights())
    options = {"epochs": 3, "shuffle": False, "verbose": 0}
    # Keras 3.15.1 with workers of its own begins the first epoch behind the batch that it built the model for.
    expected = theirs.fit(numbered(keras)(), **options).history["loss"]
    found = ours.fit(numbered(nerve)(workers=workers), **options).history["loss"]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    np.testing.assert_allclose(ours.get_weights()[0], theirs.get_weights()[0], rtol=1e-5)


def test_pandas():
    pandas = pytest.importorskip("pandas")
    frame, target = pandas.DataFrame(X, columns=list("abc")), pandas.Series(Y[:, 0])
    theirs = dense(keras)
    ours = dense(nerve, theirs.get_weights())
    options = {"epochs": 2, "shuffle": False, "verbose": 0}
    expected = theirs.fit(frame, target, sample_weight=target.abs(), **options).history["loss"]
    found = ours.fit(frame, target, sample_weight=target.abs(), **options).history["loss"]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert ours.predict(frame, verbose=0).shape == theirs.predict(frame, verbose=0).shape


def test_data_loaders_of_pytorch():
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    loader = DataLoader(TensorDataset(torch.from_numpy(X), torch.from_numpy(Y)), batch_size=20)
    theirs = dense(keras)
    ours = dense(nerve, theirs.get_weights())
    expected = theirs.fit(loader, epochs=2, verbose=0).history["loss"]
    found = ours.fit(loader, epochs=2, verbose=0).history["loss"]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    np.testing.assert_allclose(ours.evaluate(loader, verbose=0), theirs.evaluate(loader, verbose=0), rtol=1e-5)
    np.testing.assert_allclose(ours.predict(loader, verbose=0), theirs.predict(loader, verbose=0), rtol=1e-4, atol=1e-5)


@pytest.fixture
def folder(tmp_path):
    pytest.importorskip("PIL")
    for name in ("ants", "bees"):
        (tmp_path / name).mkdir()
        for index in range(5):
            image = rng.integers(0, 256, (int(rng.integers(3, 40)), int(rng.integers(3, 40)), 3))
            nerve.utils.save_img(tmp_path / name / f"{index}.png", image, scale=False)
    return tmp_path


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"interpolation": "nearest", "label_mode": "categorical"},
        {"crop_to_aspect_ratio": True, "label_mode": "binary", "color_mode": "rgba"},
        {"color_mode": "grayscale", "data_format": "channels_first"},
        {"interpolation": "nearest", "label_mode": None, "pad_to_aspect_ratio": True},
    ],
)
def test_image_folders(folder, options):
    pytest.importorskip("grain")
    options = {"image_size": (13, 17), "shuffle": False, "batch_size": 4, "verbose": False, **options}
    theirs = list(keras.utils.image_dataset_from_directory(folder, format="grain", **options))
    ours = list(nerve.utils.image_dataset_from_directory(folder, **options))
    assert len(ours) == len(theirs)
    for mine, expected in zip(ours, theirs, strict=True):
        pair = zip(mine, expected, strict=True) if isinstance(mine, tuple) else [(mine, expected)]
        for a, b in pair:
            b = keras.ops.convert_to_numpy(b)
            assert a.shape == b.shape
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-3)  # of 255; found: 4e-4


def test_a_split_has_the_same_files(folder):
    pytest.importorskip("grain")
    options = {"validation_split": 0.3, "subset": "both", "seed": 5, "verbose": False}
    theirs = keras.utils.image_dataset_from_directory(folder, format="grain", **options)
    ours = nerve.utils.image_dataset_from_directory(folder, **options)
    for mine, expected in zip(ours, theirs, strict=True):
        assert mine.file_paths == [str(path) for path in expected.file_paths]
        assert mine.class_names == expected.class_names


@pytest.mark.parametrize(
    "options", [{}, {"sequence_stride": 3}, {"sampling_rate": 4, "start_index": 5, "end_index": 40}]
)
def test_time_series(options):
    pytest.importorskip("grain")
    x, y = rng.normal(size=(50, 2)).astype(np.float32), np.arange(50)
    theirs = list(keras.utils.timeseries_dataset_from_array(x, y, 6, batch_size=8, format="grain", **options))
    ours = list(nerve.utils.timeseries_dataset_from_array(x, y, 6, batch_size=8, **options))
    for mine, expected in zip(ours, theirs, strict=True):
        for a, b in zip(mine, expected, strict=True):
            np.testing.assert_array_equal(a, keras.ops.convert_to_numpy(b))


def test_images(tmp_path):
    pytest.importorskip("PIL")
    image = rng.uniform(size=(6, 9, 3)) * 300 - 20
    for scale in (True, False):
        a, b = (library.utils.array_to_img(image.clip(0, 255), scale=scale) for library in (nerve, keras))
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))
    nerve.utils.save_img(tmp_path / "a.png", image)
    for options in (
        {}, {"color_mode": "grayscale"}, {"target_size": (4, 5), "interpolation": "bilinear"},
        {"target_size": (5, 5), "keep_aspect_ratio": True},
    ):  # fmt: skip
        a, b = (
            library.utils.img_to_array(library.utils.load_img(tmp_path / "a.png", **options))
            for library in (nerve, keras)
        )
        np.testing.assert_array_equal(a, b)


def test_registered_names():
    class Layer(nerve.layers.Layer):
        pass

    ours = nerve.utils.register_keras_serializable("a", "b")(Layer)
    theirs = keras.utils.register_keras_serializable("a", "b")(type("Layer", (keras.layers.Layer,), {}))
    assert nerve.utils.get_registered_name(ours) == keras.utils.get_registered_name(theirs)
    del nerve.utils.get_custom_objects()["a>b"]
