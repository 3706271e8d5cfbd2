"""Batch normalization, of each channel (last axis), and layer normalization, of each row; with their gradients.

Ioffe & Szegedy, "Batch normalization: accelerating deep network training by reducing internal covariate shift", 2015.
Ba, Kiros & Hinton, "Layer normalization", 2016.
"""

from __future__ import annotations

import math

from numpy.typing import ArrayLike

from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels._backend import as_floats, empty, pick
from nerve.kernels._numbers import number

__all__ = [
    "batch_norm_backward",
    "batch_norm_inference",
    "batch_norm_training",
    "fold_batch_norm",
    "layer_norm",
    "layer_norm_backward",
    "layer_norm_with_statistics",
]


def batch_norm_training(
    x: ArrayLike, gamma: ArrayLike | None = None, beta: ArrayLike | None = None, *, epsilon: float = 1e-3
) -> tuple[Array, Array, Array]:
    """``gamma * (x - mean) / sqrt(variance + epsilon) + beta`` with the statistics of x itself.

    Parameters
    ----------
    x : array_like (..., channels), float32 or float64
    gamma, beta : array_like (channels,), optional
        By default 1 and 0.
    epsilon : float
        Keeps the quotient finite where a channel is constant.

    Returns
    -------
    y : ndarray of the shape of x
    mean, variance : ndarray (channels,)
        Of x over all but its last axis; the variance is the biased one (divided by the count).

    Raises
    ------
    ShapeError
        If x holds no rows, or gamma or beta do not fit.

    Notes
    -----
    The statistics are exact to rounding where the mean is much larger than the deviation (means and squares about them
    by tile, joined as in Chan, Golub & LeVeque, 1983), and the same for any number of threads.
    """
    x, gamma, beta = as_floats("batch_norm_training", x, gamma, beta, optional=2)
    rows, channels = _rows("batch_norm_training", x, gamma=gamma, beta=beta)
    _expect_epsilon("batch_norm_training", epsilon)
    if not rows:
        raise ShapeError(f"[batch_norm_training] expects at least one row to take statistics of, got shape {x.shape}")
    out, mean, variance = empty(x.shape, x.dtype, x), empty((channels,), x.dtype, x), empty((channels,), x.dtype, x)
    pick(x, gamma, beta).batch_norm_training(out, mean, variance, x, gamma, beta, rows, channels, float(epsilon))
    return out, mean, variance


def batch_norm_inference(
    x: ArrayLike,
    mean: ArrayLike,
    variance: ArrayLike,
    gamma: ArrayLike | None = None,
    beta: ArrayLike | None = None,
    *,
    epsilon: float = 1e-3,
) -> Array:
    """``gamma * (x - mean) / sqrt(variance + epsilon) + beta`` with given statistics.

    Parameters
    ----------
    x : array_like (..., channels), float32 or float64
    mean, variance : array_like (channels,)
    gamma, beta : array_like (channels,), optional
        By default 1 and 0.
    epsilon : float

    Returns
    -------
    ndarray of the shape of x

    Raises
    ------
    ShapeError
        If an array does not have one number per channel.
    """
    x, mean, variance, gamma, beta = as_floats("batch_norm_inference", x, mean, variance, gamma, beta, optional=2)
    rows, channels = _rows("batch_norm_inference", x, mean=mean, variance=variance, gamma=gamma, beta=beta)
    _expect_epsilon("batch_norm_inference", epsilon)
    out = empty(x.shape, x.dtype, x)
    backend = pick(x, mean, variance, gamma, beta)
    backend.batch_norm_inference(out, x, mean, variance, gamma, beta, rows, channels, float(epsilon))
    return out


def fold_batch_norm(
    kernel: ArrayLike,
    mean: ArrayLike,
    variance: ArrayLike,
    gamma: ArrayLike | None = None,
    beta: ArrayLike | None = None,
    bias: ArrayLike | None = None,
    *,
    epsilon: float = 1e-3,
) -> tuple[Array, Array]:
    """The kernel and bias of a product or convolution that also does what :func:`batch_norm_inference` does after it.

    Parameters
    ----------
    kernel : array_like (..., channels), float32 or float64
        Of :func:`conv2d`, or the second matrix of a product.
    mean, variance : array_like (channels,)
    gamma, beta : array_like (channels,), optional
        By default 1 and 0.
    bias : array_like (channels,), optional
        What the product adds, before it is normalized.
    epsilon : float

    Returns
    -------
    folded_kernel : ndarray of the shape of kernel
        ``kernel * gamma / sqrt(variance + epsilon)``.
    folded_bias : ndarray (channels,)
        ``beta + (bias - mean) * gamma / sqrt(variance + epsilon)``.

    Raises
    ------
    ShapeError
        If an array does not have one number per channel.
    """
    op = "fold_batch_norm"
    kernel, mean, variance, gamma, beta, bias = as_floats(op, kernel, mean, variance, gamma, beta, bias, optional=3)
    rows, channels = _rows(op, kernel, mean=mean, variance=variance, gamma=gamma, beta=beta, bias=bias)
    _expect_epsilon(op, epsilon)
    folded_kernel, folded_bias = empty(kernel.shape, kernel.dtype, kernel), empty((channels,), kernel.dtype, kernel)
    pick(kernel, mean, variance, gamma, beta, bias).fold_batch_norm(
        folded_kernel, folded_bias, kernel, bias, mean, variance, gamma, beta, rows, channels, float(epsilon)
    )
    return folded_kernel, folded_bias


def batch_norm_backward(
    grad: ArrayLike,
    x: ArrayLike,
    mean: ArrayLike,
    variance: ArrayLike,
    gamma: ArrayLike | None = None,
    *,
    epsilon: float = 1e-3,
) -> tuple[Array, Array, Array]:
    """Gradients of :func:`batch_norm_training`.

    Parameters
    ----------
    grad : array_like of the shape of x
    x : array_like (..., channels)
        The input of the forward pass.
    mean, variance : array_like (channels,)
        What the forward pass returned.
    gamma : array_like (channels,), optional
    epsilon : float

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
    op = "batch_norm_backward"
    grad, x, mean, variance, gamma = as_floats(op, grad, x, mean, variance, gamma, optional=1)
    rows, channels = _rows(op, x, mean=mean, variance=variance, gamma=gamma)
    _expect_epsilon(op, epsilon)
    if grad.shape != x.shape:
        raise ShapeError(f"[{op}] grad expects the shape of x, {x.shape}, got {grad.shape}")
    grad_x, grad_gamma, grad_beta = (
        empty(x.shape, x.dtype, x),
        empty((channels,), x.dtype, x),
        empty((channels,), x.dtype, x),
    )
    backend = pick(grad, x, mean, variance, gamma)
    backend.batch_norm_backward(
        grad_x, grad_gamma, grad_beta, grad, x, mean, variance, gamma, rows, channels, float(epsilon)
    )
    return grad_x, grad_gamma, grad_beta


def layer_norm(
    x: ArrayLike, gamma: ArrayLike | None = None, beta: ArrayLike | None = None, *, epsilon: float = 1e-3
) -> Array:
    """``gamma * (x - mean) / sqrt(variance + epsilon) + beta`` with the statistics of each row (the last axis).

    Parameters
    ----------
    x : array_like (..., columns), float32 or float64
    gamma, beta : array_like (columns,), optional
        By default 1 and 0.
    epsilon : float
        Keeps the quotient finite where a row is constant.

    Returns
    -------
    ndarray of the shape of x

    Raises
    ------
    ShapeError
        If gamma or beta do not fit.
    """
    x, gamma, beta, rows, columns = _layer("layer_norm", x, gamma, beta, epsilon)
    out = empty(x.shape, x.dtype, x)
    pick(x, gamma, beta).layer_norm(out, None, None, x, gamma, beta, rows, columns, float(epsilon))
    return out


def layer_norm_with_statistics(
    x: ArrayLike, gamma: ArrayLike | None = None, beta: ArrayLike | None = None, *, epsilon: float = 1e-3
) -> tuple[Array, Array, Array]:
    """:func:`layer_norm`, and what :func:`layer_norm_backward` needs.

    Arguments and errors as for :func:`layer_norm`.

    Returns
    -------
    y : ndarray of the shape of x
    mean, rstd : ndarray of the shape of x without its last axis
        Of each row, the mean and ``1 / sqrt(variance + epsilon)``, the variance divided by the count.
    """
    x, gamma, beta, rows, columns = _layer("layer_norm_with_statistics", x, gamma, beta, epsilon)
    out, mean, rstd = empty(x.shape, x.dtype, x), empty(x.shape[:-1], x.dtype, x), empty(x.shape[:-1], x.dtype, x)
    if not columns:
        mean[...] = rstd[...] = math.nan
    pick(x, gamma, beta).layer_norm(out, mean, rstd, x, gamma, beta, rows, columns, float(epsilon))
    return out, mean, rstd


def layer_norm_backward(
    grad: ArrayLike, x: ArrayLike, mean: ArrayLike, rstd: ArrayLike, gamma: ArrayLike | None = None
) -> tuple[Array, Array, Array]:
    """Gradients of :func:`layer_norm`.

    Parameters
    ----------
    grad : array_like of the shape of x
    x : array_like (..., columns)
        The input of the forward pass.
    mean, rstd : array_like (...)
        What :func:`layer_norm_with_statistics` returned.
    gamma : array_like (columns,), optional

    Returns
    -------
    grad_x : ndarray of the shape of x
        Through the statistics too.
    grad_gamma, grad_beta : ndarray (columns,)

    Raises
    ------
    ShapeError
        If the shapes do not fit each other.
    """
    op = "layer_norm_backward"
    grad, x, mean, rstd, gamma = as_floats(op, grad, x, mean, rstd, gamma, optional=1)
    rows, columns = _rows(op, x, gamma=gamma)
    if grad.shape != x.shape:
        raise ShapeError(f"[{op}] grad expects the shape of x, {x.shape}, got {grad.shape}")
    for name, array in (("mean", mean), ("rstd", rstd)):
        if array.shape != x.shape[:-1]:
            raise ShapeError(f"[{op}] {name} expects shape {x.shape[:-1]} for x of shape {x.shape}, got {array.shape}")
    grad_x, grad_gamma, grad_beta = (
        empty(x.shape, x.dtype, x),
        empty((columns,), x.dtype, x),
        empty((columns,), x.dtype, x),
    )
    backend = pick(grad, x, mean, rstd, gamma)
    backend.layer_norm_backward(grad_x, grad_gamma, grad_beta, grad, x, mean, rstd, gamma, rows, columns)
    return grad_x, grad_gamma, grad_beta


def _layer(
    op: str, x: ArrayLike, gamma: ArrayLike | None, beta: ArrayLike | None, epsilon: float
) -> tuple[Array, Array | None, Array | None, int, int]:
    """The arguments of a layer normalization as arrays, and x as (rows, columns)."""
    x, gamma, beta = as_floats(op, x, gamma, beta, optional=2)
    rows, columns = _rows(op, x, gamma=gamma, beta=beta)
    _expect_epsilon(op, epsilon)
    return x, gamma, beta, rows, columns


def _rows(op: str, x: Array, **by_channel: Array | None) -> tuple[int, int]:
    """x as (rows, channels), after a look at the arrays that have one number per channel."""
    if not x.ndim:
        raise ShapeError(f"[{op}] x expects at least one dimension, (..., channels), got a single number")
    channels = x.shape[-1]
    for name, array in by_channel.items():
        if array is not None and array.shape != (channels,):
            raise ShapeError(f"[{op}] {name} expects shape ({channels},) for x of shape {x.shape}, got {array.shape}")
    return math.prod(x.shape[:-1]), channels


def _expect_epsilon(op: str, epsilon: float) -> None:
    if not number(op, "epsilon", epsilon) >= 0:
        raise ValueError(f"[{op}] epsilon expects a number >= 0, got {epsilon!r}")
