"""Connectionist temporal classification beside PyTorch's and Keras's: loss, gradient, decoding, a fit."""

from __future__ import annotations

import numpy as np
import pytest
from test_keras import array, both, keras, same  # skips this file too where Keras is not installed

import nerve
from nerve import ops

torch = pytest.importorskip("torch")
pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]

rng = np.random.default_rng(0)


def drawn(batch, time, classes, length, scale=2.0):
    logits = (scale * rng.normal(size=(batch, time, classes))).astype(np.float32)
    target = rng.integers(1, classes, (batch, length))
    lengths = rng.integers(length // 2, length + 1, batch)
    steps = rng.integers(min(2 * length + 1, time), time + 1, batch)
    return target, logits, lengths, steps


@pytest.mark.parametrize("sizes", [(3, 12, 5, 4), (4, 60, 20, 17), (2, 300, 8, 60), (1, 9, 3, 0)])
def test_loss_and_gradient(sizes):
    target, logits, lengths, steps = drawn(*sizes)
    x, weights = torch.tensor(logits, requires_grad=True), rng.uniform(size=len(target)).astype(np.float32)
    log = torch.log_softmax(x.double().transpose(0, 1), -1)
    tensors = [torch.tensor(v) for v in (target, steps, lengths)]
    expected = torch.nn.functional.ctc_loss(log, *tensors, reduction="none")
    (expected * torch.tensor(weights)).sum().backward()
    a = nerve.Tensor(logits)
    loss = ops.ctc_loss(target, a, lengths, steps)
    np.testing.assert_allclose(loss.numpy(), expected.detach().numpy(), rtol=1e-5, atol=1e-5)
    (gradient,) = nerve.gradients(ops.sum(loss * weights), [a])
    np.testing.assert_allclose(gradient, x.grad.numpy(), rtol=1e-3, atol=3e-5)
    theirs = keras.ops.ctc_loss(*(torch.tensor(v) for v in (target, logits, lengths, steps)))
    np.testing.assert_allclose(loss.numpy(), array(theirs), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", None])
def test_loss_class(reduction):
    target, logits, lengths, _ = drawn(4, 20, 6, 5)
    target[np.arange(5) >= lengths[:, None]] = 0
    for y_true in (target, target.astype(np.int32), target.astype(np.float32)):
        expected = keras.losses.CTC(reduction=reduction)(torch.tensor(y_true.astype(np.int64)), torch.tensor(logits))
        same(expected, nerve.losses.CTC(reduction=reduction)(y_true, logits))
    same(keras.losses.ctc(torch.tensor(target), torch.tensor(logits)), nerve.losses.ctc(target, logits))


def test_training():
    """A recurrent network from the same weights, labels padded with 0."""
    x = rng.normal(size=(8, 12, 3)).astype(np.float32)
    y = np.array([[1, 2, 0], [3, 0, 0], [2, 2, 1], [1, 0, 0]] * 2)

    def program(library, start):
        layers = library.layers
        recurrent = layers.Bidirectional(layers.LSTM(5, return_sequences=True))
        model = library.Sequential([library.Input((12, 3)), recurrent, layers.Dense(4)])
        start(model)
        model.compile(library.optimizers.SGD(0.05), loss="ctc")
        history = model.fit(x, y, batch_size=4, epochs=4, shuffle=False, verbose=0)
        return history.history["loss"], model.get_weights()

    both(program)


@pytest.mark.parametrize("merge_repeated", [True, False])
@pytest.mark.parametrize("mask_index", [0, 3])
def test_greedy_decoding(merge_repeated, mask_index):
    _, logits, _, steps = drawn(5, 14, 4, 3)
    options = {"merge_repeated": merge_repeated, "mask_index": mask_index}
    expected = keras.ops.ctc_decode(torch.tensor(logits), torch.tensor(steps), **options)
    same([array(e) for e in expected], list(ops.ctc_decode(logits, steps, **options)))


@pytest.mark.parametrize(("beam_width", "top_paths"), [(100, 3), (8, 2), (3, 1)])
@pytest.mark.parametrize("mask_index", [0, 2])
def test_beam_search(beam_width, top_paths, mask_index):
    _, logits, _, steps = drawn(4, 9, 4, 3, scale=1.0)
    options = {"strategy": "beam_search", "beam_width": beam_width, "top_paths": top_paths, "mask_index": mask_index}
    expected = keras.ops.ctc_decode(torch.tensor(logits), torch.tensor(steps), **options)
    paths, scores = ops.ctc_decode(logits, steps, **options)
    np.testing.assert_array_equal(paths, array(expected[0]))
    np.testing.assert_allclose(scores, array(expected[1]), rtol=1e-4, atol=1e-4)
