// The nearest center of every row, as kmeans_nearest.h finds it, with half as many multiplications: products of rows
// and centers rounded to 16 bits (dots16.h) leave one center that can be it for nearly all rows. The others are
// compared in float32 after all, so labels are the same.
#pragma once
#include "cpu/dots16.h"
#include "cpu/kmeans_nearest.h"

namespace nerve::NERVE_ISA {

struct RoundedNearest {
    using V = vec<float>;
    static constexpr int vectors = int(dots16::lanes) / V::size;

    const Nearest<float>& exact;
    int64_t features, clusters, pairs;
    int32_t* rounded;            // the centers
    float scale, error, of_all;  // what a row's similarities are wrong by: error times its norm, plus of_all

    static int64_t room(int64_t features, int64_t clusters) { return clusters * dots16::pairs_of(features); }
    // Few products do not pay for the rounding.
    static bool pays(int64_t features, int64_t clusters) {
        return dots16::usable() && clusters >= 24 && features >= 8 && features <= dots16::most_features;
    }

    RoundedNearest(const Nearest<float>& nearest, int32_t* memory)
        : exact(nearest),
          features(nearest.features),
          clusters(nearest.clusters),
          pairs(dots16::pairs_of(nearest.features)),
          rounded(memory) {
        float largest = 0;  // squared norm
        for (int64_t j = 0; j < clusters; ++j) {
            const float square = -2 * nearest.bias[j];
            largest = square <= largest ? largest : square;
        }
        scale = dots16::scale_of(largest * 1.0001f);
        const double norm = __builtin_sqrt(double(largest)) * 1.001;
        constexpr double u = unit_roundoff<float>;
        error = float(norm * (dots16::relative_error(features) + double(features + 16) * 1.1 * u));
        of_all = float(norm * norm * 4 * u);
        if (!fits()) return;
        parallel_blocks(clusters, 1 + 16384 / (features + 1), [&](int64_t begin, int64_t end) {
            for (int64_t j = begin; j < end; ++j)
                dots16::round(rounded + j * pairs, nearest.centers + j * features, nullptr, scale, features);
        });
    }

    // Whether the centers can be rounded at all.
    bool fits() const { return scale > 0; }

    template <class Done>
    void each(int32_t* labels, const float* x, int64_t first, int64_t past, const Done& done) const {
        constexpr int64_t width = dots16::lanes;
        static_assert(width == Nearest<float>::Rows::width || vector_bytes < 64);
        // Rows whose label is in doubt wait for others, but no longer than all are in the second cache.
        const int64_t block = larger(1, (128 << 10) / (features * 4) / width) * width;
        const int64_t sums = dots16::most * width;
        auto* panel = scratch<int32_t>(runtime::packed_b, 2 * (width * pairs + 16) + sums + 16 + block);
        int32_t *room = panel + width * pairs + 16, *out = room + width * pairs + 16, *doubtful = out + sums + 16;
        for (int64_t row = first; row < past; row += block) {
            const int64_t end = smaller(row + block, past);
            int64_t in_doubt = 0;
            for (int64_t r = row; r < end; r += width) {
                const int64_t used = smaller(end - r, width);
                uint32_t doubts = of_panel(labels + r, x + r * features, used, panel, room, out);
                for (; doubts != 0; doubts &= doubts - 1)
                    doubtful[in_doubt++] = int32_t(r - row + __builtin_ctz(doubts));
            }
            compare(labels + row, x + row * features, doubtful, in_doubt);
            done(row, end);
        }
    }

    // Labels of a panel's rows; the bits of those in doubt.
    uint32_t of_panel(int32_t* labels, const float* x, int64_t used, int32_t* panel, int32_t* room,
                      int32_t* out) const {
        alignas(64) float scales[dots16::lanes] = {}, errors[dots16::lanes] = {};
        uint32_t doubts = 0;
        dots16::pack(panel, room, used, pairs, [&](int32_t* to, int64_t r) NERVE_LAMBDA_INLINE {
            const float square = dots16::square_of(x + r * features, nullptr, features);
            const float of_row = dots16::scale_of(square);
            if (of_row < 0) doubts |= 1u << r;
            scales[r] = of_row * scale, errors[r] = 2.01f * (__builtin_sqrtf(square) * error + of_all);
            dots16::round(to, x + r * features, nullptr, of_row, features);
        });
        const V lowest(-__builtin_inff());
        V best[vectors], second[vectors], by[vectors];
        bits<float> at[vectors];
        for (int v = 0; v < vectors; ++v)
            best[v] = second[v] = lowest, at[v] = bits<float>{}, by[v] = load(scales + v * V::size);
        for (int64_t j = 0; j < clusters; j += dots16::most) {
            const int n = int(smaller(dots16::most, clusters - j));
            dots16::dots(out, panel, rounded + j * pairs, n, pairs);
            for (int c = 0; c < n; ++c) {
                const V bias(exact.bias[j + c]);
#pragma GCC unroll 2
                for (int v = 0; v < vectors; ++v) {
                    const V value = fma(dots16::floats(out + c * dots16::lanes + v * V::size), by[v], bias);
                    const mask<float> better = value > best[v];
                    const V other = select(better, best[v], value);
                    best[v] = select(better, value, best[v]);
                    second[v] = select(other > second[v], other, second[v]);
                    at[v] = better.v ? bits<float>{} + int32_t(j + c) : at[v];
                }
            }
        }
        for (int v = 0; v < vectors; ++v) {
            const int64_t n = smaller(used - v * V::size, V::size);
            if (n <= 0) break;
            store_partial(reinterpret_cast<float*>(labels) + v * V::size, from_bits<float>(at[v]), n);
            const mask<float> sure = best[v] - second[v] > load(errors + v * V::size);
            const auto bits_of = [&](auto condition) {
                alignas(64) int32_t lane[V::size];
                std::memcpy(lane, &condition.v, vector_bytes);
                uint32_t found = 0;
                for (int64_t i = 0; i < n; ++i) found |= uint32_t(lane[i] == 0) << i;
                return found;
            };
            doubts |= bits_of(sure) << (v * V::size);
        }
        return doubts;
    }

    // Rows in doubt, in float32.
    void compare(int32_t* labels, const float* x, const int32_t* doubtful, int64_t count) const {
        using Rows = Nearest<float>::Rows;
        if (count == 0) return;
        float* panel = scratch<float>(runtime::packed_a, Rows::elements(features));
        for (int64_t i = 0; i < count; i += Rows::width) {
            const int64_t used = smaller(count - i, Rows::width);
            const float* from[Rows::width];
            for (int64_t r = 0; r < Rows::width; ++r) from[r] = x + doubtful[i + smaller(r, used - 1)] * features;
            pack_pointers<Rows::width>(panel, from, features);
            bits<float> at[Nearest<float>::vectors];
            exact.of_panel(at, panel, nullptr);
            for (int64_t r = 0; r < used; ++r) labels[doubtful[i + r]] = int32_t(at[r / V::size][r % V::size]);
        }
    }
};

}  // namespace nerve::NERVE_ISA
