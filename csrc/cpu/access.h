// How loops over vectors reach memory: all lanes of a vector are there, or only the first ones.
#pragma once
#include "cpu/lanes.h"

namespace nerve::NERVE_ISA {

struct Whole {
    template <class T>
    NERVE_INLINE vec<T> read(const T* p) const {
        return load(p);
    }
    template <class T>
    NERVE_INLINE vec<T> stream(const T* p) const {  // what may lie beyond L2
        return load_streamed(p);
    }
    template <class T>
    NERVE_INLINE void write(T* p, vec<T> x) const {
        store(p, x);
    }
    template <class T, class Index>
    NERVE_INLINE void write_index(Index* p, bits<T> x) const {
        store_integers<T>(p, x);
    }
};
struct Part {
    int64_t lanes;
    template <class T>
    NERVE_INLINE vec<T> read(const T* p) const {
        return load_partial(p, lanes);
    }
    template <class T>
    NERVE_INLINE vec<T> stream(const T* p) const {
        return load_partial(p, lanes);
    }
    template <class T>
    NERVE_INLINE void write(T* p, vec<T> x) const {
        store_partial(p, x, lanes);
    }
    template <class T, class Index>
    NERVE_INLINE void write_index(Index* p, bits<T> x) const {
        store_integers<T>(p, x, lanes);
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

}  // namespace nerve::NERVE_ISA
