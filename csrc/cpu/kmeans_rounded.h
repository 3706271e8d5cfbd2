// The nearest center of every row, as kmeans_nearest.h finds it, with half as many multiplications: products of rows
// and centers rounded to 16 bits (dots16.h) leave one center that can be it for nearly all rows, or two, which are
// compared in float32. Rows with more are compared with all centers after all, so labels are the same.
//
// Values are integers, of one scale for a panel of rows, whose last bits are replaced by the center's number.
#pragma once
#include "cpu/dots16.h"
#include "cpu/kmeans_nearest.h"

namespace nerve::NERVE_ISA {

struct RoundedNearest {
    using V = vec<float>;
    using Rows = Nearest<float>::Rows;
    static constexpr int64_t width = dots16::lanes;

    const Nearest<float>& exact;
    int64_t features, clusters, pairs;
    int32_t *rounded, *codes, code_bits;  // of the centers
    float largest, scale, error, of_all;  // what a row's values are wrong by: error times its norm, plus of_all

    static int64_t room(int64_t features, int64_t clusters) { return clusters * (dots16::pairs_of(features) + 1); }
    // Few products do not pay for the rounding.
    static bool pays(int64_t features, int64_t clusters) {
        return dots16::usable() && clusters >= 24 && features >= 8 && features <= dots16::most_features;
    }

    RoundedNearest(const Nearest<float>& nearest, int32_t* memory)
        : exact(nearest),
          features(nearest.features),
          clusters(nearest.clusters),
          pairs(dots16::pairs_of(nearest.features)),
          rounded(memory),
          codes(memory + nearest.clusters * pairs),
          code_bits(1) {
        while (code_bits < clusters - 1) code_bits = 2 * code_bits + 1;
        float square = 0;
        for (int64_t j = 0; j < clusters; ++j) {
            square = greater(square, -2 * nearest.bias[j]);
            codes[j] = code_bits - int32_t(j);  // of equal values the first is the largest
        }
        scale = dots16::scale_of(square * 1.0001f);
        const double norm = __builtin_sqrt(double(square)) * 1.001;
        constexpr double u = unit_roundoff<float>;
        largest = float(norm);
        error = float(norm * (dots16::relative_error(features) + double(features + 16) * 1.1 * u));
        of_all = float(norm * norm * 4 * u);
        if (!fits()) return;
        parallel_blocks(clusters, 1 + 16384 / (features + 1), [&](int64_t begin, int64_t end) {
            for (int64_t j = begin; j < end; ++j)
                dots16::round(rounded + j * pairs, nearest.centers + j * features, nullptr, scale, features);
        });
    }

    static float greater(float a, float b) { return a > b ? a : b; }

    // Whether the centers can be rounded at all.
    bool fits() const { return scale > 0; }

    // Rows whose label is in doubt, and what it can be: all centers, or two.
    struct Doubts {
        int64_t many = 0, few = 0;
        int32_t *of_all, *of_two, *first, *second;
    };

    template <class Done>
    void each(int32_t* labels, const float* x, int64_t first, int64_t past, const Done& done) const {
        // Rows whose label is in doubt wait for others, but no longer than all are in the second cache.
        const int64_t block = larger(1, (128 << 10) / (features * 4) / width) * width;
        auto* panel = scratch<int32_t>(runtime::packed_b, 2 * (width * pairs + 16) + clusters + 16 + 4 * block);
        int32_t *room = panel + width * pairs + 16, *biases = room + width * pairs + 16;
        Doubts doubts;
        doubts.of_all = biases + clusters + 16;
        doubts.of_two = doubts.of_all + block;
        doubts.first = doubts.of_two + block, doubts.second = doubts.first + block;
        for (int64_t row = first; row < past; row += block) {
            const int64_t end = smaller(row + block, past);
            doubts.many = doubts.few = 0;
            for (int64_t r = row; r < end; r += width)
                of_panel(labels + row, x + row * features, r - row, smaller(end - r, width), panel, room, biases,
                         doubts);
            compare_two(labels + row, x + row * features, doubts);
            compare(labels + row, x + row * features, doubts);
            done(row, end);
        }
    }

    // Labels of a panel's rows, from `row` on.
    void of_panel(int32_t* labels, const float* x, int64_t row, int64_t used, int32_t* panel, int32_t* room,
                  int32_t* biases, Doubts& doubts) const {
        float square = 0;
        uint32_t unfit = 0;
        for (int64_t r = 0; r < used; ++r) {
            const float found = dots16::square_of(x + (row + r) * features, nullptr, features);
            if (dots16::fits(found))
                square = greater(square, found);
            else
                unfit |= 1u << r;
        }
        // Products and biases are less than 2^30 each.
        const float norm = greater(__builtin_sqrtf(square), 0.5f * largest), of_rows = dots16::scale_of_norm(norm);
        dots16::pack(panel, room, used, pairs, [&](int32_t* to, int64_t r) NERVE_LAMBDA_INLINE {
            dots16::round(to, x + (row + r) * features, nullptr, unfit >> r & 1 ? 0 : of_rows, features);
        });
        const float units = 1 / (of_rows * scale);
        for (int64_t j = 0; j < clusters; j += V::size) {
            const int64_t n = smaller(clusters - j, V::size);
            store_partial(reinterpret_cast<float*>(biases) + j,
                          from_bits<float>(to_int<float>(load_partial(exact.bias + j, n) * V(units))), n);
        }
        dots16::Ranks ranks;
        ranks.clear();
        // The rows of the next panel, some with each round.
        const auto* next = reinterpret_cast<const char*>(x + (row + width) * features);
        const int64_t ahead = pieces(width * features * 4 * dots16::most, clusters * 64);
        for (int64_t j = 0; j < clusters; j += dots16::most) {
            for (int64_t line = 0; line < ahead; ++line, next += 64) __builtin_prefetch(next, 0, 2);
            dots16::rank(ranks, panel, rounded + j * pairs, biases + j, codes + j, code_bits,
                         int(smaller(dots16::most, clusters - j)), pairs);
        }
        // Also wrong: the biases, by a unit and what is lost of a float, and values, by the bits of their codes.
        const auto apart = uint32_t(2.02f * units * (norm * error + of_all)) + 2 * uint32_t(code_bits) + 512;
        const auto number = [&](int32_t value) { return code_bits - (value & code_bits); };
        for (int64_t r = 0; r < used; ++r) {
            const int32_t best = ranks.first[r], second = ranks.second[r];
            labels[row + r] = number(best);
            const bool fit = (unfit >> r & 1) == 0;
            if (fit && uint32_t(best) - uint32_t(second) > apart) continue;
            if (fit && uint32_t(best) - uint32_t(ranks.third[r]) > apart) {
                const int64_t i = doubts.few++;
                doubts.of_two[i] = int32_t(row + r);
                doubts.first[i] = int32_t(smaller(number(best), number(second)));
                doubts.second[i] = int32_t(larger(number(best), number(second)));
            } else {
                doubts.of_all[doubts.many++] = int32_t(row + r);
            }
        }
    }

    // Rows `at` of a matrix side by side; the last one stands for those that are missing.
    void turn(float* panel, const float* rows, const int32_t* at, int64_t used) const {
        const float* from[Rows::width];
        for (int64_t r = 0; r < Rows::width; ++r) from[r] = rows + at[smaller(r, used - 1)] * features;
        pack_pointers<Rows::width>(panel, from, features);
    }

    // Rows that one of two centers is nearest to, in float32.
    void compare_two(int32_t* labels, const float* x, const Doubts& doubts) const {
        if (doubts.few == 0) return;
        const int64_t elements = Rows::elements(features);
        auto* panel = scratch<float>(runtime::packed_a, 3 * elements);
        for (int64_t i = 0; i < doubts.few; i += Rows::width) {
            const int64_t used = smaller(doubts.few - i, Rows::width);
            turn(panel, x, doubts.of_two + i, used);
            turn(panel + elements, exact.centers, doubts.first + i, used);
            turn(panel + 2 * elements, exact.centers, doubts.second + i, used);
            for (int64_t r = 0; r < used; r += V::size) {
                V first(0.0f), second(0.0f);
                const float* at = panel + r;
                for (int64_t k = 0; k < features; ++k, at += Rows::width) {
                    const V here = load(at);
                    first = fma(load(at + elements), here, first);
                    second = fma(load(at + 2 * elements), here, second);
                }
                for (int64_t k = r; k < smaller(r + V::size, used); ++k) {
                    const int32_t one = doubts.first[i + k], other = doubts.second[i + k];
                    const bool better = second.v[k - r] + exact.bias[other] > first.v[k - r] + exact.bias[one];
                    labels[doubts.of_two[i + k]] = better ? other : one;
                }
            }
        }
    }

    // Rows that many centers are about equally near to, in float32.
    void compare(int32_t* labels, const float* x, const Doubts& doubts) const {
        if (doubts.many == 0) return;
        float* panel = scratch<float>(runtime::packed_a, Rows::elements(features));
        for (int64_t i = 0; i < doubts.many; i += Rows::width) {
            const int64_t used = smaller(doubts.many - i, Rows::width);
            turn(panel, x, doubts.of_all + i, used);
            bits<float> at[Nearest<float>::vectors];
            exact.of_panel(at, panel, nullptr);
            for (int64_t r = 0; r < used; ++r) labels[doubts.of_all[i + r]] = int32_t(at[r / V::size][r % V::size]);
        }
    }
};

}  // namespace nerve::NERVE_ISA
