"""Any cell over sequences: `RNN`, and cells on top of each other: `StackedRNNCells`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Unpack

import numpy as np

from nerve import ops
from nerve.errors import ShapeError
from nerve.kernels._arrays import full, is_array, placed
from nerve.layers import masks
from nerve.layers.layer import Layer
from nerve.layers.options import LayerOptions
from nerve.layers.recurrence import Sequences
from nerve.layers.structure import Shape, flatten, is_shape, map_shapes, pack_like
from nerve.tensor import constant

__all__ = [
    "RNN",
    "StackedRNNCells",
]


class StackedRNNCells(Layer):
    """Cells of which each gets the output of the one before: one cell, for `RNN`.

    Parameters
    ----------
    cells : list of Layer
        Each with a `state_size` and a `call(inputs, states)` that gives its output and the new states.
    """

    def __init__(self, cells: Sequence[Any], **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        if not isinstance(cells, Sequence) or not cells:
            raise TypeError(f"[{self.name} (StackedRNNCells)] expects a list of cells, got {cells!r}")
        for cell in cells:
            _check_cell(f"{self.name} (StackedRNNCells)", cell)
        self.cells = list(cells)

    @property
    def state_size(self) -> list[Any]:
        """The state sizes of every cell."""
        return [cell.state_size for cell in self.cells]

    @property
    def output_size(self) -> int:
        """The size of what the last cell gives."""
        return _output_size(self.cells[-1])

    def get_initial_state(self, batch_size: int) -> list[Any]:
        """Zeros for the states of every cell."""
        return [_zeros(cell.state_size, batch_size, self.dtype) for cell in self.cells]

    def build(self, input_shape: Shape) -> None:
        for cell in self.cells:
            if isinstance(cell, Layer) and not cell.built:
                cell.build(input_shape)
            input_shape = (input_shape[0], _output_size(cell))

    def call(self, inputs: Any, states: Any, training: bool | None = None) -> Any:
        new_states = []
        for cell, given in zip(self.cells, states, strict=True):
            several = isinstance(given, list | tuple)
            inputs, new = _call(cell, inputs, list(given) if several else [given], training)
            single = not several and isinstance(new, list | tuple) and len(new) == 1
            new_states.append(new[0] if single else new)
        return inputs, new_states[0] if len(new_states) == 1 else new_states

    def compute_output_shape(self, input_shape: Shape, *_: Any) -> Any:
        batch = input_shape[0]
        return (batch, self.output_size), map_shapes(lambda shape: shape, _shapes(self.state_size, batch))

    def over_sequence(
        self,
        inputs: Any,
        states: list[Any],
        mask: Any = None,
        training: bool | None = None,
        backwards: bool = False,
        wants_states: bool = True,
    ) -> tuple[Any, ...]:
        """All steps of the first cell, then all of the next; as `Cell.over_sequence`."""
        final: list[Any] = []
        for cell in self.cells:
            count = len(flatten(cell.state_size))
            given, states = states[:count], states[count:]
            inputs, *new = cell.over_sequence(inputs, given, mask, training, backwards, wants_states)
            final += new
            if backwards and mask is not None:
                mask = masks.backwards(mask)
            backwards = False
        return (inputs, *final)


class RNN(Sequences):
    """A cell at every step of sequences (batch, time, ...).

    Parameters
    ----------
    cell : Layer, or list of Layer
        With `state_size`, an int or a list of them, and `call(inputs, states)`, which gives the output of a step and
        the new states; with `output_size` if that is not the first state's. A list is a stack (`StackedRNNCells`).
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

    Notes
    -----
    `SimpleRNNCell`, `LSTMCell` and `GRUCell` with their own activations, and stacks of them, take a whole sequence in
    one call of a kernel, as `SimpleRNN`, `LSTM` and `GRU` do; any other cell is called step by step.

    Examples
    --------
    >>> class Leaky(Layer):
    ...     state_size = 8
    ...
    ...     def build(self, input_shape):
    ...         self.kernel = self.add_weight((input_shape[-1], 8), name="kernel")
    ...
    ...     def call(self, inputs, states):
    ...         new = 0.9 * states[0] + 0.1 * ops.tanh(inputs @ self.kernel)
    ...         return new, [new]
    >>> layer = RNN(Leaky(), return_sequences=True)
    """

    def __init__(
        self,
        cell: Any,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        zero_output_for_mask: bool = False,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        self.cell = StackedRNNCells(cell) if isinstance(cell, list | tuple) else cell
        _check_cell(f"{self.name} ({type(self).__name__})", self.cell)
        self._take(
            {
                "return_sequences": return_sequences,
                "return_state": return_state,
                "go_backwards": go_backwards,
                "stateful": stateful,
                "unroll": unroll,
                "zero_output_for_mask": zero_output_for_mask,
            }
        )

    def build(self, input_shape: Shape) -> None:
        if not is_shape(input_shape) or len(input_shape) < 3:
            raise ShapeError(f"expects inputs (batch, time, ...), got shape {input_shape}")
        if isinstance(self.cell, Layer) and not self.cell.built:
            self.cell.build((input_shape[0], *input_shape[2:]))
        self._build_states(input_shape)

    def _check(self, shape: Shape) -> None:
        if len(shape) < 3:
            raise ShapeError(f"expects inputs (batch, time, ...), got shape {shape}")

    def _state_shapes(self, input_shape: Shape) -> list[Shape]:
        return [(input_shape[0], size) for size in flatten(self.cell.state_size)]

    def _output_shape(self, input_shape: Shape) -> Shape:
        return (input_shape[0], _output_size(self.cell))

    def _flat(self, states: Any) -> list[Any]:
        return flatten(states)

    def _packed(self, states: list[Any]) -> list[Any]:
        size = self.cell.state_size
        if not isinstance(size, list | tuple):
            return states
        remaining = iter(states)
        return [
            tuple(next(remaining) for _ in one) if isinstance(one, list | tuple) else next(remaining) for one in size
        ]

    def get_initial_state(self, batch_size: int) -> list[Any]:
        """The states to begin with: those of the cell's `get_initial_state` if it has one, otherwise zeros."""
        if hasattr(self.cell, "get_initial_state"):
            states = self.cell.get_initial_state(batch_size=batch_size)
        else:
            states = _zeros(self.cell.state_size, batch_size, self.dtype)
        return list(states) if isinstance(states, list | tuple) else [states]

    def _run(self, inputs: Any, states: list[Any], mask: Any, training: bool | None) -> tuple[Any, ...]:
        if _goes_over_sequences(self.cell):
            wanted = self.return_state or self.stateful
            result: tuple[Any, ...] = self.cell.over_sequence(inputs, states, mask, training, self.go_backwards, wanted)
            return result
        begin = flatten(self.get_initial_state(inputs.shape[0]))
        begin = [placed(b if is_array(b) else np.asarray(b), inputs.array) for b in begin]
        states = [constant(b) if s is None else s for s, b in zip(states, begin, strict=True)]
        time = inputs.shape[1]
        if not time:
            raise ShapeError(f"expects at least one step, got inputs of shape {tuple(inputs.shape)}")
        outputs: list[Any] = []
        with _same_dropout(self.cell):
            steps = ops.unstack(inputs, axis=1)
            seen = None if mask is None else masks.by_step(mask)
            for t in reversed(range(time)) if self.go_backwards else range(time):
                y, new = _call(self.cell, steps[t], self._given(states), training)
                fresh = flatten(new)
                if seen is not None:
                    here = seen[t]
                    before = outputs[-1] if outputs else constant(full(y.shape, 0, y.dtype, y.array))
                    y = ops.where(here.reshape(here.shape + (1,) * (y.ndim - 1)), y, before)
                    fresh = [
                        ops.where(here.reshape(here.shape + (1,) * (one.ndim - 1)), one, old)
                        for one, old in zip(fresh, states, strict=True)
                    ]
                outputs.append(y)
                states = fresh
        rows = [ops.reshape(y, (y.shape[0], 1, *y.shape[1:])) for y in outputs]
        return (ops.concatenate(rows, axis=1), *states)

    def _given(self, states: list[Any]) -> list[Any]:
        """States in the nesting of the cell's sizes."""
        size = self.cell.state_size
        return list(pack_like(size, states)) if isinstance(size, list | tuple) else states


def _check_cell(here: str, cell: Any) -> None:
    for name in ("call", "state_size"):
        if not hasattr(cell, name):
            raise TypeError(f"[{here}] expects a cell with {name!r}, got {cell!r}")


def _output_size(cell: Any) -> int:
    size = getattr(cell, "output_size", None)
    return int(flatten(cell.state_size)[0] if size is None else size)


def _shapes(size: Any, batch: int | None) -> Any:
    return [_shapes(one, batch) for one in size] if isinstance(size, list | tuple) else (batch, size)


def _zeros(size: Any, batch: int, dtype: str) -> Any:
    if isinstance(size, list | tuple):
        return [_zeros(one, batch, dtype) for one in size]
    return np.zeros((batch, size), dtype)


def _call(cell: Any, inputs: Any, states: Any, training: bool | None) -> Any:
    return cell(inputs, states, training=training) if isinstance(cell, Layer) else cell.call(inputs, states)


def _goes_over_sequences(cell: Any) -> bool:
    """Whether a cell has a way over whole sequences that does what its `call` does."""
    if isinstance(cell, StackedRNNCells):
        return type(cell).call is StackedRNNCells.call and all(_goes_over_sequences(one) for one in cell.cells)
    if not hasattr(cell, "over_sequence"):
        return False
    one, other = (next(c for c in type(cell).__mro__ if name in vars(c)) for name in ("over_sequence", "call"))
    return issubclass(one, other)


@contextmanager
def _same_dropout(cell: Any) -> Iterator[None]:
    """Cells inside of this block drop the same values at every step."""
    holders = [layer for _, layer in cell._walk() if hasattr(layer, "_held")] if isinstance(cell, Layer) else []
    for layer in holders:
        layer._held = {}
    try:
        yield
    finally:
        for layer in holders:
            layer._held = None
