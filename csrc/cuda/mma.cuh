// Instructions of Ampere and newer, behind functions: copies into shared memory that do not wait, and products of small
// matrices made by a warp (PTX ISA, "cp.async", "ldmatrix", "mma"). The tests emulate these functions on the CPU
// (tests/native/cuda_mma.h). Turing has plain loads and stores in their place, and no products: `has_mma` is false.
//
// What a lane holds of such a product, with g = lane / 4 and t = lane % 4:
//   float, 16 x 8 x 8: of a, rows g and g + 8 at k = t, then both at k = t + 4; of b, column g at k = t and t + 4;
//     of the sum, row g at columns 2 t and 2 t + 1, then row g + 8.
//   double, 8 x 8 x 4: of a, row g at k = t; of b, column g at k = t; of the sum, row g at columns 2 t and 2 t + 1.
#pragma once
#include "cuda/common.cuh"

#ifndef __CUDACC__
#include "cuda_mma.h"
#else

namespace nerve::cuda {

#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 800
constexpr bool has_mma = true;
#else
constexpr bool has_mma = false;
#endif

// Copies `bytes` from global memory, or zeros where not valid, into shared memory, both aligned to as many bytes.
template <int bytes>
__device__ inline void copy_async(void* to, const void* from, bool valid) {
#if __CUDA_ARCH__ >= 800
    const unsigned target = unsigned(__cvta_generic_to_shared(to));
    const size_t source = __cvta_generic_to_global(from);
    if constexpr (bytes == 16)  // past the L1 cache, which holds nothing that a block reads twice
        asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(target), "l"(source), "r"(valid ? 16 : 0)
                     : "memory");
    else
        asm volatile("cp.async.ca.shared.global [%0], [%1], %3, %2;" ::"r"(target), "l"(source), "r"(valid ? bytes : 0),
                     "n"(bytes)
                     : "memory");
#else
    struct alignas(bytes) Words {
        uint32_t of[bytes / 4];
    };
    *static_cast<Words*>(to) = valid ? *static_cast<const Words*>(from) : Words{};
#endif
}

// Ends a group of copies; copy_wait<n> waits for this thread's groups but the last n.
__device__ inline void copy_commit() {
#if __CUDA_ARCH__ >= 800
    asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}
template <int pending>
__device__ inline void copy_wait() {
#if __CUDA_ARCH__ >= 800
    asm volatile("cp.async.wait_group %0;" ::"n"(pending) : "memory");
#endif
}

// x with 10 bits of mantissa, rounded to nearest.
__device__ inline float round_to_tf32(float x) {
#if __CUDA_ARCH__ >= 800
    uint32_t bits;
    asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(x));
    return __uint_as_float(bits);
#else
    return x;
#endif
}
// x without the mantissa bits below these 10.
__device__ inline float cut_to_tf32(float x) { return __uint_as_float(__float_as_uint(x) & 0xffffe000u); }

// Four matrices of 8 rows of 16 bytes, at the addresses that lanes 0-7, 8-15, 16-23 and 24-31 give: the lane gets word
// lane % 4 of row lane / 4 of each.
__device__ inline void load_matrices(float (&to)[4], const float* row) {
    uint32_t words[4];
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(words[0]), "=r"(words[1]), "=r"(words[2]), "=r"(words[3])
                 : "r"(unsigned(__cvta_generic_to_shared(row)))
                 : "memory");
    for (int i = 0; i < 4; ++i) to[i] = __uint_as_float(words[i]);
}

// sum += a b; a and b are tf32.
__device__ inline void mma(float (&sum)[4], const float (&a)[4], const float (&b)[2]) {
#if __CUDA_ARCH__ >= 800
    asm volatile(
        "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%0, %1, %2, %3};"
        : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
        : "r"(__float_as_uint(a[0])), "r"(__float_as_uint(a[1])), "r"(__float_as_uint(a[2])),
          "r"(__float_as_uint(a[3])), "r"(__float_as_uint(b[0])), "r"(__float_as_uint(b[1])));
#endif
}
__device__ inline void mma(double (&sum)[2], const double (&a)[1], const double (&b)[1]) {
#if __CUDA_ARCH__ >= 800
    asm volatile("mma.sync.aligned.m8n8k4.row.col.f64.f64.f64.f64 {%0, %1}, {%2}, {%3}, {%0, %1};"
                 : "+d"(sum[0]), "+d"(sum[1])
                 : "d"(a[0]), "d"(b[0]));
#endif
}

}  // namespace nerve::cuda
#endif
