"""Whole training steps on the GPU: nerve's recorded ones, PyTorch's eager ones, and PyTorch's CUDA graph of them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import nerve
from benchmarks.gpu.machine import Gpu
from benchmarks.gpu.rows import Make, Row
from benchmarks.steps import WORKLOADS
from benchmarks.steps.workload import EPSILON, Workload

CHOSEN = ("MLP 784-256-128-10, batch 32, Adam", "LeNet-5, batch 64, Adam")
CHECKED = 8  # losses


def step(workload: Workload, against: str, target: float) -> Make:
    """A step beside PyTorch's: `against` is "eager" or "graph"."""

    def make(gpu: Gpu) -> Row:
        ours, losses = nerve_step(gpu, workload)
        theirs, expected = torch_step(gpu, workload, against == "graph")
        return Row(
            f"{workload.name}, beside {against}", "steps", ours, {f"torch {against}": theirs}, expected, 1.0, "steps/s",
            target, tolerance=1e-3, first=lambda _: losses(),
        )  # fmt: skip

    return make


def nerve_step(gpu: Gpu, workload: Workload) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """The call to time, and the losses of the first steps, of a model of its own."""

    def start() -> Callable[[], Any]:
        model = workload.start().to("cuda")
        loss_of, optimizer = workload.loss(nerve), workload.rule(nerve)

        @nerve.compile
        def run(x: Any, y: Any) -> Any:
            loss = loss_of(y, model(x, training=True))
            optimizer.apply(nerve.gradients(loss, model.trainable_variables), model.trainable_variables)
            return loss

        batches = itertools.cycle(
            [tuple(gpu.ours(gpu.torch.from_numpy(a).to(gpu.device)) for a in pair) for pair in workload.batches()]
        )
        return lambda: run(*next(batches))

    return start(), lambda: first_losses(gpu, start(), lambda loss: loss.numpy())


def torch_step(gpu: Gpu, workload: Workload, graph: bool) -> tuple[Callable[[], Any], Callable[[], Any]]:
    from benchmarks.steps import torch_networks

    torch = gpu.torch

    def start(graph: bool) -> Callable[[], Any]:
        module = getattr(torch_networks, workload.network)(workload.start()).to(gpu.device)
        optimizer = torch.optim.Adam(
            module.parameters(), workload.learning_rate, eps=EPSILON, fused=True, capturable=graph
        )
        pairs = [tuple(torch.from_numpy(a).to(gpu.device) for a in pair) for pair in workload.batches()]
        pairs = [(x.permute(0, 3, 1, 2).contiguous() if x.ndim == 4 else x, y) for x, y in pairs]
        batches = itertools.cycle(pairs)

        def run(x: Any, y: Any) -> Any:
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(module(x), y)
            loss.backward()
            optimizer.step()
            return loss

        if not graph:
            return lambda: run(*next(batches))
        x, y = (t.clone() for t in pairs[0])
        side = torch.cuda.Stream()  # its own way of capturing: warmed up on another stream
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                run(x, y)
        torch.cuda.current_stream().wait_stream(side)
        captured = torch.cuda.CUDAGraph()
        with torch.cuda.graph(captured):
            loss = run(x, y)

        def replay() -> Any:
            for own, given in zip((x, y), next(batches), strict=True):
                own.copy_(given)
            captured.replay()
            return loss

        return replay

    return start(graph), lambda: first_losses(gpu, start(False), lambda loss: loss.detach().cpu().numpy())


def first_losses(gpu: Gpu, call: Callable[[], Any], read: Callable[[Any], Any]) -> Any:
    return gpu.torch.tensor([float(read(call())) for _ in range(CHECKED)])


def all_steps() -> Iterator[tuple[str, Make]]:
    """Families and how to make their rows."""
    for workload in WORKLOADS:
        if workload.name in CHOSEN:
            yield "steps", step(workload, "eager", 3.0)
            yield "steps", step(workload, "graph", 1.0)
