"""Several augmentations in a row, given or drawn at random."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

import numpy as np

from nerve import ops
from nerve.layers.augment_affine import RandomRotation, RandomShear, RandomTranslation
from nerve.layers.augment_color import (
    RandomBrightness,
    RandomColorDegeneration,
    RandomContrast,
    RandomPosterization,
    Solarization,
)
from nerve.layers.augment_contrast import AutoContrast, Equalization
from nerve.layers.augment_sharpness import RandomSharpness
from nerve.layers.image_layer import ImageLayer, ImageOptions, clipped, training_by_default
from nerve.layers.layer import Layer
from nerve.layers.options import LayerOptions
from nerve.layers.structure import is_positive_int

__all__ = [
    "AugMix",
    "Pipeline",
    "RandAugment",
]


class _Several(ImageLayer):
    """Base of layers that apply some of these augmentations, all of one strength."""

    factor_bounds = (0.0, 1.0)
    ops_by_name: dict[str, ImageLayer]

    def __init__(
        self,
        value_range: Sequence[float],
        factor: Any,
        interpolation: str,
        seed: int | None,
        data_format: str | None,
        **options: Unpack[ImageOptions],
    ) -> None:
        super().__init__(seed, data_format, **options)
        self.value_range = self.two_numbers("value_range", value_range)
        self.factor, self.interpolation = self.range_of("factor", factor), interpolation
        common: dict[str, Any] = {
            "data_format": data_format,
            "dtype": self.dtype,
            "bounding_box_format": self.bounding_box_format,
        }
        colors = {"value_range": value_range, **common}
        places = {"interpolation": interpolation, **common}
        f, bits = self.factor, max(1, int(8 * self.factor[1]))
        self.ops_by_name = {
            "random_shear": RandomShear(x_factor=f, y_factor=f, **places),
            "random_translation": RandomTranslation(height_factor=f, width_factor=f, **places),
            "random_rotation": RandomRotation(factor=f, **places),
            "random_brightness": RandomBrightness(factor=f, **colors),
            "random_color_degeneration": RandomColorDegeneration(factor=f, **colors),
            "random_contrast": RandomContrast(factor=f, **colors),
            "random_sharpness": RandomSharpness(factor=f, **colors),
            "random_posterization": RandomPosterization(factor=bits, **colors),
            "solarization": Solarization(addition_factor=f, threshold_factor=f, **colors),
            "auto_contrast": AutoContrast(**colors),
            "equalization": Equalization(**colors),
        }


class RandAugment(_Several):
    """Applies a few augmentations, drawn anew for each batch.

    Parameters
    ----------
    value_range : (float, float)
    num_ops : int
        How many in a row.
    factor : float or (float, float)
        How strong they are, in [0, 1].
    interpolation : {"bilinear", "nearest"}
    seed : int, optional
    data_format : {"channels_last", "channels_first"}, optional

    References
    ----------
    Cubuk et al., "RandAugment: practical automated data augmentation with a reduced search space", CVPR 2020.
    """

    def __init__(
        self,
        value_range: Sequence[float] = (0, 255),
        num_ops: int = 2,
        factor: Any = 0.5,
        interpolation: str = "bilinear",
        seed: int | None = None,
        data_format: str | None = None,
        **options: Unpack[ImageOptions],
    ) -> None:
        super().__init__(value_range, factor, interpolation, seed, data_format, **options)
        if not is_positive_int(num_ops):
            raise ValueError(f"[{self.name} (RandAugment)] num_ops must be a positive int, got {num_ops!r}")
        self.num_ops = num_ops

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        draws = self.draws(seed)
        indices = ops.floor(draws.uniform((self.num_ops,), 0.0, float(len(self.ops_by_name))))
        drawn = {name: op.get_random_transformation(data, True, draws) for name, op in self.ops_by_name.items()}
        return {"transforms": drawn, "layer_idxes": indices}

    def _applied(self, values: Any, transformation: Any, method: str) -> Any:
        """What is done depends on what was drawn, which no recording can hold: `numpy` says so there."""
        indices = transformation["layer_idxes"]
        names = list(transformation["transforms"])
        for index in indices.numpy() if hasattr(indices, "numpy") else np.asarray(indices):
            name = names[int(index)]
            values = getattr(self.ops_by_name[name], method)(values, transformation["transforms"][name])
        return values

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Any:
        if not training or transformation is None:
            return self.floats(images)
        return self.floats(self._applied(images, transformation, "transform_images"))

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any, training: bool = True) -> Any:
        if not training or transformation is None:
            return segmentation_masks
        return self._applied(segmentation_masks, transformation, "transform_segmentation_masks")

    def transform_bounding_boxes(
        self,
        bounding_boxes: Any,
        transformation: Any,
        training: bool = True,
        image_size: tuple[int, int] | None = None,
    ) -> Any:
        if not training or transformation is None:
            return bounding_boxes
        return self._applied(bounding_boxes, transformation, "transform_bounding_boxes")


class AugMix(_Several):
    """Mixes each image with what chains of augmentations make of it.

    Parameters
    ----------
    value_range : (float, float)
    num_chains, chain_depth : int
    factor : float or (float, float)
        How strong the augmentations are, in [0, 1].
    alpha : float
        Of the distributions of the weights of the chains and of the image itself.
    all_ops : bool
        Whether brightness, colours, contrast and sharpness are among them.
    interpolation : {"bilinear", "nearest"}
    seed : int, optional
    data_format : {"channels_last", "channels_first"}, optional

    Notes
    -----
    Bounding boxes stay those of the image itself, which is part of the mixture, as in Keras.

    References
    ----------
    Hendrycks et al., "AugMix: a simple data processing method to improve robustness and uncertainty", ICLR 2020.
    """

    def __init__(
        self,
        value_range: Sequence[float] = (0, 255),
        num_chains: int = 3,
        chain_depth: int = 3,
        factor: Any = 0.3,
        alpha: float = 1.0,
        all_ops: bool = True,
        interpolation: str = "bilinear",
        seed: int | None = None,
        data_format: str | None = None,
        **options: Unpack[ImageOptions],
    ) -> None:
        super().__init__(value_range, factor, interpolation, seed, data_format, **options)
        if not is_positive_int(num_chains) or not is_positive_int(chain_depth):
            raise ValueError(
                f"[{self.name} (AugMix)] num_chains and chain_depth must be positive ints, got {num_chains!r} and "
                f"{chain_depth!r}"
            )
        if not alpha > 0:
            raise ValueError(f"[{self.name} (AugMix)] alpha must be positive, got {alpha!r}")
        self.num_chains, self.chain_depth, self.alpha, self.all_ops = num_chains, chain_depth, alpha, bool(all_ops)
        if not all_ops:
            for name in ("brightness", "color_degeneration", "contrast", "sharpness"):
                del self.ops_by_name[f"random_{name}"]

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        draws, names = self.draws(seed), [*self.ops_by_name, None]
        gamma = draws.log_gamma((self.num_chains,), self.alpha)
        weights = ops.exp(gamma - ops.max(gamma))
        depths = draws.uniform((self.num_chains, self.chain_depth), 0.0, float(len(names)))
        own = draws.beta((), self.alpha)
        chains = []
        for chain in depths.numpy().astype(int):  # refused in a recording, which has one way to go
            found = [names[index] for index in chain]
            chains.append(
                [
                    {
                        "layer_name": name,
                        "transformation": self.ops_by_name[name].get_random_transformation(data, True, draws),
                    }
                    for name in found
                    if name is not None
                ]
            )
        return {"chain_mixing_weights": weights / ops.sum(weights), "weight_sample": own, "chain_transforms": chains}

    def _mixed(self, values: Any, transformation: Any, method: str) -> Any:
        values = self.floats(values)
        mixed: Any = 0.0
        weights = ops.unstack(self.floats(transformation["chain_mixing_weights"]), axis=0)
        for weight, chain in zip(weights, transformation["chain_transforms"], strict=True):
            made = values
            for step in chain:
                made = getattr(self.ops_by_name[step["layer_name"]], method)(made, step["transformation"])
            mixed = made * weight + mixed
        own = self.floats(transformation["weight_sample"])
        return values * own + mixed * (1.0 - own)

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Any:
        if not training or transformation is None:
            return self.floats(images)
        return clipped(self._mixed(images, transformation, "transform_images"), self.value_range)

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any, training: bool = True) -> Any:
        if not training or transformation is None:
            return segmentation_masks
        return self._mixed(segmentation_masks, transformation, "transform_segmentation_masks")


class Pipeline(Layer):
    """Layers that are called one after the other, on arrays or on dicts of them.

    Parameters
    ----------
    layers : list of Layer
    """

    def __init__(self, layers: Sequence[Layer], **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        if not isinstance(layers, list | tuple) or not all(isinstance(layer, Layer) for layer in layers):
            raise TypeError(f"[{self.name} (Pipeline)] expects a list of layers, got {layers!r}")
        self.layers = list(layers)
        self.built = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return super().__call__(*args, **training_by_default(args, kwargs))

    def call(self, inputs: Any, training: bool = True) -> Any:
        for layer in self.layers:
            inputs = layer(inputs, training=training)
        return inputs

    def compute_output_shape(self, input_shape: Any) -> Any:
        for layer in self.layers:
            input_shape = layer.compute_output_shape(input_shape)
        return input_shape
