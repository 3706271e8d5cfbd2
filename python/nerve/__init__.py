"""nerve: machine learning on its own C++ and CUDA kernels.

Three depths, from the bottom up: :mod:`nerve.kernels` computes on plain arrays; :class:`nerve.Tensor`,
:mod:`nerve.ops` and :func:`nerve.gradients` differentiate; :mod:`nerve.layers`, :mod:`nerve.models` and the modules
beside them follow Keras. Everything is imported on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nerve import (
        activations,
        applications,
        callbacks,
        cluster,
        config,
        constraints,
        data,
        datasets,
        decomposition,
        errors,
        gpu,
        initializers,
        kernels,
        layers,
        losses,
        manifold,
        metrics,
        mixture,
        models,
        neighbors,
        ops,
        optimizers,
        plots,
        preprocessing,
        random,
        regularizers,
        samplers,
        saving,
        serialization,
        tree,
        utils,
    )
    from nerve.anomalies import detect_anomaly
    from nerve.autograd import gradients
    from nerve.errors import DeviceError, DTypeError, ModelFileError, RecordingError, ShapeError
    from nerve.gpu import device, get_device, set_device, to_device
    from nerve.indexed_rows import IndexedRows
    from nerve.initializers import Initializer
    from nerve.kernels import backend
    from nerve.layers import Input, InputSpec, Layer
    from nerve.layers.symbolic import KerasTensor
    from nerve.losses import Loss
    from nerve.metrics import Metric
    from nerve.models import Model, Sequential
    from nerve.optimizers import Optimizer
    from nerve.recorded import compile
    from nerve.regularizers import Regularizer
    from nerve.runtime import (
        empty_cache,
        get_matmul_precision,
        memory_stats,
        num_threads,
        set_matmul_precision,
        set_num_threads,
    )
    from nerve.tensor import Tensor, Variable, no_gradients

__version__ = "0.1.0"

_MODULES = (
    "activations",
    "applications",
    "backend",
    "callbacks",
    "constraints",
    "cluster",
    "config",
    "data",
    "datasets",
    "decomposition",
    "errors",
    "gpu",
    "initializers",
    "kernels",
    "layers",
    "losses",
    "manifold",
    "metrics",
    "mixture",
    "models",
    "neighbors",
    "ops",
    "optimizers",
    "plots",
    "preprocessing",
    "random",
    "regularizers",
    "samplers",
    "saving",
    "serialization",
    "tree",
    "utils",
)
_NAMES = {
    "DTypeError": "errors",
    "DeviceError": "errors",
    "IndexedRows": "indexed_rows",
    "Initializer": "initializers",
    "Input": "layers",
    "InputSpec": "layers",
    "KerasTensor": "layers.symbolic",
    "Layer": "layers",
    "Loss": "losses",
    "Metric": "metrics",
    "Model": "models",
    "ModelFileError": "errors",
    "Optimizer": "optimizers",
    "Regularizer": "regularizers",
    "RecordingError": "errors",
    "Sequential": "models",
    "ShapeError": "errors",
    "Tensor": "tensor",
    "Variable": "tensor",
    "compile": "recorded",
    "device": "gpu",
    "detect_anomaly": "anomalies",
    "empty_cache": "runtime",
    "get_device": "gpu",
    "get_matmul_precision": "runtime",
    "gradients": "autograd",
    "memory_stats": "runtime",
    "no_gradients": "tensor",
    "num_threads": "runtime",
    "set_device": "gpu",
    "set_matmul_precision": "runtime",
    "set_num_threads": "runtime",
    "to_device": "gpu",
}

_NOT_HERE = {
    "distribution": "models train on one machine and at most one GPU",
    "dtype_policies": "layers take the name of a dtype, 'float32' or 'float64'",
    "DTypePolicy": "layers take the name of a dtype, 'float32' or 'float64'",
    "Function": "Model(inputs, outputs) computes what it does",
    "Operation": "layers and the functions of nerve.ops are what it is for",
    "StatelessScope": "steps are recorded by nerve.compile, and not traced without their state",
    "export": "models are saved for nerve alone, by model.save",
    "mixed_precision": "layers compute in float32 or float64; see nerve.set_matmul_precision for products",
    "name_scope": "variables have the names of the layers that make them",
    "quantizers": "weights are float32 or float64",
    "wrappers": "estimators of scikit-learn's kind are in nerve.cluster, nerve.neighbors and so on",
}

__all__ = [
    "DTypeError",
    "DeviceError",
    "IndexedRows",
    "Initializer",
    "Input",
    "InputSpec",
    "KerasTensor",
    "Layer",
    "Loss",
    "Metric",
    "Model",
    "ModelFileError",
    "Optimizer",
    "RecordingError",
    "Regularizer",
    "Sequential",
    "ShapeError",
    "Tensor",
    "Variable",
    "activations",
    "applications",
    "backend",
    "callbacks",
    "cluster",
    "compile",
    "config",
    "constraints",
    "data",
    "datasets",
    "decomposition",
    "detect_anomaly",
    "device",
    "empty_cache",
    "errors",
    "get_device",
    "get_matmul_precision",
    "gpu",
    "gradients",
    "initializers",
    "kernels",
    "layers",
    "losses",
    "manifold",
    "memory_stats",
    "metrics",
    "mixture",
    "models",
    "neighbors",
    "no_gradients",
    "num_threads",
    "ops",
    "optimizers",
    "plots",
    "preprocessing",
    "random",
    "regularizers",
    "samplers",
    "saving",
    "serialization",
    "set_device",
    "set_matmul_precision",
    "set_num_threads",
    "to_device",
    "tree",
    "utils",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"nerve.{name}")
    if name in _NAMES:
        value = getattr(importlib.import_module(f"nerve.{_NAMES[name]}"), name)
        globals()[name] = value
        return value
    if name in _NOT_HERE:
        raise AttributeError(f"module 'nerve' has no attribute {name!r}, which Keras has: {_NOT_HERE[name]}")
    raise AttributeError(f"module 'nerve' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
