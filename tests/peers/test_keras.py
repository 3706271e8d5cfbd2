"""The same programs on nerve and on Keras 3, by a changed import, from the same weights on the same batches."""

from __future__ import annotations

import importlib
import inspect
import os
import warnings

import numpy as np
import pytest

import nerve

os.environ.setdefault("KERAS_BACKEND", "torch")
with warnings.catch_warnings():  # what Keras and PyTorch say of each other at import is not ours
    warnings.simplefilter("ignore")
    keras = pytest.importorskip("keras")
pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]

rng = np.random.default_rng(0)
X = rng.normal(size=(96, 6)).astype(np.float32)
Y = (2 * X[:, :1] + np.sin(X[:, 1:2])).astype(np.float32)
LABELS = (X[:, 0] > 0.3).astype(np.int64) + (X[:, 1] > 0)
IMAGES = rng.normal(size=(48, 9, 10, 2)).astype(np.float32)
WEIGHTS = rng.uniform(size=96).astype(np.float32)


def array(x):
    x = x.detach().cpu().numpy() if hasattr(x, "detach") else x
    return np.asarray(getattr(x, "array", x))


def same(a, b, path="", tolerance=1e-4):
    """Compare what two programs gave, names and shapes included."""
    if isinstance(a, dict):
        assert list(a) == list(b), path
        for key in a:
            same(a[key], b[key], f"{path}.{key}", tolerance)
    elif isinstance(a, list | tuple):
        assert len(a) == len(b), path
        for index, (one, other) in enumerate(zip(a, b, strict=True)):
            same(one, other, f"{path}[{index}]", tolerance)
    else:
        assert array(a).shape == array(b).shape, path
        np.testing.assert_allclose(array(b), array(a), rtol=tolerance, atol=tolerance, err_msg=path)


def both(program):
    """`program(library, start)` on both; `start(model)` gives nerve's model the weights that Keras's began with."""
    keras.utils.set_random_seed(0)
    beginnings = []

    def remember(model):
        beginnings.append([array(w).copy() for w in model.get_weights()])
        return model

    def repeat(model):
        model.set_weights(beginnings.pop(0))
        return model

    same(program(keras, remember), program(nerve, repeat))
    assert not beginnings


def mlp(library, outputs=1, activation=None):
    dense = library.layers.Dense
    return library.Sequential([library.Input((6,)), dense(8, activation="tanh"), dense(outputs, activation=activation)])


OPTIMIZERS = [
    ("SGD", {}),
    ("SGD", {"momentum": 0.9}),
    ("SGD", {"momentum": 0.9, "nesterov": True}),
    ("RMSprop", {}),
    ("RMSprop", {"centered": True, "momentum": 0.8}),
    ("Adagrad", {}),
    ("Adadelta", {"learning_rate": 1.0}),
    ("Adam", {}),
    ("Adam", {"amsgrad": True}),
    ("AdamW", {}),
    ("Adamax", {}),
    ("Nadam", {}),
    ("SGD", {"clipnorm": 0.05}),
    ("Adam", {"global_clipnorm": 0.05}),
    ("RMSprop", {"clipvalue": 0.01}),
    ("Lion", {}),
    ("Lion", {"beta_1": 0.8, "beta_2": 0.9}),
    ("Ftrl", {"learning_rate": 0.1}),
    ("Ftrl", {"learning_rate_power": -0.7, "l1_regularization_strength": 0.05, "l2_regularization_strength": 0.1}),
    ("Ftrl", {"learning_rate": 0.1, "l2_shrinkage_regularization_strength": 0.1, "beta": 0.3}),
    ("Lamb", {}),
    ("Adafactor", {"learning_rate": 0.05}),
    ("Muon", {}),
    ("Muon", {"nesterov": False, "rms_rate": None, "adam_lr_ratio": 0.5, "exclude_layers": ["dense_1"]}),
    # Not ScheduleFreeAdamW: on PyTorch, unlike on JAX, Keras 3.15 keeps no copy of the momentum its step starts from.
    ("SGD", {"use_ema": True, "ema_momentum": 0.8}),
    ("Adam", {"use_ema": True, "ema_overwrite_frequency": 4}),
    ("Adam", {"gradient_accumulation_steps": 2, "clipnorm": 0.05}),
    ("Adamax", {"loss_scale_factor": 16.0}),
]


@pytest.mark.parametrize(("name", "options"), OPTIMIZERS, ids=str)
def test_optimizers(name, options):
    def program(library, start):
        model = start(mlp(library))
        decay = {} if name == "AdamW" else {"weight_decay": 0.05}
        model.compile(getattr(library.optimizers, name)(**options, **decay), "mse")
        losses = model.fit(X, Y, epochs=3, shuffle=False, verbose=0).history
        return losses, model.get_weights()

    both(program)


LAYERS = [
    ("Conv2D", (4, 3), {"padding": padding, **more})
    for padding in ("valid", "same")
    for more in ({}, {"strides": 2}, {"strides": (2, 1)}, {"dilation_rate": 2}, {"groups": 2, "activation": "relu"})
] + [
    ("MaxPooling2D", (3, 2, "same"), {}),
    ("MaxPooling2D", (), {}),
    ("AveragePooling2D", (2,), {}),
    ("GlobalAveragePooling2D", (), {"keepdims": True}),
    ("GlobalMaxPooling2D", (), {}),
    ("BatchNormalization", (), {"momentum": 0.5}),
    ("BatchNormalization", (), {"axis": 1, "scale": False}),
    ("LayerNormalization", (), {"epsilon": 0.01}),
    ("LayerNormalization", ([2, 3],), {"scale": False}),
    ("LayerNormalization", ([1, 3],), {"center": False}),  # axes in a row that are not the last fail on PyTorch
    ("Dense", (3,), {"activation": "softmax"}),
    ("ReLU", (6.0, 0.1, 0.5), {}),
    ("Softmax", (1,), {}),
    ("Flatten", (), {}),
    ("Reshape", ((-1, 4),), {}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "arguments", "options"), LAYERS, ids=str)
def test_layers(name, arguments, options):
    def program(library, start):
        layer = getattr(library.layers, name)(*arguments, **options)
        layer.build(IMAGES.shape)
        start(layer)
        outputs = [array(layer(IMAGES, **given)) for given in ({}, {"training": True}, {"training": False})]
        return outputs, layer.get_weights(), list(layer.compute_output_shape(IMAGES.shape))

    both(program)


SEQUENCES = [rng.normal(size=shape).astype(np.float32) for shape in ((4, 5, 6), (4, 7, 3), (4, 7, 2))]
SEEN = rng.uniform(size=(4, 5, 7)) < 0.7
SEEN[..., 2] = True
THERE = rng.uniform(size=(4, 7)) < 0.7
THERE[:, 0] = True
CALLS = [
    {},
    {"use_causal_mask": True},
    {"attention_mask": SEEN},
    {"attention_mask": SEEN[:1], "return_attention_scores": True},
    {"value_mask": THERE, "use_causal_mask": True, "return_attention_scores": True},
    {"training": True},
]


@pytest.mark.parametrize("given", CALLS, ids=lambda given: "-".join(given))
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"value_dim": 4, "output_shape": 8},
        {"use_bias": False},
        {"output_shape": (2, 3)},
        {"sliding_window": 2},
        {"use_gate": True, "value_dim": 4},
    ],
    ids=str,
)
def test_multi_head_attention(options, given):
    def program(library, start):
        query, value, key = SEQUENCES
        results = []
        for inputs in ((query, query), (query, value, key)):
            if "attention_mask" in given and len(inputs) == 2:
                continue
            if "value_mask" in given and len(inputs) == 2:
                continue
            layer = library.layers.MultiHeadAttention(2, 3, **options)
            layer.build(*(x.shape for x in inputs))
            start(layer)
            results.append((layer(*inputs, **given), [w.shape for w in layer.weights], layer.get_weights()))
            results.append(list(layer.compute_output_shape(*(x.shape for x in inputs))))
        return results

    both(program)


@pytest.mark.parametrize("given", [{}, {"use_causal_mask": True, "return_attention_scores": True}], ids=str)
@pytest.mark.parametrize("mask", [None, [None, THERE], [THERE[:, :5], THERE]], ids=["none", "value", "both"])
@pytest.mark.parametrize("options", [{}, {"use_scale": True}], ids=str)
def test_attention(options, mask, given):
    def program(library, start):
        query, value, key = SEQUENCES[0][..., :3], SEQUENCES[2], SEQUENCES[1]
        layer = library.layers.Attention(**options)
        outputs = layer([query, value, key], mask=mask, **given)
        return outputs, layer.get_weights(), list(layer.compute_output_shape([x.shape for x in (query, value, key)]))

    both(program)


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "none", "mean_with_sample_weight"])
@pytest.mark.parametrize(
    ("name", "options", "targets"),
    [
        ("MeanSquaredError", {}, "one-hot"),
        ("MeanAbsoluteError", {}, "one-hot"),
        ("BinaryCrossentropy", {"label_smoothing": 0.1}, "one-hot"),
        ("BinaryCrossentropy", {"from_logits": True}, "one-hot"),
        ("CategoricalCrossentropy", {"label_smoothing": 0.1}, "one-hot"),
        ("CategoricalCrossentropy", {"from_logits": True}, "one-hot"),
        ("SparseCategoricalCrossentropy", {}, "labels"),
        ("SparseCategoricalCrossentropy", {"from_logits": True, "ignore_class": 1}, "labels"),
    ],
    ids=str,
)
def test_losses(name, options, targets, reduction):
    logits = X[:, :3]
    outputs = logits if options.get("from_logits") else np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    y = LABELS if targets == "labels" else np.eye(3, dtype=np.float32)[LABELS]

    def program(library, _):
        loss = getattr(library.losses, name)(reduction=reduction, **options)
        return loss.name, [loss(y, outputs, sample_weight=w) for w in (None, WEIGHTS, 0 * WEIGHTS)]

    (name_a, a), (name_b, b) = program(keras, None), program(nerve, None)
    assert name_a == name_b
    same(a, b, tolerance=1e-5)


def test_training_a_classifier_with_weights():
    def program(library, start):
        model = start(mlp(library, 3, "softmax"))
        accuracy = library.metrics.SparseCategoricalAccuracy(name="mine")
        model.compile(
            "adam", "sparse_categorical_crossentropy", metrics=["accuracy"], weighted_metrics=["accuracy", accuracy]
        )
        fit = {"epochs": 2, "shuffle": False, "verbose": 0, "batch_size": 20}
        return [
            model.fit(X, LABELS, validation_split=0.2, class_weight={0: 1.0, 1: 2.0, 2: 0.5}, **fit).history,
            model.fit(X, LABELS, sample_weight=WEIGHTS, steps_per_epoch=2, **fit).history,
            # As a dict: Keras's list has a metric whose name is there twice more than once.
            model.evaluate(X, LABELS, verbose=0, return_dict=True, sample_weight=WEIGHTS),
            model.train_on_batch(X[:9], LABELS[:9], return_dict=True),
            model.test_on_batch(X[:9], LABELS[:9], sample_weight=WEIGHTS[:9], return_dict=True),
            model.predict(X, verbose=0),
            model.count_params(),
        ]

    both(program)


def test_training_a_graph_of_several_inputs_and_outputs():
    def program(library, start):
        layers = library.layers
        a, b = library.Input((6,), name="a"), library.Input((2,), name="b")
        x = shortcut = layers.Dense(8, activation="relu")(a)
        x = layers.Activation("relu")(layers.Add()([layers.Dense(8)(x), shortcut]))
        x = layers.Concatenate()([x, b])
        outputs = [layers.Dense(1, name="level")(x), layers.Dense(3, activation="softmax", name="kind")(x)]
        model = start(library.Model([a, b], outputs))
        model.compile(
            "rmsprop",
            loss={"level": "mse", "kind": "sparse_categorical_crossentropy"},
            loss_weights={"level": 1.0, "kind": 0.3},
            metrics={"level": ["mae"], "kind": ["accuracy"]},
        )
        inputs, targets = {"a": X, "b": X[:, :2]}, {"level": Y, "kind": LABELS}
        history = model.fit(inputs, targets, epochs=2, validation_split=0.25, shuffle=False, verbose=0).history
        evaluated = model.evaluate([X, X[:, :2]], [Y, LABELS], verbose=0)
        return history, evaluated, model.predict([X, X[:, :2]], verbose=0), model.get_weights()

    both(program)


def test_training_images_with_batch_normalization_and_frozen_layers():
    labels = np.arange(48) % 3

    def program(library, start):
        layers = library.layers
        inputs = library.Input((9, 10, 2))
        x = layers.Conv2D(4, 3, use_bias=False)(inputs)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
        base = library.Model(inputs, layers.MaxPooling2D()(x))
        model = start(library.Sequential([base, layers.GlobalAveragePooling2D(), layers.Dense(3)]))
        found = []
        for trainable in (True, False):
            base.trainable = trainable
            loss = library.losses.SparseCategoricalCrossentropy(from_logits=True)
            model.compile(library.optimizers.SGD(0.1), loss, metrics=["accuracy"])
            found.append(model.fit(IMAGES, labels, batch_size=16, epochs=2, shuffle=False, verbose=0).history)
            found.append(len(model.trainable_weights))
        return found, model.get_weights()

    both(program)


def test_callbacks_and_custom_parts():
    def program(library, start):
        class Bias(library.metrics.Metric):
            def __init__(self, name="bias"):
                super().__init__(name=name)
                self.total = self.add_weight(name="total", initializer="zeros")

            def update_state(self, y_true, y_pred, sample_weight=None):
                self.total.assign_add(library.ops.sum(y_pred - y_true))

            def result(self):
                return self.total / 96.0

        class Own(library.Model):
            def train_step(self, data):
                x, y = data
                return super().train_step((x, y + 1.0))

        def loss(y_true, y_pred):
            return library.ops.mean(library.ops.square(y_true - y_pred), axis=-1)

        inputs = library.Input((6,))
        model = start(Own(inputs, library.layers.Dense(1)(inputs)))
        model.compile(library.optimizers.Adam(0.3), loss, metrics=[Bias(), "mae"])
        events = []
        callbacks = library.callbacks
        watch = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: events.append([epoch, dict(logs)]))
        stop = callbacks.EarlyStopping(monitor="loss", patience=3, restore_best_weights=True)
        slow = callbacks.ReduceLROnPlateau(monitor="loss", factor=0.5, patience=1)
        history = model.fit(X, Y, epochs=25, shuffle=False, verbose=0, callbacks=[watch, stop, slow]).history
        return history, events, model.get_weights()

    both(program)


def test_names_at_the_top():
    for name in ("Initializer", "Input", "Layer", "Loss", "Metric", "Model", "Optimizer", "Sequential"):
        assert getattr(nerve, name).__name__ == getattr(keras, name).__name__


def every(sizes):
    """The numbers in nested tuples: one number may stand for all axes."""
    return set().union(*map(every, sizes)) if isinstance(sizes, tuple) else {sizes}


@pytest.mark.parametrize("module", ["layers", "losses", "metrics", "optimizers", "callbacks", "initializers"])
def test_defaults(module):
    """An argument that both have has one default, and its place among those that both have."""
    ours = importlib.import_module(f"nerve.{module}")
    compared = 0
    for name in dir(ours):
        cls, theirs = getattr(ours, name), getattr(getattr(keras, module), name, None)
        if name.startswith("_") or not inspect.isclass(cls) or not inspect.isclass(theirs):
            continue
        parameters = inspect.signature(theirs).parameters
        if cls is not nerve.Metric:  # whose first argument is its name
            places = [
                [p.name for p in inspect.signature(each).parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
                for each in (cls, theirs)
            ]
            common = set(places[0]) & set(places[1])
            assert [p for p in places[0] if p in common] == [p for p in places[1] if p in common], name
        for parameter in inspect.signature(cls).parameters.values():
            default = parameter.default
            if parameter.name in parameters and default is not parameter.empty and default is not None:
                expected = parameters[parameter.name].default
                if expected is not parameter.empty:
                    assert default == expected or every(expected) == {default}, (name, parameter.name)
                    compared += 1
    assert compared
