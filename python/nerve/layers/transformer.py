"""The blocks of transformers: `TransformerEncoder`, `TransformerDecoder`, under KerasHub's names and arguments."""

from __future__ import annotations

from typing import Any, ClassVar, Unpack

from nerve import activations
from nerve.errors import ShapeError
from nerve.layers import masks
from nerve.layers.attention import MultiHeadAttention
from nerve.layers.cached_attention import CachedMultiHeadAttention
from nerve.layers.cells import Function
from nerve.layers.core import Dense, positive
from nerve.layers.layer import Layer
from nerve.layers.normalization import LayerNormalization
from nerve.layers.options import LayerOptions
from nerve.layers.regularization import Dropout
from nerve.layers.structure import Shape, is_shape

__all__ = [
    "TransformerDecoder",
    "TransformerEncoder",
]


class Transformer(Layer):
    """What both blocks share: options, attention and feed-forward parts, each with residual, dropout and normalization.

    Parameters
    ----------
    intermediate_dim : int
        Size between the two dense layers of the feed-forward part.
    num_heads : int
        Of the attention, each of the size of the input over their number.
    dropout : float
        In attention, and behind each part.
    activation : str or callable
        Between the two dense layers.
    layer_norm_epsilon : float
    kernel_initializer, bias_initializer : str, Initializer or callable
    normalize_first : bool
        Whether each part normalizes what it gets, and not what it gives.
    """

    supports_masking = True
    part_dropout: Dropout
    attention_layer: ClassVar[type[MultiHeadAttention]] = MultiHeadAttention

    def __init__(
        self,
        intermediate_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        activation: Function = "relu",
        layer_norm_epsilon: float = 1e-05,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        normalize_first: bool = False,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        positive(self, intermediate_dim=intermediate_dim, num_heads=num_heads)
        self.intermediate_dim = intermediate_dim
        self.num_heads = num_heads
        self.dropout = dropout
        self.activation = activations.get(activation)
        self.layer_norm_epsilon = layer_norm_epsilon
        self.kernel_initializer = kernel_initializer
        self.bias_initializer = bias_initializer
        self.normalize_first = normalize_first

    def _attention(self, shape: Shape, other: Shape) -> MultiHeadAttention:
        size = _size(shape) // self.num_heads
        if not size:
            raise ShapeError(f"expects at least {self.num_heads} features, one for each head, got shape {shape}")
        layer = self.attention_layer(
            self.num_heads,
            size,
            dropout=self.dropout,
            kernel_initializer=self.kernel_initializer,
            bias_initializer=self.bias_initializer,
            dtype=self.dtype,
        )
        layer.build(shape, other)
        return layer

    def _normalization(self, shape: Shape) -> LayerNormalization:
        layer = LayerNormalization(epsilon=self.layer_norm_epsilon, dtype=self.dtype)
        layer.build(shape)
        return layer

    def _dense(self, shape: Shape, units: int, activation: Any) -> Dense:
        layer = Dense(units, activation, True, self.kernel_initializer, self.bias_initializer, dtype=self.dtype)
        layer.build(shape)
        return layer

    def _build_feed_forward(self, shape: Shape) -> None:
        self.feed_forward_dense = self._dense(shape, self.intermediate_dim, self.activation)
        self.feed_forward_output = self._dense((*shape[:-1], self.intermediate_dim), _size(shape), None)

    def _part(self, x: Any, normalization: Layer, inner: Any, training: bool | None) -> Any:
        """One part of the block: `inner` with residual, dropout and normalization."""
        y = inner(normalization(x) if self.normalize_first else x)
        y = self.part_dropout(y, training=training) + x
        return y if self.normalize_first else normalization(y)

    def _feed_forward(self, x: Any) -> Any:
        return self.feed_forward_output(self.feed_forward_dense(x))


class TransformerEncoder(Transformer):
    """Self-attention and a feed-forward part, on (batch, length, features).

    The arguments are those of `Transformer`. Called with `padding_mask` (batch, length), booleans, where it is false
    nothing is seen; the mask that the inputs carry counts where it is not given. `attention_mask`
    (batch, length, length) says which position sees which. With `return_attention_scores=True` the result is a pair
    with the scores (batch, num_heads, length, length).

    References
    ----------
    Vaswani et al., "Attention is all you need", NeurIPS 2017.

    Examples
    --------
    >>> tokens = Input((None,), dtype="int32")
    >>> x = Embedding(1000, 64, mask_zero=True)(tokens)
    >>> x = TransformerEncoder(intermediate_dim=128, num_heads=4)(x + SinePositionEncoding()(x))
    """

    def build(self, input_shape: Shape) -> None:
        self.self_attention = self._attention(input_shape, input_shape)
        self.self_attention_norm = self._normalization(input_shape)
        self.part_dropout = Dropout(self.dropout, dtype=self.dtype)
        self.feed_forward_norm = self._normalization(input_shape)
        self._build_feed_forward(input_shape)

    def call(
        self,
        inputs: Any,
        padding_mask: Any = None,
        attention_mask: Any = None,
        training: bool | None = None,
        return_attention_scores: bool = False,
    ) -> Any:
        mask = merged(inputs, padding_mask, attention_mask)
        scores: list[Any] = []

        def attend(x: Any) -> Any:
            y = self.self_attention(
                x, x, attention_mask=mask, training=training, return_attention_scores=return_attention_scores
            )
            if return_attention_scores:
                y, found = y
                scores.append(found)
            return y

        x = self._part(inputs, self.self_attention_norm, attend, training)
        x = self._part(x, self.feed_forward_norm, self._feed_forward, training)
        return (x, *scores) if return_attention_scores else x

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return tuple(input_shape)


class TransformerDecoder(Transformer):
    """Causal self-attention, attention to an encoder's result where there is one, and a feed-forward part.

    The arguments are those of `Transformer`. It is called on (batch, length, features), and on the encoder's sequence
    in every call or in none. `decoder_padding_mask`, `decoder_attention_mask`, `encoder_padding_mask` and
    `encoder_attention_mask` are as those of `TransformerEncoder`.

    Notes
    -----
    For generation, `self_attention_cache` (batch, 2, max_length, num_heads, features // num_heads) and
    `self_attention_cache_update_index=i` let a call on the positions from i on see those before; it gives
    (result, self_attention_cache), with an encoder (result, self_attention_cache, cross_attention_cache). See
    `CachedMultiHeadAttention`: caches are written in place.

    Examples
    --------
    >>> decoder = TransformerDecoder(intermediate_dim=128, num_heads=4)
    >>> y = decoder(x)
    >>> cache = np.zeros((2, 2, 10, 4, 16), np.float32)
    >>> for i in range(10):
    ...     step, cache = decoder(x[:, i : i + 1], self_attention_cache=cache, self_attention_cache_update_index=i)
    """

    attention_layer = CachedMultiHeadAttention
    cross_attention: MultiHeadAttention | None = None

    def build(self, decoder_sequence_shape: Shape, encoder_sequence_shape: Shape | None = None) -> None:
        shape = decoder_sequence_shape
        self.self_attention = self._attention(shape, shape)
        self.self_attention_norm = self._normalization(shape)
        self.part_dropout = Dropout(self.dropout, dtype=self.dtype)
        if encoder_sequence_shape is not None:
            self.cross_attention = self._attention(shape, encoder_sequence_shape)
            self.cross_attention_norm = self._normalization(shape)
        self._build_feed_forward(shape)
        self.feed_forward_norm = self._normalization(shape)

    def _build_for(self, args: tuple[Any, ...]) -> None:
        if not self.built:
            self.build(*(tuple(x.shape) for x in args[:2]))

    def __call__(self, decoder_sequence: Any, encoder_sequence: Any = None, *args: Any, **kwargs: Any) -> Any:
        sequences = (
            (decoder_sequence,) if encoder_sequence is None and not args else (decoder_sequence, encoder_sequence)
        )
        return super().__call__(*sequences, *args, **kwargs)

    def call(
        self,
        decoder_sequence: Any,
        encoder_sequence: Any = None,
        decoder_padding_mask: Any = None,
        decoder_attention_mask: Any = None,
        encoder_padding_mask: Any = None,
        encoder_attention_mask: Any = None,
        self_attention_cache: Any = None,
        self_attention_cache_update_index: int | None = None,
        cross_attention_cache: Any = None,
        cross_attention_cache_update_index: int | None = None,
        use_causal_mask: bool = True,
        training: bool | None = None,
    ) -> Any:
        if (self.cross_attention is None) != (encoder_sequence is None):
            made = "without an encoder's sequence" if self.cross_attention is None else "with an encoder's sequence"
            raise ShapeError(f"was built {made} and is called otherwise")
        cached = self_attention_cache is not None
        if self.cross_attention is not None and cached != (cross_attention_cache is not None):
            raise ValueError(f"[{self.name} (TransformerDecoder)] expects both caches or neither")
        mask = merged(decoder_sequence, decoder_padding_mask, decoder_attention_mask)

        def attend(layer: Any, others: Any, mask: Any, cache: Any, index: int | None, causal: bool) -> Any:
            def inner(x: Any) -> Any:
                y = layer(
                    x,
                    x if others is None else others,
                    attention_mask=mask,
                    cache=cache,
                    cache_update_index=index,
                    use_causal_mask=causal,
                    training=training,
                )
                return y if cache is None else y[0]

            return inner

        index = self_attention_cache_update_index
        own = attend(self.self_attention, None, mask, self_attention_cache, index, use_causal_mask)
        x = self._part(decoder_sequence, self.self_attention_norm, own, training)
        if self.cross_attention is not None:
            seen = merged(encoder_sequence, encoder_padding_mask, encoder_attention_mask)
            index = cross_attention_cache_update_index
            cross = attend(self.cross_attention, encoder_sequence, seen, cross_attention_cache, index, False)
            x = self._part(x, self.cross_attention_norm, cross, training)
        x = self._part(x, self.feed_forward_norm, self._feed_forward, training)
        if not cached:
            return x
        return (x, self_attention_cache, *([] if self.cross_attention is None else [cross_attention_cache]))

    def compute_output_shape(self, decoder_sequence_shape: Shape, encoder_sequence_shape: Shape | None = None) -> Shape:
        return tuple(decoder_sequence_shape)


def merged(inputs: Any, padding_mask: Any, attention_mask: Any) -> Any:
    """Which position sees which: the padding's mask, that of the inputs where it is not given, and another."""
    padding = masks.mask_of(inputs) if padding_mask is None else padding_mask
    if padding is not None:
        padding = masks.plain(padding)
        if padding.ndim != 2:
            raise ShapeError(f"expects a padding mask (batch, length), got shape {padding.shape}")
        padding = padding[:, None, :]
    if attention_mask is not None and len(attention_mask.shape) != 3:
        raise ShapeError(f"expects an attention mask (batch, length, length), got shape {tuple(attention_mask.shape)}")
    return masks.every(padding, attention_mask)


def _size(shape: Shape) -> int:
    if not is_shape(shape) or len(shape) != 3 or shape[-1] is None:
        raise ShapeError(f"expects inputs (batch, length, features) with known features, got shape {shape}")
    return shape[-1]
