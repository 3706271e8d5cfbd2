"""What is measured of whole steps: a network, its data, its optimizer, and the way a step is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.row import Peer, verify

BATCHES = 4  # different ones, taken in turns
CHECKED = 12  # steps whose losses are compared: every batch comes three times
FITTED = 100  # batches of a timed call of fit
# Of Adam. Keras adds it to sqrt(v), PyTorch and optax to sqrt(v / (1 - beta_2**step)), and so with the usual 1e-8
# losses differ by 1e-4 after 12 steps; with this one by 3e-6.
EPSILON = 1e-10


@dataclass(frozen=True)
class Workload:
    """One kind of step.

    Parameters
    ----------
    build : makes the model, which gives logits, with the layers of a library: nerve or Keras.
    network : the name of its twins in PyTorch and JAX.
    shape : of one input.
    way : "step", a whole training step; "fit"; or, of inference, "call", "predict_on_batch" or "predict".
    peers : "torch", "jax", "keras torch" or "keras jax".
    tolerance : largest difference of losses, relative to the largest. Sums of float32 in another order differ by 1e-6
        after a step, and every further step multiplies the difference; a wrong gradient shows as 1e-2 and more.
    """

    name: str
    build: Callable[[Any], Any]
    network: str
    shape: tuple[int, ...]
    batch: int
    peers: tuple[str, ...]
    optimizer: str = "adam"
    learning_rate: float = 1e-3
    momentum: float = 0.0
    way: str = "step"
    classes: int = 10
    tolerance: float = 1e-5
    noisy = False  # no step draws random numbers

    def batches(self, count: int = BATCHES) -> list[tuple[np.ndarray, np.ndarray]]:
        """Normally distributed inputs and labels."""
        rng = np.random.default_rng(0)
        return [
            (
                rng.standard_normal((self.batch, *self.shape), dtype=np.float32),
                rng.integers(0, self.classes, size=self.batch),
            )
            for _ in range(count)
        ]

    def samples(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """The batches as two arrays."""
        x, y = zip(*self.batches(count), strict=True)
        return np.concatenate(x), np.concatenate(y)

    def start(self) -> Any:
        """nerve's model, with the weights that every side begins with."""
        import nerve

        nerve.random.seed(0)
        return self.build(nerve)

    def loss(self, library: Any) -> Any:
        return library.losses.SparseCategoricalCrossentropy(from_logits=True)

    def rule(self, library: Any) -> Any:
        """The optimizer of nerve or Keras."""
        if self.optimizer == "adam":
            return library.optimizers.Adam(self.learning_rate, epsilon=EPSILON)
        return library.optimizers.SGD(self.learning_rate, momentum=self.momentum)


@dataclass
class Side:
    """A library's way to make the steps.

    Parameters
    ----------
    check : begins to train and returns the losses; of inference, what is predicted.
    call : the call to time, of `steps` steps.
    memory : bytes that a step needs at its peak with all that lasts, where that is known.
    mode : that PyTorch is to be in, said as benchmarks.timing wants it.
    """

    check: Callable[[], Any]
    call: Callable[[], Any]
    steps: int = 1
    memory: Callable[[], int | None] = field(default=lambda: None)
    mode: Peer | None = None


def agree(workload: Any, sides: dict[str, Side]) -> dict[str, np.ndarray]:
    """What the sides check, or WrongResult where one differs from the first, or where nothing is learned."""
    from benchmarks.row import WrongResult
    from benchmarks.timing import mode

    found: dict[str, np.ndarray] = {}
    for name, side in sides.items():
        with mode(side.mode):
            found[name] = np.asarray(side.check(), np.float64)
    first, *others = found.items()
    for name, values in others:
        verify(f"{workload.name}, {name}", [values], [first[1]], workload.tolerance)
    learns = workload.way in ("step", "fit") and not workload.noisy
    if learns and np.ptp(first[1]) <= 10 * workload.tolerance * first[1].max():
        raise WrongResult(f"{workload.name}: losses hardly change, so that they say nothing")
    return found
