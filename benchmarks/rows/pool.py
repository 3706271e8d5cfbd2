"""Pooling of images; PyTorch's gradients through aten::*_backward, the maxima's with the forward pass's indices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.layouts import channels_first, channels_last, peers
from benchmarks.row import Row, floats, torch
from nerve import kernels


def of_images(call: Callable[..., Callable[[], Any]]) -> Callable[..., Callable[[], Any]]:
    """What prepares a peer, of what makes its call of tensors."""
    return lambda layout, *args: call(*(channels_first(x, layout) for x in args))


def rows(size: int, strides: int, batch: int, image_size: int, channels: int) -> list[Row]:
    padding = (size - 1) // 2
    out_size = (image_size + 2 * padding - size) // strides + 1
    x, out = (batch, image_size, image_size, channels), (batch, out_size, out_size, channels)
    options: dict[str, Any] = {"pool_size": size, "strides": strides, "padding": padding}
    window = [size] * 2, [strides] * 2, [padding] * 2
    moved = 4.0 * float(np.prod(x) + np.prod(out))

    def draw(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        image, grad = (rng.standard_normal(shape, dtype=np.float32) for shape in (x, out))
        return grad, kernels.max_pool2d_with_index(image, **options)[1], image

    def max_backward(grad: np.ndarray, index: np.ndarray, _: np.ndarray) -> np.ndarray:
        return kernels.max_pool2d_backward(grad, index, input_shape=x, **options)

    def torch_max_backward(grad: Any, _: Any, x: Any) -> Callable[[], Any]:
        indices = torch.ops.aten.max_pool2d_with_indices(x, *window)[1]
        call = torch.ops.aten.max_pool2d_with_indices_backward
        return lambda: call(grad, x, *window, [1, 1], False, indices)

    def average_backward(grad: np.ndarray) -> np.ndarray:
        return kernels.average_pool2d_backward(grad, input_shape=x, **options)

    def torch_average_backward(layout: str, grad: np.ndarray) -> Callable[[], Any]:
        g, like = channels_first(grad, layout), channels_first(np.empty(x, np.float32), layout)
        call = torch.ops.aten.avg_pool2d_backward
        return lambda: call(g, like, *window, False, False, None)

    name = f"{size}x{size} s{strides} {channels} @{image_size}"
    return [
        Row(f"max_pool2d {name}", "pool", floats(*x), lambda x: kernels.max_pool2d(x, **options), moved, "GB/s",
            peers(of_images(lambda x: lambda: torch.nn.functional.max_pool2d(x, *window)))),
        Row(f"max_pool2d {name} with indices", "pool", floats(*x),
            lambda x: kernels.max_pool2d_with_index(x, **options), moved, "GB/s",
            peers(of_images(lambda x: lambda: torch.ops.aten.max_pool2d_with_indices(x, *window)),
                  lambda r: channels_last(r[0])),
            compare=lambda r: r[0]),
        Row(f"max_pool2d {name}, backward", "pool", draw, max_backward, moved, "GB/s",
            peers(of_images(torch_max_backward))),
        Row(f"average_pool2d {name}", "pool", floats(*x), lambda x: kernels.average_pool2d(x, **options), moved, "GB/s",
            peers(of_images(lambda x: lambda: torch.nn.functional.avg_pool2d(x, *window, count_include_pad=False)))),
        Row(f"average_pool2d {name}, backward", "pool", floats(*out), average_backward, moved, "GB/s",
            peers(torch_average_backward)),
    ]  # fmt: skip


ROWS = [*rows(2, 2, 8, 56, 64), *rows(3, 2, 8, 112, 64), *rows(2, 2, 64, 28, 6), *rows(3, 2, 8, 224, 3)]
