"""Sampling of images: gradients of the image and of the places, whole turns and shifts, and other sizes."""

from __future__ import annotations

import numpy as np
import pytest

import nerve
from nerve import Tensor, kernels, ops

from .differences import check_gradients

FILLS = ("constant", "nearest", "wrap", "mirror", "reflect")


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("backend", ["native", "reference"])
def test_gradient_of_the_image(fill, interpolation, backend):
    """Sampling is linear in the image, so the gradient is the adjoint: <sample(x), g> = <x, gradient(g)>."""
    rng = np.random.default_rng(0)
    options = {"fill_mode": fill, "interpolation": interpolation}
    with nerve.backend(backend):
        for channels in (1, 3, 5):
            x = Tensor(rng.normal(size=(3, 7, 9, channels)))
            transforms = rng.normal(size=(3, 8)) * [1, 1, 5, 1, 1, 5, 0.02, 0.02]
            positions = rng.uniform(-8, 16, (3, 4, 75, 2))
            for y in (
                ops.affine_sample(x, transforms, size=(5, 80), **options),
                ops.grid_sample(x, positions, **options),
            ):
                grad = rng.normal(size=y.shape)
                (found,) = nerve.gradients(ops.sum(y * grad), [x])
                assert np.vdot(found, x.array) == pytest.approx(np.vdot(y.array, grad), rel=1e-11)


@pytest.mark.parametrize("fill", FILLS)
def test_gradient_of_the_places(fill):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(3, 7, 9, 2))
    transforms = rng.normal(size=(3, 8)) * [1, 1, 5, 1, 1, 5, 0.02, 0.02]
    options = {"fill_mode": fill, "fill_value": 0.5}
    check_gradients(lambda x, t: ops.affine_sample(x, t, size=(5, 8), **options), [x, transforms], rel=1e-4, abs=1e-6)
    positions = rng.uniform(-8, 16, (3, 4, 75, 2))
    check_gradients(lambda x, p: ops.grid_sample(x, p, **options), [x, positions], rel=1e-4, abs=1e-6)
    nearest = ops.grid_sample(Tensor(x), p := Tensor(positions), interpolation="nearest", **options)
    np.testing.assert_array_equal(nerve.gradients(ops.sum(nearest), [p])[0], 0)


@pytest.mark.parametrize("channels", [1, 3, 4, 7])
def test_whole_turns_and_shifts(channels):
    x = np.random.default_rng(0).normal(size=(1, 6, 6, channels)).astype(np.float32)
    turn = np.array([[0, -1, 5, 1, 0, 0, 0, 0]], np.float32)  # from row j, column 5 - i
    np.testing.assert_array_equal(ops.affine_sample(x, turn).array, np.rot90(x, -1, (1, 2))[:, :, ::-1][:, ::-1])
    shift = np.array([[1, 0, 2, 0, 1, -1, 0, 0]], np.float32)
    np.testing.assert_array_equal(ops.affine_sample(x, shift, fill_mode="wrap").array, np.roll(x, (1, -2), (1, 2)))
    padded = np.pad(x, ((0, 0), (1, 0), (0, 2), (0, 0)), "symmetric")[:, :6, 2:]
    np.testing.assert_array_equal(ops.affine_sample(x, shift, fill_mode="reflect").array, padded)
    padded = np.pad(x, ((0, 0), (1, 0), (0, 2), (0, 0)), "reflect")[:, :6, 2:]
    np.testing.assert_array_equal(ops.affine_sample(x, shift, fill_mode="mirror").array, padded)


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
@pytest.mark.parametrize("channels", [32, 33])
def test_results_larger_than_the_caches(interpolation, channels):
    """Which are written past them: the same bits as image by image, which are not."""
    x = np.random.default_rng(0).normal(size=(5, 80, 96, channels)).astype(np.float32)
    whole = kernels.resize(x, (160, 192), interpolation=interpolation)
    assert whole[0].nbytes < 16 << 20 < whole.nbytes
    for image, one in zip(x, whole, strict=True):
        np.testing.assert_array_equal(one, kernels.resize(image[None], (160, 192), interpolation=interpolation)[0])


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "lanczos3"])
@pytest.mark.parametrize("channels", [3, 16])
def test_resizing_does_not_mix_what_is_not_finite(interpolation, channels):
    """Elements behind the last row are read and do not count; images of a batch stay apart."""
    x = np.random.default_rng(0).normal(size=(2, 9, 11, channels)).astype(np.float32)
    x[1] = np.inf
    for size in ((18, 22), (4, 5), (9, 22), (18, 11)):
        whole = kernels.resize(x, size, interpolation=interpolation)
        np.testing.assert_array_equal(whole[:1], kernels.resize(x[:1], size, interpolation=interpolation))
