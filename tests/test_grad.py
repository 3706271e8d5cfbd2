"""Every differentiable row of the op table: its gradient in one random direction against central differences."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nerve
from nerve import Tensor, ops

from .op_table import GRADIENT_TOLERANCE, OPS, Op

DIFFERENTIABLE = [op for op in OPS if op.gradient]
STEP = 1e-6
LARGEST = 20_000  # elements; larger samples are there for the blocking of the kernels


def is_floats(value: Any) -> bool:
    return isinstance(value, (np.ndarray, np.floating)) and value.dtype.kind == "f"


def map_floats(value: Any, function: Callable[[Any], Any]) -> Any:
    """``function`` applied to the float arrays among arguments, lists of them included, in order."""
    if isinstance(value, (list, tuple)):
        return type(value)(map_floats(item, function) for item in value)
    return function(value) if is_floats(value) else value


def evaluate(op: Op, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    output = getattr(ops, op.name)(*args, **kwargs)
    return output[0] if isinstance(output, tuple) else output  # further outputs are not differentiated


@pytest.mark.parametrize("backend", ["native", "reference"])
@pytest.mark.parametrize("op", DIFFERENTIABLE, ids=[f"{op.name}-{i}" for i, op in enumerate(DIFFERENTIABLE)])
def test_gradient(op: Op, backend: str) -> None:
    rng = np.random.default_rng(zlib.crc32(op.name.encode()))
    rtol, atol = (tolerance * op.tolerance for tolerance in GRADIENT_TOLERANCE)
    checked = 0
    for sample in op.samples(rng):
        points: list[np.ndarray] = []
        map_floats(sample.args, points.append)
        if sum(x.size for x in points) > LARGEST or not all(np.isfinite(x).all() for x in points):
            continue
        directions = [rng.normal(size=x.shape) for x in points]
        with nerve.backend(backend):
            tensors: list[Tensor] = []

            def track(x: np.ndarray) -> Tensor:
                tensors.append(Tensor(x))  # noqa: B023 - called at once
                return tensors[-1]  # noqa: B023

            output = evaluate(op, map_floats(sample.args, track), sample.kwargs)
            weights = rng.normal(size=output.shape)
            computed = nerve.gradients(ops.sum(output * weights), tensors)

            def loss(step: float) -> float:
                along = iter(directions)  # noqa: B023
                args = map_floats(sample.args, lambda x: x + step * next(along))  # noqa: B023
                return float(np.sum(evaluate(op, args, sample.kwargs).array * weights))  # noqa: B023

            slope = (loss(STEP) - loss(-STEP)) / (2 * STEP)
        parts = [gradient * direction for gradient, direction in zip(computed, directions, strict=True)]
        expected, scale = sum(float(part.sum()) for part in parts), sum(float(abs(part).sum()) for part in parts)
        assert abs(slope - expected) <= rtol * scale + atol, f"{op.name}{sample.kwargs}"
        for gradient, tensor in zip(computed, tensors, strict=True):
            assert gradient.shape == tensor.shape
            assert gradient.dtype == tensor.dtype
        checked += 1
    assert checked, "no sample of this row has a gradient to check"
