"""How far predictions go up and down with their targets."""

from __future__ import annotations

from typing import Any

from nerve import kernels
from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.metrics.metric import PairMetric, as_array
from nerve.tensor import Tensor, constant

Axes = int | tuple[int, ...]
EPSILON = 1e-7


class _Correlation(PairMetric):
    direction = "up"

    def __init__(self, name: str | None = None, dtype: str | None = None, axis: Axes = -1) -> None:
        super().__init__(name, dtype)
        self.axis = axis

    def moments(self, y_true: Array, y_pred: Array) -> tuple[Array, ...]:
        """Means of both, variances of both, and their covariance, along the axis."""
        a, b = y_true.shape, y_pred.shape
        if len(a) + 1 == len(b) and b[-1] == 1:
            y_pred = y_pred.reshape(a)
        elif len(b) + 1 == len(a) and a[-1] == 1:
            y_true = y_true.reshape(b)
        if y_true.shape != y_pred.shape or not y_true.shape:
            raise ShapeError(f"[{self.name}] y_true and y_pred must have one shape, got {a} and {b}")
        dtype = y_pred.dtype if y_pred.dtype.kind == "f" else "float32"
        x, y = kernels.cast(y_true, dtype), kernels.cast(y_pred, dtype)
        means = [kernels.mean(values, axis=self.axis, keepdims=True) for values in (x, y)]
        x, y = kernels.subtract(x, means[0]), kernels.subtract(y, means[1])
        products = (kernels.multiply(x, x), kernels.multiply(y, y), kernels.multiply(x, y))
        found = [kernels.mean(product, axis=self.axis) for product in products]
        return (*(mean.reshape(found[0].shape) for mean in means), *found)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axis": self.axis}


class PearsonCorrelation(_Correlation):
    """Covariance divided by both standard deviations, from -1 to 1, along `axis`; NaN where one side is constant."""

    recordable = True

    def values(self, y_true: Array, y_pred: Array) -> Array:
        _, _, true, pred, both = self.moments(y_true, y_pred)
        return kernels.divide(both, kernels.multiply(kernels.sqrt(true), kernels.sqrt(pred)))


class ConcordanceCorrelation(_Correlation):
    """Twice the covariance, divided by the variances and the squared distance of the means, along `axis`.

    1 only where predictions equal their targets (Lin, "A concordance correlation coefficient to evaluate
    reproducibility", Biometrics 1989).
    """

    recordable = True

    def values(self, y_true: Array, y_pred: Array) -> Array:
        mean_true, mean_pred, true, pred, both = self.moments(y_true, y_pred)
        distance = kernels.subtract(mean_true, mean_pred)
        spread = kernels.add(kernels.add(true, pred), kernels.multiply(distance, distance))
        return kernels.divide(kernels.multiply(both, 2.0), kernels.add(spread, EPSILON))


def pearson_correlation(y_true: Any, y_pred: Any, axis: Axes = -1) -> Tensor:
    """The correlation of each sample; see `PearsonCorrelation`."""
    return constant(PearsonCorrelation(axis=axis).values(as_array(y_true), as_array(y_pred)))


def concordance_correlation(y_true: Any, y_pred: Any, axis: Axes = -1) -> Tensor:
    """The concordance of each sample; see `ConcordanceCorrelation`."""
    return constant(ConcordanceCorrelation(axis=axis).values(as_array(y_true), as_array(y_pred)))
