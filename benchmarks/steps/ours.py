"""nerve's side."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

import nerve
from benchmarks.steps.workload import BATCHES, CHECKED, FITTED, Side, Workload


def side(workload: Workload) -> Side:
    if workload.way == "step":
        return _step(workload)
    return _fit(workload) if workload.way == "fit" else _inference(workload)


def held(model: Any, optimizer: Any, recorder: Any) -> int:
    """Bytes of a recording's inputs and plan, of weights and of the optimizer's state; not kernels' scratch memory."""
    lasting = [weight.array for weight in model.weights]
    if optimizer is not None:
        lasting += optimizer.state().values()
    return int(recorder.recordings[-1].bytes + sum(array.nbytes for array in lasting))


def _step(workload: Workload) -> Side:
    model, loss_of, optimizer = workload.start(), workload.loss(nerve), workload.rule(nerve)

    @nerve.compile
    def step(x: Any, y: Any) -> Any:
        loss = loss_of(y, model(x, training=True))
        variables = model.trainable_variables
        optimizer.apply(nerve.gradients(loss, variables), variables)
        return loss

    batches = itertools.cycle(workload.batches())
    return Side(
        lambda: [step(*next(batches)).item() for _ in range(CHECKED)],
        lambda: step(*next(batches)),
        memory=lambda: held(model, optimizer, step.recorder),
    )


def fitting(workload: Workload, library: Any, model: Any) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """Losses of some epochs, and the call to time; the same program for nerve and for Keras."""
    model.compile(workload.rule(library), workload.loss(library))
    few, many = workload.samples(BATCHES), workload.samples(FITTED)
    batch = workload.batch

    def check() -> Any:
        return model.fit(*few, batch_size=batch, epochs=CHECKED // BATCHES, shuffle=False, verbose=0).history["loss"]

    return check, lambda: model.fit(*many, batch_size=batch, epochs=1, verbose=0)


def _fit(workload: Workload) -> Side:
    model = workload.start()
    check, call = fitting(workload, nerve, model)
    return Side(check, call, FITTED, lambda: held(model, model.optimizer, model._recorders["train"]))


def _inference(workload: Workload) -> Side:
    model = workload.start()
    x = workload.batches(1)[0][0]
    if workload.way == "call":
        compiled = nerve.compile(lambda x: model(x, training=False))
        return Side(lambda: _often(lambda: compiled(x).array), lambda: compiled(x))
    call = predicting(workload, model)
    return Side(lambda: _often(call), call)


def _often(call: Callable[[], np.ndarray]) -> np.ndarray:
    """The last of some results, which comes out of a recording."""
    return [call() for _ in range(CHECKED)][-1]


def predicting(workload: Workload, model: Any) -> Callable[[], Any]:
    """The call to time; the same program for nerve and for Keras."""
    x = workload.batches(1)[0][0]
    if workload.way == "predict":
        return lambda: model.predict(x, verbose=0)
    return lambda: model.predict_on_batch(x)
