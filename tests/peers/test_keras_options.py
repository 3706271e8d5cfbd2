"""Options of layers that few programs use, beside Keras."""

from __future__ import annotations

import numpy as np
import pytest
from test_keras import X, Y, array, both, keras, rng, same  # skips this file too where Keras is not installed

import nerve

torch = pytest.importorskip("torch")
pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"renorm_clipping": {"rmin": 0.7, "rmax": 1.3, "dmax": 0.4}},
        {"renorm_momentum": 0.5, "scale": False},
        {"axis": 1, "center": False, "moving_variance_initializer": "zeros"},
    ],
    ids=str,
)
def test_batch_renormalization(options):
    def program(library, start):
        layers = library.layers
        norm = layers.BatchNormalization(renorm=True, momentum=0.9, **options)
        model = library.Sequential([library.Input((6,)), layers.Dense(8, "tanh"), norm, layers.Dense(1)])
        start(model).compile("sgd", "mse")
        history = model.fit(X, Y, epochs=3, shuffle=False, verbose=0).history
        return history, model.get_weights(), model.predict(X, verbose=0)

    both(program)


def test_batch_renormalization_of_masked_steps():
    x, mask = rng.normal(size=(4, 5, 3)).astype(np.float32), rng.random((4, 5)) > 0.3
    theirs, ours = (library.layers.BatchNormalization(renorm=True) for library in (keras, nerve))
    same(theirs(torch.tensor(x), training=True, mask=torch.tensor(mask)), ours(x, training=True, mask=mask))
    same([array(weight) for weight in theirs.get_weights()], ours.get_weights())


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_dropout_of_convolutional_lstms(rank):
    """With the same masks, one for each gate and all steps."""
    x = rng.normal(size=(2, 3, *(5, 4, 4)[:rank], 2)).astype(np.float32)
    options = {"filters": 3, "kernel_size": 2, "padding": "same", "dropout": 0.4, "recurrent_dropout": 0.3}
    theirs, ours = (getattr(library.layers, f"ConvLSTM{rank}D")(**options) for library in (keras, nerve))
    theirs(torch.tensor(x))
    ours(x)
    ours.set_weights([array(weight) for weight in theirs.get_weights()])
    drawn = []

    def drawing(draw):
        def masks(*args):
            drawn.append(draw(*args))
            return drawn[-1]

        return masks

    ours._masks = drawing(ours._masks)
    found = ours(x, training=True)
    assert [len(masks) for masks in drawn] == [4, 4]
    assert any((mask.numpy() == 0).any() for masks in drawn for mask in masks)
    theirs.cell._dropout_mask, theirs.cell._recurrent_dropout_mask = (
        [torch.tensor(mask.numpy().reshape(mask.shape[:1] + mask.shape[-rank - 1 :])) for mask in masks]
        for masks in drawn
    )
    theirs.cell.reset_dropout_mask = theirs.cell.reset_recurrent_dropout_mask = lambda: None
    same(theirs(torch.tensor(x), training=True), found)
