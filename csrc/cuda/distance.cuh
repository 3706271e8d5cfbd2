// The distance of two rows, by differences in double whatever T is: the plain variant, right for any data.
#pragma once
#include "cuda/common.cuh"

namespace nerve::cuda {

template <class T>
__device__ double distance_of(const T* x, const T* y, int64_t features, Metric metric) {
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
    const double norms = math::sqrt(x_square) * math::sqrt(y_square);
    const double cosine = norms == 0 ? 0 : sum / norms;  // a row of zeros is at a distance of 1
    return math::min(math::max(1 - cosine, 0.0), 2.0);
}

}  // namespace nerve::cuda
