"""Recurrent layers over whole sequences in one call: LSTM, GRU and the simple one, and their gradients.

Weights and the order of the gates are those of Keras: i, f, c, o for the LSTM and z, r, h for the GRU.
"""

from __future__ import annotations

from numpy.typing import ArrayLike

from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels._backend import as_floats, empty, pick
from nerve.kernels.shapes import RecurrentShape, activation_code

__all__ = ["gru", "gru_backward", "lstm", "lstm_backward", "simple_rnn", "simple_rnn_backward"]


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
    shape = _sizes("lstm", 4, x, kernel, recurrent_kernel, go_backwards)
    _expect("lstm", {"bias": bias}, (4 * shape.units,))
    state_shape = (shape.batch, shape.units)
    _expect("lstm", {"initial_state": initial_state, "initial_cell": initial_cell}, state_shape)
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
    shape = _sizes(op, 4, x, kernel, recurrent_kernel, go_backwards)
    state_shape = (shape.batch, shape.units)
    _expect(op, {"saved": saved}, (shape.time, shape.batch, 5, shape.units))
    _expect(op, {"y": y, "grad": grad}, (shape.batch, shape.time, shape.units))
    _expect(op, {"initial_state": initial_state, "initial_cell": initial_cell}, state_shape)
    _expect(op, {"grad_state": grad_state, "grad_cell": grad_cell}, state_shape)
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
    shape = _sizes("gru", 3, x, kernel, recurrent_kernel, go_backwards)
    _expect("gru", {"bias": bias}, (2, 3 * shape.units))
    _expect("gru", {"initial_state": initial_state}, (shape.batch, shape.units))
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
    shape = _sizes(op, 3, x, kernel, recurrent_kernel, go_backwards)
    _expect(op, {"saved": saved}, (shape.time, shape.batch, 4, shape.units))
    _expect(op, {"y": y, "grad": grad}, (shape.batch, shape.time, shape.units))
    _expect(op, {"initial_state": initial_state, "grad_state": grad_state}, (shape.batch, shape.units))
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
    shape = _sizes(op, 1, x, kernel, recurrent_kernel, go_backwards)
    _expect(op, {"bias": bias}, (shape.units,))
    _expect(op, {"initial_state": initial_state}, (shape.batch, shape.units))
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
    shape = _sizes(op, 1, x, kernel, recurrent_kernel, go_backwards)
    _expect(op, {"y": y, "grad": grad}, (shape.batch, shape.time, shape.units))
    _expect(op, {"initial_state": initial_state, "grad_state": grad_state}, (shape.batch, shape.units))
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


def _sizes(op: str, gates: int, x: Array, kernel: Array, recurrent_kernel: Array, backwards: bool) -> RecurrentShape:
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


def _expect(op: str, arrays: dict[str, Array | None], shape: tuple[int, ...]) -> None:
    for name, array in arrays.items():
        if array is not None and array.shape != shape:
            raise ShapeError(f"[{op}] {name} expects shape {shape}, got {array.shape}")
