// Pooling over NHWC images: vectors run along the channels, or along a row of the image where channels are few. The
// maximum leaves its position in the window, which its gradient goes to. Python sees to it that every window holds at
// least one position of the image.
#include "cpu/parallel.h"
#include "cpu/pool_lines.h"
#include "cpu/pool_windows.h"
#include "cpu/simd.h"
#include "kernels.h"

namespace nerve::NERVE_ISA {
namespace {

constexpr int64_t grain = 1 << 14;  // elements of x in a task, about

NERVE_INLINE int64_t rows_in_a_task(int64_t work) { return work < grain ? grain / (work + 1) : 1; }

// The windows [first, last) of row i of the output.
template <class Reduce, bool indexed, class T, class Index>
void pool_pixels(T* out, Index* index, const T* image, const Pool2DShape& s, int64_t i, Range rows, int64_t first,
                 int64_t last) {
    for (int64_t j = first; j < last; ++j) {
        const Range columns = window_columns(s, j);
        const Window w(s, i, rows, j, columns);
        const T* corner = image + (rows.begin * s.width + columns.begin) * s.channels;
        each_strip<T>(s.channels, [&](int64_t c, auto at, auto count) NERVE_LAMBDA_INLINE {
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
        return each_row([&](T* to, Index* at, const T* from, int64_t i, Range rows) {
            pool_pixels<Reduce, indexed>(to, at, from, s, i, rows, 0, s.out_width);
        });
    if (out_row == 0) return;
    Memory memory(runtime::workspace, Kept<T>::bytes(s));
    const Kept<T> kept(s, memory);
    each_row([&](T* to, Index* at, const T* from, int64_t i, Range rows) {
        pool_line<Reduce, indexed>(to, at, from, s, i, rows, kept);
        const bool some = kept.vectors > 0;
        pool_pixels<Reduce, indexed>(to, at, from, s, i, rows, 0, some ? kept.inside.begin : 0);
        pool_pixels<Reduce, indexed>(to, at, from, s, i, rows, some ? kept.inside.end : 0, s.out_width);
    });
}

// body(line of grad_x, image, y, windows that line y lies under) for every line of the image.
template <class T, class Body>
void each_line(T* grad_x, const Pool2DShape& s, const Body& body) {
    const int64_t size = s.width * s.channels;
    parallel_blocks(s.batch * s.height, rows_in_a_task(size), [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row)
            body(grad_x + row * size, row / s.height, row % s.height, covering_rows(s, row % s.height));
    });
}

NERVE_INLINE int64_t out_offset(const Pool2DShape& s, int64_t image, int64_t i, int64_t j) {
    return ((image * s.out_height + i) * s.out_width + j) * s.channels;
}

// Where windows do not overlap, a position lies in one at most. fill(to, window, offset of it in the output, i, j,
// count) sets a line of the window, for `count` vectors of channels.
template <class T, class Fill>
void fill_windows(T* grad_x, const Pool2DShape& s, const Fill& fill) {
    each_line(grad_x, s, [&](T* line, int64_t image, int64_t y, Range rows) {
        int64_t done = 0;
        for (int64_t j = 0; j < s.out_width && rows.size() > 0; ++j) {
            const Range columns = window_columns(s, j);
            const Window w(s, rows.begin, {y, y + 1}, j, columns);
            const int64_t begin = columns.begin * s.channels;
            std::memset(line + done, 0, (begin - done) * sizeof(T));
            done = columns.end * s.channels;
            const int64_t out = out_offset(s, image, rows.begin, j);
            each_strip<T>(s.channels, [&](int64_t c, auto, auto count) NERVE_LAMBDA_INLINE {
                fill(line + begin + c, w, out + c, rows.begin, j, count);
            });
        }
        std::memset(line + done, 0, (s.width * s.channels - done) * sizeof(T));
    });
}

// Where they do, each position adds up what share(sum, i, j, offset of that window in the output, position in it) adds
// to n vectors of channels, window by window.
template <class T, class Share>
void gather(T* grad_x, const Pool2DShape& s, const Share& share) {
    each_line(grad_x, s, [&](T* line, int64_t image, int64_t y, Range rows) {
        for (int64_t x = 0; x < s.width; ++x) {
            const Range columns = covering_columns(s, x);
            each_strip<T>(s.channels, [&](int64_t c, auto, auto count) NERVE_LAMBDA_INLINE {
                constexpr int n = decltype(count)::value;
                vec<T> sum[n];
                for (int k = 0; k < n; ++k) sum[k] = vec<T>(T(0));
                for (int64_t i = rows.begin; i < rows.end; ++i)
                    for (int64_t j = columns.begin; j < columns.end; ++j)
                        share(
                            sum, i, j, out_offset(s, image, i, j) + c,
                            (y + s.pad_top - i * s.stride_height) * s.pool_width + x + s.pad_left - j * s.stride_width);
                for (int k = 0; k < n; ++k) store(line + x * s.channels + c + k * vec<T>::size, sum[k]);
            });
        }
    });
}

// With few channels: the lines of an image that are all of a task's own, to which the windows above them give their
// gradient one by one, in the same order.
template <class T, class Index>
void give_to_winners(T* image, const T* grad, const Index* index, const Pool2DShape& s, Range lines,
                     const int64_t* offsets) {
    const int64_t size = s.width * s.channels, positions = s.pool_height * s.pool_width;
    const Range first = covering_rows(s, lines.begin), last = covering_rows(s, lines.end - 1);
    int64_t zeroed = lines.begin;
    for (int64_t i = first.begin; i < last.end; ++i) {
        const int64_t top = i * s.stride_height - s.pad_top, bottom = window_rows(s, i).end;
        const int64_t needed = bottom < lines.end ? bottom : lines.end;
        if (zeroed < needed) std::memset(image + zeroed * size, 0, (needed - zeroed) * size * sizeof(T));
        if (zeroed < needed) zeroed = needed;
        const bool inside = lines.begin <= top && top + s.pool_height <= lines.end;
        for (int64_t j = 0; j < s.out_width; ++j) {
            const int64_t left = j * s.stride_width - s.pad_left, out = (i * s.out_width + j) * s.channels;
            if (inside && sizeof(Index) == 1 && left >= 0 && left + s.pool_width <= s.width) {
                T* corner = image + top * size + left * s.channels;
                for (int64_t c = 0; c < s.channels; ++c) {
                    const int64_t winner = index[out + c];
                    if (winner < positions) corner[offsets[winner] + c] += grad[out + c];
                }
                continue;
            }
            for (int64_t c = 0; c < s.channels; ++c) {
                const int64_t winner = index[out + c];
                const int64_t y = top + winner / s.pool_width, x = left + winner % s.pool_width;
                if (winner >= 0 && y >= lines.begin && y < lines.end && x >= 0 && x < s.width)
                    image[y * size + x * s.channels + c] += grad[out + c];
            }
        }
    }
    if (zeroed < lines.end) std::memset(image + zeroed * size, 0, (lines.end - zeroed) * size * sizeof(T));
}

// fill(values, row of the output): see spread_lines.
template <class T, class Fill>
void spread(T* grad_x, const Pool2DShape& s, const Fill& fill) {
    const int64_t size = s.width * s.channels;
    if (size == 0) return;
    Memory memory(runtime::workspace, Spread<T>::bytes(s));
    const Spread<T> plan(s, memory);
    parallel_blocks(s.batch * s.height, rows_in_a_task(size),
                    [&](int64_t begin, int64_t end) { spread_lines(grad_x, s, plan, begin, end, fill); });
}

template <class T, class Index>
void max_backward(T* grad_x, const T* grad, const Index* index, const Pool2DShape& s) {
    using Integer = typename vec<T>::integer;
    constexpr int64_t lanes = vec<T>::size;
    if (s.channels >= lanes && s.stride_height >= s.pool_height && s.stride_width >= s.pool_width)
        return fill_windows(
            grad_x, s, [&](T* to, const Window& w, int64_t window, int64_t, int64_t, auto count) NERVE_LAMBDA_INLINE {
                constexpr int n = decltype(count)::value;
                const vec<T> zero(T(0));
                vec<T> g[n];
                bits<T> winner[n];
                for (int k = 0; k < n; ++k) {
                    g[k] = zero + load(grad + window + k * lanes);  // as a sum of one: no negative zero
                    winner[k] = load_integers<T>(index + window + k * lanes);
                }
                for (int64_t q = 0; q < w.columns; ++q) {
                    const bits<T> here = bits<T>{} + Integer(w.first + q);
                    for (int k = 0; k < n; ++k)
                        store(to + q * w.channels + k * lanes, select(mask<T>{winner[k] == here}, g[k], zero));
                }
            });
    if (s.channels >= lanes)
        return gather(grad_x, s,
                      [&](auto& sum, int64_t, int64_t, int64_t window, int64_t position) NERVE_LAMBDA_INLINE {
                          constexpr int n = sizeof(sum) / sizeof(sum[0]);
                          const bits<T> here = bits<T>{} + Integer(position);
                          for (int k = 0; k < n; ++k) {
                              const bits<T> winner = load_integers<T>(index + window + k * lanes);
                              const vec<T> g = load(grad + window + k * lanes);
                              sum[k] += select(mask<T>{winner == here}, g, vec<T>(T(0)));
                          }
                      });
    int64_t offsets[256];  // of the positions of a window from its corner
    for (int64_t i = 0; i < 256; ++i)
        offsets[i] = i / s.pool_width * s.width * s.channels + i % s.pool_width * s.channels;
    const int64_t row = s.width * s.channels, image = s.height * row, out = s.out_height * s.out_width * s.channels;
    // Whole images, or bands of them that are high enough for few windows to lie across.
    const int64_t images = image < grain ? grain / (image + 1) : 1;
    const int64_t band = image < 4 * grain ? s.height : 8 * grain / row + s.pool_height;
    const int64_t bands = (s.height + band - 1) / band, groups = (s.batch + images - 1) / images;
    parallel(groups * bands, [&](int64_t task) {
        const int64_t begin = task % bands * band, end = begin + band < s.height ? begin + band : s.height;
        const int64_t first = task / bands * images;
        for (int64_t n = first; n < s.batch && n < first + images; ++n)
            give_to_winners(grad_x + n * image, grad + n * out, index + n * out, s, {begin, end}, offsets);
    });
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
    constexpr int64_t lanes = vec<T>::size;
    const auto part = [&](int64_t i, int64_t j) NERVE_LAMBDA_INLINE {
        return T(1) / T(window_rows(s, i).size() * window_columns(s, j).size());
    };
    if (s.channels < lanes) {
        const int64_t row = s.out_width * s.channels;
        return spread(grad_x, s, [&](T* values, int64_t source) {
            const T* from = grad + source * row;
            for (int64_t j = 0; j < s.out_width; ++j) {
                const T share = part(source % s.out_height, j);
                for (int64_t c = j * s.channels; c < (j + 1) * s.channels; ++c) values[c] = from[c] * share;
            }
        });
    }
    if (s.stride_height >= s.pool_height && s.stride_width >= s.pool_width)
        return fill_windows(grad_x, s,
                            [&](T* to, const Window& w, int64_t window, int64_t i, int64_t j, auto count)
                                NERVE_LAMBDA_INLINE {
                                    constexpr int n = decltype(count)::value;
                                    const vec<T> share(part(i, j));
                                    vec<T> g[n];
                                    for (int k = 0; k < n; ++k)
                                        g[k] = vec<T>(T(0)) + load(grad + window + k * lanes) * share;
                                    for (int64_t q = 0; q < w.columns; ++q)
                                        for (int k = 0; k < n; ++k) store(to + q * w.channels + k * lanes, g[k]);
                                });
    gather(grad_x, s, [&](auto& sum, int64_t i, int64_t j, int64_t window, int64_t) NERVE_LAMBDA_INLINE {
        constexpr int n = sizeof(sum) / sizeof(sum[0]);
        const vec<T> share(part(i, j));
        for (int k = 0; k < n; ++k) sum[k] += load(grad + window + k * lanes) * share;
    });
}

}  // namespace nerve::NERVE_ISA

#define FAMILY_pool FAMILY_HERE
#include "cpu/instantiate.h"
