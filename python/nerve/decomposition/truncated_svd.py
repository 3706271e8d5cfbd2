"""Singular values and vectors of data as they are, not centred."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.random import RandomState
from numpy.typing import ArrayLike
from scipy.sparse import issparse
from scipy.sparse.linalg import svds
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin, _fit_context
from sklearn.utils import check_array, check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.sparsefuncs import mean_variance_axis
from sklearn.utils.validation import check_is_fitted, validate_data

from nerve._typing import Array
from nerve.decomposition.products import column_means, decided_signs, product, squares
from nerve.decomposition.randomized import randomized_svd


class TruncatedSVD(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """The largest singular values of a matrix and their vectors: latent semantic analysis, where it counts words.

    Takes the place of :class:`sklearn.decomposition.TruncatedSVD`, with the same results and signs. Unlike
    :class:`~nerve.decomposition.PCA` it does not centre the data, so that sparse matrices stay sparse.

    Parameters
    ----------
    n_components : int, default=2
    algorithm : {"randomized", "arpack"}, default="randomized"
        In a random subspace (Halko et al.), or SciPy's ``svds``, which needs fewer components than either size.
    n_iter : int, default=5
        Power iterations of "randomized".
    n_oversamples : int, default=10
        Random vectors beyond ``n_components`` for "randomized".
    power_iteration_normalizer : {"auto", "QR", "LU", "none"}, default="auto"
        For "randomized".
    random_state : int, RandomState instance or None, default=None
    tol : float, default=0.0
        Of singular values found by "arpack"; 0: as exact as they can be.

    Attributes
    ----------
    components_ : ndarray (n_components, n_features)
        Right singular vectors; the greatest element of each in size is positive.
    explained_variance_ : ndarray (n_components,)
        Of the coordinates of the training data.
    explained_variance_ratio_ : ndarray (n_components,)
    singular_values_ : ndarray (n_components,)
    n_features_in_ : int
    feature_names_in_ : ndarray
        Only if the names of features are strings.

    Notes
    -----
    Of scikit-learn's class nothing is left out. Dense products are nerve's, so that with "randomized" results do not
    depend on the number of threads; a matrix in Fortran's order is not copied.

    References
    ----------
    Halko, Martinsson and Tropp, "Finding structure with randomness", 2011.

    Examples
    --------
    >>> import numpy as np
    >>> from nerve.decomposition import TruncatedSVD
    >>> TruncatedSVD(1, random_state=0).fit(np.outer([1.0, 2.0], [3.0, 4.0])).singular_values_.round(6).tolist()
    [11.18034]
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "algorithm": [StrOptions({"arpack", "randomized"})],
        "n_iter": [Interval(Integral, 0, None, closed="left")],
        "n_oversamples": [Interval(Integral, 1, None, closed="left")],
        "power_iteration_normalizer": [StrOptions({"auto", "QR", "LU", "none"})],
        "random_state": ["random_state"],
        "tol": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        n_components: int = 2,
        *,
        algorithm: str = "randomized",
        n_iter: int = 5,
        n_oversamples: int = 10,
        power_iteration_normalizer: str = "auto",
        random_state: int | RandomState | None = None,
        tol: float = 0.0,
    ) -> None:
        self.algorithm = algorithm
        self.n_components = n_components
        self.n_iter = n_iter
        self.n_oversamples = n_oversamples
        self.power_iteration_normalizer = power_iteration_normalizer
        self.random_state = random_state
        self.tol = tol

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Find the components.

        Parameters
        ----------
        X : {array-like, sparse matrix} (n_samples, n_features)
        y : ignored
        """
        self.fit_transform(X)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def fit_transform(self, X: ArrayLike, y: Any = None) -> Array:
        """Find the components and the samples' coordinates along them.

        Parameters
        ----------
        X : {array-like, sparse matrix} (n_samples, n_features)
        y : ignored

        Returns
        -------
        ndarray (n_samples, n_components)
        """
        x = validate_data(self, X, accept_sparse=["csr", "csc"], ensure_min_features=2)
        if x.dtype.kind != "f":
            x = x.astype(np.float64)
        random_state = check_random_state(self.random_state)
        if self.algorithm == "arpack":
            start = random_state.uniform(-1, 1, min(x.shape))
            u, s, vt = svds(x, k=self.n_components, tol=self.tol, v0=start)
            u, s, vt = u[:, ::-1].copy(), s[::-1].copy(), vt[::-1].copy()
        else:
            if self.n_components > x.shape[1]:
                raise ValueError(f"n_components({self.n_components}) must be <= n_features({x.shape[1]}).")
            u, s, vt = randomized_svd(
                x,
                self.n_components,
                n_oversamples=self.n_oversamples,
                n_iter=self.n_iter,
                power_iteration_normalizer=self.power_iteration_normalizer,
                random_state=random_state,
            )
        vt = np.ascontiguousarray(vt)
        decided_signs(vt, u)
        self.components_, self.singular_values_ = vt, s
        # What was found approximates the data, so that u * s are not the coordinates along vt.
        exact = self.algorithm == "arpack" and self.tol == 0
        coordinates = u * s if exact else product(x, vt.T)
        self.explained_variance_ = coordinates.var(axis=0)
        if issparse(x):
            total = mean_variance_axis(x, axis=0)[1].sum()
        else:
            total = x.dtype.type(squares(x, column_means(x)) / len(x))
        self.explained_variance_ratio_ = self.explained_variance_ / total
        return coordinates

    def transform(self, X: ArrayLike) -> Array:
        """The coordinates of samples along the components.

        Parameters
        ----------
        X : {array-like, sparse matrix} (n_samples, n_features)

        Returns
        -------
        ndarray (n_samples, n_components)
        """
        check_is_fitted(self)
        x = validate_data(self, X, accept_sparse=["csr", "csc"], reset=False)
        return product(x, self.components_.T)

    def inverse_transform(self, X: ArrayLike) -> Array:
        """The samples that have these coordinates, in the components' space.

        Parameters
        ----------
        X : array-like (n_samples, n_components)

        Returns
        -------
        ndarray (n_samples, n_features)
        """
        check_is_fitted(self)
        return product(check_array(X), self.components_)

    @property
    def _n_features_out(self) -> int:
        return len(self.components_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
