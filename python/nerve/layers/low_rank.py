"""Weights that are adapted by a product of two small matrices, while they stay as they are."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from nerve import initializers, ops
from nerve._typing import Array
from nerve.kernels._arrays import array_module, placed
from nerve.layers import context
from nerve.layers.layer import Layer
from nerve.layers.structure import is_positive_int
from nerve.tensor import Variable, no_gradients


def adapted(name: str) -> Any:
    """The weight `name`, which lies in an attribute with an underscore, with what is added to it."""

    def get(layer: LowRankAdapted) -> Any:
        if f"_{name}" not in vars(layer):
            raise AttributeError(f"{type(layer).__name__!r} object has no attribute {name!r}: it is not built yet")
        weight = vars(layer)[f"_{name}"]
        return weight + ops.matmul(layer._lora("a"), layer._scaled_b()) if layer.lora_enabled else weight

    def put(layer: LowRankAdapted, weight: Any) -> None:
        setattr(layer, f"_{name}", weight)

    return property(get, put, doc="The weight, with the product that adapts it if `enable_lora` was called.")


class LowRankAdapted(Layer):
    """The part of a layer that can learn a change of low rank of its largest weight, and leave the weight itself.

    Attributes
    ----------
    lora_enabled : bool
    lora_rank : int or None
    lora_alpha : float or None
        The change is multiplied by `lora_alpha / lora_rank`.

    References
    ----------
    Hu et al., "LoRA: Low-rank adaptation of large language models", ICLR 2022.
    """

    _adapts: ClassVar[str] = "kernel"
    _kernel: Variable
    _embeddings: Variable
    lora_enabled = False
    lora_rank: int | None = None
    lora_alpha: float | None = None

    def __init__(self, *, lora_rank: int | None = None, lora_alpha: float | None = None, **options: Any) -> None:
        super().__init__(**options)
        if lora_rank is not None:
            self._check_rank(lora_rank)
        self.lora_rank = lora_rank
        self.lora_alpha = lora_rank if lora_alpha is None else lora_alpha

    def _check_rank(self, rank: Any) -> None:
        if not is_positive_int(rank):
            raise ValueError(f"[{self.name} ({type(self).__name__})] lora_rank must be a positive int, got {rank!r}")

    def _build_lora(self) -> None:
        """Make the small matrices at the end of `build`, if the constructor was told so."""
        if self.lora_rank is not None and not self.lora_enabled:
            self.enable_lora(self.lora_rank, self.lora_alpha)

    def enable_lora(
        self,
        rank: int,
        lora_alpha: float | None = None,
        a_initializer: Any = "he_uniform",
        b_initializer: Any = "zeros",
    ) -> None:
        """Freeze the weight and add ``lora_alpha / rank * a @ b`` to it, of which `a` and `b` are learned.

        A model must be compiled anew behind it, so that its optimizer knows the new weights. Files of models and
        weights hold the sum in place of the three, and reading one into this layer makes it the weight, with `a`
        drawn anew and `b` zero.

        Parameters
        ----------
        rank : int
            `a` is (..., rank) with the other axes of the weight, and `b` is (rank, last axis of the weight).
        lora_alpha : float, optional
            `rank` if not given.
        a_initializer, b_initializer : str, Initializer or callable

        Raises
        ------
        ValueError
            If the layer is not built, has a constraint of this weight, is adapted already, or `rank` is not
            a positive int.
        """
        here, name = f"[{self.name} ({type(self).__name__})]", self._adapts
        weight: Variable | None = vars(self).get(f"_{name}")
        if weight is None:
            raise ValueError(f"{here} has no {name} to adapt yet: call it on data, or build it, before enable_lora")
        if self.lora_enabled:
            raise ValueError(f"{here} is adapted already, with rank {self.lora_rank}")
        if weight.constraint is not None:
            raise ValueError(f"{here} cannot be adapted: its {name}_constraint would not be kept")
        self._check_rank(rank)
        sizes = {"a": (*weight.shape[:-1], rank), "b": (rank, weight.shape[-1])}
        given = {"a": initializers.get(a_initializer), "b": initializers.get(b_initializer)}
        with context.inside(self):
            for part, shape in sizes.items():
                made = self.add_weight(shape, given[part], name=f"lora_{name}_{part}", regularizer=weight.regularizer)
                made.path = f"{weight.path.rpartition('/')[0]}/{made.name}"
                setattr(self, made.name, made)
        self._a_initializer = given["a"]
        weight.trainable = False
        self.lora_rank, self.lora_alpha, self.lora_enabled = rank, rank if lora_alpha is None else lora_alpha, True

    def _lora(self, part: str) -> Variable:
        return cast(Variable, vars(self)[f"lora_{self._adapts}_{part}"])

    def _scaled_b(self) -> Any:
        scale = (self.lora_alpha or 0.0) / (self.lora_rank or 1)
        return self._lora("b") if scale == 1.0 else self._lora("b") * scale

    # Files

    def _adapting(self) -> list[Variable]:
        """The variables that files do not hold."""
        return [self._lora("a"), self._lora("b")] if self.lora_enabled else []

    def _merged(self) -> tuple[Variable, Array]:
        """The weight, and what a file holds in its place."""
        with no_gradients():
            return vars(self)[f"_{self._adapts}"], getattr(self, self._adapts).array

    def _restart_lora(self) -> None:
        """Begin with no change of the weight, which has come from a file."""
        if self.lora_enabled:
            a, b = self._lora("a"), self._lora("b")
            a.assign(placed(self._a_initializer(a.shape, a.dtype.name), a.array))
            b.assign(array_module(b.array).zeros(b.shape, b.dtype))

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        if self.lora_enabled:  # perhaps by a call, of which the arguments of the constructor know nothing
            config |= {"lora_rank": self.lora_rank, "lora_alpha": self.lora_alpha}
        return config
