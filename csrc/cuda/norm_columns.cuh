// Batch normalization: columns of (rows, channels) are added up (moments.cuh), what becomes of each is written down,
// and applied by blocks that are cut alike. Also the gradients of gamma and beta, which are sums of columns in every
// normalization.
#pragma once
#include "cuda/moments.cuh"

namespace nerve::cuda {
namespace {  // norm.cu alone includes this

// out = (x - mean) scale + shift; with a variance, scale and shift are gamma and beta instead, and may be left out.
template <class T>
struct Affine {
    const T *mean, *scale, *shift, *variance;
    T epsilon;
};

// What becomes of a channel's moments, counted from the first row's x.
template <class T>
struct Training {
    T *mean, *variance, *scale, *shift;
    const T *x, *gamma, *beta;
    double epsilon;

    __device__ double origin(int64_t channel) const { return double(x[channel]); }
    __device__ void operator()(int64_t channel, const Moments& found) const {
        // The part of the mean that T cannot hold goes into the shift, so that it does not bias the output.
        const double exact = origin(channel) + found.mean();
        const double factor = (gamma ? double(gamma[channel]) : 1) / math::sqrt(found.variance() + epsilon);
        mean[channel] = T(exact);
        variance[channel] = T(found.variance());
        scale[channel] = T(factor);
        shift[channel] = T((beta ? double(beta[channel]) : 0) - (exact - double(T(exact))) * factor);
    }
};

template <class T>
__global__ void affine_kernel(T* out, const T* x, Strips s, bool wide, Affine<T> to) {
    const int64_t channel = s.channel<T>(), end = s.end_row(), step = s.step();
    const int some = s.some<T>();
    if (some == 0) return;
    Values<T> mean, scale, shift;
    for (int e = 0; e < some; ++e) {
        mean.of[e] = to.mean[channel + e];
        scale.of[e] = to.scale ? to.scale[channel + e] : T(1);
        shift.of[e] = to.shift ? to.shift[channel + e] : T(0);
        if (to.variance) scale.of[e] /= math::sqrt(to.variance[channel + e] + to.epsilon);
    }
    for (int64_t row = s.first_row(); row < end; row += step) {
        Values<T> values = read_values(x + row * s.channels + channel, some, wide);
        for (int e = 0; e < chunk<T>; ++e)
            values.of[e] = math::fma(values.of[e] - mean.of[e], scale.of[e], shift.of[e]);
        write_values(out + row * s.channels + channel, values, some, wide);
    }
}

// --- sums of gradients, and of gradients times what they belong to: the normalized input, or without rstd its
// deviation

// Where a row has its mean and rstd: those of layers for each row, of batches for each channel, of (batch, positions,
// groups, channels) for each group.
struct Place {
    int64_t positions, groups, channels;
    __device__ int64_t row(int64_t row) const {
        return positions == 0 ? 0 : (positions == 1 ? row : row / positions) * groups;
    }
};
inline Place of_rows(int64_t columns) { return {1, 1, columns}; }
inline Place of_channels() { return {0, 1, 1}; }

template <class T>
struct GradientTerms {
    const T *grad, *x, *mean, *rstd;  // mean and rstd may be null
    Place place;
};

// What becomes of a channel's sums. Those of a batch have a variance, and gradients of their input, which are
// gamma / deviation * (grad - average(grad) - normalized * average(grad * normalized)).
template <class T>
struct GammaAndBeta {
    T *grad_gamma, *grad_beta;  // the latter may be null
    const T *variance, *gamma;
    T *scale, *slope, *average;
    double rows, epsilon;

    __device__ void operator()(int64_t channel, const Sums& found) const {
        const double inverse = variance ? 1 / math::sqrt(double(variance[channel]) + epsilon) : 1;
        grad_gamma[channel] = T(found.second * inverse);
        if (grad_beta) grad_beta[channel] = T(found.first);
        if (!variance) return;
        scale[channel] = T((gamma ? double(gamma[channel]) : 1) * inverse);
        slope[channel] = T(-found.second * inverse * inverse / rows);
        average[channel] = T(found.first / rows);
    }
};

template <class T>
__global__ void gradient_sums_kernel(Sums* parts, GradientTerms<T> from, Strips s, bool wide, GammaAndBeta<T> done) {
    constexpr int size = chunk<T>;
    const int64_t channel = s.channel<T>(), end = s.end_row(), step = s.step();
    const int some = s.some<T>();
    int64_t places[size];
    for (int e = 0; e < some; ++e) places[e] = (channel + e) / from.place.channels;
    Sums found[size] = {};
    for (int64_t row = s.first_row(); row < end && some > 0; row += run * step) {
        Values<T> grad[run], x[run];
        for (int n = 0; n < run; ++n) {
            const int64_t here = row + n * step;
            if (here >= end) continue;
            grad[n] = read_values(from.grad + here * s.channels + channel, some, wide);
            x[n] = read_values(from.x + here * s.channels + channel, some, wide);
        }
        for (int n = 0; n < run; ++n) {
            if (row + n * step >= end) break;
            const int64_t first = from.place.row(row + n * step);
            for (int e = 0; e < size; ++e) {
                if (e >= some) break;
                T normal = x[n].of[e];
                if (from.mean) normal -= from.mean[first + places[e]];
                if (from.rstd) normal *= from.rstd[first + places[e]];
                found[e].first += double(grad[n].of[e]);
                found[e].second += double(grad[n].of[e]) * double(normal);
            }
        }
    }
    finish_columns<T>(found, parts, s, done);
}

template <class T>
__global__ void batch_backward_kernel(T* grad_x, const T* grad, const T* x, const T* mean, Strips s, bool wide,
                                      GammaAndBeta<T> of) {
    const int64_t channel = s.channel<T>(), end = s.end_row(), step = s.step();
    const int some = s.some<T>();
    if (some == 0) return;
    const Values<T> center = read_values(mean + channel, some, false),
                    scale = read_values(of.scale + channel, some, false);
    const Values<T> slope = read_values(of.slope + channel, some, false);
    const Values<T> average = read_values(of.average + channel, some, false);
    for (int64_t row = s.first_row(); row < end; row += step) {
        const int64_t i = row * s.channels + channel;
        const Values<T> values = read_values(x + i, some, wide);
        Values<T> grads = read_values(grad + i, some, wide);
        for (int e = 0; e < chunk<T>; ++e)
            grads.of[e] =
                scale.of[e] * math::fma(slope.of[e], values.of[e] - center.of[e], grads.of[e] - average.of[e]);
        write_values(grad_x + i, grads, some, wide);
    }
}

template <class T>
__global__ void fold_kernel(T* folded_kernel, T* folded_bias, const T* kernel, const T* bias, const T* mean,
                            const T* variance, const T* gamma, const T* beta, int64_t rows, int64_t channels,
                            double epsilon) {
#pragma unroll 1
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

// --- launching

// What a kernel's scratch memory holds: items of parts, then numbers for each result.
template <class Item, class T>
struct Room {
    Item* parts;
    T* numbers;
    Room(void* memory, int64_t results, int64_t splits)
        : parts(static_cast<Item*>(memory)), numbers(reinterpret_cast<T*>(parts + kept(results, splits))) {}
    static int64_t kept(int64_t results, int64_t splits) { return splits > 1 ? results * splits : 0; }
    static int64_t bytes(int64_t results, int64_t splits, int64_t each) {
        return kept(results, splits) * int64_t(sizeof(Item)) + results * each * int64_t(sizeof(T));
    }
};

template <class T>
bool whole_chunks(int64_t channels, const T* a, const T* b, const T* c) {
    return channels % chunk<T> == 0 && is_aligned(a) && is_aligned(b) && is_aligned(c);
}

// The gradients of gamma and beta, and what `done` does besides.
template <class T>
void gamma_and_beta(Stream stream, const GradientTerms<T>& terms, int64_t rows, int64_t channels,
                    const GammaAndBeta<T>& done) {
    const Strips s = strips_of<T>(rows, channels);
    auto* parts = static_cast<Sums*>(stream.scratch);
    launch(stream, gradient_sums_kernel<T>, s.blocks(), parts, terms, s,
           whole_chunks(channels, terms.grad, terms.x, terms.x), done);
    join_parts(stream, parts, channels, s.splits, done);
}
template <class T>
int64_t gamma_and_beta_scratch(int64_t rows, int64_t channels) {
    return Room<Sums, T>::bytes(channels, strips_of<T>(rows, channels).splits, 0);
}

}  // namespace
}  // namespace nerve::cuda
