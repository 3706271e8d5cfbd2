"""Arrays from what `fit` takes for them, tables of pandas and polars among it; neither library is imported."""

from __future__ import annotations

from typing import Any

import numpy as np

from nerve._typing import Array
from nerve.errors import DTypeError, ShapeError
from nerve.kernels._arrays import is_array
from nerve.layers.structure import flatten
from nerve.tensor import Tensor


class Text(np.ndarray[Any, Any]):
    """Strings of a batch that a model's own `call` reads, and no recording can hold."""


def holds_text(data: Any) -> bool:
    """Whether there are such strings in a batch."""
    return any(isinstance(leaf, Text) for leaf in flatten(data))


def is_array_data(x: Any) -> bool:
    """Whether `x` is arrays, and not something that yields batches."""
    return isinstance(x, list | tuple | dict | Tensor) or hasattr(x, "__array__")


def as_arrays(name: str, value: Any) -> Any:
    """`value` as an array, or a list or dict of arrays for several inputs or outputs; None stays None.

    Raises
    ------
    DTypeError
        If it does not hold numbers.
    ShapeError
        If it has no axis of samples.
    """
    if value is None:
        return None
    if isinstance(value, dict):
        return {key: as_arrays(f"{name}[{key!r}]", item) for key, item in value.items()}
    if is_frame(value):
        return numbers(name, value)
    if is_series(value):  # one feature, or one target, of every sample; weights stay as they are
        column = numbers(name, value)
        return column if name == "sample_weight" else column[:, None]
    if isinstance(value, list | tuple) and value and all(getattr(item, "shape", ()) != () for item in value):
        return [as_arrays(f"{name}[{index}]", item) for index, item in enumerate(value)]
    try:
        array = value.array if isinstance(value, Tensor) else value if is_array(value) else np.asarray(value)
    except ValueError as error:
        raise ShapeError(f"{name} is no array: {error}") from None
    if array.dtype.kind not in "fiub" and not isinstance(array, Text):
        hint = "; encode labels as integers first" if array.dtype.kind in "OUS" else ""
        if hint and name.startswith("x"):
            hint = "; text goes through TextVectorization or StringLookup behind an Input of dtype 'string', or before"
        raise DTypeError(f"{name} must hold numbers, got dtype {array.dtype}{hint}")
    if not array.ndim:
        raise ShapeError(f"{name} must be an array of samples, got a single number")
    return array


def is_frame(value: Any) -> bool:
    """Whether `value` is a table of named columns: a pandas or polars DataFrame."""
    return hasattr(value, "columns") and hasattr(value, "to_numpy")


def is_series(value: Any) -> bool:
    """Whether `value` is one column: a pandas or polars Series, or a pandas Index."""
    return hasattr(value, "to_frame") and hasattr(value, "to_numpy")


def numbers(name: str, value: Any) -> Array:
    """The numbers in a frame or series; missing ones are NaN.

    Parameters
    ----------
    name : str
        What the data are, for the message.
    value : DataFrame or Series

    Returns
    -------
    ndarray, (rows, columns) or (rows,)
        Of the dtype that all columns fit in.

    Raises
    ------
    DTypeError
        If a column does not hold numbers.
    """
    if is_series(value):
        array = _column(value)
        if array.dtype.kind not in "fiub":
            raise DTypeError(
                f"{name} must hold numbers, got a series of {value.dtype}; encode labels as integers first"
            )
        return array
    names = list(value.columns)
    rows = value.iloc if hasattr(value, "iloc") else value
    columns = [_column(rows[:, index]) for index in range(len(names))]
    wrong = [str(n) for n, column in zip(names, columns, strict=True) if column.dtype.kind not in "fiub"]
    if wrong:
        raise DTypeError(
            f"{name} must hold numbers, which column{'s' * (len(wrong) > 1)} {', '.join(wrong)} do"
            f"{'es' * (len(wrong) == 1)} not; encode or drop {'them' if len(wrong) > 1 else 'it'}"
        )
    return np.stack(columns, axis=1) if columns else np.empty((len(value), 0))


def _column(series: Any) -> Array:
    array = np.asarray(series.to_numpy())
    if array.dtype.kind in "fiub":
        return array
    if getattr(series.dtype, "kind", "") in tuple("fiub"):  # pandas: numbers of which some may be missing
        return np.asarray(series.to_numpy(dtype="float64", na_value=np.nan))
    if str(series.dtype) == "Boolean":  # polars: as much
        return np.array([np.nan if item is None else float(item) for item in series])
    return array
