// Pooling of volumes where a position has fewer channels than a vector has lanes. The rows of a window's depth and
// height are reduced to one line, element by element, and the windows along that line to values: those of one size as
// if a window began at every element, of which the ones that do begin there are kept.
#pragma once
#include "cpu/pool3d_windows.h"

namespace nerve::NERVE_ISA {
namespace {  // pool3d.cpp alone includes this

// A line of values and, for maxima, of the rows they are from: `rows` holds the number of the row's first position.
template <class T>
struct Line {
    T* values;
    typename vec<T>::integer* rows;

    static int64_t bytes(int64_t size) { return 2 * (size * int64_t(sizeof(T)) + 64); }
    Line(int64_t size, Memory& memory)
        : values(memory.take<T>(size)), rows(memory.take<typename vec<T>::integer>(size)) {}
};

// The windows of a row of the output from a line that has them all in full, padding included.
template <class Reduce, class T>
NERVE_INLINE void equal_windows(T* out, int32_t* index, const Line<T>& line, const Line<T>& found, const Pool3DShape& s,
                                const Span* windows, int64_t rows) {
    using Integer = typename vec<T>::integer;
    constexpr int64_t lanes = vec<T>::size;
    const int64_t last = ((s.out_width - 1) * s.stride_width + 1) * s.channels;
    for (int64_t e = 0; e < last; e += lanes) {
        vec<T> value = load(line.values + e);
        bits<T> row, winner{};
        if constexpr (Reduce::indexed) std::memcpy(&winner, line.rows + e, sizeof winner);
        for (int64_t w = 1; w < s.pool_width; ++w) {
            row = bits<T>{};
            if constexpr (Reduce::indexed) std::memcpy(&row, line.rows + e + w * s.channels, sizeof row);
            Reduce::join(value, winner, load(line.values + e + w * s.channels), row + Integer(w));
        }
        store(found.values + e, value);
        if constexpr (Reduce::indexed) std::memcpy(found.rows + e, &winner, sizeof winner);
    }
    for (int64_t k = 0; k < s.out_width; ++k) {
        const int64_t from = k * s.stride_width * s.channels, to = k * s.channels;
        const T count = T(rows * windows[k].size());
        for (int64_t c = 0; c < s.channels; ++c) {
            out[to + c] = Reduce::finish(found.values[from + c], count);
            if constexpr (Reduce::indexed)
                index[to + c] = int32_t(found.rows[from + c] + k * s.stride_width - s.pad_left);
        }
    }
}

// The same for windows of any sizes, from a line of the row alone.
template <class Reduce, class T>
NERVE_INLINE void any_windows(T* out, int32_t* index, const Line<T>& line, const Pool3DShape& s, const Span* windows,
                              int64_t rows) {
    using Integer = typename vec<T>::integer;
    for (int64_t k = 0; k < s.out_width; ++k)
        for (int64_t c = 0; c < s.channels; ++c) {
            T value = line.values[windows[k].begin * s.channels + c];
            Integer winner = 0;
            if constexpr (Reduce::indexed)
                winner = line.rows[windows[k].begin * s.channels + c] + Integer(windows[k].begin);
            for (int64_t w = windows[k].begin + 1; w < windows[k].end; ++w) {
                Integer row = 0;
                if constexpr (Reduce::indexed) row = line.rows[w * s.channels + c] + Integer(w);
                Reduce::join(value, winner, line.values[w * s.channels + c], row);
            }
            const int64_t to = k * s.channels + c;
            out[to] = Reduce::finish(value, T(rows * windows[k].size()));
            if constexpr (Reduce::indexed) index[to] = int32_t(winner);
        }
}

// Rows [begin, end) of the output, all volumes' in a row.
template <class Reduce, class T>
void pool_lines(T* out, int32_t* index, const T* x, const Pool3DShape& s, const Tables& tables, int64_t begin,
                int64_t end) {
    constexpr int64_t lanes = vec<T>::size;
    const bool equal = s.stride_width != 0;
    const int64_t reach = equal ? (s.out_width - 1) * s.stride_width + s.pool_width : 0;  // of the windows
    const int64_t before = equal ? s.pad_left : 0, needed = before + s.width > reach ? before + s.width : reach;
    const int64_t size = needed * s.channels + lanes, row = s.width * s.channels;
    Memory memory(runtime::packed_a, 2 * Line<T>::bytes(size));
    const Line<T> line(size, memory), found(size, memory);
    for (int64_t e = 0; e < size; ++e) {
        line.values[e] = Reduce::template none<T>;
        if constexpr (Reduce::indexed) line.rows[e] = Reduce::template nowhere<T>;
    }
    for (int64_t number = begin; number < end; ++number) {
        const int64_t j = number % s.out_height, i = number / s.out_height % s.out_depth;
        const Span depth = tables.depth[i], height = tables.height[j];
        const T* from = x + number / s.out_height / s.out_depth * s.depth * s.height * row;
        each_overlapping<T>(row, [&](int64_t e, auto at, auto strip) NERVE_LAMBDA_INLINE {
            constexpr int n = decltype(strip)::value;
            vec<T> value[n];
            bits<T> winner[n];
            look<Reduce>(value, winner, from + e, s, depth, height, {0, 1}, at);
            for (int v = 0; v < n; ++v) {
                const int64_t to = before * s.channels + e + v * lanes;
                at.write(line.values + to, value[v]);
                if constexpr (Reduce::indexed) at.template write_index<T>(line.rows + to, winner[v]);
            }
        });
        T* to = out + number * s.out_width * s.channels;
        int32_t* winners = Reduce::indexed ? index + number * s.out_width * s.channels : nullptr;
        if (equal)
            equal_windows<Reduce>(to, winners, line, found, s, tables.width, depth.size() * height.size());
        else
            any_windows<Reduce>(to, winners, line, s, tables.width, depth.size() * height.size());
    }
}

}  // namespace
}  // namespace nerve::NERVE_ISA
