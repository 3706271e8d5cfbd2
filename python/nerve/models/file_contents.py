"""What is in a model's files, when all of it is as it was written."""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from nerve.errors import ModelFileError
from nerve.models.saved_weights import Arrays

FORMAT_VERSION = 1
MEMBERS = ("config.json", "weights.safetensors")
_ZIP = b"PK\x03\x04"
_OF_KERAS = (
    "nerve reads its own files only: make the model in both, and give the one's get_weights() "
    "to the other's set_weights"
)
# Weights are not compressed, so only JSON can be larger than the file it comes from: this much at most.
_MOST_JSON = 2**28
# What zipfile raises for archives that are cut off or have a wrong byte somewhere.
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, RuntimeError, ValueError)


def read_model(path: Path) -> tuple[dict[str, Any], Arrays]:
    """Configuration and arrays of a model file, when all of it is as it was written."""
    with open(path, "rb") as file:
        start = file.read(4)
        if start != _ZIP:
            _refuse_hdf5(start)
            raise ModelFileError(f"is not a nerve model: it is not a zip archive (it begins with {start!r})")
        file.seek(0)
        try:
            with zipfile.ZipFile(file) as archive:
                most = max(os.fstat(file.fileno()).st_size, _MOST_JSON)
                for entry in archive.infolist():
                    if entry.file_size > most:
                        raise zipfile.BadZipFile(f"{entry.filename} claims {entry.file_size} bytes")
                contents = {name: archive.read(name) for name in ("metadata.json", *MEMBERS) if _has(archive, name)}
        except _DAMAGE as error:
            raise ModelFileError(f"is truncated or damaged: {error}") from error
    metadata = _json("metadata.json", contents.get("metadata.json", b"null"))
    if isinstance(metadata, dict) and "keras_version" in metadata:
        raise ModelFileError(f"was written by Keras {metadata['keras_version']}; {_OF_KERAS}")
    if not isinstance(metadata, dict) or metadata.get("format") != "nerve":
        raise ModelFileError("is not a nerve model: it has no metadata.json that says so")
    version = metadata.get("format_version")
    if version != FORMAT_VERSION:
        raise ModelFileError(f"has format version {version}, this nerve reads {FORMAT_VERSION}")
    sums = metadata.get("sha256")
    for name in MEMBERS:
        if name not in contents:
            raise ModelFileError(f"has no {name}")
        if not isinstance(sums, dict) or hashlib.sha256(contents[name]).hexdigest() != sums.get(name):
            raise ModelFileError(f"was altered after it was saved: {name} does not have its checksum")
    config = _json("config.json", contents["config.json"])
    if not isinstance(config, dict) or "model" not in config:
        raise ModelFileError("config.json describes no model")
    return config, read_safetensors(contents["weights.safetensors"])


def read_weights(path: Path) -> Arrays:
    """Arrays of a file of weights, or those of a model in one of a model."""
    with open(path, "rb") as file:
        start = file.read(4)
    if start == _ZIP:
        arrays = read_model(path)[1]
        return {key.removeprefix("weights/"): array for key, array in arrays.items() if key.startswith("weights/")}
    _refuse_hdf5(start)
    return read_safetensors(path.read_bytes())


def _refuse_hdf5(start: bytes) -> None:
    if start == b"\x89HDF":
        raise ModelFileError(f"is an HDF5 file, as Keras writes; {_OF_KERAS}")


def _has(archive: zipfile.ZipFile, name: str) -> bool:
    return name in archive.namelist()


def _json(name: str, data: bytes) -> Any:
    try:
        return json.loads(data)
    except (RecursionError, UnicodeDecodeError, ValueError) as error:
        raise ModelFileError(f"{name} is not JSON: {error}") from error


def read_safetensors(data: bytes) -> Arrays:
    """Arrays of a safetensors file, whose checksum, if there is one, must be right."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        arrays: Arrays = load(data)
        header = json.load(io.BytesIO(data[8 : 8 + int.from_bytes(data[:8], "little")]))
    except KeyError as error:  # NumPy has no such dtype
        raise ModelFileError(f"holds weights of a dtype that nerve cannot read: {error}") from error
    except (SafetensorError, ValueError) as error:
        raise ModelFileError(f"holds no readable safetensors data: {error}") from error
    expected = header.get("__metadata__", {}).get("sha256")
    if expected is not None and expected != digest(arrays):
        raise ModelFileError("was altered after it was saved: the weights do not have their checksum")
    return arrays


def digest(arrays: Arrays) -> str:
    """A checksum of names, dtypes, shapes and values."""
    found = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        found.update(json.dumps([name, array.dtype.str, array.shape]).encode())
        found.update(np.ascontiguousarray(array).data.cast("B") if array.size else b"")
    return found.hexdigest()
