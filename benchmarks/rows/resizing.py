"""Images of another size beside PyTorch's interpolate, backward through autograd of a graph made once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.layouts import channels_first, channels_last, peers
from benchmarks.row import Row, floats, many, torch
from nerve import kernels


def rows(batch: int, size: int, to: int, channels: int, mode: str = "bilinear", antialias: bool = False) -> list[Row]:
    x, out = (batch, size, size, channels), (batch, to, to, channels)
    moved = 4.0 * float(np.prod(x) + np.prod(out))
    options: dict[str, Any] = {"interpolation": mode, "antialias": antialias}
    torch_options: dict[str, Any] = {"size": (to, to), "mode": mode, "antialias": antialias}
    if mode == "bilinear":
        torch_options["align_corners"] = False

    def forward(layout: str, x: np.ndarray) -> Callable[[], Any]:
        pictures = channels_first(x, layout)
        return lambda: torch.nn.functional.interpolate(pictures, **torch_options)

    def both(layout: str, x: np.ndarray, grad: np.ndarray) -> Callable[[], Any]:
        pictures, back = channels_first(x, layout).requires_grad_(), channels_first(grad, layout)

        def call() -> Any:
            resized = torch.nn.functional.interpolate(pictures, **torch_options)
            return resized, torch.autograd.grad(resized, pictures, back)[0]

        return call

    def ours(x: np.ndarray, grad: np.ndarray) -> Any:
        resized = kernels.resize(x, (to, to), **options)
        return resized, kernels.resize_backward(grad, input_shape=x.shape, **options)

    name = f"resize {mode} {'antialias ' if antialias else ''}{channels} @{size} to {to} x {batch}"
    return [
        Row(name, "resizing", floats(*x), lambda x: kernels.resize(x, (to, to), **options), moved, "GB/s",
            peers(forward),
            compare_tolerance=1e-4),  # PyTorch's positions have the rounding of float32; observed 1.7e-5
        Row(f"{name}, with gradient", "resizing", many(x, out), ours, 2 * moved, "GB/s",
            peers(both, lambda r: [channels_last(one) for one in r], autograd=True), compare_tolerance=1e-4),
    ]  # fmt: skip


ROWS = [
    *rows(8, 56, 112, 64),
    *rows(32, 112, 224, 3),
    *rows(8, 56, 112, 64, "nearest"),
    *rows(16, 224, 96, 3),
    *rows(16, 224, 96, 3, antialias=True),
    *rows(128, 28, 64, 1),
]
