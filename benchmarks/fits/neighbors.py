"""Nearest neighbours, and the kernel matrix that is made of the same distances."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.fits.fit import Data, Fit, blobs, same
from benchmarks.fits.quality import digits, recall

QUERIES = 4000


def nearest(neighbors: int) -> Callable[..., Callable[[], np.ndarray]]:
    """The neighbours of the queries; what is prepared before them is not timed."""

    def side(module: Any, x: np.ndarray, queries: np.ndarray) -> Callable[[], np.ndarray]:
        model = module.NearestNeighbors(n_neighbors=neighbors).fit(x)
        return lambda: model.kneighbors(queries)[1]

    return side


def faiss_nearest(neighbors: int) -> Callable[..., Callable[[], np.ndarray]]:
    def side(x: np.ndarray, queries: np.ndarray) -> Callable[[], np.ndarray]:
        import faiss

        index = faiss.IndexFlatL2(x.shape[1])
        index.add(x)
        return lambda: index.search(queries, neighbors)[1]

    return side


def nearest_neighbors(samples: int, features: int, neighbors: int) -> Fit:
    def data(count: int) -> Data:
        return blobs(count, features, 100), blobs(min(count, QUERIES), features, 100, seed=1)

    sides = {**same("neighbors", nearest(neighbors), "oneDAL"), "FAISS": faiss_nearest(neighbors)}
    name = f"NearestNeighbors 4k queries x {samples // 1000}k x {features}, k={neighbors}"
    return Fit(name, "neighbors", samples, data, sides, "recall", recall, higher=True)


def rbf_data(count: int) -> Data:
    return blobs(count, 64, 10), blobs(count, 64, 10, seed=1), np.asarray(1 / 64)


def rbf(x: np.ndarray, y: np.ndarray, gamma: np.ndarray) -> Callable[[], np.ndarray]:
    import nerve

    return lambda: nerve.kernels.rbf_kernel(x, y, gamma=float(gamma))


def sklearn_rbf(x: np.ndarray, y: np.ndarray, gamma: np.ndarray) -> Callable[[], np.ndarray]:
    from sklearn.metrics.pairwise import rbf_kernel

    return lambda: rbf_kernel(x, y, gamma=float(gamma))


def daal_rbf(x: np.ndarray, y: np.ndarray, gamma: np.ndarray) -> Callable[[], np.ndarray]:
    import daal4py

    sigma = float(1 / np.sqrt(2 * gamma))
    return lambda: daal4py.kernel_function_rbf(fptype="float", sigma=sigma).compute(x, y).values


ROWS = [
    nearest_neighbors(20_000, 64, 10),
    Fit(
        "RBF kernel 4k x 4k x 64", "neighbors", 4000, rbf_data,
        {"nerve": rbf, "scikit-learn": sklearn_rbf, "oneDAL": daal_rbf},
        "digits", digits, higher=True, tolerance=0.1,
    ),
]  # fmt: skip
