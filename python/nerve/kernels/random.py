"""Random numbers: uniform, normal, dropout.

Every element is a function of ``(seed, offset)`` and its position alone (Philox4x32-10; Salmon et al., "Parallel random
numbers: as easy as 1, 2, 3", SC 2011): the same numbers at any number of threads, on CPU and GPU. ``offset`` counts
blocks of four float32 or two float64 numbers; :func:`nerve.random.next_offset` hands out ranges of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels._backend import as_array, empty, float_dtype, pick
from nerve.kernels._numbers import integer, integers, number
from nerve.kernels.shapes import MAX_RANK

__all__ = ["dropout", "random_normal", "random_uniform"]


def random_uniform(
    shape: Sequence[int] | int,
    *,
    low: float = 0.0,
    high: float = 1.0,
    seed: int,
    offset: int = 0,
    dtype: DTypeLike = "float32",
    like: Array | None = None,
) -> Array:
    """Numbers spread evenly over ``[low, high)``.

    Parameters
    ----------
    shape : sequence of int, or int
    low, high : float
        Finite, ``low <= high``; never is ``high`` itself drawn, unless the two are equal.
    seed : int
        In [0, 2**64).
    offset : int
        The first block of random numbers, in [0, 2**64).
    dtype : {"float32", "float64"}
        24 or 53 random bits.
    like : ndarray or cupy.ndarray, optional
        An array where the numbers are to lie; in the host's memory if not given.

    Returns
    -------
    ndarray

    Raises
    ------
    ValueError
        If the interval is not one, or seed or offset is out of range.
    """
    out = _out("random_uniform", shape, dtype, like)
    low, high = number("random_uniform", "low", low), number("random_uniform", "high", high)
    limit = float(np.finfo(out.dtype).max)
    if not (-limit <= low <= high <= limit and high - low <= limit):
        raise ValueError(f"[random_uniform] expects finite low <= high, got low={low} and high={high}")
    pick(out).random_uniform(out, out.size, *_checked("random_uniform", seed, offset), low, high)
    return out


def random_normal(
    shape: Sequence[int] | int,
    *,
    mean: float = 0.0,
    stddev: float = 1.0,
    seed: int,
    offset: int = 0,
    dtype: DTypeLike = "float32",
    like: Array | None = None,
) -> Array:
    """Numbers from a normal distribution (Box and Muller, 1958).

    The largest deviation there can be is 5.8 ``stddev`` in float32 and 8.6 in float64.

    Parameters
    ----------
    shape : sequence of int, or int
    mean, stddev : float
        Finite, ``stddev >= 0``.
    seed, offset, dtype, like
        As for :func:`random_uniform`.

    Returns
    -------
    ndarray

    Raises
    ------
    ValueError
        If the distribution is not one, or seed or offset is out of range.
    """
    out = _out("random_normal", shape, dtype, like)
    mean, stddev = number("random_normal", "mean", mean), number("random_normal", "stddev", stddev)
    if not (math.isfinite(mean) and 0 <= stddev < math.inf):
        raise ValueError(f"[random_normal] expects a finite mean and stddev >= 0, got mean={mean} and stddev={stddev}")
    pick(out).random_normal(out, out.size, *_checked("random_normal", seed, offset), mean, stddev)
    return out


def dropout(x: ArrayLike, *, rate: float, seed: int, offset: int = 0) -> Array:
    """Set elements to zero with probability ``rate``; the others grow by ``1 / (1 - rate)``.

    Element i is kept where the i-th float32 number of :func:`random_uniform` is at least ``rate``, whatever the dtype
    of ``x``. Applied to a gradient with the same seed and offset it is its own backward.

    Parameters
    ----------
    x : array_like
    rate : float
        In [0, 1).
    seed, offset : int
        As for :func:`random_uniform`.

    Returns
    -------
    ndarray
        Of the shape of ``x``. Dropped elements are zero, NaN and infinities among them.

    Raises
    ------
    ValueError
        If ``rate``, seed or offset is out of range.
    """
    array = as_array("dropout", x)
    rate = number("dropout", "rate", rate)
    if not 0 <= rate < 1:
        raise ValueError(f"[dropout] rate must be in [0, 1), got {rate}")
    out = empty(array.shape, array.dtype, array)
    pick(array).dropout(out, array, array.size, rate, *_checked("dropout", seed, offset))
    return out


def _out(op: str, shape: Sequence[int] | int, dtype: DTypeLike, like: Array | None) -> Array:
    checked = integers(op, "shape", shape, 0)
    if len(checked) > MAX_RANK:
        raise ShapeError(f"[{op}] expects at most {MAX_RANK} dimensions, got {len(checked)}: {checked}")
    return empty(checked, float_dtype(op, dtype), like)


def _checked(op: str, seed: int, offset: int) -> tuple[int, int]:
    return integer(op, "seed", seed, 0, 2**64 - 1), integer(op, "offset", offset, 0, 2**64 - 1)
