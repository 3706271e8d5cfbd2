// The nearest rows and those within a radius, in one pass over all pairs: a block has some rows of x, and tiles of
// distances in T pass (pairs.cuh). By a bound of their error they say which pairs matter, and those are decided in
// double. Four threads share a row, each with a quarter of a tile's columns.
#include "cuda/nearest.cuh"
#include "cuda/search.cuh"

namespace nerve::cuda {
namespace {

// --- nearest

// Blocks take tiles of rows, each with a part of the columns, in turn: their memory is not that of all rows.
struct Search {
    ColumnParts parts;
    int64_t row_tiles, blocks;
};
// What a thread has in memory: the nearest it has found, and columns to be looked at.
constexpr int queue = 32;
constexpr int64_t memory_of(int64_t neighbors) {
    return threads * (neighbors * int64_t(sizeof(Neighbor)) + queue * int64_t(sizeof(int64_t)));
}

// Puts a row's four sorted lists together; of_parts gets what is not all, filled up with what is nothing.
template <class T>
__device__ void write_nearest(T* distances, int64_t* indices, Neighbor* of_part, const NeighborHeap* lists,
                              int64_t neighbors, const DistanceShape& shape) {
    int64_t next[quarters] = {};
    for (int64_t n = 0; n < neighbors; ++n) {
        Neighbor best{HUGE_VAL, INT64_MAX};
        int of = -1;
        for (int q = 0; q < quarters; ++q)
            if (next[q] < lists[q].count && nearer(lists[q].at(next[q]), best)) best = lists[q].at(next[q]), of = q;
        for (int q = 0; q < quarters; ++q) next[q] += q == of;
        if (of_part != nullptr) {
            of_part[n] = best;
            continue;
        }
        indices[n] = best.index;
        if (distances != nullptr) distances[n] = reported<T>(best.distance, shape);
    }
}

template <class T>
__global__ void __launch_bounds__(threads, 2)
    nearest_kernel(T* distances, int64_t* indices, Neighbor* of_parts, char* memory, const T* factors, Points<T> x,
                   Points<T> y, DistanceShape shape, int64_t neighbors, Search search) {
    using Tile = SearchTile<T>;
    struct Counts {
        int64_t of[threads];
    };
    auto& slices = shared<PairSlices<T, Tile>>();
    auto& tile = shared<Distances<T>>();
    auto& counts = shared<Counts>();
    memory += blockIdx.x * memory_of(neighbors);
    auto* const lists = reinterpret_cast<Neighbor*>(memory);
    auto* const waiting = reinterpret_cast<int64_t*>(lists + neighbors * threads) + threadIdx.x;
    for (int64_t work = blockIdx.x; work < search.row_tiles * search.parts.splits; work += search.blocks) {
        const int64_t first_row = work / search.parts.splits * Tile::rows, split = work % search.parts.splits;
        const int64_t row = first_row + tile.row(), begin = search.parts.begin(split);
        const int64_t end = search.parts.end(split, y.rows);
        NeighborHeap found{lists + threadIdx.x, threads, neighbors, 0};
        T threshold = T(HUGE_VAL);
        int queued = 0;
        const auto look = [&] {  // at what is waiting; all threads of a warp together
            for (int i = 0; i < queued; ++i) {
                const double distance = exact(x, y, row, waiting[i * threads], shape);
                found.add({distance == distance ? distance : HUGE_VAL, waiting[i * threads]});  // NaN: as far as can be
            }
            queued = 0;
            threshold = Limits<T>(found.limit(), shape).above;
            for (int lanes = 1; lanes < quarters; lanes *= 2)
                threshold = math::min(threshold, shuffle_xor(threshold, lanes));  // the row's nearest are within all
        };
        slices.each(x, y, first_row, begin, end, TermsOf{compared(shape)},
                    [&](int64_t column, PairSums<T, Tile>& sums) {
                        tile.write(sums, factors, x, y, first_row, column);
                        __syncthreads();
                        if (row < x.rows)
                            for (int i = 0; i < tile.columns && column + tile.column() + i < end; ++i)
                                if (!(tile.of[tile.row()][tile.column() + i] > threshold))  // or NaN
                                    waiting[queued++ * threads] = column + tile.column() + i;
                        const bool last = column + Tile::columns >= end;
                        if (row_reduce<warp>(queued, Max{}) > queue - tile.columns || last) look();
                        __syncthreads();
                    });
        found.sort();
        counts.of[threadIdx.x] = found.count;
        __syncthreads();
        if (threadIdx.x % quarters == 0 && row < x.rows) {
            NeighborHeap all[quarters];
            for (int q = 0; q < quarters; ++q)
                all[q] = {lists + threadIdx.x + q, threads, neighbors, counts.of[threadIdx.x + q]};
            const int64_t place = (row * search.parts.splits + split) * neighbors;
            write_nearest(distances == nullptr ? nullptr : distances + row * neighbors, indices + row * neighbors,
                          search.parts.splits > 1 ? of_parts + place : nullptr, all, neighbors, shape);
        }
        __syncthreads();
    }
}

// The nearest of a row's parts, a block for each row: the next is looked for among all that come after the last one.
template <class T>
__global__ void join_nearest_kernel(T* distances, int64_t* indices, const Neighbor* of_parts, int64_t splits,
                                    DistanceShape shape, int64_t neighbors) {
    const int64_t row = blockIdx.x;
    Neighbor last{-1.0, -1};
    for (int64_t n = 0; n < neighbors; ++n) {
        Neighbor best{HUGE_VAL, INT64_MAX};
        for (int64_t i = threadIdx.x; i < splits * neighbors; i += threads) {
            const Neighbor here = of_parts[row * splits * neighbors + i];
            if (nearer(last, here) && nearer(here, best)) best = here;
        }
        last = row_reduce<threads>(best, Nearer{});
        if (threadIdx.x != 0) continue;
        indices[row * neighbors + n] = last.index;
        if (distances != nullptr) distances[row * neighbors + n] = reported<T>(last.distance, shape);
    }
}

// --- within a radius

// How many, or, with offsets, which and how far. Threads of a row write behind each other.
template <class T>
__global__ void __launch_bounds__(threads, 2)
    radius_kernel(int64_t* counts, T* distances, int64_t* indices, const int64_t* offsets, const T* factors,
                  Points<T> x, Points<T> y, DistanceShape shape, double limit) {
    using Tile = SearchTile<T>;
    auto& slices = shared<PairSlices<T, Tile>>();
    auto& tile = shared<Distances<T>>();
    const Limits<T> limits(limit, shape);
    const int64_t first_row = int64_t(blockIdx.x) * Tile::rows, row = first_row + tile.row();
    const bool writes = offsets != nullptr;
    int64_t next = writes && row < x.rows ? offsets[row] : 0;
    slices.each(x, y, first_row, 0, y.rows, TermsOf{compared(shape)}, [&](int64_t column, PairSums<T, Tile>& sums) {
        tile.write(sums, factors, x, y, first_row, column);
        __syncthreads();
        const int64_t first = column + tile.column();
        uint32_t hits = 0;
        int own = 0;
        if (row < x.rows)
            for (int i = 0; i < tile.columns && first + i < y.rows; ++i) {
                const T distance = tile.of[tile.row()][tile.column() + i];
                if (distance > limits.above) continue;
                if (!(distance <= limits.below) && !(exact(x, y, row, first + i, shape) <= limit)) continue;
                hits |= 1u << i, ++own;
            }
        const int beside = shuffle_xor(own, 1), two = own + beside, others = shuffle_xor(two, 2);
        int64_t to = next + (threadIdx.x & 1 ? beside : 0) + (threadIdx.x & 2 ? others : 0);
        next += two + others;
        if (writes)
            for (int i = 0; i < tile.columns; ++i) {
                if (!(hits >> i & 1)) continue;
                indices[to] = first + i;
                if (distances != nullptr) distances[to] = reported<T>(exact(x, y, row, first + i, shape), shape);
                ++to;
            }
        __syncthreads();
    });
    if (!writes && row < x.rows && threadIdx.x % quarters == 0) counts[row] = next;
}

// --- launchers

double squared_if_euclidean(double radius, const DistanceShape& shape) {
    return Metric(shape.metric) == Metric::euclidean ? radius * radius : radius;
}

// As many blocks as fill a GPU, as long as their memory stays below 256 MiB.
template <class T>
Search cut_search(const DistanceShape& shape, int64_t neighbors) {
    const int64_t row_tiles = divide_up(shape.rows, SearchTile<T>::rows), few = 16 * SearchTile<T>::columns;
    Search search{column_parts(row_tiles, shape.columns, SearchTile<T>::columns,
                               4 * neighbors > few ? 4 * neighbors : few, busy_blocks()),
                  row_tiles, 0};
    const int64_t fit = (int64_t(256) << 20) / memory_of(neighbors), all = row_tiles * search.parts.splits;
    search.blocks = all < busy_blocks() ? all : busy_blocks();
    if (search.blocks > fit) search.blocks = fit > 1 ? fit : 1;
    return search;
}
int64_t of_parts_bytes(const Search& search, const DistanceShape& shape, int64_t neighbors) {
    const int64_t splits = search.parts.splits;
    return splits > 1 ? shape.rows * splits * neighbors * int64_t(sizeof(Neighbor)) : 0;
}

template <class T>
void within(Stream stream, int64_t* counts, T* distances, int64_t* indices, const int64_t* offsets, const T* x,
            const T* y, const DistanceShape& shape, double radius) {
    const Points<T> rows(x, shape.rows, shape.features), columns(y, shape.columns, shape.features);
    T* const factors = Metric(shape.metric) == Metric::cosine ? static_cast<T*>(stream.scratch) : nullptr;
    find_factors(stream, factors, rows, columns, Metric(shape.metric));
    launch(stream, radius_kernel<T>, divide_up(shape.rows, SearchTile<T>::rows), counts, distances, indices, offsets,
           factors, rows, columns, shape, squared_if_euclidean(radius, shape));
}

}  // namespace

template <class T>
void nearest_neighbors(Stream stream, T* distances, int64_t* indices, const T* x, const T* y,
                       const DistanceShape& shape, int64_t neighbors) {
    if (neighbors == 0 || shape.rows == 0) return;
    const Search search = cut_search<T>(shape, neighbors);
    const Points<T> rows(x, shape.rows, shape.features), columns(y, shape.columns, shape.features);
    auto* const of_parts = static_cast<Neighbor*>(stream.scratch);
    char* const memory = static_cast<char*>(stream.scratch) + of_parts_bytes(search, shape, neighbors);
    T* const factors = Metric(shape.metric) == Metric::cosine
                           ? reinterpret_cast<T*>(memory + search.blocks * memory_of(neighbors))
                           : nullptr;
    find_factors(stream, factors, rows, columns, Metric(shape.metric));
    launch(stream, nearest_kernel<T>, search.blocks, distances, indices, of_parts, memory, factors, rows, columns,
           shape, neighbors, search);
    if (search.parts.splits > 1)
        launch(stream, join_nearest_kernel<T>, shape.rows, distances, indices, of_parts, search.parts.splits, shape,
               neighbors);
}
template <class T>
int64_t nearest_neighbors_scratch(T*, int64_t*, const T*, const T*, const DistanceShape& shape, int64_t neighbors) {
    if (neighbors == 0 || shape.rows == 0) return 0;
    const Search search = cut_search<T>(shape, neighbors);
    return of_parts_bytes(search, shape, neighbors) + search.blocks * memory_of(neighbors) + factors_bytes<T>(shape);
}
template <class T>
void radius_counts(Stream stream, int64_t* counts, const T* x, const T* y, const DistanceShape& shape, double radius) {
    within<T>(stream, counts, nullptr, nullptr, nullptr, x, y, shape, radius);
}
template <class T>
int64_t radius_counts_scratch(int64_t*, const T*, const T*, const DistanceShape& shape, double) {
    return factors_bytes<T>(shape);
}
template <class T>
void radius_neighbors(Stream stream, T* distances, int64_t* indices, const int64_t* offsets, const T* x, const T* y,
                      const DistanceShape& shape, double radius) {
    within<T>(stream, nullptr, distances, indices, offsets, x, y, shape, radius);
}
template <class T>
int64_t radius_neighbors_scratch(T*, int64_t*, const int64_t*, const T*, const T*, const DistanceShape& shape, double) {
    return factors_bytes<T>(shape);
}

}  // namespace nerve::cuda

#define NERVE_FAMILY "kernels/neighbors.inc"
#include "cuda/instantiate.cuh"
