"""`nerve.utils` beside `keras.utils`."""

from __future__ import annotations

import os

import numpy as np
import pytest

import nerve

os.environ["KERAS_BACKEND"] = "torch"
keras = pytest.importorskip("keras")
pytestmark = pytest.mark.peers

SEQUENCES = [[1], [2, 3], [], [4, 5, 6, 7]]


@pytest.mark.parametrize(
    "options", [{}, {"maxlen": 2}, {"maxlen": 6, "padding": "post"}, {"maxlen": 3, "truncating": "post"}]
)
def test_pad_sequences(options):
    expected = keras.utils.pad_sequences(SEQUENCES, **options)
    padded = nerve.utils.pad_sequences(SEQUENCES, **options)
    assert padded.dtype == expected.dtype
    np.testing.assert_array_equal(padded, expected)


@pytest.mark.parametrize("labels", [[0, 2, 1], [[3], [0]], [[0, 1], [2, 2]]])
def test_to_categorical(labels):
    expected = keras.utils.to_categorical(np.array(labels), 5)
    np.testing.assert_array_equal(nerve.utils.to_categorical(np.array(labels), 5), expected)
    assert nerve.utils.to_categorical(labels).dtype == keras.utils.to_categorical(labels).dtype


def test_normalize():
    x = np.array([[3.0, 4.0], [0.0, 0.0], [-1.0, 2.0]])
    for axis in (1, -2):  # for an axis of 0 Keras 3.15.1 fails
        np.testing.assert_allclose(nerve.utils.normalize(x, axis), keras.utils.normalize(x, axis))
