#!/usr/bin/env python3
"""What programs for Keras find otherwise here, and the table of its classes with nerve's beside them: docs/keras.md.

    python scripts/keras_table.py            # exit 1 and print a diff where the table is not what the two libraries say
    python scripts/keras_table.py --write    # bring it up to date

Looks at the installed nerve and at the installed Keras. What Keras has and nerve has not needs a reason below.
"""

from __future__ import annotations

import argparse
import difflib
import importlib
import inspect
import os
import sys
import textwrap
from pathlib import Path
from typing import Any

TABLE = Path(__file__).resolve().parent.parent / "docs" / "keras.md"
SECTIONS = {
    "layers": "Layer",
    "losses": "Loss",
    "metrics": "Metric",
    "optimizers": "Optimizer",
    "optimizers.schedules": "LearningRateSchedule",
    "callbacks": "Callback",
    "initializers": "Initializer",
    "regularizers": "Regularizer",
    "constraints": "Constraint",
}
FRAMEWORK = "runs a model of another framework"
REASONS: dict[str, str] = {
    "layers.FlaxLayer": FRAMEWORK,
    "layers.JaxLayer": FRAMEWORK,
    "layers.TFSMLayer": FRAMEWORK,
    "layers.TorchModuleWrapper": FRAMEWORK,
    "optimizers.LossScaleOptimizer": "scales the losses of float16, in which nerve does not compute",
    "callbacks.OrbaxCheckpoint": "writes JAX's own format; `ModelCheckpoint` and `BackupAndRestore` write nerve's",
}

PROGRAMS = """\
## Programs

- Steps of one's own are written as for Keras on PyTorch: `self.zero_grad()`, `loss.backward()`, `v.value.grad`,
  `self.optimizer.apply(...)`; or with `nerve.gradients(loss, variables)`, which leaves nothing behind.
- Files may be called `.keras` and `.weights.h5`. What is in them is nerve's, which Keras does not read, nor nerve what
  Keras writes: `get_weights` and `set_weights`, whose order is the same, take weights from one to the other.
- `layer(x, training=False)` in a graph holds in `fit` too, as Keras's guides say; Keras 3.15.1 itself trains such a
  layer. Layers inside a model whose `call` has no argument `training` train in `fit`; in Keras they do not.
- Sums, differences and products of integers are floats; `//`, `%`, moving and picking leave integers what they are, and
  indices may be whole floats.
- `nerve.config` and `nerve.backend` have what is fixed: float32, 1e-7 and channels last. Mixed precision, quantization,
  distribution and export there are not.
- `TensorBoard` writes no graphs, images of weights, profiles and projections; a warning says so.
"""

FUNCTIONS: dict[str, tuple[str, ...]] = {  # reason: what there is not of keras.ops
    "complex arrays, which here are pairs of tensors": (
        "angle", "conj", "conjugate", "eig", "imag", "isreal", "polar", "real", "view_as_complex", "view_as_real",
    ),
    "derivatives in forward mode, where nerve has those in reverse": ("jvp",),
    "bits read as numbers of another type": ("view",),
}  # fmt: skip


def classes(library: str, section: str) -> dict[str, list[str]]:
    """The classes of a section by their own names, each with the names it is found under."""
    module = importlib.import_module(f"{library}.{section}")
    base = getattr(module, SECTIONS[section])
    found: dict[Any, list[str]] = {}
    for name in sorted(set(dir(module))):
        value = getattr(module, name)
        if isinstance(value, type) and issubclass(value, base) and not name.startswith("_"):
            found.setdefault(value, []).append(name)
    return {(own if (own := cls.__name__) in names else names[0]): names for cls, names in found.items()}


def lacking(theirs: Any, ours: Any) -> str:
    """Which arguments of a class or function of Keras nerve's has not, as the end of its line."""
    from nerve._lookup import keywords

    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    taken = keywords(ours.__init__, ours) if isinstance(ours, type) else inspect.signature(ours).parameters
    parameters = inspect.signature(theirs).parameters.values()
    names = [f"`{each.name}`" for each in parameters if each.kind in named and each.name not in taken]
    return f", without {', '.join(names)}" if names else ""


def functions(theirs: str, ours: str) -> list[str]:
    """How many functions of a module of Keras there are, and which there are not, and why.

    Raises
    ------
    ValueError
        If one is missing without a reason, or has a reason and is there.
    """
    keras_module, nerve_module = (importlib.import_module(name) for name in (theirs, ours))
    names = [
        name
        for name in sorted(set(dir(keras_module)))
        if not name.startswith("_") and callable(value := getattr(keras_module, name)) and not isinstance(value, type)
    ]
    missing = [name for name in names if not callable(getattr(nerve_module, name, None))]
    excused = {name for group in FUNCTIONS.values() for name in group} & set(names)
    if wrong := excused ^ set(missing):
        raise ValueError(f"{theirs}: a reason for what is missing, and for nothing else: {sorted(wrong)}")
    parts = []
    for reason, group in FUNCTIONS.items():
        if found := [f"`{name}`" for name in missing if name in group]:
            parts.append(f"{', '.join(found)} ({reason})")
    text = f"Not in nerve: {'; '.join(parts)}." if parts else "None is missing."
    fewer = [
        f"`{name}`{without}"
        for name in names
        if name not in missing and (without := lacking(getattr(keras_module, name), getattr(nerve_module, name)))
    ]
    text += f" With fewer arguments: {'; '.join(fewer)}." if fewer else ""
    count = len(names) - len(missing)
    return ["", f"## {theirs}: {count} of {len(names)} functions, as `{ours}`", "", *textwrap.wrap(text, 116)]


def table() -> str:
    """The whole text.

    Raises
    ------
    ValueError
        If a class is missing without a reason, or has a reason and is there.
    """
    import keras

    head = f"""# Keras's classes in nerve

Every layer, loss, metric, optimizer, schedule, callback, initializer, regularizer and constraint of Keras
{keras.__version__} and where it is in nerve, with the same name, defaults and, but for those named behind it, the same
arguments; or the reason why there is none. Other names of a class follow it in parentheses. At the end are the
functions of `keras.ops`. Made by `python scripts/keras_table.py --write`; a test compares it with both libraries."""
    lines = [*head.splitlines(), "", *PROGRAMS.splitlines()]
    wrong = []
    for section in SECTIONS:
        theirs, ours = classes("keras", section), importlib.import_module(f"nerve.{section}")
        rows = []
        keras_module = importlib.import_module(f"keras.{section}")
        for name, names in sorted(theirs.items()):
            reason = REASONS.get(f"{section}.{name}")
            missing = [each for each in names if not hasattr(ours, each)]
            if bool(missing) != bool(reason):
                wrong.append(f"{section}.{name}: " + ("needs a reason" if missing else "is there and has a reason"))
            aliases = [f"`{each}`" for each in names if each != name]
            without = "" if missing else lacking(getattr(keras_module, name), getattr(ours, name))
            place = reason or f"`nerve.{section}.{name}`{without}"
            rows.append((f"`{name}`" + (f" ({', '.join(aliases)})" if aliases else ""), place))
        here = len(rows) - sum(f"{section}.{name}" in REASONS for name in theirs)
        lines += ["", f"## keras.{section}: {here} of {len(rows)}", "", "| Keras | nerve |", "| --- | --- |"]
        lines += [f"| {keras_name} | {place} |" for keras_name, place in rows]
    for part in ("ops", "ops.image", "ops.linalg"):
        lines += functions(f"keras.{part}", f"nerve.{part}")
    if wrong:
        raise ValueError("scripts/keras_table.py, REASONS:\n  " + "\n  ".join(wrong))
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="bring docs/keras.md up to date")
    write = parser.parse_args().write
    os.environ.setdefault("KERAS_BACKEND", "torch")
    text, before = table(), TABLE.read_text() if TABLE.exists() else ""
    if write:
        TABLE.parent.mkdir(exist_ok=True)
        TABLE.write_text(text)
    elif text != before:
        sys.stdout.writelines(
            difflib.unified_diff(before.splitlines(True), text.splitlines(True), "docs/keras.md", "now")
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
