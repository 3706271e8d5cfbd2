"""Linear algebra under the names of `keras.ops.linalg`: norms, determinants, inverses and solutions of equations.

Where LAPACK is needed it is NumPy's, which computes in the host's memory; no recording holds that.
"""

from __future__ import annotations

import builtins
import math
from typing import Any

import numpy as np

from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.kernels._arrays import placed
from nerve.kernels.reduce import reduced_axes
from nerve.ops._differentiable import Result, composed, differentiable, differentiable_first, plain
from nerve.ops._on_host import back, matrices, said_by, turned
from nerve.ops.creation import ndim, shape
from nerve.ops.diagonals import tril, triu
from nerve.ops.elementwise import absolute, not_equal, power, sqrt, square, where
from nerve.ops.factorizations import cholesky, eigh, lu_factor, qr, svd
from nerve.ops.indexing import broadcast_to, reshape
from nerve.ops.matmul import matmul
from nerve.ops.reduce import max, min, sum
from nerve.ops.shaping import moveaxis, squeeze, swapaxes
from nerve.tensor import Tensor

__all__ = [
    "cholesky",
    "cholesky_inverse",
    "det",
    "eigh",
    "inv",
    "logdet",
    "lstsq",
    "lu_factor",
    "matrix_rank",
    "norm",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "solve_triangular",
    "svd",
]


_OF_MATRICES = (1, -1, 2, -2, math.inf, -math.inf, "nuc")


@composed
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Tensor:
    """The norm of vectors along an axis, or of matrices along two; of all elements if no axis is named.

    Parameters
    ----------
    x : tensor
    ord : None, "fro", "nuc", 1, 2, infinity or another number
        None is the root of the sum of squares, as "fro" and, of vectors, 2 are. Of matrices 1 is the largest sum of a
        column, infinity that of a row, 2 the largest singular value and "nuc" the sum of these; -1, -2 and minus
        infinity are the least.
    axis : int or pair, optional
    keepdims : bool

    Raises
    ------
    ValueError
        If there is no such norm.
    """
    axes = reduced_axes("norm", axis, ndim(x))
    if ord is None or ord == "fro" or (ord == 2 and len(axes) == 1):
        return sqrt(sum(square(x), axis=axes, keepdims=keepdims))
    if len(axes) > 2 or (ord not in _OF_MATRICES if len(axes) == 2 else isinstance(ord, str)):
        raise ValueError(f"[norm] has no ord={ord!r} along {len(axes)} axes")
    if len(axes) == 2:
        row, column = (int(a) % ndim(x) for a in (range(ndim(x)) if axis is None else axis))
        found = _of_matrices(x, ord, row, column)
        return found if keepdims else reshape(found, [n for i, n in enumerate(shape(x)) if i not in axes])
    size = absolute(x)
    if ord in (math.inf, -math.inf):
        return (max if ord > 0 else min)(size, axis=axes, keepdims=keepdims)
    if ord == 0:
        return sum(where(not_equal(size, 0.0), 1.0, 0.0), axis=axes, keepdims=keepdims)
    return power(sum(size if ord == 1 else power(size, ord), axis=axes, keepdims=keepdims), 1 / ord)


def _of_matrices(x: Any, ord: Any, row: int, column: int) -> Tensor:
    """The norms of matrices along two axes, of which 1 is left."""
    if ord in (1, -1, math.inf, -math.inf):
        summed, other = (row, column) if ord in (1, -1) else (column, row)
        sums = sum(absolute(x), axis=summed, keepdims=True)
        return (max if ord > 0 else min)(sums, axis=other, keepdims=True)
    values = svd(moveaxis(x, (row, column), (-2, -1)), compute_uv=False)
    found = (sum if ord == "nuc" else max if ord > 0 else min)(values, axis=-1)
    return reshape(found, [1 if i in (row, column) else n for i, n in enumerate(shape(x))])


@differentiable
def det(x: Array) -> Result:
    """The determinants of matrices (..., n, n).

    Raises
    ------
    ShapeError
        If they are not square.
    """
    a = matrices("det", x, square=True)

    def gradient(grad: Array) -> Array:
        # The cofactors, by singular vectors, so that there need not be an inverse.
        u, s, vh = np.linalg.svd(a)
        n = s.shape[-1]
        others = np.where(np.eye(n, dtype=bool), 1, s[..., None, :]).prod(axis=-1, dtype=a.dtype)
        turns = np.linalg.det(u) * np.linalg.det(vh) * grad
        return turns[..., None, None] * (u * others[..., None, :] @ vh)  # type: ignore[no-any-return]

    return placed(np.linalg.det(a), x), (back(x, gradient),)


@differentiable_first
def _log_det(x: Array) -> Result:
    """The logarithm of the size of the determinant, and its sign."""
    a = matrices("slogdet", x, square=True)
    sign, size = np.linalg.slogdet(a)

    def gradient(grad: Array) -> Array:
        with said_by("slogdet"):
            return grad[..., None, None] * turned(np.linalg.inv(a))

    return (placed(np.asarray(size), x), placed(np.asarray(sign), x)), (back(x, gradient),)


@composed
def slogdet(x: Any) -> tuple[Tensor, Tensor]:
    """The sign of the determinants of matrices (..., n, n), and the logarithm of their size."""
    size, sign = _log_det(x)
    return Tensor(sign, tracked=False), size


@composed
def logdet(x: Any) -> Tensor:
    """The logarithm of the determinants of matrices (..., n, n); NaN where one is negative."""
    sign, size = slogdet(x)
    return where(sign < 0.0, math.nan, size)


@differentiable
def inv(x: Array) -> Result:
    """The inverses of matrices (..., n, n).

    Raises
    ------
    ShapeError
        If they are not square.
    numpy.linalg.LinAlgError
        If there is none.
    """
    a = matrices("inv", x, square=True)
    with said_by("inv"):
        y = np.linalg.inv(a)
    return placed(y, x), (back(x, lambda grad: -(turned(y) @ grad @ turned(y))),)


@differentiable
def pinv(x: Array, rcond: float | None = None) -> Result:
    """The pseudoinverses of matrices (..., m, n), after Moore and Penrose.

    Parameters
    ----------
    x : tensor (..., m, n)
    rcond : float, optional
        Singular values up to this times the largest count as zero; max(m, n) epsilons if not given. Gradients are
        those at an unchanging rank (Golub and Pereyra, 1973).
    """
    a = matrices("pinv", x)
    limit = np.finfo(a.dtype).eps * builtins.max(a.shape[-2:]) if rcond is None else rcond
    with said_by("pinv"):
        y = np.linalg.pinv(a, limit)

    def gradient(grad: Array) -> Array:
        yt, gt = turned(y), turned(grad)
        return -(yt @ grad @ yt) + (gt - a @ (y @ gt)) @ y @ yt + yt @ y @ (gt - gt @ y @ a)

    return placed(y, x), (back(x, gradient),)


@differentiable
def _solve(a: Array, b: Array) -> Result:
    left, right = matrices("solve", a, square=True), matrices("solve", b)
    left, right = (each.astype(np.result_type(left, right), copy=False) for each in (left, right))
    with said_by("solve"):
        y = np.linalg.solve(left, right)

    def gradient(grad: Array) -> Array:
        return np.linalg.solve(turned(left), grad)

    return placed(y, a), (back(a, lambda grad: -gradient(grad) @ turned(y)), back(b, gradient))


@composed
def solve(a: Any, b: Any) -> Tensor:
    """What `a` has to be multiplied by to give `b`.

    Parameters
    ----------
    a : tensor (..., n, n)
    b : tensor (..., n) or (..., n, k)
        Vectors if it has one axis fewer than `a`.

    Returns
    -------
    Tensor, as `b`

    Raises
    ------
    ShapeError
        If `a` is not square, or `b` does not fit.
    numpy.linalg.LinAlgError
        If there is no solution, or more than one.
    """
    return _equations("solve", a, b, _solve)


@composed
def solve_triangular(a: Any, b: Any, lower: bool = False) -> Tensor:
    """As `solve`, of which only the upper (or the lower) triangle of `a` is read."""
    return _equations("solve_triangular", a, b, lambda a, b: _solve((tril if lower else triu)(a), b))


def _equations(op: str, a: Any, b: Any, function: Any) -> Tensor:
    """Vectors as matrices of one column, and as many of `b` as of `a`."""
    vectors = ndim(b) == ndim(a) - 1
    columns = reshape(b, (*shape(b), 1)) if vectors else b
    left, right = shape(a), shape(columns)
    if len(left) < 2 or len(left) != len(right) or not left[-1] == left[-2] == right[-2]:
        raise ShapeError(f"[{op}] expects a (..., n, n) and b (..., n) or (..., n, k), got {left} and {shape(b)}")
    if left[:-2] != right[:-2]:
        batch = np.broadcast_shapes(left[:-2], right[:-2])
        a, columns = broadcast_to(a, (*batch, *left[-2:])), broadcast_to(columns, (*batch, *right[-2:]))
    found = function(a, columns)
    return squeeze(found, -1) if vectors else found


@composed
def lstsq(a: Any, b: Any, rcond: float | None = None) -> Tensor:
    """The shortest of those that times `a` come nearest to `b`, by squares: by the pseudoinverse.

    Parameters
    ----------
    a : tensor (m, n)
    b : tensor (m,) or (m, k)
    rcond : float, optional
        As of `pinv`.

    Returns
    -------
    Tensor (n,) or (n, k)
    """
    if ndim(a) != 2 or ndim(b) not in (1, 2) or shape(a)[0] != shape(b)[0]:
        raise ShapeError(f"[lstsq] expects a (m, n) and b (m,) or (m, k), got {shape(a)} and {shape(b)}")
    return matmul(pinv(a, rcond=rcond), b)


@composed
def cholesky_inverse(x: Any, upper: bool = False) -> Tensor:
    """The inverse of the matrix that `x` is the Cholesky factor of, of which the lower (or upper) triangle is read."""
    factor = swapaxes(triu(x), -1, -2) if upper else tril(x)
    half = inv(factor)
    return matmul(half, half, transpose_a=True)


@plain
def matrix_rank(x: Array, tol: float | None = None) -> Array:
    """How many singular values of matrices (..., m, n) are above `tol`, as int32.

    By default above the largest times max(m, n) epsilons.
    """
    found = np.linalg.matrix_rank(matrices("matrix_rank", x), tol)
    return placed(np.asarray(found, np.int32), x)  # type: ignore[no-any-return]
