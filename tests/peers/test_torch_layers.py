"""Layers' operations against PyTorch, forward and backward, in float32 and float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nerve
from nerve import Tensor, ops

torch = pytest.importorskip("torch")
functional = torch.nn.functional
pytestmark = [pytest.mark.peers, pytest.mark.parametrize("dtype", ["float32", "float64"])]

# (rtol, atol) where values are scaled to order one. Both sides round, in different orders. Observed: 4e-6 and 4e-15.
TOLERANCE = {"float32": (1e-5, 1e-5), "float64": (1e-13, 1e-13)}


def agree(ours: Callable[..., Tensor], theirs: Callable[..., Any], arrays: list[np.ndarray], dtype: str) -> None:
    """Output and the gradient with respect to every array, for one random gradient of the output."""
    arrays = [array.astype(dtype) for array in arrays]
    tensors = [Tensor(array) for array in arrays]
    output = ours(*tensors)
    peers = [torch.from_numpy(array).requires_grad_() for array in arrays]
    expected = theirs(*peers)
    assert output.dtype == dtype
    close("output", output.numpy(), expected.detach().numpy(), dtype)
    grad = np.random.default_rng(1).normal(size=output.shape).astype(dtype)
    computed = nerve.gradients(ops.sum(output * grad), tensors)
    expected.backward(torch.from_numpy(grad))
    for i, (tensor, peer) in enumerate(zip(computed, peers, strict=True)):
        close(f"gradient {i}", tensor, peer.grad.numpy(), dtype)


def close(name: str, ours: np.ndarray, theirs: np.ndarray, dtype: str) -> None:
    """Element by element, at the scale of the largest: sums of many terms have an error of that scale."""
    assert ours.shape == theirs.shape
    scale = max(float(np.abs(theirs).max(initial=0)), 1.0)
    rtol, atol = TOLERANCE[dtype]
    np.testing.assert_allclose(ours / scale, theirs / scale, rtol=rtol, atol=atol, err_msg=name)


def nchw(x: Any) -> Any:
    return x.permute(0, 3, 1, 2)


def nhwc(x: Any) -> Any:
    return x.permute(0, 2, 3, 1)


def same_padding(size: int, window: int, stride: int) -> tuple[int, int]:
    """TensorFlow's rule, which PyTorch has for strides of one only."""
    total = max((-(-size // stride) - 1) * stride + window - size, 0)
    return total // 2, total - total // 2


CONVOLUTIONS = [
    # x, kernel, options
    ((2, 8, 8, 3), (3, 3, 3, 5), {}),
    ((3, 28, 28, 1), (5, 5, 1, 6), {"padding": "same"}),
    ((3, 14, 14, 6), (5, 5, 6, 16), {}),
    ((2, 9, 11, 4), (3, 2, 4, 7), {"strides": 2}),
    ((2, 9, 12, 4), (3, 3, 4, 7), {"strides": 2, "padding": "same"}),
    ((2, 10, 7, 4), (2, 4, 4, 7), {"strides": (3, 1), "padding": "same"}),
    ((2, 12, 13, 3), (3, 3, 3, 8), {"dilation_rate": 2}),
    ((2, 12, 13, 3), (3, 2, 3, 8), {"dilation_rate": (2, 3), "padding": "same"}),
    ((2, 15, 13, 3), (3, 3, 3, 8), {"dilation_rate": (2, 3), "strides": (2, 2)}),
    ((2, 6, 7, 3), (3, 3, 3, 4), {"padding": 2}),
    ((2, 6, 7, 3), (3, 3, 3, 4), {"padding": ((0, 2), (3, 1)), "strides": (2, 1)}),
    ((2, 7, 7, 8), (3, 3, 2, 12), {"groups": 4}),
    ((2, 7, 7, 6), (3, 3, 3, 4), {"groups": 2, "strides": 2, "padding": "same"}),
    ((2, 9, 8, 19), (3, 3, 1, 19), {"groups": 19, "padding": "same"}),
    ((2, 9, 8, 16), (3, 3, 1, 16), {"groups": 16, "strides": 2, "padding": 1, "dilation_rate": 2}),
    ((2, 9, 8, 5), (3, 3, 1, 15), {"groups": 5, "padding": "same"}),
    ((2, 6, 6, 33), (1, 1, 33, 65), {}),
    ((1, 5, 5, 130), (3, 3, 130, 30), {"strides": 2, "padding": "same"}),
    ((4, 16, 16, 16), (3, 3, 16, 32), {"padding": "same"}),
    ((2, 32, 32, 3), (7, 7, 3, 33), {"strides": 2, "padding": "same"}),
    ((1, 1, 1, 1), (1, 1, 1, 1), {}),
]  # fmt: skip


@pytest.mark.parametrize("activation", [None, "relu", "sigmoid", "tanh"])
@pytest.mark.parametrize(("x", "kernel", "options"), CONVOLUTIONS, ids=str)
def test_conv2d(
    x: tuple[int, ...], kernel: tuple[int, ...], options: dict[str, Any], activation: str | None, dtype: str
) -> None:
    rng = np.random.default_rng(0)
    fan_in = np.sqrt(np.prod(kernel[:3]))
    arrays = [rng.normal(size=x), rng.normal(size=kernel) / fan_in, rng.normal(size=kernel[-1])]
    two = {
        name: value if isinstance(value, tuple) else (value, value)
        for name, value in {"strides": 1, "dilation_rate": 1, **options}.items()
        if name in ("strides", "dilation_rate")
    }
    strides, dilation = two["strides"], two["dilation_rate"]
    padding = options.get("padding", 0)
    if padding == "same":
        padding = tuple(same_padding(x[1 + a], (kernel[a] - 1) * dilation[a] + 1, strides[a]) for a in (0, 1))
    elif isinstance(padding, int):
        padding = ((padding, padding), (padding, padding))

    def theirs(x: Any, kernel: Any, bias: Any) -> Any:
        padded = functional.pad(nchw(x), (*padding[1], *padding[0]))
        weights = kernel.permute(3, 2, 0, 1)
        y = functional.conv2d(padded, weights, bias, strides, 0, dilation, options.get("groups", 1))
        return nhwc(y if activation is None else getattr(torch, activation)(y))

    agree(lambda *tensors: ops.conv2d(*tensors, activation=activation, **options), theirs, arrays, dtype)


ATTENTIONS = [
    # query length, key length, heads, key heads, key size, value size
    (5, 5, 2, 2, 8, 8),
    (130, 70, 4, 2, 16, 24),
    (1, 400, 2, 2, 64, 64),
    (200, 200, 2, 1, 5, 3),
]


@pytest.mark.parametrize("options", [{}, {"causal": True}, {"scale": 0.7}, {"mask": "bhij"}, {"mask": "bj"}], ids=str)
@pytest.mark.parametrize("sizes", ATTENTIONS, ids=str)
def test_attention(sizes: tuple[int, ...], options: dict[str, Any], dtype: str) -> None:
    rows, columns, heads, key_heads, size, value_size = sizes
    rng = np.random.default_rng(0)
    arrays = [
        rng.normal(size=(2, rows, heads, size)),
        rng.normal(size=(2, columns, key_heads, size)),
        rng.normal(size=(2, columns, key_heads, value_size)),
    ]
    given = dict(options)
    shape = {"bhij": (2, heads, rows, columns), "bj": (2, 1, 1, columns)}.get(given.pop("mask", ""))
    mask = None if shape is None else rng.uniform(size=shape) < 0.5
    if mask is not None:
        mask[..., 0] = True

    def theirs(query: Any, key: Any, value: Any) -> Any:
        y = functional.scaled_dot_product_attention(
            query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2),
            attn_mask=None if mask is None else torch.from_numpy(mask), is_causal=given.get("causal", False),
            scale=given.get("scale"), enable_gqa=heads != key_heads,
        )  # fmt: skip
        return y.transpose(1, 2)

    agree(lambda q, k, v: ops.attention(q, k, v, mask, **given), theirs, arrays, dtype)


POOLINGS = [
    # x, pool size, strides
    ((2, 8, 8, 3), (2, 2), (2, 2)),
    ((2, 9, 7, 16), (2, 2), (2, 2)),
    ((2, 9, 7, 19), (3, 3), (2, 2)),
    ((2, 9, 10, 5), (3, 2), (1, 3)),
    ((3, 12, 11, 33), (3, 3), (1, 1)),
    ((2, 6, 5, 70), (6, 5), (6, 5)),
    ((1, 40, 40, 8), (2, 2), (2, 2)),
]


@pytest.mark.parametrize("padding", ["valid", "same", 1])
@pytest.mark.parametrize(("x", "size", "strides"), POOLINGS, ids=str)
def test_max_pool2d(
    x: tuple[int, ...], size: tuple[int, int], strides: tuple[int, int], padding: str | int, dtype: str
) -> None:
    sides = [(0, 0), (0, 0)]
    if padding == "same":
        sides = [same_padding(x[1 + a], size[a], strides[a]) for a in (0, 1)]
    elif padding == 1:
        sides = [(1, 1), (1, 1)]

    def theirs(x: Any) -> Any:
        padded = functional.pad(nchw(x), (*sides[1], *sides[0]), value=-torch.inf)
        return nhwc(functional.max_pool2d(padded, size, strides))

    # Half of the values appear many times over: ties go to the first on both sides.
    values = np.random.default_rng(0).normal(size=x)
    values[..., ::2] = np.round(values[..., ::2])
    ours = lambda x: ops.max_pool2d(x, pool_size=size, strides=strides, padding=padding)  # noqa: E731
    agree(ours, theirs, [values], dtype)


@pytest.mark.parametrize("padding", ["valid", "same", 1])
@pytest.mark.parametrize(("x", "size", "strides"), POOLINGS, ids=str)
def test_average_pool2d(
    x: tuple[int, ...], size: tuple[int, int], strides: tuple[int, int], padding: str | int, dtype: str
) -> None:
    sides = [(0, 0), (0, 0)]
    if padding == "same":
        sides = [same_padding(x[1 + a], size[a], strides[a]) for a in (0, 1)]
    elif padding == 1:
        sides = [(1, 1), (1, 1)]

    def theirs(x: Any) -> Any:  # PyTorch cannot leave uneven padding out of the count: divide sums by counted ones
        pads = (*sides[1], *sides[0])
        total = functional.avg_pool2d(functional.pad(nchw(x), pads), size, strides)
        count = functional.avg_pool2d(functional.pad(torch.ones_like(nchw(x)), pads), size, strides)
        return nhwc(total / count)

    ours = lambda x: ops.average_pool2d(x, pool_size=size, strides=strides, padding=padding)  # noqa: E731
    agree(ours, theirs, [np.random.default_rng(0).normal(size=x)], dtype)


@pytest.mark.parametrize("shape", [(6, 4), (300, 3), (5, 130), (4, 7, 6, 16), (3, 9, 9, 65), (2000, 1), (40, 600)])
def test_batch_norm_training(shape: tuple[int, ...], dtype: str) -> None:
    rng = np.random.default_rng(0)
    arrays = [rng.normal(1, 2, size=shape), rng.normal(size=shape[-1]), rng.normal(size=shape[-1])]

    def theirs(x: Any, gamma: Any, beta: Any) -> Any:
        rows = x.reshape(-1, shape[-1])
        return functional.batch_norm(rows, None, None, gamma, beta, True, eps=1e-3).reshape(shape)

    agree(lambda *tensors: ops.batch_norm_training(*tensors, epsilon=1e-3)[0], theirs, arrays, dtype)


def test_batch_norm_statistics(dtype: str) -> None:
    """The mean and the biased variance; PyTorch's moving variance takes the unbiased one."""
    x = np.random.default_rng(0).normal(3, 2, size=(50, 7)).astype(dtype)
    _, mean, variance = ops.batch_norm_training(x)
    moving_mean, moving_variance = torch.zeros(7, dtype=getattr(torch, dtype)), torch.zeros(7).to(getattr(torch, dtype))
    functional.batch_norm(torch.from_numpy(x), moving_mean, moving_variance, training=True, momentum=1.0)
    close("mean", mean, moving_mean.numpy(), dtype)
    close("variance", variance * 50 / 49, moving_variance.numpy(), dtype)


@pytest.mark.parametrize("shape", [(6, 4), (300, 3), (4, 7, 6, 16), (3, 9, 9, 65)])
def test_batch_norm_inference(shape: tuple[int, ...], dtype: str) -> None:
    rng = np.random.default_rng(0)
    channels = shape[-1]
    mean, variance = rng.normal(size=channels).astype(dtype), rng.uniform(0.5, 2, size=channels).astype(dtype)
    arrays = [rng.normal(1, 2, size=shape), rng.normal(size=channels), rng.normal(size=channels)]

    def theirs(x: Any, gamma: Any, beta: Any) -> Any:
        moments = torch.from_numpy(mean), torch.from_numpy(variance)
        y = functional.batch_norm(x.reshape(-1, channels), *moments, gamma, beta, False, eps=1e-3)
        return y.reshape(shape)

    def ours(x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        result: Tensor = ops.batch_norm_inference(x, mean, variance, gamma, beta, epsilon=1e-3)
        return result

    agree(ours, theirs, arrays, dtype)


@pytest.mark.parametrize("activation", [None, "relu", "sigmoid", "tanh"])
@pytest.mark.parametrize("sizes", [(1, 1, 1), (7, 5, 3), (32, 784, 10), (33, 257, 129)])
def test_dense(sizes: tuple[int, int, int], activation: str | None, dtype: str) -> None:
    rng = np.random.default_rng(0)
    rows, inputs, units = sizes
    arrays = [
        rng.normal(size=(rows, inputs)),
        rng.normal(size=(inputs, units)) / np.sqrt(inputs),
        rng.normal(size=units),
    ]

    def theirs(x: Any, kernel: Any, bias: Any) -> Any:
        y = x @ kernel + bias
        return y if activation is None else getattr(torch, activation)(y)

    agree(lambda *tensors: ops.dense(*tensors, activation=activation), theirs, arrays, dtype)


ACTIVATIONS: list[tuple[str, Callable[..., Any], Callable[..., Any]]] = [
    ("relu", ops.relu, torch.relu),
    ("relu6", ops.relu6, functional.relu6),
    ("selu", ops.selu, functional.selu),
    ("gelu", lambda x: ops.gelu(x, False), functional.gelu),
    ("gelu_tanh", ops.gelu_tanh, lambda x: functional.gelu(x, approximate="tanh")),
    ("silu", ops.silu, functional.silu),
    ("softplus", ops.softplus, lambda x: functional.softplus(x, threshold=50)),
    ("softsign", ops.softsign, functional.softsign),
    ("sigmoid", ops.sigmoid, torch.sigmoid),
    # Not hardsigmoid: its derivative is a sixth rounded to float32 also where it computes in float64.
    ("hard_sigmoid", ops.hard_sigmoid, lambda x: torch.clamp(x / 6 + 0.5, 0, 1)),
    ("tanh", ops.tanh, torch.tanh),
    ("leaky_relu", lambda x: ops.leaky_relu(x, negative_slope=0.1), lambda x: functional.leaky_relu(x, 0.1)),
    ("elu", lambda x: ops.elu(x, alpha=1.5), lambda x: functional.elu(x, 1.5)),
    ("exp", ops.exp, torch.exp),
    ("expm1", ops.expm1, torch.expm1),
    ("sin", ops.sin, torch.sin),
    ("cos", ops.cos, torch.cos),
    ("erf", ops.erf, torch.erf),
    ("square", ops.square, torch.square),
    ("softmax", ops.softmax, lambda x: torch.softmax(x, -1)),
    ("softmax-0", lambda x: ops.softmax(x, axis=0), lambda x: torch.softmax(x, 0)),
    ("log_softmax", ops.log_softmax, lambda x: torch.log_softmax(x, -1)),
    ("mean", lambda x: ops.mean(x, axis=0), lambda x: x.mean(0)),
    ("max", lambda x: ops.max(x, axis=1), lambda x: x.amax(1)),
]


@pytest.mark.parametrize(("ours", "theirs"), [case[1:] for case in ACTIVATIONS], ids=[case[0] for case in ACTIVATIONS])
@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (17, 33), (64, 100)])
def test_activations(ours: Callable[..., Any], theirs: Callable[..., Any], shape: tuple[int, ...], dtype: str) -> None:
    agree(ours, theirs, [3 * np.random.default_rng(0).normal(size=shape)], dtype)


@pytest.mark.parametrize("shape", [(1, 2), (5, 10), (33, 130)])
def test_softmax_cross_entropy(shape: tuple[int, int], dtype: str) -> None:
    rng = np.random.default_rng(0)
    logits, labels = 3 * rng.normal(size=shape), rng.integers(0, shape[1], size=shape[0])
    agree(
        lambda x: ops.softmax_cross_entropy(x, labels),
        lambda x: functional.cross_entropy(x, torch.from_numpy(labels), reduction="none"),
        [logits],
        dtype,
    )
    targets = rng.dirichlet(np.ones(shape[1]), size=shape[0]).astype(dtype)
    agree(
        lambda x: ops.softmax_cross_entropy(x, targets),
        lambda x: functional.cross_entropy(x, torch.from_numpy(targets), reduction="none"),
        [logits],
        dtype,
    )
