"""The base of all models: a layer that can be trained, saved and looked at."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from typing import Any, Self

import numpy as np

from nerve import serialization
from nerve._lookup import snake_case
from nerve.layers import InputLayer, Layer
from nerve.layers.context import inside
from nerve.layers.options import unique_name
from nerve.layers.structure import flatten, flatten_shapes, map_shapes, map_structure
from nerve.layers.symbolic import SymbolicTensor, infer
from nerve.models import saving, summary
from nerve.models.description import configuration
from nerve.models.functional import Graph, replay
from nerve.models.texts import marked_text
from nerve.models.training import Trainer
from nerve.models.uncertain import Distribution, predict_distribution


class Model(Trainer):
    """A model, either of the graph between symbolic inputs and outputs, or of what a subclass does in `call`.

    Parameters
    ----------
    inputs, outputs : SymbolicTensor, or a list or dict of them
        What `Input` gave and what layers and ops made of it. A subclass that defines `call` leaves both out.
    name : str, optional
    trainable : bool
    dtype : str, optional

    Examples
    --------
    >>> inputs = Input((28, 28, 1))
    >>> x = layers.Flatten()(inputs)
    >>> model = Model(inputs, layers.Dense(10)(x))

    >>> class Twice(Model):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.dense = layers.Dense(1)
    ...
    ...     def call(self, inputs):
    ...         return 2 * self.dense(inputs)
    """

    _graph: Graph | None = None
    _passes_masks_on = True
    _build_shape: Any = None
    _build_texts: list[bool] | None = None  # which of the inputs are strings, if any are

    def __init__(
        self,
        inputs: Any = None,
        outputs: Any = None,
        *,
        name: str | None = None,
        trainable: bool = True,
        dtype: str | None = None,
    ) -> None:
        if (inputs is None) != (outputs is None):
            raise TypeError(f"{type(self).__name__} takes inputs and outputs together, or neither")
        if name is None and type(self) is Model:
            name = unique_name("functional")
        super().__init__(name=name, trainable=trainable, dtype=dtype)
        if inputs is not None:
            self._set_graph(Graph(inputs, outputs))

    def _set_graph(self, graph: Graph) -> None:
        self._graph = graph
        self.autocast = False  # the graph converts every input to the dtype of its `Input`
        self.built = True

    # The graph

    def compute_mask(self, inputs: Any, mask: Any = None) -> None:
        """None: results carry the masks that the layers inside gave them."""
        return None

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        if self._graph is None:
            raise NotImplementedError(f"{type(self).__name__} has neither a call method nor inputs and outputs")
        self._widen(inputs)
        return self._graph.run(inputs)

    def build(self, input_shape: Any) -> None:
        """Make all weights, by running `call` on inputs of `input_shape`."""
        if self._graph is None:
            self._build_shape = map_shapes(lambda shape: (None, *shape[1:]), input_shape)
            texts = iter(self._build_texts or [])
            inputs = map_shapes(
                lambda shape: SymbolicTensor(shape, "string" if next(texts, False) else self.dtype), input_shape
            )
            infer(self.call, (inputs,), {"training": False} if self._call_takes_training else {})

    def _build_for(self, args: tuple[Any, ...]) -> None:
        if type(self).build is not Model.build:
            super()._build_for(args)
        elif not self.built:
            # The call about to come builds the layers inside; no need to run it twice.
            if args and all(hasattr(leaf, "shape") for leaf in flatten(args[0])):
                self._build_shape = map_structure(lambda x: (None, *tuple(x.shape)[1:]), args[0])
                texts = [isinstance(x, np.ndarray) and x.dtype.kind in "US" for x in flatten(args[0])]
                self._build_texts = texts if any(texts) else None
            self.built = True

    def _numbers(self, x: Any) -> Any:
        # What a subclass computes in its call is its own business: text is marked, and its steps run in Python.
        if self._graph is None and type(self).call is not Model.call and x is not None:
            return marked_text(x)
        return super()._numbers(x)

    def compute_output_shape(self, input_shape: Any) -> Any:
        if self._graph is None:
            return super().compute_output_shape(input_shape)
        with inside(self):
            outputs = self._graph.infer(flatten_shapes(input_shape))
        return map_structure(lambda x: x.shape, outputs)

    def _infer(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self._graph is None:
            return super()._infer(args, kwargs)
        return self._graph.infer([tuple(x.shape) for x in self._graph.ordered(args[0])])

    def _sublayers(self) -> list[tuple[str, Layer]]:
        own = super()._sublayers()
        if self._graph is None:
            return own
        # Class names and counts, and not names, so that the weights of a model fit another one made the same way.
        counts: dict[str, int] = {}
        found: list[tuple[str, Layer]] = []
        for layer in self._graph.layers:
            if isinstance(layer, InputLayer):
                continue
            kind = snake_case(type(layer).__name__)
            count = counts.get(kind, 0)
            counts[kind] = count + 1
            found.append((f"{kind}_{count}" if count else kind, layer))
        inside_graph = {id(layer) for _, layer in found}
        return found + [(path, layer) for path, layer in own if id(layer) not in inside_graph]

    @property
    def layers(self) -> list[Layer]:
        """The layers directly inside the model."""
        if self._graph is None:
            return [layer for _, layer in self._sublayers()]
        return list(self._graph.layers)

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """The layer called `name`, or the one at `index` in `layers`.

        Raises
        ------
        ValueError
            If there is none.
        """
        if (name is None) == (index is None):
            raise ValueError("get_layer takes a name or an index")
        if index is not None:
            if not isinstance(index, int) or not -len(self.layers) <= index < len(self.layers):
                raise ValueError(f"[{self.name}] has {len(self.layers)} layers, asked for index {index!r}")
            return self.layers[index]
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise ValueError(f"[{self.name}] has no layer {name!r}; it has {[layer.name for layer in self.layers]}")

    def _need_graph(self, what: str) -> Graph:
        if self._graph is None:
            raise AttributeError(f"[{self.name}] has no {what}: it is not built, or a subclass that defines call")
        return self._graph

    @property
    def inputs(self) -> list[SymbolicTensor]:
        """The symbolic inputs."""
        return list(self._need_graph("inputs").inputs)

    @property
    def outputs(self) -> list[SymbolicTensor]:
        """The symbolic outputs."""
        return list(self._need_graph("outputs").outputs)

    @property
    def input(self) -> Any:
        """The symbolic inputs as they were given."""
        return self._need_graph("input").input_structure

    @property
    def output(self) -> Any:
        """The symbolic outputs as they were given."""
        return self._need_graph("output").output_structure

    @property
    def input_shape(self) -> Any:
        """Shapes of the inputs."""
        return map_structure(lambda x: x.shape, self.input)

    @property
    def output_shape(self) -> Any:
        """Shapes of the outputs."""
        return map_structure(lambda x: x.shape, self.output)

    @property
    def output_names(self) -> list[str]:
        """Names of the layers that make the outputs; they name losses and metrics."""
        return [x.node.layer.name if x.node else x.name for x in self._need_graph("output_names").outputs]

    # Configuration and files

    def get_config(self) -> dict[str, Any]:
        if self._graph is None or type(self).__init__ is not Model.__init__:
            return super().get_config()
        return {"name": self.name, "trainable": self.trainable, "dtype": self.dtype, **self._graph.get_config()}

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Self:
        """Make the model that `get_config` described, with new weights."""
        with serialization.custom_object_scope(custom_objects):
            if "calls" not in config:
                return super().from_config(config)
            inputs, outputs = replay(config)
            return cls(inputs, outputs, **{key: config[key] for key in ("name", "trainable", "dtype")})

    def get_compile_config(self) -> dict[str, Any]:
        """The arguments of `compile`, as plain data; empty if the model is not compiled."""
        found: dict[str, Any] = serialization.serialize(self._compile_config) if self.compiled else {}
        return found

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compile the model as `get_compile_config` of another describes, with a new optimizer."""
        self.compile(**serialization.deserialize(config))
        if self.built:
            self.optimizer.build(self.trainable_variables)

    def predict_distribution(self, x: Any, n: int = 100, batch_size: int | None = None) -> Distribution:
        """Predict many times with what is random in training, and see how far the predictions are apart.

        With dropout this samples from an approximate posterior (Gal and Ghahramani, "Dropout as a Bayesian
        approximation", ICML 2016). Batch normalization stays as in `predict`, and nothing is learned.

        Parameters
        ----------
        x : array, or list or dict of arrays, or an iterable
            As in `predict`.
        n : int
            Passes.
        batch_size : int, optional
            32 if not given.

        Returns
        -------
        mean, deviation
            Over the passes, each as what `predict` gives.
        """
        return predict_distribution(self, x, n, batch_size)

    def save(self, filepath: str | os.PathLike[str], overwrite: bool = True) -> None:
        """Write the model, its weights and the state of its optimizer to one file.

        Parameters
        ----------
        filepath : path
            Must end in `.nerve`, or in `.keras` as in programs for Keras; the file is the same, and Keras does not read
            it. An existing file is replaced at once when the new one is whole, so that nothing,
            not even a loss of power, leaves half a file.
        overwrite : bool
            False raises FileExistsError instead of replacing a file.

        Raises
        ------
        TypeError
            If the model holds something that a file cannot: a lambda, an object without get_config.
        """
        saving.save_model(self, filepath, overwrite=overwrite)

    @staticmethod
    def check_file_name(filepath: str | os.PathLike[str], weights_only: bool = False) -> None:
        """Raise the ValueError that `save`, or `save_weights`, would raise for a name with another end."""
        saving.checked_path(filepath, saving.WEIGHT_SUFFIXES if weights_only else saving.MODEL_SUFFIXES)

    def to_json(self, **kwargs: Any) -> str:
        """The structure of the model, without weights, for :func:`nerve.models.model_from_json`.

        Parameters
        ----------
        **kwargs
            For `json.dumps`.
        """
        return json.dumps(configuration(self), **kwargs)

    def save_weights(self, filepath: str | os.PathLike[str], overwrite: bool = True) -> None:
        """Write the weights to a file; its name must end in `.safetensors`, or in `.weights.h5` as in Keras.

        What is in it is safetensors either way.
        """
        saving.save_weights(self, filepath, overwrite=overwrite)

    def load_weights(
        self,
        filepath: str | os.PathLike[str],
        skip_mismatch: bool = False,
        *,
        objects_to_skip: Iterable[Layer] | None = None,
    ) -> None:
        """Read weights that `save_weights` or `save` wrote for a model of the same structure.

        Parameters
        ----------
        filepath : path
        skip_mismatch : bool
            Whether layers whose weights are not all in the file, with the same names and shapes, keep what they have,
            and what the file has beyond the model is left; a warning names both.
        objects_to_skip : layers, optional
            Layers of the model that keep what they have, with all inside them, whatever the file holds of them.

        Raises
        ------
        ModelFileError
            If the file is damaged or holds other weights; the model is as before.
        """
        saving.load_weights(self, filepath, skip_mismatch, objects_to_skip=objects_to_skip)

    def summary(
        self,
        line_length: int | None = None,
        print_fn: Any = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
    ) -> None:
        """Print a table of the layers.

        Parameters
        ----------
        line_length : int, optional
            Width of the table in characters; as wide as it needs to be if not given.
        print_fn : callable, optional
            Called with the whole text instead of printing it.
        expand_nested : bool
            Show the layers inside of models inside of this one too.
        show_trainable : bool
            Say of each layer whether it is trained.
        """
        text = summary.table(self, line_length, expand_nested=expand_nested, show_trainable=show_trainable)
        (print_fn or print)(text)
