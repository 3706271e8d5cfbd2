"""LSTM, GRU and the simple recurrent layer over whole sequences (PyTorch's modules; oneDNN is behind its LSTM)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.row import Peer, Row, tensors, torch
from nerve import kernels

# (kind, batch, time, features, units): the layer of the usual comparison, one sequence at a time, narrow and wide.
TRAINING = [
    ("lstm", 32, 64, 128, 256), ("gru", 32, 64, 128, 256), ("lstm", 32, 64, 1, 64), ("gru", 32, 64, 1, 64),
    ("lstm", 32, 32, 256, 512), ("gru", 32, 32, 256, 512), ("lstm", 128, 32, 128, 256),
    ("simple_rnn", 32, 64, 128, 256), ("simple_rnn", 32, 64, 1, 64),
]  # fmt: skip
INFERENCE = [
    ("lstm", 32, 64, 128, 256), ("gru", 32, 64, 128, 256), ("lstm", 1, 64, 128, 256), ("gru", 1, 64, 128, 256),
    ("lstm", 1, 64, 64, 64), ("simple_rnn", 32, 64, 128, 256), ("simple_rnn", 1, 64, 128, 256),
]  # fmt: skip
GATES = {"lstm": 4, "gru": 3, "simple_rnn": 1}
MODULES = {"lstm": "LSTM", "gru": "GRU", "simple_rnn": "RNN"}
# PyTorch's GRU has the gates r, z, n where Keras's has z, r, n; its LSTM has the order of Keras.
ORDER = {"lstm": (0, 1, 2, 3), "gru": (1, 0, 2), "simple_rnn": (0,)}


def turned(kind: str, array: np.ndarray) -> np.ndarray:
    """The last axis, gate by gate, in the other library's order (which is its own inverse)."""
    parts = np.split(np.asarray(array), GATES[kind], axis=-1)
    return np.concatenate([parts[i] for i in ORDER[kind]], axis=-1)


def draw(kind: str, batch: int, time: int, features: int, units: int) -> Callable[..., tuple[np.ndarray, ...]]:
    columns = GATES[kind] * units

    def arguments(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        def uniform(*shape: int) -> np.ndarray:
            return rng.uniform(-1, 1, shape).astype(np.float32) / np.float32(np.sqrt(units))

        bias = uniform(2, columns) if kind == "gru" else uniform(columns)
        x, grad = (rng.standard_normal((batch, time, n), dtype=np.float32) for n in (features, units))
        return x, uniform(features, columns), uniform(units, columns), bias, grad

    return arguments


def layer(kind: str, kernel: np.ndarray, recurrent_kernel: np.ndarray, bias: np.ndarray) -> Any:
    module = getattr(torch.nn, MODULES[kind])(len(kernel), len(recurrent_kernel))
    of_x, of_h = bias if kind == "gru" else (bias, np.zeros_like(bias))
    weights = [turned(kind, kernel).T, turned(kind, recurrent_kernel).T, turned(kind, of_x), turned(kind, of_h)]
    with torch.no_grad():
        for parameter, value in zip(module.parameters(), tensors(*map(np.ascontiguousarray, weights)), strict=True):
            parameter.copy_(value)
    return module


def training(kind: str, batch: int, time: int, features: int, units: int) -> Row:
    def call(x: np.ndarray, kernel: np.ndarray, recurrent: np.ndarray, bias: np.ndarray, grad: np.ndarray) -> Any:
        forward, backward = getattr(kernels, kind), getattr(kernels, f"{kind}_backward")
        if kind == "simple_rnn":  # the way back needs nothing but y
            y, _ = forward(x, kernel, recurrent, bias)
            return y, *backward(x, y, kernel, recurrent, grad=grad)[:4]
        y, *_, saved = forward(x, kernel, recurrent, bias, save=True)
        return y, *backward(x, y, saved, kernel, recurrent, grad=grad)[:4]

    def variant(batch_first: bool) -> Callable[..., Callable[[], Any]]:
        def prepare(x: np.ndarray, *rest: np.ndarray) -> Callable[[], Any]:
            module = layer(kind, *rest[:3])
            module.batch_first = batch_first
            a, g = (t if batch_first else t.transpose(0, 1).contiguous() for t in tensors(x, rest[3]))
            a.requires_grad_()

            def step() -> Any:
                y = module(a)[0]
                grads = torch.autograd.grad(y, [a, *module.parameters()], g)
                return (
                    (y, grads[0], *grads[1:])
                    if batch_first
                    else (y.transpose(0, 1), grads[0].transpose(0, 1), *grads[1:])
                )

            return step

        return prepare

    def unpack(result: Any) -> Any:
        y, grad_x, *weights, of_x, of_h = (np.asarray(tensor.detach()) for tensor in result)
        bias = turned(kind, np.stack([of_x, of_h]) if kind == "gru" else of_x)
        return y, grad_x, *(turned(kind, weight.T) for weight in weights), bias

    work = 3 * 2.0 * batch * time * GATES[kind] * units * (features + units)
    peers = (
        Peer("torch batch first", variant(True), unpack, True),
        Peer("torch time first", variant(False), unpack, True),
    )
    name = f"{kind} {features}-{units} batch {batch}, {time} steps, forward+backward"
    return Row(name, "recurrent", draw(kind, batch, time, features, units), call, work, "GFLOP/s", peers, 2e-5)


def inference(kind: str, batch: int, time: int, features: int, units: int) -> Row:
    def call(x: np.ndarray, kernel: np.ndarray, recurrent: np.ndarray, bias: np.ndarray, grad: np.ndarray) -> Any:
        return getattr(kernels, kind)(x, kernel, recurrent, bias)[0]

    def variant(batch_first: bool) -> Callable[..., Callable[[], Any]]:
        def prepare(x: np.ndarray, *rest: np.ndarray) -> Callable[[], Any]:
            module = layer(kind, *rest[:3])
            module.batch_first = batch_first
            a = tensors(x)
            if batch_first:
                return lambda: module(a)[0]
            turned_x = a.transpose(0, 1).contiguous()
            return lambda: module(turned_x)[0].transpose(0, 1)

        return prepare

    work = 2.0 * batch * time * GATES[kind] * units * (features + units)
    peers = (Peer("torch batch first", variant(True)), Peer("torch time first", variant(False)))
    name = f"{kind} {features}-{units} batch {batch}, {time} steps"
    return Row(name, "recurrent", draw(kind, batch, time, features, units), call, work, "GFLOP/s", peers, 2e-5)


ROWS = [*(training(*sizes) for sizes in TRAINING), *(inference(*sizes) for sizes in INFERENCE)]
