"""Scans, functions of single elements, and functions with gradients of their own."""

from __future__ import annotations

import numpy as np
import pytest

import nerve
from nerve import layers, ops
from nerve.errors import ShapeError

from .test_ops_numbers import LONG, SHORT, A, B, rng


class TestScans:
    def test_matrices_in_their_order(self):
        """Products of matrices, which do not commute, along the second axis and backwards."""
        x = rng.normal(size=(2, 6, 3, 3))
        found = ops.associative_scan(lambda a, b: {"m": ops.matmul(a["m"], b["m"])}, {"m": nerve.Tensor(x)}, axis=1)
        expected = [x[:, 0]]
        for i in range(1, 6):
            expected.append(expected[-1] @ x[:, i])
        np.testing.assert_allclose(found["m"].numpy(), np.stack(expected, 1), rtol=1e-10)
        back = ops.associative_scan(lambda a, b: a + b, A, reverse=True, axis=1).numpy()
        np.testing.assert_allclose(back, np.cumsum(A[:, ::-1], 1)[:, ::-1])

    def test_errors(self):
        with pytest.raises(ShapeError, match=r"\[associative_scan\] expects arrays of one length along axis 0"):
            ops.associative_scan(lambda a, b: a, [A, LONG])
        with pytest.raises(ShapeError, match=r"\[associative_scan\] axis -1 is not the same one"):
            ops.associative_scan(lambda a, b: a, [A, LONG[:4]], axis=-1)


class TestVectorized:
    def test_beside_numpy(self):
        x, y = nerve.Tensor(A), nerve.Tensor(SHORT)
        function = ops.vectorize(lambda a, b: (a * b, a - b))
        product, difference = function(x, y)
        np.testing.assert_allclose(product.numpy(), A * SHORT)
        np.testing.assert_allclose(difference.numpy(), A - SHORT)
        (gradient,) = nerve.gradients(ops.sum(product), [y])
        np.testing.assert_allclose(gradient, A.sum(0))

    def test_signature(self):
        inner = ops.vectorize(lambda m, v: ops.matmul(m, v), signature="(m,n),(n)->(m)")
        m, v = rng.normal(size=(2, 1, 3, 4)), rng.normal(size=(5, 4))
        np.testing.assert_allclose(inner(m, v).numpy(), (m @ v[:, :, None])[..., 0])
        assert inner(m[0, 0], v[0]).shape == (3,)
        with pytest.raises(ShapeError, match=r"\[vectorize\] axis 'n' is 4 and 5 in one call"):
            inner(m, np.ones(5))
        with pytest.raises(ShapeError, match=r"\[vectorize\] expects at least the axes \(m,n\)"):
            inner(v[0], v)
        with pytest.raises(ValueError, match=r"\[vectorize\] expects 2 arrays, got 1"):
            inner(m)

    def test_in_a_model(self):
        x = layers.Input((4,))
        model = nerve.Model(x, ops.vectorize(lambda row: row / ops.sum(row), signature="(n)->(n)")(x))
        np.testing.assert_allclose(model(B).numpy(), B / B.sum(1, keepdims=True), rtol=1e-5)

    def test_excluded(self):
        function = ops.vectorize(lambda a, how, scale=1.0: a * scale if how == "scaled" else a, excluded={1})
        np.testing.assert_allclose(function(A, "scaled", scale=2.0).numpy(), 2 * A)
        assert function(A, "plain").shape == A.shape

    def test_errors(self):
        with pytest.raises(ValueError, match=r"\[vectorize\] expects a function, got 3"):
            ops.vectorize(3)
        with pytest.raises(ValueError, match=r"\[vectorize\] signature expects axes such as"):
            ops.vectorize(np.add, signature="(m,n)")
        with pytest.raises(ShapeError, match=r"\[vectorize\] expects at least one element"):
            ops.vectorize(lambda a: a)(np.ones(0))


@ops.custom_gradient
def clipped_gradient(x, scale):
    """The values as they are, whose gradients are halved."""

    def grad(*args, upstream):
        assert len(args) == 2
        return upstream * 0.5, ops.sum(upstream * args[0])

    return x * scale, grad


class TestOwnGradients:
    def test_a_pair(self):
        x, scale = nerve.Tensor(A), nerve.Tensor(np.array(3.0))
        y = clipped_gradient(x, scale)
        np.testing.assert_array_equal(y.numpy(), 3 * A)
        of_x, of_scale = nerve.gradients(ops.sum(y * B), [x, scale])
        np.testing.assert_allclose(of_x, B / 2)
        assert of_scale == pytest.approx((A * B).sum())

    def test_by_position_and_of_several_outputs(self):
        @ops.custom_gradient
        def both(pair):
            return (pair[0] + pair[1], pair[0] * pair[1]), lambda a, b: [a * 10.0, b]

        x, y = nerve.Tensor(A), nerve.Tensor(B)
        _, product = both([x, y])
        np.testing.assert_allclose(product.numpy(), A * B)
        of_x, of_y = nerve.gradients(ops.sum(product * 2.0), [x, y])
        np.testing.assert_array_equal(of_x, 0)
        np.testing.assert_array_equal(of_y, 2)

    def test_in_recorded_steps(self):
        def step(x):
            x = nerve.Tensor(x)
            return nerve.gradients(ops.sum(ops.square(clipped_gradient(x, 3.0))), [x])[0]

        recorded = nerve.compile(step)
        for _ in range(4):
            found = recorded(A)
        assert recorded.recorder.recordings
        np.testing.assert_allclose(np.asarray(found), 3 * A)

    def test_in_a_model(self):
        x = layers.Input((4,))
        model = nerve.Model(x, clipped_gradient(layers.Dense(4, use_bias=False)(x), 1.0))
        again = nerve.Model.from_config(model.get_config(), custom_objects={"clipped_gradient": clipped_gradient})
        again.set_weights(model.get_weights())
        np.testing.assert_array_equal(again(A).numpy(), model(A).numpy())
        weights = model.trainable_variables[0]
        (gradient,) = nerve.gradients(ops.sum(model(A)), [weights])
        np.testing.assert_allclose(gradient, np.repeat(A.sum(0)[:, None], 4, 1) / 2, rtol=1e-5)

    def test_errors(self):
        short = ops.custom_gradient(lambda x, y: (x + y, lambda upstream: upstream))
        x = nerve.Tensor(A)
        y = short(x, B)
        with pytest.raises(ValueError, match=r"\[custom_gradient\] expects 2 gradients of <lambda>, one for each"):
            nerve.gradients(ops.sum(y), [x])
        for gradient, got in ((None, "None"), (1.0, "1.0"), (A[0], r"shape \(4,\)"), (A[:2], r"shape \(2, 4\)")):
            wrong = ops.custom_gradient(lambda x, gradient=gradient: (x * 2.0, lambda upstream: gradient))
            with pytest.raises(ShapeError, match=rf"expects of <lambda> a gradient \(3, 4\), got {got}$"):
                nerve.gradients(ops.sum(wrong(x)), [x])

    def test_of_what_was_broadcast(self):
        double = ops.custom_gradient(lambda x: (x * B, lambda upstream: upstream * 2.0))
        x = nerve.Tensor(A[:1])
        np.testing.assert_array_equal(nerve.gradients(ops.sum(double(x)), [x])[0], np.full((1, 4), 6.0))
