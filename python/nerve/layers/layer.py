"""The base of all layers: weights, building, calling, tracking of sub-layers (Keras 3's `Layer`)."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from nerve import initializers, kernels, ops, regularizers
from nerve._lookup import Spelled, snake_case
from nerve.errors import DeviceError, DTypeError, ShapeError
from nerve.gpu import get_device, to_device
from nerve.kernels._arrays import is_array
from nerve.kernels._recording import now
from nerve.layers import context, masks
from nerve.layers.added_losses import Penalized
from nerve.layers.building import whole
from nerve.layers.input_spec import check_inputs
from nerve.layers.options import OF_MODELS, REGULATORS, Described, MadeByInit, float_dtype, unique_name
from nerve.layers.structure import first_shape, flatten, map_shapes, map_structure
from nerve.layers.symbolic import Node, SymbolicTensor, infer
from nerve.tensor import Tensor, Variable

__all__ = [
    "Layer",
]


class Layer(Described, Penalized, Spelled):
    """Something that is called on tensors and may hold weights.

    A subclass writes `__init__` (options), `build(input_shape)` (weights, once the input's shape is known) and
    `call(inputs)`. A `call` with an argument named `training` is told whether the model trains. Layers and variables
    kept in attributes, also inside lists, tuples and dicts, belong to the layer.

    Parameters
    ----------
    name : str, optional
        Made from the class name if not given: `dense`, `dense_1`, ...
    trainable : bool
        Whether the weights may change in training.
    dtype : {"float32", "float64"}
        Of weights and results; floating inputs are converted to it.
    activity_regularizer : str, Regularizer or callable, optional
        What it makes of the outputs is added to the loss, divided by the size of the batch.
    input_shape : tuple of int or None, optional
        Of one sample, for the first layer of a `Sequential`, which then needs no `Input`; `input_dim` is one size.
    **of_weights : str, Regularizer, Constraint or callable, optional
        `kernel_regularizer`, `bias_constraint` and so on, for the kinds of weight that the class names in `regulated`.
    """

    if not TYPE_CHECKING:  # what an instance has of its own, if its __init__ has called this one
        name = MadeByInit("name")
        dtype = MadeByInit("dtype")
    autocast = True
    input_spec: Any = None  # what the first argument must be like: an `InputSpec`, or several for several
    regulated: ClassVar[tuple[str, ...]] = ()
    supports_masking = False  # whether results carry what compute_mask makes of the first argument's mask
    _call_takes_training = False
    _call_parameters: ClassVar[tuple[str, ...]] = ()
    _passes_masks_on = True  # whether masks are made of masks alone, and not of values

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._call_parameters = tuple(inspect.signature(cls.call).parameters)[1:]
        cls._call_takes_training = "training" in cls._call_parameters
        if "compute_mask" in cls.__dict__:
            cls.supports_masking = True
            cls._passes_masks_on = bool(cls.__dict__.get("_passes_masks_on", False))
        if "build" in cls.__dict__:
            cls.build = whole(cls.build)  # type: ignore[method-assign]

    @classmethod
    def _other_keywords(cls) -> Iterator[str]:
        yield from OF_MODELS
        yield from (f"{weight}_{kind}" for weight in cls.regulated for kind in REGULATORS)

    def _check_arguments(self, names: list[str]) -> None:
        """Refuse initializers that there are not, which only `build` is going to call."""
        for name in names:
            if name.endswith("initializer") and isinstance(value := getattr(self, name, None), str | dict):
                initializers.get(value)

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        layer = super().__new__(cls)
        # Kept so that get_config can tell the arguments of any subclass.
        layer._arguments = (args, kwargs)
        layer.built = False
        layer._weights = []
        layer._nodes = []
        layer._trainable = True
        if (device := get_device()) != "cpu":
            layer._device = device  # also of weights that are made when the device is another one
        layer._added_losses = []
        layer._adding = []
        return layer

    def __init__(
        self,
        *,
        name: str | None = None,
        trainable: bool = True,
        dtype: str | None = None,
        activity_regularizer: Any = None,
        **of_weights: Any,
    ) -> None:
        if name is not None and (not isinstance(name, str) or not name or "/" in name):
            raise ValueError(f"[{type(self).__name__}] name must be a string without '/', got {name!r}")
        self.name: str = name or unique_name(snake_case(type(self).__name__))
        self.dtype: str = float_dtype(dtype)
        self._numpy_dtype = np.dtype(self.dtype)
        self.built: bool
        self._trainable: bool = bool(trainable)
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self._weights: list[Variable]
        self._nodes: list[Node]
        self._first_shape = first_shape(self, of_weights.pop("input_shape", None), of_weights.pop("input_dim", None))
        known = {f"{weight}_{kind}": kind for weight in self.regulated for kind in REGULATORS}
        if unknown := sorted(of_weights.keys() - known.keys()):
            raise TypeError(f"{type(self).__name__}.__init__() got an unexpected keyword argument {unknown[0]!r}")
        for option, kind in known.items():
            setattr(self, option, REGULATORS[kind](of_weights.get(option)))

    @property
    def compute_dtype(self) -> str:
        """The dtype of results."""
        return self.dtype

    @property
    def variable_dtype(self) -> str:
        """The dtype of weights."""
        return self.dtype

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"

    # Weights

    def add_weight(
        self,
        shape: Sequence[int] | None = None,
        initializer: Any = None,
        dtype: str | None = None,
        trainable: bool = True,
        name: str | None = None,
        regularizer: Any = None,
        constraint: Any = None,
        autocast: bool = True,
        aggregation: str | None = "none",
    ) -> Variable:
        """Make a variable of this layer.

        Parameters
        ----------
        shape : tuple of int
        initializer : str, Initializer or callable of (shape, dtype)
            "glorot_uniform" if not given.
        dtype : str, optional
            The layer's if not given.
        trainable : bool
        name : str, optional
        regularizer, constraint : optional
            The layer's own `<name>_regularizer` and `<name>_constraint` if not given.
        autocast, aggregation
            Of no account: a layer computes in one dtype, and on one device.
        """
        shape = tuple(int(size) for size in shape or ())
        dtype = dtype or self.dtype
        if context.state.loading:  # the values come from a file: leave the random stream alone
            array = np.zeros(shape, dtype)
        else:
            array = np.asarray(initializers.get(initializer or "glorot_uniform")(shape, dtype), dtype)
        if array.shape != shape:
            raise ShapeError(f"the initializer of {name or 'a weight'} gave shape {array.shape}, expected {shape}")
        array = to_device(array, context.device())
        variable = Variable(array, name=name or f"variable_{len(self._weights)}", trainable=trainable)
        owners = [layer.name for layer in context.state.path] or [self.name]
        variable.path = "/".join([*owners, variable.name])
        variable.frozen = not self.trainable
        for kind, given in (("regularizer", regularizer), ("constraint", constraint)):
            setattr(variable, kind, REGULATORS[kind](getattr(self, f"{name}_{kind}", None) if given is None else given))
        first = next((i for i, other in enumerate(self._weights) if not other.tracked), len(self._weights))
        self._weights.insert(first if trainable else len(self._weights), variable)  # as Keras lists them
        return variable

    # Building and calling

    def build(self, input_shape: Any) -> None:
        """Make the weights for inputs of `input_shape` (the batch, which may be None, comes first)."""
        self.built = True

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the outputs; what a subclass defines."""
        raise NotImplementedError(f"{type(self).__name__} defines no call method")

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """The mask of the results, from that of the first argument; asked for if `supports_masking`.

        Parameters
        ----------
        inputs : structure of Tensor
            The first argument of the call.
        mask : structure of Tensor or None
            What it carries: booleans (batch, time).

        Returns
        -------
        Tensor, array or None, or a list of these with one for each result
        """
        return mask

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """What a call on symbolic tensors would give, outside of any model; as Keras's method of this name."""
        with context.inside(self):
            self._build_for(args)
            return self._infer(args, kwargs)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Shape of the output for inputs of `input_shape`; found by running `call` unless a subclass knows better."""
        inputs = map_shapes(lambda shape: SymbolicTensor(shape, self.dtype), input_shape)
        with context.inside(self):
            self._build_for((inputs,))
            outputs = infer(self.call, (inputs,), {"training": False} if self._call_takes_training else {})
        return map_structure(lambda output: output.shape, outputs)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        training = kwargs.pop("training", None)  # for the layers inside too, even if this one does not ask
        if len(args) == 1 and not kwargs and type(args[0]) is Tensor and args[0].array.dtype is self._numpy_dtype:
            symbolic = False
        else:
            symbolic = any(isinstance(leaf, SymbolicTensor) for leaf in flatten([args, kwargs]))
            if not symbolic:
                args = tuple(map_structure(self._convert, item) for item in args)
                kwargs = {key: map_structure(self._convert, item) for key, item in kwargs.items()}
        run = self._call_symbolic if symbolic else self._call_eager
        path = context.state.path
        if not path or path[-1] is self:
            if not path:
                self._begin_call()
            with context.inside(self):
                return run(args, kwargs, training)
        path.append(self)  # the same, without the cost: what is inside of a model is called often
        try:
            return run(args, kwargs, training)
        except (ShapeError, DTypeError, DeviceError) as error:
            context.locate(error)
            raise
        finally:
            path.pop()

    def _call_eager(self, args: tuple[Any, ...], kwargs: dict[str, Any], training: bool | None) -> Any:
        if self.input_spec is not None and args:
            check_inputs(self.input_spec, args[0])
        if not self.built:
            self._build_for(args)
        state = context.state
        outer = state.training
        watch = now.watch
        place = "" if watch is None else watch.place
        if watch is not None:
            watch.place = f"{'/'.join(layer.name for layer in state.path)} ({type(self).__name__})"
        state.training = training = bool(outer if training is None else training)
        try:
            if self._call_takes_training:
                kwargs["training"] = training
            if masks.state.used or "mask" in kwargs or (self.supports_masking and not self._passes_masks_on):
                outputs = masks.carried(self, args, kwargs)
            else:
                outputs = self.call(*args, **kwargs)
            if self.activity_regularizer is not None:
                self._penalize(outputs)
            return outputs
        finally:
            state.training = outer
            if watch is not None:
                watch.place = place

    def _convert(self, value: Any) -> Any:
        """Arrays become constant tensors; floats take the layer's dtype."""
        if not self.autocast:
            return value
        if is_array(value):
            if value.dtype.kind in "US" and not type(self).__module__.startswith("nerve."):
                return value  # text, for a layer inside that reads it
            return Tensor(kernels.cast(value, self.dtype) if value.dtype.kind == "f" else value, tracked=False)
        if isinstance(value, Tensor) and value.dtype.kind == "f" and value.dtype != self.dtype:
            return masks.keep(value, ops.cast(value, dtype=self.dtype))
        return value

    def _build_for(self, args: tuple[Any, ...]) -> None:
        if self.built:
            return
        shapes = []
        for arg in args[:1]:
            for leaf in flatten(arg):
                if not hasattr(leaf, "shape"):
                    raise DTypeError(f"expects arrays or tensors as inputs, got {type(leaf).__name__}")
            shapes.append(map_structure(lambda leaf: tuple(leaf.shape), arg))
        self.build(*shapes)
        self.built = True

    def _call_symbolic(self, args: tuple[Any, ...], kwargs: dict[str, Any], training: bool | None) -> Any:
        try:
            if self.input_spec is not None and args:
                check_inputs(self.input_spec, args[0])
            self._build_for(args)
            outputs = self._infer(args, kwargs)
        except (ShapeError, DTypeError) as error:
            context.say_source(error, [x for x in flatten([args, kwargs]) if isinstance(x, SymbolicTensor)])
            raise
        if training is not None:
            kwargs = {**kwargs, "training": training}
        for index, output in enumerate(flatten(outputs)):
            output.name = f"{self.name}/{index}" if index else self.name
        self._nodes.append(Node(self, args, kwargs, outputs))
        return outputs

    def _infer(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Symbolic outputs, without a node."""
        masked = any(x.masked_axes for x in flatten([args, kwargs]) if isinstance(x, SymbolicTensor))
        masked = masked or "mask" in kwargs or (self.supports_masking and not self._passes_masks_on)
        known = type(self).compute_output_shape is not Layer.compute_output_shape and not masked
        if known and len(args) == 1 and not kwargs and all(layer.built for _, layer in self._walk()):
            shapes = self.compute_output_shape(map_structure(lambda x: x.shape, args[0]))
            return map_shapes(lambda shape: SymbolicTensor(shape, self.dtype), shapes)
        call = (lambda *args, **kwargs: masks.carried(self, args, kwargs)) if masked else self.call
        return infer(call, args, {**kwargs, "training": False} if self._call_takes_training else kwargs)

    # Place in a graph

    def _only_node(self) -> Node:
        if not self._nodes:
            raise AttributeError(
                f"[{self.name}] has no input and output yet: they are those of a call on what Input or a layer gave"
            )
        if len(self._nodes) > 1:
            raise AttributeError(
                f"[{self.name}] was called {len(self._nodes)} times on symbolic tensors, so that it has no one input "
                "and output; keep what each call gave"
            )
        return self._nodes[0]

    @property
    def input(self) -> Any:
        """What the layer was called on symbolically; only if that was once."""
        args = self._only_node().args
        return args[0] if args else self.output

    @property
    def output(self) -> Any:
        """What its only symbolic call gave."""
        return self._only_node().outputs
