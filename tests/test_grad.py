"""Every differentiable row of the op table: its gradient in one random direction against central differences."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import pytest

import nerve
from nerve import Tensor, ops

from .op_table import GRADIENT_TOLERANCE, OPS, Op

DIFFERENTIABLE = [op for op in OPS if op.gradient]
STEP = 1e-6


def floats(args: tuple[Any, ...]) -> list[int]:
    """Positions of arguments that are arrays of floats, or lists of them."""
    positions = []
    for i, value in enumerate(args):
        items = value if isinstance(value, list) else [value]
        if items and all(isinstance(item, (np.ndarray, np.floating)) and item.dtype.kind == "f" for item in items):
            positions.append(i)
    return positions


def moved(args: tuple[Any, ...], directions: dict[int, Any], step: float) -> tuple[Any, ...]:
    def move(value: Any, direction: Any) -> Any:
        if isinstance(value, list):
            return [move(v, d) for v, d in zip(value, direction, strict=True)]
        return value + step * direction

    return tuple(move(value, directions[i]) if i in directions else value for i, value in enumerate(args))


def first(output: Any) -> Tensor:
    return output[0] if isinstance(output, tuple) else output


@pytest.mark.parametrize("backend", ["native", "reference"])
@pytest.mark.parametrize("op", DIFFERENTIABLE, ids=lambda op: op.name)
def test_gradient(op: Op, backend: str) -> None:
    rng = np.random.default_rng(zlib.crc32(op.name.encode()))
    function = getattr(ops, op.name)
    checked = 0
    for sample in op.samples(rng):
        positions = floats(sample.args)
        sizes = [np.size(item) for i in positions for item in (sample.args[i] if isinstance(sample.args[i], list) else [sample.args[i]])]
        if sum(sizes) > 20_000 or not all(np.isfinite(x).all() for i in positions for x in np.atleast_1d(sample.args[i]) if not isinstance(sample.args[i], list)):
            continue  # large samples are there for the kernels' blocking, NaN and infinities for their values
        with nerve.backend(backend):
            tensors: list[Tensor] = []

            def track(value: Any) -> Any:
                if isinstance(value, list):
                    return [track(item) for item in value]
                tensors.append(Tensor(np.asarray(value)))
                return tensors[-1]

            args = tuple(track(value) if i in positions else value for i, value in enumerate(sample.args))
            output = first(function(*args, **sample.kwargs))
            if output.dtype.kind != "f":
                continue
            weights = rng.normal(size=output.shape)
            computed = nerve.gradients(ops.sum(output * weights), tensors)
            directions = {
                i: [rng.normal(size=np.shape(x)) for x in sample.args[i]] if isinstance(sample.args[i], list) else rng.normal(size=np.shape(sample.args[i]))
                for i in positions
            }
            flat = [d for i in positions for d in (directions[i] if isinstance(directions[i], list) else [directions[i]])]
            slope = sum(float(np.sum(g * d)) for g, d in zip(computed, flat, strict=True))
            up, down = (
                float(np.sum(first(function(*moved(sample.args, directions, step), **sample.kwargs)).array * weights))
                for step in (STEP, -STEP)
            )
        rtol, atol = (tolerance * op.tolerance for tolerance in GRADIENT_TOLERANCE)
        scale = sum(float(np.sum(np.abs(g * d))) for g, d in zip(computed, flat, strict=True))
        assert abs((up - down) / (2 * STEP) - slope) <= rtol * scale + atol, f"{op.name}{sample.kwargs}"
        for gradient, tensor in zip(computed, tensors, strict=True):
            assert gradient.shape == tensor.shape
            assert gradient.dtype == tensor.dtype
        checked += 1
    assert checked, "no sample of this row has a gradient to check"
