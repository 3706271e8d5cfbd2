"""How many principal components data have, by Minka's estimate."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import gammaln

from nerve._typing import Array


def log_evidence(spectrum: Array, n_samples: int) -> Array:
    """The logarithm of the evidence for each number of components from 1 to one less than the features.

    Minka, "Automatic choice of dimensionality for PCA", NIPS 2000, equation 30 with 29; of ``spectrum``, the
    eigenvalues of the covariance in descending order. -inf where a component has no variance.
    """
    spectrum = np.asarray(spectrum, np.float64)
    n_features = len(spectrum)
    smallest = 1e-15
    ranks = np.arange(1, n_features)
    left = np.arange(n_features, 1, -1) / 2
    uniform = np.cumsum(gammaln(left) - math.log(math.pi) * left) - ranks * math.log(2)
    with np.errstate(divide="ignore", invalid="ignore"):
        kept = -np.cumsum(np.log(spectrum[:-1])) * n_samples / 2
        noise = np.maximum(np.cumsum(spectrum[:0:-1])[::-1] / (n_features - ranks), smallest)
        free = n_features * ranks - ranks * (ranks + 1) / 2
        dropped = -np.log(noise) * n_samples * (n_features - ranks) / 2
        volume = math.log(2 * math.pi) * (free + ranks) / 2
        result = uniform + kept + dropped + volume - ranks * math.log(n_samples) / 2
        for at, rank in enumerate(ranks):
            known, others = spectrum[:rank, np.newaxis], np.where(np.arange(n_features) < rank, spectrum, noise[at])
            pairs = np.arange(n_features) > np.arange(rank)[:, np.newaxis]
            curvature = np.log((known - spectrum) * (1 / others - 1 / known), where=pairs, out=np.zeros(pairs.shape))
            result[at] -= (curvature.sum() + math.log(n_samples) * pairs.sum()) / 2
    result[spectrum[:-1] < smallest] = -np.inf
    return result  # type: ignore[no-any-return]


def infer_dimension(spectrum: Array, n_samples: int) -> int:
    """The number of components, from 1 to one less than the features, with the greatest evidence."""
    return 1 + int(np.argmax(log_evidence(spectrum, n_samples)))
