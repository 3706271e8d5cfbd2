"""Softmax, and the cross-entropy with its gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.row import Peer, Row, floats, numpy, simple, tensors, torch
from nerve import kernels


def numpy_softmax(x: np.ndarray) -> np.ndarray:
    e: np.ndarray = np.exp(x - x.max(axis=-1, keepdims=True))
    e /= e.sum(axis=-1, keepdims=True)
    return e


def numpy_cross_entropy(x: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    grad = numpy_softmax(x)
    at = np.arange(len(labels)), labels
    loss = -np.log(grad[at])
    grad[at] -= 1
    return loss, grad


def torch_autograd(logits: np.ndarray, labels: np.ndarray) -> Callable[[], Any]:
    x, y = tensors(logits, labels)
    x.requires_grad_()
    ones = torch.ones(len(labels))

    def call() -> Any:
        loss = torch.nn.functional.cross_entropy(x, y, reduction="none")
        return loss.detach(), torch.autograd.grad(loss, x, ones)[0]

    return call


def torch_aten(logits: np.ndarray, labels: np.ndarray) -> Callable[[], Any]:
    """The four kernels autograd calls, without its bookkeeping."""
    x, y = tensors(logits, labels)
    ones, aten = torch.ones(len(labels)), torch.ops.aten

    def call() -> Any:
        log = torch.log_softmax(x, -1)
        loss, weight = aten.nll_loss_forward(log, y, None, 0, -100)
        grad = aten.nll_loss_backward(ones, log, y, None, 0, -100, weight)
        return loss, aten._log_softmax_backward_data(grad, log, -1, torch.float32)

    return call


def cross_entropy(rows: int, classes: int) -> Row:
    def draw(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        return rng.standard_normal((rows, classes), dtype=np.float32), rng.integers(0, classes, rows)

    return Row(
        f"softmax_cross_entropy {rows}x{classes} with gradient", "softmax", draw, kernels.softmax_cross_entropy,
        8 * rows * classes, "GB/s",
        (
            Peer("torch autograd", torch_autograd, autograd=True),
            Peer("torch aten", torch_aten),
            numpy(numpy_cross_entropy),
        ),
    )  # fmt: skip


def torch_softmax(x: Any) -> Any:
    return torch.softmax(x, -1)


ROWS = [
    Row("softmax 1024x1000", "softmax", floats(1024, 1000), kernels.softmax, 8 * 1024 * 1000, "GB/s",
        (simple(lambda: torch_softmax), numpy(numpy_softmax))),
    *(cross_entropy(*sizes) for sizes in ((128, 10), (1024, 1000), (256, 32000))),
]  # fmt: skip
