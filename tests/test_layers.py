"""Layers: values against NumPy, shapes before and after building, options, tracking, configuration, errors."""

from __future__ import annotations

import numpy as np
import pytest

import nerve
from nerve import Input, Sequential, layers, ops
from nerve._lookup import snake_case
from nerve.errors import DTypeError, ShapeError
from nerve.layers.structure import flatten, map_structure, pack_like
from nerve.layers.symbolic import SymbolicTensor

rng = np.random.default_rng(1)
IMAGES = rng.normal(size=(2, 7, 6, 4)).astype(np.float32)
ROWS = rng.normal(size=(5, 3)).astype(np.float32)
SEQUENCES = rng.normal(size=(3, 6, 2)).astype(np.float32)


def close(actual, expected, tolerance=2e-5):
    np.testing.assert_allclose(np.asarray(actual), expected, rtol=tolerance, atol=tolerance)


# Every layer with its arguments and inputs: the table behind the tests of shapes and of configurations.
CASES = [
    (layers.Dense, {"units": 4, "activation": "relu"}, ROWS),
    (layers.Dense, {"units": 4, "use_bias": False}, IMAGES),
    (layers.Activation, {"activation": "softplus"}, ROWS),
    (layers.ReLU, {"max_value": 1.0, "negative_slope": 0.1, "threshold": 0.5}, ROWS),
    (layers.Softmax, {"axis": 1}, IMAGES),
    (layers.Conv2D, {"filters": 6, "kernel_size": 3}, IMAGES),
    (layers.Conv2D, {"filters": 6, "kernel_size": (3, 2), "strides": 2, "padding": "same"}, IMAGES),
    (layers.Conv2D, {"filters": 6, "kernel_size": 2, "dilation_rate": (2, 3), "activation": "softsign"}, IMAGES),
    (layers.Conv2D, {"filters": 6, "kernel_size": 3, "groups": 2, "use_bias": False}, IMAGES),
    (layers.Conv2D, {"filters": 5, "kernel_size": 3, "data_format": "channels_first"}, IMAGES),
    (layers.MaxPooling2D, {}, IMAGES),
    (layers.MaxPooling2D, {"pool_size": 3, "strides": (1, 2), "padding": "same"}, IMAGES),
    (layers.AveragePooling2D, {"pool_size": (3, 2), "padding": "same"}, IMAGES),
    (layers.AveragePooling2D, {"data_format": "channels_first"}, IMAGES),
    (layers.GlobalAveragePooling2D, {}, IMAGES),
    (layers.GlobalAveragePooling2D, {"keepdims": True, "data_format": "channels_first"}, IMAGES),
    (layers.GlobalMaxPooling2D, {"keepdims": True}, IMAGES),
    (layers.GlobalMaxPooling2D, {"data_format": "channels_first"}, IMAGES),
    (layers.Flatten, {}, IMAGES),
    (layers.Flatten, {"data_format": "channels_first"}, IMAGES),
    (layers.Reshape, {"target_shape": (4, -1, 2)}, IMAGES),
    (layers.Dropout, {"rate": 0.5, "seed": 3}, ROWS),
    (layers.BatchNormalization, {}, IMAGES),
    (layers.BatchNormalization, {"axis": 1, "scale": False, "momentum": 0.5}, IMAGES),
    (layers.LSTM, {"units": 4}, SEQUENCES),
    (layers.LSTM, {"units": 4, "return_sequences": True, "recurrent_activation": "hard_sigmoid"}, SEQUENCES),
    (layers.GRU, {"units": 4, "return_sequences": True, "go_backwards": True}, SEQUENCES),
    (layers.GRU, {"units": 4, "reset_after": False, "use_bias": False}, SEQUENCES),
    (layers.SimpleRNN, {"units": 4, "activation": "relu"}, SEQUENCES),
    (layers.LayerNormalization, {}, IMAGES),
    (layers.LayerNormalization, {"axis": [-1, -2], "center": False, "epsilon": 0.1}, IMAGES),
    (layers.LayerNormalization, {"axis": 1}, IMAGES),
    (layers.LayerNormalization, {"axis": [3, 1]}, IMAGES),
    (layers.ELU, {"alpha": 0.5}, ROWS),
    (layers.LeakyReLU, {}, ROWS),
    (layers.PReLU, {"alpha_initializer": "ones", "shared_axes": (1, 2)}, IMAGES),
    (layers.Permute, {"dims": (3, 1, 2)}, IMAGES),
    (layers.RepeatVector, {"n": 4}, ROWS),
    (layers.Identity, {}, ROWS),
    (layers.Rescaling, {"scale": 0.5, "offset": [1.0, 2.0, 3.0]}, ROWS),
    (layers.ZeroPadding1D, {"padding": (2, 0)}, SEQUENCES),
    (layers.Cropping1D, {"cropping": (1, 2)}, SEQUENCES),
    (layers.UpSampling1D, {"size": 3}, SEQUENCES),
    (layers.ZeroPadding2D, {"padding": ((1, 2), (0, 3))}, IMAGES),
    (layers.ZeroPadding2D, {"padding": (1, 2), "data_format": "channels_first"}, IMAGES),
    (layers.Cropping2D, {"cropping": ((1, 0), (2, 1))}, IMAGES),
    (layers.UpSampling2D, {"size": (2, 3)}, IMAGES),
    (layers.GaussianNoise, {"stddev": 0.5}, ROWS),
    (layers.GaussianDropout, {"rate": 0.5, "seed": 1}, ROWS),
    (layers.AlphaDropout, {"rate": 0.25}, ROWS),
    (layers.SpatialDropout1D, {"rate": 0.5}, SEQUENCES),
    (layers.SpatialDropout2D, {"rate": 0.5, "data_format": "channels_first"}, IMAGES),
    (layers.SpatialDropout3D, {"rate": 0.5}, IMAGES[None]),
    (layers.GlobalAveragePooling1D, {"keepdims": True}, SEQUENCES),
    (layers.GlobalMaxPooling1D, {"data_format": "channels_first"}, SEQUENCES),
    (layers.Add, {}, [ROWS, ROWS]),
    (layers.Subtract, {}, [ROWS, ROWS[:, :1]]),
    (layers.Multiply, {}, [ROWS, ROWS, ROWS]),
    (layers.Average, {}, [ROWS, ROWS]),
    (layers.Maximum, {}, [ROWS, -ROWS]),
    (layers.Minimum, {}, [ROWS, -ROWS]),
    (layers.Concatenate, {"axis": 1}, [IMAGES, IMAGES[:, :2]]),
]
IDS = [f"{cls.__name__}-{index}" for index, (cls, *_) in enumerate(CASES)]


@pytest.mark.parametrize(("cls", "arguments", "x"), CASES, ids=IDS)
def test_shape_is_known_before_the_data_comes(cls, arguments, x):
    shapes = map_structure(lambda a: a.shape, x)
    unknown = map_structure(lambda a: SymbolicTensor((None, *a.shape[1:])), x)
    layer = cls(**arguments)
    y = layer(x)
    assert layer.compute_output_shape(shapes) == y.shape
    symbolic = cls(**arguments)(unknown)
    assert symbolic.shape == (None, *y.shape[1:])
    assert y.dtype == np.float32


@pytest.mark.parametrize(("cls", "arguments", "x"), CASES, ids=IDS)
def test_configuration_makes_the_same_layer(cls, arguments, x):
    layer = cls(name="mine", **arguments)
    layer.trainable = False
    expected = layer(x)
    again = cls.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    assert (again.name, again.trainable) == ("mine", False)
    again(x)
    again.set_weights(layer.get_weights())
    close(again(x), expected.numpy(), 0)


@pytest.mark.parametrize(("cls", "arguments", "x"), CASES, ids=IDS)
def test_float64_layers_compute_in_float64(cls, arguments, x):
    layer = cls(dtype="float64", **arguments)
    y = layer(x)
    assert y.dtype == np.float64
    assert all(weight.dtype == np.float64 for weight in layer.weights)


class TestDense:
    def test_values(self):
        layer = layers.Dense(2, activation="tanh", bias_initializer="ones")
        y = layer(ROWS)
        close(y, np.tanh(ROWS @ layer.kernel.numpy() + 1))

    def test_activation_may_be_any_callable(self):
        layer = layers.Dense(2, activation=ops.square)
        close(layer(ROWS), (ROWS @ layer.kernel.numpy()) ** 2)

    def test_initializers_get_shape_and_dtype(self):
        seen = []

        def initializer(shape, dtype):
            seen.append((shape, dtype))
            return np.full(shape, 2.0, dtype)

        layer = layers.Dense(4, kernel_initializer=initializer, bias_initializer=initializer)
        layer.build((None, 3))
        assert seen == [((3, 4), "float32"), ((4,), "float32")]
        assert layer.kernel.numpy()[0, 0] == 2

    def test_integers_are_taken(self):
        layer = layers.Dense(2)
        x = rng.integers(0, 9, (4, 3))
        close(layer(x), x @ layer.kernel.numpy())

    @pytest.mark.parametrize("units", [0, -1, 2.5, True, "3"])
    def test_bad_units(self, units):
        with pytest.raises(ValueError, match="units must be a positive int"):
            layers.Dense(units)

    def test_options_that_do_nothing_are_refused(self):
        with pytest.raises(TypeError):
            layers.Dense(3, gamma_regularizer="l2")


class TestConv2D:
    def test_same_as_a_dense_layer_on_every_pixel(self):
        layer = layers.Conv2D(3, 1, activation="sigmoid")
        y = layer(IMAGES)
        close(y, 1 / (1 + np.exp(-(IMAGES @ layer.kernel.numpy()[0, 0]))))

    def test_channels_first_is_channels_last_transposed(self):
        last = layers.Conv2D(5, 3, strides=2, padding="same")
        first = layers.Conv2D(5, 3, strides=2, padding="SAME", data_format="channels_first")
        y = last(IMAGES)
        first.build((None, 4, 7, 6))
        first.set_weights(last.get_weights())
        close(first(IMAGES.transpose(0, 3, 1, 2)), y.numpy().transpose(0, 3, 1, 2))

    def test_groups_see_their_own_channels(self):
        layer = layers.Conv2D(6, 3, groups=2)
        y = layer(IMAGES).numpy()
        assert layer.kernel.shape == (3, 3, 2, 6)
        changed = IMAGES.copy()
        changed[..., :2] += 1
        assert np.array_equal(layer(changed).numpy()[..., 3:], y[..., 3:])
        assert not np.allclose(layer(changed).numpy()[..., :3], y[..., :3])

    @pytest.mark.parametrize(
        "arguments",
        [
            {"filters": 0, "kernel_size": 3},
            {"filters": 4, "kernel_size": (3, 3, 3)},
            {"filters": 4, "kernel_size": 3, "strides": -1},
            {"filters": 4, "kernel_size": 3, "padding": "causal"},
            {"filters": 4, "kernel_size": 3, "data_format": "nhwc"},
            {"filters": 4, "kernel_size": 3, "groups": 3},
            {"filters": 4, "kernel_size": 3, "dilation_rate": 0},
        ],
    )
    def test_bad_arguments(self, arguments):
        with pytest.raises(ValueError, match="Conv2D"):
            layers.Conv2D(**arguments)

    def test_image_smaller_than_the_kernel(self):
        with pytest.raises(ShapeError, match=r"\[conv2d\S* \(Conv2D\)\] .*at least 9"):
            layers.Conv2D(2, 9)(SymbolicTensor((None, 7, 6, 4)))


class TestPooling:
    def test_values(self):
        windows = IMAGES[:, :6].reshape(2, 3, 2, 3, 2, 4)
        close(layers.MaxPooling2D()(IMAGES), windows.max((2, 4)), 0)
        close(layers.AveragePooling2D()(IMAGES), windows.mean((2, 4)))
        close(layers.GlobalAveragePooling2D()(IMAGES), IMAGES.mean((1, 2)))
        close(layers.GlobalMaxPooling2D()(IMAGES), IMAGES.max((1, 2)), 0)

    def test_channels_first(self):
        x = IMAGES.transpose(0, 3, 1, 2)
        close(layers.GlobalAveragePooling2D(data_format="channels_first")(x), IMAGES.mean((1, 2)))
        y = layers.MaxPooling2D(data_format="channels_first")(x)
        close(y, layers.MaxPooling2D()(IMAGES).numpy().transpose(0, 3, 1, 2), 0)


class TestLayerNormalization:
    def test_normalizes_samples(self):
        y = layers.LayerNormalization(axis=[1, 2, 3])(IMAGES)
        mean, variance = (function(IMAGES, (1, 2, 3), keepdims=True) for function in (np.mean, np.var))
        close(y, (IMAGES - mean) / np.sqrt(variance + 1e-3))

    def test_scales_and_shifts(self):
        layer = layers.LayerNormalization(epsilon=0.1)
        layer.build((None, 3))
        layer.set_weights([[1, 2, 3], [4, 5, 6]])
        deviation = np.sqrt(ROWS.var(1, keepdims=True) + 0.1)
        close(layer(ROWS), (ROWS - ROWS.mean(1, keepdims=True)) / deviation * [1, 2, 3] + [4, 5, 6])

    @pytest.mark.parametrize("axis", [0, 1, (1, 2), (3, 1), (0, -2), (0, 1, 2, 3)], ids=str)
    def test_along_any_axes(self, axis):
        layer = layers.LayerNormalization(axis=axis, epsilon=0.1)
        layer.build(IMAGES.shape)
        places = sorted(one % 4 for one in np.atleast_1d(axis))
        sizes = tuple(IMAGES.shape[place] for place in places)
        gamma, beta = (np.random.default_rng(seed).normal(size=sizes).astype(np.float32) for seed in (0, 1))
        layer.set_weights([gamma, beta])
        over, wide = tuple(places), [size if i in places else 1 for i, size in enumerate(IMAGES.shape)]
        deviation = np.sqrt(IMAGES.var(over, keepdims=True) + 0.1)
        expected = (IMAGES - IMAGES.mean(over, keepdims=True)) / deviation * gamma.reshape(wide) + beta.reshape(wide)
        close(layer(IMAGES), expected)


class TestBatchNormalization:
    def test_training_normalizes_and_moves_the_averages(self):
        layer = layers.BatchNormalization(momentum=0.9)
        y = layer(IMAGES, training=True).numpy()
        mean, variance = IMAGES.mean((0, 1, 2)), IMAGES.var((0, 1, 2))
        close(y, (IMAGES - mean) / np.sqrt(variance + 1e-3))
        close(layer.moving_mean, 0.1 * mean)
        close(layer.moving_variance, 0.9 + 0.1 * variance)

    def test_inference_uses_the_averages(self):
        layer = layers.BatchNormalization()
        layer.build((None, 3))
        layer.set_weights([[2, 2, 2], [1, 1, 1], [3, 3, 3], [4, 4, 4]])
        close(layer(ROWS), (ROWS - 3) / np.sqrt(4 + 1e-3) * 2 + 1)
        close(layer.moving_mean, [3, 3, 3], 0)

    def test_frozen_layer_uses_the_averages_in_training_too(self):
        layer = layers.BatchNormalization()
        layer.build((None, 3))
        layer.trainable = False
        close(layer(ROWS, training=True), layer(ROWS, training=False).numpy(), 0)
        close(layer.moving_mean, [0, 0, 0], 0)

    def test_any_axis(self):
        layer = layers.BatchNormalization(axis=1)
        x = IMAGES.transpose(0, 3, 1, 2)
        y = layers.BatchNormalization()(IMAGES, training=True).numpy()
        close(layer(x, training=True), y.transpose(0, 3, 1, 2))

    def test_renormalization_with_clipping_to_nothing_is_none(self):
        bounds = {"rmin": 1, "rmax": 1, "dmax": 0}
        layer = layers.BatchNormalization(renorm=True, renorm_clipping=bounds, momentum=0.9, renorm_momentum=0.5)
        plain = layers.BatchNormalization(momentum=0.9)
        close(layer(IMAGES, training=True), plain(IMAGES, training=True).numpy())
        close(layer.renorm_mean, 0.5 * IMAGES.mean((0, 1, 2)))
        close(layer.renorm_stddev, 0.5 + 0.5 * np.sqrt(IMAGES.var((0, 1, 2)) + 1e-3))
        close(layer.moving_variance, layer.moving_stddev.numpy() ** 2 - 1e-3)
        again = layers.BatchNormalization.from_config(layer.get_config())
        again.build(IMAGES.shape)
        again.set_weights(layer.get_weights())
        close(again(IMAGES, training=True), layer(IMAGES, training=True).numpy(), 0)

    def test_a_call_that_fails_moves_nothing(self):
        class Broken(layers.Layer):
            def __init__(self):
                super().__init__()
                self.norm = layers.BatchNormalization()

            def call(self, x):
                self.norm(x)
                raise RuntimeError("afterwards")

        broken = Broken()
        broken.norm.build((None, 3))
        with pytest.raises(RuntimeError, match="afterwards"):
            broken(ROWS, training=True)
        close(broken.norm.moving_mean, [0, 0, 0], 0)


class TestDropout:
    def test_keeps_the_mean_and_is_off_in_inference(self):
        x = np.ones((100, 100), np.float32)
        layer = layers.Dropout(0.25, seed=7)
        y = layer(x, training=True).numpy()
        assert set(np.unique(y)) == {np.float32(0), np.float32(1 / 0.75)}
        assert abs(y.mean() - 1) < 0.03
        assert layer(x).numpy() is x or np.array_equal(layer(x).numpy(), x)

    def test_seed_gives_the_same_stream_of_different_masks(self):
        first, second = layers.Dropout(0.5, seed=7), layers.Dropout(0.5, seed=7)
        a, b = first(IMAGES, training=True).numpy(), first(IMAGES, training=True).numpy()
        assert not np.array_equal(a, b)
        assert np.array_equal(a, second(IMAGES, training=True).numpy())
        assert np.array_equal(b, second(IMAGES, training=True).numpy())

    def test_global_seed(self):
        layer = layers.Dropout(0.5)
        nerve.random.seed(5)
        a = layer(IMAGES, training=True).numpy()
        nerve.random.seed(5)
        assert np.array_equal(a, layer(IMAGES, training=True).numpy())

    def test_noise_shape_drops_whole_channels(self):
        y = layers.Dropout(0.5, noise_shape=(None, 1, 1, None), seed=0)(np.abs(IMAGES) + 1, training=True).numpy()
        dropped = (y == 0).mean((1, 2))
        assert set(np.unique(dropped)) == {0.0, 1.0}

    @pytest.mark.parametrize("rate", [-0.1, 1.0, float("nan")])
    def test_bad_rate(self, rate):
        with pytest.raises(ValueError, match="rate must be in"):
            layers.Dropout(rate)


class TestReshaping:
    def test_flatten(self):
        close(layers.Flatten()(IMAGES), IMAGES.reshape(2, -1), 0)
        first = IMAGES.transpose(0, 3, 1, 2)
        close(layers.Flatten(data_format="channels_first")(first), IMAGES.reshape(2, -1), 0)
        assert layers.Flatten()(np.ones(3, np.float32)).shape == (3, 1)

    def test_reshape(self):
        close(layers.Reshape((6, -1))(IMAGES), IMAGES.reshape(2, 6, -1), 0)
        with pytest.raises(ShapeError, match="Reshape"):
            layers.Reshape((5, 5))(IMAGES)
        with pytest.raises(ValueError, match="one of which may be -1"):
            layers.Reshape((-1, -1))


class TestMerging:
    def test_values(self):
        a, b = ROWS, ROWS[::-1].copy()
        close(layers.Add()([a, b]), a + b)
        close(layers.Subtract()([a, b]), a - b)
        close(layers.Multiply()([a, b]), a * b)
        close(layers.Average()([a, b]), (a + b) / 2)
        close(layers.Maximum()([a, b]), np.maximum(a, b))
        close(layers.Minimum()([a, b]), np.minimum(a, b))
        close(layers.Concatenate()([a, b]), np.concatenate([a, b], -1))

    def test_fewer_axes_get_ones_behind_the_batch(self):
        x = IMAGES[:, 0]
        close(layers.Add()([IMAGES, x]), IMAGES + x[:, None])

    @pytest.mark.parametrize(
        "build",
        [
            lambda: layers.Add()(ROWS),
            lambda: layers.Add()([ROWS, ROWS[:, :2]]),
            lambda: layers.Add()([SymbolicTensor((None, 3)), SymbolicTensor((None, 2))]),
            lambda: layers.Subtract()([ROWS, ROWS, ROWS]),
            lambda: layers.Concatenate(axis=1)([SymbolicTensor((None, 3)), SymbolicTensor((None, 3, 3))]),
            lambda: layers.Concatenate(axis=2)([SymbolicTensor((None, 3)), SymbolicTensor((None, 3))]),
            lambda: layers.Concatenate(axis=0)([ROWS, ROWS[:, :2]]),
        ],
    )
    def test_errors_name_the_layer(self, build):
        with pytest.raises(ShapeError, match=r"^\[(add|subtract|concatenate)\S* \((Add|Subtract|Concatenate)\)\]"):
            build()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: Input(5), ShapeError, r"\(InputLayer\)\] expects a shape .* got 5"),
        (lambda: Input(None), ShapeError, r"\(InputLayer\)\] expects a shape .* got None"),
        (lambda: Input((4,), dtype="abc"), DTypeError, "expects a dtype of numbers, or 'string', got 'abc'"),
        (lambda: Input((4,), batch_size=0), ValueError, "batch_size must be a positive int, got 0"),
        (lambda: layers.Dense(3, name=5), ValueError, r"\[Dense\] name must be a string .* got 5"),
        (lambda: layers.Dense(3, dtype="abc"), DTypeError, "float32 or float64, got dtype 'abc'"),
        (lambda: layers.Dense(3)([ROWS, ROWS]), ShapeError, r"\(Dense\)\] expects inputs \(batch, ..., features\)"),
        (lambda: layers.Dense(3).build(None), ShapeError, r"expects inputs \(batch, ..., features\) .* got shape None"),
        (lambda: layers.Dense(10**30)(ROWS), ValueError, "n_blocks must be in"),
        (lambda: layers.Conv2D(3, 2.5), ValueError, r"\(Conv2D\)\] kernel_size must be .* got 2.5"),
        (lambda: layers.Conv2D(3, 3, strides=None), ValueError, r"\(Conv2D\)\] strides must be .* got None"),
        (lambda: layers.Flatten()(np.array(1.0)), ShapeError, r"\(Flatten\)\] expects inputs \(batch, \.\.\.\)"),
        (lambda: layers.Reshape("a"), ValueError, r"\(Reshape\)\] target_shape expects integers, got 'a'"),
        (lambda: layers.Reshape((2.5,)), ValueError, "target_shape expects integers, got 2.5"),
        (lambda: layers.Dropout("a"), ValueError, r"\(Dropout\)\] rate expects a number, got 'a'"),
        (
            lambda: layers.Dropout(0.5, noise_shape=(5,))(ROWS, training=True),
            ShapeError,
            r"\(Dropout\)\] expects inputs of 1 axes, as noise_shape has",
        ),
        (lambda: layers.BatchNormalization(axis="a"), ValueError, "axis expects integers, got 'a'"),
        (lambda: layers.BatchNormalization(momentum=2), ValueError, "momentum must be in"),
        (lambda: layers.BatchNormalization(epsilon=-1), ValueError, "epsilon not negative"),
        (lambda: layers.BatchNormalization(synchronized=True), ValueError, "synchronized=True: statistics of several"),
        (lambda: layers.BatchNormalization(renorm_momentum=2), ValueError, r"renorm_momentum must be in \[0, 1\]"),
        (
            lambda: layers.BatchNormalization(renorm=True, renorm_clipping={"max": 1}),
            ValueError,
            "renorm_clipping must be a dict of some of rmin, rmax and dmax, got",
        ),
        (
            lambda: layers.BatchNormalization(renorm=True, renorm_clipping={"rmin": 2, "rmax": 1}),
            ValueError,
            "renorm_clipping expects rmin <= rmax and dmax >= 0",
        ),
        (lambda: layers.LayerNormalization(axis=1.5), ValueError, "axis expects integers, got 1.5"),
        (lambda: layers.LayerNormalization(epsilon=-1), ValueError, "epsilon must not be negative, got -1"),
        (lambda: layers.LayerNormalization(axis=4)(IMAGES), ShapeError, "that have axis 4, got shape"),
        (lambda: layers.LayerNormalization(axis=[1, -1])(ROWS), ShapeError, r"that have axis \[1, -1\], got"),
        (lambda: layers.LayerNormalization(axis=0).build((None, 2)), ShapeError, "known sizes along axis 0"),
        (lambda: layers.LayerNormalization().build((2, None)), ShapeError, "known sizes along axis -1"),
        (lambda: Sequential(layers.Dense(3)), TypeError, "expects a list of layers, got <Dense"),
    ],
)
def test_bad_arguments_of_layers(call, error, message):
    nerve.random.seed(1)
    with pytest.raises(error, match=message):
        call()
    assert nerve.random.reserve(1)[1] < 100, "the stream of random numbers goes on where it was"


class Block(layers.Layer):
    """A layer of layers, tracked in every way there is."""

    def __init__(self, width, names=("a", "b"), **options):
        super().__init__(**options)
        self.width = width
        self.first = layers.Dense(width)
        self.several = []
        for _ in names:
            self.several.append(layers.Dense(width, use_bias=False))
        self.named = {"last": layers.Dense(1)}
        self.again = self.first
        self.scale = nerve.Variable(np.float32(2.0), name="scale")

    def call(self, x):
        x = self.first(x)
        for layer in self.several:
            x = layer(x)
        return self.named["last"](x) * self.scale


class TestTracking:
    def test_names(self):
        assert [snake_case(n) for n in ("Dense", "Conv2D", "MaxPooling2D", "ReLU", "BatchNormalization", "MyNet")] == [
            "dense", "conv2d", "max_pooling2d", "re_lu", "batch_normalization", "my_net",
        ]  # fmt: skip
        first, second = layers.Softmax(), layers.Softmax()
        assert second.name.startswith("softmax_")
        assert first.name != second.name
        with pytest.raises(ValueError, match="without '/'"):
            layers.Softmax(name="a/b")

    def test_layers_in_attributes_lists_and_dicts(self):
        block = Block(4)
        block(ROWS)
        assert [w.name for w in block.weights] == ["scale", "kernel", "bias", "kernel", "kernel", "kernel", "bias"]
        assert list(block._named_weights()) == [
            "scale", "first/kernel", "first/bias", "several/0/kernel", "several/1/kernel", "named/last/kernel",
            "named/last/bias",
        ]  # fmt: skip
        assert block.count_params() == 1 + 16 + 16 + 16 + 5

    def test_freezing_reaches_the_layers_inside(self):
        block = Block(4)
        block(ROWS)
        block.first.trainable = False
        assert len(block.trainable_weights) == 5
        assert len(block.non_trainable_weights) == 2
        block.trainable = False
        assert block.trainable_weights == []
        assert not block.several[1].trainable
        block.trainable = True
        assert len(block.trainable_variables) == len(block.variables) == 7

    def test_gradients_reach_every_weight(self):
        block = Block(4)
        loss = ops.sum(block(ROWS))
        grads = nerve.gradients(loss, block.trainable_weights)
        assert all(np.abs(g).sum() > 0 for g in grads)

    def test_configuration_from_the_constructors_arguments(self):
        block = Block(4, names=("x",), name="mine", dtype="float64")
        assert block.get_config() == {
            "name": "mine", "trainable": True, "dtype": "float64", "width": 4, "names": ("x",),
        }  # fmt: skip
        again = Block.from_config(block.get_config())
        assert (again.width, len(again.several), again.name) == (4, 1, "mine")

    def test_constructor_without_options(self):
        class Plain(layers.Layer):
            def __init__(self, width):
                super().__init__()
                self.width = width

        plain = Plain(3)
        plain.trainable = False
        again = Plain.from_config(plain.get_config())
        assert (again.width, again.name, again.trainable) == (3, plain.name, False)

    def test_variable_arguments_need_their_own_configuration(self):
        class Many(layers.Layer):
            def __init__(self, *widths):
                super().__init__()

        with pytest.raises(NotImplementedError, match="get_config"):
            Many(1, 2).get_config()

    def test_set_weights_is_all_or_nothing(self):
        layer = layers.Dense(2)
        layer.build((None, 3))
        before = layer.get_weights()
        for wrong in ([before[0]], [before[0] + 1, before[1][:1]], []):
            with pytest.raises(ShapeError, match="expects"):
                layer.set_weights(wrong)
        assert all(np.array_equal(a, b) for a, b in zip(before, layer.get_weights(), strict=True))
        layer.set_weights([before[0] + 1, before[1] + 1])
        close(layer.kernel, before[0] + 1, 0)


class TestCalling:
    def test_training_is_passed_down(self):
        seen = []

        class Inner(layers.Layer):
            def call(self, x, training=None):
                seen.append(training)
                return x

        class Outer(layers.Layer):
            def __init__(self):
                super().__init__()
                self.inner = Inner()

            def call(self, x):
                return self.inner(self.inner(x), training=False)

        class Top(layers.Layer):
            def __init__(self):
                super().__init__()
                self.outer = Outer()

            def call(self, x, training=False):
                return self.outer(x)

        Top()(ROWS, training=True)
        Top()(ROWS)
        assert seen == [True, False, False, False]

    def test_own_weights_and_build(self):
        class Scale(layers.Layer):
            def build(self, input_shape):
                self.scale = self.add_weight((input_shape[-1],), "ones", name="scale")
                self.steps = self.add_weight(dtype="float64", initializer="zeros", trainable=False)

            def call(self, x):
                return x * self.scale

        layer = Scale()
        assert not layer.built
        with pytest.raises(ValueError, match="not built"):
            layer.count_params()
        close(layer(ROWS), ROWS, 0)
        assert [v.name for v in layer.trainable_weights] == ["scale"]
        assert layer.steps.dtype == np.float64
        assert layer(SymbolicTensor((None, 3))).shape == (None, 3)

    def test_a_build_that_fails_leaves_the_layer_as_it_was(self):
        class Half(layers.Layer):
            def build(self, input_shape):
                self.add_weight((2,), name="first")
                if input_shape[-1] != 3:
                    raise ShapeError("expects three")

            def call(self, x):
                return x

        layer = Half()
        with pytest.raises(ShapeError, match=r"^\[half\S* \(Half\)\] expects three$"):
            layer(np.ones((2, 2), np.float32))
        assert not layer.built
        assert layer.weights == []
        layer(ROWS)
        assert len(layer.weights) == 1

    def test_floats_take_the_layers_dtype(self):
        class Seen(layers.Layer):
            def call(self, x, y=None):
                return x, y

        x, y = Seen()(ROWS.astype(np.float64), y=np.arange(3))
        assert (x.dtype, y.dtype) == (np.float32, np.int64)

    def test_gradients_flow_through_a_change_of_dtype(self):
        x = nerve.Tensor(ROWS.astype(np.float64))
        (grad,) = nerve.gradients(ops.sum(layers.Activation("relu")(x)), [x])
        assert grad.dtype == np.float64
        close(grad, ROWS > 0, 0)

    def test_what_is_no_array(self):
        with pytest.raises(DTypeError, match=r"\[dense\S* \(Dense\)\] expects arrays"):
            layers.Dense(2)([[1.0, 2.0]])

    @pytest.mark.parametrize(
        ("layer", "good", "bad"),
        [
            (layers.Dense(2), (4, 3), (4, 5)),
            (layers.Conv2D(2, 3), (1, 5, 5, 2), (1, 5, 5, 3)),
            (layers.BatchNormalization(), (4, 3), (4, 5)),
            (layers.MaxPooling2D(), (1, 4, 4, 1), (4, 4, 1)),
        ],
    )
    def test_errors_name_the_layer(self, layer, good, bad):
        layer(np.ones(good, np.float32))
        expected = rf"^\[{layer.name} \({type(layer).__name__}\)\] "
        with pytest.raises(ShapeError, match=expected):
            layer(np.ones(bad, np.float32))
        with pytest.raises(ShapeError, match=expected):
            layer(SymbolicTensor((None, *bad[1:])))

    def test_path_of_a_layer_inside_layers(self):
        block = Block(4, name="block")
        block(ROWS)
        block.several[0] = layers.Conv2D(3, 3, name="wrong")
        with pytest.raises(ShapeError, match=r"^\[block/wrong \(Conv2D\)\] "):
            block(ROWS)


class TestSymbolic:
    def test_operators(self):
        x = SymbolicTensor((None, 3))
        for y in (x + 1, 1 - x, 2 * x, x / 2, 1 / x, x**2, 2**x, -x, abs(x), x + np.ones(3), np.ones(3) * x, x + x):
            assert y.shape == (None, 3)
        assert (x @ np.ones((3, 7), np.float32)).shape == (None, 7)
        assert (np.ones((4, 2), np.float32) @ SymbolicTensor((2, 3))).shape == (4, 3)
        assert x[:, 0].shape == (None,)
        assert x[0].shape == (3,)
        assert ops.mean(x, axis=0).shape == (3,)
        assert ops.concatenate([x, x], axis=1).shape == (None, 6)

    def test_sizes_that_stay_unknown(self):
        x = SymbolicTensor((None, None, 3))
        assert ops.transpose(x, (1, 0, 2)).shape == (None, None, 3)
        assert ops.sum(x, axis=1).shape == (None, 3)
        assert layers.Conv2D(2, 3)(SymbolicTensor((None, None, 10, 1))).shape == (None, None, 8, 2)

    @pytest.mark.parametrize("use", [bool, len, float, iter, np.asarray])
    def test_there_are_no_values(self, use):
        with pytest.raises(TypeError, match="has no values"):
            use(SymbolicTensor((None, 3), name="x"))

    def test_structures(self):
        nested = {"b": [1, (2, 3)], "a": 4}
        assert flatten(nested) == [4, 1, 2, 3]
        assert pack_like(nested, [1, 2, 3, 4]) == {"a": 1, "b": [2, (3, 4)]}


def test_a_configuration_of_its_own_adds_to_name_trainable_and_dtype():
    class Scaled(layers.Layer):
        def __init__(self, factor, **options):
            super().__init__(**options)
            self.factor = factor

        def call(self, inputs):
            return inputs * self.factor

        def get_config(self):
            return dict(factor=self.factor, **super().get_config())  # a name twice would be an error

    config = Scaled(3.0, name="s").get_config()
    assert config == {"name": "s", "trainable": True, "dtype": "float32", "factor": 3.0}
    again = Scaled.from_config(config)
    assert (again.name, again.factor) == ("s", 3.0)

    class Told(layers.Layer):
        def __init__(self, factor, **options):
            super().__init__(**options)

    assert Told(2.0).get_config()["factor"] == 2.0  # without one, the arguments are told

    class Wide(layers.Dense):
        def get_config(self):
            return {**super().get_config(), "extra": 1}

    assert Wide(7).get_config()["units"] == 7


def test_symbolic_tensors_are_compared_and_divided():
    inputs = Input((3,))
    positive = (inputs > 0) & ~(inputs >= 2)
    model = nerve.Model(
        inputs, [ops.cast(positive, "float32") * (inputs // 2), inputs % 2, ops.cast(inputs < 1, "int32")]
    )
    x = np.array([[-1.0, 1.5, 4.0]], np.float32)
    for found, expected in zip(model(x), ([[0, 0, 0]], [[1, 1.5, 0]], [[1, 0, 0]]), strict=True):
        np.testing.assert_array_equal(found.numpy(), expected)
