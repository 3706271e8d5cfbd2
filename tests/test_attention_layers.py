"""Attention layers: fused and composed ways agree, masks, dropout, gradients, models, configuration, errors."""

from __future__ import annotations

import numpy as np
import pytest

import nerve
from nerve import Tensor, layers, ops
from nerve.errors import ShapeError

rng = np.random.default_rng(2)
QUERY = rng.normal(size=(3, 5, 6)).astype(np.float32)
VALUE = rng.normal(size=(3, 7, 4)).astype(np.float32)
SEEN = rng.uniform(size=(3, 5, 7)) < 0.5
SEEN[0, 2] = False  # a query that sees nothing

CALLS = [
    {},
    {"use_causal_mask": True},
    {"attention_mask": SEEN},
    {"attention_mask": SEEN[:1], "use_causal_mask": True},
    {"query_mask": SEEN[:, :, 0], "value_mask": SEEN[:, 0]},
    {"key_mask": SEEN[:, 1]},
    {"attention_mask": SEEN[0].astype(int)},
]


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def by_hand(layer, query, value, seen):
    """What the layer computes, head by head, for one sequence."""
    qk, qb, kk, kb, vk, vb, ok, ob = (np.asarray(w, np.float64) for w in layer.get_weights())
    out = np.tile(ob, (len(query), 1))
    for h in range(layer.num_heads):
        q, k, v = query @ qk[:, h] + qb[h], value @ kk[:, h] + kb[h], value @ vk[:, h] + vb[h]
        scores = np.where(seen, q @ k.T / np.sqrt(layer.key_dim), -np.inf)
        for i in np.flatnonzero(seen.any(axis=1)):
            out[i] += softmax(scores[i]) @ v @ ok[h]
    return out


def made(**options):
    layer = layers.MultiHeadAttention(2, 3, value_dim=4, bias_initializer="random_normal", **options)
    layer(QUERY, VALUE)
    return layer


def test_values():
    layer = made()
    everything = np.ones((5, 7), bool)
    given = {"attention_mask": SEEN, "use_causal_mask": True}
    for b in range(3):
        np.testing.assert_allclose(
            np.asarray(layer(QUERY, VALUE))[b], by_hand(layer, QUERY[b], VALUE[b], everything), rtol=1e-4, atol=1e-5
        )
        np.testing.assert_allclose(
            np.asarray(layer(QUERY, VALUE, **given))[b],
            by_hand(layer, QUERY[b], VALUE[b], SEEN[b] & np.tri(5, 7, dtype=bool)),
            rtol=1e-4,
            atol=1e-5,
        )


@pytest.mark.parametrize("given", CALLS, ids=lambda given: "-".join(given))
def test_fused_and_composed_agree(given):
    layer = made(dtype="float64")
    query, value = Tensor(QUERY.astype(float)), Tensor(VALUE.astype(float))
    variables = [query, value, *layer.trainable_variables]
    weights = rng.normal(size=QUERY.shape)
    fused = layer(query, value, **given)
    composed, scores = layer(query, value, return_attention_scores=True, **given)
    assert scores.shape == (3, 2, 5, 7)
    np.testing.assert_allclose(np.asarray(fused), np.asarray(composed), rtol=1e-12, atol=1e-12)
    sums = np.asarray(scores).sum(axis=-1)
    assert np.all(np.isclose(sums, 1) | (sums == 0))
    ours = nerve.gradients(ops.sum(fused * weights), variables)
    theirs = nerve.gradients(ops.sum(composed * weights), variables)
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("given", CALLS, ids=lambda given: "-".join(given))
def test_flash_attention(given, monkeypatch):
    """True never makes the scores of all pairs, False always does."""
    calls = []
    attention = ops.attention
    monkeypatch.setattr(ops, "attention", lambda *args, **options: calls.append(1) or attention(*args, **options))
    for cls, sizes in ((layers.MultiHeadAttention, (2, 3)), (layers.GroupQueryAttention, (3, 4, 2))):
        flash = cls(*sizes, flash_attention=True)
        results = [np.asarray(flash(QUERY, VALUE, **given))]
        for option in (None, False, 0):
            layer = cls.from_config({**flash.get_config(), "flash_attention": option})
            layer(QUERY, VALUE)
            layer.set_weights(flash.get_weights())
            calls.clear()
            results.append(np.asarray(layer(QUERY, VALUE, **given)))
            assert bool(calls) is (option is None)
            np.testing.assert_allclose(results[-1], results[0], rtol=1e-5, atol=1e-6)
        with pytest.raises(ValueError, match=r"flash_attention=True has no scores that return_attention_scores=True"):
            flash(QUERY, VALUE, return_attention_scores=True)
        with pytest.raises(ValueError, match=r"flash_attention=True has no scores that dropout=0.1 could drop"):
            cls(*sizes, flash_attention=True, dropout=0.1)
        with pytest.raises(ValueError, match="flash_attention must be None, True or False, got 'yes'"):
            cls(*sizes, flash_attention="yes")


def test_key_is_another_input():
    layer = layers.MultiHeadAttention(2, 3)
    key = rng.normal(size=(3, 7, 5)).astype(np.float32)
    assert layer(QUERY, VALUE, key).shape == QUERY.shape
    assert layer.key_kernel.shape == (5, 2, 3)
    assert layer.value_kernel.shape == (4, 2, 3)
    assert [w.name for w in layer.weights][:2] == ["query_kernel", "query_bias"]


def test_dropout_in_training_only():
    layer = made(dropout=0.5, seed=3)
    quiet = np.asarray(layer(QUERY, VALUE))
    np.testing.assert_array_equal(quiet, np.asarray(layer(QUERY, VALUE, training=False)))
    one, other = (np.asarray(layer(QUERY, VALUE, training=True)) for _ in range(2))
    assert not np.allclose(one, quiet)
    assert not np.allclose(one, other)
    many = np.mean([np.asarray(layer(QUERY, VALUE, training=True)) for _ in range(3000)], axis=0)
    np.testing.assert_allclose(many, quiet, atol=0.05)


def test_in_a_model(tmp_path):
    inputs = nerve.Input((None, 6))
    x = layers.MultiHeadAttention(2, 3, name="heads")(inputs, inputs, use_causal_mask=True)
    x = layers.Add()([x, inputs])
    outputs = layers.Dense(1)(layers.Attention()([x, x]))
    model = nerve.Model(inputs, outputs)
    assert model.output.shape == (None, None, 1)
    model.compile("adam", "mse")
    target = np.cumsum(QUERY[..., :1], axis=1)
    history = model.fit(QUERY, target, epochs=30, verbose=0).history["loss"]
    assert history[-1] < history[0]
    model.save(tmp_path / "model.nerve")
    again = nerve.models.load_model(tmp_path / "model.nerve")
    np.testing.assert_array_equal(model.predict(QUERY, verbose=0), again.predict(QUERY, verbose=0))


def test_configuration():
    layer = made(dropout=0.25, seed=1)
    again = layers.MultiHeadAttention.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    assert (again.num_heads, again.key_dim, again.value_dim, again.dropout) == (2, 3, 4, 0.25)


def test_attention_of_one_head():
    value, key = rng.normal(size=(3, 7, 2)), rng.normal(size=(3, 7, 6))
    layer = layers.Attention(use_scale=True, dtype="float64")
    layer([QUERY, value, key])
    layer.scale.assign(np.asarray(0.4))
    there = SEEN[:, 1] | (np.arange(7) == 3)
    result, scores = layer([QUERY, value, key], mask=[SEEN[:, :, 0], there], return_attention_scores=True)
    expected = softmax(np.where(there[:, None], 0.4 * QUERY.astype(float) @ key.swapaxes(1, 2), -np.inf))
    np.testing.assert_allclose(np.asarray(scores), expected, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(np.asarray(result), expected @ value * SEEN[:, :, :1], rtol=1e-10, atol=1e-12)
    fused = layer([QUERY, value, key], mask=[SEEN[:, :, 0], there])
    np.testing.assert_allclose(np.asarray(fused), np.asarray(result), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("axes", [1, 2, (1, 2)], ids=str)
def test_axes_are_sequences_by_themselves(axes):
    """Along one axis every row or column is a sequence, along both an image is one; masks of positions follow."""
    x = rng.normal(size=(2, 3, 4, 6)).astype(np.float32)
    there = rng.uniform(size=(2, 3, 4)) < 0.7
    layer = layers.MultiHeadAttention(2, 3, attention_axes=axes)
    y = np.asarray(layer(x, x, query_mask=there, value_mask=there))
    flat = layers.MultiHeadAttention(2, 3)
    flat.build((None, None, 6), (None, None, 6))
    flat.set_weights(layer.get_weights())
    turned = (lambda a: a.swapaxes(1, 2)) if axes == 1 else (lambda a: a)
    rows, seen = turned(x), turned(there)
    lead = (2, 12) if axes == (1, 2) else (-1, rows.shape[2])
    masks = {name: seen.reshape(lead) for name in ("query_mask", "value_mask")}
    expected = np.asarray(flat(rows.reshape(*lead, 6), rows.reshape(*lead, 6), **masks)).reshape(rows.shape)
    np.testing.assert_allclose(turned(y), expected, rtol=1e-5, atol=1e-6)


def test_axes_in_a_model(tmp_path):
    """Trained in recorded steps, with the same bits as without, and saved."""
    x = rng.normal(size=(8, 3, 4, 6)).astype(np.float32)
    results = []
    for eagerly in (False, True):
        nerve.utils.set_random_seed(1)
        inputs = nerve.Input((3, 4, 6))
        options = {"use_gate": True, "sliding_window": 3, "dropout": 0.2, "seed": 2, "output_shape": (2, 3)}
        y = layers.MultiHeadAttention(2, 3, attention_axes=2, **options)(inputs, inputs, use_causal_mask=True)
        model = nerve.Model(inputs, y)
        assert model.output_shape == (None, 3, 4, 2, 3)
        model.compile("adam", "mse", run_eagerly=eagerly)
        model.fit(x, np.ones((8, 3, 4, 2, 3), np.float32), epochs=3, batch_size=4, verbose=0)
        results.append(model.predict(x, verbose=0))
    np.testing.assert_array_equal(*results)
    model.save(tmp_path / "model.nerve")
    np.testing.assert_array_equal(nerve.models.load_model(tmp_path / "model.nerve").predict(x, verbose=0), results[1])


def test_errors():
    with pytest.raises(ValueError, match="num_heads must be a positive int, got 0"):
        layers.MultiHeadAttention(0, 3)
    with pytest.raises(ValueError, match=r"dropout must be in \[0, 1\), got 1"):
        layers.MultiHeadAttention(2, 3, dropout=1)
    with pytest.raises(ShapeError, match=r"query, value and key \(batch, length, features\), got shape \(5, 6\)"):
        layers.MultiHeadAttention(2, 3)(QUERY[0], QUERY[0])
    layer = made()
    with pytest.raises(ShapeError, match=r"inputs \(batch, length, 6\), got shape \(3, 7, 4\)"):
        layer(VALUE, VALUE)
    with pytest.raises(ShapeError, match="broadcasts to"):
        layer(QUERY, VALUE, attention_mask=SEEN[:, :4])
    images = rng.normal(size=(2, 3, 4, 6)).astype(np.float32)
    with pytest.raises(ShapeError, match=r"attention_axes 3 must lie between batch and features of \(2, 3, 4, 6\)"):
        layers.MultiHeadAttention(2, 3, attention_axes=3)(images, images)
    with pytest.raises(ShapeError, match=r"attention_axes \(1, -3\) must lie"):
        layers.MultiHeadAttention(2, 3, attention_axes=(1, -3))(images, images)
    with pytest.raises(ShapeError, match=r"that query and key agree along axes \[1\], got \(2, 3, 4, 6\), \(2, 2"):
        layers.MultiHeadAttention(2, 3, attention_axes=2)(images, images[:, :2])
    with pytest.raises(ShapeError, match="has no order along several attention_axes"):
        layers.MultiHeadAttention(2, 3)(images, images, use_causal_mask=True)
    with pytest.raises(ShapeError, match=r"attention_mask that broadcasts to \(2, 3\) \+ \(4, 4\), got shape \(4, 3"):
        layers.MultiHeadAttention(2, 3, attention_axes=2)(images, images, attention_mask=np.ones((4, 3), bool))
    with pytest.raises(ShapeError, match=r"query_mask of shape \(2, 3, 4\), got \(2, 3\)"):
        layers.MultiHeadAttention(2, 3, attention_axes=2)(images, images, query_mask=np.ones((2, 3), bool))
    for options, message in (
        ({"attention_axes": ()}, r"attention_axes must be an int or a tuple of them, got \(\)"),
        ({"attention_axes": 1.5}, "attention_axes must be an int .* got 1.5"),
        ({"output_shape": (3, 0)}, r"output_shape must be a positive int .* got \(3, 0\)"),
        ({"sliding_window": 0}, "sliding_window must be a positive int or None, got 0"),
    ):
        with pytest.raises(ValueError, match=message):
            layers.MultiHeadAttention(2, 3, **options)
    with pytest.raises(ShapeError, match="a list of query, value and perhaps key"):
        layers.Attention()(QUERY)
