// Batch normalization of (rows, channels). A block owns a strip of channels: it reads their rows for the sums, which it
// keeps in double, and again to apply them.
#include "cuda/common.cuh"

namespace nerve::cuda {
namespace {

constexpr int strip = 8;  // channels: a memory sector of each row
constexpr int groups = threads / strip;

__device__ int64_t strip_channel() { return int64_t(blockIdx.x) * strip + threadIdx.x % strip; }

struct Sums {
    double first, second;
};

// The sums of both parts of value(index) over the rows of this thread's channel; all threads of the channel get them.
template <class Value>
__device__ Sums channel_sums(int64_t rows, int64_t channels, const Value& value) {
    struct Partials {
        Sums of[groups][strip];
    };
    auto& partials = shared<Partials>();
    const int64_t channel = strip_channel();
    const int group = threadIdx.x / strip, lane = threadIdx.x % strip;
    Sums sums{0, 0};
    const auto add = [&](const Sums& part) {
        sums.first += part.first;
        sums.second += part.second;
    };
    if (channel < channels)
        for (int64_t row = group; row < rows; row += groups) add(value(row * channels + channel));
    partials.of[group][lane] = sums;
    __syncthreads();
    sums = {0, 0};
    for (int i = 0; i < groups; ++i) add(partials.of[i][lane]);
    return sums;
}

// --- kernels

template <class T>
__global__ void training_kernel(T* out, T* mean, T* variance, const T* x, const T* gamma, const T* beta, int64_t rows,
                                int64_t channels, double epsilon) {
    const double center =
        channel_sums(rows, channels, [=](int64_t i) { return Sums{double(x[i]), 0}; }).first / double(rows);
    // The deviations' sum would be zero without rounding, and corrects mean and variance.
    const Sums deviations = channel_sums(rows, channels, [=](int64_t i) {
        const double deviation = double(x[i]) - center;
        return Sums{deviation, deviation * deviation};
    });
    const int64_t channel = strip_channel();
    if (channel >= channels) return;
    const double offset = deviations.first / double(rows), exact = center + offset;
    const double spread = math::max(deviations.second / double(rows) - offset * offset, 0.0);  // below by rounding
    // The part of the mean that T cannot hold goes into the shift, so that it does not bias the output.
    const double factor = (gamma ? double(gamma[channel]) : 1) / math::sqrt(spread + epsilon);
    const T rounded = T(exact), scale = T(factor);
    const T shift = T((beta ? double(beta[channel]) : 0) - (exact - double(rounded)) * factor);
    if (threadIdx.x < strip) {
        mean[channel] = rounded;
        variance[channel] = T(spread);
    }
    for (int64_t row = threadIdx.x / strip; row < rows; row += groups) {
        const int64_t i = row * channels + channel;
        out[i] = math::fma(x[i] - rounded, scale, shift);
    }
}

template <class T>
__global__ void inference_kernel(T* out, const T* x, const T* mean, const T* variance, const T* gamma, const T* beta,
                                 int64_t size, int64_t channels, T epsilon) {
    for (int64_t i = first_index(); i < size; i += index_step()) {
        const int64_t channel = i % channels;
        const T scale = (gamma ? gamma[channel] : T(1)) / math::sqrt(variance[channel] + epsilon);
        out[i] = math::fma(x[i] - mean[channel], scale, beta ? beta[channel] : T(0));
    }
}

template <class T>
__global__ void backward_kernel(T* grad_x, T* grad_gamma, T* grad_beta, const T* grad, const T* x, const T* mean,
                                const T* variance, const T* gamma, int64_t rows, int64_t channels, double epsilon) {
    const int64_t channel = strip_channel();
    const T center = channel < channels ? mean[channel] : T(0);
    const auto [sum, product] = channel_sums(
        rows, channels, [=](int64_t i) { return Sums{double(grad[i]), double(grad[i]) * double(x[i] - center)}; });
    if (channel >= channels) return;
    const double inverse = 1 / math::sqrt(double(variance[channel]) + epsilon);
    if (threadIdx.x < strip) {
        grad_beta[channel] = T(sum);
        grad_gamma[channel] = T(product * inverse);
    }
    // gamma / deviation * (grad - average(grad) - normalized * average(grad * normalized))
    const T scale = T((gamma ? double(gamma[channel]) : 1) * inverse), average = T(sum / double(rows));
    const T slope = T(-product * inverse * inverse / double(rows));
    for (int64_t row = threadIdx.x / strip; row < rows; row += groups) {
        const int64_t i = row * channels + channel;
        grad_x[i] = scale * math::fma(slope, x[i] - center, grad[i] - average);
    }
}

}  // namespace

template <class T>
void batch_norm_training(Stream stream, T* out, T* mean, T* variance, const T* x, const T* gamma, const T* beta,
                         int64_t rows, int64_t channels, double epsilon) {
    if (rows == 0) return;
    launch(stream, training_kernel<T>, divide_up(channels, strip), out, mean, variance, x, gamma, beta, rows, channels,
           epsilon);
}

template <class T>
void batch_norm_inference(Stream stream, T* out, const T* x, const T* mean, const T* variance, const T* gamma,
                          const T* beta, int64_t rows, int64_t channels, double epsilon) {
    launch(stream, inference_kernel<T>, loop_blocks(rows * channels), out, x, mean, variance, gamma, beta,
           rows * channels, channels, T(epsilon));
}

template <class T>
void batch_norm_backward(Stream stream, T* grad_x, T* grad_gamma, T* grad_beta, const T* grad, const T* x,
                         const T* mean, const T* variance, const T* gamma, int64_t rows, int64_t channels,
                         double epsilon) {
    launch(stream, backward_kernel<T>, divide_up(channels, strip), grad_x, grad_gamma, grad_beta, grad, x, mean,
           variance, gamma, rows, channels, epsilon);
}

}  // namespace nerve::cuda

#define FAMILY_norm FAMILY_HERE
#include "cuda/instantiate.cuh"
