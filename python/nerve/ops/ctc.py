"""Connectionist temporal classification: the loss, differentiable, and what a network's outputs say."""

from __future__ import annotations

from typing import Any

import numpy as np

from nerve import kernels
from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels._arrays import host
from nerve.kernels._numbers import integer
from nerve.ops._differentiable import Result, as_plain_array, differentiable

__all__ = ["ctc_decode", "ctc_loss"]


@differentiable
def ctc_loss(target: Array, output: Array, target_length: Array, output_length: Array, mask_index: int = 0) -> Result:
    """The loss of every sequence, (batch,); as :func:`nerve.kernels.ctc_loss`."""
    loss, grad_logits = kernels.ctc_loss(target, output, target_length, output_length, mask_index=mask_index)
    return loss, (None, lambda grad: kernels.multiply(grad_logits, grad[:, None, None]), None, None)


def ctc_decode(
    inputs: Any,
    sequence_lengths: Any,
    strategy: str = "greedy",
    beam_width: int = 100,
    top_paths: int = 1,
    merge_repeated: bool = True,
    mask_index: int = 0,
) -> tuple[Array, Array]:
    """The labels that logits speak for; computed by NumPy, so not inside of a recording.

    Parameters
    ----------
    inputs : tensor or array_like (batch, time, classes)
        Logits, not normalised.
    sequence_lengths : array_like (batch,) of int
    strategy : {"greedy", "beam_search"}
        The class of the highest logit at each step, or the likeliest sequences of labels over all ways to spread them.
    beam_width : int
        How many beginnings a beam search keeps at each step.
    top_paths : int
        How many sequences a beam search gives.
    merge_repeated : bool
        Whether equal labels at steps in a row are one; in a beam search they always are.
    mask_index : int
        The class of steps without a label.

    Returns
    -------
    paths : ndarray (1 or top_paths, batch, time) of int32
        Labels, then -1.
    scores : ndarray
        Greedy: (batch, 1), minus the sum of the logits chosen. Beam search: (batch, top_paths), logarithms of
        probabilities.

    Raises
    ------
    ShapeError
        If the shapes do not fit.
    ValueError
        If the strategy is another one.

    References
    ----------
    Graves, "Supervised sequence labelling with recurrent neural networks", 2012, section 7.5.
    """
    op = "ctc_decode"
    logits, lengths = host(as_plain_array(inputs)), host(as_plain_array(sequence_lengths))
    if logits.ndim != 3 or 0 in logits.shape[1:]:
        raise ShapeError(f"[{op}] expects inputs (batch, time, classes), got shape {logits.shape}")
    if lengths.shape != logits.shape[:1]:
        raise ShapeError(f"[{op}] expects sequence_lengths of shape {logits.shape[:1]}, got {lengths.shape}")
    blank = integer(op, "mask_index", mask_index, 0)
    if strategy == "greedy":
        return _greedy(logits, lengths, merge_repeated, blank)
    if strategy != "beam_search":
        raise ValueError(f"[{op}] strategy must be 'greedy' or 'beam_search', got {strategy!r}")
    width, best = integer(op, "beam_width", beam_width, 1), integer(op, "top_paths", top_paths, 1)
    log_probabilities = np.asarray(kernels.log_softmax(logits.astype(np.float64)))
    paths = np.full((best, *logits.shape[:2]), -1, np.int32)
    scores = np.full((len(logits), best), -np.inf, logits.dtype)
    for b, length in enumerate(lengths):
        for i, (labels, score) in enumerate(_beams(log_probabilities[b, :length], width, blank)[:best]):
            paths[i, b, : len(labels)] = labels
            scores[b, i] = score
    return paths, scores


def _greedy(logits: Array, lengths: Array, merge_repeated: bool, blank: int) -> tuple[Array, Array]:
    counts = np.arange(logits.shape[1]) < lengths[:, None]
    chosen = np.where(counts, logits.argmax(axis=-1), blank)
    kept = chosen != blank
    if merge_repeated:
        kept[:, 1:] &= chosen[:, 1:] != chosen[:, :-1]
    order = np.argsort(~kept, axis=-1, kind="stable")
    paths = np.take_along_axis(np.where(kept, chosen, -1), order, axis=-1).astype(np.int32)
    return paths[None], -np.where(counts, logits.max(axis=-1), 0).sum(axis=-1, keepdims=True)


def _beams(log_probabilities: Array, width: int, blank: int) -> list[tuple[list[int], float]]:
    """The likeliest sequences of labels and the logarithms of their probabilities, best first.

    A beginning is a node of a tree. Of each, `ended` and `open_` are the probabilities of all ways that end in a blank
    and in its last label.
    """
    parents, lasts, children = [-1], [-1], {}
    nodes, ended, open_ = np.zeros(1, np.int64), np.zeros(1), np.full(1, -np.inf)
    classes = log_probabilities.shape[1] if log_probabilities.size else 0
    for step in log_probabilities:
        total = np.logaddexp(ended, open_)
        last = np.array([lasts[node] for node in nodes])
        longer = total[:, None] + step
        longer[:, blank] = -np.inf
        with_last = np.flatnonzero(last >= 0)
        longer[with_last, last[with_last]] = ended[with_last] + step[last[with_last]]  # a repeated label needs a blank
        stay = np.where(last >= 0, open_ + step[last], -np.inf)
        place = {int(node): i for i, node in enumerate(nodes)}
        for i, node in enumerate(nodes):  # a beginning that is also another one with one label more
            shorter = place.get(parents[node])
            if shorter is not None:
                stay[i] = np.logaddexp(stay[i], longer[shorter, last[i]])
                longer[shorter, last[i]] = -np.inf
        pause = total + step[blank]
        every = np.concatenate([np.logaddexp(pause, stay), longer.ravel()])
        best = np.argsort(-every, kind="stable")[:width]
        best = best[every[best] > -np.inf]
        kept: list[tuple[int, float, float]] = []
        for k in best:
            if k < len(nodes):
                kept.append((int(nodes[k]), pause[k], stay[k]))
                continue
            i, label = divmod(int(k) - len(nodes), classes)
            key = (int(nodes[i]), label)
            if key not in children:
                children[key] = len(parents)
                parents.append(key[0])
                lasts.append(label)
            kept.append((children[key], -np.inf, longer[i, label]))
        nodes = np.array([node for node, _, _ in kept])
        ended, open_ = (np.array([one[part] for one in kept]) for part in (1, 2))
    total = np.logaddexp(ended, open_)

    def labels(node: int) -> list[int]:
        found = []
        while node:
            found.append(lasts[node])
            node = parents[node]
        return found[::-1]

    return [(labels(int(nodes[i])), float(total[i])) for i in np.argsort(-total, kind="stable")]
