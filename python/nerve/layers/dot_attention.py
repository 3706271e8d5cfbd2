"""Attention without projections: `Attention`, `AdditiveAttention`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

from nerve import kernels, ops
from nerve.errors import ShapeError
from nerve.kernels._arrays import array_module
from nerve.layers import masks
from nerve.layers.attending import Attending, columns
from nerve.layers.options import LayerOptions
from nerve.layers.structure import Shape, is_shape

__all__ = [
    "AdditiveAttention",
    "Attention",
]


class Attention(Attending):
    """Attention without projections, of one head: `layer([query, value, key])`.

    `key` is `value` where it is not given; query is (batch, query_length, size), the others (batch, length, size).

    Parameters
    ----------
    use_scale : bool
        Whether scores are multiplied by a trained number.
    score_mode : {"dot", "concat"}
        Dot products of query and key, or, times a trained number, sums of the tanh of their sums.
    dropout : float
        Fraction of the attention's probabilities that training sets to 0.
    seed : int, optional
        A stream of dropout masks of this layer's own; otherwise they come from `nerve.random`'s.

    Notes
    -----
    Scores are dot products (Luong et al., "Effective approaches to attention-based neural machine translation",
    EMNLP 2015). `mask` is a list of the masks of query and value, booleans (batch, length) or None: positions of value
    that are left out, and positions of the result that become 0.
    """

    def __init__(
        self,
        use_scale: bool = False,
        score_mode: str = "dot",
        dropout: float = 0.0,
        seed: int | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(dropout, seed, **options)
        if score_mode not in ("dot", "concat"):
            raise ValueError(f"[{self.name} (Attention)] score_mode must be 'dot' or 'concat', got {score_mode!r}")
        self.use_scale = use_scale
        self.score_mode = score_mode

    def build(self, input_shape: Sequence[Shape]) -> None:
        _check_inputs(input_shape)
        self.scale = self.add_weight((), "ones", name="scale") if self.use_scale else None
        concat = self.score_mode == "concat"
        self.concat_score_weight = self.add_weight((), "ones", name="concat_score_weight") if concat else None

    def _scores(self, query: Any, key: Any) -> Any:
        """The scores (batch, query_length, key_length), or None where they are dot products."""
        if self.concat_score_weight is None:
            return None
        sums = _pairs(query, key)
        return ops.sum(ops.tanh(sums if self.scale is None else sums * self.scale), axis=-1) * self.concat_score_weight

    _passes_masks_on = True

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The mask of the query."""
        return mask[0] if isinstance(mask, list | tuple) else None

    def compute_output_shape(self, input_shape: Sequence[Shape]) -> Shape:
        _check_inputs(input_shape)
        return (*input_shape[0][:-1], input_shape[1][-1])

    def call(
        self,
        inputs: Sequence[Any],
        mask: Sequence[Any] | None = None,
        training: bool | None = None,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:
        _check_inputs([x.shape for x in inputs])
        query, value, *rest = inputs
        key = rest[0] if rest else value
        query_mask, value_mask = mask[:2] if mask is not None else (None, None)
        seen = None if value_mask is None else columns(value_mask)[:, None]
        logits = self._scores(query, key)
        if logits is None:
            if self.scale is not None:
                query = query * self.scale
            given = (_one_head(query), _one_head(key), _one_head(value), seen)
            result, scores = self._attend(*given, use_causal_mask, 1.0, bool(training), return_attention_scores)
        else:
            if use_causal_mask:
                seen = masks.every(seen, array_module(logits.array).tri(*logits.shape[1:], dtype=bool))
            values = ops.transpose(_one_head(value), (0, 2, 1, 3))
            result, scores = self._weigh(logits[:, None], values, seen, bool(training))
        result = ops.reshape(result, (*result.shape[:2], value.shape[-1]))
        if query_mask is not None:
            result = result * kernels.cast(masks.plain(query_mask), result.dtype)[..., None]
        if not return_attention_scores:
            return result
        return result, ops.reshape(scores, (scores.shape[0], *scores.shape[2:]))


class AdditiveAttention(Attention):
    """Attention whose scores are sums of `scale * tanh(query + key)`: `layer([query, value, key])`.

    Called as `Attention`.

    Parameters
    ----------
    use_scale : bool
        Whether there is a trained scale, (size,); otherwise it is 1.
    dropout : float
        Fraction of the attention's probabilities that training sets to 0.
    seed : int, optional
        A stream of dropout masks of this layer's own; otherwise they come from `nerve.random`'s.

    References
    ----------
    Bahdanau, Cho and Bengio, "Neural machine translation by jointly learning to align and translate", ICLR 2015.
    """

    def __init__(
        self, use_scale: bool = True, dropout: float = 0.0, seed: int | None = None, **options: Unpack[LayerOptions]
    ) -> None:
        super().__init__(use_scale, "dot", dropout, seed, **options)

    def build(self, input_shape: Sequence[Shape]) -> None:
        _check_inputs(input_shape)
        size = input_shape[0][-1]
        if size is None:
            raise ShapeError(f"expects a query of known size, got shape {input_shape[0]}")
        self.scale = self.add_weight((size,), "glorot_uniform", name="scale") if self.use_scale else None

    def _scores(self, query: Any, key: Any) -> Any:
        curved = ops.tanh(_pairs(query, key))
        return ops.sum(curved if self.scale is None else curved * self.scale, axis=-1)


def _pairs(query: Any, key: Any) -> Any:
    """The sum of every query and key, (batch, query_length, key_length, size)."""
    (batch, length, size), others = query.shape, key.shape[1]
    return ops.reshape(query, (batch, length, 1, size)) + ops.reshape(key, (batch, 1, others, size))


def _one_head(x: Any) -> Any:
    return ops.reshape(x, (*x.shape[:2], 1, x.shape[2]))


def _check_inputs(shapes: Sequence[Shape]) -> None:
    if is_shape(shapes) or len(shapes) not in (2, 3) or any(len(shape) != 3 for shape in shapes):
        raise ShapeError(f"expects a list of query, value and perhaps key (batch, length, size), got shapes {shapes}")
