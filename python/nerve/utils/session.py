"""What belongs to no model: names, seeds, dtypes, the packing of batches."""

from __future__ import annotations

import random as python_random
from typing import Any

import numpy as np

from nerve import random, runtime
from nerve.errors import DTypeError, ShapeError
from nerve.kernels._numbers import integer
from nerve.layers.options import reset_names
from nerve.layers.symbolic import SymbolicTensor

_DTYPES = {
    "float32", "float64", "float16", "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
}  # fmt: skip


def set_random_seed(seed: int) -> None:
    """Seed Python's, NumPy's and nerve's global random numbers.

    Parameters
    ----------
    seed : int
        In [0, 2**32), as NumPy wants it.
    """
    seed = integer("set_random_seed", "seed", seed, 0, 2**32 - 1)
    python_random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - the global stream is what is meant
    random.seed(seed)


def clear_session(free_memory: bool = True) -> None:
    """Count the names of layers from the beginning again: the next `Dense` is `dense`.

    Parameters
    ----------
    free_memory : bool
        Also give memory that no array uses any more back to the system.
    """
    reset_names()
    if free_memory:
        runtime.empty_cache()


def is_keras_tensor(x: Any) -> bool:
    """Whether `x` is symbolic: what `Input` gives, and what layers make of it."""
    return isinstance(x, SymbolicTensor)


def standardize_dtype(dtype: Any) -> str:
    """The name of a dtype of NumPy, PyTorch, JAX or Python; None is "float32".

    Raises
    ------
    DTypeError
        If it is none of numbers or booleans.
    """
    if dtype is None:
        return "float32"
    name = {bool: "bool", int: "int64", float: "float32"}.get(dtype) if isinstance(dtype, type) else None
    if name is None:
        try:
            name = np.dtype(dtype).name
        except TypeError:
            name = str(dtype).rsplit(".", 1)[-1]  # torch.float32
    if name not in _DTYPES:
        raise DTypeError(f"[standardize_dtype] {dtype!r} is no dtype of numbers")
    return name


def pack_x_y_sample_weight(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """A batch as `train_step` gets it: (x, y, sample_weight), (x, y), or x alone."""
    if sample_weight is not None:
        return x, y, sample_weight
    if y is not None:
        return x, y
    return (x,) if isinstance(x, list | tuple) else x


def unpack_x_y_sample_weight(data: Any) -> tuple[Any, Any, Any]:
    """x, y and sample_weight, whichever of them are in `data`; what is missing is None.

    Raises
    ------
    ShapeError
        If `data` has more than three parts.
    """
    parts = tuple(data) if isinstance(data, list | tuple) else (data,)
    if not 1 <= len(parts) <= 3:
        raise ShapeError(f"a batch must be x, (x, y) or (x, y, sample_weight), got {len(parts)} parts")
    return (*parts, None, None)[:3]
