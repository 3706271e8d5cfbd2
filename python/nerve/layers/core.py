"""The layers that most models start from: `Input`, `Dense`, `Activation`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn, Unpack

import numpy as np

from nerve import activations, ops
from nerve.errors import DTypeError, ShapeError
from nerve.layers.layer import Layer
from nerve.layers.low_rank import LowRankAdapted, adapted
from nerve.layers.options import LayerOptions
from nerve.layers.structure import Shape, is_positive_int, is_shape
from nerve.layers.symbolic import Node, SymbolicTensor

__all__ = [
    "Activation",
    "Dense",
    "Input",
    "InputLayer",
    "ReLU",
    "Softmax",
]


class InputLayer(Layer):
    """The place where data enters a model.

    Parameters
    ----------
    shape : tuple of int or None
        Of one sample, without the batch.
    batch_size : int, optional
        If every batch has the same size.
    dtype : str, optional
        "float32" if not given; data is converted to it. Integer dtypes are allowed, and "string" in front of
        `TextVectorization`, `StringLookup` and `Hashing`.
    name : str, optional
    batch_shape : tuple of int or None, optional
        `(batch_size, *shape)`, instead of the two.
    input_shape : tuple of int or None, optional
        An older name of `shape`.
    """

    def __init__(
        self,
        shape: Sequence[int | None] | None = None,
        batch_size: int | None = None,
        dtype: str | None = None,
        name: str | None = None,
        *,
        batch_shape: Sequence[int | None] | None = None,
        input_shape: Sequence[int | None] | None = None,
    ) -> None:
        super().__init__(name=name)
        shape = input_shape if shape is None else shape
        here = f"[{self.name} (InputLayer)]"
        if batch_shape is not None:
            if shape is not None or batch_size is not None or not batch_shape:
                raise ValueError(f"{here} batch_shape is (batch_size, *shape) and stands for both, got {batch_shape!r}")
            batch_size, *shape = batch_shape
        if not isinstance(shape, Sequence) or not all(size is None or is_positive_int(size) for size in shape):
            raise ShapeError(f"{here} expects a shape of positive sizes or None, got {shape!r}")
        if batch_size is not None and not is_positive_int(batch_size):
            raise ValueError(f"{here} batch_size must be a positive int, got {batch_size!r}")
        try:
            known = dtype == "string" or np.dtype(dtype or "float32").kind in "fiub"
        except TypeError:
            known = False
        if not known:
            raise DTypeError(f"{here} expects a dtype of numbers, or 'string', got {dtype!r}")
        self.dtype = dtype or "float32"
        self.batch_shape: Shape = (batch_size, *shape)
        self.built = True
        tensor = SymbolicTensor(self.batch_shape, self.dtype, self.name)
        self._nodes.append(Node(self, (), {}, tensor))

    def get_config(self) -> dict[str, Any]:
        return {
            "shape": self.batch_shape[1:],
            "batch_size": self.batch_shape[0],
            "dtype": self.dtype,
            "name": self.name,
        }


def Input(
    shape: Sequence[int | None] | None = None,
    batch_size: int | None = None,
    dtype: str | None = None,
    name: str | None = None,
    *,
    batch_shape: Sequence[int | None] | None = None,
) -> Any:
    """A symbolic tensor to build a functional model from.

    Parameters
    ----------
    shape : tuple of int or None
        Of one sample, without the batch; None is a size that may vary.
    batch_size : int, optional
    dtype : str, optional
        "float32" if not given.
    name : str, optional
    batch_shape : tuple of int or None, optional
        `(batch_size, *shape)`, instead of the two.

    Examples
    --------
    >>> inputs = Input((8,))
    >>> model = Model(inputs, Dense(1)(inputs))
    """
    return InputLayer(shape, batch_size, dtype, name, batch_shape=batch_shape).output


def fused_activation(activation: Callable[..., Any]) -> str | None:
    """The name under which the kernels of `Dense` and `Conv2D` compute `activation` themselves, or None."""
    fused = {activations.linear: "linear", activations.relu: "relu", activations.sigmoid: "sigmoid"}
    return (fused | {activations.tanh: "tanh"}).get(activation)


def positive(layer: Layer, **sizes: int) -> None:
    """Check that arguments are ints of at least 1."""
    for name, size in sizes.items():
        if not is_positive_int(size):
            raise ValueError(f"[{layer.name} ({type(layer).__name__})] {name} must be a positive int, got {size!r}")


class Dense(LowRankAdapted):
    """`activation(inputs @ kernel + bias)` over the last axis.

    Parameters
    ----------
    units : int
        Size of the result's last axis.
    activation : str or callable, optional
    use_bias : bool
    kernel_initializer, bias_initializer : str, Initializer or callable
        kernel is (inputs, units), bias is (units,).
    lora_rank, lora_alpha : optional
        Freeze the kernel and learn a change of it of this rank; see `enable_lora`.
    """

    supports_masking = True
    regulated = ("kernel", "bias")
    kernel = adapted("kernel")

    def __init__(
        self,
        units: int,
        activation: str | Callable[..., Any] | None = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        positive(self, units=units)
        self.units = units
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = kernel_initializer
        self.bias_initializer = bias_initializer
        self._fused = fused_activation(self.activation)

    def build(self, input_shape: Shape) -> None:
        if not is_shape(input_shape) or len(input_shape) < 2 or input_shape[-1] is None:
            raise ShapeError(f"expects inputs (batch, ..., features) with known features, got shape {input_shape}")
        self.kernel = self.add_weight((input_shape[-1], self.units), self.kernel_initializer, name="kernel")
        self.bias = self.add_weight((self.units,), self.bias_initializer, name="bias") if self.use_bias else None
        self._build_lora()

    def call(self, inputs: Any) -> Any:
        if inputs.shape[-1] != self._kernel.shape[0]:
            self._refuse(inputs.shape)
        if self.lora_enabled:  # by the small matrices one after the other: the kernel has no gradient then
            y = ops.dense(inputs, self._kernel, self.bias)
            return self.activation(y + ops.dense(ops.dense(inputs, self._lora("a")), self._scaled_b()))
        y = ops.dense(inputs, self._kernel, self.bias, activation=self._fused)
        return self.activation(y) if self._fused is None else y

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if self.built and input_shape[-1] != self._kernel.shape[0]:
            self._refuse(input_shape)
        return (*input_shape[:-1], self.units)

    def _refuse(self, shape: Shape) -> NoReturn:
        features = self._kernel.shape[0]
        raise ShapeError(f"expects inputs (batch, ..., {features}), got {shape[-1]} features in shape {tuple(shape)}")


class Activation(Layer):
    """Any activation as a layer.

    Parameters
    ----------
    activation : str or callable
    """

    supports_masking = True

    def __init__(self, activation: str | Callable[..., Any], **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.activation = activations.get(activation)

    def call(self, inputs: Any) -> Any:
        return self.activation(inputs)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape


class ReLU(Layer):
    """`max(x, 0)`, with Keras's options.

    Parameters
    ----------
    max_value : float, optional
        Larger results are cut to it.
    negative_slope : float
        Slope below `threshold`.
    threshold : float
        Values below it count as negative.
    """

    supports_masking = True

    def __init__(
        self,
        max_value: float | None = None,
        negative_slope: float = 0.0,
        threshold: float = 0.0,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        if (max_value is not None and max_value < 0) or negative_slope < 0 or threshold < 0:
            raise ValueError(f"[{self.name} (ReLU)] max_value, negative_slope and threshold must not be negative")
        self.max_value = max_value
        self.negative_slope = negative_slope
        self.threshold = threshold

    def call(self, inputs: Any) -> Any:
        return activations.relu(
            inputs, negative_slope=self.negative_slope, max_value=self.max_value, threshold=self.threshold
        )

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape


class Softmax(Layer):
    """Exponentials that sum to 1 along `axis`.

    Parameters
    ----------
    axis : int
    """

    supports_masking = True

    def __init__(self, axis: int = -1, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.axis = axis

    def call(self, inputs: Any) -> Any:
        return ops.softmax(inputs, axis=self.axis)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape
