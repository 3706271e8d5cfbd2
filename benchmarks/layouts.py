"""PyTorch's memory formats for images and volumes: what goes into each and comes back, and a row's peers in them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from benchmarks.row import Peer, torch

IMAGES = {"torch NCHW": "contiguous_format", "torch channels_last": "channels_last"}
VOLUMES = {"torch NCDHW": "contiguous_format", "torch channels_last_3d": "channels_last_3d"}


def channels_first(x: np.ndarray, layout: str) -> Any:
    """An array whose channels come last as PyTorch's tensor, copied into memory of a layout."""
    return torch.from_numpy(x.copy()).movedim(-1, 1).contiguous(memory_format=getattr(torch, layout))


def filters_first(kernel: np.ndarray, layout: str) -> Any:
    """The same for a convolution's kernel, whose channels and filters come last."""
    return torch.from_numpy(kernel.copy()).movedim((-1, -2), (0, 1)).contiguous(memory_format=getattr(torch, layout))


def channels_last(result: Any) -> Any:
    """A tensor of PyTorch's with the axes of nerve's arrays."""
    return result.movedim(1, -1)


def filters_last(result: Any) -> Any:
    return result.movedim((0, 1), (-1, -2))


def peers(
    prepare: Callable[..., Callable[[], Any]],
    unpack: Callable[[Any], Any] = channels_last,
    *,
    layouts: Mapping[str, str] = IMAGES,
    autograd: bool = False,
) -> tuple[Peer, ...]:
    """A peer for each layout; ``prepare`` gets it before the row's arrays."""
    return tuple(Peer(name, functools.partial(prepare, layout), unpack, autograd) for name, layout in layouts.items())
