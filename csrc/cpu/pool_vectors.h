// What the pools of images and of volumes share: scratch memory for their tables, and strips of vectors of channels.
#pragma once
#include "cpu/lanes.h"
#include "cpu/parallel.h"
#include "cpu/simd.h"

namespace nerve::NERVE_ISA {
namespace {

constexpr int64_t grain = 1 << 14;  // elements of x in a task, about

NERVE_INLINE int64_t rows_in_a_task(int64_t work) { return work < grain ? grain / (work + 1) : 1; }

// Plain memory of `scratch`, for arrays of several types one after the other.
class Memory {
  public:
    Memory(runtime::Slot slot, int64_t bytes) : next_(static_cast<char*>(runtime::scratch(slot, bytes))) {}
    template <class U>
    U* take(int64_t size) {
        U* taken = reinterpret_cast<U*>(next_);
        next_ += (size * int64_t(sizeof(U)) + 63) / 64 * 64;
        return taken;
    }

  private:
    char* next_;
};

// Vectors from p on: all lanes, or the first ones only.
struct Whole {
    template <class T>
    NERVE_INLINE vec<T> read(const T* p) const {
        return load(p);
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
    NERVE_INLINE void write(T* p, vec<T> x) const {
        store_partial(p, x, lanes);
    }
    template <class T, class Index>
    NERVE_INLINE void write_index(Index* p, bits<T> x) const {
        store_integers<T>(p, x, lanes);
    }
};

// body(offset, access, count) over [0, size): `count` vectors side by side, as an integral constant. Vectors overlap
// at the end; only where size is less than a vector, access is to a part of one.
template <int N>
struct Count {
    static constexpr int value = N;
};
template <class T, class Body>
NERVE_INLINE void each_strip(int64_t size, const Body& body) {
    constexpr int64_t lanes = vec<T>::size;
    int64_t i = 0;
    for (; i + 4 * lanes <= size; i += 4 * lanes) body(i, Whole{}, Count<4>{});
    if (i + 2 * lanes <= size) body(i, Whole{}, Count<2>{}), i += 2 * lanes;
    if (i + lanes <= size) body(i, Whole{}, Count<1>{}), i += lanes;
    if (i == size) return;
    if (size >= lanes)
        body(size - lanes, Whole{}, Count<1>{});
    else
        body(i, Part{size - i}, Count<1>{});
}

}  // namespace
}  // namespace nerve::NERVE_ISA
