"""What estimators take: scikit-learn's checks for data in the host's memory, the same for CuPy arrays on the GPU."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import assert_all_finite
from sklearn.utils.validation import _check_sample_weight, validate_data

from nerve import kernels
from nerve._typing import Array
from nerve.errors import DeviceError
from nerve.kernels._arrays import array_module, on_gpu


def checked_data(estimator: Any, X: Any, *, reset: bool = True, **options: Any) -> Any:
    """Samples as an estimator computes with them.

    Parameters
    ----------
    estimator : BaseEstimator
    X : array-like or cupy.ndarray, (n_samples, n_features)
    reset : bool
        Whether the number of features is noted, or has to be the one that was.
    **options
        Of scikit-learn's ``validate_data``; of what lies on the GPU only ``ensure_min_samples`` is asked.

    Returns
    -------
    ndarray, sparse matrix or cupy.ndarray
        CuPy arrays in float32 or float64, contiguous.

    Raises
    ------
    ValueError
        scikit-learn's, for the same reasons: not two axes, too few samples, NaN, another number of features.
    """
    name = type(estimator).__name__
    if not on_gpu(X):
        if options.get("ensure_all_finite", True) is not True:
            return validate_data(estimator, X, reset=reset, **options)
        x = validate_data(estimator, X, reset=reset, **options | {"ensure_all_finite": False})
        expect_finite(estimator, x, kernels.sum(x) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else np.nan)
        return x
    if X.ndim != 2:
        raise ValueError(f"Expected 2D array, got {X.ndim}D array instead: an array of shape {X.shape}.")
    if X.dtype.kind not in "fiub":
        raise ValueError(f"{name} expects real numbers, got dtype {X.dtype}")
    least = options.get("ensure_min_samples", 1)
    if X.shape[0] < least or not X.shape[1]:
        raise ValueError(
            f"Found array with {X.shape[0]} sample(s) and {X.shape[1]} feature(s) (shape={X.shape}) while a minimum of "
            f"{least} and 1 is required by {name}."
        )
    module = array_module(X)
    x = module.ascontiguousarray(X, X.dtype if X.dtype in (np.float32, np.float64) else np.float64)
    if not bool(module.isfinite(x).all()):
        raise ValueError(f"Input X contains NaN or infinity.\n{name} does not accept missing values.")
    if reset:
        estimator.n_features_in_ = x.shape[1]
        vars(estimator).pop("feature_names_in_", None)
    elif x.shape[1] != getattr(estimator, "n_features_in_", x.shape[1]):
        raise ValueError(
            f"X has {x.shape[1]} features, but {name} is expecting {estimator.n_features_in_} features as input."
        )
    return x


def expect_finite(estimator: Any, x: Any, *sums: Any) -> None:
    """Refuse NaN and infinity as scikit-learn does, but look for them only if ``sums`` over all of ``x`` have some.

    On the GPU :func:`checked_data` has always looked.
    """
    if not on_gpu(x) and not all(np.isfinite(each).all() for each in sums):
        assert_all_finite(x, estimator_name=type(estimator).__name__, input_name="X")


def checked_weights(sample_weight: Any, x: Any) -> Array:
    """The weights of checked samples, where these lie; ones if there are none."""
    if not on_gpu(x):
        weights: Array = _check_sample_weight(sample_weight, x, dtype=x.dtype)
        return weights
    module = array_module(x)
    if sample_weight is None:
        return module.ones(x.shape[0], x.dtype)  # type: ignore[no-any-return]
    if not on_gpu(sample_weight):
        raise DeviceError("[fit] got X on the GPU and sample_weight in the host's memory; move it with cupy.asarray")
    if sample_weight.shape != x.shape[:1]:
        raise ValueError(f"sample_weight.shape == {sample_weight.shape}, expected {x.shape[:1]}!")
    return module.ascontiguousarray(sample_weight, x.dtype)  # type: ignore[no-any-return]


def beside(x: Any, fitted: Array, what: str) -> None:
    """Refuse samples on another device than what was fitted."""
    if on_gpu(x) != on_gpu(fitted):
        here, there = ("on the GPU", "in the host's memory") if on_gpu(x) else ("in the host's memory", "on the GPU")
        raise DeviceError(
            f"[{what}] got X {here}, and was fitted with data {there}; move X with cupy.asarray or cupy.asnumpy"
        )


def rows_of(x: Any, indices: Any) -> Any:
    """Some rows of a matrix, dense or sparse, by indices in the host's memory."""
    if on_gpu(x):
        return array_module(x).take(x, array_module(x).asarray(indices), axis=0)
    return x[indices]
