"""A sequence read from both ends: `Bidirectional`."""

from __future__ import annotations

from typing import Any, Unpack

from nerve import ops
from nerve.errors import ShapeError
from nerve.layers.layer import Layer
from nerve.layers.options import LayerOptions
from nerve.layers.structure import Shape
from nerve.layers.wrapper import Wrapper

__all__ = [
    "Bidirectional",
]

_SHARED = ("stateful", "return_sequences", "return_state")
_MERGES = ("sum", "mul", "concat", "ave", None)


class Bidirectional(Wrapper):
    """A recurrent layer and a second one that reads the sequence from its end; their results are merged.

    Parameters
    ----------
    layer : Layer
        Recurrent, such as `LSTM`; it is not used itself, but made anew from its configuration, twice.
    merge_mode : {"concat", "sum", "mul", "ave", None}
        None gives both results.
    backward_layer : Layer, optional
        The second layer, if it is not to be like the first. It must have `go_backwards`.

    Notes
    -----
    `initial_state` has the states of the first layer, then those of the second. Results of steps that a mask leaves
    out are 0.

    References
    ----------
    Schuster and Paliwal, "Bidirectional recurrent neural networks", 1997.

    Examples
    --------
    >>> tokens = Input((None,), dtype="int32")
    >>> x = Embedding(1000, 16, mask_zero=True)(tokens)
    >>> tags = TimeDistributed(Dense(5, activation="softmax"))(Bidirectional(LSTM(32, return_sequences=True))(x))
    """

    _passes_masks_on = True
    _untracked = Wrapper._untracked | {"layer"}  # as it was given

    def __init__(
        self,
        layer: Layer,
        merge_mode: str | None = "concat",
        *,
        backward_layer: Layer | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(layer, **options)
        here = f"[{self.name} (Bidirectional)]"
        if backward_layer is not None and not isinstance(backward_layer, Layer):
            raise TypeError(f"{here} expects a layer as backward_layer, got {backward_layer!r}")
        if merge_mode not in _MERGES:
            raise ValueError(f"{here} merge_mode must be one of {_MERGES}, got {merge_mode!r}")
        for one in (layer, backward_layer or layer):
            if missing := [name for name in (*_SHARED, "go_backwards") if not hasattr(one, name)]:
                raise TypeError(f"{here} expects recurrent layers, got {one!r} without {missing[0]}")
        self.merge_mode = merge_mode
        bare = layer.name.removeprefix("forward_").removeprefix("backward_")
        self.forward_layer: Any = copied(layer, name=f"forward_{bare}")
        self.backward_layer: Any = backward_layer
        if backward_layer is None:
            self.backward_layer = copied(layer, name=f"backward_{bare}", go_backwards=True)
        if self.forward_layer.go_backwards == self.backward_layer.go_backwards:
            raise ValueError(f"{here} expects layers that differ in go_backwards")
        for name in _SHARED:
            values = [getattr(one, name) for one in (self.forward_layer, self.backward_layer)]
            if values[0] != values[1]:
                raise ValueError(f"{here} expects layers with the same {name}, got {values[0]} and {values[1]}")
            setattr(self, name, values[0])
        for one in (self.forward_layer, self.backward_layer):
            one.zero_output_for_mask = one.return_sequences

    return_sequences: bool
    return_state: bool
    stateful: bool

    def build(self, input_shape: Shape) -> None:
        for layer in (self.forward_layer, self.backward_layer):
            if not layer.built:
                layer.build(input_shape)

    def call(self, inputs: Any, initial_state: Any = None, mask: Any = None, training: bool | None = None) -> Any:
        halves: list[Any] = [None, None]
        if initial_state is not None:
            if len(initial_state) % 2:
                raise ShapeError(f"expects initial states for both directions, got {len(initial_state)}")
            half = len(initial_state) // 2
            halves = [list(initial_state[:half]), list(initial_state[half:])]
        results = [
            layer(inputs, training=training, **_given(initial_state=state, mask=mask))
            for layer, state in zip((self.forward_layer, self.backward_layer), halves, strict=True)
        ]
        (y, *states), (y_back, *states_back) = (r if self.return_state else (r,) for r in results)
        if self.return_sequences:
            y_back = y_back[:, ::-1]
        merged = self._merged(y, y_back)
        if not self.return_state:
            return merged
        return (*(merged if self.merge_mode is None else (merged,)), *states, *states_back)

    def _merged(self, y: Any, y_back: Any) -> Any:
        if self.merge_mode == "concat":
            return ops.concatenate([y, y_back], axis=-1)
        if self.merge_mode == "sum":
            return y + y_back
        if self.merge_mode == "ave":
            return (y + y_back) / 2
        return y * y_back if self.merge_mode == "mul" else (y, y_back)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The mask as it is where there is a result for every step, otherwise None."""
        kept = mask if self.return_sequences else None
        return [kept, kept] if self.merge_mode is None else [kept]

    def compute_output_shape(self, input_shape: Shape) -> Any:
        shapes = [layer.compute_output_shape(input_shape) for layer in (self.forward_layer, self.backward_layer)]
        (output, *states), (back, *states_back) = (s if self.return_state else (s,) for s in shapes)
        if self.merge_mode == "concat":
            output = (*output[:-1], output[-1] + back[-1])
        outputs = (output, back) if self.merge_mode is None else (output,)
        if self.return_state:
            return (*outputs, *states, *states_back)
        return outputs if self.merge_mode is None else output

    def reset_state(self) -> None:
        """Set the states that stateful layers keep back to zero."""
        self.forward_layer.reset_state()
        self.backward_layer.reset_state()

    reset_states = reset_state

    @property
    def states(self) -> Any:
        """The states that stateful layers keep, those of the first layer first."""
        kept = (self.forward_layer.states, self.backward_layer.states)
        return None if None in kept else (*kept[0], *kept[1])


def copied(value: Any, **changes: Any) -> Any:
    """A layer made from the configuration of another, with all layers inside made anew too."""
    if isinstance(value, Layer):
        config = {**value.get_config(), **changes}
        return type(value).from_config({key: copied(item) for key, item in config.items()})
    return type(value)(copied(item) for item in value) if type(value) in (list, tuple) else value


def _given(**arguments: Any) -> dict[str, Any]:
    return {name: value for name, value in arguments.items() if value is not None}
