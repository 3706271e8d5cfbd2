"""LeNet-5."""

from __future__ import annotations

from nerve import layers
from nerve.models import Model


def LeNet5(
    input_shape: tuple[int | None, int | None, int] = (28, 28, 1),
    classes: int = 10,
    classifier_activation: str | None = "softmax",
    activation: str = "tanh",
    include_top: bool = True,
    name: str = "lenet5",
) -> Model:
    """The convolutional network that read cheques: 61,706 weights for 28x28 digits.

    The first convolution pads, so that images of 28x28 are treated as the paper's 32x32 with their empty border. As in
    later practice all of the second convolution's kernels see all channels, the averages are not scaled and shifted,
    and the output is a softmax.

    Parameters
    ----------
    input_shape : tuple
        Rows, columns and channels of an image.
    classes : int
    classifier_activation : str, optional
        Of the output; None gives logits.
    activation : str
        Of all other layers; "relu" learns faster than the paper's "tanh".
    include_top : bool
        False leaves the three dense layers out: the output is (batch, 5, 5, 16) for 28x28 images.
    name : str

    Returns
    -------
    Model

    References
    ----------
    LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition", Proc. IEEE 1998.
    """
    inputs = layers.Input(input_shape)
    x = layers.Conv2D(6, 5, padding="same", activation=activation, name="conv1")(inputs)
    x = layers.AveragePooling2D(name="pool1")(x)
    x = layers.Conv2D(16, 5, activation=activation, name="conv2")(x)
    x = layers.AveragePooling2D(name="pool2")(x)
    if include_top:
        x = layers.Flatten(name="flatten")(x)
        x = layers.Dense(120, activation=activation, name="dense1")(x)
        x = layers.Dense(84, activation=activation, name="dense2")(x)
        x = layers.Dense(classes, activation=classifier_activation, name="predictions")(x)
    return Model(inputs, x, name=name)
