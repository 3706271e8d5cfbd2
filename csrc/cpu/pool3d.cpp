// Pooling over NDHWC volumes, and over adaptive windows of images and sequences. Forward, vectors run along the
// channels of a window, or, where these are few, along the rows that windows are made of (pool3d_lines.h). Python sees
// to it that every window holds at least one position.
#include "cpu/pool3d_backward.h"
#include "cpu/pool3d_lines.h"
#include "cpu/pool3d_shares.h"

namespace nerve::NERVE_ISA {
namespace {

// The windows [begin, end) of the output, all volumes' in a row.
template <class Reduce, class T>
void pool_windows(T* out, int32_t* index, const T* x, const Pool3DShape& s, const Tables& tables, int64_t begin,
                  int64_t end) {
    const int64_t volume = s.depth * s.height * s.width * s.channels;
    int64_t k = begin % s.out_width, j = begin / s.out_width % s.out_height;
    int64_t i = begin / s.out_width / s.out_height % s.out_depth;
    const T* from = x + begin / s.out_width / s.out_height / s.out_depth * volume;
    for (int64_t number = begin; number < end; ++number) {
        const Span depth = tables.depth[i], height = tables.height[j], width = tables.width[k];
        const vec<T> count(T(depth.size() * height.size() * width.size()));
        const auto put = [&](int64_t c, auto at, vec<T> value, bits<T> winner) NERVE_LAMBDA_INLINE {
            const int64_t to = number * s.channels + c;
            at.write(out + to, Reduce::finish(value, count));
            if constexpr (Reduce::indexed) at.template write_index<T>(index + to, winner);
        };
        if (s.channels > 4 * vec<T>::size)
            look_along<Reduce>(from, s, depth, height, width, put);
        else
            each_overlapping<T>(s.channels, [&](int64_t c, auto at, auto strip) NERVE_LAMBDA_INLINE {
                constexpr int n = decltype(strip)::value;
                vec<T> value[n];
                bits<T> winner[n];
                look<Reduce>(value, winner, from + c, s, depth, height, width, at);
                for (int v = 0; v < n; ++v) put(c + v * vec<T>::size, at, value[v], winner[v]);
            });
        if (++k < s.out_width) continue;
        k = 0;
        if (++j < s.out_height) continue;
        j = 0;
        if (++i < s.out_depth) continue;
        i = 0;
        from += volume;
    }
}

template <class Reduce, class T>
void pool(T* out, int32_t* index, const T* x, const Pool3DShape& s) {
    const int64_t windows = s.batch * s.out_depth * s.out_height * s.out_width;
    if (windows == 0 || s.channels == 0) return;
    Memory memory(runtime::workspace, Tables::bytes(s));
    const Tables tables(s, memory);
    // Of the whole x, what a window stands for: windows that overlap look at more, but from a cache.
    const int64_t size = s.batch * s.depth * s.height * s.width * s.channels;
    // The order of a sum hangs on it, so it is the same on every instruction set.
    constexpr int64_t many_channels = 64 / sizeof(T);
    static_assert(many_channels >= vec<T>::size);
    if (s.channels >= many_channels)
        return parallel_blocks(windows, rows_in_a_task(size / windows), [&](int64_t begin, int64_t end) {
            pool_windows<Reduce>(out, index, x, s, tables, begin, end);
        });
    const int64_t rows = windows / s.out_width;
    parallel_blocks(rows, rows_in_a_task(size / rows),
                    [&](int64_t begin, int64_t end) { pool_lines<Reduce>(out, index, x, s, tables, begin, end); });
}

}  // namespace

template <class T>
void max_pool3d(T* out, int32_t* index, const T* x, const Pool3DShape& s) {
    if (index != nullptr)
        pool<Highest<true>>(out, index, x, s);
    else
        pool<Highest<false>>(out, index, x, s);
}

template <class T>
void average_pool3d(T* out, const T* x, const Pool3DShape& s) {
    pool<Average>(out, static_cast<int32_t*>(nullptr), x, s);
}

template <class T>
void max_pool3d_backward(T* grad_x, const T* grad, const int32_t* index, const Pool3DShape& s) {
    give_to_winners(grad_x, grad, index, s);
}

template <class T>
void average_pool3d_backward(T* grad_x, const T* grad, const Pool3DShape& s) {
    share_out(grad_x, grad, s);
}

}  // namespace nerve::NERVE_ISA

#define NERVE_FAMILY "kernels/pool3d.inc"
#include "cpu/instantiate.h"
