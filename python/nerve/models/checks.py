"""What is wrong with targets and options is said before the first step, not in the middle of an epoch."""

from __future__ import annotations

import numpy as np

from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels._arrays import array_module, host
from nerve.layers.structure import is_int_from
from nerve.losses import Loss, SparseCategoricalCrossentropy
from nerve.losses.classification import as_labels


def check_targets(name: str, y: Array, loss: Loss | None, output_shape: tuple[int | None, ...]) -> None:
    """Refuse targets that no step could use.

    Parameters
    ----------
    name : str
        Of the output, for the message.
    y : array
        All targets of one output.
    loss : Loss, optional
    output_shape : tuple of int or None
        Of the model's output.

    Raises
    ------
    ValueError
        If targets are NaN or infinite, or integer labels out of the range of the output's classes.
    """
    if y.dtype.kind == "f" and not array_module(y).isfinite(y).all():
        y = host(y)
        index = tuple(int(i) for i in np.argwhere(~np.isfinite(y))[0])
        raise ValueError(
            f"y for {name!r} holds {'NaN' if np.isnan(y[index]) else y[index]}, the first at index {index}"
        )
    if not isinstance(loss, SparseCategoricalCrossentropy):
        return
    if not -len(output_shape) <= loss.axis < len(output_shape):
        raise ShapeError(f"{loss.name} has axis {loss.axis}, which an output of shape {output_shape} does not have")
    n_classes = output_shape[loss.axis]
    labels = as_labels(loss.name, y)
    if n_classes is None or not labels.size:
        return
    if loss.ignore_class is not None:
        labels = labels[labels != loss.ignore_class]
    wrong = labels[(labels < 0) | (labels >= n_classes)]
    if wrong.size:
        raise ValueError(f"y for {name!r} holds label {host(wrong)[0]}, the output has classes 0 to {n_classes - 1}")


def check_counts(least: int, **counts: object) -> None:
    """Refuse numbers of epochs that are none."""
    for name, count in counts.items():
        if not is_int_from(least, count):
            raise ValueError(f"{name} must be an int of at least {least}, got {count!r}")


def check_verbose(verbose: object) -> None:
    """Refuse what Keras has no meaning for."""
    if not isinstance(verbose, str | int) or verbose not in ("auto", 0, 1, 2):
        raise ValueError(f'verbose must be "auto", 0, 1 or 2, got {verbose!r}')
