"""The checks under scripts/ fail when they should: a check that cannot fail is worth nothing."""

from __future__ import annotations

import importlib.util
import platform
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

SCRIPTS = Path(__file__).resolve().parent.parent / "scripts"
COMPILER = shutil.which("g++") or shutil.which("clang++")

needs_compiler = pytest.mark.skipif(
    COMPILER is None
    or not (shutil.which("nm") and shutil.which("objdump"))
    or platform.machine() != "x86_64"
    or not sys.platform.startswith("linux"),
    reason="compiles x86 objects: needs a C++ compiler and binutils on Linux",
)

# A template is emitted as a weak symbol; which copy the linker keeps is up to its order.
TEMPLATE = """
namespace NAMESPACE {
template <class T> __attribute__((noinline)) void scale(T* x, int n) { for (int i = 0; i < n; ++i) x[i] *= 3; }
template void scale<float>(float*, int);
}
"""
AVX2 = ("-mavx2", "-mfma")
AVX512 = ("-mavx512f", "-mprefer-vector-width=512")


def run(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPTS / script), *map(str, arguments)], capture_output=True, text=True, timeout=60
    )


def compile_object(path: Path, source: str, *flags: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert COMPILER is not None
    command = [COMPILER, "-std=c++20", "-O3", *flags, "-x", "c++", "-c", "-", "-o", str(path)]
    subprocess.run(command, input=source, text=True, check=True, timeout=60)


def add_object(build: Path, target: str, namespace: str, *flags: str) -> None:
    """Compile TEMPLATE in `namespace` as if CMake had done so for `target`."""
    folder = build / "CMakeFiles" / f"{target}.dir" / "csrc" / "cpu"
    number = len(list(folder.iterdir())) if folder.exists() else 0
    compile_object(folder / f"{number}.o", TEMPLATE.replace("NAMESPACE", namespace), *flags)


@needs_compiler
def test_symbols_accepts_clean_objects(tmp_path: Path) -> None:
    add_object(tmp_path, "kernels_baseline", "nerve::baseline")
    add_object(tmp_path, "kernels_avx2", "nerve::avx2", *AVX2)
    add_object(tmp_path, "kernels_avx512", "nerve::avx512", *AVX512)
    add_object(tmp_path, "runtime", "nerve::runtime")
    result = run("check_symbols.py", tmp_path)
    assert result.returncode == 0, result.stderr
    assert "4 objects, 0 problems" in result.stdout


@needs_compiler
@pytest.mark.parametrize("namespace", ["shared", "nerve", "nerve::avx512", "std"])
def test_symbols_rejects_weak_symbols_outside_the_namespace(tmp_path: Path, namespace: str) -> None:
    add_object(tmp_path, "kernels_avx2", namespace, *AVX2)
    result = run("check_symbols.py", tmp_path)
    assert result.returncode == 1
    assert "kernels_avx2.dir" in result.stderr
    assert "weak symbol" in result.stderr
    assert "scale" in result.stderr


@needs_compiler
@pytest.mark.parametrize(
    ("target", "flags", "level"),
    [
        ("kernels_baseline", AVX2, "baseline"),
        ("kernels_baseline", AVX512, "baseline"),
        ("runtime", AVX2, "baseline"),
        ("kernels_avx2", AVX512, "avx2"),
    ],
)
def test_symbols_rejects_instructions_above_the_level(
    tmp_path: Path, target: str, flags: tuple[str, ...], level: str
) -> None:
    add_object(tmp_path, "kernels_avx512", "nerve::avx512", *AVX512)
    add_object(tmp_path, target, f"nerve::{target.removeprefix('kernels_')}", *flags)
    result = run("check_symbols.py", tmp_path)
    assert result.returncode == 1
    assert f"{target}.dir" in result.stderr
    assert f"above {level}: v" in result.stderr


@needs_compiler
@pytest.mark.parametrize(
    ("file", "code", "instruction"),
    [
        ("amx.cpp.o", ".byte 0xc4, 0xe2, 0x78, 0x49, 0xc0", "tilerelease"),
        ("dots16.cpp.o", ".byte 0x62, 0xf2, 0x6d, 0x48, 0x52, 0xcb", "vpdpwssd"),
    ],
)
def test_symbols_allows_tiles_and_dot_products_in_one_file_each(
    tmp_path: Path, file: str, code: str, instruction: str
) -> None:
    add_object(tmp_path, "kernels_avx512", "nerve::avx512", *AVX512)
    function = f'void beyond() {{ asm volatile("{code}"); }}'
    compile_object(tmp_path / "kernels_avx512.dir" / file, function)
    assert run("check_symbols.py", tmp_path).returncode == 0
    compile_object(tmp_path / "kernels_avx512.dir" / "matmul.cpp.o", function)
    result = run("check_symbols.py", tmp_path)
    assert result.returncode == 1
    assert f"above avx512: {instruction}" in result.stderr


@needs_compiler
def test_symbols_needs_something_to_look_at(tmp_path: Path) -> None:
    result = run("check_symbols.py", tmp_path)
    assert result.returncode == 2
    assert "no kernels_<isa>.dir" in result.stderr


def make_wheel(path: Path, *, without: str = "", padding: int = 0) -> None:
    names = [
        "nerve/py.typed",
        "nerve/_cpu.pyi",
        "nerve/_cpu.cpython-311-x86_64-linux-gnu.so",
        "nerve/kernels/reference/matmul.py",
        "nerve-0.1.0.dist-info/licenses/LICENSE",
    ]
    with zipfile.ZipFile(path, "w") as wheel:
        for name in names:
            if name != without:
                wheel.writestr(name, b"")
        wheel.writestr("nerve/padding", bytes(padding))


def test_wheel_accepts_a_whole_one(tmp_path: Path) -> None:
    make_wheel(tmp_path / "nerve-0.1.0-cp311-cp311-linux_x86_64.whl")
    assert run("check_wheel.py", tmp_path).returncode == 0


def test_wheel_rejects_a_large_one(tmp_path: Path) -> None:
    make_wheel(tmp_path / "nerve-0.1.0-cp311-cp311-linux_x86_64.whl", padding=10_000_001)
    result = run("check_wheel.py", tmp_path)
    assert result.returncode == 1
    assert "more than 10,000,000" in result.stdout


@pytest.mark.parametrize("missing", ["nerve/py.typed", "nerve/_cpu.cpython-311-x86_64-linux-gnu.so"])
def test_wheel_rejects_an_incomplete_one(tmp_path: Path, missing: str) -> None:
    make_wheel(tmp_path / "nerve-0.1.0-cp311-cp311-linux_x86_64.whl", without=missing)
    result = run("check_wheel.py", tmp_path)
    assert result.returncode == 1
    assert "missing" in result.stdout


def test_wheel_needs_one(tmp_path: Path) -> None:
    assert run("check_wheel.py", tmp_path).returncode == 2


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
def test_the_table_of_kerass_classes_is_true(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    pytest.importorskip("keras")
    pytest.importorskip("torch")
    specification = importlib.util.spec_from_file_location("keras_table", SCRIPTS / "keras_table.py")
    keras_table = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(keras_table)
    text = keras_table.table()
    assert text == keras_table.TABLE.read_text(), "python scripts/keras_table.py --write"
    assert "| `Conv1D` (`Convolution1D`) | `nerve.layers.Conv1D` |" in text
    assert "| `LSTM` | `nerve.layers.LSTM`, without `use_cudnn` |" in text
    for names in (("jvp", "abs"), ()):
        with monkeypatch.context() as patch:
            patch.setitem(keras_table.FUNCTIONS, "derivatives in forward mode, where nerve has those in reverse", names)
            wrong = names[1:] or ("jvp",)
            with pytest.raises(ValueError, match=rf"keras\.ops: a reason for what is missing, .*: \['{wrong[0]}'\]"):
                keras_table.table()
    monkeypatch.setitem(keras_table.REASONS, "layers.Dense", "a reason that is none")
    with pytest.raises(ValueError, match=r"layers\.Dense: is there and has a reason"):
        keras_table.table()
    monkeypatch.delitem(keras_table.REASONS, "layers.Dense")
    monkeypatch.delitem(keras_table.REASONS, "layers.JaxLayer")
    with pytest.raises(ValueError, match=r"layers\.JaxLayer: needs a reason"):
        keras_table.table()


PRODUCT = (
    "_ZN5nerve4cuda14product_kernelIfNS0_4TileILi128ELi128EEELNS0_9PrecisionE1ENS0_13MatrixProductIfLb1ELb0EEEEEvT2_"
)
CODE = "HMMA.1688.F32.TF32 R1 ; LDGSTS.E.BYPASS.128 ; LDS.128 ;"
WGMMA = "_ZN5nerve4cuda12wgmma_kernelILb1EEEvNS0_12WgmmaProductENS0_3CutE"
WGMMA_CODE = "HGMMA.64x128x8.F32.TF32 R24 ; LDG.E.128 ; STS.128 ; FENCE.VIEW.ASYNC.S ;"


def compiled(
    folder: Path, *, name: str = PRODUCT, code: str = CODE, spilled: int = 0, size: int = 100, said: str = ""
) -> None:
    """What check_cuda.sh leaves for check_cuda_objects.py, and a cuobjdump that prints ``code``."""
    for file in ("matmul", "conv", "recurrent", "wgmma", "kmeans", "distance", "neighbors"):
        (folder / f"{file}.cu.o").write_bytes(bytes(size))
        (folder / f"{file}.cu.log").write_text(
            f"ptxas info    : Compiling entry function '{name}' for 'sm_80'\n"
            f"    {spilled} bytes stack frame, {spilled} bytes spill stores, {spilled} bytes spill loads\n" + said
        )
    tool = folder / "cuobjdump"
    tool.write_text(f"#!/bin/sh\necho 'Function : {name}'\necho '{code}'\n")
    tool.chmod(0o755)


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script stands in for cuobjdump")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({}, ""),
        ({"spilled": 8}, "has 8 bytes of stack and spills 8"),
        ({"code": CODE.replace("HMMA", "FFMA")}, "has no HMMA.1688.F32.TF32"),
        ({"code": CODE.replace("LDGSTS.E.BYPASS.128", "LDGSTS.E")}, "copies nothing 16 bytes at a time"),
        ({"code": CODE + " STL [R1] ;"}, "uses local memory"),
        ({"name": "softmax_kernel"}, "has no kernel of products"),
        ({"name": PRODUCT.replace("PrecisionE1E", "PrecisionE3E")}, "is of no known kind"),
        ({"size": 2_000_000}, "a release has more than 15,000,000"),
        ({"name": "_ZN5nerve4cuda14nearest_kernelIfEE", "code": CODE}, ""),
        (
            {"name": "_ZN5nerve4cuda14nearest_kernelIfEE", "code": "LDGSTS.E ; LDS.128 ;"},
            "copies nothing 16 bytes at a time",
        ),
        ({"name": WGMMA, "code": WGMMA_CODE}, ""),
        ({"name": WGMMA, "code": WGMMA_CODE, "spilled": 8}, "has 8 bytes of stack and spills 8"),
        ({"name": WGMMA, "code": CODE}, "has no HGMMA.64x128x8.F32.TF32"),
        (
            {"said": "ptxas info : wgmma.mma_async instructions are serialized in the function 'wgmma_kernel'\n"},
            "wgmma_kernel has its wgmma serialized",
        ),
    ],
)
def test_cuda_objects(change: dict[str, Any], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled(tmp_path, **change)
    monkeypatch.setenv("CUOBJDUMP", str(tmp_path / "cuobjdump"))
    result = run("check_cuda_objects.py", tmp_path, "--architectures", 2)
    assert result.returncode == (1 if message else 0), result.stderr
    assert message in result.stderr
