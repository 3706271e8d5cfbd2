// Compiles csrc/cuda/*.cu for the CPU, to test what can be tested without a GPU: indexing, barriers, shuffles, sizes.
// Each CUDA thread is a fiber. Between barriers the fibers of a block run one after another in random order, shared
// memory starts as NaN in every block and lies between guards, and a barrier or shuffle that some thread misses is an
// error. Speed, tensor cores and the memory model are not imitated.
#pragma once
#include <math.h>

#include <cstddef>
#include <cstdint>

#include "cuda/launch.h"

#define __global__
#define __device__
#define __host__
#define __restrict__
#define __launch_bounds__(threads)

namespace shim {

struct Index {
    unsigned x, y, z;
};

struct Thread {
    Index index;
};

extern Thread* current;
extern Index block, grid;

// Runs body as every thread of every block.
void run(void (*body)(void* context), void* context, int64_t blocks, int threads);

void block_barrier();
uint32_t shuffle(uint32_t value, int lane);
void* shared_memory(const void* key, size_t bytes);

}  // namespace shim

#define threadIdx (::shim::current->index)
#define blockIdx (::shim::block)
#define gridDim (::shim::grid)

inline void __syncthreads() { shim::block_barrier(); }
inline uint32_t __shfl_xor_sync(unsigned, uint32_t value, int lanes) {
    return shim::shuffle(value, int(threadIdx.x % 32) ^ lanes);
}

namespace nerve::cuda {

template <class... P, class... A>
void launch(Stream, void (*kernel)(P...), int64_t grid, A... arguments) {
    auto body = [&] { kernel(arguments...); };
    shim::run([](void* context) { (*static_cast<decltype(body)*>(context))(); }, &body, grid, threads);
}

template <class A>
A& shared() {
    static const char key = 0;
    return *static_cast<A*>(shim::shared_memory(&key, sizeof(A)));
}

}  // namespace nerve::cuda
