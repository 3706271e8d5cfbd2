"""Optimizers against PyTorch: fifty steps on the same gradients, in float64.

Keras and PyTorch differ in where epsilon is added, among others; each case says how they are made equal. The formulas
themselves, at Keras's defaults, are in tests/test_optimizers.py.
"""

from __future__ import annotations

import numpy as np
import pytest

from nerve import Variable, optimizers

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.peers

STEPS = 50
# With no epsilon at all it does not matter where it is added; no gradient below is zero.
TINY = 1e-30

CASES = [
    ("sgd", optimizers.SGD(0.05), torch.optim.SGD, {"lr": 0.05}),
    ("momentum", optimizers.SGD(0.05, momentum=0.9), torch.optim.SGD, {"lr": 0.05, "momentum": 0.9}),
    (
        "nesterov",
        optimizers.SGD(0.05, momentum=0.9, nesterov=True),
        torch.optim.SGD,
        {"lr": 0.05, "momentum": 0.9, "nesterov": True},
    ),
    # Keras adds epsilon under the root, PyTorch outside of it.
    (
        "adagrad",
        optimizers.Adagrad(0.05, initial_accumulator_value=0.1, epsilon=TINY),
        torch.optim.Adagrad,
        {"lr": 0.05, "initial_accumulator_value": 0.1, "eps": TINY},
    ),
    (
        "rmsprop",
        optimizers.RMSprop(0.05, rho=0.9, epsilon=TINY),
        torch.optim.RMSprop,
        {"lr": 0.05, "alpha": 0.9, "eps": TINY},
    ),
    # A momentum that sums increments already scaled by the learning rate equals one that sums them unscaled, as long as
    # the learning rate does not change. The centred variance is zero at first only for rho = 0.
    (
        "rmsprop-centered-momentum",
        optimizers.RMSprop(0.05, rho=0.8, momentum=0.5, centered=True, epsilon=TINY),
        torch.optim.RMSprop,
        {"lr": 0.05, "alpha": 0.8, "momentum": 0.5, "centered": True, "eps": TINY},
    ),
    # Both add epsilon under both roots.
    (
        "adadelta",
        optimizers.Adadelta(1.0, rho=0.9, epsilon=1e-6),
        torch.optim.Adadelta,
        {"lr": 1.0, "rho": 0.9, "eps": 1e-6},
    ),
    # Keras's epsilon stands before the correction of the second moment ("epsilon hat"), PyTorch's after it.
    ("adam", optimizers.Adam(0.05, epsilon=TINY), torch.optim.Adam, {"lr": 0.05, "eps": TINY}),
    ("adam-defaults", optimizers.Adam(), torch.optim.Adam, {"lr": 0.001, "eps": 1e-8}),
    (
        "adamw",
        optimizers.AdamW(0.05, 0.1, epsilon=TINY),
        torch.optim.AdamW,
        {"lr": 0.05, "weight_decay": 0.1, "eps": TINY},
    ),
    # Equal but for epsilon, which PyTorch adds to the gradient within the maximum.
    ("adamax", optimizers.Adamax(0.05, epsilon=TINY), torch.optim.Adamax, {"lr": 0.05, "eps": TINY}),
    # PyTorch writes 0.96 ** (step * momentum_decay); 1 is Keras's schedule.
    (
        "nadam",
        optimizers.Nadam(0.05, epsilon=TINY),
        torch.optim.NAdam,
        {"lr": 0.05, "momentum_decay": 1.0, "eps": TINY},
    ),
]


@pytest.mark.parametrize(("name", "ours", "theirs", "options"), CASES, ids=[case[0] for case in CASES])
def test_steps(name, ours, theirs, options):
    rng = np.random.default_rng(0)
    values = [rng.normal(size=shape) for shape in ((7, 5), (5,), (3, 3, 2, 4))]
    variables = [Variable(value) for value in values]
    parameters = [torch.tensor(value, requires_grad=True) for value in values]
    optimizer = theirs(parameters, **options)
    for _ in range(STEPS):
        gradients = [rng.normal(size=value.shape) for value in values]
        ours.apply(gradients, variables)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = torch.tensor(gradient)
        optimizer.step()
    # At the defaults the two epsilons are left as they are: 1e-7 and 1e-8 next to second moments near 1. PyTorch keeps
    # NAdam's product of momenta in float32; 8e-10 was seen.
    tolerance = {"adam-defaults": 1e-5, "nadam": 1e-8}.get(name, 1e-10)
    for variable, parameter in zip(variables, parameters, strict=True):
        np.testing.assert_allclose(variable.numpy(), parameter.detach().numpy(), rtol=tolerance, atol=tolerance)


def test_amsgrad():
    # Keras keeps the largest raw second moment, PyTorch (2.13) the largest corrected one; with beta_2 small enough the
    # correction is 1 from the start and both are the same.
    rng = np.random.default_rng(0)
    value = rng.normal(size=(6, 4))
    variable, parameter = Variable(value), torch.tensor(value, requires_grad=True)
    ours = optimizers.Adam(0.05, beta_2=1e-17, epsilon=TINY, amsgrad=True)
    theirs = torch.optim.Adam([parameter], lr=0.05, betas=(0.9, 1e-17), eps=TINY, amsgrad=True)
    for step in range(STEPS):
        gradient = rng.normal(size=value.shape) / (step + 1)
        ours.apply([gradient], [variable])
        parameter.grad = torch.tensor(gradient)
        theirs.step()
    np.testing.assert_allclose(variable.numpy(), parameter.detach().numpy(), rtol=1e-10)


def test_clipping_by_norm():
    rng = np.random.default_rng(0)
    gradients = [rng.normal(size=(4, 3)), rng.normal(size=(5,))]
    for option, clip in (
        ("global_clipnorm", lambda ps: torch.nn.utils.clip_grad_norm_(ps, 0.5)),
        ("clipnorm", lambda ps: [torch.nn.utils.clip_grad_norm_([p], 0.5) for p in ps]),
        ("clipvalue", lambda ps: torch.nn.utils.clip_grad_value_(ps, 0.5)),
    ):
        variables = [Variable(np.zeros(g.shape)) for g in gradients]
        optimizers.SGD(1.0, **{option: 0.5}).apply(gradients, variables)
        parameters = [torch.zeros(g.shape, dtype=torch.float64, requires_grad=True) for g in gradients]
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = torch.tensor(gradient)
        clip(parameters)
        for variable, parameter in zip(variables, parameters, strict=True):
            # PyTorch divides by the norm plus 1e-6.
            np.testing.assert_allclose(variable.numpy(), -parameter.grad.numpy(), rtol=1e-5)
