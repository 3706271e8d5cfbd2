"""Pooling of volumes and adaptive windows; PyTorch's gradients as in pool.py. An image is a volume of depth 1 here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks import layouts
from benchmarks.row import Make, Row, floats, torch
from nerve import kernels


def peers(flat: bool, call: Callable[..., Callable[[], Any]], of: Callable[[Any], Any] = lambda r: r) -> Any:
    """PyTorch's ways, on images where ``flat``; ``call`` gets its tensors, ``of`` says what of a result counts."""

    def prepare(layout: str, *args: np.ndarray) -> Callable[[], Any]:
        return call(*(layouts.channels_first(x[:, 0] if flat else x, layout) for x in args))

    def unpack(result: Any) -> Any:
        y = layouts.channels_last(of(result))
        return y[:, None] if flat else y

    return layouts.peers(prepare, unpack, layouts=layouts.IMAGES if flat else layouts.VOLUMES)


def four(name: str, x: tuple[int, ...], options: dict[str, Any], aten: dict[str, Any]) -> list[Row]:
    """Maxima with indices and averages, and their gradients, of an array of shape ``x``."""
    flat = x[1] == 1
    out: tuple[int, ...] = kernels.average_pool3d(np.zeros(x, np.float32), **options).shape
    moved = 4.0 * float(np.prod(x) + np.prod(out))

    def draw(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        x_array, grad = (rng.standard_normal(shape, dtype=np.float32) for shape in (x, out))
        index: np.ndarray = kernels.max_pool3d_with_index(x_array, **options)[1]
        return grad, x_array, index

    def both(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        return rng.standard_normal(out, dtype=np.float32), np.zeros(x, np.float32)

    def max_backward(grad: Any, x: Any, _: Any) -> Callable[[], Any]:
        indices = aten["max"](x)[1]
        return lambda: aten["max_backward"](grad, x, indices)

    def row(label: str, make: Make, call: Callable[..., Any], against: Any, **more: Any) -> Row:
        return Row(f"{label} {name}", "pool", make, call, moved, "GB/s", against, **more)

    return [
        row("max pool", floats(*x), lambda x: kernels.max_pool3d(x, **options),
            peers(flat, lambda x: lambda: aten["max"](x), lambda r: r[0])),
        row("max pool with index", floats(*x), lambda x: kernels.max_pool3d_with_index(x, **options),
            peers(flat, lambda x: lambda: aten["max"](x), lambda r: r[0]), compare=lambda r: r[0]),
        row("max pool backward", draw,
            lambda grad, _, index: kernels.max_pool3d_backward(grad, index, input_shape=x, **options),
            peers(flat, max_backward)),
        row("average pool", floats(*x), lambda x: kernels.average_pool3d(x, **options),
            peers(flat, lambda x: lambda: aten["average"](x))),
        row("average pool backward", both,
            lambda grad, _: kernels.average_pool3d_backward(grad, input_shape=x, **options),
            peers(flat, lambda grad, x: lambda: aten["average_backward"](grad, x))),
    ]  # fmt: skip


def volumes(size: int, strides: int, batch: int, side: int, channels: int) -> list[Row]:
    pad = (size - 1) // 2
    window = [size] * 3, [strides] * 3, [pad] * 3
    options = {"pool_size": size, "strides": strides, "padding": ((pad, pad),) * 3}
    aten = {
        "max": lambda x: torch.ops.aten.max_pool3d_with_indices(x, *window),
        "max_backward": lambda grad, x, indices: torch.ops.aten.max_pool3d_with_indices_backward(
            grad, x, *window, [1] * 3, False, indices),
        "average": lambda x: torch.ops.aten.avg_pool3d(x, *window, False, False),
        "average_backward": lambda grad, x: torch.ops.aten.avg_pool3d_backward(grad, x, *window, False, False, None),
    }  # fmt: skip
    return four(f"{size}x{size}x{size} s{strides} {channels} @{side}", (batch, *[side] * 3, channels), options, aten)


def adaptive(count: int, batch: int, side: int, channels: int, flat: bool) -> list[Row]:
    sizes = [count] * (2 if flat else 3)
    rank = len(sizes)
    options = {"output_size": (1, count, count) if flat else count}
    aten = {
        "max": lambda x: getattr(torch.ops.aten, f"adaptive_max_pool{rank}d")(x, sizes),
        "max_backward": lambda *args: getattr(torch.ops.aten, f"adaptive_max_pool{rank}d_backward")(*args),
        "average": lambda x: getattr(torch.ops.aten, f"_adaptive_avg_pool{rank}d")(x, sizes),
        "average_backward": lambda *args: getattr(torch.ops.aten, f"_adaptive_avg_pool{rank}d_backward")(*args),
    }
    shape = (batch, 1 if flat else side, side, side, channels)
    return four(f"adaptive {'x'.join(map(str, sizes))} {channels} @{side}", shape, options, aten)


ROWS = [
    *volumes(2, 2, 2, 28, 64), *volumes(3, 2, 2, 28, 64), *volumes(3, 1, 4, 28, 16), *volumes(2, 2, 4, 36, 3),
    *volumes(3, 2, 4, 36, 1), *adaptive(5, 2, 28, 64, False), *adaptive(5, 4, 28, 3, False),
    *adaptive(5, 8, 56, 64, True), *adaptive(6, 8, 14, 256, True), *adaptive(10, 8, 14, 256, True),
    *adaptive(6, 8, 224, 3, True), *adaptive(5, 64, 28, 1, True),
]  # fmt: skip
