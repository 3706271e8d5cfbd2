"""Estimators on CuPy arrays, on its stand-in: the results of the same arrays in the host's memory, on the GPU."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from nerve.cluster import KMeans, MiniBatchKMeans
from nerve.decomposition import PCA
from nerve.errors import DeviceError
from nerve.mixture import GaussianMixture
from nerve.neighbors import (
    KNeighborsClassifier,
    KNeighborsRegressor,
    NearestNeighbors,
    RadiusNeighborsClassifier,
    RadiusNeighborsRegressor,
)

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


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("init", ["k-means++", "random", X[:3], lambda X, n, random_state: X[:n]])
def test_mini_batch_kmeans(init: Any, dtype: Any, cupy: ModuleType) -> None:
    x, new, weights = X.astype(dtype), NEW.astype(dtype), np.linspace(0.5, 2, len(X)).astype(dtype)
    options = {
        "init": init,
        "batch_size": 16,
        "random_state": 0,
        "tol": 1e-4,
        "n_init": 2 if isinstance(init, str) else 1,
    }
    here = MiniBatchKMeans(3, **options).fit(x, sample_weight=weights)
    there = MiniBatchKMeans(3, **options)
    labels = there.fit_predict(cupy.asarray(x), sample_weight=cupy.asarray(weights))
    np.testing.assert_array_equal(labels.get(), here.labels_)
    tolerance = 1e-10 if dtype == np.float64 else 1e-4
    assert there.cluster_centers_.dtype == dtype
    np.testing.assert_allclose(there.cluster_centers_.get(), here.cluster_centers_, tolerance, tolerance)
    np.testing.assert_allclose(there.inertia_, here.inertia_, tolerance)
    assert (there.n_iter_, there.n_steps_) == (here.n_iter_, here.n_steps_)
    np.testing.assert_array_equal(there.predict(cupy.asarray(new)).get(), here.predict(new))
    np.testing.assert_allclose(there.transform(cupy.asarray(new)).get(), here.transform(new), tolerance)
    np.testing.assert_allclose(there.score(cupy.asarray(new)), here.score(new), tolerance)


def test_mini_batch_kmeans_that_puts_centers_elsewhere(cupy: ModuleType) -> None:
    far = np.concatenate([X[:2], np.full((1, 3), 100.0)])
    options = {"init": far, "batch_size": 16, "random_state": 0, "compute_labels": False}
    here = MiniBatchKMeans(3, **options).fit(X)
    there = MiniBatchKMeans(3, **options).fit(cupy.asarray(X))
    assert here.cluster_centers_.max() < 50
    np.testing.assert_allclose(there.cluster_centers_.get(), here.cluster_centers_)
    np.testing.assert_allclose(there.inertia_, here.inertia_)
    for rows in (X[:30], X[30:]):
        here.partial_fit(rows)
        there.partial_fit(cupy.asarray(rows))
    np.testing.assert_allclose(there.cluster_centers_.get(), here.cluster_centers_)
    with pytest.raises(DeviceError, match="was fitted with data on the GPU"):
        there.partial_fit(X)


def test_mini_batch_kmeans_in_parts(cupy: ModuleType) -> None:
    here, there = (MiniBatchKMeans(3, random_state=1) for _ in range(2))
    for rows in np.array_split(X, 4):
        here.partial_fit(rows, sample_weight=rows[:, 0] ** 2)
        there.partial_fit(cupy.asarray(rows), sample_weight=cupy.asarray(rows[:, 0] ** 2))
        np.testing.assert_array_equal(there.labels_.get(), here.labels_)
    np.testing.assert_allclose(there.cluster_centers_.get(), here.cluster_centers_)
    assert there.n_steps_ == here.n_steps_ == 4


def same_mixture(there: GaussianMixture, here: GaussianMixture, cupy: ModuleType, tolerance: float = 1e-7) -> None:
    for name in ("weights_", "means_", "covariances_", "precisions_", "precisions_cholesky_"):
        found = getattr(there, name)
        assert found.dtype == getattr(here, name).dtype
        np.testing.assert_allclose(found.get(), getattr(here, name), tolerance, tolerance)
    np.testing.assert_allclose(there.lower_bounds_, here.lower_bounds_, tolerance)
    assert (there.n_iter_, there.converged_) == (here.n_iter_, here.converged_)
    new = cupy.asarray(NEW)
    np.testing.assert_array_equal(there.predict(new).get(), here.predict(NEW))
    for method in ("predict_proba", "score_samples"):
        np.testing.assert_allclose(getattr(there, method)(new).get(), getattr(here, method)(NEW), tolerance, tolerance)
    for method in ("score", "aic", "bic"):
        np.testing.assert_allclose(getattr(there, method)(new), getattr(here, method)(NEW), tolerance)
    for found, expected in zip(there.sample(9), here.sample(9), strict=True):
        np.testing.assert_allclose(found.get(), expected, tolerance, tolerance)


@pytest.mark.parametrize("init_params", ["kmeans", "k-means++", "random", "random_from_data"])
@pytest.mark.parametrize("covariance_type", ["full", "tied", "diag", "spherical"])
def test_gaussian_mixture(covariance_type: str, init_params: str, cupy: ModuleType) -> None:
    options = {"covariance_type": covariance_type, "init_params": init_params, "random_state": 0}
    here, there = (GaussianMixture(3, max_iter=5, tol=0.5, **options) for _ in range(2))
    labels = there.fit_predict(cupy.asarray(X))
    np.testing.assert_array_equal(labels.get(), here.fit_predict(X))
    same_mixture(there, here, cupy)


def test_gaussian_mixture_in_float32(cupy: ModuleType) -> None:
    here = GaussianMixture(3, random_state=0, n_init=2).fit(X.astype(np.float32))
    there = GaussianMixture(3, random_state=0, n_init=2).fit(cupy.asarray(X.astype(np.float32)))
    same_mixture(there, here, cupy, 1e-3)


def test_gaussian_mixture_from_given_parameters(cupy: ModuleType) -> None:
    given = {"weights_init": np.full(3, 1 / 3), "means_init": X[[0, 20, 40]], "precisions_init": np.ones((3, 3))}
    here = GaussianMixture(3, covariance_type="diag", random_state=0, **given).fit(X)
    there = GaussianMixture(
        3, covariance_type="diag", random_state=0, **{name: cupy.asarray(each) for name, each in given.items()}
    )
    same_mixture(there.fit(cupy.asarray(X)), here, cupy)


def test_gaussian_mixture_goes_on(cupy: ModuleType) -> None:
    here, there = (GaussianMixture(3, random_state=0, warm_start=True, max_iter=2, tol=0) for _ in range(2))
    for _ in range(2):
        with pytest.warns(ConvergenceWarning):
            here.fit(X)
        with pytest.warns(ConvergenceWarning):
            there.fit(cupy.asarray(X))
    same_mixture(there, here, cupy)
    with pytest.raises(DeviceError, match=r"\[GaussianMixture\] got X in the host's memory"):
        there.fit(X)
    with pytest.raises(DeviceError, match=r"\[GaussianMixture\] got X in the host's memory"):
        there.predict(X)
    with pytest.raises(ValueError, match="minimum of 2"):
        GaussianMixture().fit(cupy.asarray(X[:1]))


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


def test_pca_of_squares_that_overflow(cupy: ModuleType) -> None:
    large = (X * 1e30).astype(np.float32)  # finite, unlike its covariance
    for x in (large, cupy.asarray(large)):
        with pytest.raises(np.linalg.LinAlgError):
            PCA(2, svd_solver="covariance_eigh").fit(x)


@pytest.mark.parametrize("metric", ["euclidean", "manhattan", "cosine"])
def test_nearest_neighbors(metric: str, cupy: ModuleType) -> None:
    here = NearestNeighbors(n_neighbors=4, metric=metric).fit(X)
    there = NearestNeighbors(n_neighbors=4, metric=metric).fit(cupy.asarray(X))
    for queries in (NEW, None):
        distances, indices = there.kneighbors(None if queries is None else cupy.asarray(queries))
        expected = here.kneighbors(queries)
        np.testing.assert_allclose(distances.get(), expected[0])
        np.testing.assert_array_equal(indices.get(), expected[1])
    radius = 0.1 if metric == "cosine" else 3.0
    found = there.radius_neighbors(cupy.asarray(NEW), radius, return_distance=False)
    for got, want in zip(found, here.radius_neighbors(NEW, radius, return_distance=False), strict=True):
        np.testing.assert_array_equal(np.sort(got.get()), np.sort(want))
    for graph in (there.kneighbors_graph, there.radius_neighbors_graph):
        with pytest.raises(DeviceError, match="graphs are SciPy's, and need the data in the host's memory"):
            graph(cupy.asarray(NEW))
    with pytest.raises(DeviceError, match=r"metric='chebyshev' needs X in the host's memory"):
        NearestNeighbors(metric="chebyshev").fit(cupy.asarray(X))


LABELS = np.repeat([5, 2, 9], 20)
WEIGHTS = ["uniform", "distance", lambda distances: 1 / (1 + distances)]


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("kind", [KNeighborsClassifier, RadiusNeighborsClassifier])
def test_classifiers(kind: Any, weights: Any, cupy: ModuleType) -> None:
    options = {"n_neighbors": 4} if kind is KNeighborsClassifier else {"radius": 4.0}
    queries = np.concatenate([NEW, X[:2], NEW[:1] * 50])  # at points, and far from all
    two = np.stack([LABELS, np.arange(60) % 2], axis=1)
    for y, outliers in ((LABELS, 2), (two, [2, 0])):
        if kind is RadiusNeighborsClassifier:
            options["outlier_label"] = outliers
        here = kind(weights=weights, **options).fit(X, y)
        for labels in (y, cupy.asarray(y)):
            there = kind(weights=weights, **options).fit(cupy.asarray(X), labels)
            found = there.predict(cupy.asarray(queries))
            assert isinstance(found, cupy.ndarray)
            assert found.dtype == y.dtype
            np.testing.assert_array_equal(found.get(), here.predict(queries))
        shares, expected = there.predict_proba(cupy.asarray(queries)), here.predict_proba(queries)
        for some, want in zip(*([each] if y.ndim == 1 else each for each in (shares, expected)), strict=True):
            np.testing.assert_allclose(some.get(), want, 1e-12)
    options.pop("outlier_label", None)
    here, there = (kind(weights=weights, **options) for _ in range(2))
    here.fit(X, LABELS)
    there.fit(cupy.asarray(X), LABELS)
    wrong = np.where(np.arange(60) % 7, LABELS, 2)
    for sample_weight in (None, np.linspace(1, 2, 60)):
        given = None if sample_weight is None else cupy.asarray(sample_weight)
        expected = here.score(X, wrong, sample_weight)
        assert there.score(cupy.asarray(X), cupy.asarray(wrong), given) == pytest.approx(expected)
        assert 0.5 < expected < 1
    text = LABELS.astype(str)
    if kind is RadiusNeighborsClassifier:
        options["outlier_label"] = "2"
    named = kind(weights=weights, **options).fit(cupy.asarray(X), text).predict(cupy.asarray(queries))
    np.testing.assert_array_equal(named, kind(weights=weights, **options).fit(X, text).predict(queries))


def test_classifier_without_the_point_itself(cupy: ModuleType) -> None:
    here, there = KNeighborsClassifier(3).fit(X, LABELS), KNeighborsClassifier(3).fit(cupy.asarray(X), LABELS)
    np.testing.assert_array_equal(there.predict(None).get(), here.predict(None))
    by_points = KNeighborsClassifier(3).fit(NearestNeighbors().fit(cupy.asarray(X)), LABELS)
    np.testing.assert_array_equal(by_points.predict(cupy.asarray(NEW)).get(), here.predict(NEW))


def test_outliers(cupy: ModuleType) -> None:
    queries = np.concatenate([NEW, NEW[:1] * 50])
    here, there = (RadiusNeighborsClassifier(4.0, outlier_label="most_frequent") for _ in range(2))
    here.fit(X, LABELS)
    there.fit(cupy.asarray(X), cupy.asarray(LABELS))
    assert there.outlier_label_ == here.outlier_label_
    np.testing.assert_array_equal(there.predict(cupy.asarray(queries)).get(), here.predict(queries))
    there.set_params(outlier_label=77).fit(cupy.asarray(X), LABELS)
    with pytest.warns(UserWarning, match="Outlier label 77 is not in training classes"):
        assert there.predict(cupy.asarray(queries)).get()[-1] == 77
    with pytest.raises(ValueError, match=r"No neighbors found for test samples array\(\[3, 7\]"):
        there.set_params(outlier_label=None).fit(cupy.asarray(X), LABELS).predict(cupy.asarray(queries))


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("kind", [KNeighborsRegressor, RadiusNeighborsRegressor])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
def test_regressors(dtype: Any, kind: Any, weights: Any, cupy: ModuleType) -> None:
    options = {"n_neighbors": 4} if kind is KNeighborsRegressor else {"radius": 6.0}
    queries = np.concatenate([NEW, X[:2]])
    for y in ((X[:, 0] * 10).astype(dtype), (X[:, :2] * 10).astype(dtype)):
        here = kind(weights=weights, **options).fit(X, y)
        there = kind(weights=weights, **options).fit(cupy.asarray(X), cupy.asarray(y))
        found, expected = there.predict(cupy.asarray(queries)), here.predict(queries)
        assert found.dtype == expected.dtype
        np.testing.assert_allclose(found.get(), expected, 1e-6 if dtype == np.float32 else 1e-12)
        score = there.score(cupy.asarray(X), cupy.asarray(y))
        assert score == pytest.approx(here.score(X, y), rel=1e-6)


def test_regressor_far_from_all(cupy: ModuleType) -> None:
    there = RadiusNeighborsRegressor(1.0).fit(cupy.asarray(X), cupy.asarray(X[:, 0]))
    with pytest.warns(UserWarning, match="predicting NaN"):
        found = there.predict(cupy.asarray(np.concatenate([X[:1], X[:1] + 100]))).get()
    np.testing.assert_array_equal(np.isnan(found), [False, True])


def test_targets_are_checked(cupy: ModuleType) -> None:
    x, y = cupy.asarray(X), X[:, 0]
    for kind in (KNeighborsRegressor, RadiusNeighborsRegressor, KNeighborsClassifier, RadiusNeighborsClassifier):
        with pytest.raises(DeviceError, match=rf"\[{kind.__name__}\] got X in the host's memory and y on the GPU"):
            kind().fit(X, cupy.asarray(LABELS))
        with pytest.raises(ValueError, match="inconsistent numbers of samples: \\[60, 59\\]"):
            kind().fit(x, cupy.asarray(y[1:]))
        fitted = kind().fit(x, cupy.asarray(LABELS))
        with pytest.raises(DeviceError, match=r"got X in the host's memory, and was fitted with data on the GPU"):
            fitted.predict(X)
    with pytest.raises(DeviceError, match=r"\[KNeighborsRegressor\] got X on the GPU and y in the host's memory"):
        KNeighborsRegressor().fit(x, y)
    with pytest.raises(ValueError, match="Input y contains NaN"):
        KNeighborsRegressor().fit(x, cupy.asarray(np.where(y > 0, y, np.nan)))
    with pytest.raises(
        ValueError, match=r"expects y of real numbers in 1 or 2 dimensions, got float64 of \(60, 1, 1\)"
    ):
        KNeighborsRegressor().fit(x, cupy.asarray(y[:, None, None]))
    with pytest.raises(ValueError, match="Unknown label type"):
        KNeighborsClassifier().fit(x, cupy.asarray(y))


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
