"""Batch and layer normalization, differentiable."""

from __future__ import annotations

from nerve import kernels
from nerve._typing import Array
from nerve.ops._differentiable import Result, differentiable, differentiable_first, once
from nerve.tensor import recording

__all__ = ["batch_norm_inference", "batch_norm_training", "layer_norm"]


@differentiable_first
def batch_norm_training(
    x: Array, gamma: Array | None = None, beta: Array | None = None, *, epsilon: float = 1e-3
) -> Result:
    """Normalize each channel (last axis) by its own statistics; as :func:`nerve.kernels.batch_norm_training`.

    Returns
    -------
    y : Tensor
    mean, variance : ndarray (channels,)
        Plain arrays, for moving averages: no gradient flows through them.
    """
    y, mean, variance = kernels.batch_norm_training(x, gamma, beta, epsilon=epsilon)
    shared = once(lambda grad: kernels.batch_norm_backward(grad, x, mean, variance, gamma, epsilon=epsilon))
    return (y, mean, variance), (shared(0), shared(1), shared(2))


@differentiable
def batch_norm_inference(
    x: Array,
    mean: Array,
    variance: Array,
    gamma: Array | None = None,
    beta: Array | None = None,
    *,
    epsilon: float = 1e-3,
) -> Result:
    """Normalize each channel (last axis) by given statistics; as :func:`nerve.kernels.batch_norm_inference`."""
    y = kernels.batch_norm_inference(x, mean, variance, gamma, beta, epsilon=epsilon)

    def scaled(values: Array) -> Array:  # y is linear in x
        scale = kernels.rsqrt(kernels.add(variance, epsilon))
        return kernels.multiply(values, scale if gamma is None else kernels.multiply(scale, gamma))

    # The sums over rows, those of the training form: of grad * normalized x, and of grad.
    sums = once(lambda grad: kernels.batch_norm_backward(grad, x, mean, variance, gamma, epsilon=epsilon))

    def grad_variance(grad: Array) -> Array:
        halved = kernels.divide(kernels.multiply(sums(1)(grad), -0.5), kernels.add(variance, epsilon))
        return halved if gamma is None else kernels.multiply(halved, gamma)

    return y, (scaled, lambda grad: scaled(kernels.negative(sums(2)(grad))), grad_variance, sums(1), sums(2))


@differentiable
def layer_norm(x: Array, gamma: Array | None = None, beta: Array | None = None, *, epsilon: float = 1e-3) -> Result:
    """Normalize each row (last axis) by its own statistics; as :func:`nerve.kernels.layer_norm`."""
    if not recording():
        return kernels.layer_norm(x, gamma, beta, epsilon=epsilon), (None, None, None)
    y, mean, rstd = kernels.layer_norm_with_statistics(x, gamma, beta, epsilon=epsilon)
    shared = once(lambda grad: kernels.layer_norm_backward(grad, x, mean, rstd, gamma))
    return y, (shared(0), shared(1), shared(2))
