// Batch normalization of (rows, channels). Statistics are taken over tiles of fixed size, by a mean and then the
// deviations from it while the tile is in cache, and tiles are combined in double: exact enough where the mean is much
// larger than the deviation, and the same bits for any number of threads.
#include "cpu/parallel.h"
#include "cpu/simd.h"
#include "kernels.h"

namespace nerve::NERVE_ISA {
namespace {

constexpr int64_t narrow = 64;  // matrices with fewer channels are folded to lines of at least this many elements
constexpr int64_t tile_columns = 256;
constexpr int64_t tile_size = 1 << 13;
constexpr int64_t grain = 1 << 14;  // elements in a task of the elementwise passes

// `fold` rows of the matrix side by side make a line of `width` elements, which fills vectors when a row alone does
// not. Columns of that wider matrix are summed apart and joined when tiles are.
struct Lines {
    int64_t rows, channels, fold = 1, width, count, rest, tile, tiles;

    Lines(int64_t rows, int64_t channels) : rows(rows), channels(channels) {
        while (fold * channels < narrow) fold *= 2;
        width = fold * channels;
        count = rows / fold;
        rest = rows % fold;  // rows left over: a tile of their own, not folded
        tile = tile_size / (width < tile_columns ? width : tile_columns);
        tiles = (count + tile - 1) / tile;
    }
    int64_t partials() const { return tiles * width + (rest > 0 ? channels : 0); }
};

// Vectors from p on: all lanes of it, or the first ones only.
struct Whole {
    template <class T>
    NERVE_INLINE vec<T> read(const T* p) const {
        return load(p);
    }
    template <class T>
    NERVE_INLINE void write(T* p, vec<T> x) const {
        store(p, x);
    }
};
struct Part {
    int64_t lanes;
    template <class T>
    NERVE_INLINE vec<T> read(const T* p) const {
        return load_partial(p, lanes);
    }
    template <class T>
    NERVE_INLINE void write(T* p, vec<T> x) const {
        store_partial(p, x, lanes);
    }
};

// body(offset, access) for [0, size) in vectors.
template <class T, class Body>
NERVE_INLINE void each_vector(int64_t size, const Body& body) {
    int64_t i = 0;
    for (; i + vec<T>::size <= size; i += vec<T>::size) body(i, Whole{});
    if (i < size) body(i, Part{size - i});
}

// body(offset, access, count): `count` vectors at once, as an integral constant.
template <int N>
struct Count {
    static constexpr int value = N;
};
template <class T, class Body>
NERVE_INLINE void each_strip(int64_t size, const Body& body) {
    constexpr int64_t strip = 4 * vec<T>::size;
    const int64_t strips = size / strip * strip;
    for (int64_t i = 0; i < strips; i += strip) body(i, Whole{}, Count<4>{});
    each_vector<T>(size - strips, [&](int64_t i, auto access) { body(strips + i, access, Count<1>{}); });
}

// body(first element, lines, distance of lines, columns, place among the partial results) for every tile.
template <class Body>
void each_tile(const Lines& m, const Body& body) {
    const int64_t blocks = (m.width + tile_columns - 1) / tile_columns;
    parallel(m.tiles * blocks + (m.rest > 0), [&](int64_t task) {
        if (task == m.tiles * blocks) return body(m.count * m.width, m.rest, m.channels, m.channels, m.tiles * m.width);
        const int64_t line = task / blocks * m.tile, column = task % blocks * tile_columns;
        const int64_t lines = line + m.tile < m.count ? m.tile : m.count - line;
        const int64_t columns = column + tile_columns < m.width ? tile_columns : m.width - column;
        body(line * m.width + column, lines, m.width, columns, task / blocks * m.width + column);
    });
}

// body(place, channels begin, channels end, rows counted there) for every row of partial results, in a fixed order, on
// blocks of channels; before and after them `start` and `finish`(begin, end).
template <class Start, class Body, class Finish>
void combine(const Lines& m, const Start& start, const Body& body, const Finish& finish) {
    parallel_blocks(m.channels, tile_columns, [&](int64_t begin, int64_t end) {
        start(begin, end);
        for (int64_t tile = 0; tile < m.tiles; ++tile) {
            const int64_t lines = (tile + 1) * m.tile < m.count ? m.tile : m.count - tile * m.tile;
            for (int64_t f = 0; f < m.fold; ++f) body(tile * m.width + f * m.channels, begin, end, double(lines));
        }
        if (m.rest > 0) body(m.tiles * m.width, begin, end, double(m.rest));
        finish(begin, end);
    });
}

// body(offset, column, access) over the whole matrix; `column` counts within a line.
template <class T, class Body>
void each_element(const Lines& m, const Body& body) {
    const int64_t lines = m.width < grain ? grain / m.width : 1, size = m.rows * m.channels;
    parallel_blocks(size, lines * m.width, [&](int64_t begin, int64_t end) {
        for (int64_t line = begin; line < end; line += m.width) {
            const int64_t columns = line + m.width < end ? m.width : end - line;
            each_vector<T>(columns, [&](int64_t i, auto access) { body(line + i, i, access); });
        }
    });
}

// Memory for arrays, of T or double, one after the other.
class Scratch {
  public:
    explicit Scratch(int64_t bytes) : next_(static_cast<char*>(runtime::scratch(runtime::workspace, bytes))) {}
    template <class U>
    U* take(int64_t size) {
        U* taken = reinterpret_cast<U*>(next_);
        next_ += size * int64_t(sizeof(U));
        return taken;
    }

  private:
    char* next_;
};

// Repeats the first `channels` values of each array over a line.
template <class... T>
void repeat(const Lines& m, T*... values) {
    for (int64_t i = m.channels; i < m.width; ++i) ((values[i] = values[i - m.channels]), ...);
}

// Of each column of a tile: its mean, and the sums of the deviations from that and of their squares. The first of
// these sums would be zero without rounding, and corrects the other two numbers.
template <class T>
struct Moments {
    T *center, *offset, *squares;
};
template <class T>
void tile_moments(const Moments<T>& to, const T* x, const Lines& m) {
    each_tile(m, [&](int64_t first, int64_t lines, int64_t distance, int64_t columns, int64_t place) {
        each_strip<T>(columns, [&](int64_t i, auto at, auto count) {
            constexpr int n = decltype(count)::value, step = vec<T>::size;
            const T* from = x + first + i;
            vec<T> center[n], offset[n], squares[n];
            for (int k = 0; k < n; ++k) center[k] = offset[k] = squares[k] = vec<T>(T(0));
            for (int64_t line = 0; line < lines; ++line)
                for (int k = 0; k < n; ++k) center[k] += at.read(from + line * distance + k * step);
            for (int k = 0; k < n; ++k) center[k] = center[k] / vec<T>(T(lines));
            for (int64_t line = 0; line < lines; ++line)
                for (int k = 0; k < n; ++k) {
                    const vec<T> d = at.read(from + line * distance + k * step) - center[k];
                    offset[k] += d;
                    squares[k] += d * d;
                }
            for (int k = 0; k < n; ++k) {
                at.write(to.center + place + i + k * step, center[k]);
                at.write(to.offset + place + i + k * step, offset[k]);
                at.write(to.squares + place + i + k * step, squares[k]);
            }
        });
    });
}

// The mean and variance of each channel: the mean of the tiles' means, then their squares about that
// (Chan, Golub & LeVeque, "Algorithms for computing the sample variance", 1983, for all tiles at once).
template <class T>
void join_moments(double* mean, double* variance, const Moments<T>& tiles, const Lines& m) {
    combine(
        m,
        [&](int64_t begin, int64_t end) {
            for (int64_t c = begin; c < end; ++c) mean[c] = variance[c] = 0;
        },
        [&](int64_t place, int64_t begin, int64_t end, double lines) {
            for (int64_t c = begin; c < end; ++c) {  // counted from the first tile's mean, for double's sake
                const double d = double(tiles.center[place + c]) - double(tiles.center[c]);
                mean[c] += d * lines + double(tiles.offset[place + c]);
            }
        },
        [&](int64_t begin, int64_t end) {
            for (int64_t c = begin; c < end; ++c) mean[c] = double(tiles.center[c]) + mean[c] / double(m.rows);
        });
    combine(
        m, [](int64_t, int64_t) {},
        [&](int64_t place, int64_t begin, int64_t end, double lines) {
            for (int64_t c = begin; c < end; ++c) {
                const double d = double(tiles.center[place + c]) - mean[c];
                variance[c] += double(tiles.squares[place + c]) + d * (d * lines + 2 * double(tiles.offset[place + c]));
            }
        },
        [&](int64_t begin, int64_t end) {
            for (int64_t c = begin; c < end; ++c) {
                const double value = variance[c] / double(m.rows);
                variance[c] = value < 0 ? 0 : value;  // by rounding, where all values are equal
            }
        });
}

// out = (x - center) * scale + shift, the last three repeated over a line.
template <class T>
void normalize(T* out, const T* x, const T* center, const T* scale, const T* shift, const Lines& m) {
    each_element<T>(m, [&](int64_t i, int64_t column, auto at) {
        const vec<T> centered = at.read(x + i) - at.read(center + column);
        at.write(out + i, fma(centered, at.read(scale + column), at.read(shift + column)));
    });
}

// Of each column of a tile: the sums of grad and of grad * (x - center).
template <class T>
void tile_products(T* sums, T* products, const T* grad, const T* x, const T* center, const Lines& m) {
    each_tile(m, [&](int64_t first, int64_t lines, int64_t distance, int64_t columns, int64_t place) {
        const T* here = center + (place < m.tiles * m.width ? place % m.width : 0);
        each_strip<T>(columns, [&](int64_t i, auto at, auto count) {
            constexpr int n = decltype(count)::value, step = vec<T>::size;
            vec<T> sum[n], product[n], mean[n];
            for (int k = 0; k < n; ++k) {
                sum[k] = product[k] = vec<T>(T(0));
                mean[k] = at.read(here + i + k * step);
            }
            for (int64_t line = 0; line < lines; ++line)
                for (int k = 0; k < n; ++k) {
                    const int64_t from = first + i + line * distance + k * step;
                    const vec<T> g = at.read(grad + from);
                    sum[k] += g;
                    product[k] += g * (at.read(x + from) - mean[k]);
                }
            for (int k = 0; k < n; ++k) {
                at.write(sums + place + i + k * step, sum[k]);
                at.write(products + place + i + k * step, product[k]);
            }
        });
    });
}

template <class T>
void join_products(double* sum, double* product, const T* sums, const T* products, const Lines& m) {
    combine(
        m,
        [&](int64_t begin, int64_t end) {
            for (int64_t c = begin; c < end; ++c) sum[c] = product[c] = 0;
        },
        [&](int64_t place, int64_t begin, int64_t end, double) {
            for (int64_t c = begin; c < end; ++c) {
                sum[c] += double(sums[place + c]);
                product[c] += double(products[place + c]);
            }
        },
        [](int64_t, int64_t) {});
}

}  // namespace

template <class T>
void batch_norm_training(T* out, T* mean, T* variance, const T* x, const T* gamma, const T* beta, int64_t rows,
                         int64_t channels, double epsilon) {
    if (rows == 0 || channels == 0) return;
    const Lines m(rows, channels);
    Scratch scratch(2 * channels * sizeof(double) + 3 * (m.partials() + m.width) * sizeof(T));
    double *exact_mean = scratch.take<double>(channels), *exact_variance = scratch.take<double>(channels);
    const Moments<T> tiles{scratch.take<T>(m.partials()), scratch.take<T>(m.partials()), scratch.take<T>(m.partials())};
    T *center = scratch.take<T>(m.width), *scale = scratch.take<T>(m.width), *shift = scratch.take<T>(m.width);
    tile_moments(tiles, x, m);
    join_moments(exact_mean, exact_variance, tiles, m);
    for (int64_t c = 0; c < channels; ++c) {
        // The part of the mean that T cannot hold goes into the shift, so that it does not bias the output.
        const double factor = (gamma ? double(gamma[c]) : 1) / __builtin_sqrt(exact_variance[c] + epsilon);
        mean[c] = center[c] = T(exact_mean[c]);
        variance[c] = T(exact_variance[c]);
        scale[c] = T(factor);
        shift[c] = T((beta ? double(beta[c]) : 0) - (exact_mean[c] - double(center[c])) * factor);
    }
    repeat(m, center, scale, shift);
    normalize(out, x, center, scale, shift, m);
}

template <class T>
void batch_norm_inference(T* out, const T* x, const T* mean, const T* variance, const T* gamma, const T* beta,
                          int64_t rows, int64_t channels, double epsilon) {
    if (rows == 0 || channels == 0) return;
    const Lines m(rows, channels);
    Scratch scratch(3 * m.width * sizeof(T));
    T *center = scratch.take<T>(m.width), *scale = scratch.take<T>(m.width), *shift = scratch.take<T>(m.width);
    for (int64_t c = 0; c < channels; ++c) {
        center[c] = mean[c];
        scale[c] = T((gamma ? double(gamma[c]) : 1) / __builtin_sqrt(double(variance[c]) + epsilon));
        shift[c] = beta ? beta[c] : T(0);
    }
    repeat(m, center, scale, shift);
    normalize(out, x, center, scale, shift, m);
}

template <class T>
void batch_norm_backward(T* grad_x, T* grad_gamma, T* grad_beta, const T* grad, const T* x, const T* mean,
                         const T* variance, const T* gamma, int64_t rows, int64_t channels, double epsilon) {
    if (channels == 0) return;
    const Lines m(rows, channels);
    Scratch scratch(2 * channels * sizeof(double) + (2 * m.partials() + 4 * m.width) * sizeof(T));
    double *sum = scratch.take<double>(channels), *product = scratch.take<double>(channels);
    T *sums = scratch.take<T>(m.partials()), *products = scratch.take<T>(m.partials());
    T *center = scratch.take<T>(m.width), *scale = scratch.take<T>(m.width), *slope = scratch.take<T>(m.width),
      *average = scratch.take<T>(m.width);
    for (int64_t c = 0; c < channels; ++c) center[c] = mean[c];
    repeat(m, center);
    tile_products(sums, products, grad, x, center, m);
    join_products(sum, product, sums, products, m);
    for (int64_t c = 0; c < channels; ++c) {
        const double inverse = 1 / __builtin_sqrt(double(variance[c]) + epsilon);
        grad_beta[c] = T(sum[c]);
        grad_gamma[c] = T(product[c] * inverse);
        scale[c] = T((gamma ? double(gamma[c]) : 1) * inverse);
        slope[c] = T(-product[c] * inverse * inverse / double(rows));
        average[c] = T(sum[c] / double(rows));
    }
    repeat(m, scale, slope, average);
    // gamma / deviation * (grad - average(grad) - normalized * average(grad * normalized))
    each_element<T>(m, [=](int64_t i, int64_t column, auto at) {
        const vec<T> g = at.read(grad + i) - at.read(average + column);
        const vec<T> centered = at.read(x + i) - at.read(center + column);
        at.write(grad_x + i, at.read(scale + column) * fma(at.read(slope + column), centered, g));
    });
}

}  // namespace nerve::NERVE_ISA

#define FAMILY_norm FAMILY_HERE
#include "cpu/instantiate.h"
