#!/usr/bin/env python3
"""Compare the committed stubs of the extension modules with freshly generated ones.

    python scripts/check_stubs.py            # exit 1 and print a diff where they differ
    python scripts/check_stubs.py --write    # bring python/nerve/_cpu.pyi up to date

Looks at the installed nerve, so install the working tree first. A module that was not built (_cuda on a machine without
the CUDA toolkit) is passed over with a message.
"""

from __future__ import annotations

import argparse
import difflib
import importlib.util
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MODULES = ("_cpu", "_cuda")


def generate(module: str) -> str:
    """The stub of nerve.<module>, formatted like the rest of the code."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [sys.executable, "-m", "pybind11_stubgen", f"nerve.{module}", "--exit-code", "-o", folder],
            check=True,
            cwd=folder,
        )
        text = Path(folder, "nerve", f"{module}.pyi").read_text()
    return subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--stdin-filename", f"{module}.pyi", "-"],
        input=text,
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
    ).stdout


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="update the committed stubs")
    write: bool = parser.parse_args().write
    stale = 0
    for module in MODULES:
        if importlib.util.find_spec(f"nerve.{module}") is None:
            print(f"check_stubs: nerve.{module} is not built here, passed over")
            continue
        path = ROOT / "python" / "nerve" / f"{module}.pyi"
        new = generate(module)
        old = path.read_text() if path.exists() else ""
        if new == old:
            print(f"check_stubs: {path.name} is up to date")
        elif write:
            path.write_text(new)
            print(f"check_stubs: wrote {path.name}")
        else:
            stale += 1
            sys.stdout.writelines(
                difflib.unified_diff(
                    old.splitlines(True), new.splitlines(True), f"{module}.pyi (committed)", f"{module}.pyi (generated)"
                )
            )
            print(f"check_stubs: {path.name} is stale; run scripts/check_stubs.py --write")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
