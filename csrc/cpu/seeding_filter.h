// Which rows may be nearer to a candidate than their squared distance so far: by products of which it is known how
// wrong they can be. A row that is missed is a fault, one too many costs an exact distance.
#pragma once
#include "cpu/bounds.h"
#include "cpu/dots16.h"
#include "cpu/kmeans_plusplus.h"

namespace nerve::NERVE_ISA::seeding {

constexpr int64_t lanes = dots16::lanes;  // rows of a panel

// By distances in double, of kmeans_plusplus.h.
template <class T>
struct Filter {
    const T* x;
    int64_t features, trials, some;  // some: candidates at once
    int64_t* candidates;
    double *values, *norms;

    Filter(const T* points, int64_t d, int64_t count) : x(points), features(d), trials(count) {
        some = pieces(trials, larger(1, pieces(trials, plusplus::most)));
        candidates = scratch<int64_t>(runtime::candidates, trials * (features + 2));
        values = reinterpret_cast<double*>(candidates + trials), norms = values + trials * features;
    }
    void look_for(const int64_t* rows) {
        for (int64_t c = 0; c < trials; ++c) {
            const int64_t first = c / some * some, together = smaller(some, trials - first);
            double sum = 0;
            for (int64_t i = 0; i < features; ++i) {
                const double value = double(x[rows[c] * features + i]);
                values[first * features + i * together + c - first] = value;
                sum += value * value;
            }
            norms[c] = sum;
        }
    }
    // hit(candidate, lanes) for each candidate and rows [row, row + used).
    template <class Hit>
    void panel(int64_t row, int64_t used, const T* closest, const Hit& hit) const {
        using math::WidePair;
        constexpr int64_t width = plusplus::lanes;
        using Rows = TurnedRows<T, int(width) / vec<T>::size>;
        const Rows turned{scratch<T>(runtime::packed_a, Rows::elements(features)), features};
        uint32_t* found = scratch<uint32_t>(runtime::packed_b, trials);
        for (int64_t c = 0; c < trials; ++c) found[c] = 0;
        // |x|^2 is 2 |x - z|^2 + 2 |z|^2 at most.
        const double e = relative_error<double>(features);
        for (int64_t r = 0; r < used; r += width) {
            const int64_t n = smaller(used - r, width);
            turned.turn(x, row + r, n);
            for (int64_t first = 0; first < trials; first += some) {
                const int64_t count = smaller(some, trials - first);
                WidePair squares[plusplus::most];
                plusplus::by_count<T>(count, squares, turned.panel, {values + first * features, norms + first},
                                      features, nullptr);
                for (int64_t c = 0; c < count; ++c) {
                    alignas(64) double lane[width];
                    store(lane, squares[c].low), store(lane + width / 2, squares[c].high);
                    const double slack = 3 * e * norms[first + c];
                    for (int64_t i = 0; i < n; ++i) {
                        const bool far = lane[i] - 2 * e * lane[i] - slack >= double(closest[row + r + i]);
                        found[first + c] |= uint32_t(!far) << (r + i);
                    }
                }
            }
        }
        for (int64_t c = 0; c < trials; ++c) hit(c, found[c]);
    }
};

// By products of rows rounded to 16 bits, made once. With the error e of these relative to the norms,
//     |x - z|^2 >= (1 - e) (|x|^2 + |z|^2) - 2 s_x s_z (q_x . q_z).
struct RoundedFilter {
    using V = vec<float>;
    const float* x;
    int64_t rows, features, trials, pairs, step;  // step: elements of a panel
    int32_t* panels;                              // each with the scales and (1 - e) |x|^2 of its rows
    int64_t* candidates;
    float *point, *scales, *norms;  // the common point; 2 s_z and (1 - e) |z|^2
    int32_t* rounded;               // the candidates
    double e;

    static bool pays(int64_t features) {
        return dots16::usable() && features >= 8 && features <= dots16::most_features;
    }

    RoundedFilter(int32_t* memory, const float* points, int64_t n, int64_t d, int64_t count)
        : x(points), rows(n), features(d), trials(count), pairs(dots16::pairs_of(d)), panels(memory) {
        step = lanes * (pairs + 2);
        candidates =
            scratch<int64_t>(runtime::candidates, 2 * trials + (trials * pairs + features + 2 * trials + 1) / 2);
        rounded = reinterpret_cast<int32_t*>(candidates + trials);
        point = reinterpret_cast<float*>(rounded + trials * pairs);
        scales = point + features, norms = scales + trials;
        e = dots16::relative_error(features) + relative_error<float>(features);
        common_point(point, x, rows, features);
        parallel_blocks(pieces(rows, lanes), 1 + serial_work / (lanes * features), [&](int64_t begin, int64_t end) {
            auto* room = scratch<int32_t>(runtime::packed_b, lanes * pairs + 16);
            for (int64_t p = begin; p < end; ++p) {
                int32_t* panel = panels + p * step;
                auto* of_rows = reinterpret_cast<float*>(panel + lanes * pairs);
                const int64_t used = smaller(lanes, rows - p * lanes);
                for (int64_t r = 0; r < 2 * lanes; ++r) of_rows[r] = 0;
                dots16::pack(panel, room, used, pairs,
                             [&](int32_t* to, int64_t r) { round(to, p * lanes + r, of_rows[r], of_rows[lanes + r]); });
            }
        });
    }

    // What cannot be rounded gets no norm and no scale, and so is always a hit.
    void round(int32_t* to, int64_t row, float& scale, float& norm) const {
        const float* from = x + row * features;
        const float square = dots16::square_of(from, point, features), found = dots16::scale_of(square);
        scale = found < 0 ? 0 : found;
        norm = found < 0 ? -__builtin_inff() : rounded_down<float>((1 - e) * double(square));
        dots16::round(to, from, point, scale, features);
    }

    void look_for(const int64_t* found) {
        for (int64_t c = 0; c < trials; ++c) {
            round(rounded + c * pairs, found[c], scales[c], norms[c]);
            scales[c] *= 2;
        }
    }

    template <class Hit>
    void panel(int64_t row, int64_t used, const float* closest, const Hit& hit) const {
        const int32_t* panel = panels + row / lanes * step;
        const auto* of_rows = reinterpret_cast<const float*>(panel + lanes * pairs);
        const uint32_t all = uint32_t((uint64_t(1) << used) - 1);
        alignas(64) int32_t sums[dots16::most * lanes];
        for (int64_t first = 0; first < trials; first += dots16::most) {
            const int count = int(smaller(dots16::most, trials - first));
            dots16::dots(sums, panel, rounded + first * pairs, count, pairs);
            uint32_t found[dots16::most] = {};
            for (int64_t v = 0; v < lanes; v += V::size) {
                const int64_t n = smaller(larger(used - v, 0), V::size);
                const V scale = load(of_rows + v), norm = load(of_rows + lanes + v),
                        near = load_partial(closest + row + v, n);
                for (int c = 0; c < count; ++c) {
                    const V near_from = fma(dots16::floats(sums + c * lanes + v), scale * V(scales[first + c]), near);
                    found[c] |= lanes_not_below(near_from, norm + V(norms[first + c])) << v;
                }
            }
            for (int c = 0; c < count; ++c) hit(first + c, found[c] & all);
        }
    }
};

}  // namespace nerve::NERVE_ISA::seeding
