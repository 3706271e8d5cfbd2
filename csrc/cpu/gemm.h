// The one matrix product under everything, after Goto and van de Geijn, "Anatomy of high-performance matrix
// multiplication" (2008), and BLIS: operands are packed into panels that stream through the caches, and one register
// tile (gemm_tile.h) does the arithmetic. Who calls it only says how a panel is packed, or that it can be read where it
// lies (pack.h).
//
// Each output element is a chain of fma over blocks of `inner_block` in order, whatever the tile, the path or the
// threads, so AVX2, AVX-512 and NEON give the same bits.
#pragma once
#include <cstdint>

#include "cpu/activation.h"
#include "cpu/amx_gemm.h"
#include "cpu/gemm_tile.h"
#include "cpu/parallel.h"
#include "cpu/simd.h"
#include "shapes.h"

namespace nerve::NERVE_ISA {

constexpr int64_t row_block = 8 * tile_rows;  // rows of A that stay in L2 with
constexpr int64_t column_chunk = 256;         // these columns of B
constexpr int64_t column_block = 2048;        // columns of B packed at a time, shared by all tasks
constexpr int64_t thin_rows = 128;            // up to so many rows, tasks share out the columns
constexpr int64_t serial_work = 1 << 18;      // multiplications (about 5 us): not worth waking anybody

NERVE_INLINE int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
NERVE_INLINE int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }
NERVE_INLINE int64_t pieces(int64_t size, int64_t piece) { return (size + piece - 1) / piece; }

template <class T>
T* scratch(runtime::Slot slot, int64_t elements) {
    return static_cast<T*>(runtime::scratch(slot, size_t(elements) * sizeof(T)));
}

// A product of A (rows, inner) and B (inner, columns).
//
// pack_a(panel, row, rows, k, count): panel[i * tile_rows + r] = A[row + r, k + i] for r < rows <= tile_rows (the other
// r: zero) and i < count. pack_b(panel, column, columns, k, count): panel[i * tile_columns<T> + c] = B[k + i, column +
// c] likewise. Optional: pack_a.several(panels, row, row_end, k, count), and the same of pack_b, which return how many
// whole panels they have packed, next to each other; pack_a.in_place(row, k) and pack_b.in_place(column, k), a panel to
// be read where it lies, used if pack_a.readable(rows, count) or pack_b.readable(rows, count) says so; pack_b.padded:
// the last panel is a whole one.
template <class T, class PackA, class PackB>
struct Product {
    int64_t rows, columns, inner;
    const PackA& pack_a;
    const PackB& pack_b;
    const Epilogue<T>& epilogue;

    static constexpr int64_t width = tile_columns<T>;

    bool a_readable(int64_t count) const {
        if constexpr (requires { pack_a.readable(rows, count); })
            return pack_a.readable(rows, count);
        else
            return false;
    }
    bool b_readable(int64_t count) const {
        if constexpr (requires { pack_b.readable(rows, count); })
            return pack_b.readable(rows, count);
        else
            return false;
    }

    // A's rows [row, row_end) packed, a panel to a tile of the heights tile_height gives.
    void pack_rows(T* panels, int64_t row, int64_t row_end, int64_t k, int64_t count) const {
        if constexpr (requires { pack_a.several(panels, row, row_end, k, count); }) {
            const int64_t packed = pack_a.several(panels, row, row_end, k, count);
            row += packed * tile_rows, panels += packed * tile_rows * count;
        }
        for (; row < row_end; row += tile_height(row_end - row), panels += tile_rows * count)
            pack_a(panels, row, smaller(row_end - row, tile_height(row_end - row)), k, count);
    }
    void pack_columns(T* panels, int64_t column, int64_t column_end, int64_t k, int64_t count) const {
        if constexpr (requires { pack_b.several(panels, column, column_end, k, count); }) {
            const int64_t packed = pack_b.several(panels, column, column_end, k, count);
            column += packed * width, panels += packed * width * count;
        }
        for (; column < column_end; column += width, panels += width * count)
            pack_b(panels, column, smaller(column_end - column, width), k, count);
    }

    // Rows [row, row_end) and columns [column, column_end) of one block of `inner`, on this thread. a and b are panels
    // packed before; null: read in place, or packed here.
    void block(int64_t row, int64_t row_end, int64_t column, int64_t column_end, int64_t k, int64_t count, const T* a,
               const T* b) const {
        const bool first = k == 0, last = k + count >= inner, a_in_place = a == nullptr && a_readable(count);
        ColumnPanels<T> panels{b, width, width * count}, rest = panels;
        int64_t whole = column_end;  // the columns before it are in `panels`, the others, less than one, in `rest`
        if (b == nullptr && b_readable(count)) {
            if constexpr (requires { pack_b.in_place(column, k); }) {
                panels = pack_b.in_place(column, k);
                if (!pack_b.padded) whole -= (column_end - column) % width;
            }
            if (whole < column_end) {
                T* packed = scratch<T>(runtime::packed_b, width * (count + 1));
                pack_columns(packed, whole, column_end, k, count);
                rest.data = packed;
            }
        } else if (b == nullptr) {
            T* packed = scratch<T>(runtime::packed_b, pieces(column_end - column, width) * width * count + width);
            pack_columns(packed, column, column_end, k, count);
            panels.data = packed;
        }
        while (row < row_end) {
            const int64_t height = tile_height(row_end - row), used = smaller(height, row_end - row);
            RowPanel<T> tile{a, tile_rows, false};
            if (a != nullptr) {
                a += tile_rows * count;
            } else if (a_in_place && used == height) {
                if constexpr (requires { pack_a.in_place(row, k); }) tile = pack_a.in_place(row, k);
            } else {
                T* packed = scratch<T>(runtime::packed_a, tile_rows * (count + vec<T>::size));
                pack_a(packed, row, used, k, count);
                tile.data = packed;
            }
            if (whole > column) tiles(count, tile, panels, epilogue, row, used, column, whole - column, first, last);
            if (whole < column_end)
                tiles(count, tile, rest, epilogue, row, used, whole, column_end - whole, first, last);
            row += used;
        }
    }

    // On this thread alone.
    void serial() const {
        for (int64_t column = 0; column < columns; column += column_chunk)
            for (int64_t k = 0; k == 0 || k < inner; k += inner_block)  // inner == 0 still stores the bias
                block(0, rows, column, smaller(column + column_chunk, columns), k, smaller(inner - k, inner_block),
                      nullptr, nullptr);
    }

    // Few rows: A is packed once for all, and tasks share out the columns.
    void thin() const {
        constexpr int64_t depth = 16 * inner_block;          // of A packed at a time
        const int64_t panels = pieces(rows, tile_rows) + 2;  // the last rows may take three tiles
        const int64_t chunk = smaller(pieces(columns, 8 * width) * width, column_chunk);
        for (int64_t begin = 0; begin == 0 || begin < inner; begin += depth) {
            const int64_t end = smaller(begin + depth, inner);
            T* packed = nullptr;
            if (!a_readable(smaller(inner, inner_block))) {
                packed = scratch<T>(runtime::packed_a, panels * tile_rows * (end - begin) + vec<T>::size);
                parallel_blocks(pieces(end - begin, inner_block), 1 + 16384 / (rows * inner_block),
                                [&](int64_t first, int64_t past) {
                                    for (int64_t k = begin + first * inner_block;
                                         k < smaller(begin + past * inner_block, end); k += inner_block)
                                        pack_rows(packed + panels * tile_rows * (k - begin), 0, rows, k,
                                                  smaller(inner - k, inner_block));
                                });
            }
            parallel_blocks(columns, chunk, [&](int64_t column, int64_t column_end) {
                for (int64_t k = begin; k == begin || k < end; k += inner_block)
                    block(0, rows, column, column_end, k, smaller(inner - k, inner_block),
                          packed == nullptr ? nullptr : packed + panels * tile_rows * (k - begin), nullptr);
            });
        }
    }

    // Many rows: B is packed block by block for all, and tasks share out the rows, and the columns where these are few.
    void large() const {
        const int64_t depth = smaller(inner, inner_block);
        const bool a_in_place = a_readable(depth), b_in_place = b_readable(depth);
        const int64_t breadth = smaller(pieces(columns, width) * width, column_block);
        T* packed = b_in_place ? nullptr : scratch<T>(runtime::packed_b, depth * breadth + width);
        for (int64_t left = 0; left < columns; left += column_block) {
            const int64_t right = smaller(left + column_block, columns);
            for (int64_t k = 0; k == 0 || k < inner; k += inner_block) {
                const int64_t count = smaller(inner - k, inner_block);
                if (!b_in_place)
                    parallel_blocks(pieces(right - left, width), 1 + 16384 / (width * (count + 1)),
                                    [&](int64_t begin, int64_t end) {
                                        pack_columns(packed + begin * width * count, left + begin * width,
                                                     smaller(left + end * width, right), k, count);
                                    });
                const int64_t chunks = pieces(right - left, column_chunk), row_tasks = pieces(rows, row_block);
                const int64_t groups = smaller(chunks, pieces(8, row_tasks));
                parallel(row_tasks * groups, [&](int64_t task) {
                    const int64_t row = task / groups * row_block, row_end = smaller(row + row_block, rows);
                    T* a = nullptr;
                    if (!a_in_place) {
                        a = scratch<T>(runtime::packed_a, row_block * count + 3 * tile_rows * (count + 1));
                        pack_rows(a, row, row_end, k, count);
                    }
                    for (int64_t chunk = task % groups; chunk < chunks; chunk += groups) {
                        const int64_t column = left + chunk * column_chunk;
                        block(row, row_end, column, smaller(column + column_chunk, right), k, count, a,
                              packed == nullptr ? nullptr : packed + chunk * column_chunk * count);
                    }
                });
            }
        }
    }
};

// epilogue.out (rows, columns) = A (rows, inner) @ B (inner, columns).
template <class T, class PackA, class PackB>
void gemm(int64_t rows, int64_t columns, int64_t inner, const PackA& pack_a, const PackB& pack_b,
          const Epilogue<T>& epilogue) {
    if (rows <= 0 || columns <= 0) return;
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4)
        if (amx::gemm({rows, columns, inner}, amx::Operand(pack_a), amx::Operand(pack_b), epilogue)) return;
#endif
    const Product<T, PackA, PackB> product{rows, columns, inner, pack_a, pack_b, epilogue};
    if (rows * columns * inner <= serial_work)
        product.serial();
    else if (rows <= thin_rows)
        product.thin();
    else
        product.large();
}

}  // namespace nerve::NERVE_ISA
