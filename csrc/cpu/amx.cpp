// Float32 products on the tile registers of AMX: what is cut and packed when, and who multiplies it. amx_split.h cuts
// floats into 16-bit pieces, amx_kernel.h multiplies these.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuninitialized"  // GCC 12, of its own intrinsics without a mask
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include "cpu/amx_gemm.h"
#include "cpu/amx_kernel.h"
#include "cpu/amx_split.h"
#include "cpu/shuffle.h"

namespace nerve::NERVE_ISA::amx {
namespace {

NERVE_INLINE int64_t round_up(int64_t size, int64_t to) { return (size + to - 1) / to * to; }

// Panels side by side, for blocks of `inner` one after the other.
struct Panels {
    uint16_t* tiles;
    float* exponents;
    int64_t count;

    template <Split split>
    uint16_t* at(int64_t panel, int64_t k) const {
        return tiles + (k * count + panel) * panel_halfwords<split>;
    }
    float* exponents_at(int64_t panel, int64_t k) const { return exponents + (k * count + panel) * side; }
};
template <Split split>
size_t bytes_of(int64_t panels, int64_t blocks) {
    return size_t(panels * blocks) * (panel_halfwords<split> * sizeof(uint16_t) + side * sizeof(float));
}
template <Split split>
Panels panels_in(runtime::Slot slot, int64_t panels, int64_t blocks) {
    auto* tiles = static_cast<uint16_t*>(runtime::scratch(slot, bytes_of<split>(panels, blocks)));
    return {tiles, reinterpret_cast<float*>(tiles + panels * blocks * panel_halfwords<split>), panels};
}

template <Split split>
NERVE_NOINLINE Verdict pack_a(const Operand& a, const Panels& to, int64_t panel, int64_t k, int64_t row, int64_t rows,
                              int64_t first, int64_t count) {
    using V = vec<float>;
    constexpr int64_t stride = block + V::size;  // and no two lines in the same sets of L1
    static_assert(most_lines == side);
    alignas(64) float lines[side * stride];
    const float* from = lines;
    int64_t apart = stride;
    if (a.rows != nullptr) {
        from = a.rows + row * a.stride + first, apart = a.stride;
    } else if (a.lines_with != nullptr) {
        a.lines(lines, stride, row, rows, first, count);
    } else {  // panels of tile_rows, turned
        alignas(64) float packed[block * tile_rows + 2 * V::size];
        for (int64_t r0 = 0; r0 < rows; r0 += tile_rows) {
            const int64_t used = smaller(rows - r0, tile_rows);
            a.pack(packed, row + r0, used, first, count);
            for (int64_t i = 0; i < count; i += V::size) {
                V part[V::size];
                for (int64_t j = 0; j < V::size; ++j)
                    part[j] = i + j < count ? load(packed + (i + j) * tile_rows) : V(0.0f);
                transpose(part);
                for (int64_t r = 0; r < used; ++r) store(lines + (r0 + r) * stride + i, part[r]);
            }
        }
    }
    return split_rows<split>(to.at<split>(panel, k), to.exponents_at(panel, k), from, apart, rows, count);
}

template <Split split>
NERVE_NOINLINE Verdict pack_b(const Operand& b, const Panels& to, int64_t panel, int64_t k, int64_t column,
                              int64_t columns, int64_t first, int64_t count) {
    alignas(64) float packed[block * side + 2 * side];
    static_assert(tile_columns<float> == side);
    b.pack(packed, column, columns, first, count);
    std::memset(packed + count * side, 0, (round_up(count, depth) - count) * side * sizeof(float));
    return split_columns<split>(to.at<split>(panel, k), to.exponents_at(panel, k), packed, count);
}

constexpr int64_t inner_part = 2048;        // of `inner` packed at a time
constexpr int64_t most_b_bytes = 16 << 20;  // of B packed at a time: the last cache feeds every task from it
constexpr int64_t most_a_bytes = 1 << 20;   // of A, of the second cache's 2 MB
constexpr int64_t row_group = 128;          // rows of a task: panels of A used with a panel of B in the first cache
constexpr int64_t task_work = 1 << 21;      // multiplications worth a task
constexpr int64_t few_columns = 512, many_rows = 2048;  // a convolution, usually

struct Shared {  // by the tasks of a product
    int verdict = good;
    bool is_good() const { return __atomic_load_n(&verdict, __ATOMIC_RELAXED) == good; }
    void worsen(Verdict found) {
        int before = __atomic_load_n(&verdict, __ATOMIC_RELAXED);
        while (before < found &&
               !__atomic_compare_exchange_n(&verdict, &before, int(found), true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
        }
    }
};

// One part of `inner` of the product, columns [column0, column0 + columns).
template <Split split>
struct Part {
    const Sizes& sizes;
    const Operand &a, &b;
    const Epilogue<float>& epilogue;
    Shared& shared;
    int64_t k0, count, blocks;  // along `inner`
    int64_t column0, columns;

    NERVE_INLINE int64_t block_count(int64_t k) const { return smaller(count - k * block, block); }

    void pack_b_panel(const Panels& to, int64_t unit) const {
        const int64_t panel = unit / blocks, k = unit % blocks;
        shared.worsen(pack_b<split>(b, to, panel, k, column0 + panel * side, smaller(columns - panel * side, side),
                                    k0 + k * block, block_count(k)));
    }
    void pack_a_panel(const Panels& to, int64_t row, int64_t rows, int64_t unit) const {
        const int64_t panel = unit / blocks, k = unit % blocks;
        shared.worsen(pack_a<split>(a, to, panel, k, row + panel * side, smaller(rows - panel * side, side),
                                    k0 + k * block, block_count(k)));
    }

    // Results of A's panels [begin, end), of which the first is at `row`, and B's panel j.
    void multiply(Kernel<split>& kernel, const Panels& from_a, const Panels& from_b, int64_t row, int64_t begin,
                  int64_t end, int64_t j) const {
        for (int64_t k = 0; k < blocks; ++k)
            for (int64_t i = begin; i < end; ++i)
                kernel.run(from_a.at<split>(i, k), from_b.at<split>(j, k), block_count(k), epilogue,
                           {row + i * side, column0 + j * side, int(smaller(sizes.rows - row - i * side, side)),
                            int(smaller(columns - j * side, side)), from_a.exponents_at(i, k),
                            from_b.exponents_at(j, k), k0 + k == 0, k0 + (k + 1) * block >= sizes.inner});
    }
};

template <Split split>
Verdict attempt(const Sizes& sizes, const Operand& a, const Operand& b, const Epilogue<float>& epilogue) {
    Shared shared;
    for (int64_t k0 = 0; k0 < sizes.inner; k0 += inner_part) {
        const int64_t count = smaller(sizes.inner - k0, inner_part), blocks = round_up(count, block) / block;
        const int64_t row_bytes = int64_t(bytes_of<split>(1, blocks)) / side;
        const int64_t part_columns = round_up(most_b_bytes / row_bytes, side);
        const int64_t units_at_once = 1 + (block / 2) / count;
        for (int64_t column0 = 0; column0 < sizes.columns; column0 += part_columns) {
            const int64_t columns = smaller(sizes.columns - column0, part_columns);
            const int64_t b_panels = round_up(columns, side) / side, b_units = b_panels * blocks;
            const Panels packed_b = panels_in<split>(runtime::packed_b, b_panels, blocks);
            const Part<split> part{sizes, a, b, epilogue, shared, k0, count, blocks, column0, columns};

            if (columns <= few_columns && sizes.rows >= many_rows) {  // a task packs its rows, for all columns
                parallel_blocks(b_units, units_at_once, [&](int64_t begin, int64_t end) {
                    for (int64_t unit = begin; unit < end; ++unit)
                        if (shared.is_good()) part.pack_b_panel(packed_b, unit);
                });
                parallel_blocks(sizes.rows, row_group, [&](int64_t begin, int64_t end) {
                    const int64_t a_panels = round_up(end - begin, side) / side;
                    const Panels packed_a = panels_in<split>(runtime::packed_a, row_group / side, blocks);
                    for (int64_t unit = 0; unit < a_panels * blocks; ++unit)
                        if (shared.is_good()) part.pack_a_panel(packed_a, begin, end - begin, unit);
                    if (!shared.is_good()) return;
                    Tiles tiles;
                    Kernel<split> kernel(tiles);
                    for (int64_t j = 0; j < b_panels; ++j)
                        part.multiply(kernel, packed_a, packed_b, begin, 0, a_panels, j);
                    kernel.flush(epilogue);
                });
                if (!shared.is_good()) return Verdict(shared.verdict);
                continue;
            }

            const int64_t part_rows = round_up(most_a_bytes / row_bytes, row_group);
            for (int64_t row0 = 0; row0 < sizes.rows; row0 += part_rows) {
                const int64_t rows = smaller(sizes.rows - row0, part_rows), a_panels = round_up(rows, side) / side;
                const Panels packed_a = panels_in<split>(runtime::packed_a, a_panels, blocks);
                const int64_t before = row0 == 0 ? b_units : 0;
                parallel_blocks(before + a_panels * blocks, units_at_once, [&](int64_t begin, int64_t end) {
                    for (int64_t unit = begin; unit < end && shared.is_good(); ++unit)
                        if (unit < before)
                            part.pack_b_panel(packed_b, unit);
                        else
                            part.pack_a_panel(packed_a, row0, rows, unit - before);
                });
                if (!shared.is_good()) return Verdict(shared.verdict);
                // Neighbouring tasks use the same panel of B.
                const int64_t panels = row_group / side, groups = (a_panels + panels - 1) / panels;
                const int64_t tasks_at_once = 1 + task_work / (row_group * side * count);
                parallel_blocks(groups * b_panels, tasks_at_once, [&](int64_t begin, int64_t end) {
                    Tiles tiles;
                    Kernel<split> kernel(tiles);
                    for (int64_t task = begin; task < end; ++task) {
                        const int64_t first = task % groups * panels;
                        part.multiply(kernel, packed_a, packed_b, row0, first, smaller(first + panels, a_panels),
                                      task / groups);
                    }
                    kernel.flush(epilogue);
                });
            }
        }
    }
    return good;
}

// Nanoseconds on one core, from what was measured of prototypes on a Granite Rapids core, against 185 GFLOP/s of
// AVX-512: tile products at 1.8 TFLOP/s, splitting, storing a block and adding it to the output, starting.
bool pays([[maybe_unused]] Split split, [[maybe_unused]] const Sizes& s) {
#if defined(NERVE_AMX_EMULATION) || defined(NERVE_AMX_ALWAYS)  // for tests
    return true;
#else
    const bool two = split == Split::fp16x3;
    const double products = two ? 3 : split == Split::bf16x6 ? 6 : 1;
    const double rows = double(round_up(s.rows, side)), columns = double(round_up(s.columns, side));
    const double inner = double(round_up(s.inner, depth)), blocks = double(round_up(s.inner, block) / block);
    const double tiles = 2 * rows * columns * inner * products / 1800 + 0.15 * rows * columns * blocks +
                         (two ? 0.2 : 0.3) * (rows + columns) * inner + 2000;
    return tiles < 2 * double(s.rows) * double(s.columns) * double(s.inner) / 185;
#endif
}

}  // namespace

bool gemm(const Sizes& sizes, const Operand& a, const Operand& b, const Epilogue<float>& epilogue) {
    if (sizes.inner == 0) return false;
    const Split split = runtime::matmul_split();
    if (split == Split::none || !pays(split, sizes)) return false;
    if (split == Split::bf16) return attempt<Split::bf16>(sizes, a, b, epilogue) == good;
    if (split == Split::fp16x3) {
        const Verdict verdict = attempt<Split::fp16x3>(sizes, a, b, epilogue);
        if (verdict != wide) return verdict == good;
    }
    return pays(Split::bf16x6, sizes) && attempt<Split::bf16x6>(sizes, a, b, epilogue) == good;
}

}  // namespace nerve::NERVE_ISA::amx
