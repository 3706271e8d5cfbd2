// Convolutions on the tile registers of AMX (amx_gemm.h): the implicit matrix of patches, or its transpose, as lines.
#pragma once
#include "cpu/amx_gemm.h"
#include "cpu/conv_patches.h"
#include "cpu/shuffle.h"

namespace nerve::NERVE_ISA::amx {

// lines[r * stride + i] = element k + i of the patch of pixel row + r.
struct PatchLines {
    const Patches<float>& m;

    void lines(float* lines, int64_t stride, int64_t row, int64_t rows, int64_t k, int64_t count) const {
        const float *volumes[most_lines], *corners[most_lines];
        Place places[most_lines];
        bool inside[most_lines];
        Corner<float> corner(m, row);
        for (int64_t r = 0; r < rows; ++r, corner.next()) {
            volumes[r] = corner.volume;
            places[r] = corner.place();
            inside[r] = m.holds(places[r]);
            corners[r] = volumes[r] + m.distance(places[r]);
        }
        const int64_t run = m.run_taps() * m.channels;
        for (int64_t i = 0, length; i < count; i += length) {
            const int64_t index = (k + i) / run, offset = (k + i) % run;
            length = smaller(run - offset, count - i);
            const Place tap = m.tap(index * m.run_taps());
            const int64_t distance = m.distance(tap) + offset;
            for (int64_t r = 0; r < rows; ++r) {
                float* to = lines + r * stride + i;
                const float* from =
                    inside[r] ? corners[r] + distance : gather(m, volumes[r], places[r] + tap, offset, length, to);
                if (from != to) std::memcpy(to, from, size_t(length) * sizeof(float));
            }
        }
    }
};

// lines[r * stride + i] = element row + r of the patch of pixel k + i.
struct PixelLines {
    const Patches<float>& m;

    void lines(float* lines, int64_t stride, int64_t row, int64_t rows, int64_t k, int64_t count) const {
        using V = vec<float>;
        struct Part {
            Place tap;
            int64_t offset, length, distance;
        };
        Part parts[most_lines];
        int n_parts = 0;
        const int64_t run = m.run_taps() * m.channels;
        for (int64_t at = row; at < row + rows;) {
            const int64_t index = at / run, offset = at % run, length = smaller(run - offset, row + rows - at);
            const Place tap = m.tap(index * m.run_taps());
            parts[n_parts++] = {tap, offset, length, m.distance(tap) + offset};
            at += length;
        }
        Corner<float> corner(m, k);
        for (int64_t i = 0; i < count; i += V::size) {
            alignas(64) float turned[V::size][most_lines] = {};
            for (int64_t j = 0; j < smaller(count - i, V::size); ++j, corner.next()) {
                const Place at = corner.place();
                const float* first = corner.volume + m.distance(at);
                const bool inside = m.holds(at);
                float* to = turned[j];
                for (int n = 0; n < n_parts; ++n) {
                    const auto [tap, offset, length, distance] = parts[n];
                    const float* from =
                        inside ? first + distance : gather(m, corner.volume, at + tap, offset, length, to);
                    if (from != to) std::memcpy(to, from, size_t(length) * sizeof(float));
                    to += length;
                }
            }
            for (int64_t r0 = 0; r0 < rows; r0 += V::size) {
                V part[V::size];
                for (int64_t j = 0; j < V::size; ++j) part[j] = load(turned[j] + r0);
                transpose(part);
                for (int64_t r = 0; r < V::size && r0 + r < rows; ++r) store(lines + (r0 + r) * stride + i, part[r]);
            }
        }
    }
};

// Whether places (pixels, columns) = patches @ B was made (amx_gemm.h).
template <class PackB>
bool convolve(const Patches<float>& m, int64_t pixels, int64_t columns, const PackB& pack_b,
              const Epilogue<float>& epilogue) {
    return gemm({pixels, columns, m.taps() * m.channels}, Operand(PatchLines{m}), Operand(pack_b), epilogue);
}

// Whether out (elements of a patch, filters) = patches^T @ grad was made, where pixels of grad lie `stride` apart.
inline bool correlate(float* out, int64_t out_stride, const Patches<float>& m, int64_t pixels, const float* grad,
                      int64_t stride, int64_t filters) {
    const auto pack_b = [&](float* panel, int64_t column, int64_t columns, int64_t k, int64_t count) {
        pack_along<tile_columns<float>>(panel, grad, stride, column, columns, k, count);
    };
    return gemm({m.taps() * m.channels, filters, pixels}, Operand(PixelLines{m}), Operand(pack_b),
                {out, out_stride, nullptr, Activation::linear});
}

}  // namespace nerve::NERVE_ISA::amx
