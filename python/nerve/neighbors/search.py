"""Searches as methods: mixins for estimators that look for the nearest, or within a radius."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
from scipy import sparse
from sklearn import get_config
from sklearn.utils.validation import check_is_fitted

from nerve import kernels
from nerve._typing import Array
from nerve.errors import DeviceError
from nerve.kernels._arrays import array_module, host, on_gpu
from nerve.neighbors.base import Neighbors


def csr(data: Array, indices: Array, offsets: Array, shape: tuple[int, int]) -> Any:
    """A sparse matrix of the kind that scikit-learn's configuration asks for."""
    kind = sparse.csr_array if get_config()["sparse_interface"] == "sparray" else sparse.csr_matrix
    return kind((data, indices, offsets), shape=shape)


def objects(values: Array, offsets: Array) -> Array:
    """The parts of ``values`` between offsets, as an array of arrays."""
    offsets = host(offsets)
    parts = np.empty(offsets.size - 1, dtype=object)
    for i in range(parts.size):
        parts[i] = values[offsets[i] : offsets[i + 1]]
    return parts


class KNeighborsMixin(Neighbors):
    """Searches for the nearest."""

    def kneighbors(self, X: Any = None, n_neighbors: int | None = None, return_distance: bool = True) -> Any:
        """The nearest points of the fitted data.

        Parameters
        ----------
        X : array-like or sparse matrix (n_queries, n_features), or (n_queries, n_samples_fit) of distances, optional
            By default the fitted points, none of which is its own neighbor.
        n_neighbors : int, optional
            By default the estimator's.
        return_distance : bool

        Returns
        -------
        neigh_dist : ndarray (n_queries, n_neighbors)
            Ascending; in the dtype of the data. Left out without ``return_distance``.
        neigh_ind : ndarray (n_queries, n_neighbors)
            Of equally near points the first ones, in order.
        """
        check_is_fitted(self)
        if n_neighbors is None:
            n_neighbors = self.n_neighbors
        elif n_neighbors <= 0:
            raise ValueError(f"Expected n_neighbors > 0. Got {n_neighbors}")
        elif not isinstance(n_neighbors, Integral):
            raise TypeError(f"n_neighbors does not take {type(n_neighbors)} value, enter integer value")
        n_neighbors = int(n_neighbors)  # type: ignore[arg-type]  # a bool does not add up
        of_fitted = X is None
        queries = self._fit_X if of_fitted else self._queries(X)
        if self._kernel_metric is None or sparse.issparse(queries):
            return self._search_of_sklearn().kneighbors(None if of_fitted else queries, n_neighbors, return_distance)
        if n_neighbors + of_fitted > self.n_samples_fit_:
            sign = "<" if of_fitted else "<="
            raise ValueError(
                f"Expected n_neighbors {sign} n_samples_fit, but n_neighbors = {n_neighbors}, "
                f"n_samples_fit = {self.n_samples_fit_}, n_samples = {queries.shape[0]}"
            )
        count = n_neighbors + of_fitted
        rows, points, algorithm = self._where(queries, count)
        found = kernels.nearest_neighbors(
            rows, points, count, metric=self._kernel_metric, algorithm=algorithm, return_distance=return_distance
        )
        if not of_fitted:
            return found
        distances, indices = found if return_distance else (None, found)
        module = array_module(indices)
        others: Array = indices != module.arange(rows.shape[0])[:, None]
        # A point with more duplicates than neighbors may not have found itself: the first of them goes instead.
        others[:, 0] = others[:, 0] & ~others.all(axis=1)
        shape = (rows.shape[0], n_neighbors)
        if distances is None:
            return indices[others].reshape(shape)
        return distances[others].reshape(shape), indices[others].reshape(shape)

    def kneighbors_graph(self, X: Any = None, n_neighbors: int | None = None, mode: str = "connectivity") -> Any:
        """The graph of the nearest points.

        Parameters
        ----------
        X, n_neighbors
            As for :meth:`kneighbors`.
        mode : {"connectivity", "distance"}
            Whether the edges are ones or distances.

        Returns
        -------
        sparse matrix (n_queries, n_samples_fit), CSR
        """
        _check_for_graph(self)
        n_neighbors = self.n_neighbors if n_neighbors is None else n_neighbors
        assert n_neighbors is not None
        if mode == "connectivity":
            indices = self.kneighbors(X, n_neighbors, return_distance=False)
            data = np.ones(indices.size)
        elif mode == "distance":
            data, indices = self.kneighbors(X, n_neighbors, return_distance=True)
            data = data.ravel()
        else:
            raise ValueError(_unknown(mode))
        offsets = np.arange(0, indices.size + 1, n_neighbors)
        return csr(data, indices.ravel(), offsets, (indices.shape[0], self.n_samples_fit_))


class RadiusNeighborsMixin(Neighbors):
    """Searches within a radius."""

    def radius_neighbors(
        self,
        X: Any = None,
        radius: float | None = None,
        return_distance: bool = True,
        sort_results: bool = False,
    ) -> Any:
        """The points of the fitted data within a radius, those at this very distance included.

        Parameters
        ----------
        X : array-like or sparse matrix (n_queries, n_features), or (n_queries, n_samples_fit) of distances, optional
            By default the fitted points, none of which is its own neighbor.
        radius : float, optional
            By default the estimator's. Not negative, which scikit-learn takes for one that holds no point.
        return_distance : bool
        sort_results : bool
            Nearest first; otherwise in no particular order.

        Returns
        -------
        neigh_dist : ndarray of object (n_queries,)
            An array of distances for each query. Left out without ``return_distance``.
        neigh_ind : ndarray of object (n_queries,)
            An array of indices for each query.
        """
        check_is_fitted(self)
        if sort_results and not return_distance:
            raise ValueError("return_distance must be True if sort_results is True.")
        offsets, indices, distances = self._within(X, radius, return_distance, sort_results)
        found = objects(indices, offsets)
        return found if distances is None else (objects(distances, offsets), found)

    def radius_neighbors_graph(
        self, X: Any = None, radius: float | None = None, mode: str = "connectivity", sort_results: bool = False
    ) -> Any:
        """The graph of the points within a radius.

        Parameters
        ----------
        X, radius
            As for :meth:`radius_neighbors`.
        mode : {"connectivity", "distance"}
            Whether the edges are ones or distances.
        sort_results : bool
            Nearest first in each row, with ``mode="distance"``.

        Returns
        -------
        sparse matrix (n_queries, n_samples_fit), CSR
        """
        _check_for_graph(self)
        if mode not in ("connectivity", "distance"):
            raise ValueError(_unknown(mode))
        wanted = mode == "distance"
        offsets, indices, distances = self._within(X, radius, wanted, sort_results and wanted)
        data = np.ones(indices.size) if distances is None else distances
        return csr(data, indices, offsets, (offsets.size - 1, self.n_samples_fit_))

    def _within(
        self, X: Any, radius: Any, return_distance: bool, sort_results: bool = False
    ) -> tuple[Array, Array, Array | None]:
        """Offsets, indices and, where wanted, distances; those of query i lie between offsets i and i + 1."""
        of_fitted = X is None
        queries = self._fit_X if of_fitted else self._queries(X)
        radius = self.radius if radius is None else radius
        if self._kernel_metric is None or sparse.issparse(queries) or np.ndim(radius) > 0:
            found = self._search_of_sklearn().radius_neighbors(
                None if of_fitted else queries, radius, return_distance, sort_results
            )
            parts, members = found if return_distance else (None, found)
            offsets = np.concatenate([[0], np.cumsum([len(each) for each in members], dtype=np.int64)])
            indices = np.concatenate([*members, np.empty(0, np.intp)])
            return offsets, indices, None if parts is None else np.concatenate([*parts, np.empty(0, np.float32)])
        if on_gpu(queries) and (of_fitted or sort_results):
            raise DeviceError(
                f"[{type(self).__name__}] neighbors within a radius of the fitted points themselves, or sorted, need "
                "the data in the host's memory; move them with cupy.asnumpy"
            )
        rows, points, algorithm = self._where(queries)
        offsets, indices, *rest = kernels.radius_neighbors(
            rows, points, radius, metric=self._kernel_metric, algorithm=algorithm, return_distance=return_distance
        )
        distances = rest[0] if rest else None
        if not of_fitted and not sort_results:
            return offsets, indices, distances
        of_row = np.repeat(np.arange(rows.shape[0]), np.diff(offsets))
        if of_fitted:
            others = indices != of_row
            indices, of_row = indices[others], of_row[others]
            distances = None if distances is None else distances[others]
            offsets = np.searchsorted(of_row, np.arange(rows.shape[0] + 1))
        if sort_results and distances is not None:
            order = np.lexsort((indices, distances, of_row))
            indices, distances = indices[order], distances[order]
        return offsets, indices, distances


def _check_for_graph(search: Neighbors) -> None:
    check_is_fitted(search)
    if on_gpu(search._fit_X):
        raise DeviceError(
            f"[{type(search).__name__}] graphs are SciPy's, and need the data in the host's memory: cupy.asnumpy(X)"
        )


def _unknown(mode: Any) -> str:
    return f'Unsupported mode, must be one of "connectivity", or "distance" but got "{mode}" instead'
