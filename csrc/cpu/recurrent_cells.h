// What the cells compute from the sums inside their gates, and the way back: a vector of units of one sequence at a
// time. The steps around them are in recurrent_steps.h.
//
// LSTM: Hochreiter and Schmidhuber, "Long short-term memory" (1997), with the forget gate of Gers et al. (2000). GRU:
// Cho et al., "Learning phrase representations using RNN encoder-decoder" (2014), the reset gate after the product.
#pragma once
#include "cpu/activation.h"
#include "cpu/math.h"
#include "cpu/simd.h"

namespace nerve::NERVE_ISA {

// The derivatives of sigmoid and tanh, of their results.
template <class T>
NERVE_INLINE vec<T> sigmoid_slope(vec<T> y) {
    return y * (vec<T>(T(1)) - y);
}
template <class T>
NERVE_INLINE vec<T> tanh_slope(vec<T> y) {
    return fma(-y, y, vec<T>(T(1)));
}

// `units` apart, from the first: the parts of a row of sums, of what is saved, or of gradients.
template <class T>
struct Parts {
    T* first;
    int64_t units, n;  // n: of the vector
    NERVE_INLINE vec<T> get(int part) const {
        const T* p = first + part * units;
        return n == vec<T>::size ? load(p) : load_partial(p, n);
    }
    NERVE_INLINE void set(int part, vec<T> value) const {
        T* p = first + part * units;
        n == vec<T>::size ? store(p, value) : store_partial(p, value, n);
    }
};

struct Lstm {
    static constexpr int gates = 4, sums = 4, saved = 5;
    static constexpr bool has_cell = true, hands_on = false;  // the gradient of a state passes beside the gates
    // Where the sums of a gate's product with the state go, and whether that of x is there before.
    static constexpr int place(int gate) { return gate; }

    // The new state; `carried` is the cell.
    template <class T>
    static NERVE_INLINE vec<T> step(const Parts<T>& z, vec<T>, vec<T>& carried, const Parts<T>* keep) {
        const vec<T> i = math::sigmoid(z.get(0)), f = math::sigmoid(z.get(1)), g = math::tanh(z.get(2)),
                     o = math::sigmoid(z.get(3));
        carried = fma(f, carried, i * g);
        if (keep != nullptr) {
            keep->set(0, i), keep->set(1, f), keep->set(2, g), keep->set(3, o), keep->set(4, carried);
        }
        return o * math::tanh(carried);
    }

    // Gradients of the sums from those of the state, dh, and of the cell, `carried`, which becomes that of the cell
    // before. Gives what dh hands on besides the gates: nothing.
    template <class T>
    static NERVE_INLINE vec<T> step_back(vec<T> (&d)[4], vec<T> dh, vec<T>& carried, const Parts<T>& kept, vec<T>,
                                         vec<T> cell_before) {
        const vec<T> i = kept.get(0), f = kept.get(1), g = kept.get(2), o = kept.get(3), c = math::tanh(kept.get(4));
        const vec<T> dc = fma(dh * o, tanh_slope(c), carried);
        d[0] = dc * g * sigmoid_slope(i);
        d[1] = dc * cell_before * sigmoid_slope(f);
        d[2] = dc * i * tanh_slope(g);
        d[3] = dh * c * sigmoid_slope(o);
        carried = dc * f;
        return vec<T>(T(0));
    }
};

struct Gru {
    static constexpr int gates = 3, sums = 4, saved = 4;
    static constexpr bool has_cell = false, hands_on = true;
    static constexpr int place(int gate) { return gate == 2 ? 3 : gate; }

    template <class T>
    static NERVE_INLINE vec<T> step(const Parts<T>& z, vec<T> before, vec<T>&, const Parts<T>* keep) {
        const vec<T> update = math::sigmoid(z.get(0)), reset = math::sigmoid(z.get(1)), inner = z.get(3);
        const vec<T> h = math::tanh(fma(reset, inner, z.get(2)));
        if (keep != nullptr) {
            keep->set(0, update), keep->set(1, reset), keep->set(2, h), keep->set(3, inner);
        }
        return fma(update, before - h, h);
    }

    template <class T>
    static NERVE_INLINE vec<T> step_back(vec<T> (&d)[4], vec<T> dh, vec<T>&, const Parts<T>& kept, vec<T> before,
                                         vec<T>) {
        const vec<T> update = kept.get(0), reset = kept.get(1), h = kept.get(2), inner = kept.get(3);
        d[0] = dh * (before - h) * sigmoid_slope(update);
        d[2] = (dh - dh * update) * tanh_slope(h);
        d[1] = d[2] * inner * sigmoid_slope(reset);
        d[3] = d[2] * reset;
        return dh * update;
    }
};

struct SimpleRnn {
    static constexpr int gates = 1, sums = 1, saved = 0;  // the way back is given the state as what was kept
    static constexpr bool has_cell = false, hands_on = false;
    static constexpr int place(int gate) { return gate; }
    Activation activation;

    template <class T>
    NERVE_INLINE vec<T> step(const Parts<T>& z, vec<T>, vec<T>&, const Parts<T>*) const {
        return activate(activation, z.get(0));
    }

    template <class T>
    NERVE_INLINE vec<T> step_back(vec<T> (&d)[4], vec<T> dh, vec<T>&, const Parts<T>& kept, vec<T>, vec<T>) const {
        const vec<T> y = kept.get(0), zero(T(0));
        d[0] = dh;
        switch (activation) {
            case Activation::linear:
                break;
            case Activation::relu:
                d[0] = select(y > zero, dh, zero);
                break;
            case Activation::sigmoid:
                d[0] = dh * sigmoid_slope(y);
                break;
            case Activation::tanh:
                d[0] = dh * tanh_slope(y);
                break;
        }
        return zero;
    }
};

}  // namespace nerve::NERVE_ISA
