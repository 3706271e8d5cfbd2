"""What a recording leaves behind when it cannot run to its end: all of a step, or nothing of it."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import threading
import time
from typing import Any

import numpy as np
import pytest

import nerve
from nerve import Tensor, Variable, ops, optimizers

# Two updates in one function. What is between them needs scratch memory, of which a new thread or worker has none.
PROGRAM = """
import resource, sys, threading
import numpy as np
import nerve
from nerve import Variable, _cpu, kernels, ops, optimizers

rng = np.random.default_rng(0)
x = rng.normal(size=(8, 40, 40, 12)).astype(np.float32)

def made():
    rng = np.random.default_rng(1)
    a, b = (Variable(rng.normal(size=shape).astype(np.float32)) for shape in ((12,), (3, 3, 12, 20)))
    rule = optimizers.Adam(0.01)
    def step(x):
        kernels.multiply(a.array, 0.9, out=a.array)
        loss = ops.mean(ops.square(ops.conv2d(x * a, b)))
        rule.apply(nerve.gradients(loss, [b]), [b])
        return loss
    return step, (a, b), rule

def exhaust():
    "Take all memory that there is but for some that the interpreter needs; gives what has to be let go again."
    with open("/proc/self/statm") as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used, resource.RLIM_INFINITY))
    held = []
    for size in [3 << 19, 1 << 20, 3 << 18, 1 << 19, 3 << 17, 1 << 18, 3 << 16, 1 << 17, 3 << 15, 1 << 16]:
        for _ in range(1000):
            try:
                held.append(_cpu.empty((size,), np.dtype("uint8")))
            except MemoryError:
                break
        else:
            sys.exit("memory does not end")
    return held

def state(variables, rule):
    return [array.copy() for array in (*(v.array for v in variables), *rule.state().values())]

nerve.set_num_threads(1 if WHERE == "worker" else 2)
step, variables, rule = made()
compiled = nerve.compile(step)
for _ in range(5):
    compiled(x)
assert compiled.recorder.recordings[0].ready
before = state(variables, rule)
error, go = [], threading.Event()

def work():
    go.wait()
    try:
        compiled(x)
    except MemoryError as found:
        error.append(found)

thread = threading.Thread(target=work)
if WHERE == "worker":
    nerve.set_num_threads(2)
    ops.exp(np.zeros(1 << 20, np.float32))  # so that there is a worker
    held = exhaust()
    go.set()
    work()
else:
    thread.start()
    held = exhaust()
    go.set()
    thread.join()
resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
assert error, "there was memory enough"
assert all(map(np.array_equal, before, state(variables, rule))), "a half-made step"
del held
for _ in range(3):
    compiled(x)
eager, expected, eager_rule = made()
for _ in range(8):
    eager(x)
assert all(map(np.array_equal, state(variables, rule), state(expected, eager_rule)))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits a process's memory as Linux does")
@pytest.mark.parametrize("where", ["thread", "worker"])
def test_no_memory(where: str) -> None:
    program = textwrap.dedent(PROGRAM).replace("WHERE", repr(where))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_no_memory_for_the_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    """The call is made and gives its result; the next one is recorded in its place."""
    compiled = nerve.compile(lambda x: ops.sum(ops.exp(x)))
    x = np.ones(1000, np.float32)
    expected = compiled(x).item()
    compiled(x)
    entry = compiled.recorder.recordings[0]

    class Short:
        def __init__(self, calls: Any) -> None:
            self.calls = calls

        def __getattr__(self, name: str) -> Any:
            return getattr(self.calls, name)

        def plan(self) -> None:
            raise MemoryError

    original = nerve.recorded.Recording.__exit__

    def shortened(recording: Any, *error: Any) -> None:
        original(recording, *error)
        recording.calls = Short(recording.calls)

    with monkeypatch.context() as patch:
        patch.setattr(nerve.recorded.Recording, "difference", lambda self, later: "")
        patch.setattr(nerve.recorded.Recording, "__exit__", shortened)
        assert compiled(x).item() == expected
    assert not entry.ready
    assert [compiled(x).item() for _ in range(3)] == [expected] * 3
    assert entry.ready


@pytest.mark.skipif(sys.platform == "win32", reason="sends a thread a signal")
def test_interrupted_steps_are_whole() -> None:
    """Ctrl-C during a replay ends it behind its last call, and what that has done is counted."""

    def made() -> tuple[Any, Variable, Any]:
        rng = np.random.default_rng(1)
        weights = Variable(rng.normal(size=(400, 400)).astype(np.float32))
        rule = optimizers.Adam(0.001)

        def step(x: Any) -> Tensor:
            y = x
            for _ in range(6):
                y = ops.tanh(ops.matmul(y, weights))
            loss = ops.mean(ops.square(y))
            rule.apply(nerve.gradients(loss, [weights]), [weights])
            return loss

        return step, weights, rule

    x = np.random.default_rng(0).normal(size=(400, 400)).astype(np.float32)
    step, weights, rule = made()
    compiled = nerve.compile(step)
    for _ in range(4):
        compiled(x)
    begin = time.perf_counter()
    compiled(x)
    duration = time.perf_counter() - begin
    main, interrupted = threading.main_thread().ident, 0
    assert main is not None
    for fraction in np.linspace(0.05, 0.95, 8):
        timer = threading.Timer(fraction * duration, signal.pthread_kill, (main, signal.SIGINT))
        try:
            timer.start()
            compiled(x)
            time.sleep(2 * duration + 1)  # it comes late
        except KeyboardInterrupt:
            interrupted += 1
        timer.join()
    assert interrupted == 8
    count = rule.iterations
    assert 5 <= count <= 13
    eager, expected, _ = made()
    for _ in range(count):
        eager(x)
    np.testing.assert_array_equal(weights.array, expected.array)
