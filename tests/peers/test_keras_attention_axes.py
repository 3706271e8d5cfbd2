"""Attention of images and volumes along some of their axes: values, scores, masks and gradients beside Keras's."""

from __future__ import annotations

import os
import warnings

import numpy as np
import pytest

import nerve
from nerve import layers, ops

os.environ.setdefault("KERAS_BACKEND", "torch")
with warnings.catch_warnings():  # what Keras and PyTorch say of each other at import is not ours
    warnings.simplefilter("ignore")
    keras = pytest.importorskip("keras")
pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]

rng = np.random.default_rng(4)


def drawn(*shape):
    return rng.normal(size=shape).astype(np.float32)


QUERY, VALUE, KEY = drawn(2, 3, 4, 6), drawn(2, 3, 5, 4), drawn(2, 3, 5, 7)  # axis 2 has other sizes
ROWS = drawn(2, 5, 4, 3)  # axis 1 has
CASES = [
    # attention_axes, query, value, key, shapes of attention masks
    (2, QUERY, VALUE, KEY, [(2, 4, 5), (2, 3, 4, 5), (1, 4, 5), (4, 5), (2, 3, 2, 4, 5)]),
    ((2,), QUERY, QUERY, None, [(2, 3, 4, 4)]),
    (-2, QUERY, VALUE, None, [(2, 4, 5)]),
    (1, drawn(2, 3, 4, 6), ROWS, None, [(2, 3, 5), (2, 4, 3, 5)]),
    ((1, 2), QUERY, ROWS, None, [(2, 3, 4, 5, 4)]),
    ((2, 1), QUERY, ROWS, None, [(2, 4, 3, 4, 5)]),
    (None, QUERY, ROWS, None, [(2, 3, 4, 5, 4)]),
    ((1, 3), drawn(2, 3, 2, 4, 5), drawn(2, 6, 2, 3, 5), None, [(2, 3, 4, 6, 3), (2, 2, 3, 4, 6, 3)]),
    (2, drawn(2, 3, 4, 2, 5), drawn(2, 3, 6, 2, 5), None, [(2, 4, 6), (2, 3, 2, 4, 6)]),
    (1, drawn(2, 3, 5), drawn(2, 4, 5), None, [(2, 3, 4), (2, 2, 3, 4)]),
]


def pair(axes, query, value, key, **options):
    shapes = [x.shape for x in (query, value, key) if x is not None]
    both = [of.MultiHeadAttention(2, 3, value_dim=4, attention_axes=axes, **options) for of in (layers, keras.layers)]
    for layer in both:
        layer.build(*shapes)
    theirs = [rng.normal(size=tuple(w.shape)).astype(np.float32) for w in both[1].weights]
    assert [w.shape for w in both[0].weights] == [w.shape for w in theirs]
    for layer in both:
        layer.set_weights(theirs)
    return both


def close(ours, theirs):
    theirs = theirs.detach().numpy()
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(np.asarray(ours), theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}-{case[1].ndim}")
@pytest.mark.parametrize("options", [{}, {"use_gate": True, "output_shape": (2, 3)}], ids=str)
def test_values_scores_and_masks(case, options):
    axes, query, value, key, masks = case
    ours, theirs = pair(axes, query, value, key, **options)
    close(ours(query, value, key), theirs(query, value, key))
    shapes = [x.shape for x in (query, value, key) if x is not None]
    assert tuple(ours.compute_output_shape(*shapes)) == tuple(theirs.compute_output_shape(*shapes))
    for one, other in zip(
        ours(query, value, key, return_attention_scores=True),
        theirs(query, value, key, return_attention_scores=True),
        strict=True,
    ):
        close(one, other)
    for shape in masks:
        seen = rng.uniform(size=shape) < 0.6
        width = 1 if axes is not None and np.ndim(axes) == 0 else query.ndim - 2 if axes is None else len(axes)
        last = seen.reshape(*shape[: seen.ndim - width], -1)
        last[..., 0] = True  # every query sees a key, where Keras agrees
        close(ours(query, value, key, attention_mask=seen), theirs(query, value, key, attention_mask=seen))


def test_causal_and_sliding_along_the_first_axis():
    x = drawn(2, 5, 3, 6)
    ours, theirs = pair(1, x, x, None, sliding_window=2)
    close(ours(x, x), theirs(x, x))
    close(ours(x, x, use_causal_mask=True), theirs(x, x, use_causal_mask=True))


@pytest.mark.parametrize("axes", [1, 2, (1, 2)], ids=str)
def test_gradients(axes):
    torch = pytest.importorskip("torch")
    query, value = drawn(2, 3, 4, 6), drawn(2, 3, 4, 5)
    ours, theirs = pair(axes, query, value, None)
    weights = drawn(2, 3, 4, 6)
    x, y = nerve.Tensor(query), nerve.Tensor(value)
    found = nerve.gradients(ops.sum(ours(x, y) * weights), [x, y, *ours.trainable_variables])
    x, y = (torch.tensor(one, requires_grad=True) for one in (query, value))
    (theirs(x, y) * torch.tensor(weights)).sum().backward()
    expected = [x.grad, y.grad, *(w.value.grad for w in theirs.trainable_weights)]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(np.asarray(one), other.numpy(), rtol=1e-3, atol=1e-3)
