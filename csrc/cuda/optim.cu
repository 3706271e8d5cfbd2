// Optimizer steps, in place, with Keras 3's formulas (keras/src/optimizers). A step is a formula on one element's
// state; step_all runs it over all parameters, a group of them in each launch. What all elements share is computed
// once, in double.
#include "cuda/common.cuh"

namespace nerve::cuda {
namespace {

constexpr int group = 64;  // parameters in a launch; their addresses must fit 4 KB of kernel arguments

template <class T, int n>
struct Parameters {
    T* state[n][group];  // state[0]: the parameters, the others their slots
    const T* gradients[group];
    int64_t sizes[group];
};

// --- formulas: s[0] is an element of the parameter, s[1 ..] of its slots, all to be updated

template <class T>
struct Sgd {
    static constexpr int n = 1;
    T rate;
    __device__ void operator()(T (&s)[n], T g) const { s[0] = math::fma(-rate, g, s[0]); }
};

template <class T>
struct Momentum {
    static constexpr int n = 2;
    T rate, momentum;
    bool nesterov;
    __device__ void operator()(T (&s)[n], T g) const {
        s[1] = math::fma(momentum, s[1], -rate * g);
        s[0] += nesterov ? math::fma(momentum, s[1], -rate * g) : s[1];
    }
};

template <class T>
struct Adagrad {
    static constexpr int n = 2;
    T rate, epsilon;
    __device__ void operator()(T (&s)[n], T g) const {
        s[1] = math::fma(g, g, s[1]);
        s[0] -= rate * g / math::sqrt(s[1] + epsilon);
    }
};

template <class T, bool has_momentum, bool centered>
struct RmsProp {
    static constexpr int n = 2 + has_momentum + centered;
    T rate, keep, mix, momentum, epsilon;
    __device__ void operator()(T (&s)[n], T g) const {
        s[1] = math::fma(keep, s[1], mix * g * g);
        T square = s[1] + epsilon;
        if constexpr (centered) {
            T& average = s[n - 1];
            average = math::fma(keep, average, mix * g);
            square = math::fma(-average, average, s[1]) + epsilon;
        }
        T change = rate * g / math::sqrt(square);
        if constexpr (has_momentum) change = s[2] = math::fma(momentum, s[2], change);
        s[0] -= change;
    }
};

template <class T>
struct Adadelta {
    static constexpr int n = 3;
    T rate, keep, mix, epsilon;
    __device__ void operator()(T (&s)[n], T g) const {
        s[1] = math::fma(keep, s[1], mix * g * g);
        const T change = math::sqrt(s[2] + epsilon) * g / math::sqrt(s[1] + epsilon);
        s[2] = math::fma(keep, s[2], mix * change * change);
        s[0] = math::fma(-rate, change, s[0]);
    }
};

template <class T, bool has_maxima>
struct Adam {
    static constexpr int n = 3 + has_maxima;
    T rate, mix_1, mix_2, epsilon;
    __device__ void operator()(T (&s)[n], T g) const {
        s[1] = math::fma(g - s[1], mix_1, s[1]);
        s[2] = math::fma(math::fma(g, g, -s[2]), mix_2, s[2]);
        if constexpr (has_maxima) s[3] = math::max(s[3], s[2]);
        s[0] -= s[1] * rate / (math::sqrt(s[n - 1]) + epsilon);
    }
};

template <class T>
struct Adamax {
    static constexpr int n = 3;
    T rate, mix, keep, epsilon;
    __device__ void operator()(T (&s)[n], T g) const {
        s[1] = math::fma(g - s[1], mix, s[1]);
        s[2] = math::max(keep * s[2], math::abs(g));
        s[0] -= rate * s[1] / (s[2] + epsilon);
    }
};

template <class T>
struct Nadam {
    static constexpr int n = 3;
    T from_momentum, from_gradient, correction, mix_1, mix_2, epsilon;
    __device__ void operator()(T (&s)[n], T g) const {
        s[1] = math::fma(g - s[1], mix_1, s[1]);
        s[2] = math::fma(math::fma(g, g, -s[2]), mix_2, s[2]);
        s[0] -= math::fma(from_momentum, s[1], from_gradient * g) / (math::sqrt(s[2] * correction) + epsilon);
    }
};

template <class T>
struct Lion {
    static constexpr int n = 2;
    T rate, keep_1, mix_1, keep_2, mix_2;
    __device__ void operator()(T (&s)[n], T g) const {
        const T direction = math::fma(keep_1, s[1], mix_1 * g);
        s[0] -= direction > T(0) ? rate : direction < T(0) ? -rate : direction;  // NaN and zero stay
        s[1] = math::fma(keep_2, s[1], mix_2 * g);
    }
};

template <class T>
struct Ftrl {
    static constexpr int n = 3;
    T inverse, exponent, twice_l2, shrinkage, most;
    __device__ T raise(T x) const { return exponent == T(0.5) ? math::sqrt(x) : math::pow(x, exponent); }
    __device__ void operator()(T (&s)[n], T g) const {
        const T before = raise(s[1]);
        s[1] = math::fma(g, g, s[1]);
        const T after = raise(s[1]);
        s[2] += math::fma(shrinkage, s[0], g) - (after - before) * inverse * s[0];
        s[0] = (math::min(math::max(s[2], -most), most) - s[2]) / math::fma(after, inverse, twice_l2);
    }
};

template <class T>
struct ScheduleFree {
    static constexpr int n = 3;
    T rate, correction, epsilon, mix_2, keep, mix, inverse, weight;
    __device__ void operator()(T (&s)[n], T g) const {
        const T mean = math::fma(-mix, s[1], s[0]) * inverse;
        s[2] = math::fma(math::fma(g, g, -s[2]), mix_2, s[2]);
        s[1] -= rate * g / (math::sqrt(s[2] * correction) + epsilon);
        const T moved = math::fma(weight, s[1] - mean, mean);
        s[0] = math::fma(keep, moved, mix * s[1]);
    }
};

template <class T>
struct MovingAverage {
    static constexpr int n = 1;
    T keep, mix;
    __device__ void operator()(T (&s)[n], T value) const { s[0] = math::fma(keep, s[0], mix * value); }
};

// --- kernel

// Every parameter of the group gets `blocks` blocks; those of small ones have nothing to do.
template <class T, class Formula>
__global__ void step_kernel(Parameters<T, Formula::n> parameters, int64_t blocks, T decay, Formula formula) {
    const int parameter = int(blockIdx.x / blocks);
    const int64_t size = parameters.sizes[parameter], first = blockIdx.x % blocks * threads + threadIdx.x;
    for (int64_t i = first; i < size; i += blocks * threads) {
        T state[Formula::n];
        for (int j = 0; j < Formula::n; ++j) state[j] = parameters.state[j][parameter][i];
        state[0] = math::fma(-decay, state[0], state[0]);
        formula(state, parameters.gradients[parameter][i]);
        for (int j = 0; j < Formula::n; ++j) parameters.state[j][parameter][i] = state[j];
    }
}

// --- launchers

template <class T, class Formula>
void step_all(Stream stream, T* const* const (&lists)[Formula::n], const T* const* gradients, const int64_t* sizes,
              int64_t count, double decay, Formula formula) {
    for (int64_t first = 0; first < count; first += group) {
        const int64_t present = count - first < group ? count - first : group;
        Parameters<T, Formula::n> parameters{};
        int64_t largest = 0;
        for (int64_t i = 0; i < present; ++i) {
            for (int j = 0; j < Formula::n; ++j) parameters.state[j][i] = lists[j][first + i];
            parameters.gradients[i] = gradients[first + i];
            parameters.sizes[i] = sizes[first + i];
            if (parameters.sizes[i] > largest) largest = parameters.sizes[i];
        }
        const int64_t blocks = loop_blocks(largest);
        launch(stream, step_kernel<T, Formula>, present * blocks, parameters, blocks, T(decay), formula);
    }
}

}  // namespace

template <class T>
void sgd_step(Stream stream, T* const* parameters, T* const* momenta, const T* const* gradients, const int64_t* sizes,
              int64_t count, double learning_rate, double momentum, bool nesterov, double weight_decay) {
    const double decay = learning_rate * weight_decay;
    if (momenta == nullptr)
        step_all(stream, {parameters}, gradients, sizes, count, decay, Sgd<T>{T(learning_rate)});
    else
        step_all(stream, {parameters, momenta}, gradients, sizes, count, decay,
                 Momentum<T>{T(learning_rate), T(momentum), nesterov});
}

template <class T>
void adagrad_step(Stream stream, T* const* parameters, T* const* accumulators, const T* const* gradients,
                  const int64_t* sizes, int64_t count, double learning_rate, double epsilon, double weight_decay) {
    step_all(stream, {parameters, accumulators}, gradients, sizes, count, learning_rate * weight_decay,
             Adagrad<T>{T(learning_rate), T(epsilon)});
}

template <class T>
void rmsprop_step(Stream stream, T* const* parameters, T* const* velocities, T* const* momenta, T* const* averages,
                  const T* const* gradients, const int64_t* sizes, int64_t count, double learning_rate, double rho,
                  double momentum, double epsilon, double weight_decay) {
    const double decay = learning_rate * weight_decay;
    const T rate(learning_rate), keep(rho), mix(1 - rho), speed(momentum), small(epsilon);
    if (momenta == nullptr && averages == nullptr)
        step_all(stream, {parameters, velocities}, gradients, sizes, count, decay,
                 RmsProp<T, false, false>{rate, keep, mix, speed, small});
    else if (averages == nullptr)
        step_all(stream, {parameters, velocities, momenta}, gradients, sizes, count, decay,
                 RmsProp<T, true, false>{rate, keep, mix, speed, small});
    else if (momenta == nullptr)
        step_all(stream, {parameters, velocities, averages}, gradients, sizes, count, decay,
                 RmsProp<T, false, true>{rate, keep, mix, speed, small});
    else
        step_all(stream, {parameters, velocities, momenta, averages}, gradients, sizes, count, decay,
                 RmsProp<T, true, true>{rate, keep, mix, speed, small});
}

template <class T>
void adadelta_step(Stream stream, T* const* parameters, T* const* accumulators, T* const* deltas,
                   const T* const* gradients, const int64_t* sizes, int64_t count, double learning_rate, double rho,
                   double epsilon, double weight_decay) {
    step_all(stream, {parameters, accumulators, deltas}, gradients, sizes, count, learning_rate * weight_decay,
             Adadelta<T>{T(learning_rate), T(rho), T(1 - rho), T(epsilon)});
}

template <class T>
void adam_step(Stream stream, T* const* parameters, T* const* momenta, T* const* velocities, T* const* maxima,
               const T* const* gradients, const int64_t* sizes, int64_t count, double learning_rate, double beta_1,
               double beta_2, double epsilon, int64_t step, double weight_decay) {
    const double correction = ::sqrt(1 - ::pow(beta_2, double(step))) / (1 - ::pow(beta_1, double(step)));
    const double decay = learning_rate * weight_decay;
    const T rate(learning_rate * correction), mix_1(1 - beta_1), mix_2(1 - beta_2), small(epsilon);
    if (maxima == nullptr)
        step_all(stream, {parameters, momenta, velocities}, gradients, sizes, count, decay,
                 Adam<T, false>{rate, mix_1, mix_2, small});
    else
        step_all(stream, {parameters, momenta, velocities, maxima}, gradients, sizes, count, decay,
                 Adam<T, true>{rate, mix_1, mix_2, small});
}

template <class T>
void adamax_step(Stream stream, T* const* parameters, T* const* momenta, T* const* norms, const T* const* gradients,
                 const int64_t* sizes, int64_t count, double learning_rate, double beta_1, double beta_2,
                 double epsilon, int64_t step, double weight_decay) {
    const T rate(learning_rate / (1 - ::pow(beta_1, double(step))));
    step_all(stream, {parameters, momenta, norms}, gradients, sizes, count, learning_rate * weight_decay,
             Adamax<T>{rate, T(1 - beta_1), T(beta_2), T(epsilon)});
}

template <class T>
void nadam_step(Stream stream, T* const* parameters, T* const* momenta, T* const* velocities, const T* const* gradients,
                const int64_t* sizes, int64_t count, double learning_rate, double beta_1, double beta_2, double epsilon,
                int64_t step, double momentum_now, double momentum_next, double product_now, double weight_decay) {
    const T from_momentum(learning_rate * momentum_next / (1 - product_now * momentum_next));
    const T from_gradient(learning_rate * (1 - momentum_now) / (1 - product_now));
    const T correction(1 / (1 - ::pow(beta_2, double(step))));
    step_all(stream, {parameters, momenta, velocities}, gradients, sizes, count, learning_rate * weight_decay,
             Nadam<T>{from_momentum, from_gradient, correction, T(1 - beta_1), T(1 - beta_2), T(epsilon)});
}

template <class T>
void lion_step(Stream stream, T* const* parameters, T* const* momenta, const T* const* gradients, const int64_t* sizes,
               int64_t count, double learning_rate, double beta_1, double beta_2, double weight_decay) {
    step_all(stream, {parameters, momenta}, gradients, sizes, count, learning_rate * weight_decay,
             Lion<T>{T(learning_rate), T(beta_1), T(1 - beta_1), T(beta_2), T(1 - beta_2)});
}

template <class T>
void ftrl_step(Stream stream, T* const* parameters, T* const* accumulators, T* const* linears,
               const T* const* gradients, const int64_t* sizes, int64_t count, double learning_rate,
               double learning_rate_power, double l1, double l2, double l2_shrinkage, double beta,
               double weight_decay) {
    step_all(stream, {parameters, accumulators, linears}, gradients, sizes, count, learning_rate * weight_decay,
             Ftrl<T>{T(1 / learning_rate), T(-learning_rate_power), T(2 * l2 + beta / learning_rate),
                     T(2 * l2_shrinkage), T(l1)});
}

template <class T>
void schedule_free_adamw_step(Stream stream, T* const* parameters, T* const* momenta, T* const* velocities,
                              const T* const* gradients, const int64_t* sizes, int64_t count, double learning_rate,
                              double beta_1, double beta_2, double epsilon, int64_t step, double weight_decay) {
    step_all(stream, {parameters, momenta, velocities}, gradients, sizes, count, learning_rate * weight_decay,
             ScheduleFree<T>{T(learning_rate), T(1 / (1 - ::pow(beta_2, double(step)))), T(epsilon), T(1 - beta_2),
                             T(beta_1), T(1 - beta_1), T(1 / beta_1), T(1.0 / double(step))});
}

template <class T>
void moving_average_step(Stream stream, T* const* averages, const T* const* values, const int64_t* sizes, int64_t count,
                         double momentum) {
    step_all(stream, {averages}, values, sizes, count, 0.0, MovingAverage<T>{T(momentum), T(1 - momentum)});
}

}  // namespace nerve::cuda

#define NERVE_FAMILY "kernels/optim.inc"
#include "cuda/instantiate.cuh"
