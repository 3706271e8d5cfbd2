"""Attention, forward and with its gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.row import Peer, Row, many, tensors, torch
from nerve import kernels


def forward(causal: bool) -> Callable[..., Any]:
    return lambda grad, query, key, value: kernels.attention(query, key, value, causal=causal)[0]


def training(causal: bool) -> Callable[..., Any]:
    def call(grad: np.ndarray, query: np.ndarray, key: np.ndarray, value: np.ndarray) -> tuple[np.ndarray, ...]:
        out, logsumexp = kernels.attention(query, key, value, causal=causal)
        return out, *kernels.attention_backward(grad, query, key, value, out, logsumexp, causal=causal)

    return call


def turned(result: Any) -> Any:
    """From PyTorch's (batch, heads, length, size)."""
    return tuple(x.transpose(1, 2) for x in result) if isinstance(result, tuple) else result.transpose(1, 2)


def peer(name: str, gradients: bool, causal: bool, contiguous: bool) -> Peer:
    def prepare(*arrays: np.ndarray) -> Callable[[], Any]:
        moved = [x.transpose(1, 2) for x in tensors(*arrays)]
        grad, *inputs = [x.contiguous() for x in moved] if contiguous else moved
        attend = torch.nn.functional.scaled_dot_product_attention
        if not gradients:
            return lambda: attend(*inputs, is_causal=causal)
        for x in inputs:
            x.requires_grad_()

        def call() -> Any:
            out = attend(*inputs, is_causal=causal)
            return (out.detach(), *torch.autograd.grad(out, inputs, grad))

        return call

    return Peer(name, prepare, turned, autograd=gradients)


def rows(
    batch: int, lengths: tuple[int, int], heads: int, size: int, causal: bool = False, gradients: bool = True
) -> Row:
    queries, keys = (batch, lengths[0], heads, size), (batch, lengths[1], heads, size)
    flop = 4 * batch * heads * lengths[0] * lengths[1] * size * (3.5 if gradients else 1) * (0.5 if causal else 1)
    shape = f"{batch}x{heads}x{lengths[0]}" + ("" if lengths[0] == lengths[1] else f"/{lengths[1]}") + f"x{size}"
    name = f"attention {shape}" + " causal" * causal + (" with gradients" if gradients else "")
    return Row(
        name, "attention", many(queries, queries, keys, keys), (training if gradients else forward)(causal),
        flop, "GFLOP/s",
        (
            peer("torch sdpa, length before heads", gradients, causal, contiguous=False),
            peer("torch sdpa, heads before length", gradients, causal, contiguous=True),
        ),
    )  # fmt: skip


ROWS = [
    rows(1, (512, 512), 8, 64, gradients=False),
    rows(1, (512, 512), 8, 64),
    rows(4, (512, 512), 8, 64),
    rows(1, (512, 512), 8, 64, causal=True),
    rows(32, (64, 64), 8, 64),
    rows(1, (512, 512), 8, 32),
    rows(1, (512, 512), 8, 128),
    rows(2, (200, 1000), 8, 64),
    rows(1, (2048, 2048), 4, 64, causal=True),
    rows(1, (1, 512), 8, 64, gradients=False),
    rows(8, (1, 512), 8, 64, gradients=False),
    rows(1, (4, 512), 8, 64, gradients=False),
]
