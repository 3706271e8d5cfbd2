// Runs of elements that are moved together.
#pragma once
#include "cpu/shuffle.h"
#include "cpu/simd.h"

namespace nerve::NERVE_ISA {

constexpr int64_t task_elements = 16384;
constexpr int64_t ahead = 4;  // lines, of those that come in no order, that are fetched before they are needed

NERVE_INLINE int64_t min(int64_t a, int64_t b) { return a < b ? a : b; }
NERVE_INLINE int64_t max(int64_t a, int64_t b) { return a > b ? a : b; }
NERVE_INLINE int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Asks for the first 2 KB of a line.
template <class T>
NERVE_INLINE void prefetch_line(const T* x, int64_t size) {
    const char* p = reinterpret_cast<const char*>(x);
    const int64_t bytes = min(size * int64_t(sizeof(T)), 2048);
    for (int64_t i = 0; i < bytes; i += 64) __builtin_prefetch(p + i);
}

// Not memcpy, whose "rep movs" takes a tenth longer on Zen 4 where x is not aligned to cache lines. A line that
// prefetch_line asked for is `fetched`.
template <bool fetched = false, class T>
NERVE_INLINE void copy_line(T* out, const T* x, int64_t size) {
    constexpr int n = vec<T>::size;
    int64_t i = 0;
    for (; i + n <= size; i += n) store(out + i, fetched ? load(x + i) : load_streamed(x + i));
    if (i < size) store_partial(out + i, load_partial(x + i, size - i), size - i);
}

// Lines that stand one after another in `out`: what is stored beyond one is overwritten by the next.
template <class T>
NERVE_INLINE void copy_short_lines(T* out, const T* x, int64_t rows, int64_t size, int64_t x_stride) {
    constexpr int n = vec<T>::size;
    const int64_t whole = size / n * n, left = size - whole;
    // A line shorter than a register may reach beyond the last one.
    const int64_t safe = left == 0 ? rows : max(0, rows - ceil_div(n, size));
    for (int64_t r = 0; r < safe; ++r, out += size, x += x_stride) {
        for (int64_t i = 0; i < whole; i += n) store(out + i, load_streamed(x + i));
        if (left > 0) store(out + whole, load_partial(x + whole, left));
    }
    for (int64_t r = safe; r < rows; ++r, out += size, x += x_stride) copy_line(out, x, size);
}

template <class T>
NERVE_INLINE void fill_line(T* out, T value, int64_t size) {
    constexpr int n = vec<T>::size;
    int64_t i = 0;
    for (; i + n <= size; i += n) store(out + i, vec<T>(value));
    if (i < size) store_partial(out + i, vec<T>(value), size - i);
}

// out[i] = x[-i]
template <class T>
NERVE_INLINE void copy_reversed(T* out, const T* x, int64_t size) {
    constexpr int n = vec<T>::size;
    int64_t i = 0;
    for (; i + n <= size; i += n) store(out + i, reversed(load(x - i - (n - 1))));
    for (; i < size; ++i) out[i] = x[-i];
}

// out[i] = x[2 i]
template <class T>
NERVE_INLINE void copy_every_second(T* out, const T* x, int64_t size) {
    constexpr int n = vec<T>::size;
    int64_t i = 0;
    for (; i + n < size; i += n) store(out + i, every_second(load(x + 2 * i), load(x + 2 * i + n)));
    for (; i < size; ++i) out[i] = x[2 * i];
}

}  // namespace nerve::NERVE_ISA
