"""Initial centers: greedy k-means++ with scikit-learn's draws, so that the same seed gives the same centers."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.random import RandomState
from numpy.typing import ArrayLike
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.utils import check_array, check_random_state
from sklearn.utils._param_validation import Interval, validate_params
from sklearn.utils.validation import _check_sample_weight

from nerve import kernels
from nerve._typing import Array
from nerve.checked import rows_of
from nerve.kernels._arrays import array_module, host, on_gpu, placed


@validate_params(
    {
        "X": ["array-like", "sparse matrix"],
        "n_clusters": [Interval(Integral, 1, None, closed="left")],
        "sample_weight": ["array-like", None],
        "x_squared_norms": ["array-like", None],
        "random_state": ["random_state"],
        "n_local_trials": [Interval(Integral, 1, None, closed="left"), None],
    },
    prefer_skip_nested_validation=True,
)
def kmeans_plusplus(
    X: Any,
    n_clusters: int,
    *,
    sample_weight: ArrayLike | None = None,
    x_squared_norms: ArrayLike | None = None,
    random_state: int | RandomState | None = None,
    n_local_trials: int | None = None,
) -> tuple[Array, Array]:
    """Rows far from each other as initial centers: scikit-learn's function of this name.

    Arthur and Vassilvitskii, "k-means++: the advantages of careful seeding", SODA 2007; of some candidates for each
    center the best is taken.

    Parameters
    ----------
    X : {array-like, sparse matrix}, (n_samples, n_features)
    n_clusters : int
    sample_weight : array-like, (n_samples,), optional
    x_squared_norms : array-like, (n_samples,), optional
        Checked as scikit-learn checks it; distances are computed without it.
    random_state : int, RandomState or None
    n_local_trials : int, optional
        Candidates for each center, ``2 + log(n_clusters)`` if left out.

    Returns
    -------
    centers : ndarray, (n_clusters, n_features)
    indices : ndarray, (n_clusters,)
        Which rows they are.
    """
    X = check_array(X, accept_sparse="csr", dtype=[np.float64, np.float32], order="C")
    weights = _check_sample_weight(sample_weight, X, dtype=X.dtype)
    if X.shape[0] < n_clusters:
        raise ValueError(f"n_samples={X.shape[0]} should be >= n_clusters={n_clusters}.")
    if x_squared_norms is not None:
        norms = check_array(x_squared_norms, dtype=X.dtype, ensure_2d=False)
        if norms.shape[0] != X.shape[0]:
            raise ValueError(
                f"The length of x_squared_norms {norms.shape[0]} should "
                f"be equal to the length of n_samples {X.shape[0]}."
            )
    return greedy_plusplus(X, n_clusters, weights, check_random_state(random_state), n_local_trials)


def greedy_plusplus(
    x: Any, n_clusters: int, weights: Array, random_state: RandomState, n_local_trials: int | None = None
) -> tuple[Array, Array]:
    """:func:`kmeans_plusplus` of checked arguments."""
    trials = 2 + int(np.log(n_clusters)) if n_local_trials is None else n_local_trials
    module, shares = array_module(weights), host(weights)
    equal = None if (weights == 1).all() else weights
    first = random_state.choice(x.shape[0], p=shares / shares.sum())
    draws = random_state.uniform(size=(n_clusters - 1, trials))
    if not sp.issparse(x) and not on_gpu(x):
        indices, _ = kernels.kmeans_plusplus(x, first, draws, equal)
        return x[indices], indices
    step = _sparse_step if sp.issparse(x) else kernels.kmeans_plusplus_step
    indices = np.full(n_clusters, first, int)
    distances, potentials = step(x, rows_of(x, indices[:1]), None, equal)
    best = 0
    for place, drawn in enumerate(draws, start=1):
        closest = distances[best]
        sums = module.cumsum(closest if equal is None else weights * closest)
        candidates = host(module.searchsorted(sums, placed(drawn * float(potentials[best]), sums)))
        np.clip(candidates, None, x.shape[0] - 1, out=candidates)  # rounding can lead past the last
        distances, potentials = step(x, rows_of(x, candidates), closest, equal)
        best = int(np.argmin(host(potentials)))
        indices[place] = candidates[best]
    chosen = rows_of(x, indices)
    return chosen.toarray() if sp.issparse(chosen) else chosen, indices


def _sparse_step(x: Any, candidates: Any, closest: Array | None, weights: Array | None) -> tuple[Array, Array]:
    distances = euclidean_distances(candidates, x, squared=True)
    if closest is not None:
        np.minimum(distances, closest, out=distances)
    return distances, (distances if weights is None else distances * weights).sum(axis=1)
