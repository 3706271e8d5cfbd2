"""A vocabulary, given or learned, and the places of tokens in it: what the lookups share."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self, Unpack

import numpy as np

from nerve._typing import Array
from nerve.errors import DTypeError, ShapeError
from nerve.kernels._numbers import integer
from nerve.kernels._recording import configuration
from nerve.layers import context
from nerve.layers.categories import Categorical, Mode, sparse_refused, vectors
from nerve.layers.hashing import as_text, bins_of, plain, salted
from nerve.layers.options import LayerOptions
from nerve.layers.structure import Shape
from nerve.tensor import Tensor


def documents_of(data: Any, steps: int | None) -> Iterator[Any]:
    """Batches to learn from: data as it is, each of whose items is a document; or what an iterable yields."""
    if isinstance(data, str | bytes | int | list | tuple | np.ndarray | Tensor) or hasattr(data, "__array__"):
        values = np.asarray(data)
        yield values[..., np.newaxis] if values.ndim == 1 else values
    elif isinstance(data, Iterable):
        yield from itertools.islice(data, steps)
    else:
        raise TypeError(f"adapt expects an array, a list or an iterable of batches, got {type(data).__name__}")


class IndexLookup(Categorical):
    """Base of the lookups; the order of the numbers is: mask (in mode "int"), unknown ones, vocabulary."""

    modes: tuple[Mode, ...] = ("int", "one_hot", "multi_hot", "count", "tf_idf")
    integers: bool

    def __init__(
        self,
        max_tokens: int | None,
        num_oov_indices: int,
        mask_token: Any,
        oov_token: Any,
        vocabulary: Any,
        idf_weights: Any,
        invert: bool,
        output_mode: str,
        sparse: bool,
        pad_to_max_tokens: bool,
        oov_method: str,
        salt: Any,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(output_mode, **options)
        here = f"{self.name} ({type(self).__name__})"
        sparse_refused(self, sparse)
        if max_tokens is not None and integer(here, "max_tokens", max_tokens) <= 1:
            raise ValueError(f"[{here}] max_tokens must be greater than 1, got {max_tokens}")
        if pad_to_max_tokens and max_tokens is None:
            raise ValueError(f"[{here}] pad_to_max_tokens needs max_tokens")
        integer(here, "num_oov_indices", num_oov_indices, 0)
        if oov_method not in ("floormod", "farmhash"):
            raise ValueError(f"[{here}] oov_method must be 'floormod' or 'farmhash', got {oov_method!r}")
        if salt is not None and self.integers and oov_method != "farmhash":
            raise ValueError(f"[{here}] salt needs oov_method='farmhash', got {oov_method!r}")
        if invert and self.output_mode != "int":
            raise ValueError(f"[{here}] output_mode must be 'int' where invert is True, got {output_mode!r}")
        if idf_weights is not None and self.output_mode != "tf_idf":
            raise ValueError(f"[{here}] takes idf_weights in mode 'tf_idf', not {output_mode!r}")
        self.max_tokens, self.num_oov_indices = max_tokens, num_oov_indices
        self.mask_token, self.oov_token = mask_token, oov_token
        self.invert, self.pad_to_max_tokens = bool(invert), bool(pad_to_max_tokens)
        self.oov_method, self.salt = oov_method, salted(self, salt)
        self.idf_weights: Array | None = None
        self._tokens: list[Any] = []
        self._places: dict[Any, int] = {}
        self._fixed = vocabulary is not None
        if vocabulary is not None:
            if self.output_mode == "tf_idf" and idf_weights is None:
                raise ValueError(f"[{here}] needs idf_weights beside the vocabulary in mode 'tf_idf'")
            self.set_vocabulary(vocabulary, idf_weights)

    # Vocabulary

    @property
    def _first_oov(self) -> int:
        return int(self.mask_token is not None and self.output_mode == "int")

    @property
    def _first_token(self) -> int:
        return self._first_oov + self.num_oov_indices

    def vocabulary_size(self) -> int:
        """Number of tokens, mask and unknown ones included."""
        return len(self._tokens) + self._first_token

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[Any]:
        """The tokens in the order of their numbers; by default with the mask and those for unknown ones in front."""
        special = [self.mask_token] * self._first_oov + [self.oov_token] * self.num_oov_indices
        return [*(special if include_special_tokens else []), *self._tokens]

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Replace the vocabulary.

        Parameters
        ----------
        vocabulary : sequence of tokens, or path of a text file with one a line
            With the mask and the tokens for unknown ones in front, or without both.
        idf_weights : sequence of float, optional
            One for each of these, in mode "tf_idf".

        Raises
        ------
        ValueError
            If a token occurs twice, there are none, or more than `max_tokens`.
        """
        if (self.output_mode == "tf_idf") != (idf_weights is not None):
            raise ValueError(f"[{self.name}] takes idf_weights in mode 'tf_idf' and no other, got {idf_weights!r}")
        given = self._read(vocabulary) if isinstance(vocabulary, str | os.PathLike) else self._own_tokens(vocabulary)
        special = [self.mask_token] * self._first_oov + [self.oov_token] * self.num_oov_indices
        whole = bool(special) and given[: len(special)] == special
        tokens = given[len(special) :] if whole else given
        self._check(tokens)
        weights = None
        if idf_weights is not None:
            weights = np.asarray(idf_weights, np.float32)
            if weights.shape != (len(given),):
                raise ShapeError(
                    f"[{self.name}] idf_weights must have the vocabulary's length {len(given)}, got {weights.shape}"
                )
            if not whole:  # nobody knows how often unknown tokens occur: the average stands for it
                weights = np.concatenate([np.full(len(special), weights.mean(), np.float32), weights])
        self._take(tokens, weights)

    def _own_tokens(self, vocabulary: Any) -> list[Any]:
        values = np.asarray(vocabulary)
        if values.ndim != 1 or not values.size:
            raise ValueError(f"[{self.name}] vocabulary must be a list of tokens that is not empty, got {vocabulary!r}")
        tokens: list[Any] = self._keys(values).tolist()
        return tokens

    def _read(self, path: str | os.PathLike[str]) -> list[Any]:
        if context.state.loading:  # a model file must not make its reader open others
            raise ValueError(f"[{self.name}] a saved model names a vocabulary file, {os.fspath(path)!r}: not opened")
        lines = Path(path).read_text(encoding=getattr(self, "encoding", "utf-8")).splitlines()
        if self.output_mode == "tf_idf":
            raise ValueError(f"[{self.name}] a vocabulary file holds no idf_weights: give a list in mode 'tf_idf'")
        return self._own_tokens([int(line) for line in lines] if self.integers else lines)

    def _check(self, tokens: list[Any]) -> None:
        if repeated := [token for token, count in Counter(tokens).items() if count > 1]:
            raise ValueError(f"[{self.name}] vocabulary holds {repeated[:5]} more than once")
        if self.mask_token is not None and self.mask_token in tokens:
            raise ValueError(f"[{self.name}] vocabulary holds the mask_token {self.mask_token!r}, but not in front")
        if self.invert and self.oov_token in tokens:
            raise ValueError(f"[{self.name}] vocabulary holds the oov_token {self.oov_token!r}, but not in front")
        if self.max_tokens is not None and len(tokens) + self._first_token > self.max_tokens:
            size = len(tokens) + self._first_token
            raise ValueError(f"[{self.name}] vocabulary has {size} tokens, more than max_tokens={self.max_tokens}")

    def _take(self, tokens: list[Any], weights: Array | None) -> None:
        self._tokens = tokens
        self._places = {token: place for place, token in enumerate(tokens, self._first_token)}
        if weights is not None and self.pad_to_max_tokens and self.max_tokens is not None:
            weights = np.pad(weights, (0, self.max_tokens - len(weights)))
        self.idf_weights = weights
        configuration.changed()

    # Learning

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Learn the vocabulary: all tokens, the most frequent first, and of equally frequent ones the last by order.

        Parameters
        ----------
        data : array or list of tokens, or iterable of batches
            In mode "tf_idf" every row is a document: a token weighs log(1 + documents / (1 + those that have it)).
        steps : int, optional
            Batches to read at most.
        """
        self._learn(map(self._rows, documents_of(data, steps)))

    def _rows(self, batch: Any) -> list[list[Any]]:
        values = self._keys(plain(batch))
        rows: list[list[Any]] = values.reshape(-1, values.shape[-1]).tolist() if values.ndim else [[values.item()]]
        return rows

    def _learn(self, batches: Iterable[Sequence[Sequence[Any]]]) -> None:
        if self._fixed:
            raise ValueError(f"[{self.name}] has a given vocabulary: adapt would replace it")
        counts: Counter[Any] = Counter()
        documents: Counter[Any] = Counter()
        n_documents = 0
        for batch in batches:
            for row in batch:
                counts.update(row)
                if self.output_mode == "tf_idf":
                    documents.update(set(row))
            n_documents += len(batch)
        for special in (self.mask_token, self.oov_token):
            counts.pop(special, None)
        if not counts:
            raise ValueError(f"[{self.name}] adapt got no tokens")
        tokens = sorted(counts, key=lambda token: (counts[token], self._order(token)), reverse=True)
        if self.max_tokens is not None:
            tokens = tokens[: max(self.max_tokens - self._first_token, 0)]
        weights = None
        if self.output_mode == "tf_idf":
            own = np.log1p(n_documents / (1 + np.array([documents[token] for token in tokens], np.float64)))
            weights = np.concatenate([np.full(self._first_token, own.mean()), own]).astype(np.float32)
        self._take(tokens, weights)

    # Looking up

    def call(self, inputs: Any) -> Any:
        self._require_vocabulary(f"{self.name} ({type(self).__name__})")
        if self.invert:
            return self._tokens_at(plain(inputs))
        return self._result(self._looked_up(self._keys(plain(inputs))), inputs)

    def _result(self, found: Array, inputs: Any) -> Any:
        """The indices in the layer's mode."""
        if self.output_mode == "int":
            return self.encoded(found, 0, inputs)
        if self.output_mode != "tf_idf":
            return self.encoded(found, self._depth(), inputs)
        if self.idf_weights is None:
            raise ValueError(f"[{self.name}] has no idf_weights yet: set a vocabulary, or call adapt")
        result = vectors("count", found, self._depth(), self.dtype) * self.idf_weights
        return Tensor(result, tracked=False) if isinstance(inputs, Tensor) else result

    def _depth(self) -> int:
        if self.pad_to_max_tokens and self.max_tokens is not None:
            return self.max_tokens
        self._require_vocabulary(f"{self.name} ({type(self).__name__})")
        return self.vocabulary_size()

    def _require_vocabulary(self, here: str) -> None:
        if not self._tokens:
            raise RuntimeError(f"[{here}] has no vocabulary yet: give one, or call adapt")

    def _looked_up(self, keys: Array) -> Array:
        """The number of each token; masked ones that no mode may count are -1."""
        places, flat = self._places, keys.reshape(-1)
        found = np.array([places.get(key, -1) for key in flat.tolist()], np.int64)
        masked = flat == self.mask_token if self.mask_token is not None else np.zeros(flat.shape, bool)
        unknown = (found < 0) & ~masked
        if unknown.any():
            if not self.num_oov_indices:
                some = flat[unknown][:5].tolist()
                raise ValueError(f"[{self.name}] has no index for unknown tokens (num_oov_indices=0), got {some}")
            found[unknown] = self._first_oov + self._bins(flat[unknown])
        found[masked] = 0 if self.output_mode == "int" else -1
        return found.reshape(keys.shape)

    def _bins(self, tokens: Array) -> Any:
        if self.num_oov_indices == 1:
            return 0
        if self.integers and self.oov_method == "floormod":
            return tokens % self.num_oov_indices
        return bins_of(as_text(self, tokens), self.num_oov_indices, self.salt)

    def _tokens_at(self, indices: Array) -> Any:
        if indices.dtype.kind not in "iu":
            raise DTypeError(f"[{self.name}] expects the indices of tokens, got dtype {indices.dtype}")
        table = np.array([*self.get_vocabulary(), self.oov_token])
        known = (indices >= 0) & (indices < len(table) - 1)
        return table[np.where(known, indices, len(table) - 1)]

    def _keys(self, values: Array) -> Array:
        raise NotImplementedError

    def _order(self, token: Any) -> Any:
        return token

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return self.encoded_shape(input_shape, None if self.output_mode == "int" else self._depth())

    # Configuration

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        if self._fixed:  # also where it came from a file
            config["vocabulary"] = self.get_vocabulary()
            config["idf_weights"] = None if self.idf_weights is None else self._idf_list()
        elif self._tokens:
            config["learned"] = {"tokens": list(self._tokens), "idf_weights": self._idf_list()}
        return config

    def _idf_list(self) -> list[float] | None:
        return None if self.idf_weights is None else self.idf_weights[: self.vocabulary_size()].tolist()

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Make the layer that `get_config` described, with the vocabulary it has learned."""
        config = dict(config)
        learned = config.pop("learned", None)
        layer = super().from_config(config)
        if learned is not None:
            weights = learned["idf_weights"]
            tokens = layer._own_tokens(learned["tokens"])
            layer._check(tokens)
            layer._take(tokens, None if weights is None else np.asarray(weights, np.float32))
        return layer
