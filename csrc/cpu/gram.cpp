// X^T X of a tall matrix X (rows, columns), or of X less its columns' means: covariances and normal equations. Columns
// are cut into blocks and rows into slabs; a task makes a block of one slab's product, of the blocks on the diagonal
// little more than the triangle, and slabs are added in double, in order.
//
// Means are taken off while panels are packed, and found in the same pass: what is subtracted is the mean of some rows,
// s, and the error of that, d = mean - s, is put right at the end: (X - mean)^T (X - mean) = (X - s)^T (X - s) - rows d
// d^T (Chan, Golub and LeVeque, "Algorithms for computing the sample variance", 1983). Where d turns out not to be
// small beside the deviation, which takes rows that were no sample, a second pass starts from the mean.
#include "cpu/pack.h"
#include "cpu/parallel.h"
#include "shapes.h"

namespace nerve::NERVE_ISA {
namespace {

constexpr int64_t widest_block = 512;                    // columns of a block
constexpr int64_t band = tile_rows < 8 ? tile_rows : 8;  // rows of a tile: a panel is a few, so that both sides read it
constexpr int64_t sampled_rows = 256;                    // for the first guess of the means
constexpr int64_t most_slabs = 64;
constexpr int64_t most_partial = 64 << 20;  // bytes of all the slabs' products
constexpr int64_t slab_work = 1 << 24;      // products in a slab of one block at least, and
constexpr int64_t least_rows = 2048;        // its rows: the sum over slabs costs little beside them

struct Cut {
    int64_t side, blocks, pairs, slab_rows, slabs;
};

template <class T>
Cut cut(int64_t rows, int64_t columns) {
    Cut c;
    c.side = smaller(widest_block, pieces(columns, 32) * 32);
    c.blocks = pieces(columns, c.side);
    c.pairs = c.blocks * (c.blocks + 1) / 2;
    const int64_t room = most_partial / (c.pairs * c.side * c.side * int64_t(sizeof(T)));
    const int64_t least = slab_work / (c.side * c.side), most = smaller(most_slabs, room < 1 ? 1 : room);
    const int64_t slabs = smaller(pieces(rows, least > least_rows ? least : least_rows), most);
    c.slabs = slabs > 8 ? slabs / 8 * 8 : slabs;  // shared out evenly by most numbers of threads
    c.slab_rows = slabs == 0 ? 1 : pieces(rows, c.slabs);
    return c;
}

// X as it lies in memory, less `shift` (null: nothing).
template <class T>
struct Shifted {
    const T* x;
    int64_t stride;  // from row to row, or, if transposed, from column to column
    bool transposed;
    const T* shift;

    // Element (k + i, column + c) to panels[c / width * width * count + i * width + c % width], for i < count, c <
    // columns; the panels' other columns are zero. Adds to sums[c] (if not null) the sum of column c.
    void pack(T* panels, double* sums, int64_t column, int64_t columns, int64_t k, int64_t count) const {
        constexpr int64_t width = tile_columns<T>;
        constexpr int several = vector_bytes == 64 ? 4 : 2;
        int64_t c = 0;
        if (transposed) {
            for (; c < columns; c += width) {
                const int64_t used = smaller(columns - c, width);
                T* panel = panels + c * count;
                pack_across<int(width)>(panel, x, stride, column + c, used, k, count);
                shifted<1>(panel, sums, panel, width, shift_at(column + c), c, used, count);
            }
        } else {
            const T* from = x + k * stride + column;
            for (; c + several * width <= columns; c += several * width)
                shifted<several>(panels + c * count, sums, from + c, stride, shift_at(column + c), c, several * width,
                                 count);
            for (; c < columns; c += width)
                shifted<1>(panels + c * count, sums, from + c, stride, shift_at(column + c), c,
                           smaller(columns - c, width), count);
        }
    }

  private:
    const T* shift_at(int64_t column) const { return shift == nullptr ? nullptr : shift + column; }

    // `several` panels from rows of `columns` elements, `step` apart.
    template <int several>
    static void shifted(T* panels, double* sums, const T* from, int64_t step, const T* shift, int64_t first,
                        int64_t columns, int64_t count) {
        using V = vec<T>;
        constexpr int64_t width = tile_columns<T>;
        constexpr int vectors = several * tile_vectors;
        V less[vectors], sum[vectors];
        for (int v = 0; v < vectors; ++v) {
            less[v] = shift == nullptr ? V(T(0)) : part(shift, columns, v);
            sum[v] = V(T(0));
        }
        auto rows = [&](int64_t length) NERVE_LAMBDA_INLINE {
            for (int64_t i = 0; i < count; ++i, from += step)
#pragma GCC unroll 8
                for (int v = 0; v < vectors; ++v) {
                    const V value = part(from, length, v) - less[v];
                    store(panels + (v / tile_vectors * count + i) * width + v % tile_vectors * V::size, value);
                    sum[v] += value;
                }
        };
        if (columns == several * width)
            rows(several * width);
        else
            rows(columns);
        if (sums == nullptr) return;
        T lanes[V::size];
        for (int v = 0; v < vectors; ++v) {
            store(lanes, sum[v]);
            for (int i = 0; i < V::size; ++i) sums[first + v * V::size + i] += double(lanes[i]);
        }
    }

    // The v-th vector of n elements.
    NERVE_INLINE static vec<T> part(const T* from, int64_t n, int64_t v) {
        const int64_t left = n - v * vec<T>::size;
        return left >= vec<T>::size ? load(from + v * vec<T>::size)
               : left <= 0          ? vec<T>(T(0))
                                    : load_partial(from + v * vec<T>::size, left);
    }
};

// One block of one slab's product: of columns [left, left + side) in the rows of `out`, [right, right + side) in its
// columns. sums (if not null): of the columns of the right, `side` of them and up to a panel more.
template <class T>
void block(T* out, double* sums, const Shifted<T>& x, const Cut& cut, int64_t columns, int64_t left, int64_t right,
           int64_t row, int64_t row_end) {
    constexpr int64_t width = tile_columns<T>;
    const int64_t height = smaller(cut.side, columns - left), breadth = smaller(cut.side, columns - right);
    const int64_t panels = pieces(breadth, width);
    T* b = scratch<T>(runtime::packed_b, panels * width * (inner_block + 1));
    const Epilogue<T> epilogue{out, cut.side, nullptr, Activation::linear};
    const int64_t step = pieces(row_end - row, pieces(row_end - row, inner_block));
    for (int64_t k = row; k < row_end; k += step) {
        const int64_t count = smaller(row_end - k, step);
        x.pack(b, sums, right, breadth, k, count);
        const T* a = b;
        if (left != right) {
            T* other = scratch<T>(runtime::packed_a, panels * width * (inner_block + 1));
            x.pack(other, nullptr, left, height, k, count);
            a = other;
        }
        for (int64_t r = 0; r < height;) {
            const int64_t used = smaller(smaller(height - r, width - r % width), band);
            const int64_t needed =
                left == right ? smaller(breadth, pieces(r + used, vec<T>::size) * vec<T>::size) : breadth;
            tiles(count, RowPanel<T>{a + r / width * width * count + r % width, width, false},
                  ColumnPanels<T>{b, width, width * count}, epilogue, r, used, int64_t(0), needed, k == row, true);
            r += used;
        }
    }
}

// Means of a sample of rows: evenly spread over all of them.
template <class T>
void guess(T* shift, const T* x, bool transposed, int64_t rows, int64_t columns) {
    const int64_t count = smaller(rows, sampled_rows);
    parallel_blocks(columns, 64, [&](int64_t begin, int64_t end) {
        double sums[64] = {};
        for (int64_t i = 0; i < count; ++i) {
            const int64_t row = rows / count * i;
            for (int64_t c = begin; c < end; ++c)
                sums[c - begin] += double(transposed ? x[c * rows + row] : x[row * columns + c]);
        }
        for (int64_t c = begin; c < end; ++c) shift[c] = T(sums[c - begin] / double(count));
    });
}

template <class T>
struct Work {
    Cut cut;
    int64_t rows, columns;
    const T* x;
    bool transposed;
    T *shift, *partial;
    double *sums, *apart;  // sums of slabs; mean - shift

    int64_t padded() const { return cut.blocks * cut.side; }

    void multiply(bool centred) const {
        if (centred) std::memset(sums, 0, size_t(cut.slabs * padded()) * sizeof(double));
        const Shifted<T> from{x, transposed ? rows : columns, transposed, centred ? shift : nullptr};
        parallel(cut.slabs * cut.pairs, [&](int64_t task) {
            const int64_t slab = task / cut.pairs, row = slab * cut.slab_rows;
            int64_t pair = task % cut.pairs, i = 0;
            while (pair > i) pair -= ++i;  // block (i, pair), where pair <= i
            double* of_slab = centred && pair == i ? sums + slab * padded() + i * cut.side : nullptr;
            block(partial + task * cut.side * cut.side, of_slab, from, cut, columns, i * cut.side, pair * cut.side, row,
                  smaller(row + cut.slab_rows, rows));
        });
    }

    const T* block_of(int64_t slab, int64_t i, int64_t j) const {  // by number, i >= j
        return partial + (slab * cut.pairs + i * (i + 1) / 2 + j) * cut.side * cut.side;
    }

    // (X - shift)^T (X - shift): of row i, the elements of block j, up to the diagonal.
    void add_slabs(double* row, int64_t i, int64_t j, int64_t length) const {
        for (int64_t c = 0; c < length; ++c) row[c] = 0;
        for (int64_t slab = 0; slab < cut.slabs; ++slab) {
            const T* from = block_of(slab, i / cut.side, j) + i % cut.side * cut.side;
            for (int64_t c = 0; c < length; ++c) row[c] += double(from[c]);
        }
    }
    double diagonal(int64_t i) const {
        double sum = 0;
        for (int64_t slab = 0; slab < cut.slabs; ++slab)
            sum += double(block_of(slab, i / cut.side, i / cut.side)[i % cut.side * (cut.side + 1)]);
        return sum;
    }

    // out, symmetric, from the products of the slabs.
    void finish(T* out, double divisor) const {
        parallel_blocks(columns, 1 + 65536 / (columns * (cut.slabs + 1)), [&](int64_t begin, int64_t end) {
            double row[widest_block];
            for (int64_t i = begin; i < end; ++i)
                for (int64_t first = 0; first <= i; first += cut.side) {
                    const int64_t length = smaller(cut.side, i + 1 - first);
                    add_slabs(row, i, first / cut.side, length);
                    for (int64_t c = 0; c < length; ++c) {
                        const int64_t j = first + c;
                        const double correction = double(rows) * apart[i] * apart[j];
                        out[i * columns + j] = out[j * columns + i] = T((row[c] - correction) / divisor);
                    }
                }
        });
    }

    // apart, and whether all of it is small beside the deviation.
    bool shift_will_do() const {
        bool will_do = true;
        for (int64_t c = 0; c < columns; ++c) {
            double sum = 0;
            for (int64_t slab = 0; slab < cut.slabs; ++slab) sum += sums[slab * padded() + c];
            apart[c] = sum / double(rows);
            const double square = apart[c] * apart[c], rounding = 1e-6 * double(shift[c]);
            if (square > rounding * rounding && square * double(rows) > 0.25 * diagonal(c)) will_do = false;
        }
        return will_do;
    }
};

}  // namespace

template <class T>
void gram(T* out, T* mean, const T* x, int64_t rows, int64_t columns, bool transposed, double divisor) {
    if (columns <= 0) return;
    const Cut c = cut<T>(rows, columns);
    const int64_t padded = c.blocks * c.side, partial = c.slabs * c.pairs * c.side * c.side;
    double* sums = scratch<double>(runtime::workspace,
                                   (c.slabs + 1) * padded + pieces((partial + padded) * int64_t(sizeof(T)), 8));
    double* apart = sums + c.slabs * padded;
    T* shift = reinterpret_cast<T*>(apart + padded);
    const Work<T> work{c, rows, columns, x, transposed, shift, shift + padded, sums, apart};
    if (mean == nullptr || rows == 0) {
        work.multiply(false);
        for (int64_t i = 0; i < columns; ++i) apart[i] = 0;
        if (mean != nullptr)
            for (int64_t i = 0; i < columns; ++i) mean[i] = T(__builtin_nan(""));
    } else {
        guess(shift, x, transposed, rows, columns);
        work.multiply(true);
        if (!work.shift_will_do()) {
            for (int64_t i = 0; i < columns; ++i) shift[i] = T(double(shift[i]) + apart[i]);
            work.multiply(true);
            work.shift_will_do();  // apart, anew
        }
        for (int64_t i = 0; i < columns; ++i) {
            const double value = double(shift[i]) + apart[i];
            if (!(value - value == 0)) apart[i] = __builtin_nan("");  // infinity, whether it was in the sample or not
            mean[i] = T(double(shift[i]) + apart[i]);
        }
    }
    work.finish(out, divisor);
}

}  // namespace nerve::NERVE_ISA

#define NERVE_FAMILY "kernels/gram.inc"
#include "cpu/instantiate.h"
