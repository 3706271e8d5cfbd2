"""What a mixture of normal distributions says of samples, and the samples that it draws."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, DensityMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from nerve import kernels
from nerve._typing import Array
from nerve.checked import beside, checked_data
from nerve.kernels._arrays import host, placed
from nerve.mixture.parameters import Parameters


class Density(DensityMixin, BaseEstimator):
    """The part of a mixture that is there once it is fitted."""

    covariance_type: str
    random_state: Any
    weights_: Array
    means_: Array
    covariances_: Array
    precisions_: Array
    precisions_cholesky_: Array

    def _get_parameters(self) -> Parameters:
        return Parameters(self.weights_, self.means_, self.covariances_, self.precisions_cholesky_)

    def _posterior(self, X: Array, responsibilities: bool = False) -> tuple[Array, Array, Array | None]:
        return kernels.gaussian_posterior(
            X,
            self.means_,
            self.precisions_cholesky_,
            self.weights_,
            covariance_type=self.covariance_type,
            responsibilities=responsibilities,
        )

    def _checked(self, X: ArrayLike) -> Array:
        check_is_fitted(self)
        beside(X, self.means_, type(self).__name__)
        return checked_data(self, X, dtype=[np.float64, np.float32], reset=False)  # type: ignore[no-any-return]

    def predict(self, X: ArrayLike) -> Array:
        """The most probable component of each sample, as int64 (n_samples,)."""
        return self._posterior(self._checked(X))[1]

    def predict_proba(self, X: ArrayLike) -> Array:
        """The probability of each component given each sample, (n_samples, n_components)."""
        found = self._posterior(self._checked(X), responsibilities=True)[2]
        assert found is not None
        return found

    def score_samples(self, X: ArrayLike) -> Array:
        """The logarithm of the density at each sample, (n_samples,): low where a sample is an anomaly."""
        return self._posterior(self._checked(X))[0]

    def score(self, X: ArrayLike, y: Any = None) -> float:
        """The mean of :meth:`score_samples`, the log-likelihood of a sample."""
        return float(self.score_samples(X).mean())

    def sample(self, n_samples: int = 1) -> tuple[Array, Array]:
        """Draw samples from the mixture, those of a component after those of the one before.

        Returns
        -------
        X : ndarray of float64 (n_samples, n_features)
        y : ndarray of int64 (n_samples,)
            The components they come from.

        Raises
        ------
        ValueError
            If ``n_samples`` is less than 1.
        """
        check_is_fitted(self)
        if n_samples < 1:
            raise ValueError(f"Invalid value for 'n_samples': {n_samples} . The sampling requires at least one sample.")
        random_state = check_random_state(self.random_state)
        weights, means, covariances, _ = map(host, self._get_parameters())
        counts = random_state.multinomial(n_samples, weights)
        if self.covariance_type == "tied":
            covariances = [covariances] * len(counts)
        drawn = []
        for mean, covariance, count in zip(means, covariances, counts, strict=True):
            if self.covariance_type in ("full", "tied"):
                drawn.append(random_state.multivariate_normal(mean, covariance, int(count)))
            else:
                drawn.append(mean + random_state.standard_normal((count, mean.size)) * np.sqrt(covariance))
        X, y = np.vstack(drawn).astype(np.float64, copy=False), np.repeat(np.arange(len(counts)), counts)
        return placed(X, self.means_), placed(y, self.means_)

    def _n_parameters(self) -> int:
        """Free parameters of the model."""
        components, features = self.means_.shape
        covariances = {
            "full": components * features * (features + 1) // 2,
            "tied": features * (features + 1) // 2,
            "diag": components * features,
            "spherical": components,
        }[self.covariance_type]
        return int(covariances + components * features + components - 1)

    def bic(self, X: ArrayLike) -> float:
        """The Bayesian information criterion for the data; the lower the better."""
        density = self.score_samples(X)
        return -2 * float(density.mean()) * len(density) + self._n_parameters() * math.log(len(density))

    def aic(self, X: ArrayLike) -> float:
        """The Akaike information criterion for the data; the lower the better."""
        density = self.score_samples(X)
        return -2 * float(density.mean()) * len(density) + 2 * self._n_parameters()
