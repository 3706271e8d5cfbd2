"""Images with pieces erased, and mixed with one another, at random."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

import numpy as np

from nerve import ops
from nerve.layers.image_layer import Draws, ImageLayer, ImageOptions, Sizes, chosen, clipped

__all__ = [
    "CutMix",
    "MixUp",
    "RandomErasing",
]


class _Boxes(ImageLayer):
    """Base of layers that do something to a rectangle of each image."""

    factor_bounds = (0.0, 1.0)

    def _bounds(self, draws: Draws, length: int, ratio: Any) -> tuple[Any, Any]:
        """Begin and end of pieces of an axis, `ratio` of it long."""
        size = ratio * float(length)
        start = draws.uniform(ratio.shape) * (float(length) - size)
        return start, start + size

    def _masks(self, size: Sizes, x: tuple[Any, Any], y: tuple[Any, Any]) -> Any:
        """True in the rectangles, in the shape of the images."""
        inside: Any = None
        for (begin, end), length, shape in ((y, size.height, (1, -1, 1, 1)), (x, size.width, (1, 1, -1, 1))):
            at = np.arange(length, dtype=self.dtype).reshape(shape)
            begin, end = (ops.reshape(bound, (-1, 1, 1, 1)) for bound in (begin, end))
            part = ops.where(ops.greater_equal(at, begin), ops.where(ops.less(at, end), 1.0, 0.0), 0.0)
            inside = part if inside is None else inside * part
        whole = ops.broadcast_to(inside, tuple(size))
        return ops.greater(self.as_given(whole), 0.5)


class RandomErasing(_Boxes):
    """Erases a rectangle of each image ("cutout").

    Parameters
    ----------
    factor : float or (float, float)
        How probable it is, for each image.
    scale : (float, float)
        Range of the square of a rectangle's height, and of its width, as fractions of the image's.
    fill_value : float or sequence of float, optional
        What comes there, one number or one for each channel; noise if not given.
    value_range : (float, float)
    seed : int, optional
    data_format : {"channels_last", "channels_first"}, optional

    References
    ----------
    Zhong et al., "Random erasing data augmentation", AAAI 2020; DeVries and Taylor, "Improved regularization of
    convolutional neural networks with cutout", 2017.
    """

    def __init__(
        self,
        factor: Any = 1.0,
        scale: Any = (0.02, 0.33),
        fill_value: Any = None,
        value_range: Sequence[float] = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **options: Unpack[ImageOptions],
    ) -> None:
        super().__init__(seed, data_format, **options)
        self.factor, self.scale = self.range_of("factor", factor), self.range_of("scale", scale)
        self.value_range = self.two_numbers("value_range", value_range)
        if fill_value is not None and not np.isfinite(np.asarray(fill_value, np.float64)).all():
            raise ValueError(f"[{self.name} (RandomErasing)] fill_value must hold numbers, got {fill_value!r}")
        self.fill_value = fill_value

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        draws, size = self.draws(seed), self.sizes(data)
        across, down = ops.unstack(ops.sqrt(draws.uniform((size.batch, 2), *self.scale)), axis=1)
        x, y = self._bounds(draws, size.width, across), self._bounds(draws, size.height, down)
        applied = draws.whether(size.batch, self.factor)
        if self.fill_value is None:
            fill: Any = draws.normal(size) * float(self.value_range[1])
        else:
            fill = np.broadcast_to(np.asarray(self.fill_value, self.dtype), (1, 1, 1, size.channels))
        return {
            "apply_erasing": applied,
            "batch_masks": self._masks(size, x, y),
            "fill_value": self.as_given(clipped(fill, self.value_range)),
        }

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        images = self.floats(images)
        if not training or transformation is None:
            return images
        erased = ops.where(transformation["batch_masks"], self.floats(transformation["fill_value"]), images)
        return chosen(transformation["apply_erasing"], erased, images)


class MixUp(ImageLayer):
    """Mixes each image and its label with those of another one.

    Parameters
    ----------
    alpha : float
        Of the distribution Beta(alpha, alpha) of the weights.
    data_format : {"channels_last", "channels_first"}, optional
    seed : int, optional

    References
    ----------
    Zhang et al., "mixup: beyond empirical risk minimization", ICLR 2018.
    """

    def __init__(
        self,
        alpha: float = 0.2,
        data_format: str | None = None,
        seed: int | None = None,
        **options: Unpack[ImageOptions],
    ) -> None:
        super().__init__(seed, data_format, **options)
        if not alpha > 0:
            raise ValueError(f"[{self.name} (MixUp)] alpha must be positive, got {alpha!r}")
        self.alpha = alpha

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        draws, n = self.draws(seed), self.sizes(data).batch
        return {"permutation_order": draws.order(n), "mix_weight": draws.beta((n,), self.alpha)}

    def _mixed(self, values: Any, transformation: Any) -> Any:
        values = self.floats(values)
        weight = ops.reshape(self.floats(transformation["mix_weight"]), (-1, *[1] * (values.ndim - 1)))
        others = ops.take(values, transformation["permutation_order"], axis=0)
        return weight * values + (1.0 - weight) * others

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        return self._mixed(images, transformation) if training and transformation is not None else self.floats(images)

    def transform_labels(self, labels: Any, transformation: Any, training: bool = True) -> Any:
        return self._mixed(labels, transformation) if training and transformation is not None else labels

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any, training: bool = True) -> Any:
        return self.transform_labels(segmentation_masks, transformation, training)

    def transform_bounding_boxes(
        self,
        bounding_boxes: Any,
        transformation: Any,
        training: bool = True,
        image_size: tuple[int, int] | None = None,
    ) -> Any:
        """Those of both images."""
        if not training or transformation is None:
            return bounding_boxes
        order, found = transformation["permutation_order"], {}
        for key, value in (("boxes", self.floats(bounding_boxes["boxes"])), ("labels", bounding_boxes["labels"])):
            found[key] = ops.concatenate([value, ops.take(value, order, axis=0)], axis=1)
        return {**bounding_boxes, **found}


class CutMix(_Boxes):
    """Puts a rectangle of another image into each, and mixes the labels by area.

    Parameters
    ----------
    factor : float or (float, float)
        Range of the alpha of the distribution Beta(alpha, alpha) of what remains of an image; x stands for (0, x).
    seed : int, optional
    data_format : {"channels_last", "channels_first"}, optional

    References
    ----------
    Yun et al., "CutMix: regularization strategy to train strong classifiers", ICCV 2019.
    """

    loses_boxes = True  # of the thing that the rectangle comes from or hides, parts

    def __init__(
        self,
        factor: Any = 1.0,
        seed: int | None = None,
        data_format: str | None = None,
        **options: Unpack[ImageOptions],
    ) -> None:
        super().__init__(seed, data_format, **options)
        self.factor = self.range_of("factor", factor)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training or len(self.images_of(data).shape) == 3:  # one image has no other
            return None
        draws, size = self.draws(seed), self.sizes(data)
        alpha = draws.uniform((), *self.factor) + 1e-6
        ratio = ops.sqrt(1.0 - draws.beta((size.batch,), alpha))
        x, y = self._bounds(draws, size.width, ratio), self._bounds(draws, size.height, ratio)
        area = (x[1] - x[0]) * (y[1] - y[0]) / float(size.width * size.height)
        return {
            "permutation_order": draws.order(size.batch),
            "batch_masks": self._masks(size, x, y),
            "mix_weight": ops.reshape(1.0 - area, (-1, 1, 1, 1)),
        }

    def transform_images(self, images: Any, transformation: Any = None, training: bool = True) -> Any:
        images = self.floats(images)
        if not training or transformation is None:
            return images
        others = ops.take(images, transformation["permutation_order"], axis=0)
        masks = transformation["batch_masks"]
        if masks.shape[1:] != images.shape[1:]:  # those of the images, for masks of another number of channels
            masks = masks[..., :1] if self.data_format == "channels_last" else masks[:, :1]
        return ops.where(masks, others, images)

    def transform_labels(self, labels: Any, transformation: Any, training: bool = True) -> Any:
        if not training or transformation is None:
            return labels
        labels = self.floats(labels)
        weight = ops.reshape(self.floats(transformation["mix_weight"]), (-1, *[1] * (labels.ndim - 1)))
        others = ops.take(labels, transformation["permutation_order"], axis=0)
        return weight * labels + (1.0 - weight) * others

    def transform_segmentation_masks(self, segmentation_masks: Any, transformation: Any, training: bool = True) -> Any:
        return self.transform_images(segmentation_masks, transformation, training)
