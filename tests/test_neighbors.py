"""``nerve.neighbors`` beside scikit-learn, and what it adds to it."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import sklearn.neighbors as peers
from scipy import sparse
from sklearn.datasets import make_blobs
from sklearn.exceptions import NotFittedError
from sklearn.utils.estimator_checks import parametrize_with_checks

import nerve
from nerve import kernels, neighbors

CLASSES = [
    neighbors.NearestNeighbors,
    neighbors.KNeighborsClassifier,
    neighbors.KNeighborsRegressor,
    neighbors.RadiusNeighborsClassifier,
    neighbors.RadiusNeighborsRegressor,
]
ESTIMATORS = [
    neighbors.NearestNeighbors(),
    neighbors.KNeighborsClassifier(),
    neighbors.KNeighborsRegressor(),
    neighbors.RadiusNeighborsClassifier(),
    neighbors.RadiusNeighborsRegressor(),
]


@parametrize_with_checks(ESTIMATORS)
def test_scikit_learn_checks(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.fixture
def threads() -> Iterator[None]:
    before = nerve.num_threads()
    yield
    nerve.set_num_threads(before)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("algorithm", ["auto", "brute", "kd_tree", "ball_tree"])
@pytest.mark.parametrize("metric", ["euclidean", "manhattan", "minkowski", "chebyshev"])
@pytest.mark.parametrize("shape", [(3000, 3), (400, 30)])
def test_searches_find_what_scikit_learn_finds(shape: tuple[int, int], metric: str, algorithm: str, dtype: str) -> None:
    rng = np.random.default_rng(0)
    x, queries = (5.0 + rng.normal(size=size).astype(dtype) for size in (shape, (150, shape[1])))
    radius = {3: 0.4, 30: 6.0}[shape[1]] * ({3: 1.5, 30: 4.0}[shape[1]] if metric == "manhattan" else 1.0)
    options = {"n_neighbors": 7, "radius": radius, "metric": metric, "algorithm": algorithm}
    ours, theirs = neighbors.NearestNeighbors(**options).fit(x), peers.NearestNeighbors(**options).fit(x)
    for given in (queries, None):
        distances, indices = ours.kneighbors(given)
        expected, wanted = theirs.kneighbors(given)
        # In float32 some are exactly as near as others, and scikit-learn's come in any order.
        np.testing.assert_array_equal(np.sort(indices), np.sort(wanted))
        np.testing.assert_allclose(distances, expected, rtol=1e-6)
        assert distances.dtype == (dtype if metric != "chebyshev" else "float64")
        np.testing.assert_array_equal(ours.kneighbors(given, return_distance=False), indices)
        lengths, found = ours.radius_neighbors(given, sort_results=True)
        expected, wanted = theirs.radius_neighbors(given, sort_results=True)
        assert sum(len(each) for each in wanted) > 100
        for one, other, length, far in zip(found, wanted, lengths, expected, strict=True):
            np.testing.assert_array_equal(np.sort(one), np.sort(other))
            np.testing.assert_allclose(length, far, rtol=1e-6)
    for graph in ("kneighbors_graph", "radius_neighbors_graph"):
        for mode in ("connectivity", "distance"):
            one, other = getattr(ours, graph)(queries, mode=mode), getattr(theirs, graph)(queries, mode=mode)
            assert type(one) is type(other)
            np.testing.assert_allclose(one.toarray(), other.toarray(), rtol=1e-6)


def test_near_points_far_from_the_origin_keep_their_order() -> None:
    """A product in float32 cannot tell these apart; what is decided in float64 can."""
    rng = np.random.default_rng(1)
    x = (1e4 + rng.normal(size=(2000, 20))).astype(np.float32)
    distances, indices = neighbors.NearestNeighbors(algorithm="brute").fit(x).kneighbors(x[:100])
    exact = np.sqrt(((x[:100, None].astype(np.float64) - x[None]) ** 2).sum(-1))
    np.testing.assert_array_equal(indices, np.argsort(exact, axis=1, kind="stable")[:, :5])
    np.testing.assert_allclose(distances, np.sort(exact, axis=1)[:, :5], rtol=1e-7)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(3000, 3), (400, 30)])
def test_angles_are_those_of_scikit_learn(shape: tuple[int, int], dtype: str) -> None:
    rng = np.random.default_rng(0)
    x, queries = (rng.normal(size=size).astype(dtype) for size in (shape, (150, shape[1])))
    x[5] = queries[3] = 0
    options = {"n_neighbors": 7, "radius": {3: 0.01, 30: 0.6}[shape[1]], "metric": "cosine"}
    ours, theirs = neighbors.NearestNeighbors(**options).fit(x), peers.NearestNeighbors(**options).fit(x.astype("f8"))
    assert ours._kernel_metric == "cosine"
    for given in (queries, None):
        wide = None if given is None else given.astype("f8")
        distances, indices = ours.kneighbors(given)
        expected, wanted = theirs.kneighbors(wide)
        at_one = np.nonzero((x if given is None else given).any(axis=1) == 0)[0]  # all are equally far
        np.testing.assert_array_equal(np.delete(indices, at_one, 0), np.delete(wanted, at_one, 0))
        np.testing.assert_array_equal(distances[at_one], 1)
        first = [i for i in range(8) if given is not None or i != at_one[0]][:7]
        np.testing.assert_array_equal(indices[at_one], [first])
        np.testing.assert_allclose(distances, expected, rtol=1e-6 if dtype == "float32" else 1e-7, atol=1e-15)
        assert distances.dtype == dtype
        lengths, found = ours.radius_neighbors(given, sort_results=True)
        far, wanted = theirs.radius_neighbors(wide, sort_results=True)
        assert sum(len(each) for each in wanted) > 100
        for one, other, length, expected in zip(found, wanted, lengths, far, strict=True):
            np.testing.assert_array_equal(one, other)
            np.testing.assert_allclose(length, expected, rtol=1e-6, atol=1e-15)


@pytest.mark.parametrize("apart", [1e-1, 1e-4, 1e-7])
def test_small_angles_are_told_apart(apart: float) -> None:
    """Rows of nearly one direction: their products in float32 are all alike."""
    rng = np.random.default_rng(2)
    direction = rng.normal(size=40)
    x = (rng.uniform(0.01, 100, (1500, 1)) * (direction + apart * rng.normal(size=(1500, 40)))).astype(np.float32)
    wide = x.astype(np.float64)
    wide /= np.sqrt((wide**2).sum(axis=1, keepdims=True))
    exact = ((wide[:60, None] - wide) ** 2).sum(-1) / 2
    distances, indices = neighbors.NearestNeighbors(n_neighbors=9, metric="cosine").fit(x).kneighbors(x[:60])
    chosen = np.take_along_axis(exact, indices, axis=1)
    # What the neighbors found are farther than the nearest by is the rounding of 1 - cos in float64.
    np.testing.assert_allclose(chosen, np.sort(exact, axis=1)[:, :9], rtol=1e-6, atol=1e-15)
    np.testing.assert_allclose(distances, chosen, rtol=1e-6, atol=1e-15)


def test_words_at_right_angles_come_in_order() -> None:
    x = np.kron(np.eye(6), np.ones((50, 3)))  # of six kinds, those of a kind alike, others at a distance of 1
    for factor in (1.0, 0.1, 1e30, 1e-30):
        search = neighbors.NearestNeighbors(n_neighbors=120, metric="cosine").fit(x * factor)
        distances, indices = search.kneighbors(x[:60])
        others = np.delete(np.arange(300), np.s_[:50])
        np.testing.assert_array_equal(indices[0], np.concatenate([np.arange(50), others[:70]]))
        np.testing.assert_array_equal(
            indices[59], np.concatenate([np.arange(50, 100), np.delete(np.arange(300), np.s_[50:100])[:70]])
        )
        np.testing.assert_array_equal(distances[:, 50:], 1)
        np.testing.assert_array_equal(distances[:, :50], 0)


def test_ties_go_to_the_first_point() -> None:
    x = np.repeat(np.arange(200.0)[:, None], 10, axis=0) @ np.ones((1, 2))
    for algorithm in ("brute", "kd_tree"):
        indices = (
            neighbors.NearestNeighbors(n_neighbors=12, algorithm=algorithm)
            .fit(x)
            .kneighbors(x[50:60], return_distance=False)
        )
        np.testing.assert_array_equal(indices, np.tile([*range(50, 60), 40, 41], (10, 1)))


def test_a_point_with_many_duplicates_is_not_its_own_neighbor() -> None:
    x = np.zeros((30, 2))
    distances, indices = neighbors.NearestNeighbors(n_neighbors=3).fit(x).kneighbors()
    assert (indices != np.arange(30)[:, None]).all()
    assert not distances.any()


@pytest.mark.parametrize("weights", ["uniform", "distance", lambda distances: 1.0 / (1.0 + distances)])
@pytest.mark.parametrize("outputs", [1, 2])
def test_predictions_are_those_of_scikit_learn(outputs: int, weights: Any) -> None:
    x, labels = make_blobs(600, 4, centers=5, cluster_std=4.0, random_state=0)
    y = labels if outputs == 1 else np.stack([labels, labels % 3], axis=1)
    queries = np.vstack([x[:20], x[20:120] + 0.5])  # the first are among the fitted ones, at distance zero
    for name, options in [("KNeighbors", {"n_neighbors": 6}), ("RadiusNeighbors", {"radius": 4.0})]:
        weigh = weights
        if callable(weights) and name == "RadiusNeighbors":

            def weigh(parts: Any) -> Any:
                return np.array([*[1.0 / (1.0 + part) for part in parts], None], dtype=object)[:-1]

        for kind in ("Classifier", "Regressor"):
            arguments = {**options, "weights": weigh}
            if (name, kind) == ("RadiusNeighbors", "Classifier"):
                arguments["outlier_label"] = 4 if outputs == 1 else [4, 2]
            targets = y if kind == "Classifier" else y.astype(np.float64)  # scikit-learn has no NaN for integers
            ours = getattr(neighbors, name + kind)(**arguments).fit(x, targets)
            theirs = getattr(peers, name + kind)(**arguments).fit(x, targets)
            for given in (queries, None):
                with warnings.catch_warnings():  # of queries without neighbors
                    warnings.simplefilter("ignore")
                    np.testing.assert_allclose(ours.predict(given), theirs.predict(given), rtol=1e-12)
                if kind == "Classifier" and outputs == 1:
                    np.testing.assert_allclose(ours.predict_proba(given), theirs.predict_proba(given), rtol=1e-12)
                elif kind == "Classifier":
                    for one, other in zip(ours.predict_proba(given), theirs.predict_proba(given), strict=True):
                        np.testing.assert_allclose(one, other, rtol=1e-12)
            if name == "KNeighbors" and (outputs == 1 or kind == "Regressor"):
                assert ours.score(None, targets) == pytest.approx(theirs.score(None, targets))


def test_sparse_targets_are_dense_ones() -> None:
    """scikit-learn's documentation has them, and its classes fail with them."""
    rng = np.random.default_rng(11)
    x, y = rng.normal(size=(60, 4)), rng.integers(0, 3, (60, 2))
    for kind in (neighbors.KNeighborsClassifier, neighbors.KNeighborsRegressor):
        for form in (sparse.csr_array, sparse.csr_matrix, sparse.coo_array):
            np.testing.assert_array_equal(kind().fit(x, form(y)).predict(x), kind().fit(x, y).predict(x))


def test_one_weight_for_all_neighbors_of_a_query() -> None:
    rng = np.random.default_rng(12)
    x, y = rng.normal(size=(60, 4)), rng.integers(0, 3, 60)
    for kind in (neighbors.KNeighborsClassifier, neighbors.KNeighborsRegressor):
        weighted = kind(weights=lambda distances: distances[:, :1] + 1).fit(x, y)
        np.testing.assert_allclose(weighted.predict(x + 0.1), kind().fit(x, y).predict(x + 0.1))


def test_distances_passed_on_keep_their_dtype() -> None:
    x = np.random.default_rng(13).normal(size=(30, 4)).astype(np.float32)
    for module in (neighbors, peers):
        search = module.NearestNeighbors(metric="nan_euclidean", radius=2.0).fit(x)
        assert search.radius_neighbors(x[:3])[0][0].dtype == np.float32
        assert search.radius_neighbors_graph(x[:3], mode="distance").dtype == np.float32


@pytest.mark.parametrize("options", [{}, {"metric": "cosine"}, {"metric": "chebyshev"}, {"p": 3}])
@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
def test_what_is_passed_on(kind: Any, options: dict[str, Any]) -> None:
    """Sparse data, and metrics that the kernels lack, also for sparse queries among dense points."""
    dense_only = options.get("metric") == "chebyshev" or "p" in options
    if kind is sparse.csr_array and dense_only:
        with pytest.raises(ValueError, match="not valid for sparse input"):
            neighbors.NearestNeighbors(**options).fit(kind(np.eye(9)))
        return
    rng = np.random.default_rng(2)
    x = rng.random((80, 12)) * (rng.random((80, 12)) < 0.7)
    ours = neighbors.KNeighborsClassifier(algorithm="brute", **options).fit(kind(x), np.arange(80) % 4)
    theirs = peers.KNeighborsClassifier(algorithm="brute", **options).fit(kind(x), np.arange(80) % 4)
    for given in (x[:9], sparse.csr_array(x[:9])):
        if dense_only and sparse.issparse(given):
            continue
        np.testing.assert_array_equal(ours.kneighbors(given)[1], theirs.kneighbors(given)[1])
        np.testing.assert_array_equal(ours.predict(given), theirs.predict(given))


def test_distances_already_computed() -> None:
    x = np.random.default_rng(3).normal(size=(40, 3))
    distances = kernels.pairwise_distances(x)
    ours = neighbors.NearestNeighbors(metric="precomputed").fit(distances)
    np.testing.assert_array_equal(ours.kneighbors()[1], neighbors.NearestNeighbors().fit(x).kneighbors()[1])


def test_another_search_as_data() -> None:
    x = np.random.default_rng(4).normal(size=(1500, 2))
    first = neighbors.NearestNeighbors().fit(x)
    again = neighbors.NearestNeighbors(n_neighbors=3).fit(first)
    np.testing.assert_array_equal(again.kneighbors()[1], first.kneighbors(n_neighbors=3)[1])
    tree = neighbors.NearestNeighbors().fit(peers.KDTree(x))
    np.testing.assert_array_equal(tree.kneighbors(x[:5])[1], first.kneighbors(x[:5])[1])


def test_results_do_not_depend_on_threads(threads: None) -> None:
    x = np.random.default_rng(5).normal(size=(3000, 20)).astype(np.float32)
    for columns in (3, 20):
        found = []
        for count in (1, 2, 5):
            nerve.set_num_threads(count)
            search = neighbors.NearestNeighbors(radius=0.5 if columns == 3 else 4.0).fit(x[:, :columns])
            angles = neighbors.NearestNeighbors(radius=0.1, metric="cosine").fit(x[:, :columns])
            found.append([*search.kneighbors(), *search.radius_neighbors(x[:200, :columns]), *angles.kneighbors()])
        for other in found[1:]:
            for one, two in zip(found[0], other, strict=True):
                assert pickle.dumps(list(one)) == pickle.dumps(list(two))


@pytest.mark.parametrize("metric", ["euclidean", "manhattan", "cosine"])
@pytest.mark.parametrize("shape", [(1000, 3), (1000, 40)])
def test_queries_one_piece_after_another(shape: tuple[int, int], metric: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the pieces Ctrl-C is heard; the results are the same bits."""
    x = np.random.default_rng(14).normal(size=shape).astype(np.float32)
    search = neighbors.NearestNeighbors(radius=0.3 if metric == "cosine" else 0.8 * shape[1] ** 0.5, metric=metric).fit(
        x
    )
    found = []
    for rows in (1 << 17, 300):
        monkeypatch.setattr("nerve.kernels.neighbors.WORK", rows * x.size)
        monkeypatch.setattr("nerve.kernels.neighbors.ROWS_IN_TREE", rows)
        found.append([*search.kneighbors(x), *search.radius_neighbors(x), search.radius_neighbors_graph(x).indices])
    for one, other in zip(*found, strict=True):
        assert pickle.dumps(list(one)) == pickle.dumps(list(other))


@pytest.mark.skipif(sys.platform == "win32", reason="signals of another kind")
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_long_searches_hear_of_an_interrupt(metric: str) -> None:
    search = neighbors.NearestNeighbors(metric=metric).fit(np.random.default_rng(15).normal(size=(200_000, 64)))
    begun = time.process_time()
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        search.kneighbors()
    assert time.process_time() - begun < 10  # of nearly a minute


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda estimator: type(estimator).__name__)
def test_pickling(estimator: Any) -> None:
    x = np.random.default_rng(6).normal(size=(1200, 3))
    fitted = type(estimator)(**estimator.get_params()).fit(x, np.arange(1200) % 3)
    again = pickle.loads(pickle.dumps(fitted))
    if hasattr(fitted, "predict"):
        np.testing.assert_array_equal(again.predict(x), fitted.predict(x))
    else:
        np.testing.assert_array_equal(again.kneighbors()[1], fitted.kneighbors()[1])


def test_graphs() -> None:
    x = np.random.default_rng(7).normal(size=(60, 4))
    for include_self in (True, False, "auto"):
        for mode in ("connectivity", "distance"):
            options = {"mode": mode, "include_self": include_self}
            one, other = (module.kneighbors_graph(x, 4, **options) for module in (neighbors, peers))
            np.testing.assert_allclose(one.toarray(), other.toarray(), rtol=1e-12)
            one, other = (module.radius_neighbors_graph(x, 1.0, **options) for module in (neighbors, peers))
            np.testing.assert_allclose(one.toarray(), other.toarray(), rtol=1e-12)
    with pytest.raises(ValueError, match="Got manhattan for metric, while the estimator has minkowski"):
        neighbors.kneighbors_graph(neighbors.NearestNeighbors().fit(x), 4, metric="manhattan")


def test_bad_input() -> None:
    x, y = np.random.default_rng(8).normal(size=(20, 3)), np.arange(20) % 2
    search = neighbors.NearestNeighbors(n_neighbors=5)
    with pytest.raises(NotFittedError):
        search.kneighbors(x)
    search.fit(x)
    with pytest.raises(ValueError, match="Expected n_neighbors <= n_samples_fit, but n_neighbors = 21"):
        search.kneighbors(x, 21)
    with pytest.raises(ValueError, match="Expected n_neighbors < n_samples_fit, but n_neighbors = 20"):
        search.kneighbors(n_neighbors=20)
    with pytest.raises(ValueError, match=r"Expected n_neighbors > 0\. Got -2"):
        search.kneighbors(x, -2)
    with pytest.raises(TypeError, match=r"n_neighbors does not take .*float.* value, enter integer value"):
        search.kneighbors(x, 2.5)
    with pytest.raises(ValueError, match="X has 2 features, but NearestNeighbors is expecting 3"):
        search.kneighbors(x[:, :2])
    with pytest.raises(ValueError, match="return_distance must be True if sort_results is True"):
        search.radius_neighbors(x, return_distance=False, sort_results=True)
    with pytest.raises(ValueError, match="Unsupported mode"):
        search.kneighbors_graph(x, mode="both")
    for value in (np.nan, np.inf):
        with pytest.raises(ValueError, match=r"contains (NaN|infinity)"):
            search.fit(np.where(x > 1, value, x))
    with pytest.raises(ValueError, match="The 'n_neighbors' parameter of KNeighborsClassifier must be"):
        neighbors.KNeighborsClassifier(0).fit(x, y)
    with pytest.raises(ValueError, match="Metric 'cosine' not valid"):
        neighbors.NearestNeighbors(metric="cosine", algorithm="kd_tree").fit(x)
    far = neighbors.RadiusNeighborsClassifier(0.1).fit(x, y)
    with pytest.raises(ValueError, match=r"No neighbors found for test samples array\(\[0\]\)"):
        far.predict(x[:1] + 50)
    with pytest.raises(TypeError, match="The dtype of outlier_label a is inconsistent"):
        neighbors.RadiusNeighborsClassifier(0.1, outlier_label="a").fit(x, y)
    with pytest.warns(UserWarning, match="no neighbors within specified radius"):
        assert np.isnan(neighbors.RadiusNeighborsRegressor(0.1).fit(x, y).predict(x[:1] + 50)).all()


def test_a_tree_is_for_its_dtype() -> None:
    tree = kernels.kd_tree(np.ones((5, 2), np.float32))
    with pytest.raises(TypeError, match=r"\[nearest_neighbors\] the tree was made of float32 points, x is float64"):
        kernels.nearest_neighbors(np.ones((1, 2)), tree, 1)
    with pytest.raises(nerve.errors.ShapeError, match="rows of 2 features, as the tree has"):
        kernels.radius_neighbors(np.ones((1, 3), np.float32), tree, 1.0)
    with pytest.raises(ValueError, match="algorithm 'brute' expects the rows of y, got a KDTree"):
        kernels.nearest_neighbors(np.ones((1, 2), np.float32), tree, 1, algorithm="brute")
    wide = kernels.kd_tree(np.ones((5, 2)))
    assert kernels.nearest_neighbors(np.ones((1, 2), np.float32), wide, 1)[0].dtype == np.float64


@pytest.mark.parametrize("kind", ["normal", "far away", "equal distances", "lengths", "one tight cluster"])
def test_many_pairs_are_decided_as_few_are(kind: str) -> None:
    """So many that products of rounded rows are worth it; a tree looks at each pair in float64."""
    rng = np.random.default_rng(0)
    x, y = (rng.normal(size=(n, 32)) for n in (300, 30_000))
    for points in (x, y):
        if kind == "far away":
            points += 1000
        elif kind == "equal distances":
            np.round(points, out=points)
        elif kind == "lengths":
            points *= np.exp(3 * rng.normal(size=(len(points), 1)))
        elif kind == "one tight cluster":
            points[::2] = 30 + 1e-3 * points[::2]
    x, y = x.astype(np.float32), y.astype(np.float32)
    brute, tree = (kernels.nearest_neighbors(x, y, 7, algorithm=algorithm) for algorithm in ("brute", "kd_tree"))
    for one, other in zip(brute, tree, strict=True):
        np.testing.assert_array_equal(one, other)
