"""scikit-learn's own tests pass with nerve's classes in the place of its own, but for those listed with a reason."""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from sklearn_suites import HERE, SUITES, Result, Suite, run

PACKAGES = ("cluster", "decomposition", "manifold", "mixture", "neighbors")


@pytest.fixture
def pinned(request: pytest.FixtureRequest) -> None:
    """The tests know private parts, so they are those of one version; they take minutes, so they are asked for."""
    if "peers" not in request.config.getoption("markexpr"):
        pytest.skip("only with -m peers")
    with (HERE.parents[1] / "pyproject.toml").open("rb") as file:
        peers = tomllib.load(file)["project"]["optional-dependencies"]["peers"]
    version = importlib.metadata.version("scikit-learn")
    if f"scikit-learn=={version}" not in peers:
        pytest.skip(f"scikit-learn {version} is not the version of the extra 'peers'")


@pytest.mark.peers
@pytest.mark.usefixtures("pinned")
@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.module)
def test_suite(suite: Suite, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = run(suite, tmp_path)
    with capsys.disabled():
        print(f"\n{result.summary}", flush=True)
    assert not result.faults, "\n".join([result.summary, *result.faults])


@pytest.mark.parametrize("package", PACKAGES)
def test_every_class_of_that_name_has_a_suite(package: str) -> None:
    theirs, swapped = importlib.import_module(f"sklearn.{package}"), {name for each in SUITES for name in each.classes}
    try:
        ours = importlib.import_module(f"nerve.{package}")
    except ModuleNotFoundError:
        pytest.skip("not there yet")
    classes = {f"{package}.{name}" for name in ours.__all__ if inspect.isclass(getattr(theirs, name, None))}
    assert classes <= swapped


STAND_IN = """
import sklearn.cluster
class KMeans(sklearn.cluster.KMeans):
    kind = "ours"
class DBSCAN(sklearn.cluster.DBSCAN):
    pass
"""
THEIR_TESTS = """
import numpy as np, pytest, sklearn.cluster
from sklearn.base import clone
from sklearn.cluster import KMeans, k_means
from sklearn.cluster import _kmeans
def test_is_swapped():
    assert KMeans.kind == _kmeans.KMeans.kind == sklearn.cluster.KMeans.kind == "ours"
    assert KMeans.__module__ == "standin.cluster" and KMeans is not KMeans.__mro__[1]
    assert KMeans.__mro__[1].__module__ == "sklearn.cluster._kmeans"
@pytest.mark.parametrize("n", [2, 3])
def test_fits(n):
    fitted = clone(KMeans(n, n_init=1, random_state=0)).fit(np.arange(8.0)[:, None])
    assert len(k_means(np.arange(8.0)[:, None], n)[0]) == len(fitted.cluster_centers_) == n
@pytest.mark.parametrize("part", ["one", "two"])
def test_private(part):
    assert KMeans()._private, "no private parts"
@pytest.fixture
def broken():
    raise ValueError("no setup")
def test_setup(broken):
    pass
def test_skips():
    pytest.skip("always")
"""
FAILURES = {"test_private[*]": "private", "test_setup": "a fixture of theirs"}


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """What comes of a small suite made for this, in which KMeans is swapped and DBSCAN does not occur."""
    folder = tmp_path_factory.mktemp("suite")
    for name, text in {"standin/cluster": STAND_IN, "theirs/test_k_means": THEIR_TESTS}.items():
        path = folder / f"{name}.py"
        path.parent.mkdir()
        (path.parent / "__init__.py").touch()
        path.write_text(text)
    return run(Suite("test_k_means", ("cluster.KMeans", "cluster.DBSCAN")), folder, "standin", "theirs", folder)


def faults(outcome: Result, excepted: dict[str, str], classes: tuple[str, ...] = ("cluster.KMeans",)) -> list[str]:
    return replace(outcome, suite=Suite("test_k_means", classes, excepted)).faults


def test_the_class_is_swapped_everywhere(outcome: Result) -> None:
    outcomes = [outcome.outcomes[name] for name in ("test_is_swapped", "test_fits[2]", "test_skips")]
    assert outcomes == ["passed", "passed", "skipped"]
    # Twice by KMeans(n), as often by clone and by k_means, and in the two tests of private parts.
    assert outcome.constructed == {"KMeans": 8}
    assert faults(outcome, FAILURES) == []


def test_what_fails_has_to_be_listed(outcome: Result) -> None:
    assert faults(outcome, {"test_setup": "", "test_private[one]": ""}) == [
        "failed: test_private[two]: AttributeError: 'KMeans' object has no attribute '_private'"
    ]
    assert faults(outcome, {"test_private[*]": ""}) == ["failed: test_setup: ValueError: no setup"]


@pytest.mark.parametrize("stale", ["test_fits[2]", "test_*", "test_skips", "test_of_old"])
def test_what_is_listed_has_to_fail(outcome: Result, stale: str) -> None:
    assert faults(outcome, {**FAILURES, stale: ""}) == [f"excepted, but does not fail: {stale}"]


def test_a_class_has_to_be_constructed(outcome: Result) -> None:
    assert faults(outcome, FAILURES, ("cluster.KMeans", "cluster.DBSCAN")) == ["never constructed: cluster.DBSCAN"]


def test_the_summary_counts(outcome: Result) -> None:
    assert outcome.summary == "KMeans, DBSCAN (test_k_means): 3 passed, 3 failed, 0 excepted, 1 skipped"


def test_a_suite_that_cannot_be_collected_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="ended with"):
        run(Suite("cluster.tests.test_of_nothing", ()), tmp_path)
