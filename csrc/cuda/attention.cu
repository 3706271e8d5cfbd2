// Attention without its matrix of scores: a block for each query (forward, and the query's gradient) or each key (its
// and its value's gradient) walks over what it meets in chunks of a block's threads, with an online softmax.
#include "cuda/common.cuh"

namespace nerve::cuda {
namespace {

template <class T>
struct Chunk {
    T weights[threads], grads[threads];
};

// Where head h of sequence b begins, and how far apart its positions are.
template <class T>
struct Head {
    T* data;
    int64_t row;
    __device__ Head(T* x, int64_t b, int64_t h, int64_t length, int64_t heads, int64_t size)
        : data(x + (b * length * heads + h) * size), row(heads * size) {}
    __device__ T* at(int64_t position) const { return data + position * row; }
};

template <class T>
__device__ T dot(const T* a, const T* b, int64_t size) {
    T sum = 0;
    for (int64_t i = 0; i < size; ++i) sum = fma(a[i], b[i], sum);
    return sum;
}

__device__ inline bool sees(const bool* mask, const AttentionShape& s, int64_t b, int64_t h, int64_t i, int64_t j,
                            bool causal) {
    if (causal && j > i) return false;
    return mask == nullptr || mask[b * s.mask_batch_stride + h * s.mask_head_stride + i * s.mask_query_stride + j];
}

// to[d] = factor to[d] + sum over i < count of weights[i] * row(i)[d]; a thread always has the same d.
template <class T, class Row>
__device__ void accumulate(T* to, const T* weights, int64_t count, int64_t size, T factor, const Row& row) {
    for (int64_t d = threadIdx.x; d < size; d += threads) {
        T sum = factor == T(0) ? T(0) : factor * to[d];
        for (int64_t i = 0; i < count; ++i) sum = fma(weights[i], row(i)[d], sum);
        to[d] = sum;
    }
}

// --- kernels

template <class T>
__global__ void attention_kernel(T* out, T* logsumexp, const T* query, const T* key, const T* value, const bool* mask,
                                 AttentionShape s, T scale, bool causal) {
    const int64_t i = blockIdx.x % s.query_length, bh = blockIdx.x / s.query_length;
    const int64_t b = bh / s.heads, h = bh % s.heads, shared_head = h * s.key_heads / s.heads;
    const T* q = Head<const T>(query, b, h, s.query_length, s.heads, s.key_size).at(i);
    const Head<const T> keys(key, b, shared_head, s.key_length, s.key_heads, s.key_size);
    const Head<const T> values(value, b, shared_head, s.key_length, s.key_heads, s.value_size);
    T* to = Head<T>(out, b, h, s.query_length, s.heads, s.value_size).at(i);
    auto& chunk = shared<Chunk<T>>();
    T highest = -T(HUGE_VAL), sum = 0;
    const int64_t end = causal && i + 1 < s.key_length ? i + 1 : s.key_length;
    for (int64_t first = 0; first < end; first += threads) {
        const int64_t j = first + threadIdx.x, count = end - first < threads ? end - first : threads;
        const bool seen = j < end && sees(mask, s, b, h, i, j, causal);
        const T score = seen ? scale * dot(q, keys.at(j), s.key_size) : -T(HUGE_VAL);
        const T before = highest;
        highest = math::max(highest, row_reduce<threads>(score, Max{}));
        const T base = highest == -T(HUGE_VAL) ? T(0) : highest, shrink = math::exp(before - base);
        const T weight = math::exp(score - base);
        sum = sum * shrink + row_reduce<threads>(weight, Add{});
        chunk.weights[threadIdx.x] = weight;
        __syncthreads();
        accumulate(to, chunk.weights, count, s.value_size, first == 0 ? T(0) : shrink,
                   [&](int64_t n) { return values.at(first + n); });
        __syncthreads();  // before the next chunk's weights
    }
    for (int64_t d = threadIdx.x; d < s.value_size; d += threads) to[d] = sum == T(0) ? T(0) : to[d] / sum;
    if (threadIdx.x == 0) logsumexp[bh * s.query_length + i] = highest + math::log(sum);
}

// What one query and one key bring: the probability, and the gradient of the score.
template <class T>
struct Pair {
    T weight, grad;
};
template <class T>
__device__ Pair<T> pair(const T* q, const T* k, const T* v, const T* g, const T* o, T logsumexp, T scale,
                        const AttentionShape& s) {
    const T base = logsumexp == -T(HUGE_VAL) ? T(HUGE_VAL) : logsumexp;  // a query that saw no key
    const T weight = math::exp(scale * dot(q, k, s.key_size) - base);
    return {weight, weight * (dot(g, v, s.value_size) - dot(g, o, s.value_size))};
}

template <class T>
__global__ void attention_query_kernel(T* grad_query, const T* grad, const T* query, const T* key, const T* value,
                                       const T* out, const T* logsumexp, const bool* mask, AttentionShape s, T scale,
                                       bool causal) {
    const int64_t i = blockIdx.x % s.query_length, bh = blockIdx.x / s.query_length;
    const int64_t b = bh / s.heads, h = bh % s.heads, shared_head = h * s.key_heads / s.heads;
    const T* q = Head<const T>(query, b, h, s.query_length, s.heads, s.key_size).at(i);
    const T* g = Head<const T>(grad, b, h, s.query_length, s.heads, s.value_size).at(i);
    const T* o = Head<const T>(out, b, h, s.query_length, s.heads, s.value_size).at(i);
    const Head<const T> keys(key, b, shared_head, s.key_length, s.key_heads, s.key_size);
    const Head<const T> values(value, b, shared_head, s.key_length, s.key_heads, s.value_size);
    T* to = Head<T>(grad_query, b, h, s.query_length, s.heads, s.key_size).at(i);
    auto& chunk = shared<Chunk<T>>();
    for (int64_t d = threadIdx.x; d < s.key_size; d += threads) to[d] = 0;
    for (int64_t first = 0; first < s.key_length; first += threads) {
        const int64_t j = first + threadIdx.x;
        const int64_t count = s.key_length - first < threads ? s.key_length - first : threads;
        const bool seen = j < s.key_length && sees(mask, s, b, h, i, j, causal);
        chunk.grads[threadIdx.x] =
            seen ? scale * pair(q, keys.at(j), values.at(j), g, o, logsumexp[bh * s.query_length + i], scale, s).grad
                 : T(0);
        __syncthreads();
        accumulate(to, chunk.grads, count, s.key_size, T(1), [&](int64_t n) { return keys.at(first + n); });
        __syncthreads();  // before the next chunk's
    }
}

template <class T>
__global__ void attention_key_kernel(T* grad_key, T* grad_value, const T* grad, const T* query, const T* key,
                                     const T* value, const T* out, const T* logsumexp, const bool* mask,
                                     AttentionShape s, T scale, bool causal) {
    const int64_t j = blockIdx.x % s.key_length, bh = blockIdx.x / s.key_length;
    const int64_t b = bh / s.key_heads, shared_head = bh % s.key_heads, group = s.heads / s.key_heads;
    const T* k = Head<const T>(key, b, shared_head, s.key_length, s.key_heads, s.key_size).at(j);
    const T* v = Head<const T>(value, b, shared_head, s.key_length, s.key_heads, s.value_size).at(j);
    T* to_key = Head<T>(grad_key, b, shared_head, s.key_length, s.key_heads, s.key_size).at(j);
    T* to_value = Head<T>(grad_value, b, shared_head, s.key_length, s.key_heads, s.value_size).at(j);
    auto& chunk = shared<Chunk<T>>();
    for (int64_t d = threadIdx.x; d < s.key_size; d += threads) to_key[d] = 0;
    for (int64_t d = threadIdx.x; d < s.value_size; d += threads) to_value[d] = 0;
    for (int64_t h = shared_head * group; h < (shared_head + 1) * group; ++h) {
        const Head<const T> queries(query, b, h, s.query_length, s.heads, s.key_size);
        const Head<const T> grads(grad, b, h, s.query_length, s.heads, s.value_size);
        const Head<const T> outs(out, b, h, s.query_length, s.heads, s.value_size);
        for (int64_t first = 0; first < s.query_length; first += threads) {
            const int64_t i = first + threadIdx.x;
            const int64_t count = s.query_length - first < threads ? s.query_length - first : threads;
            Pair<T> found{0, 0};
            if (i < s.query_length && sees(mask, s, b, h, i, j, causal))
                found = pair(queries.at(i), k, v, grads.at(i), outs.at(i),
                             logsumexp[(b * s.heads + h) * s.query_length + i], scale, s);
            chunk.weights[threadIdx.x] = found.weight;
            chunk.grads[threadIdx.x] = scale * found.grad;
            __syncthreads();
            accumulate(to_key, chunk.grads, count, s.key_size, T(1), [&](int64_t n) { return queries.at(first + n); });
            accumulate(to_value, chunk.weights, count, s.value_size, T(1),
                       [&](int64_t n) { return grads.at(first + n); });
            __syncthreads();  // before the next chunk's
        }
    }
}

}  // namespace

// --- launchers

template <class T>
void attention(Stream stream, T* out, T* logsumexp, const T* query, const T* key, const T* value, const bool* mask,
               const AttentionShape& s, double scale, bool causal) {
    launch(stream, attention_kernel<T>, s.batch * s.heads * s.query_length, out, logsumexp, query, key, value, mask, s,
           scale, causal);
}
template <class T>
void attention_backward(Stream stream, T* grad_query, T* grad_key, T* grad_value, const T* grad, const T* query,
                        const T* key, const T* value, const T* out, const T* logsumexp, const bool* mask,
                        const AttentionShape& s, double scale, bool causal) {
    launch(stream, attention_query_kernel<T>, s.batch * s.heads * s.query_length, grad_query, grad, query, key, value,
           out, logsumexp, mask, s, scale, causal);
    launch(stream, attention_key_kernel<T>, s.batch * s.key_heads * s.key_length, grad_key, grad_value, grad, query,
           key, value, out, logsumexp, mask, s, scale, causal);
}

}  // namespace nerve::cuda

#define NERVE_FAMILY "kernels/attention.inc"
#include "cuda/instantiate.cuh"
