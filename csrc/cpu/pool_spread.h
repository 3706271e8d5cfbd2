// How gradients of few channels go from rows of the output to a line of the image, or volume, that those were made of.
#pragma once
#include "cpu/pool_vectors.h"
#include "windows.h"

namespace nerve::NERVE_ISA {
namespace {

// How many windows along an axis a position may be in.
NERVE_INLINE int64_t most_over(const Windows& along) { return (along.pool + along.stride - 1) / along.stride; }

// How a line gathers from rows of the output ("sources"): for every vector of the line, the place of its first source,
// a permutation of the sources from there on, and, for each of the `reach` windows that may share a column, which of
// their columns it is, or something negative where there is no such window. Up to `margin` elements in front of a
// source and vec::size behind it are read, whatever they are.
template <class T>
struct Spread {
    using Integer = typename vec<T>::integer;
    static constexpr int64_t lanes = vec<T>::size;
    static constexpr Integer none = -(Integer(1) << 30);
    int64_t reach, vectors, margin, source;  // elements of a source with all that is read around it
    Integer *from, *column;
    int64_t* base;

    static int64_t bytes(const Windows& along, int64_t channels) {
        const int64_t most = along.size * channels / lanes + 1;
        return (1 + most_over(along)) * most * lanes * int64_t(sizeof(Integer)) + most * int64_t(sizeof(int64_t)) + 192;
    }
    Spread() = default;
    Spread(const Windows& along, int64_t channels, Memory& memory) {
        reach = most_over(along);
        const int64_t size = along.size * channels;
        vectors = (size + lanes - 1) / lanes;
        margin = reach * channels;
        const int64_t last = (along.size - 1 + along.pad) / along.stride + 1;
        source = margin + (last > along.count ? last : along.count) * channels + lanes;
        from = memory.take<Integer>(vectors * lanes);
        column = memory.take<Integer>(reach * vectors * lanes);
        base = memory.take<int64_t>(vectors);
        for (int64_t v = 0; v < vectors; ++v) {
            int64_t place[lanes];
            for (int64_t lane = 0; lane < lanes; ++lane) {
                const int64_t i = v * lanes + lane < size ? v * lanes + lane : size - 1;
                const int64_t x = i / channels + along.pad, j = x / along.stride;
                place[lane] = j * channels + i % channels;
                if (lane == 0 || place[lane] < base[v]) base[v] = place[lane];
                for (int64_t k = 0; k < reach; ++k) {
                    const int64_t there = x % along.stride + k * along.stride;
                    const bool is = there < along.pool && j - k >= 0 && j - k < along.count;
                    column[(k * vectors + v) * lanes + lane] = is ? Integer(there) : none;
                }
            }
            // Places go up by one, or back to the pixel's first where a window covers the next column too: as many
            // lanes as they come from hold them all, since a pixel has fewer channels than a vector has lanes.
            for (int64_t lane = 0; lane < lanes; ++lane) from[v * lanes + lane] = Integer(place[lane] - base[v]);
        }
    }
};

// A row of the output, and the positions in their windows that alone get something of it, or null where all do.
template <class T, class Index>
struct Source {
    const T* values;
    const Index* winners;
};

// One term of the sums along a line: a source, moved by some windows, which columns of those the positions are, and the
// first position of the line in them.
template <class T, class Index>
struct Term {
    using Integer = typename vec<T>::integer;
    Source<T, Index> source;
    const Integer* column;
    Integer first;
};

// The terms that a source has for a line, the windows in their order; returns the place behind them.
template <class T, class Index>
NERVE_INLINE Term<T, Index>* put_terms(Term<T, Index>* term, const Spread<T>& spread, const Source<T, Index>& source,
                                       int64_t channels, int64_t first) {
    for (int64_t k = spread.reach - 1; k >= 0; --k) {
        const Index* winners = source.winners == nullptr ? nullptr : source.winners - k * channels;
        *term++ = {{source.values - k * channels, winners},
                   spread.column + k * spread.vectors * Spread<T>::lanes,
                   typename vec<T>::integer(first)};
    }
    return term;
}

// N terms, or `count` if that is zero.
template <bool winners, int N, class T, class Index>
NERVE_INLINE void add_terms(T* line, int64_t size, const Spread<T>& spread, const Term<T, Index>* all, int64_t count) {
    constexpr int64_t lanes = vec<T>::size;
    Term<T, Index> some[N > 0 ? N : 1];  // which the compiler knows not to change
    for (int i = 0; i < N; ++i) some[i] = all[i];
    const Term<T, Index>* terms = N > 0 ? some : all;
    const typename vec<T>::integer* order = spread.from;
    const int64_t* base = spread.base;
    const auto add = [&](int64_t v, auto at) NERVE_LAMBDA_INLINE {
        const vec<T> zero(T(0));
        vec<T> sum = zero;
        bits<T> from, column;
        std::memcpy(&from, order + v * lanes, sizeof from);
        const int64_t begin = base[v];
#pragma GCC unroll 4
        for (int64_t i = 0; i < (N > 0 ? N : count); ++i) {
            std::memcpy(&column, terms[i].column + v * lanes, sizeof column);
            mask<T> here{column >= 0};
            if constexpr (winners) {
                const bits<T> winner = load_integers<T>(terms[i].source.winners + begin);
                here.v = permute<T>(winner, from) == column + terms[i].first;
            }
            sum += select(here, permute(load(terms[i].source.values + begin), from), zero);
        }
        at.write(line + v * lanes, sum);
    };
    const int64_t whole = size / lanes, vectors = spread.vectors;
    for (int64_t v = 0; v < whole; ++v) add(v, Whole{});
    if (whole < vectors) add(whole, Part{size - whole * lanes});
}
template <bool winners, class T, class Index>
void add_terms(T* line, int64_t size, const Spread<T>& spread, const Term<T, Index>* terms, int64_t count) {
    if (count == 1)
        add_terms<winners, 1>(line, size, spread, terms, count);
    else if (count == 2)
        add_terms<winners, 2>(line, size, spread, terms, count);
    else if (count == 4)
        add_terms<winners, 4>(line, size, spread, terms, count);
    else
        add_terms<winners, 0>(line, size, spread, terms, count);
}

}  // namespace
}  // namespace nerve::NERVE_ISA
