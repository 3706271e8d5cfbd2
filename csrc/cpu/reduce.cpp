// Reductions over the middle axis of x (outer, reduced, inner), in an order fixed by the shape.
#include "cpu/columns.h"
#include "cpu/find.h"
#include "cpu/rows.h"
#include "kernels.h"

namespace nerve::NERVE_ISA {
namespace {

// inner == 1: rows of memory without gaps.
template <class T, class Combine>
void reduce_rows(T* out, const T* x, int64_t outer, int64_t reduced, T neutral, const Combine& combine, T scale) {
    if (reduced == 0) {
        for (int64_t o = 0; o < outer; ++o) out[o] = neutral * scale;
        return;
    }
    for_rows<T, 1, leaf>(nullptr, {x}, outer, reduced,
                         [=](const auto& over, T*, const T* const(&in)[1], int64_t row) NERVE_LAMBDA_INLINE {
                             const vec<T> total =
                                 over.reduce(neutral, combine, [&](int64_t i, int64_t n, int64_t) NERVE_LAMBDA_INLINE {
                                     return load_or(in[0] + i, n, neutral);
                                 });
                             store_some(out + row, total * vec<T>(scale), over.rows);
                         });
}

template <class T, class Combine>
void reduce(T* out, const T* x, int64_t outer, int64_t reduced, int64_t inner, T neutral, const Combine& combine,
            T scale) {
    if (inner == 1)
        reduce_rows(out, x, outer, reduced, neutral, combine, scale);
    else
        reduce_columns(out, x, outer, reduced, inner, neutral, combine, scale);
}

}  // namespace

template <class T>
void sum(T* out, const T* x, int64_t outer, int64_t reduced, int64_t inner) {
    reduce(out, x, outer, reduced, inner, T(0), Add{}, T(1));
}
template <class T>
void mean(T* out, const T* x, int64_t outer, int64_t reduced, int64_t inner) {
    reduce(out, x, outer, reduced, inner, T(0), Add{}, T(1) / T(reduced));
}
template <class T>
void max(T* out, const T* x, int64_t outer, int64_t reduced, int64_t inner) {
    reduce(out, x, outer, reduced, inner, -T(__builtin_inf()), Max{}, T(1));
}
template <class T>
void min(T* out, const T* x, int64_t outer, int64_t reduced, int64_t inner) {
    reduce(out, x, outer, reduced, inner, T(__builtin_inf()), Min{}, T(1));
}
template <class T>
void argmax(int64_t* out, const T* x, int64_t outer, int64_t reduced, int64_t inner) {
    find(out, x, outer, reduced, inner, -T(__builtin_inf()), Max{});
}
template <class T>
void argmin(int64_t* out, const T* x, int64_t outer, int64_t reduced, int64_t inner) {
    find(out, x, outer, reduced, inner, T(__builtin_inf()), Min{});
}

}  // namespace nerve::NERVE_ISA

#define FAMILY_reduce FAMILY_HERE
#include "cpu/instantiate.h"
