// kernel_checks [isa ...]: checks the kernels of the instruction sets named, or of all that this machine can run, and
// prints `N passed`. Exit status 1 when a check failed.
//
//     cmake --preset release -DNERVE_NATIVE_CHECKS=ON && cmake --build --preset release --target kernel_checks
//     build/release/kernel_checks avx2
#include <exception>

#include "checks.h"
#include "runtime/cpu.h"
#include "runtime/runtime.h"

namespace {

template <class T>
void check_all(const nerve::Kernels<T>& kernels) {
    checks::elementwise(kernels);
    checks::products(kernels);
    checks::rows(kernels);
    checks::moves(kernels);
    checks::optim(kernels);
    checks::attention(kernels);
}

}  // namespace

int main(int count, char** arguments) try {
    std::vector<std::string> isas(arguments + 1, arguments + count);
    if (isas.empty()) isas = nerve::runtime::usable_isas();
    for (const std::string& isa : isas) {
        nerve::runtime::set_isa(isa);
        std::printf("%s, %d threads\n", isa.c_str(), nerve::runtime::num_threads());
        check_all(nerve::runtime::active_table().float32);
        check_all(nerve::runtime::active_table().float64);
    }
    if (checks::failed > 0) std::printf("%d failed, ", checks::failed);
    std::printf("%d passed\n", checks::passed);
    return checks::failed > 0 ? 1 : 0;
} catch (const std::exception& error) {
    std::fprintf(stderr, "kernel_checks: %s\n", error.what());
    return 2;
}
