"""Models in files.

A model is one zip archive:

- `metadata.json`: the format and its version, the version of nerve, and the SHA-256 of the other two;
- `config.json`: the model's configuration, the shape it was built for, the arguments of `compile`;
- `weights.safetensors`: `weights/<path>` for every weight and `optimizer/<name>` for the optimizer's state.

Weights alone are one safetensors file with a checksum in its header.

Names may also end as in programs for Keras, `.keras` and `.weights.h5`; what is in the files is the same.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from nerve import __version__, serialization
from nerve.errors import ModelFileError
from nerve.kernels._arrays import host
from nerve.layers import Layer
from nerve.layers.context import loading
from nerve.models.description import configuration, described
from nerve.models.file_contents import FORMAT_VERSION, digest, read_model, read_weights
from nerve.models.saved_weights import assign_saved, saved_weights

if TYPE_CHECKING:
    from nerve.models.model import Model


@contextlib.contextmanager
def atomic_file(path: Path, overwrite: bool) -> Iterator[BinaryIO]:
    """A file to write that takes the place of `path` when the block ends well, and vanishes when it does not."""
    path = Path(os.path.realpath(path))  # through a link, not instead of it
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {path.parent} to save {path.name} in")
    if not overwrite and path.exists():
        raise FileExistsError(f"{path} exists; pass overwrite=True to replace it")
    # In the same folder: a rename is atomic only within one file system.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    file = open(temporary, "xb")  # noqa: SIM115  (closed before the rename)
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if os.name == "posix":  # the rename itself must reach the disk too
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


MODEL_SUFFIXES = (".nerve", ".keras")
WEIGHT_SUFFIXES = (".safetensors", ".weights.h5")


def checked_path(filepath: str | os.PathLike[str], suffixes: tuple[str, ...]) -> Path:
    """The path, if its name ends in one of `suffixes`."""
    path = Path(filepath)
    if not path.name.endswith(suffixes):
        raise ValueError(f"the file name must end in {' or '.join(map(repr, suffixes))}, got {os.fspath(filepath)!r}")
    return path


# Writing


def save_model(model: Model, filepath: str | os.PathLike[str], overwrite: bool = True) -> None:
    """Write a model to a `.nerve` file; see `Model.save`."""
    from safetensors.numpy import save

    path = checked_path(filepath, MODEL_SUFFIXES)
    if not model.built:
        raise ValueError(f"[{model.name}] has no weights yet: call it on data, or build it, before saving it")
    arrays = {f"weights/{key}": array for key, array in saved_weights(model).items()}
    config = configuration(model)
    if model.compiled:
        config["compile"] = serialization.serialize(model.get_compile_config())
        stepped = _optimizer_variables(model)
        if stepped:
            config["optimizer_variables"] = stepped
            arrays |= {f"optimizer/{key}": value for key, value in model.optimizer.state().items()}
    contents = {
        "config.json": json.dumps(config, indent=1).encode(),
        "weights.safetensors": save({key: np.asarray(host(value), order="C") for key, value in arrays.items()}),
    }
    metadata = {
        "format": "nerve",
        "format_version": FORMAT_VERSION,
        "nerve_version": __version__,
        "sha256": {name: hashlib.sha256(data).hexdigest() for name, data in contents.items()},
    }
    with atomic_file(path, overwrite) as file, zipfile.ZipFile(file, "w") as archive:
        for name, data in {"metadata.json": json.dumps(metadata, indent=1).encode(), **contents}.items():
            # A fixed date: the same model gives the same file.
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED if name.endswith(".json") else zipfile.ZIP_STORED
            archive.writestr(entry, data)


def _optimizer_variables(model: Model) -> list[str]:
    """The weights that the optimizer has state for, in its order; none if it knows others than the model's."""
    names = {id(variable): key for key, variable in model._named_weights().items()}
    variables = model.optimizer.variables if model.optimizer is not None else []
    return [names[id(v)] for v in variables] if all(id(v) in names for v in variables) else []


def save_weights(model: Model, filepath: str | os.PathLike[str], overwrite: bool = True) -> None:
    """Write the weights of a model to a `.safetensors` file; see `Model.save_weights`."""
    from safetensors.numpy import save

    path = checked_path(filepath, WEIGHT_SUFFIXES)
    if not model.built:
        raise ValueError(f"[{model.name}] has no weights yet: call it on data, or build it, before saving them")
    arrays = {key: np.asarray(host(array), order="C") for key, array in saved_weights(model).items()}
    with atomic_file(path, overwrite) as file:
        file.write(save(arrays, metadata={"format": "nerve", "sha256": digest(arrays)}))


# Reading


@contextlib.contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Put the file's name before what is wrong with it."""
    try:
        yield
    except ModelFileError as error:
        raise ModelFileError(f"{path}: {error}") from error.__cause__


def load_model(
    filepath: str | os.PathLike[str],
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,
    safe_mode: bool = True,
) -> Any:
    """Read a model that `Model.save` wrote.

    Parameters
    ----------
    filepath : path
    custom_objects : dict of str to class or function, optional
        Everything of your own that the model uses, by name. Nothing else than these and nerve's own is ever called.
    compile : bool
        Whether to compile the model as it was, with the state of its optimizer, so that training goes on where it
        stopped.
    safe_mode : bool
        Must be True: no code is ever read from a file. (Keras reads that of lambdas where it is False.)

    Returns
    -------
    Model

    Raises
    ------
    ValueError
        If `safe_mode` is False.
    ModelFileError
        If the file is truncated, altered, from another program or a newer nerve, or uses something unknown.
    FileNotFoundError
        If there is no such file.
    """
    if not safe_mode:
        raise ValueError(
            "[load_model] safe_mode must be True: code is never read from a file, give functions of "
            "your own as custom_objects"
        )
    path = Path(filepath)
    with _naming(path):
        config, arrays = read_model(path)
        try:
            with loading():
                model = described(config, custom_objects)
            if compile and "compile" in config:
                with serialization.custom_object_scope(custom_objects):
                    _compile(model, config["compile"])
        except ModelFileError:
            raise
        except (AttributeError, LookupError, MemoryError, RecursionError, TypeError, ValueError) as error:
            raise ModelFileError(f"its configuration does not make a model: {error}") from error
        weights = {key.removeprefix("weights/"): a for key, a in arrays.items() if key.startswith("weights/")}
        state = {key.removeprefix("optimizer/"): a for key, a in arrays.items() if key.startswith("optimizer/")}
        assign_saved(model, weights)
        if state and model.compiled and model.optimizer is not None:
            variables = model._named_weights()
            try:
                model.optimizer.build([variables[key] for key in config["optimizer_variables"]])
                model.optimizer.load_state(state)
            except (LookupError, TypeError, ValueError) as error:
                raise ModelFileError(f"the state of the optimizer does not fit: {error}") from error
    return model


def _compile(model: Model, config: dict[str, Any]) -> None:
    own_compile, own_way = (
        not getattr(type(model), method).__module__.startswith("nerve.")
        for method in ("compile", "compile_from_config")
    )
    if own_compile and not own_way:
        warnings.warn(
            f"[{model.name}] is not compiled: {type(model).__name__} has a compile of its own, and no "
            "get_compile_config and compile_from_config that would say and do it again",
            stacklevel=4,
        )
    elif own_way:
        model.compile_from_config(config)
    else:
        model.compile(**serialization.deserialize(config))


def load_weights(
    model: Model,
    filepath: str | os.PathLike[str],
    skip_mismatch: bool = False,
    *,
    objects_to_skip: Iterable[Layer] | None = None,
) -> None:
    """Read weights into a model, all or none; see `Model.load_weights`."""
    path = Path(filepath)
    if not model.built:
        raise ValueError(f"[{model.name}] has no weights yet: call it on data, or build it, before loading them")
    with _naming(path):
        assign_saved(model, read_weights(path), skip_mismatch, objects_to_skip)
