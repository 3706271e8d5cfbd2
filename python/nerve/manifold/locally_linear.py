"""Locally linear embedding."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.random import RandomState
from numpy.typing import ArrayLike
from scipy.linalg import eigh
from scipy.sparse.linalg import LinearOperator, eigsh, splu
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin, _fit_context
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from nerve._typing import Array
from nerve.manifold import patches
from nerve.neighbors import NearestNeighbors


class LocallyLinearEmbedding(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Coordinates of few dimensions in which every point lies to its neighbours as it does in the data.

    Takes the place of :class:`sklearn.manifold.LocallyLinearEmbedding`, with the same results.

    Parameters
    ----------
    n_neighbors : int, default=5
    n_components : int, default=2
    reg : float, default=1e-3
        Of the local Gram matrices, times their trace; method "standard".
    eigen_solver : {"auto", "arpack", "dense"}, default="auto"
        "arpack": ARPACK in shift-invert mode on the sparse matrix. "dense": LAPACK, on a matrix of n_samples by
        n_samples. "auto": "arpack" for more than 200 samples and fewer than 9 components.
    tol : float, default=1e-6
        Of "arpack".
    max_iter : int, default=100
        Of "arpack".
    method : {"standard", "hessian", "modified", "ltsa"}, default="standard"
        Barycentric weights; Hessian eigenmaps, for which ``n_neighbors > n_components (n_components + 3) / 2``; several
        weights for each point; local tangent space alignment.
    hessian_tol : float, default=1e-4
    modified_tol : float, default=1e-12
    neighbors_algorithm : {"auto", "brute", "kd_tree", "ball_tree"}, default="auto"
    random_state : int, RandomState instance or None, default=None
        For the start of "arpack".
    n_jobs : int or None, default=None
        Passed on to the search for neighbours.

    Attributes
    ----------
    embedding_ : ndarray (n_samples, n_components) of float64
    reconstruction_error_ : float
        The sum of the eigenvalues.
    nbrs_ : NearestNeighbors
    n_features_in_ : int
    feature_names_in_ : ndarray
        Only if the names of features are strings.

    Notes
    -----
    Computed in float64 also for float32 data, as in scikit-learn's class: the eigenvalues sought are the smallest.
    Of that class nothing is left out. All neighbourhoods are computed at once, the matrix is sparse with either solver
    until "dense" makes it whole, and "arpack" factors it as a symmetric one. Where the graph of neighbours falls apart,
    or points coincide, more than one eigenvalue is zero and coordinates are any of their space, here as there.

    References
    ----------
    Roweis and Saul, "Nonlinear dimensionality reduction by locally linear embedding", Science 290, 2000.
    The other methods' are in the functions of :mod:`nerve.manifold.patches`.

    Examples
    --------
    >>> from nerve.manifold import LocallyLinearEmbedding
    >>> from sklearn.datasets import make_swiss_roll
    >>> X, along = make_swiss_roll(500, random_state=0)
    >>> LocallyLinearEmbedding(n_neighbors=12, method="ltsa", random_state=0).fit_transform(X).shape
    (500, 2)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "reg": [Interval(Real, 0, None, closed="left")],
        "eigen_solver": [StrOptions({"auto", "arpack", "dense"})],
        "tol": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "method": [StrOptions({"standard", "hessian", "modified", "ltsa"})],
        "hessian_tol": [Interval(Real, 0, None, closed="left")],
        "modified_tol": [Interval(Real, 0, None, closed="left")],
        "neighbors_algorithm": [StrOptions({"auto", "brute", "kd_tree", "ball_tree"})],
        "random_state": ["random_state"],
        "n_jobs": [None, Integral],
    }

    embedding_: Array

    def __init__(
        self,
        *,
        n_neighbors: int = 5,
        n_components: int = 2,
        reg: float = 1e-3,
        eigen_solver: str = "auto",
        tol: float = 1e-6,
        max_iter: int = 100,
        method: str = "standard",
        hessian_tol: float = 1e-4,
        modified_tol: float = 1e-12,
        neighbors_algorithm: str = "auto",
        random_state: int | RandomState | None = None,
        n_jobs: int | None = None,
    ) -> None:
        self.n_neighbors = n_neighbors
        self.n_components = n_components
        self.reg = reg
        self.eigen_solver = eigen_solver
        self.tol = tol
        self.max_iter = max_iter
        self.method = method
        self.hessian_tol = hessian_tol
        self.modified_tol = modified_tol
        self.neighbors_algorithm = neighbors_algorithm
        self.random_state = random_state
        self.n_jobs = n_jobs

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Find the embedding.

        Parameters
        ----------
        X : array-like (n_samples, n_features)
        y : ignored
        """
        self._fit(X)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def fit_transform(self, X: ArrayLike, y: Any = None) -> Array:
        """Find the embedding of ``X``, ``embedding_``.

        Parameters
        ----------
        X : array-like (n_samples, n_features)
        y : ignored

        Returns
        -------
        ndarray (n_samples, n_components)
        """
        self._fit(X)
        return self.embedding_

    def transform(self, X: ArrayLike) -> Array:
        """Where new points lie in the embedding: as they lie to their neighbours among the training data.

        Parameters
        ----------
        X : array-like (n_samples, n_features)

        Returns
        -------
        ndarray (n_samples, n_components)
        """
        check_is_fitted(self)
        x = validate_data(self, X, dtype=np.float64, reset=False)
        neighbors = self.nbrs_.kneighbors(x, n_neighbors=self.n_neighbors, return_distance=False)
        weights = patches.barycenter_weights(x, self.nbrs_._fit_X, neighbors, self.reg)
        embedded: Array = np.einsum("ij,ijk->ik", weights, self.embedding_[neighbors])
        return embedded

    @property
    def _n_features_out(self) -> int:
        return int(self.embedding_.shape[1])

    def _fit(self, X: ArrayLike) -> None:
        random_state = check_random_state(self.random_state)
        x = validate_data(self, X, dtype=np.float64)
        self._check(*x.shape)
        self.nbrs_ = NearestNeighbors(
            n_neighbors=self.n_neighbors, algorithm=self.neighbors_algorithm, n_jobs=self.n_jobs
        ).fit(x)
        neighbors = self.nbrs_.kneighbors(x, n_neighbors=self.n_neighbors + 1, return_distance=False)[:, 1:]
        if self.method == "standard":
            matrix = patches.standard(x, neighbors, self.reg)
        elif self.method == "hessian":
            matrix = patches.hessian(x, neighbors, self.n_components, self.hessian_tol)
        elif self.method == "modified":
            matrix = patches.modified(x, neighbors, self.n_components, self.modified_tol)
        else:
            matrix = patches.local_tangent_space(x, neighbors, self.n_components)
        self.embedding_, self.reconstruction_error_ = self._null_space(matrix, random_state)

    def _check(self, n_samples: int, n_features: int) -> None:
        if self.n_components > n_features:
            raise ValueError("output dimension must be less than or equal to input dimension")
        if self.n_neighbors >= n_samples:
            raise ValueError(
                f"Expected n_neighbors < n_samples, but n_samples = {n_samples}, n_neighbors = {self.n_neighbors}"
            )
        if self.method == "hessian" and self.n_neighbors <= self.n_components * (self.n_components + 3) // 2:
            raise ValueError(
                "for method='hessian', n_neighbors must be greater than [n_components * (n_components + 3) / 2]"
            )
        if self.method == "modified" and self.n_neighbors < self.n_components:
            raise ValueError("modified LLE requires n_neighbors >= n_components")

    def _null_space(self, matrix: Any, random_state: RandomState) -> tuple[Array, float]:
        """The eigenvectors of the smallest eigenvalues but the first, which is constant, and these eigenvalues' sum."""
        n, count = matrix.shape[0], self.n_components
        solver = self.eigen_solver
        if solver == "auto":
            solver = "arpack" if n > 200 and count + 1 < 10 else "dense"
        if solver == "dense":
            values, vectors = eigh(matrix.toarray(), subset_by_index=(1, count), overwrite_a=True)
            return vectors[:, np.argsort(np.abs(values))], float(values.sum())
        start = random_state.uniform(-1, 1, n)
        try:
            # Ordered for symmetric matrices and without pivots: fewer elements to fill in, and to solve with.
            factored = splu(
                matrix.tocsc(), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True}
            )
            inverse = LinearOperator(matrix.shape, matvec=factored.solve, dtype=np.float64)
            values, vectors = eigsh(
                matrix, count + 1, sigma=0.0, tol=self.tol, maxiter=self.max_iter, v0=start, OPinv=inverse
            )
        except RuntimeError as error:
            raise ValueError(
                f"Error in determining null-space with ARPACK. Error message: '{error}'. Note that "
                "eigen_solver='arpack' can fail when the weight matrix is singular or otherwise ill-behaved. In that "
                "case, eigen_solver='dense' is recommended. See online documentation for more information."
            ) from error
        return vectors[:, 1:], float(values[1:].sum())
