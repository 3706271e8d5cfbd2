"""Ops under Keras's names that are made of kernels: values beside NumPy and SciPy, gradients, models, recordings."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from scipy.special import ndtr

import nerve
from nerve import layers, ops
from nerve.errors import ShapeError
from nerve.ops import (
    activations,
    arithmetic,
    bitwise,
    control,
    creation,
    cumulative,
    custom,
    diagonals,
    factorizations,
    fourier,
    image,
    linalg,
    logic,
    losses,
    missing,
    normalization,
    numbers,
    pairwise,
    products,
    rearranging,
    scattering,
    shaping,
    sorting,
    special,
    spectra,
    statistics,
    tapers,
    trigonometry,
    unfolding,
    vectorizing,
)

from .differences import check_gradients

rng = np.random.default_rng(5)
A = rng.normal(size=(3, 4))
B = rng.normal(size=(3, 4))
CUBE = rng.normal(size=(2, 3, 5))
INNER = rng.uniform(-0.95, 0.95, size=(2, 9))

# name, inputs, keyword arguments, NumPy's function
CASES = [
    ("arctan", [A * 3], {}, np.arctan),
    ("arctan2", [A, B], {}, np.arctan2),
    ("arcsin", [INNER], {}, np.arcsin),
    ("arccos", [INNER], {}, np.arccos),
    ("arctanh", [INNER], {}, np.arctanh),
    ("arccosh", [1.0 + A**2], {}, np.arccosh),
    ("arcsinh", [A * 3], {}, np.arcsinh),
    ("sinh", [A], {}, np.sinh),
    ("cosh", [A], {}, np.cosh),
    ("tan", [A], {}, np.tan),
    ("cumsum", [CUBE], {"axis": 1}, np.cumsum),
    ("gelu", [A], {"approximate": False}, lambda x, **_: x * ndtr(x)),
    ("cumprod", [CUBE], {"axis": -1}, np.cumprod),
    ("prod", [CUBE], {"axis": (0, 2)}, np.prod),
    ("norm", [CUBE], {"axis": 1}, np.linalg.norm),
    ("diagonal", [CUBE], {"offset": 1, "axis1": 2, "axis2": 1}, np.diagonal),
    ("trace", [A], {}, np.trace),
    ("diff", [CUBE], {"n": 2}, np.diff),
    ("cbrt", [A], {}, np.cbrt),
    ("hypot", [A, B], {}, np.hypot),
    ("logaddexp", [A, B], {}, np.logaddexp),
    ("kron", [A, B], {}, np.kron),
    ("rot90", [CUBE], {"k": 3, "axes": (2, 1)}, np.rot90),
    ("vdot", [A, B], {}, np.vdot),
    ("inner", [A, B], {}, np.inner),
    ("append", [A, B], {"axis": 1}, np.append),
]
EAGER = [  # what depends on all values has no recording
    ("sort", [CUBE], {"axis": 1}, np.sort),
    ("median", [CUBE], {"axis": 2}, np.median),
    ("quantile", [CUBE], {"q": 0.3, "axis": 0, "keepdims": True}, np.quantile),
]
MODULES = (
    activations, arithmetic, bitwise, control, creation, cumulative, custom, diagonals, factorizations, fourier,
    image, linalg, logic, losses, missing, normalization, numbers, pairwise, products, rearranging, scattering,
    shaping, sorting, special, spectra, statistics, tapers, trigonometry, unfolding, vectorizing,
)  # fmt: skip
OF_OTHER_MODULES = (
    ops.conv, ops.conv_transpose, ops.depthwise_conv, ops.separable_conv, ops.dot_product_attention, ops.get_item,
    ops.multi_hot,
)  # fmt: skip
IDS = [f"{case[0]}-{i}" for i, case in enumerate(CASES)]


@pytest.mark.parametrize(
    ("name", "inputs", "options", "reference"), CASES + EAGER, ids=[*IDS, *(case[0] for case in EAGER)]
)
def test_values_and_gradients(name, inputs, options, reference):
    op = getattr(ops, name)
    y, expected = op(*map(nerve.Tensor, inputs), **options), reference(*inputs, **options)
    np.testing.assert_allclose(y.numpy(), expected, rtol=1e-12, atol=1e-12)
    assert y.shape == expected.shape
    check_gradients(lambda *given: op(*given, **options), inputs, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_in_models(case):
    """In a model, saved as configuration, float32; and in a recording, the bits of a call without one."""
    name, inputs, options, _ = case
    arrays = [np.asarray(x, np.float32) for x in inputs]
    symbolic = [layers.Input(batch_shape=x.shape) for x in arrays]
    outputs = getattr(ops, name)(*symbolic, **options)
    model = nerve.Model(symbolic, outputs)
    eager = model(arrays)
    assert tuple(outputs.shape) == eager.shape
    again = nerve.Model.from_config(model.get_config())
    np.testing.assert_array_equal(again(arrays).numpy(), eager.numpy())
    recorded = nerve.compile(lambda *given: model(list(given)))
    for _ in range(4):
        found = recorded(*arrays)
    assert recorded.recorder.recordings
    np.testing.assert_array_equal(np.asarray(found), eager.numpy())


class TestAngles:
    def test_ends_and_special_values(self):
        x = np.array([0.0, -0.0, 1e30, -1e30, np.inf, -np.inf, np.nan, 1e-30], np.float32)
        np.testing.assert_array_equal(ops.arctan(x).numpy(), np.arctan(x))
        assert np.signbit(ops.arctan(x).numpy()[1])
        ends = np.array([-1.0, 1.0])
        for name in ("arcsin", "arccos"):
            np.testing.assert_allclose(getattr(ops, name)(ends).numpy(), getattr(np, name)(ends), rtol=1e-15)
        y, x = np.array([0.0, 0.0, 1.0, -1.0, 0.0]), np.array([1.0, -1.0, 0.0, 0.0, 0.0])
        np.testing.assert_allclose(ops.arctan2(y, x).numpy(), np.arctan2(y, x), rtol=1e-15)

    def test_no_gradient_at_the_origin(self):
        y, x = nerve.Tensor(np.zeros(2)), nerve.Tensor(np.zeros(2))
        for gradient in nerve.gradients(ops.sum(ops.arctan2(y, x)), [y, x]):
            np.testing.assert_array_equal(gradient, 0)


class TestOrder:
    @pytest.mark.parametrize("k", [0, 1, 3, 9])
    def test_the_largest_in_a_recording(self, k):
        """With the same bits, equal elements included."""
        x = np.round(rng.normal(size=(2, 4, 9)) * 2).astype(np.float32)
        recorded = nerve.compile(lambda x: tuple(ops.top_k(x, k)))
        for _ in range(4):
            values, indices = recorded(x)
        assert recorded.recorder.recordings
        expected = np.argsort(-x, axis=-1, kind="stable")[..., :k]
        np.testing.assert_array_equal(np.asarray(indices), expected)
        np.testing.assert_array_equal(np.asarray(values), np.take_along_axis(x, expected, -1))
        eager = ops.top_k(x, k)
        np.testing.assert_array_equal(eager.indices.numpy(), expected)
        np.testing.assert_array_equal(eager.values.numpy(), np.asarray(values))

    def test_learning_through_the_largest_in_recorded_steps(self):
        class Best(layers.Layer):
            def call(self, x):
                values, _ = ops.top_k(x, 2)
                return values

        results = []
        for eager in (True, False):
            nerve.utils.set_random_seed(1)
            model = nerve.Sequential([nerve.Input((4,)), layers.Dense(5), Best(), layers.Dense(1)])
            model.compile("sgd", "mse", run_eagerly=eager)
            x = A.astype(np.float32)
            results.append((model.fit(x, x[:, :1], epochs=6, verbose=0).history, model.get_weights()))
        assert results[0][0] == results[1][0]
        assert model._recorders["train"].refusal == ""

    def test_what_no_recording_holds(self):
        recorded = nerve.compile(lambda x: ops.sort(x))
        recorded(A)
        with pytest.raises(nerve.errors.RecordingError, match="on an array of a recording cannot be recorded"):
            recorded(A)

    def test_whole_numbers(self):
        x = np.array([[3, 1, 3], [0, 1, 1]])
        np.testing.assert_array_equal(ops.argsort(x).numpy(), np.argsort(x, kind="stable"))
        np.testing.assert_array_equal(ops.argsort(x, axis=None).numpy(), np.argsort(x, None, kind="stable"))
        np.testing.assert_array_equal(np.sort(ops.argpartition(x[0], 1).numpy()), [0, 1, 2])
        np.testing.assert_array_equal(ops.bincount(x).numpy(), [[0, 1, 0, 2], [1, 2, 0, 0]])
        np.testing.assert_array_equal(ops.unique(x).numpy(), [0, 1, 3])
        counts, edges = ops.histogram(x, bins=3)
        np.testing.assert_array_equal(counts.numpy(), [1, 3, 2])
        np.testing.assert_allclose(edges.numpy(), [0, 1, 2, 3])
        _, counts = ops.unique(x, return_counts=True)
        np.testing.assert_array_equal(counts.numpy(), [1, 3, 2])
        rows, columns = ops.nonzero(x)
        np.testing.assert_array_equal(np.stack([rows.numpy(), columns.numpy()]), np.nonzero(x))
        np.testing.assert_array_equal(ops.where(x > 1).numpy(), np.nonzero(x > 1))
        assert ops.where(np.zeros((2, 3, 4), bool)).shape == (3, 0)
        with pytest.raises(ValueError, match=r"\[where\] expects x1 and x2, or neither"):
            ops.where(x > 1, x)
        np.testing.assert_array_equal(ops.in_top_k(np.array([0, 1]), np.eye(2, 3), 1).numpy(), [True, True])
        np.testing.assert_array_equal(ops.digitize(np.array([0.5, 2.0]), np.array([0.0, 1.0, 2.0])).numpy(), [1, 3])
        np.testing.assert_array_equal(ops.searchsorted(np.arange(4.0), np.array([1.0, 2.5])).numpy(), [1, 3])
        with pytest.raises(ShapeError, match=r"\[top_k\] expects at least k=4 elements"):
            ops.top_k(x, 4)


class TestPlaces:
    def test_scatter_update(self):
        x, new = nerve.Tensor(A), nerve.Tensor(B[:2])
        y = ops.scatter_update(x, [[2], [2]], new)
        np.testing.assert_array_equal(y.numpy(), np.stack([A[0], A[1], B[1]]))
        of_x, of_new = nerve.gradients(ops.sum(y), [x, new])
        np.testing.assert_array_equal(of_x[:, 0], [1, 1, 0])
        np.testing.assert_array_equal(of_new[:, 0], [0, 1])
        for reduction, combine in (("add", np.add), ("max", np.maximum), ("min", np.minimum), ("mul", np.multiply)):
            expected = A.copy()
            for row in B[:2]:
                expected[1] = combine(expected[1], row)
            found = ops.scatter_update(A, [[1], [1]], B[:2], reduction).numpy()
            np.testing.assert_allclose(found, expected, rtol=1e-12)
        with pytest.raises(ValueError, match="reduction must be None"):
            ops.scatter_update(A, [[1]], B[:1], "mean")

    def test_new_arrays(self):
        assert ops.empty((2, 3)).shape == (2, 3)
        assert ops.empty_like(A).dtype == np.float64

    def test_scatter_and_slices(self):
        np.testing.assert_array_equal(ops.scatter([[1], [-1], [1]], np.ones(3), (4,)).numpy(), [0, 2, 0, 1])
        np.testing.assert_array_equal(ops.slice(A, (1, 1), (2, -1)).numpy(), A[1:, :])
        x = nerve.Tensor(A)
        y = ops.slice_update(x, (0, 2), np.zeros((2, 2)))
        (gradient,) = nerve.gradients(ops.sum(y), [x])
        np.testing.assert_array_equal(gradient, [[1, 1, 0, 0], [1, 1, 0, 0], [1, 1, 1, 1]])
        with pytest.raises(ShapeError, match=r"\[slice\] a part of \(4, 2\) is larger than \(3, 4\)"):
            ops.slice(A, (0, 0), (4, 2))
        with pytest.raises(ShapeError, match=r"expects indices \(..., axes\) of up to 1 axes"):
            ops.scatter([[0, 1]], np.ones(1), (4,))

    @pytest.mark.parametrize(
        "function",
        [
            lambda at: ops.slice(A, at, (1, 1)),
            lambda at: ops.slice_update(A, at, B[:1, :1]),
            lambda at: ops.ctc_decode(A[None], at[:1])[0],
            lambda at: ops.ctc_decode(ops.multiply(B[None], at[0]), [3])[0],
        ],
        ids=["slice", "slice_update", "lengths", "logits"],
    )
    def test_places_that_change_are_not_recorded(self, function):
        recorded, at = nerve.compile(function), np.array([1, 2])
        recorded(at)
        with pytest.raises(nerve.errors.RecordingError, match="on an array of a recording cannot be recorded"):
            recorded(at)


class TestControl:
    def test_branches(self):
        assert ops.cond(nerve.Tensor(np.array(1.0)) > 0.0, lambda: 1, lambda: 2) == 1
        assert ops.switch(np.int64(7), [lambda x: x, lambda x: -x], 3) == -3

    def test_loops(self):
        assert ops.while_loop(lambda i, x: i < 4, lambda i, x: (i + 1, x * 2), (0, 1)) == (4, 16)
        assert ops.while_loop(lambda i: i < 4, lambda i: i + 1, 0, maximum_iterations=2) == 2
        assert ops.fori_loop(1, 5, lambda i, x: x * i, 1) == 24

    def test_scan_and_map(self):
        x = nerve.Tensor(A)
        carry, sums = ops.scan(lambda c, x: (c + x, c + x), np.zeros(4), x)
        np.testing.assert_allclose(sums.numpy(), np.cumsum(A, 0))
        np.testing.assert_allclose(carry.numpy(), A.sum(0))
        (gradient,) = nerve.gradients(ops.sum(sums), [x])
        np.testing.assert_allclose(gradient, np.repeat([[3.0], [2], [1]], 4, 1))
        _, backwards = ops.scan(lambda c, x: (c + x, c + x), np.zeros(4), x, reverse=True)
        np.testing.assert_allclose(backwards.numpy(), np.cumsum(A[::-1], 0)[::-1])
        _, steps = ops.scan(lambda c, _: (c + 1, c), nerve.Tensor(np.zeros(())), length=3)
        np.testing.assert_array_equal(steps.numpy(), [0, 1, 2])
        found = ops.map(lambda pair: {"sum": pair[0] + pair[1]}, (A, B))
        np.testing.assert_allclose(found["sum"].numpy(), A + B)
        np.testing.assert_allclose(ops.vectorized_map(lambda row: ops.sum(row), A).numpy(), A.sum(1))
        with pytest.raises(ShapeError, match=r"\[map\] expects arrays of one length, got \[3, 7\]"):
            ops.map(lambda pair: pair, (A, np.ones(7)))


class TestWholeNumbers:
    def test_large_ones_are_exact(self):
        x = np.array([100_000_001, 16_777_217, 3])
        for found, expected in (
            (ops.floor_divide(x, 2), x // 2),
            (ops.mod(x, np.array([10, -10, 2])), x % [10, -10, 2]),
            (ops.cumsum(x), np.cumsum(x)),
            (ops.cumprod(x[1:]), np.cumprod(x[1:])),
            (ops.prod(x[None, 1:], axis=1), [x[1:].prod()]),
            (ops.count_nonzero(x > 3), 2),
        ):
            assert found.dtype == np.int64
            np.testing.assert_array_equal(found.numpy(), expected)

    def test_lists_of_floats_are_none(self):
        np.testing.assert_array_equal(ops.floor_divide([1.5, -2.5], 1).numpy(), np.float32([1, -3]))
        np.testing.assert_array_equal(ops.mod([1.5, 2.5], 2).numpy(), np.float32([1.5, 0.5]))
        assert ops.mod([1.5], 2).dtype == ops.mod(np.float32([1.5]), 2).dtype == np.float32


class TestConvolutions:
    def test_volumes_in_groups(self):
        """One for each channel; the groups beside each other are what one kernel with zeros gives."""
        volumes, kernel = rng.normal(size=(1, 3, 4, 3, 2)), rng.normal(size=(2, 2, 2, 2, 3))
        whole = np.zeros((2, 2, 2, 2, 6))
        whole[..., 0, :3], whole[..., 1, 3:] = kernel[..., 0, :], kernel[..., 1, :]
        expected = ops.conv(volumes, whole).numpy()
        np.testing.assert_allclose(ops.depthwise_conv(volumes, kernel).numpy(), expected, rtol=1e-12, atol=1e-12)
        first = ops.depthwise_conv(volumes.transpose(0, 4, 1, 2, 3), kernel, data_format="channels_first").numpy()
        np.testing.assert_allclose(first, expected.transpose(0, 4, 1, 2, 3), rtol=1e-12, atol=1e-12)


class TestImages:
    def test_borders(self):
        images = rng.normal(size=(2, 4, 5, 3)).astype(np.float32)
        padded = ops.image.pad_images(images, top_padding=1, bottom_padding=2, left_padding=0, target_width=7)
        np.testing.assert_array_equal(padded.numpy(), np.pad(images, ((0, 0), (1, 2), (0, 2), (0, 0))))
        back = ops.image.crop_images(padded, top_cropping=1, left_cropping=0, target_height=4, target_width=5)
        np.testing.assert_array_equal(back.numpy(), images)
        with pytest.raises(ValueError, match="expects two of before, after and target along an axis"):
            ops.image.pad_images(images, 1)
        with pytest.raises(ValueError, match="a size of 4 cannot become 9"):
            ops.image.crop_images(images, 1, 0, target_height=9, target_width=5)

    def test_patches_of_one_image(self):
        image = np.arange(16.0, dtype=np.float32).reshape(4, 4, 1)
        found = ops.image.extract_patches(image, 2).numpy()
        np.testing.assert_array_equal(found[0, 1], [2, 3, 6, 7])
        gray = ops.image.rgb_to_grayscale(np.ones((3, 4, 4), np.float32), data_format="channels_first")
        np.testing.assert_allclose(gray.numpy(), np.full((1, 4, 4), 0.9999), rtol=1e-6)


def test_every_name_is_tested():
    here = Path(__file__).parent
    files = (
        "test_ops_more.py", "test_ops_composed.py", "test_ops_image.py", "test_ops_numbers.py", "test_ops_arrays.py",
        "test_ops_functions.py", "test_linalg.py", "test_fourier.py", "peers/test_keras_ops.py",
    )  # fmt: skip
    text = "".join((here / file).read_text() for file in files)
    names = [name for module in MODULES for name in module.__all__] + [op.__name__ for op in OF_OTHER_MODULES]
    for name in names:
        assert re.search(rf'"(image\.)?{name}"|(ops|image)\.(image\.)?{name}\(', text) or name == "array", name
