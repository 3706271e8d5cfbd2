// The k nearest of what comes along, of equal ones those with the smallest index.
#pragma once
#include <cstdint>

#include "cpu/simd.h"

namespace nerve::NERVE_ISA {

struct Neighbor {
    double distance;
    int64_t index;
};
NERVE_INLINE bool nearer(const Neighbor& a, const Neighbor& b) {
    return a.distance < b.distance || (a.distance == b.distance && a.index < b.index);
}

// A heap in memory of the caller's, for `most` neighbors, the farthest on top.
struct Nearest {
    Neighbor* heap;
    int64_t most, count = 0;

    bool full() const { return count == most; }
    // Beyond it nothing is wanted.
    double limit() const { return count < most ? __builtin_inf() : heap[0].distance; }

    void add(const Neighbor& neighbor) {
        if (count < most) {
            int64_t i = count++;
            for (; i > 0 && nearer(heap[(i - 1) / 2], neighbor); i = (i - 1) / 2) heap[i] = heap[(i - 1) / 2];
            heap[i] = neighbor;
        } else if (count > 0 && nearer(neighbor, heap[0])) {
            sink(neighbor, count);
        }
    }
    // Nearest first; a heap no more.
    void sort() {
        for (int64_t size = count; size > 1;) {
            const Neighbor last = heap[--size];
            heap[size] = heap[0];
            sink(last, size);
        }
    }

  private:
    void sink(const Neighbor& neighbor, int64_t size) {
        int64_t i = 0;
        for (int64_t child = 1; child < size; child = 2 * i + 1) {
            if (child + 1 < size && nearer(heap[child], heap[child + 1])) ++child;
            if (!nearer(neighbor, heap[child])) break;
            heap[i] = heap[child];
            i = child;
        }
        heap[i] = neighbor;
    }
};

// Puts values in such an order that the one of rank k, counted from 0, stands at k, with none before it that
// `before(values[k], it)`. before is a strict order; values that are equal in it are the same. Hoare's FIND (1961).
template <class Value, class Before>
NERVE_INLINE void select_rank(Value* values, int64_t size, int64_t k, const Before& before) {
    auto ordered = [&](int64_t a, int64_t b) NERVE_LAMBDA_INLINE {
        if (before(values[b], values[a])) {
            const Value other = values[a];
            values[a] = values[b], values[b] = other;
        }
    };
    int64_t left = 0, right = size - 1;
    while (left < right) {
        const int64_t middle = left + (right - left) / 2;
        ordered(left, middle), ordered(left, right), ordered(middle, right);
        const Value pivot = values[middle];
        int64_t i = left, j = right;
        while (i <= j) {
            while (before(values[i], pivot)) ++i;
            while (before(pivot, values[j])) --j;
            if (i <= j) {
                const Value other = values[i];
                values[i++] = values[j], values[j--] = other;
            }
        }
        if (k <= j)
            right = j;
        else if (k >= i)
            left = i;
        else
            return;
    }
}

}  // namespace nerve::NERVE_ISA
