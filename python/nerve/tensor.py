"""Tensors: arrays that remember what they were computed from, and the variables that training changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from nerve._typing import Array
from nerve.errors import DTypeError, ShapeError
from nerve.kernels._arrays import array_module, is_array, on_gpu
from nerve.kernels._backend import overwrite, rectangular
from nerve.kernels._recording import configuration, reading
from nerve.operators import Operators
from nerve.tree import flatten

Gradient = Callable[[Array], Array]  # of the loss with respect to an op's output -> with respect to one input


_recording: ContextVar[bool] = ContextVar("nerve_recording", default=True)


class Tensor(Operators):
    """An array and, if it was computed, how.

    Parameters
    ----------
    array : array_like, or cupy.ndarray
        The values. Arrays, those of PyTorch and JAX too, are not copied. Numbers other than float32 and float64 stay
        as they are and cannot be tracked.
    tracked : bool
        Whether operations on it are remembered for :func:`gradients`.

    Raises
    ------
    ShapeError, DTypeError
        If ``array`` is not rectangular, or holds other things than real numbers and booleans.
    """

    __slots__ = ("__weakref__", "_mask", "array", "parents", "tracked")  # _mask: set by layers (nerve.layers.masks)

    array: Array
    parents: tuple[tuple[Tensor, Gradient], ...]  # the inputs a gradient flows to, and how

    def __init__(self, array: ArrayLike | Tensor, *, tracked: bool = True) -> None:
        self.array = array.array if isinstance(array, Tensor) else _floating(array)
        self.tracked = tracked and self.array.dtype.kind == "f"
        self.parents = ()

    @property
    def shape(self) -> tuple[int, ...]:
        shape: tuple[int, ...] = self.array.shape
        return shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.array.dtype

    @property
    def ndim(self) -> int:
        return self.array.ndim

    @property
    def size(self) -> int:
        return self.array.size

    @property
    def T(self) -> Tensor:
        return ops.transpose(self)

    def backward(self) -> None:
        """Add the gradients of this scalar to the `grad` of every variable it depends on, as PyTorch does.

        :func:`nerve.gradients` gives them without leaving anything behind; this is for programs that also run under
        Keras on PyTorch.
        """
        autograd.accumulate(self)

    def numpy(self) -> Array:
        """The values as a NumPy array, not a copy; from the GPU, a copy."""
        reading("numpy()")
        return self._host()

    def _host(self) -> Array:
        return array_module(self.array).asnumpy(self.array) if on_gpu(self.array) else self.array

    def detach(self) -> Tensor:
        """The same values as a constant; `nerve.ops.stop_gradient` under PyTorch's name, as `backward` is."""
        return ops.stop_gradient(self)

    def cpu(self) -> Tensor:
        """The values in the host's memory; the tensor itself if they are there."""
        return Tensor(self.numpy(), tracked=False) if on_gpu(self.array) else self

    def item(self) -> float:
        """The value of a tensor of one element as a Python number."""
        reading("item()")
        return self.array.item()  # type: ignore[no-any-return]

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> Array:
        reading("NumPy on a tensor")
        if copy is False:
            if dtype is not None and np.dtype(dtype) != self.array.dtype:
                raise ValueError(f"a {self.array.dtype} tensor cannot become {np.dtype(dtype)} without a copy")
            return self.array
        return np.array(self.array, dtype=dtype, copy=bool(copy) or None)

    def __dlpack__(self, **options: Any) -> Any:
        """The memory itself, for another library: ``torch.from_dlpack(tensor)``."""
        reading("another library on a tensor")
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.array.__dlpack_device__()

    __array_priority__ = 1000  # ndarray + Tensor is a Tensor
    __array_ufunc__ = None

    def __len__(self) -> int:
        if not self.array.ndim:
            raise TypeError("a tensor of no dimensions has no length")
        return len(self.array)

    def __iter__(self) -> Iterator[Tensor]:
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        reading("bool() of a tensor (if, while, and, or)")
        return bool(self.array)

    def __float__(self) -> float:
        reading("float() of a tensor")
        return float(self.array.item())

    def __int__(self) -> int:
        reading("int() of a tensor")
        return int(self.array.item())

    def __index__(self) -> int:
        if self.array.ndim or self.array.dtype.kind not in "iu":
            raise TypeError(f"only one integer is an index, not a tensor of shape {self.shape} and {self.array.dtype}")
        return int(self)

    def __format__(self, spec: str) -> str:
        reading("printing a tensor")
        if not spec:
            return str(self)
        if self.array.size != 1:
            raise TypeError(f"{spec!r} formats a tensor of one element, not one of shape {self.shape}")
        return format(self.array.item(), spec)

    def __repr__(self) -> str:
        reading("printing a tensor")
        values = np.array2string(self._host(), separator=", ", prefix=f"{type(self).__name__}(", threshold=20)
        return f"{type(self).__name__}({values}, shape={self.shape}, dtype={self.dtype})"

    __hash__ = object.__hash__

    def __eq__(self, other: Any) -> Tensor:  # type: ignore[override]
        return ops.equal(self, other)

    def __ne__(self, other: Any) -> Tensor:  # type: ignore[override]
        return ops.not_equal(self, other)

    # The methods people reach for; everything else is in nerve.ops.
    def sum(self, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tensor:
        return ops.sum(self, axis=axis, keepdims=keepdims)

    def mean(self, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tensor:
        return ops.mean(self, axis=axis, keepdims=keepdims)

    def max(self, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tensor:
        return ops.max(self, axis=axis, keepdims=keepdims)

    def min(self, axis: int | Sequence[int] | None = None, keepdims: bool = False) -> Tensor:
        return ops.min(self, axis=axis, keepdims=keepdims)

    def reshape(self, *shape: Any) -> Tensor:
        return ops.reshape(self, shape[0] if len(shape) == 1 and not isinstance(shape[0], int) else shape)


class Variable(Tensor):
    """A tensor that training changes: its array is updated in place.

    Parameters
    ----------
    initializer : array_like, str, or callable of (shape, dtype)
        The initial values, copied, or what gives them: one of `nerve.initializers`, by name too.
    shape : tuple of int, optional
        Needed where something is called.
    dtype : str, optional
        That of the values if not given, and float32 where something is called.
    name : str
        Shown in errors and summaries.
    trainable : bool
        Whether gradients flow to it.

    Attributes
    ----------
    path : str
        The name behind those of the layers it was made in, by which optimizers may choose variables.
    grad : Tensor, IndexedRows or None
        The sum of what `Tensor.backward` found since it was None.
    """

    __slots__ = ("constraint", "frozen", "grad", "name", "path", "regularizer")

    def __init__(
        self,
        initializer: ArrayLike | Tensor | str | Callable[..., Any],
        shape: Sequence[int] | None = None,
        dtype: DTypeLike | None = None,
        trainable: bool = True,
        *,
        name: str | None = None,
    ) -> None:
        given: Any = initializer
        if isinstance(given, str):
            from nerve import initializers  # which draw on tensors

            given = initializers.get(given)
        if callable(given):
            if shape is None:
                raise TypeError("[Variable] needs the shape of what an initializer is to give")
            given = given(tuple(shape), np.dtype(dtype or np.float32).name)
        values = _real("Variable", single(given) if isinstance(given, list | tuple) and dtype is None else given)
        if shape is not None and values.shape != tuple(shape):
            raise ShapeError(f"[Variable] expects values of shape {tuple(shape)}, got {values.shape}")
        if dtype is not None and values.dtype != dtype:
            values = values.astype(dtype)
        super().__init__(array_module(values).array(values, order="C"), tracked=trainable)
        self.name = self.path = name or ""
        self.regularizer: Any = None  # a term of the loss, and what an optimizer makes of the weight after a step
        self.constraint: Any = None
        self.frozen = False  # whether the layer it belongs to is not trained
        self.grad: Any = None

    @property
    def value(self) -> Variable:
        """The variable itself: what Keras wraps is here one thing."""
        return self

    @property
    def trainable(self) -> bool:
        return self.tracked and not self.frozen

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self.tracked, self.frozen = bool(value), False
        configuration.changed()

    def assign(self, value: ArrayLike | Tensor) -> None:
        """Set every element.

        Raises
        ------
        ShapeError, DTypeError
            If ``value`` has another shape, or does not hold real numbers; the variable keeps its values.
        """
        values = _real(self.name or "Variable", value)
        if values.shape != self.array.shape:
            raise ShapeError(f"[{self.name or 'Variable'}] has shape {self.array.shape}, got values of {values.shape}")
        overwrite(self.array, values)

    def assign_add(self, value: ArrayLike | Tensor) -> None:
        """Add to every element."""
        change = _real(self.name or "Variable", value)
        self.assign(ops.add(self, change) if self.array.dtype.kind == "f" else self.array + change)

    def assign_sub(self, value: ArrayLike | Tensor) -> None:
        """Subtract from every element."""
        change = _real(self.name or "Variable", value)
        self.assign(ops.subtract(self, change) if self.array.dtype.kind == "f" else self.array - change)


class Joint(Tensor):
    """Between the outputs of an op and its inputs: it leads gradients on together, and has no value of its own."""

    __slots__ = ()


def single(values: Any) -> Any:
    """An array of a list, in which Python's floats are float32, as those of layers are."""
    array = rectangular("Tensor", values)
    python = array.dtype == np.float64 and not any(hasattr(leaf, "dtype") for leaf in flatten(values))
    return array.astype(np.float32) if python else array


@contextmanager
def no_gradients() -> Iterator[None]:
    """Inside this ``with`` block nothing is remembered, so nothing is kept alive for a backward pass."""
    token = _recording.set(False)
    try:
        yield
    finally:
        _recording.reset(token)


def recording() -> bool:
    """Whether operations are being remembered here."""
    return _recording.get()


def constant(array: Array) -> Tensor:
    """`Tensor(array, tracked=False)` of an array that can be one, in less time."""
    tensor = Tensor.__new__(Tensor)
    tensor.array, tensor.tracked, tensor.parents = array, False, ()
    return tensor


def _floating(values: ArrayLike) -> Array:
    """Arrays, other libraries' too, keep their dtype; Python numbers and lists of them become float32, as layers do."""
    array = _real("Tensor", values)
    if is_array(values) or isinstance(values, np.generic) or hasattr(values, "__dlpack__"):
        return array
    return array.astype(np.float32) if array.dtype.kind in "fiu" else array


def _real(name: str, values: ArrayLike | Tensor) -> Array:
    """The array of ``values``, or the error that fits."""
    if type(values) is np.ndarray:  # the usual case
        array: Array = values
    else:
        array = values.array if isinstance(values, Tensor) else rectangular(name, values)
    if array.dtype.kind not in "fiub":
        raise DTypeError(f"[{name}] expects real numbers, got dtype {array.dtype}")
    return array


from nerve import autograd, ops  # noqa: E402 - the methods above need these, which need Tensor
