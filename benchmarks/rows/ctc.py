"""Connectionist temporal classification, with its gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.row import Peer, Row, tensors, torch
from nerve import kernels


def torch_autograd(target: np.ndarray, logits: np.ndarray, *lengths: np.ndarray) -> Callable[[], Any]:
    x, y, label_lengths, steps = tensors(logits, target, *lengths)
    x.requires_grad_()
    ones = torch.ones(len(y))

    def call() -> Any:
        log = torch.log_softmax(x.transpose(0, 1), -1)
        loss = torch.nn.functional.ctc_loss(log, y, steps, label_lengths, reduction="none")
        return loss.detach(), torch.autograd.grad(loss, x, ones)[0]

    return call


def ctc(batch: int, time: int, classes: int, length: int) -> Row:
    def draw(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        logits = rng.standard_normal((batch, time, classes), dtype=np.float32)
        target = rng.integers(1, classes, (batch, length))
        return target, logits, np.full(batch, length), np.full(batch, time)

    return Row(
        f"ctc_loss {batch}x{time}x{classes} with {length} labels, with gradient", "ctc", draw, kernels.ctc_loss,
        8 * batch * time * classes, "GB/s",
        (Peer("torch autograd", torch_autograd, autograd=True),),
        tolerance=2e-3,  # torch's own error: 1e-4 of the gradient after 100 steps, where nerve's is 2e-6
    )  # fmt: skip


ROWS = [ctc(16, 100, 40, 20), ctc(8, 400, 64, 80), ctc(1, 50, 30, 10)]
