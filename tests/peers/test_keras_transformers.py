"""Attention layers beside Keras 3's, and positions, transformer blocks and samplers beside KerasHub's.

From the same weights on the same sequences: outputs, scores and gradients. What is KerasHub's is skipped where that is
not installed.
"""

from __future__ import annotations

import numpy as np
import pytest
from test_keras import array, keras, same  # skips this file too where Keras is not installed

import nerve
from nerve import layers, ops

torch = pytest.importorskip("torch")
pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]

rng = np.random.default_rng(0)
QUERY = rng.normal(size=(3, 5, 8)).astype(np.float32)
VALUE = rng.normal(size=(3, 7, 8)).astype(np.float32)
KEY = rng.normal(size=(3, 7, 8)).astype(np.float32)
SEEN = rng.uniform(size=(3, 5, 7)) < 0.6
SEEN[..., 0] = True  # every query sees something
PADDING = np.arange(5) < np.array([[5], [3], [4]])


@pytest.fixture
def hub():
    return pytest.importorskip("keras_hub")


def flat(y):
    return [one for item in y for one in flat(item)] if isinstance(y, tuple | list) else [y]


def tensors(value):
    if isinstance(value, list):
        return [tensors(one) for one in value]
    return torch.tensor(value) if isinstance(value, np.ndarray) else value


def compare(theirs, ours, *args, tolerance=1e-4, valid=None, **given):
    """The outputs where `valid`, and the gradients of the inputs and weights."""
    a = [nerve.Tensor(x) for x in flat(list(args))]
    b = [torch.tensor(x, requires_grad=True) for x in flat(list(args))]
    nested = isinstance(args[0], list)
    pack = lambda leaves: [leaves] if nested else leaves  # noqa: E731
    expected = flat(theirs(*pack(b), **{key: tensors(value) for key, value in given.items()}))
    ours(*pack(a), **given)
    ours.set_weights([array(w).reshape(v.shape) for w, v in zip(theirs.get_weights(), ours.weights, strict=True)])
    y = flat(ours(*pack(a), **given))
    keep = slice(None) if valid is None else valid
    same([one[keep] for one in expected], [one[keep] for one in map(array, y)], tolerance=tolerance)
    weights = np.ones(y[0].shape, np.float32) if valid is None else valid[..., None].astype(np.float32)
    sum((torch.sin(one) * torch.tensor(weights)).sum() for one in expected[:1]).backward()
    variables = [v for v in ours.weights if v.trainable]
    found = nerve.gradients(ops.sum(ops.sin(y[0]) * weights), variables + a)
    wanted = [v.value.grad for v in theirs.trainable_weights] + [x.grad for x in b]
    for one, other in zip(wanted, found, strict=True):
        one = np.zeros(other.shape) if one is None else array(one).reshape(np.shape(other))
        np.testing.assert_allclose(np.asarray(other), one, rtol=tolerance, atol=tolerance)
    again = type(ours).from_config(ours.get_config())
    again(*pack(a), **given)
    again.set_weights(ours.get_weights())
    same(list(map(array, y)), list(map(array, flat(again(*pack(a), **given)))), tolerance=1e-6)


@pytest.mark.parametrize("name", ["Attention", "AdditiveAttention", "concat"])
@pytest.mark.parametrize("use_scale", [False, True])
@pytest.mark.parametrize(
    "given",
    [{}, {"return_attention_scores": True}, {"use_causal_mask": True}, {"mask": [PADDING, SEEN[:, 0]]}],
    ids=lambda given: "-".join(given),
)
def test_attention(name, use_scale, given):
    options = {"score_mode": "concat"} if name == "concat" else {}
    name = "Attention" if options else name
    theirs, ours = (getattr(library.layers, name)(use_scale=use_scale, **options) for library in (keras, nerve))
    compare(theirs, ours, [QUERY, VALUE, KEY], **given)
    assert ours.compute_output_shape([QUERY.shape, VALUE.shape]) == theirs.compute_output_shape(
        [QUERY.shape, VALUE.shape]
    )


@pytest.mark.parametrize("options", [{}, {"use_bias": False}, {"sliding_window": 2}, {"use_gate": True}], ids=str)
@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("given", [{}, {"attention_mask": SEEN}, {"use_causal_mask": True}], ids=lambda g: "-".join(g))
def test_grouped_attention(options, groups, given):
    theirs, ours = (library.layers.GroupQueryAttention(6, 4, groups, **options) for library in (keras, nerve))
    if "sliding_window" in options and given.get("attention_mask") is not None:
        given = {"attention_mask": np.ones_like(SEEN)}  # so that every query still sees something
    compare(theirs, ours, QUERY, VALUE, KEY, **given)
    scores = ours(QUERY, VALUE, KEY, return_attention_scores=True, **given)[1]
    assert scores.shape == (3, 4, 5, 7)


POSITIONS = [
    ("SinePositionEncoding", {}),
    ("SinePositionEncoding", {"max_wavelength": 50}),
    ("PositionEmbedding", {"sequence_length": 12}),
    ("RotaryEmbedding", {}),
    ("RotaryEmbedding", {"scaling_factor": 2.0, "max_wavelength": 100}),
    ("RotaryEmbedding", {"scaling_factor": 2.0, "rope_type": "dynamic"}),
    ("RotaryEmbedding", {"scaling_factor": 4.0, "rope_type": "yarn", "original_max_position_embeddings": 64}),
    ("RotaryEmbedding", {"denominator_dim": 32}),
]


@pytest.mark.parametrize(("name", "options"), POSITIONS, ids=str)
@pytest.mark.parametrize("given", [{}, {"start_index": 4}, {"positions": np.array([[3, 1, 4, 1, 5]] * 3)}], ids=str)
def test_positions(hub, name, options, given):
    theirs, ours = getattr(hub.layers, name)(**options), getattr(layers, name)(**options)
    if name == "SinePositionEncoding":
        if "positions" in given:
            given = {"positions": given["positions"].astype(np.float32)}  # KerasHub multiplies them as they are
        same(theirs(torch.tensor(QUERY), **{k: tensors(v) for k, v in given.items()}), ours(QUERY, **given))
        return
    compare(theirs, ours, QUERY, **given)


def test_rotary_axes(hub):
    x = rng.normal(size=(2, 3, 6, 4)).astype(np.float32)
    for options in ({}, {"sequence_axis": 2}, {"sequence_axis": 3, "feature_axis": 2}):
        compare(hub.layers.RotaryEmbedding(**options), layers.RotaryEmbedding(**options), x)


BLOCKS = [{}, {"normalize_first": True, "activation": "gelu"}, {"layer_norm_epsilon": 0.1}]


@pytest.mark.parametrize("options", BLOCKS, ids=str)
@pytest.mark.parametrize("given", [{}, {"padding_mask": PADDING}, {"attention_mask": SEEN[:, :, :5]}], ids=str)
def test_encoder(hub, options, given):
    theirs, ours = (library.TransformerEncoder(16, 2, **options) for library in (hub.layers, layers))
    compare(theirs, ours, QUERY, valid=PADDING if "padding_mask" in given else None, **given)


@pytest.mark.parametrize("options", BLOCKS, ids=str)
@pytest.mark.parametrize("given", [{}, {"decoder_padding_mask": PADDING}, {"use_causal_mask": False}], ids=str)
@pytest.mark.parametrize("cross", [False, True])
def test_decoder(hub, options, given, cross):
    theirs, ours = (library.TransformerDecoder(16, 2, **options) for library in (hub.layers, layers))
    if cross and "decoder_padding_mask" in given:
        given = {"encoder_padding_mask": SEEN[:, 0]}
    valid = PADDING if "decoder_padding_mask" in given else None
    compare(theirs, ours, *([QUERY, VALUE] if cross else [QUERY]), valid=valid, **given)


@pytest.mark.parametrize("cross", [False, True])
def test_decoder_with_caches(hub, cross):
    theirs, ours = (library.TransformerDecoder(16, 2) for library in (hub.layers, layers))
    sequences = [QUERY, VALUE] if cross else [QUERY]
    theirs(*map(torch.tensor, sequences))
    whole = ours(*sequences)
    ours.set_weights([array(w).reshape(v.shape) for w, v in zip(theirs.get_weights(), ours.weights, strict=True)])
    whole = ours(*sequences).numpy()
    caches = {"self_attention_cache": np.zeros((3, 2, 5, 2, 4), np.float32)}
    if cross:
        caches["cross_attention_cache"] = np.zeros((3, 2, 7, 2, 4), np.float32)
    own = {name: cache.copy() for name, cache in caches.items()}
    for i in range(5):
        indices = {"self_attention_cache_update_index": i}
        if cross:
            indices["cross_attention_cache_update_index"] = 0 if i == 0 else None
        step = [QUERY[:, i : i + 1], *sequences[1:]]
        y, *kept = ours(*step, **own, **indices)
        expected, *theirs_kept = theirs(
            *map(torch.tensor, step), **{k: tensors(v) for k, v in caches.items()}, **indices
        )
        same(expected, y)
        np.testing.assert_allclose(y.numpy(), whole[:, i : i + 1], rtol=1e-4, atol=1e-5)
        for (name, cache), new in zip(own.items(), theirs_kept, strict=True):
            caches[name] = array(new)
            np.testing.assert_allclose(cache, caches[name], rtol=1e-4, atol=1e-5)
        assert all(np.shares_memory(k.array, o) for k, o in zip(kept, own.values(), strict=True))


def test_greedy_sampler(hub):
    table = rng.normal(size=(10, 10))

    def next_of(convert):
        return lambda prompt, cache, index: (convert(table[array(prompt)[:, int(index) - 1]]), None, cache)

    prompt = np.array([[3, 1, 0, 0, 0, 0], [2, 2, 2, 0, 0, 0]], np.int32)
    given = {"index": 1, "mask": prompt != 0, "stop_token_ids": [7]}
    expected = hub.samplers.GreedySampler()(next_of(torch.tensor), torch.tensor(prompt), **given)
    np.testing.assert_array_equal(nerve.samplers.GreedySampler()(next_of(np.asarray), prompt, **given), array(expected))


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("RandomSampler", {}),
        ("TopKSampler", {"k": 3}),
        ("TopPSampler", {"p": 0.6}),
        ("TopPSampler", {"p": 0.8, "k": 3}),
    ],
)
def test_chances_of_samplers(hub, name, options):
    probabilities = np.tile(np.array([0.05, 0.4, 0.1, 0.3, 0.15], np.float32), (20000, 1))
    ours = getattr(nerve.samplers, name)(**options, seed=1).get_next_token(probabilities)
    theirs = array(getattr(hub.samplers, name)(**options, seed=1).get_next_token(torch.tensor(probabilities)))
    counts = [np.bincount(drawn, minlength=5) / 20000 for drawn in (ours, theirs)]
    np.testing.assert_allclose(*counts, atol=0.015)
