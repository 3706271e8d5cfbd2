#!/usr/bin/env python3
"""Check what nvcc made of csrc/cuda: registers, instructions and size. scripts/check_cuda.sh compiles and calls it.

python scripts/check_cuda_objects.py FOLDER --architectures 2

FOLDER has an object and a log of ``-Xptxas -v`` for every file. No kernel of products, or of all pairs of rows, may
spill registers or wait for each instruction of a warpgroup, and each has the instructions it was written for, by
``cuobjdump`` (PyPI: nvidia-cuda-cuobjdump, nvidia-cuda-nvdisasm), in $CUOBJDUMP, on the path or in this Python's
environment; without it the instructions are not looked at.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

#: Bytes of a release's _cuda, which has machine code for RELEASED architectures (csrc/cuda/README.md).
LIMIT, RELEASED = 15_000_000, 6
FILES = ("matmul", "conv", "recurrent", "wgmma", "kmeans", "distance", "neighbors")
#: For one architecture alone, however many the others are for.
SINGLE = "wgmma"
#: Of matrix products, and of all pairs of rows (csrc/cuda/pairs.cuh).
KERNEL = re.compile(r"product_kernel|wgmma_kernel|\d(assign|distances|nearest|radius)_kernel")
#: Part of a kernel's mangled name: the type, and the precision of its products.
WANTED = {
    r"product_kernelIf.*PrecisionE0E": ("FFMA", "LDS.128", "LDGSTS.E"),
    r"product_kernelIf.*PrecisionE[12]E": ("HMMA.1688.F32.TF32", "LDGSTS.E", "LDS.128"),
    r"product_kernelId.*PrecisionE0E": ("DMMA", "LDGSTS.E", "LDS.128"),
    r"\d(assign|distances|nearest|radius)_kernel": ("LDGSTS.E", "LDS.128"),
    r"wgmma_kernelILb[01]E": ("HGMMA.64x128x8.F32.TF32", "LDG.E.128", "STS.128", "FENCE.VIEW.ASYNC"),
}
#: Operands that lie in memory in lines are copied 16 bytes at a time.
WIDE = re.compile(r"product_kernel.*(MatrixProduct|Conv)|\d(assign|distances|nearest|radius)_kernel")
WIDE_COPY = re.compile(r"LDGSTS\.E\.BYPASS(\.LTC128B)?\.128")


def spills(log: str) -> list[str]:
    """The kernels of products that use local memory or are slowed down, by the words of ptxas."""
    found = []
    name = ""
    for line in log.splitlines():
        if match := re.search(r"Compiling entry function '(\S+)' for '(\w+)'", line):
            name = f"{match[1]} ({match[2]})"
        if "are serialized" in line and (match := re.search(r"in the function '(\S+)'", line)):
            found.append(f"{match[1]} has its wgmma serialized")
        match = re.search(r"(\d+) bytes stack frame, (\d+) bytes spill stores", line)
        if match and KERNEL.search(name) and match.groups() != ("0", "0"):
            found.append(f"{name} has {match[1]} bytes of stack and spills {match[2]}")
    return found


def kernels(log: str) -> int:
    names = re.findall(r"Compiling entry function '(\S+)'", log)
    return len({name for name in names if KERNEL.search(name)})


def missing(sass: str) -> list[str]:
    """The instructions that kernels of products lack, in what ``cuobjdump -sass`` prints."""
    found = []
    for block in sass.split("Function : ")[1:]:
        name, _, code = block.partition("\n")
        if not KERNEL.search(name):
            continue
        wanted = next((wanted for pattern, wanted in WANTED.items() if re.search(pattern, name)), None)
        if wanted is None:
            found.append(f"{name} is of no known kind")
            continue
        found += [f"{name} has no {instruction}" for instruction in wanted if instruction not in code]
        if WIDE.search(name) and not WIDE_COPY.search(code):
            found.append(f"{name} copies nothing 16 bytes at a time")
        found += [f"{name} uses local memory" for local in ("LDL", "STL") if re.search(rf"\b{local}\b", code)][:1]
    return found


def cuobjdump() -> str | None:
    own = Path(sysconfig.get_path("purelib")) / "nvidia" / "cu13" / "bin" / "cuobjdump"
    if named := os.environ.get("CUOBJDUMP"):
        return named
    return shutil.which("cuobjdump") or (str(own) if own.exists() else None)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--architectures", type=int, required=True, help="how many the objects are for")
    options = parser.parse_args(arguments)
    tool, problems, count = cuobjdump(), [], 0
    for file in FILES:
        log = (options.folder / f"{file}.cu.log").read_text()
        count += kernels(log)
        problems += spills(log)
        if not kernels(log):
            problems.append(f"{file}.cu has no kernel of products")
        if tool:
            environment = {**os.environ, "PATH": f"{Path(tool).parent}{os.pathsep}{os.environ['PATH']}"}  # nvdisasm
            command = [tool, "-sass", str(options.folder / f"{file}.cu.o")]
            problems += missing(
                subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
            )
    single = (options.folder / f"{SINGLE}.cu.o").stat().st_size
    size = sum(path.stat().st_size for path in options.folder.glob("*.cu.o")) - single
    released = size * RELEASED // options.architectures + single
    if released > LIMIT:
        problems.append(f"{size:,} bytes for {options.architectures} architectures: a release has more than {LIMIT:,}")
    for problem in problems:
        print(f"check_cuda: {problem}", file=sys.stderr)
    seen = (
        "as meant" if tool else "not looked at: no cuobjdump (pip install nvidia-cuda-cuobjdump nvidia-cuda-nvdisasm)"
    )
    print(
        f"check_cuda: {count} kernels of products, {len(problems)} problems; instructions {seen}; {size / 1e6:.1f} MB"
    )
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
