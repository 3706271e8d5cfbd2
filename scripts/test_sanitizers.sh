#!/usr/bin/env bash
# Runs the kernel tests under AddressSanitizer and UndefinedBehaviorSanitizer: first kernel_checks, which needs no
# Python, then the Python kernel tests with the sanitized extension in place of the installed one.
#
#     scripts/test_sanitizers.sh [arguments for pytest]
#
# Needs the `test` and `dev` extras installed, and Linux with GCC or Clang. Extra arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."

python=$(command -v python)
cmake --preset asan -DNERVE_NATIVE_CHECKS=ON -DPython_EXECUTABLE="$python" \
    -Dpybind11_DIR="$(python -m pybind11 --cmakedir)"
cmake --build --preset asan

export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
build/asan/kernel_checks

site=build/asan/site
rm -rf "$site"
mkdir "$site"
cp -r python/nerve "$site/"
cp build/asan/_cpu*.so "$site/nerve/"

# The interpreter is not sanitized, so the runtime has to be loaded before it; libstdc++ beside it, because the runtime
# looks for __cxa_throw while it starts. Python never frees everything, so leaks are left to kernel_checks.
compiler=$(sed -n 's/^CMAKE_CXX_COMPILER:[^=]*=//p' build/asan/CMakeCache.txt)
preload="$("$compiler" -print-file-name=libasan.so) $("$compiler" -print-file-name=libstdc++.so)"
run() {
    env LD_PRELOAD="$preload" ASAN_OPTIONS=detect_leaks=0 PYTHONMALLOC=malloc PYTHONPATH="$PWD/$site" "$python" "$@"
}
run -c 'import nerve._cpu as m; assert "asan" in m.__file__, m.__file__'
run -m pytest -p no:cacheprovider tests/test_ops.py tests/test_recorded.py "$@"
