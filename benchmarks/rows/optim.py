"""Optimizer steps over four million parameters in a hundred arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.row import Peer, Row, tensors, torch
from nerve import kernels

ARRAYS, SIZE = 100, 40_960
RATE = 1e-3
EPSILON = 1e-7  # beside sqrt(v), as in Keras; PyTorch's is beside sqrt(v / (1 - beta_2**step)), at the first step:
TORCH_EPSILON = EPSILON / (1 - 0.999) ** 0.5
SCHEDULE = [0.9 * (1 - 0.5 * 0.96 ** (0.004 * step)) for step in (1, 2)]  # of NAdam's momentum, in both libraries

Lists = tuple[list[np.ndarray], ...]


def draw(*starts: float) -> Callable[[np.random.Generator], Lists]:
    """Parameters, gradients and slots that start with these numbers."""

    def make(rng: np.random.Generator) -> Lists:
        drawn = [[rng.standard_normal(SIZE, dtype=np.float32) for _ in range(ARRAYS)] for _ in range(2)]
        return (*drawn, *([np.full(SIZE, start, np.float32) for _ in range(ARRAYS)] for start in starts))

    return make


def step(kernel: Callable[..., None], **options: float) -> Callable[..., Any]:
    """A call of nerve's kernel that returns the parameters."""

    def call(parameters: Any, *lists: Any) -> Any:
        kernel(parameters, *lists, **options)
        return parameters

    return call


def row(name: str, starts: tuple[float, ...], call: Callable[..., Any], peers: tuple[Peer, ...]) -> Row:
    """Parameters and slots are read and written, gradients are read."""
    moved = (2 * (1 + len(starts)) + 1) * 4 * ARRAYS * SIZE
    return Row(f"{name} 4M in {ARRAYS} arrays", "optim", draw(*starts), call, moved, "GB/s", peers)


def optimizers(make: Callable[..., Any], *, fused: bool = False) -> tuple[Peer, ...]:
    """A torch.optim.Optimizer in each of its variants; `fused` is not there for all."""

    def variant(**options: bool) -> Callable[..., Callable[[], Any]]:
        def prepare(parameters: Any, gradients: Any, *slots: Any) -> Callable[[], Any]:
            stepped, slopes = tensors(parameters, gradients)
            for parameter, gradient in zip(stepped, slopes, strict=True):
                parameter.requires_grad_().grad = gradient
            optimizer = make(stepped, **options)

            def call() -> Any:
                optimizer.step()
                return stepped

            return call

        return prepare

    # In inference mode parameters could not be stepped; step() disables gradients by itself.
    return (
        *((Peer("torch fused", variant(fused=True), autograd=True),) if fused else ()),
        Peer("torch foreach", variant(foreach=True), autograd=True),
        Peer("torch default", variant(), autograd=True),
    )


def formula(update: Callable[..., Any]) -> tuple[Peer, ...]:
    """A step that torch.optim lacks, of tensors in place: update(parameter, gradient, *slots) for each array."""

    def prepare(*lists: Any) -> Callable[[], Any]:
        moved = tensors(*lists)

        def call() -> Any:
            for one in zip(*moved, strict=True):
                update(*one)
            return moved[0]

        return call

    return (Peer("torch formula", prepare),)


def lion(parameter: Any, gradient: Any, momentum: Any) -> None:
    parameter.add_(momentum.lerp(gradient, 0.1).sign_(), alpha=-RATE)
    momentum.lerp_(gradient, 0.01)


def ftrl(parameter: Any, gradient: Any, accumulator: Any, linear: Any) -> None:
    root = accumulator.sqrt()
    accumulator.addcmul_(gradient, gradient)
    new_root = accumulator.sqrt()
    linear.add_(gradient).addcmul_(root.sub_(new_root), parameter, value=1 / RATE)
    torch.div(linear.clamp(-0.1, 0.1).sub_(linear), new_root.div_(RATE), out=parameter)


def moving_average(average: Any, value: Any) -> None:
    average.lerp_(value, 0.01)


def schedule_free(parameter: Any, gradient: Any, momentum: Any, velocity: Any) -> None:
    mean = parameter.lerp(momentum, 1 - 1 / 0.9)
    velocity.mul_(0.999).addcmul_(gradient, gradient, value=0.001)
    momentum.addcdiv_(gradient, velocity.div(1 - 0.999**2).sqrt_().add_(EPSILON), value=-RATE)
    mean.lerp_(momentum, 0.5)
    torch.lerp(mean, momentum, 0.1, out=parameter)


BETAS: dict[str, float] = {"beta_1": 0.9, "beta_2": 0.999, "epsilon": EPSILON}
NADAM = {"momentum_now": SCHEDULE[0], "momentum_next": SCHEDULE[1], "product_now": SCHEDULE[0]}

# Keras's epsilon lies under the root of Adagrad and RMSprop, PyTorch's beside it: here too small to be seen, or zero.
ROWS = [
    row("adam_step", (0, 0), step(kernels.adam_step, learning_rate=RATE, step=1, **BETAS),
        optimizers(lambda p, **o: torch.optim.Adam(p, lr=RATE, eps=TORCH_EPSILON, **o), fused=True)),
    row("adam_step amsgrad", (0, 0, 0), step(kernels.adam_step, learning_rate=RATE, step=1, **BETAS),
        optimizers(lambda p, **o: torch.optim.Adam(p, lr=RATE, eps=TORCH_EPSILON, amsgrad=True, **o), fused=True)),
    row("sgd_step", (), step(kernels.sgd_step, learning_rate=RATE),
        optimizers(lambda p, **o: torch.optim.SGD(p, lr=RATE, **o), fused=True)),
    row("sgd_step momentum", (0,), step(kernels.sgd_step, learning_rate=RATE, momentum=0.9),
        optimizers(lambda p, **o: torch.optim.SGD(p, lr=RATE, momentum=0.9, **o), fused=True)),
    row("adagrad_step", (0.1,), step(kernels.adagrad_step, learning_rate=RATE, epsilon=1e-10),
        optimizers(lambda p, **o: torch.optim.Adagrad(p, lr=RATE, initial_accumulator_value=0.1, **o), fused=True)),
    row("rmsprop_step", (0,), step(kernels.rmsprop_step, learning_rate=RATE, rho=0.9, momentum=0.0, epsilon=0.0),
        optimizers(lambda p, **o: torch.optim.RMSprop(p, lr=RATE, alpha=0.9, eps=0.0, **o))),
    row("rmsprop_step momentum", (0, 0),
        step(kernels.rmsprop_step, learning_rate=RATE, rho=0.9, momentum=0.9, epsilon=0.0),
        optimizers(lambda p, **o: torch.optim.RMSprop(p, lr=RATE, alpha=0.9, eps=0.0, momentum=0.9, **o))),
    row("adadelta_step", (0, 0), step(kernels.adadelta_step, learning_rate=RATE, rho=0.9, epsilon=1e-6),
        optimizers(lambda p, **o: torch.optim.Adadelta(p, lr=RATE, rho=0.9, eps=1e-6, **o))),
    row("adamax_step", (0, 0), step(kernels.adamax_step, learning_rate=RATE, step=1, **BETAS),
        optimizers(lambda p, **o: torch.optim.Adamax(p, lr=RATE, eps=EPSILON, **o))),
    row("nadam_step", (0, 0), step(kernels.nadam_step, learning_rate=RATE, step=1, **BETAS, **NADAM),
        optimizers(lambda p, **o: torch.optim.NAdam(p, lr=RATE, eps=EPSILON, **o))),
    row("lion_step", (0,), step(kernels.lion_step, learning_rate=RATE, beta_1=0.9, beta_2=0.99), formula(lion)),
    row("ftrl_step", (0.1, 0), step(kernels.ftrl_step, learning_rate=RATE, l1=0.1), formula(ftrl)),
    row("schedule_free_adamw_step", (0, 0),
        step(kernels.schedule_free_adamw_step, learning_rate=RATE, step=2, **BETAS), formula(schedule_free)),
    row("moving_average_step", (), step(kernels.moving_average_step, momentum=0.99), formula(moving_average)),
]  # fmt: skip
