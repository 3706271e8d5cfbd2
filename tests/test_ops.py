"""Every row of the op table.

Values and dtypes against the float64 reference on every instruction set, the same bits at every thread count and for
strided inputs, and one clear error for every bad call.
"""

from __future__ import annotations

import copy
import inspect
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import nerve
from nerve import _cpu, kernels

from .op_table import OPS, VALUE_TOLERANCE, BadCall, Exact, Op, Sample

KERNELS = [op for op in OPS if hasattr(kernels, op.name)]
IDS = [f"{op.name}-{sum(o.name == op.name for o in KERNELS[:i])}" for i, op in enumerate(KERNELS)]
ERRORS = [(op, bad) for op in OPS for bad in op.errors]


def samples(op: Op) -> list[Sample]:
    return list(op.samples(np.random.default_rng(zlib.crc32(op.name.encode()))))


def change(value: Any, function: Callable[[np.ndarray], np.ndarray]) -> Any:
    """``function`` applied to every array of floats within nested lists and tuples; other things copied."""
    if isinstance(value, (np.ndarray, np.floating)) and not isinstance(value, Exact):
        return function(np.asarray(value)) if np.asarray(value).dtype.kind == "f" else copy.deepcopy(value)
    if isinstance(value, (list, tuple)):
        return type(value)(change(item, function) for item in value)
    return copy.deepcopy(value)


def flat(value: Any) -> list[np.ndarray]:
    if value is None:
        return []
    return (
        [array for item in value for array in flat(item)] if isinstance(value, (list, tuple)) else [np.asarray(value)]
    )


def results(op: Op, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[np.ndarray]:
    """The arrays a call returns, and those it changes."""
    returned = getattr(kernels, op.name)(*args, **kwargs)
    return flat(returned) + [
        array for position in op.in_place if position < len(args) for array in flat(args[position])
    ]


def with_dtype(kwargs: dict[str, Any], dtype: str) -> dict[str, Any]:
    return {**kwargs, "dtype": dtype} if "dtype" in kwargs else kwargs


@pytest.fixture(params=_cpu.isas())
def isa(request: pytest.FixtureRequest) -> Iterator[str]:
    before = _cpu.isa()
    _cpu.set_isa(request.param)
    yield request.param
    _cpu.set_isa(before)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("op", KERNELS, ids=IDS)
def test_values(op: Op, dtype: str, isa: str) -> None:
    rtol, atol = (tolerance * op.tolerance for tolerance in VALUE_TOLERANCE[dtype])
    for sample in samples(op):
        # The reference sees the very numbers the kernel gets, in float64.
        rounded = change(sample.args, lambda x: x.astype(dtype))
        exact = change(rounded, lambda x: x.astype(np.float64))
        kwargs = change(sample.kwargs, lambda x: x.astype(dtype))
        with nerve.backend("reference"), np.errstate(all="ignore"):
            expected = results(op, exact, with_dtype(kwargs, "float64") if dtype == "float64" else kwargs)
        computed = results(op, rounded, with_dtype(kwargs, dtype))
        assert len(computed) == len(expected)
        for got, want in zip(computed, expected, strict=True):
            assert got.shape == want.shape
            if want.dtype.kind == "f":
                assert got.dtype == (want.dtype if op.own_dtype else dtype)
                np.testing.assert_allclose(got, want, rtol=rtol, atol=atol, err_msg=f"{op.name}{sample}")
            else:
                assert got.dtype == want.dtype
                np.testing.assert_array_equal(got, want, err_msg=f"{op.name}{sample}")


@pytest.mark.parametrize("op", KERNELS, ids=IDS)
def test_threads_give_the_same_bits(op: Op) -> None:
    before = nerve.num_threads()
    try:
        for sample in samples(op):
            outcomes = []
            for threads in (1, 2, 5):
                nerve.set_num_threads(threads)
                args = change(sample.args, lambda x: x.astype(np.float32))
                outcomes.append(results(op, args, copy.deepcopy(sample.kwargs)))
            for outcome in outcomes[1:]:
                for one, other in zip(outcomes[0], outcome, strict=True):
                    assert one.tobytes() == other.tobytes(), f"{op.name}{sample}"
    finally:
        nerve.set_num_threads(before)


@pytest.mark.parametrize("op", [op for op in KERNELS if not op.in_place], ids=lambda op: op.name)
def test_strided_inputs(op: Op) -> None:
    """Views (every other element, reversed, transposed) compute like their copies, and are not written."""

    def strided(x: np.ndarray) -> np.ndarray:
        wide = np.zeros((*x.shape[:-1], 2 * x.shape[-1]), x.dtype) if x.ndim else x
        if x.ndim:
            wide[..., ::2] = x[..., ::-1]
            wide = wide[..., ::2][..., ::-1]
        return wide

    for sample in samples(op):
        views = change(sample.args, strided)
        plain = results(op, copy.deepcopy(sample.args), copy.deepcopy(sample.kwargs))
        viewed = results(op, views, copy.deepcopy(sample.kwargs))
        for one, other in zip(plain, viewed, strict=True):
            np.testing.assert_array_equal(one, other)
        for before, after in zip(flat(sample.args), flat(views), strict=True):
            np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("backend", ["native", "reference"])
@pytest.mark.parametrize(("op", "bad"), ERRORS, ids=[f"{op.name}-{bad.match[:40]}" for op, bad in ERRORS])
def test_errors(op: Op, bad: BadCall, backend: str) -> None:
    before = copy.deepcopy(bad.args)
    function = getattr(kernels, op.name, None) or getattr(nerve.ops, op.name)
    with nerve.backend(backend), pytest.raises(bad.error, match=bad.match) as caught:
        function(*bad.args, **bad.kwargs)
    assert str(caught.value).startswith("["), "an error starts with the op's name in brackets"
    for one, other in zip(flat(before), flat(bad.args), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("backend", ["native", "reference"])
@pytest.mark.parametrize("op", KERNELS, ids=IDS)
def test_none_is_no_array(op: Op, backend: str) -> None:
    """Only where None is the default may an array be left out."""
    sample = samples(op)[0]
    parameters = inspect.signature(getattr(kernels, op.name)).parameters.values()
    for i, (argument, parameter) in enumerate(zip(sample.args, parameters, strict=False)):
        if not isinstance(argument, (np.ndarray, list)) or parameter.default is None:
            continue
        args = (*sample.args[:i], None, *sample.args[i + 1 :])
        with nerve.backend(backend), pytest.raises(TypeError, match=rf"^\[{op.name}\] .* (None|object)"):
            getattr(kernels, op.name)(*args, **sample.kwargs)


def test_long_and_swapped_floats_keep_their_precision() -> None:
    for dtype in (">f8", np.longdouble):
        assert kernels.add(np.ones(3, np.float32), np.ones(3, dtype)).dtype == np.float64


def test_every_kernel_has_a_row() -> None:
    """What kernels.inc lists is in the table, as itself or as the backward of a row with a gradient."""
    named = {op.name for op in OPS}
    with_gradient = {op.name for op in OPS if op.gradient}
    not_kernels = {
        "isa", "isas", "set_isa", "cpu_features", "num_threads", "set_num_threads", "default_num_threads",
        "empty", "empty_cache", "memory_stats", "huge_pages",
        "matmul_precision", "set_matmul_precision", "matmul_pieces", "Cell", "Recording", "in_range", "address",
    }  # fmt: skip
    by_other_names = {
        "copy": "transpose",
        "pack": "matmul",  # tests/test_packed.py
        "matmul_packed": "matmul",
        "sparse_softmax_cross_entropy": "softmax_cross_entropy",
        "conv2d_backward_input": "conv2d",
        "conv2d_backward_kernel": "conv2d",
        "batch_norm_backward": "batch_norm_training",
        "label_merges": "ward_linkage",
        "to_float32": "cast",
        "to_float64": "cast",
        "to_int64": "cast",
        "from_int64": "cast",
        "radius_counts": "radius_neighbors",
        "kd_tree_nearest": "nearest_neighbors",
        "kd_tree_radius": "radius_neighbors",
        "kd_tree_radius_counts": "radius_neighbors",
    }
    for name in dir(_cpu):
        if name.startswith("_") or name in not_kernels:
            continue
        row = by_other_names.get(name, name)
        assert row in named or row.removesuffix("_backward") in with_gradient, f"no row for kernel {name}"


def test_instruction_sets_give_the_same_bits() -> None:
    """AVX2 and AVX-512 (and NEON) agree to the last bit; the baseline has no fused multiply-add and does not."""
    sets = [name for name in _cpu.isas() if name != "baseline"]
    if len(sets) < 2:
        pytest.skip(f"this machine has one such instruction set: {_cpu.isas()}")
    before = _cpu.isa()
    precision = nerve.get_matmul_precision()
    try:
        nerve.set_matmul_precision("highest")
        for op in KERNELS:
            for sample in samples(op):
                outcomes = []
                for name in sets:
                    _cpu.set_isa(name)
                    args = change(sample.args, lambda x: x.astype(np.float32))
                    outcomes.append(results(op, args, copy.deepcopy(sample.kwargs)))
                for one, other in zip(*outcomes[:2], strict=True):
                    np.testing.assert_array_equal(one, other, err_msg=f"{op.name}{sample}")
    finally:
        nerve.set_matmul_precision(precision)
        _cpu.set_isa(before)
