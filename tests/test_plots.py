"""Drawings of models, learning curves, filters, feature maps and receptive fields."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest

import nerve
from nerve import Input, Model, Sequential, layers, ops, plots, utils

SVG = "{http://www.w3.org/2000/svg}"


def branched():
    inputs = nerve.Input((12, 12, 1), name="image")
    fine = layers.Conv2D(4, 3, padding="same", activation="relu", name="fine")(inputs)
    x = layers.Conv2D(8, 3, padding="same", name="coarse")(layers.MaxPooling2D()(fine))
    x = layers.Concatenate(name="both")([fine, layers.UpSampling2D()(x)])
    return nerve.Model(inputs, layers.Conv2D(1, 1, name="last")(x))


def boxes(svg):
    root = ElementTree.fromstring(svg)
    found = {}
    for group in root.iter(f"{SVG}g"):
        rect = group.find(f"{SVG}rect")
        lines = [text.text for text in group.iter(f"{SVG}text")]
        found[lines[0]] = ([float(rect.get(key)) for key in ("x", "y", "width", "height")], lines)
    paths = [path for path in root.iter(f"{SVG}path") if path.get("marker-end")]
    return root, found, paths


@pytest.mark.parametrize("rankdir", ["TB", "LR"])
def test_a_branched_model_is_drawn(rankdir, tmp_path):
    path = tmp_path / "model.svg"
    svg = utils.plot_model(
        branched(), path, show_shapes=True, show_layer_names=True, rankdir=rankdir, show_layer_activations=True
    )
    assert path.read_text() == svg
    root, found, paths = boxes(svg)
    assert len(found) == 7
    assert len(paths) == 7, "the skip connection is one more than the chain"
    assert found["fine (Conv2D)"][1][1:] == ["activation: relu", "output: (None, 12, 12, 4)"]
    along = 1 if rankdir == "TB" else 0
    order = ["image (InputLayer)", "fine (Conv2D)", "coarse (Conv2D)", "both (Concatenate)", "last (Conv2D)"]
    places = [found[name][0][along] for name in order]
    assert places == sorted(places)
    rects = [rect for rect, _ in found.values()]
    for i, (x, y, w, h) in enumerate(rects):
        assert 0 <= x <= float(root.get("width")) - w
        assert 0 <= y <= float(root.get("height")) - h
        for x2, y2, w2, h2 in rects[i + 1 :]:
            assert x + w <= x2 or x2 + w2 <= x or y + h <= y2 or y2 + h2 <= y, "boxes do not overlap"


def test_other_models_are_drawn(tmp_path):
    a, b = nerve.Input((3,)), nerve.Input((4,))
    two = nerve.Model([a, b], [layers.Add()([layers.Dense(2)(a), layers.Dense(2)(b)]), layers.Dense(5)(b)])
    svg = utils.plot_model(two, None, show_dtype=True, show_trainable=True)
    assert svg.count("<rect") == 6
    assert "dtype: float32" in svg
    assert "trainable" in svg
    sequential = nerve.Sequential([nerve.Input((3,)), layers.Dense(2, name="<odd>")])
    assert "&lt;odd&gt; (Dense)" in utils.plot_model(sequential, None, show_layer_names=True)

    class Own(nerve.Model):
        def __init__(self):
            super().__init__()
            self.first, self.second = layers.Dense(3), layers.Dense(1)

        def call(self, x):
            return self.second(self.first(x))

    own = Own()
    with pytest.raises(ValueError, match="expects a model that is built"):
        utils.plot_model(own)
    own(np.zeros((1, 2), np.float32))
    assert utils.plot_model(own, None).count("<rect") == 2
    with pytest.raises(ValueError, match=r"to_file must end in \.svg"):
        utils.plot_model(own, tmp_path / "model.txt")
    with pytest.warns(UserWarning, match=r"writes SVG: the drawing is .*model\.svg, and not .*model\.png"):
        svg = utils.plot_model(own, tmp_path / "model.png")
    assert (tmp_path / "model.svg").read_text() == svg
    assert not (tmp_path / "model.png").exists()
    with pytest.raises(ValueError, match="rankdir must be"):
        utils.plot_model(own, None, rankdir="BT")


def test_models_inside_are_drawn_as_their_layers():
    a, b = Input((3,), name="a"), Input((3,), name="b")
    inner = Model([a, b], [layers.Add(name="sum")([a, b]), layers.Dense(2, name="deep")(b)], name="inner")
    x, y = Input((3,)), Input((3,))
    first, second = inner([x, layers.Activation("relu", name="act")(y)])
    stack = Sequential([Input((3,)), layers.Dense(4, name="in_stack")], name="stack")
    model = Model([x, y], [stack(first), layers.Dense(1, name="top")(second)])
    closed = utils.plot_model(model, None, show_layer_names=True)
    assert "inner (Model)" in closed
    assert "deep" not in closed
    opened = utils.plot_model(model, None, show_layer_names=True, expand_nested=True)
    for name in ("sum (Add)", "deep (Dense)", "in_stack (Dense)", "act (Activation)", "top (Dense)"):
        assert opened.count(name) == 1
    assert "inner" not in opened
    assert "stack (Sequential)" not in opened
    assert opened.count("<rect") == 7
    assert opened.count("marker-end") == 6  # x and act to sum, act to deep, sum to in_stack, deep to top, y to act


@pytest.fixture
def pyplot():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("agg")
    yield pyplot
    pyplot.close("all")


def test_learning_curves(pyplot):
    history = {"loss": [3.0, 2.0, 1.5], "val_loss": [3.5, 2.5, 2.6], "accuracy": [0.1, 0.5, 0.7]}
    figure = plots.plot_learning_curves(history)
    loss, accuracy = figure.axes
    assert [line.get_label() for line in loss.lines] == ["loss", "val_loss"]
    np.testing.assert_array_equal(loss.lines[1].get_ydata(), history["val_loss"])
    np.testing.assert_array_equal(loss.lines[0].get_xdata(), [1, 2, 3])
    assert [line.get_label() for line in accuracy.lines] == ["accuracy"]
    model = nerve.Sequential([nerve.Input((2,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    fitted = model.fit(np.ones((4, 2), np.float32), np.ones((4, 1), np.float32), epochs=3, initial_epoch=1, verbose=0)
    (axis,) = plots.plot_learning_curves(fitted, ["loss"]).axes
    np.testing.assert_array_equal(axis.lines[0].get_xdata(), [2, 3])
    with pytest.raises(ValueError, match="there is no 'recall' in the history"):
        plots.plot_learning_curves(history, ["recall"])


def test_filters_and_feature_maps(pyplot):
    model = branched()
    figure = plots.plot_filters(model.get_layer("fine"))
    kernel = model.get_layer("fine").kernel.numpy()[:, :, 0, 0]
    shown = np.asarray(figure.axes[0].images[0].get_array())
    assert shown.shape == (3, 3)
    np.testing.assert_array_equal(np.argsort(shown.ravel()), np.argsort(kernel.ravel()))
    image = np.random.default_rng(0).random((12, 12, 1), np.float32)
    figure = plots.plot_feature_maps(model, image, "coarse")
    assert sum(len(axis.images) for axis in figure.axes) == 8
    expected = nerve.Model(model.input, model.get_layer("coarse").output)(image[None]).numpy()[0, :, :, 3]
    np.testing.assert_array_equal(np.asarray(figure.axes[3].images[0].get_array()), expected)
    with pytest.raises(ValueError, match="no layer nothing gives images"):
        plots.plot_feature_maps(model, image, "nothing")
    with pytest.raises(ValueError, match="kernel of four axes"):
        plots.plot_filters(layers.Dense(2))


FIELDS = [
    ([layers.Conv2D(1, 3), layers.Conv2D(1, 3)], (5, 5), (1, 1)),
    ([layers.Conv2D(1, 3, strides=2), layers.MaxPooling2D(), layers.Conv2D(1, (1, 3))], (5, 13), (4, 4)),
    ([layers.Conv2D(1, 3, dilation_rate=2), layers.ReLU(), layers.AveragePooling2D(3, 1)], (7, 7), (1, 1)),
    ([layers.Conv2D(1, 3), layers.Flatten(), layers.Dense(2)], (3, 3), (1, 1)),
]


@pytest.mark.parametrize(("stack", "size", "stride"), FIELDS, ids=range(len(FIELDS)))
def test_receptive_fields(stack, size, stride):
    """As the gradient of one position in the middle sees it."""
    inputs = x = nerve.Input((40, 40, 1))
    chain = []
    for layer in stack:
        x = type(layer).from_config({**layer.get_config(), "name": None})(x)
        chain.append(x)
    model = nerve.Model(inputs, x)
    assert plots.receptive_field(model) == {"size": size, "stride": stride}
    last = nerve.Model(inputs, [y for y in chain if len(y.shape) == 4][-1])
    for weight in last.weights:
        weight.assign(np.ones(weight.shape, np.float32))
    image = nerve.Tensor(np.random.default_rng(0).random((1, 40, 40, 1)).astype(np.float32))
    y = last(image)
    (gradient,) = nerve.gradients(ops.sum(y[0, y.shape[1] // 2, y.shape[2] // 2]), [image])
    rows, columns = np.nonzero(gradient[0, :, :, 0])
    reached = np.ptp(rows) + 1, np.ptp(columns) + 1
    holes = any(
        isinstance(each, layers.MaxPooling2D) or getattr(each, "dilation_rate", (1, 1)) != (1, 1) for each in stack
    )
    if holes:
        # these look at the whole field, and take some of it
        assert reached[0] <= size[0]
        assert reached[1] <= size[1]
    else:
        assert reached == size


def test_the_receptive_field_of_a_branched_model():
    model = branched()
    assert plots.receptive_field(model) == {"size": (8, 8), "stride": (1, 1)}
    assert plots.receptive_field(model, "coarse") == {"size": (8, 8), "stride": (2, 2)}
    with pytest.raises(ValueError, match="with positions in space"):
        plots.receptive_field(nerve.Sequential([nerve.Input((3,)), layers.Dense(2)]))
