"""Convolutions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Unpack

from nerve import activations, ops
from nerve.errors import ShapeError
from nerve.layers.core import fused_activation, positive
from nerve.layers.layer import LayerOptions
from nerve.layers.spatial import Spatial, data_format_name, output_size, padding_name, pair
from nerve.layers.structure import Shape

__all__ = [
    "Conv2D",
    "Convolution2D",
]


class Conv2D(Spatial):
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
    """

    regulated = ("kernel", "bias")

    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, int],
        strides: int | tuple[int, int] = (1, 1),
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: int | tuple[int, int] = (1, 1),
        groups: int = 1,
        activation: str | Callable[..., Any] | None = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        positive(self, filters=filters, groups=groups)
        if filters % groups:
            raise ValueError(f"[{self.name} (Conv2D)] filters ({filters}) must be a multiple of groups ({groups})")
        self.filters = filters
        self.kernel_size = pair(self, "kernel_size", kernel_size)
        self.strides = pair(self, "strides", strides)
        self.padding = padding_name(self, padding)
        self.data_format = data_format_name(self, data_format)
        self.dilation_rate = pair(self, "dilation_rate", dilation_rate)
        self.groups = groups
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = kernel_initializer
        self.bias_initializer = bias_initializer
        self._fused = fused_activation(self.activation)

    def build(self, input_shape: Shape) -> None:
        channels = self.last_shape(input_shape)[-1]
        if channels is None or channels % self.groups:
            raise ShapeError(f"expects a number of channels that {self.groups} divides, got shape {input_shape}")
        shape = (*self.kernel_size, channels // self.groups, self.filters)
        self.kernel = self.add_weight(shape, self.kernel_initializer, name="kernel")
        self.bias = self.add_weight((self.filters,), self.bias_initializer, name="bias") if self.use_bias else None

    def spatial(self, x: Any) -> Any:
        y = self.convolved(x, self.kernel, self.bias, self._fused)
        return self.activation(y) if self._fused is None else y

    def convolved(self, x: Any, kernel: Any, bias: Any, activation: str | None) -> Any:
        """Channels-last images, the way this layer goes over them, with another kernel, bias and activation."""
        return ops.conv2d(
            x,
            kernel,
            bias,
            strides=self.strides,
            padding=self.padding,
            dilation_rate=self.dilation_rate,
            groups=self.groups,
            activation=activation,
        )

    def spatial_shape(self, shape: Shape) -> Shape:
        if self.built and shape[-1] != self.kernel.shape[2] * self.groups:
            raise ShapeError(f"expects {self.kernel.shape[2] * self.groups} channels, got {shape[-1]}")
        windows = [(size - 1) * rate + 1 for size, rate in zip(self.kernel_size, self.dilation_rate, strict=True)]
        rows = output_size(shape[1], windows[0], self.strides[0], self.padding)
        columns = output_size(shape[2], windows[1], self.strides[1], self.padding)
        return (shape[0], rows, columns, self.filters)


Convolution2D = Conv2D
