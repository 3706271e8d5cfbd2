"""A pytest plugin that puts other classes in the place of scikit-learn's before its own tests of them are collected.

    pytest -p swap --swap cluster.KMeans=nerve.cluster.KMeans --swap-report a.json --pyargs sklearn.cluster

The report has the outcome of every test, the first line of what failed, and how often each class was constructed.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--swap", action="append", default=[], metavar="THEIRS=OURS", help="package.Class=module.Class")
    parser.addoption("--swap-report", type=Path, required=True, help="where the JSON goes")


def pytest_configure(config: pytest.Config) -> None:
    report = Report(config.getoption("--swap-report"))
    for pair in config.getoption("--swap"):
        theirs, ours = (found(name) for name in ("sklearn." + pair).split("="))
        report.count(ours)
        replace(theirs, ours)
    config.pluginmanager.register(report)


def found(name: str) -> type:
    module, _, attribute = name.rpartition(".")
    made: type = getattr(importlib.import_module(module), attribute)
    return made


def replace(theirs: type, ours: type) -> None:
    """In every module of scikit-learn's that has the class; those imported later get it from one of these."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "sklearn":
            for attribute, value in list(vars(module).items()):
                if value is theirs:
                    setattr(module, attribute, ours)


class Report:
    """What happened to every test, and how often each class was constructed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.outcomes: dict[str, str] = {}
        self.messages: dict[str, str] = {}
        self.constructed: Counter[str] = Counter()

    def count(self, ours: type) -> None:
        """Count the objects that are made of the class itself; its signature stays as it is."""
        before = ours.__new__

        def __new__(cls: type, *args: Any, **kwargs: Any) -> Any:
            self.constructed[ours.__name__] += cls is ours
            return object.__new__(cls) if before is object.__new__ else before(cls, *args, **kwargs)

        ours.__new__ = __new__  # type: ignore[method-assign, assignment]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        name = report.nodeid.partition("::")[2]
        if report.failed:
            self.outcomes[name] = "failed"
            crash = getattr(report.longrepr, "reprcrash", None)
            self.messages[name] = (crash.message if crash else str(report.longrepr)).strip().partition("\n")[0]
        elif report.skipped:
            self.outcomes[name] = "skipped"
        else:
            self.outcomes.setdefault(name, "passed")

    def pytest_sessionfinish(self) -> None:
        parts = {"outcomes": self.outcomes, "messages": self.messages, "constructed": self.constructed}
        self.path.write_text(json.dumps(parts, indent=1))
