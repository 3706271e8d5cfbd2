// What a launcher is given and how many threads it starts. Needs no CUDA header, so the binding can include it.
#pragma once
#include <cstdint>

#include "shapes.h"

#define NERVE_BARE(...) __VA_ARGS__  // an argument list out of its parentheses

struct CUstream_st;

namespace nerve::cuda {

using Stream = CUstream_st*;  // cudaStream_t

constexpr int threads = 256;  // of a block, in every kernel
constexpr int warp = 32;

}  // namespace nerve::cuda
