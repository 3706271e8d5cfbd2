"""Principal components, and the embedding of a swiss roll."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.fits.fit import Data, Fit, same
from benchmarks.fits.quality import explained, same_space


def spectrum(count: int) -> Data:
    """Features whose variance falls like 1 / i, turned."""
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.standard_normal((512, 512)))[0] / np.sqrt(np.arange(1, 513))[:, None]
    return (rng.standard_normal((count, 512), dtype=np.float32) @ turn.astype(np.float32),)


def principal(module: Any, x: np.ndarray) -> Callable[[], np.ndarray]:
    """With the solver that each library chooses by itself."""
    return lambda: module.PCA(32, random_state=0).fit(x).components_


def swiss_roll(count: int) -> Data:
    from sklearn.datasets import make_swiss_roll

    return (make_swiss_roll(count, random_state=0)[0].astype(np.float32),)


def locally_linear(module: Any, x: np.ndarray) -> Callable[[], np.ndarray]:
    return lambda: module.LocallyLinearEmbedding(n_neighbors=12, random_state=0).fit(x).embedding_


ROWS = [
    Fit(
        "PCA 50k x 512 to 32", "decomposition", 50_000, spectrum,
        same("decomposition", principal, "oneDAL"), "explained variance", explained, higher=True,
    ),
    Fit(
        "LocallyLinearEmbedding 5k x 3", "manifold", 5000, swiss_roll,
        same("manifold", locally_linear), "correlation", same_space, higher=True, tolerance=0.01,
    ),
]  # fmt: skip
