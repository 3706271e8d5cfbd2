"""64-bit hashes of text that are the same on every machine: the ones TensorFlow sorts features into bins with."""

from __future__ import annotations

from collections.abc import Sequence

_WORD = 2**64 - 1
_K0, _K1, _K2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F


def fingerprint64(text: bytes) -> int:
    """FarmHash's `Fingerprint64`.

    References
    ----------
    Pike and Alakuijala, "FarmHash", 2014: https://github.com/google/farmhash, the function `farmhashna::Hash64`.
    """
    n = len(text)
    if n <= 16:
        return _short(text, n)
    if n <= 64:
        return _medium(text, n)
    x, y = (81 * _K2 + _fetch(text, 0)) & _WORD, (81 * _K1 + 113) & _WORD
    z = _mixed((y * _K2 + 113) & _WORD) * _K2 & _WORD
    v = w = (0, 0)
    for at in range(0, (n - 1) // 64 * 64, 64):
        x, y, z, v, w = _block(text, at, x, y, z, v, w, _K1, 1)
    mul = (_K1 + ((z & 0xFF) << 1)) & _WORD
    first = (w[0] + ((n - 1) & 63)) & _WORD
    v = ((v[0] + first) & _WORD, v[1])
    w = ((first + v[0]) & _WORD, w[1])
    x, y, z, v, w = _block(text, n - 64, x, y, z, v, w, mul, 9)
    left = _pair(v[0], w[0], mul) + _mixed(y) * _K0 + z
    return _pair(left & _WORD, (_pair(v[1], w[1], mul) + x) & _WORD, mul)


def siphash(text: bytes, key: Sequence[int]) -> int:
    """SipHash-2-4 under a key of two 64-bit numbers.

    References
    ----------
    Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012.
    """
    low, high = (int(part) & _WORD for part in key)
    v = [low ^ 0x736F6D6570736575, high ^ 0x646F72616E646F6D, low ^ 0x6C7967656E657261, high ^ 0x7465646279746573]
    padded = text + bytes(7 - len(text) % 8) + bytes([len(text) & 0xFF])
    for at in range(0, len(padded), 8):
        word = _fetch(padded, at)
        v[3] ^= word
        _sip_rounds(v, 2)
        v[0] ^= word
    v[2] ^= 0xFF
    _sip_rounds(v, 4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def joined(first: int, second: int) -> int:
    """One fingerprint of two: TensorFlow's `FingerprintCat64`, which its crossed features are made with."""
    mul = 0xC6A4A7935BD1E995
    result = first ^ mul
    result ^= _mixed(second * mul & _WORD) * mul & _WORD
    result = result * mul & _WORD
    return _mixed(_mixed(result) * mul & _WORD)


def _sip_rounds(v: list[int], count: int) -> None:
    for _ in range(count):
        for a, b, turn in ((0, 1, 13), (2, 3, 16)):
            v[a] = (v[a] + v[b]) & _WORD
            v[b] = _turned(v[b], 64 - turn) ^ v[a]
        v[0] = _turned(v[0], 32)
        for a, b, turn in ((2, 1, 17), (0, 3, 21)):
            v[a] = (v[a] + v[b]) & _WORD
            v[b] = _turned(v[b], 64 - turn) ^ v[a]
        v[2] = _turned(v[2], 32)


def _fetch(text: bytes, at: int, size: int = 8) -> int:
    return int.from_bytes(text[at : at + size], "little")


def _turned(word: int, right: int) -> int:
    return (word >> right | word << (64 - right)) & _WORD


def _mixed(word: int) -> int:
    return word ^ word >> 47


def _pair(u: int, v: int, mul: int) -> int:
    a = _mixed((u ^ v) * mul & _WORD)
    return _mixed((v ^ a) * mul & _WORD) * mul & _WORD


def _short(text: bytes, n: int) -> int:
    mul = (_K2 + n * 2) & _WORD
    if n >= 8:
        a, b = (_fetch(text, 0) + _K2) & _WORD, _fetch(text, n - 8)
        c = (_turned(b, 37) * mul + a) & _WORD
        return _pair(c, (_turned(a, 25) + b) * mul & _WORD, mul)
    if n >= 4:
        return _pair(n + (_fetch(text, 0, 4) << 3), _fetch(text, n - 4, 4), mul)
    if n:
        y, z = text[0] + (text[n >> 1] << 8), n + (text[n - 1] << 2)
        return _mixed((y * _K2 ^ z * _K0) & _WORD) * _K2 & _WORD
    return _K2


def _medium(text: bytes, n: int) -> int:
    mul = (_K2 + n * 2) & _WORD
    a = _fetch(text, 0) * (_K1 if n <= 32 else _K2) & _WORD
    b, c, d = _fetch(text, 8), _fetch(text, n - 8) * mul & _WORD, _fetch(text, n - 16) * _K2 & _WORD
    y = (_turned((a + b) & _WORD, 43) + _turned(c, 30) + d) & _WORD
    z = _pair(y, (a + _turned((b + _K2) & _WORD, 18) + c) & _WORD, mul)
    if n <= 32:
        return z
    e, f = _fetch(text, 16) * mul & _WORD, _fetch(text, 24)
    g = (y + _fetch(text, n - 32)) * mul & _WORD
    h = (z + _fetch(text, n - 24)) * mul & _WORD
    left = (_turned((e + f) & _WORD, 43) + _turned(g, 30) + h) & _WORD
    return _pair(left, (e + _turned((f + a) & _WORD, 18) + g) & _WORD, mul)


def _weak(text: bytes, at: int, a: int, b: int) -> tuple[int, int]:
    w, x, y, z = (_fetch(text, at + place) for place in (0, 8, 16, 24))
    a = (a + w) & _WORD
    b = _turned((b + a + z) & _WORD, 21)
    c = a
    a = (a + x + y) & _WORD
    return (a + z) & _WORD, (b + _turned(a, 44) + c) & _WORD


def _block(
    text: bytes, at: int, x: int, y: int, z: int, v: tuple[int, int], w: tuple[int, int], mul: int, factor: int
) -> tuple[int, int, int, tuple[int, int], tuple[int, int]]:
    """Sixty-four bytes into the state; the last ones come with another multiplier, and a factor of 9."""
    x = _turned((x + y + v[0] + _fetch(text, at + 8)) & _WORD, 37) * mul & _WORD
    y = _turned((y + v[1] + _fetch(text, at + 48)) & _WORD, 42) * mul & _WORD
    x ^= w[1] * factor & _WORD
    y = (y + v[0] * factor + _fetch(text, at + 40)) & _WORD
    z = _turned((z + w[0]) & _WORD, 33) * mul & _WORD
    v = _weak(text, at, v[1] * mul & _WORD, (x + w[0]) & _WORD)
    w = _weak(text, at + 32, (z + w[1]) & _WORD, (y + _fetch(text, at + 16)) & _WORD)
    return z, y, x, v, w
