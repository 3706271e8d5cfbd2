"""The parameters of a Gaussian mixture: checks of given ones, and new ones from sums over the data.

Formulas as in scikit-learn 1.9, ``sklearn/mixture/_gaussian_mixture.py``, from sums about shifts instead of about zero.
All is small (nothing has as many elements as there are rows) and computed in float64.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.linalg import lapack
from sklearn.utils import check_array

from nerve._typing import Array


class Moments(NamedTuple):
    """What :func:`nerve.kernels.gaussian_moments` gives, in float64, about ``shifts``."""

    counts: Array
    sums: Array
    squares: Array | None
    shifts: Array


class Parameters(NamedTuple):
    """A mixture, as the attributes of the same names with an underscore hold it."""

    weights: Array
    means: Array
    covariances: Array
    precisions_cholesky: Array


# --- what is given


def check_weights(weights: Any, n_components: int) -> Array:
    weights = check_array(weights, dtype=[np.float64, np.float32], ensure_2d=False)
    _check_shape(weights, (n_components,), "weights")
    if (weights < 0).any() or (weights > 1).any():
        raise ValueError(  # the two numbers in scikit-learn's order
            "The parameter 'weights' should be in the range [0, 1], but got max value "
            f"{weights.min():.5f}, min value {weights.max():.5f}"
        )
    if not abs(1 - weights.sum()) <= (1e-6 if weights.dtype == np.float32 else 1e-8):
        raise ValueError(f"The parameter 'weights' should be normalized, but got sum(weights) = {weights.sum():.5f}")
    return weights  # type: ignore[no-any-return]


def check_means(means: Any, n_components: int, n_features: int) -> Array:
    means = check_array(means, dtype=[np.float64, np.float32], ensure_2d=False)
    _check_shape(means, (n_components, n_features), "means")
    return means  # type: ignore[no-any-return]


def check_precisions(precisions: Any, covariance_type: str, n_components: int, n_features: int) -> Array:
    precisions = check_array(
        precisions, dtype=[np.float64, np.float32], ensure_2d=False, allow_nd=covariance_type == "full"
    )
    _check_shape(precisions, shape_of(covariance_type, n_components, n_features), f"{covariance_type} precision")
    if covariance_type in ("diag", "spherical"):
        if (precisions <= 0).any():
            raise ValueError(f"'{covariance_type} precision' should be positive")
        return precisions  # type: ignore[no-any-return]
    symmetric = np.isclose(precisions, np.swapaxes(precisions, -1, -2), atol=0).all()
    if not symmetric or not (np.linalg.eigvalsh(precisions) > 0).all():
        raise ValueError(f"'{covariance_type} precision' should be symmetric, positive-definite")
    return precisions  # type: ignore[no-any-return]


def shape_of(covariance_type: str, n_components: int, n_features: int) -> tuple[int, ...]:
    """Of covariances, precisions and their factors."""
    return {
        "full": (n_components, n_features, n_features),
        "tied": (n_features, n_features),
        "diag": (n_components, n_features),
        "spherical": (n_components,),
    }[covariance_type]


def _check_shape(array: Array, expected: tuple[int, ...], name: str) -> None:
    if array.shape != expected:
        raise ValueError(f"The parameter '{name}' should have the shape of {expected}, but got {array.shape}")


# --- what follows from the data


def estimated(
    moments: Moments, total: Moments | None, covariance_type: str, reg_covar: float, complete: bool = True
) -> tuple[Array, Array, Array]:
    """Counts, means and covariances; the M step.

    For ``"tied"``, ``total`` are the moments of all rows with weights of one, whose covariance it is;  ``complete``
    says that the weights of every row add up to one, as those of an E step do.
    """
    counts, sums, squares, shifts = moments
    added = counts + 10 * np.finfo(np.float64).eps  # as scikit-learn, so that nothing is divided by zero
    means = (counts[:, None] * shifts + sums) / added[:, None]
    moved = means - shifts
    if covariance_type == "tied":
        assert total is not None
        return added, means, _tied(added, means, total, complete) + reg_covar * np.eye(means.shape[1])
    assert squares is not None
    if covariance_type == "full":
        crossed = sums[:, :, None] * moved[:, None, :]
        covariances = squares - crossed - crossed.transpose(0, 2, 1)
        covariances += counts[:, None, None] * moved[:, :, None] * moved[:, None, :]
        covariances /= added[:, None, None]
        covariances += reg_covar * np.eye(means.shape[1])
        return added, means, covariances
    variances = (squares - 2 * sums * moved + counts[:, None] * moved**2) / added[:, None]
    alike = variances <= (4 * np.finfo(np.float64).eps * means) ** 2  # but for the rounding of their mean
    variances = np.where(alike, 0, variances) + reg_covar
    return added, means, variances if covariance_type == "diag" else variances.mean(axis=1)


def _tied(counts: Array, means: Array, total: Moments, complete: bool) -> Array:
    """``(sum(x x.T) - sum(count * mean mean.T)) / sum(counts)``, from sums about the centre of the data."""
    assert total.squares is not None
    centre, apart = total.shifts[0], means - total.shifts[0]
    covariance: Array = total.squares[0] - (counts[:, None] * apart).T @ apart
    if not complete:  # otherwise these terms vanish
        crossed = np.outer(centre, total.sums[0] - counts @ apart)
        covariance = covariance + (total.counts[0] - counts.sum()) * np.outer(centre, centre) + crossed + crossed.T
    return covariance / float(counts.sum())


def cholesky_of_precisions(covariances: Array, covariance_type: str, dtype: np.dtype[Any]) -> Array:
    """The upper triangular U with ``U @ U.T`` the inverse of the covariance; ``1 / sqrt`` of variances."""
    message = (
        "Fitting the mixture model failed because some components have ill-defined empirical covariance (for instance "
        "caused by singleton or collapsed samples). Try to decrease the number of components, increase reg_covar, or "
        "scale the input data."
    )
    if dtype == np.float32:
        message += " The numerical accuracy can also be improved by passing float64 data instead of float32."
    if not np.isfinite(covariances).all():  # squares of numbers too large for their dtype
        raise ValueError(message)
    if covariance_type in ("diag", "spherical"):
        if not (covariances > 0).all():
            raise ValueError(message)
        roots: Array = np.sqrt(covariances)
        return 1 / roots
    try:
        factors = np.linalg.cholesky(covariances)
    except np.linalg.LinAlgError:
        raise ValueError(message) from None
    return _inverse_transposed(factors)


def cholesky_from_precisions(precisions: Array, covariance_type: str) -> Array:
    """The same of given precisions: with rows and columns reversed, U is the usual lower factor."""
    if covariance_type in ("diag", "spherical"):
        return np.sqrt(precisions)
    return np.ascontiguousarray(np.linalg.cholesky(precisions[..., ::-1, ::-1])[..., ::-1, ::-1])


def precisions_from(precisions_cholesky: Array, covariance_type: str) -> Array:
    if covariance_type in ("diag", "spherical"):
        return precisions_cholesky**2
    precisions: Array = precisions_cholesky @ np.swapaxes(precisions_cholesky, -1, -2)
    return precisions


def covariances_from(precisions_cholesky: Array, covariance_type: str) -> Array:
    if covariance_type in ("diag", "spherical"):
        return precisions_cholesky**-2.0
    factors = _inverse_transposed(np.swapaxes(precisions_cholesky, -1, -2))  # U^-1
    return np.swapaxes(factors, -1, -2) @ factors


def _inverse_transposed(lower: Array) -> Array:
    """``inv(L).T`` of a lower triangular matrix, or of each of several."""
    if lower.ndim == 2:
        inverse, info = lapack.dtrtri(lower, lower=1)
        assert info == 0
        return np.ascontiguousarray(inverse.T)
    return np.stack([_inverse_transposed(one) for one in lower])
