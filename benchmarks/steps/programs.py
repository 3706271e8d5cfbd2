"""The programs of ``examples/keras``: each is loaded for nerve or for Keras by changing its import line."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from benchmarks.machine import ROOT
from benchmarks.steps.workload import Side

FOLDER = ROOT / "examples" / "keras"
NAMES = tuple(sorted(path.stem for path in FOLDER.glob("*.py")))
OURS, THEIRS = "import nerve as keras", "import keras"
CHECKED = 4  # batches whose losses are compared, in three epochs
FITTED = 24  # steps of a timed call


@dataclass(frozen=True)
class Program:
    """Steps of a whole program, in `fit`.

    Parameters
    ----------
    script : its file's name.
    tolerance : largest difference of the losses of an epoch, relative to the largest. Programs that draw noise draw
        another one in every library.
    """

    script: str
    tolerance: float = 2e-3
    peers: tuple[str, ...] = ("keras jax", "keras torch")
    way: str = "fit"

    @property
    def noisy(self) -> bool:
        """Whether it draws noise, so that losses of one epoch and the next differ by that."""
        return self.script in NOISY

    @property
    def name(self) -> str:
        return f"examples/keras/{self.script}.py, fit"


NOISY = {"vae": 0.05, "dcgan": 0.2}
PROGRAMS = tuple(Program(name, NOISY.get(name, 2e-3)) for name in NAMES)


def load(name: str, line: str = OURS) -> Any:
    """A script as a module, with `line` in place of its import of nerve."""
    path = FOLDER / f"{name}.py"
    text = path.read_text()
    if len(re.findall(r"\bnerve\b", text)) != 1:
        raise ValueError(f"{path} is to know nerve by its import line alone")
    module = ModuleType(f"examples.{name}")
    exec(compile(text.replace(OURS, line), str(path), "exec"), vars(module))
    return module


def part(data: Any, samples: int) -> Any:
    """The first samples of arrays, or of lists and tuples of them."""
    if isinstance(data, np.ndarray):
        return data[:samples]
    return type(data)(part(item, samples) for item in data)


def few(script: Any, batches: int) -> tuple[Any, ...]:
    """Inputs, targets and weights of some batches."""
    data = script.data()
    found: tuple[Any, ...] = part(data if isinstance(data, tuple) else (data,), batches * script.BATCH)
    return found


def fit(script: Any, model: Any, data: tuple[Any, ...], epochs: int = 1) -> list[float]:
    """The losses of epochs over data, in their order."""
    weights = {"sample_weight": data[2]} if len(data) > 2 else {}
    history = model.fit(*data[:2], batch_size=script.BATCH, epochs=epochs, shuffle=False, verbose=0, **weights)
    losses: list[float] = history.history["loss"]
    return losses


def built(script: Any, data: tuple[Any, ...]) -> Any:
    """The script's model, with weights."""
    model = script.build()
    if not model.built or not model.weights:
        model(part(data[0], 2))
    return model


def sides(program: Program, peer: str) -> dict[str, Side]:
    """nerve's side and Keras's, from the same weights."""
    import keras

    import nerve

    nerve.random.seed(0)
    ours, theirs = load(program.script), load(program.script, THEIRS)
    if keras.backend.backend() == "jax":
        _without_own_step(theirs)
    data = few(ours, FITTED)
    model, other = built(ours, data), built(theirs, data)
    other.set_weights(model.get_weights())
    return {"nerve": _side(ours, model, data), peer: _side(theirs, other, data)}


def _without_own_step(script: Any) -> None:
    """Steps that call `loss.backward()` are Keras's on PyTorch; on JAX its own step minimizes `compute_loss`."""
    import keras

    for value in list(vars(script).values()):
        if isinstance(value, type) and issubclass(value, keras.Model) and "train_step" in vars(value):
            delattr(value, "train_step")
            if "metrics" in vars(value):
                setattr(value, "metrics", _but(keras.Model.metrics, vars(value)["metrics"]))  # noqa: B010


def _but(everything: property, own: property) -> property:
    """Metrics without those that a model's own step would have updated."""

    def metrics(model: Any) -> list[Any]:
        left_out = {id(metric) for metric in own.fget(model)}  # type: ignore[misc]
        return [metric for metric in everything.fget(model) if id(metric) not in left_out]  # type: ignore[misc]

    return property(metrics)


def _side(script: Any, model: Any, data: tuple[Any, ...]) -> Side:
    begun = part(data, CHECKED * script.BATCH)
    first = data[0][0] if isinstance(data[0], list) else data[0]
    per_epoch = -(-len(first) // script.BATCH)
    epochs = max(1, FITTED // per_epoch)
    check: Callable[[], Any] = lambda: fit(script, model, begun, 3)  # noqa: E731
    return Side(check, lambda: fit(script, model, data, epochs), per_epoch * epochs)
