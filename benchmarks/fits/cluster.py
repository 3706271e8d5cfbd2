"""k-means, DBSCAN and agglomerative clustering. Every side begins with the same centers."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.fits.fit import Data, Fit, blobs, same, some_rows
from benchmarks.fits.quality import Counted, after, agreement, inertia

ITERATIONS = 10


def lloyd(iterations: int) -> Callable[..., Callable[[], Counted]]:
    """With no tolerance, so that no side stops before the last iteration."""

    def side(module: Any, x: np.ndarray, centers: np.ndarray) -> Callable[[], Counted]:
        def call() -> Counted:
            model = module.KMeans(len(centers), init=centers, n_init=1, max_iter=iterations, tol=0).fit(x)
            return model.n_iter_, model.cluster_centers_

        return call

    return side


def faiss_lloyd(iterations: int) -> Callable[..., Callable[[], Counted]]:
    """Its training and the labels, which are part of the others' fit."""

    def side(x: np.ndarray, centers: np.ndarray) -> Callable[[], Counted]:
        faiss: Any = importlib.import_module("faiss")

        def call() -> Counted:
            model = faiss.Kmeans(x.shape[1], len(centers), niter=iterations, max_points_per_centroid=len(x))
            model.train(x, init_centroids=centers)
            model.assign(x)
            return len(model.obj), model.centroids

        return call

    return side


def kmeans(samples: int, features: int, clusters: int, iterations: int = ITERATIONS) -> Fit:
    def data(count: int) -> Data:
        x = blobs(count, features, clusters)
        return x, some_rows(x, clusters)

    sides = {**same("cluster", lloyd(iterations), "oneDAL"), "FAISS": faiss_lloyd(iterations)}
    name = f"KMeans lloyd {samples // 1000}k x {features}, k={clusters}, {iterations} iterations"
    return Fit(name, "cluster", samples, data, sides, "inertia", after(iterations, inertia))


def plusplus(module: Any, x: np.ndarray) -> Callable[[], np.ndarray]:
    return lambda: module.kmeans_plusplus(x, 256, random_state=0)[0]


def daal_plusplus(x: np.ndarray) -> Callable[[], np.ndarray]:
    """As many candidates for a center as scikit-learn tries."""
    import daal4py

    trials = 2 + int(np.log(256))
    method = {"method": "plusPlusDense", "fptype": "float", "nTrials": trials}
    return lambda: daal4py.kmeans_init(256, **method).compute(x).centroids


def minibatch(module: Any, x: np.ndarray, centers: np.ndarray) -> Callable[[], np.ndarray]:
    """One pass over the samples in batches of 1024, and the labels."""
    options = {"init": centers, "n_init": 1, "max_iter": 1, "max_no_improvement": None, "random_state": 0}
    return lambda: module.MiniBatchKMeans(len(centers), **options).fit(x).cluster_centers_


def minibatch_data(count: int) -> Data:
    x = blobs(count, 32, 100)
    return x, some_rows(x, 100)


def dbscan(module: Any, x: np.ndarray) -> Callable[[], np.ndarray]:
    return lambda: module.DBSCAN(eps=0.3, min_samples=10).fit(x).labels_


def ward(module: Any, x: np.ndarray) -> Callable[[], np.ndarray]:
    return lambda: module.AgglomerativeClustering(10).fit(x).labels_


SHAPES = [(100_000, 64, 256), (50_000, 128, 1024), (20_000, 784, 10), (100_000, 16, 10)]
ROWS = [
    *(kmeans(*shape) for shape in SHAPES),
    Fit(
        "k-means++ 100k x 64, k=256", "cluster", 100_000, lambda count: (blobs(count, 64, 256),),
        {**same("cluster", plusplus), "oneDAL": daal_plusplus}, "inertia", inertia,
        tolerance=0.02,  # a sum rounded in another order draws another center sooner or later
    ),
    Fit(
        "MiniBatchKMeans 1M x 32, k=100", "cluster", 1_000_000, minibatch_data,
        same("cluster", minibatch), "inertia", inertia, tolerance=0.01,
    ),
    Fit(
        "DBSCAN 50k x 3", "cluster", 50_000, lambda count: (blobs(count, 3, 20, distance=5),),
        same("cluster", dbscan, "oneDAL"), "agreement", agreement, higher=True,
    ),
    Fit(
        "AgglomerativeClustering ward 10k x 16", "cluster", 10_000, lambda count: (blobs(count, 16, 10, distance=1),),
        same("cluster", ward), "agreement", agreement, higher=True,
    ),
]  # fmt: skip
