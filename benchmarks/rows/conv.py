"""Convolutions forward, and the gradients of image and kernel (PyTorch's through aten::convolution_backward)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.layouts import channels_first, filters_first, filters_last, peers
from benchmarks.row import Row, many, torch
from nerve import kernels


@dataclass(frozen=True)
class Conv:
    """Sizes of a convolution with padding ``kernel // 2``."""

    name: str
    batch: int
    size: int
    kernel: int
    channels: int
    filters: int
    strides: int = 1
    groups: int = 1

    @property
    def image(self) -> tuple[int, ...]:
        return self.batch, self.size, self.size, self.channels

    @property
    def weights(self) -> tuple[int, ...]:
        return self.kernel, self.kernel, self.channels // self.groups, self.filters

    @property
    def out(self) -> tuple[int, ...]:
        size = (self.size - 1) // self.strides + 1
        return self.batch, size, size, self.filters

    @property
    def options(self) -> dict[str, Any]:
        return {"strides": self.strides, "padding": self.kernel // 2, "groups": self.groups}


CONVOLUTIONS = [
    Conv("3x3 64-64 @56", 8, 56, 3, 64, 64),
    Conv("3x3 256-256 @14", 8, 14, 3, 256, 256),
    Conv("1x1 64-256 @56", 8, 56, 1, 64, 256),
    Conv("7x7 s2 3-64 @224", 4, 224, 7, 3, 64, strides=2),
    Conv("3x3 s2 64-128 @56", 8, 56, 3, 64, 128, strides=2),
    Conv("5x5 1-6 @28", 64, 28, 5, 1, 6),
    Conv("depthwise 3x3 128 @56", 8, 56, 3, 128, 128, groups=128),
]


def forward(conv: Conv, layout: str, x: np.ndarray, kernel: np.ndarray) -> Callable[[], Any]:
    a, b = channels_first(x, layout), filters_first(kernel, layout)
    options = {"stride": conv.strides, "padding": conv.kernel // 2, "groups": conv.groups}
    return lambda: torch.nn.functional.conv2d(a, b, **options)


def backward(
    conv: Conv, layout: str, grad: np.ndarray, x: np.ndarray, kernel: np.ndarray, which: int
) -> Callable[[], Any]:
    """``which`` 0: of the image; 1: of the kernel. The other's tensor gives its shape only."""
    g, a, b = channels_first(grad, layout), channels_first(x, layout), filters_first(kernel, layout)
    two = [conv.strides] * 2, [conv.kernel // 2] * 2, [1, 1]
    mask = [which == 0, which == 1, False]
    call = torch.ops.aten.convolution_backward
    return lambda: call(g, a, b, None, *two, False, [0, 0], conv.groups, mask)[which]


def rows(conv: Conv) -> list[Row]:
    flop = 2.0 * np.prod(conv.out) * np.prod(conv.weights[:3])
    # A depthwise convolution does so little with each number that moving it is the limit.
    moved = 4.0 * (np.prod(conv.image) + np.prod(conv.out))
    work = (float(moved), "GB/s") if conv.groups > 1 else (float(flop), "GFLOP/s")

    def run_forward(x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
        return kernels.conv2d(x, kernel, **conv.options)

    def run_input(grad: np.ndarray, kernel: np.ndarray) -> np.ndarray:
        return kernels.conv2d_backward_input(grad, kernel, input_shape=conv.image, **conv.options)

    def run_kernel(grad: np.ndarray, x: np.ndarray) -> np.ndarray:
        return kernels.conv2d_backward_kernel(grad, x, kernel_shape=conv.weights, **conv.options)

    def of_input(layout: str, grad: np.ndarray, kernel: np.ndarray) -> Callable[[], Any]:
        return backward(conv, layout, grad, np.zeros(conv.image, np.float32), kernel, 0)

    def of_kernel(layout: str, grad: np.ndarray, x: np.ndarray) -> Callable[[], Any]:
        return backward(conv, layout, grad, x, np.zeros(conv.weights, np.float32), 1)

    name, family = f"conv2d {conv.name}", "conv"
    return [
        Row(name, family, many(conv.image, conv.weights), run_forward, *work,
            peers(lambda layout, x, kernel: forward(conv, layout, x, kernel))),
        Row(f"{name}, backward input", family, many(conv.out, conv.weights), run_input, *work, peers(of_input)),
        Row(f"{name}, backward kernel", family, many(conv.out, conv.image), run_kernel, *work,
            peers(of_kernel, filters_last)),
    ]  # fmt: skip


ROWS = [row for conv in CONVOLUTIONS for row in rows(conv)]
