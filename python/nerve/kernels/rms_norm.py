"""Root mean square normalization of each row, with its gradients.

Zhang & Sennrich, "Root mean square layer normalization", 2019.
"""

from __future__ import annotations

import math

from numpy.typing import ArrayLike

from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels._backend import as_floats, empty, pick
from nerve.kernels.norm import _expect_epsilon, _rows

__all__ = ["rms_norm", "rms_norm_backward", "rms_norm_with_statistics"]


def rms_norm(x: ArrayLike, gamma: ArrayLike | None = None, *, epsilon: float = 1e-6) -> Array:
    """``gamma * x / sqrt(mean(x**2) + epsilon)`` with the mean of each row (the last axis).

    Parameters
    ----------
    x : array_like (..., columns), float32 or float64
    gamma : array_like (columns,), optional
        By default 1.
    epsilon : float
        Keeps the quotient finite where a row is zero.

    Returns
    -------
    ndarray of the shape of x

    Raises
    ------
    ShapeError
        If gamma does not fit.
    """
    x, gamma, rows, columns = _arguments("rms_norm", x, gamma, epsilon)
    out = empty(x.shape, x.dtype, x)
    pick(x, gamma).rms_norm(out, None, x, gamma, rows, columns, float(epsilon))
    return out


def rms_norm_with_statistics(
    x: ArrayLike, gamma: ArrayLike | None = None, *, epsilon: float = 1e-6
) -> tuple[Array, Array]:
    """:func:`rms_norm`, and what :func:`rms_norm_backward` needs.

    Arguments and errors as for :func:`rms_norm`.

    Returns
    -------
    y : ndarray of the shape of x
    rstd : ndarray of the shape of x without its last axis
        Of each row, ``1 / sqrt(mean(x**2) + epsilon)``.
    """
    x, gamma, rows, columns = _arguments("rms_norm_with_statistics", x, gamma, epsilon)
    out, rstd = empty(x.shape, x.dtype, x), empty(x.shape[:-1], x.dtype, x)
    if not columns:
        rstd[...] = math.nan
    pick(x, gamma).rms_norm(out, rstd, x, gamma, rows, columns, float(epsilon))
    return out, rstd


def rms_norm_backward(
    grad: ArrayLike, x: ArrayLike, rstd: ArrayLike, gamma: ArrayLike | None = None
) -> tuple[Array, Array]:
    """Gradients of :func:`rms_norm`.

    Parameters
    ----------
    grad : array_like of the shape of x
    x : array_like (..., columns)
        The input of the forward pass.
    rstd : array_like (...)
        What :func:`rms_norm_with_statistics` returned.
    gamma : array_like (columns,), optional

    Returns
    -------
    grad_x : ndarray of the shape of x
        Through the mean of squares too.
    grad_gamma : ndarray (columns,)

    Raises
    ------
    ShapeError
        If the shapes do not fit each other.
    """
    op = "rms_norm_backward"
    grad, x, rstd, gamma = as_floats(op, grad, x, rstd, gamma, optional=1)
    rows, columns = _rows(op, x, gamma=gamma)
    if grad.shape != x.shape:
        raise ShapeError(f"[{op}] grad expects the shape of x, {x.shape}, got {grad.shape}")
    if rstd.shape != x.shape[:-1]:
        raise ShapeError(f"[{op}] rstd expects shape {x.shape[:-1]} for x of shape {x.shape}, got {rstd.shape}")
    grad_x, grad_gamma = empty(x.shape, x.dtype, x), empty((columns,), x.dtype, x)
    pick(grad, x, rstd, gamma).rms_norm_backward(grad_x, grad_gamma, grad, x, rstd, gamma, rows, columns)
    return grad_x, grad_gamma


def _arguments(op: str, x: ArrayLike, gamma: ArrayLike | None, epsilon: float) -> tuple[Array, Array | None, int, int]:
    """The arguments as arrays, and x as (rows, columns)."""
    x, gamma = as_floats(op, x, gamma, optional=1)
    rows, columns = _rows(op, x, gamma=gamma)
    _expect_epsilon(op, epsilon)
    return x, gamma, rows, columns
