"""Strings and integers as their places in a vocabulary, which is given or learned."""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np

from nerve._typing import Array
from nerve.errors import DTypeError
from nerve.layers.index_lookup import IndexLookup
from nerve.layers.options import LayerOptions

__all__ = [
    "IntegerLookup",
    "StringLookup",
]


class IntegerLookup(IndexLookup):
    """Integers as their places in a vocabulary.

    Parameters
    ----------
    max_tokens : int, optional
        Size of the vocabulary at most, mask and unknown ones included.
    num_oov_indices : int
        Numbers for tokens not in the vocabulary, which are spread over them; 0: such tokens are an error.
    mask_token : int, optional
        A token that becomes 0 in mode "int", and is not counted in the others.
    oov_token : int
        What unknown tokens are called in the vocabulary, and by `invert`.
    vocabulary : sequence of int, or path of a text file with one a line, optional
        Learned by `adapt` if not given.
    vocabulary_dtype : "int64"
    idf_weights : sequence of float, optional
        For each token, in mode "tf_idf".
    invert : bool
        Whether to give the tokens of places.
    output_mode : {"int", "one_hot", "multi_hot", "count", "tf_idf"}
        Places; a vector with a one for each; or one vector for each sample, with ones, counts, or counts times weights.
    sparse : bool
        Only False: there are no sparse tensors here.
    pad_to_max_tokens : bool
        Whether vectors have `max_tokens` values even if there are fewer tokens.
    oov_method : {"floormod", "farmhash"}
        How unknown tokens are spread: by their remainder or a hash.
    salt : int or pair of int, optional
        A key for the hash.
    """

    integers = True

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: int | None = None,
        oov_token: int = -1,
        vocabulary: Any = None,
        vocabulary_dtype: str = "int64",
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        sparse: bool = False,
        pad_to_max_tokens: bool = False,
        oov_method: str = "floormod",
        salt: Any = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(
            max_tokens, num_oov_indices, mask_token, oov_token, vocabulary, idf_weights, invert, output_mode, sparse,
            pad_to_max_tokens, oov_method, salt, **options,
        )  # fmt: skip
        if vocabulary_dtype != "int64":
            raise DTypeError(f"[{self.name}] vocabulary_dtype must be 'int64', got {vocabulary_dtype!r}")

    def _keys(self, values: Array) -> Array:
        if values.dtype.kind == "f" and (values == np.floor(values)).all():
            values = values.astype(np.int64)
        if values.dtype.kind not in "iu":
            raise DTypeError(f"[{self.name}] expects integers, got dtype {values.dtype}")
        return values.astype(np.int64, copy=False)


class StringLookup(IndexLookup):
    """Strings as their places in a vocabulary.

    Parameters
    ----------
    max_tokens, num_oov_indices, mask_token, oov_token, vocabulary, idf_weights, invert, output_mode, sparse
        As for `IntegerLookup`, of strings.
    pad_to_max_tokens : bool
        Whether vectors have `max_tokens` values even if there are fewer tokens.
    encoding : str
        Of a vocabulary file, and of tokens that come as bytes.
    salt : int or pair of int, optional
        A key for the hash that spreads unknown tokens (SipHash64); FarmHash64 without.
    """

    integers = False

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: str | None = None,
        oov_token: str = "[UNK]",
        vocabulary: Any = None,
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        pad_to_max_tokens: bool = False,
        sparse: bool = False,
        encoding: str = "utf-8",
        salt: Any = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        self.encoding = encoding
        super().__init__(
            max_tokens, num_oov_indices, mask_token, oov_token, vocabulary, idf_weights, invert, output_mode, sparse,
            pad_to_max_tokens, "farmhash", salt, **options,
        )  # fmt: skip

    def _keys(self, values: Array) -> Array:
        if values.dtype.kind in "SO":
            flat = [v.decode(self.encoding) if isinstance(v, bytes) else v for v in values.reshape(-1)]
            if all(isinstance(v, str) for v in flat):
                values = np.array(flat, dtype=str).reshape(values.shape)
        if values.dtype.kind != "U":
            raise DTypeError(f"[{self.name}] expects strings, got dtype {values.dtype}")
        return values

    def _order(self, token: Any) -> Any:
        return token.encode()  # TensorFlow's strings are bytes, and sorted as such
