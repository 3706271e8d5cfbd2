"""Images and sequences with a border, and without one again: zeros, mirrored pixels, and crops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.layouts import channels_first, peers
from benchmarks.row import Peer, Row, many, tensors, torch
from nerve import kernels

IMAGES = [((8, 56, 56, 64), 1), ((32, 28, 28, 3), 2), ((8, 224, 224, 3), 3)]
SEQUENCE = (32, 128, 64)


def images(shape: tuple[int, ...], border: int) -> list[Row]:
    batch, rows, columns, channels = shape
    larger = (batch, rows + 2 * border, columns + 2 * border, channels)
    widths, sides = ((0, 0), (border, border), (border, border), (0, 0)), [border] * 4
    inside = (slice(None), slice(border, -border), slice(border, -border))

    def forward(mode: str) -> Callable[[np.ndarray], Any]:
        return lambda x: kernels.pad(x, widths, mode=mode)  # type: ignore[arg-type]

    def backward(mode: str) -> Callable[[np.ndarray], Any]:
        return lambda grad: kernels.pad_backward(grad, widths, mode=mode)  # type: ignore[arg-type]

    def torch_forward(mode: str) -> Callable[..., Callable[[], Any]]:
        def prepare(layout: str, x: np.ndarray) -> Callable[[], Any]:
            a = channels_first(x, layout)
            return lambda: torch.nn.functional.pad(a, sides, mode=mode)

        return prepare

    def torch_crop(layout: str, grad: np.ndarray) -> Callable[[], Any]:
        a, kept = channels_first(grad, layout), getattr(torch, layout)
        return lambda: a[:, :, border:-border, border:-border].contiguous(memory_format=kept)

    def torch_reflected(layout: str, grad: np.ndarray) -> Callable[[], Any]:
        g, x = channels_first(grad, layout), channels_first(np.zeros(shape, np.float32), layout)
        return lambda: torch.ops.aten.reflection_pad2d_backward(g, x, sides)

    def crop_gradient(grad: np.ndarray) -> Any:
        return kernels.getitem_backward(grad, inside, input_shape=larger)

    name = f"{channels} @{rows} x {batch}, border {border}"
    moved = 4.0 * (np.prod(shape) + np.prod(larger))
    zeros = peers(torch_forward("constant"))
    return [
        Row(f"pad zeros {name}", "padding", many(shape), forward("constant"), moved, "GB/s", zeros),
        Row(f"pad zeros {name}, backward", "padding", many(larger), backward("constant"), 8.0 * np.prod(shape), "GB/s",
            peers(torch_crop)),
        Row(f"pad reflect {name}", "padding", many(shape), forward("reflect"), moved, "GB/s",
            peers(torch_forward("reflect"))),
        Row(f"pad reflect {name}, backward", "padding", many(larger), backward("reflect"), moved, "GB/s",
            peers(torch_reflected)),
        Row(f"crop {name}", "padding", many(larger), lambda x: kernels.getitem(x, inside), 8.0 * np.prod(shape),
            "GB/s", peers(torch_crop)),
        Row(f"crop {name}, backward", "padding", many(shape), crop_gradient, moved, "GB/s", zeros),
    ]  # fmt: skip


def sequences() -> list[Row]:
    """Zeros before a sequence, as in front of a causal convolution."""
    batch, steps, features = SEQUENCE
    widths = ((0, 0), (2, 0), (0, 0))

    def last_axis(x: np.ndarray) -> Callable[[], Any]:
        a = tensors(x)
        return lambda: torch.nn.functional.pad(a, [0, 0, 2, 0])

    def crop(grad: np.ndarray) -> Callable[[], Any]:
        a = tensors(grad)
        return lambda: a[:, 2:].contiguous()

    name, size = f"pad zeros {steps}x{features} x {batch}, 2 in front", 8.0 * np.prod(SEQUENCE)
    return [
        Row(name, "padding", many(SEQUENCE), lambda x: kernels.pad(x, widths), size, "GB/s",
            (Peer("torch", last_axis),)),
        Row(f"{name}, backward", "padding", many((batch, steps + 2, features)),
            lambda grad: kernels.pad_backward(grad, widths), size, "GB/s", (Peer("torch", crop),)),
    ]  # fmt: skip


ROWS = [*(row for case in IMAGES for row in images(*case)), *sequences()]
