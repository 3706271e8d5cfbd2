// Pooling over NHWC images: vectors run along the channels, or along a row of the image where channels are few. The
// maximum leaves its position in the window, which its gradient goes to. Python sees to it that every window holds at
// least one position of the image.
#include "cpu/parallel.h"
#include "cpu/pool_backward.h"
#include "cpu/pool_lines.h"
#include "cpu/pool_windows.h"
#include "cpu/simd.h"
#include "shapes.h"

namespace nerve::NERVE_ISA {
namespace {

// From so many bytes on images come from memory, not a cache.
constexpr int64_t far_away = 16 << 20;

// The windows [first, last) of row i of the output. From memory, the rows that the windows below need first are asked
// for: short pieces of rows in turn are not what the processor foresees.
template <class Reduce, bool indexed, class T, class Index>
void pool_pixels(T* out, Index* index, const T* image, const Pool2DShape& s, int64_t i, Span rows, int64_t first,
                 int64_t last) {
    const bool far = s.batch * s.height * s.width * s.channels * int64_t(sizeof(T)) >= far_away;
    for (int64_t j = first; j < last; ++j) {
        const Span columns = window_columns(s, j);
        const Window w(s, i, rows, j, columns);
        const T* corner = image + (rows.begin * s.width + columns.begin) * s.channels;
        if (far)
            for (int64_t p = 0; p < s.stride_height; ++p) {
                const T* below = corner + (w.rows + p) * w.line;
                for (int64_t c = 0; c < s.stride_width * s.channels; c += 64 / int64_t(sizeof(T)))
                    __builtin_prefetch(below + c, 0, 2);
            }
        each_overlapping<T>(s.channels, [&](int64_t c, auto at, auto count) NERVE_LAMBDA_INLINE {
            constexpr int n = decltype(count)::value;
            vec<T> value[n];
            bits<T> winner[n];
            Reduce::template join<indexed>(value, winner, corner + c, w, at);
            for (int k = 0; k < n; ++k) {
                const int64_t to = j * s.channels + c + k * vec<T>::size;
                at.write(out + to, value[k]);
                if constexpr (indexed) at.template write_index<T>(index + to, winner[k]);
            }
        });
    }
}

template <class Reduce, bool indexed, class T, class Index>
void pool(T* out, Index* index, const T* x, const Pool2DShape& s) {
    const int64_t image = s.height * s.width * s.channels, out_row = s.out_width * s.channels;
    const int64_t rows = rows_in_a_task(s.pool_height * s.width * s.channels);
    const auto each_row = [&](const auto& body) {
        parallel_blocks(s.batch * s.out_height, rows, [&](int64_t begin, int64_t end) {
            for (int64_t row = begin; row < end; ++row) {
                const int64_t i = row % s.out_height;
                body(out + row * out_row, indexed ? index + row * out_row : index, x + row / s.out_height * image, i,
                     window_rows(s, i));
            }
        });
    };
    if (s.channels >= vec<T>::size)
        return each_row([&](T* to, Index* at, const T* from, int64_t i, Span rows) {
            pool_pixels<Reduce, indexed>(to, at, from, s, i, rows, 0, s.out_width);
        });
    if (out_row == 0) return;
    Memory memory(runtime::workspace, Kept<T>::bytes(s));
    const Kept<T> kept(s, memory);
    each_row([&](T* to, Index* at, const T* from, int64_t i, Span rows) {
        pool_line<Reduce, indexed>(to, at, from, s, i, rows, kept);
        const bool some = kept.vectors > 0;
        pool_pixels<Reduce, indexed>(to, at, from, s, i, rows, 0, some ? kept.inside.begin : 0);
        pool_pixels<Reduce, indexed>(to, at, from, s, i, rows, some ? kept.inside.end : 0, s.out_width);
    });
}

// Up to here the gradients of windows that overlap go to their winners one by one, which is less work than looking for
// every position at all windows it lies in.
constexpr int64_t few_channels = 16;
constexpr int64_t few_windows = vector_bytes == 64 ? 4 : 1;  // so many are looked at by whole vectors all the same

NERVE_INLINE bool overlap(const Pool2DShape& s) {
    return s.stride_height < s.pool_height || s.stride_width < s.pool_width;
}

template <class T, class Index>
void max_backward(T* grad_x, const T* grad, const Index* index, const Pool2DShape& s) {
    using Integer = typename vec<T>::integer;
    constexpr int64_t lanes = vec<T>::size;
    const auto fill = [=](T* to, const Window& w, const Place& at, auto count) NERVE_LAMBDA_INLINE {
        constexpr int n = decltype(count)::value;
        const vec<T> zero(T(0));
        vec<T> g[n];
        bits<T> winner[n];
        for (int k = 0; k < n; ++k) {
            const int64_t from = at.out + k * lanes;
            g[k] = zero + load(grad + from);  // as a sum of one: no negative zero
            winner[k] = load_integers<T>(index + from);
        }
        for (int64_t q = 0; q < w.columns; ++q) {
            const bits<T> here = bits<T>{} + Integer(w.first + q);
            for (int k = 0; k < n; ++k) {
                const vec<T> share = select(mask<T>{winner[k] == here}, g[k], zero);
                store(to + q * w.channels + k * lanes, share);
            }
        }
    };
    const auto share = [=](auto& sum, int64_t, int64_t, int64_t window, int64_t position) NERVE_LAMBDA_INLINE {
        constexpr int n = sizeof(sum) / sizeof(sum[0]);
        const bits<T> here = bits<T>{} + Integer(position);
        for (int k = 0; k < n; ++k) {
            const bits<T> winner = load_integers<T>(index + window + k * lanes);
            const vec<T> g = load(grad + window + k * lanes);
            sum[k] += select(mask<T>{winner == here}, g, vec<T>(T(0)));
        }
    };
    if (s.channels < lanes && most_over(rows_of(s)) * most_over(columns_of(s)) <= few_windows)
        spread_to_winners(grad_x, grad, index, s);
    else if (s.channels < lanes || (overlap(s) && sizeof(Index) == 1 && s.channels <= few_channels))
        give_to_winners(grad_x, grad, index, s);
    else if (overlap(s))
        gather(grad_x, s, share);
    else
        fill_windows(grad_x, s, fill);
}

template <class T>
void average_backward(T* grad_x, const T* grad, const Pool2DShape& s) {
    constexpr int64_t lanes = vec<T>::size;
    const int64_t row = s.out_width * s.channels;
    const auto part = [=](int64_t i, int64_t j) NERVE_LAMBDA_INLINE {
        return T(1) / T(window_rows(s, i).size() * window_columns(s, j).size());
    };
    const auto fill = [=](T* to, const Window& w, const Place& at, auto count) NERVE_LAMBDA_INLINE {
        constexpr int n = decltype(count)::value;
        const vec<T> share(part(at.i, at.j));
        vec<T> g[n];
        for (int k = 0; k < n; ++k) g[k] = vec<T>(T(0)) + load(grad + at.out + k * lanes) * share;
        for (int64_t q = 0; q < w.columns; ++q)
            for (int k = 0; k < n; ++k) store(to + q * w.channels + k * lanes, g[k]);
    };
    const auto share = [=](auto& sum, int64_t i, int64_t j, int64_t window, int64_t) NERVE_LAMBDA_INLINE {
        constexpr int n = sizeof(sum) / sizeof(sum[0]);
        const vec<T> weight(part(i, j));
        for (int k = 0; k < n; ++k) sum[k] += load(grad + window + k * lanes) * weight;
    };
    const auto source = [=](T* values, int64_t at) {
        const T* from = grad + at * row;
        for (int64_t j = 0; j < s.out_width; ++j) {
            const T weight = part(at % s.out_height, j);
            for (int64_t c = j * s.channels; c < (j + 1) * s.channels; ++c) values[c] = from[c] * weight;
        }
    };
    if (s.channels < lanes)
        spread_to_all(grad_x, s, source);
    else if (overlap(s))
        gather(grad_x, s, share);
    else
        fill_windows(grad_x, s, fill);
}

}  // namespace

template <class T>
void max_pool2d(T* out, uint8_t* index, int64_t* wide_index, const T* x, const Pool2DShape& s) {
    if (index != nullptr)
        pool<Highest, true>(out, index, x, s);
    else if (wide_index != nullptr)
        pool<Highest, true>(out, wide_index, x, s);
    else
        pool<Highest, false>(out, index, x, s);
}

template <class T>
void average_pool2d(T* out, const T* x, const Pool2DShape& s) {
    pool<Average, false>(out, static_cast<uint8_t*>(nullptr), x, s);
}

template <class T>
void max_pool2d_backward(T* grad_x, const T* grad, const uint8_t* index, const int64_t* wide_index,
                         const Pool2DShape& s) {
    if (wide_index != nullptr)
        max_backward(grad_x, grad, wide_index, s);
    else
        max_backward(grad_x, grad, index, s);
}

template <class T>
void average_pool2d_backward(T* grad_x, const T* grad, const Pool2DShape& s) {
    average_backward(grad_x, grad, s);
}

}  // namespace nerve::NERVE_ISA

#define NERVE_FAMILY "kernels/pool.inc"
#include "cpu/instantiate.h"
