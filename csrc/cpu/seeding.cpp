// Greedy k-means++ (Arthur and Vassilvitskii, "k-means++: the advantages of careful seeding", 2007) with some
// candidates for each center. Of a candidate only the rows matter that are nearer to it than to all centers so far: one
// in m, at the m-th center. A filter says which may be (seeding_filter.h); their distances are exact, so that results
// are the same bits on every instruction set, and what a candidate gains is summed up over them alone.
#include "cpu/seeding_filter.h"
#include "shapes.h"

namespace nerve::NERVE_ISA {
namespace {

// The sum of weights times values: eight running lanes.
template <class T>
double weighted_sum(const T* values, const T* weights, int64_t count) {
    double lane[8] = {};
    for (int64_t i = 0; i < count; i += 8)
        for (int64_t j = 0; j < smaller(8, count - i); ++j)
            lane[j] += weights == nullptr ? double(values[i + j]) : double(weights[i + j]) * double(values[i + j]);
    return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

template <class T>
struct Seeding {
    T *closest, *distances;
    const T *x, *weights;
    int64_t rows, features, trials, panels, size, groups;  // size: rows of a task
    double *gains, *potentials;                            // (groups, trials) and (groups,)
    uint32_t* hits;                                        // (trials, panels): which rows a candidate would gain

    Seeding(T* closest_to, T* room, const T* points, const T* weight, int64_t n, int64_t d, int64_t count)
        : closest(closest_to), distances(room), x(points), weights(weight), rows(n), features(d), trials(count) {
        constexpr int64_t width = seeding::lanes;
        panels = pieces(rows, width);
        const int64_t least = larger(width, serial_work / ((features + 1) * (trials + 1)));
        size = pieces(larger(pieces(rows, 64), least), width) * width;
        groups = pieces(rows, size);
        gains = scratch<double>(runtime::workspace, groups * (trials + 1) + (trials * panels + 1) / 2);
        potentials = gains + groups * trials;
        hits = reinterpret_cast<uint32_t*>(potentials + groups);
    }

    double weight(int64_t row) const { return weights == nullptr ? 1.0 : double(weights[row]); }
    T distance(int64_t row, int64_t other) const {
        return T(exact_distance<false>(x + row * features, x + other * features, features));
    }

    // Takes a row as a center: the first, or the candidate that it was.
    void take(int64_t row, int64_t candidate) const {
        parallel_blocks(rows, size, [&](int64_t begin, int64_t end) {
            if (candidate < 0) {
                for (int64_t r = begin; r < end; ++r) closest[r] = distance(r, row);
            } else {
                for (int64_t panel = begin / seeding::lanes; panel < pieces(end, seeding::lanes); ++panel)
                    for (uint32_t hit = hits[candidate * panels + panel]; hit != 0; hit &= hit - 1) {
                        const int64_t r = panel * seeding::lanes + __builtin_ctz(hit);
                        closest[r] = distances[candidate * rows + r];
                    }
            }
            potentials[begin / size] =
                weighted_sum(closest + begin, weights == nullptr ? nullptr : weights + begin, end - begin);
        });
    }
    void sum_up() const {
        parallel_blocks(rows, size, [&](int64_t begin, int64_t end) {
            potentials[begin / size] =
                weighted_sum(closest + begin, weights == nullptr ? nullptr : weights + begin, end - begin);
        });
    }

    // The first row up to which distances sum up to `wanted` in all.
    int64_t draw(double wanted) const {
        int64_t group = 0;
        while (group + 1 < groups && potentials[group] < wanted) wanted -= potentials[group++];
        int64_t last = smaller((group + 1) * size, rows) - 1;  // rounding can lead past the end
        double sum = 0;
        for (int64_t row = group * size, some = last; row <= some; ++row) {
            const double here = weight(row) * double(closest[row]);
            sum += here;
            if (sum >= wanted) return row;
            if (here > 0) last = row;
        }
        return last;
    }

    void ask_for(const T* row) const {
        constexpr int64_t line = 64 / int64_t(sizeof(T));
        for (int64_t i = 0; i < smaller(features, 16 * line); i += line) __builtin_prefetch(row + i);
    }

    // Of a panel's possible hits those that are, their distances and gains.
    void settle(int64_t panel, const int64_t* candidates, double* gain) const {
        for (int64_t c = 0; c < trials; ++c) {
            uint32_t& hit = hits[c * panels + panel];
            for (uint32_t lanes = hit; lanes != 0; lanes &= lanes - 1) {
                const int64_t lane = __builtin_ctz(lanes), r = panel * seeding::lanes + lane;
                const T here = distance(r, candidates[c]);
                if (here < closest[r]) {
                    distances[c * rows + r] = here;
                    gain[c] += weight(r) * (double(closest[r]) - double(here));
                } else {
                    hit &= ~(1u << lane);
                }
            }
        }
    }

    // Hits of the candidates and what they gain; returns the best candidate.
    template <class Filter>
    int64_t best_of(Filter& filter, const int64_t* candidates) const {
        filter.look_for(candidates);
        parallel_blocks(rows, size, [&](int64_t begin, int64_t end) {
            double* gain = gains + begin / size * trials;
            for (int64_t c = 0; c < trials; ++c) gain[c] = 0;
            int64_t last = -1;  // the rows of a panel's hits are on their way while the next panel is looked at
            for (int64_t row = begin; row < end; row += seeding::lanes) {
                const int64_t panel = row / seeding::lanes;
                filter.panel(row, smaller(end - row, seeding::lanes), closest, [&](int64_t c, uint32_t lanes) {
                    hits[c * panels + panel] = lanes;
                    for (; lanes != 0; lanes &= lanes - 1) ask_for(x + (row + __builtin_ctz(lanes)) * features);
                });
                if (last >= 0) settle(last, candidates, gain);
                last = panel;
            }
            settle(last, candidates, gain);
        });
        int64_t best = 0;
        double most = 0;
        for (int64_t c = 0; c < trials; ++c) {
            double sum = 0;
            for (int64_t group = 0; group < groups; ++group) sum += gains[group * trials + c];
            if (sum > most) most = sum, best = c;
        }
        return best;
    }
};

template <class T, class Filter>
void choose(int64_t* indices, const Seeding<T>& seeding, Filter& filter, const double* draws, int64_t chosen,
            int64_t clusters) {
    int64_t* candidates = filter.candidates;
    if (chosen == 1)
        seeding.take(indices[0], -1);
    else
        seeding.sum_up();
    for (int64_t place = chosen; place < clusters; ++place, draws += seeding.trials) {
        double potential = 0;
        for (int64_t group = 0; group < seeding.groups; ++group) potential += seeding.potentials[group];
        for (int64_t c = 0; c < seeding.trials; ++c) candidates[c] = seeding.draw(draws[c] * potential);
        const int64_t best = seeding.best_of(filter, candidates);
        indices[place] = candidates[best];
        seeding.take(candidates[best], best);
    }
}

}  // namespace

template <class T>
void kmeans_plusplus(int64_t* indices, T* closest, T* distances, int32_t* rounded, const T* x, const T* weights,
                     const double* draws, int64_t rows, int64_t features, int64_t chosen, int64_t clusters,
                     int64_t trials) {
    if (rows == 0) return;
    const Seeding<T> seeding(closest, distances, x, weights, rows, features, trials);
    if constexpr (sizeof(T) == sizeof(float)) {
        if (seeding::RoundedFilter::pays(features)) {
            seeding::RoundedFilter filter(rounded, x, rows, features, trials);
            return choose(indices, seeding, filter, draws, chosen, clusters);
        }
    }
    seeding::Filter<T> filter(x, features, trials);
    choose(indices, seeding, filter, draws, chosen, clusters);
}

}  // namespace nerve::NERVE_ISA

#define NERVE_FAMILY "kernels/seeding.inc"
#include "cpu/instantiate.h"
