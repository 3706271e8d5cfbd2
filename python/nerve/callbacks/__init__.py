"""Callbacks of `fit`, `evaluate` and `predict`, under Keras 3's names."""

from __future__ import annotations

from nerve.callbacks.backup import BackupAndRestore
from nerve.callbacks.callback import Callback, CallbackList, LambdaCallback
from nerve.callbacks.monitors import EarlyStopping, ModelCheckpoint, ReduceLROnPlateau
from nerve.callbacks.progress import ProgbarLogger
from nerve.callbacks.records import CSVLogger, History
from nerve.callbacks.remote import RemoteMonitor
from nerve.callbacks.tensorboard import TensorBoard
from nerve.callbacks.training import LearningRateScheduler, TerminateOnNaN
from nerve.callbacks.weights import GradientNorms, SwapEMAWeights

__all__ = [
    "BackupAndRestore",
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "GradientNorms",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "ProgbarLogger",
    "ReduceLROnPlateau",
    "RemoteMonitor",
    "SwapEMAWeights",
    "TensorBoard",
    "TerminateOnNaN",
]
