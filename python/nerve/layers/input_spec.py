"""What a layer of one's own says of its inputs: `InputSpec`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from nerve.errors import DTypeError, ShapeError
from nerve.layers.structure import flatten

__all__ = [
    "InputSpec",
]


class InputSpec:
    """What an input must be like, for the attribute `input_spec` of a layer; calls with others are refused.

    Parameters
    ----------
    dtype : str, optional
    shape : tuple of int or None, optional
        With the batch; None fits any size.
    ndim, max_ndim, min_ndim : int, optional
        How many axes.
    axes : dict of int to int, optional
        Sizes of some axes.
    allow_last_axis_squeeze : bool
        Whether a last axis of size 1 may be missing, or be there besides.
    name : str, optional
        Of the input in a dict.
    optional : bool
        Whether it may be None.
    """

    def __init__(
        self,
        dtype: str | None = None,
        shape: Any = None,
        ndim: int | None = None,
        max_ndim: int | None = None,
        min_ndim: int | None = None,
        axes: Mapping[int, int | None] | None = None,
        allow_last_axis_squeeze: bool = False,
        name: str | None = None,
        optional: bool = False,
    ) -> None:
        self.dtype = None if dtype is None else np.dtype(dtype).name
        self.shape = None if shape is None else tuple(shape)
        self.ndim = ndim if self.shape is None else len(self.shape)
        self.max_ndim, self.min_ndim, self.axes = max_ndim, min_ndim, {int(a): n for a, n in (axes or {}).items()}
        self.allow_last_axis_squeeze, self.name, self.optional = allow_last_axis_squeeze, name, optional

    def get_config(self) -> dict[str, Any]:
        """The arguments that make it again."""
        names = ("dtype", "shape", "ndim", "max_ndim", "min_ndim", "axes")
        return {name: getattr(self, name) for name in (*names, "allow_last_axis_squeeze", "name", "optional")}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Make what `get_config` described."""
        return cls(**config)

    def check(self, x: Any) -> None:
        """Refuse an input that is not like this.

        Raises
        ------
        ShapeError, DTypeError
        """
        if x is None and self.optional:
            return
        sizes = tuple(x.shape)
        if self.dtype is not None and str(x.dtype) != self.dtype:
            raise DTypeError(f"expects inputs of {self.dtype}, got dtype {x.dtype}")
        if not self._fits(sizes):
            raise ShapeError(f"expects inputs with {self._wanted()}, got shape {sizes}")

    def _fits(self, sizes: tuple[Any, ...]) -> bool:
        allowed = [sizes]
        if self.allow_last_axis_squeeze:
            allowed += [(*sizes, 1)] + ([sizes[:-1]] if sizes and sizes[-1] == 1 else [])
        return any(map(self._fits_exactly, allowed))

    def _fits_exactly(self, sizes: tuple[Any, ...]) -> bool:
        rank = len(sizes)
        most = rank if self.max_ndim is None else self.max_ndim
        if self.ndim not in (None, rank) or not (self.min_ndim or 0) <= rank <= most:
            return False
        named = {**dict(enumerate(self.shape or ())), **self.axes}
        return all(
            -rank <= axis < rank and (size is None or sizes[axis] in (size, None)) for axis, size in named.items()
        )

    def _wanted(self) -> str:
        keys = ("shape", "ndim", "min_ndim", "max_ndim")
        parts = [f"{key}={value}" for key in keys if (value := getattr(self, key)) is not None]
        return ", ".join([*parts, *([f"axes={self.axes}"] if self.axes else [])])


def check_inputs(specs: Any, inputs: Any) -> None:
    """Refuse inputs that are not like the specifications, one for each of them."""
    wanted = flatten(specs)
    if isinstance(inputs, dict) and all(getattr(one, "name", None) for one in wanted):
        if missing := [one.name for one in wanted if one.name not in inputs]:
            raise ShapeError(f"expects inputs {[one.name for one in wanted]}, got none for {missing}")
        inputs = [inputs[one.name] for one in wanted]
    given = flatten(inputs)
    if len(given) != len(wanted):
        raise ShapeError(f"expects {len(wanted)} inputs, got {len(given)}")
    for one, x in zip(wanted, given, strict=True):
        if one is not None:
            one.check(x)
