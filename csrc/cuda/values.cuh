// Neighbours in memory that a thread reads and writes at once, 16 bytes of them.
#pragma once
#include "cuda/common.cuh"
#include "cuda/tile.cuh"

namespace nerve::cuda {

template <class T>
struct alignas(16) Values {
    T of[chunk<T>];

    __device__ void read(const T* from) { *this = *reinterpret_cast<const Values*>(from); }
    __device__ void write(T* to) const { *reinterpret_cast<Values*>(to) = *this; }
};

inline bool is_aligned(const void* pointer) { return reinterpret_cast<uintptr_t>(pointer) % 16 == 0; }

// chunks(i) for the elements i, i + 1, ... of every whole chunk of `size` elements, if wide, and single(i) for the
// others.
template <class T, class Chunks, class Single>
__device__ void each_index(int64_t size, bool wide, const Chunks& chunks, const Single& single) {
    const int64_t whole = wide ? size / chunk<T> : 0;
    for (int64_t i = first_index(); i < whole; i += index_step()) chunks(i * chunk<T>);
    for (int64_t i = whole * chunk<T> + first_index(); i < size; i += index_step()) single(i);
}
template <class T>
constexpr int64_t chunk_blocks(int64_t size) {
    return loop_blocks(divide_up(size, chunk<T>));
}

}  // namespace nerve::cuda
