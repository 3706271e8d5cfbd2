"""Fourier transforms under Keras's names, in which a complex array is a pair: its real and its imaginary part.

SciPy's pocketfft computes them in the host's memory; no recording holds that. A transform is a linear map, and the
gradient goes through the transposed one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels._arrays import placed
from nerve.kernels._numbers import integer
from nerve.ops._differentiable import JointResult, composed, differentiable_jointly
from nerve.ops._on_host import arrived, on_host
from nerve.ops.creation import ndim, shape
from nerve.tensor import Tensor

__all__ = ["fft", "fft2", "ifft2", "irfft", "rfft"]


@composed
def fft(x: Any) -> tuple[Tensor, ...]:
    """The discrete Fourier transform along the last axis.

    Parameters
    ----------
    x : pair of tensors (..., n)
        Real and imaginary parts.

    Returns
    -------
    real, imag : Tensor (..., n)

    Raises
    ------
    ShapeError
        If the parts do not have one shape, of enough axes; so in all that take a pair.
    """
    return _transformed(*pair("fft", x, 1), name="fft", axes=1)


@composed
def fft2(x: Any) -> tuple[Tensor, ...]:
    """As `fft`, along the last two axes."""
    return _transformed(*pair("fft2", x, 2), name="fft2", axes=2)


@composed
def ifft2(x: Any) -> tuple[Tensor, ...]:
    """What `fft2` turns into `x`."""
    return _transformed(*pair("ifft2", x, 2), name="ifft2", axes=2)


@composed
def rfft(x: Any, fft_length: int | None = None) -> tuple[Tensor, ...]:
    """The discrete Fourier transform of real numbers along the last axis: the frequencies from 0 to one half.

    Parameters
    ----------
    x : tensor (..., n)
    fft_length : int, optional
        As many are transformed: the first of `x`, or all and zeros behind them.

    Returns
    -------
    real, imag : Tensor (..., fft_length // 2 + 1)
    """
    if not ndim(x):
        raise ShapeError("[rfft] expects x of at least 1 axes, got shape ()")
    return _rfft(x, length=_length("rfft", fft_length, shape(x)[-1]))


@composed
def irfft(x: Any, fft_length: int | None = None) -> Tensor:
    """The real numbers that `rfft` turns into `x`.

    Parameters
    ----------
    x : pair of tensors (..., bins)
    fft_length : int, optional
        How many, `2 * (bins - 1)` if not given; frequencies beyond half of it are left out.

    Returns
    -------
    Tensor (..., fft_length)
    """
    real, imag = pair("irfft", x, 1)
    return _irfft(real, imag, length=_length("irfft", fft_length, 2 * (shape(real)[-1] - 1)))[0]


def pair(op: str, x: Any, axes: int) -> tuple[Any, Any]:
    """Real and imaginary part, of one shape."""
    if not isinstance(x, tuple | list) or len(x) != 2:
        raise ShapeError(f"[{op}] expects a pair of tensors, the real and the imaginary part, got {type(x).__name__}")
    real, imag = x
    if shape(real) != shape(imag) or ndim(real) < axes:
        raise ShapeError(
            f"[{op}] expects two parts of one shape of at least {axes} axes, got {shape(real)} and {shape(imag)}"
        )
    return real, imag


def _length(op: str, fft_length: int | None, otherwise: int) -> int:
    return integer(op, "fft_length", otherwise if fft_length is None else fft_length, 1)


def _parts(z: Array, x: Any) -> tuple[Array, Array]:
    """Real and imaginary part where `x` lies, in arrays of their own."""
    return placed(np.ascontiguousarray(z.real), x), placed(np.ascontiguousarray(z.imag), x)


def _joined(real: Array | None, imag: Array | None) -> Array:
    """The complex array of both parts, of which one may be missing: it is zero."""
    some = real if real is not None else imag
    assert some is not None
    z = np.zeros(some.shape, np.result_type(some.dtype, np.complex64))
    if real is not None:
        z.real = real
    if imag is not None:
        z.imag = imag
    return z


def _cut(z: Array, size: int) -> Array:
    """The first elements of the last axis, or all and zeros behind them."""
    if z.shape[-1] >= size:
        return z[..., :size]
    return np.pad(z, [(0, 0)] * (z.ndim - 1) + [(0, size - z.shape[-1])])


@differentiable_jointly
def _transformed(real: Array, imag: Array, *, name: str, axes: int, wanted: tuple[bool, ...] = ()) -> JointResult:
    from scipy import fft as of_scipy

    z = _joined(on_host(name, real), on_host(name, imag))
    size = int(np.prod(z.shape[z.ndim - axes :]))
    transform = getattr(of_scipy, name)
    # The transposed map and complex conjugate: the inverse, but for the scale.
    other, scale = (name[1:], 1 / size) if name.startswith("i") else (f"i{name}", size)

    def gradient(grads: tuple[Array | None, ...]) -> tuple[Array | None, ...]:
        found = getattr(of_scipy, other)(_joined(*arrived(grads))) * scale
        return _parts(found, real)

    return _parts(transform(z), real), gradient


@differentiable_jointly
def _rfft(x: Array, *, length: int, wanted: tuple[bool, ...] = ()) -> JointResult:
    from scipy import fft as of_scipy

    signal = on_host("rfft", x)

    def gradient(grads: tuple[Array | None, ...]) -> tuple[Array | None, ...]:
        found = of_scipy.ifft(_cut(_joined(*arrived(grads)), length)).real * length
        return (placed(np.ascontiguousarray(_cut(found, signal.shape[-1])), x),)

    return _parts(of_scipy.rfft(signal, length), x), gradient


@differentiable_jointly
def _irfft(real: Array, imag: Array, *, length: int, wanted: tuple[bool, ...] = ()) -> JointResult:
    from scipy import fft as of_scipy

    z = _joined(on_host("irfft", real), on_host("irfft", imag))

    def gradient(grads: tuple[Array | None, ...]) -> tuple[Array | None, ...]:
        (grad,) = arrived(grads)
        twice = np.full(length // 2 + 1, 2 / length, z.real.dtype)  # frequencies with a negative twin
        twice[[0, -1] if length % 2 == 0 else 0] = 1 / length
        return _parts(_cut(of_scipy.rfft(grad) * twice, z.shape[-1]), real)

    return (placed(of_scipy.irfft(z, length), real),), gradient
