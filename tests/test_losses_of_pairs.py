"""Losses of boxes and of embeddings: against loops in NumPy."""

from __future__ import annotations

import math

import numpy as np
import pytest

import nerve
from nerve import losses, ops
from nerve.errors import ShapeError

rng = np.random.default_rng(5)
N = 9


def boxes(n=N):
    low = rng.uniform(0, 10, (n, 2))
    return np.concatenate([low, low + rng.uniform(1, 8, (n, 2))], axis=1)


TARGETS, PREDICTIONS = boxes(), boxes()
PREDICTIONS[0] = TARGETS[0]
PREDICTIONS[1] = TARGETS[1] + 30  # far apart
LABELS = np.array([0, 1, 0, 2, 1, 1, 0, 3, 2])  # 3 is alone
POINTS = rng.normal(size=(N, 3))


def box_loss(kind, a, b):
    width, height = (min(a[2 + i], b[2 + i]) - max(a[i], b[i]) for i in (0, 1))
    common = max(width, 0) * max(height, 0)
    (w1, h1), (w2, h2) = (a[2:] - a[:2]), (b[2:] - b[:2])
    union = w1 * h1 + w2 * h2 - common
    overlap = common / union
    around = np.maximum(a[2:], b[2:]) - np.minimum(a[:2], b[:2])
    if kind == "giou":
        return 1 - overlap + (around.prod() - union) / around.prod()
    distance = (((a[:2] + a[2:] - b[:2] - b[2:]) / 2) ** 2).sum() / (around**2).sum()
    if kind == "diou":
        return 1 - overlap + distance
    ratio = 4 / math.pi**2 * (math.atan(w1 / h1) - math.atan(w2 / h2)) ** 2
    if kind == "ciou":
        return 1 - overlap + distance + ratio * ratio / (1 - overlap + ratio + 1e-7)
    return 1 - overlap


@pytest.mark.parametrize("kind", ["iou", "giou", "diou", "ciou"])
def test_boxes(kind):
    function = getattr(losses, f"{kind}_loss")
    expected = [box_loss(kind, a, b) for a, b in zip(TARGETS, PREDICTIONS, strict=True)]
    x = nerve.Tensor(PREDICTIONS)
    values = function(TARGETS, x)
    np.testing.assert_allclose(values.numpy(), expected, rtol=1e-6, atol=1e-6)
    assert values.numpy()[0] == pytest.approx(0, abs=1e-6)
    assert losses.get(f"{kind}_loss")(TARGETS, PREDICTIONS).item() == pytest.approx(np.mean(expected), rel=1e-5)
    (gradient,) = nerve.gradients(ops.sum(values), [x])
    if kind == "ciou":
        return  # its weight is a constant to the gradient, and not to a difference
    direction = rng.normal(size=PREDICTIONS.shape)
    direction[0] = 0  # a corner of the loss
    ends = [ops.sum(function(TARGETS, PREDICTIONS + step * direction)).item() for step in (1e-5, -1e-5)]
    assert (gradient * direction).sum() == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-4)


def distance(i, j):
    return np.linalg.norm(POINTS[i] - POINTS[j])


def semi_hard(margin):
    """Schroff et al., pair by pair; the mean is over all pairs."""
    found = []
    for a in range(N):
        others = [n for n in range(N) if LABELS[n] != LABELS[a]]
        for p in range(N):
            if p != a and LABELS[p] == LABELS[a]:
                beyond = [distance(a, n) for n in others if distance(a, n) > distance(a, p)]
                negative = min(beyond) if beyond else max(distance(a, n) for n in others)
                found.append(max(margin + distance(a, p) - negative, 0))
    return np.mean(found)


def hard(margin):
    found = []
    for a in range(N):
        mine = [distance(a, p) for p in range(N) if p != a and LABELS[p] == LABELS[a]]
        others = [distance(a, n) for n in range(N) if LABELS[n] != LABELS[a]]
        found.append(max(margin + max(mine) - min(others), 0) if mine else 0)
    return np.mean(found)


@pytest.mark.parametrize(("mining", "reference"), [("semi_hard", semi_hard), ("hard", hard)])
@pytest.mark.parametrize("margin", [0.5, 2.0])
def test_triplets(mining, reference, margin):
    x = nerve.Tensor(POINTS)
    loss = losses.Triplet(margin, mining)
    value = loss(LABELS, x)
    assert value.item() == pytest.approx(reference(margin), rel=1e-9)
    (gradient,) = nerve.gradients(value, [x])
    direction = rng.normal(size=POINTS.shape)
    ends = [loss(LABELS, POINTS + step * direction).item() for step in (1e-6, -1e-6)]
    assert (gradient * direction).sum() == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-5)
    assert np.isfinite(nerve.gradients(loss(LABELS, y := nerve.Tensor(np.ones((N, 3)))), [y])[0]).all()
    assert loss(np.zeros(4), rng.normal(size=(4, 2))).item() == 0, "one class alone"


def test_contrastive():
    together, d = np.array([1.0, 0, 0, 1]), np.array([0.3, 0.4, 1.7, 2.0])
    expected = [0.09, 0.36, 0, 4]
    np.testing.assert_allclose(losses.contrastive(together, d).numpy(), expected, rtol=1e-6)
    assert losses.get("contrastive")(together[:, None], d).item() == pytest.approx(np.mean(expected))


def test_info_nce():
    points, partners = rng.normal(size=(6, 4)), rng.normal(size=(6, 4))
    unit = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in (points, partners)]
    logits = unit[0] @ unit[1].T / 0.2
    expected = np.log(np.exp(logits).sum(1)) - np.diag(logits)
    a, b = nerve.Tensor(partners), nerve.Tensor(points)
    values = losses.info_nce(a, b, 0.2)
    np.testing.assert_allclose(values.numpy(), expected)
    for gradient in nerve.gradients(ops.sum(values), [a, b]):
        assert np.abs(gradient).max() > 1e-3
    assert losses.get("info_nce").temperature == 0.1


@pytest.mark.parametrize("name", ["IoULoss", "GIoULoss", "DIoULoss", "CIoULoss", "Contrastive", "Triplet", "InfoNCE"])
def test_configs(name):
    loss = getattr(losses, name)()
    again = losses.get({"class_name": name, "config": loss.get_config()})
    assert (type(again), again.get_config()) == (type(loss), loss.get_config())


def test_a_recorded_fit():
    """Embeddings of digits' labels, learned by the triplets of each batch."""
    nerve.random.seed(0)
    model = nerve.Sequential([nerve.Input((3,)), nerve.layers.Dense(2)])
    model.compile(nerve.optimizers.Adam(0.05), "triplet")
    x = POINTS.astype(np.float32) + LABELS[:, None].astype(np.float32)
    history = model.fit(x, LABELS, batch_size=N, epochs=30, verbose=0).history["loss"]
    assert history[-1] < history[0] / 2
    assert model._recorders["train"].recordings


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: losses.iou_loss(TARGETS[:, :3], PREDICTIONS[:, :3]), r"\[iou_loss\] boxes have 4 numbers"),
        (lambda: losses.triplet(LABELS[:4], POINTS), r"\[triplet\] expects labels \(batch,\)"),
        (lambda: losses.info_nce(LABELS, LABELS * 1.0), r"\[info_nce\] expects embeddings"),
    ],
)
def test_errors(call, match):
    with pytest.raises(ShapeError, match=match):
        call()
    with pytest.raises(ValueError, match="mining must be one of"):
        losses.Triplet(mining="soft")
    with pytest.raises(ValueError, match="temperature must be positive"):
        losses.InfoNCE(0)
