// How a block multiplies the slices of a tile that lie in shared memory, and keeps the sums in registers: by fused
// multiply-adds (Fma), or by the warps' matrix products (Mma), which take float as tf32.
//
// MmaParts gives float32 the accuracy of fma with tf32 (10 of 23 bits of mantissa): x = big + small with big = tf32(x),
// and a b = big big + big small + small big; small small is below the last bit (NVIDIA CUTLASS, example 27). Tensor
// cores cut sums off instead of rounding them, which in long sums adds up: so they make sums of 8 products, and
// ordinary additions the rest (Ootomo & Yokota, "Recovering single precision accuracy from Tensor Cores", 2022).
#pragma once
#include <type_traits>

#include "cuda/mma.cuh"
#include "cuda/values.cuh"

namespace nerve::cuda {

// --- fused multiply-adds: 16 x 16 threads

template <class T, class Tile, bool a_along_k, bool b_along_k>
struct Fma {
    static constexpr int steps = 1;
    static constexpr bool splits_numbers = false;
    static constexpr int side = 16, rows = Tile::rows / side, columns = Tile::columns / side, size = chunk<T>;
    T sum[rows][columns] = {};

    // A warp is 4 x 8 threads: few chunks of either operand, which neighbours share.
    __device__ static int y() { return threadIdx.x / warp / 2 * 4 + threadIdx.x % warp / 8; }
    __device__ static int x() { return threadIdx.x / warp % 2 * 8 + threadIdx.x % 8; }
    // The i-th row or column of a thread: those of a chunk, or where chunks lie along k, every 16th.
    template <bool along_k>
    __device__ static int index(int thread, int i) {
        return along_k ? thread + i * side : (i / size * side + thread) * size + i % size;
    }

    // body(e, i, value) for the elements k + e of each of a thread's `count` rows or columns, a chunk at a time.
    template <bool along_k, int indices, int count, class Body>
    __device__ static void each_element(const T* stage, int thread, int k, const Body& body) {
        Values<T> values;
        if constexpr (along_k)
            for (int i = 0; i < count; ++i) {
                values.read(stage + place<T, true, indices>(index<true>(thread, i), k));
                for (int e = 0; e < size; ++e) body(e, i, values.of[e]);
            }
        else
            for (int e = 0; e < size; ++e)
                for (int i = 0; i < count; i += size) {
                    values.read(stage + place<T, false, indices>(index<false>(thread, i), k + e));
                    for (int n = 0; n < size; ++n) body(e, i + n, values.of[n]);
                }
    }

    __device__ void add(const T* a_stage, const T* b_stage) {
        T part[rows][columns] = {};  // of this slice: long sums lose less this way
#pragma unroll
        for (int k = 0; k < slice; k += size) {
            T b[size][columns];
            each_element<b_along_k, Tile::columns, columns>(b_stage, x(), k, [&](int e, int j, T y) { b[e][j] = y; });
            each_element<a_along_k, Tile::rows, rows>(a_stage, y(), k, [&](int e, int i, T x) {
                for (int j = 0; j < columns; ++j) part[i][j] = math::fma(x, b[e][j], part[i][j]);
            });
        }
        for (int i = 0; i < rows; ++i)
            for (int j = 0; j < columns; ++j) sum[i][j] += part[i][j];
    }

    template <class F>
    __device__ void each(const F& f) const {
        for (int i = 0; i < rows; ++i)
            for (int j = 0; j < columns; ++j) f(index<a_along_k>(y(), i), index<b_along_k>(x(), j), sum[i][j]);
    }
};

// --- products of warps: 2 x 4 warps

template <class T, class Tile, bool a_along_k, bool b_along_k, bool in_parts>
struct Mma {
    static constexpr int m = sizeof(T) == 4 ? 16 : 8, n = 8, k_size = m / 2, steps = slice / k_size;
    static constexpr bool splits_numbers = sizeof(T) == 4;
    static constexpr int unrolled = in_parts ? 1 : steps;  // more would not fit in the registers
    static constexpr int rows = Tile::rows / 2, columns = Tile::columns / 4, m_tiles = rows / m, n_tiles = columns / n;
    static constexpr int halves = m / 8, quads = k_size / 4;  // of a fragment, in rows and along k
    T a[m_tiles][halves * quads], b[n_tiles][quads];          // fragments of the next step
    T sum[m_tiles][n_tiles][2 * halves] = {};

    __device__ static int first_row() { return threadIdx.x / warp / 4 * rows; }
    __device__ static int first_column() { return threadIdx.x / warp % 4 * columns; }

    __device__ void load_a(const T* stage, int step, int i) {
        const int lane = threadIdx.x % warp, k = step * k_size;
        if constexpr (sizeof(T) == 4 && a_along_k)
            load_matrices(a[i], stage + place<T, true, Tile::rows>(first_row() + i * m + lane % 16, k + lane / 16 * 4));
        else
            for (int q = 0; q < quads; ++q)
                for (int h = 0; h < halves; ++h)
                    a[i][h + halves * q] = stage[place<T, a_along_k, Tile::rows>(first_row() + i * m + h * 8 + lane / 4,
                                                                                 k + q * 4 + lane % 4)];
    }

    __device__ void load_b(const T* stage, int step) {
        const int lane = threadIdx.x % warp, k = step * k_size;
        if constexpr (sizeof(T) == 4 && b_along_k)
            for (int j = 0; j < n_tiles; j += 2) {
                T four[4];
                load_matrices(four,
                              stage + place<T, true, Tile::columns>(first_column() + j * n + lane / 16 * 8 + lane % 8,
                                                                    k + lane / 8 % 2 * 4));
                for (int e = 0; e < 4; ++e) b[j + e / 2][e % 2] = four[e];
            }
        else
            for (int j = 0; j < n_tiles; ++j)
                for (int q = 0; q < quads; ++q)
                    b[j][q] = stage[place<T, b_along_k, Tile::columns>(first_column() + j * n + lane / 4,
                                                                       k + q * 4 + lane % 4)];
    }

    __device__ void load(const T* a_stage, const T* b_stage, int step) {
        load_b(b_stage, step);
        for (int i = 0; i < m_tiles; ++i) load_a(a_stage, step, i);
    }

    // Multiplies the fragments that are there, and loads those of the step to come as soon as their registers are free.
    __device__ void add(const T* a_stage, const T* b_stage, int step) {
        if constexpr (!has_mma) return;
        if constexpr (sizeof(T) == 8) {
            T right[n_tiles][1];
            for (int j = 0; j < n_tiles; ++j) right[j][0] = b[j][0];
            load_b(b_stage, step);
            for (int i = 0; i < m_tiles; ++i) {
                const T left[1] = {a[i][0]};
                load_a(a_stage, step, i);
                for (int j = 0; j < n_tiles; ++j) mma(sum[i][j], left, right[j]);
            }
        } else if constexpr (!in_parts) {
            float right[n_tiles][2], left[4];
            for (int j = 0; j < n_tiles; ++j)
                for (int e = 0; e < 2; ++e) right[j][e] = round_to_tf32(b[j][e]);
            load_b(b_stage, step);
            for (int i = 0; i < m_tiles; ++i) {
                for (int e = 0; e < 4; ++e) left[e] = round_to_tf32(a[i][e]);
                load_a(a_stage, step, i);
                for (int j = 0; j < n_tiles; ++j) mma(sum[i][j], left, right[j]);
            }
        } else {
            // What rounding to 11 bits leaves of 24 has 12 at most, of which the lowest may be cut off.
            float big[n_tiles][2], small[n_tiles][2], a_big[4], a_small[4];
            for (int j = 0; j < n_tiles; ++j)
                for (int e = 0; e < 2; ++e) split(b[j][e], big[j][e], small[j][e]);
            load_b(b_stage, step);
            for (int i = 0; i < m_tiles; ++i) {
                for (int e = 0; e < 4; ++e) split(a[i][e], a_big[e], a_small[e]);
                load_a(a_stage, step, i);
                float part[n_tiles][4] = {};
                for (int j = 0; j < n_tiles; ++j) mma(part[j], a_small, big[j]);
                for (int j = 0; j < n_tiles; ++j) mma(part[j], a_big, small[j]);
                for (int j = 0; j < n_tiles; ++j) mma(part[j], a_big, big[j]);
                for (int j = 0; j < n_tiles; ++j)
                    for (int e = 0; e < 4; ++e) sum[i][j][e] += part[j][e];
            }
        }
    }

    __device__ static void split(float x, float& big, float& small) {
        big = round_to_tf32(x);
        small = cut_to_tf32(x - big);
    }

    template <class F>
    __device__ void each(const F& f) const {
        const int lane = threadIdx.x % warp, g = lane / 4, t = lane % 4;
        for (int i = 0; i < m_tiles; ++i)
            for (int j = 0; j < n_tiles; ++j)
                for (int e = 0; e < 2 * halves; ++e)
                    f(first_row() + i * m + e / 2 * 8 + g, first_column() + j * n + 2 * t + e % 2, sum[i][j][e]);
    }
};

// Turing, which has no such products, multiplies and adds. A kernel decides it in its body: its name has to be the same
// for all architectures.
template <class T, class Tile, bool a_along_k, bool b_along_k, Precision precision>
using Multiply = std::conditional_t<has_mma && (sizeof(T) == 8 || precision != Precision::highest),
                                    Mma<T, Tile, a_along_k, b_along_k, precision == Precision::high>,
                                    Fma<T, Tile, a_along_k, b_along_k>>;

}  // namespace nerve::cuda
