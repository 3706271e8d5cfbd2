#!/usr/bin/env python3
"""Check that no instruction set leaks out of the objects compiled for it.

    python scripts/check_symbols.py build/release

The kernels are compiled once per instruction set and linked into one module. When two objects define the same weak
symbol (an inline function, a template of the standard library), the linker keeps one copy for all callers, and the copy
kept may use instructions the CPU lacks. So an object of ``kernels_<isa>`` may define weak symbols only inside the
namespace ``nerve::<isa>``, and every other object must keep to the baseline instruction set.

Needs nm and objdump of GNU binutils or LLVM ($NM and $OBJDUMP name others, for cross-compiled objects).
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

# Weak symbols an ISA object may define outside its namespace, each with the reason why it cannot do harm. None so far.
ALLOWED_WEAK: frozenset[str] = frozenset()

WEAK_DEFINED = {"W", "V", "u"}

# General-register instructions that came with AVX2-class CPUs; they carry no v prefix but need a VEX encoding.
BMI = {"andn", "bextr", "blsi", "blsmsk", "blsr", "bzhi", "mulx", "pdep", "pext", "rorx", "sarx", "shlx", "shrx"}
NOT_VECTOR = {"verr", "verw"}
AVX512_REGISTER = re.compile(r"%zmm|%k[0-7]|%[xy]mm(1[6-9]|2\d|3[01])\b")
AMX = re.compile(r"%tmm")
AMX_CONFIGURATION = {"ldtilecfg", "sttilecfg", "tilerelease"}
VNNI = "vpdp"  # how the names of its instructions begin
# Files of the level avx512 that hold instructions beyond it: their functions are called where the processor has them.
BEYOND_AVX512 = {"amx.": "amx", "dots16.": "vnni"}
INSTRUCTION = re.compile(r"^\s*[0-9a-f]+:\s+(?:\{\w+\}\s+)?(\S+)\s*(.*)$")


def run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def isa_of(path: Path) -> str | None:
    """The level an object was compiled for, from its CMake target kernels_<isa>; None for any other target."""
    for part in path.parts:
        if match := re.fullmatch(r"kernels_(\w+)\.dir", part):
            return match[1]
    return None


def stray_weak_symbols(path: Path, isa: str) -> Iterator[str]:
    """Weak symbols defined in `path` outside the namespace nerve::<isa> (read from the mangled name)."""
    own = re.compile(rf"_Z[A-Z]*?N[VKRO]*5nerve{len(isa)}{isa}")
    for line in run(os.environ.get("NM", "nm"), "--format=posix", str(path)).splitlines():
        name, kind, *_ = line.split()
        if kind in WEAK_DEFINED and not own.match(name) and name not in ALLOWED_WEAK:
            yield name


def above(level: str, mnemonic: str, operands: str) -> bool:
    """Whether an x86 instruction needs more than `level` (baseline, avx2, avx512, vnni or amx)."""
    if level == "amx":
        return False
    if mnemonic.startswith(VNNI):
        return level != "vnni"
    if AMX.search(operands) or mnemonic in AMX_CONFIGURATION:
        return True
    if level in ("avx512", "vnni"):
        return False
    if AVX512_REGISTER.search(operands):
        return True
    if level == "avx2":
        return False
    return mnemonic in BMI or (mnemonic.startswith("v") and mnemonic not in NOT_VECTOR)


def stray_instructions(path: Path, level: str) -> Iterator[str]:
    listing = run(os.environ.get("OBJDUMP", "objdump"), "-d", "--no-show-raw-insn", str(path))
    if "x86-64" not in listing.partition("\n\n")[0]:
        return  # levels are an x86 matter: on arm64 there is one
    function = "?"
    for line in listing.splitlines():
        if line.endswith(">:"):
            function = line.split("<", 1)[1][:-2]
        elif (match := INSTRUCTION.match(line)) and above(level, match[1], match[2]):
            yield f"{match[1]} {match[2].strip()} in {function}"


def check(build: Path) -> tuple[int, list[str]]:
    """The number of objects looked at, and what is wrong with them."""
    objects = sorted(build.rglob("*.o"))
    problems = []
    for path in objects:
        isa = isa_of(path)
        name = path.relative_to(build)
        if isa is not None:
            problems += [f"{name}: weak symbol {symbol}" for symbol in stray_weak_symbols(path, isa)]
        level = isa if isa in ("avx2", "avx512") else "baseline"
        if level == "avx512":
            level = next((beyond for file, beyond in BEYOND_AVX512.items() if path.name.startswith(file)), level)
        # One line per object is enough: where one instruction leaks, hundreds do.
        problems += [f"{name}: above {level}: {found}" for found in list(stray_instructions(path, level))[:1]]
    return len(objects), problems


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=Path, nargs="+", help="CMake build directories, build/release for example")
    failed = False
    for build in parser.parse_args(arguments).build:
        if not any(isa_of(path) for path in build.rglob("*.o")):
            print(f"check_symbols: no kernels_<isa>.dir with objects under {build}", file=sys.stderr)
            return 2
        count, problems = check(build)
        for problem in problems:
            print(problem, file=sys.stderr)
        print(f"check_symbols: {build}: {count} objects, {len(problems)} problems")
        failed = failed or bool(problems)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
