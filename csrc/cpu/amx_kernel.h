// A block of 32 x 32 results of a product of pieces (amx_split.h): four tiles of sums, into which two tiles of A and
// two of B at a time are multiplied, for each pair of pieces in turn.
//
// What research on a Granite Rapids core measured, for prototypes of this (none of it has been measured for this code):
// 24 tile products take 133 ns on random data, from L1 or L2, in this walk over the pieces; any store of a tile costs
// 240 to 320 ns more where the operands stream from L2, 40 ns where those of B lie in L1. So a panel of B is 32 columns
// by 256 positions, 32 KB for fp16x3, and used for all rows of a task; and the sums of one block are stored, scaled and
// added to the output between the products of the next.
#pragma once
#include "cpu/amx_split.h"
#include "cpu/gemm.h"

namespace nerve::NERVE_ISA::amx {

// Sums of a block that are still in the tiles, or in memory and not yet in the output.
struct Pending {
    int64_t row, column;
    int rows, columns;  // of the output, 32 or less; no rows: nothing is pending
    const float *row_exponents, *column_exponents;
    bool first, last;  // of the blocks along `inner`
};

// Adds rows [begin, end) to the output, of which `width` of each vector are columns of it.
template <bool first, bool last>
NERVE_INLINE void add_rows(const float* sums, const Pending& p, const Epilogue<float>& epilogue, int begin, int end) {
    using V = vec<float>;
    const int64_t left = smaller(p.columns, V::size), right = p.columns - left;
    const V left_exponents = load(p.column_exponents), right_exponents = load(p.column_exponents + V::size);
    V left_bias(0.0f), right_bias(0.0f);
    if (last && epilogue.bias != nullptr) {
        left_bias = load_partial(epilogue.bias + p.column, left);
        right_bias = load_partial(epilogue.bias + p.column + left, right);
    }
    const bool relu = last && epilogue.activation == Activation::relu;
    const int64_t stride = epilogue.stride;
    float* out = epilogue.out + (p.row + begin) * stride + p.column;
    const float* from = sums + (begin & 16) * 32 + (begin & 15) * 16;
    const float* exponent = p.row_exponents + begin;
    for (int r = begin; r < end; ++r, out += stride, from += V::size, ++exponent) {
        if (r == 16) from = sums + 512;
        auto add = [&](const float* sum, V exponents, V bias, float* to, int64_t width) NERVE_LAMBDA_INLINE {
            V value = (V::native)_mm512_scalef_ps((__m512)load(sum).v, (__m512)(exponents + V(*exponent)).v);
            if (!first) value = load_partial(to, width) + value;
            if (last) value = value + bias;
            if (relu) value = max(value, V(0.0f));
            store_partial(to, value, width);
        };
        add(from, left_exponents, left_bias, out, left);
        if (right > 0) add(from + 256, right_exponents, right_bias, out + V::size, right);
    }
}
NERVE_INLINE void add_rows(const float* sums, const Pending& p, const Epilogue<float>& epilogue, int begin, int end) {
    if (end > p.rows) end = p.rows;
    if (begin >= end) return;
    if (p.first && p.last)
        add_rows<true, true>(sums, p, epilogue, begin, end);
    else if (p.first)
        add_rows<true, false>(sums, p, epilogue, begin, end);
    else if (p.last)
        add_rows<false, true>(sums, p, epilogue, begin, end);
    else
        add_rows<false, false>(sums, p, epilogue, begin, end);
}

// The sums of the block before leave a tile just before it is used again.
template <Split split>
struct Kernel {
    Tiles& tiles;
    alignas(64) float sums[4 * 256];
    Pending pending{};

    explicit Kernel(Tiles& tiles) : tiles(tiles) {}

    template <int sum, int a, int b>
    NERVE_INLINE void dot() {
        if constexpr (split == Split::fp16x3)
            tiles.template dot_fp16<sum, a, b>();
        else
            tiles.template dot_bf16<sum, a, b>();
    }
    template <int sum>
    NERVE_INLINE void renew() {
        if (pending.rows > 0) tiles.template store<sum>(sums + sum * 256);
        tiles.template zero<sum>();
    }
    NERVE_INLINE void multiply(bool first) {
        if (first) renew<0>();
        dot<0, 4, 6>();
        if (first) renew<2>();
        dot<2, 5, 6>();
        if (first) renew<1>();
        dot<1, 4, 7>();
        if (first) renew<3>();
        dot<3, 5, 7>();
    }
    template <int piece>
    NERVE_INLINE void load_a(const uint16_t* a) {
        tiles.template load<4>(a + 2 * piece * tile_halfwords);
        tiles.template load<5>(a + (2 * piece + 1) * tile_halfwords);
    }
    template <int piece>
    NERVE_INLINE void load_b(const uint16_t* b) {
        tiles.template load<6>(b + 2 * piece * tile_halfwords);
        tiles.template load<7>(b + (2 * piece + 1) * tile_halfwords);
    }

    // Each product of pieces differs from the one before in one of them only: 8 loads of a tile for the 12 products of
    // fp16x3, 14 for the 24 of bf16x6.
    NERVE_INLINE void step(const uint16_t* a, const uint16_t* b, bool first) {
        if constexpr (split == Split::fp16x3) {
            load_a<1>(a), load_b<0>(b), multiply(first);
            load_a<0>(a), multiply(false);
            load_b<1>(b), multiply(false);
        } else if constexpr (split == Split::bf16x6) {
            load_a<0>(a), load_b<2>(b), multiply(first);
            load_b<1>(b), multiply(false);
            load_a<1>(a), multiply(false);
            load_b<0>(b), multiply(false);
            load_a<2>(a), multiply(false);
            load_a<0>(a), multiply(false);
        } else {
            load_a<0>(a), load_b<0>(b), multiply(first);
        }
    }

    void run(const uint16_t* a, const uint16_t* b, int64_t count, const Epilogue<float>& epilogue,
             const Pending& next) {
        const int steps = int((count + depth - 1) / depth), rows = int((side + steps - 1) / steps);
        for (int s = 0; s < steps; ++s, a += step_halfwords<split>, b += step_halfwords<split>) {
            step(a, b, s == 0);
            add_rows(sums, pending, epilogue, s * rows, (s + 1) * rows);
        }
        complete(epilogue);
        pending = next;
    }
    void flush(const Epilogue<float>& epilogue) {
        if (pending.rows == 0) return;
        tiles.template store<0>(sums);
        tiles.template store<1>(sums + 256);
        tiles.template store<2>(sums + 512);
        tiles.template store<3>(sums + 768);
        add_rows(sums, pending, epilogue, 0, side);
        complete(epilogue);
        pending.rows = 0;
    }
    void complete(const Epilogue<float>& epilogue) {  // long formulas, for a block as a whole
        if (pending.rows > 0 && pending.last && epilogue.activation != Activation::linear &&
            epilogue.activation != Activation::relu)
            finish(Epilogue<float>{epilogue.out, epilogue.stride, nullptr, epilogue.activation}, pending.row,
                   pending.column, pending.rows, pending.columns);
    }
};

}  // namespace nerve::NERVE_ISA::amx
