"""The scripts written for Keras: each learns in recorded steps, and the same under Keras by its import line."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.steps import programs


def required(name: str) -> None:
    for needed in {"gcn": ["networkx"]}.get(name, ["mlxtend"]):
        pytest.importorskip(needed)


@pytest.mark.parametrize("name", programs.NAMES)
def test_a_program_learns(name):
    required(name)
    script = programs.load(name)
    data = programs.few(script, 4)
    model = programs.built(script, data)
    losses = programs.fit(script, model, data, 5)
    assert losses[-1] < losses[0]
    assert model._recorders["train"].recordings, model._recorders["train"].refusal


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("program", programs.PROGRAMS, ids=lambda program: program.script)
def test_under_keras(program, monkeypatch):
    required(program.script)
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    pytest.importorskip("keras")
    pytest.importorskip("torch")
    ours, theirs = programs.sides(program, "keras").values()
    found, expected = ours.check(), theirs.check()
    assert expected[-1] < expected[0], "Keras learns"
    np.testing.assert_allclose(found, expected, rtol=program.tolerance)


def test_there_are_ten():
    assert len(programs.NAMES) == 10
