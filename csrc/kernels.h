// Two views of kernels.inc: the table every instruction set exports, and, inside an instruction set's own files, the
// declarations of its kernels.
#pragma once
#include <cstddef>
#include <cstdint>

#include "shapes.h"

namespace nerve {

template <class T>
struct Kernels {
#define KERNEL(family, name, ...) void(*name) __VA_ARGS__;
#include "kernels.inc"
};

struct KernelTable {
    const char* isa;
    Kernels<float> float32;
    Kernels<double> float64;
};

}  // namespace nerve

#ifdef NERVE_ISA
namespace nerve::NERVE_ISA {
#define KERNEL(family, name, ...) \
    template <class T>            \
    void name __VA_ARGS__;
#include "kernels.inc"
}  // namespace nerve::NERVE_ISA
#endif
