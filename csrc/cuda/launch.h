// What a launcher is given and how many threads it starts. Needs no CUDA header, so the binding can include it.
#pragma once
#include <cstdint>

#include "shapes.h"

#define NERVE_BARE(...) __VA_ARGS__  // an argument list out of its parentheses

struct CUstream_st;

namespace nerve::cuda {

// What float32 products are made of: fused multiply-adds; products of tf32 parts, as accurate as those; or tf32 alone.
enum class Precision : int64_t { highest = 0, high = 1, medium = 2 };

// What a launcher works on and with. `scratch` is device memory of as many bytes as name##_scratch says (kernels.h);
// whoever calls takes it from CuPy's pool, and may free it once the launcher has returned.
struct Stream {
    CUstream_st* handle = nullptr;  // cudaStream_t
    void* scratch = nullptr;
    Precision precision = Precision::high;
};

constexpr int threads = 256;  // of a block, in every kernel
constexpr int warp = 32;

constexpr int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

}  // namespace nerve::cuda
