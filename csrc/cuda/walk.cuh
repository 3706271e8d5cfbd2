// Two operands walked along a row-major index space, each by strides of its own.
#pragma once
#include "cuda/values.cuh"

namespace nerve::cuda {

struct Offsets {
    int64_t first, second;
};

// A chunk from `from` on, of an operand whose last stride is 1, or one element repeated, where it is 0.
template <class T>
__device__ Values<T> read_chunk(const T* from, int64_t stride) {
    Values<T> values;
    if (stride == 1)
        values.read(from);
    else
        for (T& value : values.of) value = *from;
    return values;
}

struct Walk {
    int rank = 0;
    int64_t size = 1, extents[max_rank], first[max_rank], second[max_rank];

    // Drops dimensions of one, and joins neighbours that both operands walk as one.
    Walk(const int64_t* shape, const int64_t* first_strides, const int64_t* second_strides) {
        for (int d = 0; d < max_rank; ++d) {
            size *= shape[d];
            if (shape[d] == 1) continue;
            if (rank > 0 && first[rank - 1] == shape[d] * first_strides[d] &&
                second[rank - 1] == shape[d] * second_strides[d])
                extents[rank - 1] *= shape[d];
            else
                extents[rank++] = shape[d];
            first[rank - 1] = first_strides[d];
            second[rank - 1] = second_strides[d];
        }
    }

    // Whether chunks of a T lie along the last dimension of an operand as chunks, or are one element repeated.
    template <class T>
    bool is_wide(const T* pointer, const int64_t* strides) const {
        if (rank == 0 || extents[rank - 1] % chunk<T> != 0) return false;
        if (strides[rank - 1] == 0) return true;
        bool wide = strides[rank - 1] == 1 && is_aligned(pointer);
        for (int d = 0; d < rank - 1; ++d) wide = wide && strides[d] % chunk<T> == 0;
        return wide;
    }

    __device__ Offsets at(int64_t i) const {
        return size < int64_t(1) << 31 ? divided<uint32_t>(i) : divided<int64_t>(i);
    }

    template <class Index>
    __device__ Offsets divided(int64_t index) const {
        Offsets offsets{0, 0};
        Index i = Index(index);
#pragma unroll 1
        for (int d = rank - 1; d > 0; --d) {
            const Index extent = Index(extents[d]), quotient = i / extent;
            const int64_t here = i - quotient * extent;
            offsets.first += here * first[d];
            offsets.second += here * second[d];
            i = quotient;
        }
        if (rank > 0) {
            offsets.first += int64_t(i) * first[0];
            offsets.second += int64_t(i) * second[0];
        }
        return offsets;
    }
};

}  // namespace nerve::cuda
