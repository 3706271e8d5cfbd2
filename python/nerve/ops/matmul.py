"""Matrix products, differentiable."""

from __future__ import annotations

import math
from collections.abc import Callable

from nerve import kernels
from nerve._typing import Array
from nerve.kernels._backend import as_floats
from nerve.ops._differentiable import Result, differentiable, once

__all__ = ["dense", "matmul"]


@differentiable
def matmul(x1: Array, x2: Array, *, transpose_a: bool = False, transpose_b: bool = False) -> Result:
    """``x1 @ x2`` over leading batch dimensions, either operand read transposed; as :func:`nerve.kernels.matmul`."""
    a, b = as_floats("matmul", x1, x2)  # the gradients below read shapes, which lists do not have
    y = kernels.matmul(a, b, transpose_a=transpose_a, transpose_b=transpose_b)
    # One-dimensional operands: work with the row or column they stand for.
    row, column = a.ndim == 1, b.ndim == 1
    a2 = a[None, :] if row else a
    b2 = b[:, None] if column else b

    def full(grad: Array) -> Array:
        if column:
            grad = grad[..., None]
        return grad[..., None, :] if row else grad

    def grad_a(grad: Array) -> Array:
        grad = full(grad)
        if transpose_a:
            return kernels.matmul(b2, grad, transpose_a=transpose_b, transpose_b=True)
        result = kernels.matmul(grad, b2, transpose_b=not transpose_b)
        return result[..., 0, :] if row else result

    def grad_b(grad: Array) -> Array:
        grad = full(grad)
        if transpose_b:
            return kernels.matmul(grad, a2, transpose_a=True, transpose_b=transpose_a)
        result = kernels.matmul(a2, grad, transpose_a=not transpose_a)
        return result[..., 0] if column else result

    return y, (grad_a, grad_b)


@differentiable
def dense(x: Array, kernel: Array, bias: Array | None = None, *, activation: str | None = None) -> Result:
    """``activation(x @ kernel + bias)`` in one pass, for x (..., inputs), kernel (inputs, units), bias (units,).

    The activations are those of :func:`nerve.kernels.matmul`; each derivative is had from the output.
    """
    x, kernel, bias = as_floats("matmul", x, kernel, bias, optional=1)
    y = kernels.matmul(x, kernel, bias, activation=activation)
    before: Callable[[Array], Array] = activation_gradient(activation, y)
    shared = once(lambda grad: (before(grad),))(0)

    def grad_kernel(grad: Array) -> Array:
        grad = shared(grad)
        rows = math.prod(x.shape[:-1])
        return kernels.matmul(x.reshape(rows, x.shape[-1]), grad.reshape(rows, grad.shape[-1]), transpose_a=True)

    return y, (
        lambda grad: kernels.matmul(shared(grad), kernel, transpose_b=True),
        grad_kernel,
        lambda grad: kernels.sum(shared(grad), tuple(range(grad.ndim - 1))),
    )


def activation_gradient(activation: str | None, y: Array) -> Callable[[Array], Array]:
    """Takes the gradient of a fused activation's output ``y`` back to its input."""
    if activation in (None, "linear"):
        return lambda grad: grad
    backward: Callable[[Array, Array, Array], Array] = getattr(kernels, f"{activation}_backward")
    return lambda grad: backward(grad, y, y)  # relu's, sigmoid's and tanh's derivatives need only y
