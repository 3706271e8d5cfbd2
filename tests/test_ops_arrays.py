"""Pairs, windows, missing numbers, segments and patterns under Keras's names, beside NumPy and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import distance

import nerve
from nerve import ops
from nerve.errors import RecordingError, ShapeError

from . import fake_cupy
from .differences import check_gradients
from .test_cuda import shim  # noqa: F401 - a fixture
from .test_ops_numbers import DATA, HOLES, IDS, IMAGES, LONG, SHORT, A, B, of_segments, rng

UNFOLDED = {"kernel_size": (2, 3), "dilation": (2, 1), "padding": (1, 2), "stride": (2, 3)}


class TestPairs:
    def test_far_from_the_origin(self):
        """Distances and their gradients keep their digits."""
        x, y = (rng.normal(size=(5, 8)).astype(np.float32) + 1000 for _ in range(2))
        a, b = nerve.Tensor(x), nerve.Tensor(y)
        found = ops.cdist(a, b)
        exact = distance.cdist(x.astype(float), y.astype(float))
        np.testing.assert_allclose(found.numpy(), exact, rtol=1e-5)
        weights = rng.normal(size=(5, 5))
        ratio = weights / exact
        expected = (ratio[..., None] * (x.astype(float)[:, None] - y.astype(float))).sum(1)
        of_a, _ = nerve.gradients(ops.sum(found * weights.astype(np.float32)), [a, b])
        np.testing.assert_allclose(of_a, expected, rtol=1e-3, atol=1e-3)

    def test_no_gradient_where_rows_are_the_same(self):
        x = nerve.Tensor(A.copy())
        (gradient,) = nerve.gradients(ops.sum(ops.cdist(x, A[:1])), [x])
        np.testing.assert_array_equal(gradient[0], 0)
        np.testing.assert_allclose(gradient[1], (A[1] - A[0]) / np.linalg.norm(A[1] - A[0]))

    def test_nothing(self):
        assert ops.cdist(np.ones((0, 3, 2)), np.ones((4, 2))).shape == (0, 3, 4)
        assert ops.corrcoef(A[0]).numpy() == pytest.approx(1)

    def test_errors(self):
        with pytest.raises(ShapeError, match=r"\[cdist\] expects rows of as many features"):
            ops.cdist(A, B[:, :3])
        with pytest.raises(ShapeError, match=r"\[cdist\] shapes .* do not broadcast"):
            ops.cdist(np.ones((2, 3, 4)), np.ones((3, 3, 4)))
        with pytest.raises(ShapeError, match=r"\[corrcoef\] expects x \(variables, observations\)"):
            ops.corrcoef(IMAGES)
        with pytest.raises(ValueError, match=r"\[correlate\] mode must be"):
            ops.correlate(LONG, SHORT, "wrap")
        with pytest.raises(ShapeError, match=r"\[correlate\] expects two sequences with elements"):
            ops.correlate(LONG, SHORT[:0])


class TestWindows:
    @pytest.mark.parametrize("length", [0, 1, 2, 7, 8])
    def test_tapers(self, length):
        for name in ("bartlett", "blackman", "hamming", "hanning"):
            found = getattr(ops, name)(length)
            assert found.dtype == np.float32
            np.testing.assert_allclose(found.numpy(), getattr(np, name)(length), atol=1e-7)
        np.testing.assert_allclose(ops.kaiser(length, 4.5).numpy(), np.kaiser(length, 4.5), atol=1e-7)
        np.testing.assert_allclose(ops.hanning(nerve.Tensor(np.int64(length))).numpy(), np.hanning(length), atol=1e-7)

    def test_unfolded(self):
        found = ops.unfold(IMAGES, **UNFOLDED).numpy()
        wide = np.pad(IMAGES, ((0, 0), (0, 0), (1, 1), (2, 2)))
        columns = [wide[:, :, r : r + 3 : 2, c : c + 3].reshape(2, -1) for r in range(0, 7, 2) for c in range(0, 10, 3)]
        np.testing.assert_array_equal(found, np.stack(columns, -1))

    def test_folded_is_unfolded_transposed(self):
        x, y = IMAGES, rng.normal(size=ops.unfold(IMAGES, **UNFOLDED).shape)
        unfolded, folded = ops.unfold(x, **UNFOLDED).numpy(), ops.fold(y, (7, 8), **UNFOLDED).numpy()
        assert np.vdot(unfolded, y) == pytest.approx(np.vdot(x, folded), rel=1e-12)

    def test_errors(self):
        with pytest.raises(ShapeError, match=r"\[unfold\] expects x \(batch, channels, height, width\)"):
            ops.unfold(A, 2)
        with pytest.raises(ShapeError, match=r"\[unfold\] no window of \(8, 2\)"):
            ops.unfold(IMAGES, (8, 2))
        with pytest.raises(ValueError, match=r"\[unfold\] stride expects one integer or two"):
            ops.unfold(IMAGES, 2, stride=(1, 2, 3))
        with pytest.raises(ShapeError, match=r"\[fold\] expects x \(batch, channels \* 4, 6\), got shape \(2, 12, 5\)"):
            ops.fold(np.ones((2, 12, 5)), (4, 6), 2, stride=2)
        with pytest.raises(ValueError, match=r"\[kaiser\] x expects integers >= 0"):
            ops.kaiser(-1, 2.0)


class TestMissing:
    @pytest.mark.parametrize("axis", [None, 0, 1])
    def test_beside_numpy(self, axis):
        for name in ("nanmedian", "nancumsum", "nancumprod", "nanargmax", "nanargmin"):
            found = getattr(ops, name)(HOLES, axis=axis)
            np.testing.assert_allclose(found.numpy(), getattr(np, name)(HOLES, axis=axis), rtol=1e-12)
        for method in ("linear", "lower", "higher", "nearest", "midpoint"):
            for keepdims in (True, False):
                options = {"axis": axis, "method": method, "keepdims": keepdims}
                for q in (0.3, np.array([0.1, 0.5, 1.0])):
                    found = ops.nanquantile(HOLES, q, **options)
                    np.testing.assert_allclose(found.numpy(), np.nanquantile(HOLES, q, **options), rtol=1e-12)
                    found = ops.quantile(HOLES, q, **options)
                    np.testing.assert_allclose(found.numpy(), np.quantile(HOLES, q, **options), rtol=1e-12)
        found = ops.nanpercentile(HOLES, 40, axis=axis)
        np.testing.assert_allclose(found.numpy(), np.nanpercentile(HOLES, 40, axis=axis), rtol=1e-12)

    def test_along_two_axes(self):
        x = np.where(np.abs(IMAGES) < 0.5, np.nan, IMAGES)
        found = ops.nanquantile(x, [0.2, 0.7], axis=(0, 2), keepdims=True).numpy()
        np.testing.assert_allclose(found, np.nanquantile(x, [0.2, 0.7], axis=(0, 2), keepdims=True), rtol=1e-12)

    def test_nothing_left(self):
        x = np.array([[np.nan, np.nan], [1.0, np.nan]])
        np.testing.assert_array_equal(ops.nanmedian(x, axis=1).numpy(), [np.nan, 1])
        np.testing.assert_array_equal(ops.nanargmax(x, axis=1).numpy(), [-1, 0])
        np.testing.assert_array_equal(ops.nanargmin(x, axis=0, keepdims=True).numpy(), [[1, -1]])
        np.testing.assert_array_equal(ops.nanargmax(np.array([[2**24 + 1, 2**24]]), axis=1).numpy(), [0])

    def test_gradients_go_to_what_is_there(self):
        x = nerve.Tensor(np.array([[3.0, np.nan, 1.0, 7.0, 5.0]]))
        (gradient,) = nerve.gradients(ops.sum(ops.nanmedian(x, axis=1)), [x])
        np.testing.assert_array_equal(gradient, [[0.5, 0, 0, 0, 0.5]])
        (gradient,) = nerve.gradients(ops.sum(ops.nancumsum(x, axis=1)), [x])
        np.testing.assert_array_equal(gradient, [[5, 0, 3, 2, 1]])

    def test_in_recordings(self):
        for function in (ops.nancumsum, lambda x: ops.nanargmax(x, axis=1)):
            recorded = nerve.compile(function)
            for _ in range(4):
                found = recorded(HOLES)
            assert recorded.recorder.recordings
            np.testing.assert_array_equal(np.asarray(found), function(HOLES).numpy())
        recorded = nerve.compile(ops.nanmedian)
        recorded(HOLES)
        with pytest.raises(RecordingError, match="on an array of a recording cannot be recorded"):
            recorded(HOLES)

    def test_errors(self):
        with pytest.raises(ValueError, match=r"\[nanquantile\] q must be numbers in \[0, 1\], got 1.5"):
            ops.nanquantile(A, 1.5)
        with pytest.raises(ValueError, match=r"\[nanquantile\] method must be one of"):
            ops.nanquantile(A, 0.5, method="hazen")


class TestOrder:
    def test_along_two_axes(self):
        for name, arguments in (("quantile", (0.3,)), ("median", ()), ("percentile", ([20.0, 60.0],))):
            for axis in ((0, 2), (1,), None):
                for keepdims in (True, False):
                    found = getattr(ops, name)(IMAGES, *arguments, axis=axis, keepdims=keepdims)
                    expected = getattr(np, name)(IMAGES, *arguments, axis=axis, keepdims=keepdims)
                    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12)

    def test_on_the_gpu(self, shim):  # noqa: F811
        with fake_cupy.installed(shim) as cupy:
            x, here = nerve.Tensor(cupy.asarray(HOLES)), nerve.Tensor(HOLES)
            whole = nerve.Tensor(cupy.asarray(A))
            for function, tensor, other in (
                (ops.sort, whole, nerve.Tensor(A)),
                (lambda x: ops.quantile(x, [0.2, 0.7], axis=1), whole, nerve.Tensor(A)),
                (lambda x: ops.nanquantile(x, 0.4, axis=0), x, here),
                (lambda x: ops.nancumsum(x, axis=1), x, here),
            ):
                found, expected = function(tensor), function(other)
                np.testing.assert_allclose(found.array.get(), expected.numpy(), rtol=1e-12)
                one = nerve.gradients(ops.sum(ops.square(found)), [tensor])[0]
                np.testing.assert_allclose(one.get(), nerve.gradients(ops.sum(ops.square(expected)), [other])[0])
            for name in ("nanargmax", "nanargmin"):
                found = getattr(ops, name)(x, axis=1)
                np.testing.assert_array_equal(found.array.get(), getattr(np, name)(HOLES, axis=1))

    def test_as_many_as_wanted(self):
        x = np.array([3, 1, 2, 1, 7])
        values, counts = ops.unique(x, return_counts=True, size=6, fill_value=-1)
        np.testing.assert_array_equal(values.numpy(), [1, 2, 3, 7, -1, -1])
        np.testing.assert_array_equal(counts.numpy(), [2, 1, 1, 1, 0, 0])
        values, index, inverse = ops.unique(x, return_index=True, return_inverse=True, size=2)
        np.testing.assert_array_equal(values.numpy(), [1, 2])
        np.testing.assert_array_equal(index.numpy(), [1, 2])
        np.testing.assert_array_equal(inverse.numpy(), [2, 0, 1, 0, 3])
        rows = ops.unique(np.array([[1, 2], [1, 2], [0, 4]]), axis=0, size=3)
        np.testing.assert_array_equal(rows.numpy(), [[0, 4], [1, 2], [0, 0]])


class TestArguments:
    def test_a_bound_of_extrema(self):
        x = nerve.Tensor(A)
        for name in ("max", "min"):
            for initial in (-9.0, 0.2, 9.0):
                found = getattr(ops, name)(x, axis=1, initial=initial)
                np.testing.assert_array_equal(found.numpy(), getattr(np, name)(A, axis=1, initial=initial))
                (gradient,) = nerve.gradients(ops.sum(found), [x])
                reached = (found.numpy()[:, None] == A) * 1.0
                np.testing.assert_array_equal(gradient, reached)

    def test_vectors_along_axes_of_their_own(self):
        x, y = rng.normal(size=(3, 5)), rng.normal(size=(5, 3))
        found = ops.cross(x, y, axisa=0, axisc=0)
        np.testing.assert_allclose(found.numpy(), np.cross(x, y, axisa=0, axisc=0), rtol=1e-12)
        check_gradients(lambda x, y: ops.cross(x, y, axisa=0, axisc=0), [x, y])
        np.testing.assert_allclose(ops.cross(x, y.T, axis=0).numpy(), np.cross(x, y.T, axis=0), rtol=1e-12)

    def test_spaces(self):
        start, stop = np.array([1.0, 2]), np.array([5.0, 9])
        for name in ("linspace", "logspace", "geomspace"):
            found = getattr(ops, name)(start, nerve.Tensor(stop), 4, axis=-1, dtype="float64")
            np.testing.assert_allclose(found.numpy(), getattr(np, name)(start, stop, 4, axis=-1), rtol=1e-12)
        numbers, step = ops.linspace(0.0, 1.0, 5, False, True)
        np.testing.assert_allclose(numbers.numpy(), np.float32([0, 0.2, 0.4, 0.6, 0.8]))
        assert step.item() == pytest.approx(0.2)

    def test_names_of_two(self):
        np.testing.assert_array_equal(ops.maximum(x1=A, x2=B).numpy(), np.maximum(A, B))
        np.testing.assert_array_equal(ops.less(A, x2=B).numpy(), A < B)
        np.testing.assert_allclose(ops.matmul(x1=A, x2=B.T).numpy(), A @ B.T)
        np.testing.assert_array_equal(ops.concatenate(xs=[A, B]).numpy(), np.concatenate([A, B]))
        np.testing.assert_array_equal(ops.stop_gradient(variable=A).numpy(), A)

    def test_by_position(self):
        np.testing.assert_array_equal(ops.qr(A.T, "complete")[0].numpy(), np.linalg.qr(A.T, "complete")[0])
        np.testing.assert_array_equal(ops.pinv(A, 0.5).numpy(), np.linalg.pinv(A, 0.5))
        assert ops.matrix_rank(A, 1e9).numpy() == 0

    def test_what_there_is_not(self):
        for call in (
            lambda: ops.one_hot(IDS, 5, sparse=True),
            lambda: ops.moments(A, 1, synchronized=True),
            lambda: ops.convert_to_tensor(A, ragged=True),
        ):
            with pytest.raises(ValueError, match="must be False"):
                call()

    def test_as_many_slices(self):
        assert len(ops.unstack(A, num=4, axis=1)) == len(ops.unstack(A, 4, 1)) == 4
        x = nerve.Tensor(A)
        (gradient,) = nerve.gradients(ops.sum(ops.unstack(x, None, 1)[2] * 3.0), [x])
        np.testing.assert_array_equal(gradient, np.tile([0, 0, 3, 0], (3, 1)))
        with pytest.raises(ShapeError, match=r"\[unstack\] expects 3 slices along axis 1, got shape \(3, 4\)"):
            ops.unstack(A, num=3, axis=1)


class TestSegments:
    def test_errors(self):
        with pytest.raises(ShapeError, match=r"\[segment_prod\] expects an id for each of \(7,\) elements, got \(3,\)"):
            ops.segment_prod(DATA, IDS[:3])
        with pytest.raises(IndexError, match=r"\[segment_prod\] expects ids in 0..2, got 0..4"):
            ops.segment_prod(DATA, IDS, 3)

    def test_without_a_number(self):
        expected = of_segments(np.prod, 1)(DATA, IDS, 5)
        np.testing.assert_allclose(ops.segment_prod(DATA, IDS).numpy(), expected, rtol=1e-12)
        assert ops.segment_prod(DATA[:0], IDS[:0], 2).numpy().tolist() == [[1.0] * 3] * 2


class TestPatterns:
    def test_one_axis_and_several(self):
        np.testing.assert_array_equal(ops.rearrange(A, "a b -> (b a)").numpy(), A.T.reshape(-1))
        np.testing.assert_array_equal(ops.rearrange(A, "(a) b->b a").numpy(), A.T)
        np.testing.assert_array_equal(ops.rearrange(A[0], "(a b) -> a b", a=2).numpy(), A[0].reshape(2, 2))

    @pytest.mark.parametrize(
        ("pattern", "sizes", "error", "match"),
        [
            ("a b -> a", {}, ValueError, "the same axes on both sides"),
            ("a b, b a", {}, ValueError, "expects names of axes"),
            ("a a -> a a", {}, ValueError, "the same axes on both sides"),
            ("a b ... -> b a ...", {}, ValueError, "expects names of axes"),
            ("a b -> b a", {"c": 2}, ValueError, "has no axis 'c'"),
            ("a (b c) -> a b c", {}, ValueError, "needs the size of 'b' or 'c'"),
            ("a b c -> c b a", {}, ShapeError, r"expects 3 axes, got shape \(3, 4\)"),
            ("a (b c) -> a b c", {"b": 3}, ShapeError, r"an axis of 4 elements is not \(b c\)"),
            ("a b -> b a", {"a": 2}, ShapeError, r"an axis of 3 elements is not \(a\)"),
        ],
    )
    def test_errors(self, pattern, sizes, error, match):
        with pytest.raises(error, match=match):
            ops.rearrange(A, pattern, **sizes)

    def test_cut(self):
        with pytest.raises(ShapeError, match=r"\[dsplit\] expects at least three axes"):
            ops.dsplit(A, 2)
