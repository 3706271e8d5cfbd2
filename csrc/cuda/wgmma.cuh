// Products made by warpgroups, four warps, out of shared memory while the threads go on (PTX ISA, "wgmma"; sm_90a
// alone has them), behind functions that the tests emulate (tests/native/cuda_wgmma.h).
//
// The order of things: numbers are written by store_operand and wgmma_publish, and read after a barrier;
// wgmma_begin, multiplications, wgmma_commit; and wgmma_wait before sums are touched or the numbers overwritten.
#pragma once
#include "cuda/mma.cuh"
#include "cuda/wgmma_index.cuh"

#ifndef __CUDACC__
#include "cuda_wgmma.h"
#else

namespace nerve::cuda {

#define WGMMA_FOUR(x, i) "+f"(x[i]), "+f"(x[i + 1]), "+f"(x[i + 2]), "+f"(x[i + 3])
#define WGMMA_SIXTEEN(x, i) WGMMA_FOUR(x, i), WGMMA_FOUR(x, i + 4), WGMMA_FOUR(x, i + 8), WGMMA_FOUR(x, i + 12)
#define WGMMA_SUMS(x) WGMMA_SIXTEEN(x, 0), WGMMA_SIXTEEN(x, 16), WGMMA_SIXTEEN(x, 32), WGMMA_SIXTEEN(x, 48)

__device__ inline void store_operand(float* to, const float (&of)[4]) {
    *reinterpret_cast<float4*>(to) = make_float4(of[0], of[1], of[2], of[3]);
}
// What this thread has stored is seen by the products of those that wait at a barrier with it from now on.
__device__ inline void wgmma_publish() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }

__device__ inline uint64_t describe(const float* shared) {
    return wgmma_descriptor(uint32_t(__cvta_generic_to_shared(shared)));
}

// The sums are as the thread left them. Like all below, for the warps of a warpgroup together.
__device__ inline void wgmma_begin(float (&sum)[wgmma_sums]) {
    asm volatile("wgmma.fence.sync.aligned;" : WGMMA_SUMS(sum)::"memory");
}

// sum = a b, or sum += a b: 64 x 128 results of 8 products each; a and b are tf32.
template <bool adds>
__device__ inline void wgmma(float (&sum)[wgmma_sums], uint64_t a, uint64_t b) {
    asm volatile(
        "{\n.reg .pred adds;\nsetp.ne.b32 adds, %66, 0;\n"
        "wgmma.mma_async.sync.aligned.m64n128k8.f32.tf32.tf32 "
        "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, "
        "%16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, "
        "%32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, "
        "%48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63}, "
        "%64, %65, adds, 1, 1;\n}"
        : WGMMA_SUMS(sum)
        : "l"(a), "l"(b), "n"(int(adds))
        : "memory");
}

// Ends a group of products; wgmma_wait waits for all of this thread's groups, after which the sums are made.
__device__ inline void wgmma_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
__device__ inline void wgmma_wait(float (&sum)[wgmma_sums]) {
    asm volatile("wgmma.wait_group.sync.aligned 0;" : WGMMA_SUMS(sum)::"memory");
}

}  // namespace nerve::cuda
#endif
