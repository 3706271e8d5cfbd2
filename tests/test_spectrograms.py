"""Spectrograms against SciPy's Fourier transform."""

from __future__ import annotations

import numpy as np
import pytest

import nerve
from nerve import Input, Sequential, layers
from nerve.errors import DTypeError, ShapeError
from nerve.layers import mel_spectrogram

SOUND = np.random.default_rng(0).normal(size=(2, 1000)).astype(np.float32)


@pytest.mark.parametrize("size", [1, 2, 12, 49, 90, 97, 125, 126, 128])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_transforms_of_any_length(size, dtype):
    """Primes, odd lengths, squares: the power of every frequency, which bands of one each show, and gradients."""
    layer = layers.MelSpectrogram(fft_length=size, sequence_stride=70, power_to_db=False, num_mel_bins=1, dtype=dtype)
    bins = size // 2 + 1
    layer._bands = mel_spectrogram._by_parts(np.eye(bins, dtype=dtype), layer._short, layer._long)
    x = nerve.Tensor(SOUND.astype(dtype))
    y = layer(x)
    padded = np.pad(SOUND.astype(np.float64), ((0, 0), (size // 2, size)), "reflect")
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    frames = np.stack([padded[:, at : at + size] for at in range(0, 1001, 70)], axis=1)
    expected = np.swapaxes(np.abs(np.fft.rfft(frames * window)) ** 2, -1, -2)
    tolerance = 1e-4 if dtype == "float32" else 1e-11
    np.testing.assert_allclose(y.numpy(), expected, rtol=tolerance, atol=tolerance)
    if dtype == "float64":
        weights, direction = (np.random.default_rng(size).normal(size=each.shape) for each in (y, x))
        (gradient,) = nerve.gradients(nerve.ops.sum(y * weights), [x])
        ends = [(layer(x.numpy() + step * direction).numpy() * weights).sum() for step in (1e-5, -1e-5)]
        assert (gradient * direction).sum() == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("length", [None, 100])
def test_mel_spectrogram(length):
    options = {"fft_length": 128, "sequence_stride": 50, "sequence_length": length, "num_mel_bins": 10}
    layer = layers.MelSpectrogram(**options, sampling_rate=8000, power_to_db=False)
    n = length or 128
    padded = np.pad(SOUND.astype(np.float64), ((0, 0), (64, 64)), "reflect")
    window = np.zeros(128)
    window[(128 - n) // 2 : (128 + n) // 2] = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n)
    frames = np.stack([padded[:, at : at + 128] for at in range(0, 1001, 50)], axis=1)
    power = np.abs(np.fft.rfft(frames * window)) ** 2
    bands = layer.linear_to_mel_weight_matrix(10, 65, 8000, 20.0, 4000)
    expected = np.swapaxes(power @ bands, -1, -2)
    np.testing.assert_allclose(layer(SOUND).numpy(), expected, rtol=1e-4, atol=1e-4)
    assert layer.compute_output_shape(SOUND.shape) == expected.shape
    np.testing.assert_array_equal(layer(SOUND[0]).numpy(), layer(SOUND[:1]).numpy()[0])
    level = layers.MelSpectrogram(**options, sampling_rate=8000)(SOUND).numpy()
    decibels = 10 * np.log10(expected)
    np.testing.assert_allclose(level, np.maximum(decibels, decibels.max() - 80), atol=1e-3)


@pytest.mark.parametrize("mode", ["magnitude", "psd", "real", "imag", "angle", "stft", "log"])
def test_stft(mode):
    layer = layers.STFTSpectrogram(mode, frame_length=64, frame_step=20, fft_length=128, scaling=None, window=None)
    y = layer(SOUND[..., np.newaxis]).numpy()
    frames = np.stack([SOUND[:, at : at + 64] for at in range(0, 1000 - 63, 20)], axis=1).astype(np.float64)
    z = np.fft.rfft(frames, 128)
    twice = np.r_[1, np.full(63, 2), 1]
    expected = {
        "magnitude": np.abs(z), "psd": np.abs(z) ** 2 * twice, "real": z.real, "imag": z.imag, "angle": np.angle(z),
        "stft": np.concatenate([z.real, z.imag], axis=-1), "log": np.log(np.abs(z)),
    }[mode]  # fmt: skip
    if mode == "angle":
        np.testing.assert_allclose(np.exp(1j * y)[np.abs(z) > 0.1], np.exp(1j * expected)[np.abs(z) > 0.1], atol=1e-3)
    else:
        np.testing.assert_allclose(y, expected, rtol=1e-3, atol=1e-3)
    assert layer.compute_output_shape((2, 1000, 1)) == expected.shape


def test_gradient_of_angles():
    layer = layers.STFTSpectrogram("angle", frame_length=64, dtype="float64")
    x = nerve.Tensor(SOUND[..., np.newaxis].astype(np.float64))
    y = layer(x)
    weights, direction = (np.random.default_rng(1).normal(size=each.shape) for each in (y, x))
    weights[..., [0, -1]] = 0  # imaginary parts that are 0 but for rounding
    (gradient,) = nerve.gradients(nerve.ops.sum(y * weights), [x])
    ends = [layer(x.numpy() + step * direction).numpy() for step in (1e-7, -1e-7)]
    turned = np.angle(np.exp(1j * (ends[0] - ends[1])))
    assert (gradient * direction).sum() == pytest.approx((turned * weights).sum() / 2e-7, rel=1e-5)


@pytest.mark.parametrize("kind", ["mel", "log", "angle"])
def test_in_a_recorded_step(kind, tmp_path):
    first = (
        layers.MelSpectrogram(fft_length=128, sequence_stride=64, num_mel_bins=8)
        if kind == "mel"
        else layers.STFTSpectrogram(kind, frame_length=64)
    )
    shape = (1000,) if kind == "mel" else (1000, 1)
    model = Sequential([Input(shape), first, layers.Flatten(), layers.Dense(1)])
    model.compile("sgd", "mse")
    x = SOUND.reshape(2, *shape)
    model.fit(x, np.zeros((2, 1), np.float32), epochs=5, verbose=0)
    assert model._recorders["train"].refusal == ""
    model.save(tmp_path / "m.nerve")
    loaded = nerve.models.load_model(tmp_path / "m.nerve")
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), model.predict(x, verbose=0))


def test_errors():
    with pytest.raises(ValueError, match="sequence_length must be at most fft_length=64"):
        layers.MelSpectrogram(fft_length=64, sequence_length=65)
    with pytest.raises(ValueError, match="window must be 'hann'"):
        layers.MelSpectrogram(window="kaiser")
    with pytest.raises(ShapeError, match=r"mel_spectrogram.*more than fft_length / 2 samples"):
        layers.MelSpectrogram()(SOUND)
    with pytest.raises(ValueError, match="mode must be one of"):
        layers.STFTSpectrogram("power")
    with pytest.raises(ValueError, match="frame_step must be"):
        layers.STFTSpectrogram(frame_length=10, frame_step=11)
    with pytest.raises(ShapeError, match=r"stft_spectrogram.*\(batch, time, channels\)"):
        layers.STFTSpectrogram()(SOUND)
    with pytest.raises(DTypeError, match="expects floats"):
        layers.STFTSpectrogram()(np.zeros((1, 300, 1), int))
    with pytest.raises(ShapeError, match=r"window expects shape \(64,\)"):
        layers.STFTSpectrogram(frame_length=64, window=np.ones(3))(SOUND[..., np.newaxis])
