"""The gated recurrent unit over whole sequences in one call, and its gradient."""

from __future__ import annotations

from numpy.typing import ArrayLike

from nerve._typing import Array
from nerve.kernels._backend import as_floats, empty, pick
from nerve.kernels.recurrent import expect, sizes

__all__ = ["gru", "gru_backward"]


def gru(
    x: ArrayLike,
    kernel: ArrayLike,
    recurrent_kernel: ArrayLike,
    bias: ArrayLike | None = None,
    initial_state: ArrayLike | None = None,
    *,
    go_backwards: bool = False,
    save: bool = False,
) -> tuple[Array, Array, Array | None]:
    """Run a gated recurrent unit over sequences.

    ``z, r = sigmoid(...)`` of ``x[t] @ kernel + bias[0] + h @ recurrent_kernel + bias[1]``, then
    ``n = tanh(x[t] @ kernel + bias[0] + r * (h @ recurrent_kernel + bias[1]))`` and ``h = z * h + (1 - z) * n``: the
    reset gate acts after the product, Keras's ``reset_after=True``.

    Parameters
    ----------
    x : array_like (batch, time, features), float32 or float64
    kernel : array_like (features, 3 * units)
        Columns in the order of z, r, n.
    recurrent_kernel : array_like (units, 3 * units)
    bias : array_like (2, 3 * units), optional
    initial_state : array_like (batch, units), optional
        h before the first step; zeros by default.
    go_backwards : bool
        Take the steps from the last to the first.
    save : bool
        Also return what :func:`gru_backward` needs.

    Returns
    -------
    y : ndarray (batch, time, units)
        h after each step, in the order the steps are taken.
    state : ndarray (batch, units)
        h after the last step.
    saved : ndarray (time, batch, 4, units), or None
        z, r, n of each step and what r multiplied.

    Raises
    ------
    ShapeError
        If the arrays do not fit each other.

    References
    ----------
    Cho et al., "Learning phrase representations using RNN encoder-decoder", 2014.
    """
    x, kernel, recurrent_kernel, bias, initial_state = as_floats(
        "gru", x, kernel, recurrent_kernel, bias, initial_state, optional=2
    )
    shape = sizes("gru", 3, x, kernel, recurrent_kernel, go_backwards)
    expect("gru", {"bias": bias}, (2, 3 * shape.units))
    expect("gru", {"initial_state": initial_state}, (shape.batch, shape.units))
    out, state = (
        empty((shape.batch, shape.time, shape.units), x.dtype, x),
        empty((shape.batch, shape.units), x.dtype, x),
    )
    saved = empty((shape.time, shape.batch, 4, shape.units), x.dtype, x) if save else None
    pick(x, kernel, recurrent_kernel, bias, initial_state).gru(
        out, state, saved, x, kernel, recurrent_kernel, bias, initial_state, shape
    )
    return out, state, saved


def gru_backward(
    x: ArrayLike,
    y: ArrayLike,
    saved: ArrayLike,
    kernel: ArrayLike,
    recurrent_kernel: ArrayLike,
    initial_state: ArrayLike | None = None,
    grad: ArrayLike | None = None,
    grad_state: ArrayLike | None = None,
    *,
    go_backwards: bool = False,
    of_x: bool = True,
    of_weights: bool = True,
) -> tuple[Array | None, Array | None, Array | None, Array | None, Array]:
    """Gradients of :func:`gru`.

    Parameters
    ----------
    x, kernel, recurrent_kernel, initial_state, go_backwards
        As in the forward pass.
    y, saved : array_like
        What the forward pass returned.
    grad, grad_state : array_like, optional
        Gradients of y and state; zeros by default.
    of_x, of_weights : bool
        Whether the gradient of x, and those of kernel, recurrent_kernel and bias, are wanted.

    Returns
    -------
    grad_x, grad_kernel, grad_recurrent_kernel, grad_bias : ndarray, or None where not wanted
    grad_initial_state : ndarray (batch, units)

    Raises
    ------
    ShapeError
        If the arrays do not fit each other.
    """
    op = "gru_backward"
    x, y, saved, kernel, recurrent_kernel, initial_state, grad, grad_state = as_floats(
        op, x, y, saved, kernel, recurrent_kernel, initial_state, grad, grad_state, optional=3
    )
    shape = sizes(op, 3, x, kernel, recurrent_kernel, go_backwards)
    expect(op, {"saved": saved}, (shape.time, shape.batch, 4, shape.units))
    expect(op, {"y": y, "grad": grad}, (shape.batch, shape.time, shape.units))
    expect(op, {"initial_state": initial_state, "grad_state": grad_state}, (shape.batch, shape.units))
    gates = empty(saved.shape, x.dtype, x)
    grad_x = empty(x.shape, x.dtype, x) if of_x else None
    grad_kernel = empty(kernel.shape, x.dtype, x) if of_weights else None
    grad_recurrent_kernel = empty(recurrent_kernel.shape, x.dtype, x) if of_weights else None
    grad_bias = empty((2, 3 * shape.units), x.dtype, x) if of_weights else None
    grad_initial_state = empty((shape.batch, shape.units), x.dtype, x)
    pick(x, y, saved, kernel, recurrent_kernel, initial_state, grad, grad_state).gru_backward(
        gates, grad_x, grad_kernel, grad_recurrent_kernel, grad_bias, grad_initial_state,
        grad, grad_state, x, y, saved, kernel, recurrent_kernel, initial_state, shape,
    )  # fmt: skip
    return grad_x, grad_kernel, grad_recurrent_kernel, grad_bias, grad_initial_state
