"""Neighbours in a graph whose work one kernel does: convolution, normalization and ReLU; sum and ReLU.

What an outer program can see stays as it is: these are other ways to make the same calls, chosen when they are made.
Each falls back to the layers themselves, one after the other, where it does not apply.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nerve import activations, ops
from nerve.layers import Activation, Add, BatchNormalization, Conv2D, Layer, ReLU, context, masks
from nerve.tensor import Tensor


class Chain:
    """Layers of which each has the output of the one before as its only input."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers: list[Any] = list(layers)

    def __call__(self, x: Any) -> Any:
        """The output of the last layer."""
        for layer in self.layers:
            x = layer(x)
        return x

    def _are_as_written(self) -> bool:
        """Whether nobody has put a call of their own into a layer, or wants to have what comes in between."""
        return all("call" not in vars(layer) and layer.activity_regularizer is None for layer in self.layers)


class NormalizedConvolution(Chain):
    """Outside of training a normalization is linear, and so part of the kernel and bias before it.

    These are made anew in every call, so that they are always those of the weights as they are: a few thousand
    multiplications beside the millions of the convolution (Jacob et al., "Quantization and training of neural networks
    for efficient integer-arithmetic-only inference", CVPR 2018, section 3.2).
    """

    def __call__(self, x: Any) -> Any:
        convolution, normalization, *after = self.layers
        if context.state.training or not (
            isinstance(x, Tensor)
            and x.array.dtype is convolution._numpy_dtype is normalization._numpy_dtype
            and convolution.built
            and convolution._fused == "linear"
            and convolution.data_format == "channels_last"
            and normalization.axis in (-1, 3)
            and all(map(_is_relu, after))
            and self._are_as_written()
        ):
            return super().__call__(x)
        with context.inside(convolution):
            kernel, bias = ops.fold_batch_norm(
                convolution.kernel,
                normalization.moving_mean.array,
                normalization.moving_variance.array,
                normalization.gamma,
                normalization.beta,
                convolution.bias,
                epsilon=normalization.epsilon,
            )
            return convolution.convolved(x, kernel, bias, "relu" if after else "linear")


class RectifiedSum(Chain):
    """The sum of two tensors of one shape and its ReLU, in one pass."""

    def __call__(self, x: Any) -> Any:
        add, after = self.layers
        if (
            len(x) == 2
            and all(isinstance(one, Tensor) and one.array.dtype is add._numpy_dtype for one in x)
            and x[0].shape == x[1].shape
            and after._numpy_dtype is add._numpy_dtype
            and _is_relu(after)
            and self._are_as_written()
            and all(masks.mask_of(one) is None for one in x)
        ):
            return ops.add_relu(*x)
        return super().__call__(x)


def chains(layers: Sequence[Any], follower: Sequence[int | None]) -> list[tuple[list[int], Chain]]:
    """The chains among the calls of some layers: positions, and what to call in their place.

    Parameters
    ----------
    layers : list of Layer
        One for each call.
    follower : list of int or None
        The position of the call that alone gets the output of a call, and gets nothing else; None if there is none.
    """
    found: list[tuple[list[int], Chain]] = []
    for first, layer in enumerate(layers):
        positions = [first]
        while len(positions) < 3 and (next_one := follower[positions[-1]]) is not None:
            positions.append(next_one)
        kinds = [type(layers[position]) for position in positions]
        if kinds[:2] == [Conv2D, BatchNormalization]:
            count = 3 if len(kinds) == 3 and _is_relu(layers[positions[2]]) else 2
            found.append((positions[:count], NormalizedConvolution([layers[p] for p in positions[:count]])))
        elif len(kinds) > 1 and kinds[0] is Add and _is_relu(layers[positions[1]]):
            found.append((positions[:2], RectifiedSum([layer, layers[positions[1]]])))
    return found


def _is_relu(layer: Any) -> bool:
    if type(layer) is ReLU:
        return layer.max_value is None and not layer.negative_slope and not layer.threshold
    return type(layer) is Activation and layer.activation is activations.relu
