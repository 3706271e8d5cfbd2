// The door from gemm.h to products made of 16-bit pieces on the tile registers of AMX (amx.cpp): packers and epilogue
// behind plain pointers, so that the tile code exists once and not for every packer.
#pragma once
#include "cpu/gemm_tile.h"

namespace nerve::NERVE_ISA::amx {

constexpr int64_t most_lines = 32;

// One side of a product, known by one of:
//   rows     operand(r, k) is rows[r * stride + k]
//   lines    lines(to, stride, first, used, k, count): to[r * stride + i] = operand(first + r, k + i) for r < used <=
//            most_lines and i < count; of what follows in a line, 15 elements may be overwritten
//   a call   as gemm gets it: panel[i * width + r] = operand(first + r, k + i) for r < used <= width (the other r:
//   zero)
//            and i < count, where width is tile_rows for A and tile_columns<float> for B
struct Operand {
    const void* packer;
    const float* rows = nullptr;
    int64_t stride = 0;
    void (*lines_with)(const void*, float* to, int64_t stride, int64_t, int64_t, int64_t, int64_t) = nullptr;
    void (*pack_with)(const void*, float* panel, int64_t, int64_t, int64_t, int64_t) = nullptr;

    template <class Pack>
    explicit Operand(const Pack& pack) : packer(&pack) {
        if constexpr (requires { pack.row_major(); }) rows = pack.row_major(), stride = pack.stride;
        if constexpr (requires { &Pack::lines; })
            lines_with = [](const void* packer, float* to, int64_t stride, int64_t first, int64_t used, int64_t k,
                            int64_t count) {
                static_cast<const Pack*>(packer)->lines(to, stride, first, used, k, count);
            };
        else
            pack_with = [](const void* packer, float* panel, int64_t first, int64_t used, int64_t k, int64_t count) {
                (*static_cast<const Pack*>(packer))(panel, first, used, k, count);
            };
    }
    void lines(float* to, int64_t stride, int64_t first, int64_t used, int64_t k, int64_t count) const {
        lines_with(packer, to, stride, first, used, k, count);
    }
    void pack(float* panel, int64_t first, int64_t used, int64_t k, int64_t count) const {
        pack_with(packer, panel, first, used, k, count);
    }
};

struct Sizes {
    int64_t rows, columns, inner;
};

// Makes the product if this machine, the precision asked for, its sizes and its numbers let it be made of pieces. If it
// returns false, what was written is to be overwritten.
bool gemm(const Sizes& sizes, const Operand& a, const Operand& b, const Epilogue<float>& epilogue);

}  // namespace nerve::NERVE_ISA::amx
