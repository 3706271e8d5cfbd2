"""The form of a row of the benchmark: one computation, nerve's call, its peers', and how a result is verified."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

import nerve

Make = Callable[[np.random.Generator], tuple[Any, ...]]


class _Torch:
    """PyTorch, imported on first use: a run without it has the other peers."""

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.import_module("torch"), name)


torch = _Torch()


@dataclass(frozen=True)
class Peer:
    """Another library's way to the same result.

    Parameters
    ----------
    name : "numpy ..." or "torch ...", then the variant.
    prepare : gets the row's arrays, brings them to the layout this variant likes best and returns the call to time.
    unpack : brings a result to the row's form, outside the timing.
    autograd : whether the call needs PyTorch's autograd; the others run in inference mode, which is faster.
    """

    name: str
    prepare: Callable[..., Callable[[], Any]]
    unpack: Callable[[Any], Any] = lambda result: result
    autograd: bool = False


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Parameters
    ----------
    make : draws the arguments of ``call`` from a seeded generator.
    call : nerve's call; what it returns is verified.
    work : what a call has to do at least, in ``unit`` s: FLOP, or bytes of its inputs and outputs, each moved once.
    unit : "GFLOP/s" or "GB/s".
    tolerance : largest error allowed, relative to the largest number of an array in the reference's result.
    expect : computes the reference's result; by default ``call`` in float64 on the reference backend.
    compare : what of a result is comparable with the peers', where that is not all of it.
    """

    name: str
    family: str
    make: Make
    call: Callable[..., Any]
    work: float
    unit: str
    peers: tuple[Peer, ...]
    tolerance: float = 1e-5
    expect: Callable[..., Any] | None = None
    compare: Callable[[Any], Any] = lambda result: result
    compare_tolerance: float | None = None

    def arguments(self) -> tuple[Any, ...]:
        return self.make(np.random.default_rng(0))

    def expected(self) -> Any:
        args = wide(self.arguments())
        if self.expect is not None:
            return self.expect(*args)
        with nerve.backend("reference"):
            return self.call(*args)


class WrongResult(AssertionError):
    """A side of a row computes something else than the reference."""


def wide(value: Any) -> Any:
    """Copies of the arrays, those of float32 in float64."""
    if isinstance(value, list | tuple):
        return type(value)(wide(each) for each in value)
    if isinstance(value, np.ndarray):
        return value.astype(np.float64) if value.dtype == np.float32 else value.copy()
    return value


def arrays(value: Any) -> Iterable[np.ndarray]:
    """The arrays of a nested result, PyTorch's tensors among them."""
    if isinstance(value, list | tuple):
        for each in value:
            yield from arrays(each)
    elif value is not None:
        yield np.asarray(value.detach() if hasattr(value, "detach") else value)


def verify(who: str, got: Any, want: Any, tolerance: float) -> None:
    """Raise :class:`WrongResult` unless every array is as expected."""
    results, references = list(arrays(got)), list(arrays(want))
    if len(results) != len(references):
        raise WrongResult(f"{who}: {len(results)} results, not {len(references)}")
    for i, (result, reference) in enumerate(zip(results, references, strict=True)):
        if result.shape != reference.shape:
            raise WrongResult(f"{who}: result {i} of shape {result.shape}, not {reference.shape}")
        if not result.size:
            continue
        scale = np.abs(reference).max() or 1
        error = np.abs(result - reference).max() / scale
        if not error <= tolerance:
            raise WrongResult(
                f"{who}: result {i} differs by {error:.1e} of its largest number, more than {tolerance:.0e}"
            )


def tensors(*values: Any) -> Any:
    """The same arrays for PyTorch, copied into memory of their own."""
    made = [
        [torch.from_numpy(a.copy()) for a in v] if isinstance(v, list) else torch.from_numpy(v.copy()) for v in values
    ]
    return made if len(made) > 1 else made[0]


def simple(function: Callable[[], Callable[..., Any]], name: str = "torch") -> Peer:
    """A PyTorch variant that takes the arrays as they are; ``function`` is looked up on first use."""

    def prepare(*args: Any) -> Callable[[], Any]:
        call, moved = function(), [tensors(a) if isinstance(a, np.ndarray) else a for a in args]
        return lambda: call(*moved)

    return Peer(name, prepare)


def numpy(function: Callable[..., Any], name: str = "numpy") -> Peer:
    """A NumPy variant."""
    return Peer(name, lambda *args: lambda: function(*args))


def floats(*shape: int) -> Make:
    """One normally distributed float32 array."""
    return lambda rng: (rng.standard_normal(shape, dtype=np.float32),)


def many(*shapes: tuple[int, ...]) -> Make:
    """Several of them."""
    return lambda rng: tuple(rng.standard_normal(shape, dtype=np.float32) for shape in shapes)
