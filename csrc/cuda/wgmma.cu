// Large products of float32 matrices on sm_90a: tf32 by warpgroups, in parts (Precision::high) or alone (medium), as
// multiply.cuh has them for warps. A block of two warpgroups makes a tile of 128 x 128 results.
//
// The instruction takes tf32 whose k lie side by side. So operands of any layout are read into registers, a slice
// ahead, rounded or split there, turned if they lie the other way, and written to shared memory; copies that pass the
// registers by (TMA, cp.async) could do none of that. What is written is always either operand in one order, and one
// kernel for each precision is enough.
#include "cuda/wgmma.cuh"

#include <cstdlib>

#include "cuda/gemm.cuh"
#include "cuda/operands.cuh"
#include "cuda/wgmma.h"

namespace nerve::cuda {
namespace {

// Element (index, k): a row of the left operand or a column of the right one. One of the steps is 1.
struct Operand {
    const float* data;
    int64_t indices, inner, batch_stride, index_step, k_step;

    __host__ __device__ bool along_k() const { return k_step == 1; }
    // Everything is read 16 bytes at a time.
    bool is_wide() const {
        return is_aligned(data) && batch_stride % 4 == 0 && (along_k() ? inner : indices) % 4 == 0 &&
               (along_k() ? index_step : k_step) % 4 == 0;
    }
    __device__ Operand of_batch(int64_t batch) const {
        Operand other = *this;
        other.data += batch * batch_stride;
        return other;
    }

    template <int, int>
    struct Cursor {  // for exact()
        const float* from;
        __device__ void start(const Operand& x, int64_t index, int64_t k) {
            from = x.data + index * x.index_step + k * x.k_step;
        }
        __device__ const float* find(const Operand&, int, int) const { return from; }
    };
};

struct WgmmaProduct {
    using A = Operand;
    using B = Operand;
    Operand a, b;
    float* result;
    Epilogue<float> finish;
    int64_t batch, rows, columns, depth;
    bool wide_out;

    __device__ int64_t inner(int64_t) const { return depth; }
    __device__ Operand left(int64_t batch) const { return a.of_batch(batch); }
    __device__ Operand right(int64_t batch) const { return b.of_batch(batch); }
    __device__ float epilogue(int64_t, int64_t column, float value) const { return finish(value, column); }
    __device__ float* out(int64_t b, int64_t row, int64_t column) const {
        return result + (b * rows + row) * columns + column;
    }
};

template <bool in_parts>
struct WgmmaMemory {
    static constexpr int part = wgmma_lines * wgmma_slice, operand = (in_parts ? 2 : 1) * part, stage = 2 * operand;
    static constexpr int width = wgmma_lines + 8;  // of results; + 8: other banks
    static_assert(wgmma_lines * width <= wgmma_stages * stage, "the results fit where the slices were");
    alignas(1024) float of[wgmma_stages * stage];
};

// The nearest number of 11 bits (T. J. Dekker, "A floating-point technique for extending the available precision",
// 1971), in three operations of full rate, where cvt.rna.tf32 becomes four of half the rate. Beyond 4e34 it is NaN, of
// which results are computed again.
__device__ inline float nearest_tf32(float x) {
    const float high = x * 8193;
    return high - (high - x);
}

// What a thread copies of an operand: sixteen numbers of every slice, read while one is multiplied and written while
// the next one is.
template <bool in_parts>
struct WgmmaCopier {
    const float* from;
    int lines, k_left;  // how many of its four lines are inside; from the first number on
    Values<float> of[4];

    __device__ WgmmaCopier(const Operand& x, int64_t batch, int64_t first_index) {
        const ChunkPosition at = wgmma_chunk(x.along_k(), threadIdx.x, 0);
        const int64_t index = first_index + at.index, left = x.indices - index;
        from = x.data + batch * x.batch_stride + index * x.index_step + at.k * x.k_step;
        lines = left <= 0 ? 0 : !x.along_k() || left > 96 ? 4 : int(divide_up(left, 32));
        k_left = int(x.inner) - at.k;
    }

    // Reads this slice, zeros outside of the matrix, and goes to the next.
    __device__ void read(const Operand& x) {
        const int inside = k_left <= 0 ? 0 : x.along_k() || k_left > lines ? lines : k_left;
        const int64_t step = x.along_k() ? 32 * x.index_step : x.k_step;
        const float* line = from;
#pragma unroll
        for (int i = 0; i < 4; ++i, line += step) {
            of[i] = {};
            if (i < inside) of[i].read(line);
        }
        from += wgmma_slice * x.k_step;
        k_left -= wgmma_slice;
    }

    // Writes what was read, as tf32 whose k lie side by side.
    __device__ void write(const Operand& x, float* to) const {
        if (x.along_k())
            write_chunks<true>(to);
        else
            write_chunks<false>(to);
    }
    template <bool along_k>
    __device__ void write_chunks(float* to) const {
        // Where they lie is found again each time, as registers are few.
        const unsigned thread = unsigned(forget(threadIdx.x)) % threads;
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            const ChunkPosition at = wgmma_chunk(along_k, thread, i);
            const int place = wgmma_place(at.index, at.k);
            float big[4], small[4];
            for (int e = 0; e < 4; ++e) {
                const float x = along_k ? of[i].of[e] : of[e].of[i];
                big[e] = nearest_tf32(x);
                small[e] = cut_to_tf32(x - big[e]);
            }
            store_operand(to + place, big);
            if constexpr (in_parts) store_operand(to + WgmmaMemory<true>::part + place, small);
        }
    }
};

template <bool in_parts>
__global__ void __launch_bounds__(threads, in_parts ? 1 : 2) wgmma_kernel(WgmmaProduct p, Cut cut) {
    using Memory = WgmmaMemory<in_parts>;
    constexpr int steps = wgmma_slice / wgmma_step;
    auto& memory = large_shared<Memory>();
    const int64_t tiles = cut.row_tiles * cut.column_tiles;
    const TilePosition tile = tile_position(blockIdx.x % tiles, cut.row_tiles, cut.column_tiles);
    const int batch = int(blockIdx.x / tiles);
    const int first_row = int(tile.row) * wgmma_lines, first_column = int(tile.column) * wgmma_lines;

    WgmmaCopier<in_parts> from_a(p.a, batch, first_row), from_b(p.b, batch, first_column);
    const auto read = [&] { from_a.read(p.a), from_b.read(p.b); };
    const auto write = [&](int stage) {
        from_a.write(p.a, memory.of + stage * Memory::stage);
        from_b.write(p.b, memory.of + stage * Memory::stage + Memory::operand);
        wgmma_publish();
    };
    read();
    write(0);
    read();
    __syncthreads();

    // In slice i the numbers of slice i + 1 are written, and there is a barrier, at which all have ended slice i - 1.
    // So with three stages nothing is overwritten that others still multiply, and at the barrier the tensor cores work
    // on. They make sums of 16 products of numbers split in two, the small ones first; ordinary additions the rest.
    float sum[wgmma_sums] = {};
    [[maybe_unused]] float part[wgmma_sums] = {};
    const int slices = int(divide_up(p.depth, wgmma_slice));
    const uint64_t first = describe(memory.of);
    const int own = int(threadIdx.x) / warpgroup * (warpgroup / 2) * wgmma_slice;
    int stage = 0;
    for (int i = 0; i < slices; ++i) {
        const int next = stage + 1 == wgmma_stages ? 0 : stage + 1;
        // Where step `step` along k of an operand lies; of the left one, the warpgroup's rows.
        const auto a = [&](int step, int part = 0) {
            return wgmma_advance(first, (stage * Memory::stage + part + own + step * wgmma_step) * 4);
        };
        const auto b = [&](int step, int part = 0) {
            return wgmma_advance(first, (stage * Memory::stage + Memory::operand + part + step * wgmma_step) * 4);
        };
        const auto prepare = [&] {
            write(next);
            read();
            __syncthreads();
        };
        if constexpr (in_parts) {
#pragma unroll
            for (int step = 0; step < steps; step += 2) {
                wgmma_begin(part);
                wgmma<false>(part, a(step, Memory::part), b(step));
                wgmma<true>(part, a(step), b(step, Memory::part));
                wgmma<true>(part, a(step + 1, Memory::part), b(step + 1));
                wgmma<true>(part, a(step + 1), b(step + 1, Memory::part));
                wgmma<true>(part, a(step), b(step));
                wgmma<true>(part, a(step + 1), b(step + 1));
                wgmma_commit();
                if (step == 0) prepare();
                wgmma_wait(part);
#pragma unroll
                for (int e = 0; e < wgmma_sums; ++e) sum[e] += part[e];
            }
        } else {
            wgmma_begin(sum);
#pragma unroll
            for (int step = 0; step < steps; ++step) wgmma<true>(sum, a(step), b(step));
            wgmma_commit();
            prepare();
            wgmma_wait(sum);
        }
        stage = next;
    }

    __syncthreads();  // what lay there has been multiplied
#pragma unroll
    for (int e = 0; e < wgmma_sums; ++e) {
        const ResultPosition at = wgmma_result(threadIdx.x, e);
        memory.of[at.row * Memory::width + at.column] = sum[e];
    }
    __syncthreads();
#pragma unroll 1
    for (int i = threadIdx.x * 4; i < wgmma_lines * wgmma_lines; i += threads * 4) {
        const int row = i / wgmma_lines, column = i % wgmma_lines;
        write_results<float, true>(p, cut, nullptr, memory.of + row * Memory::width + column, batch, 0, first_row + row,
                                   first_column + column, 0, slices * (wgmma_slice / slice));
    }
}

bool is_wanted() {
    const char* text = std::getenv("NERVE_CUDA_WGMMA");
    return text == nullptr || strcmp(text, "0") != 0;
}

}  // namespace

bool matmul_wgmma(Stream stream, float* out, const float* a, const float* b, const float* bias, const MatmulShape& s,
                  int64_t activation) {
    constexpr int64_t most = INT32_MAX - wgmma_lines;
    if (stream.precision == Precision::highest || s.inner < 2 * wgmma_slice || !has_wgmma() || !is_wanted())
        return false;
    if (s.rows > most || s.columns > most || s.inner > most) return false;
    const Cut cut = cut_product(s.batch, s.rows, s.columns, s.inner, true, true, busy_blocks());
    const Operand left{a, s.rows, s.inner, s.a_batch_stride, s.transpose_a ? 1 : s.inner, s.transpose_a ? s.rows : 1};
    const Operand right{
        b, s.columns, s.inner, s.b_batch_stride, s.transpose_b ? s.inner : 1, s.transpose_b ? 1 : s.columns};
    if (!cut.large || !left.is_wide() || !right.is_wide()) return false;
    const WgmmaProduct p{left,   right,     out,     {bias, static_cast<Activation>(activation)}, s.batch,
                         s.rows, s.columns, s.inner, is_aligned(out) && s.columns % 4 == 0};
    const int64_t blocks = s.batch * cut.row_tiles * cut.column_tiles;
    if (stream.precision == Precision::high)
        launch_sharing<WgmmaMemory<true>>(stream, wgmma_kernel<true>, blocks, p, cut);
    else
        launch_sharing<WgmmaMemory<false>>(stream, wgmma_kernel<false>, blocks, p, cut);
    return true;
}

}  // namespace nerve::cuda
