"""scikit-learn's own tests of the classes that nerve has under the same name, and what of them does not apply.

A line of :data:`SUITES` is one module of tests with the classes that are swapped in it. ``excepted`` lists the tests
that cannot pass and why: they look at private parts of scikit-learn's class, or at behaviour that ours differs in on
purpose. A star stands for anything, so ``test_name[*]`` for all the parameters of a test; each name has to match at
least one test that fails, and none that passes.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Suite:
    """A module of tests with the classes that are swapped in it, named ``package.Class`` in both libraries."""

    module: str
    classes: tuple[str, ...]
    excepted: Mapping[str, str] = field(default_factory=dict)


NO_MIXIN = "asks for the private KNeighborsMixin, and takes what is none for a search within a radius"

SUITES: tuple[Suite, ...] = (
    Suite("cluster.tests.test_dbscan", ("cluster.DBSCAN",)),
    Suite("cluster.tests.test_hierarchical", ("cluster.AgglomerativeClustering",)),
    Suite(
        "cluster.tests.test_k_means",
        ("cluster.KMeans", "cluster.MiniBatchKMeans"),
        {
            "test_sample_weight_init[*]": "calls the private _init_centroids",
            "test_sample_weight_zero[*]": "calls the private _init_centroids",
        },
    ),
    Suite(
        "neighbors.tests.test_neighbors",
        (
            "neighbors.KNeighborsClassifier",
            "neighbors.KNeighborsRegressor",
            "neighbors.NearestNeighbors",
            "neighbors.RadiusNeighborsClassifier",
            "neighbors.RadiusNeighborsRegressor",
        ),
        {
            "test_neigh_predictions_algorithm_agnosticity[*-KNeighbors*-100-1000-*-100-100-10]": NO_MIXIN,
            "test_neigh_predictions_algorithm_agnosticity[*-KNeighbors*-50-500-*-100-100-10]": NO_MIXIN,
            "test_auto_algorithm[X3-euclidean-None-kd_tree]": (
                "looks at the private _fit_method: ours takes a tree from more points on"
            ),
        },
    ),
    Suite("decomposition.tests.test_pca", ("decomposition.PCA",)),
    Suite("decomposition.tests.test_truncated_svd", ("decomposition.TruncatedSVD",)),
    Suite("decomposition.tests.test_incremental_pca", ("decomposition.IncrementalPCA",)),
    Suite("manifold.tests.test_locally_linear", ("manifold.LocallyLinearEmbedding",)),
    Suite(
        "mixture.tests.test_gaussian_mixture",
        ("mixture.GaussianMixture",),
        {
            "test_gaussian_mixture_all_init_does_not_estimate_gaussian_parameters[*]": (
                "counts calls of a private function of scikit-learn's, which does their M step"
            ),
        },
    ),
    Suite("mixture.tests.test_mixture", ("mixture.GaussianMixture",)),
)


@dataclass(frozen=True)
class Result:
    """What happened to the tests of a suite."""

    suite: Suite
    outcomes: Mapping[str, str]
    messages: Mapping[str, str]
    constructed: Mapping[str, int]

    @property
    def faults(self) -> list[str]:
        """Why the suite does not pass, a line for each reason; none where it does."""
        excepted = {name: re.compile(re.escape(name).replace(r"\*", ".*")) for name in self.suite.excepted}
        faults = []
        for test, outcome in self.outcomes.items():
            if outcome == "failed" and not any(each.fullmatch(test) for each in excepted.values()):
                faults.append(f"failed: {test}: {self.messages[test]}")
        for name, pattern in excepted.items():
            matched = [outcome for test, outcome in self.outcomes.items() if pattern.fullmatch(test)]
            if "passed" in matched or "failed" not in matched:
                faults.append(f"excepted, but does not fail: {name}")
        for each in self.suite.classes:
            if not self.constructed.get(each.rpartition(".")[2]):
                faults.append(f"never constructed: {each}")
        return faults

    @property
    def summary(self) -> str:
        counts = Counter(self.outcomes.values())
        unlisted = sum(fault.startswith("failed") for fault in self.faults)
        classes = ", ".join(name.rpartition(".")[2] for name in self.suite.classes)
        return (
            f"{classes} ({self.suite.module}): {counts['passed']} passed, {unlisted} failed, "
            f"{counts['failed'] - unlisted} excepted, {counts['skipped']} skipped"
        )


def run(suite: Suite, folder: Path, library: str = "nerve", package: str = "sklearn", path: Path = HERE) -> Result:
    """The suite's tests in a process of their own, in an empty folder, with float32 where they know of it."""
    (folder / "pytest.ini").write_text("[pytest]\n")
    report = folder / "report.json"
    swaps = [f"--swap={name}={library}.{name}" for name in suite.classes]
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "swap",
        *swaps,
        f"--swap-report={report}",
        "-p",
        "no:cacheprovider",
    ]
    paths = os.pathsep.join([str(HERE), str(path), *filter(None, sys.path)])
    env = {**os.environ, "PYTHONPATH": paths, "SKLEARN_RUN_FLOAT32_TESTS": "1"}
    command += ["-p", "no:cacheprovider", "-c", "pytest.ini", "--pyargs", f"{package}.{suite.module}"]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    if done.returncode not in (0, 1) or not report.exists():  # 1: tests have failed, as some may
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout[-4000:]}{done.stderr}")
    return Result(suite, **json.loads(report.read_text()))
