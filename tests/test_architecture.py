"""The floors of the house: an import only ever points down, or along its own floor."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import nerve

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "python" / "nerve"
FLOORS = {
    5: ["__main__", "applications", "backend", "cli", "models", "plots", "saving"],
    4: [
        "checked",
        "activations",
        "callbacks",
        "constraints",
        "cluster",
        "config",
        "data",
        "datasets",
        "decomposition",
        "layers",
        "losses",
        "manifold",
        "metrics",
        "mixture",
        "neighbors",
        "optimizers",
        "preprocessing",
        "regularizers",
        "samplers",
        "utils",
    ],
    3: [
        "anomalies",
        "autograd",
        "graphed",
        "indexed_rows",
        "initializers",
        "operators",
        "ops",
        "random",
        "recorded",
        "serialization",
        "tensor",
    ],
    2: ["_threadpoolctl", "gpu", "kernels", "runtime"],
    1: ["_cpu", "_cuda"],
    0: ["_extras", "_lookup", "_typing", "errors", "tree"],
}
FLOOR = {room: floor for floor, rooms in FLOORS.items() for room in rooms}
# steps, searches and fits
WITHOUT_GRADIENT = {
    "gram", "hierarchy", "optim", "distance", "neighbors", "kd_tree", "kmeans", "seeding", "mixture",
}  # fmt: skip
FAMILIES = [path.stem for path in ROOT.glob("csrc/kernels/*.inc")]


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_rooms(path: Path) -> set[str]:
    """Rooms of nerve that a module imports anywhere in it, also inside functions."""
    rooms: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            rooms |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("nerve.")}
        elif isinstance(node, ast.ImportFrom) and node.module == "nerve":
            rooms |= {alias.name for alias in node.names if not alias.name.startswith("__")}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("nerve."):
            rooms.add(str(node.module).split(".")[1])
    return rooms


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path: Path) -> None:
    if path == PACKAGE / "__init__.py":
        return  # the front door shows every room
    assert room(path) in FLOOR, f"say in this test on which floor {room(path)} stands"
    for other in imported_rooms(path):
        assert other in FLOOR, f"{path.name} imports nerve.{other}, which stands on no floor"
        assert FLOOR[other] <= FLOOR[room(path)], f"{room(path)} imports {other}, a floor above it"


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_a_family_is_found_under_one_name(family: str) -> None:
    assert (ROOT / "csrc" / "cpu" / f"{family}.cpp").exists()
    assert (PACKAGE / "kernels" / f"{family}.py").exists()
    assert (PACKAGE / "kernels" / "reference" / f"{family}.py").exists()
    assert (PACKAGE / "ops" / f"{family}.py").exists() or family in WITHOUT_GRADIENT
    assert (ROOT / "tests" / "op_table" / f"{family}.py").exists()


def test_every_public_name_is_there() -> None:
    for name in nerve.__all__:
        assert getattr(nerve, name) is not None
    assert set(nerve.__all__) <= set(dir(nerve))
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = nerve.nothing
