"""Layers over sequences beside Keras 3's: masks from layer to layer, both directions, cells, from the same weights."""

from __future__ import annotations

import numpy as np
import pytest
from test_keras import array, keras, same  # skips this file too where Keras is not installed

import nerve
from nerve import layers, ops

torch = pytest.importorskip("torch")
pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]

rng = np.random.default_rng(0)
X = rng.normal(size=(4, 6, 3)).astype(np.float32)
TOKENS = np.array([[1, 2, 3, 0, 0, 0], [0, 0, 4, 1, 2, 3], [2, 0, 1, 0, 3, 0], [0, 0, 0, 0, 0, 0]])
MASK = TOKENS != 0
HOLED = np.where(MASK[..., None], X, 0).astype(np.float32)


def flat(y):
    return [one for item in y for one in flat(item)] if isinstance(y, tuple | list) else [y]


def weights_to(theirs, ours):
    """Keras's weights in nerve's layer, matched in order and by shape."""
    ours.set_weights([array(w) for w in theirs.get_weights()])


def mask_of(y):
    mask = getattr(y, "_keras_mask", None)
    mask = getattr(y, "_mask", None) if mask is None else mask
    return None if mask is None else array(mask).astype(bool)


def compare(make, x=X, tolerance=1e-4, **given):
    """Outputs, masks, shapes, and gradients of inputs and weights, of `make(layers)`."""
    theirs, ours = make(keras.layers, keras), make(layers, nerve)
    convert = lambda v: torch.tensor(v) if isinstance(v, np.ndarray) else [torch.tensor(one) for one in v]  # noqa: E731
    is_float = x.dtype.kind == "f"
    a = nerve.Tensor(x) if is_float else x
    b = torch.tensor(x, requires_grad=is_float)
    theirs_given = {key: convert(value) for key, value in given.items()}
    expected = flat(theirs(b, **theirs_given))
    ours(a, **given)
    weights_to(theirs, ours)
    y = flat(ours(a, **given))
    same(expected, y, tolerance=tolerance)
    for one, other in zip(expected, y, strict=True):
        masks = mask_of(one), mask_of(other)
        assert (masks[0] is None) == (masks[1] is None)
        if masks[0] is not None:
            np.testing.assert_array_equal(*masks)
    shape = theirs.compute_output_shape(x.shape)
    same(flat(shape), flat(ours.compute_output_shape(x.shape)))
    loss = sum(torch.sin(one).sum() for one in expected)
    loss.backward()
    total = sum((ops.sum(ops.sin(one)) for one in y[1:]), ops.sum(ops.sin(y[0])))
    variables = [v for v in ours.weights if v.trainable]
    found = nerve.gradients(total, variables + ([a] if is_float else []))
    wanted = [v.value.grad for v in theirs.trainable_weights] + ([b.grad] if is_float else [])
    for one, other in zip(wanted, found, strict=True):
        np.testing.assert_allclose(np.asarray(other), array(one), rtol=tolerance, atol=tolerance)
    again = type(ours).from_config(ours.get_config())
    again(a, **given)
    again.set_weights(ours.get_weights())
    same(y, flat(again(a, **given)), tolerance=1e-6)


@pytest.mark.parametrize("name", ["SimpleRNN", "LSTM", "GRU"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"return_sequences": True},
        {"return_sequences": True, "return_state": True, "go_backwards": True},
        {"return_sequences": True, "zero_output_for_mask": True},
        {"go_backwards": True, "zero_output_for_mask": True},
    ],
    ids=str,
)
@pytest.mark.parametrize("begun", [False, True])
def test_masked_sequences(name, options, begun):
    given = {"mask": MASK}
    if begun:
        given["initial_state"] = [rng.normal(size=(4, 5)).astype(np.float32) for _ in range(1 + (name == "LSTM"))]
    compare(lambda layers, _: getattr(layers, name)(5, **options), **given)


class Twice:
    """A cell of one's own, written for both libraries."""

    def __new__(cls, library):
        class Leaky(library.layers.Layer):
            state_size = 5
            output_size = 2

            def build(self, input_shape):
                self.kernel = self.add_weight(shape=(input_shape[-1], 5), name="kernel", initializer="glorot_uniform")
                self.out = self.add_weight(shape=(5, 2), name="out", initializer="glorot_uniform")
                self.built = True

            def call(self, inputs, states):
                new = states[0] * 0.7 + library.ops.tanh(library.ops.matmul(inputs, self.kernel))
                return library.ops.matmul(new, self.out), [new]

        return Leaky()


CELLS = {
    "simple": lambda layers, library: layers.SimpleRNNCell(5),
    "LSTM": lambda layers, library: layers.LSTMCell(5, bias_initializer="ones"),
    "LSTM, relu": lambda layers, library: layers.LSTMCell(5, activation="relu", unit_forget_bias=False),
    "GRU": lambda layers, library: layers.GRUCell(5),
    "GRU, reset before": lambda layers, library: layers.GRUCell(5, reset_after=False, use_bias=False),
    "stacked": lambda layers, library: layers.StackedRNNCells([layers.LSTMCell(4), layers.GRUCell(5)]),
    "a list": lambda layers, library: [layers.SimpleRNNCell(4), layers.SimpleRNNCell(5, activation="sigmoid")],
    "own": lambda layers, library: Twice(library),
}


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"return_sequences": True, "return_state": True},
        {"return_sequences": True, "go_backwards": True, "zero_output_for_mask": True},
    ],
    ids=str,
)
@pytest.mark.parametrize("masked", [False, True])
def test_rnn(cell, options, masked):
    compare(
        lambda layers, library: layers.RNN(CELLS[cell](layers, library), **options),
        **({"mask": MASK} if masked else {}),
    )


@pytest.mark.parametrize("cell", ["simple", "LSTM", "LSTM, relu", "GRU", "GRU, reset before", "stacked"])
def test_one_step(cell):
    theirs, ours = CELLS[cell](keras.layers, keras), CELLS[cell](layers, nerve)
    theirs.build((4, 3))
    ours.build((4, 3))
    weights_to(theirs, ours)
    assert ours.state_size == theirs.state_size
    states = [array(state) for state in flat(theirs.get_initial_state(4))]
    assert [s.shape for s in states] == [s.shape for s in flat(ours.get_initial_state(4))]
    states = [rng.normal(size=s.shape).astype(np.float32) for s in states]
    if cell == "stacked":
        states = [states[:2], states[2]]
    given = [[torch.tensor(one) for one in s] if isinstance(s, list) else torch.tensor(s) for s in states]
    same(flat(theirs(torch.tensor(X[:, 0]), given)), flat(ours(X[:, 0], states)))


@pytest.mark.parametrize("mode", ["concat", "sum", "mul", "ave", None])
@pytest.mark.parametrize("options", [{}, {"return_sequences": True}, {"return_sequences": True, "return_state": True}])
@pytest.mark.parametrize("masked", [False, True])
def test_bidirectional(mode, options, masked):
    compare(
        lambda layers, _: layers.Bidirectional(layers.LSTM(4, **options), merge_mode=mode),
        **({"mask": MASK} if masked else {}),
    )


@pytest.mark.parametrize("name", ["SimpleRNN", "GRU", "RNN"])
def test_bidirectional_of_others(name):
    def make(layers, library):
        if name == "RNN":
            return layers.Bidirectional(layers.RNN(layers.LSTMCell(4), return_sequences=True))
        back = getattr(layers, name)(4, go_backwards=True, activation="relu", return_sequences=True)
        return layers.Bidirectional(getattr(layers, name)(4, return_sequences=True), backward_layer=back)

    compare(make, mask=MASK)


def test_bidirectional_from_states():
    states = [rng.normal(size=(4, 5)).astype(np.float32) for _ in range(4)]
    compare(lambda layers, _: layers.Bidirectional(layers.LSTM(5, return_state=True)), initial_state=states)


IMAGES = rng.normal(size=(3, 4, 6, 5, 2)).astype(np.float32)
INNER = {
    "Dense": (lambda layers: layers.Dense(4, activation="relu"), X),
    "Conv2D": (lambda layers: layers.Conv2D(3, 2), IMAGES),
    "BatchNormalization": (lambda layers: layers.BatchNormalization(), X),
    "LSTM": (lambda layers: layers.LSTM(3), rng.normal(size=(2, 3, 4, 3)).astype(np.float32)),
    "Flatten": (lambda layers: layers.Flatten(), IMAGES),
    "again": (lambda layers: layers.TimeDistributed(layers.Dense(2)), rng.normal(size=(2, 3, 4, 3)).astype(np.float32)),
}


@pytest.mark.parametrize("name", INNER)
def test_time_distributed(name):
    make, x = INNER[name]
    compare(lambda layers, _: layers.TimeDistributed(make(layers)), x)


def test_batch_statistics_of_every_step():
    theirs, ours = (library.layers.TimeDistributed(library.layers.BatchNormalization()) for library in (keras, nerve))
    same(theirs(torch.tensor(X), training=True), ours(X, training=True))
    same([array(w) for w in theirs.get_weights()], ours.get_weights())


@pytest.mark.parametrize("value", [0.0, 1.5])
def test_masking(value):
    x = np.where(MASK[..., None], X, np.float32(value)).astype(np.float32)
    x[1, 0, 1] = 3  # one value that differs lets the step count
    compare(lambda layers, _: layers.Masking(value), x)


def tagger(library, *, recurrent="LSTM", inner=()):
    layers = library.layers
    return library.Sequential(
        [
            library.Input((6,), dtype="int32"),
            layers.Embedding(5, 4, mask_zero=True),
            *(make(layers) for make in inner),
            layers.Bidirectional(getattr(layers, recurrent)(4, return_sequences=True)),
            layers.TimeDistributed(layers.Dense(3, activation="softmax")),
        ]
    )


@pytest.mark.parametrize("recurrent", ["SimpleRNN", "LSTM", "GRU"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("norm", ["LayerNormalization", "BatchNormalization"])
def test_a_mask_flows_from_the_embedding_to_the_loss(recurrent, weighted, norm):
    """Embedding, Bidirectional, TimeDistributed, loss and metric: fit, recorded, with the numbers of Keras."""
    labels = rng.integers(0, 3, size=TOKENS.shape)
    weights = rng.uniform(size=TOKENS.shape).astype(np.float32) if weighted else None
    results, start = [], None
    for library in (keras, nerve):
        model = tagger(library, recurrent=recurrent, inner=[lambda layers: getattr(layers, norm)()])
        if start is None:
            start = [array(w).copy() for w in model.get_weights()]
        model.set_weights(start)
        options = {"weighted_metrics": ["accuracy"]} if weighted else {"metrics": ["accuracy"]}
        model.compile(library.optimizers.SGD(0.5), "sparse_categorical_crossentropy", **options)
        history = model.fit(TOKENS, labels, sample_weight=weights, batch_size=4, epochs=4, verbose=0, shuffle=False)
        results.append([history.history, [array(w) for w in model.get_weights()], model.predict(TOKENS, verbose=0)])
    same(results[0], results[1])


@pytest.mark.parametrize("name", ["Add", "Multiply", "Average", "Concatenate"])
def test_masks_through_merging_and_pooling(name):
    def make(library):
        inputs = [library.Input((6,), dtype="int32") for _ in range(2)]
        x = [library.layers.Embedding(5, 4, mask_zero=True, embeddings_initializer="ones")(i) for i in inputs]
        x = getattr(library.layers, name)()(x)
        return library.Model(inputs, library.layers.GlobalAveragePooling1D()(library.layers.Dropout(0.1)(x)))

    rows = [TOKENS[:3], np.roll(TOKENS, 1, axis=1)[:3]]  # without the last, which has no step that counts
    same(make(keras).predict(rows, verbose=0), make(nerve).predict(rows))


def test_attention_reads_the_masks_of_its_inputs():
    def make(library):
        inputs = library.Input((6,), dtype="int32")
        x = library.layers.Embedding(5, 4, mask_zero=True)(inputs)
        heads = library.layers.MultiHeadAttention(2, 3)(x, x)
        return library.Model(inputs, [heads, library.layers.Attention()([x, x])])

    theirs, ours = make(keras), make(nerve)
    ours.set_weights([array(w) for w in theirs.get_weights()])
    a, b = theirs.predict(TOKENS[:3], verbose=0), ours.predict(TOKENS[:3])
    # A query that sees nothing is the mean of all values in Keras, and zero before the projection in nerve.
    same(a[0][MASK[:3]], b[0][MASK[:3]])
    same(a[1], b[1])


CONVOLUTIONS = [
    ("ConvLSTM2D", {"filters": 3, "kernel_size": 3}, (2, 4, 6, 5, 2)),
    ("ConvLSTM2D", {"filters": 3, "kernel_size": (3, 2), "padding": "same", "return_sequences": True}, (2, 3, 6, 5, 2)),
    ("ConvLSTM2D", {"filters": 3, "kernel_size": 2, "strides": 2, "return_state": True}, (2, 3, 6, 5, 2)),
    ("ConvLSTM2D", {"filters": 2, "kernel_size": 2, "dilation_rate": 2, "go_backwards": True}, (2, 3, 6, 5, 2)),
    ("ConvLSTM2D", {"filters": 2, "kernel_size": 2, "data_format": "channels_first"}, (2, 3, 2, 6, 5)),
    ("ConvLSTM1D", {"filters": 3, "kernel_size": 3, "return_sequences": True, "use_bias": False}, (2, 3, 7, 2)),
    ("ConvLSTM1D", {"filters": 3, "kernel_size": 2, "strides": 2, "padding": "same"}, (2, 3, 7, 2)),
    ("ConvLSTM3D", {"filters": 2, "kernel_size": (3, 2, 2), "return_sequences": True}, (2, 3, 5, 4, 4, 2)),
    ("ConvLSTM3D", {"filters": 2, "kernel_size": 3, "padding": "same", "strides": 2}, (2, 2, 5, 4, 4, 2)),
]


@pytest.mark.parametrize(("name", "options", "shape"), CONVOLUTIONS, ids=str)
@pytest.mark.parametrize("masked", [False, True])
def test_convolutional_lstm(name, options, shape, masked):
    x = rng.normal(size=shape).astype(np.float32)
    mask = {"mask": np.arange(shape[1]) < np.array([[1], [shape[1]]])} if masked else {}
    options = {**options, "activation": "relu"} if masked else options
    compare(lambda layers, _: getattr(layers, name)(**options), x, **mask)
