"""The scripts of ``examples/keras``, loaded for nerve or for Keras by changing their import line."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

FOLDER = Path(__file__).resolve().parent.parent / "examples" / "keras"
NAMES = sorted(path.stem for path in FOLDER.glob("*.py"))
OURS, THEIRS = "import nerve as keras", "import keras"


def load(name: str, line: str = OURS) -> Any:
    """A script as a module, with `line` in place of its import of nerve."""
    text = (FOLDER / f"{name}.py").read_text()
    assert len(re.findall(r"\bnerve\b", text)) == 1, "only the import line knows nerve"
    module = ModuleType(f"examples.{name}")
    exec(compile(text.replace(OURS, line), str(FOLDER / f"{name}.py"), "exec"), vars(module))
    return module


def part(data: Any, samples: int) -> Any:
    """The first samples of arrays, or of lists and tuples of them."""
    if isinstance(data, np.ndarray):
        return data[:samples]
    return type(data)(part(item, samples) for item in data)


def few(script: Any, batches: int = 4) -> tuple[Any, ...]:
    """Inputs, targets and weights of some batches, as `fit` takes them."""
    data = script.data()
    return part(data if isinstance(data, tuple) else (data,), batches * script.BATCH)


def options(script: Any, data: tuple[Any, ...]) -> dict[str, Any]:
    """What `fit` is given besides inputs and targets."""
    weights = {"sample_weight": data[2]} if len(data) > 2 else {}
    return {"batch_size": script.BATCH, "shuffle": False, "verbose": 0, **weights}
