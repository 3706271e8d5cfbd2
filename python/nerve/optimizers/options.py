"""Keyword arguments that optimizers share."""

from __future__ import annotations

from typing import TypedDict


class OtherOptions(TypedDict, total=False):
    """Keyword arguments that every optimizer takes, but for the weight decay."""

    clipnorm: float | None
    clipvalue: float | None
    global_clipnorm: float | None
    use_ema: bool
    ema_momentum: float
    ema_overwrite_frequency: int | None
    loss_scale_factor: float | None
    gradient_accumulation_steps: int | None
    name: str | None


class Options(OtherOptions, total=False):
    """Keyword arguments that every optimizer takes."""

    weight_decay: float | None
