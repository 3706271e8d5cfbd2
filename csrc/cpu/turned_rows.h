// Rows of a matrix turned so that they lie side by side: lanes are rows. Formulas over many features and a few centers
// need no sums across lanes then, and as many of each as there are.
#pragma once
#include "cpu/pack.h"

namespace nerve::NERVE_ISA {

// Room for `vectors` registers of rows.
template <class T, int vectors>
struct TurnedRows {
    static constexpr int width = vectors * vec<T>::size;
    T* panel;  // element (row, feature) at panel[feature * width + row]
    int64_t features;

    static int64_t elements(int64_t features) { return width * features + vec<T>::size; }

    // Rows [row, row + used) of x; the other lanes are zero.
    void turn(const T* x, int64_t row, int64_t used) const {
        for (int64_t k = 0; k < features; k += inner_block)
            pack_across<width>(panel + k * width, x, features, row, used, k, smaller(features - k, inner_block));
    }
};

}  // namespace nerve::NERVE_ISA
