"""Normalization by length: of the root of the mean square, of 1, and of a kernel as a linear map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

from nerve import initializers, kernels, ops
from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels._numbers import integer, integers, number
from nerve.layers.layer import Layer
from nerve.layers.low_rank import LowRankAdapted
from nerve.layers.options import LayerOptions
from nerve.layers.structure import Shape
from nerve.layers.wrapper import Wrapper
from nerve.tensor import Variable

__all__ = [
    "RMSNormalization",
    "SpectralNormalization",
    "UnitNormalization",
]


class _AlongAxes(Layer):
    """A layer with one or several axes, which its inputs must have."""

    axis: int | list[int]

    def _read_axis(self, axis: int | Sequence[int]) -> None:
        here = f"{self.name} ({type(self).__name__})"
        several = isinstance(axis, list | tuple)
        self.axis = list(integers(here, "axis", axis)) if several else integer(here, "axis", axis)

    def _axes(self, shape: Shape) -> tuple[int, ...]:
        """The axes in order, counted from the first."""
        given = self.axis if isinstance(self.axis, list) else [self.axis]
        if not given or not all(-len(shape) <= one < len(shape) for one in given):
            raise ShapeError(f"expects inputs that have axis {self.axis}, got shape {tuple(shape)}")
        return tuple(sorted({one % len(shape) for one in given}))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self._axes(input_shape)
        return input_shape


class RMSNormalization(_AlongAxes):
    """Divides by the root of the mean square along `axis`, and multiplies by a learned `scale`.

    Parameters
    ----------
    axis : int or list of int
    epsilon : float
        Added to the mean square.

    References
    ----------
    Zhang and Sennrich, "Root mean square layer normalization", NeurIPS 2019.
    """

    def __init__(self, axis: int | Sequence[int] = -1, epsilon: float = 1e-6, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self._read_axis(axis)
        self.epsilon = number(f"{self.name} (RMSNormalization)", "epsilon", epsilon)
        if not self.epsilon >= 0:
            raise ValueError(f"[{self.name} (RMSNormalization)] epsilon must not be negative, got {epsilon}")

    def build(self, input_shape: Shape) -> None:
        sizes = [input_shape[axis] for axis in self._axes(input_shape)]
        if None in sizes:
            raise ShapeError(f"expects inputs with known sizes along axis {self.axis}, got {tuple(input_shape)}")
        self.scale = self.add_weight([size or 0 for size in sizes], "ones", name="scale")

    def call(self, inputs: Any) -> Any:
        shape = inputs.shape
        axes = self._axes(shape)
        if tuple(shape[axis] for axis in axes) != self.scale.shape:
            raise ShapeError(f"expects sizes {self.scale.shape} along axis {self.axis}, got shape {shape}")
        if axes == tuple(range(len(shape) - len(axes), len(shape))):  # the last ones: together they are rows
            rows = ops.reshape(inputs, (*shape[: len(shape) - len(axes)], self.scale.size))
            return ops.reshape(ops.rms_norm(rows, ops.reshape(self.scale, (-1,)), epsilon=self.epsilon), shape)
        mean = ops.mean(ops.square(inputs), axis=axes, keepdims=True)
        y = inputs * ops.rsqrt(mean + self.epsilon)
        return y * ops.reshape(self.scale, [size if axis in axes else 1 for axis, size in enumerate(shape)])


class UnitNormalization(_AlongAxes):
    """Divides by the length along `axis`: the root of the sum of squares.

    Parameters
    ----------
    axis : int or list of int
    """

    supports_masking = True

    def __init__(self, axis: int | Sequence[int] = -1, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self._read_axis(axis)

    def call(self, inputs: Any) -> Any:
        axes: Any = self._axes(inputs.shape)
        # Of squares: the length is 1e-12 at least, as in Keras.
        return ops.normalize(inputs, axis=axes, epsilon=1e-24)


class SpectralNormalization(Wrapper):
    """In training, divides the kernel of a layer by its largest singular value before every call.

    That value is found by power iterations, which go on from call to call; so the layer is a map that lengthens no
    vector by much more than 1, as discriminators of generative adversarial networks want it.

    Parameters
    ----------
    layer : Layer
        One with a `kernel` or `embeddings`.
    power_iterations : int
        In every call.

    References
    ----------
    Miyato, Kataoka, Koyama and Yoshida, "Spectral normalization for generative adversarial networks", ICLR 2018.
    """

    def __init__(self, layer: Layer, power_iterations: int = 1, **options: Unpack[LayerOptions]) -> None:
        super().__init__(layer, **options)
        self.power_iterations = integer(f"{self.name} (SpectralNormalization)", "power_iterations", power_iterations, 1)

    @property
    def kernel(self) -> Any:
        """That of the layer inside, or its embeddings."""
        if isinstance(self.layer, LowRankAdapted):  # the weight itself, without what adapts it
            return vars(self.layer).get(f"_{self.layer._adapts}")
        return getattr(self.layer, "kernel", getattr(self.layer, "embeddings", None))

    def build(self, input_shape: Any) -> None:
        super().build(input_shape)
        if self.kernel is None:
            raise ValueError(
                f"[{self.name} (SpectralNormalization)] {type(self.layer).__name__} has no kernel and no embeddings"
            )
        self.vector_u = self.add_weight(
            (1, self.kernel.shape[-1]), initializers.TruncatedNormal(stddev=0.02), trainable=False, name="vector_u"
        )

    def _listed(self) -> list[Variable]:
        # As in Keras, where the kernel is this layer's too: kernel, vector_u, then what else the layer inside has.
        return [*([] if self.kernel is None else [self.kernel]), *self._variables()]

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        if training:
            self._normalize()
        return self.layer(inputs)

    def _normalize(self) -> None:
        kernel, u = self.kernel.array, self.vector_u.array
        matrix = kernel.reshape(-1, kernel.shape[-1])
        # A kernel of zeros has no direction: it and the vector stay as they are.
        zeros = kernels.equal(kernels.max(kernels.absolute(matrix), (0, 1), True), 0.0)
        found = u
        for _ in range(self.power_iterations):
            v = _of_length_one(kernels.matmul(found, matrix, transpose_b=True))
            found = _of_length_one(kernels.matmul(v, matrix))
        largest = kernels.matmul(kernels.matmul(v, matrix), found, transpose_b=True)
        divisor = kernels.where(zeros, 1.0, largest)
        kernels.divide(matrix, divisor, out=matrix)
        kernels.add(kernels.where(zeros, u, found), 0.0, out=u)

    def compute_output_shape(self, input_shape: Any) -> Any:
        return self.layer.compute_output_shape(input_shape)


def _of_length_one(row: Array) -> Array:
    squares = kernels.sum(kernels.square(row), (0, 1), True)
    return kernels.multiply(row, kernels.rsqrt(kernels.maximum(squares, 1e-24)))
