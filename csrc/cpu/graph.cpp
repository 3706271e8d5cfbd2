// Messages along the edges of a graph: every node gathers from its neighbours. Edges are sorted by node once, with
// their order kept, so that a node is written once, by one task, in an order that its edges alone give.
#include "cpu/lines.h"
#include "cpu/parallel.h"
#include "cpu/reduction.h"
#include "cpu/rows.h"
#include "shapes.h"

namespace nerve::NERVE_ISA {
namespace {

// body(node) for every node; about task_elements in a task if edges are spread evenly.
template <class Body>
void each_node(int64_t nodes, int64_t elements, const Body& body) {
    const int64_t block = max(1, nodes * task_elements / max(1, elements));
    parallel_blocks(nodes, block, [&](int64_t begin, int64_t end) {
        for (int64_t node = begin; node < end; ++node) body(node);
    });
}

// to = the sum over the edges order[begin .. end) of `width` numbers of their rows of x, times a weight of theirs.
template <class T>
void sum_edges(T* to, const T* x, const int64_t* sources, const T* weights, int64_t weight_stride, const int64_t* order,
               int64_t begin, int64_t end, int64_t row, int64_t width) {
    constexpr int n = vec<T>::size;
    for (int64_t c = 0; c < width; c += lanes<T>) {
        const int64_t some = min(width - c, lanes<T>);
        Running<T> total;
        for (int j = 0; j < lane_vectors<T>; ++j) total.v[j] = vec<T>(T(0));
        for (int64_t k = begin; k < end; ++k) {
            const int64_t edge = order[k];
            const T* from = x + sources[edge] * row + c;
            if (k + ahead < end) __builtin_prefetch(x + sources[order[k + ahead]] * row + c);
            const vec<T> weight(weights == nullptr ? T(1) : weights[edge * weight_stride]);
#pragma GCC unroll 16
            for (int j = 0; j < lane_vectors<T>; ++j) {
                if (some >= (j + 1) * n)
                    total.v[j] = fma(weight, load(from + j * n), total.v[j]);
                else if (some > j * n)
                    total.v[j] = fma(weight, load_partial(from + j * n, some - j * n), total.v[j]);
            }
        }
        for (int j = 0; j < lane_vectors<T>; ++j) {
            if (some >= (j + 1) * n)
                store(to + c + j * n, total.v[j]);
            else if (some > j * n)
                store_partial(to + c + j * n, total.v[j], some - j * n);
        }
    }
}

}  // namespace

template <class T>
void edge_order(int64_t* order, int64_t* offsets, T* inverse_counts, const int64_t* ids, int64_t nodes, int64_t edges) {
    for (int64_t i = 0; i <= nodes; ++i) offsets[i] = 0;
    for (int64_t e = 0; e < edges; ++e) ++offsets[ids[e]];
    int64_t begin = 0;
    for (int64_t i = 0; i < nodes; ++i) {
        const int64_t count = offsets[i];
        inverse_counts[i] = count == 0 ? T(0) : T(1) / T(count);
        offsets[i] = begin, begin += count;
    }
    for (int64_t e = 0; e < edges; ++e) order[offsets[ids[e]]++] = e;  // and now every one is where the next begins
    for (int64_t i = nodes; i > 0; --i) offsets[i] = offsets[i - 1];
    offsets[0] = 0;
}

template <class T>
void gather_sum(T* out, const T* x, const int64_t* sources, const T* weights, const int64_t* order,
                const int64_t* offsets, int64_t nodes, int64_t heads, int64_t features) {
    const int64_t row = heads * features;
    each_node(nodes, (offsets[nodes] + nodes) * row, [&](int64_t node) {
        const int64_t begin = offsets[node], end = offsets[node + 1];
        T* to = out + node * row;
        if (weights == nullptr) return sum_edges(to, x, sources, weights, 0, order, begin, end, row, row);
        for (int64_t h = 0; h < heads; ++h)
            sum_edges(to + h * features, x + h * features, sources, weights + h, heads, order, begin, end, row,
                      features);
    });
}

template <class T>
void gather_max(T* out, int64_t* index, const T* x, const int64_t* sources, const int64_t* order,
                const int64_t* offsets, int64_t nodes, int64_t features) {
    constexpr int n = vec<T>::size;
    each_node(nodes, (offsets[nodes] + nodes) * features, [&](int64_t node) {
        const int64_t begin = offsets[node], end = offsets[node + 1];
        T* to = out + node * features;
        int64_t* at = index + node * features;
        if (begin >= end) {
            fill_line(to, T(0), features);
            for (int64_t c = 0; c < features; ++c) at[c] = -1;
            return;
        }
        for (int64_t c = 0; c < features; c += n) {
            const int64_t some = min(features - c, n);
            vec<T> best = load_or(x + sources[order[begin]] * features + c, some, T(0));
            bits<T> place{};  // in the edges of the node
            for (int64_t k = begin + 1; k < end; ++k) {
                const vec<T> value = load_or(x + sources[order[k]] * features + c, some, T(0));
                const mask<T> better = ((value > best) | (value != value)) & (best == best);  // the first NaN stays
                best = select(better, value, best);
                place = better.v ? bits<T>{} + typename vec<T>::integer(k - begin) : place;
            }
            store_some(to + c, best, some);
            for (int64_t i = 0; i < some; ++i) at[c + i] = order[begin + int64_t(place[i])];
        }
    });
}

template <class T>
void gather_max_backward(T* grad_x, const T* grad, const int64_t* index, const int64_t* targets, const int64_t* order,
                         const int64_t* offsets, int64_t rows, int64_t features) {
    each_node(rows, (offsets[rows] + rows) * features, [&](int64_t row) {
        T* to = grad_x + row * features;
        fill_line(to, T(0), features);
        for (int64_t k = offsets[row]; k < offsets[row + 1]; ++k) {
            const int64_t edge = order[k], from = targets[edge] * features;
            for (int64_t c = 0; c < features; ++c) to[c] += index[from + c] == edge ? grad[from + c] : T(0);
        }
    });
}

template <class T>
void edge_dot(T* out, const T* a, const T* b, const int64_t* targets, const int64_t* sources, int64_t edges,
              int64_t heads, int64_t features) {
    parallel_blocks(edges, max(1, task_elements / max(1, heads * features)), [&](int64_t begin, int64_t end) {
        for (int64_t e = begin; e < end; ++e)
            for (int64_t h = 0; h < heads; ++h) {
                const T* left = a + (targets[e] * heads + h) * features;
                const T* right = b + (sources[e] * heads + h) * features;
                out[e * heads + h] =
                    reduce_row<T>(0, features, T(0), Add{}, [&](int64_t i, int64_t some) NERVE_LAMBDA_INLINE {
                        return load_or(left + i, some, T(0)) * load_or(right + i, some, T(0));
                    });
            }
    });
}

}  // namespace nerve::NERVE_ISA

#define NERVE_FAMILY "kernels/graph.inc"
#include "cpu/instantiate.h"
