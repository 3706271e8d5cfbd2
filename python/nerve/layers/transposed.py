"""Transposed convolutions: from what has the shape of a convolution's output to what has that of its input."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Unpack

from nerve import ops
from nerve.errors import ShapeError
from nerve.kernels._windows import transposed
from nerve.layers.convolution import Windowed
from nerve.layers.core import positive
from nerve.layers.options import LayerOptions
from nerve.layers.spatial import sizes
from nerve.layers.structure import Shape

__all__ = [
    "Conv1DTranspose",
    "Conv2DTranspose",
    "Conv3DTranspose",
    "Convolution1DTranspose",
    "Convolution2DTranspose",
    "Convolution3DTranspose",
]


class _Transposed(Windowed):
    regulated = ("kernel", "bias")

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "valid",
        output_padding: int | Sequence[int] | None = None,
        data_format: str | None = None,
        dilation_rate: int | Sequence[int] = 1,
        activation: str | Callable[..., Any] | None = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(
            kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias, bias_initializer, **options
        )
        positive(self, filters=filters)
        self.filters = filters
        self.output_padding = (
            None if output_padding is None else sizes(self, "output_padding", output_padding, self.rank, 0)
        )
        here = f"[{self.name} ({type(self).__name__})]"
        if any(more >= stride for more, stride in zip(self.output_padding or (), self.strides, strict=False)):
            raise ValueError(f"{here} output_padding must be less than strides {self.strides}, got {output_padding}")
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise ValueError(f"{here} strides {self.strides} and dilation_rate {self.dilation_rate} cannot both be > 1")
        self.kernel_initializer = kernel_initializer

    def build(self, input_shape: Shape) -> None:
        shape = (*self.kernel_size, self.filters, self.channels(input_shape))
        self.kernel = self.add_weight(shape, self.kernel_initializer, name="kernel")
        self.bias = self.add_bias(self.filters)

    def spatial(self, x: Any) -> Any:
        self.expect_channels(x.shape, self.kernel.shape[-1])
        if self.rank == 1:
            y = ops.conv1d_transpose(
                x,
                self.kernel,
                self.bias,
                strides=self.strides[0],
                padding=self.padding,
                output_padding=None if self.output_padding is None else self.output_padding[0],
                dilation_rate=self.dilation_rate[0],
            )
        else:
            y = (ops.conv2d_transpose if self.rank == 2 else ops.conv3d_transpose)(
                x,
                self.kernel,
                self.bias,
                strides=self.strides,
                padding=self.padding,
                output_padding=self.output_padding,
                dilation_rate=self.dilation_rate,
            )
        return self.activation(y)

    def spatial_shape(self, shape: Shape) -> Shape:
        if self.built:
            self.expect_channels(shape, self.kernel.shape[-1])
        return (shape[0], *(self._size(axis, size) for axis, size in enumerate(shape[1:-1])), self.filters)

    def _size(self, axis: int, size: int | None) -> int | None:
        if size is None:
            return None
        window = (self.kernel_size[axis] - 1) * self.dilation_rate[axis] + 1
        more = None if self.output_padding is None else self.output_padding[axis]
        found, _ = transposed(size, window, self.strides[axis], self.padding, more)
        if found < 1:
            raise ShapeError(f"gives an empty output for an input of shape {(size,)} along one axis")
        return found


class Conv2DTranspose(_Transposed):
    """A convolution the other way round, which makes images larger: `Conv2D`'s gradient as a layer.

    Parameters
    ----------
    filters : int
        Channels of the result.
    kernel_size : int or pair
        Rows and columns of a kernel.
    strides : int or pair
        So many times larger does the image become.
    padding : {"valid", "same"}
        "same": exactly `strides` times.
    output_padding : int or pair, optional
        Rows and columns that the result has besides, less than `strides`.
    data_format : {"channels_last", "channels_first"}, optional
    dilation_rate : int or pair
        Only with strides of 1.
    activation : str or callable, optional
    use_bias : bool
    kernel_initializer, bias_initializer : str, Initializer or callable
        kernel is (rows, columns, filters, channels), bias is (filters,).

    References
    ----------
    Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016, chapter 4.
    """


class Conv1DTranspose(_Transposed):
    """A convolution of sequences the other way round; options as for `Conv2DTranspose`, with one size each."""

    rank = 1


class Conv3DTranspose(_Transposed):
    """A convolution of volumes the other way round; options as for `Conv2DTranspose`, with three sizes each.

    Their order is Keras's, which has `data_format` before `output_padding` here.
    """

    rank = 3

    def __init__(
        self,
        filters: int,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int] = 1,
        padding: str = "valid",
        data_format: str | None = None,
        output_padding: int | Sequence[int] | None = None,
        dilation_rate: int | Sequence[int] = 1,
        activation: str | Callable[..., Any] | None = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(
            filters,
            kernel_size,
            strides,
            padding,
            output_padding,
            data_format,
            dilation_rate,
            activation,
            use_bias,
            kernel_initializer,
            bias_initializer,
            **options,
        )


Convolution1DTranspose, Convolution2DTranspose, Convolution3DTranspose = (
    Conv1DTranspose, Conv2DTranspose, Conv3DTranspose,
)  # fmt: skip
