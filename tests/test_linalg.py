"""Linear algebra beside NumPy's and SciPy's, and its gradients."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import linalg as scipy_linalg

import nerve
from nerve import layers, ops
from nerve.errors import RecordingError, ShapeError

from . import fake_cupy
from .differences import check_gradients
from .test_cuda import shim  # noqa: F401 - a fixture

rng = np.random.default_rng(12)
SQUARE = rng.normal(size=(2, 4, 4)) + np.eye(4)
TALL = rng.normal(size=(2, 5, 3))
WIDE = rng.normal(size=(2, 3, 5))
DEFINITE = SQUARE @ np.swapaxes(SQUARE, -1, -2)
COLUMNS, VECTORS = rng.normal(size=(2, 4, 3)), rng.normal(size=(2, 4))


def t(x):
    return np.swapaxes(x, -1, -2)


# name, inputs, keyword arguments, what NumPy has for it
CASES = [
    ("inv", [SQUARE], {}, np.linalg.inv),
    ("det", [SQUARE], {}, np.linalg.det),
    ("slogdet", [SQUARE], {}, np.linalg.slogdet),
    ("logdet", [DEFINITE], {}, lambda x: np.linalg.slogdet(x)[1]),
    ("pinv", [TALL], {}, np.linalg.pinv),
    ("pinv", [WIDE], {"rcond": 0.5}, np.linalg.pinv),
    ("solve", [SQUARE, COLUMNS], {}, np.linalg.solve),
    ("solve", [SQUARE, VECTORS], {}, lambda a, b: np.linalg.solve(a, b[..., None])[..., 0]),
    ("solve", [SQUARE, COLUMNS[:1]], {}, np.linalg.solve),
    ("solve_triangular", [SQUARE, COLUMNS], {}, lambda a, b: np.linalg.solve(np.triu(a), b)),
    ("solve_triangular", [SQUARE[0], VECTORS[0]], {"lower": True}, scipy_linalg.solve_triangular),
    ("lstsq", [TALL[0], VECTORS.reshape(-1)[:5]], {}, lambda a, b: np.linalg.lstsq(a, b, rcond=None)[0]),
    ("lstsq", [WIDE[0], COLUMNS[0, :3]], {}, lambda a, b: np.linalg.lstsq(a, b, rcond=None)[0]),
    ("cholesky", [DEFINITE], {}, np.linalg.cholesky),
    ("cholesky", [DEFINITE], {"upper": True}, lambda x, upper: t(np.linalg.cholesky(x))),
    ("cholesky_inverse", [np.linalg.cholesky(DEFINITE)], {}, lambda x: np.linalg.inv(DEFINITE)),
    ("cholesky_inverse", [t(np.linalg.cholesky(DEFINITE))], {"upper": True}, lambda x, upper: np.linalg.inv(DEFINITE)),
    ("eigh", [DEFINITE], {}, np.linalg.eigh),
    (
        "lu_factor",
        [SQUARE],
        {},
        lambda x: [np.stack(each) for each in zip(*map(scipy_linalg.lu_factor, x), strict=True)],
    ),
    ("qr", [TALL], {}, np.linalg.qr),
    ("qr", [WIDE], {}, np.linalg.qr),
    ("qr", [TALL], {"mode": "complete"}, np.linalg.qr),
    ("svd", [TALL], {}, np.linalg.svd),
    ("svd", [WIDE], {"full_matrices": False}, np.linalg.svd),
    ("svd", [WIDE], {"compute_uv": False}, np.linalg.svd),
    ("matrix_rank", [TALL @ WIDE], {}, np.linalg.matrix_rank),
    ("matrix_rank", [SQUARE], {"tol": 1.5}, np.linalg.matrix_rank),
    *(("norm", [TALL], {"ord": ord, "axis": (2, 1)}, np.linalg.norm) for ord in (1, -1, 2, -2, np.inf, "nuc", "fro")),
    ("norm", [TALL], {"ord": "nuc", "axis": (0, 2), "keepdims": True}, np.linalg.norm),
]
CASES.append(
    ("lu_factor", [SQUARE], {}, lambda x: tuple(map(np.stack, zip(*map(scipy_linalg.lu_factor, x), strict=True))))
)
IDS = [f"{case[0]}-{i}" for i, case in enumerate(CASES)]


def listed(found):
    return list(found) if isinstance(found, tuple | list) else [found]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("name", "inputs", "options", "reference"), CASES, ids=IDS)
def test_values(name, inputs, options, reference, dtype):
    inputs = [x.astype(dtype) for x in inputs]
    found, expected = listed(getattr(ops.linalg, name)(*inputs, **options)), listed(reference(*inputs, **options))
    tolerance = 1e-4 if dtype == np.float32 else 1e-10
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == (np.int32 if other.dtype.kind == "i" else dtype)
        np.testing.assert_allclose(one.numpy(), other, tolerance, tolerance)


@pytest.mark.parametrize(("name", "inputs", "options", "reference"), CASES, ids=IDS)
def test_in_models(name, inputs, options, reference):
    """Made of symbolic tensors, as configuration, and with batches of an unknown size."""
    arrays = [x.astype(np.float32) for x in inputs]
    expected = listed(getattr(ops, name)(*arrays, **options))
    for open_batch in (False, True) if arrays[0].ndim == 3 and len(arrays[-1]) == 2 and name != "norm" else (False,):
        symbolic = [layers.Input(x.shape[1:]) if open_batch else layers.Input(batch_shape=x.shape) for x in arrays]
        outputs = getattr(ops, name)(*symbolic, **options)
        model = nerve.Model(symbolic, list(outputs) if isinstance(outputs, tuple) else outputs)
        again = nerve.Model.from_config(model.get_config())
        for output, found, other in zip(listed(outputs), listed(again(arrays)), expected, strict=True):
            np.testing.assert_array_equal(found.numpy(), other.numpy())
            assert output.shape == ((None, *other.shape[1:]) if open_batch else other.shape)


def definite(x):
    return ops.matmul(x, x, transpose_b=True) + np.eye(x.shape[-1])


def squares(tensors):
    """Where signs are free."""
    return ops.concatenate([ops.reshape(ops.square(x), (-1,)) for x in tensors])


GRADIENTS = {
    "inv": (ops.inv, [SQUARE]),
    "det": (ops.det, [SQUARE]),
    "slogdet": (lambda x: ops.slogdet(x)[1], [SQUARE]),
    "logdet": (lambda x: ops.logdet(definite(x)), [SQUARE]),
    "pinv": (ops.pinv, [TALL]),
    "pinv of wide": (ops.pinv, [WIDE]),
    "lstsq": (ops.lstsq, [TALL[0], COLUMNS.reshape(-1)[:5]]),
    "solve": (ops.solve, [SQUARE, COLUMNS]),
    "solve for vectors": (ops.solve, [SQUARE, VECTORS]),
    "solve with one b": (ops.solve, [SQUARE, COLUMNS[:1]]),
    "solve_triangular": (ops.solve_triangular, [SQUARE + 2 * np.eye(4), COLUMNS]),
    "lower": (lambda a, b: ops.solve_triangular(a, b, lower=True), [SQUARE + 2 * np.eye(4), VECTORS]),
    "cholesky": (lambda x: ops.cholesky(definite(x)), [SQUARE]),
    "upper cholesky": (lambda x: ops.cholesky(definite(x), upper=True), [SQUARE]),
    "cholesky_inverse": (ops.cholesky_inverse, [SQUARE + 2 * np.eye(4)]),
    "eigh": (lambda x: squares(ops.eigh(definite(x))), [SQUARE]),
    "eigenvectors": (lambda x: ops.square(ops.eigh(definite(x))[1]), [SQUARE]),
    "eigenvalues": (lambda x: ops.eigh(definite(x))[0], [SQUARE]),
    "qr": (lambda x: squares(ops.qr(x)), [TALL]),
    "q": (lambda x: ops.qr(x)[0], [SQUARE]),
    "r": (lambda x: ops.qr(x)[1], [TALL]),
    "svd of tall": (lambda x: squares(ops.svd(x, full_matrices=False)), [TALL]),
    "svd of wide": (lambda x: squares(ops.svd(x, full_matrices=False)), [WIDE]),
    "svd": (lambda x: squares(ops.svd(x)), [SQUARE]),
    "u": (lambda x: ops.square(ops.svd(x, full_matrices=False)[0]), [WIDE]),
    "vh": (lambda x: ops.square(ops.svd(x, full_matrices=False)[2]), [TALL]),
    "singular values": (lambda x: ops.svd(x, compute_uv=False), [WIDE]),
    "singular values beside vectors": (lambda x: ops.svd(x)[1], [TALL]),
    "lu_factor": (lambda x: ops.lu_factor(x)[0], [SQUARE]),
    "norm 2": (lambda x: ops.norm(x, 2, axis=(1, 2)), [TALL]),
    "norm -2": (lambda x: ops.norm(x, -2, axis=(2, 0)), [TALL]),
    "nuclear norm": (lambda x: ops.norm(x, "nuc", axis=(0, 2), keepdims=True), [TALL]),
}


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients(name):
    function, inputs = GRADIENTS[name]
    check_gradients(function, inputs, rel=1e-4, abs=1e-6)


def test_determinants_of_singular_matrices():
    x = np.diag([2.0, 3.0, 0.0])
    tensor = nerve.Tensor(x)
    (gradient,) = nerve.gradients(ops.det(tensor), [tensor])
    np.testing.assert_allclose(gradient, np.diag([0.0, 0, 6]), atol=1e-12)
    sign, size = ops.slogdet(x)
    assert (sign.numpy(), size.numpy()) == (0, -np.inf)
    assert np.isnan(ops.logdet(-np.eye(3)).numpy())


def test_lower_and_upper():
    """Their product is the matrix with its rows swapped; also of a singular one, which has no gradient."""
    singular = np.array([[2.0, 4, 2], [1, 2, 1], [0, 1, 3]])
    for x in (SQUARE[0], singular):
        lu, pivots = ops.lu_factor(x)
        lower, upper = np.tril(lu.numpy(), -1) + np.eye(len(x)), np.triu(lu.numpy())
        swapped = x.copy()
        for i, j in enumerate(pivots.numpy()):
            swapped[[i, j]] = swapped[[j, i]]
        np.testing.assert_allclose(lower @ upper, swapped, atol=1e-12)
    x = nerve.Tensor(singular)
    with pytest.raises(np.linalg.LinAlgError, match=r"\[lu_factor\] Singular matrix"):
        nerve.gradients(ops.sum(ops.lu_factor(x)[0]), [x])


def test_whole_numbers_become_floats():
    found = ops.inv(np.array([[2, 0], [0, 4]]))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found.numpy(), [[0.5, 0], [0, 0.25]])
    assert ops.solve(np.eye(2, dtype=np.float32), np.ones(2)).dtype == np.float64


def test_learning_through_them():
    """In steps that run in Python, since no recording holds them."""

    class Whitened(layers.Layer):
        def call(self, x):
            factor = ops.cholesky(ops.matmul(x, x, transpose_a=True) + 0.1 * np.eye(4, dtype=np.float32))
            return ops.solve_triangular(factor, ops.transpose(x), lower=True)

    model = nerve.Sequential([nerve.Input((3,)), layers.Dense(4), Whitened(), layers.Lambda(ops.transpose)])
    model.compile("adam", "mse")
    x = rng.normal(size=(8, 3)).astype(np.float32)
    with pytest.warns(UserWarning, match="steps are not recorded, and so run slower: cholesky, which has no kernel"):
        losses = model.fit(x, np.zeros((8, 4), np.float32), epochs=3, verbose=0, batch_size=8).history["loss"]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("name", ["inv", "det", "svd", "eigh", "qr", "cholesky", "lu_factor", "matrix_rank", "slogdet"])
def test_no_recording_holds_them(name):
    recorded = nerve.compile(lambda x: getattr(ops, name)(x))
    recorded(DEFINITE[0])
    with pytest.raises(RecordingError, match="which has no kernel, on an array of a recording cannot be recorded"):
        recorded(DEFINITE[0])


def test_on_the_gpu(shim):  # noqa: F811
    with fake_cupy.installed(shim) as cupy:
        for name, inputs, options, _ in CASES:
            if name == "norm" or (name.startswith("solve") and inputs[1].shape[0] == 1):
                continue
            expected = listed(getattr(ops, name)(*inputs, **options))
            found = listed(getattr(ops, name)(*map(cupy.asarray, inputs), **options))
            for one, other in zip(found, expected, strict=True):
                np.testing.assert_allclose(one.array.get(), other.numpy(), 1e-9, 1e-9)
        for function in (ops.tril, ops.triu, ops.diag):
            np.testing.assert_array_equal(function(cupy.asarray(SQUARE[0])).array.get(), function(SQUARE[0]).numpy())
        np.testing.assert_array_equal(ops.diag(cupy.asarray(VECTORS[0]), 1).array.get(), np.diag(VECTORS[0], 1))
        x = nerve.Tensor(cupy.asarray(SQUARE))
        gradients = []
        for tensor in (x, nerve.Tensor(SQUARE)):
            u, s, _ = ops.svd(tensor)
            loss = ops.sum(ops.square(u[..., 0, :]) * s) + ops.sum(ops.inv(tensor)) + ops.sum(ops.eigh(tensor)[0])
            gradients += nerve.gradients(loss, [tensor])
        np.testing.assert_allclose(gradients[0].get(), gradients[1], 1e-7, 1e-9)


def test_errors():
    for name in ("inv", "det", "cholesky", "eigh", "lu_factor", "slogdet"):
        with pytest.raises(ShapeError, match=rf"\[{name}\] expects square matrices, got shape \(2, 5, 3\)"):
            getattr(ops, name)(TALL)
        with pytest.raises(ShapeError, match=rf"\[{name}\] expects matrices, got shape \(3,\)"):
            getattr(ops, name)(np.ones(3))
    for name, x, said in (
        ("inv", np.ones((2, 2)), "Singular matrix"),
        ("cholesky", -np.eye(2), "Matrix is not positive definite"),
    ):
        with pytest.raises(np.linalg.LinAlgError, match=rf"\[{name}\] {said}"):
            getattr(ops, name)(x)
    with pytest.raises(np.linalg.LinAlgError, match=r"\[solve\] Singular matrix"):
        ops.solve(np.ones((2, 2)), np.ones(2))
    for name, b in (("solve", np.ones((2, 3, 3))), ("solve_triangular", np.ones(4))):
        with pytest.raises(ShapeError, match=rf"\[{name}\] expects a \(\.\.\., n, n\) and b \(\.\.\., n\)"):
            getattr(ops, name)(SQUARE, b)
    with pytest.raises(ShapeError, match=r"\[lstsq\] expects a \(m, n\) and b \(m,\) or \(m, k\), got \(2, 5, 3\)"):
        ops.lstsq(TALL, np.ones(5))
    with pytest.raises(ValueError, match=r"\[qr\] mode must be 'reduced' or 'complete', got 'raw'"):
        ops.qr(TALL, mode="raw")
    for x, mode in ((WIDE, "reduced"), (TALL, "complete")):
        with pytest.raises(ValueError, match=r"\[qr\] has gradients where there are as many columns of q as of x"):
            ops.qr(nerve.Tensor(x), mode=mode)
    x = nerve.Tensor(TALL)
    with pytest.raises(ValueError, match=r"\[svd\] .* has gradients through its vectors with full_matrices=False"):
        nerve.gradients(ops.sum(ops.svd(x)[0]), [x])
    for ord, axis in (("nuc", 1), (3, (0, 1)), (2, (0, 1, 2))):
        with pytest.raises(ValueError, match=r"\[norm\] has no ord="):
            ops.norm(TALL, ord, axis=axis)
