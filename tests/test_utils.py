"""Preparing data: one-hot labels, norms, padded sequences, seeds."""

from __future__ import annotations

import random

import numpy as np
import pytest

import nerve
from nerve import utils
from nerve.errors import DTypeError, ShapeError


def test_to_categorical():
    np.testing.assert_array_equal(utils.to_categorical([0, 2, 1]), np.eye(3)[[0, 2, 1]])
    assert utils.to_categorical([[1], [0]], num_classes=4).shape == (2, 4)
    assert utils.to_categorical(np.array([[1, 0], [2, 2]])).shape == (2, 2, 3)
    np.testing.assert_array_equal(utils.to_categorical([1.0, 0.0]), np.eye(2)[[1, 0]])
    with pytest.raises(ValueError, match=r"\[to_categorical\] labels must be in \[0, 2\), got 0 to 2"):
        utils.to_categorical([0, 2], 2)
    with pytest.raises(ValueError, match="got -1 to 0"):
        utils.to_categorical([0, -1])
    with pytest.raises(DTypeError, match="expects whole numbers, got dtype float64"):
        utils.to_categorical([0.5])


def test_normalize():
    np.testing.assert_allclose(utils.normalize([[3.0, 4.0], [0.0, 0.0]]), [[0.6, 0.8], [0.0, 0.0]])
    np.testing.assert_allclose(utils.normalize([[3.0, 4.0], [1.0, 0.0]], axis=0, order=1), [[0.75, 1.0], [0.25, 0.0]])


def test_pad_sequences():
    sequences = [[1], [2, 3], [4, 5, 6]]
    np.testing.assert_array_equal(utils.pad_sequences(sequences), [[0, 0, 1], [0, 2, 3], [4, 5, 6]])
    cut = utils.pad_sequences(sequences, maxlen=2, padding="post", value=-1)
    np.testing.assert_array_equal(cut, [[1, -1], [2, 3], [5, 6]])
    cut = utils.pad_sequences(sequences, maxlen=2, truncating="post", dtype="float32")
    np.testing.assert_array_equal(cut, np.array([[0, 1], [2, 3], [4, 5]], np.float32))
    assert utils.pad_sequences([np.ones((2, 3)), np.ones((1, 3))], dtype="float64").shape == (2, 2, 3)
    assert utils.pad_sequences([[], [1]]).tolist() == [[0], [1]]
    assert utils.pad_sequences([["a"], ["b", "c"]], dtype=object, value="").tolist() == [["", "a"], ["b", "c"]]
    with pytest.raises(ShapeError, match="expects a sequence of sequences"):
        utils.pad_sequences([1, 2])
    with pytest.raises(ShapeError, match=r"expects items of one shape, got \(3,\) and \(2,\)"):
        utils.pad_sequences([np.ones((2, 3)), np.ones((1, 2))])
    with pytest.raises(ValueError, match="padding must be 'pre' or 'post', got 'both'"):
        utils.pad_sequences(sequences, padding="both")
    with pytest.raises(ValueError, match="an array of int32 cannot hold the value 'x'"):
        utils.pad_sequences(sequences, value="x")


def test_set_random_seed():
    def draws():
        utils.set_random_seed(7)
        return random.random(), np.random.rand(), nerve.random.reserve(1)  # noqa: NPY002

    state = np.random.get_state()  # noqa: NPY002
    try:
        assert draws() == draws()
    finally:
        np.random.set_state(state)  # noqa: NPY002
    with pytest.raises(ValueError, match=r"\[set_random_seed\] seed expects integers <= 4294967295"):
        utils.set_random_seed(2**40)
