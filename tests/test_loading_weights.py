"""Weights of a file that fit a part of a model: those of another last layer, and of layers that are left alone."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from nerve import Input, ModelFileError, Sequential, layers

rng = np.random.default_rng(4)
X, Y = (rng.normal(size=(40, n)).astype(np.float32) for n in (3, 2))


@pytest.fixture
def pair(tmp_path):
    old, new = with_head(2), with_head(3)
    old.compile("sgd", "mse")
    old.fit(X, Y, verbose=0)
    old.save_weights(tmp_path / "w.safetensors")
    old.save(tmp_path / "m.nerve")
    return old, new


def with_head(units, **options):
    return Sequential(
        [
            Input((3,)),
            layers.Dense(8, activation="relu"),
            layers.BatchNormalization(),
            layers.Dense(units, **options),
        ]
    )


@pytest.mark.parametrize("file", ["w.safetensors", "m.nerve"])
def test_skip_mismatch(pair, tmp_path, file):
    old, new = pair
    head = [w.copy() for w in new.layers[-1].get_weights()]
    with pytest.raises(ModelFileError, match=r"has weight 'dense_1/kernel' of shape \(8, 2\), expected \(8, 3\)"):
        new.load_weights(tmp_path / file)
    assert not np.array_equal(new.layers[0].get_weights()[0], old.layers[0].get_weights()[0])
    said = r"skips layers that do not fit: 'dense_1' \(the file has weight 'dense_1/kernel' of shape \(8, 2\)"
    with pytest.warns(UserWarning, match=said) as warned:
        new.load_weights(tmp_path / file, skip_mismatch=True)
    assert warned[0].filename == __file__
    for ours, theirs in ((0, 0), (1, 1)):
        for a, b in zip(new.layers[ours].get_weights(), old.layers[theirs].get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
    for a, b in zip(new.layers[-1].get_weights(), head, strict=True):
        np.testing.assert_array_equal(a, b)


def test_layers_of_one_side_only(pair, tmp_path):
    old, _ = pair
    # The file has a bias that this head lacks: none of its weights are taken.
    new = with_head(2, use_bias=False)
    kernel = new.layers[-1].get_weights()[0].copy()
    with pytest.warns(UserWarning, match=r"'dense_1' \(the file holds a weight 'dense_1/bias' that"):
        new.load_weights(tmp_path / "w.safetensors", skip_mismatch=True)
    np.testing.assert_array_equal(new.layers[-1].get_weights()[0], kernel)
    wide = Sequential([Input((3,)), layers.Dense(8), layers.LayerNormalization()])
    said = r"skips layers that do not fit: 'layer_normalization' \(the file has no weight.*'batch_norm.*'dense_1'"
    with pytest.warns(UserWarning, match=said):
        wide.load_weights(tmp_path / "w.safetensors", True)
    np.testing.assert_array_equal(wide.layers[0].get_weights()[0], old.layers[0].get_weights()[0])


def test_all_that_fits_warns_of_nothing(pair, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with_head(2).load_weights(tmp_path / "w.safetensors", skip_mismatch=True)


def test_objects_to_skip(pair, tmp_path):
    old, new = pair
    head = [w.copy() for w in new.layers[-1].get_weights()]
    new.load_weights(tmp_path / "w.safetensors", objects_to_skip=[new.layers[-1]])
    np.testing.assert_array_equal(new.layers[0].get_weights()[0], old.layers[0].get_weights()[0])
    for a, b in zip(new.layers[-1].get_weights(), head, strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(ValueError, match=r"objects_to_skip must be layers inside of .*got <.*Dense"):
        new.load_weights(tmp_path / "w.safetensors", objects_to_skip=[layers.Dense(2)])


def test_layers_inside_of_what_is_skipped(tmp_path):
    def nested():
        block = Sequential([Input((3,)), layers.Dense(3)])
        return Sequential([Input((3,)), block, layers.Dense(3)])

    old, new = nested(), nested()
    old.save_weights(tmp_path / "w.safetensors")
    before = new.layers[0].get_weights()[0].copy()
    new.load_weights(tmp_path / "w.safetensors", objects_to_skip=[new.layers[0]])
    np.testing.assert_array_equal(new.layers[0].get_weights()[0], before)
    np.testing.assert_array_equal(new.layers[1].get_weights()[0], old.layers[1].get_weights()[0])


def test_what_adapts_a_skipped_layer_stays(pair, tmp_path):
    _, new = pair
    for layer in (new.layers[0], new.layers[-1]):
        layer.enable_lora(2)
        for weight in layer._adapting():
            weight.assign(np.ones(weight.shape))
    with pytest.warns(UserWarning, match="skips layers"):
        new.load_weights(tmp_path / "w.safetensors", skip_mismatch=True)
    changes = [layer._adapting()[1].numpy() for layer in (new.layers[0], new.layers[-1])]
    assert (changes[0] == 0).all()
    assert (changes[1] == 1).all()
