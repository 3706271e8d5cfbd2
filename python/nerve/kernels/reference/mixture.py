"""Mixtures of normal distributions, in NumPy."""

from __future__ import annotations

import numpy as np

from nerve._typing import Array

__all__ = ["gaussian_em_step", "gaussian_log_density", "gaussian_moments", "gaussian_posterior"]

FULL, TIED, DIAGONAL = range(3)


def _log_densities(x: Array, means: Array, factors: Array, offsets: Array, covariance: int) -> Array:
    """A matrix (rows, components)."""
    differences = x.astype(np.float64)[:, None, :] - means
    if covariance == DIAGONAL:
        whitened = differences * factors
    elif covariance == TIED:
        whitened = differences @ np.triu(factors.astype(np.float64))
    else:
        whitened = np.einsum("rcj,cjk->rck", differences, np.triu(factors.astype(np.float64)))
    logs: Array = offsets - (whitened**2).sum(axis=2) / 2
    return logs


def _posterior(logs: Array) -> tuple[Array, Array]:
    """The log of the sum of exponentials, and the softmax."""
    highest = logs.max(axis=1, keepdims=True)
    terms = np.exp(logs - highest)
    total = terms.sum(axis=1, keepdims=True)
    return (highest + np.log(total))[:, 0], terms / total


def gaussian_log_density(
    out: Array,
    x: Array,
    means: Array,
    factors: Array,
    offsets: Array,
    rows: int,
    components: int,
    features: int,
    covariance: int,
) -> None:
    out[...] = _log_densities(x, means, factors, offsets, covariance)


def gaussian_posterior(
    log_density: Array,
    labels: Array | None,
    responsibilities: Array | None,
    x: Array,
    means: Array,
    factors: Array,
    offsets: Array,
    rows: int,
    components: int,
    features: int,
    covariance: int,
) -> None:
    logs = _log_densities(x, means, factors, offsets, covariance)
    log_density[...], found = _posterior(logs)
    if labels is not None:
        labels[...] = logs.argmax(axis=1)
    if responsibilities is not None:
        responsibilities[...] = found


def gaussian_moments(
    counts: Array,
    sums: Array,
    squares: Array | None,
    x: Array,
    weights: Array | None,
    shifts: Array,
    rows: int,
    components: int,
    features: int,
    covariance: int,
) -> None:
    w = np.ones((rows, components)) if weights is None else weights.astype(np.float64)
    counts[...] = w.sum(axis=0)
    for i in range(components):
        d = x.astype(np.float64) - shifts[i]
        sums[i] = w[:, i] @ d
        if squares is not None:
            squares[i] = w[:, i] @ d**2 if covariance == DIAGONAL else (w[:, i, None] * d).T @ d


def gaussian_em_step(
    log_density: Array,
    counts: Array,
    sums: Array,
    squares: Array | None,
    x: Array,
    means: Array,
    factors: Array,
    offsets: Array,
    rows: int,
    components: int,
    features: int,
    covariance: int,
) -> None:
    log_density[...], weights = _posterior(_log_densities(x, means, factors, offsets, covariance))
    gaussian_moments(counts, sums, squares, x, weights, means, rows, components, features, covariance)
