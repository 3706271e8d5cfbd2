"""Searches for neighbors alone."""

from __future__ import annotations

from typing import Any

from sklearn.base import _fit_context

from nerve.neighbors.search import KNeighborsMixin, RadiusNeighborsMixin


class NearestNeighbors(KNeighborsMixin, RadiusNeighborsMixin):
    """Searches for neighbors: scikit-learn's ``NearestNeighbors``, with its arguments and results.

    Euclidean, squared Euclidean, Manhattan and cosine distances of dense data are nerve's own, decided in float64
    whatever the dtype: by a matrix product whose results are looked at as they come, or by a k-d tree (none for
    cosine). Other metrics, callables, ``metric="precomputed"``, ``metric_params`` and sparse data are passed on to
    scikit-learn. Beyond scikit-learn's, the first of equally near points is found, distances have the dtype of the
    data, a row is at a cosine distance of 1 from all others only if it is zero (there also if it is shorter than ten
    times the epsilon of its dtype), and results do not depend on the number of threads. Long searches can be
    interrupted.

    CuPy arrays stay on the GPU, where all distances are looked at (``algorithm`` is always "brute"), and distances and
    indices are CuPy's; graphs, which are SciPy's, and other metrics want arrays in the host's memory.

    Parameters
    ----------
    n_neighbors : int
    radius : float
    algorithm : {"auto", "ball_tree", "kd_tree", "brute"}
        Results do not depend on it. There is no ball tree: ``"ball_tree"`` searches like ``"auto"``.
    leaf_size : int
        Of the k-d tree, rounded up to a multiple of 16.
    metric : str or callable
    p : float
        Of ``metric="minkowski"``: 1 is Manhattan, 2 Euclidean.
    metric_params : dict, optional
    n_jobs : int, optional
        For what is passed on to scikit-learn; nerve's threads are set by :func:`nerve.set_num_threads`.

    Attributes
    ----------
    effective_metric_ : str or callable
    effective_metric_params_ : dict
    n_features_in_ : int
    feature_names_in_ : ndarray of str (n_features_in_,)
    n_samples_fit_ : int
    """

    def __init__(
        self,
        *,
        n_neighbors: int = 5,
        radius: float = 1.0,
        algorithm: str = "auto",
        leaf_size: int = 30,
        metric: Any = "minkowski",
        p: float = 2,
        metric_params: dict[str, Any] | None = None,
        n_jobs: int | None = None,
    ) -> None:
        super().__init__(
            n_neighbors=n_neighbors,
            radius=radius,
            algorithm=algorithm,
            leaf_size=leaf_size,
            metric=metric,
            p=p,
            metric_params=metric_params,
            n_jobs=n_jobs,
        )

    @_fit_context(prefer_skip_nested_validation=False)  # type: ignore[untyped-decorator]
    def fit(self, X: Any, y: Any = None) -> Any:
        """Take the points to look among.

        Parameters
        ----------
        X : array-like or sparse matrix (n_samples, n_features), or (n_samples, n_samples) of distances
        y : ignored

        Returns
        -------
        self
        """
        return self._fit(X)
