"""Which weights and layers belong to a layer: all that its attributes hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np

from nerve._typing import Array
from nerve.errors import DTypeError, ShapeError
from nerve.gpu import get_device, to_device
from nerve.kernels._arrays import host, is_array, on_gpu, placed
from nerve.kernels._recording import Configured, configuration
from nerve.tensor import Variable

if TYPE_CHECKING:
    from nerve.layers.layer import Layer


class Tracked(Configured):
    """The part of a layer that finds variables and layers in its attributes, also in lists, tuples and dicts."""

    name: str
    built: bool
    _trainable: bool
    _not_recorded = frozenset({"built", "compiled", "history", "stop_training"})
    _untracked = frozenset({"_arguments", "_nodes"})  # attributes that hold layers and variables of others
    _weights: list[Variable]
    _device: str | None = None  # where weights not made yet shall be, if `to` has said so

    def _own(self, kind: type[Any]) -> Iterator[tuple[str, Any]]:
        """Attributes of this layer of a kind, with their paths: `("dense", Dense)`, `("blocks/0", Dense)`."""

        def walk(path: str, value: Any) -> Iterator[tuple[str, Any]]:
            if isinstance(value, kind):
                yield path, value
            elif isinstance(value, list | tuple):
                for index, item in enumerate(value):
                    yield from walk(f"{path}/{index}", item)
            elif isinstance(value, dict):
                for key, item in value.items():
                    yield from walk(f"{path}/{key}", item)

        for name, value in list(vars(self).items()):
            if name not in self._untracked:
                yield from walk(name, value)

    def _sublayers(self) -> list[tuple[str, Layer]]:
        """The layers directly inside this one, each once, with a path that does not depend on automatic names."""
        found: dict[int, tuple[str, Layer]] = {}
        for path, layer in self._own(Tracked):
            found.setdefault(id(layer), (path, layer))
        return list(found.values())

    def _variables(self) -> list[Variable]:
        """This layer's own variables, each once, in the order they were made."""
        return list({id(v): v for _, v in [*(("", v) for v in self._weights), *self._own(Variable)]}.values())

    def _listed(self) -> list[Variable]:
        """The variables that `weights` lists before those of the layers inside."""
        return self._variables()

    def _walk(self, prefix: str = "", seen: set[int] | None = None) -> Iterator[tuple[str, Layer]]:
        """This layer and all inside it, each once, with their paths."""
        seen = set() if seen is None else seen
        if id(self) in seen:
            return
        seen.add(id(self))
        yield prefix, cast("Layer", self)
        for path, layer in self._sublayers():
            yield from layer._walk(f"{prefix}{path}/", seen)

    def _named_weights(self) -> dict[str, Variable]:
        """Every weight under a key that stays the same when the same model is made again."""
        named: dict[str, Variable] = {}
        for prefix, layer in self._walk():
            for variable in layer._variables():
                key = f"{prefix}{variable.name or 'variable'}"
                count = 1
                while key in named:
                    key = f"{prefix}{variable.name}_{count}"
                    count += 1
                named[key] = variable
        return named

    @property
    def weights(self) -> list[Variable]:
        """All variables, this layer's own first, then those of the layers inside it."""
        return list({id(v): v for _, layer in self._walk() for v in layer._listed()}.values())

    @property
    def trainable_weights(self) -> list[Variable]:
        """The variables that training changes; none if `trainable` is False."""
        if not self.trainable:
            return []
        found = {id(v): v for v in self._variables() if v.trainable}
        for _, layer in self._sublayers():
            found.update((id(v), v) for v in layer.trainable_weights)
        return list(found.values())

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """The variables that training does not change by gradients."""
        trainable = {id(v) for v in self.trainable_weights}
        return [v for v in self.weights if id(v) not in trainable]

    variables = weights
    trainable_variables = trainable_weights
    non_trainable_variables = non_trainable_weights

    @property
    def trainable(self) -> bool:
        """Whether the weights may change in training. Setting it sets it for the layers inside."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        for _, layer in self._walk():
            layer._trainable = bool(value)
            for variable in layer._variables():
                variable.frozen = not value
        configuration.changed()

    def zero_grad(self) -> None:
        """Forget the gradients that `Tensor.backward` left at the weights."""
        for variable in self.weights:
            variable.grad = None

    def to(self, device: str) -> Self:
        """Move all weights to a device, and make those there that are not made yet.

        Parameters
        ----------
        device : {"cpu", "cuda"}
            ``"cuda"`` is CuPy's current device.

        Returns
        -------
        Layer
            This one.

        Raises
        ------
        ValueError
            If ``device`` is another one.
        DeviceError
            If there is no GPU that can be used; the message says why, and nothing has moved.
        """
        to_device(0, device)  # or the reason why not
        for _, layer in self._walk():
            layer._move(device)
        configuration.changed()
        return self

    def _move(self, device: str) -> None:
        """Move what this layer itself holds."""
        self._device = device
        for variable in self._variables():
            variable.array = to_device(variable.array, device)

    def _location(self) -> str:
        """The device of the weights, or the one where they are going to be."""
        for _, layer in self._walk():
            for variable in layer._variables():
                return "cuda" if on_gpu(variable.array) else "cpu"
        return self._device or get_device()

    def get_weights(self) -> list[Array]:
        """Copies of all weights, in the host's memory."""
        return [np.array(host(variable.array)) for variable in self.weights]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Assign all weights, in the order of `weights`, wherever they lie; nothing changes if one does not fit.

        Raises
        ------
        ShapeError
            If the number of arrays or a shape is not that of the layer's weights.
        """
        variables = self.weights
        if not isinstance(weights, list | tuple):
            raise TypeError(f"[{self.name}] expects a list of arrays, got {type(weights).__name__}")
        arrays = [array if is_array(array) else np.asarray(array) for array in weights]
        if len(arrays) != len(variables):
            hint = "" if self.built else "; it is not built yet"
            raise ShapeError(f"[{self.name}] expects {len(variables)} arrays, got {len(arrays)}{hint}")
        for variable, array in zip(variables, arrays, strict=True):
            if array.dtype.kind not in "fiub":
                raise DTypeError(f"[{self.name}] expects numbers for weight {variable.name!r}, got dtype {array.dtype}")
            if variable.shape != array.shape:
                raise ShapeError(
                    f"[{self.name}] expects shape {variable.shape} for weight {variable.name!r}, got {array.shape}"
                )
        for variable, array in zip(variables, arrays, strict=True):
            variable.assign(placed(array, variable.array))

    def save_own_variables(self, store: MutableMapping[str, Any]) -> None:
        """Put what a file is to hold of this layer, and not of those inside it, into `store`: arrays by name.

        A class of one's own that defines this and `load_own_variables` may keep other arrays than its weights.
        """
        for index, variable in enumerate(self._variables()):
            store[str(index)] = np.array(host(variable.array))

    def load_own_variables(self, store: Mapping[str, Any]) -> None:
        """Take over what `save_own_variables` has put into `store`.

        Raises
        ------
        ShapeError
            If the arrays are not those of this layer's weights.
        """
        variables = self._variables()
        if set(store) != set(map(str, range(len(variables)))):
            raise ShapeError(f"[{self.name}] expects {len(variables)} arrays, got {sorted(store)}")
        for index, variable in enumerate(variables):
            variable.assign(placed(np.asarray(store[str(index)]), variable.array))

    def count_params(self) -> int:
        """Number of values in all weights.

        Raises
        ------
        ValueError
            If the layer is not built.
        """
        if not self.built:
            raise ValueError(f"[{self.name}] is not built: its weights are made when the shape of its input is known")
        return sum(variable.size for variable in self.weights)
