"""Event files, which TensorBoard reads: records of protocol buffers, each between its length and checksums.

The format is that of `tensorflow/core/lib/io/record_writer` and of the messages `Event`, `Summary` and
`HistogramProto`, whose field numbers are written out here.
"""

from __future__ import annotations

import itertools
import os
import socket
import struct
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from nerve._typing import Array

_count = itertools.count()


def _table() -> list[int]:
    """CRC-32C of every byte (Castagnoli's polynomial, bits reversed)."""
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


_TABLE = _table()


def masked_crc32c(data: bytes) -> int:
    """The checksum of records: rotated and shifted, so that checksums of checksums are no trouble."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


# Fields of a message: a key of number and wire type, then the value.


def _varint(value: int) -> bytes:
    parts = []
    value &= 2**64 - 1
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def _integer(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _double(field: int, value: float) -> bytes:
    return _varint(field << 3 | 1) + struct.pack("<d", value)


def _float(field: int, value: float) -> bytes:
    return _varint(field << 3 | 5) + struct.pack("<f", value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _histogram(values: Array) -> bytes:
    """A `HistogramProto` of 30 buckets."""
    flat = np.asarray(values, np.float64).ravel()
    flat = flat[np.isfinite(flat)]
    counts, edges = np.histogram(flat, bins=30) if flat.size else (np.zeros(0), np.zeros(1))
    return b"".join(
        [
            _double(1, flat.min(initial=np.inf) if flat.size else 0.0),
            _double(2, flat.max(initial=-np.inf) if flat.size else 0.0),
            _double(3, float(flat.size)),
            _double(4, float(flat.sum())),
            _double(5, float(np.square(flat).sum())),
            _bytes(6, edges[1:].astype("<f8").tobytes()),
            _bytes(7, counts.astype("<f8").tobytes()),
        ]
    )


class EventFile:
    """A new event file.

    Parameters
    ----------
    folder : path
        Made if it is not there.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        path = Path(folder)
        path.mkdir(parents=True, exist_ok=True)
        host = socket.gethostname()
        self.path = path / f"events.out.tfevents.{int(time.time())}.{host}.{os.getpid()}.{next(_count)}.v2"
        self._file = open(self.path, "wb")  # noqa: SIM115 (closed by `close`)
        self._record(_double(1, time.time()) + _bytes(3, b"brain.Event:2"))

    def scalar(self, tag: str, value: float, step: int) -> None:
        """Add a number."""
        self._summary(tag, _float(2, value), step)

    def histogram(self, tag: str, values: Array, step: int) -> None:
        """Add the distribution of some values; those that are not finite are left out."""
        self._summary(tag, _bytes(5, _histogram(values)), step)

    def _summary(self, tag: str, value: bytes, step: int) -> None:
        summary = _bytes(1, _bytes(1, tag.encode()) + value)
        self._record(_double(1, time.time()) + _integer(2, step) + _bytes(5, summary))

    def _record(self, event: bytes) -> None:
        length = struct.pack("<Q", len(event))
        self._file.write(length + struct.pack("<I", masked_crc32c(length)))
        self._file.write(event + struct.pack("<I", masked_crc32c(event)))

    def flush(self) -> None:
        """Let readers see what was added."""
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()
