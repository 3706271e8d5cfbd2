"""Optimizer steps over four million parameters in a hundred arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.row import Peer, Row, tensors, torch
from nerve import kernels

ARRAYS, SIZE = 100, 40_960
RATE = 1e-3
EPSILON = 1e-7  # beside sqrt(v), as in Keras; PyTorch's is beside sqrt(v / (1 - beta_2**step)), at the first step:
TORCH_EPSILON = EPSILON / (1 - 0.999) ** 0.5


def draw(slots: int) -> Callable[[np.random.Generator], tuple[list[np.ndarray], ...]]:
    """Parameters, gradients and empty slots."""

    def make(rng: np.random.Generator) -> tuple[list[np.ndarray], ...]:
        drawn = [[rng.standard_normal(SIZE, dtype=np.float32) for _ in range(ARRAYS)] for _ in range(2)]
        return (*drawn, *([np.zeros(SIZE, np.float32) for _ in range(ARRAYS)] for _ in range(slots)))

    return make


def adam(parameters: Any, gradients: Any, momenta: Any, velocities: Any) -> Any:
    kernels.adam_step(
        parameters,
        gradients,
        momenta,
        velocities,
        learning_rate=RATE,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=EPSILON,
        step=1,
    )
    return parameters


def sgd(parameters: Any, gradients: Any, momenta: Any) -> Any:
    kernels.sgd_step(parameters, gradients, momenta, learning_rate=RATE, momentum=0.9)
    return parameters


def peers(make: Callable[..., Any]) -> tuple[Peer, ...]:
    def variant(**options: bool) -> Callable[..., Callable[[], Any]]:
        def prepare(parameters: Any, gradients: Any, *slots: Any) -> Callable[[], Any]:
            stepped, slopes = tensors(parameters, gradients)
            for parameter, gradient in zip(stepped, slopes, strict=True):
                parameter.requires_grad_().grad = gradient
            optimizer = make(stepped, **options)

            def call() -> Any:
                optimizer.step()
                return stepped

            return call

        return prepare

    # In inference mode parameters could not be stepped; step() disables gradients by itself.
    return (
        Peer("torch fused", variant(fused=True), autograd=True),
        Peer("torch foreach", variant(foreach=True), autograd=True),
        Peer("torch default", variant(), autograd=True),
    )


ROWS = [
    Row("adam_step 4M in 100 arrays", "optim", draw(2), adam, 7 * 4 * ARRAYS * SIZE, "GB/s",
        peers(lambda p, **options: torch.optim.Adam(p, lr=RATE, eps=TORCH_EPSILON, **options))),
    Row("sgd_step momentum 4M in 100 arrays", "optim", draw(1), sgd, 5 * 4 * ARRAYS * SIZE, "GB/s",
        peers(lambda p, **options: torch.optim.SGD(p, lr=RATE, momentum=0.9, **options))),
]  # fmt: skip
