"""Batch normalization of (rows, channels), layer and root mean square normalization of (rows, columns), in NumPy."""

from __future__ import annotations

import numpy as np

from nerve._typing import Array

__all__ = [
    "batch_norm_backward",
    "batch_norm_inference",
    "batch_norm_training",
    "fold_batch_norm",
    "group_norm",
    "group_norm_backward",
    "layer_norm",
    "layer_norm_backward",
    "rms_norm",
    "rms_norm_backward",
]


def batch_norm_training(
    out: Array,
    mean: Array,
    variance: Array,
    x: Array,
    gamma: Array | None,
    beta: Array | None,
    rows: int,
    channels: int,
    epsilon: float,
) -> None:
    matrix = x.reshape(rows, channels).astype(np.float64)
    start = matrix[0]  # rounding is that of the deviations, however large the mean
    exact_mean, exact_variance = start + (matrix - start).mean(axis=0), (matrix - start).var(axis=0)
    mean[...], variance[...] = exact_mean, exact_variance
    batch_norm_inference(out, x, exact_mean, exact_variance, gamma, beta, rows, channels, epsilon)


def batch_norm_inference(
    out: Array,
    x: Array,
    mean: Array,
    variance: Array,
    gamma: Array | None,
    beta: Array | None,
    rows: int,
    channels: int,
    epsilon: float,
) -> None:
    scale = (1.0 if gamma is None else gamma) / np.sqrt(variance.astype(np.float64) + epsilon)
    out[...] = (x.astype(np.float64) - mean) * scale + (0.0 if beta is None else beta)


def fold_batch_norm(
    folded_kernel: Array,
    folded_bias: Array,
    kernel: Array,
    bias: Array | None,
    mean: Array,
    variance: Array,
    gamma: Array | None,
    beta: Array | None,
    rows: int,
    channels: int,
    epsilon: float,
) -> None:
    scale = (1.0 if gamma is None else gamma) / np.sqrt(variance.astype(np.float64) + epsilon)
    folded_kernel[...] = kernel.astype(np.float64) * scale
    folded_bias[...] = (0.0 if beta is None else beta) + ((0.0 if bias is None else bias) - mean) * scale


def batch_norm_backward(
    grad_x: Array,
    grad_gamma: Array,
    grad_beta: Array,
    grad: Array,
    x: Array,
    mean: Array,
    variance: Array,
    gamma: Array | None,
    rows: int,
    channels: int,
    epsilon: float,
) -> None:
    g = grad.reshape(rows, channels).astype(np.float64)
    deviation = np.sqrt(variance.astype(np.float64) + epsilon)
    normalized = (x.reshape(rows, channels) - mean.astype(np.float64)) / deviation
    beta_sum, gamma_sum = g.sum(axis=0), (g * normalized).sum(axis=0)
    grad_beta[...], grad_gamma[...] = beta_sum, gamma_sum
    scale = (1.0 if gamma is None else gamma) / deviation
    grad_x[...] = (scale * (g - (beta_sum + normalized * gamma_sum) / max(rows, 1))).reshape(grad_x.shape)


def layer_norm(
    out: Array,
    mean: Array | None,
    rstd: Array | None,
    x: Array,
    gamma: Array | None,
    beta: Array | None,
    rows: int,
    columns: int,
    epsilon: float,
) -> None:
    if not columns:
        return
    matrix = x.reshape(rows, columns).astype(np.float64)
    center, inverse = matrix.mean(axis=1), 1 / np.sqrt(matrix.var(axis=1) + epsilon)
    normal = (matrix - center[:, None]) * inverse[:, None]
    out[...] = (normal * (1.0 if gamma is None else gamma) + (0.0 if beta is None else beta)).reshape(out.shape)
    for found, value in ((mean, center), (rstd, inverse)):
        if found is not None:
            found[...] = value.reshape(found.shape)


def layer_norm_backward(
    grad_x: Array,
    grad_gamma: Array,
    grad_beta: Array,
    grad: Array,
    x: Array,
    mean: Array,
    rstd: Array,
    gamma: Array | None,
    rows: int,
    columns: int,
) -> None:
    if not columns:
        return
    g = grad.reshape(rows, columns).astype(np.float64)
    inverse = rstd.reshape(rows, 1).astype(np.float64)
    normal = (x.reshape(rows, columns) - mean.reshape(rows, 1).astype(np.float64)) * inverse
    grad_beta[...], grad_gamma[...] = g.sum(axis=0), (g * normal).sum(axis=0)
    scaled = g if gamma is None else g * gamma
    slope = (scaled * normal).mean(axis=1, keepdims=True)
    grad_x[...] = (inverse * (scaled - scaled.mean(axis=1, keepdims=True) - normal * slope)).reshape(grad_x.shape)


def rms_norm(
    out: Array, rstd: Array | None, x: Array, gamma: Array | None, rows: int, columns: int, epsilon: float
) -> None:
    if not columns:
        return
    matrix = x.reshape(rows, columns).astype(np.float64)
    inverse = 1 / np.sqrt((matrix**2).mean(axis=1) + epsilon)
    out[...] = (matrix * inverse[:, None] * (1.0 if gamma is None else gamma)).reshape(out.shape)
    if rstd is not None:
        rstd[...] = inverse.reshape(rstd.shape)


def rms_norm_backward(
    grad_x: Array,
    grad_gamma: Array,
    grad: Array,
    x: Array,
    rstd: Array,
    gamma: Array | None,
    rows: int,
    columns: int,
) -> None:
    if not columns:
        return
    g = grad.reshape(rows, columns).astype(np.float64)
    inverse = rstd.reshape(rows, 1).astype(np.float64)
    normal = x.reshape(rows, columns) * inverse
    grad_gamma[...] = (g * normal).sum(axis=0)
    scaled = g if gamma is None else g * gamma
    grad_x[...] = (inverse * (scaled - normal * (scaled * normal).mean(axis=1, keepdims=True))).reshape(grad_x.shape)


def group_norm(
    out: Array,
    mean: Array,
    rstd: Array,
    x: Array,
    gamma: Array | None,
    beta: Array | None,
    batch: int,
    positions: int,
    groups: int,
    channels: int,
    epsilon: float,
) -> None:
    if not x.size:
        mean[...] = rstd[...] = np.nan
        return
    z = x.reshape(batch, positions, groups, channels).astype(np.float64)
    mean[...], rstd[...] = z.mean(axis=(1, 3)), 1 / np.sqrt(z.var(axis=(1, 3)) + epsilon)
    normal = (z - z.mean(axis=(1, 3), keepdims=True)) / np.sqrt(z.var(axis=(1, 3), keepdims=True) + epsilon)
    out[...] = normal.reshape(out.shape) * (1.0 if gamma is None else gamma) + (0.0 if beta is None else beta)


def group_norm_backward(
    grad_x: Array,
    grad_gamma: Array,
    grad_beta: Array,
    grad: Array,
    x: Array,
    mean: Array,
    rstd: Array,
    gamma: Array | None,
    batch: int,
    positions: int,
    groups: int,
    channels: int,
) -> None:
    shape = (batch, positions, groups, channels)
    center, inverse = (a.reshape(batch, 1, groups, 1).astype(np.float64) for a in (mean, rstd))
    g, normal = grad.reshape(shape).astype(np.float64), (x.reshape(shape) - center) * inverse
    grad_beta[...], grad_gamma[...] = g.sum(axis=(0, 1)).reshape(-1), (g * normal).sum(axis=(0, 1)).reshape(-1)
    if not x.size:
        return
    scaled = g if gamma is None else g * gamma.reshape(groups, channels)
    average, slope = (a.mean(axis=(1, 3), keepdims=True) for a in (scaled, scaled * normal))
    grad_x[...] = (inverse * (scaled - average - normal * slope)).reshape(grad_x.shape)
