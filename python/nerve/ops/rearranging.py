"""Axes named in a pattern, as in einops; and cut along the third one."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

from nerve.errors import ShapeError
from nerve.ops._differentiable import composed
from nerve.ops.creation import ndim, shape
from nerve.ops.indexing import reshape, transpose
from nerve.ops.shaping import split
from nerve.tensor import Tensor

__all__ = ["dsplit", "rearrange"]


@composed
def rearrange(tensor: Any, pattern: str, **axes_lengths: int) -> Tensor:
    """The same elements along other axes.

    Parameters
    ----------
    tensor : tensor
    pattern : str
        Names of the axes, and of those of the result: `"b h w c -> b (h w) c"`. Those in parentheses are one axis, the
        last of them running fastest.
    **axes_lengths : int
        Sizes of named axes; in each pair of parentheses on the left one may be left out.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If the pattern is none, or its sides name different axes.
    ShapeError
        If sizes do not fit.

    Examples
    --------
    >>> patches = rearrange(images, "b (h i) (w j) c -> b (h w) (i j c)", i=4, j=4)
    """
    sides = [_groups(pattern, side) for side in pattern.split("->")]
    names = [[name for group in side for name in group] for side in sides]
    if len(sides) != 2 or sorted(names[0]) != sorted(names[-1]) or len(set(names[0])) != len(names[0]):
        raise ValueError(f"[rearrange] pattern expects the same axes on both sides of '->', got {pattern!r}")
    if unknown := set(axes_lengths) - set(names[0]):
        raise ValueError(f"[rearrange] {pattern!r} has no axis {unknown.pop()!r}")
    if len(sides[0]) != ndim(tensor):
        raise ShapeError(f"[rearrange] {pattern!r} expects {len(sides[0])} axes, got shape {shape(tensor)}")
    sizes = dict(axes_lengths)
    for group, size in zip(sides[0], shape(tensor), strict=True):
        unsaid = [name for name in group if name not in sizes]
        known = math.prod(sizes[name] for name in group if name in sizes)
        if len(unsaid) > 1:
            raise ValueError(f"[rearrange] needs the size of {unsaid[0]!r} or {unsaid[1]!r} in {pattern!r}")
        if size % known if unsaid and known else size != known:
            raise ShapeError(f"[rearrange] an axis of {size} elements is not ({' '.join(group)}) of sizes {sizes}")
        sizes |= dict.fromkeys(unsaid, size // known if known else 0)
    order = [names[0].index(name) for name in names[1]]
    apart = transpose(reshape(tensor, [sizes[name] for name in names[0]]), order)
    return reshape(apart, [math.prod(sizes[name] for name in group) for group in sides[1]])


def _groups(pattern: str, side: str) -> list[list[str]]:
    """The axes of one side, each a list of names."""
    parts = re.findall(r"\([^()]*\)|\w+|\S", side)
    groups = [part.strip("()").split() for part in parts]
    if not all(name.isidentifier() for group in groups for name in group):
        raise ValueError(f"[rearrange] pattern expects names of axes such as 'b h w -> b (h w)', got {pattern!r}")
    return groups


@composed
def dsplit(x: Any, indices_or_sections: int | Sequence[int]) -> list[Tensor]:
    """Cut along the third axis."""
    if ndim(x) < 3:
        raise ShapeError(f"[dsplit] expects at least three axes, got shape {shape(x)}")
    return split(x, indices_or_sections, 2)
