// Reductions over the middle axis of x (outer, reduced, inner). inner = 1: a row for each warp, or for each block when
// rows are long; otherwise 32 neighbouring columns for each block, its warps taking turns at the rows. The order is
// fixed by the shape.
#include "cuda/common.cuh"

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

// Items first, first + step, ... below `reduced`, summed in runs of 32, so that the error grows slowly.
template <class T, class Op>
__device__ typename Op::Item strided_items(const T* x, int64_t stride, int64_t first, int64_t step, int64_t reduced,
                                           const Op& op) {
    auto total = op.start();
    for (int64_t i = first; i < reduced;) {
        auto run = op.item(x[i * stride], i);
        i += step;
        for (int n = 1; n < 32 && i < reduced; ++n, i += step) run = op(run, op.item(x[i * stride], i));
        total = op(total, run);
    }
    return total;
}

template <int width, class T, class Op>
__global__ void reduce_rows(typename Op::Out* out, const T* x, int64_t rows, int64_t reduced, Op op) {
    const int64_t row = row_index<width>();
    if (row >= rows) return;
    auto total = strided_items(x + row * reduced, 1, row_lane<width>(), width, reduced, op);
    total = row_reduce<width>(total, op);
    if (row_lane<width>() == 0) out[row] = op.result(total);
}

template <class T, class Op>
__global__ void reduce_columns(typename Op::Out* out, const T* x, int64_t reduced, int64_t inner, Op op) {
    struct Partials {
        typename Op::Item of[threads / warp][warp];
    };
    auto& partials = shared<Partials>();
    const int64_t strips = divide_up(inner, warp);
    const int64_t outer = blockIdx.x / strips, column = blockIdx.x % strips * warp + threadIdx.x % warp;
    const int group = threadIdx.x / warp, lane = threadIdx.x % warp;
    auto total = op.start();
    if (column < inner)
        total = strided_items(x + outer * reduced * inner + column, inner, group, threads / warp, reduced, op);
    partials.of[group][lane] = total;
    __syncthreads();
    if (group > 0 || column >= inner) return;
    for (int other = 1; other < threads / warp; ++other) total = op(total, partials.of[other][lane]);
    out[outer * inner + column] = op.result(total);
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

template <class T, class Op>
void reduce(Stream stream, typename Op::Out* out, const T* x, int64_t outer, int64_t reduced, int64_t inner, Op op) {
    if (inner != 1)
        launch(stream, reduce_columns<T, Op>, outer * divide_up(inner, warp), out, x, reduced, inner, op);
    else if (is_long(reduced))
        launch(stream, reduce_rows<threads, T, Op>, row_blocks<threads>(outer), out, x, outer, reduced, op);
    else
        launch(stream, reduce_rows<warp, T, Op>, row_blocks<warp>(outer), out, x, outer, reduced, op);
}

}  // namespace

template <class T>
void sum(Stream stream, T* out, const T* x, int64_t outer, int64_t reduced, int64_t inner) {
    reduce(stream, out, x, outer, reduced, inner, Total<T, Add>{T(0), T(1)});
}
template <class T>
void mean(Stream stream, T* out, const T* x, int64_t outer, int64_t reduced, int64_t inner) {
    reduce(stream, out, x, outer, reduced, inner, Total<T, Add>{T(0), T(1) / T(reduced)});
}
template <class T>
void max(Stream stream, T* out, const T* x, int64_t outer, int64_t reduced, int64_t inner) {
    reduce(stream, out, x, outer, reduced, inner, Total<T, Max>{-T(HUGE_VAL), T(1)});
}
template <class T>
void min(Stream stream, T* out, const T* x, int64_t outer, int64_t reduced, int64_t inner) {
    reduce(stream, out, x, outer, reduced, inner, Total<T, Min>{T(HUGE_VAL), T(1)});
}
template <class T>
void argmax(Stream stream, int64_t* out, const T* x, int64_t outer, int64_t reduced, int64_t inner) {
    reduce(stream, out, x, outer, reduced, inner, Position<T, Max>{});
}
template <class T>
void argmin(Stream stream, int64_t* out, const T* x, int64_t outer, int64_t reduced, int64_t inner) {
    reduce(stream, out, x, outer, reduced, inner, Position<T, Min>{});
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
