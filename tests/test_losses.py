"""Losses: values against formulas written out in NumPy, reductions, weights, gradients and errors."""

from __future__ import annotations

import numpy as np
import pytest

import nerve
from nerve import Tensor, losses, ops
from nerve.errors import DTypeError, ShapeError

rng = np.random.default_rng(0)
N, C = 6, 4
LOGITS = rng.normal(size=(N, C)) * 3
PROBABILITIES = np.exp(LOGITS) / np.exp(LOGITS).sum(-1, keepdims=True)
LABELS = rng.integers(0, C, N)
ONE_HOT = np.eye(C)[LABELS]
BINARY = rng.integers(0, 2, (N, C)).astype(float)
REAL = rng.normal(size=(N, C))
SIGMOID = 1 / (1 + np.exp(-LOGITS))


def tensor(array):
    return nerve.Tensor(np.asarray(array, dtype=np.float64))


def bce(y, p):
    return -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean(-1)


def unit(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def kl(p, q):
    return (p * np.log(p / q)).sum(-1)


def huber(distance, delta):
    return np.where(distance <= delta, distance**2 / 2, delta * distance - delta**2 / 2)


MARGINS = np.maximum(1 - (2 * BINARY - 1) * LOGITS, 0)
RIGHT = PROBABILITIES[np.arange(N), LABELS]
COMMON = (BINARY * SIGMOID).sum(-1)
CASES = [
    (losses.MeanSquaredError(), REAL, LOGITS, ((LOGITS - REAL) ** 2).mean(-1)),
    (losses.MeanAbsoluteError(), REAL, LOGITS, np.abs(LOGITS - REAL).mean(-1)),
    (losses.MeanAbsolutePercentageError(), REAL, LOGITS, 100 * np.abs((LOGITS - REAL) / REAL).mean(-1)),
    (losses.MeanSquaredLogarithmicError(), REAL**2, SIGMOID, ((np.log1p(SIGMOID) - np.log1p(REAL**2)) ** 2).mean(-1)),
    (losses.Huber(delta=1.5), REAL, LOGITS, huber(np.abs(LOGITS - REAL), 1.5).mean(-1)),
    (losses.LogCosh(), REAL, LOGITS, np.log(np.cosh(LOGITS - REAL)).mean(-1)),
    (losses.CosineSimilarity(), REAL, LOGITS, -(unit(REAL) * unit(LOGITS)).sum(-1)),
    (losses.Poisson(), BINARY, SIGMOID, (SIGMOID - BINARY * np.log(SIGMOID + 1e-7)).mean(-1)),
    (losses.Hinge(), BINARY, LOGITS, MARGINS.mean(-1)),
    (losses.SquaredHinge(), 2 * BINARY - 1, LOGITS, (MARGINS**2).mean(-1)),
    (
        losses.CategoricalHinge(),
        ONE_HOT,
        LOGITS,
        np.maximum(((1 - ONE_HOT) * LOGITS).max(-1) - (ONE_HOT * LOGITS).sum(-1) + 1, 0),
    ),
    (losses.KLDivergence(), PROBABILITIES[::-1], PROBABILITIES, kl(PROBABILITIES[::-1], PROBABILITIES)),
    (
        losses.BinaryFocalCrossentropy(apply_class_balancing=True, alpha=0.3, gamma=1.5),
        BINARY,
        SIGMOID,
        -(
            0.3 * (1 - SIGMOID) ** 1.5 * BINARY * np.log(SIGMOID)
            + 0.7 * SIGMOID**1.5 * (1 - BINARY) * np.log(1 - SIGMOID)
        ).mean(-1),
    ),
    (
        losses.CategoricalFocalCrossentropy(gamma=3.0),
        ONE_HOT,
        PROBABILITIES,
        -0.25 * ((1 - PROBABILITIES) ** 3 * ONE_HOT * np.log(PROBABILITIES)).sum(-1),
    ),
    (losses.CategoricalGeneralizedCrossEntropy(q=0.7), LABELS, PROBABILITIES, (1 - RIGHT**0.7) / 0.7),
    (losses.Dice(axis=-1), BINARY, SIGMOID, 1 - 2 * COMMON / (BINARY.sum(-1) + SIGMOID.sum(-1) + 1e-7)),
    (
        losses.Tversky(alpha=0.2, beta=0.9, axis=-1),
        BINARY,
        SIGMOID,
        1 - COMMON / (COMMON + (0.2 * BINARY * (1 - SIGMOID) + 0.9 * (1 - BINARY) * SIGMOID).sum(-1) + 1e-7),
    ),
    (losses.BinaryCrossentropy(), BINARY, SIGMOID, bce(BINARY, SIGMOID)),
    (losses.BinaryCrossentropy(from_logits=True), BINARY, LOGITS, bce(BINARY, SIGMOID)),
    (
        losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.2),
        BINARY,
        LOGITS,
        bce(BINARY * 0.8 + 0.1, SIGMOID),
    ),
    (losses.CategoricalCrossentropy(), ONE_HOT, PROBABILITIES, -(ONE_HOT * np.log(PROBABILITIES)).sum(-1)),
    (
        losses.CategoricalCrossentropy(from_logits=True),
        ONE_HOT,
        LOGITS,
        -(ONE_HOT * np.log(PROBABILITIES)).sum(-1),
    ),
    (
        losses.CategoricalCrossentropy(label_smoothing=0.3),
        ONE_HOT,
        PROBABILITIES * 2,  # rows are scaled to sum to one
        -((ONE_HOT * 0.7 + 0.3 / C) * np.log(PROBABILITIES)).sum(-1),
    ),
    (losses.SparseCategoricalCrossentropy(), LABELS, PROBABILITIES, -np.log(PROBABILITIES[np.arange(N), LABELS])),
    (
        losses.SparseCategoricalCrossentropy(from_logits=True),
        LABELS,
        LOGITS,
        -np.log(PROBABILITIES[np.arange(N), LABELS]),
    ),
]
IDS = [f"{case[0].name}-{i}" for i, case in enumerate(CASES)]


def remade(loss, **changes):
    return type(loss).from_config({**loss.get_config(), **changes})


@pytest.mark.parametrize(("loss", "y_true", "y_pred", "values"), CASES, ids=IDS)
def test_values_and_reductions(loss, y_true, y_pred, values):
    def value(reduction, **kwargs):
        return remade(loss, reduction=reduction)(y_true, tensor(y_pred), **kwargs).numpy()

    weights = np.arange(1.0, N + 1)
    assert value("none") == pytest.approx(values, rel=1e-9)
    assert value(None) == pytest.approx(values, rel=1e-9)
    assert value("sum") == pytest.approx(values.sum(), rel=1e-9)
    assert value("sum_over_batch_size") == pytest.approx(values.mean(), rel=1e-9)
    assert value("mean") == pytest.approx(values.mean(), rel=1e-9)
    assert value("mean_with_sample_weight") == pytest.approx(values.mean(), rel=1e-9)
    weighted = (values * weights).sum()
    assert value("mean", sample_weight=weights) == pytest.approx(weighted / N, rel=1e-9)
    assert value("sum", sample_weight=weights[:, None]) == pytest.approx(weighted, rel=1e-9)
    assert value("mean_with_sample_weight", sample_weight=weights) == pytest.approx(weighted / weights.sum(), rel=1e-9)
    assert value("mean_with_sample_weight", sample_weight=weights * 0) == 0.0


@pytest.mark.parametrize(("loss", "y_true", "y_pred", "values"), CASES, ids=IDS)
def test_gradients_against_central_differences(loss, y_true, y_pred, values):
    x = tensor(y_pred)
    weights = np.linspace(0.5, 2.0, N)
    (gradient,) = nerve.gradients(loss(y_true, x, sample_weight=weights), [x])
    direction = np.random.default_rng(1).normal(size=x.shape)
    h = 1e-6
    upper = loss(y_true, tensor(y_pred + h * direction), sample_weight=weights).item()
    lower = loss(y_true, tensor(y_pred - h * direction), sample_weight=weights).item()
    assert (gradient * direction).sum() == pytest.approx((upper - lower) / (2 * h), rel=1e-6)


@pytest.mark.parametrize(("loss", "y_true", "y_pred", "values"), CASES, ids=IDS)
def test_float32_stays_float32_whatever_the_targets_are(loss, y_true, y_pred, values):
    result = remade(loss, reduction="none")(y_true, nerve.Tensor(y_pred.astype(np.float32)), np.ones(N))
    assert result.dtype == np.float32
    assert result.numpy() == pytest.approx(values, rel=2e-5)


def test_logits_of_any_size_are_safe():
    for size in (20.0, 1e4, 3e38):
        logits = nerve.Tensor(np.array([[size], [-size]], np.float32))
        right = losses.binary_crossentropy([[1], [0]], logits, from_logits=True).numpy()
        wrong = losses.binary_crossentropy([[0], [1]], logits, from_logits=True).numpy()
        assert right == pytest.approx(np.log1p(np.exp(-np.float64(size))), rel=1e-6)
        assert wrong == pytest.approx(size, rel=1e-6)
        pair = nerve.Tensor(np.array([[size, 0.0]], np.float32))
        sparse = losses.sparse_categorical_crossentropy([1], pair, from_logits=True)
        assert sparse.item() == pytest.approx(size, rel=1e-6)


def test_binary_gradient_at_a_logit_of_zero_is_half_minus_target():
    logits = tensor([[0.0], [0.0]])
    loss = losses.BinaryCrossentropy(from_logits=True, reduction="sum")([[1], [0]], logits)
    (gradient,) = nerve.gradients(loss, [logits])
    assert gradient == pytest.approx(np.array([[-0.5], [0.5]]))


def test_probabilities_of_zero_and_one_are_clipped():
    assert losses.BinaryCrossentropy()([[1.0]], tensor([[0.0]])).item() == pytest.approx(-np.log(1e-7))
    assert losses.BinaryCrossentropy()([[0.0]], tensor([[1.0]])).item() == pytest.approx(-np.log(1e-7))
    assert losses.SparseCategoricalCrossentropy()([1], tensor([[1.0, 0.0]])).item() == pytest.approx(-np.log(1e-7))


def test_ignored_class_counts_neither_in_the_sum_nor_in_the_mean():
    labels = LABELS.copy()
    labels[[1, 4]] = -1
    kept = np.array([0, 2, 3, 5])
    values = -np.log(PROBABILITIES[np.arange(N), LABELS])
    weights = np.arange(1.0, N + 1)
    for from_logits, outputs in ((True, LOGITS), (False, PROBABILITIES)):

        def value(reduction, from_logits=from_logits, outputs=outputs, **kwargs):
            loss = losses.SparseCategoricalCrossentropy(from_logits, ignore_class=-1, reduction=reduction)
            return loss(labels, tensor(outputs), **kwargs).numpy()

        assert value("sum") == pytest.approx(values[kept].sum())
        assert value("mean") == pytest.approx(values[kept].mean())
        assert value("mean", sample_weight=weights) == pytest.approx((values * weights)[kept].mean())
        weighted = (values * weights)[kept].sum() / weights[kept].sum()
        assert value("mean_with_sample_weight", sample_weight=weights) == pytest.approx(weighted)
    every = losses.SparseCategoricalCrossentropy(ignore_class=0)(np.zeros(N, int), tensor(PROBABILITIES))
    assert every.item() == 0.0


def test_images_of_labels_and_another_axis_of_classes():
    outputs = rng.normal(size=(2, 3, 5, 4))
    labels = rng.integers(0, 4, (2, 3, 5))
    last = losses.sparse_categorical_crossentropy(labels, tensor(outputs), from_logits=True).numpy()
    assert last.shape == (2, 3, 5)
    first = losses.sparse_categorical_crossentropy(
        labels, tensor(np.moveaxis(outputs, -1, 1)), from_logits=True, axis=1
    ).numpy()
    assert first == pytest.approx(last)
    targets = np.moveaxis(np.eye(4)[labels], -1, 1)
    dense = losses.categorical_crossentropy(targets, tensor(np.moveaxis(outputs, -1, 1)), from_logits=True, axis=1)
    assert dense.numpy() == pytest.approx(last)
    weighted = losses.SparseCategoricalCrossentropy(True, reduction="none")(labels, tensor(outputs), [1.0, 0.5])
    assert weighted.numpy() == pytest.approx(last * np.array([1.0, 0.5])[:, None, None])


def test_a_last_axis_of_one_may_be_missing():
    column = tensor([[1.0], [3.0]])
    assert losses.MeanSquaredError()([0.0, 1.0], column).item() == pytest.approx(2.5)
    assert losses.MeanSquaredError()([[0.0], [1.0]], tensor([1.0, 3.0])).item() == pytest.approx(2.5)
    assert losses.SparseCategoricalCrossentropy()(LABELS[:, None], tensor(PROBABILITIES)).item() == pytest.approx(
        losses.SparseCategoricalCrossentropy()(LABELS, tensor(PROBABILITIES)).item()
    )


def test_gradient_flows_into_targets_that_are_tensors():
    target, output = tensor([[1.0, 2.0]]), tensor([[0.0, 0.0]])
    (gradient,) = nerve.gradients(losses.MeanSquaredError()(target, output), [target])
    assert gradient == pytest.approx(np.array([[1.0, 2.0]]))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: losses.MeanSquaredError()(np.ones((4, 3)), tensor(np.ones((4, 2)))), ShapeError,
         r"\[mean_squared_error\] .*\(4, 3\) and \(4, 2\)"),
        (lambda: losses.MeanAbsoluteError()(np.ones((4, 3)), tensor(np.ones(4))), ShapeError,
         r"\[mean_absolute_error\] .*\(4, 3\) and \(4,\)"),
        (lambda: losses.BinaryCrossentropy()(np.ones((4, 1)), tensor(np.ones((3, 1)))), ShapeError,
         r"\[binary_crossentropy\] .*\(4, 1\) and \(3, 1\)"),
        (lambda: losses.CategoricalCrossentropy()(LABELS, tensor(LOGITS)), ShapeError,
         r"\[categorical_crossentropy\] .*\(6,\) and \(6, 4\); integer labels go with sparse"),
        (lambda: losses.SparseCategoricalCrossentropy()(ONE_HOT, tensor(LOGITS)), ShapeError,
         r"\[sparse_categorical_crossentropy\] .*\(6, 4\) and \(6, 4\)"),
        (lambda: losses.SparseCategoricalCrossentropy()(0, tensor(1.0)), ShapeError, r"\(\) and \(\)"),
        (lambda: losses.SparseCategoricalCrossentropy()([0, 4], tensor(LOGITS[:2])), ValueError,
         r"label 4 is out of range \[0, 4\)"),
        (lambda: losses.SparseCategoricalCrossentropy(True)([-1, 0], tensor(LOGITS[:2])), ValueError,
         r"label -1 is out of range \[0, 4\)"),
        (lambda: losses.SparseCategoricalCrossentropy()([0.5, 1.0], tensor(LOGITS[:2])), ValueError,
         "label 0.5 is not a whole number"),
        (lambda: losses.SparseCategoricalCrossentropy()([0.0, np.nan], tensor(LOGITS[:2])), ValueError,
         r"y_true holds NaN, the first at index \(1,\)"),
        (lambda: losses.SparseCategoricalCrossentropy()(["a", "b"], tensor(LOGITS[:2])), DTypeError,
         "labels must be integers"),
        (lambda: losses.MeanSquaredError()([[1.0, np.nan]], tensor([[1.0, 2.0]])), ValueError,
         r"\[mean_squared_error\] y_true holds NaN, the first at index \(0, 1\)"),
        (lambda: losses.MeanSquaredError()([["a"]], tensor([[1.0]])), DTypeError, "y_true must hold numbers"),
        (lambda: losses.MeanSquaredError()(np.ones((0, 3)), tensor(np.ones((0, 3)))), ShapeError, "empty batch"),
        (lambda: losses.MeanSquaredError()(REAL, tensor(LOGITS), np.ones(N - 1)), ShapeError,
         r"sample_weight of shape \(5,\) does not fit losses of shape \(6,\)"),
        (lambda: losses.MeanSquaredError(reduction="average"), ValueError, "reduction must be one of .*'average'"),
        (lambda: losses.BinaryCrossentropy(label_smoothing=2.0), ValueError, "label_smoothing must be in .* got 2.0"),
        (lambda: losses.BinaryCrossentropy(label_smoothing="a"), ValueError, "expects a number, got 'a'"),
        (lambda: losses.CategoricalCrossentropy(axis=9)(ONE_HOT, tensor(LOGITS)), ShapeError, "axis 9 of the classes"),
        (lambda: losses.MeanSquaredError()([[1.0]], [["a"]]), DTypeError, "expects real numbers, got dtype <U1"),
        (lambda: losses.MeanSquaredError()(REAL, tensor(LOGITS), "a"), DTypeError, "expects real numbers"),
        (lambda: losses.get("msee"), ValueError, "unknown loss 'msee': did you mean 'mse'"),
        (lambda: losses.get(None), TypeError, "None"),
    ],
)  # fmt: skip
def test_bad_input(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_an_empty_batch_has_a_sum():
    assert losses.MeanSquaredError(reduction="sum")(np.ones((0, 3)), tensor(np.ones((0, 3)))).item() == 0.0


def test_get():
    assert isinstance(losses.get("mse"), losses.MeanSquaredError)
    assert isinstance(losses.get("sparse_categorical_crossentropy"), losses.SparseCategoricalCrossentropy)
    assert isinstance(losses.get("BinaryCrossentropy"), losses.BinaryCrossentropy)
    assert isinstance(losses.get(losses.MeanAbsoluteError), losses.MeanAbsoluteError)
    assert isinstance(losses.get(losses.categorical_crossentropy), losses.CategoricalCrossentropy)
    loss = losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.1, name="mine")
    assert losses.get(loss) is loss
    again = losses.get({"class_name": "BinaryCrossentropy", "config": loss.get_config()})
    assert again.get_config() == loss.get_config()


def test_a_function_as_loss():
    def cubed(y_true, y_pred):
        return nerve.ops.mean(nerve.ops.absolute(y_pred - y_true) ** 3, axis=-1)

    loss = losses.get(cubed)
    assert loss.name == "cubed"
    assert loss(REAL, tensor(LOGITS)).item() == pytest.approx((np.abs(LOGITS - REAL) ** 3).mean())
    with pytest.raises(ValueError, match=r"\[cubed\] .*cannot be saved"):
        loss.get_config()


def test_arguments_in_the_order_of_keras():
    for cls in (losses.MeanSquaredError, losses.MeanAbsoluteError):
        loss = cls("sum", "mine")
        assert (loss.reduction, loss.name) == ("sum", "mine")
        assert loss([[1.0], [2.0]], np.zeros((2, 1), np.float32)).item() > 2.9


def test_cosine_similarity_of_nothing_is_zero_and_has_a_gradient():
    """Where Keras's derivative is NaN."""
    x = tensor([[0.0, 0.0], [3.0, 4.0]])
    loss = losses.CosineSimilarity(reduction="sum")(np.array([[1.0, 0.0], [6.0, 8.0]]), x)
    assert loss.item() == pytest.approx(-1)
    assert np.isfinite(nerve.gradients(loss, [x])[0]).all()


def test_a_hinge_takes_either_coding_of_labels():
    x = np.array([[0.5, -2.0, 3.0]])
    assert losses.hinge(np.array([[0, 1, 1]]), x).item() == losses.hinge(np.array([[-1, 1, 1]]), x).item()


def test_bad_options_are_named():
    with pytest.raises(ValueError, match=r"\[categorical_generalized_cross_entropy\] q must be in \(0, 1\), got 1.5"):
        losses.CategoricalGeneralizedCrossEntropy(q=1.5)
    with pytest.raises(ValueError, match=r"\[huber_loss\] delta expects a number, got 'x'"):
        losses.Huber(delta="x")


def test_a_function_sees_targets_and_predictions_of_one_rank():
    """Or (n,) would be broadcast against (n, 1)."""
    flat, column = np.arange(4.0, dtype=np.float32), np.arange(4.0, dtype=np.float32)[:, None] + 1
    loss = losses.get(lambda y_true, y_pred: ops.square(y_true - y_pred))
    assert float(loss(flat, Tensor(column))) == 1
    assert float(loss(column, Tensor(flat))) == 1
    assert float(loss(flat.reshape(2, 2), Tensor(column.reshape(2, 2, 1)))) == 1
    assert float(loss(column, Tensor(column))) == 0
