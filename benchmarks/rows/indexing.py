"""Moving and gathering: transposes, embeddings and their gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.row import Peer, Row, floats, numpy, simple, tensors, torch
from nerve import kernels

WORDS, WIDTH, COUNT = 50_000, 256, 16_384
IMAGES = (8, 56, 56, 64)


def draw(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    return rng.standard_normal((WORDS, WIDTH), dtype=np.float32), rng.integers(0, WORDS, COUNT)


def draw_backward(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    return rng.standard_normal((COUNT, WIDTH), dtype=np.float32), rng.integers(0, WORDS, COUNT)


def backward(grad: np.ndarray, indices: np.ndarray) -> np.ndarray:
    return kernels.take_backward(grad, indices, input_shape=(WORDS, WIDTH))


def torch_backward(grad: np.ndarray, indices: np.ndarray) -> Callable[[], Any]:
    g, i = tensors(grad, indices)
    return lambda: torch.ops.aten.embedding_dense_backward(g, i, WORDS, -1, False)


def backward_rows(grad: np.ndarray, indices: np.ndarray) -> Any:
    return kernels.take_backward_rows(grad, indices, input_shape=(WORDS, WIDTH))


def torch_backward_rows(grad: np.ndarray, indices: np.ndarray) -> Callable[[], Any]:
    """What the gradient of a sparse embedding is, its repeated rows added up."""
    g, i = tensors(grad, indices)

    def call() -> Any:
        summed = torch.ops.aten.embedding_sparse_backward(g, i, WORDS, -1, False).coalesce()
        return summed.indices()[0], summed.values()

    return call


def numpy_backward(grad: np.ndarray, indices: np.ndarray) -> np.ndarray:
    out = np.zeros((WORDS, WIDTH), np.float32)
    np.add.at(out, indices, grad)
    return out


ROWS = [
    Row("transpose 1024x1024", "indexing", floats(1024, 1024), kernels.transpose, 8 << 20, "GB/s",
        (simple(lambda: lambda x: x.t().contiguous()), numpy(lambda x: np.ascontiguousarray(x.T)))),
    Row("transpose NHWC to NCHW 64 @56", "indexing", floats(*IMAGES), lambda x: kernels.transpose(x, (0, 3, 1, 2)),
        8 * float(np.prod(IMAGES)), "GB/s",
        (simple(lambda: lambda x: x.permute(0, 3, 1, 2).contiguous()),
         numpy(lambda x: np.ascontiguousarray(x.transpose(0, 3, 1, 2))))),
    Row("take 16k of 50k x 256", "indexing", draw, kernels.take, 8 * COUNT * WIDTH, "GB/s",
        (simple(lambda: lambda x, i: torch.nn.functional.embedding(i, x), "torch embedding"),
         simple(lambda: lambda x, i: torch.index_select(x, 0, i), "torch index_select"),
         numpy(lambda x, i: np.take(x, i, axis=0)))),
    Row("take 16k of 50k x 256, backward", "indexing", draw_backward, backward, 4 * WIDTH * (COUNT + WORDS), "GB/s",
        (Peer("torch", torch_backward), numpy(numpy_backward))),
    Row("take 16k of 50k x 256, backward by rows", "indexing", draw_backward, backward_rows, 8 * WIDTH * COUNT, "GB/s",
        (Peer("torch sparse, coalesced", torch_backward_rows),)),
]  # fmt: skip
