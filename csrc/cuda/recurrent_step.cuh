// The products inside one step of a recurrent layer: a block makes the sums of 16 sequences by 16 units. Its threads
// are four groups, which take slices along k in turn, each thread two by two sums (for every gate); what the groups
// have is added in their order. The next slice is on its way from memory while one is multiplied.
#pragma once
#include "cuda/recurrent.cuh"

namespace nerve::cuda {

// Rows of sequences (stride: from one to the next), and the weights they are multiplied with. No rows: nothing is
// added.
template <class T>
struct StepOperand {
    const T* rows;
    int64_t stride, inner;
    const T* weights;
    int64_t gap = INT64_MAX, jump = 0;  // elements from `gap` on lie `jump` farther on
    __device__ T row(int64_t sequence, int64_t k) const { return rows[sequence * stride + (k < gap ? k : k + jump)]; }
};

// Weights are (inner, gates, units), or, with along_k, (units, inner).
template <class T, int gates, bool along_k>
struct StepSums {
    static_assert(gates == 1 || !along_k, "what goes back is one sum");
    static constexpr int side = 16, groups = 4, each = threads / groups, depth = 16;
    static constexpr int row_pitch = side + 2, weight_pitch = side * gates + 2;  // + 2: other banks
    static constexpr int loads = side * depth / each;
    static constexpr int kept = gates == 3 ? 4 : gates;  // sums of a thread's pair
    struct Memory {
        static constexpr int slices = groups * depth * (row_pitch + weight_pitch), partials = groups * kept * threads;
        alignas(16) T of[slices > partials ? slices : partials];
    };
    struct alignas(2 * sizeof(T)) Two {
        T of[2];
    };
    T* const memory;
    const int64_t first_sequence, first_unit, batch, units;
    T sum[kept][2][2] = {};

    __device__ StepSums(T* memory, const RecurrentShape& s)
        : memory(memory),
          first_sequence(blockIdx.x / divide_up(s.units, side) * side),
          first_unit(blockIdx.x % divide_up(s.units, side) * side),
          batch(s.batch),
          units(s.units) {}
    static int64_t blocks(const RecurrentShape& s) { return divide_up(s.batch, side) * divide_up(s.units, side); }

    // Adds both products. Of three gates, the third one's first product is kept as a fourth sum.
    __device__ void add(const StepOperand<T>& first, const StepOperand<T>& second) {
#pragma unroll 1
        for (int n = 0; n < 2; ++n) {
            const StepOperand<T> from = n == 0 ? first : second;
            if (from.rows != nullptr) add(from);
            if constexpr (gates == 3)
                for (int i = 0; i < 4 && n == 0; ++i)
                    sum[3][i / 2][i % 2] = sum[2][i / 2][i % 2], sum[2][i / 2][i % 2] = T(0);
        }
    }

    __device__ void add(const StepOperand<T>& from) {
        const int group = threadIdx.x / each, own = threadIdx.x % each, low = own % side, high = own / side;
        T* const rows = memory + group * depth * (row_pitch + weight_pitch);
        T* const weights = rows + depth * row_pitch;
        T next_rows[loads], next_weights[gates][loads];
        const auto fetch = [&](int64_t first) {  // k runs along a row; weights in their own order
            for (int n = 0; n < loads; ++n) {
                const int other = high + n * (each / side);
                const int64_t k = first + group * depth + low, sequence = first_sequence + other;
                next_rows[n] = sequence < batch && k < from.inner ? from.row(sequence, k) : T(0);
                const int64_t of_k = along_k ? k : first + group * depth + other;
                const int64_t unit = first_unit + (along_k ? other : low);
                for (int g = 0; g < gates; ++g) {
                    const int64_t place = along_k ? unit * from.inner + of_k : (of_k * gates + g) * units + unit;
                    next_weights[g][n] = unit < units && of_k < from.inner ? from.weights[place] : T(0);
                }
            }
        };
        fetch(0);
#pragma unroll 1
        for (int64_t first = 0; first < from.inner; first += groups * depth) {
            __syncthreads();  // what lay there has been read
            for (int n = 0; n < loads; ++n) {
                const int other = high + n * (each / side);
                rows[low * row_pitch + other] = next_rows[n];
                for (int g = 0; g < gates; ++g)
                    weights[(along_k ? low : other) * weight_pitch + g * side + (along_k ? other : low)] =
                        next_weights[g][n];
            }
            __syncthreads();
            if (first + groups * depth < from.inner) fetch(first + groups * depth);
#pragma unroll 4
            for (int k = 0; k < depth; ++k) {
                const Two x = *reinterpret_cast<const Two*>(rows + k * row_pitch + own / 8 * 2);
                for (int g = 0; g < gates; ++g) {
                    const Two y = *reinterpret_cast<const Two*>(weights + k * weight_pitch + g * side + own % 8 * 2);
                    for (int i = 0; i < 2; ++i)
                        for (int j = 0; j < 2; ++j) sum[g][i][j] = math::fma(x.of[i], y.of[j], sum[g][i][j]);
                }
            }
        }
    }

    // The sums of this thread's pair, `sequence` and `unit`.
    __device__ void finish(T (&total)[kept]) const {
        const int group = threadIdx.x / each, own = threadIdx.x % each;
        __syncthreads();
        for (int g = 0; g < kept; ++g)
            for (int i = 0; i < 2; ++i)
                for (int j = 0; j < 2; ++j)
                    memory[(group * kept + g) * threads + (own / 8 * 2 + i) * side + own % 8 * 2 + j] = sum[g][i][j];
        __syncthreads();
        for (int g = 0; g < kept; ++g) {
            total[g] = memory[g * threads + threadIdx.x];
            for (int other = 1; other < groups; ++other) total[g] += memory[(other * kept + g) * threads + threadIdx.x];
        }
    }
    __device__ int64_t sequence() const { return first_sequence + threadIdx.x / side; }
    __device__ int64_t unit() const { return first_unit + threadIdx.x % side; }
    __device__ bool inside() const { return sequence() < batch && unit() < units; }
};

// The inputs of step t, the state before it, and the gradients of the gates of step t + 1 (of a GRU those which the
// state takes part in).
template <class T>
__device__ StepOperand<T> step_inputs(const RecurrentShape& s, const T* x, const T* kernel, int64_t t) {
    return {x + input_row(s, 0, t) * s.features, s.time * s.features, s.features, kernel};
}
template <class T>
__device__ StepOperand<T> step_state(const RecurrentShape& s, const T* out, const T* initial, const T* kernel,
                                     int64_t t) {
    return {state_before(s, out, initial, 0, t), t > 0 ? s.time * s.units : s.units, s.units, kernel};
}
template <class T>
__device__ StepOperand<T> step_gradients(const RecurrentShape& s, const T* grad_gates, const T* kernel, int64_t gates,
                                         int64_t t) {
    const int64_t width = (gates == 3 ? 4 : gates) * s.units;
    return {grad_gates + (t + 1) * s.batch * width, width,  gates * s.units, kernel,
            gates == 3 ? 2 * s.units : INT64_MAX,   s.units};
}

}  // namespace nerve::cuda
