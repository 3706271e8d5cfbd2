"""What recurrent layers share: sequences, states, dropout, and the loop over steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Unpack

import numpy as np

from nerve import activations, kernels, ops, random
from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels._numbers import number
from nerve.layers.context import add_update
from nerve.layers.core import positive
from nerve.layers.layer import Layer, LayerOptions
from nerve.layers.structure import Shape, is_shape, map_shapes
from nerve.layers.symbolic import SymbolicTensor
from nerve.tensor import Tensor


class RecurrentOptions(LayerOptions, total=False):
    """What every recurrent layer takes besides its own arguments.

    dropout, recurrent_dropout : float
        In training, the fraction of the inputs, and of the state's units, that is dropped; the same ones at every step
        of a sequence, and for the state others in every gate. The fused kernel is not used with the latter.
    seed : int, optional
        A stream of masks of this layer's own.
    return_sequences : bool
        Whether to return the state after every step or after the last.
    return_state : bool
        Whether to return the final states too.
    go_backwards : bool
        Take the steps from the last to the first, and return the results in that order.
    stateful : bool
        Begin each batch with the states that the batch before ended with. The batch's size must be fixed.
    """

    dropout: float
    recurrent_dropout: float
    seed: int | None
    return_sequences: bool
    return_state: bool
    go_backwards: bool
    stateful: bool


class Recurrent(Layer):
    """The part that recurrent layers share: sequences, states, dropout, and the loop over steps.

    Where the activations are those of the fused kernels, a whole sequence is one call of a kernel; otherwise `step` is
    called for each of its steps.
    """

    _gates = 1
    _states = 1
    bias: Any

    regulated = ("kernel", "recurrent", "bias")
    recurrent_regularizer: Any
    recurrent_constraint: Any

    def __init__(
        self,
        units: int,
        activation: Any,
        use_bias: bool,
        kernel_initializer: Any,
        recurrent_initializer: Any,
        bias_initializer: Any,
        **options: Unpack[RecurrentOptions],
    ) -> None:
        defaults: dict[str, Any] = {"dropout": 0.0, "recurrent_dropout": 0.0, "seed": None, "return_sequences": False}
        defaults |= {"return_state": False, "go_backwards": False, "stateful": False}
        own = {key: options.pop(key, value) for key, value in defaults.items()}  # type: ignore[misc]
        super().__init__(**options)  # what is left are those of every layer
        here = f"{self.name} ({type(self).__name__})"
        positive(self, units=units)
        self.units = units
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = kernel_initializer
        self.recurrent_initializer = recurrent_initializer
        self.bias_initializer = bias_initializer
        for name in ("dropout", "recurrent_dropout"):
            if not 0 <= number(here, name, own[name]) < 1:
                raise ValueError(f"[{here}] {name} must be in [0, 1), got {own[name]}")
        self.dropout = float(own["dropout"])
        self.recurrent_dropout = float(own["recurrent_dropout"])
        self.seed = own["seed"]
        self.return_sequences = bool(own["return_sequences"])
        self.return_state = bool(own["return_state"])
        self.go_backwards = bool(own["go_backwards"])
        self.stateful = bool(own["stateful"])
        self.states: list[Array] | None = None
        self._next_offset = random.next_offset if self.seed is None else random.SeedGenerator(self.seed).next_offset

    # What a subclass says of its cell

    def _fused(self, inputs: Any, states: list[Any]) -> tuple[Any, ...] | None:
        """(sequence, *final states) from the kernel, or None where there is none for this layer's options."""
        raise NotImplementedError

    def _step(self, z: Any, states: list[Any], from_state: Callable[..., Any]) -> list[Any]:
        """New states from what the inputs give to each gate; `from_state(h, first gate, past)` is the state's part."""
        raise NotImplementedError

    # Weights

    def _add_weights(self, input_shape: Shape) -> None:
        if not is_shape(input_shape) or len(input_shape) != 3 or input_shape[-1] is None:
            raise ShapeError(f"expects inputs (batch, time, features) with known features, got shape {input_shape}")
        width = self._gates * self.units
        self.kernel = self.add_weight((input_shape[-1], width), self.kernel_initializer, name="kernel")
        self.recurrent_kernel = self.add_weight(
            (self.units, width),
            self.recurrent_initializer,
            name="recurrent_kernel",
            regularizer=self.recurrent_regularizer,
            constraint=self.recurrent_constraint,
        )
        if self.stateful:
            if input_shape[0] is None:
                raise ShapeError("is stateful and expects batches of a fixed size: give Input a batch_size")
            self.states = [np.zeros((input_shape[0], self.units), self.dtype) for _ in range(self._states)]

    def reset_state(self) -> None:
        """Set the states that a stateful layer keeps back to zero."""
        for state in self.states or ():
            state[...] = 0

    # Calling

    def call(self, inputs: Any, initial_state: Any = None, training: bool | None = None) -> Any:
        self._check(tuple(inputs.shape))
        states = self._initial(inputs, initial_state)
        if training and self.dropout:
            inputs = inputs * self._mask((inputs.shape[0], 1, inputs.shape[2]), inputs.dtype, self.dropout)
        dropping = bool(training and self.recurrent_dropout)
        result = None if dropping else self._fused(inputs, states)
        y, *final = self._composed(inputs, states, dropping) if result is None else result
        if self.stateful:
            add_update(lambda: self._keep(final))
        output = y if self.return_sequences else final[0]
        return (output, *final) if self.return_state else output

    def _initial(self, inputs: Any, given: Any) -> list[Any]:
        """The states to begin with, None where they are zero."""
        if given is None:
            if self.states is None:
                return [None] * self._states
            if inputs.shape[0] != len(self.states[0]):
                raise ShapeError(f"is stateful and expects batches of {len(self.states[0])}, got shape {inputs.shape}")
            return [kernels.multiply(state, 1.0) for state in self.states]  # copies that a recording can hold
        states = list(given) if isinstance(given, list | tuple) else [given]
        if len(states) != self._states:
            raise ShapeError(f"expects {self._states} initial states, got {len(states)}")
        for state in states:
            if tuple(state.shape) != (inputs.shape[0], self.units):
                raise ShapeError(
                    f"expects initial states of shape {(inputs.shape[0], self.units)}, got {tuple(state.shape)}"
                )
        return states

    def _keep(self, final: list[Any]) -> None:
        for state, new in zip(self.states or (), final, strict=True):
            kernels.multiply(new.array, 1.0, out=state)

    def _mask(self, shape: tuple[int, ...], dtype: Any, rate: float) -> Any:
        ones = np.ones(shape, dtype)
        seed, offset = self._next_offset(ones.size)
        return ops.dropout(ones, rate=rate, seed=seed, offset=offset)

    def _composed(self, inputs: Any, states: list[Any], dropping: bool) -> tuple[Any, ...]:
        batch, time = inputs.shape[:2]
        zeros = np.zeros((batch, self.units), inputs.dtype)
        states = [Tensor(zeros, tracked=False) if state is None else state for state in states]
        masks = [self._mask(zeros.shape, zeros.dtype, self.recurrent_dropout) for _ in range(self._gates * dropping)]
        weights: dict[tuple[int, int], tuple[Any, Any]] = {
            (0, self._gates): (self.recurrent_kernel, self._state_bias())
        }

        def cut(first: int, past: int) -> tuple[Any, Any]:
            if (first, past) not in weights:
                columns, (whole, bias) = slice(first * self.units, past * self.units), weights[0, self._gates]
                weights[first, past] = whole[:, columns], None if bias is None else bias[columns]
            return weights[first, past]

        def from_state(h: Any, first: int, past: int) -> Any:
            if not dropping:
                return ops.dense(h, *cut(first, past))
            parts = [ops.dense(h * masks[gate], *cut(gate, gate + 1)) for gate in range(first, past)]
            return ops.concatenate(parts, axis=-1)

        z = ops.unstack(ops.dense(inputs, self.kernel, self._input_bias()), axis=1)
        outputs = [Tensor(np.zeros((batch, 0, self.units), zeros.dtype), tracked=False)]
        for t in reversed(range(time)) if self.go_backwards else range(time):
            states = self._step(z[t], states, from_state)
            outputs.append(ops.reshape(states[0], (batch, 1, self.units)))
        return (ops.concatenate(outputs, axis=1), *states)

    def _input_bias(self) -> Any:
        return self.bias

    def _state_bias(self) -> Any:
        return None

    def _part(self, z: Any, gate: int) -> Any:
        return z[:, gate * self.units : (gate + 1) * self.units]

    # Shapes

    def _check(self, shape: Shape) -> None:
        if len(shape) != 3 or shape[-1] != self.kernel.shape[0]:
            raise ShapeError(f"expects inputs (batch, time, {self.kernel.shape[0]}), got shape {shape}")

    def compute_output_shape(self, input_shape: Shape) -> Any:
        self._check(tuple(input_shape))
        state = (input_shape[0], self.units)
        output = (input_shape[0], input_shape[1], self.units) if self.return_sequences else state
        return (output, *[state] * self._states) if self.return_state else output

    def _infer(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        # Not by running on stand-ins where initial states are given: that would change those a stateful layer keeps.
        return map_shapes(lambda shape: SymbolicTensor(shape, self.dtype), self.compute_output_shape(args[0].shape))
