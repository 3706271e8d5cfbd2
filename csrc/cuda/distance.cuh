// The distance of two rows, by differences in double whatever T is: the plain variant, right for any data.
#pragma once
#include "cuda/common.cuh"

// A function that kernels call, so that they do not all have its code: nvcc would inline it wherever it stands.
#ifdef __CUDACC__
#define NERVE_NOINLINE __noinline__
#else
#define NERVE_NOINLINE
#endif

namespace nerve::cuda {

template <class T>
NERVE_NOINLINE __device__ double distance_of(const T* x, const T* y, int64_t features, Metric metric) {
    double sum = 0, x_square = 0, y_square = 0;
    for (int64_t k = 0; k < features; ++k) {
        const double a = x[k], b = y[k], apart = a - b;
        switch (metric) {
            case Metric::manhattan:
                sum += math::abs(apart);
                break;
            case Metric::cosine:
                sum += a * b, x_square += a * a, y_square += b * b;
                break;
            default:
                sum += apart * apart;
        }
    }
    if (metric == Metric::euclidean) return math::sqrt(sum);
    if (metric != Metric::cosine) return sum;
    const double both = x_square * y_square;  // as cpu/exact.h: equal rows are at a distance of 0, zeros at 1
    const double norms =
        both > 0x1p-900 && both < HUGE_VAL ? math::sqrt(both) : math::sqrt(x_square) * math::sqrt(y_square);
    const double distance = norms == 0 ? 1 : 1 - sum / norms;
    return distance < 0 ? 0 : distance > 2 ? 2 : distance;  // NaN stays
}

}  // namespace nerve::cuda
