"""Functions of `keras.ops` of numbers, windows, segments and other functions: values and gradients."""

from __future__ import annotations

import numpy as np
import pytest
from test_keras import array, keras
from test_keras_ops import compare

import nerve

torch = pytest.importorskip("torch")
pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]

rng = np.random.default_rng(17)
A, B = (rng.normal(size=(3, 4)).astype(np.float32) for _ in range(2))
LONG, SHORT = rng.normal(size=9).astype(np.float32), rng.normal(size=4).astype(np.float32)
ROWS, OTHERS = (rng.normal(size=shape).astype(np.float32) for shape in ((2, 1, 5, 3), (4, 6, 3)))
IMAGES = rng.normal(size=(2, 3, 8, 6)).astype(np.float32)
HOLES = np.where(np.abs(IMAGES) < 0.4, np.nan, IMAGES).astype(np.float32)
INTS, MORE = (rng.integers(-20, 20, (3, 4)) for _ in range(2))
DATA, IDS = rng.normal(size=(7, 3)).astype(np.float32), np.array([0, 2, 2, 0, 1, 2, 2])
SQUARES = rng.normal(size=(2, 4, 4)).astype(np.float32)
SOUND = rng.normal(size=(2, 64)).astype(np.float32)
FAR, NEAR = np.float32([1, -5.5, 1e6]), np.float32([0.1, 2, 0.3])
UNFOLDED = {"kernel_size": (2, 3), "dilation": (2, 1), "padding": (1, 2), "stride": (2, 3)}


def spectrum(*how):
    return [part.numpy() for part in nerve.ops.stft(SOUND, *how)]


CALLS = [
    ("erfinv", (np.tanh(A),), {}), ("i0", (A * 3,), {}), ("fmod", (A * 9, B), {}), ("fmod", (INTS, 7), {}),
    ("signbit", (A,), {}), ("signbit", (INTS,), {}), ("ldexp", (A, np.abs(INTS)), {}), ("gcd", (INTS, MORE), {}),
    ("lcm", (INTS, MORE), {}), ("nextafter", (A, B), {}), ("saturate_cast", (A * 200, "int8"), {}),
    ("saturate_cast", (INTS * 20, "int8"), {}), ("saturate_cast", (A, "bool"), {}),
    ("saturate_cast", (A * 1e30, "float32"), {}), ("vander", (np.array([1, 2, 3, 5]),), {}),
    ("vander", (np.array([1, 2, 3, 5]), 3), {"increasing": True}), ("cdist", (A, B), {}), ("cdist", (ROWS, OTHERS), {}),
    ("corrcoef", (A,), {}), ("corrcoef", (A[0],), {}),
    *(("correlate", (LONG, SHORT), {"mode": mode}) for mode in ("valid", "same", "full")),
    *(("correlate", (SHORT, LONG), {"mode": mode}) for mode in ("valid", "full")),
    ("unfold", (IMAGES, 3), {}), ("unfold", (IMAGES,), UNFOLDED),
    ("fold", (rng.normal(size=(2, 12, 35)).astype(np.float32), (8, 6), 2), {}),
    ("fold", (nerve.ops.unfold(IMAGES, **UNFOLDED).numpy(), (8, 6)), UNFOLDED),
    ("segment_prod", (DATA, IDS), {}), ("segment_prod", (DATA, IDS), {"num_segments": 5}),
    ("segment_prod", (np.round(DATA), IDS), {}), ("segment_min", (DATA, IDS), {}),
    ("rearrange", (IMAGES, "b c h w -> b h w c"), {}), ("rearrange", (IMAGES, "b c h w -> (b h) (w c)"), {}),
    ("rearrange", (IMAGES, "b c (h i) (w j) -> (b i j) h w c"), {"i": 2, "j": 3}), ("dsplit", (IMAGES, 4), {}),
    ("dsplit", (IMAGES, [1, 5]), {}), ("sparse_plus", (A * 2,), {}), ("sparse_sigmoid", (A * 2,), {}),
    ("lu_factor", (SQUARES,), {}), ("linalg.lu_factor", (SQUARES[0],), {}),
    *((name, (length,), {}) for name in ("bartlett", "blackman", "hamming", "hanning") for length in (1, 2, 7, 8)),
    ("kaiser", (8, 4.5), {}),
    *((name, (HOLES,), {"axis": axis}) for name in ("nanmedian", "nancumsum", "nancumprod", "nanargmax", "nanargmin")
      for axis in (None, 2)),
    *(("nanquantile", (HOLES, q), {"axis": axis, "keepdims": keepdims}) for q in (0.3, [0.1, 0.5, 1.0])
      for axis in (None, 1, (0, 2)) for keepdims in (True, False)),
    *(("nanquantile", (HOLES, 0.3), {"axis": 2, "method": method}) for method in ("lower", "higher", "nearest",
      "midpoint")),
    ("nanpercentile", (HOLES, 30.0), {"axis": 1}),
    *((name, (IMAGES,), {"axis": axis, "keepdims": keepdims}) for name in ("median", "max", "min")
      for axis in ((0, 2), (1,)) for keepdims in (True, False)),
    ("quantile", (IMAGES, [0.2, 0.7]), {"axis": (1, 3)}), ("percentile", (IMAGES, 40.0), {"axis": (0, 2)}),
    *((name, (A,), {"axis": 1, "initial": initial}) for name in ("max", "min") for initial in (-9.0, 0.2, 9.0)),
    ("cross", (DATA, DATA[::-1].copy()), {"axis": 1}), ("mod", (FAR, NEAR), {}),
    ("unique", (IDS,), {"size": 5, "fill_value": 9, "return_counts": True}),
    ("unique", (IDS, True, True, True, True), {}),
    ("linspace", (0.0, 1.0, 5), {"endpoint": False}), ("maximum", (), {"x1": A, "x2": B}),
    ("istft", (spectrum(16, 4, 16), 16, 4, 16), {}), ("istft", (spectrum(16, 4, 16), 16, 4, 16, 50), {}),
    ("istft", (spectrum(16, 5, 16, "hamming"), 16, 5, 16), {"window": "hamming"}),
    ("istft", (spectrum(15, 5, 15), 15, 5, 15, 62), {}),
    ("istft", (spectrum(8, 8, 8, None, False), 8, 8, 8), {"window": None, "center": False}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "args", "options"), CALLS, ids=[f"{i}-{c[0]}" for i, c in enumerate(CALLS)])
def test_like_keras(name, args, options):
    compare(name, args, options)


def test_short_windows_in_the_middle():
    """Keras divides the ends, where fewer windows overlap, as it does the middle."""
    parts = [rng.normal(size=(2, 14, 9)).astype(np.float32) for _ in range(2)]
    for center, inner in ((True, slice(4, -4)), (False, slice(12, -12))):
        found = nerve.ops.istft(parts, 12, 4, 16, center=center).numpy()
        expected = array(keras.ops.istft([torch.tensor(part) for part in parts], 12, 4, 16, center=center))
        assert found.shape == expected.shape
        np.testing.assert_allclose(found[:, inner], expected[:, inner], rtol=1e-4, atol=1e-5)


def test_scans_and_vectorized_functions():
    def line(a, b):
        return {"slope": a["slope"] * b["slope"], "shift": a["shift"] * b["slope"] + b["shift"]}

    x = {"slope": A, "shift": B}
    for reverse in (False, True):
        for axis in (0, 1):
            found = nerve.ops.associative_scan(line, x, reverse=reverse, axis=axis)
            expected = keras.ops.associative_scan(
                line, {k: torch.tensor(v) for k, v in x.items()}, reverse=reverse, axis=axis
            )
            for key in x:
                np.testing.assert_allclose(array(found[key]), array(expected[key]), rtol=1e-4, atol=1e-5)
    results = []
    for library in (nerve, keras):
        function = library.ops.vectorize(lambda a, b: library.ops.sum(a * b), signature="(n),(n)->()")  # noqa: B023
        pair = library.ops.vectorize(lambda a, b: a + b)
        results.append([array(function(*map(library.ops.array, (ROWS[:, 0, :1], OTHERS[0])))), array(pair(SHORT, 2.0))])
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)


def test_gradients_of_ones_own():
    """The example of Keras's documentation, which runs on all of its backends."""
    x, found = A * 50, []
    for library in (nerve, keras):
        ops = library.ops

        @ops.custom_gradient
        def log1pexp(x, ops=ops):
            e = ops.exp(x)

            def grad(*args, upstream=None):
                if upstream is None:
                    (upstream,) = args
                return ops.multiply(upstream, 1.0 - 1.0 / ops.add(1, e))

            return ops.log(1 + e), grad

        if library is nerve:
            tensor = nerve.Tensor(x)
            found.append(nerve.gradients(ops.sum(log1pexp(tensor) * B), [tensor])[0])
        else:
            tensor = torch.tensor(x, requires_grad=True)
            (log1pexp(tensor) * torch.tensor(B)).sum().backward()
            found.append(tensor.grad.numpy())
    np.testing.assert_allclose(found[0], found[1], rtol=1e-5)
    assert np.isfinite(found[0]).all()
