#include <algorithm>

#include "checks.h"

namespace checks {
namespace {

template <class T>
void reduce(const nerve::Kernels<T>& k) {
    for (int64_t reduced : sizes) {
        for (int64_t inner : {1, 3, 8, 17}) {
            const int64_t outer = 3, size = outer * inner;
            std::vector<T> x = uniform<T>(outer * reduced * inner);
            for (T& value : x) value = std::nearbyint(64 * value) / 64;  // some ties, for argmax
            std::vector<double> sum(size), mean(size), highest(size), lowest(size);
            std::vector<int64_t> at_highest(size), at_lowest(size);
            for (int64_t i = 0; i < size; ++i) {
                auto value = [&](int64_t r) { return double(x[(i / inner * reduced + r) * inner + i % inner]); };
                for (int64_t r = 0; r < reduced; ++r) {
                    sum[i] += value(r);
                    if (value(r) > value(at_highest[i])) at_highest[i] = r;
                    if (value(r) < value(at_lowest[i])) at_lowest[i] = r;
                }
                if (reduced == 0) continue;  // only sum is defined
                mean[i] = sum[i] / double(reduced);
                highest[i] = value(at_highest[i]), lowest[i] = value(at_lowest[i]);
            }
            const std::string name = label<T>("reduce", reduced) + " inner " + std::to_string(inner);
            Output<T> out(size);
            k.sum(out.data(), x.data(), outer, reduced, inner);
            close(name + " sum", out, sum, 512 * std::numeric_limits<T>::epsilon());
            if (reduced == 0) continue;
            k.mean(out.data(), x.data(), outer, reduced, inner);
            close(name + " mean", out, mean);
            k.max(out.data(), x.data(), outer, reduced, inner);
            close(name + " max", out, highest, 0);
            k.min(out.data(), x.data(), outer, reduced, inner);
            close(name + " min", out, lowest, 0);
            Output<int64_t> index(size);
            k.argmax(index.data(), x.data(), outer, reduced, inner);
            close(name + " argmax", index, {at_highest.begin(), at_highest.end()}, 0);
            k.argmin(index.data(), x.data(), outer, reduced, inner);
            close(name + " argmin", index, {at_lowest.begin(), at_lowest.end()}, 0);
        }
    }
}

template <class T>
void norm(const nerve::Kernels<T>& k) {
    const double epsilon = 1e-3;
    for (int64_t rows : {1, 2, 7, 64, 130}) {
        for (int64_t channels : {1, 3, 8, 17, 33}) {
            const int64_t size = rows * channels;
            const std::string name = label<T>("batch_norm", rows) + "x" + std::to_string(channels);
            std::vector<T> x = uniform<T>(size), grad = uniform<T>(size), gamma = uniform<T>(channels),
                           beta = uniform<T>(channels);
            std::vector<double> want(size), mean(channels), variance(channels), want_x(size), want_gamma(channels),
                want_beta(channels);
            for (int64_t i = 0; i < size; ++i) mean[i % channels] += double(x[i]) / double(rows);
            for (int64_t i = 0; i < size; ++i)
                variance[i % channels] += std::pow(x[i] - mean[i % channels], 2) / double(rows);
            auto normal = [&](int64_t i) {
                return (x[i] - mean[i % channels]) / std::sqrt(variance[i % channels] + epsilon);
            };
            for (int64_t i = 0; i < size; ++i) {
                const int64_t c = i % channels;
                want[i] = gamma[c] * normal(i) + beta[c];
                want_gamma[c] += grad[i] * normal(i);
                want_beta[c] += grad[i];
            }
            for (int64_t i = 0; i < size; ++i) {
                const int64_t c = i % channels;
                want_x[i] = gamma[c] / std::sqrt(variance[c] + epsilon) *
                            (grad[i] - (want_beta[c] + normal(i) * want_gamma[c]) / double(rows));
            }
            // A single row divides by sqrt(epsilon) alone, which magnifies rounding about thirty times.
            const double tolerance = 4096 * std::numeric_limits<T>::epsilon();
            Output<T> out(size), out_mean(channels), out_variance(channels), grad_x(size), grad_gamma(channels),
                grad_beta(channels);
            k.batch_norm_training(out.data(), out_mean.data(), out_variance.data(), x.data(), gamma.data(), beta.data(),
                                  rows, channels, epsilon);
            close(name + " training", out, want, tolerance);
            close(name + " mean", out_mean, mean);
            close(name + " variance", out_variance, variance);
            k.batch_norm_inference(out.data(), x.data(), out_mean.data(), out_variance.data(), gamma.data(),
                                   beta.data(), rows, channels, epsilon);
            close(name + " inference", out, want, tolerance);
            k.batch_norm_backward(grad_x.data(), grad_gamma.data(), grad_beta.data(), grad.data(), x.data(),
                                  out_mean.data(), out_variance.data(), gamma.data(), rows, channels, epsilon);
            close(name + " backward x", grad_x, want_x, tolerance);
            close(name + " backward gamma", grad_gamma, want_gamma, tolerance);
            close(name + " backward beta", grad_beta, want_beta, tolerance);
        }
    }
}

template <class T>
void softmax(const nerve::Kernels<T>& k) {
    const int64_t rows = 3;
    for (int64_t columns : sizes) {
        if (columns == 0) continue;
        const int64_t size = rows * columns;
        const std::string name = label<T>("softmax", columns);
        std::vector<T> x = uniform<T>(size, -20, 20), grad = uniform<T>(size), targets = uniform<T>(size, 0, 1);
        std::vector<int64_t> labels(rows);
        std::vector<double> y(size), log_y(size), want(size), want_log(size), loss(rows), loss_grad(size), sparse(rows),
            sparse_grad(size);
        for (int64_t r = 0; r < rows; ++r) {
            T *row = &x[r * columns], *g = &grad[r * columns], *t = &targets[r * columns];
            labels[r] = (7 * r + 3) % columns;
            const double highest = *std::max_element(row, row + columns);
            double total = 0, weighted = 0, grads = 0, target_total = 0;
            for (int64_t i = 0; i < columns; ++i) total += std::exp(row[i] - highest), target_total += t[i];
            for (int64_t i = 0; i < columns; ++i) {
                log_y[r * columns + i] = row[i] - highest - std::log(total);
                y[r * columns + i] = std::exp(log_y[r * columns + i]);
                weighted += g[i] * y[r * columns + i], grads += g[i];
                loss[r] -= t[i] * log_y[r * columns + i];
            }
            sparse[r] = -log_y[r * columns + labels[r]];
            for (int64_t i = 0; i < columns; ++i) {
                const double p = y[r * columns + i];
                want[r * columns + i] = p * (g[i] - weighted);
                want_log[r * columns + i] = g[i] - p * grads;
                loss_grad[r * columns + i] = p * target_total - t[i];
                sparse_grad[r * columns + i] = p - (i == labels[r]);
            }
        }
        const double tolerance = 1024 * std::numeric_limits<T>::epsilon();
        Output<T> out(size), grad_x(size), out_loss(rows);
        k.softmax(out.data(), x.data(), rows, columns);
        close(name, out, y);
        k.softmax_backward(grad_x.data(), grad.data(), out.data(), rows, columns);
        close(name + " backward", grad_x, want, tolerance);
        k.log_softmax(out.data(), x.data(), rows, columns);
        close(name + " log", out, log_y);
        k.log_softmax_backward(grad_x.data(), grad.data(), out.data(), rows, columns);
        close(name + " log backward", grad_x, want_log, tolerance);
        k.softmax_cross_entropy(out_loss.data(), grad_x.data(), x.data(), targets.data(), rows, columns);
        close(name + " cross entropy", out_loss, loss, tolerance);
        close(name + " cross entropy gradient", grad_x, loss_grad, tolerance);
        k.sparse_softmax_cross_entropy(out_loss.data(), grad_x.data(), x.data(), labels.data(), rows, columns);
        close(name + " sparse cross entropy", out_loss, sparse, tolerance);
        close(name + " sparse cross entropy gradient", grad_x, sparse_grad, tolerance);
    }
}

}  // namespace

template <class T>
void rows(const nerve::Kernels<T>& kernels) {
    reduce(kernels);
    norm(kernels);
    softmax(kernels);
}
template void rows(const nerve::Kernels<float>&);
template void rows(const nerve::Kernels<double>&);

}  // namespace checks
