"""DBSCAN beside scikit-learn's."""

from __future__ import annotations

import pickle
import re
from typing import Any

import numpy as np
import pytest
import scipy.sparse
import sklearn.cluster
from sklearn.datasets import make_blobs
from sklearn.metrics import pairwise_distances
from sklearn.utils.estimator_checks import parametrize_with_checks

import nerve
from nerve import kernels
from nerve.cluster import DBSCAN, dbscan


def blobs(n: int, features: int = 3, dtype: str = "float32") -> np.ndarray:
    return make_blobs(n, n_features=features, centers=8, cluster_std=1.0, random_state=0)[0].astype(dtype)


def both(x: Any, sample_weight: Any = None, **kwargs: Any) -> Any:
    ours = DBSCAN(**kwargs).fit(x, sample_weight=sample_weight)
    theirs = sklearn.cluster.DBSCAN(**kwargs).fit(x, sample_weight=sample_weight)
    for name in ("labels_", "core_sample_indices_"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name), err_msg=name)
        assert getattr(ours, name).dtype == getattr(theirs, name).dtype
    components = [c.toarray() if scipy.sparse.issparse(c) else c for c in (ours.components_, theirs.components_)]
    np.testing.assert_array_equal(*components)
    assert components[0].dtype == components[1].dtype
    return ours


@parametrize_with_checks([DBSCAN()])
def test_scikit_learn_checks(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("features", [1, 3, 6, 7, 20])
def test_same_labels_as_scikit_learn(features: int, dtype: str) -> None:
    x = blobs(1500, features, dtype)
    eps = float(np.quantile(pairwise_distances(x[:200]), 0.02))
    for min_samples in (1, 2, 5, 40):
        fitted = both(x, eps=eps, min_samples=min_samples)
    assert -1 in fitted.labels_


@pytest.mark.parametrize("algorithm", ["auto", "brute", "kd_tree", "ball_tree"])
@pytest.mark.parametrize("metric", ["euclidean", "l1", "cityblock", "chebyshev"])
def test_metrics_and_algorithms(metric: str, algorithm: str) -> None:
    both(blobs(400, 4, "float64"), eps=1.5, metric=metric, algorithm=algorithm)


def test_minkowski_cosine_and_functions() -> None:
    x = blobs(300, 4, "float64")
    for p in (1, 2, 3):
        fitted = both(x, eps=1.5, metric="minkowski", p=p)
        if p == 2:  # as if not given, which theirs does not take for some searches
            np.testing.assert_array_equal(DBSCAN(eps=1.5, metric="minkowski").fit(x).labels_, fitted.labels_)
    both(x, eps=0.01, metric="cosine")
    both(np.vstack([np.zeros((9, 4)), x]).astype(np.float32), eps=0.01, metric="cosine", algorithm="brute")
    both(x[:80], eps=2.0, metric=lambda a, b: float(np.abs(a - b).max()))
    both(x, eps=1.5, metric="minkowski", metric_params={"p": 3})


def test_given_distances_and_sparse_samples() -> None:
    x = blobs(300, 3, "float64")
    distances = pairwise_distances(x)
    both(distances, eps=0.8, metric="precomputed")
    near = scipy.sparse.csr_array(np.where(distances < 1.5, distances, 0))
    both(near, eps=0.8, metric="precomputed")
    both(scipy.sparse.csr_array(np.where(np.abs(x) > 1, x, 0)), eps=0.8)
    both(distances + np.eye(300), eps=0.8, min_samples=3, metric="precomputed")  # none is its own neighbour


def test_neighbors_at_the_very_distance_and_equal_samples() -> None:
    grid = np.stack(np.meshgrid(*[np.arange(8)] * 3), axis=-1).reshape(-1, 3)
    both(grid, eps=1, min_samples=6)
    both(np.concatenate([grid, grid, grid[:100] * 3]).astype("float32"), eps=1.0, min_samples=10)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("at_once", [1, 1000, dbscan._NEIGHBORS_AT_ONCE])
def test_blocks_change_nothing(at_once: int, weighted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dbscan, "_NEIGHBORS_AT_ONCE", at_once)
    weights = np.random.default_rng(0).integers(-1, 4, 600) if weighted else None
    for algorithm in ("kd_tree", "brute"):
        both(blobs(600, dtype="float64"), weights, eps=0.6, algorithm=algorithm)


def test_weights() -> None:
    x = blobs(500)
    rng = np.random.default_rng(0)
    both(x, rng.integers(0, 3, 500), eps=0.6)
    both(x, np.full(500, 0.25), eps=0.6)
    both(x, eps=0.6, sample_weight=np.where(rng.uniform(size=500) < 0.1, -5.0, 1.0))
    both(x, eps=1e-9, sample_weight=rng.integers(4, 7, 500))  # cores by themselves
    repeated = np.repeat(x, 3, axis=0)
    np.testing.assert_array_equal(
        DBSCAN(eps=0.6).fit(repeated).labels_[::3], DBSCAN(eps=0.6).fit(x, sample_weight=np.full(500, 3)).labels_
    )


def test_threads_give_the_same_labels() -> None:
    x, before, found = blobs(4000), nerve.num_threads(), []
    try:
        for threads in (1, 2, 5):
            nerve.set_num_threads(threads)
            found.append(DBSCAN(eps=0.4).fit(x).labels_)
    finally:
        nerve.set_num_threads(before)
    assert np.array_equal(found[0], found[1])
    assert np.array_equal(found[0], found[2])


@pytest.mark.parametrize(
    ("x", "kwargs"),
    [
        (blobs(9), {"eps": 0.0}),
        (blobs(9), {"eps": -1.0}),
        (blobs(9), {"min_samples": 0}),
        (blobs(9), {"metric": "no such"}),
        (blobs(9), {"algorithm": "no such"}),
        (blobs(9), {"leaf_size": 0}),
        (blobs(9), {"metric": "precomputed"}),
        ([[1.0, np.nan]], {}),
        (np.zeros((0, 3)), {}),
        ([1.0, 2.0], {}),
    ],
)
def test_same_errors_as_scikit_learn(x: Any, kwargs: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError)) as theirs:
        sklearn.cluster.DBSCAN(**kwargs).fit(x)
    with pytest.raises(theirs.type) as ours:
        DBSCAN(**kwargs).fit(x)
    words = [sorted(re.findall(r"\w+", str(error.value))) for error in (ours, theirs)]  # options are in a set's order
    assert words[0] == words[1]


def test_noise_alone_and_pickling() -> None:
    fitted = both(blobs(50), eps=1e-6)
    assert (fitted.labels_ == -1).all()
    fitted = DBSCAN(eps=1.0).fit(blobs(50))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(fitted)).labels_, fitted.labels_)


def test_counts_are_those_of_the_neighbors() -> None:
    x = blobs(300)
    for algorithm in ("brute", "kd_tree"):
        counts = kernels.radius_counts(x, x, 0.7, algorithm=algorithm)
        np.testing.assert_array_equal(counts, np.diff(kernels.radius_neighbors(x, x, 0.7, algorithm=algorithm)[0]))
    with pytest.raises(ValueError, match=r"^\[radius_counts\] radius expects a number >= 0"):
        kernels.radius_counts(x, x, -1)


def test_callbacks(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = []

    class Listener:
        def setup(self, estimator: Any, context: Any) -> None: ...
        def teardown(self, estimator: Any, context: Any) -> None: ...
        def on_fit_task_begin(self, estimator: Any, context: Any) -> None: ...

        def on_fit_task_end(self, estimator: Any, context: Any) -> bool:
            ended.append(context.task_name)
            return True  # which does not end the fit

    x = make_blobs(300, 2, random_state=0)[0]
    expected = DBSCAN().fit(x).labels_
    monkeypatch.setattr("nerve.cluster.dbscan._NEIGHBORS_AT_ONCE", 1000)
    np.testing.assert_array_equal(DBSCAN().set_callbacks(Listener()).fit(x).labels_, expected)
    assert ended[0] == "density"
    assert ended[-1] == "fit"
    assert ended.count("neighborhoods") == len(ended) - 2 > 3
