"""Where the axes of images are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nerve.errors import ShapeError
from nerve.kernels._arrays import placed
from nerve.ops._differentiable import as_plain_array
from nerve.ops.creation import convert_to_tensor, shape
from nerve.ops.indexing import reshape, transpose
from nerve.tensor import Tensor


def first_axis(op: str, images: Any, data_format: str | None, rank: int = 2) -> int:
    """The axis of the rows of one image or of a batch, or of the planes of volumes, whose rank is 3."""
    if data_format not in (None, "channels_last", "channels_first"):
        raise ValueError(f"[{op}] data_format must be 'channels_last' or 'channels_first', got {data_format!r}")
    if len(shape(images)) not in (rank + 1, rank + 2):
        what = "image" if rank == 2 else "volume"
        raise ShapeError(
            f"[{op}] {what}s expects one {what} or a batch, of {rank + 1} or {rank + 2} axes, got shape {shape(images)}"
        )
    return len(shape(images)) - (rank if data_format == "channels_first" else rank + 1)


def channel_axis(op: str, images: Any, data_format: str | None) -> int:
    """The axis of the channels, counted from the end."""
    first_axis(op, images, data_format)
    return -3 if data_format == "channels_first" else -1


def batched(op: str, images: Any, data_format: str | None, rank: int = 2) -> tuple[Any, Callable[[Tensor], Tensor]]:
    """A batch of images, channels last, and what turns such a batch, with further axes behind, into what was given."""
    first_axis(op, images, data_format, rank)
    single, first = len(shape(images)) == rank + 1, data_format == "channels_first"
    x = reshape(images, (1, *shape(images))) if single else images
    x = transpose(x, (0, *range(2, rank + 2), 1)) if first else x

    def back(y: Tensor) -> Tensor:
        y = transpose(y, (0, rank + 1, *range(1, rank + 1), *range(rank + 2, y.ndim))) if first else y
        return reshape(y, y.shape[1:]) if single else y

    return x, back


def beside(x: Any, like: Any) -> Tensor:
    """As a tensor; a list of numbers where an image lies."""
    if isinstance(x, list | tuple):
        return Tensor(placed(convert_to_tensor(x).array, as_plain_array(like)), tracked=False)
    return convert_to_tensor(x)
