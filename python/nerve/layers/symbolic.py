"""Symbolic tensors: what `Input` gives, and what layers and ops give back for them.

A symbolic tensor has a shape, a dtype and no values. It remembers the call that made it (a `Node`), so that the graph
from a model's inputs to its outputs can be found again from the outputs.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from nerve.errors import DTypeError, ShapeError
from nerve.gpu import get_device, to_device
from nerve.kernels._arrays import on_gpu
from nerve.layers import context, masks
from nerve.layers.structure import Shape, flatten, map_structure, pack_like
from nerve.operators import Operators
from nerve.tensor import Tensor, no_gradients

if TYPE_CHECKING:
    from nerve.layers.layer import Layer


class SymbolicTensor(Operators):
    """A tensor that is not there yet.

    Parameters
    ----------
    shape : tuple of int or None
        The batch comes first; None is a size not known yet.
    dtype : str
    name : str

    Attributes
    ----------
    masked_axes : int
        How many of the axes, from the first on, the mask has that the tensor is going to carry; 0 if it carries none.
    """

    # NumPy arrays leave `array + symbolic` to our reflected operators.
    __array_ufunc__ = None
    __slots__ = ("dtype", "index", "masked_axes", "name", "node", "shape")

    def __init__(self, shape: Shape, dtype: str = "float32", name: str = "") -> None:
        self.shape = tuple(None if size is None else int(size) for size in shape)
        self.dtype = dtype
        self.name = name
        self.node: Node | None = None
        self.index = 0
        self.masked_axes = 0

    def __nerve_op__(self, op: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        from nerve.layers.operation import Operation  # a layer, and layers know this file

        return Operation(op)(*args, **kwargs)

    @property
    def ndim(self) -> int:
        """Number of axes, the batch included."""
        return len(self.shape)

    def __repr__(self) -> str:
        return f"<SymbolicTensor {self.name!r} shape={self.shape} dtype={self.dtype}>"

    def _has_no_values(self, *_: object, **__: object) -> NoReturn:
        raise TypeError(
            f"{self!r} has no values: use layers and nerve.ops on it, or put the computation into the call of a Layer"
        )

    __array__ = __bool__ = __float__ = __int__ = __iter__ = __len__ = _has_no_values


KerasTensor = SymbolicTensor  # under Keras's name


class Node:
    """One call of a layer on symbolic tensors: `outputs = layer(*args, **kwargs)`."""

    __slots__ = ("args", "inputs", "kwargs", "layer", "outputs")

    def __init__(self, layer: Layer, args: tuple[Any, ...], kwargs: dict[str, Any], outputs: Any) -> None:
        self.layer = layer
        self.args = args
        self.kwargs = kwargs
        self.inputs: list[SymbolicTensor] = [x for x in flatten([args, kwargs]) if isinstance(x, SymbolicTensor)]
        self.outputs = outputs
        for index, output in enumerate(flatten(outputs)):
            output.node = self
            output.index = index


# What a None stands for in the two runs of `infer`: (batch, every other axis). Two primes far apart keep a size that
# depends on them from coming out equal twice.
_STAND_INS = ((2, 37), (3, 61))


def _stand_in(x: Any, sizes: tuple[int, int]) -> Any:
    if not isinstance(x, SymbolicTensor):
        return x
    batch, other = sizes
    shape = tuple((other if axis else batch) if size is None else size for axis, size in enumerate(x.shape))
    if x.dtype == "string":
        return np.zeros(shape, str)
    # Zeros are valid indices, ones are valid divisors; with a larger diagonal matrices are positive definite.
    values = np.zeros(shape, x.dtype) if x.dtype.startswith("int") else np.ones(shape, x.dtype)
    if x.dtype.startswith("float") and len(shape) > 1 and shape[-1] == shape[-2]:
        values += np.eye(shape[-1], dtype=x.dtype) / 2
    path = context.state.path
    tensor = Tensor(to_device(values, path[-1]._location() if path else get_device()), tracked=False)
    if x.masked_axes:
        masks.attach(
            tensor, to_device(np.ones(shape[: x.masked_axes], bool), "cuda" if on_gpu(tensor.array) else "cpu")
        )
    return tensor


def infer(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Shapes and dtypes of `function(*args, **kwargs)`, found by running it on stand-ins.

    The function runs twice where a size is None: a size that differs between the runs is None in the result.

    Returns
    -------
    structure of SymbolicTensor
        Not yet the output of any node.
    """
    runs = []
    unknown = any(None in x.shape for x in flatten([args, kwargs]) if isinstance(x, SymbolicTensor))
    with no_gradients(), context.inferring():
        for sizes in _STAND_INS if unknown else _STAND_INS[:1]:
            fill = functools.partial(_stand_in, sizes=sizes)
            runs.append(function(*map_structure(fill, list(args)), **map_structure(fill, kwargs)))
    leaves = []
    for result in flatten(runs[0]):
        if not hasattr(result, "shape"):
            raise DTypeError(f"expects a call that gives tensors, got {type(result).__name__}")
    for results in zip(*(flatten(run) for run in runs), strict=True):
        shapes = [tuple(result.shape) for result in results]
        if len({len(shape) for shape in shapes}) != 1:
            raise ShapeError(f"the number of axes of the result depends on a size that is not known: {shapes}")
        found = (set(pair) for pair in zip(*shapes, strict=True))
        shape = tuple(pair.pop() if len(pair) == 1 else None for pair in found)
        leaf = SymbolicTensor(shape, str(results[0].dtype))
        mask = masks.mask_of(results[0])
        leaf.masked_axes = 0 if mask is None else mask.ndim
        leaves.append(leaf)
    return pack_like(runs[0], leaves)
