// Pooling over NHWC images: vectors run along the channels, or along a whole row where there are few of them. Python
// sees to it that every window holds at least one position of the image.
#include "cpu/parallel.h"
#include "cpu/simd.h"
#include "kernels.h"

namespace nerve::NERVE_ISA {
namespace {

constexpr int64_t grain = 1 << 14;     // elements of x in a task, about
constexpr int64_t many_channels = 16;  // a full vector in every instruction set
constexpr int64_t channel_block = 64;

struct Range {
    int64_t begin, end;
    NERVE_INLINE int64_t size() const { return end - begin; }
};

// The positions of window `index` that lie inside the image.
NERVE_INLINE Range window(int64_t index, int64_t stride, int64_t pad, int64_t pool, int64_t size) {
    const int64_t begin = index * stride - pad, end = begin + pool;
    return {begin < 0 ? 0 : begin, end < size ? end : size};
}
NERVE_INLINE Range window_rows(const Pool2DShape& s, int64_t i) {
    return window(i, s.stride_height, s.pad_top, s.pool_height, s.height);
}
NERVE_INLINE Range window_columns(const Pool2DShape& s, int64_t j) {
    return window(j, s.stride_width, s.pad_left, s.pool_width, s.width);
}

template <class T>
NERVE_INLINE T max(T a, T b) {
    return a > b || a != a ? a : b;
}

// How a window becomes one value. V is T or vec<T>.
struct Highest {
    template <class V, class T>
    static NERVE_INLINE V start() {
        return V(-T(__builtin_inf()));
    }
    template <class V>
    static NERVE_INLINE V join(V so_far, V value) {
        return max(value, so_far);
    }
    template <class V, class T>
    static NERVE_INLINE V finish(V total, T) {
        return total;
    }
};

struct Average {
    template <class V, class T>
    static NERVE_INLINE V start() {
        return V(T(0));
    }
    template <class V>
    static NERVE_INLINE V join(V so_far, V value) {
        return so_far + value;
    }
    template <class V, class T>
    static NERVE_INLINE V finish(V total, T count) {
        return total / V(count);
    }
};

// One row of the output, with at least a vector of channels. The last vector may overlap the one before.
template <class Reduce, class T>
void wide_row(T* out, const T* image, const Pool2DShape& s, Range rows) {
    using V = vec<T>;
    const int64_t channels = s.channels;
    for (int64_t j = 0; j < s.out_width; ++j, out += channels) {
        const Range columns = window_columns(s, j);
        const T count = T(rows.size() * columns.size());
        for (int64_t c = 0; c < channels; c += V::size) {
            const int64_t at = c + V::size <= channels ? c : channels - V::size;
            V total = Reduce::template start<V, T>();
            for (int64_t y = rows.begin; y < rows.end; ++y) {
                const T* x = image + (y * s.width + columns.begin) * channels + at;
                for (int64_t q = 0; q < columns.size(); ++q) total = Reduce::join(total, load(x + q * channels));
            }
            store(out + at, Reduce::finish(total, count));
        }
    }
}

// One row of the output, with few channels: first down the columns, which are contiguous in memory, into `line`, then
// along the row.
template <class Reduce, class T>
void narrow_row(T* out, const T* image, T* line, const Pool2DShape& s, Range rows) {
    using V = vec<T>;
    const int64_t channels = s.channels, size = s.width * channels;
    const T* first = image + rows.begin * size;
    int64_t i = 0;
    for (; i + V::size <= size; i += V::size) {
        V total = Reduce::template start<V, T>();
        for (int64_t y = 0; y < rows.size(); ++y) total = Reduce::join(total, load(first + y * size + i));
        store(line + i, total);
    }
    for (; i < size; ++i) {
        T total = Reduce::template start<T, T>();
        for (int64_t y = 0; y < rows.size(); ++y) total = Reduce::join(total, first[y * size + i]);
        line[i] = total;
    }
    for (int64_t j = 0; j < s.out_width; ++j, out += channels) {
        const Range columns = window_columns(s, j);
        const T count = T(rows.size() * columns.size());
        const T* x = line + columns.begin * channels;
        for (int64_t c = 0; c < channels; ++c) {
            T total = Reduce::template start<T, T>();
            for (int64_t q = 0; q < columns.size(); ++q) total = Reduce::join(total, x[q * channels + c]);
            out[c] = Reduce::finish(total, count);
        }
    }
}

template <class Reduce, class T>
void pool(T* out, const T* x, const Pool2DShape& s) {
    const int64_t image = s.height * s.width * s.channels, out_row = s.out_width * s.channels;
    const int64_t work = s.pool_height * s.width * s.channels;
    const int64_t rows = work < grain ? grain / (work + 1) : 1;
    parallel_blocks(s.batch * s.out_height, rows, [&](int64_t begin, int64_t end) {
        T* line = s.channels < many_channels
                      ? static_cast<T*>(runtime::scratch(runtime::workspace, s.width * s.channels * sizeof(T)))
                      : nullptr;
        for (int64_t row = begin; row < end; ++row) {
            const T* from = x + row / s.out_height * image;
            const Range window = window_rows(s, row % s.out_height);
            if (line != nullptr)
                narrow_row<Reduce>(out + row * out_row, from, line, s, window);
            else
                wide_row<Reduce>(out + row * out_row, from, s, window);
        }
    });
}

// Sets grad_x to zero and calls body(image offset, out index, rows, columns, channels) for every window. A task owns
// the part of grad_x it adds to: whole images, one band of rows where windows do not share rows, or else some channels.
template <class T, class Body>
void scatter(T* grad_x, const Pool2DShape& s, const Body& body) {
    const int64_t image = s.height * s.width * s.channels;
    int64_t images = 1, band = s.out_height, block = s.channels;
    if (image < grain) {
        images = grain / (image + 1);
    } else if (s.stride_height >= s.pool_height) {
        const int64_t work = s.stride_height * s.width * s.channels;
        band = work < grain ? grain / work : 1;
    } else if (block > channel_block) {
        block = channel_block;
    }
    const int64_t bands = (s.out_height + band - 1) / band;
    const int64_t blocks = s.channels > 0 ? (s.channels + block - 1) / block : 0;
    const int64_t groups = (s.batch + images - 1) / images;
    parallel(groups * bands * blocks, [&](int64_t task) {
        const int64_t c = task % blocks * block, i = task / blocks % bands * band;
        const int64_t first = task / blocks / bands * images;
        const int64_t last = first + images < s.batch ? first + images : s.batch;
        const Range out_rows{i, i + band < s.out_height ? i + band : s.out_height};
        const Range channels{c, c + block < s.channels ? c + block : s.channels};
        const Range owned{i == 0 ? 0 : window_rows(s, i).begin,
                          out_rows.end == s.out_height ? s.height : window_rows(s, out_rows.end).begin};
        for (int64_t n = first; n < last; ++n) {
            T* positions = grad_x + (n * s.height + owned.begin) * s.width * s.channels + channels.begin;
            const int64_t bytes = channels.size() * int64_t(sizeof(T));
            if (channels.size() == s.channels)
                std::memset(positions, 0, owned.size() * s.width * bytes);
            else
                for (int64_t at = 0; at < owned.size() * s.width; ++at)
                    std::memset(positions + at * s.channels, 0, bytes);
            for (int64_t row = out_rows.begin; row < out_rows.end; ++row)
                for (int64_t j = 0; j < s.out_width; ++j)
                    body(n * image, ((n * s.out_height + row) * s.out_width + j) * s.channels, window_rows(s, row),
                         window_columns(s, j), channels);
        }
    });
}

}  // namespace

template <class T>
void max_pool2d(T* out, const T* x, const Pool2DShape& s) {
    pool<Highest>(out, x, s);
}

template <class T>
void average_pool2d(T* out, const T* x, const Pool2DShape& s) {
    pool<Average>(out, x, s);
}

// The position of the maximum is found again from x, which costs less than storing it would.
template <class T>
void max_pool2d_backward(T* grad_x, const T* grad, const T* x, const Pool2DShape& s) {
    using V = vec<T>;
    using Index = typename V::integer;
    scatter(grad_x, s, [&](int64_t image, int64_t out, Range rows, Range columns, Range channels) {
        const int64_t corner = image + (rows.begin * s.width + columns.begin) * s.channels;
        const int64_t line = s.width * s.channels;
        int64_t c = channels.begin;
        for (; c + V::size <= channels.end; c += V::size) {
            V highest = load(x + corner + c);
            bits<T> winner{};
            Index position = 0;
            for (int64_t p = 0; p < rows.size(); ++p) {
                const T* from = x + corner + p * line + c;
                for (int64_t q = 0; q < columns.size(); ++q, ++position) {
                    const V value = load(from + q * s.channels);
                    const mask<T> better = (value > highest) | ((value != value) & (highest == highest));
                    winner = better.v ? bits<T>{} + position : winner;
                    highest = select(better, value, highest);
                }
            }
            const V g = load(grad + out + c);
            position = 0;
            for (int64_t p = 0; p < rows.size(); ++p) {
                T* to = grad_x + corner + p * line + c;
                for (int64_t q = 0; q < columns.size(); ++q, ++position) {
                    const mask<T> here{winner == bits<T>{} + position};
                    store(to + q * s.channels, load(to + q * s.channels) + select(here, g, V(T(0))));
                }
            }
        }
        for (; c < channels.end; ++c) {
            int64_t winner = corner + c;
            T highest = x[winner];
            for (int64_t p = 0; p < rows.size(); ++p)
                for (int64_t q = 0; q < columns.size(); ++q) {
                    const int64_t at = corner + p * line + q * s.channels + c;
                    const bool better = x[at] > highest || (x[at] != x[at] && highest == highest);
                    winner = better ? at : winner;
                    highest = better ? x[at] : highest;
                }
            grad_x[winner] += grad[out + c];
        }
    });
}

template <class T>
void average_pool2d_backward(T* grad_x, const T* grad, const Pool2DShape& s) {
    using V = vec<T>;
    scatter(grad_x, s, [&](int64_t image, int64_t out, Range rows, Range columns, Range channels) {
        T* corner = grad_x + image + (rows.begin * s.width + columns.begin) * s.channels;
        const int64_t line = s.width * s.channels;
        const T count = T(rows.size() * columns.size());
        int64_t c = channels.begin;
        for (; c + V::size <= channels.end; c += V::size) {
            const V share = load(grad + out + c) / V(count);
            for (int64_t p = 0; p < rows.size(); ++p)
                for (int64_t q = 0; q < columns.size(); ++q) {
                    T* to = corner + p * line + q * s.channels + c;
                    store(to, load(to) + share);
                }
        }
        for (; c < channels.end; ++c) {
            const T share = grad[out + c] / count;
            for (int64_t p = 0; p < rows.size(); ++p)
                for (int64_t q = 0; q < columns.size(); ++q) corner[p * line + q * s.channels + c] += share;
        }
    });
}

}  // namespace nerve::NERVE_ISA

#define FAMILY_pool FAMILY_HERE
#include "cpu/instantiate.h"
