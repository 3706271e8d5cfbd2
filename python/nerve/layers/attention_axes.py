"""Attention along some axes of images and volumes: folded to sequences, (batch, length, heads, size), and back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from nerve import kernels, ops
from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.layers import masks


class Fold:
    """The axes of inputs (batch, ..., features) along which positions see each other; the others go to the batch.

    Parameters
    ----------
    rank : int
        Axes of the inputs.
    axes : sequence of int
        Those of attention, in the order of the scores, from 1 to `rank - 2`.
    """

    def __init__(self, rank: int, axes: Sequence[int]) -> None:
        self.rank = rank
        self.axes = tuple(axes)
        self.kept = tuple(axis for axis in range(rank - 1) if axis not in self.axes)  # the batch is the first

    def sizes(self, shape: Sequence[int]) -> tuple[list[int], list[int]]:
        """Of the kept axes, and of those of attention."""
        return [shape[axis] for axis in self.kept], [shape[axis] for axis in self.axes]

    def fold(self, x: Any) -> Any:
        """(batch, ..., heads, size) as (batch, length, heads, size)."""
        kept, along = self.sizes(x.shape)
        turned = ops.transpose(x, (*self.kept, *self.axes, self.rank - 1, self.rank))
        return ops.reshape(turned, (math.prod(kept), math.prod(along), *x.shape[-2:]))

    def unfold(self, y: Any, shape: Sequence[int]) -> Any:
        """(batch, length, heads, size) as inputs of `shape` had it, with heads and size for their features."""
        kept, along = self.sizes(shape)
        order = (*self.kept, *self.axes, self.rank - 1, self.rank)
        return ops.transpose(ops.reshape(y, (*kept, *along, *y.shape[-2:])), sorted(range(len(order)), key=order.index))

    def scores(self, scores: Any, query: Sequence[int], key: Sequence[int]) -> Any:
        """(batch, heads, queries, keys) with the kept axes, and each axis of attention, for inputs of these shapes."""
        kept, queries = self.sizes(query)
        return ops.reshape(scores, (*kept, scores.shape[1], *queries, *self.sizes(key)[1]))

    def positions(self, mask: Any, name: str, shape: Sequence[int]) -> Array | None:
        """A mask of positions, (batch, ...), as (batch, length)."""
        if mask is None:
            return None
        found = masks.plain(mask)
        if tuple(found.shape) != tuple(shape[:-1]):
            raise ShapeError(f"expects {name} of shape {tuple(shape[:-1])}, got {tuple(found.shape)}")
        turned = kernels.transpose(kernels.cast(found, "float32"), (*self.kept, *self.axes))
        kept, along = self.sizes(shape)
        return kernels.cast(turned.reshape(math.prod(kept), math.prod(along)), "bool")

    def pairs(self, mask: Any, query: Sequence[int], key: Sequence[int]) -> Array | None:
        """A mask of scores as (batch, heads or 1, queries, keys).

        Its last axes are those of attention, of the query and then of the key; before them may come kept axes, from the
        batch on, and behind all of these the heads.
        """
        if mask is None:
            return None
        found = masks.plain(mask)
        (kept, queries), keys = self.sizes(query), self.sizes(key)[1]
        first = found.ndim - len(queries) - len(keys)
        heads = found.shape[first - 1] if first == len(kept) + 1 else 1
        lead = (*found.shape[: max(first, 0)], *(1,) * (len(kept) + 1 - first))
        whole = (*kept, heads, *queries, *keys)
        wide = (*lead, *found.shape[max(first, 0) :])
        if len(wide) != len(whole) or any(one not in (1, size) for one, size in zip(wide, whole, strict=True)):
            expected = f"{tuple(kept)} + {(*queries, *keys)}"
            raise ShapeError(f"expects an attention_mask that broadcasts to {expected}, got shape {tuple(found.shape)}")
        spread = kernels.broadcast_to(kernels.cast(found.reshape(wide), "float32"), whole)
        return kernels.cast(spread.reshape(math.prod(kept), heads, math.prod(queries), math.prod(keys)), "bool")
