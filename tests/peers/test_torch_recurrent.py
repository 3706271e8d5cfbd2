"""LSTM, GRU and the simple recurrent layer, and all their gradients, beside PyTorch's."""

from __future__ import annotations

import numpy as np
import pytest

import nerve
from nerve import ops

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.peers

# PyTorch's GRU has the gates in the order r, z, n.
ORDER = {"lstm": (0, 1, 2, 3), "gru": (1, 0, 2), "simple_rnn": (0,)}
MODULES = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "simple_rnn": torch.nn.RNN}


def turned(kind: str, array: np.ndarray) -> np.ndarray:
    parts = np.split(np.asarray(array), len(ORDER[kind]), axis=-1)
    return np.concatenate([parts[i] for i in ORDER[kind]], axis=-1)


@pytest.mark.parametrize(
    ("batch", "time", "features", "units"), [(3, 5, 4, 7), (1, 9, 1, 16), (33, 6, 20, 64), (160, 3, 8, 33)]
)
@pytest.mark.parametrize("kind", ["lstm", "gru", "simple_rnn"])
def test_values_and_gradients(kind: str, batch: int, time: int, features: int, units: int) -> None:
    rng = np.random.default_rng(0)
    columns = len(ORDER[kind]) * units

    def draw(*shape: int) -> np.ndarray:
        return rng.uniform(-1, 1, shape).astype(np.float32) / np.float32(np.sqrt(units))

    x, kernel, recurrent = draw(batch, time, features), draw(features, columns), draw(units, columns)
    biases = draw(2, columns)
    states = [draw(batch, units) for _ in range(2 if kind == "lstm" else 1)]

    module = MODULES[kind](features, units, batch_first=True)
    weights = [turned(kind, kernel).T, turned(kind, recurrent).T, *turned(kind, biases)]
    with torch.no_grad():
        for parameter, value in zip(module.parameters(), weights, strict=True):
            parameter.copy_(torch.from_numpy(np.ascontiguousarray(value)))
    theirs = [torch.from_numpy(value).requires_grad_() for value in (x, *states)]
    initial = tuple(state[None] for state in theirs[1:])
    expected, final = module(theirs[0], initial if kind == "lstm" else initial[0])
    finals = final if kind == "lstm" else (final,)
    factors = [draw(*result.shape) for result in (expected, *finals)]
    loss = sum((result * torch.from_numpy(f)).sum() for result, f in zip((expected, *finals), factors, strict=True))
    of_x, *of_states = torch.autograd.grad(loss, theirs, retain_graph=True)
    of_kernel, of_recurrent, *of_biases = torch.autograd.grad(loss, list(module.parameters()))

    bias = biases if kind == "gru" else biases.sum(axis=0)
    ours = [nerve.Tensor(value) for value in (x, kernel, recurrent, bias, *states)]
    results = getattr(ops, kind)(*ours)
    sums = [ops.sum(r * f.reshape(r.shape)) for r, f in zip(results, factors, strict=True)]
    computed = nerve.gradients(sum(sums[1:], sums[0]), ours)

    of_bias = torch.stack(of_biases) if kind == "gru" else of_biases[0]
    gradients = [of_x, turned(kind, of_kernel.T), turned(kind, of_recurrent.T), turned(kind, of_bias), *of_states]
    wanted = [expected, *(state[0] for state in finals), *gradients]
    for one, other in zip([*(r.array for r in results), *computed], wanted, strict=True):
        other = np.asarray(other.detach() if hasattr(other, "detach") else other)
        np.testing.assert_allclose(one, other, rtol=2e-4, atol=2e-5 * max(1, np.abs(other).max()))
