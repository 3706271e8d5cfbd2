// The register tiles of conv_outer.h: some elements of a patch by filters, summed over pixels that are read where they
// lie.
#pragma once
#include "cpu/conv_blocks.h"

namespace nerve::NERVE_ISA {

// Half a register, for kernels of few filters: a whole one would multiply more zeros than numbers.
#if defined(__AVX512F__)
typedef float half_floats __attribute__((vector_size(vector_bytes / 2)));
typedef double half_doubles __attribute__((vector_size(vector_bytes / 2)));

template <class T>
struct half {
    using native = std::conditional_t<sizeof(T) == 4, half_floats, half_doubles>;
    static constexpr int size = vec<T>::size / 2;
    native v;
    half() = default;
    NERVE_INLINE half(native value) : v(value) {}
    NERVE_INLINE half(T value) : v(value - native{}) {}
};
template <class T>
NERVE_INLINE half<T> fma(half<T> a, half<T> b, half<T> c) {
    if constexpr (sizeof(T) == 4)
        return half<T>((half_floats)_mm256_fmadd_ps((__m256)a.v, (__m256)b.v, (__m256)c.v));
    else
        return half<T>((half_doubles)_mm256_fmadd_pd((__m256d)a.v, (__m256d)b.v, (__m256d)c.v));
}
#else
template <class T>
using half = vec<T>;
#endif

// How many pixels are multiplied for each look at where a row of a tile J vectors wide lies: their gradients, the sums
// and a number of x fill the registers.
template <int J>
constexpr int pixels_together = vector_bytes == 64             ? (J == 1 ? 4 : 2)
                                : vector_bytes == 32 && J == 1 ? 2
                                                               : 1;

// out (R, columns) += sum over pixels of x[offsets[r]] times the pixel's row of b, or = for `first`; `rows` of R are
// stored. Rows of b are b_step apart, of J vectors V; x_step leads to the next pixel.
template <class V, int R, int J, class T>
void outer_tile(T* out, int64_t stride, const Segment<T>* segments, int64_t n, const int64_t* offsets, int64_t x_step,
                const T* all_b, int64_t b_step, int rows, int64_t columns, bool first) {
    V sum[R][J];
#pragma GCC unroll 32
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
        for (int j = 0; j < J; ++j) sum[r][j] = V(T(0));
    constexpr int together = pixels_together<J>;
    for (const Segment<T>* s = segments; s < segments + n; ++s) {
        const T* b = all_b + s->pixel * b_step;
        auto add = [&](const T* x, auto pixels) NERVE_LAMBDA_INLINE {
            constexpr int P = decltype(pixels)::value;
            V bj[P][J];
#pragma GCC unroll 4
            for (int p = 0; p < P; ++p)
#pragma GCC unroll 4
                for (int j = 0; j < J; ++j) std::memcpy(&bj[p][j], b + p * b_step + j * V::size, sizeof(V));
#pragma GCC unroll 32
            for (int r = 0; r < R; ++r) {
                const T* a = x + offsets[r];
                // Else the compiler keeps a pointer for every pixel and row, and finds no registers for them.
                if (together > 1) asm("" : "+r"(a));
#pragma GCC unroll 4
                for (int p = 0; p < P; ++p) {
                    const V ar(a[p * x_step]);
#pragma GCC unroll 4
                    for (int j = 0; j < J; ++j) sum[r][j] = fma(ar, bj[p][j], sum[r][j]);
                }
            }
            b += P * b_step;
        };
        const T* x = s->x;
        int64_t left = s->count;
        for (; left >= together; left -= together, x += together * x_step)
            add(x, std::integral_constant<int, together>());
        if (together > 1)
            for (; left > 0; --left, x += x_step) add(x, std::integral_constant<int, 1>());
    }
    if (rows == R && columns >= J * V::size) {
#pragma GCC unroll 32
        for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
            for (int j = 0; j < J; ++j) {
                T* to = out + r * stride + j * V::size;
                V value = sum[r][j];
                if (!first) std::memcpy(&value, to, sizeof(V)), value = V(value.v + sum[r][j].v);
                std::memcpy(to, &value, sizeof(V));
            }
        return;
    }
#pragma GCC unroll 32
    for (int r = 0; r < R; ++r) {
        if (r >= rows) break;
#pragma GCC unroll 4
        for (int j = 0; j < J; ++j) {
            T* to = out + r * stride + j * V::size;
            const int64_t width = smaller(columns - j * V::size, V::size);
            vec<T> value(T(0));
            std::memcpy(&value, &sum[r][j], sizeof(V));
            store_partial(to, first ? value : load_partial(to, width) + value, width);
        }
    }
}

// The most rows of a tile: what the registers hold beside the gradients of two pixels and a number of x; of one vector
// wide many, as enough sums have to be under way.
constexpr int outer_rows = vector_bytes == 64 ? 13 : tile_rows;
constexpr int narrow_rows = vector_bytes == 64 ? 25 : vector_bytes == 32 ? 13 : 8;

// How many rows a tile of `rows` computes.
constexpr int outer_height(int64_t rows, int most) {
    return rows <= 4                 ? 4
           : rows <= 8 && most > 8   ? 8
           : rows <= 11 && most > 11 ? 11
           : rows <= 14 && most > 14 ? 14
                                     : most;
}
// body(outer_height(rows, most)) for rows <= most, as a constant.
template <int most, int least = 1, class Body>
NERVE_INLINE void with_height(int rows, const Body& body) {
    constexpr int height = outer_height(least, most);
    if constexpr (height < most)
        if (rows > height) return with_height<most, height + 1>(rows, body);
    body(std::integral_constant<int, height>());
}

// As many offsets as the highest tile for at most this many rows reads, which is one of a single vector: a last panel
// of wider ones may be so.
constexpr int outer_offsets(int64_t rows) { return outer_height(rows, narrow_rows); }
static_assert(outer_rows <= narrow_rows);

// Of how many rows tiles are that make up a tap's, or 0 where too many rows would be computed for nothing.
inline int64_t rows_of_tap(int64_t channels) {
    const int64_t tiles = pieces(channels, outer_rows), rows = pieces(channels, tiles);
    return tiles * outer_height(rows, outer_rows) * 32 <= channels * 33 ? rows : 0;
}

template <class V, int J, class T>
inline void outer_tile_of(T* out, int64_t stride, const Segment<T>* segments, int64_t n, const int64_t* offsets,
                          int64_t x_step, const T* b, int64_t b_step, int rows, int64_t columns, bool first) {
    auto of = [&](auto height) NERVE_LAMBDA_INLINE {
        outer_tile<V, decltype(height)::value, J>(out, stride, segments, n, offsets, x_step, b, b_step, rows, columns,
                                                  first);
    };
    with_height<J == 1 ? narrow_rows : outer_rows>(rows, of);
}

}  // namespace nerve::NERVE_ISA
