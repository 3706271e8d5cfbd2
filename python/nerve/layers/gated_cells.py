"""Cells with gates: `LSTMCell`, `GRUCell`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Unpack

from nerve import activations, ops
from nerve._typing import Array
from nerve.layers.cells import Cell, Function, RecurrentOptions

__all__ = [
    "GRUCell",
    "LSTMCell",
]


class Gated(Cell):
    """The part that cells with gates share: the gates' activation."""

    recurrent_activation: Any

    def _activations_are_fused(self) -> bool:
        return self.activation is activations.tanh and self.recurrent_activation is activations.sigmoid


class LSTMCell(Gated):
    """Long short-term memory.

    With the gates i, f and o of `recurrent_activation` and the candidate g of `activation`, each of
    `x @ kernel + h @ recurrent_kernel + bias`: `c = f * c + i * g`, `h = o * activation(c)`. One kernel computes whole
    sequences where these are sigmoid and tanh.

    Parameters
    ----------
    units : int
        Size of h and of c.
    activation, recurrent_activation : str or callable, optional
    use_bias : bool
    kernel_initializer, recurrent_initializer, bias_initializer : str, Initializer or callable
        kernel is (features, 4 * units), recurrent_kernel is (units, 4 * units), bias is (4 * units,), in the order of
        the gates i, f, g, o.
    unit_forget_bias : bool
        Whether the forget gate's bias begins at 1 (Jozefowicz et al., 2015).
    **options
        See `CellOptions`.

    References
    ----------
    Hochreiter and Schmidhuber, "Long short-term memory", 1997; Gers et al., "Learning to forget", 2000.
    """

    _gates = 4
    _states = 2

    def __init__(
        self,
        units: int,
        activation: Function = "tanh",
        recurrent_activation: Function = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
        **options: Unpack[RecurrentOptions],  # this is the constructor of the layer too
    ) -> None:
        weights = kernel_initializer, recurrent_initializer, bias_initializer
        super().__init__(units, activation, use_bias, *weights, **options)
        self.recurrent_activation = activations.get(recurrent_activation)
        self.unit_forget_bias = unit_forget_bias

    def _first_bias(self, shape: tuple[int, ...], dtype: str) -> Array:
        bias = super()._first_bias(shape, dtype)
        if self.unit_forget_bias:
            bias[self.units : 2 * self.units] = 1
        return bias

    def _fused(self, inputs: Any, states: list[Any], backwards: bool) -> tuple[Any, ...] | None:
        if not self._activations_are_fused():
            return None
        return ops.lstm(inputs, self.kernel, self.recurrent_kernel, self.bias, *states, go_backwards=backwards)

    def _step(self, z: Any, states: list[Any], from_state: Callable[..., Any]) -> list[Any]:
        h, c = states
        z = z + from_state(h, 0, 4)
        i, f, o = (self.recurrent_activation(self._part(z, gate)) for gate in (0, 1, 3))
        c = f * c + i * self.activation(self._part(z, 2))
        return [o * self.activation(c), c]


class GRUCell(Gated):
    """Gated recurrent unit.

    With the gates z and r of `recurrent_activation`: `n = activation(x @ kernel + r * (h @ recurrent_kernel))`,
    `h = z * h + (1 - z) * n`; the product with h is made of `r * h` instead where `reset_after` is False. One kernel
    computes whole sequences where the activations are sigmoid and tanh and `reset_after` is True.

    Parameters
    ----------
    units : int
        Size of the state.
    activation, recurrent_activation : str or callable, optional
    use_bias : bool
    kernel_initializer, recurrent_initializer, bias_initializer : str, Initializer or callable
        kernel is (features, 3 * units), recurrent_kernel is (units, 3 * units), bias is (2, 3 * units), the second row
        for the product with the state, or (3 * units,) where `reset_after` is False; in the order of z, r, n.
    reset_after : bool
        Whether the reset gate acts after the product with the state.
    **options
        See `CellOptions`.

    References
    ----------
    Cho et al., "Learning phrase representations using RNN encoder-decoder", 2014.
    """

    _gates = 3

    def __init__(
        self,
        units: int,
        activation: Function = "tanh",
        recurrent_activation: Function = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        reset_after: bool = True,
        **options: Unpack[RecurrentOptions],  # this is the constructor of the layer too
    ) -> None:
        weights = kernel_initializer, recurrent_initializer, bias_initializer
        super().__init__(units, activation, use_bias, *weights, **options)
        self.recurrent_activation = activations.get(recurrent_activation)
        self.reset_after = reset_after

    def _bias_shape(self) -> tuple[int, ...]:
        return (2, 3 * self.units) if self.reset_after else (3 * self.units,)

    def _input_bias(self) -> Any:
        return self.bias[0] if self.bias is not None and self.reset_after else self.bias

    def _state_bias(self) -> Any:
        return self.bias[1] if self.bias is not None and self.reset_after else None

    def _fused(self, inputs: Any, states: list[Any], backwards: bool) -> tuple[Any, ...] | None:
        if not (self._activations_are_fused() and self.reset_after):
            return None
        return ops.gru(inputs, self.kernel, self.recurrent_kernel, self.bias, *states, go_backwards=backwards)

    def _step(self, z: Any, states: list[Any], from_state: Callable[..., Any]) -> list[Any]:
        (h,) = states
        inner = from_state(h, 0, 3 if self.reset_after else 2)
        update, reset = (self.recurrent_activation(self._part(z, g) + self._part(inner, g)) for g in (0, 1))
        last = reset * self._part(inner, 2) if self.reset_after else from_state(reset * h, 2, 3)
        new = self.activation(self._part(z, 2) + last)
        return [update * h + (1.0 - update) * new]
