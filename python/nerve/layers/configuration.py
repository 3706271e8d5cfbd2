"""Layers as plain data and back."""

from __future__ import annotations

from typing import Any, NoReturn

from nerve.serialization import functions_for

__all__ = ["deserialize", "serialize"]


def _get(name: Any) -> NoReturn:
    raise TypeError(f"a layer has no default arguments: expected what serialize gives, got {name!r}")


serialize, deserialize = functions_for("layers", _get)
