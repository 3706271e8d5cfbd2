"""What classifiers and regressors by neighbors have in common: their arguments, and their fit."""

from __future__ import annotations

from typing import Any, ClassVar

from sklearn.base import _fit_context
from sklearn.utils._param_validation import StrOptions

from nerve.neighbors.base import Neighbors
from nerve.neighbors.search import KNeighborsMixin, RadiusNeighborsMixin


class Weighted(Neighbors):
    """Neighbors count by ``weights``."""

    @_fit_context(prefer_skip_nested_validation=False)  # type: ignore[untyped-decorator]
    def fit(self, X: Any, y: Any) -> Any:
        """Take points and their labels or targets.

        Parameters
        ----------
        X : array-like or sparse matrix (n_samples, n_features), or (n_samples, n_samples) of distances
        y : array-like (n_samples,) or (n_samples, n_outputs)

        Returns
        -------
        self
        """
        return self._fit(X, y)

    @staticmethod
    def _constraints(without: str) -> dict[str, Any]:
        return {
            **{name: of for name, of in Neighbors._parameter_constraints.items() if name != without},
            "weights": [StrOptions({"uniform", "distance"}), callable, None],
        }


class WeightedNearest(KNeighborsMixin, Weighted):
    """The nearest of them."""

    _parameter_constraints: ClassVar[dict[str, Any]] = Weighted._constraints("radius")

    def __init__(
        self,
        n_neighbors: int = 5,
        *,
        weights: Any = "uniform",
        algorithm: str = "auto",
        leaf_size: int = 30,
        p: float = 2,
        metric: Any = "minkowski",
        metric_params: dict[str, Any] | None = None,
        n_jobs: int | None = None,
    ) -> None:
        super().__init__(
            n_neighbors=n_neighbors,
            algorithm=algorithm,
            leaf_size=leaf_size,
            metric=metric,
            p=p,
            metric_params=metric_params,
            n_jobs=n_jobs,
        )
        self.weights = weights


class WeightedWithin(RadiusNeighborsMixin, Weighted):
    """Those within a radius."""

    _parameter_constraints: ClassVar[dict[str, Any]] = Weighted._constraints("n_neighbors")

    def __init__(
        self,
        radius: float = 1.0,
        *,
        weights: Any = "uniform",
        algorithm: str = "auto",
        leaf_size: int = 30,
        p: float = 2,
        metric: Any = "minkowski",
        metric_params: dict[str, Any] | None = None,
        n_jobs: int | None = None,
    ) -> None:
        super().__init__(
            radius=radius,
            algorithm=algorithm,
            leaf_size=leaf_size,
            metric=metric,
            p=p,
            metric_params=metric_params,
            n_jobs=n_jobs,
        )
        self.weights = weights
