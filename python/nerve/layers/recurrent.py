"""Recurrent layers: `LSTM`, `GRU`, `SimpleRNN`, with the constructors of their cells."""

from __future__ import annotations

from nerve.layers.cells import SimpleRNNCell
from nerve.layers.gated_cells import GRUCell, LSTMCell
from nerve.layers.recurrence import Recurrent

__all__ = [
    "GRU",
    "LSTM",
    "SimpleRNN",
]


class SimpleRNN(Recurrent, SimpleRNNCell):  # type: ignore[misc]  # a step and a sequence are called differently
    """`h = activation(x @ kernel + h @ recurrent_kernel + bias)`.

    One kernel computes whole sequences where the activation is tanh, sigmoid, relu or none.

    Parameters
    ----------
    units : int
        Size of the state.
    activation : str or callable, optional
    use_bias : bool
    kernel_initializer, recurrent_initializer, bias_initializer : str, Initializer or callable
        kernel is (features, units), recurrent_kernel is (units, units), bias is (units,).
    **options
        See `RecurrentOptions`.
    """


class LSTM(Recurrent, LSTMCell):  # type: ignore[misc]  # a step and a sequence are called differently
    """Long short-term memory.

    With the gates i, f and o of `recurrent_activation` and the candidate g of `activation`, each of
    `x @ kernel + h @ recurrent_kernel + bias`: `c = f * c + i * g`, `h = o * activation(c)`. One kernel computes whole
    sequences where these are sigmoid and tanh.

    Parameters
    ----------
    units : int
        Size of h and of c.
    activation, recurrent_activation : str or callable, optional
    use_bias : bool
    kernel_initializer, recurrent_initializer, bias_initializer : str, Initializer or callable
        kernel is (features, 4 * units), recurrent_kernel is (units, 4 * units), bias is (4 * units,), in the order of
        the gates i, f, g, o.
    unit_forget_bias : bool
        Whether the forget gate's bias begins at 1 (Jozefowicz et al., 2015).
    **options
        See `RecurrentOptions`.

    References
    ----------
    Hochreiter and Schmidhuber, "Long short-term memory", 1997; Gers et al., "Learning to forget", 2000.
    """


class GRU(Recurrent, GRUCell):  # type: ignore[misc]  # a step and a sequence are called differently
    """Gated recurrent unit.

    With the gates z and r of `recurrent_activation`: `n = activation(x @ kernel + r * (h @ recurrent_kernel))`,
    `h = z * h + (1 - z) * n`; the product with h is made of `r * h` instead where `reset_after` is False. One kernel
    computes whole sequences where the activations are sigmoid and tanh and `reset_after` is True.

    Parameters
    ----------
    units : int
        Size of the state.
    activation, recurrent_activation : str or callable, optional
    use_bias : bool
    kernel_initializer, recurrent_initializer, bias_initializer : str, Initializer or callable
        kernel is (features, 3 * units), recurrent_kernel is (units, 3 * units), bias is (2, 3 * units), the second row
        for the product with the state, or (3 * units,) where `reset_after` is False; in the order of z, r, n.
    reset_after : bool
        Whether the reset gate acts after the product with the state.
    **options
        See `RecurrentOptions`.

    References
    ----------
    Cho et al., "Learning phrase representations using RNN encoder-decoder", 2014.
    """
