"""The scripts written for Keras: each learns in recorded steps, and under Keras with its import line it learns the same."""

from __future__ import annotations

import numpy as np
import pytest

import nerve

from . import examples

# Scripts that draw noise: no two libraries draw the same, and losses agree as far as means over some batches do.
RANDOM = {"vae": 0.02, "dcgan": 0.1}


def required(name: str) -> None:
    for needed in {"gcn": ["networkx"]}.get(name, ["mlxtend"]):
        pytest.importorskip(needed)


@pytest.mark.parametrize("name", examples.NAMES)
def test_a_script_learns(name):
    required(name)
    script = examples.load(name)
    model = script.build()
    data = examples.few(script)
    losses = model.fit(*data[:2], epochs=5, **examples.options(script, data)).history["loss"]
    assert losses[-1] < losses[0]
    assert model._recorders["train"].recordings, model._recorders["train"].refusal


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", examples.NAMES)
def test_under_keras(name, monkeypatch):
    required(name)
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    pytest.importorskip("keras")
    pytest.importorskip("torch")
    nerve.random.seed(0)
    ours, theirs = examples.load(name), examples.load(name, examples.THEIRS)
    model, other = ours.build(), theirs.build()
    data = examples.few(ours, 8)
    for each in (model, other):
        if not each.built or not each.weights:
            each(examples.part(data[0], 2))
    other.set_weights(model.get_weights())
    found, expected = (
        np.array(each.fit(*data[:2], epochs=3, **examples.options(script, data)).history["loss"])
        for each, script in ((model, ours), (other, theirs))
    )
    assert expected[-1] < expected[0], "Keras learns"
    # 1e-3 is ten times what is seen after 24 steps of Adam, where the order of sums tells.
    np.testing.assert_allclose(found, expected, rtol=RANDOM.get(name, 1e-3))


def test_there_are_ten():
    assert len(examples.NAMES) == 10
