// Convolution that gathers nothing: a register tile of output pixels by filters reads the patches where they lie,
// through pointers, beside a packed kernel (after Dukhan, "The Indirect Convolution Algorithm", 2019). Each output is a
// sum of chains of fma over the taps and channels in order, whatever the tile or the threads.
#pragma once
#include "cpu/conv_blocks.h"
#if defined(__AVX512F__)
#include "cpu/conv_amx.h"
#endif

namespace nerve::NERVE_ISA {

// A chain that has grown to this length ends with the run of channels it is in: long ones lose digits.
constexpr int64_t chain = 256;

// Where output pixel (n, i, j) lies: out + n * image + i * row + j * pixel.
template <class T>
struct Places {
    T* out;
    int64_t image, row, pixel;
    const T* bias;  // may be null
    Activation activation;
};

template <class T>
NERVE_NOINLINE void activate_pixels(T* const* out, int64_t column, int rows, int64_t columns, Activation activation) {
    for (int r = 0; r < rows; ++r)
        for (int64_t c = 0; c < columns; c += vec<T>::size) {
            const int64_t n = smaller(columns - c, vec<T>::size);
            T* to = out[r] + column + c;
            store_partial(to, activate(activation, load_partial(to, n)), n);
        }
}

// Adds `steps` products to the tile: sum[r][j] += a[r][i] * b[i][j].
template <int steps, class T, int R, int J>
NERVE_INLINE void add_products(vec<T> (&sum)[R][J], const T* const (&a)[R], int64_t k, const T* b) {
    using V = vec<T>;
#pragma GCC unroll 4
    for (int i = 0; i < steps; ++i) {
        V bi[J];
#pragma GCC unroll 4
        for (int j = 0; j < J; ++j) bi[j] = load(b + i * tile_columns<T> + j * V::size);
#pragma GCC unroll 16
        for (int r = 0; r < R; ++r) {
            const V ai(a[r][k + i]);
#pragma GCC unroll 4
            for (int j = 0; j < J; ++j) sum[r][j] = fma(ai, bi[j], sum[r][j]);
        }
    }
}

// Columns [column, column + columns) of R pixels, the first `rows` of which are stored. The i-th run of `run` elements
// that pixel r looks at lies at x[r] + offsets[i].
template <class T, int R, int J>
void direct_tile(T* const* out, const T* const* x, const int64_t* offsets, int64_t runs, int64_t run, const T* b,
                 int64_t column, int rows, int64_t columns, const Places<T>& places) {
    using V = vec<T>;
    V sum[R][J];
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
        for (int j = 0; j < J; ++j) sum[r][j] = V(T(0));
    V total[R][J];  // of the chains before this one
    bool folded = false;
    int64_t count = 0;
    for (int64_t i = 0; i < runs; ++i) {
        const T* a[R];
#pragma GCC unroll 16
        for (int r = 0; r < R; ++r) a[r] = x[r] + offsets[i];
        for (int64_t k = 0; k < run;) {
            if (count >= chain) {
                for (int r = 0; r < R; ++r)
                    for (int j = 0; j < J; ++j) total[r][j] = folded ? total[r][j] + sum[r][j] : sum[r][j];
#pragma GCC unroll 16
                for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
                    for (int j = 0; j < J; ++j) sum[r][j] = V(T(0));
                folded = true, count = 0;
            }
            const int64_t end = smaller(run, k + chain);
            count += end - k;
            for (; k + 4 <= end; k += 4, b += 4 * tile_columns<T>) add_products<4>(sum, a, k, b);
            for (; k < end; ++k, b += tile_columns<T>) add_products<1>(sum, a, k, b);
        }
    }
    if (folded)
#pragma GCC unroll 16
        for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
            for (int j = 0; j < J; ++j) sum[r][j] = total[r][j] + sum[r][j];
    const bool relu = places.activation == Activation::relu;
#pragma GCC unroll 4
    for (int j = 0; j < J; ++j) {
        const int64_t width = smaller(columns - j * V::size, V::size);
        if (width <= 0) break;
        const int64_t at = column + j * V::size;
        const V bias = places.bias != nullptr ? load_partial(places.bias + at, width) : V(T(0));
#pragma GCC unroll 16
        for (int r = 0; r < R; ++r) {
            if (r >= rows) break;
            V value = places.bias != nullptr ? sum[r][j] + bias : sum[r][j];
            if (relu) value = max(value, V(T(0)));
            if (width == V::size)
                store(out[r] + at, value);
            else
                store_partial(out[r] + at, value, width);
        }
    }
    if (!relu && places.activation != Activation::linear)
        activate_pixels(out, column, rows, columns, places.activation);
}

template <class T, int J>
inline void direct_tile_of(T* const* out, const T* const* x, const int64_t* offsets, int64_t runs, int64_t run,
                           const T* b, int64_t column, int rows, int64_t columns, const Places<T>& places) {
    if (rows <= 4)
        direct_tile<T, 4, J>(out, x, offsets, runs, run, b, column, rows, columns, places);
    else if (tile_rows > 8 && rows <= 8)
        direct_tile<T, (tile_rows > 8 ? 8 : tile_rows), J>(out, x, offsets, runs, run, b, column, rows, columns,
                                                           places);
    else
        direct_tile<T, tile_rows, J>(out, x, offsets, runs, run, b, column, rows, columns, places);
}

// places (images * rows_y * rows_x pixels, columns) = patches @ B; pack_b as for gemm.
template <class T, class PackB>
void direct(const Patches<T>& m, int64_t images, int64_t columns, const PackB& pack_b, const Places<T>& places) {
    constexpr int64_t width = tile_columns<T>, packed_size = int64_t(4) << 20, tasks_wanted = 16;
    const int64_t inner = m.taps_y * m.taps_x * m.channels, pixels = images * m.rows_y * m.rows_x;
    if (pixels <= 0 || columns <= 0) return;
    // A block of pixels and a panel of the kernel stay in the cache together.
    const PixelBlocks<T> blocks(m, images, inner < 2048 ? 224 : 112);
    const int64_t run_taps = blocks.merged() && m.taps_x > 0 ? m.taps_x : 1, run = run_taps * m.channels;
    const int64_t runs = inner == 0 ? 0 : m.taps_y * m.taps_x / run_taps;
    // Kernels too large for the cache are packed and used by parts.
    int64_t block = packed_size / (int64_t(sizeof(T)) * (inner + 1)) / width * width;
    block = smaller(block < width ? width : block, (columns + width - 1) / width * width);
    T* packed = static_cast<T*>(
        runtime::scratch(runtime::packed_b, size_t(inner * block) * sizeof(T) + size_t(runs) * sizeof(int64_t)));
    int64_t* offsets = reinterpret_cast<int64_t*>(packed + inner * block);
    for (int64_t i = 0; i < runs; ++i) offsets[i] = blocks.tap(i * run_taps);
    for (int64_t column0 = 0; column0 < columns; column0 += block) {
        const int64_t count = smaller(columns - column0, block), panels = (count + width - 1) / width;
        parallel_blocks(panels, 1 + 16384 / (width * (inner + 1)), [&](int64_t begin, int64_t end) {
            for (int64_t p = begin; p < end; ++p)
                pack_b(packed + p * width * inner, column0 + p * width, smaller(count - p * width, width), 0, inner);
        });
        const int64_t chunks = smaller(panels, (tasks_wanted + blocks.count - 1) / blocks.count);
        auto body = [&](int64_t index, int64_t chunk) {
            const int64_t begin = blocks.first_pixel(index), most = blocks.most_pixels() + tile_rows;
            char* scratch = static_cast<char*>(runtime::scratch(
                runtime::packed_a, size_t(blocks.most_segments()) * sizeof(Segment<T>) + size_t(most) * 2 * sizeof(T*) +
                                       size_t(inner == 0 ? 0 : blocks.copy_size()) * sizeof(T)));
            Segment<T>* segments = reinterpret_cast<Segment<T>*>(scratch);
            T** out = reinterpret_cast<T**>(segments + blocks.most_segments());
            const T** x = const_cast<const T**>(out + most);
            T* copy = reinterpret_cast<T*>(out + 2 * most);
            if (inner > 0) blocks.copy(copy, index);
            const int64_t n = blocks.segments(segments, copy, index), step = blocks.x_step();
            int64_t i = begin / m.rows_x % m.rows_y, j = begin % m.rows_x, size = 0;
            T* image = places.out + begin / m.rows_x / m.rows_y * places.image;
            for (const Segment<T>* s = segments; s < segments + n; ++s)
                for (int64_t e = 0; e < s->count; ++e, ++size) {
                    x[size] = s->x + e * step;
                    out[size] = image + i * places.row + j * places.pixel;
                    if (++j < m.rows_x) continue;
                    j = 0;
                    if (++i < m.rows_y) continue;
                    i = 0, image += places.image;
                }
            for (int64_t e = size; e < size + tile_rows; ++e) x[e] = x[size - 1];
            const int64_t first_panel = chunk * panels / chunks, end_panel = (chunk + 1) * panels / chunks;
            const int64_t tiles = (size + tile_rows - 1) / tile_rows, parts = (end_panel - first_panel) * tiles;
            for (int64_t p = first_panel, part = 0; p < end_panel; ++p) {
                const int64_t column = column0 + p * width, n_columns = smaller(columns - column, width);
                for (int64_t e = 0; e < size; e += tile_rows, ++part) {
                    blocks.prefetch(index + 1, part, parts);
                    const int rows = int(smaller(size - e, tile_rows));
                    const T* b = packed + p * width * inner;
                    if (n_columns <= vec<T>::size)
                        direct_tile_of<T, 1>(out + e, x + e, offsets, runs, run, b, column, rows, n_columns, places);
                    else
                        direct_tile_of<T, tile_vectors>(out + e, x + e, offsets, runs, run, b, column, rows, n_columns,
                                                        places);
                }
            }
        };
        const int64_t tasks = blocks.count * chunks;
        parallel_blocks(tasks, pixels * count * (inner + 1) < 32768 ? tasks : 1, [&](int64_t begin, int64_t end) {
            for (int64_t task = begin; task < end; ++task) body(task / chunks, task % chunks);
        });
    }
}

// The same by way of gemm, which packs patches: kernels too large for the cache want both operands cut.
template <class T, class PackB>
void gathered(const Patches<T>& m, int64_t images, int64_t columns, const PackB& pack_b, const Places<T>& places) {
    gemm<T>(images * m.rows_y * m.rows_x, columns, m.taps_y * m.taps_x * m.channels,
            [&](T* panel, int64_t row, int64_t rows, int64_t k, int64_t count) {
                pack_patches(panel, m, row, rows, k, count);
            },
            pack_b, {places.out, places.pixel, places.bias, places.activation});
}

// The product by whichever way is the faster one for its shape.
template <class T, class PackB>
void product(const Patches<T>& m, int64_t images, int64_t columns, const PackB& pack_b, const Places<T>& places) {
    const int64_t inner = m.taps_y * m.taps_x * m.channels;
    const bool dense = places.row == m.rows_x * places.pixel && places.image == m.rows_y * places.row;
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4) {
        const int64_t pixels = images * m.rows_y * m.rows_x;
        if (dense && pixels > 0 && columns > 0 &&
            amx::convolve(m, pixels, columns, pack_b, {places.out, places.pixel, places.bias, places.activation}))
            return;
    }
#endif
    if (dense && inner >= 4096 && columns >= 128)
        gathered(m, images, columns, pack_b, places);
    else
        direct(m, images, columns, pack_b, places);
}

}  // namespace nerve::NERVE_ISA
