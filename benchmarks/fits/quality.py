"""How good results are, in float64, computed the same way for every library."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from benchmarks.row import WrongResult

Counted = tuple[int, Any]  # the iterations made, and the result
BLOCK = 1 << 22  # distances in memory at once


def squared_distances(x: np.ndarray, y: np.ndarray) -> Iterator[np.ndarray]:
    """Those of a few rows of x to all of y, block by block."""
    rows, y = max(1, BLOCK // len(y)), y.astype(np.float64)
    norms = np.einsum("ij,ij->i", y, y)
    for begin in range(0, len(x), rows):
        block = x[begin : begin + rows].astype(np.float64)
        yield np.einsum("ij,ij->i", block, block)[:, None] - 2 * block @ y.T + norms


def after(iterations: int, quality: Callable[..., float]) -> Callable[..., float]:
    """That quality of a result with its number of iterations, which has to be this one."""

    def counted(result: Counted, reference: Counted, *data: np.ndarray) -> float:
        if result[0] != iterations:
            raise WrongResult(f"{result[0]} iterations, not {iterations}")
        return quality(result[1], reference[1], *data)

    return counted


def inertia(centers: np.ndarray, reference: Any, x: np.ndarray, *_: np.ndarray) -> float:
    """The sum of squared distances to the nearest centers."""
    return float(sum(block.min(axis=1).sum() for block in squared_distances(x, np.asarray(centers))))


def recall(indices: np.ndarray, reference: Any, x: np.ndarray, queries: np.ndarray) -> float:
    """The fraction of the nearest neighbours that was found."""
    found, begin, count = 0, 0, indices.shape[1]
    for block in squared_distances(queries, x):
        exact = np.argpartition(block, count - 1)[:, :count]
        found += sum(len(np.intersect1d(*rows)) for rows in zip(exact, indices[begin:], strict=False))
        begin += len(block)
    return found / indices.size


def digits(kernel: np.ndarray, reference: Any, x: np.ndarray, y: np.ndarray, gamma: np.ndarray) -> float:
    """Correct digits behind the point of an RBF kernel."""
    begin, error = 0, 1e-16
    for block in squared_distances(x, y):
        exact = np.exp(-float(gamma) * np.maximum(block, 0))
        error = max(error, float(np.abs(kernel[begin : begin + len(block)] - exact).max()))
        begin += len(block)
    return -float(np.log10(error))


def agreement(labels: np.ndarray, reference: np.ndarray, *_: np.ndarray) -> float:
    """The adjusted Rand index with scikit-learn's labels."""
    from sklearn.metrics import adjusted_rand_score

    return float(adjusted_rand_score(reference, labels))


def log_likelihood(mixture: tuple[np.ndarray, ...], reference: Any, x: np.ndarray, *_: np.ndarray) -> float:
    """The mean logarithm of the density of (weights, means, covariances)."""
    from scipy.special import logsumexp
    from scipy.stats import multivariate_normal

    weights, means, covariances = (np.asarray(part, np.float64) for part in mixture)
    parts = zip(np.ravel(weights), means, covariances, strict=True)
    terms = [multivariate_normal(mean, cov).logpdf(x) + np.log(weight) for weight, mean, cov in parts]
    return float(logsumexp(terms, axis=0).mean())


def explained(components: np.ndarray, reference: Any, x: np.ndarray) -> float:
    """The fraction of the variance that lies in the space of the components."""
    basis = np.linalg.qr(np.asarray(components, np.float64).T)[0]
    centered = x - x.mean(axis=0, dtype=np.float64)
    return float(np.square(centered @ basis).sum() / np.square(centered).sum())


def same_space(embedding: np.ndarray, reference: np.ndarray, *_: np.ndarray) -> float:
    """The least canonical correlation of two embeddings: 1 where one is a linear map of the other."""
    ours, theirs = (np.linalg.qr(each - each.mean(axis=0, dtype=np.float64))[0] for each in (embedding, reference))
    return float(np.linalg.svd(ours.T @ theirs, compute_uv=False).min())
