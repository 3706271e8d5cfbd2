"""JAX's side: a jitted step with optax, its old parameters given up for the new ones."""

from __future__ import annotations

import itertools
from typing import Any

import jax
import jax.numpy as jnp
import optax

from benchmarks.steps.workload import CHECKED, EPSILON, Side, Workload

Weights = list[Any]


def mlp(weights: Weights, x: Any) -> Any:
    for kernel, bias in zip(weights[:-2:2], weights[1:-2:2], strict=True):
        x = jax.nn.relu(x @ kernel + bias)
    return x @ weights[-2] + weights[-1]


def lenet5(weights: Weights, x: Any) -> Any:
    for i, padding in ((0, "SAME"), (2, "VALID")):
        x = jax.lax.conv_general_dilated(x, weights[i], (1, 1), padding, dimension_numbers=("NHWC", "HWIO", "NHWC"))
        x = jnp.tanh(x + weights[i + 1])
        x = jax.lax.reduce_window(x, 0.0, jax.lax.add, (1, 2, 2, 1), (1, 2, 2, 1), "VALID") / 4
    x = x.reshape(len(x), -1)
    for i in (4, 6):
        x = jnp.tanh(x @ weights[i] + weights[i + 1])
    return x @ weights[8] + weights[9]


def lstm(weights: Weights, x: Any) -> Any:
    kernel, recurrent, bias, head, head_bias = weights

    def cell(state: Any, projected: Any) -> Any:
        hidden, carry = state
        into, forget, candidate, out = jnp.split(projected + hidden @ recurrent, 4, axis=1)
        carry = jax.nn.sigmoid(forget) * carry + jax.nn.sigmoid(into) * jnp.tanh(candidate)
        return (jax.nn.sigmoid(out) * jnp.tanh(carry), carry), None

    zeros = jnp.zeros((len(x), len(recurrent)))
    (hidden, _), _ = jax.lax.scan(cell, (zeros, zeros), jnp.swapaxes(x @ kernel + bias, 0, 1))
    return hidden @ head + head_bias


NETWORKS = {"mlp": mlp, "lenet5": lenet5, "lstm": lstm}


def sides(workload: Workload) -> dict[str, Side]:
    network = NETWORKS[workload.network]
    if workload.optimizer == "adam":
        optimizer = optax.adam(workload.learning_rate, eps=EPSILON)
    else:
        optimizer = optax.sgd(workload.learning_rate, workload.momentum or None)

    def loss_of(weights: Weights, x: Any, y: Any) -> Any:
        return optax.softmax_cross_entropy_with_integer_labels(network(weights, x), y).mean()

    def update(weights: Weights, state: Any, x: Any, y: Any) -> Any:
        loss, gradients = jax.value_and_grad(loss_of)(weights, x, y)
        updates, state = optimizer.update(gradients, state)
        return optax.apply_updates(weights, updates), state, loss

    weights = [jnp.asarray(w) for w in workload.start().get_weights()]
    batches = [(jnp.asarray(x), jnp.asarray(y)) for x, y in workload.batches()]
    state = optimizer.init(weights)
    jitted = jax.jit(update, donate_argnums=(0, 1))
    plan: Any = jitted.lower(weights, state, *batches[0]).compile().memory_analysis()
    turns = itertools.cycle(batches)
    now = [weights, state, jnp.zeros(())]

    def step() -> Any:
        now[:] = jitted(now[0], now[1], *next(turns))
        return now[2].block_until_ready()  # else the last step would go on beside the next side's

    def memory() -> int:
        made = plan.argument_size_in_bytes + plan.output_size_in_bytes - plan.alias_size_in_bytes
        return int(made + plan.temp_size_in_bytes)

    return {"jax jit": Side(lambda: [float(step()) for _ in range(CHECKED)], step, memory=memory)}
