"""Initial values from uniform and normal distributions, of a given scale or one that fits the layer."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from nerve import kernels
from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.initializers.initializer import Initializer, Seed, Shape, compute_fans
from nerve.random import SeedGenerator, next_offset


class _Random(Initializer):
    """What the random initializers share: where their numbers come from."""

    def __init__(self, seed: Seed = None) -> None:
        self.seed = seed

    def _offsets(self) -> Callable[[int], tuple[int, int]]:
        if self.seed is None:
            return next_offset
        stream = self.seed if isinstance(self.seed, SeedGenerator) else SeedGenerator(self.seed)
        return stream.next_offset

    def get_config(self) -> dict[str, Any]:
        return {"seed": self.seed.seed if isinstance(self.seed, SeedGenerator) else self.seed}


class RandomUniform(_Random):
    """Uniform in [minval, maxval)."""

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: Seed = None) -> None:
        super().__init__(seed)
        self.minval = minval
        self.maxval = maxval

    def __call__(self, shape: Shape, dtype: str = "float32") -> Array:
        seed, offset = self._offsets()(math.prod(shape))
        return kernels.random_uniform(
            tuple(shape), low=self.minval, high=self.maxval, seed=seed, offset=offset, dtype=dtype
        )

    def get_config(self) -> dict[str, Any]:
        return {"minval": self.minval, "maxval": self.maxval, **super().get_config()}


class RandomNormal(_Random):
    """Normal with `mean` and `stddev`."""

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Seed = None) -> None:
        super().__init__(seed)
        self.mean = mean
        self.stddev = stddev

    def __call__(self, shape: Shape, dtype: str = "float32") -> Array:
        return self._normal(self._offsets(), tuple(shape), dtype)

    def _normal(self, offsets: Callable[[int], tuple[int, int]], shape: tuple[int, ...], dtype: str) -> Array:
        seed, offset = offsets(math.prod(shape))
        return kernels.random_normal(shape, mean=self.mean, stddev=self.stddev, seed=seed, offset=offset, dtype=dtype)

    def get_config(self) -> dict[str, Any]:
        return {"mean": self.mean, "stddev": self.stddev, **super().get_config()}


class TruncatedNormal(RandomNormal):
    """Normal with `mean` and `stddev`, drawn again where further than two `stddev` from `mean`."""

    def __call__(self, shape: Shape, dtype: str = "float32") -> Array:
        offsets = self._offsets()
        values = self._normal(offsets, (math.prod(shape),), dtype)
        limit = 2.0 * self.stddev
        # About one value in 22 is redrawn, then one in 22 of those: four or five rounds for a million.
        while (far := np.flatnonzero(np.abs(values - self.mean) > limit)).size:
            values[far] = self._normal(offsets, (far.size,), dtype)
        return values.reshape(tuple(shape))


class VarianceScaling(_Random):
    """Scale the spread to the number of inputs or outputs of a unit.

    Parameters
    ----------
    scale : float
        Variance times the fan.
    mode : {"fan_in", "fan_out", "fan_avg"}
        Which fan the variance is divided by.
    distribution : {"truncated_normal", "untruncated_normal", "uniform"}
        "truncated_normal" is widened so that its variance after truncation is the one asked for.
    seed : int, SeedGenerator or None

    References
    ----------
    Glorot and Bengio, 2010 (fan_avg); He et al., 2015 (fan_in, scale 2); LeCun et al., 1998 (fan_in).
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: Seed = None,
    ) -> None:
        super().__init__(seed)
        if scale <= 0:
            raise ValueError(f"[VarianceScaling] scale must be positive, got {scale}")
        if mode not in ("fan_in", "fan_out", "fan_avg"):
            raise ValueError(f"[VarianceScaling] mode must be fan_in, fan_out or fan_avg, got {mode!r}")
        if distribution not in ("truncated_normal", "untruncated_normal", "uniform"):
            raise ValueError(
                "[VarianceScaling] distribution must be truncated_normal, untruncated_normal or uniform, "
                f"got {distribution!r}"
            )
        self.scale = scale
        self.mode = mode
        self.distribution = distribution

    def __call__(self, shape: Shape, dtype: str = "float32") -> Array:
        fan_in, fan_out = compute_fans(shape)
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        variance = self.scale / max(1.0, fan)
        if self.distribution == "uniform":
            limit = math.sqrt(3.0 * variance)
            return RandomUniform(-limit, limit, self.seed)(shape, dtype)
        if self.distribution == "untruncated_normal":
            return RandomNormal(0.0, math.sqrt(variance), self.seed)(shape, dtype)
        # 0.8796... is the standard deviation of a standard normal cut at two.
        return TruncatedNormal(0.0, math.sqrt(variance) / 0.87962566103423978, self.seed)(shape, dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            "scale": self.scale,
            "mode": self.mode,
            "distribution": self.distribution,
            **super().get_config(),
        }


class _FixedScaling(VarianceScaling):
    """A `VarianceScaling` with a name of its own and nothing but a seed to choose."""

    _scaling: tuple[float, str, str]

    def __init__(self, seed: Seed = None) -> None:
        super().__init__(*self._scaling, seed)

    def get_config(self) -> dict[str, Any]:
        return _Random.get_config(self)


class GlorotUniform(_FixedScaling):
    """Uniform with variance 2 / (fan_in + fan_out) (Glorot and Bengio, 2010)."""

    _scaling = (1.0, "fan_avg", "uniform")


class GlorotNormal(_FixedScaling):
    """Truncated normal with variance 2 / (fan_in + fan_out) (Glorot and Bengio, 2010)."""

    _scaling = (1.0, "fan_avg", "truncated_normal")


class HeUniform(_FixedScaling):
    """Uniform with variance 2 / fan_in (He et al., 2015)."""

    _scaling = (2.0, "fan_in", "uniform")


class HeNormal(_FixedScaling):
    """Truncated normal with variance 2 / fan_in (He et al., 2015)."""

    _scaling = (2.0, "fan_in", "truncated_normal")


class LecunUniform(_FixedScaling):
    """Uniform with variance 1 / fan_in (LeCun et al., 1998)."""

    _scaling = (1.0, "fan_in", "uniform")


class LecunNormal(_FixedScaling):
    """Truncated normal with variance 1 / fan_in (LeCun et al., 1998)."""

    _scaling = (1.0, "fan_in", "truncated_normal")


class Orthogonal(_Random):
    """`gain` times a matrix with orthonormal rows or columns, uniform over all such (Saxe et al., 2014).

    A shape of more than two dimensions is filled as the matrix (product of all but the last, last).
    """

    def __init__(self, gain: float = 1.0, seed: Seed = None) -> None:
        super().__init__(seed)
        self.gain = gain

    def __call__(self, shape: Shape, dtype: str = "float32") -> Array:
        if len(shape) < 2:
            raise ShapeError(f"[Orthogonal] needs a shape of at least two dimensions, got {tuple(shape)}")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        seed, offset = self._offsets()(rows * columns)
        gaussian = kernels.random_normal(
            (max(rows, columns), min(rows, columns)), seed=seed, offset=offset, dtype="float64"
        )
        q, r = np.linalg.qr(gaussian)
        # With the signs of R's diagonal moved into Q, Q is uniformly distributed (Mezzadri, 2007).
        q *= np.copysign(1.0, np.diagonal(r))
        return (self.gain * (q if rows >= columns else q.T)).reshape(tuple(shape)).astype(dtype)

    def get_config(self) -> dict[str, Any]:
        return {"gain": self.gain, **super().get_config()}
