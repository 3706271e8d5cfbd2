"""Batch, layer and root mean square normalization, differentiable."""

from __future__ import annotations

from nerve import kernels
from nerve._typing import Array
from nerve.kernels._arrays import array_module
from nerve.ops._differentiable import (
    JointResult,
    Result,
    differentiable,
    differentiable_first,
    differentiable_jointly,
    once,
)
from nerve.tensor import recording

__all__ = ["batch_norm_inference", "batch_norm_training", "fold_batch_norm", "group_norm", "layer_norm", "rms_norm"]


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


@differentiable_jointly
def fold_batch_norm(
    kernel: Array,
    mean: Array,
    variance: Array,
    gamma: Array | None = None,
    beta: Array | None = None,
    bias: Array | None = None,
    *,
    epsilon: float = 1e-3,
    wanted: tuple[bool, ...] = (),
) -> JointResult:
    """A normalization with given statistics as part of the product before it: :func:`nerve.kernels.fold_batch_norm`."""
    outputs = kernels.fold_batch_norm(kernel, mean, variance, gamma, beta, bias, epsilon=epsilon)

    def backward(grads: tuple[Array | None, ...]) -> tuple[Array | None, ...]:
        grad_kernel, grad_bias = (
            array_module(output).zeros(output.shape, output.dtype) if grad is None else grad
            for grad, output in zip(grads, outputs, strict=True)
        )
        spread = kernels.add(variance, epsilon)
        inverse = kernels.rsqrt(spread)
        scale = inverse if gamma is None else kernels.multiply(inverse, gamma)
        grad_scale = kernels.add(
            kernels.sum(kernels.multiply(grad_kernel, kernel), tuple(range(kernel.ndim - 1))),
            kernels.multiply(grad_bias, kernels.subtract(0.0 if bias is None else bias, mean)),
        )
        shifted = kernels.multiply(grad_bias, scale)
        return (
            kernels.multiply(grad_kernel, scale),
            kernels.negative(shifted),
            kernels.divide(kernels.multiply(kernels.multiply(grad_scale, scale), -0.5), spread),
            kernels.multiply(grad_scale, inverse),
            grad_bias,
            shifted,
        )

    return outputs, backward


@differentiable
def layer_norm(x: Array, gamma: Array | None = None, beta: Array | None = None, *, epsilon: float = 1e-3) -> Result:
    """Normalize each row (last axis) by its own statistics; as :func:`nerve.kernels.layer_norm`."""
    if not recording():
        return kernels.layer_norm(x, gamma, beta, epsilon=epsilon), (None, None, None)
    y, mean, rstd = kernels.layer_norm_with_statistics(x, gamma, beta, epsilon=epsilon)
    shared = once(lambda grad: kernels.layer_norm_backward(grad, x, mean, rstd, gamma))
    return y, (shared(0), shared(1), shared(2))


@differentiable
def rms_norm(x: Array, gamma: Array | None = None, *, epsilon: float = 1e-6) -> Result:
    """Divide each row (last axis) by the root of its mean square; as :func:`nerve.kernels.rms_norm`."""
    if not recording():
        return kernels.rms_norm(x, gamma, epsilon=epsilon), (None, None)
    y, rstd = kernels.rms_norm_with_statistics(x, gamma, epsilon=epsilon)
    shared = once(lambda grad: kernels.rms_norm_backward(grad, x, rstd, gamma))
    return y, (shared(0), shared(1))


@differentiable
def group_norm(
    x: Array, gamma: Array | None = None, beta: Array | None = None, *, groups: int, epsilon: float = 1e-3
) -> Result:
    """Normalize groups of channels (last axis) of each sample; as :func:`nerve.kernels.group_norm`, only y."""
    y, mean, rstd = kernels.group_norm(x, gamma, beta, groups=groups, epsilon=epsilon)
    shared = once(lambda grad: kernels.group_norm_backward(grad, x, mean, rstd, gamma))
    return y, (shared(0), shared(1), shared(2))
