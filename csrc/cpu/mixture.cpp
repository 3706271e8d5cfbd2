// Mixtures of normal distributions: densities, responsibilities, and the sums that an EM step needs, without a matrix
// of rows by components unless that is what is asked for. Dempster, Laird and Rubin, "Maximum likelihood from
// incomplete data via the EM algorithm" (1977).
#include "cpu/mixture_density.h"
#include "cpu/mixture_moments.h"
#include "shapes.h"

namespace nerve::NERVE_ISA {
namespace {

// out (rows, columns) = lines (columns, mixture_line) turned back.
template <class T>
void turn_back(T* out, const T* lines, int64_t rows, int64_t columns) {
    constexpr int n = vec<T>::size;
    for (int64_t r = 0; r < rows; r += n)
        for (int64_t c = 0; c < columns; c += n) {
            vec<T> part[n];
#pragma GCC unroll 16
            for (int i = 0; i < n; ++i)
                part[i] = c + i < columns ? load(lines + (c + i) * mixture_line<T> + r) : vec<T>(T(0));
            transpose(part);
#pragma GCC unroll 16
            for (int i = 0; i < n; ++i)
                if (r + i < rows) store_some(out + (r + i) * columns + c, part[i], columns - c);
        }
}

// then(logs, row, rows) for every block of rows, with logs (components, mixture_line) to be used up.
template <class T, class Then>
void for_blocks(const Mixture<T>& mixture, const T* x, int64_t rows, const Then& then) {
    const int64_t features = mixture.features, depth = padded_features(features);
    parallel_blocks(rows, mixture_block, [&](int64_t begin, int64_t end) {
        T* turned =
            scratch<T>(runtime::packed_a, (depth + mixture.components) * mixture_line<T> + mixture.spare(features));
        T *logs = turned + depth * mixture_line<T>, *spare = logs + mixture.components * mixture_line<T>;
        turn_block(turned, x + begin * features, end - begin, features);
        mixture.log_densities(logs, turned, spare, padded_rows<T>(end - begin));
        then(logs, begin, end - begin);
    });
}

template <class T>
void clear_padding(T* lines, int64_t count, int64_t rows) {
    for (int64_t i = 0; i < count; ++i)
        for (int64_t r = rows; r < padded_rows<T>(rows); ++r) lines[i * mixture_line<T> + r] = T(0);
}

}  // namespace

template <class T>
void gaussian_log_density(T* out, const T* x, const T* means, const T* factors, const T* offsets, int64_t rows,
                          int64_t components, int64_t features, int64_t covariance) {
    const Mixture<T> mixture(means, factors, offsets, components, features, covariance);
    for_blocks(mixture, x, rows,
               [&](T* logs, int64_t row, int64_t some) { turn_back(out + row * components, logs, some, components); });
}

template <class T>
void gaussian_posterior(T* log_density, int64_t* labels, T* responsibilities, const T* x, const T* means,
                        const T* factors, const T* offsets, int64_t rows, int64_t components, int64_t features,
                        int64_t covariance) {
    const Mixture<T> mixture(means, factors, offsets, components, features, covariance);
    for_blocks(mixture, x, rows, [&](T* logs, int64_t row, int64_t some) {
        normalize(log_density + row, labels == nullptr ? nullptr : labels + row, logs, components, some,
                  responsibilities != nullptr);
        if (responsibilities != nullptr) turn_back(responsibilities + row * components, logs, some, components);
    });
}

template <class T>
void gaussian_moments(T* counts, T* sums, T* squares, const T* x, const T* weights, const T* shifts, int64_t rows,
                      int64_t components, int64_t features, int64_t covariance) {
    sum_moments(counts, sums, squares, x, shifts, rows, components, features, Covariance(covariance),
                [&](T* lines, const T*, int64_t row, int64_t some) {
                    for (int64_t i = 0; i < components; ++i)
                        for (int64_t r = 0; r < some; ++r)
                            lines[i * mixture_line<T> + r] =
                                weights == nullptr ? T(1) : weights[(row + r) * components + i];
                    clear_padding(lines, components, some);
                });
}

template <class T>
void gaussian_em_step(T* log_density, T* counts, T* sums, T* squares, const T* x, const T* means, const T* factors,
                      const T* offsets, int64_t rows, int64_t components, int64_t features, int64_t covariance) {
    const Mixture<T> mixture(means, factors, offsets, components, features, covariance);
    sum_moments(counts, sums, squares, x, means, rows, components, features, Covariance(covariance),
                [&](T* lines, const T* turned, int64_t row, int64_t some) {
                    T* spare = scratch<T>(runtime::packed_a, mixture.spare(features));
                    mixture.log_densities(lines, turned, spare, padded_rows<T>(some));
                    normalize<T>(log_density + row, nullptr, lines, components, some, true);
                    clear_padding(lines, components, some);
                });
}

}  // namespace nerve::NERVE_ISA

#define NERVE_FAMILY "kernels/mixture.inc"
#include "cpu/instantiate.h"
