// How a window of a volume becomes a value: its maximum, with the position of that, or its average.
#pragma once
#include "cpu/pool_vectors.h"
#include "windows.h"

namespace nerve::NERVE_ISA {
namespace {  // pool3d.cpp alone includes this

// Which positions each window covers, along each axis.
struct Tables {
    Span *depth, *height, *width;

    static int64_t bytes(const Pool3DShape& s) {
        return (s.out_depth + s.out_height + s.out_width) * int64_t(sizeof(Span)) + 192;
    }
    Tables(const Pool3DShape& s, Memory& memory)
        : depth(fill(depth_windows(s), memory)),
          height(fill(height_windows(s), memory)),
          width(fill(width_windows(s), memory)) {}

  private:
    static Span* fill(const Windows& along, Memory& memory) {
        Span* spans = memory.take<Span>(along.count);
        for (int64_t i = 0; i < along.count; ++i) spans[i] = along.window(i);
        return spans;
    }
};

// The maximum: the first NaN, or else the first of the greatest. `add` sees positions in their order, `join` in any.
template <bool wanted>
struct Highest {
    static constexpr bool indexed = wanted;
    template <class T>
    static constexpr T none = T(-__builtin_huge_val());
    template <class T>
    static constexpr typename vec<T>::integer nowhere = 0x3fffffff;  // behind every other, and so are some more

    template <class T>
    static NERVE_INLINE void add(vec<T>& best, bits<T>& where, vec<T> here, bits<T> position) {
        if constexpr (!indexed) {
            best = max(here, best);
            return;
        }
#if defined(__AVX512F__)
        using V = typename vec<T>::native;
        if constexpr (sizeof(T) == 4) {
            const __m512 b = (__m512)best.v, h = (__m512)here.v;
            const __mmask16 take = _mm512_mask_cmp_ps_mask(_mm512_cmp_ps_mask(b, b, _CMP_ORD_Q), h, b, _CMP_NLE_UQ);
            best = (V)_mm512_mask_mov_ps(b, take, h);
            where = (bits<T>)_mm512_mask_mov_epi32((__m512i)where, take, (__m512i)position);
        } else {
            const __m512d b = (__m512d)best.v, h = (__m512d)here.v;
            const __mmask8 take = _mm512_mask_cmp_pd_mask(_mm512_cmp_pd_mask(b, b, _CMP_ORD_Q), h, b, _CMP_NLE_UQ);
            best = (V)_mm512_mask_mov_pd(b, take, h);
            where = (bits<T>)_mm512_mask_mov_epi64((__m512i)where, take, (__m512i)position);
        }
#else
        const mask<T> take = (here > best) | ((here != here) & (best == best));
        best = select(take, here, best);
        where = take.v ? position : where;
#endif
    }
    template <class T>
    static NERVE_INLINE void join(vec<T>& best, bits<T>& where, vec<T> here, bits<T> position) {
        if constexpr (!indexed) {
            best = max(here, best);
            return;
        }
        const mask<T> nan = here != here, had = best != best;
        const mask<T> as_high = (here == best) | (nan & had), before{position < where};
        const mask<T> take = (here > best) | (nan & ~had) | (as_high & before);
        best = select(take, here, best);
        where = take.v ? position : where;
    }
    template <class T, class Integer>
    static NERVE_INLINE void join(T& best, Integer& where, T here, Integer position) {
        const bool nan = here != here, had = best != best;
        const bool take = here > best || (nan && !had) || ((here == best || (nan && had)) && position < where);
        best = take ? here : best;
        where = take ? position : where;
    }
    template <class V>
    static NERVE_INLINE V finish(V value, V) {
        return value;
    }
};

struct Average {
    static constexpr bool indexed = false;
    template <class T>
    static constexpr T none = T(0);
    template <class T>
    static constexpr typename vec<T>::integer nowhere = 0;

    template <class T>
    static NERVE_INLINE void add(vec<T>& sum, bits<T>&, vec<T> here, bits<T>) {
        sum += here;
    }
    template <class V, class Integer>
    static NERVE_INLINE void join(V& sum, Integer&, V here, Integer) {
        sum += here;
    }
    template <class V>
    static NERVE_INLINE V finish(V value, V count) {
        return value / count;
    }
};

// Of n vectors from x on, which points at channels of a volume's first position, what a window makes of them.
template <class Reduce, int n, class T, class Access>
NERVE_INLINE void look(vec<T> (&value)[n], bits<T> (&winner)[n], const T* x, const Pool3DShape& s, Span depth,
                       Span height, Span width, const Access& at) {
    using Integer = typename vec<T>::integer;
    const auto number = [&](int64_t d, int64_t h, int64_t w)
                            NERVE_LAMBDA_INLINE { return bits<T>{} + Integer((d * s.height + h) * s.width + w); };
    for (int v = 0; v < n; ++v) {
        value[v] = vec<T>(Reduce::template none<T>);
        winner[v] = number(depth.begin, height.begin, width.begin);
    }
    for (int64_t d = depth.begin; d < depth.end; ++d)
        for (int64_t h = height.begin; h < height.end; ++h) {
            const T* row = x + (d * s.height + h) * s.width * s.channels;
            for (int64_t w = width.begin; w < width.end; ++w) {
                const bits<T> here = number(d, h, w);
                for (int v = 0; v < n; ++v)
                    Reduce::add(value[v], winner[v], at.read(row + w * s.channels + v * vec<T>::size), here);
            }
        }
}

// The same for many channels: long pieces of each position in turn, as memory likes it, while what they make lies in
// L1. put(channel, access, value, winner) gets the results.
template <class Reduce, class T, class Put>
NERVE_INLINE void look_along(const T* x, const Pool3DShape& s, Span depth, Span height, Span width, const Put& put) {
    using Integer = typename vec<T>::integer;
    constexpr int64_t lanes = vec<T>::size, most = 16;
    vec<T> value[most];
    bits<T> winner[most];
    for (int64_t c = 0; c < s.channels; c += most * lanes) {
        const int64_t left = s.channels - c, whole = left < most * lanes ? (left - 1) / lanes : most - 1;
        const int64_t last = (left < most * lanes ? left : most * lanes) - lanes;  // the last vector may overlap others
        for (int64_t v = 0; v <= whole; ++v) {
            value[v] = vec<T>(Reduce::template none<T>);
            winner[v] = bits<T>{} + Integer((depth.begin * s.height + height.begin) * s.width + width.begin);
        }
        for (int64_t d = depth.begin; d < depth.end; ++d)
            for (int64_t h = height.begin; h < height.end; ++h) {
                const int64_t row = (d * s.height + h) * s.width;
                for (int64_t w = width.begin; w < width.end; ++w) {
                    const T* from = x + (row + w) * s.channels + c;
                    const bits<T> here = bits<T>{} + Integer(row + w);
                    for (int64_t v = 0; v < whole; ++v) Reduce::add(value[v], winner[v], load(from + v * lanes), here);
                    Reduce::add(value[whole], winner[whole], load(from + last), here);
                }
            }
        for (int64_t v = 0; v < whole; ++v) put(c + v * lanes, Whole{}, value[v], winner[v]);
        put(c + last, Whole{}, value[whole], winner[whole]);
    }
}

}  // namespace
}  // namespace nerve::NERVE_ISA
