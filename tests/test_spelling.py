"""Misspelt keywords and names: one error that says which may have been meant, and of whose argument."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nerve import callbacks, constraints, initializers, layers, losses, metrics, models, optimizers, regularizers
from nerve.errors import ShapeError


def model() -> models.Sequential:
    return models.Sequential([layers.Dense(1)])


KEYWORDS: list[tuple[Callable[[], Any], str, str]] = [
    (lambda: layers.Dense(3, activaton="relu"), "Dense() got an unexpected keyword argument 'activaton'", "activation"),
    (lambda: layers.Dense(unit=3), "Dense() got an unexpected keyword argument 'unit'", "units"),
    (lambda: layers.Dense(3, kernel_regulariser="l2"), "Dense() got", "kernel_regularizer"),
    (lambda: layers.Dense(3, trainble=False), "Dense() got", "trainable"),
    (lambda: layers.LSTM(3, return_sequence=True), "LSTM() got", "return_sequences"),
    (lambda: layers.GRU(3, recurrent_droput=0.1), "GRU() got", "recurrent_dropout"),
    (lambda: layers.ConvLSTM2D(3, 2, dropuot=0.1), "ConvLSTM2D() got", "dropout"),
    (lambda: layers.Conv2D(3, 3, kernal_initializer="zeros"), "Conv2D() got", "kernel_initializer"),
    (lambda: layers.MaxPooling2D(poolsize=2), "MaxPooling2D() got", "pool_size"),
    (lambda: layers.Flatten(input_shap=(3,)), "Flatten() got", "input_shape"),
    (lambda: optimizers.Adam(learning_rte=0.1), "Adam() got", "learning_rate"),
    (lambda: optimizers.SGD(clip_norm=1.0), "SGD() got", "clipnorm"),
    (lambda: optimizers.schedules.ExponentialDecay(0.1, 10, decay_rat=0.5), "ExponentialDecay() got", "decay_rate"),
    (lambda: losses.CategoricalCrossentropy(from_logit=True), "CategoricalCrossentropy() got", "from_logits"),
    (lambda: metrics.AUC(num_threshold=3), "AUC() got", "num_thresholds"),
    (lambda: callbacks.EarlyStopping(patince=3), "EarlyStopping() got", "patience"),
    (lambda: initializers.RandomNormal(standard_dev=1), "RandomNormal() got", "stddev"),
    (lambda: regularizers.L2(l22=1), "L2() got", "l2"),
    (lambda: constraints.MaxNorm(maxvalue=1), "MaxNorm() got", "max_value"),
    (lambda: model().compile("sgd", "mse", metric=["mae"]), "Sequential.compile() got", "metrics"),
    (lambda: model().fit(np.zeros((2, 1)), epoch=3), "Sequential.fit() got", "epochs"),
    (lambda: model().evaluate(np.zeros((2, 1)), batchsize=3), "Sequential.evaluate() got", "batch_size"),
    (lambda: model().predict(np.zeros((2, 1)), verbos=3), "Sequential.predict() got", "verbose"),
]


@pytest.mark.parametrize(("make", "begin", "meant"), KEYWORDS)
def test_an_unknown_keyword_names_those_that_are_close(make: Callable[[], Any], begin: str, meant: str) -> None:
    with pytest.raises(TypeError, match=rf"^{re.escape(begin)}.*: did you mean .*'{meant}'.*\?$"):
        make()


def test_a_keyword_close_to_none_gets_the_list_of_all() -> None:
    with pytest.raises(TypeError, match=r"unexpected keyword argument 'q': known are activation, .* units, use_bias$"):
        layers.Dense(3, q=1)


def test_layers_of_users_keep_their_own_errors_and_keywords() -> None:
    class Scaled(layers.Dense):
        def __init__(self, units: int, factor: float = 1.0, **options: Any) -> None:
            self.extra = options.pop("extra", None)
            super().__init__(units, **options)
            self.factor = factor

    assert Scaled(3, extra=2).extra == 2
    with pytest.raises(TypeError, match=r"^Scaled\(\) got an unexpected keyword argument 'factr': .*'factor'\?$"):
        Scaled(3, factr=2)
    with pytest.raises(TypeError, match=r"^Scaled\(\) got .* 'bias_initialiser': did you mean 'bias_initializer'"):
        Scaled(3, bias_initialiser=2)

    def inner(x: int) -> int:
        return x

    class Calls(layers.Layer):
        def __init__(self, y: int = 0) -> None:
            super().__init__()
            inner(y=y)

    # Said of the function inside, though the constructor has an argument of this name.
    with pytest.raises(TypeError, match=r"inner\(\) got an unexpected keyword argument 'y'$"):
        Calls(y=1)


NAMES: list[tuple[Callable[[], Any], str]] = [
    (lambda: layers.Dense(3, "rellu", name="head"), r"\[head \(Dense\)\] unknown activation 'rellu': .*'relu'"),
    (lambda: layers.Activation("sofmax", name="a"), r"\[a \(Activation\)\] unknown activation 'sofmax': .*'softmax'"),
    (
        lambda: layers.Dense(3, kernel_initializer="glorot_unifrom", name="head"),
        r"\[head \(Dense\)\] unknown initializer 'glorot_unifrom': did you mean 'glorot_uniform'",
    ),
    (
        lambda: layers.Dense(3, bias_initializer="bad", name="d"),
        r"\[d \(Dense\)\] unknown initializer 'bad': known are",
    ),
    (lambda: layers.LSTM(3, recurrent_initializer="orthogonl", name="r"), r"\[r \(LSTM\)\] .* 'orthogonal'"),
    (lambda: layers.BatchNormalization(gamma_initializer="one", name="b"), r"\[b \(BatchNormalization\)\] .*'ones'"),
    (lambda: layers.Dense(3, kernel_regularizer="l22", name="d"), r"\[d \(Dense\)\] unknown regularizer 'l22': .*'l2'"),
    (lambda: layers.Dense(3, bias_constraint="max_nrm", name="d"), r"\[d \(Dense\)\] unknown constraint .*'max_norm'"),
    (lambda: model().compile("adm", "mse"), "unknown optimizer 'adm': did you mean 'adam'"),
    (lambda: model().compile("adam", "mea"), "unknown loss 'mea': did you mean .*'mae'"),
    (lambda: model().compile("adam", "mse", metrics=["accurcy"]), "unknown metric 'accurcy': did you mean 'accuracy'"),
]


@pytest.mark.parametrize(("make", "message"), NAMES)
def test_an_unknown_name_says_whose_it_is_and_what_is_close(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        make()


def test_what_is_no_name_says_whose_it_is() -> None:
    with pytest.raises(
        TypeError, match=r"^\[head \(Dense\)\] expected the name of an activation or a callable, got 3$"
    ):
        layers.Dense(3, activation=3, name="head")


def test_the_first_layer_may_say_the_shape_of_the_inputs() -> None:
    for first in (
        layers.Dense(3, input_shape=(4,)),
        layers.Dense(3, input_dim=4),
        layers.Embedding(9, 3, input_length=4),
        layers.InputLayer(input_shape=(4,)),
    ):
        net = models.Sequential([first, layers.Dense(2)])
        assert net.input_shape == (None, 4)
        assert net.built
        assert "input_shape" not in net.layers[0].get_config()
        again = models.Sequential.from_config(net.get_config())
        assert again.output_shape == net.output_shape
    with pytest.raises(ShapeError, match=r"\[d \(Dense\)\] input_shape must be .* without the batch, got \(0,\)"):
        layers.Dense(3, input_shape=(0,), name="d")
