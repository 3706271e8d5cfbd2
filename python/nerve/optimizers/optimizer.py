"""What all optimizers share: a step from gradients, weight decay, state."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import numpy as np

from nerve import kernels
from nerve._lookup import Spelled
from nerve._typing import Array
from nerve.errors import ShapeError
from nerve.gpu import to_device
from nerve.indexed_rows import IndexedRows
from nerve.kernels._arrays import array_module, placed
from nerve.kernels._numbers import number
from nerve.kernels._recording import changing, effect
from nerve.optimizers import schedules
from nerve.optimizers.clipping import Clipping
from nerve.optimizers.decay import Decaying
from nerve.optimizers.gathering import Gathering
from nerve.optimizers.own_steps import OwnSteps
from nerve.optimizers.pace import LearningRate, Paced
from nerve.optimizers.schedules import LearningRateSchedule
from nerve.tensor import Variable, no_gradients

Arrays = list[Array]


class Optimizer(OwnSteps, Decaying, Paced, Clipping, Gathering, Spelled):
    """Base of all optimizers.

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable of the step
    weight_decay : float, optional
        Every step first takes `learning_rate * weight_decay` times itself from each parameter (decoupled decay,
        Loshchilov and Hutter, 2019).
    clipnorm : float, optional
        Longest a single gradient may be, in the Euclidean norm.
    clipvalue : float, optional
        Largest absolute value of a gradient's element.
    global_clipnorm : float, optional
        Longest all gradients together may be.
    use_ema : bool
        Keep a moving average of the weights; they get its values when `fit` ends.
    ema_momentum : float
        What an average keeps of itself in a step.
    ema_overwrite_frequency : int, optional
        The weights get the values of their averages after every so many steps too.
    loss_scale_factor : float, optional
        `fit` multiplies the loss by this before it takes gradients, and a step divides these by it.
    gradient_accumulation_steps : int, optional
        A step is taken for every so many calls of `apply`, with the mean of their gradients.
    name : str, optional
        The class name in lower case if not given.

    Attributes
    ----------
    iterations : int
        Steps taken so far.

    Notes
    -----
    A subclass names its slots (one array per variable and name, filled with `initial_slot_value`) and defines
    `step`; or, as in Keras, it makes variables in `build` and defines `update_step`.
    """

    _not_recorded = frozenset({"calls", "iterations", "learning_rate"})
    needs_closure = False  # whether a step is `step(closure, variables)`, and not `apply`
    slot_names: tuple[str, ...] = ()
    initial_slot_value = 0.0

    @property
    def skips_zeros(self) -> bool:
        """Whether a step leaves a parameter and its slots as they are where the gradient is zero."""
        return False

    def __init__(
        self,
        learning_rate: LearningRate,
        *,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
    ) -> None:
        self.name = name or type(self).__name__.lower()
        super().__init__(use_ema, ema_momentum, ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps)
        limits = {"clipnorm": clipnorm, "clipvalue": clipvalue, "global_clipnorm": global_clipnorm}
        given = {key: value for key, value in limits.items() if value is not None}
        if len(given) > 1:
            raise ValueError(f"[{self.name}] only one of clipnorm, clipvalue, global_clipnorm can be set, got {given}")
        for key, value in {**given, "weight_decay": weight_decay or 0.0}.items():
            if not number(self.name, key, value) >= 0:
                raise ValueError(f"[{self.name}] {key} must not be negative, got {value}")
        self._learning_rate = self._checked_rate(learning_rate)
        self.weight_decay = weight_decay
        self.clipnorm = clipnorm
        self.clipvalue = clipvalue
        self.global_clipnorm = global_clipnorm
        self.variables: list[Variable] = []
        self.slots: dict[str, Arrays] = {}
        self._made: list[Variable] = []
        self._positions: dict[int, int] = {}
        self._not_decayed: set[int] = set()
        self._not_decayed_names: list[str] = []

    # Variables are told apart by identity, which a copy of them does not have.
    def __getstate__(self) -> dict[str, Any]:
        excluded = [i for i, variable in enumerate(self.variables) if id(variable) in self._not_decayed]
        return {**vars(self), "_positions": None, "_not_decayed": excluded}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._positions = {id(variable): i for i, variable in enumerate(self.variables)}
        self._not_decayed = {id(self.variables[i]) for i in state["_not_decayed"]}

    @property
    def built(self) -> bool:
        """Whether `build` has been called."""
        return bool(self.variables)

    def build(self, variables: Sequence[Variable]) -> None:
        """Make the slots of `variables`, once."""
        if self.built:
            return
        if not isinstance(variables, list | tuple) or not all(isinstance(v, Variable) for v in variables):
            raise TypeError(f"[{self.name}] expects a list of Variables, got {variables!r}")
        self.variables = list(variables)
        self._positions = {id(variable): i for i, variable in enumerate(self.variables)}
        self.slots = {name: [self.new_slot(name, v) for v in self.variables] for name in self.slot_names}
        self._build_gathering()
        self.exclude_from_weight_decay()

    def to(self, device: str) -> None:
        """Move the state to a device, ``"cpu"`` or ``"cuda"``; its variables are moved by their model."""
        for slots in (self.slots, self.gathered):
            for name, values in slots.items():
                slots[name] = [to_device(value, device) for value in values]
        for variable in self._made:
            variable.array = to_device(variable.array, device)

    def new_slot(self, name: str, variable: Variable) -> Array:
        """What a slot of a variable starts with."""
        new: Array = array_module(variable.array).full(variable.shape, self.initial_slot_value, variable.dtype)
        return new

    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Variable] | None = None) -> None:
        """Take one step.

        Parameters
        ----------
        grads : sequence of array or IndexedRows
            One per variable, of its shape. None leaves its variable as it is. Of `IndexedRows` only the rows are
            stepped where that makes no difference (SGD without momentum, Adagrad; no clipping, no weight decay).
        trainable_variables : sequence of Variable, optional
            Stepped in place. Those the optimizer was built for if not given; builds it at the first call.

        Raises
        ------
        ShapeError
            If a gradient does not have its variable's shape; nothing has changed then.
        ValueError
            If a variable is not one the optimizer was built for, or there is no gradient at all.
        """
        variables = list(self.variables if trainable_variables is None else trainable_variables)
        if not self.built:
            if not variables:
                raise ValueError(f"[{self.name}] no variables: pass them, or call build first")
            self.build(variables)
        positions, arrays = self._checked(list(grads), variables)
        if not self.skips_zeros or self._limits or self.loss_scale_factor or self.gradient_accumulation_steps:
            arrays = [dense(gradient) for gradient in arrays]
        self._watch(positions, [dense(gradient) for gradient in arrays] if self.watched is not None else [])
        found = self._gathered(positions, arrays)
        if found is not None:
            self._step_all(positions, self._clipped(found))
        self._average()
        effect(self._count_call)

    def _step_all(self, positions: list[int], arrays: Arrays) -> None:
        rate = changing(lambda: self.learning_rate)
        # One call, but for parameters that differ in dtype or in decay, which a kernel takes as one for all.
        groups: dict[tuple[Any, float], tuple[list[int], Arrays]] = {}
        for position, gradient in zip(positions, arrays, strict=True):
            variable = self.variables[position]
            decay = 0.0 if id(variable) in self._not_decayed else self.decay_of(variable)
            if isinstance(gradient, IndexedRows) and not decay:
                self._step_rows(position, gradient, rate)
                continue
            gradient = dense(gradient)
            if self._steps_one_by_one:
                with no_gradients():
                    self._step_one(variable, gradient, rate, decay)
                continue
            members, members_gradients = groups.setdefault((gradient.dtype, decay), ([], []))
            members.append(position)
            members_gradients.append(gradient)
        for (_, decay), (members, members_gradients) in groups.items():
            slots = {name: [values[i] for i in members] for name, values in self.slots.items()}
            parameters = [self.variables[i].array for i in members]
            self.step(parameters, members_gradients, slots, rate, decay)
        with no_gradients():
            for position in positions:
                variable = self.variables[position]
                if variable.constraint is not None:
                    variable.assign(variable.constraint(variable))

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Variable]]) -> None:
        """`apply`, from pairs."""
        pairs = list(grads_and_vars)
        self.apply([gradient for gradient, _ in pairs], [variable for _, variable in pairs])

    def step(
        self, parameters: Arrays, gradients: Arrays, slots: dict[str, Arrays], learning_rate: float, weight_decay: float
    ) -> None:
        """Step `parameters` and `slots` in place."""
        raise NotImplementedError(f"{type(self).__name__}.step")

    def _step_rows(self, position: int, gradient: IndexedRows, rate: float) -> None:
        """Step the rows that a gradient has, as an array of their own."""
        parameter = self.variables[position].array
        slots = {name: values[position] for name, values in self.slots.items()}
        rows = kernels.take(parameter, gradient.rows)
        slot_rows = {name: [kernels.take(values, gradient.rows)] for name, values in slots.items()}
        self.step([rows], [gradient.values], slot_rows, rate, 0.0)
        parameter[gradient.rows] = rows
        for name, values in slots.items():
            values[gradient.rows] = slot_rows[name][0]

    def _checked(self, gradients: list[Any], variables: list[Variable]) -> tuple[list[int], list[Any]]:
        """Positions of the variables that have a gradient, and the gradients, each in its variable's dtype."""
        if len(gradients) != len(variables):
            raise ValueError(f"[{self.name}] got {len(gradients)} gradients for {len(variables)} variables")
        positions: list[int] = []
        arrays: list[Any] = []
        missing: list[str] = []
        for gradient, variable in zip(gradients, variables, strict=True):
            if id(variable) not in self._positions:
                raise ValueError(
                    f"[{self.name}] variable {variable.name!r} is unknown: the optimizer was built for "
                    "others; make a new one"
                )
            if gradient is None:
                missing.append(variable.name)
                continue
            if np.shape(gradient) != variable.shape:
                raise ShapeError(
                    f"[{self.name}] variable {variable.name!r} has shape {variable.shape}, "
                    f"its gradient {np.shape(gradient)}"
                )
            positions.append(self._positions[id(variable)])
            if isinstance(gradient, IndexedRows):
                arrays.append(gradient.astype(variable.dtype))
            else:
                arrays.append(kernels.cast(getattr(gradient, "array", gradient), variable.dtype))
        if not positions:
            raise ValueError(f"[{self.name}] no variable has a gradient")
        if len(set(positions)) < len(positions):
            raise ValueError(f"[{self.name}] a variable is there twice; add its gradients")
        if missing:
            warnings.warn(f"[{self.name}] no gradient for {', '.join(missing)}", stacklevel=3)
        return positions, arrays

    def state(self) -> dict[str, Array]:
        """Everything a step depends on besides the arguments, as arrays; slots are named by variable position."""
        arrays: dict[str, Array] = {"iterations": np.asarray(self.iterations, np.int64)}
        if not callable(self._learning_rate):
            arrays["learning_rate"] = np.asarray(self._learning_rate, np.float64)
        if self.gradient_accumulation_steps:
            arrays["calls"] = np.asarray(self.calls, np.int64)
        every = {**self.slots, **self.gathered, "variable": [variable.array for variable in self._made]}
        return arrays | {f"{name}/{i}": value for name, values in every.items() for i, value in enumerate(values)}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` gave, for an optimizer built for the same shapes.

        Raises
        ------
        ShapeError, ValueError
            If it is the state of another optimizer; nothing has changed then.
        """
        own = self.state()
        if set(own) != set(state):
            odd = sorted(set(own) ^ set(state))
            raise ValueError(f"[{self.name}] not the state of this optimizer: {odd[0]!r} is missing in one of them")
        for key, value in own.items():
            if np.shape(state[key]) != value.shape:
                raise ShapeError(f"[{self.name}] {key} must have shape {value.shape}, got {np.shape(state[key])}")
        rate = self._checked_rate(float(state["learning_rate"])) if "learning_rate" in own else self._learning_rate
        self.iterations = int(state["iterations"])
        self.calls = int(state["calls"]) if "calls" in own else self.iterations
        self._learning_rate = rate
        made = [variable.array for variable in self._made]
        for name, values in {**self.slots, **self.gathered, "variable": made}.items():
            for i, value in enumerate(values):
                value[...] = placed(state[f"{name}/{i}"], value)

    def get_config(self) -> dict[str, Any]:
        """The arguments that make this optimizer again."""
        rate: Any = self._learning_rate
        if isinstance(rate, LearningRateSchedule):
            rate = {"class_name": type(rate).__name__, "config": rate.get_config()}
        elif callable(rate):
            raise ValueError(f"[{self.name}] a learning rate made by a function cannot be saved: use a schedule")
        return {
            "name": self.name,
            "learning_rate": rate,
            "weight_decay": self.weight_decay,
            "clipnorm": self.clipnorm,
            "clipvalue": self.clipvalue,
            "global_clipnorm": self.global_clipnorm,
            **self._gathering_config(),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Make the optimizer that `get_config` described."""
        rate = config.get("learning_rate")
        return cls(**{**config, "learning_rate": schedules.get(rate) if isinstance(rate, dict) else rate})


def dense(gradient: Any) -> Array:
    """A gradient as an array."""
    return gradient.dense() if isinstance(gradient, IndexedRows) else gradient
