"""The benchmark of estimators on rows made for it: results are judged, the table says what was measured."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import estimators, growth, markdown, table
from benchmarks.fits import ROWS, measure
from benchmarks.fits.fit import Fit, blobs
from benchmarks.fits.quality import after, agreement, digits, explained, inertia, log_likelihood, recall, same_space
from benchmarks.row import WrongResult
from benchmarks.timing import Time

MEGABYTES = 64


def sleeper(seconds: float, size: int = 0) -> Callable[..., Callable[[], np.ndarray]]:
    def side(x: np.ndarray) -> Callable[[], np.ndarray]:
        def call() -> np.ndarray:
            time.sleep(seconds)
            return np.ones((size << 20) + 1, np.uint8)[:1] * x.mean()

        return call

    return side


def mean(result: np.ndarray, reference: Any, x: np.ndarray) -> float:
    return float(result[0])


SIDES = {"nerve": sleeper(0.01), "scikit-learn": sleeper(0.03, MEGABYTES)}
MEAN = Fit("mean 1000", "test", 1000, lambda count: (np.full(count, 2.0),), SIDES, "mean", mean)


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """What would be measured in other processes is measured in this one, whose cores and libraries stay as they are."""
    monkeypatch.setattr(estimators, "isolated", lambda function, *args: function(*args))
    monkeypatch.setattr(os, "sched_setaffinity", lambda *_: None, raising=False)


@pytest.mark.usefixtures("here")
def test_a_run_measures_and_writes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measure, "ROWS", [MEAN])
    assert estimators.main(["--threads=1,2", "--budget=0", f"--csv={tmp_path / 'a.csv'}"], [MEAN]) == 0
    facts, lines = table.read_csv(tmp_path / "a.csv")
    assert "scikit-learn " in facts["versions"]
    assert [(line["work"], line["peer"], line["threads"]) for line in lines] == [
        ("mean 1000", "scikit-learn", "1"),
        ("mean 1000", "scikit-learn", "2"),
    ]
    for line in lines:
        assert list(line) == list(estimators.COLUMNS.fields)
        assert 1.5 < float(line["ratio"]) < 6
        assert line["nerve_quality"] == line["peer_quality"] == "2"
        if line["peer_bytes"]:  # where the system says it
            assert int(line["nerve_bytes"]) < 8 << 20 < MEGABYTES << 20 <= int(line["peer_bytes"]) + (1 << 20)
    printed = capsys.readouterr().out.splitlines()
    assert sum(line.startswith("mean 1000 ") for line in printed) == 2
    assert printed[-1].startswith("geomean")


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("value", [2.1, np.nan])
def test_a_worse_result_ends_the_run(
    value: float, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = replace(MEAN, sides={**SIDES, "nerve": lambda x: lambda: np.array([value])})
    monkeypatch.setattr(measure, "ROWS", [wrong])
    assert estimators.main(["--budget=0"], [wrong]) == 1
    assert "WRONG: mean 1000: nerve's mean is worse" in capsys.readouterr().err


def test_what_is_worse() -> None:
    assert MEAN.worse(1.002, 1)
    assert not MEAN.worse(1.0005, 1)
    assert not MEAN.worse(0.9, 1)
    higher = replace(MEAN, higher=True)
    assert higher.worse(-1.002, -1)
    assert not higher.worse(-0.9, -1)


def test_a_process_of_its_own() -> None:
    assert measure.isolated(os.getpid) != os.getpid()
    with pytest.raises(ZeroDivisionError):
        measure.isolated(divmod, 1, 0)


def test_nothing_is_measured_of_what_nobody_has() -> None:
    with pytest.raises(SystemExit):
        estimators.main(["--only=nothing of this name"], [MEAN])
    assert estimators.chosen([MEAN], ["an 1"]) == estimators.chosen([MEAN], ["test"]) == [MEAN]


def test_rows_are_told_apart() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS)
    for row in ROWS:
        assert list(row.sides)[:2] == ["nerve", "scikit-learn"]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_rows_are_right_when_small(row: Fit) -> None:
    """nerve's side and scikit-learn's agree on the samples that warm up."""
    data = row.data(min(row.samples, measure.WARM))
    results = {side: row.sides[side](*data)() for side in ("nerve", "scikit-learn")}
    counted = isinstance(results["nerve"], tuple) and isinstance(results["nerve"][0], int)
    if counted:  # so few samples may converge early, but then on both sides
        assert results["nerve"][0] == results["scikit-learn"][0]
        results = {side: (10, result[1]) for side, result in results.items()}
    measure.judged(row, results, data)


def test_the_qualities() -> None:
    x, centers = blobs(200, 3, 4), blobs(5, 3, 5, seed=1)
    squares = np.square(x.astype(np.float64)[:, None] - centers).sum(axis=2)
    assert inertia(centers, None, x) == pytest.approx(squares.min(axis=1).sum())
    assert after(2, inertia)((2, centers), (2, centers), x) == inertia(centers, None, x)
    with pytest.raises(WrongResult, match="3 iterations, not 2"):
        after(2, inertia)((3, centers), (2, centers), x)
    nearest = np.argsort(squares, axis=0)[:2].T
    assert recall(nearest, None, x, centers) == 1
    nearest[0] = nearest[0, 0], np.argmax(squares[:, 0])
    assert recall(nearest, None, x, centers) == 0.9
    assert digits(np.exp(-0.5 * squares) + 1e-4, None, x, centers, np.asarray(0.5)) == pytest.approx(4)
    assert (
        agreement(np.array([5, 5, 1]), np.array([0, 0, 2])) == 1 > agreement(np.array([5, 1, 1]), np.array([0, 0, 2]))
    )
    normal = [0.25, 0.75], np.zeros((2, 3)), np.stack([np.eye(3)] * 2)
    density = -0.5 * np.square(x.astype(np.float64)).sum(axis=1) - 1.5 * np.log(2 * np.pi)
    assert log_likelihood(normal, None, x) == pytest.approx(density.mean())
    wide = x * [3, 1, 1]
    first = np.square(wide[:, 0] - wide[:, 0].mean()).sum()
    assert explained(np.eye(3)[:1] * 7, None, wide) == pytest.approx(first / np.square(wide - wide.mean(axis=0)).sum())
    assert same_space(x @ np.diag([1, -2, 3.0]) + 1, x) == pytest.approx(1)
    assert same_space(np.column_stack([x[:, 0], np.arange(200) % 2]), x[:, :2]) < 0.5


def lines() -> list[estimators.Line]:
    times = {"nerve": Time(2e-3, 0.1), "scikit-learn": Time(8e-3, 0.1), "FAISS": Time(3e-3, 0.1)}
    quality, memory = {"nerve": 1.5, "scikit-learn": 1.5, "FAISS": 1.25}, {"nerve": 2_000_000, "scikit-learn": None}
    memory["FAISS"] = 3_000_000
    return [estimators.Line(MEAN, peer, 2, times, quality, memory) for peer in ("scikit-learn", "FAISS")]


def test_the_ratio_that_counts_is_that_to_the_fastest() -> None:
    slow, fast = lines()
    assert (slow.ratio, fast.ratio) == (4, 1.5)
    assert estimators.fastest([slow, fast]) == estimators.fastest([fast, slow]) == [fast]


def test_the_table_for_a_document(tmp_path: Path) -> None:
    facts = {name: name for name in ("cpu", "level", "versions", "commit", "date")}
    table.write_csv(tmp_path / "a.csv", facts, lines(), estimators.COLUMNS)
    text, begin = markdown.markdown(tmp_path / "a.csv")
    assert begin == markdown.BEGIN_ESTIMATORS
    assert "| mean 1000 | scikit-learn | 8 | 2 | 4.00 | mean | 1.5 | 1.5 |  | 2 |" in text
    assert "| mean 1000 | FAISS | 3 | 2 | 1.50 | mean | 1.25 | 1.5 | 3 | 2 |" in text
    assert "all 1 ratios to the fastest library 1.50, worst 1.50 (mean 1000, FAISS, 2 thr.)." in text


def test_growth_is_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    axis = {"nerve": [1.0, 2, 3, 4, 5], "FAISS": [2.0, 3, 4, 5, 6]}
    growth.draw([[axis] * 3] * 2, tmp_path / "a.svg")
    drawn = (tmp_path / "a.svg").read_text()
    assert drawn.count("<!-- samples n -->") == 2
    assert "<!-- FAISS -->" in drawn
