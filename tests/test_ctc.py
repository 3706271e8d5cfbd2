"""Connectionist temporal classification against all alignments written out, decoding, and learning while recorded."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest

import nerve
from nerve import Input, Sequential, layers, ops
from nerve.errors import ShapeError

rng = np.random.default_rng(6)


def collapsed(path, blank):
    """Equal labels in a row are one, blanks are none."""
    return tuple(label for label, _ in itertools.groupby(path) if label != blank)


def by_hand(logits, blank):
    """The probability of every sequence of labels, from all paths."""
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
    p = weights / weights.sum(axis=-1, keepdims=True)
    found: dict[tuple[int, ...], float] = {}
    for path in itertools.product(range(p.shape[1]), repeat=len(p)):
        labels = collapsed(path, blank)
        found[labels] = found.get(labels, 0.0) + float(np.prod(p[np.arange(len(p)), path]))
    return found


@pytest.mark.parametrize("blank", [0, 2])
def test_every_alignment_is_counted(blank):
    logits = rng.normal(size=(5, 3))
    expected = by_hand(logits, blank)
    for labels, probability in expected.items():
        target = np.zeros((1, 5), np.int64)
        target[0, : len(labels)] = labels
        loss = ops.ctc_loss(target, logits[None], [len(labels)], [5], mask_index=blank)
        np.testing.assert_allclose(loss.numpy(), -np.log(probability), rtol=1e-10)
    paths, scores = ops.ctc_decode(
        logits[None], [5], "beam_search", beam_width=len(expected), top_paths=5, mask_index=blank
    )
    likeliest = sorted(expected, key=lambda labels: -expected[labels])[:5]
    for path, score, labels in zip(paths[:, 0], scores[0], likeliest, strict=True):
        assert tuple(path[path >= 0]) == labels
        np.testing.assert_allclose(score, np.log(expected[labels]), rtol=1e-6)


def test_long_sequences_stay_exact():
    """Where float32 could hold no sum of logarithms this large: shifting every step keeps what matters small."""
    logits = (3 * rng.normal(size=(1, 2000, 20))).astype(np.float32)
    target = rng.integers(1, 20, (1, 300))
    loss, grad = nerve.kernels.ctc_loss(target, logits, [300], [2000])
    exact_loss, exact_grad = nerve.kernels.ctc_loss(target, logits.astype(np.float64), [300], [2000])
    assert exact_loss > 4000
    np.testing.assert_allclose(loss, exact_loss, rtol=1e-6)
    np.testing.assert_allclose(grad, exact_grad, atol=1e-3)


def test_a_network_learns_where_nobody_says_when():
    """Pulses of one of three kinds at unknown steps: the labels alone, recorded, and read back by the decoder."""
    x, y = np.zeros((64, 16, 3), np.float32), np.zeros((64, 3), np.int64)
    for i in range(64):
        places = np.sort(rng.choice(16, 3, replace=False))
        y[i] = rng.integers(1, 4, 3)
        x[i, places, y[i] - 1] = 1
    model = Sequential([Input((16, 3)), layers.Bidirectional(layers.GRU(16, return_sequences=True)), layers.Dense(4)])
    model.compile(nerve.optimizers.Adam(0.03), "ctc")
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*not recorded.*")
        losses = model.fit(x, y, epochs=60, batch_size=32, verbose=0).history["loss"]
    assert losses[-1] < 0.1 * losses[0]
    paths, _ = ops.ctc_decode(model.predict(x), np.full(64, 16))
    assert (paths[0, :, :3] == y).all(axis=1).mean() > 0.9


def test_errors():
    logits = np.zeros((2, 4, 3))
    with pytest.raises(ShapeError, match=r"expects inputs \(batch, time, classes\), got shape \(4, 3\)"):
        ops.ctc_decode(logits[0], [4])
    with pytest.raises(ShapeError, match=r"sequence_lengths of shape \(2,\), got \(1,\)"):
        ops.ctc_decode(logits, [4])
    with pytest.raises(ValueError, match="strategy must be 'greedy' or 'beam_search', got 'best'"):
        ops.ctc_decode(logits, [4, 4], "best")
    with pytest.raises(ShapeError, match=r"\[ctc\] expects y_true \(batch, length\), got shape \(2,\)"):
        nerve.losses.ctc([1, 2], logits)
    with pytest.raises(ShapeError, match=r"\[ctc\] expects y_pred \(batch, time, classes\), got shape \(4, 3\)"):
        nerve.losses.ctc([[1, 2]], logits[0])
