"""Gradients against central differences, and recordings against calls, for tests of ops."""

from __future__ import annotations

import numpy as np
import pytest

import nerve
from nerve import ops

rng = np.random.default_rng(8)


def check_gradients(function, inputs, rel=1e-5, abs=1e-7):
    """One random direction of each input, for a weighted sum of the outputs."""
    tensors = [nerve.Tensor(x) for x in inputs]
    y = function(*tensors)
    weights = rng.normal(size=y.shape)
    gradients = nerve.gradients(ops.sum(y * weights), tensors)
    for i, (x, gradient) in enumerate(zip(inputs, gradients, strict=True)):
        direction = rng.normal(size=x.shape)
        ends = []
        for step in (1e-6, -1e-6):
            moved = [*inputs[:i], x + step * direction, *inputs[i + 1 :]]
            ends.append((function(*moved).numpy() * weights).sum())
        assert (gradient * direction).sum() == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=rel, abs=abs)


def check_recorded(function, arrays):
    """A recording with gradients gives the bits of a call without one."""

    def step(*given):
        tensors = [nerve.Tensor(x) for x in given]
        y = function(*tensors)
        return y, *nerve.gradients(ops.sum(ops.square(y)), tensors)

    recorded = nerve.compile(step)
    for _ in range(4):
        found = recorded(*arrays)
    assert recorded.recorder.recordings
    for one, other in zip(found, step(*arrays), strict=True):
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))
