// Moving elements: strided copies, gathers and scatters of rows. These are bound by memory, so what matters is that
// lines are read and written whole and that work is cut into tasks of about `task_elements`.
#include "cpu/lines.h"
#include "cpu/parallel.h"
#include "cpu/scatter.h"
#include "cpu/shuffle.h"
#include "cpu/simd.h"
#include "shapes.h"

namespace nerve::NERVE_ISA {
namespace {

struct Dimension {
    int64_t extent, out_stride, x_stride;
};

// Visits an index space in row-major order, keeping the offsets of both arrays.
struct Walk {
    static constexpr int most = max_rank + 2;
    Dimension dimensions[most];
    int64_t index[most];
    int rank = 0;
    int64_t out = 0, x = 0;

    void add(Dimension dimension) { dimensions[rank++] = dimension; }

    int64_t size() const {
        int64_t product = 1;
        for (int d = 0; d < rank; ++d) product *= dimensions[d].extent;
        return product;
    }

    void seek(int64_t position) {
        out = x = 0;
        for (int d = rank - 1; d >= 0; --d) {
            index[d] = position % dimensions[d].extent;
            position /= dimensions[d].extent;
            out += index[d] * dimensions[d].out_stride;
            x += index[d] * dimensions[d].x_stride;
        }
    }

    void next() {
        for (int d = rank - 1; d >= 0; --d) {
            out += dimensions[d].out_stride;
            x += dimensions[d].x_stride;
            if (++index[d] < dimensions[d].extent) return;
            out -= dimensions[d].extent * dimensions[d].out_stride;
            x -= dimensions[d].extent * dimensions[d].x_stride;
            index[d] = 0;
        }
    }
};

// visit(walk) at every point of the space, each worth `elements`, several points in a task.
template <class Visit>
void parallel_walk(const Walk& space, int64_t elements, const Visit& visit) {
    parallel_blocks(space.size(), max(1, task_elements / elements), [&](int64_t begin, int64_t end) {
        Walk walk = space;
        walk.seek(begin);
        for (int64_t i = begin; i < end; ++i, walk.next()) visit(walk);
    });
}

// out[r, c] = x[c, r] for a block that fits the first cache: whole square tiles in registers, the edges one by one.
template <class T>
void transpose_block(T* out, int64_t out_stride, const T* x, int64_t x_stride, int64_t rows, int64_t columns) {
    constexpr int n = vec<T>::size;
    const int64_t tiled_rows = rows / n * n, tiled_columns = columns / n * n;
    for (int64_t c = 0; c < tiled_columns; c += n)
        for (int64_t r = 0; r < tiled_rows; r += n) {
            vec<T> tile[n];
#pragma GCC unroll 16
            for (int i = 0; i < n; ++i) tile[i] = load(x + (c + i) * x_stride + r);
            transpose(tile);
#pragma GCC unroll 16
            for (int i = 0; i < n; ++i) store(out + (r + i) * out_stride + c, tile[i]);
        }
    for (int64_t r = 0; r < rows; ++r)
        for (int64_t c = r < tiled_rows ? tiled_columns : 0; c < columns; ++c)
            out[r * out_stride + c] = x[c * x_stride + r];
}

// `row` has x_stride 1, `column` has out_stride 1; `outer` holds the other dimensions.
template <class T>
void copy_transposed(T* out, const T* x, Walk& outer, const Dimension& row, const Dimension& column) {
    constexpr int64_t block_rows = 64, block_columns = 256;
    outer.add({ceil_div(row.extent, block_rows), block_rows * row.out_stride, block_rows});
    outer.add({ceil_div(column.extent, block_columns), block_columns, block_columns * column.x_stride});
    parallel_walk(outer, min(row.extent, block_rows) * min(column.extent, block_columns), [&](const Walk& walk) {
        const int64_t first_row = walk.index[walk.rank - 2] * block_rows;
        const int64_t first_column = walk.index[walk.rank - 1] * block_columns;
        transpose_block(out + walk.out, row.out_stride, x + walk.x, column.x_stride,
                        min(row.extent - first_row, block_rows), min(column.extent - first_column, block_columns));
    });
}

// `rows` lines of at most a task's elements, each after the other in both arrays.
template <class T>
void copy_plane(T* out, const T* x, int64_t rows, const Dimension& row, const Dimension& line, int64_t size) {
    if (line.out_stride == 1 && line.x_stride == 1) {
        if (row.out_stride == size && size < 1024) return copy_short_lines(out, x, rows, size, row.x_stride);
        for (int64_t r = 0; r < rows; ++r) copy_line(out + r * row.out_stride, x + r * row.x_stride, size);
    } else if (line.out_stride == 1 && line.x_stride == 0) {
        for (int64_t r = 0; r < rows; ++r) fill_line(out + r * row.out_stride, x[r * row.x_stride], size);
    } else if (line.out_stride == 1 && line.x_stride == -1) {
        for (int64_t r = 0; r < rows; ++r) copy_reversed(out + r * row.out_stride, x + r * row.x_stride, size);
    } else if (line.out_stride == 1 && line.x_stride == 2) {
        for (int64_t r = 0; r < rows; ++r) copy_every_second(out + r * row.out_stride, x + r * row.x_stride, size);
    } else {
        for (int64_t r = 0; r < rows; ++r) {
            T* to = out + r * row.out_stride;
            const T* from = x + r * row.x_stride;
            for (int64_t i = 0; i < size; ++i) to[i * line.out_stride] = from[i * line.x_stride];
        }
    }
}

template <class T>
void copy_lines(T* out, const T* x, Walk& outer, const Dimension& line) {
    const int64_t piece = min(line.extent, task_elements);  // long lines are cut, and short ones taken together
    const Dimension row = outer.rank > 0 ? outer.dimensions[--outer.rank] : Dimension{1, 0, 0};
    const int64_t together = max(1, task_elements / piece);
    outer.add({ceil_div(row.extent, together), together * row.out_stride, together * row.x_stride});
    outer.add({ceil_div(line.extent, piece), piece * line.out_stride, piece * line.x_stride});
    parallel_walk(outer, piece * min(together, row.extent), [&](const Walk& walk) {
        const int64_t size = min(line.extent - walk.index[walk.rank - 1] * piece, piece);
        const int64_t rows = min(row.extent - walk.index[walk.rank - 2] * together, together);
        copy_plane(out + walk.out, x + walk.x, rows, row, line, size);
    });
}

}  // namespace

template <class T>
void copy(T* out, const T* x, const CopyShape& shape) {
    Walk outer;
    for (int d = 0; d < max_rank; ++d) {
        if (shape.shape[d] == 0) return;
        if (shape.shape[d] > 1) outer.add({shape.shape[d], shape.out_strides[d], shape.x_strides[d]});
    }
    out += shape.out_offset, x += shape.x_offset;
    const Dimension line = outer.rank > 0 ? outer.dimensions[--outer.rank] : Dimension{1, 1, 1};
    if (line.out_stride == 1 && line.x_stride > 1)
        for (int d = 0; d < outer.rank; ++d) {
            if (outer.dimensions[d].x_stride != 1) continue;
            const Dimension row = outer.dimensions[d];
            for (outer.rank -= 1; d < outer.rank; ++d) outer.dimensions[d] = outer.dimensions[d + 1];
            return copy_transposed(out, x, outer, row, line);
        }
    copy_lines(out, x, outer, line);
}

template <class T>
void take(T* out, const T* x, const int64_t* indices, int64_t outer, int64_t axis, int64_t inner, int64_t count) {
    if (inner == 0) return;
    parallel_blocks(outer * count, max(1, task_elements / inner), [&](int64_t begin, int64_t end) {
        for (int64_t i = begin, o = begin / count, c = begin % count; i < end; ++i) {
            const T* from = x + (o * axis + indices[c]) * inner;
            if (c + ahead < count) prefetch_line(x + (o * axis + indices[c + ahead]) * inner, inner);
            if (inner == 1)
                out[i] = *from;
            else
                copy_line<true>(out + i * inner, from, inner);
            if (++c == count) c = 0, ++o;
        }
    });
}

template <class T>
void take_backward(T* grad_x, const T* grad, const int64_t* indices, int64_t outer, int64_t axis, int64_t inner,
                   int64_t count) {
    scatter(grad_x, grad, indices, outer, axis, inner, count);
}

template <class T>
void take_backward_rows(int64_t* rows, T* sums, int64_t* found, const T* grad, const int64_t* indices, int64_t axis,
                        int64_t inner, int64_t count) {
    *found = gather_rows(rows, sums, grad, indices, axis, inner, count);
}

template <class T>
void one_hot(T* out, const int64_t* labels, int64_t rows, int64_t classes) {
    if (classes == 0) return;
    parallel_blocks(rows, max(1, task_elements / classes), [&](int64_t begin, int64_t end) {
        fill_line(out + begin * classes, T(0), (end - begin) * classes);
        for (int64_t r = begin; r < end; ++r) out[r * classes + labels[r]] = T(1);
    });
}

}  // namespace nerve::NERVE_ISA

#define NERVE_FAMILY "kernels/indexing.inc"
#include "cpu/instantiate.h"
