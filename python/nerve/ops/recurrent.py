"""LSTM, GRU and the simple recurrent layer over whole sequences, differentiable."""

from __future__ import annotations

from nerve import kernels
from nerve._typing import Array
from nerve.ops._differentiable import JointResult, differentiable_jointly

__all__ = ["gru", "lstm", "simple_rnn"]


@differentiable_jointly
def lstm(
    x: Array,
    kernel: Array,
    recurrent_kernel: Array,
    bias: Array | None = None,
    initial_state: Array | None = None,
    initial_cell: Array | None = None,
    *,
    go_backwards: bool = False,
    wanted: tuple[bool, ...],
) -> JointResult:
    """y, state and cell of a long short-term memory, as :func:`nerve.kernels.lstm`, each with its gradient."""
    y, state, cell, saved = kernels.lstm(
        x, kernel, recurrent_kernel, bias, initial_state, initial_cell, go_backwards=go_backwards, save=any(wanted)
    )

    def backward(grads: tuple[Array | None, ...]) -> tuple[Array | None, ...]:
        assert saved is not None
        return kernels.lstm_backward(
            x, y, saved, kernel, recurrent_kernel, initial_state, initial_cell, *grads,
            go_backwards=go_backwards, of_x=wanted[0], of_weights=any(wanted[1:4]),
        )  # fmt: skip

    return (y, state, cell), backward


@differentiable_jointly
def gru(
    x: Array,
    kernel: Array,
    recurrent_kernel: Array,
    bias: Array | None = None,
    initial_state: Array | None = None,
    *,
    go_backwards: bool = False,
    wanted: tuple[bool, ...],
) -> JointResult:
    """y and state of a gated recurrent unit, as :func:`nerve.kernels.gru`, each with its gradient."""
    y, state, saved = kernels.gru(
        x, kernel, recurrent_kernel, bias, initial_state, go_backwards=go_backwards, save=any(wanted)
    )

    def backward(grads: tuple[Array | None, ...]) -> tuple[Array | None, ...]:
        assert saved is not None
        return kernels.gru_backward(
            x, y, saved, kernel, recurrent_kernel, initial_state, *grads,
            go_backwards=go_backwards, of_x=wanted[0], of_weights=any(wanted[1:4]),
        )  # fmt: skip

    return (y, state), backward


@differentiable_jointly
def simple_rnn(
    x: Array,
    kernel: Array,
    recurrent_kernel: Array,
    bias: Array | None = None,
    initial_state: Array | None = None,
    *,
    activation: str | None = "tanh",
    go_backwards: bool = False,
    wanted: tuple[bool, ...],
) -> JointResult:
    """y and state of the simple recurrent layer, as :func:`nerve.kernels.simple_rnn`, each with its gradient."""
    y, state = kernels.simple_rnn(
        x, kernel, recurrent_kernel, bias, initial_state, activation=activation, go_backwards=go_backwards
    )

    def backward(grads: tuple[Array | None, ...]) -> tuple[Array | None, ...]:
        return kernels.simple_rnn_backward(
            x, y, kernel, recurrent_kernel, initial_state, *grads, activation=activation,
            go_backwards=go_backwards, of_x=wanted[0], of_weights=any(wanted[1:4]),
        )  # fmt: skip

    return (y, state), backward
