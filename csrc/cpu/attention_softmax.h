// The softmax of attention, on rows of a tile of scores: online in the forward pass (Milakov and Gimelshein, "Online
// normalizer calculation for softmax", 2018), from the stored logarithm of the denominator in the backward pass.
//
// Rows are summed in `lanes` running sums whatever the register width, so AVX2, AVX-512 and NEON give the same bits.
#pragma once
#include <cstdint>

#include "cpu/attention_tile.h"
#include "cpu/math.h"
#include "shapes.h"

namespace nerve::NERVE_ISA::tiles {

// Scores are kept in units in which the exponential is cheapest: float in powers of two.
template <class T>
constexpr T unit = sizeof(T) == 4 ? T(1.44269504088896340736) : T(1);

// a > b ? a : b, which is b where either is NaN.
template <class T>
NERVE_INLINE vec<T> above(vec<T> a, vec<T> b) {
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4)
        return (typename vec<T>::native)_mm512_maskz_max_ps(__mmask16(-1), (__m512)a.v, (__m512)b.v);
    else
        return (typename vec<T>::native)_mm512_maskz_max_pd(__mmask8(-1), (__m512d)a.v, (__m512d)b.v);
#elif defined(__AVX2__)
    if constexpr (sizeof(T) == 4)
        return (typename vec<T>::native)_mm256_max_ps((__m256)a.v, (__m256)b.v);
    else
        return (typename vec<T>::native)_mm256_max_pd((__m256d)a.v, (__m256d)b.v);
#else
    return select(a > b, a, b);
#endif
}

// e^(x / unit) for x <= 0, and whatever follows from NaN. In float 2^x = 2^n (1 + r p(r)) with |r| <= 1/2: a minimax
// fit within 2^-25.9 of 2^r.
template <class T>
NERVE_INLINE vec<T> exponential(vec<T> x) {
    if constexpr (sizeof(T) == 4) {
        const vec<T> lowest(T(-152)), shift(math::rounding_shift<T>);  // 2^-152 rounds to zero
        x = above(lowest, x);
        const vec<T> n = (x + shift) - shift, r = x - n;
        const vec<T> p = math::polynomial(r, 0x1.62e430p-1f, 0x1.ebfbdcp-3f, 0x1.c6aee8p-5f, 0x1.3b2d4cp-7f,
                                          0x1.5f3e52p-10f, 0x1.41fbbep-13f);
        return math::scale(fma(r, p, vec<T>(T(1))), n);
    } else {
        return math::exp(x);
    }
}

// `lanes`, in as many registers as they take.
template <class T>
struct Lanes {
    static constexpr int parts = lanes<T> / vec<T>::size;
    vec<T> part[parts];
};

template <int by, class T, int... I>
NERVE_INLINE vec<T> rotate(vec<T> x, Indices<I...>) {
    return vec<T>(__builtin_shufflevector(x.v, x.v, ((I + by) % vec<T>::size)...));
}
template <int width, class T, class Combine>
NERVE_INLINE T fold_register(vec<T> x, const Combine& combine) {
    if constexpr (width == 0)
        return x.v[0];
    else
        return fold_register<width / 2>(combine(x, rotate<width>(x, IndicesUpTo<vec<T>::size>())), combine);
}

// combine over all lanes: halves upon halves.
template <class T, class Combine>
NERVE_INLINE T fold(Lanes<T> x, const Combine& combine) {
#pragma GCC unroll 4
    for (int width = Lanes<T>::parts / 2; width > 0; width /= 2)
#pragma GCC unroll 4
        for (int i = 0; i < width; ++i) x.part[i] = combine(x.part[i], x.part[i + width]);
    return fold_register<vec<T>::size / 2>(x.part[0], combine);
}

// Which keys of a tile a row sees: the first `count`, of these only where `mask` is true, if there is one.
struct Seen {
    int64_t count;
    const bool* mask;
};

NERVE_INLINE const bool* mask_row(const bool* mask, const AttentionShape& s, int64_t b, int64_t h, int64_t q,
                                  int64_t k) {
    if (mask == nullptr) return nullptr;
    return mask + b * s.mask_batch_stride + h * s.mask_head_stride + q * s.mask_query_stride + k;
}

// The lanes from key `first` on: true where seen.
template <class T>
NERVE_INLINE mask<T> seen_from(Seen seen, int64_t first) {
    using I = typename vec<T>::integer;
    constexpr int n = vec<T>::size;
    bits<T> lane;
    for (int i = 0; i < n; ++i) lane[i] = I(i);
    mask<T> result{lane < bits<T>{} + I(seen.count - first)};
    if (seen.mask != nullptr) {
        bits<T> given{};
        const int64_t left = smaller(seen.count - first, n);
        for (int i = 0; i < left; ++i) given[i] = I(seen.mask[first + i]);
        result.v &= given != 0;
    }
    return result;
}
NERVE_INLINE bool all_seen(Seen seen, int64_t first, int size) {
    return seen.mask == nullptr && first + size <= seen.count;
}

// scores -> exponentials, zeros up to `fill`. highest and sum are what is known of the row: its largest score so far
// and the sums of exponentials above it. Gives the factor by which what was summed before this tile shrinks.
template <class T>
NERVE_NOINLINE T online_softmax(T* scores, Seen seen, int64_t fill, T* highest, T* sum) {
    using V = vec<T>;
    constexpr int n = V::size, parts = Lanes<T>::parts;
    constexpr T nothing = -math::infinity<T>;
    Lanes<T> most, total;
#pragma GCC unroll 4
    for (int j = 0; j < parts; ++j) most.part[j] = V(*highest), total.part[j] = load(sum + j * n);
    int64_t c = 0;
    for (; all_seen(seen, c, lanes<T>); c += lanes<T>)
#pragma GCC unroll 4
        for (int j = 0; j < parts; ++j) {
            const V x = load(scores + c + j * n);
            most.part[j] = above(x, most.part[j]);
        }
    for (; c < seen.count; c += lanes<T>)
#pragma GCC unroll 4
        for (int j = 0; j < parts; ++j) {
            T* at = scores + c + j * n;
            const V x = select(seen_from<T>(seen, c + j * n), load(at), V(nothing));
            store(at, x);
            most.part[j] = above(x, most.part[j]);
        }
    for (int64_t i = c; i < fill; i += n) store(scores + i, V(T(0)));
    const T before = *highest, now = fold(most, [](V a, V b) { return above(a, b); });
    *highest = now;
    const V base(now == nothing ? T(0) : now);  // of a row that saw nothing yet, the exponentials shall be zero
    const V shrink = exponential(V(before) - base);
#pragma GCC unroll 4
    for (int j = 0; j < parts; ++j) total.part[j] = total.part[j] * shrink;
    for (int64_t i = 0; i < c; i += lanes<T>)
#pragma GCC unroll 4
        for (int j = 0; j < parts; ++j) {
            T* at = scores + i + j * n;
            const V p = exponential(load(at) - base);
            store(at, p);
            total.part[j] = total.part[j] + p;
        }
#pragma GCC unroll 4
    for (int j = 0; j < parts; ++j) store(sum + j * n, total.part[j]);
    return shrink.v[0];
}

// scores -> probabilities, and grads, the gradients of these, -> those of the scores: p (grad - delta). Both zero from
// the last key seen up to `fill`.
template <class T>
NERVE_NOINLINE void probabilities(T* scores, T* grads, Seen seen, int64_t fill, T logsumexp, T delta) {
    using V = vec<T>;
    constexpr int n = V::size;
    const V base(logsumexp), shift(delta), zero(T(0));
    int64_t c = 0;
    for (; all_seen(seen, c, n); c += n) {
        const V p = exponential(load(scores + c) - base);
        store(scores + c, p);
        store(grads + c, p * (load(grads + c) - shift));
    }
    for (; c < seen.count; c += n) {
        const mask<T> here = seen_from<T>(seen, c);
        const V p = select(here, exponential(load(scores + c) - base), zero);
        store(scores + c, p);
        store(grads + c, select(here, p * (load(grads + c) - shift), zero));
    }
    for (; c < fill; c += n) store(scores + c, zero), store(grads + c, zero);
}

// The sum of a[i] b[i]; a is filled up with zeros to whole vectors.
template <class T>
NERVE_INLINE T dot(const T* a, const T* b, int64_t size) {
    using V = vec<T>;
    constexpr int n = V::size, parts = Lanes<T>::parts;
    Lanes<T> total;
    for (int j = 0; j < parts; ++j) total.part[j] = V(T(0));
    for (int64_t i = 0; i < size; i += lanes<T>)
#pragma GCC unroll 4
        for (int j = 0; j < parts; ++j) {
            const int64_t at = i + j * n, left = size - at;
            if (left <= 0) break;
            total.part[j] = fma(load(a + at), left < n ? load_partial(b + at, left) : load(b + at), total.part[j]);
        }
    return fold(total, [](V x, V y) { return x + y; });
}

template <class T>
NERVE_INLINE T log_of(T x) {
    return math::log(vec<T>(x)).v[0];
}

}  // namespace nerve::NERVE_ISA::tiles
