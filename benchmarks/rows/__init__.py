"""The rows of the benchmark, a file per family: a new family's file is imported here and its ROWS added."""

from __future__ import annotations

from benchmarks.row import Row
from benchmarks.rows import (
    attention,
    conv,
    ctc,
    elementwise,
    indexing,
    matmul,
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
    softmax,
    volumes,
)

ROWS: list[Row] = [
    *matmul.ROWS,
    *conv.ROWS,
    *volumes.ROWS,
    *pool.ROWS,
    *pool3d.ROWS,
    *sampling.ROWS,
    *resizing.ROWS,
    *norm.ROWS,
    *softmax.ROWS,
    *ctc.ROWS,
    *recurrent.ROWS,
    *attention.ROWS,
    *random.ROWS,
    *reduce.ROWS,
    *indexing.ROWS,
    *padding.ROWS,
    *optim.ROWS,
    *elementwise.ROWS,
]
