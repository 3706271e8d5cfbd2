// Reductions over the middle axis of x (outer, reduced, inner). inner = 1: a row for each warp, or for each block when
// rows are long; otherwise 32 neighbouring columns for each block, its warps taking turns at the rows. Where that makes
// few blocks of long work, each takes a part, and a warp for each result combines the parts. The order is fixed by the
// shape.
#include "cuda/values.cuh"

namespace nerve::cuda {
namespace {

// --- what is reduced: an item from an element and its position, how two are combined, what is stored in the end

template <class T, class Combine>
struct Total {
    using Item = T;
    using Out = T;
    T neutral, scale;
    __device__ Item start() const { return neutral; }
    __device__ Item item(T value, int64_t) const { return value; }
    __device__ Item operator()(Item a, Item b) const { return Combine()(a, b); }
    __device__ Out result(Item total) const { return total * scale; }
};

// The first position of the best element; NaN is better than anything, as in NumPy.
template <class T, class Combine>
struct Position {
    struct Item {
        int64_t index;  // -1: none yet
        T value, unused;
    };
    using Out = int64_t;
    __device__ Item start() const { return {-1, T(0), T(0)}; }
    __device__ Item item(T value, int64_t index) const { return {index, value, T(0)}; }
    __device__ Item operator()(Item a, Item b) const {
        if (a.index < 0 || b.index < 0) return a.index < 0 ? b : a;
        const bool a_nan = a.value != a.value, b_nan = b.value != b.value;
        if (a.value == b.value || (a_nan && b_nan)) return a.index < b.index ? a : b;
        if (a_nan || b_nan) return a_nan ? a : b;
        return Combine()(a.value, b.value) == a.value ? a : b;
    }
    __device__ Out result(Item best) const { return best.index; }
};

// --- kernels

// Items first, first + step, ... below `end`, in runs of 32, so that the error of a sum grows slowly.
template <class T, class Op>
__device__ typename Op::Item strided_items(const T* x, int64_t stride, int64_t first, int64_t step, int64_t end,
                                           const Op& op) {
    auto total = op.start();
    for (int64_t i = first; i < end;) {
        auto run = op.item(x[i * stride], i);
        i += step;
        for (int n = 1; n < 32 && i < end; ++n, i += step) run = op(run, op.item(x[i * stride], i));
        total = op(total, run);
    }
    return total;
}

// The same for neighbours: chunks first, first + step, ... of the elements below `end`, four of them in a run, which
// are read ahead and, if wide, as a whole. What is combined, and in which order, is the same if they are not.
template <class T, class Op>
__device__ typename Op::Item chunk_items(const T* x, int64_t first, int64_t step, int64_t end, bool wide,
                                         const Op& op) {
    constexpr int size = chunk<T>, ahead = 4;
    auto total = op.start();
    for (int64_t i = first * size; i < end; i += ahead * step * size) {
        Values<T> values[ahead];
        for (int n = 0; n < ahead; ++n) {
            const int64_t from = i + n * step * size;
            if (wide && from + size <= end)
                values[n].read(x + from);
            else
                for (int e = 0; e < size; ++e)
                    if (from + e < end) values[n].of[e] = x[from + e];
        }
        auto run = op.start();
        for (int n = 0; n < ahead; ++n)
            for (int e = 0; e < size; ++e)
                if (i + n * step * size + e < end) run = op(run, op.item(values[n].of[e], i + n * step * size + e));
        total = op(total, run);
    }
    return total;
}

// How the reduced axis is cut: into `splits` parts of `share`, a whole number of chunks.
struct Parts {
    int64_t splits, share;
    __device__ int64_t begin(int64_t split) const { return split * share; }
    __device__ int64_t end(int64_t split, int64_t reduced) const {
        return (split + 1) * share < reduced ? (split + 1) * share : reduced;
    }
};

// Parts of `least` elements or more, for eight blocks on each multiprocessor of a GPU that `blocks` blocks do not fill.
Parts parts_of(int64_t blocks, int64_t reduced, int64_t least) {
    const int64_t wanted = blocks > 0 ? 4 * busy_blocks() / blocks : 1, most = reduced / least;
    const int64_t splits = wanted < most ? wanted : most;
    if (splits < 2) return {1, reduced};
    const int64_t share = divide_up(divide_up(reduced, splits), 8) * 8;
    return {divide_up(reduced, share), share};
}

// The result, or the item of a part.
template <class Op>
__device__ void finish(typename Op::Out* out, typename Op::Item* items, int64_t i, int64_t split, const Parts& parts,
                       typename Op::Item total, const Op& op) {
    if (parts.splits == 1)
        out[i] = op.result(total);
    else
        items[i * parts.splits + split] = total;
}

template <int width, class T, class Op>
__global__ void reduce_rows(typename Op::Out* out, typename Op::Item* items, const T* x, int64_t rows, int64_t reduced,
                            Parts parts, bool wide, Op op) {
    const int64_t part = row_index<width>(), row = part / parts.splits, split = part % parts.splits;
    if (row >= rows) return;
    const int64_t first = parts.begin(split) / chunk<T> + row_lane<width>();
    auto total = chunk_items(x + row * reduced, first, width, parts.end(split, reduced), wide, op);
    total = row_reduce<width>(total, op);
    if (row_lane<width>() == 0) finish(out, items, row, split, parts, total, op);
}

template <class T, class Op>
__global__ void reduce_columns(typename Op::Out* out, typename Op::Item* items, const T* x, int64_t reduced,
                               int64_t inner, Parts parts, Op op) {
    struct Partials {
        typename Op::Item of[threads / warp][warp];
    };
    auto& partials = shared<Partials>();
    const int64_t strips = divide_up(inner, warp), split = blockIdx.x / strips % parts.splits;
    const int64_t outer = blockIdx.x / strips / parts.splits, column = blockIdx.x % strips * warp + threadIdx.x % warp;
    const int group = threadIdx.x / warp, lane = threadIdx.x % warp;
    auto total = op.start();
    if (column < inner)
        total = strided_items(x + outer * reduced * inner + column, inner, parts.begin(split) + group, threads / warp,
                              parts.end(split, reduced), op);
    partials.of[group][lane] = total;
    __syncthreads();
    if (group > 0 || column >= inner) return;
    for (int other = 1; other < threads / warp; ++other) total = op(total, partials.of[other][lane]);
    finish(out, items, outer * inner + column, split, parts, total, op);
}

// A warp for each result.
template <class Op>
__global__ void combine_kernel(typename Op::Out* out, const typename Op::Item* items, int64_t results, int64_t splits,
                               Op op) {
    const int64_t i = row_index<warp>();
    if (i >= results) return;
    auto total = op.start();
    for (int64_t split = row_lane<warp>(); split < splits; split += warp) total = op(total, items[i * splits + split]);
    total = row_reduce<warp>(total, op);
    if (row_lane<warp>() == 0) out[i] = op.result(total);
}

template <class T>
__global__ void argmax_is_kernel(T* out, const T* x, const int64_t* labels, int64_t rows, int64_t columns) {
    for (int64_t row = first_index(); row < rows; row += index_step()) {
        const T* const values = x + row * columns;
        const int64_t label = labels[row];
        bool first = label >= 0 && label < columns;
        if (first) {
            const T own = values[label];
            const bool nan = own != own;
            for (int64_t i = 0; i < label; ++i) first &= values[i] < own || (nan && values[i] == values[i]);
            for (int64_t i = label + 1; i < columns; ++i) first &= values[i] <= own || nan;
        }
        out[row] = T(first);
    }
}

// One block: every thread adds up rows, the first all of them in their order.
template <class T>
__global__ void accumulate_mean_kernel(double* totals, const T* values, const T* weights, int64_t rows,
                                       int64_t weighted, int64_t inner) {
    struct Partials {
        double sum[threads], count[threads];
    };
    auto& partials = shared<Partials>();
    double sum = 0, count = 0;
    for (int64_t row = threadIdx.x; row < rows; row += threads) {
        double row_sum = 0, row_count = 0;
        for (int64_t i = row * weighted; i < (row + 1) * weighted; ++i) {
            double part = 0;
            for (int64_t j = 0; j < inner; ++j) part += double(values[i * inner + j]);
            const double weight = weights == nullptr ? 1.0 : double(weights[i]);
            row_sum += weight * (part / double(inner));
            row_count += weight;
        }
        sum += row_sum / double(weighted);
        count += row_count / double(weighted);
    }
    partials.sum[threadIdx.x] = sum;
    partials.count[threadIdx.x] = count;
    __syncthreads();
    if (threadIdx.x > 0) return;
    for (int other = 1; other < threads; ++other) sum += partials.sum[other], count += partials.count[other];
    totals[0] += sum;
    totals[1] += count;
}

// --- launchers

Parts cut_reduction(int64_t outer, int64_t reduced, int64_t inner) {
    if (inner != 1) return parts_of(outer * divide_up(inner, warp), reduced, 512);
    return is_long(reduced) ? parts_of(outer, reduced, 8192) : Parts{1, reduced};
}

template <class Op>
int64_t reduction_scratch(int64_t outer, int64_t reduced, int64_t inner) {
    const int64_t splits = cut_reduction(outer, reduced, inner).splits;
    return splits > 1 ? splits * outer * inner * int64_t(sizeof(typename Op::Item)) : 0;
}

template <class T, class Op>
void reduce(Stream stream, typename Op::Out* out, const T* x, int64_t outer, int64_t reduced, int64_t inner, Op op) {
    const Parts parts = cut_reduction(outer, reduced, inner);
    const bool wide = is_aligned(x) && (reduced % chunk<T> == 0 || outer == 1);
    auto* items = static_cast<typename Op::Item*>(stream.scratch);
    if (inner != 1)
        launch(stream, reduce_columns<T, Op>, outer * parts.splits * divide_up(inner, warp), out, items, x, reduced,
               inner, parts, op);
    else if (is_long(reduced))
        launch(stream, reduce_rows<threads, T, Op>, row_blocks<threads>(outer * parts.splits), out, items, x, outer,
               reduced, parts, wide, op);
    else
        launch(stream, reduce_rows<warp, T, Op>, row_blocks<warp>(outer), out, items, x, outer, reduced, parts, wide,
               op);
    if (parts.splits > 1)
        launch(stream, combine_kernel<Op>, row_blocks<warp>(outer * inner), out, items, outer * inner, parts.splits,
               op);
}

}  // namespace

template <class T>
void sum(Stream stream, T* out, const T* x, int64_t outer, int64_t reduced, int64_t inner) {
    reduce(stream, out, x, outer, reduced, inner, Total<T, Add>{T(0), T(1)});
}
template <class T>
int64_t sum_scratch(T*, const T*, int64_t outer, int64_t reduced, int64_t inner) {
    return reduction_scratch<Total<T, Add>>(outer, reduced, inner);
}
template <class T>
void mean(Stream stream, T* out, const T* x, int64_t outer, int64_t reduced, int64_t inner) {
    reduce(stream, out, x, outer, reduced, inner, Total<T, Add>{T(0), T(1) / T(reduced)});
}
template <class T>
int64_t mean_scratch(T*, const T*, int64_t outer, int64_t reduced, int64_t inner) {
    return reduction_scratch<Total<T, Add>>(outer, reduced, inner);
}
template <class T>
void max(Stream stream, T* out, const T* x, int64_t outer, int64_t reduced, int64_t inner) {
    reduce(stream, out, x, outer, reduced, inner, Total<T, Max>{-T(HUGE_VAL), T(1)});
}
template <class T>
int64_t max_scratch(T*, const T*, int64_t outer, int64_t reduced, int64_t inner) {
    return reduction_scratch<Total<T, Max>>(outer, reduced, inner);
}
template <class T>
void min(Stream stream, T* out, const T* x, int64_t outer, int64_t reduced, int64_t inner) {
    reduce(stream, out, x, outer, reduced, inner, Total<T, Min>{T(HUGE_VAL), T(1)});
}
template <class T>
int64_t min_scratch(T*, const T*, int64_t outer, int64_t reduced, int64_t inner) {
    return reduction_scratch<Total<T, Min>>(outer, reduced, inner);
}
template <class T>
void argmax(Stream stream, int64_t* out, const T* x, int64_t outer, int64_t reduced, int64_t inner) {
    reduce(stream, out, x, outer, reduced, inner, Position<T, Max>{});
}
template <class T>
int64_t argmax_scratch(int64_t*, const T*, int64_t outer, int64_t reduced, int64_t inner) {
    return reduction_scratch<Position<T, Max>>(outer, reduced, inner);
}
template <class T>
void argmin(Stream stream, int64_t* out, const T* x, int64_t outer, int64_t reduced, int64_t inner) {
    reduce(stream, out, x, outer, reduced, inner, Position<T, Min>{});
}
template <class T>
int64_t argmin_scratch(int64_t*, const T*, int64_t outer, int64_t reduced, int64_t inner) {
    return reduction_scratch<Position<T, Min>>(outer, reduced, inner);
}
template <class T>
void argmax_is(Stream stream, T* out, const T* x, const int64_t* labels, int64_t rows, int64_t columns) {
    launch(stream, argmax_is_kernel<T>, loop_blocks(rows), out, x, labels, rows, columns);
}
template <class T>
void accumulate_mean(Stream stream, double* totals, const T* values, const T* weights, int64_t rows, int64_t weighted,
                     int64_t inner) {
    launch(stream, accumulate_mean_kernel<T>, 1, totals, values, weights, rows, weighted, inner);
}

}  // namespace nerve::cuda

#define NERVE_FAMILY "kernels/reduce.inc"
#include "cuda/instantiate.cuh"
