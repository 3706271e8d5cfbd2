"""A dense layer along any axes."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Unpack

from nerve import activations, ops
from nerve.errors import ShapeError
from nerve.layers.low_rank import LowRankAdapted, adapted
from nerve.layers.options import LayerOptions
from nerve.layers.structure import Shape

__all__ = [
    "EinsumDense",
]


class EinsumDense(LowRankAdapted):
    """`activation(einsum(equation, inputs, kernel) + bias)`.

    Parameters
    ----------
    equation : str
        Of the inputs and the kernel, such as "abc,ce->abe"; an ellipsis may stand for axes at the beginning or at the
        end of inputs and outputs.
    output_shape : int or sequence of int or None
        Of the outputs, without the batch and without the axes of the ellipsis; None for a size that the inputs have.
    activation : str or callable, optional
    bias_axes : str, optional
        Letters of the output along which there is a bias; no bias without.
    kernel_initializer, bias_initializer : str, Initializer or callable
    lora_rank, lora_alpha : optional
        Freeze the kernel and learn a change of it of this rank; see `enable_lora`.

    Examples
    --------
    >>> EinsumDense("abc,ce->abe", output_shape=(None, 64), bias_axes="e")
    >>> EinsumDense("...x,xy->...y", output_shape=64, bias_axes="y")
    """

    regulated = ("kernel", "bias")
    kernel = adapted("kernel")

    def __init__(
        self,
        equation: str,
        output_shape: int | Sequence[int | None],
        activation: str | Callable[..., Any] | None = None,
        bias_axes: str | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        form = re.fullmatch(
            r"(\.\.\.)?([a-zA-Z]+)(\.\.\.)?,([a-zA-Z]+)->(\.\.\.)?([a-zA-Z]+)(\.\.\.)?", equation.replace(" ", "")
        )
        ends = form.group(1, 3, 5, 7) if form else ()
        if form is None or ends[:2] != ends[2:] or all(ends[:2]):
            raise ValueError(
                f"[{self.name} (EinsumDense)] equation must be like 'ab,bc->ac', '...b,bc->...c' or 'ab...,bc->ac...', "
                f"got {equation!r}"
            )
        self.equation = equation
        self._terms = form.group(2, 4, 6)
        self._elided = "left" if ends[0] else "right" if ends[1] else ""
        self.partial_output_shape = (output_shape,) if isinstance(output_shape, int) else tuple(output_shape)
        self.activation = activations.get(activation)
        self.bias_axes = bias_axes
        self.kernel_initializer = kernel_initializer
        self.bias_initializer = bias_initializer
        inputs, kernel, outputs = self._terms
        if wrong := (set(kernel) - set(inputs + outputs)) | (set(outputs) - set(inputs + kernel)):
            raise ValueError(f"[{self.name} (EinsumDense)] {min(wrong)!r} is in only one term of {equation!r}")
        if bias_axes and set(bias_axes) - set(outputs):
            raise ValueError(f"[{self.name} (EinsumDense)] bias_axes {bias_axes!r} are not all in {outputs!r}")

    def _sizes(self, shape: Shape) -> tuple[dict[str, int | None], list[int | None]]:
        """What the letters stand for, and the sizes of the axes that are elided."""
        inputs, _, outputs = self._terms
        elided = len(shape) - len(inputs)
        if elided < 0 or (elided and not self._elided):
            raise ShapeError(f"expects inputs with the axes {inputs!r} of {self.equation!r}, got shape {tuple(shape)}")
        left, right = (elided, 0) if self._elided == "left" else (0, elided)
        named = dict(zip(inputs, shape[left : len(shape) - right], strict=True))
        # An ellipsis at the beginning has the batch; otherwise the first letter of the outputs is the batch.
        letters = outputs if left else outputs[1:]
        if len(self.partial_output_shape) != len(letters):
            raise ShapeError(
                f"has output_shape {self.partial_output_shape}, expected {len(letters)} sizes for {letters!r} of "
                f"{self.equation!r}"
            )
        for letter, size in zip(letters, self.partial_output_shape, strict=True):
            if size is not None and named.setdefault(letter, size) not in (size, None):
                raise ShapeError(f"has {letter!r} of size {size} in output_shape, but {named[letter]} in its inputs")
        return named, list(shape[:left]) + list(shape[len(shape) - right :])

    def build(self, input_shape: Shape) -> None:
        named, elided = self._sizes(input_shape)
        _, kernel, outputs = self._terms
        sizes = [named.get(letter) for letter in kernel]
        if None in sizes:
            raise ShapeError(f"expects known sizes for {kernel!r} of {self.equation!r}, got shape {tuple(input_shape)}")
        self.kernel = self.add_weight([size or 0 for size in sizes], self.kernel_initializer, name="kernel")
        self.bias = None
        if self.bias_axes:
            last = outputs[min(outputs.index(letter) for letter in self.bias_axes) :]
            shape = [named.get(letter) if letter in self.bias_axes else 1 for letter in last]
            if None in shape:
                raise ShapeError(f"expects known sizes along bias_axes {self.bias_axes!r}, got {tuple(input_shape)}")
            wide = (1,) * len(elided) if self._elided == "right" else ()
            self.bias = self.add_weight([*(size or 0 for size in shape), *wide], self.bias_initializer, name="bias")
        self._build_lora()

    def call(self, inputs: Any) -> Any:
        self.compute_output_shape(inputs.shape)
        y = ops.einsum(self.equation, inputs, self.kernel)
        return self.activation(y if self.bias is None else y + self.bias)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        named, elided = self._sizes(input_shape)
        if self.built:
            for letter, size in zip(self._terms[1], self._kernel.shape, strict=True):
                if named.get(letter, size) not in (size, None):
                    raise ShapeError(f"expects {size} for {letter!r} of {self.equation!r}, got {named[letter]}")
        found = [named[letter] for letter in self._terms[2]]
        return tuple(elided + found if self._elided == "left" else found + elided)
