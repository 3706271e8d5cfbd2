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
        const float *images[most_lines], *corners[most_lines];
        int64_t ys[most_lines], xs[most_lines];
        bool inside[most_lines];
        Corner<float> corner(m, row);
        for (int64_t r = 0; r < rows; ++r, corner.next()) {
            images[r] = corner.image;
            ys[r] = corner.y(), xs[r] = corner.x();
            inside[r] = m.holds(ys[r], xs[r]);
            corners[r] = images[r] + (ys[r] * m.width + xs[r]) * m.pixel;
        }
        const int64_t run = m.run_taps() * m.channels, runs_x = m.taps_x / m.run_taps();
        for (int64_t i = 0, length; i < count; i += length) {
            const int64_t index = (k + i) / run, offset = (k + i) % run;
            length = smaller(run - offset, count - i);
            const int64_t p = index / runs_x * m.step_y, q = index % runs_x * m.step_x;
            const int64_t distance = (p * m.width + q) * m.pixel + offset;
            for (int64_t r = 0; r < rows; ++r) {
                float* to = lines + r * stride + i;
                const float* from =
                    inside[r] ? corners[r] + distance : gather(m, images[r], ys[r] + p, xs[r] + q, offset, length, to);
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
            int64_t p, q, offset, length, distance;
        };
        Part parts[most_lines];
        int n_parts = 0;
        const int64_t run = m.run_taps() * m.channels, runs_x = m.taps_x / m.run_taps();
        for (int64_t at = row; at < row + rows;) {
            const int64_t index = at / run, offset = at % run, length = smaller(run - offset, row + rows - at);
            const int64_t p = index / runs_x * m.step_y, q = index % runs_x * m.step_x;
            parts[n_parts++] = {p, q, offset, length, (p * m.width + q) * m.pixel + offset};
            at += length;
        }
        Corner<float> corner(m, k);
        for (int64_t i = 0; i < count; i += V::size) {
            alignas(64) float turned[V::size][most_lines] = {};
            for (int64_t j = 0; j < smaller(count - i, V::size); ++j, corner.next()) {
                const int64_t y = corner.y(), x = corner.x();
                const float* first = corner.image + (y * m.width + x) * m.pixel;
                const bool inside = m.holds(y, x);
                float* to = turned[j];
                for (int n = 0; n < n_parts; ++n) {
                    const auto [p, q, offset, length, distance] = parts[n];
                    const float* from =
                        inside ? first + distance : gather(m, corner.image, y + p, x + q, offset, length, to);
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
    return gemm({pixels, columns, m.taps_y * m.taps_x * m.channels}, Operand(PatchLines{m}), Operand(pack_b), epilogue);
}

// Whether out (elements of a patch, filters) = patches^T @ grad was made, where pixels of grad lie `stride` apart.
inline bool correlate(float* out, int64_t out_stride, const Patches<float>& m, int64_t pixels, const float* grad,
                      int64_t stride, int64_t filters) {
    const auto pack_b = [&](float* panel, int64_t column, int64_t columns, int64_t k, int64_t count) {
        pack_along<tile_columns<float>>(panel, grad, stride, column, columns, k, count);
    };
    return gemm({m.taps_y * m.taps_x * m.channels, filters, pixels}, Operand(PixelLines{m}), Operand(pack_b),
                {out, out_stride, nullptr, Activation::linear});
}

}  // namespace nerve::NERVE_ISA::amx
