"""Well-known networks, ready to train."""

from __future__ import annotations

from typing import NoReturn

from nerve.applications.lenet import LeNet5
from nerve.applications.resnet import ResNet20

__all__ = ["LeNet5", "ResNet20"]


def __getattr__(name: str) -> NoReturn:
    more = " Keras's come with weights, which nothing here fetches from a network." if name[:1].isupper() else ""
    raise AttributeError(f"module 'nerve.applications' has no attribute {name!r}: it has {', '.join(__all__)}.{more}")
