"""The long short-term memory over whole sequences in one call, and its gradient."""

from __future__ import annotations

from numpy.typing import ArrayLike

from nerve._typing import Array
from nerve.kernels._backend import as_floats, empty, pick
from nerve.kernels.recurrent import expect, sizes

__all__ = ["lstm", "lstm_backward"]


def lstm(
    x: ArrayLike,
    kernel: ArrayLike,
    recurrent_kernel: ArrayLike,
    bias: ArrayLike | None = None,
    initial_state: ArrayLike | None = None,
    initial_cell: ArrayLike | None = None,
    *,
    go_backwards: bool = False,
    save: bool = False,
) -> tuple[Array, Array, Array, Array | None]:
    """Run a long short-term memory over sequences.

    ``i, f, o = sigmoid(...)``, ``g = tanh(...)`` of ``x[t] @ kernel + h @ recurrent_kernel + bias``, then
    ``c = f * c + i * g`` and ``h = o * tanh(c)``.

    Parameters
    ----------
    x : array_like (batch, time, features), float32 or float64
    kernel : array_like (features, 4 * units)
        Columns in the order of the gates i, f, g, o.
    recurrent_kernel : array_like (units, 4 * units)
    bias : array_like (4 * units,), optional
    initial_state, initial_cell : array_like (batch, units), optional
        h and c before the first step; zeros by default.
    go_backwards : bool
        Take the steps from the last to the first.
    save : bool
        Also return what :func:`lstm_backward` needs.

    Returns
    -------
    y : ndarray (batch, time, units)
        h after each step, in the order the steps are taken.
    state, cell : ndarray (batch, units)
        h and c after the last step.
    saved : ndarray (time, batch, 5, units), or None
        i, f, g, o and c of each step.

    Raises
    ------
    ShapeError
        If the arrays do not fit each other.

    References
    ----------
    Hochreiter and Schmidhuber, "Long short-term memory", 1997; Gers et al., "Learning to forget", 2000.
    """
    x, kernel, recurrent_kernel, bias, initial_state, initial_cell = as_floats(
        "lstm", x, kernel, recurrent_kernel, bias, initial_state, initial_cell, optional=3
    )
    shape = sizes("lstm", 4, x, kernel, recurrent_kernel, go_backwards)
    expect("lstm", {"bias": bias}, (4 * shape.units,))
    state_shape = (shape.batch, shape.units)
    expect("lstm", {"initial_state": initial_state, "initial_cell": initial_cell}, state_shape)
    out = empty((shape.batch, shape.time, shape.units), x.dtype, x)
    state, cell = empty(state_shape, x.dtype, x), empty(state_shape, x.dtype, x)
    saved = empty((shape.time, shape.batch, 5, shape.units), x.dtype, x) if save else None
    pick(x, kernel, recurrent_kernel, bias, initial_state, initial_cell).lstm(
        out, state, cell, saved, x, kernel, recurrent_kernel, bias, initial_state, initial_cell, shape
    )
    return out, state, cell, saved


def lstm_backward(
    x: ArrayLike,
    y: ArrayLike,
    saved: ArrayLike,
    kernel: ArrayLike,
    recurrent_kernel: ArrayLike,
    initial_state: ArrayLike | None = None,
    initial_cell: ArrayLike | None = None,
    grad: ArrayLike | None = None,
    grad_state: ArrayLike | None = None,
    grad_cell: ArrayLike | None = None,
    *,
    go_backwards: bool = False,
    of_x: bool = True,
    of_weights: bool = True,
) -> tuple[Array | None, Array | None, Array | None, Array | None, Array, Array]:
    """Gradients of :func:`lstm`.

    Parameters
    ----------
    x, kernel, recurrent_kernel, initial_state, initial_cell, go_backwards
        As in the forward pass.
    y, saved : array_like
        What the forward pass returned.
    grad, grad_state, grad_cell : array_like, optional
        Gradients of y, state and cell; zeros by default.
    of_x, of_weights : bool
        Whether the gradient of x, and those of kernel, recurrent_kernel and bias, are wanted.

    Returns
    -------
    grad_x, grad_kernel, grad_recurrent_kernel, grad_bias : ndarray, or None where not wanted
    grad_initial_state, grad_initial_cell : ndarray (batch, units)

    Raises
    ------
    ShapeError
        If the arrays do not fit each other.
    """
    op = "lstm_backward"
    x, y, saved, kernel, recurrent_kernel, initial_state, initial_cell, grad, grad_state, grad_cell = as_floats(
        op, x, y, saved, kernel, recurrent_kernel, initial_state, initial_cell, grad, grad_state, grad_cell, optional=5
    )
    shape = sizes(op, 4, x, kernel, recurrent_kernel, go_backwards)
    state_shape = (shape.batch, shape.units)
    expect(op, {"saved": saved}, (shape.time, shape.batch, 5, shape.units))
    expect(op, {"y": y, "grad": grad}, (shape.batch, shape.time, shape.units))
    expect(op, {"initial_state": initial_state, "initial_cell": initial_cell}, state_shape)
    expect(op, {"grad_state": grad_state, "grad_cell": grad_cell}, state_shape)
    gates = empty((shape.time, shape.batch, 4, shape.units), x.dtype, x)
    grad_x = empty(x.shape, x.dtype, x) if of_x else None
    grad_kernel = empty(kernel.shape, x.dtype, x) if of_weights else None
    grad_recurrent_kernel = empty(recurrent_kernel.shape, x.dtype, x) if of_weights else None
    grad_bias = empty((4 * shape.units,), x.dtype, x) if of_weights else None
    grad_initial_state, grad_initial_cell = empty(state_shape, x.dtype, x), empty(state_shape, x.dtype, x)
    pick(x, y, saved, kernel, recurrent_kernel, initial_state, initial_cell, grad, grad_state, grad_cell).lstm_backward(
        gates, grad_x, grad_kernel, grad_recurrent_kernel, grad_bias, grad_initial_state, grad_initial_cell,
        grad, grad_state, grad_cell, x, y, saved, kernel, recurrent_kernel, initial_state, initial_cell, shape,
    )  # fmt: skip
    return grad_x, grad_kernel, grad_recurrent_kernel, grad_bias, grad_initial_state, grad_initial_cell
