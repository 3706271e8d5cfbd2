// Log densities of mixtures of normal distributions, for blocks of rows. A block is turned, so that lanes are rows:
// differences from a mean, the product with a triangular factor and the sum of squares then need no sum across lanes.
// Differences come first, (x - mean) U and not x U - mean U, so that nothing cancels far from the origin.
#pragma once
#include "cpu/gemm.h"
#include "cpu/math.h"
#include "cpu/rows.h"

namespace nerve::NERVE_ISA {

constexpr int64_t mixture_block = 256;  // rows
// From one feature of a turned block to the next: no power of two, so that they do not fall into the same sets of L1.
template <class T>
constexpr int64_t mixture_line = mixture_block + 64 / int64_t(sizeof(T));

NERVE_INLINE int64_t round_up(int64_t size, int64_t step) { return (size + step - 1) / step * step; }

// Rows that are computed where there are `rows`: whole registers, of one length on every instruction set.
template <class T>
NERVE_INLINE int64_t padded_rows(int64_t rows) {
    return round_up(rows, 64 / int64_t(sizeof(T)));
}
// Features that are kept, the last of them zero.
NERVE_INLINE int64_t padded_features(int64_t features) { return round_up(features, 8); }

// out (padded_features, mixture_line): x's rows as columns, zeros beside and below them.
template <class T>
void turn_block(T* out, const T* x, int64_t rows, int64_t features) {
    constexpr int n = vec<T>::size;
    const int64_t width = padded_rows<T>(rows), depth = padded_features(features);
    for (int64_t j = 0; j < depth; j += n)
        for (int64_t r = 0; r < width; r += n) {
            const int64_t some = features - j < n ? features - j : n;
            vec<T> lines[n];
#pragma GCC unroll 16
            for (int i = 0; i < n; ++i)
                lines[i] = r + i < rows && some > 0 ? load_some(x + (r + i) * features + j, some) : vec<T>(T(0));
            transpose(lines);
#pragma GCC unroll 16
            for (int i = 0; i < n; ++i)
                if (j + i < depth) store(out + (j + i) * mixture_line<T> + r, lines[i]);
        }
}

// --- triangular factors

constexpr int factor_rows = 8;  // of U^T in a panel

NERVE_INLINE int64_t packed_factor_size(int64_t features) {
    const int64_t panels = pieces(features, factor_rows);
    return factor_rows * factor_rows * panels * (panels + 1) / 2;
}

// The rows of U^T as panels, as long as their last row: what lies below U's diagonal is not read.
template <class T>
void pack_factor(T* packed, const T* factor, int64_t features) {
    for (int64_t c = 0; c < features; c += factor_rows)
        for (int64_t j = 0; j < smaller(features, c + factor_rows); ++j)
            for (int64_t r = 0; r < factor_rows; ++r)
                *packed++ = c + r < features && j <= c + r ? factor[j * features + c + r] : T(0);
}

// `at_once` registers of rows of a turned block: then(c, values) has their product with row c of U^T, from the first
// row to the last, and zeros after it up to a whole panel.
template <int at_once, class T, class Then>
NERVE_INLINE void multiply_factor(const T* x, const T* mean, const T* packed, int64_t features, const Then& then) {
    using V = vec<T>;
    for (int64_t c = 0; c < features; c += factor_rows) {
        V sum[factor_rows][at_once];
#pragma GCC unroll 8
        for (int r = 0; r < factor_rows; ++r)
#pragma GCC unroll 2
            for (int i = 0; i < at_once; ++i) sum[r][i] = V(T(0));
        for (int64_t j = 0; j < smaller(features, c + factor_rows); ++j, packed += factor_rows) {
            V d[at_once];
            const V shift(mean[j]);
#pragma GCC unroll 2
            for (int i = 0; i < at_once; ++i) d[i] = load(x + j * mixture_line<T> + i * V::size) - shift;
#pragma GCC unroll 8
            for (int r = 0; r < factor_rows; ++r) {
                const V factor(packed[r]);
#pragma GCC unroll 2
                for (int i = 0; i < at_once; ++i) sum[r][i] = fma(factor, d[i], sum[r][i]);
            }
        }
#pragma GCC unroll 8
        for (int r = 0; r < factor_rows; ++r) then(c + r, sum[r]);
    }
}

// body(r, at_once) over the registers of `width` rows, `most` of them at a time.
template <int most, class T, class Body>
NERVE_INLINE void for_registers(int64_t width, const Body& body) {
    int64_t r = 0;
    for (; r + most * vec<T>::size <= width; r += most * vec<T>::size) body(r, std::integral_constant<int, most>());
    for (; r < width; r += vec<T>::size) body(r, std::integral_constant<int, 1>());
}
template <class T>
constexpr int product_registers = vector_bytes == 64 ? 2 : 1;

// --- densities

// out = offset - sum_j ((x_j - mean_j) factor_j)^2 / 2, all factors one if they are null.
template <bool has_factor, class T>
void diagonal_line(T* out, const T* x, const T* mean, const T* factor, T offset, int64_t features, int64_t width) {
    using V = vec<T>;
    for_registers<4, T>(width, [&](int64_t r, auto count) NERVE_LAMBDA_INLINE {
        constexpr int at_once = decltype(count)::value;
        V sum[at_once];
#pragma GCC unroll 4
        for (int i = 0; i < at_once; ++i) sum[i] = V(T(0));
        for (int64_t j = 0; j < features; ++j)
#pragma GCC unroll 4
            for (int i = 0; i < at_once; ++i) {
                V value = load(x + j * mixture_line<T> + r + i * V::size) - V(mean[j]);
                if constexpr (has_factor) value = value * V(factor[j]);
                sum[i] = fma(value, value, sum[i]);
            }
#pragma GCC unroll 4
        for (int i = 0; i < at_once; ++i) store(out + r + i * V::size, fma(sum[i], V(T(-0.5)), V(offset)));
    });
}

// out = offset - |(x - mean) U|^2 / 2
template <class T>
void triangular_line(T* out, const T* x, const T* mean, const T* packed, T offset, int64_t features, int64_t width) {
    using V = vec<T>;
    for_registers<product_registers<T>, T>(width, [&](int64_t r, auto count) NERVE_LAMBDA_INLINE {
        constexpr int at_once = decltype(count)::value;
        V sum[at_once];
#pragma GCC unroll 2
        for (int i = 0; i < at_once; ++i) sum[i] = V(T(0));
        multiply_factor<at_once>(x + r, mean, packed, features,
                                 [&](int64_t, const V(&values)[at_once]) NERVE_LAMBDA_INLINE {
#pragma GCC unroll 2
                                     for (int i = 0; i < at_once; ++i) sum[i] = fma(values[i], values[i], sum[i]);
                                 });
#pragma GCC unroll 2
        for (int i = 0; i < at_once; ++i) store(out + r + i * V::size, fma(sum[i], V(T(-0.5)), V(offset)));
    });
}

// out (padded_features lines) = (x - centre) U for a turned block.
template <class T>
void whiten(T* out, const T* x, const T* centre, const T* packed, int64_t features, int64_t width) {
    using V = vec<T>;
    for_registers<product_registers<T>, T>(width, [&](int64_t r, auto count) NERVE_LAMBDA_INLINE {
        constexpr int at_once = decltype(count)::value;
        multiply_factor<at_once>(x + r, centre, packed, features,
                                 [&](int64_t c, const V(&values)[at_once]) NERVE_LAMBDA_INLINE {
#pragma GCC unroll 2
                                     for (int i = 0; i < at_once; ++i)
                                         store(out + c * mixture_line<T> + r + i * V::size, values[i]);
                                 });
    });
}

// A mixture as its densities are computed: factors packed; if they are one, means multiplied by it.
template <class T>
struct Mixture {
    int64_t components, features;
    Covariance covariance;
    const T *means, *factors, *offsets;
    const T* centre = nullptr;  // tied: what is subtracted from every row, and from the means

    // Scratch memory that log_densities wants.
    static int64_t spare(int64_t features) { return padded_features(features) * mixture_line<T>; }

    Mixture(const T* means_given, const T* factors_given, const T* offsets_given, int64_t components_given,
            int64_t features_given, int64_t covariance_given)
        : components(components_given),
          features(features_given),
          covariance(Covariance(covariance_given)),
          means(means_given),
          factors(factors_given),
          offsets(offsets_given) {
        if (covariance == Covariance::diagonal) return;
        const int64_t matrices = covariance == Covariance::full ? components : 1;
        const int64_t size = packed_factor_size(features);
        T* packed = scratch<T>(runtime::packed_b, matrices * size + (components + 1) * features);
        parallel_blocks(matrices, 1 + 65536 / (size + 1), [&](int64_t begin, int64_t end) {
            for (int64_t i = begin; i < end; ++i)
                pack_factor(packed + i * size, factors_given + i * features * features, features);
        });
        factors = packed;
        if (covariance == Covariance::tied) whiten_means(packed + size);
    }

    // The centre, the average of the means, then (mean - centre) U.
    void whiten_means(T* out) {
        const T* given = means;
        T* whitened = out + features;
        for (int64_t j = 0; j < features; ++j) {
            double sum = 0;
            for (int64_t i = 0; i < components; ++i) sum += double(given[i * features + j]);
            out[j] = components > 0 ? T(sum / double(components)) : T(0);
        }
        centre = out;
        parallel_blocks(components, mixture_block, [&](int64_t begin, int64_t end) {
            T* turned = scratch<T>(runtime::packed_a, 2 * spare(features));
            T* product = turned + spare(features);
            turn_block(turned, given + begin * features, end - begin, features);
            whiten(product, turned, centre, factors, features, padded_rows<T>(end - begin));
            for (int64_t i = begin; i < end; ++i)
                for (int64_t j = 0; j < features; ++j)
                    whitened[i * features + j] = product[j * mixture_line<T> + i - begin];
        });
        means = whitened;
    }

    // out (components, mixture_line): the offset and density of every component for a turned block.
    void log_densities(T* out, const T* x, T* spare, int64_t width) const {
        if (covariance == Covariance::tied) whiten(spare, x, centre, factors, features, width);
        for (int64_t i = 0; i < components; ++i) {
            T* line = out + i * mixture_line<T>;
            const T *mean = means + i * features, offset = offsets[i];
            if (covariance == Covariance::tied)
                diagonal_line<false, T>(line, spare, mean, nullptr, offset, features, width);
            else if (covariance == Covariance::diagonal)
                diagonal_line<true, T>(line, x, mean, factors + i * features, offset, features, width);
            else
                triangular_line(line, x, mean, factors + i * packed_factor_size(features), offset, features, width);
        }
    }
};

// logs (components, mixture_line) become exp(logs - their maximum) and, if `normalized`, responsibilities. log_density
// (rows,): log sum exp; labels, if not null: the component that is greatest.
template <class T>
void normalize(T* log_density, int64_t* labels, T* logs, int64_t components, int64_t rows, bool normalized) {
    using V = vec<T>;
    for (int64_t r = 0; r < rows; r += V::size) {
        V highest(-math::infinity<T>), label(T(0)), sum(T(0));
        for (int64_t i = 0; i < components; ++i) {
            const V value = load(logs + i * mixture_line<T> + r);
            label = select(value > highest, V(T(i)), label);
            highest = max(value, highest);
        }
        for (int64_t i = 0; i < components; ++i) {
            T* at = logs + i * mixture_line<T> + r;
            const V term = math::exp(load(at) - highest);
            sum = sum + term;
            if (normalized) store(at, term);
        }
        const int64_t some = rows - r < V::size ? rows - r : V::size;
        store_some(log_density + r, highest + math::log(sum), some);
        if (labels != nullptr)
            for (int64_t i = 0; i < some; ++i) labels[r + i] = int64_t(label.v[i]);
        if (!normalized) continue;
        const V scale = V(T(1)) / sum;
        for (int64_t i = 0; i < components; ++i) {
            T* at = logs + i * mixture_line<T> + r;
            store(at, load(at) * scale);
        }
    }
}

}  // namespace nerve::NERVE_ISA
