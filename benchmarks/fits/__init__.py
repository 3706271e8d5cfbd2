"""The rows of :mod:`benchmarks.estimators`, a file for each kind of estimator."""

from __future__ import annotations

from benchmarks.fits import cluster, neighbors
from benchmarks.fits.fit import Fit

ROWS: tuple[Fit, ...] = (*(row for row in cluster.ROWS if not row.name.startswith("DBSCAN")), *neighbors.ROWS)
