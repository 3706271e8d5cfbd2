// Reductions over the middle axis of x (outer, reduced, inner), in an order fixed by the shape.
#include "cpu/reduction.h"

#include "cpu/parallel.h"
#include "kernels.h"

namespace nerve::NERVE_ISA {
namespace {

constexpr int64_t task_elements = 16384;
constexpr int64_t leaf_rows = 32;      // rows of a leaf when reducing across rows
constexpr int64_t leaves_a_task = 64;  // leaves of a long single row reduced by one task

// inner == 1: whole rows, contiguous.
template <class T, class Combine>
void reduce_rows(T* out, const T* x, int64_t outer, int64_t reduced, T neutral, const Combine& combine, T scale) {
    auto value = [&](const T* row) {
        return [row, neutral](int64_t i, int64_t n) NERVE_LAMBDA_INLINE { return load_or(row + i, n, neutral); };
    };
    constexpr int64_t piece = leaf * leaves_a_task;
    const int64_t pieces = (reduced + piece - 1) / piece;
    if (outer * task_elements > reduced || pieces <= 1) {  // enough rows to share out, or little to do
        parallel_blocks(outer, 1 + task_elements / (reduced + 1), [&](int64_t begin, int64_t end) {
            for (int64_t o = begin; o < end; ++o) {
                const T* row = x + o * reduced;
                T total = neutral;
                for (int64_t p = 0; p == 0 || p < pieces; ++p) {
                    int64_t stop = (p + 1) * piece < reduced ? (p + 1) * piece : reduced;
                    T part = reduce_row<T>(p * piece, stop, neutral, combine, value(row));
                    total = p == 0 ? part : combine(total, part);
                }
                out[o] = total * scale;
            }
        });
        return;
    }
    T* parts = static_cast<T*>(runtime::scratch(runtime::workspace, size_t(pieces) * sizeof(T)));
    for (int64_t o = 0; o < outer; ++o) {
        const T* row = x + o * reduced;
        parallel(pieces, [&](int64_t p) {
            int64_t stop = (p + 1) * piece < reduced ? (p + 1) * piece : reduced;
            parts[p] = reduce_row<T>(p * piece, stop, neutral, combine, value(row));
        });
        T total = parts[0];
        for (int64_t p = 1; p < pieces; ++p) total = combine(total, parts[p]);
        out[o] = total * scale;
    }
}

// out[0..width) = combination of `count` rows of x, `stride` apart: leaves of 32 rows, then pairs of halves.
template <class T, class Combine>
vec<T> reduce_column(const T* x, int64_t count, int64_t stride, int64_t width, T neutral, const Combine& combine) {
    if (count <= leaf_rows) {
        vec<T> sum(neutral);
        for (int64_t r = 0; r < count; ++r) sum = combine(sum, load_or(x + r * stride, width, neutral));
        return sum;
    }
    int64_t half = (count + leaf_rows - 1) / leaf_rows / 2 * leaf_rows;
    vec<T> top = reduce_column(x, half, stride, width, neutral, combine);
    return combine(top, reduce_column(x + half * stride, count - half, stride, width, neutral, combine));
}

// inner > 1: across rows, a few registers of columns at a time; tall narrow arrays are cut into fixed bands of rows.
template <class T, class Combine>
void reduce_columns(T* out, const T* x, int64_t outer, int64_t reduced, int64_t inner, T neutral,
                    const Combine& combine, T scale) {
    using V = vec<T>;
    constexpr int64_t strip = 64;              // columns a task walks together: a cache line or more of each row
    constexpr int64_t band = 128 * leaf_rows;  // rows of a band
    const int64_t strips = (inner + strip - 1) / strip;
    const int64_t bands = reduced > 0 ? (reduced + band - 1) / band : 1;
    T* parts = out;
    if (bands > 1)
        parts = static_cast<T*>(runtime::scratch(runtime::workspace, size_t(outer * bands * inner) * sizeof(T)));
    auto body = [&](int64_t task) {
        const int64_t s = task % strips, b = task / strips % bands, o = task / strips / bands;
        const int64_t first = b * band, count = first + band < reduced ? band : reduced - first;
        const int64_t stop = (s + 1) * strip < inner ? (s + 1) * strip : inner;
        for (int64_t c = s * strip; c < stop; c += V::size) {
            const int64_t width = stop - c < V::size ? stop - c : V::size;
            V sum = reduce_column(x + (o * reduced + first) * inner + c, count, inner, width, neutral, combine);
            if (bands == 1) sum = sum * V(scale);
            store_partial(parts + (o * bands + b) * inner + c, sum, width);
        }
    };
    const int64_t tasks = outer * bands * strips;
    parallel_blocks(tasks, 1 + task_elements / (strip * (reduced < band ? reduced + 1 : band)),
                    [&](int64_t begin, int64_t end) {
                        for (int64_t task = begin; task < end; ++task) body(task);
                    });
    if (bands == 1) return;
    for (int64_t o = 0; o < outer; ++o)
        for (int64_t c = 0; c < inner; c += V::size) {
            const int64_t width = inner - c < V::size ? inner - c : V::size;
            V sum = load_partial(parts + o * bands * inner + c, width);
            for (int64_t b = 1; b < bands; ++b)
                sum = combine(sum, load_partial(parts + (o * bands + b) * inner + c, width));
            store_partial(out + o * inner + c, sum * V(scale), width);
        }
}

template <class T, class Combine>
void reduce(T* out, const T* x, int64_t outer, int64_t reduced, int64_t inner, T neutral, const Combine& combine,
            T scale) {
    if (inner == 1)
        reduce_rows(out, x, outer, reduced, neutral, combine, scale);
    else
        reduce_columns(out, x, outer, reduced, inner, neutral, combine, scale);
}

// The first position of the best element of each row; NaN is better than anything, as in NumPy. A row is searched in
// two passes: its best value, then where it stands.
template <class T, class Combine>
void find(int64_t* out, const T* x, int64_t outer, int64_t reduced, int64_t inner, T neutral, const Combine& combine) {
    using V = vec<T>;
    if (inner == 1) {
        parallel_blocks(outer, 1 + task_elements / (reduced + 1), [&](int64_t begin, int64_t end) {
            for (int64_t o = begin; o < end; ++o) {
                const T* row = x + o * reduced;
                T best = reduce_row<T>(0, reduced, neutral, combine, [&](int64_t i, int64_t n) NERVE_LAMBDA_INLINE {
                    return load_or(row + i, n, neutral);
                });
                const bool nan = best != best;
                int64_t i = 0;
                for (; i + V::size <= reduced; i += V::size) {
                    V here = load(row + i);
                    if (any(nan ? here != here : here == V(best))) break;
                }
                while (nan ? row[i] == row[i] : row[i] != best) ++i;
                out[o] = i;
            }
        });
        return;
    }
    parallel_blocks(outer * inner, 1 + task_elements / (reduced + 1), [&](int64_t begin, int64_t end) {
        for (int64_t task = begin; task < end; ++task) {
            const T* column = x + task / inner * reduced * inner + task % inner;
            int64_t at = 0;
            for (int64_t r = 1; r < reduced && column[at * inner] == column[at * inner]; ++r) {
                const T here = column[r * inner], best = column[at * inner];
                if (here != here || (here != best && combine(here, best) == here)) at = r;
            }
            out[task] = at;
        }
    });
}

}  // namespace

template <class T>
void sum(T* out, const T* x, int64_t outer, int64_t reduced, int64_t inner) {
    reduce(out, x, outer, reduced, inner, T(0), Add{}, T(1));
}
template <class T>
void mean(T* out, const T* x, int64_t outer, int64_t reduced, int64_t inner) {
    reduce(out, x, outer, reduced, inner, T(0), Add{}, T(1) / T(reduced));
}
template <class T>
void max(T* out, const T* x, int64_t outer, int64_t reduced, int64_t inner) {
    reduce(out, x, outer, reduced, inner, -T(__builtin_inf()), Max{}, T(1));
}
template <class T>
void min(T* out, const T* x, int64_t outer, int64_t reduced, int64_t inner) {
    reduce(out, x, outer, reduced, inner, T(__builtin_inf()), Min{}, T(1));
}
template <class T>
void argmax(int64_t* out, const T* x, int64_t outer, int64_t reduced, int64_t inner) {
    find(out, x, outer, reduced, inner, -T(__builtin_inf()), Max{});
}
template <class T>
void argmin(int64_t* out, const T* x, int64_t outer, int64_t reduced, int64_t inner) {
    find(out, x, outer, reduced, inner, T(__builtin_inf()), Min{});
}

}  // namespace nerve::NERVE_ISA

#define FAMILY_reduce FAMILY_HERE
#include "cpu/instantiate.h"
