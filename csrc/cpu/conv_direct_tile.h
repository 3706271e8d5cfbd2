// The register tiles of conv_direct.h: output pixels by filters, whose patches are read through pointers.
#pragma once
#include "cpu/conv_blocks.h"

namespace nerve::NERVE_ISA {

constexpr int64_t longest_chain = 320;  // of fma, about: longer ones lose digits

// Where output pixel (n, i, j) lies: in image n, plane n % planes of volume n / planes, + i * row + j * pixel.
template <class T>
struct Places {
    T* out;
    int64_t planes, volume, image, row, pixel;
    const T* bias;  // may be null
    Activation activation;

    NERVE_INLINE T* at(int64_t n) const { return out + n / planes * volume + n % planes * image; }
    // Whether pixels lie side by side, `rows_y` rows of `rows_x` in an image.
    bool dense(int64_t rows_y, int64_t rows_x) const {
        return row == rows_x * pixel && image == rows_y * row && volume == planes * image;
    }
};

// A run of elements that lie side by side in every patch: where it begins, from the beginning of the patch, and how
// many they are; the pixel they are of, from the patch's corner. `ends`: a chain of fma ends with it.
struct Run {
    int64_t offset, length;
    Place tap;
    bool ends;
};

// What is known of the pixels of a tile: nothing; that they are of one row and that all they look at can be read, zeros
// where it lies outside; besides, that patches begin one element apart.
enum class Pixels { anywhere, copied, unit };

// A tile of columns [column, column + columns) and `rows` output pixels: where these go, what they look at, and, where
// some of that lies outside a volume of this size, the corners of their patches. Where x_step is not zero, the pixels
// are of one row, and that is from one patch to the next, which begins `stride` pixels further on. Of pixels that are
// copied, x has the first one, and y and z are where their patches begin.
template <class T>
struct DirectTile {
    T* const* out;
    const T* const* x;
    const Place* corners;  // or null
    int64_t depth, height, width, x_step, stride, column, columns;
    int rows;
    Pixels pixels;
    int64_t z, y;
};

// What becomes of a tile's sums, a row of them every `stride`, where a part of them is wanted or the formula is long.
template <class T>
NERVE_NOINLINE void put(const DirectTile<T>& tile, const T* sums, int64_t stride, const Places<T>& places, bool first,
                        bool last) {
    using V = vec<T>;
    for (int r = 0; r < tile.rows; ++r)
        for (int64_t c = 0; c < tile.columns; c += V::size) {
            const int64_t n = smaller(tile.columns - c, V::size), at = tile.column + c;
            V value = load(sums + r * stride + c);
            if (!first) value = load_partial(tile.out[r] + at, n) + value;
            if (last && places.bias != nullptr) value += load_partial(places.bias + at, n);
            if (last) value = activate(places.activation, value);
            store_partial(tile.out[r] + at, value, n);
        }
}

// All chains of runs [runs, past) for R pixels: what one made is added to what those before made; bias and activation
// are with the last.
template <class T, int R, int J, Pixels pixels>
NERVE_NOINLINE void direct_tile(const DirectTile<T>& tile, const Run* runs, const Run* past, const T* b,
                                const Places<T>& places, Ahead<T>& ahead, int64_t ask) {
    using V = vec<T>;
    const int64_t column = tile.column, columns = tile.columns;
    const int rows = tile.rows;
    T* const* const out = tile.out;
    const bool relu = places.activation == Activation::relu;
    int asked = 0;
    for (bool first = true; runs < past; first = false, ++runs) {
        V sum[R][J];
#pragma GCC unroll 16
        for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
            for (int j = 0; j < J; ++j) sum[r][j] = V(T(0));
        for (;; ++runs) {
            // Little by little, so that the lines the products wait for find room between.
            for (const int end = int(smaller(rows, asked + (R + 1) / 2)); asked < end; ++asked)
                for (int c = 0; c < J * V::size; c += Ahead<T>::line) __builtin_prefetch(out[asked] + column + c, 1);
            ahead.ask(ask);
            const int64_t length = runs->length;
            if constexpr (pixels != Pixels::anywhere) {
                const bool seen = within(tile.z + runs->tap.z, tile.depth) && within(tile.y + runs->tap.y, tile.height);
                const T* from = tile.x[0] + runs->offset;
                auto multiply = [&](int64_t k, auto pixel) NERVE_LAMBDA_INLINE {
                    V bk[J];
#pragma GCC unroll 4
                    for (int j = 0; j < J; ++j) bk[j] = load(b + k * tile_columns<T> + j * V::size);
#pragma GCC unroll 16
                    for (int r = 0; r < R; ++r) {
                        const V ak(pixel(r));
#pragma GCC unroll 4
                        for (int j = 0; j < J; ++j) sum[r][j] = fma(ak, bk[j], sum[r][j]);
                    }
                };
                if (!seen) {  // zeros for all of the pixels
                } else if constexpr (pixels == Pixels::unit) {
                    for (int64_t k = 0; k < length; ++k)
                        multiply(k, [&](int r) NERVE_LAMBDA_INLINE { return from[k + r]; });
                } else {
                    // Pointers to every fourth pixel: the others are at addresses the processor can add by itself.
                    const int64_t step = tile.x_step, thrice = 3 * step;
                    const T* quad[(R + 3) / 4];
#pragma GCC unroll 4
                    for (int q = 0; q < (R + 3) / 4; ++q) quad[q] = from + 4 * q * step;
                    for (int64_t k = 0; k < length; ++k) {
                        multiply(k, [&](int r) NERVE_LAMBDA_INLINE {
                            return quad[r / 4][r % 4 == 3 ? thrice : r % 4 * step];
                        });
#pragma GCC unroll 4
                        for (int q = 0; q < (R + 3) / 4; ++q) quad[q] += 1;
                    }
                }
                b += length * tile_columns<T>;
                if (runs->ends) break;
                continue;
            }
            const T* a[R];
            const Place tap = runs->tap;
            bool seen = true;
            int skips = 0;
            if (tile.corners == nullptr) {
#pragma GCC unroll 16
                for (int r = 0; r < R; ++r) a[r] = tile.x[r] + runs->offset;
            } else if (tile.x_step != 0) {
                const T* from = tile.x[0] + runs->offset;
                const int64_t left = tile.corners->x + tap.x;
                seen = within(tile.corners->z + tap.z, tile.depth) && within(tile.corners->y + tap.y, tile.height);
                const bool begins = left >= 0, ends = left + (R - 1) * tile.stride < tile.width;
                if (begins && ends) {
#pragma GCC unroll 16
                    for (int r = 0; r < R; ++r) a[r] = from + r * tile.x_step;
                } else {
                    skips = begins ? 1 : -1;
#pragma GCC unroll 16
                    for (int r = 0; r < R; ++r)
                        a[r] = within(left + r * tile.stride, tile.width) ? from + r * tile.x_step : zeros<T>;
                }
            } else {
                seen = false;
#pragma GCC unroll 16
                for (int r = 0; r < R; ++r) {
                    const Place at = tile.corners[r] + tap;
                    const bool inside =
                        within(at.z, tile.depth) && within(at.y, tile.height) && within(at.x, tile.width);
                    a[r] = inside ? tile.x[r] + runs->offset : zeros<T>;
                    seen |= inside;
                }
            }
            auto multiply = [&](auto begin, auto end) NERVE_LAMBDA_INLINE {
#pragma GCC unroll 2
                for (int64_t k = 0; k < length; ++k) {
                    const T* row = b + k * tile_columns<T>;
                    V bk[J];
#pragma GCC unroll 4
                    for (int j = 0; j < J; ++j) bk[j] = load(row + j * V::size);
#pragma GCC unroll 16
                    for (int r = decltype(begin)::value; r < decltype(end)::value; ++r) {
                        const V ak(a[r][k]);
#pragma GCC unroll 4
                        for (int j = 0; j < J; ++j) sum[r][j] = fma(ak, bk[j], sum[r][j]);
                    }
                }
            };
            using Zero = std::integral_constant<int, 0>;
            using One = std::integral_constant<int, 1>;
            if (!seen) {  // zeros for all of the pixels, for the first or for the last
            } else if (skips < 0) {
                multiply(One(), std::integral_constant<int, R>());
            } else if (skips > 0) {
                multiply(Zero(), std::integral_constant<int, R - 1>());
            } else {
                multiply(Zero(), std::integral_constant<int, R>());
            }
            b += length * tile_columns<T>;
            if (runs->ends) break;
        }
        const bool last = runs + 1 == past;
        if (rows < R || columns < J * V::size || (last && !relu && places.activation != Activation::linear)) {
            T values[R * J * V::size];
#pragma GCC unroll 16
            for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
                for (int j = 0; j < J; ++j) store(values + (r * J + j) * V::size, sum[r][j]);
            put(tile, values, J * V::size, places, first, last);
            continue;
        }
#pragma GCC unroll 4
        for (int j = 0; j < J; ++j) {
            const int64_t at = column + j * V::size;
            if (!first)
#pragma GCC unroll 16
                for (int r = 0; r < R; ++r) sum[r][j] = load(out[r] + at) + sum[r][j];
            if (last && places.bias != nullptr) {
                const V bias = load(places.bias + at);
#pragma GCC unroll 16
                for (int r = 0; r < R; ++r) sum[r][j] += bias;
            }
            if (last && relu)
#pragma GCC unroll 16
                for (int r = 0; r < R; ++r) sum[r][j] = max(sum[r][j], V(T(0)));
#pragma GCC unroll 16
            for (int r = 0; r < R; ++r) store(out[r] + at, sum[r][j]);
        }
    }
}

// The most rows of a tile of pixels in one row whose patches begin one element apart.
constexpr int unit_rows(int64_t columns, int64_t vector) {
    return vector_bytes == 64 && columns <= vector ? 16 : tile_rows;
}

template <class T>
void direct_tile_of(const DirectTile<T>& tile, const Run* runs, const Run* past, const T* b, const Places<T>& places,
                    Ahead<T>& ahead, int64_t ask) {
    constexpr int eight = tile_rows > 8 ? 8 : tile_rows;
    auto of = [&](auto height, auto pixels) NERVE_LAMBDA_INLINE {
        constexpr int R = decltype(height)::value, wide = R > tile_rows ? tile_rows : R;
        if (tile.columns <= vec<T>::size)
            direct_tile<T, R, 1, decltype(pixels)::value>(tile, runs, past, b, places, ahead, ask);
        else
            direct_tile<T, wide, tile_vectors, decltype(pixels)::value>(tile, runs, past, b, places, ahead, ask);
    };
    using Anywhere = std::integral_constant<Pixels, Pixels::anywhere>;
    using Copied = std::integral_constant<Pixels, Pixels::copied>;
    using Unit = std::integral_constant<Pixels, Pixels::unit>;
    if (tile.pixels == Pixels::unit) {
        if (tile.rows <= eight) return of(std::integral_constant<int, eight>(), Unit());
        return of(std::integral_constant<int, unit_rows(1, 1)>(), Unit());
    }
    if (tile.pixels == Pixels::copied) {
        if (tile.rows <= eight) return of(std::integral_constant<int, eight>(), Copied());
        return of(std::integral_constant<int, tile_rows>(), Copied());
    }
    if (tile.rows <= 4)
        of(std::integral_constant<int, 4>(), Anywhere());
    else if (tile_rows > 8 && tile.rows <= 8)
        of(std::integral_constant<int, eight>(), Anywhere());
    else
        of(std::integral_constant<int, tile_rows>(), Anywhere());
}

}  // namespace nerve::NERVE_ISA
