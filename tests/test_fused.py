"""Neighbours in a graph whose work one kernel does, beside the layers one after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nerve
from nerve import Model, Tensor, layers
from nerve.kernels._recording import Recording


def drawn(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def settled(model: Model, x: np.ndarray) -> Model:
    """The model after a few steps, so that averages, scales and shifts are no round numbers."""
    y = drawn(len(x), *model.output_shape[1:], seed=1)
    model.compile(nerve.optimizers.SGD(0.05), "mse")
    model.fit(x, y, batch_size=len(x), epochs=3, verbose=0)
    return model


def small(**options: Any) -> tuple[Model, dict[str, Any]]:
    """A residual block; `options` are those of its first three layers."""
    nerve.random.seed(3)
    made = {
        "conv": layers.Conv2D(5, 3, padding="same", **options.get("conv", {})),
        "norm": layers.BatchNormalization(**options.get("norm", {})),
        "relu": layers.ReLU(**options.get("relu", {})),
        "shortcut": layers.Conv2D(5, 1, use_bias=False),
        "add": layers.Add(),
        "out": layers.Activation("relu"),
    }
    inputs = layers.Input((6, 6, 3))
    x = made["relu"](made["norm"](made["conv"](inputs)))
    x = made["out"](made["add"]([x, layers.BatchNormalization()(made["shortcut"](inputs))]))
    return Model(inputs, x), made


def one_by_one(model: Model) -> Model:
    """The model, whose layers are called one after the other from now on."""
    assert model._graph is not None
    model._graph._fused_steps = model._graph._steps
    return model


def kernels_of(function: Callable[[], Any]) -> list[str]:
    with Recording(strict=False) as recording:
        function()
    return list(recording.calls.kernels)


def test_same_as_layers() -> None:
    x = drawn(4, 32, 32, 3)
    model = settled(nerve.applications.ResNet20(classifier_activation=None), x)
    fused = model.predict_on_batch(x)
    assert not {"batch_norm_inference", "relu", "add"} & set(kernels_of(lambda: model(x, training=False)))
    expected = one_by_one(model)(x, training=False).numpy()
    assert {"batch_norm_inference", "relu", "add"} <= set(kernels_of(lambda: model(x, training=False)))
    assert np.abs(fused - expected).max() <= 1e-5 * np.abs(expected).max()


def test_replayed_as_called() -> None:
    x = drawn(4, 6, 6, 3)
    model = settled(small()[0], x)
    every = [model.predict_on_batch(x) for _ in range(6)]
    assert all(np.array_equal(one, every[0]) for one in every)
    assert np.array_equal(model(x, training=False).numpy(), every[0])


def test_weights_may_change() -> None:
    x = drawn(4, 6, 6, 3)
    model, made = small()
    settled(model, x)
    before = [model.predict_on_batch(x) for _ in range(5)][-1]
    made["norm"].moving_mean.assign(made["norm"].moving_mean.numpy() + 1)
    moved = model.predict_on_batch(x)
    made["conv"].kernel.array[...] *= 2
    doubled = model.predict_on_batch(x)
    model.fit(x, drawn(4, 6, 6, 5), verbose=0)
    trained = model.predict_on_batch(x)
    for one, other in ((before, moved), (moved, doubled), (doubled, trained)):
        assert np.abs(one - other).max() > 1e-3
    assert np.allclose(trained, one_by_one(model)(x, training=False).numpy(), rtol=1e-5, atol=1e-6)


def test_training_is_the_same_bit_for_bit() -> None:
    x, y = drawn(8, 6, 6, 3), drawn(8, 6, 6, 5, seed=1)
    weights = []
    for model in (small()[0], one_by_one(small()[0])):
        model.compile(nerve.optimizers.SGD(0.05), "mse")
        model.fit(x, y, batch_size=4, epochs=4, verbose=0, shuffle=False)
        weights.append(model.get_weights())
    assert all(np.array_equal(a, b) for a, b in zip(*weights, strict=True))


def test_gradients_through_inference() -> None:
    x = drawn(4, 6, 6, 3)
    model = settled(small()[0], x)
    found = []
    for each in (model, one_by_one(model)):
        given = Tensor(x)
        loss = nerve.ops.mean(nerve.ops.square(each(given, training=False)))
        found.append(nerve.gradients(loss, [given, *model.trainable_variables]))
    for a, b in zip(*found, strict=True):
        assert np.allclose(np.asarray(a), np.asarray(b), rtol=1e-4, atol=1e-6)


def test_saved_as_layers(tmp_path: Any) -> None:
    x = drawn(4, 6, 6, 3)
    model = settled(small()[0], x)
    model.save(tmp_path / "model.nerve")
    loaded = nerve.models.load_model(tmp_path / "model.nerve")
    assert [type(layer) for layer in loaded.layers] == [type(layer) for layer in model.layers]
    assert np.array_equal(loaded.predict_on_batch(x), model.predict_on_batch(x))


def test_outputs_of_layers_are_their_own() -> None:
    x = drawn(4, 6, 6, 3)
    model, made = small()
    settled(model, x)
    inner = Model(model.inputs, [made[name].output for name in ("conv", "norm", "relu", "add", "out")])
    conv, norm, relu, added, out = inner.predict_on_batch(x)
    assert np.array_equal(conv, made["conv"](x).numpy())
    assert np.array_equal(norm, made["norm"](conv).numpy())
    assert np.array_equal(relu, np.maximum(norm, 0))
    assert added.min() < 0
    assert np.array_equal(out, np.maximum(added, 0))


def test_symbolic_calls() -> None:
    """A model inside of another one, whose shapes are inferred."""
    model = small()[0]
    inputs = layers.Input((6, 6, 3))
    outer = Model(inputs, layers.Flatten()(model(inputs)))
    assert outer.output_shape == (None, 6 * 6 * 5)
    assert outer.predict_on_batch(drawn(2, 6, 6, 3)).shape == (2, 6 * 6 * 5)


class Doubled(layers.Conv2D):
    def call(self, inputs: Any) -> Any:
        return 2.0 * super().call(inputs)


def test_a_subclass_is_called_itself() -> None:
    inputs = layers.Input((6, 6, 3))
    layer, norm = Doubled(4, 3), layers.BatchNormalization()
    model = Model(inputs, norm(layer(inputs)))
    x = drawn(2, 6, 6, 3)
    assert np.array_equal(model(x).numpy(), norm(layer(x)).numpy())


def test_a_call_put_in_place_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    model, made = small()
    x = drawn(2, 6, 6, 3)
    seen = []
    original = made["norm"].call
    monkeypatch.setattr(made["norm"], "call", lambda x, training=None: seen.append(x.shape) or original(x, training))
    model(x)
    assert seen == [(2, 6, 6, 5)]


@pytest.mark.parametrize(
    ("name", "options", "folded"),
    [
        ("conv", {"use_bias": False, "strides": 1, "dilation_rate": 2}, True),
        ("norm", {"center": False, "scale": False, "epsilon": 0.1, "axis": 3}, True),
        ("norm", {"axis": 1}, False),
        ("norm", {"dtype": "float64"}, False),
        ("conv", {"activation": "relu"}, False),
        ("conv", {"activation": "elu"}, False),
        ("relu", {"max_value": 0.5}, True),
        ("relu", {"negative_slope": 0.1}, True),
        ("relu", {"dtype": "float64"}, True),
    ],
)
def test_options(name: str, options: dict[str, Any], folded: bool) -> None:
    x = drawn(4, 6, 6, 3)
    model = settled(small(**{name: options})[0], x)
    found = model.predict_on_batch(x)
    kernels = kernels_of(lambda: model(x, training=False))
    assert kernels.count("fold_batch_norm") == 1 + folded
    expected = one_by_one(model)(x, training=False)
    assert found.dtype == expected.dtype
    assert np.allclose(found, expected.numpy(), rtol=1e-5, atol=1e-6)


def test_attributes_count_when_called() -> None:
    x = drawn(4, 6, 6, 3)
    model, made = small()
    settled(model, x)
    before = [model.predict_on_batch(x) for _ in range(5)][-1]
    made["relu"].max_value = 0.25
    found = model.predict_on_batch(x)
    assert np.abs(found - before).max() > 1e-3
    assert np.allclose(found, one_by_one(model)(x, training=False).numpy(), rtol=1e-5, atol=1e-6)


def test_error_names_the_layer() -> None:
    model, made = small()
    with pytest.raises(nerve.ShapeError, match=r"expects input|conv2d"):
        model(drawn(2, 6, 6, 4))
    chain = model._graph._fused_steps[0].layer  # type: ignore[union-attr]
    with nerve.layers.context.inside(model), pytest.raises(nerve.ShapeError, match=made["conv"].name):
        chain(Tensor(drawn(2, 6, 6, 4)))
