"""Where a Gaussian mixture starts from: the first responsibilities, and the parameters that follow from them.

Responsibilities come in blocks of samples, so that no array of samples by components is held; they lie where the
samples do, and parameters in the host's memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from nerve import kernels
from nerve._typing import Array
from nerve.checked import checked_weights, rows_of
from nerve.cluster import KMeans
from nerve.cluster.seeding import greedy_plusplus
from nerve.kernels._arrays import array_module, host, placed
from nerve.mixture import parameters
from nerve.mixture.parameters import Moments

# Gives some samples and their responsibilities after others, the same every time it is called.
Blocks = Callable[[], Iterator[tuple[Array, Array]]]

BLOCK = 1 << 20  # responsibilities at a time


def first_responsibilities(
    method: str, X: Array, n_components: int, random_state: np.random.RandomState
) -> tuple[Blocks, bool]:
    """Responsibilities by one of the methods of ``init_params``, with scikit-learn's random numbers.

    Returns
    -------
    blocks : Blocks
        Samples that are left out are no component's.
    complete : bool
        Whether those of every sample add up to one.
    """
    rows, size = X.shape[0], max(1, BLOCK // n_components)
    if method == "random":
        state = random_state.get_state()

        def drawn() -> Iterator[tuple[Array, Array]]:
            random_state.set_state(state)
            for begin in range(0, rows, size):
                some = X[begin : begin + size]
                resp = random_state.uniform(size=(len(some), n_components)).astype(X.dtype)
                yield some, placed(resp / resp.sum(axis=1, keepdims=True), X)

        return drawn, True
    if method == "kmeans":
        labels = KMeans(n_clusters=n_components, n_init=1, random_state=random_state).fit(X).labels_
        module = array_module(X)
        identity = module.eye(n_components, dtype=X.dtype)
        return lambda: (
            (X[i : i + size], module.take(identity, labels[i : i + size], axis=0)) for i in range(0, rows, size)
        ), True
    if method == "random_from_data":
        chosen = random_state.choice(rows, size=n_components, replace=False)
    else:
        _, chosen = greedy_plusplus(X, n_components, checked_weights(None, X), random_state)
    several, where = np.unique(chosen, return_inverse=True)  # k-means++ may choose a sample twice
    resp = np.zeros((len(several), n_components), X.dtype)
    resp[where, np.arange(n_components)] = 1
    block = rows_of(X, several), placed(resp, X)
    return lambda: iter([block]), False


def estimate(
    X: Array, blocks: Blocks, total: Moments | None, covariance_type: str, reg_covar: float, complete: bool
) -> tuple[Array, Array, Array]:
    """Weights, means and covariances from responsibilities, in float64, in the host's memory.

    A tied covariance needs the moments ``total`` of all samples.
    """
    # First about the centre of the data, for the means, then about these.
    centre = host(X.mean(axis=0, dtype=np.float64))
    shifts = np.tile(centre, (next(blocks())[1].shape[1], 1))
    counts, sums, _, _ = _sums(blocks, shifts.astype(X.dtype), "tied")
    about = shifts.astype(X.dtype) + sums / np.maximum(counts[:, None], np.finfo(np.float64).tiny)
    moments = _sums(blocks, about.astype(X.dtype), covariance_type)
    counts, means, covariances = parameters.estimated(moments, total, covariance_type, reg_covar, complete)
    return counts / X.shape[0], means, covariances


def total_moments(X: Array) -> Moments:
    """Moments of all samples about their mean: what a tied covariance needs of them, and does not change."""
    centre = X.mean(axis=0, dtype=np.float64).astype(X.dtype)[None]
    return wide(*kernels.gaussian_moments(X, centre), centre)


def wide(counts: Array, sums: Array, squares: Array | None, shifts: Array) -> Moments:
    """Moments as they are computed with: in float64, in the host's memory."""
    return Moments(
        host(counts).astype(np.float64),
        host(sums).astype(np.float64),
        None if squares is None else host(squares).astype(np.float64),
        host(shifts).astype(np.float64),
    )


def _sums(blocks: Blocks, shifts: Array, covariance_type: str) -> Moments:
    """Moments of all blocks about the same shifts."""
    found: Moments | None = None
    for some, resp in blocks():
        there = placed(shifts, some)
        counts, sums, squares, about = wide(
            *kernels.gaussian_moments(some, there, resp, covariance_type=covariance_type), shifts
        )
        if found is not None:
            counts, sums = found.counts + counts, found.sums + sums
            squares = None if squares is None or found.squares is None else found.squares + squares
        found = Moments(counts, sums, squares, about)
    assert found is not None
    return found
