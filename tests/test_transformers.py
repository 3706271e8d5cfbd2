"""Transformers: learning while recorded, saving, generation with caches, samplers, and what is refused."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import nerve
from nerve import Input, Model, layers, samplers
from nerve.errors import ShapeError

rng = np.random.default_rng(8)
X = rng.normal(size=(2, 6, 8)).astype(np.float32)
LENGTH, WORDS = 8, 7


class LanguageModel(Model):
    """Tokens to scores of the next token, as a whole or step by step with caches."""

    def __init__(self):
        super().__init__()
        self.tokens = layers.Embedding(WORDS, 16)
        self.positions = layers.PositionEmbedding(LENGTH)
        self.blocks = [layers.TransformerDecoder(32, 2, normalize_first=True) for _ in range(2)]
        self.scores = layers.Dense(WORDS)

    def call(self, inputs):
        x = self.tokens(inputs)
        x = x + self.positions(x)
        for block in self.blocks:
            x = block(x)
        return self.scores(x)

    def step(self, prompt, caches, index):
        """Scores for position `index` from the token before it and what the caches hold."""
        x = self.tokens(prompt[:, index - 1 : index])
        x = x + self.positions(x, start_index=index - 1)
        for block, cache in zip(self.blocks, caches, strict=True):
            x, _ = block(x, self_attention_cache=cache, self_attention_cache_update_index=index - 1)
        return self.scores(x)[:, 0], None, caches


def counting(n):
    """Sequences that count up, from anywhere, modulo the number of words."""
    return (rng.integers(0, WORDS, size=(n, 1)) + np.arange(LENGTH + 1)) % WORDS


def test_a_language_model_learns_to_count_and_generates():
    data = counting(256)
    model = LanguageModel()
    loss = nerve.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(nerve.optimizers.Adam(0.01), loss, metrics=["accuracy"])
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*not recorded.*")
        history = model.fit(data[:, :-1], data[:, 1:], epochs=15, batch_size=64, verbose=0)
    assert history.history["accuracy"][-1] > 0.95
    prompt = np.zeros((2, LENGTH), np.int64)
    prompt[:, 0] = [3, 5]
    expected = (prompt[:, :1] + np.arange(LENGTH)) % WORDS

    def whole(tokens, cache, index):
        return model(tokens[:, :index])[:, -1], None, cache

    np.testing.assert_array_equal(samplers.GreedySampler()(whole, prompt, index=1), expected)
    caches = [np.zeros((2, 2, LENGTH, 2, 8), np.float32) for _ in model.blocks]
    np.testing.assert_array_equal(samplers.GreedySampler()(model.step, prompt, caches, index=1), expected)
    likely = samplers.TopKSampler(k=2, temperature=0.2, seed=0)(whole, prompt, index=1)
    np.testing.assert_array_equal(likely, expected)


@pytest.mark.parametrize(
    "make",
    [
        lambda x: layers.TransformerEncoder(16, 2, dropout=0.1)(x, padding_mask=None),
        lambda x: layers.TransformerDecoder(16, 2)(x, layers.Dense(8)(x)),
        lambda x: layers.TransformerDecoder(16, 2, activation="gelu")(x),
        lambda x: layers.GroupQueryAttention(4, 4, 2, sliding_window=2, use_gate=True)(x, x, use_causal_mask=True),
        lambda x: layers.AdditiveAttention(dropout=0.1)([x, x]),
        lambda x: layers.Attention(True, "concat")([x, x]),
        lambda x: layers.RotaryEmbedding()(x) + layers.SinePositionEncoding()(x) + layers.PositionEmbedding(6)(x),
    ],
)
def test_recorded_fit_and_saving(make, tmp_path):
    found = []
    for run_eagerly in (True, False):
        nerve.random.seed(0)
        inputs = Input((6, 8))
        model = Model(inputs, layers.Dense(1)(make(inputs)))
        model.compile(nerve.optimizers.SGD(0.01), "mse", run_eagerly=run_eagerly)
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message=".*not recorded.*")
            history = model.fit(X, X[..., :1], batch_size=2, epochs=6, verbose=0, shuffle=False)
        found.append([*history.history["loss"], *model.get_weights()])
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)
    model.save(tmp_path / "model.nerve")
    again = nerve.models.load_model(tmp_path / "model.nerve")
    np.testing.assert_array_equal(again.predict(X), model.predict(X))


def test_padding_is_not_seen_and_masks_go_on():
    """Through an embedding's mask: what stands in the padding changes nothing before it."""
    tokens = np.array([[3, 1, 2, 0, 0]])
    embedding, encoder = layers.Embedding(5, 8, mask_zero=True), layers.TransformerEncoder(16, 2)
    y = encoder(embedding(tokens))
    np.testing.assert_array_equal(y._mask.array, tokens != 0)
    np.testing.assert_allclose(y.numpy()[:, :3], encoder(embedding(tokens[:, :3])).numpy(), rtol=1e-5, atol=1e-6)


def test_rotary_dot_products_see_distances():
    layer = layers.RotaryEmbedding()
    q, k = rng.normal(size=(2, 1, 1, 8))
    q, k = (np.repeat(x, 9, axis=1).astype(np.float32) for x in (q, k))
    scores = layer(q).numpy()[0] @ layer(k).numpy()[0].T
    for distance in range(-8, 9):
        np.testing.assert_allclose(np.ptp(np.diagonal(scores, distance)), 0, atol=1e-4)


def test_samplers_stop_and_leave_tokens_alone():
    next_token = lambda prompt, cache, index: (np.eye(5)[(prompt[:, index - 1] + 1) % 5] * 9, None, cache)  # noqa: E731
    prompt = np.array([[1, 0, 0, 0, 0], [3, 0, 2, 0, 0]])
    mask = prompt != 0
    np.testing.assert_array_equal(
        samplers.get("greedy")(next_token, prompt, index=1, mask=mask), [[1, 2, 3, 4, 0], [3, 4, 2, 3, 4]]
    )
    stopped = samplers.GreedySampler()(next_token, prompt, index=1, mask=mask, stop_token_ids=[3, 4])
    np.testing.assert_array_equal(stopped, [[1, 2, 3, 0, 0], [3, 4, 2, 0, 0]])
    for cls in (samplers.RandomSampler, samplers.TopKSampler, samplers.TopPSampler):
        drawn = [cls(seed=4)(next_token, prompt, index=1) for _ in range(2)]
        np.testing.assert_array_equal(*drawn)
        again = cls.from_config(cls(seed=4, temperature=2.0).get_config())
        assert again.temperature == 2.0
    hot = samplers.RandomSampler(temperature=1e6).compute_probabilities(np.array([[0.0, 5.0]]))
    np.testing.assert_allclose(hot, 0.5, atol=1e-5)


def test_errors():
    with pytest.raises(ValueError, match=r"num_query_heads \(4\) must be a multiple of 3"):
        layers.GroupQueryAttention(4, 4, 3)
    with pytest.raises(ValueError, match="sliding_window must be a positive int or None"):
        layers.GroupQueryAttention(4, 4, 2, sliding_window=0)
    with pytest.raises(ValueError, match="score_mode must be 'dot' or 'concat', got 'sum'"):
        layers.Attention(score_mode="sum")
    with pytest.raises(ShapeError, match="has 4 positions, got 0 to 6"):
        layers.PositionEmbedding(4)(X)
    with pytest.raises(ShapeError, match="an even number of features"):
        layers.RotaryEmbedding()(X[..., :7])
    with pytest.raises(ShapeError, match="a sequence axis and a feature axis behind the batch"):
        layers.RotaryEmbedding(sequence_axis=2)(X)
    with pytest.raises(ValueError, match="rope_type must be"):
        layers.RotaryEmbedding(rope_type="quadratic")
    with pytest.raises(ShapeError, match="at least 9 features, one for each head"):
        layers.TransformerEncoder(4, 9)(X)
    with pytest.raises(ShapeError, match=r"a padding mask \(batch, length\), got shape \(2, 6, 8\)"):
        layers.TransformerEncoder(4, 2)(X, padding_mask=X > 0)
    decoder = layers.TransformerDecoder(4, 2)
    decoder(X)
    with pytest.raises(ShapeError, match="built without an encoder's sequence and is called otherwise"):
        decoder(X, X)
    cache = np.zeros((2, 2, 3, 2, 4), np.float32)
    with pytest.raises(ShapeError, match="positions 0 to 6 in a cache of 3"):
        decoder(X, self_attention_cache=cache, self_attention_cache_update_index=0)
    with pytest.raises(ShapeError, match=r"a cache \(batch, 2, max_length, 2, 4\), got shape \(2, 2, 3, 2, 3\)"):
        decoder(X, self_attention_cache=cache[..., :3], self_attention_cache_update_index=0)
    with pytest.raises(ValueError, match="cache_update_index needs a cache"):
        layers.CachedMultiHeadAttention(2, 4)(X, X, cache_update_index=0)
    with pytest.raises(ValueError, match="temperature must be positive"):
        samplers.GreedySampler(temperature=0)
    with pytest.raises(ValueError, match=r"knows \['greedy', 'random', 'top_k', 'top_p'\], got 'beam'"):
        samplers.get("beam")
    with pytest.raises(ShapeError, match="a prompt of ints"):
        samplers.GreedySampler()(None, X)
