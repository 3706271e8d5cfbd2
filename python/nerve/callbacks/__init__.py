"""Callbacks of `fit`, `evaluate` and `predict`, under Keras 3's names."""

from __future__ import annotations

from nerve.callbacks.callback import Callback, CallbackList, LambdaCallback
from nerve.callbacks.monitors import EarlyStopping, ModelCheckpoint, ReduceLROnPlateau
from nerve.callbacks.progress import ProgbarLogger
from nerve.callbacks.records import CSVLogger, History
from nerve.callbacks.training import LearningRateScheduler, TerminateOnNaN

__all__ = [
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "ProgbarLogger",
    "ReduceLROnPlateau",
    "TerminateOnNaN",
]
