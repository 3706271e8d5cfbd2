// The k nearest of what comes along, of equal ones those with the smallest index: a heap that a thread has in memory,
// the farthest on top, whose entries are `stride` apart.
#pragma once
#include "cuda/common.cuh"

namespace nerve::cuda {

struct Neighbor {
    double distance;
    int64_t index;
};
__device__ inline bool nearer(const Neighbor& a, const Neighbor& b) {
    return a.distance < b.distance || (a.distance == b.distance && a.index < b.index);
}
struct Nearer {
    __device__ Neighbor operator()(const Neighbor& a, const Neighbor& b) const { return nearer(b, a) ? b : a; }
};

struct NeighborHeap {
    Neighbor* memory;
    int64_t stride, most, count;

    __device__ Neighbor& at(int64_t i) const { return memory[i * stride]; }
    // Beyond it nothing is wanted.
    __device__ double limit() const { return count < most ? HUGE_VAL : at(0).distance; }

    __device__ void add(const Neighbor& neighbor) {
        if (count < most) {
            int64_t i = count++;
            for (; i > 0 && nearer(at((i - 1) / 2), neighbor); i = (i - 1) / 2) at(i) = at((i - 1) / 2);
            at(i) = neighbor;
        } else if (nearer(neighbor, at(0))) {
            sink(neighbor, count);
        }
    }
    // Nearest first; a heap no more.
    __device__ void sort() {
        for (int64_t size = count; size > 1;) {
            const Neighbor last = at(--size);
            at(size) = at(0);
            sink(last, size);
        }
    }
    __device__ void sink(const Neighbor& neighbor, int64_t size) {
        int64_t i = 0;
        for (int64_t child = 1; child < size; child = 2 * i + 1) {
            if (child + 1 < size && nearer(at(child), at(child + 1))) ++child;
            if (!nearer(neighbor, at(child))) break;
            at(i) = at(child);
            i = child;
        }
        at(i) = neighbor;
    }
};

}  // namespace nerve::cuda
