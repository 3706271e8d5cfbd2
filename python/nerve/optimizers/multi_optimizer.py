"""Several optimizers, each for some of the variables."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from typing import Any, Self

import numpy as np

from nerve import kernels
from nerve._typing import Array
from nerve.kernels._recording import effect
from nerve.optimizers.optimizer import Optimizer, dense
from nerve.tensor import Variable


class OptimizerMap(MutableMapping[str, Optimizer]):
    """Optimizers by regular expressions that must match the whole `path` of a variable.

    Parameters
    ----------
    default_optimizer : Optimizer
        For variables that none of the expressions matches.
    optimizer_map : dict of str to Optimizer, optional

    Raises
    ------
    ValueError
        When a variable is looked up that several expressions match.
    """

    def __init__(self, default_optimizer: Optimizer, optimizer_map: Mapping[str, Optimizer] | None = None) -> None:
        self.default_optimizer = _single("OptimizerMap", default_optimizer)
        self._map: dict[str, Optimizer] = {}
        for key, optimizer in (optimizer_map or {}).items():
            self[key] = optimizer

    def __getitem__(self, key: str) -> Optimizer:
        if key in self._map:
            return self._map[key]
        matching = [pattern for pattern in self._map if re.fullmatch(pattern, key)]
        if len(matching) > 1:
            raise ValueError(f"[OptimizerMap] {key!r} is matched by several expressions: {matching}")
        return self._map[matching[0]] if matching else self.default_optimizer

    def __setitem__(self, key: str, optimizer: Optimizer) -> None:
        if not isinstance(key, str):
            raise TypeError(f"[OptimizerMap] expects regular expressions as keys, got {key!r}")
        if key in self._map:
            raise ValueError(f"[OptimizerMap] {key!r} is there already")
        self._map[key] = _single("OptimizerMap", optimizer)

    def __delitem__(self, key: str) -> None:
        del self._map[key]

    def __len__(self) -> int:
        return len(self._map)

    def __iter__(self) -> Iterator[str]:
        return iter(self._map)

    def __call__(self, variable: Variable) -> Optimizer:
        """The optimizer of a variable."""
        return self[variable.path]

    def get_config(self) -> dict[str, Any]:
        """The arguments that make this map again."""
        return {"default_optimizer": self.default_optimizer, "optimizer_map": dict(self._map)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Make the map that `get_config` described."""
        return cls(**config)


class MultiOptimizer(Optimizer):
    """Steps every variable with an optimizer of its own, or one for each of several layers.

    Learning rates are those of these optimizers; this one has none.

    Parameters
    ----------
    optimizer_map : OptimizerMap, or callable of a Variable
        Gives the optimizer of a variable.
    loss_scale_factor : float, optional
        See `Optimizer`.
    name : str, optional

    Examples
    --------
    >>> slow = optimizers.Adam(1e-4)
    >>> optimizer = optimizers.MultiOptimizer(optimizers.OptimizerMap(optimizers.Adam(1e-2), {"encoder/.*": slow}))
    """

    def __init__(
        self,
        optimizer_map: OptimizerMap | Callable[[Variable], Optimizer],
        loss_scale_factor: float | None = None,
        name: str | None = None,
    ) -> None:
        if not callable(optimizer_map):
            raise TypeError(f"[MultiOptimizer] expects an OptimizerMap or a function, got {optimizer_map!r}")
        super().__init__(0.0, loss_scale_factor=loss_scale_factor, name=name)
        self.optimizer_map = optimizer_map
        self.optimizers: list[Optimizer] = []
        self._chosen: list[int] = []  # of each variable, which of the optimizers

    def build(self, variables: Sequence[Variable]) -> None:
        if self.built:
            return
        super().build(variables)
        found = [_single(self.name, self.optimizer_map(variable)) for variable in self.variables]
        self.optimizers = list({id(optimizer): optimizer for optimizer in found}.values())
        places = {id(optimizer): place for place, optimizer in enumerate(self.optimizers)}
        self._chosen = [places[id(optimizer)] for optimizer in found]
        for place, optimizer in enumerate(self.optimizers):
            optimizer.build([v for v, chosen in zip(self.variables, self._chosen, strict=True) if chosen == place])

    @property
    def learning_rate(self) -> float:
        """There is none: look at those of `optimizers`."""
        raise AttributeError(f"[{self.name}] has several optimizers: look at the learning rate of each")

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        raise AttributeError(f"[{self.name}] has several optimizers: set the learning rate of each")

    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Variable] | None = None) -> None:
        variables = list(self.variables if trainable_variables is None else trainable_variables)
        self.build(variables)
        positions, arrays = self._checked(list(grads), variables)
        if self.loss_scale_factor is not None:
            arrays = [kernels.divide(dense(gradient), self.loss_scale_factor) for gradient in arrays]
        for place, optimizer in enumerate(self.optimizers):
            own = [(g, self.variables[i]) for i, g in zip(positions, arrays, strict=True) if self._chosen[i] == place]
            if own:
                optimizer.apply_gradients(own)
        effect(self._count)

    def to(self, device: str) -> None:
        for optimizer in self.optimizers:
            optimizer.to(device)

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        for optimizer in self.optimizers:
            optimizer.finalize_variable_values(var_list)

    def state(self) -> dict[str, Array]:
        found: dict[str, Array] = {"iterations": np.asarray(self.iterations, np.int64)}
        for place, optimizer in enumerate(self.optimizers):
            found |= {f"{place}/{key}": value for key, value in optimizer.state().items()}
        return found

    def load_state(self, state: Mapping[str, Any]) -> None:
        parts: list[dict[str, Any]] = [{} for _ in self.optimizers]
        for key, value in state.items():
            place, _, rest = key.partition("/")
            if key != "iterations":
                if not place.isdigit() or int(place) >= len(parts):
                    raise ValueError(f"[{self.name}] not the state of this optimizer: {key!r}")
                parts[int(place)][rest] = value
        before = self.state()
        try:
            for optimizer, part in zip(self.optimizers, parts, strict=True):
                optimizer.load_state(part)
        except (KeyError, ValueError):
            if state is not before:
                self.load_state({key: np.copy(value) for key, value in before.items()})
            raise
        self.iterations = int(state["iterations"])

    def get_config(self) -> dict[str, Any]:
        if not isinstance(self.optimizer_map, OptimizerMap):
            raise ValueError(f"[{self.name}] optimizers chosen by a function cannot be saved: use an OptimizerMap")
        return {
            "optimizer_map": self.optimizer_map,
            "loss_scale_factor": self.loss_scale_factor,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        return cls(**config)


def _single(name: str, optimizer: Any) -> Optimizer:
    if not isinstance(optimizer, Optimizer) or isinstance(optimizer, MultiOptimizer) or optimizer.needs_closure:
        raise TypeError(f"[{name}] expects an optimizer for one set of variables, got {optimizer!r}")
    return optimizer
