"""Layers on sequences, images and volumes: trained eagerly and recorded, saved and loaded; formulas; errors."""

from __future__ import annotations

import warnings
from itertools import product

import numpy as np
import pytest

import nerve
from nerve import Input, Sequential, kernels, layers, ops
from nerve.errors import ShapeError

rng = np.random.default_rng(6)
SEQUENCES = rng.normal(size=(6, 9, 4)).astype(np.float32)
IMAGES = rng.normal(size=(6, 7, 6, 4)).astype(np.float32)
VOLUMES = rng.normal(size=(6, 5, 4, 6, 2)).astype(np.float32)

CASES = [
    ("Conv1D", {"filters": 3, "kernel_size": 3, "padding": "causal", "activation": "relu"}, SEQUENCES),
    ("Conv1D", {"filters": 3, "kernel_size": 2, "data_format": "channels_first"}, SEQUENCES),
    ("Conv3D", {"filters": 3, "kernel_size": (3, 2, 2), "strides": 2, "padding": "same"}, VOLUMES),
    ("Conv1DTranspose", {"filters": 3, "kernel_size": 3, "strides": 2, "padding": "same"}, SEQUENCES),
    ("Conv2DTranspose", {"filters": 3, "kernel_size": 3, "strides": 2, "output_padding": 1}, IMAGES),
    ("Conv3DTranspose", {"filters": 3, "kernel_size": 3, "strides": 2, "activation": "tanh"}, VOLUMES),
    ("DepthwiseConv1D", {"kernel_size": 3, "depth_multiplier": 2}, SEQUENCES),
    ("DepthwiseConv2D", {"kernel_size": 3, "depthwise_constraint": "max_norm"}, IMAGES),
    ("SeparableConv1D", {"filters": 3, "kernel_size": 3, "pointwise_regularizer": "l2"}, SEQUENCES),
    ("SeparableConv2D", {"filters": 3, "kernel_size": 3, "depth_multiplier": 2, "activation": "relu"}, IMAGES),
    ("MaxPooling1D", {"pool_size": 3, "strides": 2, "padding": "same"}, SEQUENCES),
    ("MaxPooling3D", {"pool_size": (2, 1, 3)}, VOLUMES),
    ("AveragePooling1D", {"data_format": "channels_first"}, SEQUENCES),
    ("AveragePooling3D", {"padding": "same"}, VOLUMES),
    ("MinPooling1D", {}, SEQUENCES),
    ("MinPooling2D", {"pool_size": 3, "strides": 1, "padding": "same"}, IMAGES),
    ("MinPooling3D", {}, VOLUMES),
    ("AdaptiveAveragePooling1D", {"output_size": 3}, SEQUENCES),
    ("AdaptiveAveragePooling2D", {"output_size": (3, 4)}, IMAGES),
    ("AdaptiveAveragePooling3D", {"output_size": 2}, VOLUMES),
    ("AdaptiveMaxPooling1D", {"output_size": 4}, SEQUENCES),
    ("AdaptiveMaxPooling2D", {"output_size": 4, "data_format": "channels_first"}, IMAGES),
    ("AdaptiveMaxPooling3D", {"output_size": (2, 3, 4)}, VOLUMES),
    ("GlobalAveragePooling3D", {}, VOLUMES),
    ("GlobalMaxPooling3D", {"keepdims": True}, VOLUMES),
    ("ZeroPadding1D", {"padding": (2, 0), "data_format": "channels_first"}, SEQUENCES),
    ("ZeroPadding3D", {}, VOLUMES),
    ("ReflectionPadding1D", {"padding": 2}, SEQUENCES),
    ("ReflectionPadding2D", {"padding": ((1, 2), (0, 3))}, IMAGES),
    ("ReflectionPadding3D", {}, VOLUMES),
    ("ConstantPadding1D", {"value": 2.0}, SEQUENCES),
    ("ConstantPadding2D", {"padding": (1, 0), "value": -1, "data_format": "channels_first"}, IMAGES),
    ("ConstantPadding3D", {"padding": 2}, VOLUMES),
    ("Cropping3D", {"cropping": ((1, 0), (0, 1), (2, 2))}, VOLUMES),
    ("UpSampling2D", {"interpolation": "bicubic"}, IMAGES),
    ("UpSampling3D", {"size": (1, 2, 3)}, VOLUMES),
    ("Resizing", {"height": 5, "width": 9, "crop_to_aspect_ratio": True}, IMAGES),
    ("Resizing", {"height": 5, "width": 9, "pad_to_aspect_ratio": True, "interpolation": "nearest"}, IMAGES),
    ("CenterCrop", {"height": 3, "width": 9, "data_format": "channels_first"}, IMAGES),
]
IDS = [f"{name}-{i}" for i, (name, _, _) in enumerate(CASES)]


def trained(make, x, eagerly):
    """A model of one layer and a dense one after two epochs of three steps each."""
    nerve.random.seed(2)
    model = Sequential([Input(x.shape[1:]), make(), layers.Flatten(), layers.Dense(1)])
    model.compile("sgd", "mse", run_eagerly=eagerly)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(x, x.reshape(len(x), -1)[:, :1], epochs=2, batch_size=2, shuffle=False, verbose=0)
    if not eagerly:
        assert all(recorder.recordings[-1].ready for recorder in model._recorders.values())
    return model


def trained_and_saved(make, x, folder, custom_objects=None):
    """Training is recorded, to the bits of eager training; and what is saved comes back."""
    model, other = (trained(make, x, eagerly) for eagerly in (False, True))
    for one, eager in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(one, eager)
        assert np.isfinite(one).all()
    model.save(folder / "model.nerve")
    loaded = nerve.models.load_model(folder / "model.nerve", custom_objects)
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))
    return model, loaded


@pytest.mark.parametrize(("name", "options", "x"), CASES, ids=IDS)
def test_training_is_recorded_and_models_are_saved(name, options, x, tmp_path):
    model, loaded = trained_and_saved(lambda: getattr(layers, name)(**options), x, tmp_path)
    assert loaded.layers[0].get_config() == model.layers[0].get_config()


@pytest.mark.parametrize(("name", "options", "x"), CASES, ids=IDS)
def test_shapes_are_known_before(name, options, x):
    layer = getattr(layers, name)(**options)
    expected = tuple(layer.compute_output_shape(x.shape))
    assert layer(x).shape == expected
    assert tuple(getattr(layers, name)(**options)(Input(x.shape[1:])).shape) == (None, *expected[1:])


class TestConvolutions:
    def test_volumes_are_summed_over_their_windows(self):
        x, kernel = rng.normal(size=(2, 5, 4, 6, 2)), rng.normal(size=(3, 2, 2, 2, 3))
        y = kernels.conv3d(x, kernel, strides=(1, 2, 1), dilation_rate=(2, 1, 3))
        expected = np.zeros((2, 1, 2, 3, 3))
        for at in product(*map(range, expected.shape[1:4])):
            for k in product(*map(range, kernel.shape[:3])):
                place = [i * s + j * d for i, j, s, d in zip(at, k, (1, 2, 1), (2, 1, 3), strict=True)]
                expected[(slice(None), *at)] += x[(slice(None), *place)] @ kernel[k]
        np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-12)

    @pytest.mark.parametrize("padding", ["valid", "same"])
    def test_a_transpose_puts_the_kernel_around_every_value(self, padding):
        x, kernel = rng.normal(size=(2, 4, 3)), rng.normal(size=(3, 2, 3))
        wide = np.zeros((2, 9, 2))
        for step, tap in product(range(4), range(3)):
            wide[:, 2 * step + tap] += x[:, step] @ kernel[tap].T
        y = ops.conv1d_transpose(x, kernel, strides=2, padding=padding).numpy()
        # "same" keeps strides * steps of them: of a kernel one longer than its stride, the last one goes.
        np.testing.assert_allclose(y, wide if padding == "valid" else wide[:, :8], rtol=1e-12)

    def test_causal_outputs_know_nothing_later(self):
        layer = layers.Conv1D(2, 3, padding="causal", dilation_rate=2)
        before = layer(SEQUENCES).numpy()
        changed = SEQUENCES.copy()
        changed[:, 5:] += 1
        after = layer(changed).numpy()
        np.testing.assert_array_equal(before[:, :5], after[:, :5])
        assert (before[:, 5:] != after[:, 5:]).all()

    def test_every_channel_has_kernels_of_its_own(self):
        layer = layers.DepthwiseConv1D(1, depth_multiplier=2, use_bias=False)
        y = layer(SEQUENCES).numpy()
        expected = SEQUENCES[..., None] * layer.kernel.numpy()[0]
        np.testing.assert_allclose(y, expected.reshape(6, 9, 8), rtol=1e-6)

    def test_errors_name_the_layer_and_the_axes(self):
        with pytest.raises(ShapeError, match=r"\[conv1d.* \(Conv1D\)\] expects inputs \(batch, steps, features\), got"):
            layers.Conv1D(2, 3)(IMAGES)
        with pytest.raises(ShapeError, match=r"expects inputs \(batch, channels, depth, rows, columns\), got shape"):
            layers.Conv3D(2, 3, data_format="channels_first")(IMAGES)
        with pytest.raises(ValueError, match="padding must be 'valid' or 'same', got 'causal'"):
            layers.Conv2D(2, 3, padding="causal")
        with pytest.raises(ValueError, match=r"kernel_size must be a positive int or 3 of them, got \(3, 3\)"):
            layers.Conv3D(2, (3, 3))
        with pytest.raises(ValueError, match=r"output_padding must be less than strides \(2, 2\), got 2"):
            layers.Conv2DTranspose(2, 3, strides=2, output_padding=2)
        with pytest.raises(ValueError, match=r"strides \(2, 2\) and dilation_rate \(2, 2\) cannot both be > 1"):
            layers.Conv2DTranspose(2, 3, strides=2, dilation_rate=2)
        for layer in (layers.Conv2DTranspose(2, 3), layers.DepthwiseConv2D(3), layers.SeparableConv2D(2, 3)):
            layer(IMAGES)
            with pytest.raises(ShapeError, match="expects 4 channels along axis -1, got 3"):
                layer(IMAGES[..., :3])


class TestPooling:
    def test_minima_are_maxima_turned_round(self):
        y = layers.MinPooling2D(3, strides=1, padding="same")(IMAGES).numpy()
        padded = np.pad(IMAGES, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=np.inf)
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (1, 2))
        np.testing.assert_array_equal(y, windows.min((-2, -1)))

    def test_volumes(self):
        windows = VOLUMES[:, :4, :, :6].reshape(6, 2, 2, 2, 2, 3, 2, 2)
        y, mean = layers.MaxPooling3D()(VOLUMES).numpy(), layers.AveragePooling3D()(VOLUMES).numpy()
        np.testing.assert_array_equal(y, windows.max((2, 4, 6)))
        np.testing.assert_allclose(mean, windows.mean((2, 4, 6)), rtol=1e-5, atol=1e-6)

    def test_adaptive_windows_cover_everything(self):
        y = layers.AdaptiveMaxPooling1D(4)(SEQUENCES).numpy()
        expected = [SEQUENCES[:, i * 9 // 4 : -(-(i + 1) * 9 // 4)].max(1) for i in range(4)]
        np.testing.assert_array_equal(y, np.stack(expected, 1))

    def test_errors(self):
        with pytest.raises(
            ShapeError, match=r"\[max_pooling3d.* \(MaxPooling3D\)\] expects inputs \(batch, depth, rows"
        ):
            layers.MaxPooling3D()(IMAGES)
        with pytest.raises(ValueError, match="output_size must be a positive int or a pair of them, got 0"):
            layers.AdaptiveMaxPooling2D(0)
        with pytest.raises(ShapeError, match=r"\[max_pool\] inputs expects \(batch, one to three axes, channels\)"):
            ops.max_pool(np.zeros((2, 3)), 2)


class TestSizes:
    def test_mirrors_and_numbers(self):
        widths = ((0, 0), (2, 1), (0, 3), (0, 0))
        y = layers.ReflectionPadding2D(widths[1:3])(IMAGES).numpy()
        np.testing.assert_array_equal(y, np.pad(IMAGES, widths, "reflect"))
        y = layers.ConstantPadding2D(widths[1:3], 1.5)(IMAGES).numpy()
        np.testing.assert_array_equal(y, np.pad(IMAGES, widths, constant_values=1.5))
        np.testing.assert_array_equal(
            ops.pad(np.arange(3), 2, "symmetric").numpy(), np.pad(np.arange(3), 2, "symmetric")
        )

    def test_a_line_between_two_pixels(self):
        """Centres of pixels lie at halves: twice as many are at quarters, and the ends are those of the image."""
        x = np.array([0.0, 4.0], np.float32).reshape(1, 1, 2, 1)
        y = layers.UpSampling2D((1, 2), interpolation="bilinear")(x).numpy()
        np.testing.assert_allclose(y.ravel(), [0.0, 1.0, 3.0, 4.0])

    def test_masks_take_the_nearest_pixel(self):
        data = {"images": IMAGES, "segmentation_masks": np.round(IMAGES), "labels": np.arange(6)}
        found = layers.Resizing(9, 5)(data)
        np.testing.assert_array_equal(found["labels"], np.arange(6))
        assert found["images"].shape == found["segmentation_masks"].shape == (6, 9, 5, 4)
        assert set(np.unique(found["segmentation_masks"].numpy())) <= set(np.unique(np.round(IMAGES)))

    def test_errors(self):
        with pytest.raises(ShapeError, match=r"\[reflection_padding2d.*cannot mirror 7 pixels of 7"):
            layers.ReflectionPadding2D(7)(IMAGES)
        with pytest.raises(ShapeError, match=r"\[pad\] cannot mirror 3 of the 3 elements of axis 0"):
            ops.pad(np.zeros(3), 3, "reflect")
        with pytest.raises(ValueError, match=r"\[pad\] mode expects 'constant', or 'reflect'"):
            ops.pad(np.zeros(3), 1, "edge")
        with pytest.raises(ValueError, match="padding must have three axes"):
            layers.ZeroPadding3D((1, 2))
        with pytest.raises(ValueError, match="interpolation must be one of"):
            layers.Resizing(2, 2, "linear")
        with pytest.raises(ValueError, match="cannot both be true"):
            layers.Resizing(2, 2, crop_to_aspect_ratio=True, pad_to_aspect_ratio=True)
        with pytest.raises(ShapeError, match="expects one image or a batch of images, of 3 or 4 axes"):
            layers.CenterCrop(2, 2)(VOLUMES)
        with pytest.raises(ShapeError, match=r"\[resize\] images have no pixels"):
            ops.resize(np.zeros((1, 0, 2, 1)), (2, 2))
