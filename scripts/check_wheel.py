#!/usr/bin/env python3
"""Check the wheels in a folder: the size limit, and that the files people rely on are inside.

python scripts/check_wheel.py dist
"""

from __future__ import annotations

import argparse
import sys
import zipfile
from pathlib import Path

LIMIT = 10 * 1000 * 1000
NEEDED = ("nerve/py.typed", "nerve/_cpu.pyi", "nerve/kernels/reference/")


def problems(wheel: Path) -> list[str]:
    found = []
    if wheel.stat().st_size > LIMIT:
        found.append(f"{wheel.stat().st_size:,} bytes, more than {LIMIT:,}")
    names = zipfile.ZipFile(wheel).namelist()
    found += [f"{needed} is missing" for needed in NEEDED if not any(name.startswith(needed) for name in names)]
    if not any(name.startswith("nerve/_cpu.") and name.endswith((".so", ".pyd")) for name in names):
        found.append("the _cpu extension is missing")
    if not any(name.endswith("licenses/LICENSE") for name in names):
        found.append("LICENSE is missing")
    return found


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    wheels = sorted(parser.parse_args(arguments).folder.glob("nerve-*.whl"))
    if not wheels:
        print("check_wheel: no wheel found", file=sys.stderr)
        return 2
    failed = False
    for wheel in wheels:
        found = problems(wheel)
        failed = failed or bool(found)
        print(f"check_wheel: {wheel.name}, {wheel.stat().st_size / 1e6:.2f} MB: {'; '.join(found) or 'fine'}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
