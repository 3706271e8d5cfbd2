// Group normalization of (batch, positions, groups, channels): the positions of a group are cut into parts, one for
// each block, whose moments or sums are combined (moments.cuh); then blocks that are cut alike apply them.
#pragma once
#include "cuda/norm_columns.cuh"

namespace nerve::cuda {
namespace {

// A block's part of a group, in units: chunks of channels, or single ones where a position has no whole chunks.
struct GroupParts {
    int64_t positions, groups, channels, splits, share;  // share: positions of a part

    // Which of all groups.
    __device__ int64_t group() const { return blockIdx.x / splits; }
    // body(count, places, channels, unit) for up to `run` units of this thread at a time: where they stand in memory,
    // and the channels in gamma that each begins with.
    template <class T, class Body>
    __device__ void each(const Body& body) const {
        const int unit = channels % chunk<T> == 0 ? chunk<T> : 1;
        const int64_t line = channels / unit, first_channel = group() % groups * channels;
        const int64_t begin = blockIdx.x % splits * share, end = begin + share < positions ? begin + share : positions;
        const int64_t sample = group() / groups * positions * groups * channels;
        if (line == 0) return;
        int64_t position = begin + threadIdx.x / line, place = threadIdx.x % line;
        const int64_t down = threads / line, along = threads % line;
        while (position < end) {
            int64_t places[run], of[run];
            int count = 0;
            for (int n = 0; n < run; ++n) {
                if (position >= end) break;
                of[n] = first_channel + place * unit;
                places[n] = sample + position * groups * channels + of[n];
                ++count;
                position += down, place += along;
                if (place >= line) place -= line, ++position;
            }
            body(count, places, of, unit);
        }
    }
    double size() const { return double(positions) * double(channels); }
};

template <class T>
GroupParts group_parts(int64_t batch, int64_t positions, int64_t groups, int64_t channels) {
    GroupParts p{positions, groups, channels, 1, positions};
    const int64_t most = positions * channels / (16 * threads * chunk<T>);
    const int64_t wanted = batch * groups > 0 ? 4 * busy_blocks() / (batch * groups) : 1;
    const int64_t splits = wanted < most ? wanted : most;
    if (splits < 2) return p;
    p.share = divide_up(positions, splits);
    p.splits = divide_up(positions, p.share);
    return p;
}

// done(group, item), or the item of a part.
template <class Item, class Done>
__device__ void finish_group(Item item, Item* parts, const GroupParts& p, const Done& done) {
    item = row_reduce<threads>(item, Add{});
    if (threadIdx.x > 0) return;
    if (p.splits == 1)
        done(p.group(), item);
    else
        parts[blockIdx.x] = item;
}

template <class T>
struct GroupForward {
    T *mean, *rstd, *rest;  // rest: of the mean, that T cannot hold
    const T* x;
    GroupParts p;
    double epsilon;

    // Numbers are counted from the group's first x.
    __device__ double origin(int64_t group) const {
        return double(x[(group / p.groups * p.positions * p.groups + group % p.groups) * p.channels]);
    }
    __device__ void operator()(int64_t group, const Moments& found) const {
        const double exact = found.count > 0 ? origin(group) + found.mean() : double(NAN);
        mean[group] = T(exact);
        rest[group] = T(exact - double(T(exact)));
        rstd[group] = T(1 / math::sqrt(found.variance() + epsilon));
    }
};

template <class T>
struct GroupBackward {
    T *average, *slope;
    double size;
    __device__ void operator()(int64_t group, const Sums& found) const {
        average[group] = T(found.first / size);
        slope[group] = T(found.second / size);
    }
};

template <class T>
__global__ void group_moments_kernel(Moments* parts, const T* x, GroupParts p, bool aligned, GroupForward<T> done) {
    T center = 0;
    double sum = 0, squares = 0, all = 0;
    p.each<T>([&](int count, const int64_t* places, const int64_t*, int unit) {
        Values<T> values[run];
        for (int n = 0; n < run; ++n)
            if (n < count) values[n] = read_values(x + places[n], unit, aligned && unit > 1);
        if (all == 0) {  // near the mean, so that little of the squares is taken off again
            for (int n = 0; n < run; ++n)
                for (int e = 0; e < chunk<T>; ++e) center += n < count ? values[n].of[e] : T(0);
            center /= T(count * unit);
        }
        T part = 0, part_squares = 0;
        for (int n = 0; n < run; ++n)
            for (int e = 0; e < chunk<T>; ++e) {
                const T apart = n < count && e < unit ? values[n].of[e] - center : T(0);
                part += apart;
                part_squares = math::fma(apart, apart, part_squares);
            }
        sum += double(part), squares += double(part_squares), all += double(count * unit);
    });
    finish_group(all > 0 ? Moments::of(double(center) - done.origin(p.group()), all, sum, squares) : Moments{}, parts,
                 p, done);
}

template <class T>
__global__ void group_sums_kernel(Sums* parts, const T* grad, const T* x, const T* mean, const T* rstd, const T* gamma,
                                  GroupParts p, bool aligned, GroupBackward<T> done) {
    const T center = mean[p.group()], inverse = rstd[p.group()];
    Sums sums{0, 0};
    p.each<T>([&](int count, const int64_t* places, const int64_t* channels, int unit) {
        const bool wide = aligned && unit > 1;
        Values<T> values[run], grads[run];
        for (int n = 0; n < run; ++n)
            if (n < count) {
                values[n] = read_values(x + places[n], unit, wide);
                grads[n] = read_values(grad + places[n], unit, wide);
            }
        T part = 0, products = 0;
        for (int n = 0; n < run; ++n)
            for (int e = 0; e < chunk<T>; ++e) {
                if (n >= count || e >= unit) continue;
                const T scaled = grads[n].of[e] * (gamma ? gamma[channels[n] + e] : T(1));
                part += scaled;
                products = math::fma(scaled, (values[n].of[e] - center) * inverse, products);
            }
        sums = sums + Sums{double(part), double(products)};
    });
    finish_group(sums, parts, p, done);
}

template <class T>
__global__ void group_forward_kernel(T* out, const T* x, const T* gamma, const T* beta, GroupParts p, bool aligned,
                                     GroupForward<T> of) {
    const T center = of.mean[p.group()], rest = of.rest[p.group()], inverse = of.rstd[p.group()];
    p.each<T>([&](int count, const int64_t* places, const int64_t* channels, int unit) {
        const bool wide = aligned && unit > 1;
        for (int n = 0; n < count; ++n) {
            Values<T> values = read_values(x + places[n], unit, wide);
            for (int e = 0; e < chunk<T>; ++e) {
                if (e >= unit) break;
                const T normal = ((values.of[e] - center) - rest) * inverse;
                values.of[e] =
                    math::fma(normal, gamma ? gamma[channels[n] + e] : T(1), beta ? beta[channels[n] + e] : T(0));
            }
            write_values(out + places[n], values, unit, wide);
        }
    });
}

template <class T>
__global__ void group_backward_kernel(T* grad_x, const T* grad, const T* x, const T* mean, const T* rstd,
                                      const T* gamma, GroupParts p, bool aligned, GroupBackward<T> of) {
    const T center = mean[p.group()], inverse = rstd[p.group()];
    const T average = of.average[p.group()], slope = of.slope[p.group()];
    p.each<T>([&](int count, const int64_t* places, const int64_t* channels, int unit) {
        const bool wide = aligned && unit > 1;
        for (int n = 0; n < count; ++n) {
            const Values<T> values = read_values(x + places[n], unit, wide);
            Values<T> grads = read_values(grad + places[n], unit, wide);
            for (int e = 0; e < chunk<T>; ++e) {
                if (e >= unit) break;
                const T scaled = grads.of[e] * (gamma ? gamma[channels[n] + e] : T(1));
                grads.of[e] = inverse * (scaled - average - (values.of[e] - center) * inverse * slope);
            }
            write_values(grad_x + places[n], grads, unit, wide);
        }
    });
}

}  // namespace
}  // namespace nerve::cuda
