"""LSTMs whose products are convolutions, over sequences of images: `ConvLSTM1D`, `ConvLSTM2D`, `ConvLSTM3D`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Unpack

import numpy as np

from nerve import activations, initializers, ops, random
from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels._arrays import full
from nerve.kernels._numbers import number
from nerve.layers import masks
from nerve.layers.cells import Function, RecurrentOptions
from nerve.layers.core import positive
from nerve.layers.recurrence import Sequences
from nerve.layers.spatial import data_format_name, output_sizes, padding_name
from nerve.layers.structure import Shape, is_positive_int, is_shape
from nerve.tensor import constant

__all__ = [
    "ConvLSTM1D",
    "ConvLSTM2D",
    "ConvLSTM3D",
]

Sizes = int | Sequence[int]


class ConvLSTM(Sequences):
    """Base of the convolutional LSTMs: the gates i, f, g and o of `kernel * x + recurrent_kernel * h + bias`.

    The convolution of all steps' inputs is one call; that of the states keeps their size ("same", stride 1).

    Parameters
    ----------
    filters : int
        Channels of the state.
    kernel_size, strides, dilation_rate : int or one for each axis
        Of the convolution of the inputs; the states' has the same kernel size.
    padding : {"valid", "same"}
    data_format : {"channels_last", "channels_first"}, optional
    activation, recurrent_activation : str or callable, optional
    use_bias : bool
    kernel_initializer, recurrent_initializer, bias_initializer : str, Initializer or callable
        kernel is (*kernel_size, channels, 4 * filters), recurrent_kernel is (*kernel_size, filters, 4 * filters), bias
        is (4 * filters,), in the order of the gates.
    unit_forget_bias : bool
        Whether the forget gate's bias begins at 1.
    **options
        See `RecurrentOptions`; dropped is something else in every gate.

    References
    ----------
    Shi et al., "Convolutional LSTM network: a machine learning approach for precipitation nowcasting", NeurIPS 2015;
    without peepholes, as in Keras.
    """

    rank: ClassVar[int]
    regulated = ("kernel", "recurrent", "bias")
    recurrent_regularizer: Any
    recurrent_constraint: Any

    def __init__(
        self,
        filters: int,
        kernel_size: Sizes,
        strides: Sizes = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Sizes = 1,
        activation: Function = "tanh",
        recurrent_activation: Function = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
        **options: Unpack[RecurrentOptions],
    ) -> None:
        rest = self._take(dict(options))
        rates = {name: rest.pop(name, 0.0) for name in ("dropout", "recurrent_dropout")}
        self.seed = rest.pop("seed", None)
        super().__init__(**rest)
        here = f"{self.name} ({type(self).__name__})"
        positive(self, filters=filters)
        for name, rate in rates.items():
            if not 0 <= number(here, name, rate) < 1:
                raise ValueError(f"[{here}] {name} must be in [0, 1), got {rate}")
        self.filters = filters
        self.kernel_size = self._sizes("kernel_size", kernel_size)
        self.strides = self._sizes("strides", strides)
        self.padding = padding_name(self, padding)
        self.data_format = data_format_name(self, data_format)
        self.dilation_rate = self._sizes("dilation_rate", dilation_rate)
        self.activation = activations.get(activation)
        self.recurrent_activation = activations.get(recurrent_activation)
        self.use_bias = use_bias
        self.kernel_initializer = kernel_initializer
        self.recurrent_initializer = recurrent_initializer
        self.bias_initializer = bias_initializer
        self.unit_forget_bias = unit_forget_bias
        self.dropout, self.recurrent_dropout = (float(rate) for rate in rates.values())
        self._next_offset = random.next_offset if self.seed is None else random.SeedGenerator(self.seed).next_offset

    @classmethod
    def _other_keywords(cls) -> Iterator[str]:
        yield from super()._other_keywords()
        yield from ("dropout", "recurrent_dropout", "seed")

    def _sizes(self, name: str, value: Sizes) -> tuple[int, ...]:
        sizes = (value,) * self.rank if isinstance(value, int | np.integer) else tuple(value)
        if len(sizes) != self.rank or not all(map(is_positive_int, sizes)):
            here = f"[{self.name} ({type(self).__name__})]"
            raise ValueError(f"{here} {name} must be a positive int or {self.rank} of them, got {value!r}")
        return tuple(int(size) for size in sizes)

    def build(self, input_shape: Shape) -> None:
        *space, channels = self._channels_last(input_shape)[2:]
        if None in space or channels is None:
            raise ShapeError(f"expects images of known sizes and channels, got shape {input_shape}")
        width = 4 * self.filters
        self.kernel = self.add_weight((*self.kernel_size, channels, width), self.kernel_initializer, name="kernel")
        self.recurrent_kernel = self.add_weight(
            (*self.kernel_size, self.filters, width),
            self.recurrent_initializer,
            name="recurrent_kernel",
            regularizer=self.recurrent_regularizer,
            constraint=self.recurrent_constraint,
        )
        self.bias = self.add_weight((width,), self._first_bias, name="bias") if self.use_bias else None
        self._build_states(input_shape)

    def _first_bias(self, shape: tuple[int, ...], dtype: str) -> Array:
        bias = np.array(initializers.get(self.bias_initializer)(shape, dtype))
        if self.unit_forget_bias:
            bias[self.filters : 2 * self.filters] = 1
        return bias

    # Shapes

    def _channels_last(self, shape: Shape) -> Shape:
        if not is_shape(shape) or len(shape) != self.rank + 3:
            axes = ", ".join(("rows", "columns", "depth")[: self.rank])
            axes = f"{axes}, channels" if self.data_format == "channels_last" else f"channels, {axes}"
            raise ShapeError(f"expects inputs (batch, time, {axes}), got shape {tuple(shape)}")
        return (*shape[:2], *shape[3:], shape[2]) if self.data_format == "channels_first" else tuple(shape)

    def _check(self, shape: Shape) -> None:
        last = self._channels_last(shape)
        if self.built and last[-1] != self.kernel.shape[-2]:
            raise ShapeError(f"expects {self.kernel.shape[-2]} channels, got shape {tuple(shape)}")

    def _output_shape(self, input_shape: Shape) -> Shape:
        batch, _, *space, _ = self._channels_last(input_shape)
        windows = [(size - 1) * rate + 1 for size, rate in zip(self.kernel_size, self.dilation_rate, strict=True)]
        found = output_sizes(space, windows, self.strides, self.padding)
        return (batch, self.filters, *found) if self.data_format == "channels_first" else (batch, *found, self.filters)

    def _state_shapes(self, input_shape: Shape) -> list[Shape]:
        return [self._output_shape(input_shape)] * 2

    # Calling

    def _turned(self, x: Any, skip: int, last: bool) -> Any:
        """`x` with its channels last, or back where the data format has them behind the first `skip` axes."""
        if self.data_format == "channels_last":
            return x
        axes, space = tuple(range(skip)), tuple(range(skip, skip + self.rank))
        if last:
            return ops.transpose(x, (*axes, *(axis + 1 for axis in space), skip))
        return ops.transpose(x, (*axes, skip + self.rank, *space))

    def _run(self, inputs: Any, states: list[Any], mask: Any, training: bool | None) -> tuple[Any, ...]:
        batch, time = inputs.shape[:2]
        shape = self._output_shape(tuple(inputs.shape))
        zeros = constant(full(tuple(size or 0 for size in shape), 0, inputs.dtype, inputs.array))
        h, c = (self._turned(zeros if state is None else state, 1, True) for state in states)
        x = self._turned(inputs, 2, True)
        dropped = self._masks((batch, 1, *x.shape[2:]), inputs, self.dropout) if training else []
        dropped_states = self._masks(h.shape, inputs, self.recurrent_dropout) if training else []
        z = self._gates(x, self.kernel, dropped, self._of_inputs)
        if self.bias is not None:
            z = z + self.bias
        steps = ops.unstack(z, axis=1)
        seen = None if mask is None else masks.by_step(mask)
        outputs = [constant(full((batch, 0, *h.shape[1:]), 0, inputs.dtype, inputs.array))]
        for t in reversed(range(time)) if self.go_backwards else range(time):
            new = self._step(steps[t] + self._gates(h, self.recurrent_kernel, dropped_states, convolution), c)
            if seen is not None:
                here = seen[t].reshape((batch,) + (1,) * (self.rank + 1))
                new = [ops.where(here, one, old) for one, old in zip(new, (h, c), strict=True)]
            h, c = new
            outputs.append(ops.reshape(h, (batch, 1, *h.shape[1:])))
        y = ops.concatenate(outputs, axis=1)
        return (self._turned(y, 2, False), *(self._turned(state, 1, False) for state in (h, c)))

    def _masks(self, shape: tuple[int, ...], like: Any, rate: float) -> list[Any]:
        """What is dropped, gate by gate; nothing where the rate is 0."""
        masks = []
        for _ in range(4 if rate else 0):
            ones = full(shape, 1, like.dtype, like.array)
            seed, offset = self._next_offset(ones.size)
            masks.append(ops.dropout(ones, rate=rate, seed=seed, offset=offset))
        return masks

    def _gates(self, x: Any, kernel: Any, dropped: list[Any], convolve: Any) -> Any:
        """What `x` gives to the four gates, side by side."""
        if not dropped:
            return convolve(x, kernel)
        parts = [convolve(x * mask, self._part(kernel, gate)) for gate, mask in enumerate(dropped)]
        return ops.concatenate(parts, axis=-1)

    def _of_inputs(self, x: Any, kernel: Any) -> Any:
        """The convolution of every step's image."""
        batch, time = x.shape[:2]
        flat = ops.reshape(x, (batch * time, *x.shape[2:]))
        y = convolution(flat, kernel, self.strides, self.padding, self.dilation_rate)
        return ops.reshape(y, (batch, time, *y.shape[1:]))

    def _step(self, z: Any, c: Any) -> list[Any]:
        i, f, o = (self.recurrent_activation(self._part(z, gate)) for gate in (0, 1, 3))
        c = f * c + i * self.activation(self._part(z, 2))
        return [o * self.activation(c), c]

    def _part(self, z: Any, gate: int) -> Any:
        return z[..., gate * self.filters : (gate + 1) * self.filters]


class ConvLSTM1D(ConvLSTM):
    """A convolutional LSTM over sequences of rows, (batch, time, rows, channels).

    The arguments are those of `ConvLSTM`.
    """

    rank = 1


class ConvLSTM2D(ConvLSTM):
    """A convolutional LSTM over images, (batch, time, rows, columns, channels).

    The arguments are those of `ConvLSTM`.
    """

    rank = 2


class ConvLSTM3D(ConvLSTM):
    """A convolutional LSTM over volumes, (batch, time, x, y, z, channels).

    The arguments are those of `ConvLSTM`.
    """

    rank = 3


def convolution(
    x: Any,
    kernel: Any,
    strides: Sequence[int] | None = None,
    padding: str = "same",
    dilation_rate: Sequence[int] | None = None,
) -> Any:
    """Of one, two or three axes, channels last."""
    rank = x.ndim - 2
    strides, rates = tuple(strides or (1,) * rank), tuple(dilation_rate or (1,) * rank)
    options: dict[str, Any] = {"padding": padding}
    if rank == 1:
        return ops.conv1d(x, kernel, strides=strides[0], dilation_rate=rates[0], **options)
    convolve = ops.conv2d if rank == 2 else ops.conv3d
    return convolve(x, kernel, strides=strides, dilation_rate=rates, **options)
