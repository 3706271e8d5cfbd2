"""Convolutions of sequences, images and volumes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Unpack

from nerve import activations, ops
from nerve.errors import ShapeError
from nerve.layers.core import fused_activation, positive
from nerve.layers.low_rank import LowRankAdapted, adapted
from nerve.layers.options import LayerOptions
from nerve.layers.spatial import Spatial, data_format_name, output_sizes, padding_name, sizes
from nerve.layers.structure import Shape

__all__ = [
    "Conv1D",
    "Conv2D",
    "Conv3D",
    "Convolution1D",
    "Convolution2D",
    "Convolution3D",
]


class Windowed(Spatial):
    """Base of the layers that go over their input with learned windows: their options, and how they are read.

    Parameters
    ----------
    kernel_size, strides, dilation_rate : int or a sequence of `rank` of them
    padding : str
    data_format : {"channels_last", "channels_first"}, optional
    activation : str or callable, optional
    use_bias : bool
    bias_initializer : str, Initializer or callable
    """

    paddings: ClassVar[tuple[str, ...]] = ("valid", "same")

    def __init__(
        self,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int],
        padding: str,
        data_format: str | None,
        dilation_rate: int | Sequence[int],
        activation: str | Callable[..., Any] | None,
        use_bias: bool,
        bias_initializer: Any,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        self.kernel_size = sizes(self, "kernel_size", kernel_size, self.rank)
        self.strides = sizes(self, "strides", strides, self.rank)
        self.padding = padding_name(self, padding, self.paddings)
        self.data_format = data_format_name(self, data_format)
        self.dilation_rate = sizes(self, "dilation_rate", dilation_rate, self.rank)
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.bias_initializer = bias_initializer
        self._fused = fused_activation(self.activation)

    def channels(self, input_shape: Shape) -> int:
        """The channels of an input whose shape is to be built for."""
        channels = self.last_shape(input_shape)[-1]
        if channels is None:
            raise ShapeError(f"expects a known number of channels, got shape {input_shape}")
        return channels

    def add_bias(self, filters: int) -> Any:
        """The bias of so many filters, or None."""
        return self.add_weight((filters,), self.bias_initializer, name="bias") if self.use_bias else None

    def convolution(self, x: Any, kernel: Any, bias: Any, groups: int = 1, activation: str | None = None) -> Any:
        """Channels-last inputs, the way this layer goes over them, with some kernel, bias and activation."""
        if self.rank == 1:
            return ops.conv1d(
                x,
                kernel,
                bias,
                strides=self.strides[0],
                padding=self.padding,
                dilation_rate=self.dilation_rate[0],
                groups=groups,
                activation=activation,
            )
        return (ops.conv2d if self.rank == 2 else ops.conv3d)(
            x,
            kernel,
            bias,
            strides=self.strides,
            padding=self.padding,
            dilation_rate=self.dilation_rate,
            groups=groups,
            activation=activation,
        )

    def windows_shape(self, shape: Shape, filters: int) -> Shape:
        """The shape of a convolution's output for an input with the channels last."""
        windows = [(size - 1) * rate + 1 for size, rate in zip(self.kernel_size, self.dilation_rate, strict=True)]
        return (shape[0], *output_sizes(shape[1:-1], windows, self.strides, self.padding), filters)

    def expect_channels(self, shape: Shape, channels: int) -> None:
        """Refuse another number of channels than the layer was built for."""
        if shape[-1] != channels:
            axis = -1 if self.data_format == "channels_last" else 1
            kind = "features" if self.rank == 1 else "channels"
            raise ShapeError(f"expects {channels} {kind} along axis {axis}, got {shape[-1]}")


class _Convolution(Windowed, LowRankAdapted):
    regulated = ("kernel", "bias")
    kernel = adapted("kernel")

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = 1,
        groups: int = 1,
        activation: str | Callable[..., Any] | None = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(
            kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias, bias_initializer, **options
        )
        positive(self, filters=filters, groups=groups)
        if filters % groups:
            raise ValueError(
                f"[{self.name} ({type(self).__name__})] filters ({filters}) must be a multiple of groups ({groups})"
            )
        self.filters = filters
        self.groups = groups
        self.kernel_initializer = kernel_initializer

    def build(self, input_shape: Shape) -> None:
        channels = self.channels(input_shape)
        if channels % self.groups:
            raise ShapeError(f"expects a number of channels that {self.groups} divides, got shape {input_shape}")
        shape = (*self.kernel_size, channels // self.groups, self.filters)
        self.kernel = self.add_weight(shape, self.kernel_initializer, name="kernel")
        self.bias = self.add_bias(self.filters)
        self._build_lora()

    def spatial(self, x: Any) -> Any:
        self.expect_channels(x.shape, self._kernel.shape[-2] * self.groups)
        y = self.convolved(x, self.kernel, self.bias, self._fused)
        return self.activation(y) if self._fused is None else y

    def convolved(self, x: Any, kernel: Any, bias: Any, activation: str | None) -> Any:
        """Channels-last inputs, the way this layer goes over them, with another kernel, bias and activation."""
        return self.convolution(x, kernel, bias, self.groups, activation)

    def spatial_shape(self, shape: Shape) -> Shape:
        if self.built:
            self.expect_channels(shape, self._kernel.shape[-2] * self.groups)
        return self.windows_shape(shape, self.filters)


class Conv1D(_Convolution):
    """Cross-correlation of sequences with learned kernels.

    Parameters
    ----------
    filters : int
        Number of kernels: the features of the result.
    kernel_size : int
        Steps of a kernel.
    strides : int
    padding : {"valid", "same", "causal"}
        "same" pads with zeros so that a stride of 1 keeps the steps; "causal" pads only before the first, so that no
        output depends on later steps (van den Oord et al., "WaveNet", 2016, section 2.1).
    data_format : {"channels_last", "channels_first"}, optional
        (batch, steps, features), the default, or (batch, features, steps).
    dilation_rate, groups, activation, use_bias, kernel_initializer, bias_initializer, lora_rank, lora_alpha
        As for `Conv2D`; kernel is (steps, features / groups, filters).
    """

    rank = 1
    paddings = ("valid", "same", "causal")


class Conv2D(_Convolution):
    """Cross-correlation of images with learned kernels.

    Parameters
    ----------
    filters : int
        Number of kernels: the channels of the result.
    kernel_size : int or pair
        Rows and columns of a kernel.
    strides : int or pair
    padding : {"valid", "same"}
        "same" pads with zeros so that a stride of 1 keeps rows and columns.
    data_format : {"channels_last", "channels_first"}, optional
        (batch, rows, columns, channels), the default, or (batch, channels, rows, columns), which is transposed and
        back.
    dilation_rate : int or pair
        Distance between the pixels that neighbours in the kernel see.
    groups : int
        The channels are cut into groups, each seen by `filters / groups` kernels.
    activation : str or callable, optional
    use_bias : bool
    kernel_initializer, bias_initializer : str, Initializer or callable
        kernel is (rows, columns, channels / groups, filters), bias is (filters,).
    lora_rank, lora_alpha : optional
        Freeze the kernel and learn a change of it of this rank; see `enable_lora`.
    """


class Conv3D(_Convolution):
    """Cross-correlation of volumes with learned kernels.

    Parameters
    ----------
    filters : int
        Number of kernels: the channels of the result.
    kernel_size : int or triple
        Depth, rows and columns of a kernel.
    strides : int or triple
    padding, data_format, dilation_rate, groups, activation, use_bias, kernel_initializer, bias_initializer, lora_rank,
    lora_alpha
        As for `Conv2D`; inputs are (batch, depth, rows, columns, channels) and kernel is (depth, rows, columns,
        channels / groups, filters).
    """

    rank = 3


Convolution1D, Convolution2D, Convolution3D = Conv1D, Conv2D, Conv3D
