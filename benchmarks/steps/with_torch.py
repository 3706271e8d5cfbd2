"""PyTorch's sides: every memory format by every implementation of the optimizer, and with `torch.compile` if asked."""

from __future__ import annotations

import itertools
import os
from typing import Any

import numpy as np
import torch

from benchmarks.row import Peer
from benchmarks.steps import torch_networks
from benchmarks.steps.workload import CHECKED, EPSILON, Side, Workload

INFERENCE = Peer("torch", lambda: lambda: None)  # what benchmarks.timing takes for a call without autograd
COMPILE = "NERVE_BENCHMARK_TORCH_COMPILE"  # in the environment of the processes that time
IMPLEMENTATIONS: dict[str, dict[str, Any]] = {"default": {}, "fused": {"fused": True}, "foreach": {"foreach": True}}
FORMATS = {
    "mlp": ("",),
    "lenet5": ("NCHW", "channels_last"),
    "resnet20": ("NCHW", "channels_last"),
    "lstm": ("batch first", "time first"),
}


def sides(workload: Workload) -> dict[str, Side]:
    compiled = bool(os.environ.get(COMPILE))
    if workload.way != "step":
        return _inference(workload, compiled)
    found = {}
    for form in FORMATS[workload.network]:
        for name, options in IMPLEMENTATIONS.items():
            found[f"torch {form}, {name}" if form else f"torch {name}"] = _step(workload, form, options, False)
        if compiled:
            found[f"torch {form}, compile" if form else "torch compile"] = _step(workload, form, {"fused": True}, True)
    return found


def _formed(x: np.ndarray, form: str) -> Any:
    """An input as a memory format wants it."""
    if form == "time first":
        return torch.from_numpy(np.ascontiguousarray(x.swapaxes(0, 1)))
    tensor = torch.from_numpy(x)
    if tensor.ndim < 4:
        return tensor
    tensor = tensor.permute(0, 3, 1, 2)
    return tensor if form == "channels_last" else tensor.contiguous()


def _module(workload: Workload, form: str) -> Any:
    options = {"batch_first": form == "batch first"} if workload.network == "lstm" else {}
    module = getattr(torch_networks, workload.network)(workload.start(), **options)
    return module.to(memory_format=torch.channels_last) if form == "channels_last" else module


def _step(workload: Workload, form: str, options: dict[str, Any], compiled: bool) -> Side:
    module = _module(workload, form)
    parameters = [p for p in module.parameters() if p.requires_grad]
    optimizer: Any
    if workload.optimizer == "adam":
        optimizer = torch.optim.Adam(parameters, workload.learning_rate, eps=EPSILON, **options)
    else:
        optimizer = torch.optim.SGD(parameters, workload.learning_rate, workload.momentum, **options)

    def loss_of(x: Any, y: Any) -> Any:
        return torch.nn.functional.cross_entropy(module(x), y)

    if compiled:
        loss_of = torch.compile(loss_of)
    batches = itertools.cycle([(_formed(x, form), torch.from_numpy(y)) for x, y in workload.batches()])

    def step() -> Any:
        x, y = next(batches)
        optimizer.zero_grad()
        loss = loss_of(x, y)
        loss.backward()
        optimizer.step()
        return loss

    def memory() -> int:
        x, y = next(batches)
        state = (v for each in optimizer.state.values() for v in each.values() if isinstance(v, torch.Tensor))
        lasting = sum(t.nbytes for t in itertools.chain(module.parameters(), module.buffers(), state, (x, y)))
        optimizer.zero_grad()
        return int(lasting) + most_live_bytes(step)

    return Side(lambda: [step().item() for _ in range(CHECKED)], step, memory=memory)


def _inference(workload: Workload, compiled: bool) -> dict[str, Side]:
    module = _module(workload, "").eval()
    x = torch.from_numpy(workload.batches(1)[0][0])
    found = {"torch": Side(lambda: module(x).numpy(), lambda: module(x), mode=INFERENCE)}
    if compiled:
        fast: Any = torch.compile(module)
        found["torch compile"] = Side(lambda: fast(x).numpy(), lambda: fast(x), mode=INFERENCE)
    return found


def most_live_bytes(call: Any) -> int:
    """Bytes of tensors that a call makes and that are alive together, from the profiler's list of allocations."""
    profiler: Any = torch.profiler
    with profiler.profile(activities=[profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        call()
    allocations = [e for e in profile.profiler.kineto_results.events() if e.name() == "[memory]"]
    allocations.sort(key=lambda event: event.start_ns())
    return max(itertools.accumulate(event.nbytes() for event in allocations), default=0)
