"""Clusterings with a tree: agglomerative beside scikit-learn's, divisive beside the book and the reference."""

from __future__ import annotations

import pickle
import re
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import scipy.cluster.hierarchy
import sklearn.cluster
from sklearn.callback import ProgressBar
from sklearn.metrics import adjusted_rand_score, pairwise_distances
from sklearn.neighbors import kneighbors_graph
from sklearn.utils.estimator_checks import parametrize_with_checks

import nerve
from nerve import kernels
from nerve.cluster import AgglomerativeClustering, DivisiveClustering
from nerve.kernels import hierarchy

LINKAGES = ("ward", "complete", "average", "single")


def points(n: int, features: int = 4, seed: int = 0, dtype: str = "float32") -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, features)).astype(dtype)


def both(x: Any, **kwargs: Any) -> tuple[Any, Any]:
    ours = AgglomerativeClustering(**kwargs).fit(x)
    theirs = sklearn.cluster.AgglomerativeClustering(**kwargs).fit(x)
    for name in ("labels_", "children_", "n_leaves_", "n_clusters_", "n_connected_components_"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name), err_msg=name)
        assert np.asarray(getattr(ours, name)).dtype == np.asarray(getattr(theirs, name)).dtype
    assert sorted(vars(ours)) == sorted(vars(theirs))
    return ours, theirs


@parametrize_with_checks([AgglomerativeClustering(), AgglomerativeClustering(linkage="single"), DivisiveClustering()])
def test_scikit_learn_checks(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", [2, 3, 9, 300, 1500])
@pytest.mark.parametrize("linkage", LINKAGES)
def test_same_tree_as_scikit_learn(linkage: str, n: int, dtype: str) -> None:
    for n_clusters in {1, 2, min(n, 23)}:
        ours, theirs = both(points(n, dtype=dtype), linkage=linkage, n_clusters=n_clusters, compute_distances=True)
        if linkage == "ward" and n > 1024:
            np.testing.assert_allclose(ours.distances_, theirs.distances_, rtol=1e-11)
        else:
            np.testing.assert_array_equal(ours.distances_, theirs.distances_)


@pytest.mark.parametrize("linkage", LINKAGES)
def test_same_tree_where_distances_tie(linkage: str) -> None:
    grid = np.random.default_rng(0).integers(0, 6, size=(400, 3))  # integers, as they are given
    both(grid, linkage=linkage, n_clusters=30, compute_distances=True)
    both(np.zeros((20, 2)), linkage=linkage, n_clusters=3)


@pytest.mark.parametrize("metric", ["l1", "l2", "manhattan", "cityblock", "cosine", "chebyshev", "correlation"])
@pytest.mark.parametrize("linkage", LINKAGES[1:])
def test_metrics(linkage: str, metric: str) -> None:
    both(points(200), linkage=linkage, metric=metric, n_clusters=5, distance_threshold=None)


@pytest.mark.parametrize("linkage", LINKAGES[1:])
def test_given_distances(linkage: str) -> None:
    x = points(700)
    both(pairwise_distances(x), linkage=linkage, metric="precomputed", n_clusters=4)
    both(pairwise_distances(x, metric="l1"), linkage=linkage, metric="precomputed", n_clusters=4)
    both(x, linkage=linkage, metric=lambda x: pairwise_distances(x, metric="minkowski", p=3), n_clusters=4)
    uneven = np.random.default_rng(0).uniform(1, 2, size=(30, 30))  # what lies below the diagonal does not count
    both(uneven, linkage=linkage, metric="precomputed")
    kept = uneven.copy()
    AgglomerativeClustering(linkage=linkage, metric="precomputed").fit(uneven)
    np.testing.assert_array_equal(uneven, kept)


@pytest.mark.parametrize("linkage", LINKAGES)
def test_distance_threshold(linkage: str) -> None:
    ours, theirs = both(points(400), linkage=linkage, n_clusters=None, distance_threshold=0.5)
    np.testing.assert_array_equal(ours.distances_, theirs.distances_)


@pytest.mark.parametrize("full", ["auto", True, False])
@pytest.mark.parametrize("linkage", LINKAGES)
def test_connectivity(linkage: str, full: Any) -> None:
    x = points(150, dtype="float64")
    graph = kneighbors_graph(x, 12, include_self=False)
    both(x, linkage=linkage, n_clusters=7, connectivity=graph, compute_full_tree=full)
    both(x, linkage=linkage, n_clusters=7, connectivity=lambda x: kneighbors_graph(x, 12), compute_full_tree=full)


@pytest.mark.parametrize(
    ("x", "kwargs"),
    [
        (points(1), {}),
        (points(5), {"n_clusters": 6}),
        (points(5), {"n_clusters": 0}),
        (points(5), {"n_clusters": 2, "distance_threshold": 1.0}),
        (points(5), {"n_clusters": None}),
        (points(5), {"n_clusters": None, "distance_threshold": 1.0, "compute_full_tree": False}),
        (points(5), {"metric": "manhattan"}),
        (points(5), {"linkage": "median"}),
        (points(5), {"linkage": "complete", "metric": "precomputed"}),
        (points(5), {"linkage": "complete", "metric": "no such"}),
        (points(5), {"connectivity": np.ones((3, 3))}),
        (np.zeros((5, 3)), {"linkage": "average", "metric": "cosine"}),
        (1e300 * points(9, dtype="float64"), {}),
        (1e300 * points(9, dtype="float64"), {"linkage": "complete"}),
        ([[1.0, np.nan], [2.0, 3.0]], {}),
        ([[1.0, np.inf], [2.0, 3.0]], {}),
        (["a", "b"], {}),
    ],
)
def test_same_errors_as_scikit_learn(x: Any, kwargs: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError)) as theirs, np.errstate(all="ignore"):
        sklearn.cluster.AgglomerativeClustering(**kwargs).fit(x)
    with pytest.raises(theirs.type) as ours:
        AgglomerativeClustering(**kwargs).fit(x)
    words = [sorted(re.findall(r"\w+", str(error.value))) for error in (ours, theirs)]  # options are in a set's order
    assert words[0] == words[1]


def test_ward_of_numbers_too_large_has_an_error() -> None:
    with pytest.raises(ValueError, match="must contain only finite values"):
        AgglomerativeClustering().fit(1e300 * points(1100, dtype="float64"))


def test_memory_is_used(tmp_path: Any) -> None:
    x = points(30)
    first, again = (AgglomerativeClustering(memory=str(tmp_path)).fit(x) for _ in range(2))
    assert len(list(tmp_path.rglob("output.pkl"))) == 1
    np.testing.assert_array_equal(first.children_, again.children_)


@pytest.mark.parametrize("estimator", [AgglomerativeClustering(compute_distances=True), DivisiveClustering()])
def test_scipy_plots_the_tree(estimator: Any) -> None:
    z = estimator.fit(points(60)).linkage_matrix()
    assert scipy.cluster.hierarchy.is_valid_linkage(z)
    assert sorted(scipy.cluster.hierarchy.dendrogram(z, no_plot=True)["leaves"]) == list(range(60))
    cut = scipy.cluster.hierarchy.fcluster(z, 2, "maxclust")
    assert adjusted_rand_score(cut, estimator.labels_) == 1


def test_linkage_matrix_is_scipys() -> None:
    x = points(1300)
    z = AgglomerativeClustering(compute_distances=True).fit(x).linkage_matrix()
    np.testing.assert_allclose(z, scipy.cluster.hierarchy.ward(x), rtol=1e-11)


def test_linkage_matrix_needs_a_whole_tree_with_distances() -> None:
    x = points(20)
    with pytest.raises(AttributeError, match=r"^\[AgglomerativeClustering\] .* set compute_distances=True"):
        AgglomerativeClustering().fit(x).linkage_matrix()
    with pytest.raises(AttributeError, match=r"^\[DivisiveClustering\] .* set compute_full_tree=True"):
        DivisiveClustering(compute_full_tree=False).fit(x).linkage_matrix()
    part = AgglomerativeClustering(
        10, connectivity=kneighbors_graph(x, 5), compute_full_tree=False, compute_distances=True
    )
    with pytest.raises(AttributeError, match="a whole tree of 19 merges, got 10; set compute_full_tree=True"):
        part.fit(x).linkage_matrix()


def test_threads_and_pauses_change_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    x, before, trees = points(3000, 12), nerve.num_threads(), []
    distances = kernels.dissimilarity_matrix(x[:2100])
    try:
        for threads, budget in ((1, 1 << 30), (2, 1 << 30), (5, 1 << 30), (2, 20_000), (2, 3_000_000)):
            monkeypatch.setattr(hierarchy, "_BUDGET", budget)
            nerve.set_num_threads(threads)
            found = [kernels.ward_linkage(x), kernels.single_linkage(x)]
            found += [kernels.matrix_linkage(distances, method=method) for method in ("complete", "average", "ward")]
            trees.append(b"".join(array.tobytes() for tree in found for array in tree))
    finally:
        nerve.set_num_threads(before)
    assert len(set(trees)) == 1


def test_chains_survive_ties_in_rounding() -> None:
    """On a grid unions are as near as their parts up to rounding, so that a chain may run into itself."""
    axis = np.arange(24) / 10
    grid = np.stack(np.meshgrid(axis, axis, [0.1, 0.2, 0.3]), axis=-1).reshape(-1, 3)
    for x in (grid, grid.astype(np.float32), 1e6 + grid):
        children, heights, counts = kernels.ward_linkage(x)
        assert counts[-1] == len(x)
        assert len(np.unique(children)) == 2 * len(x) - 2
        growth = np.square(heights).sum() / 2  # from nothing to the whole sum of squares
        np.testing.assert_allclose(growth, np.square(x - x.mean(axis=0, dtype=float)).sum(), rtol=1e-9)


def test_distances_without_end_still_make_a_tree() -> None:
    x = 1e200 * points(1100, 2, dtype="float64")
    for tree in (kernels.ward_linkage(x), kernels.single_linkage(x)):
        assert tree[2][-1] == 1100
        assert np.isinf(tree[1][-1])


def test_ward_holds_no_matrix_of_distances() -> None:
    """Of 16000 samples it would have two gigabytes."""
    code = (
        "import resource, numpy as np, sklearn.cluster\n"
        "from nerve.cluster import AgglomerativeClustering\n"
        "x = np.random.default_rng(0).normal(size=(16000, 2)).astype('float32')\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "for linkage in ('ward', 'single'):\n"
        "    AgglomerativeClustering(linkage=linkage).fit(x)\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    if sys.platform != "linux":
        pytest.skip("counts kilobytes")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 50_000


def test_pickling_and_names() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(points(30), columns=list("abcd"))
    for estimator in (AgglomerativeClustering(), DivisiveClustering()):
        fitted = pickle.loads(pickle.dumps(estimator.fit(frame)))
        assert list(fitted.feature_names_in_) == list("abcd")
        np.testing.assert_array_equal(fitted.labels_, estimator.fit_predict(frame.to_numpy()))


# Kaufman and Rousseeuw, "Finding Groups in Data", chapters 5 and 6: the example of five objects.
FIVE = np.array([[0, 2, 6, 10, 9], [2, 0, 5, 9, 8], [6, 5, 0, 4, 5], [10, 9, 4, 0, 3], [9, 8, 5, 3, 0]], float)


def test_divisive_example_of_the_book() -> None:
    fitted = DivisiveClustering(3, metric="precomputed").fit(FIVE)
    np.testing.assert_array_equal(fitted.children_, [[0, 1], [3, 4], [2, 6], [5, 7]])
    np.testing.assert_array_equal(fitted.distances_, [2, 3, 5, 10])
    np.testing.assert_array_equal(fitted.labels_, [0, 0, 1, 2, 2])
    np.testing.assert_array_equal(fitted.diameters_, [2, 0, 3])
    assert fitted.divisive_coefficient_ == pytest.approx(0.70)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("metric", ["euclidean", "l1", "cosine"])
def test_divisive_like_the_reference(metric: str, dtype: str) -> None:
    x = points(90, dtype=dtype)
    estimator = DivisiveClustering(5, metric=metric)
    with nerve.backend("reference"):
        slow = DivisiveClustering(5, metric=metric).fit(x)
    fast = estimator.fit(x)
    np.testing.assert_array_equal(fast.children_, slow.children_)
    np.testing.assert_allclose(fast.distances_, slow.distances_, rtol=1e-12)
    np.testing.assert_array_equal(fast.labels_, slow.labels_)
    given = DivisiveClustering(5, metric="precomputed").fit(pairwise_distances(x.astype(float), metric=metric))
    np.testing.assert_array_equal(fast.children_, given.children_)
    assert 0 < fast.divisive_coefficient_ < 1


def test_divisive_stops_early_at_the_same_clusters() -> None:
    x = points(300)
    for kwargs in ({"n_clusters": 1}, {"n_clusters": 9}, {"n_clusters": None, "distance_threshold": 3.0}):
        whole = DivisiveClustering(**kwargs).fit(x)
        part = DivisiveClustering(compute_full_tree=False, **kwargs).fit(x)
        np.testing.assert_array_equal(whole.labels_, part.labels_)
        np.testing.assert_array_equal(whole.diameters_, part.diameters_)
        assert not hasattr(part, "children_")
        if "distance_threshold" in kwargs:
            assert part.diameters_.max() < 3 <= whole.distances_[-part.n_clusters_ + 1]
    largest = [np.max(pairwise_distances(x[part.labels_ == label])) for label in range(part.n_clusters_)]
    np.testing.assert_allclose(part.diameters_, largest, rtol=1e-6)


def test_divisive_parts_equal_samples_last() -> None:
    x = np.repeat([[0.0, 0.0], [3.0, 4.0]], [40, 30], axis=0)
    fitted = DivisiveClustering(3).fit(x)
    np.testing.assert_array_equal(fitted.distances_, [0.0] * 68 + [5.0])
    assert np.bincount(fitted.labels_).tolist() == [1, 39, 30]
    assert DivisiveClustering(None, distance_threshold=0.0).fit(x).n_clusters_ == 70
    assert DivisiveClustering().fit(np.ones((5, 2))).divisive_coefficient_ == 0


@pytest.mark.parametrize(
    ("kwargs", "match"),
    [
        ({"n_clusters": 21}, "Cannot extract more clusters than samples: 21 clusters"),
        ({"n_clusters": None}, "Exactly one of n_clusters and distance_threshold"),
        ({"n_clusters": 2, "distance_threshold": 1.0}, "Exactly one of n_clusters and distance_threshold"),
        ({"metric": "precomputed"}, "Distance matrix should be square"),
        ({"metric": "no such"}, "The 'metric' parameter of DivisiveClustering must be"),
    ],
)
def test_divisive_errors(kwargs: dict[str, Any], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        DivisiveClustering(**kwargs).fit(points(20))


class Listener:
    """Counts tasks, and ends the fit after some splits."""

    def __init__(self, splits: int) -> None:
        self.splits, self.ended = splits, []

    def setup(self, estimator: Any, context: Any) -> None: ...
    def teardown(self, estimator: Any, context: Any) -> None: ...
    def on_fit_task_begin(self, estimator: Any, context: Any) -> None: ...

    def on_fit_task_end(self, estimator: Any, context: Any) -> bool:
        self.ended.append(context.task_name)
        return self.ended.count("split") == self.splits


def test_callbacks() -> None:
    x = np.random.default_rng(0).normal(size=(30, 2))
    listener = Listener(0)
    model = AgglomerativeClustering(3).set_callbacks(listener, ProgressBar()).fit(x)
    assert listener.ended == ["tree", "labels", "fit"]
    np.testing.assert_array_equal(model.labels_, AgglomerativeClustering(3).fit(x).labels_)

    listener = Listener(0)
    model = DivisiveClustering(3).set_callbacks(listener).fit(x)
    assert listener.ended == [*["split"] * 29, "fit"]
    np.testing.assert_array_equal(model.children_, DivisiveClustering(3).fit(x).children_)

    for splits, clusters in ((1, 2), (2, 3), (5, 3)):  # the fifth belongs to the rest of the tree
        listener = Listener(splits)
        model = DivisiveClustering(3).set_callbacks(listener).fit(x)
        assert listener.ended == [*["split"] * splits, "fit"]
        np.testing.assert_array_equal(model.labels_, DivisiveClustering(clusters).fit(x).labels_)
        assert not hasattr(model, "children_")
