// Two operands walked along a row-major index space, each by strides of its own.
#pragma once
#include "cuda/common.cuh"

namespace nerve::cuda {

struct Offsets {
    int64_t first, second;
};

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

    __device__ Offsets at(int64_t i) const {
        Offsets offsets{0, 0};
        for (int d = rank - 1; d >= 0; --d) {
            const int64_t index = d > 0 ? i % extents[d] : i;
            i /= extents[d];
            offsets.first += index * first[d];
            offsets.second += index * second[d];
        }
        return offsets;
    }
};

}  // namespace nerve::cuda
