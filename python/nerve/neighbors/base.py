"""What searches and predictions share: the arguments, where a search is made, and the data it is made in."""

from __future__ import annotations

import itertools
import warnings
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, MultiOutputMixin, is_classifier
from sklearn.exceptions import DataConversionWarning
from sklearn.metrics import DistanceMetric
from sklearn.neighbors import VALID_METRICS, BallTree
from sklearn.neighbors import KDTree as SklearnTree
from sklearn.neighbors import NearestNeighbors as SklearnSearch
from sklearn.utils import get_tags
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_y, check_consistent_length, validate_data

from nerve import kernels
from nerve._typing import Array
from nerve.checked import beside, checked_data
from nerve.errors import DeviceError
from nerve.kernels._arrays import array_module, host, on_gpu, placed

#: The kernels' names for scikit-learn's metrics; minkowski is one of them for p = 1 and p = 2.
KERNEL_METRICS = {
    "euclidean": "euclidean",
    "l2": "euclidean",
    "sqeuclidean": "sqeuclidean",
    "manhattan": "manhattan",
    "cityblock": "manhattan",
    "l1": "manhattan",
    "cosine": "cosine",
}
#: Up to so many features, and from so many points on, a tree is faster than all distances. Measured for 10 neighbors of
#: 20,000 normally distributed points in float32, on two cores with AVX-512: half the time with 5 features, a fifth more
#: with 6.
TREE_FEATURES = 5
TREE_POINTS = 1000

_FITTED = ("_fit_X", "_tree", "_fit_method", "n_samples_fit_", "effective_metric_", "effective_metric_params_")


class Neighbors(MultiOutputMixin, BaseEstimator):  # type: ignore[misc]
    """Where neighbors are looked for, and how."""

    _fit_X: Any
    _y: Array
    classes_: Any
    effective_metric_: Any
    effective_metric_params_: dict[str, Any]
    n_samples_fit_: int

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "n_neighbors": [Interval(Integral, 1, None, closed="left"), None],
        "radius": [Interval(Real, 0, None, closed="both"), None],
        "algorithm": [StrOptions({"auto", "ball_tree", "kd_tree", "brute"})],
        "leaf_size": [Interval(Integral, 1, None, closed="left")],
        "p": [Interval(Real, 0, None, closed="right"), None],
        "metric": [StrOptions(set(itertools.chain(*VALID_METRICS.values()))), callable, DistanceMetric],
        "metric_params": [dict, None],
        "n_jobs": [Integral, None],
    }

    def __init__(
        self,
        n_neighbors: int | None = None,
        radius: float | None = None,
        algorithm: str = "auto",
        leaf_size: int = 30,
        metric: Any = "minkowski",
        p: float = 2,
        metric_params: dict[str, Any] | None = None,
        n_jobs: int | None = None,
    ) -> None:
        self.n_neighbors = n_neighbors
        self.radius = radius
        self.algorithm = algorithm
        self.leaf_size = leaf_size
        self.metric = metric
        self.p = p
        self.metric_params = metric_params
        self.n_jobs = n_jobs

    def _fit(self, X: Any, y: Any = None) -> Any:
        made = isinstance(X, (Neighbors, SklearnTree, BallTree))
        supervised = get_tags(self).target_tags.required
        points = X._fit_X if isinstance(X, Neighbors) else X
        if supervised and (on_gpu(points) or on_gpu(y)):
            y = self._targets_of(points, y)
        if not made:
            options: dict[str, Any] = {"accept_sparse": "csr", "order": "C", "ensure_all_finite": self._finite()}
            if supervised and not on_gpu(X):
                X, y = validate_data(self, X, y, multi_output=True, **options)
            else:
                X = checked_data(self, X, **options)
        if supervised:
            self._fit_targets(y.toarray() if issparse(y) else y if on_gpu(y) else np.asarray(y))
            self._y = placed(self._y, points)
        if isinstance(X, Neighbors):
            for name in (*_FITTED, "_peer", "_kernel_metric"):
                setattr(self, name, getattr(X, name))
            return self
        self._kernel_metric = None if made or issparse(X) else self._metric_of_kernels()
        self._tree: Any = None
        self._peer: Any = None
        if self._kernel_metric is None and on_gpu(X):
            raise DeviceError(
                f"[{type(self).__name__}] metric={self.metric!r} needs X in the host's memory: cupy.asnumpy(X)"
            )
        if self._kernel_metric is None:
            self._peer = self._of_sklearn().fit(X)
            for name in _FITTED:
                setattr(self, name, getattr(self._peer, name))
            return self
        self.effective_metric_ = self._kernel_metric if self.metric == "minkowski" else self.metric
        self.effective_metric_params_ = {}
        self._fit_X = X
        self.n_samples_fit_ = X.shape[0]
        few = X.shape[1] <= TREE_FEATURES and X.shape[0] >= TREE_POINTS and self._kernel_metric != "cosine"
        if not on_gpu(X) and (self.algorithm == "kd_tree" or (self.algorithm != "brute" and few)):
            self._tree = kernels.kd_tree(_real(X), leaf_size=self.leaf_size)
        self._fit_method = "brute" if self._tree is None else "kd_tree"
        return self

    def _targets_of(self, points: Any, y: Any) -> Any:
        """Checked targets of points on the GPU: there, but for labels, whose classes the host finds."""
        name = type(self).__name__
        if not on_gpu(points):
            raise DeviceError(f"[{name}] got X in the host's memory and y on the GPU; move y with cupy.asnumpy")
        check_consistent_length(points, y)
        if is_classifier(self):
            return _check_y(host(y), multi_output=True, estimator=self)
        if not on_gpu(y):
            raise DeviceError(f"[{name}] got X on the GPU and y in the host's memory; move y with cupy.asarray")
        if y.ndim not in (1, 2) or y.dtype.kind not in "fiub":
            raise ValueError(f"{name} expects y of real numbers in 1 or 2 dimensions, got {y.dtype} of {y.shape}")
        if not bool(array_module(y).isfinite(y).all()):
            raise ValueError("Input y contains NaN or infinity.")
        return y

    def _fit_targets(self, y: Array) -> None:
        if not is_classifier(self):
            self._y = y
            return
        self.outputs_2d_ = y.ndim == 2 and y.shape[1] != 1
        if y.ndim != 1 and not self.outputs_2d_:
            warnings.warn(
                "A column-vector y was passed when a 1d array was expected. Please change the shape of y to "
                "(n_samples,), for example using ravel().",
                DataConversionWarning,
                stacklevel=3,
            )
        check_classification_targets(y)
        columns = y if self.outputs_2d_ else y.reshape(-1, 1)
        found = [np.unique(column, return_inverse=True) for column in columns.T]
        self.classes_ = [classes for classes, _ in found]
        self._y = np.stack([members for _, members in found], axis=1).astype(np.intp, copy=False)
        if not self.outputs_2d_:
            self.classes_, self._y = self.classes_[0], self._y[:, 0]

    def _metric_of_kernels(self) -> str | None:
        """The kernels' name for the metric; None where they lack it, or scikit-learn has something to say of it."""
        if not isinstance(self.metric, str) or self.metric_params:
            return None
        if self.algorithm in ("kd_tree", "ball_tree") and self.metric not in VALID_METRICS[self.algorithm]:
            return None
        if self.metric == "minkowski":
            return {1: "manhattan", 2: "euclidean"}.get(self.p)  # type: ignore[call-overload, no-any-return]
        return KERNEL_METRICS.get(self.metric)

    def _of_sklearn(self) -> Any:
        """scikit-learn's search with the same arguments."""
        names = ("n_neighbors", "radius", "algorithm", "leaf_size", "metric", "p", "metric_params", "n_jobs")
        return SklearnSearch(**{name: getattr(self, name) for name in names})

    def _search_of_sklearn(self) -> Any:
        """That search, ready: for what the kernels lack, and for queries that are sparse where the data are not."""
        return self._of_sklearn().fit(self._fit_X) if self._peer is None else self._peer

    def _queries(self, X: Any) -> Any:
        if isinstance(self.metric, str) and self.metric == "precomputed":
            return X  # which scikit-learn's search looks at
        beside(X, self._fit_X, type(self).__name__)
        return checked_data(self, X, ensure_all_finite=self._finite(), accept_sparse="csr", reset=False, order="C")

    def _finite(self) -> bool | str:
        return "allow-nan" if get_tags(self).input_tags.allow_nan else True

    def _where(self, X: Array, n_neighbors: int = 0) -> tuple[Array, Any, str]:
        """Queries, where to look for them and how: not in the tree for much of what is in it."""
        X = _real(X)
        tree = self._tree
        if tree is not None and self.algorithm != "kd_tree" and n_neighbors * 20 > self.n_samples_fit_:
            tree = None
        if tree is not None and X.dtype == np.float64 != tree.low.dtype:
            tree = None  # float64 queries among float32 points keep their digits
        return (X, _real(self._fit_X), "brute") if tree is None else (X, tree, "auto")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.pairwise = self.metric == "precomputed"
        tags.input_tags.positive_only = tags.input_tags.pairwise
        tags.input_tags.allow_nan = self.metric == "nan_euclidean"
        return tags


def _real(X: Array) -> Array:
    """float32 and float64 as they are, other numbers in float64."""
    return X if X.dtype in (np.float32, np.float64) else X.astype(np.float64)
