// What every CUDA file uses: launching, shared memory, reductions over the threads that share a row, and scalar maths.
// The same sources are compiled for the CPU by the tests (tests/native/cuda_shim.h), so a kernel takes shared memory
// and shuffles from here.
#pragma once
#include <cstdint>
#include <cstring>

#include "cuda/graph.h"
#include "cuda/launch.h"

#ifdef __CUDACC__
#include <cuda_runtime.h>

#include <type_traits>

namespace nerve::cuda {

// kernel<<<grid, threads>>>(arguments...), whose blocks have a large_shared<Memory>, or none with void. An empty grid
// is no error, and launches nothing. What the runtime has to say of the launch is asked for once a launcher has
// returned (bind/cuda.cpp).
template <class Memory, class... P, class... A>
void launch_sharing(Stream stream, void (*kernel)(P...), int64_t grid, A... arguments) {
    if (grid <= 0) return;
    size_t bytes = 0;
    if constexpr (!std::is_void_v<Memory>) bytes = sizeof(Memory);
    [&](P... passed) {
        void* addresses[] = {&passed...};
        launch_kernel(stream.handle, reinterpret_cast<const void*>(kernel), grid, addresses, bytes);
    }(P(arguments)...);
}
template <class... P, class... A>
void launch(Stream stream, void (*kernel)(P...), int64_t grid, A... arguments) {
    launch_sharing<void>(stream, kernel, grid, arguments...);
}

// Blocks that are enough to fill a GPU: two for each multiprocessor of an H100.
constexpr int64_t busy_blocks() { return 264; }

// The block's shared memory of type A: one object for each type and kernel, uninitialised.
template <class A>
__device__ A& shared() {
    __shared__ A memory;
    return memory;
}
// The same of more than 48 KB, for kernels that launch_sharing launches.
template <class A>
__device__ A& large_shared() {
    extern __shared__ __align__(1024) unsigned char memory[];
    return *reinterpret_cast<A*>(memory);
}

// x, which the compiler takes for something new: what is computed from it again need not be kept until then.
__device__ inline int64_t forget(int64_t x) {
    asm volatile("" : "+l"(x));
    return x;
}

}  // namespace nerve::cuda
#else
#include "cuda_shim.h"
#endif
#include "cuda/math.cuh"

namespace nerve::cuda {

// Blocks for a loop `for (i = first_index(); i < size; i += index_step())`: enough to fill any GPU, and never too many
// for a grid.
constexpr int64_t loop_blocks(int64_t size) {
    const int64_t blocks = divide_up(size, threads);
    return blocks < (1 << 16) ? blocks : 1 << 16;
}
__device__ inline int64_t first_index() { return int64_t(blockIdx.x) * threads + threadIdx.x; }
__device__ inline int64_t index_step() { return int64_t(gridDim.x) * threads; }

template <class A>
__device__ A shuffle_xor(A value, int lanes) {
    static_assert(sizeof(A) % 4 == 0, "shuffled in words");
    uint32_t words[sizeof(A) / 4];
    memcpy(words, &value, sizeof(A));
    for (uint32_t& word : words) word = __shfl_xor_sync(0xffffffffu, word, lanes);
    memcpy(&value, words, sizeof(A));
    return value;
}

// combine over the values of the `width` threads that share a row: a warp's or the block's. All of them get the result,
// in an order fixed by `width`.
template <int width, class A, class Combine>
__device__ A row_reduce(A value, const Combine& combine) {
    static_assert(width == warp || width == threads, "a row belongs to a warp or to a block");
    for (int lanes = warp / 2; lanes > 0; lanes /= 2) value = combine(value, shuffle_xor(value, lanes));
    if constexpr (width == threads) {
        struct Partials {
            A of[threads / warp];
        };
        auto& partials = shared<Partials>();
        __syncthreads();  // the last reduction's have been read
        if (threadIdx.x % warp == 0) partials.of[threadIdx.x / warp] = value;
        __syncthreads();
        value = partials.of[0];
        for (int i = 1; i < threads / warp; ++i) value = combine(value, partials.of[i]);
    }
    return value;
}

// Rows are given to warps while they are short, and to whole blocks when they are long. launch_rows calls
// body(integral_constant width) accordingly; the kernel finds its row and place in it with these.
template <int width>
__device__ int64_t row_index() {
    return int64_t(blockIdx.x) * (threads / width) + threadIdx.x / width;
}
template <int width>
__device__ int row_lane() {
    return threadIdx.x % width;
}
template <int width>
constexpr int64_t row_blocks(int64_t rows) {
    return divide_up(rows, threads / width);
}
constexpr bool is_long(int64_t row) { return row > 1024; }

struct Add {
    template <class T>
    __device__ T operator()(T a, T b) const {
        return a + b;
    }
};
struct Max {
    template <class T>
    __device__ T operator()(T a, T b) const {
        return math::max(a, b);
    }
};
struct Min {
    template <class T>
    __device__ T operator()(T a, T b) const {
        return math::min(a, b);
    }
};

}  // namespace nerve::cuda
