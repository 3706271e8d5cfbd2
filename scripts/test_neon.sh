#!/usr/bin/env bash
# Cross-compiles the NEON kernels and runs kernel_checks on them under qemu. Debian and Ubuntu have the tools in
# g++-aarch64-linux-gnu and qemu-user; root gets them installed, anyone else is told what is missing and passes.
set -euo pipefail
cd "$(dirname "$0")/.."

missing() {
    ! command -v aarch64-linux-gnu-g++ >/dev/null || ! command -v qemu-aarch64 >/dev/null
}
if missing && [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
    timeout 300 sh -c "apt-get update && apt-get install -y --no-install-recommends g++-aarch64-linux-gnu qemu-user" >/dev/null 2>&1 || true
fi
if missing; then
    echo "test_neon: skipped, needs aarch64-linux-gnu-g++ and qemu-aarch64 (apt install g++-aarch64-linux-gnu qemu-user)"
    exit 0
fi

build=build/neon
cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 \
    -DCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++ -DNERVE_PYTHON=OFF -DNERVE_CUDA=OFF -DNERVE_NATIVE_CHECKS=ON
cmake --build "$build" --target kernel_checks
NM=aarch64-linux-gnu-nm OBJDUMP=aarch64-linux-gnu-objdump python3 scripts/check_symbols.py "$build"
qemu-aarch64 -L /usr/aarch64-linux-gnu "$build/kernel_checks"
