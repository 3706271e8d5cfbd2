// The door from gemm.h to products made of 16-bit pieces on the tile registers of AMX (amx.cpp): packers and epilogue
// behind plain pointers, so that the tile code exists once and not for every packer.
#pragma once
#include "cpu/gemm_tile.h"

namespace nerve::NERVE_ISA::amx {

// A packer as gemm gets it: panel[i * width + r] = operand(first + r, k + i) for r < used <= width (the other r: zero)
// and i < count, where width is tile_rows for A and tile_columns<float> for B.
struct Operand {
    const void* packer;
    void (*pack_with)(const void* packer, float* panel, int64_t first, int64_t used, int64_t k, int64_t count);
    const float* rows = nullptr;  // where known, operand(r, k) is rows[r * stride + k]
    int64_t stride = 0;

    template <class Pack>
    explicit Operand(const Pack& pack)
        : packer(&pack),
          pack_with([](const void* packer, float* panel, int64_t first, int64_t used, int64_t k, int64_t count) {
              (*static_cast<const Pack*>(packer))(panel, first, used, k, count);
          }) {
        if constexpr (requires { pack.row_major(); }) rows = pack.row_major(), stride = pack.stride;
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
