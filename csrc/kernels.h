// The table of kernels that every instruction set exports.
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
