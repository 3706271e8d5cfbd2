"""The kernels against plain loops in C++, where a build directory holds the program that does it.

Built by ``cmake --preset release -DNERVE_NATIVE_CHECKS=ON && cmake --build --preset release``.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from nerve import _cpu

BUILT = sorted((Path(__file__).resolve().parent.parent / "build").glob("*/kernel_checks"))


@pytest.mark.slow
@pytest.mark.skipif(not BUILT, reason="kernel_checks is not built (see tests/README.md)")
@pytest.mark.parametrize("isa", _cpu.isas())
@pytest.mark.parametrize("program", BUILT, ids=lambda path: path.parent.name)
@pytest.mark.parametrize("threads", ["1", "5"])
def test_kernel_checks(program: Path, isa: str, threads: str) -> None:
    if program.parent.name == "neon" and isa != "neon":
        pytest.skip("built for arm64")
    result = subprocess.run(
        [program, isa],
        env={**os.environ, "OMP_NUM_THREADS": threads},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert re.search(r"^[1-9]\d* passed$", result.stdout, re.MULTILINE)
