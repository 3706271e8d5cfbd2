"""Mixtures of normal distributions: densities, responsibilities, and the sums an EM step is made of."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels._arrays import array_module
from nerve.kernels._backend import as_floats, empty, pick

__all__ = ["gaussian_em_step", "gaussian_log_density", "gaussian_moments", "gaussian_posterior"]

# enum class Covariance in csrc/shapes.h; a spherical factor is a diagonal of equal numbers
_CODES = {"full": 0, "tied": 1, "diag": 2, "spherical": 2}


def gaussian_log_density(
    x: ArrayLike, means: ArrayLike, precisions_cholesky: ArrayLike, *, covariance_type: str = "full"
) -> Array:
    """Logarithm of the density of every component at every row.

    Parameters
    ----------
    x : array_like (rows, features)
    means : array_like (components, features)
    precisions_cholesky : array_like
        Upper triangular U with precision ``U @ U.T``, as scikit-learn's ``precisions_cholesky_``: (components,
        features, features) if ``"full"``, (features, features) if ``"tied"``, (components, features) if ``"diag"``,
        (components,) if ``"spherical"``. What lies below a diagonal is not read.
    covariance_type : {"full", "tied", "diag", "spherical"}

    Returns
    -------
    ndarray (rows, components)
        ``log |U| - features / 2 * log(2 pi) - |(x - mean) U|^2 / 2``

    Raises
    ------
    ShapeError
        If the shapes do not fit.
    ValueError
        If ``covariance_type`` is none of the four.
    """
    op = "gaussian_log_density"
    data, centres, factors = as_floats(op, x, means, precisions_cholesky)
    factors, code = _factors(op, data, centres, factors, covariance_type)
    offsets = _offsets(factors, centres.shape, code, None)
    out = empty((data.shape[0], centres.shape[0]), data.dtype, data)
    pick(data).gaussian_log_density(out, data, centres, factors, offsets, data.shape[0], *centres.shape, code)
    return out


def gaussian_posterior(
    x: ArrayLike,
    means: ArrayLike,
    precisions_cholesky: ArrayLike,
    weights: ArrayLike,
    *,
    covariance_type: str = "full",
    responsibilities: bool = True,
) -> tuple[Array, Array, Array | None]:
    """The density of a mixture at every row, and which component a row comes from.

    Parameters
    ----------
    x, means, precisions_cholesky, covariance_type
        As for :func:`gaussian_log_density`.
    weights : array_like (components,)
        Of the components, not negative.
    responsibilities : bool
        Whether these are wanted; without them no (rows, components) array exists.

    Returns
    -------
    log_density : ndarray (rows,)
    labels : ndarray of int64 (rows,)
        The most probable component, the first of equal ones.
    responsibilities : ndarray (rows, components) or None
        The probability of each component given the row.

    Raises
    ------
    ShapeError
        If the shapes do not fit, or there is no component.
    ValueError
        If ``covariance_type`` is none of the four.
    """
    op = "gaussian_posterior"
    data, centres, factors, shares = as_floats(op, x, means, precisions_cholesky, weights)
    factors, code = _factors(op, data, centres, factors, covariance_type)
    _check_weights(op, shares, centres)
    offsets = _offsets(factors, centres.shape, code, shares)
    rows = data.shape[0]
    log_density, labels = empty((rows,), data.dtype, data), empty((rows,), np.int64, data)
    found = empty((rows, centres.shape[0]), data.dtype, data) if responsibilities else None
    pick(data).gaussian_posterior(
        log_density, labels, found, data, centres, factors, offsets, rows, *centres.shape, code
    )
    return log_density, labels, found


def gaussian_moments(
    x: ArrayLike, shifts: ArrayLike, weights: ArrayLike | None = None, *, covariance_type: str = "full"
) -> tuple[Array, Array, Array | None]:
    """Weighted sums over the rows, and of squares and products, about a shift for every component.

    Parameters
    ----------
    x : array_like (rows, features)
    shifts : array_like (components, features)
        What is subtracted from the rows first: near the weighted mean, sums of squares lose no digits.
    weights : array_like (rows, components), optional
        One if left out.
    covariance_type : {"full", "tied", "diag", "spherical"}
        Which squares: products of all pairs of features, none if ``"tied"``, those of each feature otherwise.

    Returns
    -------
    counts : ndarray (components,)
        Sums of the weights.
    sums : ndarray (components, features)
        ``sum(w * (x - shift))``
    squares : ndarray (components, features, features) or (components, features), or None
        ``sum(w * (x - shift) (x - shift).T)`` or its diagonal. Blocks of rows are added in float64.

    Raises
    ------
    ShapeError
        If the shapes do not fit.
    ValueError
        If ``covariance_type`` is none of the four.
    """
    op = "gaussian_moments"
    data, centres, shares = as_floats(op, x, shifts, weights, optional=1)
    _check_rows(op, data, "shifts", centres)
    if shares is not None and shares.shape != (data.shape[0], centres.shape[0]):
        raise ShapeError(
            f"[{op}] expects weights of shape {(data.shape[0], centres.shape[0])} for x {data.shape} and shifts "
            f"{centres.shape}, got {shares.shape}"
        )
    outputs = _moments(centres, _code(op, covariance_type))
    pick(data).gaussian_moments(
        *outputs, data, shares, centres, data.shape[0], *centres.shape, _code(op, covariance_type)
    )
    return outputs


def gaussian_em_step(
    x: ArrayLike,
    means: ArrayLike,
    precisions_cholesky: ArrayLike,
    weights: ArrayLike,
    *,
    covariance_type: str = "full",
) -> tuple[Array, Array, Array, Array | None]:
    """What a step of expectation maximization needs of the data, in one pass without a (rows, components) array.

    Parameters
    ----------
    x, means, precisions_cholesky, weights, covariance_type
        As for :func:`gaussian_posterior`.

    Returns
    -------
    log_density : ndarray (rows,)
        As from :func:`gaussian_posterior`.
    counts, sums, squares
        As from :func:`gaussian_moments`, with the responsibilities as weights and the means as shifts.

    Raises
    ------
    ShapeError
        If the shapes do not fit, or there is no component.
    ValueError
        If ``covariance_type`` is none of the four.
    """
    op = "gaussian_em_step"
    data, centres, factors, shares = as_floats(op, x, means, precisions_cholesky, weights)
    factors, code = _factors(op, data, centres, factors, covariance_type)
    _check_weights(op, shares, centres)
    offsets = _offsets(factors, centres.shape, code, shares)
    log_density, outputs = empty((data.shape[0],), data.dtype, data), _moments(centres, code)
    pick(data).gaussian_em_step(
        log_density, *outputs, data, centres, factors, offsets, data.shape[0], *centres.shape, code
    )
    return log_density, *outputs


def _code(op: str, covariance_type: str) -> int:
    if not isinstance(covariance_type, str) or covariance_type not in _CODES:
        raise ValueError(f"[{op}] covariance_type expects one of {list(_CODES)}, got {covariance_type!r}")
    return _CODES[covariance_type]


def _check_rows(op: str, x: Array, name: str, means: Array) -> None:
    if x.ndim != 2 or means.ndim != 2 or x.shape[1] != means.shape[1]:
        raise ShapeError(
            f"[{op}] expects x (rows, features) and {name} (components, features), got {x.shape} and {means.shape}"
        )


def _check_weights(op: str, weights: Array, means: Array) -> None:
    if weights.shape != means.shape[:1] or not weights.size:
        raise ShapeError(
            f"[{op}] expects weights (components,), one or more, for means {means.shape}, got {weights.shape}"
        )


def _factors(op: str, x: Array, means: Array, factors: Array, covariance_type: str) -> tuple[Array, int]:
    """The factors as kernels take them, and the number of their kind."""
    code = _code(op, covariance_type)
    _check_rows(op, x, "means", means)
    components, features = means.shape
    expected = {
        "full": (components, features, features),
        "tied": (features, features),
        "diag": (components, features),
        "spherical": (components,),
    }[covariance_type]
    if factors.shape != expected:
        raise ShapeError(
            f"[{op}] expects precisions_cholesky of shape {expected} for {covariance_type!r} and means {means.shape}, "
            f"got {factors.shape}"
        )
    if covariance_type == "spherical":
        factors = array_module(factors).repeat(factors, features).reshape(means.shape)
    return factors, code


def _offsets(factors: Array, shape: tuple[int, ...], code: int, weights: Array | None) -> Array:
    """``log(weight |U|) - features / 2 * log(2 pi)``, in float64 until the end; a weight of zero gives -inf."""
    module, (components, features) = array_module(factors), shape
    diagonals = factors if code == 2 else module.diagonal(factors, axis1=-2, axis2=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = module.log(diagonals.astype(np.float64)).sum(axis=-1) - features / 2 * math.log(2 * math.pi)
        logs = module.broadcast_to(logs, (components,))
        if weights is not None:
            logs = logs + module.log(weights.astype(np.float64))
    return logs.astype(factors.dtype)  # type: ignore[no-any-return]


def _moments(means: Array, code: int) -> tuple[Array, Array, Array | None]:
    """Where counts, sums and squares go."""
    squares = {0: (*means.shape, means.shape[1]), 1: None, 2: means.shape}[code]
    return (
        empty(means.shape[:1], means.dtype, means),
        empty(means.shape, means.dtype, means),
        None if squares is None else empty(squares, means.dtype, means),
    )
