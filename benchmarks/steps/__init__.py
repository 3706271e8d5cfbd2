"""The kinds of steps that :mod:`benchmarks.training` measures, and the sides of each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.steps.programs import PROGRAMS, Program
from benchmarks.steps.workload import Workload


def mlp(*sizes: int) -> Callable[[Any], Any]:
    """Dense layers of a library, rectified but for the last."""

    def build(library: Any) -> Any:
        hidden = [library.layers.Dense(size, activation="relu") for size in sizes[1:-1]]
        return library.Sequential([library.Input((sizes[0],)), *hidden, library.layers.Dense(sizes[-1])])

    return build


def lenet5(library: Any) -> Any:
    return library.applications.LeNet5(classifier_activation=None)


def resnet20(library: Any) -> Any:
    return library.applications.ResNet20(classifier_activation=None)


def lstm(library: Any) -> Any:
    return library.Sequential([library.Input((64, 128)), library.layers.LSTM(128), library.layers.Dense(10)])


KERAS = ("keras jax", "keras torch")
DIGITS, SMALL = mlp(784, 256, 128, 10), mlp(784, 32, 10)
WORKLOADS = (
    Workload("MLP 784-256-128-10, batch 32, Adam", DIGITS, "mlp", (784,), 32, ("torch", "jax")),
    Workload("MLP 784-256-128-10, batch 32, Adam, fit", DIGITS, "mlp", (784,), 32, KERAS, way="fit"),
    Workload("LeNet-5, batch 64, Adam", lenet5, "lenet5", (28, 28, 1), 64, ("torch", "jax")),
    Workload("MLP 16-16-4, batch 1, SGD", mlp(16, 16, 4), "mlp", (16,), 1, ("torch", "jax"), "sgd", 0.05, classes=4),
    Workload(  # PyTorch's two memory formats differ by 4e-4 from each other after 12 steps: twenty normalized layers
        "ResNet-20 32x32x3, batch 64, SGD momentum", resnet20, "resnet20", (32, 32, 3), 64, ("torch",),
        "sgd", 0.01, 0.9, tolerance=2e-3,
    ),
    Workload("LSTM 128 of 64x128, batch 32, Adam", lstm, "lstm", (64, 128), 32, ("torch", "jax")),
    Workload("MLP 784-32-10, one row, compiled", SMALL, "mlp", (784,), 1, ("torch",), way="call"),
    Workload(
        "MLP 784-32-10, one row, predict_on_batch", SMALL, "mlp", (784,), 1, ("torch", *KERAS), way="predict_on_batch"
    ),
    Workload("MLP 784-32-10, one row, predict", SMALL, "mlp", (784,), 1, KERAS, way="predict"),
)  # fmt: skip
ALL: tuple[Workload | Program, ...] = (*WORKLOADS, *PROGRAMS)
