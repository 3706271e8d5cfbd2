"""Recurrent layers: `LSTM`, `GRU`, `SimpleRNN`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Unpack

import numpy as np

from nerve import activations, initializers, ops
from nerve._typing import Array
from nerve.layers.core import fused_activation
from nerve.layers.recurrence import Recurrent, RecurrentOptions
from nerve.layers.structure import Shape

__all__ = [
    "GRU",
    "LSTM",
    "SimpleRNN",
]

Function = str | Callable[..., Any] | None


class SimpleRNN(Recurrent):
    """`h = activation(x @ kernel + h @ recurrent_kernel + bias)`.

    One kernel computes whole sequences where the activation is tanh, sigmoid, relu or none.

    Parameters
    ----------
    units : int
        Size of the state.
    activation : str or callable, optional
    use_bias : bool
    kernel_initializer, recurrent_initializer, bias_initializer : str, Initializer or callable
        kernel is (features, units), recurrent_kernel is (units, units), bias is (units,).
    **options
        See `RecurrentOptions`.
    """

    def __init__(
        self,
        units: int,
        activation: Function = "tanh",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        **options: Unpack[RecurrentOptions],
    ) -> None:
        weights = kernel_initializer, recurrent_initializer, bias_initializer
        super().__init__(units, activation, use_bias, *weights, **options)

    def build(self, input_shape: Shape) -> None:
        self._add_weights(input_shape)
        self.bias = self.add_weight((self.units,), self.bias_initializer, name="bias") if self.use_bias else None

    def _fused(self, inputs: Any, states: list[Any]) -> tuple[Any, ...] | None:
        activation = fused_activation(self.activation)
        if activation is None:
            return None
        return ops.simple_rnn(
            inputs, self.kernel, self.recurrent_kernel, self.bias, *states,
            activation=activation, go_backwards=self.go_backwards,
        )  # fmt: skip

    def _step(self, z: Any, states: list[Any], from_state: Callable[..., Any]) -> list[Any]:
        return [self.activation(z + from_state(states[0], 0, 1))]


class Gated(Recurrent):
    """The part that recurrent layers with gates share: the gates' activation."""

    recurrent_activation: Any

    def _activations_are_fused(self) -> bool:
        return self.activation is activations.tanh and self.recurrent_activation is activations.sigmoid


class LSTM(Gated):
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
        See `RecurrentOptions`.

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
        **options: Unpack[RecurrentOptions],
    ) -> None:
        weights = kernel_initializer, recurrent_initializer, bias_initializer
        super().__init__(units, activation, use_bias, *weights, **options)
        self.recurrent_activation = activations.get(recurrent_activation)
        self.unit_forget_bias = unit_forget_bias

    def build(self, input_shape: Shape) -> None:
        self._add_weights(input_shape)
        self.bias = self.add_weight((4 * self.units,), self._first_bias, name="bias") if self.use_bias else None

    def _first_bias(self, shape: tuple[int, ...], dtype: str) -> Array:
        bias = np.array(initializers.get(self.bias_initializer)(shape, dtype))
        if self.unit_forget_bias:
            bias[self.units : 2 * self.units] = 1
        return bias

    def _fused(self, inputs: Any, states: list[Any]) -> tuple[Any, ...] | None:
        if not self._activations_are_fused():
            return None
        return ops.lstm(inputs, self.kernel, self.recurrent_kernel, self.bias, *states, go_backwards=self.go_backwards)

    def _step(self, z: Any, states: list[Any], from_state: Callable[..., Any]) -> list[Any]:
        h, c = states
        z = z + from_state(h, 0, 4)
        i, f, o = (self.recurrent_activation(self._part(z, gate)) for gate in (0, 1, 3))
        c = f * c + i * self.activation(self._part(z, 2))
        return [o * self.activation(c), c]


class GRU(Gated):
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
        See `RecurrentOptions`.

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
        **options: Unpack[RecurrentOptions],
    ) -> None:
        weights = kernel_initializer, recurrent_initializer, bias_initializer
        super().__init__(units, activation, use_bias, *weights, **options)
        self.recurrent_activation = activations.get(recurrent_activation)
        self.reset_after = reset_after

    def build(self, input_shape: Shape) -> None:
        self._add_weights(input_shape)
        shape = (2, 3 * self.units) if self.reset_after else (3 * self.units,)
        self.bias = self.add_weight(shape, self.bias_initializer, name="bias") if self.use_bias else None

    def _input_bias(self) -> Any:
        return self.bias[0] if self.bias is not None and self.reset_after else self.bias

    def _state_bias(self) -> Any:
        return self.bias[1] if self.bias is not None and self.reset_after else None

    def _fused(self, inputs: Any, states: list[Any]) -> tuple[Any, ...] | None:
        if not (self._activations_are_fused() and self.reset_after):
            return None
        return ops.gru(inputs, self.kernel, self.recurrent_kernel, self.bias, *states, go_backwards=self.go_backwards)

    def _step(self, z: Any, states: list[Any], from_state: Callable[..., Any]) -> list[Any]:
        (h,) = states
        inner = from_state(h, 0, 3 if self.reset_after else 2)
        update, reset = (self.recurrent_activation(self._part(z, g) + self._part(inner, g)) for g in (0, 1))
        last = reset * self._part(inner, 2) if self.reset_after else from_state(reset * h, 2, 3)
        new = self.activation(self._part(z, 2) + last)
        return [update * h + (1.0 - update) * new]
