"""Metrics of text, under KerasHub's names."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nerve import kernels
from nerve._typing import Array
from nerve.errors import DTypeError, ShapeError
from nerve.kernels._numbers import integer
from nerve.losses.loss import EPSILON
from nerve.metrics.metric import Mean, Metric, host_array


class Perplexity(Mean):
    """exp of the mean cross-entropy of tokens: among how many equally likely ones a model is undecided.

    Parameters
    ----------
    from_logits : bool
        Whether predictions are logits; else probabilities.
    mask_token_id : int, optional
        Targets of this number do not count.
    name : str, optional
    """

    direction = "down"

    def __init__(
        self,
        from_logits: bool = False,
        mask_token_id: int | None = None,
        name: str | None = "perplexity",
        dtype: str | None = None,
    ) -> None:
        super().__init__(name, dtype)
        self.from_logits, self.mask_token_id = bool(from_logits), mask_token_id

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: ArrayLike | None = None) -> None:  # type: ignore[override]
        """Add tokens (batch, time) and predictions (batch, time, tokens), with weights (batch,) or (batch, time).

        Raises
        ------
        ShapeError
            If the shapes do not fit.
        """
        tokens, predictions = host_array(y_true), host_array(y_pred)
        if tokens.shape != predictions.shape[:-1]:
            raise ShapeError(
                f"[{self.name}] expects tokens (batch, time) and predictions (batch, time, tokens), got {tokens.shape} "
                f"and {predictions.shape}"
            )
        weights = np.ones(tokens.shape)
        if sample_weight is not None:
            given = host_array(sample_weight)
            weights = weights * given.reshape(given.shape + (1,) * (tokens.ndim - given.ndim))
        if self.mask_token_id is not None:
            counted = tokens != self.mask_token_id
            weights, tokens = weights * counted, np.where(counted, tokens, 0)  # a mask is often no token
        logits = predictions if self.from_logits else np.log(np.maximum(predictions, EPSILON))
        rows = logits.reshape(-1, logits.shape[-1])
        losses, _ = kernels.softmax_cross_entropy(rows, tokens.reshape(-1))
        super().update_state(losses, weights.reshape(-1))

    def result(self) -> float:
        return math.exp(super().result()) if self.count else 0.0

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "from_logits": self.from_logits, "mask_token_id": self.mask_token_id}


class Bleu(Metric):
    """How many of the n-grams of translations are in their references (Papineni et al., 2002).

    The geometric mean of the precisions for n = 1 to `max_order`, over all sentences seen, times exp(1 - r / c) where
    the translations' length c is less than that of the nearest references, r.

    Parameters
    ----------
    tokenizer : callable, optional
        Makes a list of tokens of a string; by default words are what blanks part.
    max_order : int
    smooth : bool
        Add one to counts, beyond single tokens, so that a missing n-gram does not make the whole zero (Lin and Och,
        2004).
    name : str, optional
    """

    direction = "up"
    _state = ("_counts", "_lengths")

    def __init__(
        self,
        tokenizer: Callable[[str], Sequence[Any]] | None = None,
        max_order: int = 4,
        smooth: bool = False,
        name: str | None = "bleu",
    ) -> None:
        super().__init__(name)
        self.tokenizer, self.smooth = tokenizer, bool(smooth)
        self.max_order = integer(self.name, "max_order", max_order, 1)
        self.reset_state()

    def update_state(self, y_true: Sequence[Any], y_pred: Sequence[Any], sample_weight: None = None) -> None:
        """Add translations.

        Parameters
        ----------
        y_true : list of references, or of lists of references
            A reference is a string, or a list of tokens if `y_pred` has such: then every sample has a list of them.
        y_pred : list of str, or of lists of tokens

        Raises
        ------
        ShapeError
            If the numbers differ.
        """
        if len(y_true) != len(y_pred):
            raise ShapeError(f"[{self.name}] got {len(y_true)} references and {len(y_pred)} translations")
        for references, translation in zip(y_true, y_pred, strict=True):
            several = [references] if isinstance(references, str) else list(references)
            self._add_sentence([self._tokens(reference) for reference in several], self._tokens(translation))

    def _tokens(self, text: Any) -> list[Any]:
        if isinstance(text, str):
            return list(text.split() if self.tokenizer is None else self.tokenizer(text))
        if not isinstance(text, list | tuple | np.ndarray):
            raise DTypeError(f"[{self.name}] expects strings or lists of tokens, got {type(text).__name__}")
        return list(text)

    def _add_sentence(self, references: list[list[Any]], translation: list[Any]) -> None:
        nearest = min((abs(len(each) - len(translation)), len(each)) for each in references)[1]
        self._lengths += len(translation), nearest
        for order in range(1, self.max_order + 1):
            known: Counter[tuple[Any, ...]] = Counter()
            for reference in references:
                known |= _ngrams(reference, order)
            said = _ngrams(translation, order)
            self._counts[:, order - 1] += (said & known).total(), said.total()

    def result(self) -> float:
        matches, possible = self._counts
        if self.smooth:
            matches, possible = (np.concatenate([x[:1], x[1:] + 1]) for x in (matches, possible))
        said, referred = self._lengths
        if not said or not matches.all():
            return 0.0
        return float(np.exp(np.log(matches / possible).mean() + min(0.0, 1.0 - referred / said)))

    def reset_state(self) -> None:
        self._counts: Array = np.zeros((2, self.max_order))  # of n-grams found, and of all
        self._lengths: Array = np.zeros(2)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "tokenizer": self.tokenizer,
            "max_order": self.max_order,
            "smooth": self.smooth,
        }


def _ngrams(tokens: Sequence[Any], order: int) -> Counter[tuple[Any, ...]]:
    return Counter(tuple(tokens[i : i + order]) for i in range(len(tokens) - order + 1))
