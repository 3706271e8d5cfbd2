// The nearest rows and those within a radius, a block for each row of x. Nothing is kept but the results: the next
// nearest is looked for among all that come after the last one, so that the work grows with the neighbors wanted.
#include "cuda/distance.cuh"

namespace nerve::cuda {
namespace {

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

// What distances are compared by: a Euclidean one by its square.
__device__ inline Metric compared(const DistanceShape& shape) {
    return Metric(shape.metric) == Metric::euclidean ? Metric::sqeuclidean : Metric(shape.metric);
}
template <class T>
__device__ T reported(double distance, const DistanceShape& shape) {
    return T(Metric(shape.metric) == Metric::euclidean ? math::sqrt(distance) : distance);
}

template <class T>
__global__ void nearest_kernel(T* distances, int64_t* indices, const T* x, const T* y, DistanceShape shape,
                               int64_t neighbors) {
    const int64_t row = row_index<threads>();
    Neighbor last{-1.0, -1};
    for (int64_t n = 0; n < neighbors; ++n) {
        Neighbor best{HUGE_VAL, INT64_MAX};
        for (int64_t i = row_lane<threads>(); i < shape.columns; i += threads) {
            const double distance =
                distance_of(x + row * shape.features, y + i * shape.features, shape.features, compared(shape));
            const Neighbor here{distance == distance ? distance : HUGE_VAL, i};  // NaN is as far as infinity
            if (nearer(last, here) && nearer(here, best)) best = here;
        }
        last = row_reduce<threads>(best, Nearer{});
        if (row_lane<threads>() != 0) continue;
        indices[row * neighbors + n] = last.index;
        if (distances != nullptr) distances[row * neighbors + n] = reported<T>(last.distance, shape);
    }
}

template <class T>
__global__ void counts_kernel(int64_t* counts, const T* x, const T* y, DistanceShape shape, double limit) {
    const int64_t row = row_index<threads>();
    int64_t count = 0;
    for (int64_t i = row_lane<threads>(); i < shape.columns; i += threads)
        count +=
            distance_of(x + row * shape.features, y + i * shape.features, shape.features, compared(shape)) <= limit;
    count = row_reduce<threads>(count, Add{});
    if (row_lane<threads>() == 0) counts[row] = count;
}

// A thread for each of some columns; a hit goes behind those of the threads before it.
template <class T>
__global__ void radius_kernel(T* distances, int64_t* indices, const int64_t* offsets, const T* x, const T* y,
                              DistanceShape shape, double limit) {
    struct Hits {
        int32_t of[threads];
    };
    auto& hits = shared<Hits>();
    const int64_t row = row_index<threads>();
    const int lane = row_lane<threads>();
    int64_t next = offsets[row];
    for (int64_t first = 0; first < shape.columns; first += threads) {
        const int64_t i = first + lane;
        const double distance = i < shape.columns ? distance_of(x + row * shape.features, y + i * shape.features,
                                                                shape.features, compared(shape))
                                                  : 0.0;
        const bool hit = i < shape.columns && distance <= limit;
        hits.of[lane] = hit;
        __syncthreads();
        int64_t before = 0, all = 0;
        for (int other = 0; other < threads; ++other) {
            before += other < lane ? hits.of[other] : 0;
            all += hits.of[other];
        }
        if (hit) {
            indices[next + before] = i;
            if (distances != nullptr) distances[next + before] = reported<T>(distance, shape);
        }
        next += all;
        __syncthreads();
    }
}

double squared_if_euclidean(double radius, const DistanceShape& shape) {
    return Metric(shape.metric) == Metric::euclidean ? radius * radius : radius;
}

}  // namespace

template <class T>
void nearest_neighbors(Stream stream, T* distances, int64_t* indices, const T* x, const T* y,
                       const DistanceShape& shape, int64_t neighbors) {
    launch(stream, nearest_kernel<T>, row_blocks<threads>(shape.rows), distances, indices, x, y, shape, neighbors);
}
template <class T>
void radius_counts(Stream stream, int64_t* counts, const T* x, const T* y, const DistanceShape& shape, double radius) {
    launch(stream, counts_kernel<T>, row_blocks<threads>(shape.rows), counts, x, y, shape,
           squared_if_euclidean(radius, shape));
}
template <class T>
void radius_neighbors(Stream stream, T* distances, int64_t* indices, const int64_t* offsets, const T* x, const T* y,
                      const DistanceShape& shape, double radius) {
    launch(stream, radius_kernel<T>, row_blocks<threads>(shape.rows), distances, indices, offsets, x, y, shape,
           squared_if_euclidean(radius, shape));
}

}  // namespace nerve::cuda

#define NERVE_FAMILY "kernels/neighbors.inc"
#include "cuda/instantiate.cuh"
