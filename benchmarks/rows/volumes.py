"""Convolutions of volumes and their transposes: forward, and one after another forward and both gradients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.layouts import VOLUMES, channels_first, channels_last, filters_first, filters_last, peers
from benchmarks.row import Row, many, torch
from nerve import kernels


@dataclass(frozen=True)
class Conv:
    """Sizes of a convolution with padding ``(kernel - 1) // 2``; transposed, what is convolved is its result."""

    name: str
    batch: int
    size: tuple[int, int, int]
    kernel: int
    channels: int
    filters: int
    strides: int = 1

    @property
    def pad(self) -> int:
        return (self.kernel - 1) // 2

    @property
    def volume(self) -> tuple[int, ...]:
        return self.batch, *self.size, self.channels

    @property
    def weights(self) -> tuple[int, ...]:
        return self.kernel, self.kernel, self.kernel, self.channels, self.filters

    @property
    def out(self) -> tuple[int, ...]:
        sizes = ((size + 2 * self.pad - self.kernel) // self.strides + 1 for size in self.size)
        return self.batch, *sizes, self.filters

    @property
    def options(self) -> dict[str, Any]:
        return {"strides": self.strides, "padding": ((self.pad, self.pad),) * 3}


CONVOLUTIONS = [
    Conv("3x3x3 32-32 @16x32x32", 2, (16, 32, 32), 3, 32, 32),
    Conv("3x3x3 64-64 @8x16x16", 4, (8, 16, 16), 3, 64, 64),
    Conv("3x3x3 128-128 @4x8x8", 8, (4, 8, 8), 3, 128, 128),
    Conv("3x3x3 1-16 @16x32x32", 4, (16, 32, 32), 3, 1, 16),
    Conv("3x3x3 3-64 @8x56x56", 2, (8, 56, 56), 3, 3, 64),
    Conv("3x3x3 s2 32-64 @16x32x32", 2, (16, 32, 32), 3, 32, 64, strides=2),
]
# As the convolutions whose gradients they are: filters to channels.
TRANSPOSED = [
    Conv("2x2x2 s2 64-32 @8x16x16", 2, (16, 32, 32), 2, 32, 64, strides=2),
    Conv("3x3x3 s2 32-16 @8x16x16", 4, (15, 31, 31), 3, 16, 32, strides=2),
    Conv("4x4x4 s2 64-32 @4x8x8", 4, (8, 16, 16), 4, 32, 64, strides=2),
]


def all_three(results: Any) -> Any:
    y, grad_x, grad_kernel = results
    return channels_last(y), channels_last(grad_x), filters_last(grad_kernel)


def rows(conv: Conv, transposed: bool) -> list[Row]:
    flop = 2.0 * np.prod(conv.out) * np.prod(conv.weights[:4])
    x_shape, y_shape = (conv.out, conv.volume) if transposed else (conv.volume, conv.out)
    torch_options = {"stride": conv.strides, "padding": conv.pad}
    three = [conv.strides] * 3, [conv.pad] * 3, [1] * 3

    def run(x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
        if transposed:
            return kernels.conv3d_backward_input(x, kernel, input_shape=conv.volume, **conv.options)
        return kernels.conv3d(x, kernel, **conv.options)

    def run_all(x: np.ndarray, kernel: np.ndarray, grad: np.ndarray) -> Any:
        y = run(x, kernel)
        if transposed:
            grad_x = kernels.conv3d(grad, kernel, **conv.options)
            return y, grad_x, kernels.conv3d_backward_kernel(x, grad, kernel_shape=conv.weights, **conv.options)
        grad_x = kernels.conv3d_backward_input(grad, kernel, input_shape=conv.volume, **conv.options)
        return y, grad_x, kernels.conv3d_backward_kernel(grad, x, kernel_shape=conv.weights, **conv.options)

    def forward(layout: str, x: np.ndarray, kernel: np.ndarray) -> Callable[[], Any]:
        a, b = channels_first(x, layout), filters_first(kernel, layout)
        function = torch.nn.functional.conv_transpose3d if transposed else torch.nn.functional.conv3d
        return lambda: function(a, b, **torch_options)

    def both(layout: str, x: np.ndarray, kernel: np.ndarray, grad: np.ndarray) -> Callable[[], Any]:
        a, b, g = channels_first(x, layout), filters_first(kernel, layout), channels_first(grad, layout)
        first, backward = forward(layout, x, kernel), torch.ops.aten.convolution_backward
        mask = [True, True, False]
        return lambda: (first(), *backward(g, a, b, None, *three, transposed, [0] * 3, 1, mask)[:2])

    name, work = f"conv3d{' transpose' if transposed else ''} {conv.name}", (float(flop), "GFLOP/s")
    return [
        Row(name, "conv", many(x_shape, conv.weights), run, *work, peers(forward, layouts=VOLUMES)),
        Row(f"{name}, forward and backward", "conv", many(x_shape, conv.weights, y_shape), run_all, 3 * work[0],
            work[1], peers(both, all_three, layouts=VOLUMES)),
    ]  # fmt: skip


ROWS = [row for conv in CONVOLUTIONS for row in rows(conv, False)]
ROWS += [row for conv in TRANSPOSED for row in rows(conv, True)]
