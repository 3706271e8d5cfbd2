// Images of another size. Of images that grow, rows are first made wider, those that the next row of the result needs
// being kept, and then mixed; of images that shrink, rows are first mixed and then made narrower: either way the second
// step has little to read, from the first cache. Pixels that fill registers are made at once: copied to all the lines
// that show them, or mixed from the four around.
#include "cpu/parallel.h"
#include "cpu/resize_across.h"
#include "cpu/simd.h"
#include "shapes.h"

namespace nerve::NERVE_ISA {
namespace {

constexpr int64_t task_elements = 65536;

// Results of more bytes than this are written past the caches, which would first read what is overwritten.
constexpr int64_t streamed_bytes = 16 << 20;

// To a multiple of the vector's size.
template <class T>
NERVE_INLINE void store_past_caches(T* p, vec<T> x) {
#if defined(__AVX512F__)
    _mm512_stream_si512((__m512i*)p, (__m512i)x.v);
#elif defined(__AVX2__)
    _mm256_stream_si256((__m256i*)p, (__m256i)x.v);
#else
    store(p, x);
#endif
}
// Whoever is told that this thread is done sees what it has stored so.
NERVE_INLINE void finish_streaming() {
#if defined(__AVX2__)
    _mm_sfence();
#endif
}

template <class T, int fixed, int unroll>
NERVE_INLINE void mix_some(T* out, const T* const* rows, const T* weights, int64_t taps, int64_t e) {
    constexpr int n = vec<T>::size;
    vec<T> value[unroll];
    for (int u = 0; u < unroll; ++u) value[u] = load(rows[0] + e + u * n) * vec<T>(weights[0]);
    for (int64_t k = 1; k < (fixed ? fixed : taps); ++k)
        for (int u = 0; u < unroll; ++u) value[u] = fma(load(rows[k] + e + u * n), vec<T>(weights[k]), value[u]);
    for (int u = 0; u < unroll; ++u) store(out + e + u * n, value[u]);
}

// out[e] = the sum of weights[k] rows[k][e]
template <class T, int fixed>
NERVE_INLINE void mix_fixed(T* out, const T* const* rows, const T* weights, int64_t taps, int64_t size) {
    constexpr int n = vec<T>::size;
    int64_t e = 0;
    for (; e + 4 * n <= size; e += 4 * n) mix_some<T, fixed, 4>(out, rows, weights, taps, e);
    for (; e + n <= size; e += n) mix_some<T, fixed, 1>(out, rows, weights, taps, e);
    if (e == size) return;
    vec<T> value = load_partial(rows[0] + e, size - e) * vec<T>(weights[0]);
    for (int64_t k = 1; k < taps; ++k) value = fma(load_partial(rows[k] + e, size - e), vec<T>(weights[k]), value);
    store_partial(out + e, value, size - e);
}

template <class T>
NERVE_NOINLINE void mix(T* out, const T* const* rows, const T* weights, int64_t taps, int64_t size) {
    if (taps == 2)
        mix_fixed<T, 2>(out, rows, weights, taps, size);
    else if (taps == 4)
        mix_fixed<T, 4>(out, rows, weights, taps, size);
    else
        mix_fixed<T, 0>(out, rows, weights, taps, size);
}

// Whether every element is one of the line as it is.
template <class T>
NERVE_INLINE bool copies(const T* weights, int64_t taps, int64_t size) {
    if (taps != 1) return false;
    for (int64_t i = 0; i < size; ++i)
        if (weights[i] != 1) return false;
    return true;
}

template <class T>
struct Resize {
    T* out;
    const T* x;
    const int64_t* starts;  // of rows
    const T* weights;
    const ResizeShape& s;
    Across<T> across;
    bool rows_are_copies, same_columns;
    int64_t row, out_row;  // elements

    Resize(T* out, const T* x, const int64_t* row_starts, const T* row_weights, const int64_t* column_starts,
           const T* column_weights, const ResizeShape& s)
        : out(out), x(x), starts(row_starts), weights(row_weights), s(s) {
        row = s.width * s.channels, out_row = s.out_width * s.channels;
        across = {column_starts, column_weights, s.column_taps,
                  s.out_width,   s.channels,     copies(column_weights, s.column_taps, s.out_width)};
        rows_are_copies = copies(row_weights, s.row_taps, s.out_height);
        same_columns = across.copies && s.width == s.out_width;
        for (int64_t j = 0; same_columns && j < s.width; ++j) same_columns = column_starts[j] == j;
        if (!same_columns) across.prepare(runtime::scratch(runtime::packed_a, size_t(across.table_bytes())));
    }

    // Row `at` of all images made wide. Behind the last row there is nothing to read.
    NERVE_INLINE void wide(T* to, int64_t at, T* padded) const {
        const T* from = x + at * row;
        if ((s.batch * s.height - 1 - at) * row < Across<T>::over_read) {
            std::memcpy(padded, from, size_t(row) * sizeof(T));
            from = padded;
        }
        across(to, from);
    }

    // As many elements, and the addresses of the rows that are mixed.
    NERVE_INLINE T* memory(const T**& rows, int64_t elements) const {
        const size_t addresses = (size_t(s.row_taps) * sizeof(T*) + 63) / 64 * 64;
        char* found =
            static_cast<char*>(runtime::scratch(runtime::workspace, addresses + size_t(elements) * sizeof(T)));
        rows = reinterpret_cast<const T**>(found);
        return reinterpret_cast<T*>(found + addresses);
    }

    // Lines [begin, end) of the results, counted through all images.
    void grown(int64_t begin, int64_t end) const {
        const int64_t taps = s.row_taps, stride = (out_row + 31) / 16 * 16;
        const T** rows;
        T* ring = memory(rows, taps * stride + row + Across<T>::over_read);
        T* padded = ring + taps * stride;
        int64_t ready = 0;  // rows before this one are in the ring, as far as it reaches
        for (int64_t line = begin; line < end; ++line) {
            const int64_t b = line / s.out_height, i = line % s.out_height, first = b * s.height + starts[i];
            T* to = out + line * out_row;
            if (rows_are_copies) {
                const bool again = line > begin && i > 0 && starts[i] == starts[i - 1];
                if (again)
                    std::memcpy(to, to - out_row, size_t(out_row) * sizeof(T));
                else
                    wide(to, first, padded);
                continue;
            }
            for (int64_t at = ready > first ? ready : first; at < first + taps; ++at)
                wide(ring + at % taps * stride, at, padded);
            ready = first + taps;
            for (int64_t k = 0; k < taps; ++k) rows[k] = ring + (first + k) % taps * stride;
            mix(to, rows, weights + i * taps, taps, out_row);
        }
    }

    // Copies of pixels that fill registers, written to all the lines that are equal.
    template <bool streams>
    void copied(int64_t begin, int64_t end) const {
        constexpr int n = vec<T>::size;
        const int64_t channels = s.channels, whole = channels / n * n;
        for (int64_t line = begin, behind; line < end; line = behind) {
            const int64_t b = line / s.out_height, i = line % s.out_height;
            for (behind = line + 1; behind < end && behind % s.out_height > i;) {
                if (starts[behind % s.out_height] != starts[i]) break;
                ++behind;
            }
            const T* from = x + (b * s.height + starts[i]) * row;
            for (int64_t j = 0; j < s.out_width; ++j) {
                const T* p = from + across.starts[j] * channels;
                T *first = out + line * out_row + j * channels, *last = first + (behind - line) * out_row;
                for (int64_t c = 0; c < whole; c += n) {
                    const vec<T> value = load(p + c);
                    for (T* to = first; to < last; to += out_row)
                        streams ? store_past_caches(to + c, value) : store(to + c, value);
                }
                if (whole == channels) continue;
                const vec<T> value = load_partial(p + whole, channels - whole);
                for (T* to = first; to < last; to += out_row) store_partial(to + whole, value, channels - whole);
            }
        }
    }

    // Both steps at once, between two rows and two columns, of pixels that fill registers.
    template <bool streams>
    void between(int64_t begin, int64_t end) const {
        constexpr int n = vec<T>::size;
        const int64_t channels = s.channels, whole = channels / n * n;
        for (int64_t line = begin; line < end; ++line) {
            const int64_t b = line / s.out_height, i = line % s.out_height;
            const T* above = x + (b * s.height + starts[i]) * row;
            const vec<T> top(weights[2 * i]), bottom(weights[2 * i + 1]);
            T* to = out + line * out_row;
            for (int64_t j = 0; j < s.out_width; ++j, to += channels) {
                const T* p = above + across.starts[j] * channels;
                const vec<T> left(across.weights[2 * j]), right(across.weights[2 * j + 1]);
                const auto at = [&](const auto& get, int64_t c) NERVE_LAMBDA_INLINE {
                    const vec<T> upper = fma(get(p + channels + c), right, get(p + c) * left);
                    const vec<T> lower = fma(get(p + row + channels + c), right, get(p + row + c) * left);
                    return fma(lower, bottom, upper * top);
                };
                for (int64_t c = 0; c < whole; c += n) {
                    const vec<T> value = at([](const T* q) NERVE_LAMBDA_INLINE { return load(q); }, c);
                    streams ? store_past_caches(to + c, value) : store(to + c, value);
                }
                if (const int64_t rest = channels - whole; rest > 0)
                    store_partial(to + whole,
                                  at([&](const T* q) NERVE_LAMBDA_INLINE { return load_partial(q, rest); }, whole),
                                  rest);
            }
        }
    }

    void shrunk(int64_t begin, int64_t end) const {
        const int64_t taps = s.row_taps;
        const T** rows;
        T* mixed = memory(rows, row + Across<T>::over_read);
        for (int64_t line = begin; line < end; ++line) {
            const int64_t b = line / s.out_height, i = line % s.out_height;
            for (int64_t k = 0; k < taps; ++k) rows[k] = x + (b * s.height + starts[i] + k) * row;
            T* to = out + line * out_row;
            if (same_columns && rows_are_copies) {
                std::memcpy(to, rows[0], size_t(row) * sizeof(T));
            } else if (same_columns) {
                mix(to, rows, weights + i * taps, taps, row);
            } else {
                mix(mixed, rows, weights + i * taps, taps, row);
                across(to, mixed);
            }
        }
    }
};

template <class T>
void run(const Resize<T>& work) {
    using Way = void (Resize<T>::*)(int64_t, int64_t) const;
    const ResizeShape& s = work.s;
    Way way = s.out_height > s.height || work.rows_are_copies ? &Resize<T>::grown : &Resize<T>::shrunk;
    // The order of a sum hangs on it, so it is the same on every instruction set.
    constexpr int64_t many_channels = 64 / sizeof(T);
    static_assert(many_channels >= vec<T>::size);
    const bool wide_pixels = s.channels >= many_channels;
    const bool streams = s.batch * s.out_height * work.out_row * int64_t(sizeof(T)) > streamed_bytes &&
                         s.channels % vec<T>::size == 0 && uintptr_t(work.out) % vector_bytes == 0;
    if (work.same_columns)
        way = &Resize<T>::shrunk;
    else if (work.rows_are_copies && work.across.copies && wide_pixels)
        way = streams ? &Resize<T>::template copied<true> : &Resize<T>::template copied<false>;
    else if (s.row_taps == 2 && s.column_taps == 2 && wide_pixels)
        way = streams ? &Resize<T>::template between<true> : &Resize<T>::template between<false>;
    // The wider of the two sizes counts: a task's rows are worth the few that are made again at its beginning.
    const int64_t line = work.row > work.out_row ? work.row : work.out_row;
    parallel_blocks(s.batch * s.out_height, task_elements / line + 8, [&](int64_t begin, int64_t end) {
        (work.*way)(begin, end);
        if (streams) finish_streaming();
    });
}

}  // namespace

template <class T>
void resize(T* out, const T* x, const int64_t* row_starts, const T* row_weights, const int64_t* column_starts,
            const T* column_weights, const ResizeShape& shape) {
    if (shape.batch * shape.out_height * shape.out_width * shape.channels == 0) return;
    run(Resize<T>(out, x, row_starts, row_weights, column_starts, column_weights, shape));
}

}  // namespace nerve::NERVE_ISA

#define NERVE_FAMILY "kernels/resizing.inc"
#include "cpu/instantiate.h"
