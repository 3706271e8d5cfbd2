"""Normalization of batches and of rows while training, forward and backward (PyTorch's aten::native_*_backward)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.layouts import channels_first, channels_last, peers
from benchmarks.row import Peer, Row, tensors, torch
from nerve import kernels

EPSILON = 1e-3
IMAGES = [(8, 56, 56, 64), (8, 14, 14, 256)]
# 64 groups of 64 channels: instance normalization.
GROUPS = [((8, 56, 56, 64), 32), ((8, 56, 56, 64), 64), ((8, 14, 14, 256), 32), ((32, 8, 8, 64), 8)]
MATRICES = [(4096, 768), (8192, 64), (64, 4096)]


def batch_norm(shape: tuple[int, ...]) -> list[Row]:
    channels = shape[-1]

    def draw(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        x = rng.normal(0.5, 2, size=shape).astype(np.float32)
        return x, rng.uniform(0.5, 2, channels).astype(np.float32), rng.normal(size=channels).astype(np.float32)

    def draw_backward(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        x, gamma, _ = draw(rng)
        axes = tuple(range(x.ndim - 1))
        mean, variance = x.mean(axes, dtype=np.float64), x.var(axes, dtype=np.float64)
        grad = rng.standard_normal(shape, dtype=np.float32)
        return grad, x, mean.astype(np.float32), variance.astype(np.float32), gamma

    def forward(x: np.ndarray, gamma: np.ndarray, beta: np.ndarray) -> Any:
        return kernels.batch_norm_training(x, gamma, beta, epsilon=EPSILON)

    def backward(grad: np.ndarray, x: np.ndarray, mean: np.ndarray, variance: np.ndarray, gamma: np.ndarray) -> Any:
        return kernels.batch_norm_backward(grad, x, mean, variance, gamma, epsilon=EPSILON)

    def torch_forward(layout: str, x: np.ndarray, gamma: np.ndarray, beta: np.ndarray) -> Callable[[], Any]:
        a, (w, b) = channels_first(x, layout), tensors(gamma, beta)
        return lambda: torch.native_batch_norm(a, w, b, None, None, True, 0.0, EPSILON)

    def torch_backward(layout: str, *arrays: np.ndarray) -> Callable[[], Any]:
        grad, x = (channels_first(a, layout) for a in arrays[:2])
        mean, variance, w = tensors(*arrays[2:])
        invstd = (variance + EPSILON).rsqrt()
        call, mask = torch.ops.aten.native_batch_norm_backward, [True] * 3
        return lambda: call(grad, x, w, None, None, mean, invstd, True, EPSILON, mask)

    name = f"batch_norm {shape[-1]} @{shape[1]}"
    size = 4.0 * float(np.prod(shape))
    return [
        Row(f"{name}, training", "norm", draw, forward, 2 * size, "GB/s",
            peers(torch_forward, lambda r: (channels_last(r[0]), r[1], 1 / r[2].double() ** 2 - EPSILON))),
        Row(f"{name}, backward", "norm", draw_backward, backward, 3 * size, "GB/s",
            peers(torch_backward, lambda r: (channels_last(r[0]), *r[1:]))),
    ]  # fmt: skip


def group_norm(shape: tuple[int, ...], groups: int) -> list[Row]:
    batch, height, width, channels = shape
    sizes = batch, channels, height * width, groups

    def draw(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        x = rng.normal(0.5, 2, size=shape).astype(np.float32)
        return x, rng.uniform(0.5, 2, channels).astype(np.float32), rng.normal(size=channels).astype(np.float32)

    def draw_backward(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        x, gamma, _ = draw(rng)
        _, mean, rstd = kernels.group_norm(x, groups=groups, epsilon=EPSILON)
        return rng.standard_normal(shape, dtype=np.float32), x, mean, rstd, gamma

    def forward(x: np.ndarray, gamma: np.ndarray, beta: np.ndarray) -> Any:
        return kernels.group_norm(x, gamma, beta, groups=groups, epsilon=EPSILON)

    def torch_forward(layout: str, x: np.ndarray, *arrays: np.ndarray) -> Callable[[], Any]:
        a, (w, b) = channels_first(x, layout), tensors(*arrays)
        return lambda: torch.native_group_norm(a, w, b, *sizes, EPSILON)

    def torch_backward(layout: str, *arrays: np.ndarray) -> Callable[[], Any]:
        grad, x = (channels_first(a, layout) for a in arrays[:2])
        mean, rstd, w = tensors(*arrays[2:])
        call, mask = torch.ops.aten.native_group_norm_backward, [True] * 3
        return lambda: call(grad, x, mean, rstd, w, *sizes, mask)

    name, size = f"group_norm {groups} of {channels} @{height} x {batch}", 4.0 * float(np.prod(shape))
    unpack = lambda r: (channels_last(r[0]), *r[1:])  # noqa: E731
    return [
        Row(f"{name}, training", "norm", draw, forward, 2 * size, "GB/s", peers(torch_forward, unpack)),
        Row(f"{name}, backward", "norm", draw_backward, kernels.group_norm_backward, 3 * size, "GB/s",
            peers(torch_backward, unpack)),
    ]  # fmt: skip


def layer_norm(rows: int, columns: int) -> list[Row]:
    def draw(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        x = rng.normal(0.5, 2, size=(rows, columns)).astype(np.float32)
        return x, rng.uniform(0.5, 2, columns).astype(np.float32), rng.normal(size=columns).astype(np.float32)

    def draw_backward(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        x, gamma, _ = draw(rng)
        _, mean, rstd = kernels.layer_norm_with_statistics(x, epsilon=EPSILON)
        return rng.standard_normal((rows, columns), dtype=np.float32), x, mean, rstd, gamma

    def forward(x: np.ndarray, gamma: np.ndarray, beta: np.ndarray) -> Any:
        return kernels.layer_norm_with_statistics(x, gamma, beta, epsilon=EPSILON)

    def torch_forward(*arrays: np.ndarray) -> Callable[[], Any]:
        x, w, b = tensors(*arrays)
        return lambda: torch.native_layer_norm(x, [columns], w, b, EPSILON)

    def torch_backward(*arrays: np.ndarray) -> Callable[[], Any]:
        grad, x, mean, rstd, w = tensors(*arrays)
        call, b, mask = torch.ops.aten.native_layer_norm_backward, torch.zeros_like(w), [True] * 3
        mean, rstd = mean[:, None], rstd[:, None]
        return lambda: call(grad, x, [columns], mean, rstd, w, b, mask)

    name, size = f"layer_norm {rows}x{columns}", 4.0 * rows * columns
    return [
        Row(f"{name}, training", "norm", draw, forward, 2 * size, "GB/s",
            (Peer("torch", torch_forward, lambda r: (r[0], r[1][:, 0], r[2][:, 0])),)),
        Row(f"{name}, backward", "norm", draw_backward, kernels.layer_norm_backward, 3 * size, "GB/s",
            (Peer("torch", torch_backward),)),
    ]  # fmt: skip


def rms_norm(rows: int, columns: int) -> list[Row]:
    """Of PyTorch the gradient alone cannot be had: its row is forward and backward together, and so is ours."""

    def draw(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        x = rng.normal(0.5, 2, size=(rows, columns)).astype(np.float32)
        return x, rng.uniform(0.5, 2, columns).astype(np.float32)

    def draw_both(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        return (*draw(rng), rng.standard_normal((rows, columns), dtype=np.float32))

    def forward(x: np.ndarray, gamma: np.ndarray) -> Any:
        return kernels.rms_norm(x, gamma, epsilon=EPSILON)

    def both(x: np.ndarray, gamma: np.ndarray, grad: np.ndarray) -> Any:
        y, rstd = kernels.rms_norm_with_statistics(x, gamma, epsilon=EPSILON)
        return y, *kernels.rms_norm_backward(grad, x, rstd, gamma)

    def torch_forward(*arrays: np.ndarray) -> Callable[[], Any]:
        x, w = tensors(*arrays)
        return lambda: torch.nn.functional.rms_norm(x, [columns], w, EPSILON)

    def torch_both(*arrays: np.ndarray) -> Callable[[], Any]:
        x, w, grad = tensors(*arrays)
        x, w = x.requires_grad_(), w.requires_grad_()

        def call() -> Any:
            y = torch.nn.functional.rms_norm(x, [columns], w, EPSILON)
            return y.detach(), *torch.autograd.grad(y, (x, w), grad)

        return call

    name, size = f"rms_norm {rows}x{columns}", 4.0 * rows * columns
    autograd = Peer("torch autograd", torch_both, autograd=True)
    return [
        Row(f"{name}, forward", "norm", draw, forward, 2 * size, "GB/s", (Peer("torch", torch_forward),)),
        Row(f"{name}, forward and backward", "norm", draw_both, both, 5 * size, "GB/s", (autograd,)),
    ]


ROWS = [
    *(row for shape in IMAGES for row in batch_norm(shape)),
    *(row for shape in GROUPS for row in group_norm(*shape)),
    *(row for shape in MATRICES for row in layer_norm(*shape)),
    *(row for shape in MATRICES for row in rms_norm(*shape)),
]
