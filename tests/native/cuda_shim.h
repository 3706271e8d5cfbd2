// Compiles csrc/cuda/*.cu for the CPU, to test what can be tested without a GPU: indexing, barriers, shuffles, sizes.
// Each CUDA thread is a fiber. Between barriers the fibers of a block run one after another in random order, or a warp
// ahead of the others as far as it comes. Shared memory starts as NaN, or huge, in every block and lies between guards,
// and a barrier or shuffle that some thread misses is an error. Speed and the memory model are not imitated; what
// tensor cores compute is (cuda_mma.h, cuda_wgmma.h).
#pragma once
#include <math.h>
#include <string.h>

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "cuda/launch.h"

#define __global__
#define __device__
#define __host__
#define __restrict__
#define __launch_bounds__(...)

namespace shim {

struct Index {
    unsigned x, y, z;
};

struct Thread {
    Index index;
};

extern Thread* current;
extern Index block, grid;

// Runs body as every thread of every block; `large` bytes of shared memory are large_shared's.
void run(void (*body)(void* context), void* context, int64_t blocks, int threads, size_t large);

void block_barrier();
// Waits for the warp; then what all its lanes gave, 32 bytes each.
struct alignas(8) Slot {
    unsigned char bytes[32];
};
const Slot* exchange(const void* value, size_t bytes);
unsigned random_below(unsigned n);
void fail(const char* reason);
void* shared_memory(const void* key, size_t bytes);
void* large_shared_memory(size_t bytes);

}  // namespace shim

#define threadIdx (::shim::current->index)
#define blockIdx (::shim::block)
#define gridDim (::shim::grid)

inline void __syncthreads() { shim::block_barrier(); }
inline uint32_t __shfl_xor_sync(unsigned, uint32_t value, int lanes) {
    uint32_t found;
    memcpy(&found, shim::exchange(&value, sizeof value)[int(threadIdx.x % 32) ^ lanes].bytes, sizeof found);
    return found;
}

namespace nerve::cuda {

template <class Memory, class... P, class... A>
void launch_sharing(Stream, void (*kernel)(P...), int64_t grid, A... arguments) {
    size_t bytes = 0;
    if constexpr (!std::is_void_v<Memory>) bytes = sizeof(Memory);
    auto body = [&] { kernel(arguments...); };
    shim::run([](void* context) { (*static_cast<decltype(body)*>(context))(); }, &body, grid, threads, bytes);
}
template <class... P, class... A>
void launch(Stream stream, void (*kernel)(P...), int64_t grid, A... arguments) {
    launch_sharing<void>(stream, kernel, grid, arguments...);
}

int64_t busy_blocks();
inline int64_t forget(int64_t x) { return x; }

template <class A>
A& shared() {
    static const char key = 0;
    return *static_cast<A*>(shim::shared_memory(&key, sizeof(A)));
}
template <class A>
A& large_shared() {
    return *static_cast<A*>(shim::large_shared_memory(sizeof(A)));
}

}  // namespace nerve::cuda
