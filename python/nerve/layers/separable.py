"""Convolutions of every channel by itself, and those followed by a mixing of the channels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Unpack

from nerve import ops
from nerve.layers.convolution import Windowed
from nerve.layers.core import positive
from nerve.layers.options import LayerOptions
from nerve.layers.structure import Shape

__all__ = [
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "SeparableConv1D",
    "SeparableConv2D",
    "SeparableConvolution1D",
    "SeparableConvolution2D",
]


class _ByChannel(Windowed):
    """Windows that each see one channel, `depth_multiplier` for every channel."""

    depth_multiplier: int

    def by_channel(self, x: Any, kernel: Any, bias: Any, activation: str | None) -> Any:
        """Channels-last inputs with a kernel (..., channels, depth_multiplier): every channel is a group."""
        *taps, channels, multiplier = kernel.shape
        kernel = ops.reshape(kernel, (*taps, 1, channels * multiplier))
        return self.convolution(x, kernel, bias, channels, activation)


class _Depthwise(_ByChannel):
    regulated = ("depthwise", "bias")

    def __init__(
        self,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = 1,
        activation: str | Callable[..., Any] | None = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(
            kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias, bias_initializer, **options
        )
        positive(self, depth_multiplier=depth_multiplier)
        self.depth_multiplier = depth_multiplier
        self.depthwise_initializer = depthwise_initializer

    def build(self, input_shape: Shape) -> None:
        channels = self.channels(input_shape)
        self.kernel = self.add_weight(
            (*self.kernel_size, channels, self.depth_multiplier),
            self.depthwise_initializer,
            name="kernel",
            regularizer=self.depthwise_regularizer,  # type: ignore[attr-defined]
            constraint=self.depthwise_constraint,  # type: ignore[attr-defined]
        )
        self.bias = self.add_bias(channels * self.depth_multiplier)

    def spatial(self, x: Any) -> Any:
        self.expect_channels(x.shape, self.kernel.shape[-2])
        y = self.by_channel(x, self.kernel, self.bias, self._fused)
        return self.activation(y) if self._fused is None else y

    def spatial_shape(self, shape: Shape) -> Shape:
        if self.built:
            self.expect_channels(shape, self.kernel.shape[-2])
        return self.windows_shape(shape, (shape[-1] or 0) * self.depth_multiplier)


class DepthwiseConv2D(_Depthwise):
    """Every channel of an image with kernels of its own.

    Parameters
    ----------
    kernel_size : int or pair
        Rows and columns of a kernel.
    strides : int or pair
    padding : {"valid", "same"}
    depth_multiplier : int
        Kernels of a channel; the result has channels * depth_multiplier channels, those of a channel side by side.
    data_format : {"channels_last", "channels_first"}, optional
    dilation_rate : int or pair
    activation : str or callable, optional
    use_bias : bool
    depthwise_initializer, bias_initializer : str, Initializer or callable
        kernel is (rows, columns, channels, depth_multiplier), bias is (channels * depth_multiplier,).

    References
    ----------
    Howard et al., "MobileNets: efficient convolutional neural networks for mobile vision applications", 2017.
    """


class DepthwiseConv1D(_Depthwise):
    """Every feature of a sequence with kernels of its own; options as for `DepthwiseConv2D`."""

    rank = 1


class _Separable(_ByChannel):
    regulated = ("depthwise", "pointwise", "bias")

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = 1,
        depth_multiplier: int = 1,
        activation: str | Callable[..., Any] | None = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        pointwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(
            kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias, bias_initializer, **options
        )
        positive(self, filters=filters, depth_multiplier=depth_multiplier)
        self.filters = filters
        self.depth_multiplier = depth_multiplier
        self.depthwise_initializer = depthwise_initializer
        self.pointwise_initializer = pointwise_initializer

    def build(self, input_shape: Shape) -> None:
        channels = self.channels(input_shape)
        multiplier = self.depth_multiplier
        self.depthwise_kernel = self.add_weight(
            (*self.kernel_size, channels, multiplier),
            self.depthwise_initializer,
            name="depthwise_kernel",
            regularizer=self.depthwise_regularizer,  # type: ignore[attr-defined]
            constraint=self.depthwise_constraint,  # type: ignore[attr-defined]
        )
        self.pointwise_kernel = self.add_weight(
            (*(1,) * self.rank, channels * multiplier, self.filters),
            self.pointwise_initializer,
            name="pointwise_kernel",
            regularizer=self.pointwise_regularizer,  # type: ignore[attr-defined]
            constraint=self.pointwise_constraint,  # type: ignore[attr-defined]
        )
        self.bias = self.add_bias(self.filters)

    def spatial(self, x: Any) -> Any:
        self.expect_channels(x.shape, self.depthwise_kernel.shape[-2])
        y = self.by_channel(x, self.depthwise_kernel, None, None)
        mixing = ops.reshape(self.pointwise_kernel, self.pointwise_kernel.shape[-2:])
        y = ops.dense(y, mixing, self.bias, activation=self._fused)
        return self.activation(y) if self._fused is None else y

    def spatial_shape(self, shape: Shape) -> Shape:
        if self.built:
            self.expect_channels(shape, self.depthwise_kernel.shape[-2])
        return self.windows_shape(shape, self.filters)


class SeparableConv2D(_Separable):
    """Every channel of an image with kernels of its own, and then a mixing of the channels at every pixel.

    Parameters
    ----------
    filters : int
        Channels of the result.
    kernel_size, strides, padding, data_format, dilation_rate, depth_multiplier
        As for `DepthwiseConv2D`.
    activation : str or callable, optional
        Of the result; there is none between the two steps.
    use_bias : bool
    depthwise_initializer, pointwise_initializer, bias_initializer : str, Initializer or callable
        depthwise_kernel is (rows, columns, channels, depth_multiplier), pointwise_kernel is
        (1, 1, channels * depth_multiplier, filters), bias is (filters,).

    References
    ----------
    Chollet, "Xception: deep learning with depthwise separable convolutions", CVPR 2017.
    """


class SeparableConv1D(_Separable):
    """Every feature of a sequence with kernels of its own, and then a mixing; options as for `SeparableConv2D`."""

    rank = 1


SeparableConvolution1D, SeparableConvolution2D = SeparableConv1D, SeparableConv2D
