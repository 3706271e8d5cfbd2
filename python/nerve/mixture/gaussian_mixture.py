"""Gaussian mixtures by expectation maximization, in one pass over the data for each step."""

from __future__ import annotations

import math
import warnings
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import _fit_context
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions

from nerve import kernels
from nerve._typing import Array
from nerve.checked import beside, checked_data
from nerve.errors import ShapeError
from nerve.kernels._arrays import array_module, host, placed
from nerve.mixture import parameters
from nerve.mixture.density import Density
from nerve.mixture.parameters import Moments, Parameters
from nerve.mixture.progress import Told
from nerve.mixture.start import estimate, first_responsibilities, total_moments, wide


class GaussianMixture(CallbackSupportMixin, Density):
    """A mixture of normal distributions, fitted by expectation maximization.

    Takes the place of :class:`sklearn.mixture.GaussianMixture`: from the same start it makes the same steps. A step is
    one pass over the data that holds no array of samples by components; sums over blocks of samples are added in
    float64, and covariances are made and factored in float64 also for float32 data.

    Parameters
    ----------
    n_components : int, default=1
    covariance_type : {"full", "tied", "diag", "spherical"}, default="full"
        A matrix for each component, one for all, a diagonal for each, one variance for each.
    tol : float, default=1e-3
        Steps end when the mean log-likelihood of a sample changes by less.
    reg_covar : float, default=1e-6
        Added to the diagonals of covariances.
    max_iter : int, default=100
        With 0, the initial parameters are kept.
    n_init : int, default=1
        Initializations to try; the one with the greatest likelihood is kept.
    init_params : {"kmeans", "k-means++", "random", "random_from_data"}, default="kmeans"
        Where the first responsibilities come from: the labels of k-means, single samples chosen by k-means++, random
        numbers, single samples chosen at random.
    weights_init : array-like (n_components,), default=None
    means_init : array-like (n_components, n_features), default=None
    precisions_init : array-like, default=None
        Of the shape of ``precisions_``.
    random_state : int, RandomState instance or None, default=None
        For initial responsibilities and :meth:`sample`.
    warm_start : bool, default=False
        Whether another fit goes on from where the last one ended.
    verbose : int, default=0
        1: says which initialization and step it is at; 2: also the change of likelihood and the time.
    verbose_interval : int, default=10

    Attributes
    ----------
    weights_ : ndarray (n_components,)
    means_ : ndarray (n_components, n_features)
    covariances_ : ndarray
        (n_components, n_features, n_features) if full, (n_features, n_features) if tied, (n_components, n_features) if
        diag, (n_components,) if spherical.
    precisions_ : ndarray
        Inverses of the covariances, of the same shape.
    precisions_cholesky_ : ndarray
        Upper triangular U with precision ``U @ U.T``, of the same shape.
    converged_ : bool
    n_iter_ : int
        Steps of the best initialization.
    lower_bound_ : float
        Mean log-likelihood of a sample at the last step of the best initialization.
    lower_bounds_ : list of float
        At each of its steps.
    n_features_in_ : int
    feature_names_in_ : ndarray
        Only if the names of features are strings.

    Notes
    -----
    Beside scikit-learn's class this one takes callbacks (:meth:`set_callbacks`; a task for every initialization, with
    one for every step in it), keeps ``covariances_`` when ``max_iter=0`` and ``precisions_init`` is given, and refuses
    covariances that are not finite. It has no support for the array API. Its ``lower_bound_`` is a float64, and
    variances keep their digits, also for float32 data: there scikit-learn's, of "diag" and "spherical", are differences
    of squares, and its steps from a component of one sample other ones. Variances that are nothing but the rounding of
    the mean are zero, so that with ``reg_covar=0`` samples all alike are always an error.

    A CuPy array stays on the GPU, as do the parameters and what is made of them; first responsibilities are drawn, and
    covariances factored, in the host's memory, and :meth:`sample` draws there.

    *Anomalies.* :meth:`score_samples` is the log density, so that samples below a threshold are anomalies, where the
    threshold is a quantile of the training data's::

        density = mixture.fit(X).score_samples(X)
        anomalies = mixture.score_samples(X_new) < np.quantile(density, 0.01)

    References
    ----------
    Dempster, Laird and Rubin, "Maximum likelihood from incomplete data via the EM algorithm", 1977.
    Pedregosa et al., "Scikit-learn: machine learning in Python", 2011.

    Examples
    --------
    >>> import numpy as np
    >>> from nerve.mixture import GaussianMixture
    >>> X = np.array([[1, 2], [1, 4], [1, 0], [10, 2], [10, 4], [10, 0]])
    >>> mixture = GaussianMixture(n_components=2, random_state=0).fit(X)
    >>> sorted(mixture.means_[:, 0].round(6).tolist())
    [1.0, 10.0]
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "covariance_type": [StrOptions({"full", "tied", "diag", "spherical"})],
        "tol": [Interval(Real, 0.0, None, closed="left")],
        "reg_covar": [Interval(Real, 0.0, None, closed="left")],
        "max_iter": [Interval(Integral, 0, None, closed="left")],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "init_params": [StrOptions({"kmeans", "random", "random_from_data", "k-means++"})],
        "weights_init": ["array-like", None],
        "means_init": ["array-like", None],
        "precisions_init": ["array-like", None],
        "random_state": ["random_state"],
        "warm_start": ["boolean"],
        "verbose": ["verbose"],
        "verbose_interval": [Interval(Integral, 1, None, closed="left")],
    }

    converged_: bool
    n_iter_: int
    lower_bound_: float
    lower_bounds_: list[float]

    def __init__(
        self,
        n_components: int = 1,
        *,
        covariance_type: str = "full",
        tol: float = 1e-3,
        reg_covar: float = 1e-6,
        max_iter: int = 100,
        n_init: int = 1,
        init_params: str = "kmeans",
        weights_init: ArrayLike | None = None,
        means_init: ArrayLike | None = None,
        precisions_init: ArrayLike | None = None,
        random_state: Any = None,
        warm_start: bool = False,
        verbose: int = 0,
        verbose_interval: int = 10,
    ) -> None:
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.tol = tol
        self.reg_covar = reg_covar
        self.max_iter = max_iter
        self.n_init = n_init
        self.init_params = init_params
        self.weights_init = weights_init
        self.means_init = means_init
        self.precisions_init = precisions_init
        self.random_state = random_state
        self.warm_start = warm_start
        self.verbose = verbose
        self.verbose_interval = verbose_interval

    # --- fitting

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Estimate the parameters: ``n_init`` times, the likeliest of which are kept.

        Parameters
        ----------
        X : array-like (n_samples, n_features)
            float32 and float64 are computed as they are; anything else becomes float64.
        y : ignored

        Raises
        ------
        ValueError
            If there are fewer samples than components, or a covariance cannot be inverted.

        Warns
        -----
        ConvergenceWarning
            If ``max_iter`` steps were not enough.
        """
        self._fit(X)
        return self

    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit_predict(self, X: ArrayLike, y: Any = None) -> Array:
        """:meth:`fit`, and the labels that :meth:`predict` gives then."""
        return self._posterior(self._fit(X))[1]

    def _fit(self, data: ArrayLike) -> Array:
        X: Array = checked_data(self, data, dtype=[np.float64, np.float32], order="C", ensure_min_samples=2)
        if X.shape[0] < self.n_components:
            raise ValueError(
                f"Expected n_samples >= n_components but got n_components = {self.n_components}, "
                f"n_samples = {X.shape[0]}"
            )
        self._check_given(X.shape[1])
        start = not (self.warm_start and hasattr(self, "lower_bound_"))
        if not start:
            self._check_goes_on(X)
        attempts = self.n_init if start else 1
        random_state = check_random_state(self.random_state)
        total = self._total_moments(X)
        before = -math.inf if start else self.lower_bound_
        self.converged_ = False
        best: tuple[Parameters, int, float, list[float]] | None = None

        context = self._init_callback_context(max_subtasks=attempts)
        context.call_on_fit_task_begin(estimator=self, X=X)
        for attempt in range(attempts):
            told = Told(self.verbose, self.verbose_interval, attempt)
            task = context.subcontext(task_name="initialization", max_subtasks=self.max_iter)
            task.call_on_fit_task_begin(estimator=self, X=X)
            if start:
                self._initialize_parameters(X, total, random_state)
            bounds, converged = self._steps(X, total, before, task, told)
            bound = bounds[-1] if bounds else -math.inf
            if best is None or bound > best[2]:
                best = self._get_parameters(), len(bounds), bound, bounds
                self.converged_ = converged
            if task.call_on_fit_task_end(estimator=self, X=X, reconstruction_attributes=self._state):
                break
        assert best is not None
        if not self.converged_ and self.max_iter > 0:
            warnings.warn(
                "Best performing initialization did not converge. Try different init parameters, or increase max_iter, "
                "tol, or check for degenerate data.",
                ConvergenceWarning,
                stacklevel=3,
            )
        self._set_parameters(best[0])
        self.n_iter_, self.lower_bound_, self.lower_bounds_ = best[1:]
        context.call_on_fit_task_end(estimator=self, X=X, reconstruction_attributes=self._state)
        return X

    def _steps(self, X: Array, total: Moments | None, before: float, task: Any, told: Told) -> tuple[list[float], bool]:
        """EM from the parameters there are. Returns the likelihoods before each step, and whether it converged."""
        bounds: list[float] = []
        converged = stopped = False
        while len(bounds) < self.max_iter and not (converged or stopped):
            step = task.subcontext(task_name="step")
            step.call_on_fit_task_begin(estimator=self, X=X)
            log_density, counts, sums, squares = kernels.gaussian_em_step(
                X, self.means_, self.precisions_cholesky_, self.weights_, covariance_type=self.covariance_type
            )
            likelihood = array_module(X).zeros(2)
            kernels.accumulate_mean(likelihood, log_density)
            total_density, rows = host(likelihood).tolist()
            bounds.append(total_density / rows)
            counts, means, covariances = parameters.estimated(
                wide(counts, sums, squares, self.means_), total, self.covariance_type, self.reg_covar
            )
            factors = parameters.cholesky_of_precisions(covariances, self.covariance_type, X.dtype)
            self._take(X, counts / counts.sum(), means, covariances, factors)
            change, before = bounds[-1] - before, bounds[-1]
            told.step(len(bounds), change)
            converged = abs(change) < self.tol
            stopped = step.call_on_fit_task_end(estimator=self, X=X, reconstruction_attributes=self._state)
        if self.max_iter:
            told.end(before, converged)
        return bounds, converged

    # --- initial parameters

    def _check_goes_on(self, X: Array) -> None:
        """Refuse data or a covariance type that the parameters of the last fit are not for."""
        beside(X, self.means_, type(self).__name__)
        components, features = self.means_.shape
        if X.shape[1] != features:
            raise ShapeError(f"[fit] warm_start goes on from parameters for {features} features, got X of {X.shape[1]}")
        if self.precisions_cholesky_.shape != parameters.shape_of(self.covariance_type, components, features):
            found = self.precisions_cholesky_.shape
            raise ShapeError(
                f"[fit] warm_start goes on from precisions_cholesky_ of shape {found}, which is not that of "
                f"covariance_type={self.covariance_type!r}"
            )

    def _check_given(self, n_features: int) -> None:
        if self.weights_init is not None:
            parameters.check_weights(host(self.weights_init), self.n_components)
        if self.means_init is not None:
            parameters.check_means(host(self.means_init), self.n_components, n_features)
        if self.precisions_init is not None:
            given = host(self.precisions_init)
            parameters.check_precisions(given, self.covariance_type, self.n_components, n_features)

    def _initialize_parameters(self, X: Array, total: Moments | None, random_state: np.random.RandomState) -> None:
        given = (self.weights_init, self.means_init, self.precisions_init)
        if all(each is not None for each in given):
            self._start(X, None, None, None)
        else:
            blocks, complete = first_responsibilities(self.init_params, X, self.n_components, random_state)
            self._start(X, *estimate(X, blocks, total, self.covariance_type, self.reg_covar, complete))

    def _initialize(self, X: Array, resp: Array) -> None:
        """Parameters from responsibilities (n_samples, n_components), where none were given."""
        blocks, total = [(X, resp)], self._total_moments(X)
        self._start(X, *estimate(X, lambda: iter(blocks), total, self.covariance_type, self.reg_covar, complete=False))

    def _total_moments(self, X: Array) -> Moments | None:
        return total_moments(X) if self.covariance_type == "tied" else None

    def _start(self, X: Array, weights: Array | None, means: Array | None, covariances: Array | None) -> None:
        """Given parameters, where there are any, and those from the first responsibilities."""
        weights = np.asarray(weights if self.weights_init is None else host(self.weights_init))
        means = np.asarray(means if self.means_init is None else host(self.means_init))
        if self.precisions_init is None:
            assert covariances is not None
            factors = parameters.cholesky_of_precisions(covariances, self.covariance_type, X.dtype)
        else:
            given = np.asarray(host(self.precisions_init), np.float64)
            factors = parameters.cholesky_from_precisions(given, self.covariance_type)
            covariances = parameters.covariances_from(factors, self.covariance_type)
        self._take(X, weights, means, covariances, factors)

    def _take(self, X: Array, *found: Array) -> None:
        """Weights, means, covariances and factors, in the dtype of the samples and where they lie."""
        self.weights_, self.means_, self.covariances_, self.precisions_cholesky_ = (
            placed(each.astype(X.dtype), X) for each in found
        )

    # --- what comes of it

    def _set_parameters(self, params: tuple[Array, Array, Array, Array]) -> None:
        self.weights_, self.means_, self.covariances_, self.precisions_cholesky_ = params
        self.precisions_ = self._precisions()

    def _precisions(self) -> Array:
        factors = self.precisions_cholesky_
        return placed(parameters.precisions_from(host(factors), self.covariance_type), factors)  # type: ignore[no-any-return]

    def _state(self) -> dict[str, Any]:
        """The attributes of an estimator that is fitted as far as this one is, for callbacks."""
        names = ("weights_", "means_", "covariances_", "precisions_cholesky_", "converged_")
        return {name: getattr(self, name) for name in names} | {"precisions_": self._precisions()}
