"""Connectionist temporal classification, state by state, in NumPy."""

from __future__ import annotations

import numpy as np

from nerve._typing import Array

__all__ = ["ctc_loss"]


def ctc_loss(
    loss: Array,
    grad: Array,
    occupancy: Array,
    work: Array,
    log_probabilities: Array,
    labels: Array,
    label_lengths: Array,
    lengths: Array,
    batch: int,
    time: int,
    classes: int,
    length: int,
    blank: int,
) -> None:
    grad[...], occupancy[...], work[...] = 0, 0, 0
    for b in range(batch):
        states = np.full(2 * label_lengths[b] + 1, blank)
        states[1::2] = labels[b, : label_lengths[b]]
        steps = int(lengths[b])
        if steps == 0:
            loss[b] = 0 if len(states) == 1 else np.inf
            continue
        emitted = log_probabilities[b, :steps].astype(np.float64)[:, states]
        skips = np.append([False, False], (states[2:] != blank) & (states[2:] != states[:-2]))[: len(states)]
        alpha = _forward(emitted, skips)
        beta = _backward(emitted, skips)
        total = np.logaddexp.reduce(alpha[-1, -2:])
        loss[b] = -total
        if not np.isneginf(total):
            ways = np.exp(alpha + beta - total)
            occupancy[b, :steps, : len(states)] = ways
            for s, label in enumerate(states):
                grad[b, :steps, label] -= ways[:, s]


def _moved(row: Array, places: int) -> Array:
    """A row with its elements so many places further, or back, and nothing where they came from."""
    moved = np.full(row.shape, -np.inf)
    if places > 0:
        moved[places:] = row[:-places]
    else:
        moved[:places] = row[-places:]
    return moved


def _forward(emitted: Array, skips: Array) -> Array:
    """The logarithm of the probability of all ways to be in each state at each step."""
    alpha = np.full(emitted.shape, -np.inf)
    alpha[0, :2] = emitted[0, :2]
    for t in range(1, len(alpha)):
        before = alpha[t - 1]
        over = np.where(skips, _moved(before, 2), -np.inf)
        alpha[t] = np.logaddexp(np.logaddexp(before, _moved(before, 1)), over) + emitted[t]
    return alpha


def _backward(emitted: Array, skips: Array) -> Array:
    """The logarithm of the probability of all ways from each state at each step to the end."""
    beta = np.full(emitted.shape, -np.inf)
    beta[-1, -2:] = 0
    for t in range(len(beta) - 2, -1, -1):
        after = beta[t + 1] + emitted[t + 1]
        over = _moved(np.where(skips, after, -np.inf), -2)
        beta[t] = np.logaddexp(np.logaddexp(after, _moved(after, -1)), over)
    return beta
