// The kernels made of matrix products, compiled with NERVE_AMX_EMULATION, for Python (tests/amx_emulation.py): the same
// table as of the CUDA kernels, and what the runtime says of this machine and the precision asked for.
#include "kernels.h"
#include "runtime/runtime.h"

#define FAMILY_HERE ~, 1
#define SECOND(first, second, ...) second
#define IS_HERE(...) SECOND(__VA_ARGS__, 0, 0)
#define CAT_(a, b) a##b
#define CAT(a, b) CAT_(a, b)
#define IF_0(...)
#define IF_1(...) __VA_ARGS__

namespace {

nerve::runtime::Split split;

struct Entry {
    const char *family, *name, *signature;
    void *float32, *float64;
};

}  // namespace

namespace nerve::NERVE_ISA {
#define KERNEL(family, name, ...) \
    template <class T>            \
    void name __VA_ARGS__;
#include "kernels.inc"
}  // namespace nerve::NERVE_ISA

namespace {

#define LISTED(family, name, signature)                                                 \
    {family, #name, signature, reinterpret_cast<void*>(&nerve::NERVE_ISA::name<float>), \
     reinterpret_cast<void*>(&nerve::NERVE_ISA::name<double>)},
const Entry entries[] = {
#define KERNEL(family, name, ...) CAT(IF_, IS_HERE(FAMILY_##family))(LISTED(#family, name, #__VA_ARGS__))
#include "kernels.inc"
    {},
};

}  // namespace

nerve::runtime::Split nerve::runtime::matmul_split() { return split; }

extern "C" __attribute__((visibility("default"))) const void* emulation_kernels() { return entries; }
extern "C" __attribute__((visibility("default"))) void emulation_set_split(int pieces) {
    split = nerve::runtime::Split(pieces);
}
extern "C" __attribute__((visibility("default"))) void emulation_set_num_threads(int threads) {
    nerve::runtime::set_num_threads(threads);
}
