"""Batch normalization of (rows, channels), in NumPy."""

from __future__ import annotations

import numpy as np

from nerve._typing import Array

__all__ = ["batch_norm_backward", "batch_norm_inference", "batch_norm_training"]


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
