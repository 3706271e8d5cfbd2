"""Sequences of one length: a function of `nerve.utils`."""

from __future__ import annotations

from nerve.utils import pad_sequences

__all__ = ["pad_sequences"]
