"""Group normalization of channels-last arrays, with its gradients.

Wu & He, "Group normalization", 2018.
"""

from __future__ import annotations

import math

from numpy.typing import ArrayLike

from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels._backend import as_floats, empty, pick
from nerve.kernels._numbers import integer
from nerve.kernels.norm import _expect_epsilon, _rows

__all__ = ["group_norm", "group_norm_backward"]


def group_norm(
    x: ArrayLike, gamma: ArrayLike | None = None, beta: ArrayLike | None = None, *, groups: int, epsilon: float = 1e-3
) -> tuple[Array, Array, Array]:
    """``gamma * (x - mean) / sqrt(variance + epsilon) + beta`` with the statistics of each sample's groups of channels.

    Parameters
    ----------
    x : array_like (batch, ..., channels), float32 or float64
    gamma, beta : array_like (channels,), optional
        By default 1 and 0.
    groups : int
        It divides the channels; a group is of neighbours.
    epsilon : float
        Keeps the quotient finite where a group is constant.

    Returns
    -------
    y : ndarray of the shape of x
    mean, rstd : ndarray (batch, groups)
        The mean and ``1 / sqrt(variance + epsilon)``, the variance divided by the count.

    Raises
    ------
    ShapeError
        If gamma or beta do not fit, or groups does not divide the channels.
    """
    x, gamma, beta = as_floats("group_norm", x, gamma, beta, optional=2)
    sizes = _sizes("group_norm", x, groups, gamma=gamma, beta=beta)
    _expect_epsilon("group_norm", epsilon)
    out = empty(x.shape, x.dtype, x)
    mean, rstd = empty((x.shape[0], groups), x.dtype, x), empty((x.shape[0], groups), x.dtype, x)
    pick(x, gamma, beta).group_norm(out, mean, rstd, x, gamma, beta, *sizes, float(epsilon))
    return out, mean, rstd


def group_norm_backward(
    grad: ArrayLike, x: ArrayLike, mean: ArrayLike, rstd: ArrayLike, gamma: ArrayLike | None = None
) -> tuple[Array, Array, Array]:
    """Gradients of :func:`group_norm`.

    Parameters
    ----------
    grad : array_like of the shape of x
    x : array_like (batch, ..., channels)
        The input of the forward pass.
    mean, rstd : array_like (batch, groups)
        What :func:`group_norm` returned.
    gamma : array_like (channels,), optional

    Returns
    -------
    grad_x : ndarray of the shape of x
        Through the statistics too.
    grad_gamma, grad_beta : ndarray (channels,)

    Raises
    ------
    ShapeError
        If the shapes do not fit each other.
    """
    op = "group_norm_backward"
    grad, x, mean, rstd, gamma = as_floats(op, grad, x, mean, rstd, gamma, optional=1)
    if mean.ndim != 2 or rstd.shape != mean.shape or mean.shape[0] != x.shape[0]:
        raise ShapeError(f"[{op}] mean and rstd expect shape (batch, groups), got {mean.shape} and {rstd.shape}")
    sizes = _sizes(op, x, mean.shape[1], gamma=gamma)
    if grad.shape != x.shape:
        raise ShapeError(f"[{op}] grad expects the shape of x, {x.shape}, got {grad.shape}")
    grad_x = empty(x.shape, x.dtype, x)
    grad_gamma, grad_beta = empty(x.shape[-1:], x.dtype, x), empty(x.shape[-1:], x.dtype, x)
    backend = pick(grad, x, mean, rstd, gamma)
    backend.group_norm_backward(grad_x, grad_gamma, grad_beta, grad, x, mean, rstd, gamma, *sizes)
    return grad_x, grad_gamma, grad_beta


def _sizes(op: str, x: Array, groups: int, **by_channel: Array | None) -> tuple[int, int, int, int]:
    """x as (batch, positions, groups, channels of one), after a look at the arrays with a number per channel."""
    integer(op, "groups", groups, 1)
    _, channels = _rows(op, x, **by_channel)
    if x.ndim < 2 or channels % groups:
        raise ShapeError(f"[{op}] x expects (batch, ..., channels) that {groups} groups divide, got shape {x.shape}")
    return x.shape[0], math.prod(x.shape[1:-1]), groups, channels // groups
