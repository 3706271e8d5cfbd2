"""Matrix products: square, thin, tiny with bias and relu, batched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.row import Peer, Row, many, numpy, simple, tensors, torch
from nerve import kernels


def torch_linear(x: np.ndarray, w: np.ndarray) -> Callable[[], Any]:
    """PyTorch's layer, which keeps its weights transposed."""
    a, b = tensors(x, np.ascontiguousarray(w.T))
    return lambda: torch.nn.functional.linear(a, b)


def torch_packed(x: np.ndarray, w: np.ndarray) -> Callable[[], Any]:
    """MKL with weights packed beforehand, which PyTorch's compiler uses for frozen models."""
    a, b = tensors(x, np.ascontiguousarray(w.T))
    packed = torch.ops.mkl._mkl_reorder_linear_weight(b, a.shape[0])
    return lambda: torch.ops.mkl._mkl_linear(a, packed, b, None, a.shape[0])


def product(rows: int, inner: int, columns: int) -> Row:
    name = f"matmul {rows}" if rows == inner == columns else f"matmul {rows}x{inner}x{columns}"
    peers = [simple(lambda: torch.mm), numpy(np.matmul)]
    if rows < columns:
        peers += [Peer("torch linear", torch_linear), Peer("torch mkl packed", torch_packed)]
    make = many((rows, inner), (inner, columns))
    return Row(name, "matmul", make, kernels.matmul, 2 * rows * inner * columns, "GFLOP/s", tuple(peers))


def packed(rows: int, inner: int, columns: int) -> Row:
    """A product with weights that nerve has packed beforehand, as MKL has in a variant."""
    plain = product(rows, inner, columns)

    def draw(rng: np.random.Generator) -> tuple[Any, ...]:
        x, weights = plain.make(rng)
        return x, weights, kernels.pack(weights)

    def nerve(x: np.ndarray, weights: np.ndarray, kept: Any) -> np.ndarray:
        return kernels.matmul(x, kept)

    def variant(peer: Peer) -> Peer:
        return replace(peer, prepare=lambda x, weights, kept: peer.prepare(x, weights))

    return replace(
        plain,
        name=f"{plain.name}, packed",
        make=draw,
        call=nerve,
        expect=lambda x, weights, kept: x @ weights,
        peers=tuple(map(variant, plain.peers)),
    )


def torch_linear_relu(x: np.ndarray, w: np.ndarray, bias: np.ndarray) -> Callable[[], Any]:
    a, b, c = tensors(x, np.ascontiguousarray(w.T), bias)
    return lambda: torch.nn.functional.linear(a, b, c).relu_()


def fused(size: int) -> Row:
    def nerve(x: np.ndarray, w: np.ndarray, bias: np.ndarray) -> np.ndarray:
        return kernels.matmul(x, w, bias, activation="relu")

    return Row(
        f"matmul {size}, bias and relu", "matmul", many((size, size), (size, size), (size,)), nerve, 2 * size**3,
        "GFLOP/s",
        (
            Peer("torch linear, relu_", torch_linear_relu),
            simple(lambda: lambda x, w, bias: torch.addmm(bias, x, w).relu_(), "torch addmm, relu_"),
            simple(lambda: lambda x, w, bias: torch.ops.aten._addmm_activation(bias, x, w), "torch fused"),
            numpy(lambda x, w, bias: np.maximum(x @ w + bias, 0)),
        ),
    )  # fmt: skip


ROWS = [
    *(product(n, n, n) for n in (512, 1024, 2048)),
    *(product(m, 1024, 1024) for m in (32, 64, 128)),
    *(packed(m, 1024, 1024) for m in (32, 64, 128)),
    product(32, 784, 256),
    *(fused(n) for n in (16, 32, 64)),
    Row("matmul 64 x (32x32)", "matmul", many((64, 32, 32), (64, 32, 32)), kernels.matmul, 64 * 2 * 32**3, "GFLOP/s",
        (simple(lambda: torch.bmm), numpy(np.matmul))),
]  # fmt: skip
