"""Random numbers, in NumPy: Philox4x32-10 word for word as in Salmon et al., SC 2011, figure 2 and table 2."""

from __future__ import annotations

import numpy as np

from nerve._typing import Array

__all__ = ["dropout", "random_normal", "random_uniform"]

_LOW = np.uint64(0xFFFFFFFF)
_MULTIPLIERS = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_WEYL = 0x9E3779B9, 0xBB67AE85


def _philox4x32_10(counter: Array, key: tuple[int, int]) -> Array:
    """Blocks of four 32-bit words, from counters (n, 4) and a key, all held in uint64."""
    a, b, c, d = counter.astype(np.uint64).T
    for round_ in range(10):
        k, m = (np.uint64((key[i] + round_ * _WEYL[i]) % 2**32) for i in range(2))
        p, q = _MULTIPLIERS[0] * a, _MULTIPLIERS[1] * c
        a, b, c, d = (q >> np.uint64(32)) ^ b ^ k, q & _LOW, (p >> np.uint64(32)) ^ d ^ m, p & _LOW
    return np.stack([a, b, c, d], axis=1)


def _uniform(n_blocks: int, seed: int, offset: int, dtype: str) -> Array:
    """The numbers of some blocks, (n_blocks, 4) of 24 bits or (n_blocks, 2) of 53, in [0, 1)."""
    block = np.arange(n_blocks, dtype=np.uint64) + np.uint64(offset)  # modulo 2**64
    zero = np.zeros_like(block)
    words = _philox4x32_10(
        np.stack([block & _LOW, block >> np.uint64(32), zero, zero], axis=1), (seed % 2**32, seed >> 32)
    )
    u: Array
    if dtype == "float32":
        u = (words >> np.uint64(8)).astype(np.float32) * np.float32(2.0**-24)
    else:
        u = ((words[:, ::2] | words[:, 1::2] << np.uint64(32)) >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return u


def _n_blocks(size: int, dtype: str) -> int:
    return -(-size // (4 if dtype == "float32" else 2))


def random_uniform(out: Array, size: int, seed: int, offset: int, low: float, high: float) -> None:
    kind = out.dtype.type
    u = _uniform(_n_blocks(size, out.dtype.name), seed, offset, out.dtype.name).reshape(-1)[:size]
    values = kind(low) + u * (kind(high) - kind(low))
    below = np.nextafter(kind(high), kind(-np.inf)) if kind(low) < kind(high) else kind(low)
    out.reshape(-1)[...] = np.minimum(values, below)


def random_normal(out: Array, size: int, seed: int, offset: int, mean: float, stddev: float) -> None:
    u = _uniform(_n_blocks(size, out.dtype.name), seed, offset, out.dtype.name).astype(np.float64)
    half = u.shape[1] // 2
    radius, angle = np.sqrt(-2 * np.log1p(-u[:, :half])), 2 * np.pi * u[:, half:]
    z = np.concatenate([radius * np.cos(angle), radius * np.sin(angle)], axis=1).reshape(-1)[:size]
    out.reshape(-1)[...] = mean + stddev * z


def dropout(out: Array, x: Array, size: int, rate: float, seed: int, offset: int) -> None:
    u = _uniform(_n_blocks(size, "float32"), seed, offset, "float32").reshape(-1)[:size].reshape(x.shape)
    out[...] = np.where(u >= np.float32(rate), x / (1 - rate), 0)
