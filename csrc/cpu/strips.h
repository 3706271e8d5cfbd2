// Products that are looked at once and not kept. Whoever needs of A @ B only its nearest columns, their exponentials or
// their sums gets it in strips, a tile's rows times some columns, while they lie in L1; the whole of it never exists.
#pragma once
#include "cpu/pack.h"

namespace nerve::NERVE_ISA {

// Both are multiples of every instruction set's tile, so that what is added up by blocks gets the same bits on all.
constexpr int64_t strip_columns = 256;  // of B at once
constexpr int64_t strip_rows = 168;     // of A in a task

// Element (row + r, column + c) of the product, plus the bias of its column, at data[r * stride + c].
template <class T>
struct Strip {
    static constexpr int64_t stride = strip_columns;
    const T* data;
    int64_t row, rows, column, columns;
};

// How many rows a task of strips() gets at most: enough to pack B for, few enough to keep A's part of them in L2.
NERVE_INLINE int64_t strip_task_rows(int64_t rows, int64_t inner) {
    return inner <= inner_block && rows >= 32 * strip_rows ? 2 * strip_rows : strip_rows;
}

// Into how many groups of columns the work is to be cut where the rows alone give the threads too little to share.
NERVE_INLINE int64_t strip_groups(int64_t rows, int64_t columns, int64_t inner) {
    const int64_t tasks = pieces(rows, strip_task_rows(rows, inner)), most = pieces(columns, 4 * strip_columns);
    return tasks >= 8 || tasks == 0 ? 1 : smaller(pieces(8, tasks), most);
}

// A (rows, inner) @ B (inner, columns) + bias, which may be null. Calls task(row, row_end, group, each) on the pool for
// every block of rows and every group of columns; its each(visit) calls visit(strip) on the same thread for the
// group's columns in ascending order, strip_columns of them or fewer for all rows of the block before the next ones.
// Nothing is called where a size but `inner` is zero. Elements have the bits that gemm() gives them.
template <class T, class PackA, class PackB, class Task>
void strips(int64_t rows, int64_t columns, int64_t inner, const PackA& pack_a, const PackB& pack_b, const T* bias,
            int64_t groups, const Task& task) {
    if (rows <= 0 || columns <= 0) return;
    constexpr int64_t width = tile_columns<T>, shared_bytes = 8 << 20, widest = 32;
    // A chunk of B stays in L2 for all rows of a task; packed by everyone for everyone if there is little of it.
    const int64_t chunk =
        inner <= inner_block ? strip_columns : larger(widest, strip_columns * inner_block / inner / widest * widest);
    const int64_t task_rows = strip_task_rows(rows, inner), tasks = pieces(rows, task_rows);
    const int64_t chunks = pieces(columns, chunk), group_chunks = pieces(chunks, groups);
    const int64_t breadth = pieces(columns, width) * width;  // chunks are whole panels but for the last one
    const bool shared = tasks > 1 && breadth * inner * int64_t(sizeof(T)) <= shared_bytes;
    const Epilogue<T> none{};
    const Product<T, PackA, PackB> product{rows, columns, inner, pack_a, pack_b, none};
    const bool in_place = product.a_readable(smaller(inner, inner_block));

    auto pack_chunk = [&](T* panels, int64_t column, int64_t column_end) {
        for (int64_t k = 0; k < inner; k += inner_block) {
            const int64_t count = smaller(inner - k, inner_block);
            product.pack_columns(panels, column, column_end, k, count);
            panels += pieces(column_end - column, width) * width * count;
        }
    };
    T* packed = nullptr;
    if (shared) {
        packed = scratch<T>(runtime::packed_b, breadth * inner + width);
        parallel(chunks, [&](int64_t c) {
            pack_chunk(packed + c * chunk * inner, c * chunk, smaller((c + 1) * chunk, columns));
        });
    }
    parallel(tasks * groups, [&](int64_t index) {
        const int64_t row = index / groups * task_rows, row_end = smaller(row + task_rows, rows),
                      group = index % groups;
        const int64_t panels = pieces(row_end - row, tile_rows) + 2;  // the last rows may take three tiles
        T* a = nullptr;
        if (!in_place) {
            a = scratch<T>(runtime::packed_a, panels * tile_rows * inner + vec<T>::size);
            for (int64_t k = 0; k < inner; k += inner_block)
                product.pack_rows(a + panels * tile_rows * k, row, row_end, k, smaller(inner - k, inner_block));
        }
        auto each = [&](const auto& visit) {
            alignas(64) T strip[tile_rows * strip_columns];
            for (int64_t c = group * group_chunks; c < smaller((group + 1) * group_chunks, chunks); ++c) {
                const int64_t column = c * chunk, column_end = smaller(column + chunk, columns);
                const int64_t padded = pieces(column_end - column, width) * width;
                const T* b = packed + column * inner;
                if (!shared) {
                    T* own = scratch<T>(runtime::packed_b, padded * inner + width);
                    pack_chunk(own, column, column_end);
                    b = own;
                }
                const Epilogue<T> epilogue{strip, strip_columns, bias == nullptr ? nullptr : bias + column,
                                           Activation::linear};
                for (int64_t r = row, tile = 0; r < row_end; ++tile) {
                    const int64_t height = tile_height(row_end - r), used = smaller(height, row_end - r);
                    for (int64_t k = 0; k == 0 || k < inner; k += inner_block) {  // inner == 0 still stores the bias
                        const int64_t count = smaller(inner - k, inner_block);
                        RowPanel<T> rows_of_a{};
                        if (!in_place) {
                            rows_of_a = {a + panels * tile_rows * k + tile * tile_rows * count, tile_rows, false};
                        } else if (used == height) {
                            if constexpr (requires { pack_a.in_place(r, k); }) rows_of_a = pack_a.in_place(r, k);
                        } else {
                            T* last = scratch<T>(runtime::packed_a, tile_rows * (count + vec<T>::size));
                            pack_a(last, r, used, k, count);
                            rows_of_a = {last, tile_rows, false};
                        }
                        tiles(count, rows_of_a, {b + padded * k, width, width * count}, epilogue, 0, used, 0,
                              column_end - column, k == 0, k + count >= inner);
                    }
                    visit(Strip<T>{strip, r, used, column, column_end - column});
                    r += used;
                }
            }
        };
        task(row, row_end, group, each);
    });
}

}  // namespace nerve::NERVE_ISA
