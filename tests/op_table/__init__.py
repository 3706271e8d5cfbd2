"""One row per op: it drives values, dtypes, strides, errors, gradients, threads and the benchmarks."""

from __future__ import annotations

from . import (
    attention,
    conv,
    ctc,
    distance,
    elementwise,
    gram,
    graph,
    hierarchy,
    indexing,
    kd_tree,
    kmeans,
    matmul,
    mixture,
    neighbors,
    norm,
    optim,
    padding,
    pool,
    pool3d,
    random,
    recurrent,
    reduce,
    resizing,
    sampling,
    seeding,
    softmax,
)
from .row import GRADIENT_TOLERANCE, VALUE_TOLERANCE, BadCall, Exact, Op, Sample

FAMILIES = (
    elementwise,
    reduce,
    matmul,
    gram,
    conv,
    pool,
    pool3d,
    sampling,
    resizing,
    norm,
    softmax,
    ctc,
    attention,
    recurrent,
    random,
    indexing,
    padding,
    graph,
    optim,
    distance,
    neighbors,
    kd_tree,
    hierarchy,
    kmeans,
    seeding,
    mixture,
)
OPS: list[Op] = [row for family in FAMILIES for row in family.ROWS]

__all__ = ["GRADIENT_TOLERANCE", "OPS", "VALUE_TOLERANCE", "BadCall", "Exact", "Op", "Sample"]
