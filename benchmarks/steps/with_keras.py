"""Keras' side, on the backend that the environment names: `fit` and the ways to predict."""

from __future__ import annotations

from typing import Any

import keras

from benchmarks.steps.ours import fitting, predicting
from benchmarks.steps.workload import FITTED, Side, Workload


def sides(workload: Workload) -> dict[str, Side]:
    name = f"keras {keras.backend.backend()}"
    model: Any = workload.build(keras)
    model.set_weights(workload.start().get_weights())
    if workload.way == "fit":
        return {name: Side(*fitting(workload, keras, model), FITTED)}
    call = predicting(workload, model)
    return {name: Side(call, call)}
