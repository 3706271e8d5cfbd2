"""A block for each kind of kernel: how its arrays are made, nerve's call, the peers', and the work in FLOP or bytes."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import nerve
from benchmarks.gpu.machine import Gpu
from nerve import kernels

Call = Callable[[], Any]
PRECISIONS = {"highest": "fp32", "high": "fp32", "medium": "bf16"}  # of float32 products, and of the peer beside them


@dataclass
class Row:
    """One line of the table, with arrays in place.

    Parameters
    ----------
    call : nerve's; what it gives is verified.
    peers : other libraries' calls by name.
    expect : gives what `call` should, or the first of it, from PyTorch.
    work : FLOP, or bytes of inputs and outputs, each moved once; in steps 1.
    target : the ratio of times, peer's to nerve's, that is to be reached.
    """

    name: str
    family: str
    call: Call
    peers: Mapping[str, Call]
    expect: Call
    work: float
    unit: str
    target: float | None = None
    tolerance: float = 1e-4  # of the largest number
    precision: str = "high"
    first: Callable[[Any], Any] = field(default=lambda result: result[0] if isinstance(result, tuple) else result)


Make = Callable[[Gpu], Row]


def in_precision(torch: Any, name: str, call: Call) -> Call:
    """A call of PyTorch's with float32 products of tf32 or of float32."""

    def run() -> Any:
        allowed = name == "tf32"
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = allowed
        return call()

    return run


def matmul(n: int, precision: str) -> Make:
    def make(gpu: Gpu) -> Row:
        size, torch = gpu.size(n, 32), gpu.torch
        a, b = gpu.normal(size, size), gpu.normal(size, size)
        x, y = gpu.ours(a), gpu.ours(b)
        peers = {"torch fp32": in_precision(torch, "fp32", lambda: a @ b)}
        if precision == "medium":
            half = a.bfloat16(), b.bfloat16()
            peers = {"torch bf16": lambda: half[0] @ half[1], "torch tf32": in_precision(torch, "tf32", lambda: a @ b)}
        return Row(
            f"matmul {n}, {precision}", "matmul", lambda: kernels.matmul(x, y), peers,
            lambda: (a.double() @ b.double()).float(), 2.0 * size**3, "GFLOP/s",
            target={"high": 1.5, "medium": 0.8, "highest": 0.9}[precision],
            tolerance=2e-2 if precision == "medium" else 1e-5, precision=precision,
        )  # fmt: skip

    return make


CONVOLUTIONS = [  # image, channels, filters, kernel, strides
    (56, 64, 64, 3, 1), (28, 128, 128, 3, 1), (14, 256, 256, 3, 1), (7, 512, 512, 3, 1), (56, 64, 256, 1, 1),
    (56, 256, 128, 1, 2), (224, 3, 64, 7, 2),
]  # fmt: skip


def convolution(image: int, channels: int, filters: int, size: int, strides: int, way: str, precision: str) -> Make:
    def make(gpu: Gpu) -> Row:
        torch, batch = gpu.torch, gpu.size(32, 1)
        side, padding = gpu.size(image, 8), size // 2
        out = (side + 2 * padding - size) // strides + 1
        x = gpu.normal(batch, side, side, channels)
        kernel, grad = gpu.normal(size, size, channels, filters), gpu.normal(batch, out, out, filters)
        ours = gpu.ours(x), gpu.ours(kernel), gpu.ours(grad)
        options: dict[str, Any] = {"strides": strides, "padding": padding}
        # NHWC and OHWI in memory, which is what cuDNN likes best.
        a, w, g = x.permute(0, 3, 1, 2), kernel.permute(3, 2, 0, 1).contiguous(memory_format=torch.channels_last), grad
        g = g.permute(0, 3, 1, 2)
        mask = [way == "input", way == "kernel", False]
        backward = torch.ops.aten.convolution_backward

        def there(dtype: Any = None) -> Call:
            a2, w2, g2 = (t if dtype is None else t.to(dtype) for t in (a, w, g))
            if way == "forward":
                return lambda: torch.nn.functional.conv2d(a2, w2, stride=strides, padding=padding)
            both = [strides] * 2, [padding] * 2, [1, 1], False, [0, 0], 1
            return lambda: backward(g2, a2, w2, None, *both, mask)[0 if way == "input" else 1]

        calls: dict[str, Call] = {
            "forward": lambda: kernels.conv2d(ours[0], ours[1], **options),
            "input": lambda: kernels.conv2d_backward_input(ours[2], ours[1], input_shape=tuple(x.shape), **options),
            "kernel": lambda: kernels.conv2d_backward_kernel(
                ours[2], ours[0], kernel_shape=tuple(kernel.shape), **options
            ),
        }
        back = (2, 3, 1, 0) if way == "kernel" else (0, 2, 3, 1)
        peers = {"torch fp32": in_precision(torch, "fp32", there())}
        if precision == "medium":
            peers = {"torch tf32": in_precision(torch, "tf32", there()), "torch bf16": there(torch.bfloat16)}
        return Row(
            f"conv {way} {size}x{size} s{strides} {channels}->{filters} @{image}, {precision}", "conv", calls[way],
            peers, lambda: in_precision(torch, "fp32", there())().permute(*back),
            2.0 * batch * out * out * filters * size * size * channels, "GFLOP/s",
            target=0.6 if precision == "medium" else 1.0, tolerance=3e-2 if precision == "medium" else 1e-4,
            precision=precision,
        )  # fmt: skip

    return make


def moving(
    name: str, family: str, passes: float, shape: tuple[int, ...], build: Callable[..., tuple[Call, Call]]
) -> Make:
    """A kernel that memory bounds: `build` gives nerve's call and PyTorch's for a tensor of normal numbers."""

    def make(gpu: Gpu) -> Row:
        x = gpu.normal(*(gpu.size(n, 4) if i < len(shape) - 1 else n for i, n in enumerate(shape)))
        ours, theirs = build(gpu, x)
        return Row(name, family, ours, {"torch": theirs}, theirs, passes * 4 * x.numel(), "GB/s", target=1.0)

    return make


def layer_norm(gpu: Gpu, x: Any) -> tuple[Call, Call]:
    width = x.shape[-1]
    weights = gpu.normal(width), gpu.normal(width)
    a, w, b = map(gpu.ours, (x, *weights))
    normed = gpu.torch.nn.functional.layer_norm
    return lambda: kernels.layer_norm(a, w, b, epsilon=1e-3), lambda: normed(x, [width], *weights, 1e-3)


def batch_norm(gpu: Gpu, x: Any) -> tuple[Call, Call]:
    channels = x.shape[-1]
    weights = gpu.normal(channels), gpu.normal(channels)
    a, w, b = map(gpu.ours, (x, *weights))
    image, call = x.permute(0, 3, 1, 2), gpu.torch.native_batch_norm

    def theirs() -> Any:
        return call(image, *weights, None, None, True, 0.0, 1e-3)[0].permute(0, 2, 3, 1)

    return lambda: kernels.batch_norm_training(a, w, b, epsilon=1e-3), theirs


def max_pool(gpu: Gpu, x: Any) -> tuple[Call, Call]:
    a, image = gpu.ours(x), x.permute(0, 3, 1, 2)
    call = gpu.torch.nn.functional.max_pool2d
    return (
        lambda: kernels.max_pool2d_with_index(a, pool_size=2, strides=2),
        lambda: call(image, 2, 2, return_indices=True)[0].permute(0, 2, 3, 1),
    )


def average_pool(gpu: Gpu, x: Any) -> tuple[Call, Call]:
    a, image = gpu.ours(x), x.permute(0, 3, 1, 2)
    call = gpu.torch.nn.functional.avg_pool2d
    return (
        lambda: kernels.average_pool2d(a, pool_size=2, strides=2),
        lambda: call(image, 2, 2).permute(0, 2, 3, 1),
    )


def cross_entropy(gpu: Gpu, x: Any) -> tuple[Call, Call]:
    """Losses and gradients; PyTorch's without the bookkeeping of autograd."""
    torch, aten = gpu.torch, gpu.torch.ops.aten
    labels = torch.randint(0, x.shape[1], (x.shape[0],), device=gpu.device)
    logits, y, ones = gpu.ours(x), gpu.ours(labels), torch.ones(len(x), device=gpu.device)

    def theirs() -> Any:
        log = torch.log_softmax(x, -1)
        loss, weight = aten.nll_loss_forward(log, labels, None, 0, -100)
        grad = aten.nll_loss_backward(ones, log, labels, None, 0, -100, weight)
        aten._log_softmax_backward_data(grad, log, -1, torch.float32)
        return loss

    return lambda: kernels.softmax_cross_entropy(logits, y), theirs


def dropout(rate: float) -> Make:
    """Masks differ, so that what is kept is compared: nerve's own numbers on the CPU."""

    def make(gpu: Gpu) -> Row:
        x = gpu.normal(gpu.size(1 << 26, 1024))
        a = gpu.ours(x)
        part = x[:4096]
        return Row(
            "dropout 64M", "random", lambda: kernels.dropout(a, rate=rate, seed=1),
            {"torch": lambda: gpu.torch.nn.functional.dropout(x, rate)},
            lambda: gpu.torch.from_numpy(kernels.dropout(part.cpu().numpy(), rate=rate, seed=1)),
            8.0 * x.numel(), "GB/s", target=1.0, first=lambda result: result[: len(part)],
        )  # fmt: skip

    return make


def adam(gpu: Gpu) -> Row:
    torch = gpu.torch
    count = gpu.size(100, 3)
    sets = [[gpu.normal(gpu.size(250_000, 100)) for _ in range(count)] for _ in range(2)]
    ours = [[gpu.ours(t.clone()) for t in each] for each in sets]
    ours += [[gpu.ours(torch.zeros_like(t)) for t in sets[0]] for _ in range(2)]
    stepped = [t.clone().requires_grad_() for t in sets[0]]
    for parameter, gradient in zip(stepped, sets[1], strict=True):
        parameter.grad = gradient
    fused = torch.optim.Adam(stepped, lr=1e-3, eps=1e-7, fused=True)
    rates: dict[str, Any] = {"learning_rate": 1e-3, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7 * 0.001**0.5}

    def call() -> Any:
        kernels.adam_step(*ours, **rates, step=1)
        return ours[0][0]

    def expect() -> Any:  # of the first step, which is the one that is verified
        p, g = sets[0][0].double(), sets[1][0].double()
        return (p - 1e-3 * (0.1 * g) / (0.001 * g * g).sqrt().add(rates["epsilon"]) * 0.001**0.5 / 0.1).float()

    work = 28.0 * sum(t.numel() for t in sets[0])
    return Row(
        "Adam 25M in 100 arrays", "optim", call, {"torch fused": fused.step}, expect, work, "GB/s", 1.0
    )  # fmt: skip


def assignment(gpu: Gpu) -> Row:
    """The nearest of 1024 centres for a million points; CuPy's way is a product and argmin."""
    cupy: Any = importlib.import_module("cupy")
    points, centers = gpu.normal(gpu.size(1_000_000, 200), 128), gpu.normal(gpu.size(1024, 8), 128)
    x, c = gpu.ours(points), gpu.ours(centers)

    def by_cupy() -> Any:
        squares = (c * c).sum(axis=1)
        return cupy.concatenate(
            [(squares - 2 * (x[i : i + 100_000] @ c.T)).argmin(axis=1) for i in range(0, len(x), 100_000)]
        )

    def expect() -> Any:  # the squares of the distances, as nerve gives them
        return gpu.torch.cdist(points[:5000].double(), centers.double()).min(1).values.square().float()

    return Row(
        "k-means assignment 1M x 128, k=1024", "kmeans", lambda: kernels.kmeans_assign(x, c), {"cupy": by_cupy},
        expect, 2.0 * points.shape[0] * centers.shape[0] * 128, "GFLOP/s", 2.0,
        first=lambda result: result[1][: min(5000, len(x))], tolerance=1e-3,
    )  # fmt: skip


def copy(gpu: Gpu) -> Row:
    """What memory gives: the bandwidth that the others are seen against."""
    x = gpu.normal(gpu.size(1 << 28, 1024))
    y = gpu.torch.empty_like(x)
    return Row("copy 1 GiB", "copy", lambda: y.copy_(x), {}, lambda: x, 8.0 * x.numel(), "GB/s")


def all_rows() -> Iterator[tuple[str, Make]]:
    """Families and how to make their rows, the shortest first where a family has several."""
    yield "copy", copy
    yield from (("matmul", matmul(n, p)) for p in PRECISIONS for n in (1024, 2048, 4096, 8192))
    yield from (
        ("conv", convolution(*shape, way, p))
        for p in ("high", "medium")
        for way in ("forward", "input", "kernel")
        for shape in CONVOLUTIONS
        if way != "input" or shape[1] > 3
    )
    yield "norm", moving("layer_norm 16384x4096", "norm", 2, (16384, 4096), layer_norm)
    yield "norm", moving("batch_norm 64 @56, training", "norm", 2, (256, 56, 56, 64), batch_norm)
    yield "pool", moving("max_pool 2x2 64 @112", "pool", 1.25, (64, 112, 112, 64), max_pool)
    yield "pool", moving("average_pool 2x2 64 @112", "pool", 1.25, (64, 112, 112, 64), average_pool)
    yield "softmax", moving("softmax_cross_entropy 4096x32000", "softmax", 2, (4096, 32000), cross_entropy)
    yield "random", dropout(0.5)
    yield "optim", adam
    yield "kmeans", assignment


def with_precision(row: Row) -> Call:
    """nerve's call with the row's precision."""

    def call() -> Any:
        nerve.set_matmul_precision(row.precision)
        return row.call()

    return call
