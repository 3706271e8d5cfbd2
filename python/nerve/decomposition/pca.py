"""Principal component analysis."""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.random import RandomState
from numpy.typing import ArrayLike
from scipy import linalg
from scipy.sparse import issparse
from scipy.sparse.linalg import svds
from sklearn.base import _fit_context
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, RealNotInt, StrOptions
from sklearn.utils.extmath import fast_logdet
from sklearn.utils.sparsefuncs import mean_variance_axis
from sklearn.utils.validation import check_is_fitted, validate_data

from nerve import kernels
from nerve._typing import Array
from nerve.checked import checked_data, expect_finite
from nerve.decomposition.base import PrincipalComponents
from nerve.decomposition.dimension import infer_dimension
from nerve.decomposition.products import ROWS, column_means, decided_signs, product, squares
from nerve.decomposition.randomized import randomized_svd
from nerve.decomposition.solvers import chosen_solver, less_means, noise
from nerve.errors import DeviceError
from nerve.kernels._arrays import array_module, host, on_gpu, placed

FEW = 0.3  # of all eigenvectors: so many cost less found one by one than all of them together


class PCA(PrincipalComponents):
    """Principal component analysis: the directions in which samples vary most, and their coordinates along these.

    Takes the place of :class:`sklearn.decomposition.PCA`, with the same results and signs.

    Parameters
    ----------
    n_components : int, float, "mle" or None, default=None
        How many to keep: a number; the least that explain this share of the variance (0 to 1, with all eigenvalues at
        hand: solvers "full" and "covariance_eigh"); Minka's estimate; as many as samples or features, whichever are
        fewer (one less with "arpack").
    copy : bool, default=True
        False: ``fit`` may overwrite its data.
    whiten : bool, default=False
        Scale coordinates to unit variance.
    svd_solver : {"auto", "full", "covariance_eigh", "arpack", "randomized"}, default="auto"
        "full": LAPACK's singular value decomposition of the centred data. "covariance_eigh": eigenvectors of the
        covariance matrix, which one pass over the data makes together with the means. "arpack": a truncated
        decomposition by SciPy's ``svds``; the only one for sparse data beside "covariance_eigh". "randomized": in a
        random subspace (Halko et al.). "auto": "covariance_eigh" for up to 1000 features and ten times as many samples;
        else "full" up to 500 x 500 or if ``n_components`` is no number of less than 80 % of the smaller size; else
        "randomized"; "arpack" for sparse data.
    tol : float, default=0.0
        Of singular values found by "arpack".
    iterated_power : int or "auto", default="auto"
        Power iterations of "randomized".
    n_oversamples : int, default=10
        Random vectors beyond ``n_components`` for "randomized".
    power_iteration_normalizer : {"auto", "QR", "LU", "none"}, default="auto"
        For "randomized".
    random_state : int, RandomState instance or None, default=None
        For "arpack" and "randomized".

    Attributes
    ----------
    components_ : ndarray (n_components, n_features)
        Rows of unit length, by descending variance; the greatest element of each in size is positive.
    explained_variance_ : ndarray (n_components,)
        With ``n_samples - 1`` degrees of freedom.
    explained_variance_ratio_ : ndarray (n_components,)
    singular_values_ : ndarray (n_components,)
        Of the centred data.
    mean_ : ndarray (n_features,)
    n_components_ : int
    n_samples_ : int
    noise_variance_ : float
        The mean variance along the directions left out; as in scikit-learn, of fewer samples than features only
        "covariance_eigh" counts all of these.
    n_features_in_ : int
    feature_names_in_ : ndarray
        Only if the names of features are strings.

    Notes
    -----
    Of the covariance matrix one triangle is computed, from data less their means, and summed in float64: for float32
    data it is more accurate than a product of which the means' is subtracted. If ``n_components`` is a number, "auto"
    and "covariance_eigh" compute no more eigenvectors than that; ``noise_variance_`` then comes from the trace.
    Left out of scikit-learn's class: the array API.

    A CuPy array stays on the GPU, and so do the attributes that are arrays: the covariance by nerve's kernel, its
    eigenvectors by ``cupy.linalg.eigh``, whichever of "auto" and "covariance_eigh"; how many are kept, and their signs,
    is decided in the host's memory. The other solvers, and what comes of the probabilistic model, want host arrays.

    References
    ----------
    Tipping and Bishop, "Probabilistic principal component analysis", 1999 (:meth:`score_samples`).
    Minka, "Automatic choice of dimensionality for PCA", 2000.
    Halko, Martinsson and Tropp, "Finding structure with randomness", 2011.

    Examples
    --------
    >>> import numpy as np
    >>> from nerve.decomposition import PCA
    >>> X = np.array([[-1, -1], [-2, -1], [-3, -2], [1, 1], [2, 1], [3, 2]])
    >>> PCA(n_components=2).fit(X).explained_variance_ratio_.round(4).tolist()
    [0.9924, 0.0076]
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_components": [
            Interval(Integral, 0, None, closed="left"),
            Interval(RealNotInt, 0, 1, closed="neither"),
            StrOptions({"mle"}),
            None,
        ],
        "copy": ["boolean"],
        "whiten": ["boolean"],
        "svd_solver": [StrOptions({"auto", "full", "covariance_eigh", "arpack", "randomized"})],
        "tol": [Interval(Real, 0, None, closed="left")],
        "iterated_power": [StrOptions({"auto"}), Interval(Integral, 0, None, closed="left")],
        "n_oversamples": [Interval(Integral, 1, None, closed="left")],
        "power_iteration_normalizer": [StrOptions({"auto", "QR", "LU", "none"})],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_components: float | str | None = None,
        *,
        copy: bool = True,
        whiten: bool = False,
        svd_solver: str = "auto",
        tol: float = 0.0,
        iterated_power: int | str = "auto",
        n_oversamples: int = 10,
        power_iteration_normalizer: str = "auto",
        random_state: int | RandomState | None = None,
    ) -> None:
        self.n_components = n_components
        self.copy = copy
        self.whiten = whiten
        self.svd_solver = svd_solver
        self.tol = tol
        self.iterated_power = iterated_power
        self.n_oversamples = n_oversamples
        self.power_iteration_normalizer = power_iteration_normalizer
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Find the components.

        Parameters
        ----------
        X : {array-like, sparse matrix} (n_samples, n_features)
            Sparse only for the solvers "arpack" and "covariance_eigh".
        y : ignored
        """
        self._fit(X)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def fit_transform(self, X: ArrayLike, y: Any = None) -> Array:
        """Find the components and the samples' coordinates.

        Parameters
        ----------
        X : {array-like, sparse matrix} (n_samples, n_features)
        y : ignored

        Returns
        -------
        ndarray (n_samples, n_components)
        """
        x, u = self._fit(X)
        if u is None:
            return self._projected(x)
        u = u[:, : self.n_components_]
        u *= math.sqrt(x.shape[0] - 1) if self.whiten else self.singular_values_
        return u

    def _fit(self, X: ArrayLike) -> tuple[Any, Array | None]:
        """The validated data and, where they were found on the way, the left singular vectors."""
        if issparse(X) and self.svd_solver not in ("auto", "arpack", "covariance_eigh"):
            raise TypeError(
                'PCA only support sparse inputs with the "arpack" and "covariance_eigh" solvers, while '
                f'"{self.svd_solver}" was passed. See TruncatedSVD for a possible alternative.'
            )
        x = checked_data(
            self,
            X,
            dtype=[np.float64, np.float32],
            force_writeable=True,
            accept_sparse=("csr", "csc"),
            ensure_2d=True,
            ensure_all_finite=issparse(X),  # else the means show it
            copy=False,
        )
        solver = self.svd_solver
        if solver == "auto" and issparse(x):
            solver = "arpack"
        wanted: Any = self.n_components
        if wanted is None:
            wanted = min(x.shape) - (solver == "arpack")
        if on_gpu(x):
            if solver not in ("auto", "covariance_eigh"):
                raise DeviceError(
                    f"[PCA] svd_solver={solver!r} needs X in the host's memory; move it with cupy.asnumpy"
                )
            solver = "covariance_eigh"
        self._fit_svd_solver = chosen_solver(x.shape, wanted) if solver == "auto" else solver
        self.n_samples_ = x.shape[0]
        if self._fit_svd_solver in ("full", "covariance_eigh"):
            return x, self._fit_full(x, wanted)
        return x, self._fit_truncated(x, wanted)

    def _fit_full(self, x: Any, wanted: Any) -> Array | None:
        n_samples, n_features = x.shape
        if wanted == "mle":
            if n_samples < n_features:
                raise ValueError("n_components='mle' is only supported if n_samples >= n_features")
        elif not 0 <= wanted <= min(x.shape):
            raise ValueError(
                f"n_components={wanted} must be between 0 and min(n_samples, n_features)={min(x.shape)} with "
                f"svd_solver={self._fit_svd_solver!r}"
            )
        u = None
        if self._fit_svd_solver == "full":
            u, s, vt = linalg.svd(self._centred(x), full_matrices=False, overwrite_a=True, check_finite=False)
            variances = s**2 / (n_samples - 1)
            total = variances.sum()
        else:
            few = isinstance(wanted, Integral) and wanted <= FEW * n_features
            variances, vt, total = self._eigenvectors(x, int(wanted) if few else n_features)
            s = np.sqrt(variances * (n_samples - 1))
        decided_signs(vt, *([] if u is None else [u]))
        ratios = variances / total
        if wanted == "mle":
            wanted = infer_dimension(variances, n_samples)
        elif 0 < wanted < 1:
            wanted = int(np.searchsorted(np.cumsum(ratios), wanted, side="right")) + 1
        self.n_components_ = wanted
        directions = n_features if self._fit_svd_solver == "covariance_eigh" else min(x.shape)
        self.noise_variance_ = noise(variances, total, wanted, directions) if wanted < min(x.shape) else 0.0
        self.components_ = placed(vt[:wanted].copy(), x)
        self.explained_variance_ = placed(variances[:wanted].copy(), x)
        self.explained_variance_ratio_ = placed(ratios[:wanted].copy(), x)
        self.singular_values_ = placed(s[:wanted].copy(), x)
        return u

    def _eigenvectors(self, x: Any, count: int) -> tuple[Array, Array, Any]:
        """The largest eigenvalues of the covariance, their vectors in rows, and the sum of all eigenvalues."""
        n_samples, n_features = x.shape
        if issparse(x):
            self.mean_ = np.asarray(x.mean(axis=0)).reshape(-1).astype(x.dtype)
            covariance = (x.T @ x).toarray() - n_samples * np.outer(self.mean_, self.mean_)
            covariance /= n_samples - 1
        else:
            covariance, self.mean_ = kernels.covariance(x)
            expect_finite(self, x, self.mean_, covariance)
        if on_gpu(covariance):
            module = array_module(covariance)
            values, vectors = map(host, module.linalg.eigh(covariance))
            values = np.maximum(values[::-1], 0)
            return values[:count], np.ascontiguousarray(vectors.T[::-1][:count]), values.sum()
        total: Any = np.trace(covariance)
        several = {"subset_by_index": (n_features - count, n_features - 1)} if 0 < count < n_features else {}
        driver = "evr" if several else "evd"
        values, vectors = linalg.eigh(covariance, driver=driver, overwrite_a=True, check_finite=False, **several)
        values = np.maximum(values[::-1], 0)
        total = total if several else values.sum()
        return values[:count], np.ascontiguousarray(vectors.T[::-1][:count]), total

    def _fit_truncated(self, x: Any, wanted: Any) -> Array:
        n_samples = x.shape[0]
        solver, smaller = self._fit_svd_solver, min(x.shape)
        if isinstance(wanted, str):
            raise ValueError(f"n_components={wanted!r} cannot be a string with svd_solver='{solver}'")
        if not 1 <= wanted <= smaller:
            raise ValueError(
                f"n_components={wanted!r} must be between 1 and min(n_samples, n_features)={smaller!r} with "
                f"svd_solver='{solver}'"
            )
        if solver == "arpack" and wanted == smaller:
            raise ValueError(
                f"n_components={wanted!r} must be strictly less than min(n_samples, n_features)={smaller!r} with "
                f"svd_solver='{solver}'"
            )
        random_state = check_random_state(self.random_state)
        if issparse(x):
            self.mean_, variance = mean_variance_axis(x, axis=0)
            total = variance.sum() * n_samples / (n_samples - 1)
            centred = less_means(x, self.mean_)
        else:
            centred = self._centred(x)
            total = x.dtype.type(squares(centred) / (n_samples - 1)) if n_samples > 1 else x.dtype.type(np.nan)
        if solver == "arpack":
            start = random_state.uniform(-1, 1, smaller)
            u, s, vt = svds(centred, k=wanted, tol=self.tol, v0=start)
            u, s, vt = u[:, ::-1].copy(), s[::-1].copy(), vt[::-1].copy()
        else:
            u, s, vt = randomized_svd(
                centred,
                wanted,
                n_oversamples=self.n_oversamples,
                n_iter=self.iterated_power,
                power_iteration_normalizer=self.power_iteration_normalizer,
                random_state=random_state,
            )
        vt = np.ascontiguousarray(vt)
        decided_signs(vt, u)
        self.components_, self.n_components_, self.singular_values_ = vt, wanted, s
        self.explained_variance_ = s**2 / (n_samples - 1)
        self.explained_variance_ratio_ = self.explained_variance_ / total
        self.noise_variance_ = noise(self.explained_variance_, total, wanted, smaller) if wanted < smaller else 0.0
        return u  # type: ignore[no-any-return]

    def _centred(self, x: Array) -> Array:
        """``x`` less its means, which are kept; in its place if it need not be copied."""
        self.mean_ = column_means(x)
        expect_finite(self, x, self.mean_)
        return np.subtract(x, self.mean_, out=None if self.copy else x)

    def score_samples(self, X: ArrayLike) -> Array:
        """The logarithm of each sample's density under the probabilistic model.

        Parameters
        ----------
        X : array-like (n_samples, n_features)

        Returns
        -------
        ndarray (n_samples,)
        """
        check_is_fitted(self)
        x = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        precision = self.get_precision()
        logarithms = np.empty(len(x), np.result_type(x, precision))
        for first in range(0, len(x), ROWS):
            part = x[first : first + ROWS] - self.mean_
            logarithms[first : first + ROWS] = np.einsum("ij,ij->i", part, product(part, precision))
        logarithms += x.shape[1] * math.log(2 * math.pi) - fast_logdet(precision)
        logarithms *= -0.5
        return logarithms

    def score(self, X: ArrayLike, y: Any = None) -> float:
        """The mean of :meth:`score_samples`.

        Parameters
        ----------
        X : array-like (n_samples, n_features)
        y : ignored
        """
        return float(np.mean(self.score_samples(X)))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        tags.input_tags.sparse = self.svd_solver in ("auto", "arpack", "covariance_eigh")
        return tags
