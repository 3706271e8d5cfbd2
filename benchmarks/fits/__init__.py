"""The rows of :mod:`benchmarks.estimators`, a file for each kind of estimator."""

from __future__ import annotations

from benchmarks.fits import cluster, decomposition, mixture, neighbors
from benchmarks.fits.fit import Fit

ROWS: tuple[Fit, ...] = (*cluster.ROWS, *neighbors.ROWS, *mixture.ROWS, *decomposition.ROWS)
