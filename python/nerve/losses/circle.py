"""Circle loss, which pulls embeddings of one class together and pushes those of others away."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nerve import kernels, ops
from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.losses.classification import as_labels
from nerve.losses.loss import FormulaLoss, as_predictions
from nerve.tensor import Tensor

_OUT = 1e9  # exp of that much less than another value is 0, in float32 too; an infinity has no gradient


def circle(
    y_true: ArrayLike | Tensor,
    y_pred: ArrayLike | Tensor,
    ref_labels: ArrayLike | None = None,
    ref_embeddings: ArrayLike | Tensor | None = None,
    remove_diagonal: bool = True,
    gamma: float = 80.0,
    margin: float = 0.4,
) -> Tensor:
    """The circle loss of each sample.

    Parameters
    ----------
    y_true : array_like of int, (batch,) or (batch, 1)
        Classes.
    y_pred : array_like, (batch, features)
        Embeddings of length one.
    ref_labels, ref_embeddings : array_like, optional
        Classes and embeddings that each sample is compared with; the batch itself if not given.
    remove_diagonal : bool
        Whether sample i is not compared with reference i.
    gamma : float
        Scale.
    margin : float
        How much less than perfect is good enough.

    Returns
    -------
    Tensor, (batch,)

    Raises
    ------
    ShapeError
        If labels and embeddings do not fit.

    References
    ----------
    Sun and others, "Circle loss: a unified perspective of pair similarity optimization", CVPR 2020.
    """
    embeddings = as_predictions(y_pred)
    references = embeddings if ref_embeddings is None else as_predictions(ref_embeddings)
    labels = as_labels("circle", y_true).reshape(-1)
    known = labels if ref_labels is None else as_labels("circle", ref_labels).reshape(-1)
    for name, classes, vectors in (("y", labels, embeddings), ("ref", known, references)):
        if vectors.ndim != 2 or classes.shape[0] != vectors.shape[0]:
            raise ShapeError(f"[circle] {name}: {classes.shape[0]} labels do not fit embeddings {vectors.shape}")
    dtype = embeddings.dtype
    rows, columns = (kernels.cast(classes, "float64") for classes in (labels, known))
    same = kernels.cast(kernels.equal(rows.reshape(-1, 1), columns.reshape(1, -1)), dtype)
    other = kernels.subtract(1.0, same)
    if remove_diagonal:
        same = kernels.multiply(same, 1.0 - np.eye(*same.shape, dtype=dtype))
    distance = ops.maximum(1.0 - ops.matmul(embeddings, references, transpose_b=True), 0.0)
    near = (margin + distance) * same
    far = ops.maximum((1.0 + margin - distance) * other, 0.0)
    positive = near * (distance - margin) * gamma
    negative = far * (1.0 - margin - distance) * gamma
    pulled = ops.logsumexp(positive - kernels.multiply(kernels.subtract(1.0, same), _OUT), axis=1)
    pushed = ops.logsumexp(negative - kernels.multiply(kernels.subtract(1.0, other), _OUT), axis=1)
    return ops.softplus(pulled + pushed)


class Circle(FormulaLoss):
    """The mean of `circle` over the samples whose loss is not 0, which learn nothing."""

    formula = staticmethod(circle)
    options = ("gamma", "margin", "remove_diagonal")

    def __init__(
        self,
        gamma: float = 80.0,
        margin: float = 0.4,
        remove_diagonal: bool = True,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(reduction, name, dtype=dtype)
        self.gamma, self.margin, self.remove_diagonal = gamma, margin, remove_diagonal

    def mask(self, y_true: Any, values: Tensor) -> Array | None:
        return kernels.greater(values.array, 0.0)
