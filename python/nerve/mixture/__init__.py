"""Mixture models, under scikit-learn's names and contract."""

from nerve.mixture.gaussian_mixture import GaussianMixture as GaussianMixture

__all__ = ["GaussianMixture"]
