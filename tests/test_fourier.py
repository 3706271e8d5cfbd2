"""Fourier transforms beside NumPy's, and their gradients."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

import nerve
from nerve import layers, ops
from nerve.errors import RecordingError, ShapeError

from . import fake_cupy
from .differences import check_gradients
from .test_cuda import shim  # noqa: F401 - a fixture

rng = np.random.default_rng(13)
ODD, EVEN = rng.normal(size=(2, 2, 6, 7)), rng.normal(size=(2, 2, 6, 8))  # real and imaginary parts
SOUND = rng.normal(size=(2, 50))
LENGTHS = [None, 1, 2, 5, 6, 9, 12]


def joined(parts):
    return ops.concatenate([ops.reshape(x, (-1,)) for x in parts])


def close(found, expected, dtype):
    parts = found if isinstance(found, tuple) else (found,)
    for part, other in zip(parts, (expected.real, expected.imag), strict=False):
        assert part.dtype == dtype
        assert part.shape == other.shape
        np.testing.assert_allclose(part.numpy(), other, **({"atol": 1e-4} if dtype == "float32" else {"atol": 1e-12}))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("parts", [ODD, EVEN])
@pytest.mark.parametrize("name", ["fft", "fft2", "ifft2"])
def test_of_complex_numbers(name, parts, dtype):
    op, (real, imag) = getattr(ops, name), parts
    close(op((real.astype(dtype), imag.astype(dtype))), getattr(np.fft, name)(real + 1j * imag), dtype)
    if dtype == "float64":
        check_gradients(lambda *given: joined(op(given)), [real, imag])
        for one in (0, 1):  # a loss of one part only
            check_gradients(lambda *given, one=one: op(given)[one], [real, imag])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("parts", [ODD, EVEN])
@pytest.mark.parametrize("length", LENGTHS)
def test_of_real_numbers(length, parts, dtype):
    real, imag = (x.astype(dtype) for x in parts)
    close(ops.rfft(real, length), np.fft.rfft(real, length), dtype)
    close(ops.irfft((real, imag), length), np.fft.irfft(real + 1j * imag, length), dtype)
    if dtype == "float64":
        check_gradients(lambda x: joined(ops.rfft(x, length)), [real])
        check_gradients(lambda x: ops.rfft(x, length)[1], [real]) if length not in (1, 2) else None
        check_gradients(lambda *given: ops.irfft(given, length), [real, imag])


def test_gradients_keep_float32():
    x, y = (nerve.Tensor(part.astype(np.float32)) for part in EVEN)
    loss = ops.sum(ops.square(joined([*ops.fft((x, y)), *ops.rfft(x), ops.irfft((x, y))])))
    assert [each.dtype for each in nerve.gradients(loss, [x, y])] == [np.float32, np.float32]


@pytest.mark.parametrize("window", ["hann", "hamming", None, "given"])
@pytest.mark.parametrize(("length", "size"), [(16, 16), (11, 16), (10, 15)])
@pytest.mark.parametrize("center", [True, False])
def test_stft(center, length, size, window):
    values = {"given": np.arange(1.0, length + 1), None: np.ones(length)}.get(window, window)
    values = signal.get_window(values, length) if isinstance(values, str) else values
    before = (size - length) // 2
    x = np.pad(SOUND, ((0, 0), (size // 2, size // 2)), "reflect") if center else SOUND
    frames = np.stack([x[:, at : at + size] for at in range(0, x.shape[1] - size + 1, 4)], 1)
    expected = np.fft.rfft(frames * np.pad(values, (before, size - length - before)))
    taken = values if window == "given" else window
    close(ops.stft(SOUND, length, 4, size, taken, center), expected, "float64")
    check_gradients(lambda x: joined(ops.stft(x, length, 4, size, taken, center)), [SOUND])


@pytest.mark.parametrize("window", ["hann", "hamming", None, "given"])
@pytest.mark.parametrize(("length", "size", "stride"), [(16, 16, 4), (11, 16, 3), (10, 15, 5), (8, 9, 8)])
@pytest.mark.parametrize("center", [True, False])
def test_istft(center, size, length, stride, window):
    """The way back from `stft`, and of other transforms the least squares of Griffin and Lim."""
    values = np.arange(1.0, length + 1) if window == "given" else window
    parts = ops.stft(SOUND, length, stride, size, values, center)
    options = {"window": values, "center": center}
    found = ops.istft(parts, length, stride, size, **options).numpy()
    taper = np.ones(length) if window is None else values if window == "given" else signal.get_window(window, length)
    taper = np.pad(taper, ((size - length) // 2, size - length - (size - length) // 2))
    noise = [rng.normal(size=part.shape) for part in parts]
    frames = np.fft.irfft(noise[0] + 1j * noise[1], size)
    whole = size + stride * (frames.shape[1] - 1)
    total, share = np.zeros((2, whole)), np.zeros(whole)
    for i in range(frames.shape[1]):
        total[:, i * stride : i * stride + size] += frames[:, i] * taper
        share[i * stride : i * stride + size] += taper**2
    expected = np.where(share > 1e-10, total / np.where(share > 1e-10, share, 1), 0)
    begin, end = (size // 2, whole - size // 2) if center else (0, whole)
    of_noise = ops.istft(noise, length, stride, size, **options)
    np.testing.assert_allclose(of_noise.numpy(), expected[:, begin:end], atol=1e-11)
    there = share[begin:end][: SOUND.shape[1]] > 1e-10
    np.testing.assert_allclose(found[:, : len(there)][:, there], SOUND[:, : len(there)][:, there], atol=1e-9)
    for n in (7, whole + 3):
        cut = ops.istft(noise, length, stride, size, n, **options).numpy()
        np.testing.assert_allclose(cut, np.pad(expected, ((0, 0), (0, size + 3)))[:, begin : begin + n], atol=1e-11)
    check_gradients(lambda *given: ops.istft(given, length, stride, size, **options), noise)


def test_gradients_of_a_window():
    check_gradients(lambda x, window: joined(ops.stft(x, 9, 4, 12, window)), [SOUND, np.arange(1.0, 10)])
    parts = [part.numpy() for part in ops.stft(SOUND, 9, 4, 12)]
    check_gradients(lambda window: ops.istft(parts, 9, 4, 12, window=window), [np.arange(1.0, 10)])


def test_sequences_in_a_recording():
    recorded = nerve.compile(lambda x: ops.extract_sequences(x, 7, 3))
    for _ in range(4):
        found = recorded(SOUND)
    assert recorded.recorder.recordings
    np.testing.assert_array_equal(found, np.lib.stride_tricks.sliding_window_view(SOUND, 7, axis=-1)[:, ::3])
    check_gradients(lambda x: ops.extract_sequences(x, 7, 3), [SOUND])


def test_in_models():
    x, y = layers.Input((5, 8)), layers.Input((5, 8))
    real, imag = ops.fft((x, y))
    model = nerve.Model([x, y], [real, ops.irfft((real, imag), 6), *ops.stft(real, 4, 2, 6)])
    arrays = [rng.normal(size=(3, 5, 8)).astype(np.float32) for _ in range(2)]
    again = nerve.Model.from_config(model.get_config())
    for output, one, other in zip(model.outputs, again(arrays), model(arrays), strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())
        assert output.shape == (None, *one.shape[1:])
    np.testing.assert_allclose(model(arrays)[0].numpy(), np.fft.fft(arrays[0] + 1j * arrays[1]).real, atol=1e-4)


def test_on_the_gpu(shim):  # noqa: F811
    with fake_cupy.installed(shim) as cupy:
        x, y = (nerve.Tensor(cupy.asarray(part)) for part in EVEN)
        here = [nerve.Tensor(part) for part in EVEN]
        results = []
        for pair in ((x, y), here):
            parts = [
                *ops.fft(pair),
                *ops.rfft(pair[0], 5),
                ops.irfft(pair),
                *ops.stft(pair[1], 5, 2, 6),
                ops.istft(pair, 11, 3, 14),
            ]
            results.append([joined(parts), *nerve.gradients(ops.sum(ops.square(joined(parts))), list(pair))])
        np.testing.assert_allclose(results[0][0].array.get(), results[1][0].numpy(), atol=1e-12)
        for one, other in zip(results[0][1:], results[1][1:], strict=True):
            np.testing.assert_allclose(one.get(), other, atol=1e-10)


def test_errors():
    recorded = nerve.compile(lambda x: ops.rfft(x)[0])
    recorded(SOUND)
    with pytest.raises(RecordingError, match="rfft, which has no kernel, on an array of a recording"):
        recorded(SOUND)
    for name in ("fft", "fft2", "ifft2", "irfft"):
        with pytest.raises(ShapeError, match=rf"\[{name}\] expects a pair of tensors, the real and the imaginary part"):
            getattr(ops, name)(SOUND)
        with pytest.raises(ShapeError, match=rf"\[{name}\] expects two parts of one shape of at least [12] axes"):
            getattr(ops, name)((ODD[0], EVEN[0]))
    with pytest.raises(ShapeError, match=r"\[rfft\] expects x of at least 1 axes"):
        ops.rfft(1.0)
    with pytest.raises(ValueError, match=r"\[irfft\] fft_length"):
        ops.irfft(tuple(ODD), 0)
    with pytest.raises(ShapeError, match=r"\[extract_sequences\] expects at least 51 elements in a row"):
        ops.extract_sequences(SOUND, 51, 1)
    with pytest.raises(ValueError, match=r"\[stft\] fft_length"):
        ops.stft(SOUND, 16, 4, 15)
    with pytest.raises(ValueError, match=r"\[stft\] window must be 'hann', 'hamming', an array or None, got 'kaiser'"):
        ops.stft(SOUND, 16, 4, 16, "kaiser")
    with pytest.raises(ShapeError, match=r"\[istft\] expects windows of 9 frequencies, got shape \(2, 6, 7\)"):
        ops.istft(tuple(ODD), 16, 4, 16)
    with pytest.raises(ValueError, match=r"\[istft\] window must be 'hann', 'hamming', an array or None, got 'kaiser'"):
        ops.istft(tuple(EVEN), 14, 4, 14, window="kaiser")
    with pytest.raises(ShapeError, match=r"\[stft\] expects a window of shape \(16,\), got \(3,\)"):
        ops.stft(SOUND, 16, 4, 16, np.ones(3))
