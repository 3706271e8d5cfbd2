"""One step of a recurrent layer, and whole sequences of such steps: what all cells share, and `SimpleRNNCell`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Unpack

import numpy as np

from nerve import activations, initializers, ops, random
from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels._arrays import full
from nerve.kernels._numbers import number
from nerve.layers import masks
from nerve.layers.core import fused_activation, positive
from nerve.layers.layer import Layer
from nerve.layers.options import LayerOptions
from nerve.layers.packing import PackedSteps
from nerve.layers.structure import Shape, is_shape
from nerve.tensor import constant

__all__ = [
    "SimpleRNNCell",
]

Function = str | Callable[..., Any] | None


class CellOptions(LayerOptions, total=False):
    """What every cell takes besides its own arguments.

    dropout, recurrent_dropout : float
        In training, the fraction of the inputs, and of the state's units, that is dropped; the same ones at every step
        of a sequence, and for the state others in every gate. The fused kernel is not used with the latter.
    seed : int, optional
        A stream of masks of this layer's own.
    """

    dropout: float
    recurrent_dropout: float
    seed: int | None


class RecurrentOptions(CellOptions, total=False):
    """What every recurrent layer takes besides its own arguments and those of `CellOptions`.

    return_sequences : bool
        Whether to return the result of every step or of the last.
    return_state : bool
        Whether to return the final states too.
    go_backwards : bool
        Take the steps from the last to the first, and return the results in that order.
    stateful : bool
        Begin each batch with the states that the batch before ended with. The batch's size must be fixed.
    unroll : bool
        Keras's wish for a graph without a loop, of sequences of a known length. No recording has loops.
    zero_output_for_mask : bool
        Whether the result of a step that a mask leaves out is 0; otherwise it is that of the step before.
    """

    return_sequences: bool
    return_state: bool
    go_backwards: bool
    stateful: bool
    unroll: bool
    zero_output_for_mask: bool


class Cell(Layer):
    """Base of the cells: weights, one step, and the way over a sequence.

    Where the activations are those of the fused kernels, a whole sequence is one call of a kernel; otherwise `_step` is
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
        defaults: dict[str, Any] = {"dropout": 0.0, "recurrent_dropout": 0.0, "seed": None}
        own = {key: options.pop(key, value) for key, value in defaults.items()}  # type: ignore[misc]
        super().__init__(**self._take(dict(options)))  # what is left are those of every layer
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
        self._next_offset = random.next_offset if self.seed is None else random.SeedGenerator(self.seed).next_offset
        self._held: dict[str, Any] | None = None  # dropout masks, while a sequence lasts

    @classmethod
    def _other_keywords(cls) -> Iterator[str]:
        yield from super()._other_keywords()
        yield from ("dropout", "recurrent_dropout", "seed")

    def _take(self, options: dict[str, Any]) -> dict[str, Any]:
        """The options of every layer, when a subclass has taken its own."""
        return options

    # What a subclass says of its cell

    def _fused(self, inputs: Any, states: list[Any], backwards: bool) -> tuple[Any, ...] | None:
        """(sequence, *final states) from the kernel, or None where there is none for this cell's options."""
        raise NotImplementedError

    def _step(self, z: Any, states: list[Any], from_state: Callable[..., Any]) -> list[Any]:
        """New states from what the inputs give to each gate; `from_state(h, first gate, past)` is the state's part."""
        raise NotImplementedError

    def _bias_shape(self) -> tuple[int, ...]:
        return (self._gates * self.units,)

    def _first_bias(self, shape: tuple[int, ...], dtype: str) -> Array:
        return np.array(initializers.get(self.bias_initializer)(shape, dtype))

    def _input_bias(self) -> Any:
        return self.bias

    def _state_bias(self) -> Any:
        return None

    # Weights and states

    def build(self, input_shape: Shape) -> None:
        if not is_shape(input_shape) or len(input_shape) != 2 or input_shape[-1] is None:
            raise ShapeError(f"expects inputs (batch, features) with known features, got shape {input_shape}")
        self._add_weights(input_shape[-1])

    def _add_weights(self, features: int) -> None:
        width = self._gates * self.units
        self.kernel = self.add_weight((features, width), self.kernel_initializer, name="kernel")
        self.recurrent_kernel = self.add_weight(
            (self.units, width),
            self.recurrent_initializer,
            name="recurrent_kernel",
            regularizer=self.recurrent_regularizer,
            constraint=self.recurrent_constraint,
        )
        self.bias = self.add_weight(self._bias_shape(), self._first_bias, name="bias") if self.use_bias else None

    @property
    def state_size(self) -> int | list[int]:
        """The size of the state, or a list with that of each where there are several."""
        return self.units if self._states == 1 else [self.units] * self._states

    @property
    def output_size(self) -> int:
        """The size of what a step gives."""
        return self.units

    def get_initial_state(self, batch_size: int) -> list[Array]:
        """Zeros, (batch_size, units) for each state."""
        like = self.kernel.array if self.built else None
        return [full((batch_size, self.units), 0, self.dtype, like) for _ in range(self._states)]

    # One step

    def call(self, inputs: Any, states: Any, training: bool | None = None) -> Any:
        given = list(states) if isinstance(states, list | tuple) else [states]
        if len(given) != self._states:
            raise ShapeError(f"expects {self._states} states, got {len(given)}")
        if training and self.dropout:
            inputs = inputs * self._mask("inputs", tuple(inputs.shape), inputs, self.dropout)
        z = ops.dense(inputs, self.kernel, self._input_bias())
        from_state = self._state_products(inputs.shape[0], inputs, bool(training and self.recurrent_dropout))
        new = self._step(z, given, from_state)
        return new[0], (new if isinstance(states, list | tuple) else new[0])

    def compute_output_shape(self, input_shape: Shape, *_: Any) -> Any:
        state = (input_shape[0], self.units)
        return state, [state] * self._states

    def _mask(self, name: str, shape: tuple[int, ...], like: Any, rate: float) -> Any:
        """What is dropped; the same for all steps of a sequence."""
        held = {} if self._held is None else self._held
        if name not in held:
            ones = full(shape, 1, like.dtype, like.array)
            seed, offset = self._next_offset(ones.size)
            held[name] = ops.dropout(ones, rate=rate, seed=seed, offset=offset)
        return held[name]

    def _state_products(self, batch: int, like: Any, dropping: bool) -> Callable[[Any, int, int], Any]:
        """`from_state` of `_step`."""
        shape = (batch, self.units)
        dropped = [
            self._mask(f"gate {gate}", shape, like, self.recurrent_dropout) for gate in range(self._gates * dropping)
        ]
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
            parts = [ops.dense(h * dropped[gate], *cut(gate, gate + 1)) for gate in range(first, past)]
            return ops.concatenate(parts, axis=-1)

        return from_state

    def _part(self, z: Any, gate: int) -> Any:
        return z[:, gate * self.units : (gate + 1) * self.units]

    # A sequence

    def over_sequence(
        self,
        inputs: Any,
        states: list[Any],
        mask: Any = None,
        training: bool | None = None,
        backwards: bool = False,
        wants_states: bool = True,
    ) -> tuple[Any, ...]:
        """All steps: (batch, time, units) in the order they are taken, and the final states.

        Parameters
        ----------
        inputs : Tensor (batch, time, features)
        states : list of Tensor or array (batch, units), or None where zero
        mask : array (batch, time), optional
            Steps that count; at another the state stays as it is, and is the result.
        training, backwards : bool
        wants_states : bool
            Whether the final states are of any account.
        """
        if training and self.dropout:
            shape = (inputs.shape[0], 1, inputs.shape[2])
            inputs = inputs * self._mask("inputs", shape, inputs, self.dropout)
        dropping = bool(training and self.recurrent_dropout)
        result = None
        if not dropping and mask is None:
            result = self._fused(inputs, states, backwards)
        elif not dropping and inputs.shape[0] * inputs.shape[1] and (self._states == 1 or not wants_states):
            result = self._fused_masked(inputs, states, mask, backwards)
        return self._composed(inputs, states, mask, dropping, backwards) if result is None else result

    def _fused_masked(self, inputs: Any, states: list[Any], mask: Any, backwards: bool) -> tuple[Any, ...] | None:
        """As `_fused`; only the state that is the result is right at the end, the others are not known then."""
        seen = masks.plain(mask)
        if backwards:
            seen, inputs = masks.backwards(seen), inputs[:, ::-1]
        steps = PackedSteps(seen)
        result = self._fused(steps.packed(inputs), states, False)
        if result is None:
            return None
        y = steps.spread(result[0])
        final = y[:, -1]
        if states[0] is not None:
            final = ops.where(masks.part(steps.begun, (slice(None), slice(-1, None))), final, states[0])
        return (y, final, *result[2:])

    def _composed(self, inputs: Any, states: list[Any], mask: Any, dropping: bool, backwards: bool) -> tuple[Any, ...]:
        batch, time = inputs.shape[:2]
        zeros = full((batch, self.units), 0, inputs.dtype, inputs.array)
        states = [constant(zeros) if state is None else state for state in states]
        from_state = self._state_products(batch, inputs, dropping)
        z = ops.unstack(ops.dense(inputs, self.kernel, self._input_bias()), axis=1)
        seen = None if mask is None else masks.by_step(mask)
        outputs = [constant(full((batch, 0, self.units), 0, zeros.dtype, zeros))]
        for t in reversed(range(time)) if backwards else range(time):
            new = self._step(z[t], states, from_state)
            if seen is not None:
                here = seen[t][:, None]
                new = [ops.where(here, one, old) for one, old in zip(new, states, strict=True)]
            states = new
            outputs.append(ops.reshape(states[0], (batch, 1, self.units)))
        return (ops.concatenate(outputs, axis=1), *states)


class SimpleRNNCell(Cell):
    """One step of `SimpleRNN`: `h = activation(x @ kernel + h @ recurrent_kernel + bias)`.

    Called on inputs (batch, features) and the state (batch, units), or a list of it; gives the output and the new
    state.

    Parameters
    ----------
    units : int
        Size of the state.
    activation : str or callable, optional
    use_bias : bool
    kernel_initializer, recurrent_initializer, bias_initializer : str, Initializer or callable
        kernel is (features, units), recurrent_kernel is (units, units), bias is (units,).
    **options
        See `CellOptions`.
    """

    def __init__(
        self,
        units: int,
        activation: Function = "tanh",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        **options: Unpack[RecurrentOptions],  # this is the constructor of the layer too
    ) -> None:
        weights = kernel_initializer, recurrent_initializer, bias_initializer
        super().__init__(units, activation, use_bias, *weights, **options)

    def _fused(self, inputs: Any, states: list[Any], backwards: bool) -> tuple[Any, ...] | None:
        activation = fused_activation(self.activation)
        if activation is None:
            return None
        return ops.simple_rnn(
            inputs, self.kernel, self.recurrent_kernel, self.bias, *states,
            activation=activation, go_backwards=backwards,
        )  # fmt: skip

    def _step(self, z: Any, states: list[Any], from_state: Callable[..., Any]) -> list[Any]:
        return [self.activation(z + from_state(states[0], 0, 1))]
