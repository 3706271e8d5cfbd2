"""What a file of another model leaves in place, beside Keras."""

from __future__ import annotations

import numpy as np
import pytest
from test_keras import keras  # skips this file too where Keras is not installed

import nerve

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]


@pytest.mark.parametrize("skip", ["mismatch", "object"])
@pytest.mark.parametrize("units", [2, 3])
def test_layers_that_keep_their_weights(tmp_path, units, skip):
    kept = []
    for library, end in ((nerve, ".safetensors"), (keras, ".weights.h5")):
        pair = []
        for size, value in ((2, 1.0), (units, 2.0)):
            dense = library.layers.Dense
            model = library.Sequential([library.Input((4,)), dense(3), dense(size), dense(2)])
            model.set_weights([np.full(w.shape, value, np.float32) for w in model.get_weights()])
            pair.append(model)
        pair[0].save_weights(tmp_path / f"w{end}")
        other = {"objects_to_skip": [pair[1].layers[0]]} if skip == "object" else {}
        pair[1].load_weights(tmp_path / f"w{end}", skip_mismatch=True, **other)
        kept.append([sorted(set(w.ravel().tolist())) for w in pair[1].get_weights()])
    assert kept[0] == kept[1]
    assert ([1.0] in kept[0]) == (units == 2 or skip == "mismatch")
    assert ([2.0] in kept[0]) == (units == 3 or skip == "object")
