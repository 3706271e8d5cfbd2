"""What PCA and IncrementalPCA share: the probabilistic model, and the way there and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import linalg
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_array, check_is_fitted

from nerve._typing import Array
from nerve.checked import beside, checked_data
from nerve.decomposition.products import product
from nerve.kernels._arrays import array_module, on_gpu


class PrincipalComponents(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """An estimator with ``components_``, ``mean_``, ``explained_variance_``, ``noise_variance_`` and ``whiten``."""

    components_: Array
    mean_: Array
    explained_variance_: Array
    noise_variance_: float
    n_components_: int
    whiten: bool

    @property
    def _n_features_out(self) -> int:
        return len(self.components_)

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
        x = checked_data(self, X, dtype=[np.float64, np.float32], accept_sparse=("csr", "csc"), reset=False)
        beside(x, self.components_, type(self).__name__)
        return self._projected(x)

    def _projected(self, x: Any) -> Array:
        directions = self.components_
        if self.whiten:
            module = array_module(self.explained_variance_)
            scale = module.sqrt(self.explained_variance_)
            directions = directions / module.maximum(scale, np.finfo(scale.dtype).eps)[:, np.newaxis]
        if on_gpu(directions):
            return product(x, directions.T, -product(directions, self.mean_[:, None])[:, 0])
        origin = -(directions @ self.mean_).astype(directions.dtype, copy=False)
        return product(x, directions.T, origin)

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
        x = X if on_gpu(X) else check_array(X, input_name="X", dtype=[np.float64, np.float32])
        beside(x, self.components_, type(self).__name__)
        directions = self._scaled() if self.whiten else self.components_
        return product(x, directions, self.mean_.astype(directions.dtype, copy=False))

    def _scaled(self) -> Array:
        scale = array_module(self.explained_variance_).sqrt(self.explained_variance_)
        return self.components_ * scale[:, np.newaxis]  # type: ignore[no-any-return]

    def get_covariance(self) -> Array:
        """The covariance of the probabilistic model: ``components_.T @ diag(variances) @ components_ + noise``.

        Tipping and Bishop, "Probabilistic principal component analysis", 1999.

        Returns
        -------
        ndarray (n_features, n_features)
        """
        components = self._scaled() if self.whiten else self.components_
        covariance = product((components * self._above_noise()[:, np.newaxis]).T, components)
        covariance.flat[:: len(covariance) + 1] += self.noise_variance_
        return covariance

    def get_precision(self) -> Array:
        """The inverse of :meth:`get_covariance`, by the matrix inversion lemma: a matrix of n_components is inverted.

        Returns
        -------
        ndarray (n_features, n_features)
        """
        n_features = self.components_.shape[1]
        noise = self.noise_variance_
        if self.n_components_ == 0:
            return np.eye(n_features) / noise
        if noise == 0.0:
            return linalg.inv(self.get_covariance())  # type: ignore[no-any-return]
        components = self._scaled() if self.whiten else self.components_
        inner = product(components, components.T) / noise
        with np.errstate(divide="ignore"):
            inner.flat[:: len(inner) + 1] += 1 / self._above_noise()
        precision = product(product(components.T, linalg.inv(inner)), components)
        precision /= -(noise**2)
        precision.flat[:: n_features + 1] += 1 / noise
        return precision

    def _above_noise(self) -> Array:
        return np.maximum(self.explained_variance_ - self.noise_variance_, 0).astype(self.explained_variance_.dtype)
