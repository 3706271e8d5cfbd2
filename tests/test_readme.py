"""The README's examples run as they stand, and the documents' links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nerve

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
DOCUMENTS = sorted(
    path for path in ROOT.glob("**/*.md") if not path.relative_to(ROOT).parts[0].startswith(("build", ".v"))
)


@pytest.fixture
def example(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Run the example numbered by the parameter in an empty folder, and return its variables."""
    monkeypatch.chdir(tmp_path)
    variables: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(EXAMPLES[request.param], f"README.md example {request.param + 1}", "exec"), variables)
    return variables


def test_readme_opens_with_the_two_commands() -> None:
    commands = re.findall(r"^    (.+)$", README, re.MULTILINE)
    assert commands[:2] == ["pip install . && nerve train digits", "pip install '.[test]' && pytest"]
    assert len(EXAMPLES) == 4


@pytest.mark.parametrize("example", [0], indirect=True)
def test_kernels_example(example: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    pooled = example["pooled"]
    assert (pooled.shape, pooled.dtype) == ((32, 14, 14, 8), np.float32)
    assert pooled.min() >= 0
    assert pooled.max() > 0


@pytest.mark.parametrize("example", [1], indirect=True)
def test_autograd_example(example: dict[str, Any]) -> None:
    assert example["loss"].item() < 1e-3
    assert example["weights"].item() == pytest.approx(3, abs=0.05)
    assert example["bias"].item() == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("example", [2], indirect=True)
def test_fit_example(example: dict[str, Any], tmp_path: Path) -> None:
    assert example["history"].history["val_accuracy"][-1] > 0.75  # 0.797 at least over 12 seeds
    assert (tmp_path / "digits.nerve").stat().st_size > 0


def test_recipes_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """One after the other, with the names that those before have left."""
    monkeypatch.chdir(tmp_path)
    nerve.random.seed(0)
    recipes = re.findall(r"^```python\n(.*?)^```$", (ROOT / "docs" / "recipes.md").read_text("utf-8"), re.DOTALL | re.M)
    assert len(recipes) == 5
    variables: dict[str, Any] = {"__name__": "__main__"}
    for number, recipe in enumerate(recipes, 1):
        exec(compile(recipe, f"docs/recipes.md, program {number}", "exec"), variables)
    transferred, pretrained, digits, sure = capsys.readouterr().out.splitlines()
    assert int(transferred.split("%")[0]) > 60
    assert int(pretrained.split("%")[0]) > 60
    assert digits.count("[") == 2
    assert sure == "[ True]"


def test_the_op_to_learn_from_is_there() -> None:
    """What CONTRIBUTING.md shows of one op stands in the files beside it, line by line."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## Adding an op")[2]
    shown = 0
    for place in re.split(r"^\d\. ", text, flags=re.MULTILINE)[1:6]:
        path = ROOT / re.findall(r"\]\((\S+)\)", place)[0]
        for block in re.findall(r"```\w+\n(.*?)```", place, re.DOTALL):
            lines = {line.strip() for line in path.read_text(encoding="utf-8").splitlines()}
            assert {line.strip() for line in block.strip().splitlines()} <= lines, path
            shown += 1
    assert shown == 2


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", document.read_text(encoding="utf-8"))
    broken = [target for target in targets if "://" not in target and not (document.parent / target).exists()]
    assert broken == []
