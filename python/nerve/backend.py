"""Keras's functions of this name, `nerve.backend.epsilon()`; called, `nerve.backend("reference")`, it is a choice.

The second is `nerve.kernels.backend`: in the block of a `with`, the kernels are computed by NumPy.
"""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from types import ModuleType
from typing import Any

from nerve import kernels
from nerve.config import (
    backend,
    epsilon,
    floatx,
    image_data_format,
    set_epsilon,
    set_floatx,
    set_image_data_format,
)
from nerve.utils import clear_session, is_keras_tensor, standardize_dtype

__all__ = [
    "backend",
    "clear_session",
    "epsilon",
    "floatx",
    "image_data_format",
    "is_float_dtype",
    "is_int_dtype",
    "is_keras_tensor",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
    "standardize_dtype",
]


def is_float_dtype(dtype: Any) -> bool:
    """Whether numbers of this dtype have fractions."""
    return standardize_dtype(dtype).startswith("float")


def is_int_dtype(dtype: Any) -> bool:
    """Whether numbers of this dtype are whole."""
    return standardize_dtype(dtype).startswith(("int", "uint"))


class _Module(ModuleType):
    """A module that can be called."""

    def __call__(self, name: str) -> AbstractContextManager[None]:
        return kernels.backend(name)


sys.modules[__name__].__class__ = _Module
