// The one symbol an instruction set shows to the outside: its table of kernels.
#include "kernels.h"

namespace nerve::NERVE_ISA {

#define KERNEL(family, name, ...) \
    template <class T>            \
    void name __VA_ARGS__;
#include "kernels.inc"

namespace {

template <class T>
constexpr Kernels<T> kernels() {
    return {
#define KERNEL(family, name, ...) name<T>,
#include "kernels.inc"
    };
}

#define NERVE_STRING_(text) #text
#define NERVE_STRING(text) NERVE_STRING_(text)
constexpr KernelTable table{NERVE_STRING(NERVE_ISA), kernels<float>(), kernels<double>()};

}  // namespace
}  // namespace nerve::NERVE_ISA

#define NERVE_CAT_(a, b) a##b
#define NERVE_CAT(a, b) NERVE_CAT_(a, b)
extern "C" const nerve::KernelTable* NERVE_CAT(nerve_table_, NERVE_ISA)() { return &nerve::NERVE_ISA::table; }
