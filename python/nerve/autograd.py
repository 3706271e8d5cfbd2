"""Automatic differentiation: from a scalar back to what it was computed from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nerve import kernels
from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.indexed_rows import IndexedRows
from nerve.kernels._arrays import array_module
from nerve.kernels._backend import copied
from nerve.kernels._recording import now
from nerve.tensor import Joint, Tensor, Variable, constant


def gradients(loss: Tensor, variables: Sequence[Tensor]) -> list[Any]:
    """The gradient of a scalar with respect to each of some tensors, by reverse accumulation.

    Parameters
    ----------
    loss : Tensor
        One element.
    variables : sequence of Tensor

    Returns
    -------
    list of ndarray
        One array of the shape and dtype of each variable; zeros where the loss does not depend on it. For a Variable
        that the loss reads through :func:`nerve.ops.take` along axis 0 alone, an :class:`nerve.IndexedRows`.

    Raises
    ------
    ShapeError
        If ``loss`` has more than one element.
    TypeError
        If ``loss`` is no Tensor, or ``variables`` no list of them.
    """
    if not isinstance(loss, Tensor):
        raise TypeError(f"[gradients] expects a Tensor as loss, got {type(loss).__name__}")
    if loss.size != 1:
        raise ShapeError(f"[gradients] expects a loss of one element, got shape {loss.shape}; take its mean or sum")
    if not isinstance(variables, Sequence):  # a Tensor would give its rows, which are new ones
        raise TypeError(f"[gradients] expects a list of Tensors, got {type(variables).__name__}")
    for i, variable in enumerate(variables):
        if not isinstance(variable, Tensor):
            raise TypeError(f"[gradients] expects Tensors, got {type(variable).__name__} at position {i}")
    order = _needed(loss, {id(variable) for variable in variables})
    needed = {id(node) for node in order}
    found: dict[int, Any] = {}
    owned: set[int] = set()  # gradients that are sums of our own, to be added to in place
    if id(loss) in needed:
        found[id(loss)] = array_module(loss.array).ones(loss.shape, loss.dtype)
    for node in reversed(order):
        gradient = found.get(id(node))
        if gradient is None:
            continue
        for parent, function in node.parents:
            key = id(parent)
            if key not in needed:
                continue
            # (How many rows there are is known only when they are, which a recording cannot hold.)
            if isinstance(parent, Variable) and hasattr(function, "rows") and now.recording is None:
                part = _fitted(function.rows(gradient), parent.array)
            else:
                part = _fitted(function(gradient), parent.array)
            if now.watch is not None:
                now.watch.differentiated(node, part)
            if key not in found:
                found[key] = part
            elif isinstance(parent, Joint):
                pass  # which has all that it leads on
            elif isinstance(part, IndexedRows) or isinstance(found[key], IndexedRows):
                found[key] = found[key] + part if isinstance(found[key], IndexedRows) else part + found[key]
            elif key in owned:
                kernels.add(found[key], part, out=found[key])
            else:
                found[key] = kernels.add(found[key], part)
                owned.add(key)
    results: list[Any] = []
    for variable in variables:
        result = found.get(id(variable))
        if result is None:
            result = array_module(variable.array).zeros(variable.shape, variable.dtype)
        elif isinstance(result, IndexedRows):
            pass  # of this variable alone
        elif any(result is earlier or (result.base is not None and result.base is earlier) for earlier in results):
            result = copied(result)  # two variables never share one array
        results.append(result)
    return results


def accumulate(loss: Tensor) -> None:
    """Add the gradients of a scalar to the `grad` of the variables it depends on; see `Tensor.backward`."""
    found: dict[int, Tensor] = {}
    stack = [loss]
    while stack:
        node = stack.pop()
        if id(node) not in found:
            found[id(node)] = node
            stack.extend(parent for parent, _ in node.parents)
    variables = [node for node in found.values() if isinstance(node, Variable) and node.tracked]
    if not variables:
        raise ValueError("[backward] the loss depends on no variable that is trained")
    for variable, gradient in zip(variables, gradients(loss, variables), strict=True):
        before = variable.grad
        new = gradient if isinstance(gradient, IndexedRows) else constant(gradient)
        if before is None:
            variable.grad = new
            continue
        if now.recording is not None and not (isinstance(before, Tensor) and now.recording.computed(before.array)):
            now.recording.refuse("a gradient is left from an earlier step: call zero_grad() first")
        variable.grad = _sum(before, new)


def _sum(a: Any, b: Any) -> Any:
    if isinstance(a, IndexedRows) and isinstance(b, IndexedRows):
        return a + b
    dense = [x.dense() if isinstance(x, IndexedRows) else x.array for x in (a, b)]
    return constant(kernels.add(*dense))


def _needed(loss: Tensor, wanted: set[int]) -> list[Tensor]:
    """The tensors between ``loss`` and those wanted, parents before children."""
    order: list[Tensor] = []
    leads: dict[int, bool] = {}
    stack: list[tuple[Tensor, bool]] = [(loss, False)]
    while stack:
        node, parents_done = stack.pop()
        if parents_done:
            if id(node) in wanted or any(leads[id(parent)] for parent, _ in node.parents):
                leads[id(node)] = True
                order.append(node)
        elif id(node) not in leads:
            leads[id(node)] = False
            stack.append((node, True))
            stack.extend((parent, False) for parent, _ in node.parents if id(parent) not in leads)
    return order


def _fitted(gradient: Any, like: Array) -> Any:
    """Undo broadcasting and promotion: sum the gradient down to the shape of its tensor, in its dtype."""
    if gradient.shape != like.shape:
        extra = gradient.ndim - like.ndim
        axes = tuple(range(extra)) + tuple(
            i + extra for i, size in enumerate(like.shape) if size == 1 and gradient.shape[i + extra] != 1
        )
        gradient = kernels.sum(gradient, axis=axes).reshape(like.shape)
    return gradient if gradient.dtype == like.dtype else kernels.cast(gradient, like.dtype)
