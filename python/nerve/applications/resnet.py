"""ResNet-20."""

from __future__ import annotations

from typing import Any

from nerve import layers
from nerve.models import Model


def ResNet20(
    input_shape: tuple[int | None, int | None, int] = (32, 32, 3),
    classes: int = 10,
    classifier_activation: str | None = "softmax",
    include_top: bool = True,
    name: str = "resnet20",
) -> Model:
    """The residual network for small images: 272,474 trained weights for CIFAR-10.

    A convolution, nine residual blocks of two 3x3 convolutions with 16, 32 and 64 channels, the mean over the image
    and a dense layer. Every convolution is followed by batch normalization. Shortcuts are identities, but for the two
    where the image shrinks and channels are added: there they are 1x1 convolutions with stride 2 (the paper's option B;
    on CIFAR-10 it has zeros for the new channels, option A, and so 2,752 weights fewer).

    Parameters
    ----------
    input_shape : tuple
        Rows, columns and channels of an image.
    classes : int
    classifier_activation : str, optional
        Of the output; None gives logits.
    include_top : bool
        False leaves the mean and the dense layer out: the output is (batch, 8, 8, 64) for 32x32 images.
    name : str

    Returns
    -------
    Model

    References
    ----------
    He, Zhang, Ren and Sun, "Deep residual learning for image recognition", CVPR 2016, section 4.2.
    """
    inputs = layers.Input(input_shape)
    x = layers.ReLU(name="conv1_relu")(_normalized(inputs, 16, 3, 1, "conv1"))
    for stage, filters in enumerate((16, 32, 64), 2):
        for block in (1, 2, 3):
            strides = 2 if stage > 2 and block == 1 else 1
            x = _residual(x, filters, strides, f"conv{stage}_block{block}")
    if include_top:
        x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
        x = layers.Dense(classes, activation=classifier_activation, name="predictions")(x)
    return Model(inputs, x, name=name)


def _normalized(x: Any, filters: int, size: int, strides: int, name: str) -> Any:
    """Convolution and batch normalization, with the constants of common implementations."""
    x = layers.Conv2D(
        filters, size, strides, padding="same", use_bias=False, kernel_initializer="he_normal", name=f"{name}_conv"
    )(x)
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{name}_bn")(x)


def _residual(x: Any, filters: int, strides: int, name: str) -> Any:
    shortcut = x if strides == 1 else _normalized(x, filters, 1, strides, f"{name}_0")
    y = layers.ReLU(name=f"{name}_1_relu")(_normalized(x, filters, 3, strides, f"{name}_1"))
    y = _normalized(y, filters, 3, 1, f"{name}_2")
    return layers.ReLU(name=f"{name}_out")(layers.Add(name=f"{name}_add")([shortcut, y]))
