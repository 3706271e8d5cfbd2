"""What layers over sequences share: which results they give, the states they begin with and keep, masks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from nerve import kernels, ops
from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.gpu import to_device
from nerve.kernels._arrays import array_module
from nerve.layers import masks
from nerve.layers.cells import Cell
from nerve.layers.context import add_update
from nerve.layers.layer import Layer
from nerve.layers.structure import Shape, flatten, is_shape, map_shapes
from nerve.layers.symbolic import SymbolicTensor

_DEFAULTS = {
    "return_sequences": False,
    "return_state": False,
    "go_backwards": False,
    "stateful": False,
    "unroll": False,
    "zero_output_for_mask": False,
}


class Sequences(Layer):
    """Base of the layers over sequences (batch, time, ...).

    A step that a mask (batch, time) leaves out changes no state.
    """

    return_sequences: bool
    return_state: bool
    go_backwards: bool
    stateful: bool
    unroll: bool
    zero_output_for_mask: bool
    _passes_masks_on = True
    _kept: list[Array] | None = None

    @classmethod
    def _other_keywords(cls) -> Iterator[str]:
        yield from super()._other_keywords()
        yield from _DEFAULTS

    def _take(self, options: dict[str, Any]) -> dict[str, Any]:
        for name, value in _DEFAULTS.items():
            setattr(self, name, bool(options.pop(name, value)))
        return options

    # What a subclass says

    def _state_shapes(self, input_shape: Shape) -> list[Shape]:
        """The shape of every state, batch included."""
        raise NotImplementedError

    def _output_shape(self, input_shape: Shape) -> Shape:
        """The shape of what one step gives, batch included."""
        raise NotImplementedError

    def _check(self, shape: Shape) -> None:
        """Refuse inputs that do not fit."""

    def _run(self, inputs: Any, states: list[Any], mask: Any, training: bool | None) -> tuple[Any, ...]:
        """The results of all steps in the order they are taken, and the final states; states are None where zero."""
        raise NotImplementedError

    def _packed(self, states: list[Any]) -> list[Any]:
        """States as they are returned."""
        return states

    def _flat(self, states: Any) -> list[Any]:
        """States as they are given, one after the other."""
        return list(states) if isinstance(states, list | tuple) else [states]

    # States that are kept

    def _build_states(self, input_shape: Shape) -> None:
        if self.unroll and input_shape[1] is None:
            raise ShapeError(f"is to be unrolled and expects a known number of steps, got shape {input_shape}")
        if not self.stateful:
            return
        if input_shape[0] is None:
            raise ShapeError("is stateful and expects batches of a fixed size: give Input a batch_size")
        shapes = self._state_shapes(input_shape)
        kept = (np.zeros(tuple(size or 0 for size in shape), self.dtype) for shape in shapes)
        self._kept = [to_device(state, self._location()) for state in kept]

    def _move(self, device: str) -> None:
        super()._move(device)
        self._kept = None if self._kept is None else [to_device(state, device) for state in self._kept]

    @property
    def states(self) -> list[Array] | None:
        """The states that a stateful layer keeps."""
        return self._kept

    def reset_state(self) -> None:
        """Set the states that a stateful layer keeps back to zero."""
        for state in self._kept or ():
            state[...] = 0

    reset_states = reset_state

    def _initial(self, inputs: Any, given: Any) -> list[Any]:
        """The states to begin with, None where they are zero."""
        shapes = self._state_shapes(tuple(inputs.shape))
        if given is None:
            if self._kept is None:
                return [None] * len(shapes)
            if inputs.shape[0] != len(self._kept[0]):
                raise ShapeError(f"is stateful and expects batches of {len(self._kept[0])}, got shape {inputs.shape}")
            return [kernels.multiply(state, 1.0) for state in self._kept]  # copies that a recording can hold
        states = self._flat(given)
        if len(states) != len(shapes):
            raise ShapeError(f"expects {len(shapes)} initial states, got {len(states)}")
        for state, shape in zip(states, shapes, strict=True):
            if tuple(state.shape) != tuple(shape):
                raise ShapeError(f"expects initial states of shape {tuple(shape)}, got {tuple(state.shape)}")
        return states

    def _keep(self, final: list[Any]) -> None:
        for state, new in zip(self._kept or (), final, strict=True):
            kernels.multiply(new.array, 1.0, out=state)

    # Calling

    def call(self, inputs: Any, initial_state: Any = None, mask: Any = None, training: bool | None = None) -> Any:
        self._check(tuple(inputs.shape))
        steps = None if mask is None else self._steps_of(mask, tuple(inputs.shape))
        states = self._initial(inputs, initial_state)
        y, *final = self._run(inputs, states, steps, training)
        if self.stateful:
            add_update(lambda: self._keep(final))
        last = y[:, -1]
        if steps is not None:
            y, last = self._left_out(y, last, steps, any(state is not None for state in states))
        output = y if self.return_sequences else last
        return (output, *self._packed(final)) if self.return_state else output

    @staticmethod
    def _steps_of(mask: Any, shape: Shape) -> Array:
        found: Array = masks.plain(mask)
        if found.ndim == 3 and found.shape[-1] == 1:
            found = found[..., 0]
        if found.shape != shape[:2]:
            raise ShapeError(f"expects a mask of shape {shape[:2]} (batch, time), got {found.shape}")
        return found

    def _left_out(self, y: Any, last: Any, steps: Array, begun: bool) -> tuple[Any, Any]:
        """Results without those of steps that are left out, or, where they are held, of the steps before the first."""
        time = steps.shape[1]
        if not time or not (self.zero_output_for_mask or begun):
            return y, last
        if self.go_backwards:
            steps = masks.backwards(steps)
        if not self.zero_output_for_mask:  # what is held before the first step is 0, and not the initial state
            before = array_module(y.array).tri(time, dtype=y.dtype).T
            steps = kernels.cast(kernels.matmul(kernels.cast(steps, y.dtype), before), "bool")
        axes = (1,) * (len(y.shape) - 2)
        ended = masks.part(steps, (slice(None), -1))
        shown = steps.reshape(steps.shape + axes), ended.reshape(ended.shape + axes)
        return ops.where(shown[0], y, 0.0), ops.where(shown[1], last, 0.0)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The mask as it is where there is a result for every step, otherwise None."""
        kept = mask if self.return_sequences else None
        return [kept] if self.return_state else kept

    # Shapes

    def compute_output_shape(self, input_shape: Shape) -> Any:
        self._check(tuple(input_shape))
        batch, *step = self._output_shape(tuple(input_shape))
        output = (batch, input_shape[1], *step) if self.return_sequences else (batch, *step)
        return (output, *self._packed(self._state_shapes(tuple(input_shape)))) if self.return_state else output

    def _infer(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        # Not by running on stand-ins where initial states are given: that would change those a stateful layer keeps.
        shapes = self.compute_output_shape(args[0].shape)
        outputs = map_shapes(lambda shape: SymbolicTensor(shape, self.dtype), shapes)
        if self.return_sequences:
            flatten(outputs)[0].masked_axes = args[0].masked_axes
        return outputs


class Recurrent(Sequences, Cell):  # type: ignore[misc]  # a step and a sequence are called differently
    """A cell that goes over sequences by itself."""

    def build(self, input_shape: Shape) -> None:
        if not is_shape(input_shape) or len(input_shape) != 3 or input_shape[-1] is None:
            raise ShapeError(f"expects inputs (batch, time, features) with known features, got shape {input_shape}")
        self._add_weights(input_shape[-1])
        self._build_states(input_shape)

    def _check(self, shape: Shape) -> None:
        if len(shape) != 3 or shape[-1] != self.kernel.shape[0]:
            raise ShapeError(f"expects inputs (batch, time, {self.kernel.shape[0]}), got shape {shape}")

    def _state_shapes(self, input_shape: Shape) -> list[Shape]:
        return [(input_shape[0], self.units)] * self._states

    def _output_shape(self, input_shape: Shape) -> Shape:
        return (input_shape[0], self.units)

    def _run(self, inputs: Any, states: list[Any], mask: Any, training: bool | None) -> tuple[Any, ...]:
        wanted = self.return_state or self.stateful
        return self.over_sequence(inputs, states, mask, training, self.go_backwards, wanted)
