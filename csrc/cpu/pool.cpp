// Pooling over NHWC images: vectors run along the channels. Python sees to it that every window holds at least one
// position of the image.
#include "cpu/parallel.h"
#include "cpu/simd.h"
#include "kernels.h"

namespace nerve::NERVE_ISA {
namespace {

constexpr int64_t grain = 1 << 14;  // elements of x in a task, about
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

// The vector at p, or its first n lanes where the channels end.
template <class T>
NERVE_INLINE vec<T> read(const T* p, int64_t n) {
    return n >= vec<T>::size ? load(p) : load_partial(p, n);
}
template <class T>
NERVE_INLINE void write(T* p, vec<T> x, int64_t n) {
    if (n >= vec<T>::size)
        store(p, x);
    else
        store_partial(p, x, n);
}

// How a window becomes one value.
struct Highest {
    template <class T>
    static NERVE_INLINE vec<T> join(vec<T> so_far, vec<T> value) {
        return max(value, so_far);
    }
    template <class T>
    static NERVE_INLINE vec<T> finish(vec<T> total, T) {
        return total;
    }
    static constexpr double start = -__builtin_inf();
};

struct Average {
    template <class T>
    static NERVE_INLINE vec<T> join(vec<T> so_far, vec<T> value) {
        return so_far + value;
    }
    template <class T>
    static NERVE_INLINE vec<T> finish(vec<T> total, T count) {
        return total / vec<T>(count);
    }
    static constexpr double start = 0;
};

// One row of the output.
template <class Reduce, class T>
void pool_row(T* out, const T* image, const Pool2DShape& s, Range rows) {
    using V = vec<T>;
    const int64_t channels = s.channels;
    for (int64_t j = 0; j < s.out_width; ++j, out += channels) {
        const Range columns = window_columns(s, j);
        const T count = T(rows.size() * columns.size());
        for (int64_t c = 0; c < channels; c += V::size) {
            V total(T(Reduce::start));
            for (int64_t y = rows.begin; y < rows.end; ++y) {
                const T* x = image + (y * s.width + columns.begin) * channels + c;
                for (int64_t q = 0; q < columns.size(); ++q)
                    total = Reduce::join(total, read(x + q * channels, channels - c));
            }
            write(out + c, Reduce::finish(total, count), channels - c);
        }
    }
}

template <class Reduce, class T>
void pool(T* out, const T* x, const Pool2DShape& s) {
    const int64_t image = s.height * s.width * s.channels, out_row = s.out_width * s.channels;
    const int64_t work = s.pool_height * s.width * s.channels;
    const int64_t rows = work < grain ? grain / (work + 1) : 1;
    parallel_blocks(s.batch * s.out_height, rows, [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row)
            pool_row<Reduce>(out + row * out_row, x + row / s.out_height * image, s,
                             window_rows(s, row % s.out_height));
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
        for (int64_t c = channels.begin; c < channels.end; c += V::size) {
            const int64_t lanes = channels.end - c;
            V highest = read(x + corner + c, lanes);
            bits<T> winner{};
            Index position = 0;
            for (int64_t p = 0; p < rows.size(); ++p) {
                const T* from = x + corner + p * line + c;
                for (int64_t q = 0; q < columns.size(); ++q, ++position) {
                    const V value = read(from + q * s.channels, lanes);
                    const mask<T> better = (value > highest) | ((value != value) & (highest == highest));
                    winner = better.v ? bits<T>{} + position : winner;
                    highest = select(better, value, highest);
                }
            }
            const V g = read(grad + out + c, lanes);
            position = 0;
            for (int64_t p = 0; p < rows.size(); ++p) {
                T* to = grad_x + corner + p * line + c;
                for (int64_t q = 0; q < columns.size(); ++q, ++position) {
                    const V share = select(mask<T>{winner == bits<T>{} + position}, g, V(T(0)));
                    write(to + q * s.channels, read(to + q * s.channels, lanes) + share, lanes);
                }
            }
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
        for (int64_t c = channels.begin; c < channels.end; c += V::size) {
            const int64_t lanes = channels.end - c;
            const V share = read(grad + out + c, lanes) / V(count);
            for (int64_t p = 0; p < rows.size(); ++p)
                for (int64_t q = 0; q < columns.size(); ++q) {
                    T* to = corner + p * line + q * s.channels + c;
                    write(to, read(to, lanes) + share, lanes);
                }
        }
    });
}

}  // namespace nerve::NERVE_ISA

#define FAMILY_pool FAMILY_HERE
#include "cpu/instantiate.h"
