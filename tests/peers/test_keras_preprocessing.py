"""Layers that prepare data, against Keras. Those for text and hashes need TensorFlow there, and are skipped without."""

from __future__ import annotations

import os

import numpy as np
import pytest

from nerve import layers

os.environ["KERAS_BACKEND"] = "torch"
keras = pytest.importorskip("keras")
pytest.importorskip("torch")
pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]

rng = np.random.default_rng(0)
TEXTS = ["The quick brown fox, the LAZY dog.", "Über-fox! jumps\tover", "", "dog dog's  fox\nfox", "a\u00a0b The"]
WORDS = np.array([["fox", "dog", "fox"], ["cat", "", "zebra"], ["dog", "yak", "emu"]])
NUMBERS = rng.integers(0, 9, (6, 4))


@pytest.mark.parametrize("options", [{}, {"axis": 1}, {"axis": (1, 2)}, {"axis": None}, {"invert": True}])
@pytest.mark.parametrize("how", [lambda x: x, lambda x: [x[:4], x[4:5], x[5:]]])
def test_normalization(options, how):
    x = rng.normal(3, 2, (12, 5, 3)).astype(np.float32)
    if how(x) is not x:
        pytest.importorskip("tensorflow")  # which Keras looks for where it meets anything but an array
    ours, theirs = layers.Normalization(**options), keras.layers.Normalization(**options)
    ours.adapt(how(x))
    theirs.adapt(how(x))
    np.testing.assert_allclose(ours(x).numpy(), np.asarray(theirs(x)), rtol=1e-5, atol=1e-5)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=False):  # theirs have a count no one reads
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("mean", [2.0, [1.0, 2.0, 3.0]])
def test_given_normalization(mean):
    x = rng.normal(size=(4, 3)).astype(np.float32)
    options = {"mean": mean, "variance": np.add(mean, 1).tolist()}
    expected = np.asarray(keras.layers.Normalization(**options)(x))
    np.testing.assert_allclose(layers.Normalization(**options)(x).numpy(), expected, rtol=1e-6)


@pytest.mark.parametrize("mode", ["int", "one_hot", "multi_hot", "count"])
@pytest.mark.parametrize("how", [lambda x: x, lambda x: [x[:100], x[100:130], x[130:]]])
def test_discretization(mode, how):
    x = rng.normal(size=(300, 3)).astype(np.float32)
    for options in ({"bin_boundaries": [-0.5, 0.0, 1.0]}, {"num_bins": 5, "epsilon": 0.02}):
        ours = layers.Discretization(**options, output_mode=mode)
        theirs = keras.layers.Discretization(**options, output_mode=mode)
        if "num_bins" in options:
            pytest.importorskip("tensorflow")
            ours.adapt(how(x))
            theirs.adapt(how(x))
            np.testing.assert_array_equal(np.float32(ours.bin_boundaries), np.float32(theirs.bin_boundaries))
        np.testing.assert_array_equal(ours(x), np.asarray(theirs(x)))
        assert ours.compute_output_shape((7, 1)) == tuple(theirs.compute_output_shape((7, 1)))


@pytest.mark.parametrize("mode", ["one_hot", "multi_hot", "count"])
@pytest.mark.parametrize("shape", [(6, 4), (6, 1), (6,)])
def test_category_encoding(mode, shape):
    x = NUMBERS[:, : shape[-1]].reshape(shape) if len(shape) == 2 else NUMBERS[:, 0]
    ours, theirs = layers.CategoryEncoding(9, mode), keras.layers.CategoryEncoding(9, mode)
    np.testing.assert_array_equal(ours(x), np.asarray(theirs(x)))
    assert tuple(ours.compute_output_shape(shape)) == tuple(theirs.compute_output_shape(shape))
    if mode == "count":
        weights = rng.normal(size=x.shape).astype(np.float32)
        expected = np.asarray(theirs(x, count_weights=weights))
        np.testing.assert_allclose(ours(x, count_weights=weights), expected, rtol=1e-5, atol=1e-6)


class TestWithTensorFlow:
    @pytest.fixture(autouse=True)
    def _tensorflow(self):
        pytest.importorskip("tensorflow")

    @pytest.mark.parametrize(
        "options", [{}, {"salt": 5}, {"salt": [3, 9]}, {"mask_value": "fox"}, {"output_mode": "count"}]
    )
    def test_hashing(self, options):
        np.testing.assert_array_equal(
            layers.Hashing(4, **options)(WORDS), np.asarray(keras.layers.Hashing(4, **options)(WORDS))
        )
        if "mask_value" not in options:
            expected = np.asarray(keras.layers.Hashing(5, **options)(NUMBERS))
            np.testing.assert_array_equal(layers.Hashing(5, **options)(NUMBERS), expected)

    @pytest.mark.parametrize("mode", ["int", "one_hot"])
    def test_hashed_crossing(self, mode):
        features = (WORDS[:, 0], NUMBERS[:3, 1], WORDS[:, 2])
        expected = np.asarray(keras.layers.HashedCrossing(7, output_mode=mode)(features))
        np.testing.assert_array_equal(layers.HashedCrossing(7, output_mode=mode)(features), expected)

    @pytest.mark.parametrize(
        "options",
        [
            {},
            {"mask_token": "", "num_oov_indices": 3},
            {"max_tokens": 4},
            {"num_oov_indices": 2, "salt": 7},
            {"output_mode": "multi_hot", "mask_token": ""},
            {"output_mode": "count", "max_tokens": 9, "pad_to_max_tokens": True},
            {"output_mode": "tf_idf", "num_oov_indices": 2},
            {"output_mode": "tf_idf", "max_tokens": 12, "pad_to_max_tokens": True},
        ],
    )
    def test_string_lookup(self, options):
        ours, theirs = layers.StringLookup(**options), keras.layers.StringLookup(**options)
        ours.adapt(WORDS)
        theirs.adapt(WORDS)
        assert ours.get_vocabulary() == list(theirs.get_vocabulary())
        asked = np.array([["fox", "dog", "owl"], ["", "gnu", "fox"]])
        np.testing.assert_allclose(ours(asked), np.asarray(theirs(asked)), rtol=1e-6)

    @pytest.mark.parametrize(
        "options",
        [
            {},
            {"mask_token": 0, "num_oov_indices": 3},
            {"num_oov_indices": 3, "oov_method": "farmhash"},
            {"num_oov_indices": 3, "oov_method": "farmhash", "salt": 1},
            {"output_mode": "one_hot", "max_tokens": 5},
            {"output_mode": "tf_idf", "mask_token": 3},
        ],
    )
    def test_integer_lookup(self, options):
        ours, theirs = layers.IntegerLookup(**options), keras.layers.IntegerLookup(**options)
        ours.adapt(NUMBERS)
        theirs.adapt(NUMBERS)
        assert ours.get_vocabulary() == list(map(int, theirs.get_vocabulary()))
        asked = np.array([[0, 3, 77], [5, -4, 1000]])
        np.testing.assert_allclose(ours(asked), np.asarray(theirs(asked)), rtol=1e-6)

    @pytest.mark.parametrize(
        "options",
        [
            {},
            {"max_tokens": 6, "output_sequence_length": 3},
            {"standardize": None, "output_sequence_length": 9},
            {"standardize": "lower"},
            {"standardize": "strip_punctuation", "ngrams": 2},
            {"split": "character", "output_sequence_length": 40},
            {"split": None},
            {"ngrams": (2, 3), "output_mode": "count"},
            {"output_mode": "multi_hot", "max_tokens": 30, "pad_to_max_tokens": True},
            {"output_mode": "tf_idf"},
        ],
    )
    def test_text_vectorization(self, options):
        ours, theirs = layers.TextVectorization(**options), keras.layers.TextVectorization(**options)
        ours.adapt(TEXTS)
        theirs.adapt(TEXTS)
        assert ours.get_vocabulary() == list(theirs.get_vocabulary())
        asked = [["fox und dog über den BACH"], ["the"], [""]]
        np.testing.assert_allclose(ours(asked), np.asarray(theirs(asked)), rtol=1e-6)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"power_to_db": False, "mag_exp": 1.0},
        {"sequence_length": 400, "window": "hamming"},
        {"ref_power": 2.0, "top_db": 30.0, "min_freq": 100.0, "max_freq": 3000.0},
        {"window": None},
    ],
)
def test_mel_spectrogram(options):
    x = rng.normal(size=(3, 4000)).astype(np.float32)
    options = {"fft_length": 512, "sequence_stride": 128, "num_mel_bins": 40, **options}
    ours, theirs = layers.MelSpectrogram(**options), keras.layers.MelSpectrogram(**options)
    np.testing.assert_allclose(ours(x).numpy(), np.asarray(theirs(x)), rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("mode", ["log", "magnitude", "psd", "real", "imag", "angle", "stft"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"padding": "same", "expand_dims": True, "fft_length": 128, "frame_step": 20},
        {"scaling": "spectrum", "periodic": True},
    ],
)
def test_stft_spectrogram(mode, options, data_format):
    x = rng.normal(size=(2, 300, 3)).astype(np.float32)
    x = x if data_format == "channels_last" else np.swapaxes(x, 1, 2).copy()
    options = {"mode": mode, "frame_length": 64, "data_format": data_format, **options}
    ours, theirs = layers.STFTSpectrogram(**options), keras.layers.STFTSpectrogram(**options)
    expected = theirs(x).detach().numpy()
    y = ours(x).numpy()
    if mode == "angle":
        y, expected = np.exp(1j * y), np.exp(1j * expected)
        assert (np.abs(y - expected) > 1e-3).mean() < 0.05  # parts of size 0 have any angle
    else:
        np.testing.assert_allclose(y, expected, rtol=1e-3, atol=1e-4)
    assert tuple(ours.compute_output_shape(x.shape)) == tuple(theirs.compute_output_shape(x.shape)) == expected.shape
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


@pytest.mark.parametrize("number", [2, 5])
def test_numbers_of_boxes(number):
    boxes = {"boxes": rng.normal(size=(2, 3, 4)).astype(np.float32), "labels": rng.integers(0, 9, (2, 3))}
    data = {"images": np.zeros((2, 4, 4, 3), np.float32), "bounding_boxes": boxes}
    ours = layers.MaxNumBoundingBoxes(number)(data)["bounding_boxes"]
    theirs = keras.layers.MaxNumBoundingBoxes(number, bounding_box_format="xyxy")(
        {**data, "bounding_boxes": dict(boxes)}
    )
    for key in boxes:
        np.testing.assert_array_equal(ours[key], np.asarray(theirs["bounding_boxes"][key]))
