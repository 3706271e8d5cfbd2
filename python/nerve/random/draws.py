"""Random arrays under the names of `keras.random`.

`seed` may be an int (the same numbers at every call), a `SeedGenerator`, or None: the global stream. `normal`,
`uniform`, `randint`, `categorical` and `dropout` can be part of a recorded step, where integers are int64; the others
draw with NumPy and cannot.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from nerve import kernels, ops
from nerve.errors import DTypeError, ShapeError
from nerve.kernels._arrays import full
from nerve.kernels._numbers import integer, integers
from nerve.kernels._traced import Traced, as_array
from nerve.random import streams
from nerve.random.streams import SeedGenerator
from nerve.tensor import Tensor, constant

Seed = int | SeedGenerator | None


def _offset(seed: Seed, size: int) -> tuple[int, int]:
    """Where the numbers come from: key, and first block."""
    if seed is None:
        return streams.next_offset(size)
    return seed.next_offset(size) if isinstance(seed, SeedGenerator) else (SeedGenerator(seed).seed, 0)


def _generator(seed: Seed) -> np.random.Generator:
    """A generator of NumPy's, for what there is no kernel for."""
    if seed is None:
        return streams.generator()
    return (seed if isinstance(seed, SeedGenerator) else SeedGenerator(seed)).generator()


def normal(
    shape: Sequence[int], mean: float = 0.0, stddev: float = 1.0, dtype: DTypeLike | None = None, seed: Seed = None
) -> Tensor:
    """Numbers from a normal distribution.

    Parameters
    ----------
    shape : tuple of int
    mean, stddev : float
    dtype : {"float32", "float64"}, optional
        "float32" if not given.
    seed : int or SeedGenerator, optional

    Returns
    -------
    Tensor
    """
    key, offset = _offset(seed, math.prod(shape))
    return constant(
        kernels.random_normal(
            tuple(shape), mean=mean, stddev=stddev, seed=key, offset=offset, dtype=_float("normal", dtype)
        )
    )


def uniform(
    shape: Sequence[int], minval: float = 0.0, maxval: float = 1.0, dtype: DTypeLike | None = None, seed: Seed = None
) -> Tensor:
    """Numbers spread evenly over [minval, maxval), as `normal` draws them."""
    key, offset = _offset(seed, math.prod(shape))
    return constant(
        kernels.random_uniform(
            tuple(shape), low=minval, high=maxval, seed=key, offset=offset, dtype=_float("uniform", dtype)
        )
    )


def randint(shape: Sequence[int], minval: int, maxval: int, dtype: DTypeLike = "int32", seed: Seed = None) -> Tensor:
    """Integers, each from minval to maxval - 1 as likely as any other.

    Parameters
    ----------
    shape : tuple of int
    minval, maxval : int
        At most 2**53 in size: they are drawn as float64.
    dtype : dtype of integers
    seed : int or SeedGenerator, optional
    """
    wanted = np.dtype(dtype)
    if wanted.kind not in "iu":
        raise DTypeError(f"[randint] expects a dtype of integers, got {wanted}")
    low = integer("randint", "minval", minval, -(2**53), 2**53)
    high = integer("randint", "maxval", maxval, low + 1, 2**53)
    floats = uniform(shape, low, high, "float64", seed).array
    return _integers(kernels.floor(floats), wanted)


def truncated_normal(
    shape: Sequence[int], mean: float = 0.0, stddev: float = 1.0, dtype: DTypeLike | None = None, seed: Seed = None
) -> Tensor:
    """Numbers from a normal distribution, drawn again where further than two `stddev` from `mean`."""
    from nerve.initializers import TruncatedNormal  # which draws from streams, and so comes after them

    values = TruncatedNormal(mean, stddev, seed)(tuple(shape), np.dtype(dtype or "float32").name)
    return constant(values)


def categorical(logits: Any, num_samples: int, dtype: DTypeLike = "int32", seed: Seed = None) -> Tensor:
    """Classes drawn with the probabilities softmax(logits), by the largest of logits plus Gumbel noise.

    Parameters
    ----------
    logits : Tensor or array, (batch, classes)
    num_samples : int
        Classes drawn for each row.
    dtype : dtype of integers
    seed : int or SeedGenerator, optional

    Returns
    -------
    Tensor, (batch, num_samples)

    References
    ----------
    Maddison, Tarlow and Minka, "A* sampling", NeurIPS 2014.
    """
    values = logits.array if isinstance(logits, Tensor) else as_array(logits)
    if values.ndim != 2:
        raise ShapeError(f"[categorical] expects logits (batch, classes), got shape {values.shape}")
    if np.dtype(dtype).kind not in "iu":
        raise DTypeError(f"[categorical] expects a dtype of integers, got {np.dtype(dtype)}")
    count = integer("categorical", "num_samples", num_samples, 0)
    batch, classes = values.shape
    # In float64, so that classes of a probability of 1e-10 are drawn as often as they should.
    noise = uniform((batch, count, classes), 0.0, 1.0, "float64", seed).array
    gumbel = kernels.negative(kernels.log(kernels.negative(kernels.log(noise))))
    scores = kernels.add(kernels.cast(values, "float64").reshape(batch, 1, classes), gumbel)
    return _integers(kernels.argmax(scores, axis=-1), np.dtype(dtype))


def dropout(inputs: Any, rate: float, noise_shape: Sequence[int | None] | None = None, seed: Seed = None) -> Tensor:
    """A fraction `rate` of the values set to 0 and the others divided by what is left, with gradients.

    Parameters
    ----------
    inputs : Tensor or array
    rate : float
        0 <= rate < 1.
    noise_shape : tuple of int or None, optional
        Shape of the mask; axes of size 1 are dropped or kept as a whole. None stands for the size of the input.
    seed : int or SeedGenerator, optional
    """
    x = inputs if isinstance(inputs, Tensor) else Tensor(inputs, tracked=False)
    if noise_shape is None:
        key, offset = _offset(seed, x.size)
        return ops.dropout(x, rate=rate, seed=key, offset=offset)
    if len(noise_shape) != x.ndim:
        raise ShapeError(f"[dropout] noise_shape of inputs {x.shape} must have {x.ndim} sizes, got {noise_shape}")
    shape = [have if size is None else size for size, have in zip(noise_shape, x.shape, strict=True)]
    key, offset = _offset(seed, math.prod(shape))
    return x * ops.dropout(full(tuple(shape), 1, x.dtype, x.array), rate=rate, seed=key, offset=offset)


def shuffle(x: Any, axis: int = 0, seed: Seed = None) -> Tensor:
    """The slices along an axis in another order."""
    tensor = x if isinstance(x, Tensor) else Tensor(x, tracked=False)
    if not -tensor.ndim <= axis < tensor.ndim:
        raise ShapeError(f"[shuffle] axis {axis} is none of shape {tensor.shape}")
    order = _generator(seed).permutation(tensor.shape[axis])
    return ops.take(tensor, order, axis=axis)


def _integers(values: Any, dtype: np.dtype[Any]) -> Tensor:
    whole = kernels.cast(values, "int64")
    # Kernels take int64 as well as any other; a recording cannot hold NumPy's conversion.
    return constant(whole if dtype == np.int64 or type(whole) is Traced else whole.astype(dtype))


def _float(name: str, dtype: DTypeLike | None) -> np.dtype[Any]:
    wanted = np.dtype(dtype or "float32")
    if wanted not in (np.float32, np.float64):
        raise DTypeError(f"[{name}] draws float32 or float64, got dtype {wanted}")
    return wanted


def gamma(shape: Sequence[int], alpha: ArrayLike, dtype: DTypeLike | None = None, seed: Seed = None) -> Tensor:
    """Numbers from a gamma distribution of shape `alpha` (which broadcasts) and scale 1."""
    wanted = _float("gamma", dtype)
    values = _generator(seed).gamma(_positive("gamma", "alpha", alpha), size=integers("gamma", "shape", shape, 0))
    return constant(np.asarray(values, wanted))


def beta(
    shape: Sequence[int], alpha: ArrayLike, beta: ArrayLike, dtype: DTypeLike | None = None, seed: Seed = None
) -> Tensor:
    """Numbers from a beta distribution with `alpha` and `beta`, which broadcast."""
    wanted = _float("beta", dtype)
    parameters = _positive("beta", "alpha", alpha), _positive("beta", "beta", beta)
    values = _generator(seed).beta(*parameters, size=integers("beta", "shape", shape, 0))
    return constant(np.asarray(values, wanted))


def binomial(
    shape: Sequence[int], counts: ArrayLike, probabilities: ArrayLike, dtype: DTypeLike | None = None, seed: Seed = None
) -> Tensor:
    """How many of `counts` trials succeed with `probabilities`; both broadcast."""
    wanted = _float("binomial", dtype)
    trials, chance = np.asarray(counts), np.asarray(probabilities, np.float64)
    if trials.size and (trials.min() < 0 or (trials != np.rint(trials)).any()):
        raise ValueError(f"[binomial] counts must be whole numbers >= 0, got {counts!r}")
    if chance.size and not (chance.min() >= 0 and chance.max() <= 1):
        raise ValueError(f"[binomial] probabilities must be in [0, 1], got {probabilities!r}")
    size = integers("binomial", "shape", shape, 0)
    return constant(np.asarray(_generator(seed).binomial(trials.astype(np.int64), chance, size=size), wanted))


def _positive(name: str, parameter: str, value: ArrayLike) -> Any:
    values = np.asarray(value, np.float64)
    if values.size and not values.min() > 0:
        raise ValueError(f"[{name}] {parameter} must be positive, got {value!r}")
    return values
