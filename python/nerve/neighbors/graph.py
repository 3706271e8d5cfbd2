"""Graphs of neighbors, in one call."""

from __future__ import annotations

import itertools
from numbers import Integral, Real
from typing import Any

from sklearn.neighbors import VALID_METRICS
from sklearn.utils._param_validation import Interval, StrOptions, validate_params

from nerve.neighbors.base import Neighbors
from nerve.neighbors.nearest import NearestNeighbors
from nerve.neighbors.search import KNeighborsMixin, RadiusNeighborsMixin

_SHARED = {
    "mode": [StrOptions({"connectivity", "distance"})],
    "metric": [StrOptions(set(itertools.chain(*VALID_METRICS.values()))), callable],
    "p": [Interval(Real, 0, None, closed="right"), None],
    "metric_params": [dict, None],
    "include_self": ["boolean", StrOptions({"auto"})],
    "n_jobs": [Integral, None],
}


@validate_params(  # type: ignore[untyped-decorator]
    {
        "X": ["array-like", "sparse matrix", KNeighborsMixin],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        **_SHARED,
    },
    prefer_skip_nested_validation=False,
)
def kneighbors_graph(
    X: Any,
    n_neighbors: int,
    *,
    mode: str = "connectivity",
    metric: Any = "minkowski",
    p: float = 2,
    metric_params: dict[str, Any] | None = None,
    include_self: bool | str = False,
    n_jobs: int | None = None,
) -> Any:
    """The graph of the nearest points of each point: scikit-learn's ``kneighbors_graph``.

    Parameters
    ----------
    X : array-like or sparse matrix (n_samples, n_features), or a fitted estimator that searches for the nearest
    n_neighbors : int
    mode : {"connectivity", "distance"}
        Whether the edges are ones or distances.
    metric, p, metric_params, n_jobs
        As for :class:`nerve.neighbors.NearestNeighbors`.
    include_self : bool or "auto"
        Whether a point is its own neighbor; ``"auto"``: with ``mode="connectivity"``.

    Returns
    -------
    sparse matrix (n_samples, n_samples), CSR
    """
    options = {"metric": metric, "p": p, "metric_params": metric_params}
    search = _search(X, options, NearestNeighbors(n_neighbors=n_neighbors, n_jobs=n_jobs, **options))
    return search.kneighbors_graph(_queries(search, include_self, mode), n_neighbors, mode)


@validate_params(  # type: ignore[untyped-decorator]
    {
        "X": ["array-like", "sparse matrix", RadiusNeighborsMixin],
        "radius": [Interval(Real, 0, None, closed="both")],
        **_SHARED,
    },
    prefer_skip_nested_validation=False,
)
def radius_neighbors_graph(
    X: Any,
    radius: float,
    *,
    mode: str = "connectivity",
    metric: Any = "minkowski",
    p: float = 2,
    metric_params: dict[str, Any] | None = None,
    include_self: bool | str = False,
    n_jobs: int | None = None,
) -> Any:
    """The graph of the points within a radius of each point: scikit-learn's ``radius_neighbors_graph``.

    Parameters
    ----------
    X : array-like or sparse matrix (n_samples, n_features), or a fitted estimator that searches within a radius
    radius : float
    mode : {"connectivity", "distance"}
        Whether the edges are ones or distances.
    metric, p, metric_params, n_jobs
        As for :class:`nerve.neighbors.NearestNeighbors`.
    include_self : bool or "auto"
        Whether a point is its own neighbor; ``"auto"``: with ``mode="connectivity"``.

    Returns
    -------
    sparse matrix (n_samples, n_samples), CSR
    """
    options = {"metric": metric, "p": p, "metric_params": metric_params}
    search = _search(X, options, NearestNeighbors(radius=radius, n_jobs=n_jobs, **options))
    return search.radius_neighbors_graph(_queries(search, include_self, mode), radius, mode)


def _search(X: Any, options: dict[str, Any], fresh: NearestNeighbors) -> Any:
    if not isinstance(X, Neighbors):
        return fresh.fit(X)
    own = X.get_params()
    for name, value in options.items():
        if own[name] != value:
            raise ValueError(f"Got {value} for {name}, while the estimator has {own[name]} for the same parameter.")
    return X


def _queries(search: Any, include_self: bool | str, mode: str) -> Any:
    with_self = mode == "connectivity" if include_self == "auto" else include_self
    return search._fit_X if with_self else None
