// Layer and root mean square normalization, a row for each warp or block, and batch normalization of (rows, channels),
// where a block owns a strip of channels: it reads their rows for the sums, which it keeps in double, and again to
// apply them.
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

// The sum of value(i) over the columns, in double.
template <int width, class Value>
__device__ double row_sum(int64_t columns, const Value& value) {
    double sum = 0;
    for (int64_t i = row_lane<width>(); i < columns; i += width) sum += value(i);
    return row_reduce<width>(sum, Add{});
}

template <int width, bool centered, class T>
__global__ void layer_kernel(T* out, T* mean, T* rstd, const T* x, const T* gamma, const T* beta, int64_t rows,
                             int64_t columns, double epsilon) {
    const int64_t row = row_index<width>();
    if (row >= rows) return;
    out += row * columns, x += row * columns;
    double center = 0;
    if constexpr (centered) center = row_sum<width>(columns, [=](int64_t i) { return double(x[i]); }) / double(columns);
    const double squares =
        row_sum<width>(columns, [=](int64_t i) { return (double(x[i]) - center) * (double(x[i]) - center); });
    const double inverse = 1 / math::sqrt(squares / double(columns) + epsilon);
    if (row_lane<width>() == 0) {
        if (mean) mean[row] = T(center);
        if (rstd) rstd[row] = T(inverse);
    }
    for (int64_t i = row_lane<width>(); i < columns; i += width) {
        const T normal = T((double(x[i]) - center) * inverse);
        out[i] = math::fma(normal, gamma ? gamma[i] : T(1), beta ? beta[i] : T(0));
    }
}

template <int width, bool centered, class T>
__global__ void layer_backward_kernel(T* grad_x, const T* grad, const T* x, const T* mean, const T* rstd,
                                      const T* gamma, int64_t rows, int64_t columns) {
    const int64_t row = row_index<width>();
    if (row >= rows) return;
    grad_x += row * columns, grad += row * columns, x += row * columns;
    const double center = centered ? double(mean[row]) : 0, inverse = rstd[row];
    const auto scaled = [=](int64_t i) { return double(grad[i]) * (gamma ? double(gamma[i]) : 1); };
    const auto normal = [=](int64_t i) { return (double(x[i]) - center) * inverse; };
    double average = 0;
    if constexpr (centered) average = row_sum<width>(columns, scaled) / double(columns);
    const double slope = row_sum<width>(columns, [=](int64_t i) { return scaled(i) * normal(i); }) / double(columns);
    for (int64_t i = row_lane<width>(); i < columns; i += width)
        grad_x[i] = T(inverse * (scaled(i) - average - normal(i) * slope));
}

template <class T>
__global__ void fold_kernel(T* folded_kernel, T* folded_bias, const T* kernel, const T* bias, const T* mean,
                            const T* variance, const T* gamma, const T* beta, int64_t rows, int64_t channels,
                            double epsilon) {
    for (int64_t i = first_index(); i < channels + rows * channels; i += index_step()) {
        const int64_t c = i % channels;
        const double factor = (gamma ? double(gamma[c]) : 1) / math::sqrt(double(variance[c]) + epsilon);
        if (i < channels)
            folded_bias[c] =
                T((beta ? double(beta[c]) : 0) + ((bias ? double(bias[c]) : 0) - double(mean[c])) * factor);
        else
            folded_kernel[i - channels] = kernel[i - channels] * T(factor);
    }
}

template <bool centered, class T>
__global__ void layer_sums_kernel(T* grad_gamma, T* grad_beta, const T* grad, const T* x, const T* mean, const T* rstd,
                                  int64_t rows, int64_t columns) {
    const auto [sum, product] = channel_sums(rows, columns, [=](int64_t i) {
        const double center = centered ? double(mean[i / columns]) : 0;
        const double normal = (double(x[i]) - center) * double(rstd[i / columns]);
        return Sums{double(grad[i]), double(grad[i]) * normal};
    });
    if (strip_channel() >= columns || threadIdx.x >= strip) return;
    if constexpr (centered) grad_beta[strip_channel()] = T(sum);
    grad_gamma[strip_channel()] = T(product);
}

// Where element i of this block's group of a sample stands, in (batch, positions, groups, channels).
__device__ int64_t group_place(int64_t i, int64_t positions, int64_t groups, int64_t channels) {
    const int64_t sample = blockIdx.x / groups, group = blockIdx.x % groups;
    return ((sample * positions + i / channels) * groups + group) * channels + i % channels;
}

template <class T>
__global__ void group_kernel(T* out, T* mean, T* rstd, const T* x, const T* gamma, const T* beta, int64_t positions,
                             int64_t groups, int64_t channels, double epsilon) {
    const int64_t size = positions * channels, first = blockIdx.x % groups * channels;
    const auto at = [=](int64_t i) { return group_place(i, positions, groups, channels); };
    const double center = row_sum<threads>(size, [=](int64_t i) { return double(x[at(i)]); }) / double(size);
    const double squares =
        row_sum<threads>(size, [=](int64_t i) { return (double(x[at(i)]) - center) * (double(x[at(i)]) - center); });
    const double inverse = 1 / math::sqrt(squares / double(size) + epsilon);
    if (threadIdx.x == 0) {
        mean[blockIdx.x] = T(center);
        rstd[blockIdx.x] = T(inverse);
    }
    for (int64_t i = threadIdx.x; i < size; i += threads) {
        const int64_t c = first + i % channels;
        const T normal = T((double(x[at(i)]) - center) * inverse);
        out[at(i)] = math::fma(normal, gamma ? gamma[c] : T(1), beta ? beta[c] : T(0));
    }
}

template <class T>
__global__ void group_backward_kernel(T* grad_x, const T* grad, const T* x, const T* mean, const T* rstd,
                                      const T* gamma, int64_t positions, int64_t groups, int64_t channels) {
    const int64_t size = positions * channels, first = blockIdx.x % groups * channels;
    const auto at = [=](int64_t i) { return group_place(i, positions, groups, channels); };
    const double center = mean[blockIdx.x], inverse = rstd[blockIdx.x];
    const auto scaled = [=](int64_t i) {
        return double(grad[at(i)]) * (gamma ? double(gamma[first + i % channels]) : 1);
    };
    const auto normal = [=](int64_t i) { return (double(x[at(i)]) - center) * inverse; };
    const double average = row_sum<threads>(size, scaled) / double(size);
    const double slope = row_sum<threads>(size, [=](int64_t i) { return scaled(i) * normal(i); }) / double(size);
    for (int64_t i = threadIdx.x; i < size; i += threads)
        grad_x[at(i)] = T(inverse * (scaled(i) - average - normal(i) * slope));
}

template <class T>
__global__ void group_sums_kernel(T* grad_gamma, T* grad_beta, const T* grad, const T* x, const T* mean, const T* rstd,
                                  int64_t batch, int64_t positions, int64_t groups, int64_t channels) {
    const int64_t all = groups * channels;
    const auto [sum, product] = channel_sums(batch * positions, all, [=](int64_t i) {
        const int64_t group = i / (all * positions) * groups + i % all / channels;
        const double normal = (double(x[i]) - double(mean[group])) * double(rstd[group]);
        return Sums{double(grad[i]), double(grad[i]) * normal};
    });
    if (strip_channel() >= all || threadIdx.x >= strip) return;
    grad_beta[strip_channel()] = T(sum);
    grad_gamma[strip_channel()] = T(product);
}

template <bool centered, class T>
void normalize_rows(Stream stream, T* out, T* mean, T* rstd, const T* x, const T* gamma, const T* beta, int64_t rows,
                    int64_t columns, double epsilon) {
    if (columns == 0) return;
    if (is_long(columns))
        launch(stream, layer_kernel<threads, centered, T>, row_blocks<threads>(rows), out, mean, rstd, x, gamma, beta,
               rows, columns, epsilon);
    else
        launch(stream, layer_kernel<warp, centered, T>, row_blocks<warp>(rows), out, mean, rstd, x, gamma, beta, rows,
               columns, epsilon);
}

template <bool centered, class T>
void rows_backward(Stream stream, T* grad_x, T* grad_gamma, T* grad_beta, const T* grad, const T* x, const T* mean,
                   const T* rstd, const T* gamma, int64_t rows, int64_t columns) {
    if (is_long(columns))
        launch(stream, layer_backward_kernel<threads, centered, T>, row_blocks<threads>(rows), grad_x, grad, x, mean,
               rstd, gamma, rows, columns);
    else
        launch(stream, layer_backward_kernel<warp, centered, T>, row_blocks<warp>(rows), grad_x, grad, x, mean, rstd,
               gamma, rows, columns);
    launch(stream, layer_sums_kernel<centered, T>, divide_up(columns, strip), grad_gamma, grad_beta, grad, x, mean,
           rstd, rows, columns);
}

}  // namespace

template <class T>
void layer_norm(Stream stream, T* out, T* mean, T* rstd, const T* x, const T* gamma, const T* beta, int64_t rows,
                int64_t columns, double epsilon) {
    normalize_rows<true>(stream, out, mean, rstd, x, gamma, beta, rows, columns, epsilon);
}

template <class T>
void layer_norm_backward(Stream stream, T* grad_x, T* grad_gamma, T* grad_beta, const T* grad, const T* x,
                         const T* mean, const T* rstd, const T* gamma, int64_t rows, int64_t columns) {
    rows_backward<true>(stream, grad_x, grad_gamma, grad_beta, grad, x, mean, rstd, gamma, rows, columns);
}

template <class T>
void rms_norm(Stream stream, T* out, T* rstd, const T* x, const T* gamma, int64_t rows, int64_t columns,
              double epsilon) {
    T* none = nullptr;
    normalize_rows<false, T>(stream, out, none, rstd, x, gamma, none, rows, columns, epsilon);
}

template <class T>
void rms_norm_backward(Stream stream, T* grad_x, T* grad_gamma, const T* grad, const T* x, const T* rstd,
                       const T* gamma, int64_t rows, int64_t columns) {
    T* none = nullptr;
    rows_backward<false, T>(stream, grad_x, grad_gamma, none, grad, x, none, rstd, gamma, rows, columns);
}

template <class T>
void group_norm(Stream stream, T* out, T* mean, T* rstd, const T* x, const T* gamma, const T* beta, int64_t batch,
                int64_t positions, int64_t groups, int64_t channels, double epsilon) {
    launch(stream, group_kernel<T>, batch * groups, out, mean, rstd, x, gamma, beta, positions, groups, channels,
           epsilon);
}

template <class T>
void group_norm_backward(Stream stream, T* grad_x, T* grad_gamma, T* grad_beta, const T* grad, const T* x,
                         const T* mean, const T* rstd, const T* gamma, int64_t batch, int64_t positions, int64_t groups,
                         int64_t channels) {
    if (positions * channels > 0)
        launch(stream, group_backward_kernel<T>, batch * groups, grad_x, grad, x, mean, rstd, gamma, positions, groups,
               channels);
    launch(stream, group_sums_kernel<T>, divide_up(groups * channels, strip), grad_gamma, grad_beta, grad, x, mean,
           rstd, batch, positions, groups, channels);
}

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
void fold_batch_norm(Stream stream, T* folded_kernel, T* folded_bias, const T* kernel, const T* bias, const T* mean,
                     const T* variance, const T* gamma, const T* beta, int64_t rows, int64_t channels, double epsilon) {
    launch(stream, fold_kernel<T>, loop_blocks(channels + rows * channels), folded_kernel, folded_bias, kernel, bias,
           mean, variance, gamma, beta, rows, channels, epsilon);
}

template <class T>
void batch_norm_backward(Stream stream, T* grad_x, T* grad_gamma, T* grad_beta, const T* grad, const T* x,
                         const T* mean, const T* variance, const T* gamma, int64_t rows, int64_t channels,
                         double epsilon) {
    launch(stream, backward_kernel<T>, divide_up(channels, strip), grad_x, grad_gamma, grad_beta, grad, x, mean,
           variance, gamma, rows, channels, epsilon);
}

}  // namespace nerve::cuda

#define NERVE_FAMILY "kernels/norm.inc"
#include "cuda/instantiate.cuh"
