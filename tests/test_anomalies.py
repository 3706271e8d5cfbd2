"""NaN and infinity are found where they first appear, in values and in gradients."""

from __future__ import annotations

import numpy as np
import pytest

import nerve
from nerve import Input, Model, Sequential, Variable, layers, ops

from .fitting import X, Y, regression


class Logarithm(layers.Layer):
    def call(self, x):
        return ops.log(-1.0 - ops.square(x))


def network():
    inner = Sequential([Input((3,)), layers.Dense(2, name="hidden"), Logarithm(name="log")], name="inner")
    model = Sequential([Input((3,)), inner, layers.Dense(1, name="last")], name="outer")
    model.compile("sgd", "mse")
    return model


def test_a_value_names_layer_op_and_place():
    model = network()
    for run in (lambda: model.fit(X, Y, verbose=0), lambda: model.predict(X, verbose=0)):
        with (
            nerve.detect_anomaly(),
            pytest.raises(
                FloatingPointError, match=r"^\[outer/inner/log \(Logarithm\)\] log gives nan at index \(\d+, \d\)"
            ),
        ):
            run()
    assert np.isnan(model.predict(X, verbose=0)).all()  # out of the block it is no error


def test_a_gradient_names_layer_and_op():
    class Root(layers.Layer):
        def call(self, x):
            return ops.sqrt(ops.square(x))  # whose gradient at 0 is none

    inputs = Input((3,))
    model = Model(inputs, layers.Dense(1)(Root(name="root")(inputs * 0.0)), name="net")
    model.compile("sgd", "mse")
    model.fit(X, Y, verbose=0)  # the gradient does not reach a weight
    x = Variable(np.zeros(3))
    layer = Root(name="root", dtype="float64")
    message = r"\[root \(Root\)\] the gradient of (sqrt|square) has (nan|inf)"
    with nerve.detect_anomaly(), pytest.raises(FloatingPointError, match=message):
        nerve.gradients(ops.sum(layer(x)), [x])


def test_weights_that_hold_it_already():
    model = regression()
    model.layers[0].kernel.assign(np.full((3, 1), np.inf))
    with nerve.detect_anomaly(), pytest.raises(FloatingPointError, match=r"dense.* from inputs that hold it already"):
        model.fit(X, Y, verbose=0)


def test_what_is_right_is_left_alone():
    nerve.random.seed(0)
    model, other = regression(metrics=["mae"]), regression(metrics=["mae"])
    other.set_weights(model.get_weights())
    model.fit(X, Y, epochs=2, verbose=0, shuffle=False)
    with nerve.detect_anomaly():
        other.fit(X, Y, epochs=2, verbose=0, shuffle=False)
        assert other._recorders["train"].recordings == []
    assert all(map(np.array_equal, model.get_weights(), other.get_weights()))
    other.fit(X, Y, epochs=3, verbose=0)
    assert other._recorders["train"].recordings[0].ready


def test_blocks_end_with_their_errors():
    with pytest.raises(RuntimeError, match="mine"), nerve.detect_anomaly():
        raise RuntimeError("mine")
    assert np.isinf(float(ops.log(nerve.Tensor(0.0))))
