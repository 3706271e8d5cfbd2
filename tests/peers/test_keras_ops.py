"""Functions of `keras.ops`, one by one: values, and gradients of what is not whole numbers."""

from __future__ import annotations

import numpy as np
import pytest
from test_keras import array, keras  # skips this file too where Keras is not installed

import nerve
from nerve import ops

torch = pytest.importorskip("torch")
pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]

rng = np.random.default_rng(6)
A = rng.normal(size=(3, 4)).astype(np.float32)
B = rng.normal(size=(3, 4)).astype(np.float32)
V = rng.normal(size=7).astype(np.float32)
CUBE = rng.normal(size=(2, 3, 5)).astype(np.float32)
SQUARE = rng.normal(size=(4, 4)).astype(np.float32)
DEFINITE = SQUARE @ SQUARE.T + np.eye(4, dtype=np.float32)
P = (lambda e: e / e.sum(-1, keepdims=True))(np.exp(A)).astype(np.float32)
LABELS = np.array([3, 0, 2])
INTS = np.array([[4, -7, 9], [3, 5, -2]])
HOLES = np.where(np.abs(A) < 0.3, np.nan, A).astype(np.float32)
FAR = np.where(A > 1, np.inf, np.where(A < 0, -np.inf, A)).astype(np.float32)
SERIES = rng.normal(size=(2, 9, 4)).astype(np.float32)
IMAGES = rng.normal(size=(2, 6, 7, 4)).astype(np.float32)
VOLUMES = rng.normal(size=(1, 4, 5, 4, 2)).astype(np.float32)
HEADS = [rng.normal(size=(2, n, 4, 3)).astype(np.float32) for n in (5, 6, 6)]
GROUPS = [HEADS[0], HEADS[1][:, :, :2], HEADS[2][:, :, :2]]
BIAS = rng.normal(size=(4, 5, 6)).astype(np.float32)
SEEN = rng.random((2, 1, 5, 6)) > 0.3
SOUND = rng.normal(size=(2, 60)).astype(np.float32)


def kernel(*shape):
    return np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)


# name, arguments, keyword arguments
CALLS = [
    # elements
    ("floor_divide", (A, B), {}), ("floor_divide", (INTS, 2), {}), ("mod", (A, B), {}), ("mod", (INTS, 4), {}),
    ("true_divide", (A, B), {}), ("divide_no_nan", (A, np.where(B > 0, B, 0)), {}), ("log2", (np.abs(A),), {}),
    ("log10", (np.abs(A),), {}), ("exp2", (A,), {}), ("logaddexp", (A, B), {}), ("cbrt", (A,), {}),
    ("hypot", (A, B), {}), ("trunc", (A * 3,), {}), ("deg2rad", (A,), {}), ("rad2deg", (A,), {}),
    ("heaviside", (np.sign(A), B), {}), ("logical_xor", (A > 0, B > 0), {}), ("isclose", (A, A + np.float32(1e-6)), {}),
    ("allclose", (A, B), {}), ("nan_to_num", (HOLES,), {}), ("nan_to_num", (HOLES,), {"nan": 2.0}),
    ("swish", (A,), {}), ("log_sigmoid", (A * 20,), {}), ("hard_silu", (A * 3,), {}), ("hard_swish", (A * 3,), {}),
    ("hard_tanh", (A,), {}), ("celu", (A, 0.7), {}), ("glu", (A,), {}),
    ("glu", (CUBE.transpose(2, 1, 0),), {"axis": 2}),
    ("soft_shrink", (A, 0.3), {}), ("hard_shrink", (A, 0.3), {}), ("tanh_shrink", (A,), {}), ("gelu", (A,), {}),
    ("gelu", (A,), {"approximate": False}), ("threshold", (A, 0.2, -3.0), {}), ("squareplus", (A,), {}),
    ("leaky_relu", (A,), {"negative_slope": 0.3}), ("elu", (A, 0.5), {}), ("arctan2", (A, B), {}), ("sinh", (A,), {}),
    ("cast", (A * 5, "int32"), {}), ("where", (), {"condition": A > 0, "x1": A, "x2": B}),
    ("fabs", (A,), {}), ("fmax", (B, HOLES), {}), ("fmin", (HOLES, B), {}), ("isposinf", (FAR,), {}),
    ("isneginf", (FAR,), {}), ("erfc", (A,), {}), ("logaddexp2", (A, B), {}), ("sinc", (A,), {}),
    ("sinc", (np.round(A),), {}), ("select", ([A > 1, A > 0], [A, B]), {}), ("nanprod", (HOLES,), {"axis": 0}),
    ("nanvar", (HOLES,), {"axis": 1}), ("nanstd", (HOLES,), {}), ("trapezoid", (A,), {"dx": 0.5}),
    ("trapezoid", (A,), {"x": np.sort(V[:3]), "axis": 0}), ("isin", (LABELS, np.array([0, 3])), {}),
    ("percentile", (A, 30.0), {"axis": 1}), ("diagflat", (A,), {"k": 1}), ("get_item", (A, 1), {}),
    ("geomspace", (1.0, 16.0, 5), {}),
    # reductions and scans
    ("cumsum", (CUBE,), {}), ("cumsum", (CUBE,), {"axis": 1}), ("cumsum", (INTS,), {"axis": 1}),
    ("cumprod", (CUBE,), {"axis": -1}), ("cumprod", (V,), {}), ("prod", (CUBE,), {}),
    ("prod", (CUBE,), {"axis": (0, 2)}),
    ("prod", (CUBE,), {"axis": 2, "keepdims": True}), ("prod", (INTS,), {"axis": 0}), ("amin", (A,), {"axis": 0}),
    ("ptp", (A,), {"axis": 1}), ("count_nonzero", (np.round(A),), {"axis": 0}), ("where", (A > 0,), {}),
    ("norm", (CUBE,), {}),
    ("norm", (CUBE,), {"axis": 1}), ("norm", (A,), {"ord": 1, "axis": 1}), ("norm", (A,), {"ord": np.inf, "axis": 0}),
    ("norm", (A,), {"ord": "fro", "axis": (0, 1), "keepdims": True}), ("norm", (A,), {"ord": 1, "axis": (0, 1)}),
    ("norm", (A,), {"ord": -np.inf, "axis": (0, 1)}), ("norm", (A,), {"ord": 3, "axis": -1}),
    ("diagonal", (CUBE,), {"axis1": 1, "axis2": 2}), ("diagonal", (A,), {"offset": -1}), ("trace", (SQUARE,), {}),
    ("diff", (A,), {}), ("diff", (CUBE,), {"n": 2, "axis": 2}), ("nansum", (HOLES,), {"axis": 0}),
    ("nanmean", (HOLES,), {"axis": 1}), ("nanmax", (HOLES,), {"axis": 1}), ("nanmin", (HOLES,), {}),
    ("argmax", (A,), {"axis": 1, "keepdims": True}), ("argmin", (A,), {"axis": 0}), ("std", (A,), {"axis": 0}),
    # linear algebra
    ("inv", (SQUARE,), {}), ("det", (SQUARE,), {}), ("slogdet", (SQUARE,), {}), ("logdet", (DEFINITE,), {}),
    ("pinv", (A,), {}), ("pinv", (A,), {"rcond": 0.5}), ("solve", (SQUARE, A.T.copy()), {}),
    ("solve", (SQUARE, A[0]), {}), ("solve_triangular", (DEFINITE, A.T.copy()), {}),
    ("linalg.solve_triangular", (DEFINITE, A[0]), {"lower": True}), ("lstsq", (A.T.copy(), V[:4]), {}),
    ("lstsq", (A, B[:, :2].copy()), {}), ("cholesky", (DEFINITE,), {}),
    ("linalg.cholesky", (DEFINITE,), {"upper": True}), ("cholesky_inverse", (DEFINITE,), {}),
    ("cholesky_inverse", (DEFINITE,), {"upper": True}), ("linalg.norm", (CUBE,), {"ord": 2, "axis": (1, 2)}),
    ("norm", (CUBE,), {"ord": "nuc", "axis": (1, 2)}), ("qr", (A.T.copy(),), {}),
    ("svd", (A,), {"compute_uv": False}), ("eigh", (np.diag(V),), {}), ("matrix_rank", (A,), {}),
    ("matrix_rank", (SQUARE,), {"tol": 1.0}),
    # Fourier transforms
    ("fft", ([A, B],), {}), ("fft2", ([A, B],), {}), ("ifft2", ([CUBE, CUBE[::-1].copy()],), {}), ("rfft", (CUBE,), {}),
    ("rfft", (CUBE, 7), {}), ("rfft", (CUBE, 4), {}), ("irfft", ([A, B],), {}), ("irfft", ([A, B], 9), {}),
    ("irfft", ([A, B], 4), {}), ("extract_sequences", (SOUND, 16, 5), {}), ("stft", (SOUND, 16, 5, 16), {}),
    ("stft", (SOUND, 12, 4, 16, "hamming"), {}), ("stft", (SOUND, 11, 4, 16, None, False), {}),
    ("stft", (SOUND, 7, 4, 15, V), {"center": False}),
    # bits
    ("bitwise_and", (INTS, INTS[::-1].copy()), {}), ("bitwise_and", (INTS, 5), {}), ("bitwise_or", (INTS, 8), {}),
    ("bitwise_or", (A > 0, B > 0), {}), ("bitwise_xor", (INTS, INTS[0]), {}), ("bitwise_not", (INTS,), {}),
    ("bitwise_invert", (A > 0,), {}), ("bitwise_left_shift", (INTS, 3), {}),
    ("bitwise_right_shift", (INTS, np.array([0, 1, 2])), {}), ("left_shift", (INTS, np.array([0, 1, 2])), {}),
    ("right_shift", (INTS, 2), {}),
    # order
    ("sort", (CUBE,), {}), ("sort", (CUBE,), {"axis": 0}), ("argsort", (A,), {}), ("argsort", (A,), {"axis": 0}),
    ("top_k", (CUBE, 3), {}), ("in_top_k", (LABELS, A, 2), {}), ("median", (CUBE,), {"axis": 2}),
    ("median", (CUBE,), {"axis": 0, "keepdims": True}), ("median", (V,), {}), ("quantile", (CUBE, 0.3), {"axis": 2}),
    ("quantile", (A, [0.1, 0.5, 1.0]), {"axis": 0}),
    ("quantile", (A, 0.4), {"axis": 1, "method": "nearest"}), ("searchsorted", (np.sort(V), A.reshape(-1)), {}),
    ("digitize", (A, np.array([-1.0, 0.0, 0.5], np.float32)), {}), ("bincount", (np.array([1, 0, 4, 1]),), {}),
    ("bincount", (np.array([1, 0, 2, 1]),), {"weights": V[:4], "minlength": 5}),
    # shapes
    ("append", (A, B), {}), ("append", (A, B), {"axis": 1}), ("hstack", ([A, B],), {}), ("hstack", ([V, V],), {}),
    ("vstack", ([A, B],), {}), ("vstack", ([V, V],), {}), ("dstack", ([A, B],), {}), ("concatenate", ([A, B],), {}),
    ("array_split", (V, 3), {}), ("hsplit", (A, 2), {}), ("vsplit", (SQUARE, [1, 3]), {}), ("flipud", (A,), {}),
    ("fliplr", (A,), {}), ("rot90", (A,), {}), ("rot90", (CUBE,), {"k": 3, "axes": (1, 2)}), ("inner", (A, B), {}),
    ("vdot", (V, V[::-1].copy()), {}), ("kron", (A, SQUARE), {}), ("take", (A, [1, 5, 7]), {}),
    ("cross", (A[:2, :3], B[:2, :3]), {}),
    ("take", (A, [2, 0]), {"axis": 1}), ("meshgrid", (V, A[0]), {}), ("meshgrid", (V, A[0]), {"indexing": "ij"}),
    ("copy", (A,), {}), ("identity", (3,), {}), ("tri", (3, 4, 1), {}), ("logspace", (0.0, 2.0, 5), {}),
    ("unravel_index", (np.array([5, 7]), (3, 4)), {}), ("one_hot", (LABELS, 4), {}),
    ("one_hot", (LABELS,), {"num_classes": 4, "axis": 0}), ("multi_hot", (LABELS, 4), {}),
    ("slice", (CUBE, (0, 1, 2), (2, 2, 3)), {}),
    ("slice_update", (A, (1, 2), B[:2, :2]), {}), ("scatter", ([[0, 1], [2, 3], [0, 1]], V[:3], (3, 4)), {}),
    ("scatter", ([[0], [2]], A[:2], (5, 4)), {}), ("scatter_update", (A, [[0, 1], [2, 3]], V[:2]), {}),
    ("scatter_update", (A, [[0], [2]], B[:2]), {}), ("scatter_update", (A, [[0], [0]], B[:2]), {"reduction": "add"}),
    ("scatter_update", (A, [[0], [0]], B[:2]), {"reduction": "max"}),
    ("depth_to_space", (IMAGES, 2), {}), ("space_to_depth", (IMAGES[:, :, :6], 2), {}), ("arange", (5,), {}),
    # networks
    ("conv", (SERIES, kernel(3, 4, 5)), {}), ("conv", (SERIES, kernel(3, 4, 5)), {"strides": 2, "padding": "same"}),
    ("conv", (IMAGES, kernel(3, 2, 4, 5)), {"dilation_rate": (1, 2)}), ("conv", (IMAGES, kernel(3, 3, 2, 6)), {}),
    ("conv", (IMAGES.transpose(0, 3, 1, 2), kernel(3, 2, 4, 5)), {"data_format": "channels_first"}),
    ("conv", (VOLUMES, kernel(2, 2, 2, 2, 3)), {"padding": "same"}), ("conv", (VOLUMES, kernel(2, 3, 2, 1, 4)), {}),
    ("conv_transpose", (IMAGES, kernel(3, 3, 5, 4)), {"strides": 2, "padding": "same"}),
    ("conv_transpose", (SERIES, kernel(3, 5, 4)), {"strides": 2}),
    ("depthwise_conv", (IMAGES, kernel(3, 3, 4, 2)), {"padding": "same"}),
    ("depthwise_conv", (SERIES, kernel(3, 4, 1)), {}),
    ("separable_conv", (IMAGES, kernel(3, 3, 4, 2), kernel(1, 1, 8, 5)), {"strides": 2}),
    ("batch_normalization", (A, V[:4], np.abs(B[0])), {"axis": -1, "offset": V[:4], "scale": V[1:5]}),
    ("batch_normalization", (CUBE, V[:3], np.abs(B[0, :3])), {"axis": 1}),
    ("layer_normalization", (A, V[:4], B[0]), {}), ("layer_normalization", (CUBE,), {"axis": (1, 2), "epsilon": 0.1}),
    ("rms_normalization", (A, V[:4]), {}), ("rms_normalization", (A,), {"epsilon": 0.1}),
    ("dot_product_attention", tuple(HEADS), {}),
    ("dot_product_attention", tuple(HEADS), {"is_causal": True, "scale": 2.0}),
    ("dot_product_attention", tuple(HEADS), {"mask": SEEN}), ("dot_product_attention", tuple(HEADS), {"bias": BIAS}),
    ("dot_product_attention", tuple(GROUPS), {}), ("psnr", (A, B, 2.0), {}),
    ("binary_crossentropy", (np.float32(A > 0), P), {}), ("binary_crossentropy", (P, A * 9), {"from_logits": True}),
    ("categorical_crossentropy", (P, P[::-1].copy()), {}), ("categorical_crossentropy", (P, A), {"from_logits": True}),
    ("categorical_crossentropy", (P, A), {"from_logits": True, "axis": 0}),
    ("sparse_categorical_crossentropy", (LABELS, P), {}),
    ("sparse_categorical_crossentropy", (LABELS[:, None], A), {"from_logits": True}),
    ("image.rgb_to_grayscale", (IMAGES[..., :3],), {}), ("image.resize", (IMAGES, (4, 5)), {}),
    ("image.pad_images", (IMAGES, 1, 2), {"target_height": 9, "target_width": 10}),
    ("image.crop_images", (IMAGES,), {"top_cropping": 1, "left_cropping": 2, "target_height": 3, "target_width": 4}),
    ("image.extract_patches", (IMAGES, (2, 3)), {}),
    ("image.extract_patches", (IMAGES, 3), {"strides": 1, "padding": "same"}),
]  # fmt: skip
# Torch has one where there are steps, or none, or one of the whole of a matrix of which half is read.
NO_GRADIENT = {"cast", "floor_divide", "trunc", "mod", "heaviside", "cholesky_inverse"}


def leaves(x):
    return [leaf for one in x for leaf in leaves(one)] if isinstance(x, list | tuple) else [x]


def named(library, name):
    found = library.ops
    for part in name.split("."):
        found = getattr(found, part)
    return found


def taken(make, value, made):
    """Arguments as the library's tensors, of which the floats are noted."""
    if isinstance(value, np.ndarray):
        tensor = make(value)
        if value.dtype.kind == "f":
            made.append(tensor)
        return tensor
    if isinstance(value, list) and value and isinstance(value[0], np.ndarray):
        return [taken(make, one, made) for one in value]
    return value


@pytest.mark.parametrize(("name", "args", "options"), CALLS, ids=[f"{i}-{c[0]}" for i, c in enumerate(CALLS)])
def test_like_keras(name, args, options):
    compare(name, args, options)


def compare(name, args, options, prepare=lambda library, args: args):
    """Values, shapes, kinds of numbers, and gradients where Keras's have some; `prepare` changes arguments first."""
    ours_in, theirs_in = [], []
    forward_only = name in NO_GRADIENT or {"reduction", "weights"} & set(options)  # in PyTorch
    theirs = lambda x: torch.tensor(x, requires_grad=x.dtype.kind == "f" and not forward_only)  # noqa: E731
    fixed = ("q", "bins")  # which are no tensors here
    ours = named(nerve, name)(
        *prepare(nerve, [taken(nerve.Tensor, x, ours_in) for x in args]),
        **{key: value if key in fixed else taken(nerve.Tensor, value, ours_in) for key, value in options.items()},
    )
    expected = named(keras, name)(
        *prepare(keras, [taken(theirs, x, theirs_in) for x in args]),
        **{k: taken(theirs, v, theirs_in) for k, v in options.items()},
    )
    found, wanted = leaves(ours), leaves(expected)
    assert len(found) == len(wanted)
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(array(one), array(other), rtol=2e-4, atol=2e-5)
        assert array(one).shape == array(other).shape
        assert array(one).dtype.kind == array(other).dtype.kind
    with_gradient = [i for i, x in enumerate(wanted) if x.dtype.is_floating_point and x.requires_grad]
    if not with_gradient:
        return
    weights = [rng.normal(size=x.shape).astype(np.float32) for x in found]
    loss = sum(ops.sum(found[i] * weights[i]) for i in with_gradient)
    sum((wanted[i] * torch.tensor(weights[i])).sum() for i in with_gradient).backward()
    for one, other in zip(nerve.gradients(loss, ours_in), theirs_in, strict=True):
        if other.grad is not None:
            np.testing.assert_allclose(one, other.grad.numpy(), rtol=2e-3, atol=1e-4)
