"""What programs for Keras ask of it as a whole; here it is fixed, and each layer may say something else."""

from __future__ import annotations

__all__ = ["backend", "epsilon", "floatx", "image_data_format"]


def backend() -> str:
    """The name of what computes."""
    return "nerve"


def floatx() -> str:
    """The dtype of layers that name none."""
    return "float32"


def epsilon() -> float:
    """The small number by which losses and metrics keep away from 0."""
    return 1e-7


def image_data_format() -> str:
    """Where the channels are in layers that do not say it."""
    return "channels_last"
