// Connectionist temporal classification, as in ../cpu/ctc.cpp: a block for each sequence, whose threads share the
// states of a step. Work has the two rows of beta; it is cleared at the end.
#include "cuda/common.cuh"

namespace nerve::cuda {
namespace {

template <class T>
constexpr T none = T(-1e30);

template <class T>
__device__ T log_sum(T a, T b, T c) {
    const T most = math::max(math::max(a, b), c);
    return most + math::log(math::exp(a - most) + math::exp(b - most) + math::exp(c - most));
}

// The labels of a sequence with blanks before, between and behind them.
template <class T>
struct States {
    const T* log_probabilities;
    const int64_t* labels;
    int64_t classes, count, blank;

    __device__ int64_t label(int64_t s) const { return s % 2 == 0 ? blank : labels[s / 2]; }
    __device__ T emitted(int64_t t, int64_t s) const {
        const T value = log_probabilities[t * classes + label(s)];
        return value < none<T> ? none<T> : value;
    }
    // Whether there is a step from state s - 2 to s.
    __device__ bool skips(int64_t s) const {
        return s >= 3 && s < count && s % 2 == 1 && label(s) != blank && label(s) != label(s - 2);
    }
    // Take the maximum, of which this thread knows its part, off a row.
    __device__ T shift(T* row, T own) const {
        const T most = row_reduce<threads>(own, Max{});
        if (most < none<T> / 2) return 0;
        for (int64_t s = threadIdx.x; s < count; s += threads) row[s] -= most;
        return most;
    }
};

// The states of a row that share a label are summed by the thread of the first.
template <class T>
__device__ void subtract_by_label(T* grad, const T* row, const States<T>& states) {
    for (int64_t s = threadIdx.x; s < states.count; s += threads) {
        const int64_t label = states.label(s);
        bool first = true;
        for (int64_t other = 0; other < s && first; ++other) first = states.label(other) != label;
        if (!first) continue;
        T sum = 0;
        for (int64_t other = s; other < states.count; ++other)
            if (states.label(other) == label) sum += row[other];
        grad[label] -= sum;
    }
}

template <class T>
__global__ void ctc_loss_kernel(T* loss, T* grad, T* occupancy, T* work, const T* log_probabilities,
                                const int64_t* labels, const int64_t* label_lengths, const int64_t* lengths,
                                int64_t time, int64_t classes, int64_t length, int64_t blank) {
    const int64_t b = blockIdx.x, most = 2 * length + 1, steps = lengths[b];
    const States<T> states{log_probabilities + b * time * classes, labels + b * length, classes,
                           2 * label_lengths[b] + 1, blank};
    const int64_t count = states.count;
    grad += b * time * classes, occupancy += b * time * most, work += b * 2 * most;
    for (int64_t i = threadIdx.x; i < time * classes; i += threads) grad[i] = 0;
    for (int64_t i = threadIdx.x; i < time * most; i += threads) occupancy[i] = 0;
    __syncthreads();

    double shifted = 0;
    for (int64_t t = 0; t < steps; ++t) {
        const T* before = occupancy + (t - 1) * most;
        T *row = occupancy + t * most, own = none<T>;
        for (int64_t s = threadIdx.x; s < count; s += threads) {
            if (t == 0)
                row[s] = s < 2 ? states.emitted(t, s) : none<T>;
            else
                row[s] =
                    log_sum(before[s], s > 0 ? before[s - 1] : none<T>, states.skips(s) ? before[s - 2] : none<T>) +
                    states.emitted(t, s);
            own = math::max(own, row[s]);
        }
        shifted += double(states.shift(row, own));
        __syncthreads();
    }
    const T* last = occupancy + (steps - 1) * most;
    double total = count == 1 ? 0.0 : double(none<T>);
    if (steps > 0) total = shifted + double(log_sum(last[count - 1], count > 1 ? last[count - 2] : none<T>, none<T>));
    const bool possible = !(total < double(none<T>) / 2);
    if (threadIdx.x == 0) loss[b] = possible ? T(-total) : T(HUGE_VAL);
    __syncthreads();  // everyone has read the last row

    for (int64_t s = threadIdx.x; s < count; s += threads) work[s] = s >= count - 2 ? T(0) : none<T>;
    __syncthreads();
    for (int64_t t = steps - 1; t >= 0; --t) {
        T *row = occupancy + t * most, own = none<T>;
        T *beta = work + (steps - 1 - t) % 2 * most, *next = work + (steps - t) % 2 * most;
        if (!possible) {
            for (int64_t s = threadIdx.x; s < count; s += threads) row[s] = 0;
            continue;
        }
        for (int64_t s = threadIdx.x; s < count; s += threads) {
            row[s] += beta[s];
            own = math::max(own, row[s]);
        }
        states.shift(row, own);
        T sum = 0;
        for (int64_t s = threadIdx.x; s < count; s += threads) sum += row[s] = math::exp(row[s]);
        sum = row_reduce<threads>(sum, Add{});
        for (int64_t s = threadIdx.x; s < count; s += threads) {
            row[s] /= sum;
            beta[s] += states.emitted(t, s);
        }
        __syncthreads();
        subtract_by_label(grad + t * classes, row, states);
        own = none<T>;
        for (int64_t s = threadIdx.x; s < count; s += threads) {
            next[s] =
                log_sum(beta[s], s + 1 < count ? beta[s + 1] : none<T>, states.skips(s + 2) ? beta[s + 2] : none<T>);
            own = math::max(own, next[s]);
        }
        states.shift(next, own);
        __syncthreads();
    }
    for (int64_t i = threadIdx.x; i < 2 * most; i += threads) work[i] = 0;
}

}  // namespace

template <class T>
void ctc_loss(Stream stream, T* loss, T* grad, T* occupancy, T* work, const T* log_probabilities, const int64_t* labels,
              const int64_t* label_lengths, const int64_t* lengths, int64_t batch, int64_t time, int64_t classes,
              int64_t length, int64_t blank) {
    launch(stream, ctc_loss_kernel<T>, batch, loss, grad, occupancy, work, log_probabilities, labels, label_lengths,
           lengths, time, classes, length, blank);
}

}  // namespace nerve::cuda

#define NERVE_FAMILY "kernels/ctc.inc"
#include "cuda/instantiate.cuh"
