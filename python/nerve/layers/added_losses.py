"""What layers add to the loss of a model besides its targets: penalties of weights, of outputs, and of `add_loss`."""

from __future__ import annotations

from typing import Any

from nerve import ops
from nerve.kernels._recording import now
from nerve.layers import context
from nerve.layers.structure import flatten
from nerve.layers.tracking import Tracked
from nerve.tensor import Tensor


class Penalized(Tracked):
    """The part of a layer that adds to the loss."""

    activity_regularizer: Any = None
    _untracked = Tracked._untracked | {"_added_losses", "_adding"}
    _added_losses: list[Tensor]
    _adding: list[Penalized]  # layers that have added losses in the last call of this one that no other made
    _added_in = -1

    def add_loss(self, loss: Any) -> None:
        """Add to the loss of the model; for the `call` of a layer or a model.

        Counts until the next call of the outermost layer, in which `call` adds it again, or does not.

        Parameters
        ----------
        loss : Tensor, or a list of them
            What is not a scalar is summed up.

        Raises
        ------
        TypeError
            If it is anything else.
        """
        state = context.state
        if state.inferring:
            return
        terms = flatten(loss)
        for term in terms:
            if not isinstance(term, Tensor):
                raise TypeError(f"[{self.name}] add_loss expects a tensor that call has computed, got {term!r}")
        if self._added_in != state.calls:
            self._added_losses, self._added_in = [], state.calls
        self._added_losses.extend(terms)
        outermost = state.path[0] if state.path else self
        if all(layer is not self for layer in outermost._adding):
            outermost._adding.append(self)

    @property
    def losses(self) -> list[Tensor]:
        """Scalars that are added to the loss: of `add_loss`, of regularizers of outputs, and of those of weights."""
        added = [term for _, layer in self._walk() for term in layer._added_losses]
        weights = [v.regularizer(v) for v in self.trainable_weights if v.regularizer is not None]
        return [term if term.shape == () else ops.sum(term) for term in added] + weights

    def _begin_call(self) -> None:
        """A call that no other layer makes: what was added in the one before is over."""
        context.state.calls += 1
        if self._adding:
            for layer in self._adding:
                layer._added_losses = []
            self._adding = []

    def _forget_recorded(self) -> None:
        """Let go of arrays that belong to the recording under way, whose values nobody will look up again."""
        if now.recording is not None and not now.recording.refusal:
            for _, layer in self._walk():
                layer._added_losses = []
            self.zero_grad()

    def _penalize(self, outputs: Any) -> None:
        """Add what the regularizer of outputs makes of them, per sample of the batch."""
        for output in flatten(outputs):
            if isinstance(output, Tensor) and not context.state.inferring:
                term = self.activity_regularizer(output)
                self.add_loss(term / max(output.shape[0], 1) if output.ndim else term)
