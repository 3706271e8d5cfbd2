"""Layers whose weights are adapted at low rank."""

from __future__ import annotations

import numpy as np
import pytest

import nerve
from nerve import Input, Sequential, callbacks, layers, models, ops, optimizers

RNG = np.random.default_rng(8)
X = RNG.normal(size=(12, 5)).astype(np.float32)
IDS = RNG.integers(0, 7, (6, 4))
IMAGES = RNG.normal(size=(3, 6, 6, 4)).astype(np.float32)

CASES = {
    "dense": (lambda **o: layers.Dense(3, "relu", **o), X, "kernel"),
    "dense without bias": (lambda **o: layers.Dense(3, "softmax", use_bias=False, **o), IMAGES, "kernel"),
    "einsum": (lambda **o: layers.EinsumDense("abc,cde->abde", (None, 2, 3), bias_axes="de", **o), X[None], "kernel"),
    "embedding": (lambda **o: layers.Embedding(7, 3, **o), IDS, "embeddings"),
    "convolution": (
        lambda **o: layers.Conv2D(6, 3, padding="same", groups=2, activation="tanh", **o),
        IMAGES,
        "kernel",
    ),
}


def same(got, expected):
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


def drawn(*shape):
    return RNG.normal(size=shape).astype(np.float32)


def adapted(name, rank=2, **options):
    """A layer with a change that is not zero, and its parts."""
    make, inputs, weight = CASES[name]
    layer = make()
    layer(inputs)
    whole = layer.weights[0]
    layer.enable_lora(rank, **options)
    a, b = layer.weights[-2:]
    b.assign(drawn(*b.shape))
    return layer, inputs, weight, whole, a, b


@pytest.mark.parametrize("name", CASES)
def test_the_same_as_the_sum_as_a_weight(name):
    layer, inputs, weight, whole, a, b = adapted(name, lora_alpha=3)
    make = CASES[name][0]
    plain = make()
    plain(inputs)
    total = whole.numpy() + 1.5 * a.numpy().astype(np.float64) @ b.numpy()
    plain.set_weights([total, *(w.numpy() for w in layer.weights[1:-2])])
    np.testing.assert_allclose(getattr(layer, weight).numpy(), total, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(layer(inputs).numpy(), plain(inputs).numpy(), rtol=1e-5, atol=2e-6)
    # Gradients are those of the whole weight, through the product.
    target = drawn(*layer(inputs).shape)
    loss = lambda one: ops.sum(one(inputs) * target)  # noqa: E731
    grads = nerve.gradients(loss(layer), [a, b])
    (of_whole, *_) = nerve.gradients(loss(plain), plain.trainable_weights[:1])
    of_whole = of_whole.dense() if hasattr(of_whole, "dense") else of_whole
    grads = [g.dense() if hasattr(g, "dense") else g for g in grads]
    np.testing.assert_allclose(grads[0], 1.5 * np.asarray(of_whole) @ b.numpy().T, rtol=1e-4, atol=1e-5)
    rank, last = b.shape
    product = a.numpy().reshape(-1, rank).T @ np.asarray(of_whole).reshape(-1, last)
    np.testing.assert_allclose(grads[1], 1.5 * product, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", CASES)
def test_nothing_changes_until_it_learns(name):
    make, inputs, _ = CASES[name]
    layer = make()
    before = layer(inputs).numpy()
    layer.enable_lora(2)
    np.testing.assert_array_equal(layer(inputs).numpy(), before)
    assert np.any(layer.weights[-2].numpy())


@pytest.mark.parametrize("eager", [False, True])
def test_training_moves_the_small_matrices_and_what_else_is_trainable(eager):
    nerve.random.seed(1)
    model = Sequential([Input((5,)), layers.Dense(8, "tanh"), layers.Dense(1)])
    model.layers[0].enable_lora(2)
    model.compile(optimizers.Adam(0.02), "mse", run_eagerly=eager)
    kernel, bias, a, b = (w.numpy().copy() for w in model.layers[0].weights)
    losses = model.fit(X, X[:, :1] * 2, epochs=40, batch_size=4, verbose=0).history["loss"]
    assert losses[-1] < 0.3 * losses[0]
    after = [w.numpy() for w in model.layers[0].weights]
    assert [np.array_equal(x, y) for x, y in zip(after, (kernel, bias, a, b), strict=True)] == [True] + [False] * 3
    # What was recorded before is not used after.
    before = model.predict(X, verbose=0)
    model.layers[1].enable_lora(1, b_initializer="ones")
    assert not np.allclose(model.predict(X, verbose=0), before)


class TestFiles:
    def trained(self, **options):
        nerve.random.seed(5)
        model = Sequential(
            [Input((4,)), layers.Embedding(7, 3, **options), layers.Flatten(), layers.Dense(1, **options)]
        )
        model.compile("adam", "mse")
        model.fit(IDS, X[:6, :1], epochs=3, verbose=0)
        return model

    def test_models_hold_the_sum(self, tmp_path):
        model = self.trained(lora_rank=2, lora_alpha=4)
        model.save(tmp_path / "m.nerve")
        loaded = models.load_model(tmp_path / "m.nerve")
        same(loaded.predict(IDS, verbose=0), model.predict(IDS, verbose=0))
        dense = loaded.layers[-1]
        assert (dense.lora_enabled, dense.lora_rank, dense.lora_alpha) == (True, 2, 4)
        np.testing.assert_array_equal(dense._kernel.numpy(), model.layers[-1].kernel.numpy())
        assert not np.any(dense.lora_kernel_b.numpy())
        losses = loaded.fit(IDS, X[:6, :1], epochs=30, verbose=0).history["loss"]
        assert losses[-1] < losses[0]
        assert np.any(dense.lora_kernel_b.numpy())

    def test_weights_go_to_models_with_and_without(self, tmp_path):
        model, plain, other = self.trained(lora_rank=2), self.trained(), self.trained(lora_rank=3)
        expected = model.predict(IDS, verbose=0)
        model.save_weights(tmp_path / "w.safetensors")
        for each in (plain, other):
            assert not np.allclose(each.predict(IDS, verbose=0), expected, rtol=1e-3)
            each.load_weights(tmp_path / "w.safetensors")
            same(each.predict(IDS, verbose=0), expected)
        plain.save_weights(tmp_path / "p.safetensors")
        model.load_weights(tmp_path / "p.safetensors")
        same(model.predict(IDS, verbose=0), expected)

    def test_a_layer_adapted_by_a_call_is_made_again(self, tmp_path):
        model = self.trained()
        model.layers[-1].enable_lora(1, lora_alpha=0.5)
        config = model.layers[-1].get_config()
        assert (config["lora_rank"], config["lora_alpha"]) == (1, 0.5)
        copy = models.clone_model(model)
        assert [w.shape for w in copy.weights] == [w.shape for w in model.weights]
        model.compile("adam", "mse")
        model.fit(IDS, X[:6, :1], verbose=0)
        model.save(tmp_path / "m.nerve")
        loaded = models.load_model(tmp_path / "m.nerve")
        same(loaded.predict(IDS, verbose=0), model.predict(IDS, verbose=0))

    def test_killed_runs_go_on_with_the_same_bits(self, tmp_path):
        def run(*callback, epochs=4):
            nerve.random.seed(5)
            model = Sequential([Input((5,)), layers.Dense(4, "tanh", lora_rank=1), layers.Dense(1, lora_rank=1)])
            model.compile("adam", "mse")
            model.fit(X, X[:, :1], epochs=epochs, callbacks=list(callback), verbose=0)
            return model

        backup = lambda: callbacks.BackupAndRestore(tmp_path, delete_checkpoint=False)  # noqa: E731
        run(backup(), epochs=2)
        for got, expected in zip(run(backup()).get_weights(), run().get_weights(), strict=True):
            np.testing.assert_array_equal(got, expected)


class TestRefuses:
    def test_layers_that_are_not_built(self):
        with pytest.raises(
            ValueError, match=r"\[d \(Dense\)\] has no kernel to adapt yet: call it on data, or build it"
        ):
            layers.Dense(1, name="d").enable_lora(2)
        with pytest.raises(AttributeError, match="'Dense' object has no attribute 'kernel': it is not built yet"):
            layers.Dense(1).kernel  # noqa: B018

    def test_a_second_time(self):
        layer, *_ = adapted("dense")
        with pytest.raises(ValueError, match=r"is adapted already, with rank 2"):
            layer.enable_lora(2)

    def test_constraints(self):
        with pytest.raises(ValueError, match="cannot be adapted: its embeddings_constraint would not be kept"):
            layers.Embedding(4, 2, embeddings_constraint="non_neg", lora_rank=1)(IDS % 4)

    @pytest.mark.parametrize("rank", [0, 1.5, True])
    def test_ranks(self, rank):
        with pytest.raises(ValueError, match=r"lora_rank must be a positive int, got "):
            layers.Dense(2, lora_rank=rank)


def test_penalties_are_of_the_small_matrices():
    layer = layers.Dense(3, kernel_regularizer="l2", lora_rank=2)
    layer(X)
    expected = 0.01 * sum(np.sum(w.numpy().astype(np.float64) ** 2) for w in layer.weights[-2:])
    assert len(layer.losses) == 2
    assert sum(map(float, layer.losses)) == pytest.approx(expected, rel=1e-5)


def test_spectral_normalization_has_the_weight_itself():
    wrapped = layers.SpectralNormalization(layers.Dense(3, lora_rank=2))
    x = np.random.default_rng(0).normal(size=(4, 5)).astype(np.float32)
    wrapped(x, training=True)
    assert all(isinstance(weight, nerve.Variable) for weight in wrapped.weights)
    assert len({id(weight) for weight in wrapped.weights}) == len(wrapped.weights)
    wrapped.set_weights(wrapped.get_weights())
    wrapped.kernel.assign(7 * wrapped.kernel.numpy())
    for _ in range(30):
        wrapped(x, training=True)
    np.testing.assert_allclose(np.linalg.norm(wrapped.kernel.numpy(), 2), 1, 1e-3)
