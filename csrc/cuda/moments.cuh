// Sums over many rows, and moments, made by many blocks: each adds up a part in double (deviations in T within short
// runs), and parts are combined in a tree. How rows are cut, and so every bit, is a matter of the shape alone.
#pragma once
#include "cuda/values.cuh"

namespace nerve::cuda {

constexpr int run = 4;  // reads that a thread has under way, and deviations that it adds up in T

// The sum of `count` numbers, and that of their squared deviations from their mean; two such are combined as in Chan,
// Golub & LeVeque, "Algorithms for computing the sample variance" (1983).
struct Moments {
    double count, sum, squares;

    // Of numbers whose deviations from `center` have these sums.
    __device__ static Moments of(double center, double count, double sum, double sum_of_squares) {
        if (count == 0) return {0, 0, 0};
        return {count, sum + count * center, math::max(sum_of_squares - sum * sum / count, 0.0)};
    }
    __device__ Moments operator+(const Moments& other) const {
        if (other.count == 0) return *this;
        if (count == 0) return other;
        const double all = count + other.count, apart = other.sum * count - sum * other.count;
        return {all, sum + other.sum, squares + other.squares + apart * apart / (all * count * other.count)};
    }
    __device__ double mean() const { return sum / count; }
    __device__ double variance() const { return squares / count; }
};

struct Sums {
    double first, second;
    __device__ Sums operator+(const Sums& other) const { return {first + other.first, second + other.second}; }
};

// `count` neighbours, at once if wide; the others are zero.
template <class T>
__device__ Values<T> read_values(const T* from, int count, bool wide) {
    Values<T> values;
    if (wide) {
        values.read(from);
        return values;
    }
    for (int e = 0; e < chunk<T>; ++e) values.of[e] = e < count ? from[e] : T(0);
    return values;
}
template <class T>
__device__ void write_values(T* to, const Values<T>& values, int count, bool wide) {
    if (wide) return values.write(to);
    for (int e = 0; e < chunk<T>; ++e)
        if (e < count) to[e] = values.of[e];
}

// --- columns of a matrix

// (rows, channels) in strips of `lanes` chunks of channels, and these in parts of `share` rows, one for each block. Its
// threads lie side by side along a strip, and behind each other along rows.
struct Strips {
    int64_t rows, channels, count, splits, share;
    int lanes;  // a power of two, so that a warp has whole rows of a strip

    __device__ int step() const { return threads / lanes; }
    __device__ int64_t part() const { return blockIdx.x / count; }
    __device__ int64_t first_row() const { return part() * share + threadIdx.x / lanes; }
    __device__ int64_t end_row() const { return (part() + 1) * share < rows ? (part() + 1) * share : rows; }
    template <class T>
    __device__ int64_t channel() const {
        return (blockIdx.x % count * lanes + threadIdx.x % lanes) * chunk<T>;
    }
    // How many of a chunk's channels there are.
    template <class T>
    __device__ int some() const {
        const int64_t left = channels - channel<T>();
        return left < 0 ? 0 : left < chunk<T> ? int(left) : chunk<T>;
    }
    int64_t blocks() const { return count * splits; }
};
constexpr int most_lanes = 8;  // 128 bytes of each row

template <class T>
Strips strips_of(int64_t rows, int64_t channels) {
    Strips s{rows, channels, 0, 1, rows, 1};
    while (s.lanes < most_lanes && s.lanes * chunk<T> < channels) s.lanes *= 2;
    s.count = divide_up(channels, s.lanes * chunk<T>);
    const int64_t height = threads / s.lanes, most = rows / (4 * run * height);
    const int64_t wanted = s.count > 0 ? 4 * busy_blocks() / s.count : 1, splits = wanted < most ? wanted : most;
    if (splits < 2) return s;
    s.share = divide_up(divide_up(rows, splits), height) * height;
    s.splits = divide_up(rows, s.share);
    return s;
}

// Adds up what the threads of a block have of each channel: done(channel, item), or the item of a part.
template <class T, class Item, class Done>
__device__ void finish_columns(Item (&items)[chunk<T>], Item* parts, const Strips& s, const Done& done) {
    struct Partials {
        Item of[threads / warp][most_lanes * chunk<T>];
    };
    auto& partials = shared<Partials>();
    const int lane = threadIdx.x % warp, t = threadIdx.x;
#pragma unroll 1
    for (int lanes = s.lanes; lanes < warp; lanes *= 2)
        for (Item& item : items) item = item + shuffle_xor(item, lanes);
    if (lane < s.lanes)
        for (int e = 0; e < chunk<T>; ++e) partials.of[t / warp][lane * chunk<T> + e] = items[e];
    __syncthreads();
    const int64_t channel = blockIdx.x % s.count * s.lanes * chunk<T> + t;
    if (t >= s.lanes * chunk<T> || channel >= s.channels) return;
    Item item = partials.of[0][t];
#pragma unroll 1
    for (int other = 1; other < threads / warp; ++other) item = item + partials.of[other][t];
    if (s.splits == 1)
        done(channel, item);
    else
        parts[channel * s.splits + s.part()] = item;
}

// Numbers are counted from done.origin(channel), which they are near to: double may not hold their sums otherwise.
template <class T, class Done>
__global__ void column_moments_kernel(Moments* parts, const T* x, Strips s, bool wide, Done done) {
    constexpr int size = chunk<T>;
    const int64_t channel = s.channel<T>(), end = s.end_row(), step = s.step(), first = s.first_row();
    const int some = s.some<T>();
    T center[size] = {};
    double sum[size] = {}, squares[size] = {};
    for (int64_t row = first; row < end && some > 0; row += run * step) {
        Values<T> values[run];
        for (int n = 0; n < run; ++n)
            if (row + n * step < end) values[n] = read_values(x + (row + n * step) * s.channels + channel, some, wide);
        const int count = row + (run - 1) * step < end ? run : int((end - row + step - 1) / step);
        for (int e = 0; e < size; ++e) {
            if (row == first) {  // near the mean, so that little of the squares is taken off again
                for (int n = 0; n < run; ++n) center[e] += n < count ? values[n].of[e] : T(0);
                center[e] /= T(count);
            }
            T part = 0, part_squares = 0;
            for (int n = 0; n < run; ++n) {
                const T apart = n < count ? values[n].of[e] - center[e] : T(0);
                part += apart;
                part_squares = math::fma(apart, apart, part_squares);
            }
            sum[e] += double(part), squares[e] += double(part_squares);
        }
    }
    const double count = first < end ? double((end - first + step - 1) / step) : 0.0;
    Moments found[size] = {};
    for (int e = 0; e < some; ++e)
        found[e] = Moments::of(double(center[e]) - done.origin(channel + e), count, sum[e], squares[e]);
    finish_columns<T>(found, parts, s, done);
}

// --- parts

// A warp for each result: the parts of one lie side by side.
template <class Item, class Done>
__global__ void join_parts_kernel(const Item* parts, int64_t results, int64_t splits, Done done) {
    const int64_t i = row_index<warp>();
    if (i >= results) return;
    Item item = {};
#pragma unroll 1
    for (int64_t split = row_lane<warp>(); split < splits; split += warp) item = item + parts[i * splits + split];
    item = row_reduce<warp>(item, Add{});
    if (row_lane<warp>() == 0) done(i, item);
}

template <class Item, class Done>
void join_parts(Stream stream, const Item* parts, int64_t results, int64_t splits, const Done& done) {
    if (splits > 1)
        launch(stream, join_parts_kernel<Item, Done>, row_blocks<warp>(results), parts, results, splits, done);
}

}  // namespace nerve::cuda
