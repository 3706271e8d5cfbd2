"""What the op table cannot say of recurrent layers: gradients through the states, and what sequences add up to."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import nerve
from nerve import Tensor, kernels, ops

rng = np.random.default_rng(3)
BATCH, TIME, FEATURES, UNITS = 3, 4, 2, 5


def weights(kind: str) -> list[np.ndarray]:
    gates = {"lstm": 4, "gru": 3, "simple_rnn": 1}[kind]
    bias = (2, gates * UNITS) if kind == "gru" else (gates * UNITS,)
    return [rng.normal(size=size) for size in ((FEATURES, gates * UNITS), (UNITS, gates * UNITS), bias)]


def inputs(kind: str) -> list[np.ndarray]:
    states = [rng.normal(size=(BATCH, UNITS)) for _ in range(2 if kind == "lstm" else 1)]
    return [rng.normal(size=(BATCH, TIME, FEATURES)), *weights(kind), *states]


@pytest.mark.parametrize("kind", ["lstm", "gru", "simple_rnn"])
def test_gradients_of_every_output_alone_and_together(kind: str) -> None:
    values = inputs(kind)
    op = getattr(ops, kind)
    outputs = 3 if kind == "lstm" else 2
    factors = [rng.normal(size=result.shape) for result in op(*values)]
    directions = [rng.normal(size=value.shape) for value in values]
    for used in itertools.chain.from_iterable(itertools.combinations(range(outputs), n) for n in (1, 2, 3)):

        def loss(arrays: list, used: tuple[int, ...] = used) -> Tensor:
            results = op(*arrays)
            parts = [ops.sum(results[i] * factors[i]) for i in used]
            return sum(parts[1:], parts[0])

        tensors = [Tensor(value) for value in values]
        value = loss(tensors)
        computed = nerve.gradients(value, tensors)
        again = nerve.gradients(value, tensors)
        step = 1e-6
        ends = [float(loss([v + sign * step * d for v, d in zip(values, directions, strict=True)])) for sign in (1, -1)]
        slope = (ends[0] - ends[1]) / (2 * step)
        assert sum(float((g * d).sum()) for g, d in zip(computed, directions, strict=True)) == pytest.approx(
            slope, 1e-6
        )
        for one, other in zip(computed, again, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("kind", ["lstm", "gru", "simple_rnn"])
def test_a_sequence_in_two_parts(kind: str) -> None:
    x, *rest = inputs(kind)
    op = getattr(ops, kind)
    y, *states = op(x, *rest)
    first, *between = op(x[:, :1], *rest)
    second, *after = op(x[:, 1:], *rest[:3], *between)
    np.testing.assert_allclose(np.concatenate([first.array, second.array], axis=1), y.array, rtol=1e-12)
    for one, other in zip(after, states, strict=True):
        np.testing.assert_allclose(one.array, other.array, rtol=1e-12)


@pytest.mark.parametrize("kind", ["lstm", "gru", "simple_rnn"])
def test_backwards_is_the_reversed_sequence(kind: str) -> None:
    x, *rest = inputs(kind)
    for one, other in zip(
        getattr(kernels, kind)(x, *rest, go_backwards=True), getattr(kernels, kind)(x[:, ::-1], *rest), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_only_what_is_wanted_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    x, kernel, recurrent_kernel, *_ = inputs("lstm")
    seen = []
    original = kernels.lstm_backward
    monkeypatch.setattr(kernels, "lstm_backward", lambda *a, **k: seen.append(k) or original(*a, **k))
    y, *_ = ops.lstm(x, kernel, recurrent_kernel=Tensor(recurrent_kernel))
    assert y.tracked
    nerve.gradients(ops.sum(y), [y])
    assert seen == []
    tensor = Tensor(x)
    y, *_ = ops.lstm(tensor, kernel, recurrent_kernel)
    nerve.gradients(ops.sum(y), [tensor])
    assert [(k["of_x"], k["of_weights"]) for k in seen] == [(True, False)]
    with nerve.no_gradients():
        y, state, cell = ops.lstm(tensor, kernel, recurrent_kernel)
    assert not any(result.tracked for result in (y, state, cell))


def test_arguments_by_name() -> None:
    x, kernel, recurrent_kernel, _, state = inputs("gru")
    tensor = Tensor(state)
    y, _ = ops.gru(x, kernel, recurrent_kernel, initial_state=tensor)
    np.testing.assert_array_equal(y.array, ops.gru(x, kernel, recurrent_kernel, None, state)[0].array)
    assert np.abs(nerve.gradients(ops.sum(y), [tensor])[0]).min() > 0
    with pytest.raises(TypeError):
        ops.gru(x, kernel)
