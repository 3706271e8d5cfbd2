"""Recurrent layers over whole sequences in one call: the simple one, and what those of `lstm` and `gru` check as well.

Weights and the order of the gates are those of Keras: i, f, c, o for the LSTM and z, r, h for the GRU.
"""

from __future__ import annotations

from numpy.typing import ArrayLike

from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels._backend import as_floats, empty, pick
from nerve.kernels.shapes import RecurrentShape, activation_code

__all__ = ["simple_rnn", "simple_rnn_backward"]


def simple_rnn(
    x: ArrayLike,
    kernel: ArrayLike,
    recurrent_kernel: ArrayLike,
    bias: ArrayLike | None = None,
    initial_state: ArrayLike | None = None,
    *,
    activation: str | None = "tanh",
    go_backwards: bool = False,
) -> tuple[Array, Array]:
    """Run the simple recurrent layer over sequences: ``h = activation(x[t] @ kernel + h @ recurrent_kernel + bias)``.

    Parameters
    ----------
    x : array_like (batch, time, features), float32 or float64
    kernel : array_like (features, units)
    recurrent_kernel : array_like (units, units)
    bias : array_like (units,), optional
    initial_state : array_like (batch, units), optional
        h before the first step; zeros by default.
    activation : {None, "linear", "relu", "sigmoid", "tanh"}
    go_backwards : bool
        Take the steps from the last to the first.

    Returns
    -------
    y : ndarray (batch, time, units)
        h after each step, in the order the steps are taken.
    state : ndarray (batch, units)
        h after the last step.

    Raises
    ------
    ShapeError
        If the arrays do not fit each other.

    References
    ----------
    Elman, "Finding structure in time", 1990.
    """
    op = "simple_rnn"
    x, kernel, recurrent_kernel, bias, initial_state = as_floats(
        op, x, kernel, recurrent_kernel, bias, initial_state, optional=2
    )
    shape = sizes(op, 1, x, kernel, recurrent_kernel, go_backwards)
    expect(op, {"bias": bias}, (shape.units,))
    expect(op, {"initial_state": initial_state}, (shape.batch, shape.units))
    code = activation_code(op, activation)
    out, state = (
        empty((shape.batch, shape.time, shape.units), x.dtype, x),
        empty((shape.batch, shape.units), x.dtype, x),
    )
    pick(x, kernel, recurrent_kernel, bias, initial_state).simple_rnn(
        out, state, x, kernel, recurrent_kernel, bias, initial_state, shape, code
    )
    return out, state


def simple_rnn_backward(
    x: ArrayLike,
    y: ArrayLike,
    kernel: ArrayLike,
    recurrent_kernel: ArrayLike,
    initial_state: ArrayLike | None = None,
    grad: ArrayLike | None = None,
    grad_state: ArrayLike | None = None,
    *,
    activation: str | None = "tanh",
    go_backwards: bool = False,
    of_x: bool = True,
    of_weights: bool = True,
) -> tuple[Array | None, Array | None, Array | None, Array | None, Array]:
    """Gradients of :func:`simple_rnn`, with the parameters and results of :func:`gru_backward` but ``saved``.

    Raises
    ------
    ShapeError
        If the arrays do not fit each other.
    """
    op = "simple_rnn_backward"
    x, y, kernel, recurrent_kernel, initial_state, grad, grad_state = as_floats(
        op, x, y, kernel, recurrent_kernel, initial_state, grad, grad_state, optional=3
    )
    shape = sizes(op, 1, x, kernel, recurrent_kernel, go_backwards)
    expect(op, {"y": y, "grad": grad}, (shape.batch, shape.time, shape.units))
    expect(op, {"initial_state": initial_state, "grad_state": grad_state}, (shape.batch, shape.units))
    code = activation_code(op, activation)
    gates = empty((shape.time, shape.batch, shape.units), x.dtype, x)
    grad_x = empty(x.shape, x.dtype, x) if of_x else None
    grad_kernel = empty(kernel.shape, x.dtype, x) if of_weights else None
    grad_recurrent_kernel = empty(recurrent_kernel.shape, x.dtype, x) if of_weights else None
    grad_bias = empty((shape.units,), x.dtype, x) if of_weights else None
    grad_initial_state = empty((shape.batch, shape.units), x.dtype, x)
    pick(x, y, kernel, recurrent_kernel, initial_state, grad, grad_state).simple_rnn_backward(
        gates, grad_x, grad_kernel, grad_recurrent_kernel, grad_bias, grad_initial_state,
        grad, grad_state, x, y, kernel, recurrent_kernel, initial_state, shape, code,
    )  # fmt: skip
    return grad_x, grad_kernel, grad_recurrent_kernel, grad_bias, grad_initial_state


def sizes(op: str, gates: int, x: Array, kernel: Array, recurrent_kernel: Array, backwards: bool) -> RecurrentShape:
    """The sizes of a call, if the weights fit x and each other."""
    if x.ndim != 3:
        raise ShapeError(f"[{op}] x expects shape (batch, time, features), got {x.shape}")
    batch, time, features = x.shape
    units = recurrent_kernel.shape[0] if recurrent_kernel.ndim else 0
    if recurrent_kernel.shape != (units, gates * units):
        raise ShapeError(
            f"[{op}] recurrent_kernel expects shape (units, {gates} * units), got {recurrent_kernel.shape}"
        )
    if kernel.shape != (features, gates * units):
        raise ShapeError(
            f"[{op}] kernel expects shape {(features, gates * units)} for x of shape {x.shape} and {units} units,"
            f" got {kernel.shape}"
        )
    return RecurrentShape(batch, time, features, units, int(backwards))


def expect(op: str, arrays: dict[str, Array | None], shape: tuple[int, ...]) -> None:
    for name, array in arrays.items():
        if array is not None and array.shape != shape:
            raise ShapeError(f"[{op}] {name} expects shape {shape}, got {array.shape}")
