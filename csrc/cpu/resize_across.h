// Rows of pixels with another width: every pixel of the result a weighted sum of neighbours in the row. Of few channels
// a register of the result holds several pixels; where there is an instruction for it, its elements are picked from the
// registers in which their neighbours lie, by lane numbers that are worked out once for all rows.
#pragma once
#include "cpu/quad.h"
#include "cpu/simd.h"

namespace nerve::NERVE_ISA {

template <class T>
struct Across {
    const int64_t* starts;
    const T* weights;
    int64_t taps, pixels, channels;
    bool copies;  // one tap of weight one

    // For each register of the result: the first element it needs at tap 0, and its lanes counted from there.
    int64_t registers = 0;  // in which the lanes of one tap lie at most; 0: pixel by pixel
    int32_t *bases = nullptr, *lanes = nullptr;
    T* spread = nullptr;  // weights by register and tap

    static constexpr int64_t over_read = 4 * vec<T>::size;  // elements that may be read behind a row

    NERVE_INLINE int64_t vectors() const { return (pixels * channels + vec<T>::size - 1) / vec<T>::size; }
    NERVE_INLINE int64_t table_bytes() const {
        return vectors() * (vector_bytes * (1 + taps) + int64_t(sizeof(int32_t)) * 16) + 128;
    }

#if defined(__AVX512F__)
    // Works out the lanes, in memory of table_bytes().
    NERVE_INLINE void prepare(void* memory) {
        if (sizeof(T) != 4 || channels >= vec<T>::size) return;
        const int64_t n = vec<T>::size, count = vectors(), size = pixels * channels;
        spread = static_cast<T*>(memory);
        lanes = reinterpret_cast<int32_t*>(spread + count * taps * n);
        bases = lanes + count * n;
        int64_t span = 0;
        for (int64_t v = 0; v < count; ++v) {
            int64_t base = 0;
            for (int64_t lane = 0; lane < n; ++lane) {
                const int64_t element = v * n + lane < size ? v * n + lane : size - 1;
                const int64_t from = starts[element / channels] * channels + element % channels;
                // Of the second pixel on, channels may come before those that the first pixel begins with.
                if (lane == 0) base = from - element % channels;
                lanes[v * n + lane] = int32_t(from - base);
                span = from - base + 1 > span ? from - base + 1 : span;
                for (int64_t k = 0; k < taps; ++k)
                    spread[(v * taps + k) * n + lane] = weights[element / channels * taps + k];
            }
            bases[v] = int32_t(base);
        }
        registers = (span + n - 1) / n;
        // Pixel by pixel three and four channels take as long as lanes picked from more registers than two.
        if (registers > 4 || (registers > 2 && (channels == 3 || channels == 4))) registers = 0;
        if (registers == 3) registers = 4;
    }

    template <int many>
    static NERVE_INLINE vec<T> pick(const T* from, __m512i lanes) {
        using V = typename vec<T>::native;
        const auto at = [&](int r) NERVE_LAMBDA_INLINE { return (__m512)load(from + 16 * r).v; };
        if constexpr (many == 1) return (V)_mm512_maskz_permutexvar_ps(__mmask16(-1), lanes, at(0));
        const __m512 low = _mm512_permutex2var_ps(at(0), lanes, at(1));
        if constexpr (many == 2) return (V)low;
        const __m512 high = _mm512_permutex2var_ps(at(2), lanes, at(3));
        return (V)_mm512_mask_mov_ps(low, _mm512_test_epi32_mask(lanes, _mm512_set1_epi32(32)), high);
    }

    template <int many, int fixed>
    NERVE_INLINE void by_lanes(T* out, const T* in) const {
        constexpr int n = vec<T>::size;
        const int64_t count = vectors(), size = pixels * channels, all = fixed ? fixed : taps;
        for (int64_t v = 0; v < count; ++v) {
            const T* from = in + bases[v];
            const T* w = spread + v * all * n;
            const __m512i at = _mm512_loadu_si512(lanes + v * n);
            vec<T> value = pick<many>(from, at);
            if (!copies) value = value * load(w);
            for (int64_t k = 1; k < all; ++k) value = fma(pick<many>(from + k * channels, at), load(w + k * n), value);
            size - v* n < n ? store_partial(out + v * n, value, size - v * n) : store(out + v * n, value);
        }
    }
    template <int many>
    NERVE_INLINE void by_lanes(T* out, const T* in) const {
        if (taps == 1)
            by_lanes<many, 1>(out, in);
        else if (taps == 2)
            by_lanes<many, 2>(out, in);
        else if (taps == 4)
            by_lanes<many, 4>(out, in);
        else
            by_lanes<many, 0>(out, in);
    }
#else
    NERVE_INLINE void prepare(void*) {}
#endif

    // Of three channels the fourth value read is the next pixel's, and the one written is overwritten by it.
    template <int fixed>
    NERVE_INLINE void by_quads(T* out, const T* in) const {
        using V = typename quad<T>::type;
        const int64_t all = fixed ? fixed : taps;
        const auto at = [&](const T* p) NERVE_LAMBDA_INLINE {
            V r;
            std::memcpy(&r, p, sizeof r);
            return r;
        };
        for (int64_t j = 0; j < pixels; ++j) {
            const T* from = in + starts[j] * channels;
            const T* w = weights + j * all;
            V value = at(from) * w[0];
            for (int64_t k = 1; k < all; ++k) value = fma_quad(at(from + k * channels), w[k], value);
            std::memcpy(out + j * channels, &value, j + 1 < pixels ? sizeof value : size_t(channels) * sizeof(T));
        }
    }

    template <int fixed>
    NERVE_INLINE void by_channels(T* out, const T* in) const {
        constexpr int n = vec<T>::size;
        const int64_t all = fixed ? fixed : taps, whole = channels / n * n;
        for (int64_t j = 0; j < pixels; ++j) {
            T* to = out + j * channels;
            const T* from = in + starts[j] * channels;
            const T* w = weights + j * all;
            for (int64_t c = 0; c < whole; c += n) {
                vec<T> value = load(from + c) * vec<T>(w[0]);
                for (int64_t k = 1; k < all; ++k) value = fma(load(from + k * channels + c), vec<T>(w[k]), value);
                store(to + c, value);
            }
            if (whole == channels) continue;
            const int64_t rest = channels - whole;
            vec<T> value = load_partial(from + whole, rest) * vec<T>(w[0]);
            for (int64_t k = 1; k < all; ++k)
                value = fma(load_partial(from + k * channels + whole, rest), vec<T>(w[k]), value);
            store_partial(to + whole, value, rest);
        }
    }

    template <int fixed>
    NERVE_INLINE void by_pixels(T* out, const T* in) const {
        const int64_t all = fixed ? fixed : taps;
        if (channels == 3 || channels == 4) return by_quads<fixed>(out, in);
        if (channels > 2) return by_channels<fixed>(out, in);
        for (int64_t j = 0; j < pixels; ++j)
            for (int64_t c = 0; c < channels; ++c) {
                const T* from = in + starts[j] * channels + c;
                T value = from[0] * weights[j * all];
                for (int64_t k = 1; k < all; ++k) value = fma_one(from[k * channels], weights[j * all + k], value);
                out[j * channels + c] = value;
            }
    }

    // One row; up to `over_read` elements behind it are read, and do not count.
    NERVE_NOINLINE void operator()(T* out, const T* in) const {
#if defined(__AVX512F__)
        if constexpr (sizeof(T) == 4) {
            if (registers == 1) return by_lanes<1>(out, in);
            if (registers == 2) return by_lanes<2>(out, in);
            if (registers == 4) return by_lanes<4>(out, in);
        }
#endif
        if (taps == 1)
            by_pixels<1>(out, in);
        else if (taps == 2)
            by_pixels<2>(out, in);
        else if (taps == 4)
            by_pixels<4>(out, in);
        else
            by_pixels<0>(out, in);
    }
};

}  // namespace nerve::NERVE_ISA
