// What the pools of images and of volumes share: scratch memory for their tables, and strips of vectors of channels.
#pragma once
#include "cpu/access.h"
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

// Like each_strip, but vectors overlap at the end; only where size is less than a vector, access is to a part of one.
template <class T, class Body>
NERVE_INLINE void each_overlapping(int64_t size, const Body& body) {
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
