// Mixtures of normal distributions. A thread makes the densities of a row; the sums of a component's rows are made by
// blocks, each of which weights the rows anew and owns some of the sums: nothing is added out of order, and there is no
// matrix of rows by components that was not asked for.
#include "cuda/common.cuh"

namespace nerve::cuda {
namespace {

template <class T>
struct Mixture {
    const T *means, *factors, *offsets;
    int64_t components, features;
    Covariance covariance;

    __device__ T log_density(const T* x, int64_t component) const {
        const T* mean = means + component * features;
        T sum = 0;
        if (covariance == Covariance::diagonal) {
            const T* factor = factors + component * features;
            for (int64_t j = 0; j < features; ++j) {
                const T value = (x[j] - mean[j]) * factor[j];
                sum = math::fma(value, value, sum);
            }
        } else {
            const T* factor = factors + (covariance == Covariance::full ? component * features * features : 0);
            for (int64_t c = 0; c < features; ++c) {
                T value = 0;  // of (x - mean) U, U upper triangular
                for (int64_t j = 0; j <= c; ++j) value = math::fma(x[j] - mean[j], factor[j * features + c], value);
                sum = math::fma(value, value, sum);
            }
        }
        return math::fma(sum, T(-0.5), offsets[component]);
    }
};

// Weights of rows for gaussian_moments: given ones, or responsibilities.
template <class T>
struct Given {
    const T* weights;
    int64_t components;
    __device__ T operator()(int64_t row, int64_t component, const T*) const {
        return weights == nullptr ? T(1) : weights[row * components + component];
    }
};
template <class T>
struct Responsibility {
    Mixture<T> mixture;
    const T* log_density;
    __device__ T operator()(int64_t row, int64_t component, const T* x) const {
        return math::exp(mixture.log_density(x, component) - log_density[row]);
    }
};

// --- kernels

template <class T>
__global__ void log_density_kernel(T* out, const T* x, Mixture<T> mixture, int64_t size) {
    for (int64_t i = first_index(); i < size; i += index_step())
        out[i] = mixture.log_density(x + i / mixture.components * mixture.features, i % mixture.components);
}

template <class T>
__global__ void posterior_kernel(T* log_density, int64_t* labels, T* responsibilities, const T* x, Mixture<T> mixture,
                                 int64_t rows) {
    for (int64_t row = first_index(); row < rows; row += index_step()) {
        T highest = -T(HUGE_VAL), sum = 0;  // of exp(log density - highest)
        int64_t label = 0;
        for (int64_t i = 0; i < mixture.components; ++i) {
            const T value = mixture.log_density(x + row * mixture.features, i);
            if (responsibilities != nullptr) responsibilities[row * mixture.components + i] = value;
            if (value > highest) {
                sum *= math::exp(highest - value);
                highest = value, label = i;
            }
            sum += math::exp(value - highest);
        }
        const T total = log_density[row] = highest + math::log(sum);
        if (labels != nullptr) labels[row] = label;
        if (responsibilities != nullptr)
            for (int64_t i = row * mixture.components; i < (row + 1) * mixture.components; ++i)
                responsibilities[i] = math::exp(responsibilities[i] - total);
    }
}

// A component's sums in a row: its count, the sums, the squares, if any: of pairs of features, or of one each.
template <class T, class Weight>
__global__ void moments_kernel(T* counts, T* sums, T* squares, const T* x, Weight weight, const T* shifts, int64_t rows,
                               int64_t features, bool pairs, int64_t outputs) {
    struct Weights {
        T of[threads];
    };
    auto& weights = shared<Weights>();
    const int64_t blocks = divide_up(outputs, threads), component = blockIdx.x / blocks;
    const int64_t output = blockIdx.x % blocks * threads + threadIdx.x, square = output - 1 - features;
    const T* shift = shifts + component * features;
    // The features whose product it is, in the order that makes both triangles the same; -1: none.
    int64_t i = -1, j = -1;
    if (output >= 1 && output < outputs) i = square < 0 ? output - 1 : pairs ? square / features : square;
    if (square >= 0 && output < outputs) j = pairs ? square % features : square;
    if (j > i) {
        const int64_t swapped = i;
        i = j, j = swapped;
    }
    double sum = 0;
    for (int64_t first = 0; first < rows; first += threads) {
        const int64_t own = first + threadIdx.x;
        __syncthreads();
        if (own < rows) weights.of[threadIdx.x] = weight(own, component, x + own * features);
        __syncthreads();
        if (output >= outputs) continue;
        for (int64_t row = first; row < rows && row < first + threads; ++row) {
            double term = double(weights.of[row - first]);
            if (i >= 0) term *= double(x[row * features + i] - shift[i]);
            if (j >= 0) term *= double(x[row * features + j] - shift[j]);
            sum += term;
        }
    }
    if (output >= outputs) return;
    if (output == 0)
        counts[component] = T(sum);
    else if (square < 0)
        sums[component * features + output - 1] = T(sum);
    else
        squares[component * (outputs - 1 - features) + square] = T(sum);
}

// --- launchers

template <class T, class Weight>
void moments(Stream stream, T* counts, T* sums, T* squares, const T* x, Weight weight, const T* shifts, int64_t rows,
             int64_t components, int64_t features, Covariance covariance) {
    const bool pairs = covariance != Covariance::diagonal;
    const int64_t outputs = 1 + features + (squares == nullptr ? 0 : pairs ? features * features : features);
    launch(stream, moments_kernel<T, Weight>, components * divide_up(outputs, threads), counts, sums, squares, x,
           weight, shifts, rows, features, pairs, outputs);
}

}  // namespace

template <class T>
void gaussian_log_density(Stream stream, T* out, const T* x, const T* means, const T* factors, const T* offsets,
                          int64_t rows, int64_t components, int64_t features, int64_t covariance) {
    const Mixture<T> mixture{means, factors, offsets, components, features, Covariance(covariance)};
    launch(stream, log_density_kernel<T>, loop_blocks(rows * components), out, x, mixture, rows * components);
}

template <class T>
void gaussian_posterior(Stream stream, T* log_density, int64_t* labels, T* responsibilities, const T* x, const T* means,
                        const T* factors, const T* offsets, int64_t rows, int64_t components, int64_t features,
                        int64_t covariance) {
    const Mixture<T> mixture{means, factors, offsets, components, features, Covariance(covariance)};
    launch(stream, posterior_kernel<T>, loop_blocks(rows), log_density, labels, responsibilities, x, mixture, rows);
}

template <class T>
void gaussian_moments(Stream stream, T* counts, T* sums, T* squares, const T* x, const T* weights, const T* shifts,
                      int64_t rows, int64_t components, int64_t features, int64_t covariance) {
    moments(stream, counts, sums, squares, x, Given<T>{weights, components}, shifts, rows, components, features,
            Covariance(covariance));
}

template <class T>
void gaussian_em_step(Stream stream, T* log_density, T* counts, T* sums, T* squares, const T* x, const T* means,
                      const T* factors, const T* offsets, int64_t rows, int64_t components, int64_t features,
                      int64_t covariance) {
    const Mixture<T> mixture{means, factors, offsets, components, features, Covariance(covariance)};
    launch(stream, posterior_kernel<T>, loop_blocks(rows), log_density, static_cast<int64_t*>(nullptr),
           static_cast<T*>(nullptr), x, mixture, rows);
    moments(stream, counts, sums, squares, x, Responsibility<T>{mixture, log_density}, means, rows, components,
            features, Covariance(covariance));
}

}  // namespace nerve::cuda

#define NERVE_FAMILY "kernels/mixture.inc"
#include "cuda/instantiate.cuh"
