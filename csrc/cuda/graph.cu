// Messages along the edges of a graph: a thread for each number of a node, which gathers from its neighbours in order.
#include "cuda/common.cuh"

namespace nerve::cuda {
namespace {

// --- kernels

// A thread for each node finds its edges; the offset is the number of edges of the nodes below.
template <class T>
__global__ void edge_counts_kernel(int64_t* offsets, T* inverse_counts, const int64_t* ids, int64_t nodes,
                                   int64_t edges) {
    for (int64_t i = first_index(); i <= nodes; i += index_step()) {
        int64_t below = 0, own = 0;
        for (int64_t e = 0; e < edges; ++e) below += ids[e] < i, own += ids[e] == i;
        offsets[i] = below;
        if (i < nodes) inverse_counts[i] = own == 0 ? T(0) : T(1) / T(own);
    }
}

// An edge's place: after those of the nodes below and those of its own node that came before.
__global__ void edge_places_kernel(int64_t* order, const int64_t* offsets, const int64_t* ids, int64_t edges) {
    for (int64_t e = first_index(); e < edges; e += index_step()) {
        int64_t before = 0;
        for (int64_t other = 0; other < e; ++other) before += ids[other] == ids[e];
        order[offsets[ids[e]] + before] = e;
    }
}

template <class T>
__global__ void gather_sum_kernel(T* out, const T* x, const int64_t* sources, const T* weights, const int64_t* order,
                                  const int64_t* offsets, int64_t nodes, int64_t heads, int64_t features) {
    const int64_t row = heads * features;
    for (int64_t i = first_index(); i < nodes * row; i += index_step()) {
        const int64_t node = i / row, c = i % row, head = c / features;
        T sum = 0;
        for (int64_t k = offsets[node]; k < offsets[node + 1]; ++k) {
            const int64_t edge = order[k];
            const T weight = weights == nullptr ? T(1) : weights[edge * heads + head];
            sum = math::fma(weight, x[sources[edge] * row + c], sum);
        }
        out[i] = sum;
    }
}

template <class T>
__global__ void gather_max_kernel(T* out, int64_t* index, const T* x, const int64_t* sources, const int64_t* order,
                                  const int64_t* offsets, int64_t nodes, int64_t features) {
    for (int64_t i = first_index(); i < nodes * features; i += index_step()) {
        const int64_t node = i / features, c = i % features;
        T best = 0;
        int64_t at = -1;
        for (int64_t k = offsets[node]; k < offsets[node + 1]; ++k) {
            const T value = x[sources[order[k]] * features + c];
            if (at >= 0 && (best != best || !(value > best || value != value))) continue;
            best = value, at = order[k];
        }
        out[i] = best, index[i] = at;
    }
}

template <class T>
__global__ void gather_max_backward_kernel(T* grad_x, const T* grad, const int64_t* index, const int64_t* targets,
                                           const int64_t* order, const int64_t* offsets, int64_t rows,
                                           int64_t features) {
    for (int64_t i = first_index(); i < rows * features; i += index_step()) {
        const int64_t row = i / features, c = i % features;
        T sum = 0;
        for (int64_t k = offsets[row]; k < offsets[row + 1]; ++k) {
            const int64_t from = targets[order[k]] * features + c;
            if (index[from] == order[k]) sum += grad[from];
        }
        grad_x[i] = sum;
    }
}

// A warp for each edge and head.
template <class T>
__global__ void edge_dot_kernel(T* out, const T* a, const T* b, const int64_t* targets, const int64_t* sources,
                                int64_t edges, int64_t heads, int64_t features) {
    const int64_t i = row_index<warp>();
    const bool inside = i < edges * heads;
    T sum = 0;
    if (inside) {
        const T* left = a + (targets[i / heads] * heads + i % heads) * features;
        const T* right = b + (sources[i / heads] * heads + i % heads) * features;
        for (int64_t c = row_lane<warp>(); c < features; c += warp) sum += left[c] * right[c];
    }
    sum = row_reduce<warp>(sum, Add{});
    if (inside && row_lane<warp>() == 0) out[i] = sum;
}

}  // namespace

template <class T>
void edge_order(Stream stream, int64_t* order, int64_t* offsets, T* inverse_counts, const int64_t* ids, int64_t nodes,
                int64_t edges) {
    launch(stream, edge_counts_kernel<T>, loop_blocks(nodes + 1), offsets, inverse_counts, ids, nodes, edges);
    launch(stream, edge_places_kernel, loop_blocks(edges), order, offsets, ids, edges);
}

template <class T>
void gather_sum(Stream stream, T* out, const T* x, const int64_t* sources, const T* weights, const int64_t* order,
                const int64_t* offsets, int64_t nodes, int64_t heads, int64_t features) {
    launch(stream, gather_sum_kernel<T>, loop_blocks(nodes * heads * features), out, x, sources, weights, order,
           offsets, nodes, heads, features);
}

template <class T>
void gather_max(Stream stream, T* out, int64_t* index, const T* x, const int64_t* sources, const int64_t* order,
                const int64_t* offsets, int64_t nodes, int64_t features) {
    launch(stream, gather_max_kernel<T>, loop_blocks(nodes * features), out, index, x, sources, order, offsets, nodes,
           features);
}

template <class T>
void gather_max_backward(Stream stream, T* grad_x, const T* grad, const int64_t* index, const int64_t* targets,
                         const int64_t* order, const int64_t* offsets, int64_t rows, int64_t features) {
    launch(stream, gather_max_backward_kernel<T>, loop_blocks(rows * features), grad_x, grad, index, targets, order,
           offsets, rows, features);
}

template <class T>
void edge_dot(Stream stream, T* out, const T* a, const T* b, const int64_t* targets, const int64_t* sources,
              int64_t edges, int64_t heads, int64_t features) {
    launch(stream, edge_dot_kernel<T>, row_blocks<warp>(edges * heads), out, a, b, targets, sources, edges, heads,
           features);
}

}  // namespace nerve::cuda

#define NERVE_FAMILY "kernels/graph.inc"
#include "cuda/instantiate.cuh"
