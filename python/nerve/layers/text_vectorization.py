"""Text as numbers: cut into words or characters, which are looked up in a vocabulary."""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Sequence
from typing import Any, Self, Unpack

import numpy as np

from nerve._typing import Array
from nerve.errors import DTypeError, ShapeError
from nerve.layers.categories import Categorical, Mode
from nerve.layers.hashing import plain
from nerve.layers.index_lookup import documents_of
from nerve.layers.lookups import StringLookup
from nerve.layers.options import LayerOptions
from nerve.layers.structure import Shape, is_positive_int

__all__ = [
    "TextVectorization",
]

# ASCII only, as in Keras, whose strings are bytes.
_LOWER = {ord(a): ord(b) for a, b in zip(string.ascii_uppercase, string.ascii_lowercase, strict=True)}
_NO_PUNCTUATION = dict.fromkeys(map(ord, string.punctuation))
_STANDARDS: dict[str, dict[int, int | None]] = {
    "lower": {**_LOWER},
    "strip_punctuation": {**_NO_PUNCTUATION},
    "lower_and_strip_punctuation": {**_LOWER, **_NO_PUNCTUATION},
}
_WORD = re.compile(r"[^ \t\n\v\f\r]+")
_SPLITS: dict[str, Callable[[str], list[str]]] = {"whitespace": _WORD.findall, "character": list}


class TextVectorization(Categorical):
    """Strings as the numbers of their words, or as vectors that say which words occur.

    The results are NumPy arrays, so it belongs before the model: into the preparation of the data.

    Parameters
    ----------
    max_tokens : int, optional
        Size of the vocabulary at most, padding ("" in mode "int") and "[UNK]" included.
    standardize : {"lower_and_strip_punctuation", "lower", "strip_punctuation"}, None or callable
        What becomes of a text first: ASCII letters lowered, ASCII punctuation removed; or what a function makes of an
        array of strings.
    split : {"whitespace", "character"}, None or callable
        What tokens are; a function gets the array of strings and gives a list of tokens for each.
    ngrams : int or tuple of int, optional
        Whether runs of so many tokens, joined by a space, are tokens: up to an int, or of the lengths in a tuple.
    output_mode : {"int", "multi_hot", "count", "tf_idf"}
        The numbers of the tokens, padded with zeros; or one vector for each text, with ones, counts, or counts times
        weights.
    output_sequence_length : int, optional
        Length of the rows in mode "int"; that of the longest text if not given.
    pad_to_max_tokens : bool
        Whether vectors have `max_tokens` values even if there are fewer tokens.
    vocabulary : sequence of str, or path of a text file with one a line, optional
        Learned by `adapt` if not given.
    idf_weights : sequence of float, optional
        For each token, in mode "tf_idf".
    sparse, ragged : bool
        Only False: arrays are dense and rectangular here.
    encoding : str
        Of a vocabulary file, and of texts that come as bytes.
    """

    modes: tuple[Mode, ...] = ("int", "one_hot", "multi_hot", "count", "tf_idf")

    def __init__(
        self,
        max_tokens: int | None = None,
        standardize: Any = "lower_and_strip_punctuation",
        split: Any = "whitespace",
        ngrams: int | Sequence[int] | None = None,
        output_mode: str = "int",
        output_sequence_length: int | None = None,
        pad_to_max_tokens: bool = False,
        vocabulary: Any = None,
        idf_weights: Any = None,
        sparse: bool = False,
        ragged: bool = False,
        encoding: str = "utf-8",
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(output_mode, **options)
        here = f"[{self.name} (TextVectorization)]"
        for name, value, known in (("standardize", standardize, _STANDARDS), ("split", split, _SPLITS)):
            if value is not None and value not in known and not callable(value):
                raise ValueError(f"{here} {name} must be one of {list(known)}, None or a function, got {value!r}")
        widths = range(1, ngrams + 1) if isinstance(ngrams, int) else ngrams
        if widths is not None and not (len(widths) and all(map(is_positive_int, widths))):
            raise ValueError(f"{here} ngrams must be a positive int or a tuple of them, got {ngrams!r}")
        if output_sequence_length is not None and (
            self.output_mode != "int" or not is_positive_int(output_sequence_length)
        ):
            raise ValueError(
                f"{here} output_sequence_length must be a positive int, and only in mode 'int', got "
                f"{output_sequence_length!r} in mode {output_mode!r}"
            )
        if ragged:
            raise ValueError(f"{here} gives rectangular arrays: ragged must be False")
        self.standardize, self.split, self.ngrams = standardize, split, None if widths is None else tuple(widths)
        self.output_sequence_length, self.encoding = output_sequence_length, encoding
        self.lookup = StringLookup(
            max_tokens=max_tokens, vocabulary=vocabulary, idf_weights=idf_weights, output_mode=output_mode,
            pad_to_max_tokens=pad_to_max_tokens, mask_token="", sparse=sparse, encoding=encoding,
            name=f"{self.name}_lookup",
        )  # fmt: skip

    def adapt(self, data: Any, batch_size: int | None = None, steps: int | None = None) -> None:
        """Learn the vocabulary: the tokens of all texts, the most frequent first.

        Parameters
        ----------
        data : array or list of str, or iterable of batches of them
        batch_size : int, optional
            Has no meaning for data that is there as a whole, as in Keras.
        steps : int, optional
            Batches to read at most.
        """
        self.lookup._learn(self._tokens(plain(batch)) for batch in documents_of(data, steps))

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[str]:
        """The tokens in the order of their numbers; see `StringLookup.get_vocabulary`."""
        return self.lookup.get_vocabulary(include_special_tokens)

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Replace the vocabulary; see `StringLookup.set_vocabulary`."""
        self.lookup.set_vocabulary(vocabulary, idf_weights)

    def vocabulary_size(self) -> int:
        """Number of tokens, "" and "[UNK]" included."""
        return self.lookup.vocabulary_size()

    def call(self, inputs: Any) -> Any:
        self.lookup._require_vocabulary(f"{self.name} (TextVectorization)")
        values = self.lookup._keys(plain(inputs))
        rows = self._tokens(values)
        if self.split is None and self.ngrams is None:  # the tokens are the texts: their shape stays
            standard = np.array(rows, dtype=str).reshape(values.shape)
            found = self._padded_axis(self.lookup._looked_up(standard))
            return self.lookup._result(found, inputs)
        flat = self.lookup._looked_up(np.array([token for row in rows for token in row], dtype=str))
        lengths = np.array([len(row) for row in rows], np.int64)
        width = self.output_sequence_length or int(lengths.max(initial=0))
        # What no mode counts: 0 is padding in mode "int", -1 a place that is not there.
        found = np.full((len(rows), width), 0 if self.output_mode == "int" else -1, np.int64)
        inside = np.arange(width) < lengths[:, np.newaxis]
        kept = np.concatenate([np.arange(n) for n in lengths]) < width if len(rows) else np.zeros(0, bool)
        found[inside] = flat[kept]
        return self.lookup._result(found if values.ndim else found[0], inputs)

    def _padded_axis(self, found: Array) -> Array:
        width = self.output_sequence_length
        if width is None or not found.ndim:
            return found
        found = found[..., :width]
        return np.pad(found, [(0, 0)] * (found.ndim - 1) + [(0, width - found.shape[-1])])

    def _tokens(self, values: Array) -> list[list[str]]:
        """The tokens of each text; of rows of tokens, where nothing is split."""
        values = self._standard(self.lookup._keys(values))
        if self.split is None:
            rows: list[list[str]] = values.reshape(-1, values.shape[-1] if values.ndim > 1 else 1).tolist()
        else:
            if values.ndim > 2 or (values.ndim == 2 and values.shape[1] != 1):
                raise ShapeError(f"[{self.name}] expects texts (n,) or (n, 1), got shape {values.shape}")
            texts = values.reshape(-1)
            if callable(self.split):
                rows = [list(map(str, row)) for row in self.split(texts)]
            else:
                rows = list(map(_SPLITS[self.split], texts.tolist()))
        if self.ngrams is None:
            return rows
        widths = self.ngrams
        return [[" ".join(row[i : i + n]) for n in widths for i in range(len(row) - n + 1)] for row in rows]

    def _standard(self, values: Array) -> Array:
        if self.standardize is None:
            return values
        if isinstance(self.standardize, str):
            table = _STANDARDS[self.standardize]
            texts = [text.translate(table) for text in values.reshape(-1).tolist()]
            return np.array(texts, dtype=str).reshape(values.shape)
        found = np.asarray(self.standardize(values))
        if found.dtype.kind not in "UO" or found.shape != values.shape:
            raise DTypeError(f"[{self.name}] standardize must give strings of the same shape, got {found!r}")
        return found.astype(str)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if self.output_mode == "int":
            return (input_shape[0], self.output_sequence_length)
        if self.lookup.max_tokens is None or not self.lookup.pad_to_max_tokens:
            self.lookup._require_vocabulary(f"{self.name} (TextVectorization)")
        return (input_shape[0], self.lookup._depth())

    def get_config(self) -> dict[str, Any]:
        lookup = self.lookup.get_config()
        learned = {"learned": lookup["learned"]} if "learned" in lookup else {}
        given = {key: lookup[key] for key in ("vocabulary", "idf_weights")}
        return {**super().get_config(), **given, **learned}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Make the layer that `get_config` described, with the vocabulary it has learned."""
        config = dict(config)
        learned = config.pop("learned", None)
        layer = super().from_config(config)
        if learned is not None:
            layer.lookup = StringLookup.from_config({**layer.lookup.get_config(), "learned": learned})
        return layer
