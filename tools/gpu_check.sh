#!/usr/bin/env bash
# All that takes a GPU, in under nine minutes: build for it, test on it, compute-sanitizer on a sample, and measure beside
# PyTorch (cuBLAS, cuDNN) and CuPy.
#
#     tools/gpu_check.sh                  # on a machine with an NVIDIA GPU
#     tools/gpu_check.sh --without-gpu    # the same steps on CuPy's stand-in and the kernels compiled for the CPU
#
# It needs no network, and of what is installed: nvcc 12.8 or newer, CMake 3.25 or newer, a C++20 compiler, and for Python
# (3.11 or newer; $PYTHON names another than python3) numpy, pybind11, pytest, CuPy and PyTorch. Optional, said where
# missing: ninja, compute-sanitizer, safetensors (saving is tested with it). Without a GPU, CuPy is not needed.
#
# $NERVE_GPU_SECONDS: how long it may take (530). The table goes to $OUT if that is set, or to benchmarks/results, as
# gpu-<name of the GPU>.csv, and is meant to be committed. Exit status: 0 if every part went well.
set -uo pipefail
cd "$(dirname "$0")/.." || exit

begun=$SECONDS
without_gpu=
limit=${NERVE_GPU_SECONDS:-530}
python=${PYTHON:-python3}
build=${BUILD:-build/gpu}
failed=()

left() { echo $((limit - (SECONDS - begun))); }

# part NAME SECONDS COMMAND...: run it, at most so long and never past the limit, and remember whether it went well.
part() {
    local name=$1 most=$2 before=$SECONDS
    shift 2
    [ -z "$without_gpu" ] || most=$((10 * most))  # the kernels on a CPU take their time
    ((most > $(left))) && most=$(left)
    if ((most < 5)); then
        echo "gpu_check: $name: no time left"
        failed+=("$name")
        return 1
    fi
    echo "gpu_check: $name ..."
    if timeout --kill-after=10 "$most" "$@"; then
        echo "gpu_check: $name: $((SECONDS - before)) s"
    else
        echo "gpu_check: $name FAILED (status $?, after $((SECONDS - before)) of $most s)"
        failed+=("$name")
        return 1
    fi
}

has() { "$python" -c "import $1" 2>/dev/null; }

# --- what there is

[ "${1:-}" = --without-gpu ] && without_gpu=1
missing=()
for module in numpy pybind11 pytest torch; do has "$module" || missing+=("Python's $module"); done
for command in nvcc cmake; do command -v "$command" >/dev/null || missing+=("$command"); done
if [ -z "$without_gpu" ]; then
    has cupy || missing+=("Python's cupy")
    command -v nvidia-smi >/dev/null && nvidia-smi -L >/dev/null || missing+=("an NVIDIA GPU and its driver")
fi
if ((${#missing[@]})); then
    printf 'gpu_check: needs %s\n' "${missing[@]}"
    exit 2
fi
if [ -z "$without_gpu" ]; then
    nvidia-smi --query-gpu=name,driver_version,compute_cap,memory.total --format=csv,noheader
    architecture=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader | head -1 | tr -d .)
    name=$(nvidia-smi --query-gpu=name --format=csv,noheader | head -1 | tr '[:upper:] ' '[:lower:]-' | tr -cd 'a-z0-9-')
else
    architecture=90 name=none
fi

# --- build: the CPU side for this processor's level alone, the CUDA side for this GPU alone

configure() {
    local source=. level=avx2 generator=()
    grep -q avx512f /proc/cpuinfo && level=avx512
    command -v ninja >/dev/null && generator=(-G Ninja)
    if [ "$(printf '%s\n' 3.29 "$(cmake --version | awk 'NR == 1 { print $3 }')" | sort -V | head -1)" != 3.29 ]; then
        # Only newer ones know all that wheels need; a build for one GPU does with less.
        source=$build/source
        mkdir -p "$source" && cp -r CMakeLists.txt cmake csrc python pyproject.toml tests "$source" &&
            sed -i 's/VERSION 3\.29/VERSION 3.25/' "$source/CMakeLists.txt" || return 1
    fi
    cmake -S "$source" -B "$build" "${generator[@]}" -DCMAKE_BUILD_TYPE=Release -DNERVE_CUDA=ON \
        -DCMAKE_CUDA_ARCHITECTURES="$architecture-real" -DNERVE_LEVELS="$level" \
        -DPython_EXECUTABLE="$(command -v "$python")" -Dpybind11_DIR="$("$python" -m pybind11 --cmakedir)" >"$build.log" ||
        { tail -20 "$build.log"; return 1; }
}
compile() { cmake --build "$build" --parallel "$(nproc)" --target _cpu _cuda && cp --remove-destination "$build"/_c*.so python/nerve/; }
export -f configure compile
export build python architecture
mkdir -p "$build"
part configure 60 bash -c configure && part build "$(left)" bash -c compile || exit 1
export PYTHONPATH=$PWD/python

# --- test: the op table, tensors and optimizers, whole models and their graphs, on the GPU

[ -n "$without_gpu" ] || export NERVE_TEST_GPU=1
"$python" -c 'import nerve; print("nerve.gpu.status():", nerve.gpu.status())'
tests=("$python" -m pytest -c /dev/null --rootdir=. -p no:cacheprovider -q -x)
part "the op table" 120 "${tests[@]}" tests/test_cuda.py tests/test_cuda_wgmma.py -k "not family and not faults"
part "models and graphs" 120 "${tests[@]}" tests/test_on_gpu.py tests/test_graphs.py
if [ -n "$without_gpu" ]; then
    echo "gpu_check: compute-sanitizer: skipped, there is no GPU"
elif command -v compute-sanitizer >/dev/null; then
    sample=(-k "public and (softmax or reduce or indexing)")
    part "compute-sanitizer, memory" 60 compute-sanitizer --error-exitcode 9 "${tests[@]}" tests/test_cuda.py "${sample[@]}"
    part "compute-sanitizer, races" 60 compute-sanitizer --tool racecheck --error-exitcode 9 \
        "${tests[@]}" tests/test_cuda.py -k "public and softmax"
else
    echo "gpu_check: compute-sanitizer: skipped, it is not installed"
fi

# --- measure

if [ -n "$without_gpu" ]; then
    part benchmarks 300 "${tests[@]}" tests/test_benchmarks_gpu.py
else
    seconds=$(($(left) - 20))
    part benchmarks "$(left)" "$python" -m benchmarks.gpu --seconds "$seconds" --csv "${OUT:-benchmarks/results}/gpu-$name.csv"
fi

if ((${#failed[@]})); then
    printf 'gpu_check: failed: %s\n' "${failed[@]}"
    exit 1
fi
echo "gpu_check: all went well in $((SECONDS - begun)) s"
