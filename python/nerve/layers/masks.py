"""Masks: which steps of a batch of sequences count. A tensor carries its mask from layer to layer.

The rules are those of Keras 3's `Layer.__call__`. A layer whose `call` has an argument `mask`, and whose only tensor
argument carries one, gets it; a layer with several tensor arguments gets the mask of `query` as `query_mask`, and so
on. A layer that `supports_masking` gives its results what its `compute_mask` makes of the mask of its first argument.
"""

from __future__ import annotations

import warnings
from functools import reduce
from typing import TYPE_CHECKING, Any

from nerve import kernels
from nerve._typing import Array
from nerve.kernels._traced import as_array
from nerve.layers.structure import flatten, map_structure
from nerve.tensor import Tensor, constant

if TYPE_CHECKING:
    from nerve.layers.layer import Layer


class _State:
    used = False  # whether any tensor ever carried a mask: without, calls of layers need not look for them


state = _State()


def mask_of(x: Any) -> Tensor | None:
    """The mask that a tensor carries, booleans (batch, time), or None."""
    mask: Tensor | None = getattr(x, "_mask", None)
    return mask


def attach(x: Any, mask: Any) -> None:
    """Let the tensor `x` carry a mask."""
    state.used = True
    x._mask = constant(plain(mask))


def keep(source: Any, result: Any) -> Any:
    """`result`, with the mask of what it was made from."""
    if state.used and result is not source and (mask := mask_of(source)) is not None:
        attach(result, mask)
    return result


def plain(mask: Any) -> Array:
    """A mask as an array of booleans."""
    return kernels.cast(as_array(getattr(mask, "array", mask)), "bool")


def part(mask: Any, index: Any) -> Array:
    """`mask[index]`, contiguous; by kernels, for copies of booleans are NumPy's, and a recording cannot hold them."""
    return kernels.cast(kernels.getitem(kernels.cast(plain(mask), "float32"), index), "bool")


def backwards(mask: Array) -> Array:
    """A mask (batch, time) from its last step to its first."""
    return part(mask, (slice(None), slice(None, None, -1)))


def by_step(mask: Any) -> Array:
    """A mask (batch, time) as (time, batch)."""
    return kernels.cast(kernels.transpose(kernels.cast(plain(mask), "float32")), "bool")


def every(*masks: Any) -> Array | None:
    """Where all of the masks that are not None are true; their shapes broadcast. None if there is none."""
    given = [plain(mask) for mask in masks if mask is not None]
    if len(given) < 2:
        return given[0] if given else None
    return kernels.cast(reduce(kernels.multiply, (kernels.cast(mask, "float32") for mask in given)), "bool")


def some(*masks: Any) -> Array:
    """Where at least one of the masks is true; their shapes broadcast."""
    return kernels.cast(reduce(kernels.add, (kernels.cast(plain(mask), "float32") for mask in masks)), "bool")


def carried(layer: Layer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """`layer.call(*args, **kwargs)` with the masks that its arguments carry, which its results carry on."""
    names = layer._call_parameters
    given = {**dict(zip(names, args, strict=False)), **kwargs}
    first = args[0] if args else next(iter(given.values()), None)
    tensors = {name: value for name, value in given.items() if _holds_tensors(value)}
    if len(tensors) == 1 and "mask" in names and given.get("mask") is None:
        _add(kwargs, "mask", *tensors.values())
    elif len(tensors) > 1:
        for name, value in tensors.items():
            if f"{name}_mask" in names and given.get(f"{name}_mask") is None:
                _add(kwargs, f"{name}_mask", value)
    previous = kwargs.get("mask", given.get("mask"))
    if previous is None:
        previous = map_structure(mask_of, first)
    outputs = layer.call(*args, **kwargs)
    if layer.supports_masking:
        _pass_on(layer, first, previous, flatten(outputs))
    elif any(mask is not None for mask in flatten(previous)):
        warnings.warn(
            f"the layer {layer.name!r} ({type(layer).__name__}) does not support masks: its results carry none",
            stacklevel=4,
        )
    return outputs


def _holds_tensors(value: Any) -> bool:
    leaves = flatten(value)
    return any(isinstance(leaf, Tensor) for leaf in leaves)


def _add(kwargs: dict[str, Any], name: str, value: Any) -> None:
    found = map_structure(mask_of, value)
    if any(mask is not None for mask in flatten(found)):
        kwargs[name] = found


def _pass_on(layer: Layer, first: Any, previous: Any, outputs: list[Any]) -> None:
    if all(mask_of(output) is not None for output in outputs):
        return
    if type(layer)._passes_masks_on and not any(mask is not None for mask in flatten(previous)):
        return
    computed = layer.compute_mask(first, previous)
    if computed is None:
        return
    for output, mask in zip(outputs, flatten(computed), strict=False):
        if mask is not None and mask_of(output) is None:
            attach(output, mask)
