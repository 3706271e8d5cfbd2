"""Estimators on CuPy arrays, on its stand-in: the results of the same arrays in the host's memory, on the GPU."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from nerve.cluster import KMeans
from nerve.decomposition import PCA
from nerve.errors import DeviceError
from nerve.neighbors import NearestNeighbors

from . import fake_cupy
from .cuda_shim import CudaShim
from .test_cuda import shim  # noqa: F401 - a fixture

RNG = np.random.default_rng(0)
X = np.concatenate([RNG.normal(center, 0.3, (20, 3)) for center in ((0, 0, 0), (4, 0, 1), (0, 5, 2))])
NEW = RNG.normal(size=(7, 3)) * 2


@pytest.fixture
def cupy(shim: CudaShim) -> Iterator[ModuleType]:  # noqa: F811
    with fake_cupy.installed(shim) as module:
        yield module


@pytest.mark.parametrize("init", ["k-means++", "random", X[:3], lambda X, n, random_state: X[:n]])
def test_kmeans(init: Any, cupy: ModuleType) -> None:
    weights = np.linspace(0.5, 2, len(X))
    here = KMeans(3, init=init, n_init=2 if isinstance(init, str) else 1, random_state=0).fit(X, sample_weight=weights)
    there = KMeans(3, init=init, n_init=2 if isinstance(init, str) else 1, random_state=0)
    labels = there.fit_predict(cupy.asarray(X), sample_weight=cupy.asarray(weights))
    np.testing.assert_array_equal(labels.get(), here.labels_)
    np.testing.assert_allclose(there.cluster_centers_.get(), here.cluster_centers_, 1e-10)
    np.testing.assert_allclose(there.inertia_, here.inertia_)
    assert there.n_iter_ == here.n_iter_
    new = cupy.asarray(NEW)
    np.testing.assert_array_equal(there.predict(new).get(), here.predict(NEW))
    np.testing.assert_allclose(there.transform(new).get(), here.transform(NEW))
    np.testing.assert_allclose(there.score(new), here.score(NEW))


def test_kmeans_with_clusters_that_become_empty(cupy: ModuleType) -> None:
    far = np.concatenate([X[:2], np.full((1, 3), 100.0)])
    here = KMeans(3, init=far).fit(X)
    there = KMeans(3, init=far).fit(cupy.asarray(X))
    np.testing.assert_array_equal(there.labels_.get(), here.labels_)


@pytest.mark.parametrize("whiten", [False, True])
@pytest.mark.parametrize("n_components", [2, 0.9, None])
def test_pca(n_components: Any, whiten: bool, cupy: ModuleType) -> None:
    here = PCA(n_components, whiten=whiten, svd_solver="covariance_eigh").fit(X)
    there = PCA(n_components, whiten=whiten)
    made = there.fit_transform(cupy.asarray(X))
    np.testing.assert_allclose(made.get(), here.transform(X), 1e-9, 1e-9)
    np.testing.assert_allclose(there.explained_variance_ratio_.get(), here.explained_variance_ratio_)
    np.testing.assert_allclose(there.transform(cupy.asarray(NEW)).get(), here.transform(NEW), 1e-9, 1e-9)
    np.testing.assert_allclose(
        there.inverse_transform(made).get(), here.inverse_transform(here.transform(X)), 1e-9, 1e-9
    )
    with pytest.raises(DeviceError, match=r"\[PCA\] svd_solver='randomized' needs X in the host's memory"):
        PCA(2, svd_solver="randomized").fit(cupy.asarray(X))


@pytest.mark.parametrize("metric", ["euclidean", "manhattan"])
def test_nearest_neighbors(metric: str, cupy: ModuleType) -> None:
    here = NearestNeighbors(n_neighbors=4, metric=metric).fit(X)
    there = NearestNeighbors(n_neighbors=4, metric=metric).fit(cupy.asarray(X))
    for queries in (NEW, None):
        distances, indices = there.kneighbors(None if queries is None else cupy.asarray(queries))
        expected = here.kneighbors(queries)
        np.testing.assert_allclose(distances.get(), expected[0])
        np.testing.assert_array_equal(indices.get(), expected[1])
    found = there.radius_neighbors(cupy.asarray(NEW), 3.0, return_distance=False)
    for got, want in zip(found, here.radius_neighbors(NEW, 3.0, return_distance=False), strict=True):
        np.testing.assert_array_equal(np.sort(got.get()), np.sort(want))
    with pytest.raises(DeviceError, match=r"metric='cosine' needs X in the host's memory"):
        NearestNeighbors(metric="cosine").fit(cupy.asarray(X))


def test_data_are_checked(cupy: ModuleType) -> None:
    model = KMeans(2, random_state=0).fit(cupy.asarray(X))
    for data, message in (
        (np.full((3, 3), np.nan), "contains NaN or infinity"),
        (np.ones(3), "Expected 2D array, got 1D array instead"),
        (np.ones((0, 3)), r"Found array with 0 sample\(s\)"),
        (np.ones((2, 4)), "X has 4 features, but KMeans is expecting 3 features as input"),
    ):
        with pytest.raises(ValueError, match=message):
            model.predict(cupy.asarray(data))
    with pytest.raises(DeviceError, match=r"\[KMeans\] got X in the host's memory, and was fitted with.* on the GPU"):
        model.predict(X)
    with pytest.raises(DeviceError, match="sample_weight in the host's memory"):
        model.fit(cupy.asarray(X), sample_weight=np.ones(len(X)))
    with pytest.raises(DeviceError, match="was fitted with data in the host's memory"):
        PCA().fit(X).transform(cupy.asarray(X))
