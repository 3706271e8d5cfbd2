"""Expectation maximization from the same start, without a tolerance: every side makes the same iterations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.fits.fit import Data, Fit, blobs, same, some_rows
from benchmarks.fits.quality import Counted, after, log_likelihood

ITERATIONS = 10
COMPONENTS = 16


def data(count: int) -> Data:
    x = blobs(count, 16, COMPONENTS, distance=1)
    return x, some_rows(x, COMPONENTS)


def gaussian(module: Any, x: np.ndarray, means: np.ndarray) -> Callable[[], Counted]:
    k, d = means.shape
    start = {
        "weights_init": np.full(k, 1 / k, np.float32),
        "means_init": means,
        "precisions_init": np.broadcast_to(np.eye(d, dtype=np.float32), (k, d, d)).copy(),
    }

    def call() -> Counted:
        model = module.GaussianMixture(k, max_iter=ITERATIONS, tol=0, **start).fit(x)
        return model.n_iter_, (model.weights_, model.means_, model.covariances_)

    return call


def daal_gaussian(x: np.ndarray, means: np.ndarray) -> Callable[[], Counted]:
    import daal4py

    k, d = means.shape
    weights, covariances = np.full((1, k), 1 / k, np.float32), [np.eye(d, dtype=np.float32) for _ in range(k)]
    options = {"fptype": "float", "maxIterations": ITERATIONS, "accuracyThreshold": 0.0}

    def call() -> Counted:
        found = daal4py.em_gmm(k, **options).compute(x, weights, means, covariances)
        return int(found.nIterations.item()), (found.weights, found.means, np.stack(found.covariances))

    return call


ROWS = [
    Fit(
        f"GaussianMixture full 100k x 16, {COMPONENTS} components, {ITERATIONS} iterations", "mixture", 100_000, data,
        {**same("mixture", gaussian), "oneDAL": daal_gaussian}, "log-likelihood", after(ITERATIONS, log_likelihood),
        higher=True,
    ),
]  # fmt: skip
