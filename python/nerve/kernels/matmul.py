"""Matrix products with an optional bias and activation in the same pass."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nerve._typing import Array
from nerve.errors import DTypeError, ShapeError
from nerve.kernels._backend import as_floats, copied, empty, pick, repeated
from nerve.kernels.shapes import MatmulShape, activation_code

__all__ = ["PackedMatrix", "matmul", "pack"]

Shape = tuple[int, ...]


class PackedMatrix:
    """The right operand of many products, put once into the order in which a product reads it; made by :func:`pack`.

    It holds a copy: later changes of the matrix do not show.

    Attributes
    ----------
    shape : (int, int)
        Inner size and columns.
    dtype : dtype
        float32 or float64: a product computes in it.
    """

    __slots__ = ("_array", "_home", "shape")

    def __init__(self, array: Array, shape: tuple[int, int], home: str) -> None:
        self._array, self.shape, self._home = array, shape, home

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._array.dtype

    def __repr__(self) -> str:
        return f"PackedMatrix(shape={self.shape}, dtype={self.dtype})"

    def _read(self, home: str) -> Array:
        if self._home != home:
            raise ValueError(f"[matmul] a matrix packed for {self._home} cannot be used by {home}; pack it anew")
        return self._array


def pack(b: ArrayLike, *, transpose_b: bool = False) -> PackedMatrix:
    """``b`` in the form :func:`matmul` reads it, for weights that many products share.

    Parameters
    ----------
    b : array_like (inner, columns), float32 or float64
        (columns, inner) with ``transpose_b``.
    transpose_b : bool
        Pack the transpose.

    Returns
    -------
    PackedMatrix
        To be given to :func:`matmul` as ``b``. It belongs to the process and the instruction set that packed it: save
        the matrix, not this.

    Raises
    ------
    ShapeError
        If ``b`` is not a matrix.

    Notes
    -----
    A product packs most matrices by itself; done beforehand this saves a pass over the weights, which for few rows of
    ``a`` is a good part of the work, most of all for a transposed matrix.
    """
    (y,) = as_floats("pack", b)
    if y.ndim != 2:
        raise ShapeError(f"[pack] expects a matrix, got shape {y.shape}")
    inner, columns = y.shape[::-1] if transpose_b else y.shape
    packed = empty((inner * (columns + _PACKED_MARGIN),), y.dtype, y)
    module = pick(y)
    module.pack(packed, y, inner, columns, bool(transpose_b))
    return PackedMatrix(packed, (inner, columns), _home(module))


_PACKED_MARGIN = 32  # columns: the panel of every instruction set is that wide or narrower


def _home(module: Any) -> str:
    return f"the {module.isa()} kernels" if hasattr(module, "isa") else "the reference kernels"


def matmul(
    a: ArrayLike,
    b: ArrayLike | PackedMatrix,
    bias: ArrayLike | None = None,
    *,
    activation: str | None = None,
    transpose_a: bool = False,
    transpose_b: bool = False,
) -> Array:
    """``activation(a @ b + bias)``, over any leading batch dimensions.

    Parameters
    ----------
    a : array_like (..., rows, inner), float32 or float64
        (..., inner, rows) with ``transpose_a``; a one-dimensional array is a row, as in NumPy.
    b : array_like (..., inner, columns), or PackedMatrix
        (..., columns, inner) with ``transpose_b``; a one-dimensional array is a column. Weights used again and
        again can be packed once, by :func:`pack`.
    bias : array_like (columns,), optional
        Added to every row.
    activation : {None, "linear", "relu", "sigmoid", "tanh"}
        Applied to the result as it is stored.
    transpose_a, transpose_b : bool
        Read an operand with its last two axes exchanged, without copying it.

    Returns
    -------
    ndarray (..., rows, columns)
        Batch dimensions broadcast as in NumPy.

    Raises
    ------
    ShapeError
        If the inner sizes, the batch dimensions or the bias do not fit.

    Notes
    -----
    Float32 products are sums of fused multiply-adds in an order fixed by the sizes: the same bits at any number of
    threads, and on every instruction set that has such an instruction. Where AMX is used instead
    (:func:`nerve.set_matmul_precision`), the last bits differ from those.
    """
    code = activation_code("matmul", activation)
    if isinstance(b, PackedMatrix):
        return _matmul_packed(a, b, bias, code, bool(transpose_a), bool(transpose_b))
    x, y, bias_array = as_floats("matmul", a, b, bias, optional=1)
    bias_shape = None if bias_array is None else bias_array.shape
    plan, x_batch, y_batch, out_shape = _plan(x.shape, y.shape, bias_shape, bool(transpose_a), bool(transpose_b))
    if x_batch is not None:
        x = repeated(x, x_batch)
    if y_batch is not None:
        y = repeated(y, y_batch)
    out = empty(out_shape, x.dtype, x)
    pick(x, y, bias_array).matmul(out, x, y, bias_array, plan, code)
    return out


def _matmul_packed(
    a: ArrayLike, b: PackedMatrix, bias: ArrayLike | None, code: int, transpose_a: bool, transpose_b: bool
) -> Array:
    if transpose_b:
        raise ValueError("[matmul] transpose_b belongs to pack: a packed matrix is read one way only")
    x, bias_array = as_floats("matmul", a, bias, optional=1)
    if x.dtype != b.dtype:
        raise DTypeError(f"[matmul] b was packed in {b.dtype}, the other operands are {x.dtype}")
    if transpose_a and x.ndim > 2:
        x = copied(x.swapaxes(-1, -2))
        transpose_a = False
    bias_shape = None if bias_array is None else bias_array.shape
    plan, _, _, out_shape = _plan(x.shape, b.shape, bias_shape, transpose_a, False)
    plan = plan._replace(batch=1, rows=plan.rows * plan.batch)
    out = empty(out_shape, x.dtype, x)
    module = pick(x)
    module.matmul_packed(out, x, b._read(_home(module)), bias_array, plan, code)
    return out


@functools.lru_cache(maxsize=4096)
def _plan(
    a: Shape, b: Shape, bias: Shape | None, transpose_a: bool, transpose_b: bool
) -> tuple[MatmulShape, Shape | None, Shape | None, Shape]:
    """The sizes of the call, the shape each operand must first be expanded to (None: none), the output's shape."""
    if not a or not b:
        raise ShapeError(f"[matmul] expects arrays of at least one dimension, got shapes {a} and {b}")
    if (transpose_a and len(a) < 2) or (transpose_b and len(b) < 2):
        raise ShapeError(f"[matmul] only arrays of two or more dimensions can be transposed, got shapes {a} and {b}")
    rows, inner = (1, a[0]) if len(a) == 1 else (a[-1], a[-2]) if transpose_a else (a[-2], a[-1])
    b_inner, columns = (b[0], 1) if len(b) == 1 else (b[-1], b[-2]) if transpose_b else (b[-2], b[-1])
    if inner != b_inner:
        flags = ", transpose_a" * transpose_a + ", transpose_b" * transpose_b
        raise ShapeError(f"[matmul] inner sizes differ: {inner} in {a} and {b_inner} in {b}{flags}")
    if bias is not None and bias != (columns,):
        raise ShapeError(f"[matmul] bias expects shape ({columns},), got {bias}")
    a_batch, b_batch = a[:-2], b[:-2]
    try:
        batch = np.broadcast_shapes(a_batch, b_batch)
    except ValueError:
        raise ShapeError(f"[matmul] batch dimensions do not broadcast: {a} and {b}") from None
    count, a_count, b_count = math.prod(batch), math.prod(a_batch), math.prod(b_batch)
    out = batch + (() if len(a) == 1 else (rows,)) + (() if len(b) == 1 else (columns,))
    # An operand is read as it is when it has every batch entry or a single one; anything between is expanded first.
    a_full = None if a_count in (1, count) and (a_count == 1 or a_batch == batch) else batch + a[-2:]
    b_full = None if b_count in (1, count) and (b_count == 1 or b_batch == batch) else batch + b[-2:]
    a_step = rows * inner if a_full or a_count != 1 else 0
    b_step = inner * columns if b_full or b_count != 1 else 0
    if b_step == 0 and count > 1 and not transpose_a and a_step:  # one b for all: a single tall product
        rows, count = rows * count, 1
    plan = MatmulShape(count, rows, columns, inner, a_step, b_step, int(transpose_a), int(transpose_b))
    return plan, a_full, b_full, out
