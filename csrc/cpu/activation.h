// The activations a product or a convolution applies to its result as it is stored.
#pragma once
#include "cpu/math.h"
#include "cpu/simd.h"
#include "shapes.h"

namespace nerve::NERVE_ISA {

template <class T>
NERVE_INLINE vec<T> activate(Activation activation, vec<T> x) {
    switch (activation) {
        case Activation::linear:
            return x;
        case Activation::relu:
            return max(x, vec<T>(T(0)));
        case Activation::sigmoid:
            return math::sigmoid(x);
        case Activation::tanh:
            return math::tanh(x);
    }
    return x;
}

}  // namespace nerve::NERVE_ISA
