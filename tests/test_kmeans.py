"""KMeans, MiniBatchKMeans and FuzzyCMeans: scikit-learn's results from the same start, and the estimator contract."""

from __future__ import annotations

import pickle
import subprocess
import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
import sklearn.cluster
from sklearn.callback import ProgressBar
from sklearn.datasets import make_blobs
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.estimator_checks import parametrize_with_checks

import nerve
from nerve.cluster import FuzzyCMeans, KMeans, MiniBatchKMeans, kmeans_plusplus
from nerve.cluster.lloyd import same_partition

ESTIMATORS = [KMeans, MiniBatchKMeans, FuzzyCMeans]


def blobs(rows: int = 1500, features: int = 7, clusters: int = 9, dtype: str = "float64") -> np.ndarray:
    x, _ = make_blobs(rows, features, centers=clusters, cluster_std=2.5, random_state=1)
    return x.astype(dtype)


def assert_same(ours: Any, theirs: Any, rtol: float) -> None:
    np.testing.assert_array_equal(ours.labels_, theirs.labels_)
    assert ours.labels_.dtype == theirs.labels_.dtype
    assert ours.cluster_centers_.dtype == theirs.cluster_centers_.dtype
    np.testing.assert_allclose(ours.cluster_centers_, theirs.cluster_centers_, rtol, 10 * rtol)
    assert ours.inertia_ == pytest.approx(theirs.inertia_, rel=rtol)
    assert ours.n_iter_ == theirs.n_iter_


# As of scikit-learn's own: initial centers are drawn, so that a weight is not the same as so many equal rows.
NOT_EQUIVALENT = {
    f"check_sample_weight_equivalence_on_{kind}_data": "random draws differ" for kind in ("dense", "sparse")
}


@pytest.mark.filterwarnings("ignore:Number of distinct clusters")
@parametrize_with_checks(
    [kind() for kind in ESTIMATORS], expected_failed_checks=lambda estimator: NOT_EQUIVALENT, xfail_strict=True
)
def test_contract(estimator: Any, check: Callable[[Any], None]) -> None:
    check(estimator)


# A float32 sum of squares over 1500 rows, as scikit-learn makes it: observed 3e-6.
@pytest.mark.parametrize(("dtype", "rtol"), [("float32", 2e-5), ("float64", 1e-11)])
@pytest.mark.parametrize("algorithm", ["lloyd", "elkan"])
@pytest.mark.parametrize("init", ["k-means++", "random", "array", "callable"])
@pytest.mark.parametrize("weighted", [False, True])
def test_kmeans_beside_scikit_learn(dtype: str, rtol: float, algorithm: str, init: str, weighted: bool) -> None:
    x = blobs(dtype=dtype)
    weights = np.random.default_rng(0).uniform(0.1, 2, len(x)) if weighted else None
    first = {"array": x[:9], "callable": lambda x, n, random_state: x[random_state.permutation(len(x))[:n]]}
    settings = {"init": first.get(init, init), "random_state": 3, "algorithm": algorithm}
    if init != "array":
        settings["n_init"] = 3
    assert_same(
        KMeans(9, **settings).fit(x, sample_weight=weights),
        sklearn.cluster.KMeans(9, **settings).fit(x, sample_weight=weights),
        rtol,
    )


@pytest.mark.parametrize("kind", [sp.csr_array, sp.csc_matrix])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sparse_rows(kind: Any, dtype: str) -> None:
    x = np.random.default_rng(0).poisson(0.3, (400, 30)).astype(dtype)
    weights = np.random.default_rng(1).uniform(0.5, 2, 400)
    rtol = 2e-5 if dtype == "float32" else 1e-11
    for ours, theirs in [(KMeans, sklearn.cluster.KMeans), (MiniBatchKMeans, sklearn.cluster.MiniBatchKMeans)]:
        fitted = ours(6, random_state=0).fit(kind(x), sample_weight=weights)
        expected = theirs(6, random_state=0).fit(kind(x), sample_weight=weights)
        assert_same(fitted, expected, rtol)
        np.testing.assert_array_equal(fitted.predict(kind(x)), expected.predict(x))
        np.testing.assert_allclose(fitted.transform(kind(x)), expected.transform(kind(x)), 1e-3, 1e-3)
        assert fitted.score(kind(x)) == pytest.approx(expected.score(kind(x)), rel=rtol)


@pytest.mark.parametrize("algorithm", ["lloyd", "elkan"])
@pytest.mark.parametrize("sparse", [False, True])
def test_empty_clusters_get_the_farthest_rows(algorithm: str, sparse: bool) -> None:
    x = blobs(300, 3, 5)
    init = np.concatenate([x[:3], np.full((3, 3), 1e3)])
    data = sp.csr_array(x) if sparse else x
    settings = {"n_clusters": 6, "init": init, "algorithm": algorithm}
    assert_same(KMeans(**settings).fit(data), sklearn.cluster.KMeans(**settings).fit(data), 1e-11)


def test_fewer_different_rows_than_clusters() -> None:
    x = np.repeat([[0.0, 1.0], [2.0, 0.0], [5.0, 5.0]], 4, axis=0)
    for algorithm in ("lloyd", "elkan"):
        with pytest.warns(ConvergenceWarning, match=r"distinct clusters \(3\) found smaller than n_clusters \(5\)"):
            fitted = KMeans(5, random_state=0, algorithm=algorithm).fit(x)
        assert fitted.inertia_ == 0
        assert np.isfinite(fitted.cluster_centers_).all()


@pytest.mark.parametrize("tol", [0, 1e-2, 1e-4])
@pytest.mark.parametrize("max_iter", [1, 4, 300])
def test_stops_where_scikit_learn_does(tol: float, max_iter: int, capsys: pytest.CaptureFixture[str]) -> None:
    x = blobs()
    settings = {"n_clusters": 9, "tol": tol, "max_iter": max_iter, "random_state": 0, "verbose": 1}
    printed, inertias = [], []
    for kind in (KMeans, sklearn.cluster.KMeans):
        kind(**settings).fit(x)
        lines = capsys.readouterr().out.splitlines()
        printed.append([line.split("inertia")[0].split("shift")[0] for line in lines])
        inertias.append([float(line.split("inertia")[1].strip(" .")) for line in lines if "inertia" in line])
    assert printed[0] == printed[1]
    np.testing.assert_allclose(inertias[0], inertias[1], 1e-9)


@pytest.mark.parametrize("copy_x", [True, False])
@pytest.mark.parametrize("mean", [0, 100])
def test_rows_are_left_as_they_were(copy_x: bool, mean: float) -> None:
    x = blobs()
    x += mean - x.mean(axis=0)
    before = x.copy()
    fitted = KMeans(9, copy_x=copy_x, random_state=0).fit(x)
    np.testing.assert_allclose(x, before, atol=0 if copy_x or mean == 0 else 1e-12)
    np.testing.assert_array_equal(fitted.labels_, KMeans(9, random_state=0).fit(before).labels_)


def test_a_large_mean_costs_no_digits() -> None:
    x = blobs(dtype="float32")
    far = (x.astype(np.float64) + 2**14).astype(np.float32)
    np.testing.assert_array_equal(
        KMeans(9, random_state=0).fit(far).labels_, sklearn.cluster.KMeans(9, random_state=0).fit(far).labels_
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("trials", [None, 1, 12])
def test_kmeans_plusplus_draws_the_same(dtype: str, sparse: bool, weighted: bool, trials: int | None) -> None:
    x = blobs(3000, dtype=dtype)
    weights = np.random.default_rng(0).uniform(size=len(x)) if weighted else None
    data = sp.csr_array(x) if sparse else x
    settings = {"sample_weight": weights, "random_state": 5, "n_local_trials": trials}
    centers, indices = kmeans_plusplus(data, 30, **settings)
    expected, expected_indices = sklearn.cluster.kmeans_plusplus(data, 30, **settings)
    np.testing.assert_array_equal(indices, expected_indices)
    np.testing.assert_array_equal(centers, expected)


@pytest.mark.parametrize(
    "settings",
    [
        {}, {"batch_size": 100, "tol": 1e-3, "max_no_improvement": None}, {"init": "random", "compute_labels": False},
        {"n_clusters": 60, "batch_size": 30, "reassignment_ratio": 0.5, "max_iter": 5}, {"init_size": 20, "n_init": 2},
    ],
)  # fmt: skip
@pytest.mark.parametrize("weighted", [False, True])
def test_mini_batches_beside_scikit_learn(settings: dict[str, Any], weighted: bool) -> None:
    x = blobs()
    weights = np.random.default_rng(0).uniform(0.1, 2, len(x)) if weighted else None
    both = []
    for kind in (MiniBatchKMeans, sklearn.cluster.MiniBatchKMeans):
        both.append(kind(**{"n_clusters": 9, "random_state": 2, **settings}).fit(x, sample_weight=weights))
    ours, theirs = both
    np.testing.assert_allclose(ours.cluster_centers_, theirs.cluster_centers_, 1e-9)
    assert (ours.n_steps_, ours.n_iter_) == (theirs.n_steps_, theirs.n_iter_)
    assert ours.inertia_ == pytest.approx(theirs.inertia_, rel=1e-9)
    assert hasattr(ours, "labels_") == hasattr(theirs, "labels_")


def test_partial_fit_beside_scikit_learn() -> None:
    x = blobs(dtype="float32")
    ours, theirs = MiniBatchKMeans(9, random_state=0), sklearn.cluster.MiniBatchKMeans(9, random_state=0)
    for start in range(0, 1500, 300):
        batch, weights = x[start : start + 300], np.linspace(0.5, 2, 300)
        ours.partial_fit(batch, sample_weight=weights)
        theirs.partial_fit(batch, sample_weight=weights)
        np.testing.assert_allclose(ours.cluster_centers_, theirs.cluster_centers_, 1e-4, 1e-4)
    np.testing.assert_array_equal(ours.labels_, theirs.labels_)
    assert ours.n_steps_ == theirs.n_steps_ == 5


def fuzzy_by_hand(x: np.ndarray, centers: np.ndarray, m: float) -> tuple[np.ndarray, np.ndarray]:
    """Memberships, and the centers that follow from them."""
    distances = np.sqrt(((x[:, None] - centers) ** 2).sum(axis=2))
    u = distances ** (-2 / (m - 1))
    u /= u.sum(axis=1, keepdims=True)
    return u, (u**m).T @ x / (u**m).sum(axis=0)[:, None]


@pytest.mark.parametrize("m", [1.3, 2.0, 3.0])
def test_fuzzy_steps(m: float) -> None:
    x = blobs(400, 3, 4)
    centers = init = x[:4] + 0.1
    for _ in range(12):
        _, centers = fuzzy_by_hand(x, centers, m)
    fitted = FuzzyCMeans(4, fuzzifier=m, init=init, max_iter=12, tol=0).fit(x)
    np.testing.assert_allclose(fitted.cluster_centers_, centers, 1e-9)
    u, _ = fuzzy_by_hand(x, fitted.cluster_centers_, m)
    np.testing.assert_allclose(fitted.memberships_, u, 1e-9, 1e-12)
    np.testing.assert_array_equal(fitted.labels_, u.argmax(axis=1))
    np.testing.assert_array_equal(fitted.predict_proba(x[:5]), fitted.memberships_[:5])
    assert fitted.objective_ == pytest.approx((u**m * fitted.transform(x) ** 2).sum())
    assert fitted.score(x) == pytest.approx(-fitted.objective_)


@pytest.mark.peers
def test_fuzzy_beside_scikit_fuzzy() -> None:
    cluster = pytest.importorskip("skfuzzy.cluster")
    x = blobs(600, 4, 5)
    memberships = np.random.default_rng(0).dirichlet(np.ones(5), len(x)).T
    powers = memberships**2
    init = powers @ x / powers.sum(axis=1, keepdims=True)
    centers, u, _, _, objectives, steps, _ = cluster.cmeans(x.T, 5, 2.0, 1e-9, 60, init=memberships)
    fitted = FuzzyCMeans(5, init=init, tol=0, max_iter=steps - 1).fit(x)
    np.testing.assert_allclose(fitted.cluster_centers_, centers, 1e-7)
    np.testing.assert_allclose(fitted.memberships_, u.T, 1e-6, 1e-9)
    assert fitted.objective_ == pytest.approx(objectives[-1], rel=1e-9)


def test_fuzzy_weights_are_repetitions() -> None:
    x, times = blobs(200, 3, 4), np.random.default_rng(0).integers(1, 4, 200)
    weighted = FuzzyCMeans(4, init=x[:4], tol=0, max_iter=20).fit(x, sample_weight=times)
    repeated = FuzzyCMeans(4, init=x[:4], tol=0, max_iter=20).fit(np.repeat(x, times, axis=0))
    np.testing.assert_allclose(weighted.cluster_centers_, repeated.cluster_centers_, 1e-9)
    assert weighted.objective_ == pytest.approx(repeated.objective_)


@pytest.mark.parametrize("kind", ESTIMATORS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_threads_give_the_same_bits(kind: Any, dtype: str) -> None:
    x, before, found = blobs(4000, 20, 40, dtype), nerve.num_threads(), []
    try:
        for threads in (1, 2, 5):
            nerve.set_num_threads(threads)
            found.append(kind(40, random_state=0, n_init=1, max_iter=20).fit(x))
    finally:
        nerve.set_num_threads(before)
    for other in found[1:]:
        assert found[0].cluster_centers_.tobytes() == other.cluster_centers_.tobytes()
        assert found[0].labels_.tobytes() == other.labels_.tobytes()


@pytest.mark.parametrize("kind", ESTIMATORS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtypes_pickles_and_frames(kind: Any, dtype: str) -> None:
    x = blobs(200, 3, 4, dtype)
    model = kind(4, random_state=0).set_output(transform="pandas")
    pytest.importorskip("pandas")
    frame = model.fit_transform(x)
    assert list(frame.columns) == [f"{kind.__name__.lower()}{i}" for i in range(4)]
    assert frame.to_numpy().dtype == model.cluster_centers_.dtype == dtype
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(x), model.labels_)
    np.testing.assert_array_equal(again.fit_predict(x), model.labels_)


class Listener:
    """Counts tasks, and stops a run after some steps."""

    def __init__(self, steps: int) -> None:
        self.steps, self.began, self.scores = steps, [], []

    def setup(self, estimator: Any, context: Any) -> None: ...
    def teardown(self, estimator: Any, context: Any) -> None: ...

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        self.began.append(context.task_name)

    def on_fit_task_end(self, estimator: Any, context: Any, *, X: Any, fitted_estimator: Any) -> bool:
        if context.task_name == "step":
            self.scores.append(fitted_estimator.score(X))
        return context.task_name == "step" and context.task_id == self.steps - 1


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_callbacks(kind: Any) -> None:
    x = blobs(400, 3, 4)
    listener = Listener(3)
    model = kind(4, init="random", n_init=1, random_state=0, tol=0).set_callbacks(listener, ProgressBar())
    model.fit(x)
    runs = ["run"] if kind is not MiniBatchKMeans else []
    assert listener.began == ["fit", *runs, "step", "step", "step"]
    assert (model.n_steps_ if kind is MiniBatchKMeans else model.n_iter_) == 3
    assert listener.scores[-1] == pytest.approx(model.score(x))
    assert listener.scores == sorted(listener.scores) or kind is MiniBatchKMeans


@pytest.mark.parametrize("kind", [KMeans, MiniBatchKMeans])
@pytest.mark.parametrize(
    ("settings", "data"),
    [
        ({"n_clusters": 0}, [[0.0], [1.0]]),
        ({"n_clusters": 3}, [[0.0], [1.0]]),
        ({"n_clusters": 1, "init": [[0.0, 1.0]]}, [[0.0], [1.0]]),
        ({"n_clusters": 2, "init": [[0.0]]}, [[0.0], [1.0]]),
        ({"n_clusters": 1, "init": "nearest"}, [[0.0], [1.0]]),
        ({"n_clusters": 1}, [[0.0], [np.nan]]),
        ({"n_clusters": 1}, [[0.0], [np.inf]]),
        ({"n_clusters": 1, "tol": -1.0}, [[0.0], [1.0]]),
    ],
)
def test_bad_input_raises_what_scikit_learn_raises(kind: Any, settings: dict[str, Any], data: Any) -> None:
    with pytest.raises(ValueError, match=r"\w") as expected:
        getattr(sklearn.cluster, kind.__name__)(**settings).fit(data)
    with pytest.raises(ValueError, match=r"\w") as raised:
        kind(**settings).fit(data)
    assert str(raised.value) == str(expected.value)


def test_warnings_of_scikit_learn() -> None:
    x = blobs(100, 3, 4)
    with pytest.warns(RuntimeWarning, match="performing only one init in KMeans instead of n_init=3"):
        KMeans(4, init=x[:4], n_init=3).fit(x)
    with pytest.warns(RuntimeWarning, match="doesn't make sense for a single cluster"):
        KMeans(1, algorithm="elkan").fit(x)
    with pytest.warns(RuntimeWarning, match=r"init_size=2 should be larger than n_clusters=4"):
        MiniBatchKMeans(4, init_size=2).fit(x)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        KMeans(4).fit(x)


def test_partitions_are_the_same_up_to_names() -> None:
    labels = np.array([0, 1, 2, 1], np.int32)
    assert same_partition(labels, np.array([2, 0, 1, 0], np.int32), 3)
    assert not same_partition(labels, np.array([2, 0, 1, 1], np.int32), 3)


MEMORY = """
import resource, sys, numpy as np, nerve
from nerve.cluster import KMeans
rows, features, clusters = map(int, sys.argv[1:])
x = np.random.default_rng(0).standard_normal((rows, features), np.float32)
KMeans(2, n_init=1, max_iter=1).fit(x[:1000])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
KMeans(clusters, init=x[:clusters], n_init=1, max_iter=1).fit(x)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in KB on Linux")
@pytest.mark.parametrize("shape", [(100_000, 4, 1500), (250_000, 100, 2)])
def test_neither_a_matrix_of_rows_by_clusters_nor_a_copy(shape: tuple[int, int, int]) -> None:
    """The first would take 572 MB here, the second, of rows around zero, 95 MB."""
    command = [sys.executable, "-c", MEMORY, *map(str, shape)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 64
