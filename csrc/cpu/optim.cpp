// Optimizer steps, in place, with Keras 3's formulas (keras/src/optimizers). A step is a formula on registers;
// `step_all` runs it over all parameters as if they lay one after another, cut into blocks, so that many small
// parameters cost as little as one large one. What all elements share is computed once, in double.
#include "cpu/math.h"
#include "cpu/parallel.h"
#include "cpu/simd.h"
#include "shapes.h"

namespace nerve::NERVE_ISA {
namespace {

constexpr int64_t block = 8192;      // elements; a task touches up to five arrays
constexpr int64_t long_piece = 256;  // elements; longer pieces begin where registers are aligned

// base^exponent by squaring
double power(double base, int64_t exponent) {
    double result = 1;
    for (; exponent > 0; exponent >>= 1, base *= base)
        if (exponent & 1) result *= base;
    return result;
}

// formula(state, g): state[0] is a register of the parameter, state[1 ..] of its slots, all to be updated.
template <class T, int n, class Formula>
void step_all(T* const* const (&lists)[n], const T* const* gradients, const int64_t* sizes, int64_t count,
              double decay_rate, const Formula& formula) {
    auto* begins = static_cast<int64_t*>(runtime::scratch(runtime::workspace, size_t(count + 1) * sizeof(int64_t)));
    begins[0] = 0;
    for (int64_t i = 0; i < count; ++i) begins[i + 1] = begins[i] + sizes[i];
    const vec<T> decay(T(-decay_rate));

    parallel_blocks(begins[count], block, [&](int64_t begin, int64_t end) {
        // In variables of their own they stay in registers; behind a reference, a store might have changed them.
        const Formula step = formula;
        const vec<T> keep = decay;
        int64_t parameter = 0;  // the last that begins at or before `begin`
        for (int64_t above = count; above - parameter > 1;) {
            const int64_t middle = parameter + (above - parameter) / 2;
            (begins[middle] <= begin ? parameter : above) = middle;
        }
        for (int64_t size; begin < end; begin += size) {
            while (begins[parameter + 1] <= begin) ++parameter;
            const int64_t first = begin - begins[parameter];
            size = (end < begins[parameter + 1] ? end : begins[parameter + 1]) - begin;
            T* arrays[n];
            for (int j = 0; j < n; ++j) arrays[j] = lists[j][parameter] + first;
            const T* gradient = gradients[parameter] + first;
            // A register across two cache lines is stored at half the speed: what lies before the first aligned one
            // is a piece of its own.
            const int64_t before = int64_t(-reinterpret_cast<uintptr_t>(arrays[0]) % vector_bytes / sizeof(T));
            if (before > 0 && size > long_piece) size = before;

            vec<T> state[n];
            int64_t i = 0;
            for (; i + vec<T>::size <= size; i += vec<T>::size) {
                for (int j = 0; j < n; ++j) state[j] = load_streamed(arrays[j] + i);
                state[0] = fma(state[0], keep, state[0]);
                step(state, load_streamed(gradient + i));
                for (int j = 0; j < n; ++j) store(arrays[j] + i, state[j]);
            }
            if (const int64_t left = size - i; left > 0) {
                for (int j = 0; j < n; ++j) state[j] = load_partial(arrays[j] + i, left);
                state[0] = fma(state[0], keep, state[0]);
                step(state, load_partial(gradient + i, left));
                for (int j = 0; j < n; ++j) store_partial(arrays[j] + i, state[j], left);
            }
        }
    });
}

// raise: to the power of minus learning_rate_power
template <class T, class Raise>
void ftrl(T* const* parameters, T* const* accumulators, T* const* linears, const T* const* gradients,
          const int64_t* sizes, int64_t count, double learning_rate, double l1, double l2, double l2_shrinkage,
          double beta, double weight_decay, Raise raise) {
    using V = vec<T>;
    const V inverse{T(1 / learning_rate)}, twice_l2{T(2 * l2 + beta / learning_rate)}, shrinkage{T(2 * l2_shrinkage)};
    const V most{T(l1)}, least{T(-l1)};
    T* const* const lists[]{parameters, accumulators, linears};
    step_all(lists, gradients, sizes, count, learning_rate * weight_decay, [=](V(&s)[3], V g) {
        const V before = raise(s[1]);
        s[1] = fma(g, g, s[1]);
        const V after = raise(s[1]);
        s[2] += fma(shrinkage, s[0], g) - (after - before) * inverse * s[0];
        s[0] = (min(max(s[2], least), most) - s[2]) / fma(after, inverse, twice_l2);
    });
}

template <class T, bool has_momentum, bool centered>
void rmsprop(T* const* parameters, T* const* velocities, T* const* momenta, T* const* averages,
             const T* const* gradients, const int64_t* sizes, int64_t count, double learning_rate, double rho,
             double momentum, double epsilon, double weight_decay) {
    using V = vec<T>;
    const V rate{T(learning_rate)}, keep{T(rho)}, mix{T(1 - rho)}, speed{T(momentum)}, small{T(epsilon)};
    constexpr int average = has_momentum ? 3 : 2, n = 2 + has_momentum + centered;
    T* const* lists[n];
    lists[0] = parameters, lists[1] = velocities;
    if constexpr (has_momentum) lists[2] = momenta;
    if constexpr (centered) lists[average] = averages;
    step_all<T, n>(lists, gradients, sizes, count, learning_rate * weight_decay, [=](V(&s)[n], V g) {
        s[1] = fma(keep, s[1], mix * g * g);
        V square = s[1] + small;
        if constexpr (centered) {
            s[average] = fma(keep, s[average], mix * g);
            square = fma(-s[average], s[average], s[1]) + small;
        }
        V change = rate * g / sqrt(square);
        if constexpr (has_momentum) change = s[2] = fma(speed, s[2], change);
        s[0] -= change;
    });
}

}  // namespace

template <class T>
void sgd_step(T* const* parameters, T* const* momenta, const T* const* gradients, const int64_t* sizes, int64_t count,
              double learning_rate, double momentum, bool nesterov, double weight_decay) {
    using V = vec<T>;
    const V rate{T(-learning_rate)}, speed{T(momentum)};
    const double decay = learning_rate * weight_decay;
    if (momenta == nullptr) {
        T* const* const lists[]{parameters};
        return step_all(lists, gradients, sizes, count, decay, [=](V(&s)[1], V g) { s[0] = fma(rate, g, s[0]); });
    }
    T* const* const lists[]{parameters, momenta};
    if (nesterov)
        step_all(lists, gradients, sizes, count, decay, [=](V(&s)[2], V g) {
            s[1] = fma(speed, s[1], rate * g);
            s[0] += fma(speed, s[1], rate * g);
        });
    else
        step_all(lists, gradients, sizes, count, decay, [=](V(&s)[2], V g) {
            s[1] = fma(speed, s[1], rate * g);
            s[0] += s[1];
        });
}

template <class T>
void adagrad_step(T* const* parameters, T* const* accumulators, const T* const* gradients, const int64_t* sizes,
                  int64_t count, double learning_rate, double epsilon, double weight_decay) {
    using V = vec<T>;
    const V rate{T(learning_rate)}, small{T(epsilon)};
    T* const* const lists[]{parameters, accumulators};
    step_all(lists, gradients, sizes, count, learning_rate * weight_decay, [=](V(&s)[2], V g) {
        s[1] = fma(g, g, s[1]);
        s[0] -= rate * g / sqrt(s[1] + small);
    });
}

template <class T>
void rmsprop_step(T* const* parameters, T* const* velocities, T* const* momenta, T* const* averages,
                  const T* const* gradients, const int64_t* sizes, int64_t count, double learning_rate, double rho,
                  double momentum, double epsilon, double weight_decay) {
    auto step = momenta != nullptr    ? averages != nullptr ? rmsprop<T, true, true> : rmsprop<T, true, false>
                : averages != nullptr ? rmsprop<T, false, true>
                                      : rmsprop<T, false, false>;
    step(parameters, velocities, momenta, averages, gradients, sizes, count, learning_rate, rho, momentum, epsilon,
         weight_decay);
}

template <class T>
void adadelta_step(T* const* parameters, T* const* accumulators, T* const* deltas, const T* const* gradients,
                   const int64_t* sizes, int64_t count, double learning_rate, double rho, double epsilon,
                   double weight_decay) {
    using V = vec<T>;
    const V rate{T(learning_rate)}, keep{T(rho)}, mix{T(1 - rho)}, small{T(epsilon)};
    T* const* const lists[]{parameters, accumulators, deltas};
    step_all(lists, gradients, sizes, count, learning_rate * weight_decay, [=](V(&s)[3], V g) {
        s[1] = fma(keep, s[1], mix * g * g);
        const V change = sqrt(s[2] + small) * g / sqrt(s[1] + small);
        s[2] = fma(keep, s[2], mix * change * change);
        s[0] = fma(-rate, change, s[0]);
    });
}

template <class T>
void adam_step(T* const* parameters, T* const* momenta, T* const* velocities, T* const* maxima,
               const T* const* gradients, const int64_t* sizes, int64_t count, double learning_rate, double beta_1,
               double beta_2, double epsilon, int64_t step, double weight_decay) {
    using V = vec<T>;
    const double correction = __builtin_sqrt(1 - power(beta_2, step)) / (1 - power(beta_1, step));
    const V rate{T(learning_rate * correction)}, small{T(epsilon)}, mix_1{T(1 - beta_1)}, mix_2{T(1 - beta_2)};
    const double decay = learning_rate * weight_decay;
    if (maxima == nullptr) {
        T* const* const lists[]{parameters, momenta, velocities};
        return step_all(lists, gradients, sizes, count, decay, [=](V(&s)[3], V g) {
            s[1] = fma(g - s[1], mix_1, s[1]);
            s[2] = fma(fma(g, g, -s[2]), mix_2, s[2]);
            s[0] -= s[1] * rate / (sqrt(s[2]) + small);
        });
    }
    T* const* const lists[]{parameters, momenta, velocities, maxima};
    step_all(lists, gradients, sizes, count, decay, [=](V(&s)[4], V g) {
        s[1] = fma(g - s[1], mix_1, s[1]);
        s[2] = fma(fma(g, g, -s[2]), mix_2, s[2]);
        s[3] = max(s[3], s[2]);
        s[0] -= s[1] * rate / (sqrt(s[3]) + small);
    });
}

template <class T>
void adamax_step(T* const* parameters, T* const* momenta, T* const* norms, const T* const* gradients,
                 const int64_t* sizes, int64_t count, double learning_rate, double beta_1, double beta_2,
                 double epsilon, int64_t step, double weight_decay) {
    using V = vec<T>;
    const V rate{T(learning_rate / (1 - power(beta_1, step)))}, small{T(epsilon)}, mix{T(1 - beta_1)}, keep{T(beta_2)};
    T* const* const lists[]{parameters, momenta, norms};
    step_all(lists, gradients, sizes, count, learning_rate * weight_decay, [=](V(&s)[3], V g) {
        s[1] = fma(g - s[1], mix, s[1]);
        s[2] = max(keep * s[2], abs(g));
        s[0] -= rate * s[1] / (s[2] + small);
    });
}

template <class T>
void nadam_step(T* const* parameters, T* const* momenta, T* const* velocities, const T* const* gradients,
                const int64_t* sizes, int64_t count, double learning_rate, double beta_1, double beta_2, double epsilon,
                int64_t step, double momentum_now, double momentum_next, double product_now, double weight_decay) {
    using V = vec<T>;
    const V from_momentum{T(learning_rate * momentum_next / (1 - product_now * momentum_next))};
    const V from_gradient{T(learning_rate * (1 - momentum_now) / (1 - product_now))};
    const V correction{T(1 / (1 - power(beta_2, step)))};
    const V small{T(epsilon)}, mix_1{T(1 - beta_1)}, mix_2{T(1 - beta_2)};
    T* const* const lists[]{parameters, momenta, velocities};
    step_all(lists, gradients, sizes, count, learning_rate * weight_decay, [=](V(&s)[3], V g) {
        s[1] = fma(g - s[1], mix_1, s[1]);
        s[2] = fma(fma(g, g, -s[2]), mix_2, s[2]);
        s[0] -= fma(from_momentum, s[1], from_gradient * g) / (sqrt(s[2] * correction) + small);
    });
}

template <class T>
void lion_step(T* const* parameters, T* const* momenta, const T* const* gradients, const int64_t* sizes, int64_t count,
               double learning_rate, double beta_1, double beta_2, double weight_decay) {
    using V = vec<T>;
    const V rate{T(learning_rate)}, keep_1{T(beta_1)}, mix_1{T(1 - beta_1)}, keep_2{T(beta_2)}, mix_2{T(1 - beta_2)};
    T* const* const lists[]{parameters, momenta};
    step_all(lists, gradients, sizes, count, learning_rate * weight_decay, [=](V(&s)[2], V g) {
        const V direction = fma(keep_1, s[1], mix_1 * g), zero(T(0));
        s[0] -= select(direction > zero, rate, select(direction < zero, -rate, direction));  // NaN and zero stay
        s[1] = fma(keep_2, s[1], mix_2 * g);
    });
}

template <class T>
void ftrl_step(T* const* parameters, T* const* accumulators, T* const* linears, const T* const* gradients,
               const int64_t* sizes, int64_t count, double learning_rate, double learning_rate_power, double l1,
               double l2, double l2_shrinkage, double beta, double weight_decay) {
    using V = vec<T>;
    if (learning_rate_power == -0.5)
        return ftrl(parameters, accumulators, linears, gradients, sizes, count, learning_rate, l1, l2, l2_shrinkage,
                    beta, weight_decay, [](V x) { return sqrt(x); });
    const V exponent{T(-learning_rate_power)};
    ftrl(parameters, accumulators, linears, gradients, sizes, count, learning_rate, l1, l2, l2_shrinkage, beta,
         weight_decay, [=](V x) { return math::pow(x, exponent); });
}

template <class T>
void schedule_free_adamw_step(T* const* parameters, T* const* momenta, T* const* velocities, const T* const* gradients,
                              const int64_t* sizes, int64_t count, double learning_rate, double beta_1, double beta_2,
                              double epsilon, int64_t step, double weight_decay) {
    using V = vec<T>;
    const V rate{T(learning_rate)}, correction{T(1 / (1 - power(beta_2, step)))}, small{T(epsilon)};
    const V mix_2{T(1 - beta_2)}, keep{T(beta_1)}, mix{T(1 - beta_1)}, inverse{T(1 / beta_1)}, weight{T(1.0 / step)};
    T* const* const lists[]{parameters, momenta, velocities};
    step_all(lists, gradients, sizes, count, learning_rate * weight_decay, [=](V(&s)[3], V g) {
        const V mean = fma(-mix, s[1], s[0]) * inverse;
        s[2] = fma(fma(g, g, -s[2]), mix_2, s[2]);
        s[1] -= rate * g / (sqrt(s[2] * correction) + small);
        const V moved = fma(weight, s[1] - mean, mean);
        s[0] = fma(keep, moved, mix * s[1]);
    });
}

template <class T>
void moving_average_step(T* const* averages, const T* const* values, const int64_t* sizes, int64_t count,
                         double momentum) {
    using V = vec<T>;
    const V keep{T(momentum)}, mix{T(1 - momentum)};
    T* const* const lists[]{averages};
    step_all(lists, values, sizes, count, 0.0, [=](V(&s)[1], V value) { s[0] = fma(keep, s[0], mix * value); });
}

}  // namespace nerve::NERVE_ISA

#define NERVE_FAMILY "kernels/optim.inc"
#include "cpu/instantiate.h"
