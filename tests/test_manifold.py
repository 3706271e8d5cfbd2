"""Locally linear embeddings beside scikit-learn's: the same space, whatever the method."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
import sklearn.manifold as theirs
from sklearn.datasets import make_swiss_roll
from sklearn.utils.estimator_checks import parametrize_with_checks

import nerve
from nerve.manifold import LocallyLinearEmbedding
from nerve.manifold.patches import barycenter_weights

METHODS = ("standard", "hessian", "modified", "ltsa")


def roll(n: int = 400) -> tuple[np.ndarray, np.ndarray]:
    return make_swiss_roll(n, random_state=0)


def same_up_to_signs(got: np.ndarray, want: np.ndarray, atol: float) -> None:
    """Eigenvectors have no sign, and ARPACK's comes from its rounding."""
    signs = np.sign((got * want).sum(axis=0))
    np.testing.assert_allclose(got * signs, want, rtol=0, atol=atol)


@pytest.mark.parametrize("solver", ["arpack", "dense"])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("features", [3, 20])
def test_is_scikit_learns(method: str, solver: str, features: int) -> None:
    x = roll()[0] @ np.random.default_rng(0).normal(size=(3, features))
    x += 0.1 * np.random.default_rng(1).normal(size=x.shape)
    options = {"n_neighbors": 12, "method": method, "eigen_solver": solver, "tol": 1e-10, "random_state": 0}
    got = LocallyLinearEmbedding(**options).fit(x)
    want = theirs.LocallyLinearEmbedding(**options).fit(x)
    same_up_to_signs(got.embedding_, want.embedding_, 1e-5)
    assert got.reconstruction_error_ == pytest.approx(want.reconstruction_error_, rel=1e-3, abs=1e-12)
    same_up_to_signs(got.transform(x[:9] + 0.01), want.transform(x[:9] + 0.01), 1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_unrolls_the_swiss_roll(method: str) -> None:
    """One coordinate orders points as they lie along the roll."""
    x, along = roll(1500)
    embedding = LocallyLinearEmbedding(n_neighbors=12, method=method, random_state=0).fit_transform(x)
    ranks = np.argsort(np.argsort(np.column_stack([along, embedding]), axis=0), axis=0)
    correlations = np.abs(np.corrcoef(ranks.T)[0, 1:])
    assert correlations.max() > (0.9 if method == "standard" else 0.98)


def test_barycenter_weights_rebuild_a_point() -> None:
    x = np.array([[0.0, 0], [1, 0], [0, 1], [1, 1]])
    weights = barycenter_weights(np.array([[0.25, 0.75]]), x, np.array([[0, 1, 2]]), 1e-9)
    np.testing.assert_allclose(weights, [[0, 0.25, 0.75]], atol=1e-6)
    same = barycenter_weights(np.zeros((1, 2)), np.zeros((3, 2)), np.array([[0, 1, 2]]), 1e-3)
    np.testing.assert_allclose(same, np.full((1, 3), 1 / 3))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_components": 4}, "output dimension must be less than or equal to input dimension"),
        ({"n_neighbors": 400}, "Expected n_neighbors < n_samples, but n_samples = 400, n_neighbors = 400"),
        ({"method": "hessian"}, r"n_neighbors must be greater than \[n_components \* \(n_components \+ 3\) / 2\]"),
        ({"method": "modified", "n_neighbors": 1}, "modified LLE requires n_neighbors >= n_components"),
    ],
)
def test_bad_arguments(options: dict[str, Any], message: str) -> None:
    for kind in (LocallyLinearEmbedding, theirs.LocallyLinearEmbedding):
        with pytest.raises(ValueError, match=message):
            kind(**options).fit(roll()[0])


def test_no_convergence_says_to_solve_densely() -> None:
    x = np.random.default_rng(0).normal(size=(2000, 9))
    options = {"n_neighbors": 4, "n_components": 8, "eigen_solver": "arpack", "max_iter": 1, "tol": 0}
    for kind in (LocallyLinearEmbedding, theirs.LocallyLinearEmbedding):
        with pytest.raises(ValueError, match="eigen_solver='dense' is recommended"):
            kind(random_state=0, **options).fit(x)


def test_threads_dtype_pickle_and_names() -> None:
    x, before = roll()[0].astype("float32"), nerve.num_threads()
    estimator = LocallyLinearEmbedding(n_neighbors=8, random_state=0)
    results = []
    try:
        for threads in (1, 2, 5):
            nerve.set_num_threads(threads)
            results.append(estimator.fit_transform(x))
    finally:
        nerve.set_num_threads(before)
    assert results[0].dtype == np.float64
    for result in results[1:]:
        same_up_to_signs(result, results[0], 1e-6)
    again = pickle.loads(pickle.dumps(estimator))
    np.testing.assert_array_equal(again.transform(x[:5]), estimator.transform(x[:5]))
    assert list(estimator.get_feature_names_out()) == ["locallylinearembedding0", "locallylinearembedding1"]


@parametrize_with_checks([LocallyLinearEmbedding()])
def test_scikit_learns_checks(estimator: Any, check: Any) -> None:
    check(estimator)
