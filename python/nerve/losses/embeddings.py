"""Losses that put what belongs together close together, and everything else apart."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike

from nerve import kernels, ops
from nerve.errors import ShapeError
from nerve.kernels._numbers import number
from nerve.losses.loss import FormulaLoss, as_predictions, as_targets, matched
from nerve.tensor import Tensor

MININGS = ("semi_hard", "hard")


def contrastive(y_true: ArrayLike | Tensor, y_pred: Any, margin: float = 1.0) -> Tensor:
    """d^2 of two that belong together, max(margin - d, 0)^2 of two that do not (Hadsell, Chopra and LeCun, 2006).

    Parameters
    ----------
    y_true : array or Tensor, (batch,)
        1 for a pair that belongs together, 0 for one that does not.
    y_pred : array or Tensor, (batch,) or (batch, 1)
        The distance of the pair.
    margin : float
        How far apart is far enough.

    Returns
    -------
    Tensor
        Of the shape of the distances.
    """
    together, distance = matched("contrastive", y_true, y_pred)
    apart = ops.square(ops.relu(margin - distance))
    return together * ops.square(distance) + (1.0 - together) * apart


def triplet(y_true: ArrayLike | Tensor, y_pred: Any, margin: float = 1.0, mining: str = "semi_hard") -> Tensor:
    """max(margin + d(a, p) - d(a, n), 0) of samples a, p of one class and n of another, found in the batch.

    Parameters
    ----------
    y_true : array or Tensor, (batch,)
        Labels.
    y_pred : array or Tensor, (batch, features)
        Embeddings, usually of length 1; d is the distance between two.
    margin : float
    mining : {"semi_hard", "hard"}
        "semi_hard": for every pair of one class, the nearest sample of another class that is farther than the pair is
        wide, or the farthest of all where none is (Schroff, Kalenichenko and Philbin, 2015). "hard": for every sample
        the farthest of its class and the nearest of another (Hermans, Beyer and Leibe, 2017).

    Returns
    -------
    Tensor
        (batch,), 0 for a sample alone in its class or without any of another. For "semi_hard" the mean is that over
        all pairs of one class.
    """
    if mining not in MININGS:
        raise ValueError(f"[triplet] mining must be one of {MININGS}, got {mining!r}")
    points = as_predictions(y_pred)
    labels = as_targets("triplet", y_true, points.dtype)
    if len(points.shape) != 2 or labels.size != points.shape[0]:
        raise ShapeError(
            f"[triplet] expects labels (batch,) and embeddings (batch, features), got {labels.shape} and {points.shape}"
        )
    batch = points.shape[0]
    labels = ops.reshape(labels, (batch,))
    distances = _distances(points)
    same = kernels.equal(labels.array[:, None], labels.array[None, :])
    other = ops.cast(ops.logical_not(same), points.dtype)
    positive = ops.cast(same, points.dtype) - ops.eye(batch, dtype=points.dtype)
    # What is left out of a minimum is as far away as nothing else, and of a maximum as near.
    beyond = ops.stop_gradient(ops.max(distances)) + 1.0
    farthest = ops.max(distances * other, axis=1)
    if mining == "hard":
        nearest = ops.min(distances * other + beyond * (1.0 - other), axis=1)
        counts = ops.max(positive, axis=1) * ops.max(other, axis=1)
        return counts * ops.relu(margin + ops.max(distances * positive, axis=1) - nearest)
    # [a, p, n]: a negative farther from a than p is
    far = ops.cast(ops.expand_dims(distances, 1) > ops.expand_dims(distances, 2), points.dtype)
    far = far * ops.expand_dims(other, 1)
    nearest = ops.min(ops.expand_dims(distances, 1) * far + beyond * (1.0 - far), axis=2)
    found = ops.max(far, axis=2)
    nearest = found * nearest + (1.0 - found) * ops.expand_dims(farthest, 1)
    pairs = positive * ops.expand_dims(ops.max(other, axis=1), 1)
    values = ops.sum(pairs * ops.relu(margin + distances - nearest), axis=1)
    return values * (float(batch) / ops.maximum(ops.sum(pairs), 1.0))


def _distances(points: Tensor) -> Tensor:
    """Between all points: (batch, batch), with a gradient of zero where they coincide."""
    squares = ops.sum(ops.square(points), axis=1)
    squared = ops.expand_dims(squares, 1) + squares - 2.0 * ops.matmul(points, points, transpose_b=True)
    apart = ops.cast(squared > 0.0, points.dtype)
    apart = apart * (1.0 - ops.eye(points.shape[0], dtype=points.dtype))
    return apart * ops.sqrt(apart * squared + (1.0 - apart))


def info_nce(y_true: ArrayLike | Tensor, y_pred: Any, temperature: float = 0.1) -> Tensor:
    """How little each embedding is recognised by its partner among those of the whole batch.

    The cross-entropy of softmax(cosine similarity / temperature), the partner being the class (van den Oord, Li and
    Vinyals, 2018; Chen et al., 2020).

    Parameters
    ----------
    y_true : array or Tensor, (batch, features)
        The partners. Gradients flow into a tensor.
    y_pred : array or Tensor, (batch, features)
        The embeddings.
    temperature : float

    Returns
    -------
    Tensor
        (batch,)
    """
    partners, points = matched("info_nce", y_true, y_pred)
    if len(points.shape) != 2:
        raise ShapeError(f"[info_nce] expects embeddings of shape (batch, features), got {points.shape}")
    similar = ops.matmul(ops.normalize(points), ops.normalize(partners), transpose_b=True) * (1.0 / temperature)
    own = ops.sum(similar * ops.eye(points.shape[0], dtype=points.dtype), axis=1)
    return ops.logsumexp(similar, axis=1) - own


class Contrastive(FormulaLoss):
    """`contrastive`, reduced."""

    formula = staticmethod(contrastive)
    options = ("margin",)

    def __init__(
        self,
        margin: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(reduction, name, dtype=dtype)
        self.margin = number(self.name, "margin", margin)


class Triplet(FormulaLoss):
    """`triplet`, reduced."""

    formula = staticmethod(triplet)
    options = ("margin", "mining")

    def __init__(
        self,
        margin: float = 1.0,
        mining: str = "semi_hard",
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: str | None = None,
    ) -> None:
        super().__init__(reduction, name, dtype=dtype)
        if mining not in MININGS:
            raise ValueError(f"[{self.name}] mining must be one of {MININGS}, got {mining!r}")
        self.margin, self.mining = number(self.name, "margin", margin), mining


class InfoNCE(FormulaLoss):
    """`info_nce`, reduced."""

    formula = staticmethod(info_nce)
    options = ("temperature",)

    def __init__(
        self,
        temperature: float = 0.1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "info_nce",
        dtype: str | None = None,
    ) -> None:
        super().__init__(reduction, name, dtype=dtype)
        self.temperature = number(self.name, "temperature", temperature)
        if self.temperature <= 0:
            raise ValueError(f"[{self.name}] temperature must be positive, got {temperature!r}")
