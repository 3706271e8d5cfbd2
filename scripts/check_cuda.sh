#!/usr/bin/env bash
# Compiles every csrc/cuda/*.cu to machine code for sm_80 and sm_90, and wgmma.cu for sm_90a alone, so that a change
# cannot break the GPU build unseen, and looks at what became of the matrix products (scripts/check_cuda_objects.py).
# Needs nvcc but no GPU; says so and passes where there is no nvcc. $NVCC names another compiler.
set -euo pipefail
cd "$(dirname "$0")/.."

nvcc=${NVCC:-nvcc}
if ! command -v "$nvcc" >/dev/null; then
    echo "check_cuda: skipped, no nvcc on this machine"
    exit 0
fi
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

files=(csrc/cuda/*.cu)
printf '%s\n' "${files[@]}" | xargs -P "$(nproc)" -I{} sh -c '
    made="$2/$(basename "$3")"
    for_gpus="-gencode arch=compute_80,code=sm_80 -gencode arch=compute_90,code=sm_90"
    [ "$(basename "$3")" = wgmma.cu ] && for_gpus="-gencode arch=compute_90a,code=sm_90a"
    "$1" -std=c++17 -O2 --fmad=false --expt-relaxed-constexpr --compress-mode=size -Werror all-warnings -Xptxas -v -Icsrc \
        -DNERVE_WGMMA $for_gpus -c -o "$made.o" "$3" >"$made.log" 2>&1 ||
        { grep -v "^ptxas info" "$made.log" >&2; echo "check_cuda: $3 does not compile" >&2; exit 255; }
' sh "$nvcc" "$out" {}
echo "check_cuda: ${#files[@]} files compile for sm_80 and sm_90, or sm_90a"
python3 scripts/check_cuda_objects.py "$out" --architectures 2
