"""The benchmark's harness on rows made for it: results are verified, the table and its CSV say what was measured."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nerve
from benchmarks import kernels, limits, markdown, table, training
from benchmarks.machine import ISAS, limited
from benchmarks.row import Row, WrongResult, many, numpy, verify
from benchmarks.rows import ROWS
from benchmarks.steps import WORKLOADS, ours
from benchmarks.steps.workload import CHECKED, Side, Workload, agree
from benchmarks.timing import Time
from nerve import _cpu

ADD = Row("add 1000", "test", many((1000,), (1000,)), nerve.kernels.add, 12_000, "GB/s", (numpy(np.add),))


def test_a_run_measures_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = nerve.num_threads()
    assert kernels.main(["--threads=1,2", "--budget=0", f"--csv={tmp_path / 'a.csv'}"], [ADD]) == 0
    assert nerve.num_threads() == before
    facts, lines = table.read_csv(tmp_path / "a.csv")
    assert {"cpu", "level", "commit", "date", "versions"} <= facts.keys()
    assert facts["level"] == _cpu.isa()
    assert list(lines[0]) == list(table.KERNELS.fields)
    assert [line["threads"] for line in lines] == ["1", "2"]
    for line in lines:
        assert float(line["rate"]) == pytest.approx(12 / float(line["nerve_us"]), abs=0.02, rel=0.01)
        assert float(line["numpy_us"]) > 0
        assert line["torch_us"] == line["ratio"] == ""
    printed = capsys.readouterr().out.splitlines()
    assert sum(line.startswith("add 1000 ") for line in printed) == 2
    assert printed[-1].startswith("geomean")


def test_nothing_is_measured_of_what_nobody_has() -> None:
    with pytest.raises(SystemExit):
        kernels.main(["--only=nothing of this name"], [ADD])
    assert kernels.chosen([ADD], ["dd 1"]) == kernels.chosen([ADD], ["test"]) == [ADD]


def wrong(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    out = x + y
    out[7] += 0.01
    return out


@pytest.mark.parametrize(
    "row",
    [
        replace(ADD, call=wrong, expect=np.add),
        replace(ADD, peers=(numpy(wrong),)),
        replace(ADD, peers=(numpy(lambda x, y: (x + y)[1:]),)),
        replace(ADD, peers=(numpy(lambda x, y: np.full_like(x, np.nan)),)),
    ],
    ids=["nerve", "peer", "shape", "nan"],
)
def test_a_wrong_result_ends_the_run(row: Row, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.csv"
    assert kernels.main(["--threads=1", "--budget=0", f"--csv={path}"], [row]) == 1
    assert "WRONG: add 1000" in capsys.readouterr().err
    assert not path.exists()


def test_verify_counts_results() -> None:
    x = np.ones(3)
    verify("it", [x, (x, x)], (x, x, x), 0)
    with pytest.raises(WrongResult, match="2 results, not 1"):
        verify("it", (x, x), x, 1)


def sleeper(seconds: float) -> Callable[..., Any]:
    def call(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        time.sleep(seconds)
        return x + y

    return call


def test_the_ratio_is_that_of_the_best_variant() -> None:
    row = replace(ADD, call=sleeper(0.002), expect=np.add)
    times = {"nerve": Time(2.0, 0.1), "torch slow": Time(8.0, 0.1), "torch fast": Time(3.0, 0.1), "numpy": Time(1, 0)}
    line, faster = (table.Line(row, 1, t, 24_000.0) for t in (times, {**times, "torch fast": Time(0.5, 0.1)}))
    assert line.ratio == 1.5
    values = line.values()
    assert (values["torch_variant"], values["fraction_of_limit"]) == ("fast", "0.250")
    assert table.conclusion([line, faster]) == "geomean 0.61  worst 0.25 (add 1000, threads 1)"
    (measured,) = kernels.run([replace(row, peers=(numpy(sleeper(0.004)),))], [1], 0)
    assert 1.5 < measured.times["numpy"].median / measured.times["nerve"].median < 2.5


def test_limits_are_of_this_machine() -> None:
    if limits.probe() is None:
        pytest.skip("no C compiler")
    peak = limits.peak(1)
    copied = limits.bandwidth(1, 1 << 20)
    assert peak is not None
    assert copied is not None
    assert 1e9 < peak < 1e12
    assert 1e8 < copied < 1e12
    assert limits.limit(ADD, 1) == limits.bandwidth(1, 1 << 14)


@pytest.mark.parametrize("isa", ISAS)
def test_a_limited_run_limits_every_library(isa: str) -> None:
    if isa not in _cpu.isas():
        pytest.skip(f"no {isa} here")
    code = "import numpy; from nerve import _cpu; print(_cpu.isa())"
    command = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(command, env=limited(isa), capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == isa


@pytest.mark.parametrize("option", [["--isa=avx2"], ["--isa", "avx2"]], ids=["one word", "two"])
def test_a_limited_run_starts_one_process(option: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Passed on to that process, the option would start another, and that one another."""
    started: list[tuple[list[str], dict[str, str]]] = []

    def run(command: list[str], env: dict[str, str]) -> subprocess.CompletedProcess[str]:
        started.append((command, env))
        return subprocess.CompletedProcess(command, 3)

    monkeypatch.setattr(subprocess, "run", run)
    assert kernels.main(["--only=add", *option, "--threads", "1"], [ADD]) == 3
    ((command, env),) = started
    assert command[1:] == ["-m", "benchmarks.kernels", "--only=add", "--threads", "1"]
    assert env["NERVE_MAX_ISA"] == "avx2"


def test_rows_are_told_apart() -> None:
    names = [row.name for row in ROWS]
    assert len(names) == len(set(names))
    for row in ROWS:
        variants = [peer.name for peer in row.peers]
        assert len(variants) == len(set(variants))
        assert all(name.split()[0] in ("torch", "numpy") for name in variants)
        assert row.unit in ("GFLOP/s", "GB/s")


@pytest.mark.parametrize("name", ["sum of rows 1024x1024", "matmul 16, bias and relu", "transpose 1024x1024"])
def test_rows_are_right(name: str) -> None:
    (row,) = (row for row in ROWS if row.name == name)
    peers = tuple(peer for peer in row.peers if peer.name.startswith("numpy"))
    (line,) = kernels.run([replace(row, peers=peers)], [1], 0)
    assert set(line.times) == {"nerve", "numpy"}


def test_the_table_for_a_document(tmp_path: Path) -> None:
    times = {"nerve": Time(2e-6, 0.1), "torch fast": Time(3e-6, 0.1), "numpy": Time(1e-6, 0)}
    lines = [table.Line(ADD, count, times, 24e9) for count in (1, 2)]
    table.write_csv(tmp_path / "a.csv", {name: name for name in ("cpu", "level", "versions", "commit", "date")}, lines)
    text, begin = markdown.markdown(tmp_path / "a.csv")
    assert begin == markdown.BEGIN
    assert "| add 1000 | 6 GB/s | 25% | fast | 1.50 | 1.50 | 0.50 |" in text
    assert "| **all** | 1.50 (least 1.50) | 1.50 (least 1.50) |" in text
    document = f"before {markdown.BEGIN} old {markdown.END} after"
    assert markdown.insert(document, "new") == f"before {markdown.BEGIN}\n\nnew\n\n{markdown.END} after"
    with pytest.raises(ValueError, match="marks"):
        markdown.insert("no marks", "new")


TINY = next(workload for workload in WORKLOADS if workload.name.startswith("MLP 16-16-4"))


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda workload: workload.name)
def test_steps_of_training_learn_and_are_timed(workload: Workload) -> None:
    """Smaller batches of every kind, nerve beside itself."""
    small = replace(workload, batch=min(workload.batch, 4), learning_rate=min(workload.learning_rate, 1e-3) * 3)
    sides = {"nerve": ours.side(small), "again": ours.side(small)}
    checked = agree(small, sides)
    np.testing.assert_array_equal(checked["nerve"], checked["again"])
    sides["nerve"].call()
    if workload.way in ("step", "fit"):
        model = small.start()
        lasting = sum(w.array.nbytes for w in model.weights) + small.batches(1)[0][0].nbytes
        assert lasting < sides["nerve"].memory() < 100 * lasting


def test_sides_that_disagree_end_the_run() -> None:
    with pytest.raises(WrongResult, match="SGD, other: result 0 differs"):
        agree(TINY, {"nerve": ours.side(TINY), "other": ours.side(replace(TINY, learning_rate=0.051))})
    with pytest.raises(WrongResult, match="hardly change"):
        agree(TINY, {"nerve": Side(lambda: [2.0] * CHECKED, lambda: None)})


@pytest.mark.peers
def test_a_run_of_training(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch")
    assert training.main(["--threads=1", "--budget=0", "--only=MLP 16-16-4", f"--csv={tmp_path / 'a.csv'}"]) == 0
    _, lines = table.read_csv(tmp_path / "a.csv")
    assert list(lines[0]) == list(training.COLUMNS.fields)
    assert (lines[0]["peer"], lines[0]["threads"]) == ("torch", "1")
    assert float(lines[0]["ratio"]) == pytest.approx(float(lines[0]["peer_us"]) / float(lines[0]["nerve_us"]), rel=0.01)
    assert int(lines[0]["peer_bytes"]) > 0
    printed = capfd.readouterr().out.splitlines()
    assert printed[-1].startswith("geomean")
    if training.missing("jax"):
        assert any(line.startswith("left out") and line.endswith(": jax") for line in printed)


def test_the_table_of_training_for_a_document(tmp_path: Path) -> None:
    times = {"nerve": Time(2e-6, 0.1), "torch default": Time(8e-6, 0.1), "torch fused": Time(3e-6, 0.1)}
    memory = {"nerve": 2_000_000, "torch default": None, "torch fused": 3_000_000}
    lines = [training.Line("a step", "torch", count, times, memory) for count in (1, 2)]
    facts = {name: name for name in ("cpu", "level", "versions", "commit", "date")}
    table.write_csv(tmp_path / "a.csv", facts, lines, training.COLUMNS)
    text, begin = markdown.markdown(tmp_path / "a.csv")
    assert begin == markdown.BEGIN_TRAINING
    assert "| a step | torch fused | 3 | 2 | 1.50 | 1.50 | 3 | 2 |" in text
    assert table.conclusion(lines) == "geomean 1.50  worst 1.50 (a step, torch, threads 1)"


def test_a_process_of_training_that_fails_ends_the_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(training, "missing", lambda peer: [] if peer == "torch" else [peer])
    failed = subprocess.CompletedProcess([], 1, "", "a warning\nWRONG: this")
    monkeypatch.setattr(training.subprocess, "run", lambda *_, **__: failed)
    assert training.main(["--threads=1", "--only=MLP 16-16-4"]) == 1
    assert capsys.readouterr().err == "WRONG: this\n"
