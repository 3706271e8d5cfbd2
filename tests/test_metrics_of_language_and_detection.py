"""Perplexity, BLEU, mean average precision, confusion matrices; and metrics of several parts made one."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import nerve
from nerve import metrics
from nerve.errors import ShapeError

rng = np.random.default_rng(7)


def test_perplexity():
    logits, tokens = rng.normal(size=(3, 5, 7)), rng.integers(0, 7, (3, 5))
    probabilities = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    losses = -np.log(np.take_along_axis(probabilities, tokens[..., None], -1))[..., 0]
    for metric, x in ((metrics.Perplexity(from_logits=True), logits), (metrics.Perplexity(), probabilities)):
        metric.update_state(tokens[:2], x[:2])
        metric.update_state(tokens[2:], x[2:])
        assert metric.result() == pytest.approx(np.exp(losses.mean()), rel=1e-6)
    masked = metrics.Perplexity(from_logits=True, mask_token_id=3)
    assert masked(tokens, logits) == pytest.approx(np.exp(losses[tokens != 3].mean()), rel=1e-6)
    padded = metrics.Perplexity(from_logits=True, mask_token_id=-1)
    assert padded(np.where(tokens == 3, -1, tokens), logits) == pytest.approx(masked.result(), rel=1e-6)
    weights = rng.random(3)
    weighted = metrics.get("perplexity")(tokens, probabilities, weights)
    assert weighted == pytest.approx(np.exp(np.average(losses.mean(1), weights=weights)), rel=1e-6)
    assert metrics.Perplexity().result() == 0
    with pytest.raises(ShapeError, match=r"expects tokens \(batch, time\)"):
        metrics.Perplexity().update_state(tokens[:, :4], logits)


REFERENCES = [
    [
        "it is a guide to action that ensures that the military will forever heed party commands",
        "it is the guiding principle",
    ],
    ["the cat is on the mat", "there is a cat on the mat"],
]
TRANSLATIONS = [
    "it is a guide to action which ensures that the military always obeys the commands",
    "the cat the cat on the mat",
]


def test_bleu():
    """Counted by hand for the second sentence: five of seven words, and four of six pairs of words."""
    metric = metrics.Bleu(max_order=2)
    metric.update_state(REFERENCES[1:], TRANSLATIONS[1:])
    assert metric.result() == pytest.approx(np.sqrt(5 / 7 * 4 / 6))
    assert metrics.Bleu(max_order=1)(["a b c d"], ["a b"]) == pytest.approx(np.exp(1 - 4 / 2))
    assert metrics.Bleu()(["a b c d"], ["x y"]) == 0
    assert metrics.Bleu(max_order=2, smooth=True)(["a b c"], ["a x c"]) == pytest.approx(np.sqrt(2 / 3 * 1 / 3))
    assert metrics.Bleu(tokenizer=list, max_order=1)(["abcd"], ["abcx"]) == pytest.approx(3 / 4)
    assert metrics.Bleu(max_order=1)([[[1, 2, 3]]], [[1, 2, 4]]) == pytest.approx(2 / 3)


@pytest.mark.peers
@pytest.mark.parametrize("smooth", [False, True])
def test_bleu_beside_nltk(smooth):
    bleu = pytest.importorskip("nltk.translate.bleu_score")
    ours = metrics.Bleu(smooth=smooth)
    ours.update_state(REFERENCES, TRANSLATIONS)
    references = [[text.split() for text in texts] for texts in REFERENCES]
    way = bleu.SmoothingFunction().method2 if smooth else None
    expected = bleu.corpus_bleu(references, [text.split() for text in TRANSLATIONS], smoothing_function=way)
    assert ours.result() == pytest.approx(expected)


def image(n, found=False):
    low = rng.uniform(0, 50, (n, 2))
    boxes = np.concatenate([low, low + rng.uniform(5, 30, (n, 2))], 1)
    return {"boxes": boxes, "labels": rng.integers(0, 3, n)} | ({"scores": rng.random(n)} if found else {})


def images(count=12):
    true, found = [], []
    for i in range(count):
        target = image(i % 5)
        guess = image(3, True)
        near = target["boxes"] + rng.normal(scale=1.5, size=target["boxes"].shape)
        guess = {
            "boxes": np.concatenate([near, guess["boxes"]]),
            "labels": np.concatenate([target["labels"], guess["labels"]]),
            "scores": rng.random(len(near) + 3),
        }
        true.append(target)
        found.append(guess)
    return true, found


def test_mean_average_precision():
    """One class, two boxes: the surest is right, the second wrong, the third right."""
    true = [{"boxes": [[0, 0, 10, 10], [20, 20, 30, 30]], "labels": [1, 1]}]
    found = [
        {
            "boxes": [[0, 0, 10, 10], [50, 50, 60, 60], [20, 20, 30, 30]],
            "labels": [1, 1, 1],
            "scores": [0.9, 0.8, 0.7],
        }
    ]
    metric = metrics.MeanAveragePrecision(iou_thresholds=[0.5])
    # Precision is 1 up to recall 1/2, which 51 of the 101 recalls are, and 2/3 beyond.
    assert metric(true, found) == pytest.approx((51 + 50 * 2 / 3) / 101)
    assert metrics.MeanAveragePrecision()(true, true_as_found(true)) == pytest.approx(1)
    assert metrics.MeanAveragePrecision()(true, [{"boxes": np.zeros((0, 4)), "labels": [], "scores": []}]) == 0
    assert metrics.MeanAveragePrecision().result() == 0
    with pytest.raises(ShapeError, match="3 boxes with 2 scores"):
        metric.update_state(true, [{**found[0], "scores": [1, 2]}])


def true_as_found(true):
    return [{**each, "scores": np.ones(len(each["boxes"]))} for each in true]


@pytest.mark.peers
def test_mean_average_precision_beside_cocos_program(capsys):
    tools = pytest.importorskip("pycocotools.coco")
    evaluation = pytest.importorskip("pycocotools.cocoeval")
    true, found = images()
    items: list[dict] = []
    results: list[dict] = []
    for number, (targets, guess) in enumerate(zip(true, found, strict=True), 1):
        for kind, each in ((items, targets), (results, guess)):
            for k, (x0, y0, x1, y1) in enumerate(each["boxes"]):
                entry = {"id": len(kind) + 1, "image_id": number, "bbox": [x0, y0, x1 - x0, y1 - y0], "iscrowd": 0}
                entry |= {"category_id": int(each["labels"][k]) + 1, "area": (x1 - x0) * (y1 - y0)}
                kind.append(entry | ({"score": each["scores"][k]} if kind is results else {}))
    truth = tools.COCO()
    classes = [{"id": k} for k in (1, 2, 3)]
    truth.dataset = {"images": [{"id": i + 1} for i in range(len(true))], "annotations": items, "categories": classes}
    truth.createIndex()
    judge = evaluation.COCOeval(truth, truth.loadRes(results), "bbox")
    judge.evaluate()
    judge.accumulate()
    judge.summarize()
    ours = metrics.MeanAveragePrecision()
    for i in range(0, len(true), 5):
        ours.update_state(true[i : i + 5], found[i : i + 5])
    assert ours.result() == pytest.approx(judge.stats[0], abs=1e-9)
    assert ours.result_by_threshold()[0] == pytest.approx(judge.stats[1], abs=1e-9)
    assert 0.05 < ours.result() < 0.95


def test_confusion_matrix():
    sklearn_metrics = pytest.importorskip("sklearn.metrics")
    true, predicted = rng.integers(0, 4, 60), rng.integers(0, 4, 60)
    outputs = np.eye(4)[predicted] + rng.random((60, 4)) / 10
    weights = rng.random(60)
    for normalize in (None, "true", "pred", "all"):
        metric = metrics.ConfusionMatrix(4, normalize)
        metric.update_state(true[:20], outputs[:20], weights[:20])
        metric.update_state(np.eye(4)[true[20:]], predicted[20:], weights[20:])
        expected = sklearn_metrics.confusion_matrix(true, predicted, sample_weight=weights, normalize=normalize)
        np.testing.assert_allclose(metric.result(), expected)
    metric.reset_state()
    assert metric.result().sum() == 0
    with pytest.raises(ValueError, match=r"labels must lie in 0..3, got 0 to 4"):
        metric.update_state([0, 1], [0, 4])


def test_a_confusion_matrix_is_drawn():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("agg")
    metric = metrics.ConfusionMatrix(3)
    metric.update_state([0, 1, 2, 2], [0, 2, 2, 2])
    figure = metric.plot(["ant", "bee", "cat"])
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert texts == ["1", "0", "0", "0", "0", "1", "0", "0", "2"]
    pyplot.close(figure)


def pair(shape, classes=None):
    if classes:
        return rng.integers(0, classes, shape), rng.random((*shape, classes))
    return rng.integers(0, 2, shape).astype(float), rng.random(shape)


MERGED = [
    (metrics.MeanSquaredError, {}, pair((40, 3))),
    (metrics.RootMeanSquaredError, {}, pair((40, 3))),
    (metrics.SparseCategoricalAccuracy, {}, pair((40,), 4)),
    (metrics.AUC, {}, pair((40,))),
    (metrics.Precision, {"thresholds": [0.3, 0.6]}, pair((40,))),
    (metrics.F1Score, {"average": "macro"}, (np.eye(4)[rng.integers(0, 4, 40)], rng.random((40, 4)))),
    (metrics.R2Score, {}, pair((40, 2))),
    (metrics.MeanIoU, {"num_classes": 3}, (rng.integers(0, 3, 40), rng.integers(0, 3, 40))),
    (metrics.ConfusionMatrix, {"num_classes": 4}, pair((40,), 4)),
    (metrics.Perplexity, {}, pair((40, 2), 5)),
    (metrics.Bleu, {"max_order": 1}, (["a b c"] * 20 + ["a b"] * 20, ["a c"] * 30 + ["b d b"] * 10)),
    (metrics.MeanAveragePrecision, {}, images(40)),
]


@pytest.mark.parametrize(("kind", "options", "data"), MERGED, ids=[case[0].__name__ for case in MERGED])
def test_parts_make_a_whole(kind, options, data):
    """Each thread has a metric of its own, and the first takes in the others."""
    whole = kind(**options)
    whole.update_state(*data)
    parts = [kind(**options) for _ in range(4)]  # the last one sees nothing
    threads = [
        threading.Thread(target=part.update_state, args=tuple(x[begin : begin + 14] for x in data))
        for part, begin in zip(parts, (0, 14, 28), strict=False)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    merged = parts[3].merge_state(parts[:3])
    np.testing.assert_allclose(merged.result(), whole.result(), rtol=1e-6)
    with pytest.raises(TypeError, match=f"merges {kind.__name__}s, got Sum"):
        whole.merge_state([metrics.Sum()])


def test_every_metric_says_what_its_state_is():
    for name in metrics.__all__:
        kind = getattr(metrics, name)
        if isinstance(kind, type) and issubclass(kind, metrics.Metric) and kind is not metrics.Metric:
            assert kind._state, f"{name} cannot be merged"


def test_metrics_of_other_arguments_are_not_merged():
    metric = metrics.AUC(num_thresholds=10)
    with pytest.raises(ValueError, match="of the same arguments"):
        metric.merge_state([metrics.AUC(num_thresholds=11)])
    own = nerve.metrics.Metric("own")
    a = own.add_variable((2,), name="a")
    other = nerve.metrics.Metric("other")
    other.add_variable((2,), name="a").assign([1.0, 2.0])
    own.merge_state([other])
    np.testing.assert_array_equal(a.numpy(), [1, 2])
