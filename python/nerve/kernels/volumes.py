"""Convolution of volumes, and its gradients: as many images, whose channels are those of the planes a window sees."""

from __future__ import annotations

from typing import Any, NamedTuple

from numpy.typing import ArrayLike

from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels import conv, indexing, reduce
from nerve.kernels._arrays import array_module
from nerve.kernels._backend import as_floats, empty, pick
from nerve.kernels._numbers import integer, integers
from nerve.kernels._strided import begin_of, copy_shape
from nerve.kernels._windows import Padding3D, Shape, Triple, along, expect_rank, sides, triple

__all__ = ["conv3d", "conv3d_backward_input", "conv3d_backward_kernel"]

_AXES = "(batch, depth, height, width, channels)"
_KERNEL_AXES = "(depth, height, width, channels / groups, filters)"


def conv3d(
    x: ArrayLike,
    kernel: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    strides: Triple = (1, 1, 1),
    padding: Padding3D = "valid",
    dilation_rate: Triple = (1, 1, 1),
    groups: int = 1,
    activation: str | None = None,
) -> Array:
    """Three-dimensional convolution, ``activation(x * kernel + bias)``; a cross-correlation, as :func:`conv2d`.

    Parameters
    ----------
    x : array_like (batch, depth, height, width, channels), float32 or float64
    kernel : array_like (kernel_depth, kernel_height, kernel_width, channels / groups, filters)
    bias : array_like (filters,), optional
    strides, dilation_rate : int or (int, int, int)
        Planes, rows and columns, as for :func:`conv2d`.
    padding : {"valid", "same"} or ((front, back), (top, bottom), (left, right))
        As for :func:`conv2d`.
    groups, activation
        As for :func:`conv2d`.

    Returns
    -------
    ndarray (batch, out_depth, out_height, out_width, filters)

    Raises
    ------
    ShapeError
        If ranks, channels, filters or groups do not fit each other, or the window does not fit in the volume.
    ValueError
        If strides, padding, dilation_rate, groups or activation are none of the above.
    """
    op = "conv3d"
    x, kernel, bias = as_floats(op, x, kernel, bias, optional=1)
    plan = _plan(op, x.shape, kernel.shape, strides, padding, dilation_rate, groups)
    y = conv.conv2d(_planes(x, plan), _flat_kernel(kernel, plan), bias, activation=activation, **plan.windows)
    return y.reshape(plan.batch, plan.out_depth, *y.shape[1:])


def conv3d_backward_input(
    grad: ArrayLike,
    kernel: ArrayLike,
    *,
    input_shape: Shape,
    strides: Triple = (1, 1, 1),
    padding: Padding3D = "valid",
    dilation_rate: Triple = (1, 1, 1),
    groups: int = 1,
) -> Array:
    """Gradient of :func:`conv3d` (without activation) with respect to x.

    Parameters
    ----------
    grad : array_like (batch, out_depth, out_height, out_width, filters)
    kernel : array_like (kernel_depth, kernel_height, kernel_width, channels / groups, filters)
    input_shape : (batch, depth, height, width, channels)
        Shape of x.
    strides, padding, dilation_rate, groups
        As in the forward pass.

    Returns
    -------
    ndarray of shape ``input_shape``

    Raises
    ------
    ShapeError
        If grad has not the shape of the output, or as :func:`conv3d`.
    """
    op = "conv3d_backward_input"
    grad, kernel = as_floats(op, grad, kernel)
    input_shape = integers(op, "input_shape", input_shape, 0)
    plan = _plan(op, input_shape, kernel.shape, strides, padding, dilation_rate, groups)
    planes = conv.conv2d_backward_input(
        _flat_grad(op, grad, plan), _flat_kernel(kernel, plan), input_shape=plan.planes_shape, **plan.windows
    )
    return _summed(planes, plan)


def conv3d_backward_kernel(
    grad: ArrayLike,
    x: ArrayLike,
    *,
    kernel_shape: Shape,
    strides: Triple = (1, 1, 1),
    padding: Padding3D = "valid",
    dilation_rate: Triple = (1, 1, 1),
    groups: int = 1,
) -> Array:
    """Gradient of :func:`conv3d` (without activation) with respect to the kernel.

    Parameters
    ----------
    grad : array_like (batch, out_depth, out_height, out_width, filters)
    x : array_like (batch, depth, height, width, channels)
        The input of the forward pass.
    kernel_shape : (kernel_depth, kernel_height, kernel_width, channels / groups, filters)
    strides, padding, dilation_rate, groups
        As in the forward pass.

    Returns
    -------
    ndarray of shape ``kernel_shape``

    Raises
    ------
    ShapeError
        If grad has not the shape of the output, or as :func:`conv3d`.
    """
    op = "conv3d_backward_kernel"
    grad, x = as_floats(op, grad, x)
    kernel_shape = integers(op, "kernel_shape", kernel_shape, 0)
    plan = _plan(op, x.shape, kernel_shape, strides, padding, dilation_rate, groups)
    depth, height, width, channels, filters = kernel_shape
    flat = conv.conv2d_backward_kernel(
        _flat_grad(op, grad, plan),
        _planes(x, plan),
        kernel_shape=(height, width, depth * channels, filters),
        **plan.windows,
    )
    return indexing.transpose(flat.reshape(height, width, depth, channels, filters), (2, 0, 1, 3, 4))


class _Plan(NamedTuple):
    batch: int
    depth: int
    height: int
    width: int
    channels: int  # of a group
    groups: int
    kernel_depth: int
    out_depth: int
    stride: int
    dilation: int
    before: int
    windows: dict[str, Any]  # of the convolution of the planes

    @property
    def planes_shape(self) -> Shape:
        """As images: a window's planes are their channels, group by group."""
        channels = self.groups * self.kernel_depth * self.channels
        return self.batch * self.out_depth, self.height, self.width, channels

    @property
    def sees_itself(self) -> bool:
        """Whether every output sees the plane in its own place, and no other."""
        return self.kernel_depth == self.stride == 1 and self.before == 0 and self.out_depth == self.depth

    def seen(self, k: int) -> tuple[int, int, int]:
        """Which outputs, from and to, see a plane of the volume through plane k of the kernel; and the first one."""
        offset = k * self.dilation - self.before
        first = max(-(offset // self.stride), 0)
        end = min((self.depth - 1 - offset) // self.stride + 1, self.out_depth)
        return first, max(end, first), first * self.stride + offset


def _plan(op: str, x: Shape, kernel: Shape, strides: Any, padding: Any, dilation: Any, groups: int) -> _Plan:
    expect_rank(op, "x", x, 5, _AXES)
    expect_rank(op, "kernel", kernel, 5, _KERNEL_AXES)
    strides, dilation = triple(op, "strides", strides), triple(op, "dilation_rate", dilation)
    padding, groups = sides(op, padding, 3), integer(op, "groups", groups, 1)
    if x[4] != kernel[3] * groups or kernel[4] % groups:
        raise ShapeError(
            f"[{op}] kernel of shape {kernel} expects {kernel[3]} input channels (x.shape[-1] / groups) and filters "
            f"that groups divides, got x of shape {x} with groups={groups}"
        )
    if kernel[0] < 1:
        raise ShapeError(f"[{op}] kernel expects a depth of at least 1, got shape {kernel}")
    window = (kernel[0] - 1) * dilation[0] + 1
    count, before = along(x[1], window, strides[0], padding if isinstance(padding, str) else padding[0])
    if count < 1:
        raise ShapeError(
            f"[{op}] a window of {window} planes does not fit in volumes of {x[1]} with padding={padding!r}: the "
            "output would be empty"
        )
    windows = {
        "strides": strides[1:],
        "padding": padding if isinstance(padding, str) else padding[1:],
        "dilation_rate": dilation[1:],
        "groups": groups,
    }
    batch, depth, height, width, _ = x
    return _Plan(
        batch, depth, height, width, kernel[3], groups, kernel[0], count, strides[0], dilation[0], before, windows
    )


def _zeros(shape: Shape, like: Array) -> Array:
    return indexing.broadcast_to(array_module(like).zeros((), like.dtype), shape)


def _planes(x: Array, plan: _Plan) -> Array:
    """Every output's planes side by side, zeros where the padding is."""
    if plan.sees_itself:
        return x.reshape(plan.planes_shape)
    padded = any(plan.seen(k)[:2] != (0, plan.out_depth) for k in range(plan.kernel_depth))
    shape = (plan.batch, plan.out_depth, plan.height * plan.width, plan.groups, plan.kernel_depth, plan.channels)
    out = _zeros(shape, x) if padded else empty(shape, x.dtype, x)
    source = x.reshape(plan.batch, plan.depth, *shape[2:4], plan.channels)
    for k in range(plan.kernel_depth):
        first, end, plane = plan.seen(k)
        if first < end and out.size:
            view = source[:, plane :: plan.stride][:, : end - first]
            place = out[:, first:end, :, :, k]
            _copy(out, place, source, view)
    return out.reshape(plan.planes_shape)


def _summed(planes: Array, plan: _Plan) -> Array:
    """The adjoint of :func:`_planes`: what each plane of the volume gave, added up."""
    shape = (plan.batch, plan.depth, plan.height, plan.width, plan.groups * plan.channels)
    if plan.sees_itself:
        return planes.reshape(shape)
    parts = (plan.batch, plan.out_depth, plan.height * plan.width, plan.groups, plan.kernel_depth, plan.channels)
    source = planes.reshape(parts)
    # Windows that do not overlap give every plane one part; otherwise there is a sum of one for each of the kernel's.
    apart = plan.stride > (plan.kernel_depth - 1) * plan.dilation
    out = _zeros((1 if apart else plan.kernel_depth, plan.batch, plan.depth, *parts[2:4], plan.channels), planes)
    for k in range(plan.kernel_depth):
        first, end, plane = plan.seen(k)
        if first < end and out.size:
            place = out[0 if apart else k, :, plane :: plan.stride][:, : end - first]
            _copy(out, place, source, source[:, first:end, :, :, k])
    return (out if apart else reduce.sum(out, 0)).reshape(shape)


def _copy(out: Array, place: Array, x: Array, view: Array) -> None:
    """A view of x into a view of out."""
    shape = copy_shape(
        x.itemsize,
        view.shape,
        out_strides=place.strides,
        x_strides=view.strides,
        out_begin=begin_of(place, out),
        x_begin=begin_of(view, x),
    )
    pick(x).copy(out, x, shape)


def _flat_kernel(kernel: Array, plan: _Plan) -> Array:
    """(height, width, depth * channels / groups, filters)."""
    depth, height, width, channels, filters = kernel.shape
    if depth == 1:
        return kernel.reshape(kernel.shape[1:])
    moved = indexing.transpose(kernel, (1, 2, 0, 3, 4))
    return moved.reshape(height, width, depth * channels, filters)


def _flat_grad(op: str, grad: Array, plan: _Plan) -> Array:
    if grad.ndim != 5 or grad.shape[:2] != (plan.batch, plan.out_depth):
        raise ShapeError(
            f"[{op}] grad expects the output's shape ({plan.batch}, {plan.out_depth}, ...), got {grad.shape}"
        )
    return grad.reshape(plan.batch * plan.out_depth, *grad.shape[2:])
