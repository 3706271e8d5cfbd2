// Products of a few vectors with many, both contiguous along `inner`: what remains of A @ transpose(B) when there are
// too few rows to pay for turning B. 64 bytes of running lanes on every instruction set, folded in halves, give the
// same bits.
#pragma once
#include "cpu/activation.h"
#include "cpu/gemm.h"

namespace nerve::NERVE_ISA {

template <class T>
constexpr int dot_vectors = 64 / vector_bytes;

// sums[c] = the dot products of `few` rows of x with M rows of y, each M x few laid out as [m][f].
template <class T, int F, int M>
NERVE_INLINE void dot_block(T (&sums)[M][F], const T* x, int64_t x_stride, const T* y, int64_t y_stride,
                            int64_t inner) {
    using V = vec<T>;
    constexpr int n = dot_vectors<T>, lanes = n * V::size;
    V sum[M][F][n];
#pragma GCC unroll 4
    for (int m = 0; m < M; ++m)
#pragma GCC unroll 4
        for (int f = 0; f < F; ++f)
#pragma GCC unroll 4
            for (int j = 0; j < n; ++j) sum[m][f][j] = V(T(0));
    auto step = [&](int64_t k, auto read) NERVE_LAMBDA_INLINE {
#pragma GCC unroll 4
        for (int j = 0; j < n; ++j) {
            V xs[F];
#pragma GCC unroll 4
            for (int f = 0; f < F; ++f) xs[f] = read(x + f * x_stride + k, j);
#pragma GCC unroll 4
            for (int m = 0; m < M; ++m) {
                const V ym = read(y + m * y_stride + k, j);
#pragma GCC unroll 4
                for (int f = 0; f < F; ++f) sum[m][f][j] = fma(ym, xs[f], sum[m][f][j]);
            }
        }
    };
    int64_t k = 0;
    for (; k + lanes <= inner; k += lanes)
        step(k, [](const T* p, int j) NERVE_LAMBDA_INLINE { return load(p + j * V::size); });
    if (k < inner)
        step(k, [&](const T* p, int j) NERVE_LAMBDA_INLINE {
            const int64_t left = inner - k - j * V::size;
            return left <= 0 ? V(T(0)) : load_partial(p + j * V::size, left < V::size ? left : V::size);
        });
#pragma GCC unroll 4
    for (int m = 0; m < M; ++m)
#pragma GCC unroll 4
        for (int f = 0; f < F; ++f) {
            T lane[lanes];
#pragma GCC unroll 4
            for (int j = 0; j < n; ++j) store(lane + j * V::size, sum[m][f][j]);
#pragma GCC unroll 5
            for (int half = lanes / 2; half > 0; half /= 2)
#pragma GCC unroll 8
                for (int i = 0; i < half; ++i) lane[i] += lane[i + half];
            sums[m][f] = lane[0];
        }
}

// out[f, m] = x_f . y_m for `few` vectors x and `many` vectors y, or out[m, f] if rows_are_many; then bias and
// activation.
template <class T>
void dots(int64_t few, int64_t many, int64_t inner, const T* x, const T* y, bool rows_are_many,
          const Epilogue<T>& epilogue) {
    const int64_t f_stride = rows_are_many ? 1 : epilogue.stride, m_stride = rows_are_many ? epilogue.stride : 1;
    constexpr int F = vector_bytes == 64 ? 4 : 2, M = vector_bytes == 64 ? 4 : 2;
    auto part = [&](int64_t m, int64_t f, auto ms, auto fs) NERVE_LAMBDA_INLINE {
        constexpr int some = decltype(ms)::value, at_once = decltype(fs)::value;
        T sums[some][at_once];
        dot_block(sums, x + f * inner, inner, y + m * inner, inner, inner);
        for (int i = 0; i < some; ++i)
            for (int j = 0; j < at_once; ++j) epilogue.out[(f + j) * f_stride + (m + i) * m_stride] = sums[i][j];
    };
    using One = std::integral_constant<int, 1>;
    parallel_blocks(many, 1 + serial_work / (few * inner + 1), [&](int64_t begin, int64_t end) {
        for (int64_t m = begin; m < end;) {
            const int64_t step = end - m >= M ? M : 1;
            for (int64_t f = 0; f < few;) {
                const int64_t at_once = few - f >= F ? F : 1;
                if (step == M && at_once == F)
                    part(m, f, std::integral_constant<int, M>(), std::integral_constant<int, F>());
                else if (step == M)
                    part(m, f, std::integral_constant<int, M>(), One());
                else if (at_once == F)
                    part(m, f, One(), std::integral_constant<int, F>());
                else
                    part(m, f, One(), One());
                f += at_once;
            }
            m += step;
        }
        if (rows_are_many)
            finish(epilogue, begin, 0, end - begin, few);
        else
            finish(epilogue, 0, begin, few, end - begin);
    });
}

}  // namespace nerve::NERVE_ISA
