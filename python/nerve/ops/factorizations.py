"""Matrices as products of others: by Cholesky, QR, eigenvectors and singular vectors, computed by NumPy's LAPACK.

Gradients as derived by Giles, "Collected matrix derivative results for forward and reverse mode algorithmic
differentiation" (2008), and Seeger et al., "Auto-differentiating linear algebra" (2017).
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels._arrays import placed
from nerve.ops._differentiable import (
    JointResult,
    Result,
    composed,
    differentiable,
    differentiable_first,
    differentiable_jointly,
)
from nerve.ops._on_host import arrived, back, matrices, said_by, turned
from nerve.ops.creation import ndim
from nerve.ops.indexing import transpose
from nerve.tensor import Tensor

__all__ = ["cholesky", "eigh", "lu_factor", "qr", "svd"]


@composed
def cholesky(x: Any, upper: bool = False) -> Any:
    """The lower triangular matrix that times its transpose gives `x`, or the transpose of it.

    Parameters
    ----------
    x : tensor (..., n, n)
        Symmetric and positive definite, of which the lower triangle is read; gradients are symmetric.
    upper : bool

    Raises
    ------
    ShapeError
        If `x` is not square.
    numpy.linalg.LinAlgError
        If it is not positive definite.
    """
    factor = _cholesky(x)
    axes = list(range(ndim(factor)))
    return transpose(factor, [*axes[:-2], axes[-1], axes[-2]]) if upper else factor


@differentiable
def _cholesky(x: Array) -> Result:
    a = matrices("cholesky", x, square=True)
    with said_by("cholesky"):
        factor = np.linalg.cholesky(a)

    def gradient(grad: Array) -> Array:
        inner = np.tril(turned(factor) @ grad)
        inner = inner - 0.5 * np.eye(a.shape[-1], dtype=a.dtype) * inner
        outer = np.linalg.solve(turned(factor), turned(np.linalg.solve(turned(factor), turned(inner))))
        return 0.5 * (outer + turned(outer))

    return placed(factor, x), (back(x, gradient),)


@differentiable_jointly
def eigh(x: Array, *, wanted: tuple[bool, ...] = ()) -> JointResult:
    """Eigenvalues, in ascending order, and eigenvectors, in columns, of symmetric matrices.

    Parameters
    ----------
    x : tensor (..., n, n)
        The lower triangle is read; gradients are symmetric, and through the vectors only right where no eigenvalues
        are equal.

    Returns
    -------
    w : Tensor (..., n)
    v : Tensor (..., n, n)
        Of no sign of their own: a loss should not depend on it.

    Raises
    ------
    ShapeError
        If `x` is not square.
    """
    a = matrices("eigh", x, square=True)
    with said_by("eigh"):
        w, v = np.linalg.eigh(a)

    def gradient(grads: tuple[Array | None, ...]) -> tuple[Array | None, ...]:
        of_w, of_v = arrived(grads)
        inner = np.zeros_like(a)
        if of_v is not None:
            inner = turned(v) @ of_v / _gaps(w)
        if of_w is not None:
            inner = inner + of_w[..., None] * np.eye(a.shape[-1], dtype=a.dtype)
        outer = v @ inner @ turned(v)
        return (placed(0.5 * (outer + turned(outer)), x),)

    return (placed(w, x), placed(v, x)), gradient


def _gaps(w: Array) -> Array:
    """How much larger the value of each column is than that of each row; on the diagonal infinitely."""
    gaps = w[..., None, :] - w[..., :, None]
    return np.where(np.eye(w.shape[-1], dtype=bool), np.inf, gaps).astype(w.dtype)


@differentiable_jointly
def qr(x: Array, mode: str = "reduced", *, wanted: tuple[bool, ...] = ()) -> JointResult:
    """Orthonormal columns, and the upper triangular matrix that they are multiplied by to give `x`.

    Parameters
    ----------
    x : tensor (..., m, n)
    mode : {"reduced", "complete"}
        Whether there are min(m, n) columns or m. Gradients only flow where there are n.

    Returns
    -------
    q : Tensor (..., m, k)
    r : Tensor (..., k, n)

    Raises
    ------
    ValueError
        If there is no such mode, or a gradient is asked for that there is none of.
    """
    if mode not in ("reduced", "complete"):
        raise ValueError(f"[qr] mode must be 'reduced' or 'complete', got {mode!r}")
    a = matrices("qr", x)
    q, r = np.linalg.qr(a, mode=mode)  # type: ignore[call-overload]
    if any(wanted) and r.shape[-2] != r.shape[-1]:
        raise ValueError(f"[qr] has gradients where there are as many columns of q as of x, got {q.shape} of {a.shape}")

    def gradient(grads: tuple[Array | None, ...]) -> tuple[Array | None, ...]:
        of_q, of_r = arrived(grads)
        inner = np.zeros_like(r)
        if of_r is not None:
            inner = r @ turned(of_r)
        if of_q is not None:
            inner = inner - turned(of_q) @ q
        symmetric = np.tril(inner) + turned(np.tril(inner, -1))
        outer = q @ symmetric + (0 if of_q is None else of_q)
        return (placed(turned(np.linalg.solve(r, turned(outer))), x),)

    return (placed(q, x), placed(r, x)), gradient


@composed
def lu_factor(x: Any) -> tuple[Tensor, Tensor]:
    """A lower and an upper triangular matrix whose product is `x` with its rows in another order; SciPy's LAPACK.

    Parameters
    ----------
    x : tensor (..., n, n)

    Returns
    -------
    lu : Tensor (..., n, n)
        The upper one, and below it the lower one without the ones of its diagonal.
    pivots : Tensor of int32 (..., n)
        Row i was swapped with row `pivots[i]`, one after the other.

    Raises
    ------
    ShapeError
        If `x` is not square.
    """
    lu, pivots = _lu_factor(x)
    return lu, Tensor(pivots, tracked=False)


@differentiable_first
def _lu_factor(x: Array) -> Result:
    from scipy import linalg as of_scipy

    a = matrices("lu_factor", x, square=True)
    n = a.shape[-1]
    flat = a.reshape(-1, n, n)
    lu, pivots = np.empty_like(flat), np.zeros(flat.shape[:2], np.int32)
    for i, matrix in enumerate(flat):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", of_scipy.LinAlgWarning)  # a zero on the diagonal can be seen there
            lu[i], pivots[i] = of_scipy.lu_factor(matrix, check_finite=False)
    lower = np.tril(lu, -1) + np.eye(n, dtype=a.dtype)
    upper = np.triu(lu)

    def gradient(grad: Array) -> Array:
        grad = grad.reshape(lu.shape)
        inner = np.tril(turned(lower) @ np.tril(grad, -1), -1) + np.triu(np.triu(grad) @ turned(upper))
        with said_by("lu_factor"):
            found = np.linalg.solve(turned(lower), turned(np.linalg.solve(upper, turned(inner))))
        for i, swaps in enumerate(pivots):
            for row in range(n - 1, -1, -1):
                found[i, [row, swaps[row]]] = found[i, [swaps[row], row]]
        return found.reshape(a.shape)

    return (placed(lu.reshape(a.shape), x), placed(pivots.reshape(a.shape[:-1]), x)), (back(x, gradient),)


@composed
def svd(x: Any, full_matrices: bool = True, compute_uv: bool = True) -> Any:
    """Singular values, in descending order, and the vectors that belong to them.

    Parameters
    ----------
    x : tensor (..., m, n)
    full_matrices : bool
        Whether there are m vectors on the left and n on the right, or min(m, n) each. Of matrices that are not square
        gradients only flow through the latter.
    compute_uv : bool
        False gives the singular values alone.

    Returns
    -------
    u : Tensor (..., m, k)
        In columns.
    s : Tensor (..., min(m, n))
    vh : Tensor (..., k, n)
        In rows. Pairs of vectors have no sign of their own: a loss should not depend on it. Gradients through them are
        only right where no singular values are equal.
    """
    if not compute_uv:
        return _singular_values(x)
    return _svd(x, full_matrices=full_matrices)


@differentiable
def _singular_values(x: Array) -> Result:
    a = matrices("svd", x)
    with said_by("svd"):
        u, s, vh = np.linalg.svd(a, full_matrices=False)
    return placed(s, x), (back(x, lambda grad: u * grad[..., None, :] @ vh),)


@differentiable_jointly
def _svd(x: Array, *, full_matrices: bool = True, wanted: tuple[bool, ...] = ()) -> JointResult:
    a = matrices("svd", x)
    with said_by("svd"):
        u, s, vh = np.linalg.svd(a, full_matrices=full_matrices)

    def gradient(grads: tuple[Array | None, ...]) -> tuple[Array | None, ...]:
        of_u, of_s, of_vh = arrived(grads)
        if full_matrices and a.shape[-1] != a.shape[-2] and (of_u is not None or of_vh is not None):
            raise ShapeError(f"[svd] of matrices {a.shape} has gradients through its vectors with full_matrices=False")
        few = s.shape[-1]
        left, right = u[..., :few], turned(vh[..., :few, :])
        inner = np.zeros_like(a, shape=(*s.shape, few))
        rest = np.zeros_like(a)
        apart = _gaps(s**2)
        if of_u is not None:
            along = turned(left) @ of_u
            inner = inner + (along - turned(along)) / apart * s[..., None, :]
            if a.shape[-2] > few:
                rest = rest + (of_u - left @ along) / s[..., None, :] @ turned(right)
        if of_vh is not None:
            along = turned(right) @ turned(of_vh)
            inner = inner + s[..., :, None] * (along - turned(along)) / apart
            if a.shape[-1] > few:
                rest = rest + left @ (turned(turned(of_vh) - right @ along) / s[..., :, None])
        if of_s is not None:
            inner = inner + of_s[..., None] * np.eye(few, dtype=a.dtype)
        return (placed(left @ inner @ turned(right) + rest, x),)

    return (placed(u, x), placed(s, x), placed(vh, x)), gradient
