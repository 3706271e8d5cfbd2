"""Numbers made ready for a network: standardized, or sorted into bins. What that takes can be learned from data."""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Unpack

import numpy as np

from nerve import kernels, ops
from nerve._typing import Array
from nerve.errors import DTypeError, ShapeError
from nerve.kernels._arrays import host
from nerve.kernels._numbers import integers
from nerve.kernels._recording import configuration, now
from nerve.layers import context
from nerve.layers.categories import Categorical, Mode, sparse_refused
from nerve.layers.layer import Layer
from nerve.layers.options import LayerOptions
from nerve.layers.structure import Shape, is_positive_int
from nerve.tensor import Tensor

__all__ = [
    "Discretization",
    "Normalization",
]

_EPSILON = 1e-7  # the least standard deviation that is divided by, as Keras's


def batches_of(name: str, data: Any, steps: int | None = None) -> Iterator[Array]:
    """The numbers of an array as one batch, or those of each batch that an iterable yields."""
    if isinstance(data, np.ndarray | Tensor) or hasattr(data, "__array__"):
        found: Iterable[Any] = [data]
    elif isinstance(data, Iterable):
        found = itertools.islice(data, steps)
    else:
        raise TypeError(f"[{name}] adapt expects an array or an iterable of batches, got {type(data).__name__}")
    for batch in found:
        values = np.asarray(batch[0] if isinstance(batch, tuple) else batch)
        if values.dtype.kind not in "fiub":
            raise DTypeError(f"[{name}] adapt expects numbers, got dtype {values.dtype}")
        yield values


class Normalization(Layer):
    """Shifts and scales features to mean 0 and variance 1.

    Mean and variance are given, or learned by `adapt` and then part of the model's weights.

    Parameters
    ----------
    axis : int, tuple of int or None
        The axes with a mean of their own for each index, the last one if not given; None: one mean for everything.
    mean, variance : float or array, optional
        Together, of the sizes of those axes.
    invert : bool
        Whether to go the other way: `inputs * deviation + mean`.

    Warns
    -----
    UserWarning
        If it was neither given nor adapted to anything when it is first called: inputs stay as they are then.
    """

    _not_recorded = Layer._not_recorded | {"_looked"}
    _looked = False  # whether it is known that there is something to normalize by

    def __init__(
        self,
        axis: int | Sequence[int] | None = -1,
        mean: Any = None,
        variance: Any = None,
        invert: bool = False,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        here = f"{self.name} (Normalization)"
        self.axis = () if axis is None else integers(here, "axis", axis)
        if (mean is None) != (variance is None):
            raise ValueError(f"[{here}] takes mean and variance together, got mean={mean} and variance={variance}")
        if np.shape(mean) != np.shape(variance):
            raise ShapeError(
                f"[{here}] mean and variance must have one shape, got {np.shape(mean)} and {np.shape(variance)}"
            )
        if np.ndim(mean) > len(self.axis):
            raise ShapeError(f"[{here}] mean has {np.ndim(mean)} axes, more than axis={self.axis} names")
        self.input_mean, self.input_variance, self.invert = mean, variance, invert

    def build(self, input_shape: Shape) -> None:
        ndim = len(input_shape)
        if any(not -ndim <= axis < ndim for axis in self.axis):
            raise ShapeError(f"axis {self.axis} is out of range for inputs of shape {tuple(input_shape)}")
        self._kept = sorted(axis % ndim for axis in self.axis)
        if any(input_shape[axis] is None for axis in self._kept):
            raise ShapeError(f"the sizes of axis {self.axis} must be known, got inputs of shape {tuple(input_shape)}")
        self._broadcast: list[int] = [int(input_shape[i] or 0) if i in self._kept else 1 for i in range(ndim)]
        sizes = [self._broadcast[axis] for axis in self._kept]
        if self.input_mean is None:
            self.adapt_mean = self.add_weight(sizes, "zeros", name="mean", trainable=False)
            self.adapt_variance = self.add_weight(sizes, "ones", name="variance", trainable=False)
        else:
            self._given_mean, self._given_variance = self._spread(self.input_mean), self._spread(self.input_variance)

    def _spread(self, value: Any) -> Array:
        """A given mean along the axes that are kept, the last one first."""
        array = np.asarray(value, self.dtype)
        shape = [1] * len(self._broadcast)
        for axis, size in zip(reversed(self._kept), reversed(array.shape), strict=False):
            shape[axis] = size
        try:
            return np.ascontiguousarray(np.broadcast_to(array.reshape(shape), self._broadcast))
        except ValueError:
            raise ShapeError(f"mean of shape {array.shape} does not fit inputs of sizes {self._broadcast}") from None

    @property
    def mean(self) -> Any:
        """What is subtracted, in a shape that broadcasts against the inputs; None before the layer is built."""
        if not self.built:
            return None
        return self._given_mean if self.input_mean is not None else ops.reshape(self.adapt_mean, self._broadcast)

    @property
    def variance(self) -> Any:
        """The square of what is divided by."""
        if not self.built:
            return None
        given = self.input_mean is not None
        return self._given_variance if given else ops.reshape(self.adapt_variance, self._broadcast)

    def adapt(self, data: Any) -> None:
        """Learn mean and variance.

        Parameters
        ----------
        data : array, or iterable of batches
            Of tuples the first item counts. Batches are read once, and their moments merged as in Chan, Golub and
            LeVeque, "Algorithms for computing the sample variance", 1983.

        Raises
        ------
        ValueError
            If there are no batches, or mean and variance were given.
        ShapeError
            If a batch does not have the sizes the layer was built for.
        """
        if self.input_mean is not None:
            raise ValueError(f"[{self.name}] has a given mean and variance: adapt would have no effect")
        count, mean, squares = 0, np.zeros(()), np.zeros(())
        for batch in batches_of(self.name, data):
            if not self.built:
                self.build(batch.shape)
            sizes = [batch.shape[axis] for axis in self._kept if axis < batch.ndim]
            if batch.ndim != len(self._broadcast) or sizes != list(self.adapt_mean.shape):
                raise ShapeError(f"[{self.name}] was built for sizes {self._broadcast}, got a batch of {batch.shape}")
            over = tuple(i for i in range(batch.ndim) if i not in self._kept)
            n = math.prod(batch.shape[axis] for axis in over)
            if n == 0:
                continue
            batch_mean = batch.mean(axis=over, dtype=np.float64)
            difference = batch_mean - mean
            squares = squares + batch.var(axis=over, dtype=np.float64) * n + difference**2 * (count * n / (count + n))
            mean = mean + difference * (n / (count + n))
            count += n
        if not count:
            raise ValueError(f"[{self.name}] adapt got no data")
        self._looked = True  # of data that are like that already, too
        self.adapt_mean.assign(np.broadcast_to(mean, self.adapt_mean.shape).astype(self.dtype))
        self.adapt_variance.assign(np.broadcast_to(squares / count, self.adapt_mean.shape).astype(self.dtype))

    def _look(self) -> None:
        self._looked = True
        if not host(self.adapt_mean.array).any() and (host(self.adapt_variance.array) == 1).all():
            warnings.warn(
                f"[{self.name} (Normalization)] was never adapted, and gives its inputs back as they are: "
                "call adapt, or give mean and variance",
                stacklevel=2,
            )

    def call(self, inputs: Any) -> Any:
        if not self._looked and self.input_mean is None and not context.state.inferring:
            self._look()
        inputs = ops.cast(inputs, dtype=self.dtype)
        deviation = ops.maximum(ops.sqrt(self.variance), _EPSILON)
        return inputs * deviation + self.mean if self.invert else (inputs - self.mean) / deviation

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape


class Discretization(Categorical):
    """The number of the bin each value is in: 0 below the first boundary, 1 from there on, and so on.

    Parameters
    ----------
    bin_boundaries : sequence of float, optional
        Ascending.
    num_bins : int, optional
        In place of boundaries: how many bins of about equally many values `adapt` is to make.
    epsilon : float
        By what fraction of the values a learned boundary may be off its quantile.
    output_mode : {"int", "one_hot", "multi_hot", "count"}
        The number itself; a row with a one there; or one row for each sample, with ones or with counts.
    sparse : bool
        Only False: there are no sparse tensors here.
    """

    modes: tuple[Mode, ...] = ("int", "one_hot", "multi_hot", "count")

    def __init__(
        self,
        bin_boundaries: Sequence[float] | None = None,
        num_bins: int | None = None,
        epsilon: float = 0.01,
        output_mode: Mode = "int",
        sparse: bool = False,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(output_mode, **options)
        here = f"[{self.name} (Discretization)]"
        sparse_refused(self, sparse)
        if (bin_boundaries is None) == (num_bins is None):
            raise ValueError(
                f"{here} takes either num_bins or bin_boundaries, got num_bins={num_bins} and "
                f"bin_boundaries={bin_boundaries}"
            )
        if num_bins is not None and not is_positive_int(num_bins):
            raise ValueError(f"{here} num_bins must be a positive int, got {num_bins!r}")
        if not 0 < epsilon < 1:
            raise ValueError(f"{here} epsilon must be between 0 and 1, got {epsilon!r}")
        self.num_bins, self.epsilon = num_bins, epsilon
        self.bin_boundaries: list[float] | None = None
        if bin_boundaries is not None:
            self._bound(bin_boundaries)

    def _bound(self, boundaries: Any) -> None:
        self._boundaries = np.asarray(boundaries, np.float32)
        if self._boundaries.ndim != 1 or (np.diff(self._boundaries) < 0).any():
            raise ValueError(f"[{self.name}] bin_boundaries must be a list of ascending numbers, got {boundaries!r}")
        self.bin_boundaries = [float(boundary) for boundary in boundaries]

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Learn the boundaries: quantiles of all values.

        Parameters
        ----------
        data : array, or iterable of batches
        steps : int, optional
            Batches to read at most.
        """
        if self.num_bins is None:
            raise ValueError(f"[{self.name}] has given bin_boundaries: take num_bins to learn them")
        summary = np.zeros((2, 0), np.float32)
        for batch in batches_of(self.name, data, steps):
            found = _summary(batch.astype(np.float32).reshape(-1), self.epsilon)
            merged = np.concatenate([found, summary], axis=1)
            summary = _compressed(merged[:, np.argsort(merged[0])], self.epsilon)
        if not summary.size:
            raise ValueError(f"[{self.name}] adapt got no data")
        self._bound(_compressed(summary, 1.0 / self.num_bins)[0, :-1].tolist())
        configuration.changed()

    def call(self, inputs: Any) -> Any:
        if self.bin_boundaries is None:
            raise ValueError(f"[{self.name}] has no boundaries yet: give bin_boundaries, or call adapt first")
        x = inputs.array if isinstance(inputs, Tensor) else np.asarray(inputs)
        if now.recording is None:
            found = np.digitize(x, self._boundaries)
        else:  # what kernels can do: the number of boundaries that are not above (NaN is above all)
            above = kernels.less(kernels.cast(x, self._boundaries.dtype)[..., np.newaxis], self._boundaries)
            counted = kernels.where(above, np.zeros((), np.float32), np.ones((), np.float32))
            found = kernels.cast(kernels.sum(counted, axis=-1), np.int64)
        return self.encoded(found, len(self.bin_boundaries) + 1, inputs)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        boundaries = self.bin_boundaries
        return self.encoded_shape(input_shape, self.num_bins if boundaries is None else len(boundaries) + 1)

    def get_config(self) -> dict[str, Any]:
        learned = {"learned": self.bin_boundaries} if self.num_bins is not None and self.bin_boundaries else {}
        return {**super().get_config(), **learned}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Discretization:
        """Make the layer that `get_config` described, with what it has learned."""
        config = dict(config)
        learned = config.pop("learned", None)
        layer = super().from_config(config)
        if learned is not None:
            layer._bound(learned)
        return layer


# How quantiles of a stream are estimated: a summary holds values, ascending, and how many values each stands for
# (the merging of weighted samples, as in Keras; McDermott et al., "Quantile estimation for massive tracking", 2003).


def _summary(values: Array, epsilon: float) -> Array:
    step = max(values.size * epsilon, 1.0)
    kept = np.sort(values)[int(step - 1) :: int(step)]
    return np.stack([kept, np.full_like(kept, step)])


def _compressed(summary: Array, epsilon: float) -> Array:
    if summary.shape[1] * epsilon < 1:
        return summary
    fractions = epsilon + np.arange(0.0, 1.0, epsilon)
    counts = summary[1].cumsum()
    values = np.interp(fractions, counts / counts[-1], summary[0])
    counts = np.interp(fractions, counts / counts[-1], counts)
    return np.stack([values, np.diff(counts, prepend=0.0)]).astype(np.float32)
