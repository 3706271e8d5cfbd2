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
