"""Packages that only some functions need, imported on use."""

from __future__ import annotations

import importlib
from typing import Any


def require(what: str, module: str, extra: str) -> Any:
    """The module, or an ImportError that says which extra brings it.

    Parameters
    ----------
    what : str
        The function that needs it, for the message.
    module : str
        "PIL.Image", say.
    extra : str
        Of pyproject.toml.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(f"[{what}] needs {module.split('.')[0]}: pip install 'nerve[{extra}]'") from error
