"""Sequences made token by token: KerasHub's samplers.

A sampler is called with a function `next(prompt, cache, index)`, which gives the scores of the token at `index`
(batch, vocabulary), anything, and the new cache, and with a prompt that has room for what is to come.

Examples
--------
>>> def next(prompt, cache, index):
...     logits = model(prompt[:, :index])[:, -1]  # or the token before alone, with a cache of keys and values
...     return logits, None, cache
>>> prompt = np.array([[5, 7, 0, 0, 0, 0]])
>>> tokens = TopKSampler(k=5, temperature=0.7, seed=1)(next, prompt, index=2)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np

from nerve import random
from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.layers.structure import is_positive_int
from nerve.tensor import Tensor, no_gradients

__all__ = [
    "GreedySampler",
    "RandomSampler",
    "Sampler",
    "TopKSampler",
    "TopPSampler",
    "get",
]

Next = Callable[[Array, Any, int], tuple[Any, Any, Any]]


class Sampler:
    """Base of the samplers: the loop over tokens. A subclass defines `get_next_token(probabilities)`.

    Parameters
    ----------
    temperature : float
        What scores are divided by: the higher, the more alike probabilities become.
    """

    def __init__(self, temperature: float = 1.0) -> None:
        if not temperature > 0:
            raise ValueError(f"[{type(self).__name__}] temperature must be positive, got {temperature}")
        self.temperature = temperature

    def __call__(
        self,
        next: Next,
        prompt: Any,
        cache: Any = None,
        index: int = 0,
        mask: Any = None,
        stop_token_ids: Sequence[int] | None = None,
    ) -> Array:
        """Fill `prompt` from position `index` on.

        Parameters
        ----------
        next : callable of (prompt, cache, index)
            Gives the scores for position `index`, (batch, vocabulary), anything, and the new cache.
        prompt : array (batch, length) of int
            Copied.
        cache : optional
            Handed to the first call of `next`.
        index : int
        mask : array (batch, length) of bool, optional
            Positions whose tokens stay as they are.
        stop_token_ids : sequence of int, optional
            Ends when every sequence has a new one of these.

        Returns
        -------
        ndarray (batch, length)
        """
        tokens = np.array(prompt.array if isinstance(prompt, Tensor) else prompt)
        if tokens.ndim != 2 or tokens.dtype.kind not in "iu":
            raise ShapeError(f"[{type(self).__name__}] expects a prompt of ints (batch, length), got {tokens.shape}")
        fixed = np.zeros(tokens.shape, bool) if mask is None else np.asarray(mask, bool)
        with no_gradients():
            for i in range(index, tokens.shape[1]):
                logits, _, cache = next(tokens, cache, i)
                chosen = self.get_next_token(self.compute_probabilities(logits))
                tokens[:, i] = np.where(fixed[:, i], tokens[:, i], chosen)
                if stop_token_ids is not None and (np.isin(tokens, list(stop_token_ids)) & ~fixed).any(axis=1).all():
                    break
        return tokens

    def compute_probabilities(self, logits: Any) -> Array:
        """The softmax of scores over the temperature, in float64."""
        scores = np.asarray(logits.array if isinstance(logits, Tensor) else logits, np.float64) / self.temperature
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
        probabilities: Array = weights / weights.sum(axis=-1, keepdims=True)
        return probabilities

    def get_next_token(self, probabilities: Array) -> Array:
        """A token for every row of probabilities (batch, vocabulary)."""
        raise NotImplementedError(f"{type(self).__name__}.get_next_token")

    def get_config(self) -> dict[str, Any]:
        """The arguments that make this sampler again."""
        return {"temperature": self.temperature}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Make the sampler that `get_config` described."""
        return cls(**config)


class GreedySampler(Sampler):
    """The most likely token every time."""

    def get_next_token(self, probabilities: Array) -> Array:
        chosen: Array = probabilities.argmax(axis=-1)
        return chosen


class RandomSampler(Sampler):
    """Tokens drawn with their probabilities.

    Parameters
    ----------
    seed : int, optional
        Of a stream of this sampler's own; otherwise `nerve.random`'s.
    temperature : float
    """

    def __init__(self, seed: int | None = None, temperature: float = 1.0) -> None:
        super().__init__(temperature)
        self.seed = seed
        self._generator = random.generator if seed is None else random.SeedGenerator(seed).generator

    def get_next_token(self, probabilities: Array) -> Array:
        return self._drawn(probabilities)

    def _drawn(self, weights: Array) -> Array:
        """Of each row one, with chances in the ratio of the weights."""
        sums = np.cumsum(weights, axis=-1)
        places = self._generator().uniform(size=(len(weights), 1)) * sums[:, -1:]
        chosen: Array = np.minimum((sums <= places).sum(axis=-1), weights.shape[-1] - 1)
        return chosen

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "seed": self.seed}


class TopKSampler(RandomSampler):
    """Tokens drawn among the k most likely.

    Parameters
    ----------
    k : int
    seed : int, optional
        Of a stream of this sampler's own; otherwise `nerve.random`'s.
    temperature : float
    """

    def __init__(self, k: int = 5, seed: int | None = None, temperature: float = 1.0) -> None:
        super().__init__(seed, temperature)
        if not is_positive_int(k):
            raise ValueError(f"[TopKSampler] k must be a positive int, got {k!r}")
        self.k = k

    def get_next_token(self, probabilities: Array) -> Array:
        order = np.argsort(-probabilities, axis=-1, kind="stable")[:, : self.k]
        return _at(order, self._drawn(np.take_along_axis(probabilities, order, axis=-1)))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "k": self.k}


class TopPSampler(RandomSampler):
    """Tokens drawn among the most likely ones that together are likelier than p.

    Parameters
    ----------
    p : float
    k : int, optional
        Look at the k most likely alone.
    seed : int, optional
        Of a stream of this sampler's own; otherwise `nerve.random`'s.
    temperature : float

    References
    ----------
    Holtzman et al., "The curious case of neural text degeneration", ICLR 2020.
    """

    def __init__(self, p: float = 0.1, k: int | None = None, seed: int | None = None, temperature: float = 1.0) -> None:
        super().__init__(seed, temperature)
        if not 0 < p <= 1:
            raise ValueError(f"[TopPSampler] p must be in (0, 1], got {p}")
        self.p = p
        self.k = k

    def get_next_token(self, probabilities: Array) -> Array:
        order = np.argsort(-probabilities, axis=-1, kind="stable")[:, : self.k]
        likely = np.take_along_axis(probabilities, order, axis=-1)
        before = np.cumsum(likely, axis=-1) - likely
        # The one that exceeds p belongs to them.
        kept = np.where((before <= self.p) | (np.arange(likely.shape[-1]) == 0), likely, 0.0)
        return _at(order, self._drawn(kept))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "p": self.p, "k": self.k}


def _at(order: Array, places: Array) -> Array:
    chosen: Array = np.take_along_axis(order, places[:, np.newaxis], axis=-1)[:, 0]
    return chosen


_BY_NAME: dict[str, type[Sampler]] = {
    "greedy": GreedySampler,
    "random": RandomSampler,
    "top_k": TopKSampler,
    "top_p": TopPSampler,
}


def get(identifier: Any) -> Sampler:
    """A sampler by its name ("greedy", "random", "top_k", "top_p"), or the sampler given."""
    if isinstance(identifier, Sampler):
        return identifier
    if identifier not in _BY_NAME:
        raise ValueError(f"[samplers] knows {sorted(_BY_NAME)}, got {identifier!r}")
    return _BY_NAME[identifier]()
