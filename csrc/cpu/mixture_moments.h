// Weighted sums, and sums of squares and products, of turned blocks (mixture_density.h). A sum runs in 64 bytes of
// lanes over the rows of a block, is folded, and is added to a double: the same bits on every instruction set, and an
// error that does not grow with the rows.
#pragma once
#include "cpu/mixture_density.h"
#include "cpu/reduction.h"

namespace nerve::NERVE_ISA {

constexpr int lane_registers = 64 / vector_bytes;
constexpr int product_side = 4;      // features by features in a tile of products
constexpr int64_t band = 64;         // features that a task has
constexpr int64_t enough_tasks = 8;  // with fewer of them, the rows are shared out, too

template <class T>
NERVE_INLINE vec<T> fold_lane_registers(vec<T> (&x)[lane_registers]) {
#pragma GCC unroll 2
    for (int half = lane_registers / 2; half > 0; half /= 2)
#pragma GCC unroll 2
        for (int i = 0; i < half; ++i) x[i] = x[i] + x[i + half];
    return x[0];
}

// out[i] = the sum of sums[i]'s lanes.
template <class T>
NERVE_INLINE void fold_sixteen(T (&out)[16], vec<T> (&sums)[16]) {
    constexpr int n = vec<T>::size;
#pragma GCC unroll 8
    for (int i = 0; i < 16; i += n) store(out + i, fold_rows<n / 2, T>(sums + i, Add{}));
}

template <class T>
NERVE_INLINE T sum_line(const T* x, int64_t width) {
    vec<T> sum[lane_registers];
#pragma GCC unroll 4
    for (auto& part : sum) part = vec<T>(T(0));
    for (int64_t r = 0; r < width; r += lane_registers * vec<T>::size)
#pragma GCC unroll 4
        for (int j = 0; j < lane_registers; ++j) sum[j] = sum[j] + load(x + r + j * vec<T>::size);
    return fold_lanes(fold_lane_registers(sum), Add{});
}

// out[4 i + j] = a_i . (x_j - mean_j) for four lines each.
template <class T>
NERVE_INLINE void products_tile(T (&out)[16], const T* a, const T* x, const T (&mean)[product_side], int64_t width) {
    using V = vec<T>;
    constexpr int side = vector_bytes == 64 ? 4 : 2;
    V folded[16];
#pragma GCC unroll 4
    for (int part = 0; part < 16 / (side * side); ++part) {
        const int first_a = part / (4 / side) * side, first_x = part % (4 / side) * side;
        V sum[side][side][lane_registers];
#pragma GCC unroll 4
        for (int i = 0; i < side; ++i)
#pragma GCC unroll 4
            for (int j = 0; j < side; ++j)
#pragma GCC unroll 4
                for (int l = 0; l < lane_registers; ++l) sum[i][j][l] = V(T(0));
        for (int64_t r = 0; r < width; r += lane_registers * V::size)
#pragma GCC unroll 4
            for (int l = 0; l < lane_registers; ++l) {
                V d[side];
#pragma GCC unroll 4
                for (int j = 0; j < side; ++j)
                    d[j] = load(x + (first_x + j) * mixture_line<T> + r + l * V::size) - V(mean[first_x + j]);
#pragma GCC unroll 4
                for (int i = 0; i < side; ++i) {
                    const V ai = load(a + (first_a + i) * mixture_line<T> + r + l * V::size);
#pragma GCC unroll 4
                    for (int j = 0; j < side; ++j) sum[i][j][l] = fma(ai, d[j], sum[i][j][l]);
                }
            }
#pragma GCC unroll 4
        for (int i = 0; i < side; ++i)
#pragma GCC unroll 4
            for (int j = 0; j < side; ++j) folded[4 * (first_a + i) + first_x + j] = fold_lane_registers(sum[i][j]);
    }
    fold_sixteen(out, folded);
}

// out[i] = w . d_i and out[8 + i] = w . d_i^2 for eight lines of d = x - mean; or, with kept, which gets the lines w d,
// no squares.
template <bool kept, class T>
NERVE_INLINE void feature_moments(T (&out)[16], T* keep, const T* x, const T (&mean)[8], const T* weights,
                                  int64_t width) {
    using V = vec<T>;
    constexpr int at_once = vector_bytes == 64 ? 8 : 2;
    V folded[16];
#pragma GCC unroll 4
    for (int first = 0; first < 8; first += at_once) {
        V sum[at_once][lane_registers], square[at_once][lane_registers];
#pragma GCC unroll 8
        for (int i = 0; i < at_once; ++i)
#pragma GCC unroll 4
            for (int l = 0; l < lane_registers; ++l) sum[i][l] = square[i][l] = V(T(0));
        for (int64_t r = 0; r < width; r += lane_registers * V::size)
#pragma GCC unroll 4
            for (int l = 0; l < lane_registers; ++l) {
                const int64_t at = first * mixture_line<T> + r + l * V::size;
                const V weight = load(weights + r + l * V::size);
#pragma GCC unroll 8
                for (int i = 0; i < at_once; ++i) {
                    const V d = load(x + i * mixture_line<T> + at) - V(mean[first + i]), weighted = weight * d;
                    sum[i][l] = sum[i][l] + weighted;
                    if constexpr (kept)
                        store(keep + i * mixture_line<T> + at, weighted);
                    else
                        square[i][l] = fma(weighted, d, square[i][l]);
                }
            }
#pragma GCC unroll 8
        for (int i = 0; i < at_once; ++i) {
            folded[first + i] = fold_lane_registers(sum[i]);
            folded[8 + first + i] = fold_lane_registers(square[i]);
        }
    }
    fold_sixteen(out, folded);
}

enum class Squares { none, diagonal, full };

// Sums of one component, or of all: lists of counts, sums and squares one after the other.
struct MomentSums {
    double *count, *sums, *squares;
};

// Adds a block to the sums of a component that belong to the features [begin, end), where begin is a multiple of eight.
// Of full squares only what is up to the diagonal is summed. spare: eight lines.
template <class T>
void add_moments(const MomentSums& to, Squares squares, const T* x, const T* mean, const T* weights, T* spare,
                 int64_t features, int64_t begin, int64_t end, int64_t width) {
    T found[16];
    if (begin == 0) *to.count += double(sum_line(weights, width));
    for (int64_t i = begin; i < end; i += 8) {
        const int64_t some = smaller(8, end - i);
        T shift[8] = {};
        for (int64_t line = 0; line < some; ++line) shift[line] = mean[i + line];
        if (squares == Squares::full)
            feature_moments<true>(found, spare, x + i * mixture_line<T>, shift, weights, width);
        else
            feature_moments<false>(found, spare, x + i * mixture_line<T>, shift, weights, width);
        for (int64_t line = 0; line < some; ++line) to.sums[i + line] += double(found[line]);
        if (squares == Squares::diagonal)
            for (int64_t line = 0; line < some; ++line) to.squares[i + line] += double(found[8 + line]);
        if (squares != Squares::full) continue;
        for (int64_t half = 0; half < some; half += product_side)
            for (int64_t j = 0; j <= i + half; j += product_side) {
                T column_mean[product_side] = {};
                for (int64_t c = 0; c < smaller(product_side, features - j); ++c) column_mean[c] = mean[j + c];
                products_tile(found, spare + half * mixture_line<T>, x + j * mixture_line<T>, column_mean, width);
                for (int64_t line = 0; line < smaller(product_side, some - half); ++line)
                    for (int64_t c = 0; c < smaller(product_side, features - j); ++c)
                        to.squares[(i + half + line) * features + j + c] += double(found[product_side * line + c]);
            }
    }
}

// fill(weights, x, row, rows): writes the weights (components, mixture_line) of the rows [row, row + rows), zeros up
// to padded_rows beyond them; x is their turned block.
//
// As many blocks as stay in the caches are turned and weighted, by tasks that share out the blocks; then their moments
// are summed, by tasks that share out the components, features and, where these are few, blocks.
template <class T, class Fill>
void sum_moments(T* counts, T* sums, T* squares, const T* x, const T* shifts, int64_t rows, int64_t components,
                 int64_t features, Covariance covariance, const Fill& fill) {
    const Squares kind = squares == nullptr                   ? Squares::none
                         : covariance == Covariance::diagonal ? Squares::diagonal
                                                              : Squares::full;
    const int64_t depth = padded_features(features), blocks = pieces(rows, mixture_block);
    const int64_t square_size = kind == Squares::none ? 0 : kind == Squares::diagonal ? features : features * features;
    const int64_t bands = features > 0 ? pieces(features, band) : 1;
    const int64_t fitting = (1 << 17) / (mixture_block * (depth + components));
    const int64_t at_once = smaller(blocks, fitting < 8 ? 8 : fitting > 64 ? 64 : fitting);
    const int64_t tasks = components * bands, chunks = tasks >= enough_tasks || tasks == 0 || at_once == 0
                                                           ? 1
                                                           : smaller(pieces(enough_tasks, tasks), at_once);

    const int64_t totals = components * (1 + features + square_size),
                  block_size = mixture_line<T> * (depth + components);
    double* total = static_cast<double*>(runtime::scratch(
        runtime::workspace, size_t(chunks * totals) * sizeof(double) + size_t(at_once * block_size) * sizeof(T)));
    T* held = reinterpret_cast<T*>(total + chunks * totals);
    for (int64_t i = 0; i < chunks * totals; ++i) total[i] = 0;

    for (int64_t first = 0; first < blocks; first += at_once) {
        const int64_t count = smaller(at_once, blocks - first);
        parallel(count, [&](int64_t i) {
            const int64_t row = (first + i) * mixture_block, some = smaller(mixture_block, rows - row);
            T *turned = held + i * block_size, *weights = turned + depth * mixture_line<T>;
            turn_block(turned, x + row * features, some, features);
            fill(weights, turned, row, some);
        });
        parallel(components * bands * chunks, [&](int64_t task) {
            const int64_t component = task / (bands * chunks), part = task / chunks % bands, chunk = task % chunks;
            T* spare = scratch<T>(runtime::packed_a, 8 * mixture_line<T>);
            double* own = total + chunk * totals;
            const MomentSums to{own + component, own + components + component * features,
                                own + components * (1 + features) + component * square_size};
            for (int64_t i = chunk * count / chunks; i < (chunk + 1) * count / chunks; ++i) {
                const T *turned = held + i * block_size, *weights = turned + (depth + component) * mixture_line<T>;
                const int64_t some = smaller(mixture_block, rows - (first + i) * mixture_block);
                add_moments(to, kind, turned, shifts + component * features, weights, spare, features, part * band,
                            smaller(features, (part + 1) * band), padded_rows<T>(some));
            }
        });
    }

    auto value = [&](int64_t i) {
        double sum = total[i];
        for (int64_t chunk = 1; chunk < chunks; ++chunk) sum += total[chunk * totals + i];
        return T(sum);
    };
    parallel_blocks(components, 1 + 65536 / (square_size + 1), [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
            counts[i] = value(i);
            for (int64_t j = 0; j < features; ++j) sums[i * features + j] = value(components + i * features + j);
            const int64_t from = components * (1 + features) + i * square_size;
            T* to = squares + i * square_size;
            if (kind == Squares::diagonal)
                for (int64_t j = 0; j < features; ++j) to[j] = value(from + j);
            if (kind == Squares::full)
                for (int64_t j = 0; j < features; ++j)
                    for (int64_t c = 0; c <= j; ++c)
                        to[j * features + c] = to[c * features + j] = value(from + j * features + c);
        }
    });
}

}  // namespace nerve::NERVE_ISA
