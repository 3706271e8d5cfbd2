// The formula of every elementwise kernel of kernels.inc, and its derivative beside it, written once: V is vec<T> on
// the CPU, float or double on the GPU. A derivative may use the input x or the output y, whichever is cheaper.
//
// Include it with NERVE_ISA naming a namespace that has select(condition, a, b) and, in `math`, the functions of
// cpu/math.h and abs, sqrt, fma, max, min; NERVE_FUNCTOR is what stands in front of a function there.
#pragma once

#ifndef NERVE_FUNCTOR
#define NERVE_FUNCTOR NERVE_INLINE
#endif

namespace nerve::NERVE_ISA::functor {

// UNARY(name, f(x), f'(x, y))
#define UNARY(name, value, slope)                                                      \
    struct name {                                                                      \
        template <class V>                                                             \
        NERVE_FUNCTOR V operator()([[maybe_unused]] V x) const {                       \
            return value;                                                              \
        }                                                                              \
        template <class V>                                                             \
        NERVE_FUNCTOR V derivative([[maybe_unused]] V x, [[maybe_unused]] V y) const { \
            return slope;                                                              \
        }                                                                              \
    };
// The same with a parameter `alpha`.
#define UNARY_ALPHA(name, value, slope)                                                \
    struct name {                                                                      \
        double parameter;                                                              \
        template <class V>                                                             \
        NERVE_FUNCTOR V operator()(V x) const {                                        \
            [[maybe_unused]] const V alpha(parameter);                                 \
            return value;                                                              \
        }                                                                              \
        template <class V>                                                             \
        NERVE_FUNCTOR V derivative([[maybe_unused]] V x, [[maybe_unused]] V y) const { \
            [[maybe_unused]] const V alpha(parameter);                                 \
            return slope;                                                              \
        }                                                                              \
    };
#define BINARY(name, value)                             \
    struct name {                                       \
        template <class V>                              \
        NERVE_FUNCTOR auto operator()(V a, V b) const { \
            return value;                               \
        }                                               \
    };

// clamp(x) where a derivative is constant beyond: infinity times zero would be NaN.
template <class V>
NERVE_FUNCTOR V within_50(V x) {
    return math::min(math::max(x, V(-50.0)), V(50.0));
}

// sqrt(2 / pi) (x + 0.044715 x^3), the argument of tanh in gelu's approximation, and its slope.
template <class V>
NERVE_FUNCTOR V gelu_argument(V x) {
    return V(0.7978845608028654) * math::fma(V(0.044715) * x * x, x, x);
}
template <class V>
NERVE_FUNCTOR V gelu_argument_slope(V x) {
    return V(0.7978845608028654) * math::fma(V(3 * 0.044715) * x, x, V(1.0));
}
// The standard normal distribution and its density. erfc keeps the small values of the left tail.
template <class V>
NERVE_FUNCTOR V normal_distribution(V x) {
    return V(0.5) * math::erfc(V(-0.7071067811865476) * x);
}
template <class V>
NERVE_FUNCTOR V normal_density(V x) {
    return V(0.3989422804014327) * math::exp(V(-0.5) * x * x);
}

// --- arithmetic

UNARY(negative, -x, V(-1.0))
UNARY(absolute, math::abs(x), select(x > V(0.0), V(1.0), select(x < V(0.0), V(-1.0), x)))
UNARY(sign, select(x > V(0.0), V(1.0), select(x < V(0.0), V(-1.0), x)), V(0.0))  // NaN and zeros are their own sign
UNARY(square, (x * x), x + x)
UNARY(sqrt, math::sqrt(x), V(0.5) / y)
UNARY(rsqrt, V(1.0) / math::sqrt(x), V(-0.5) * y / x)
UNARY(reciprocal, V(1.0) / x, V(-1.0) * y * y)
UNARY(floor, math::floor(x), V(0.0))
UNARY(ceil, math::ceil(x), V(0.0))
UNARY(round, math::round(x), V(0.0))  // half to even

// --- elementary functions

UNARY(exp, math::exp(x), y)
UNARY(expm1, math::expm1(x), y + V(1.0))
UNARY(log, math::log(x), V(1.0) / x)
UNARY(log1p, math::log1p(x), V(1.0) / (V(1.0) + x))
UNARY(sin, math::sin(x), math::cos(x))
UNARY(cos, math::cos(x), -math::sin(x))
UNARY(tanh, math::tanh(x), math::fma(-y, y, V(1.0)))
UNARY(erf, math::erf(x), V(1.1283791670955126) * math::exp(-x * x))  // 2 / sqrt(pi)

// --- activations, with the definitions of Keras 3 (keras/src/activations)

UNARY(sigmoid, math::sigmoid(x), (y * (V(1.0) - y)))
UNARY(relu, math::max(x, V(0.0)), select(x > V(0.0), V(1.0), V(0.0)))
UNARY(relu6, math::min(math::max(x, V(0.0)), V(6.0)), select((x > V(0.0)) & (x < V(6.0)), V(1.0), V(0.0)))
// scale and scale * alpha of Klambauer et al., Self-Normalizing Neural Networks (2017)
UNARY(selu, select(x > V(0.0), V(1.0507009873554805) * x, V(1.7580993408473766) * math::expm1(x)),
      select(x > V(0.0), V(1.0507009873554805), y + V(1.7580993408473766)))
UNARY(gelu, (x * normal_distribution(x)), math::fma(within_50(x), normal_density(x), normal_distribution(x)))
UNARY(silu, (x * math::sigmoid(x)), math::fma(within_50(x) * math::sigmoid(x), math::sigmoid(-x), math::sigmoid(x)))
UNARY(softplus, math::max(x, V(0.0)) + math::log1p(math::exp(-math::abs(x))), math::sigmoid(x))
UNARY(softsign, x / (V(1.0) + math::abs(x)), V(1.0) / ((V(1.0) + math::abs(x)) * (V(1.0) + math::abs(x))))
// relu6(x + 3) / 6
UNARY(hard_sigmoid, V(1.0 / 6) * math::min(math::max(x + V(3.0), V(0.0)), V(6.0)),
      select((x > V(-3.0)) & (x < V(3.0)), V(1.0 / 6), V(0.0)))
UNARY_ALPHA(leaky_relu, select(x > V(0.0), x, (alpha * x)), select(x > V(0.0), V(1.0), alpha))
UNARY_ALPHA(elu, select(x > V(0.0), x, (alpha * math::expm1(x))), select(x > V(0.0), V(1.0), y + alpha))

// x (1 + tanh(u)) / 2 = x sigmoid(2 u), which keeps the small values of the left tail.
struct gelu_tanh {
    template <class V>
    NERVE_FUNCTOR V operator()(V x) const {
        return x * math::sigmoid(V(2.0) * gelu_argument(x));
    }
    template <class V>
    NERVE_FUNCTOR V derivative(V x, V) const {
        const V bounded = within_50(x), s = math::sigmoid(V(2.0) * gelu_argument(bounded));
        return math::fma(V(2.0) * bounded * s * (V(1.0) - s), gelu_argument_slope(bounded), s);
    }
};

// --- two operands

BINARY(add, a + b)
BINARY(subtract, a - b)
BINARY(multiply, (a * b))
BINARY(divide, a / b)
BINARY(power, math::pow(a, b))
BINARY(maximum, math::max(a, b))  // NaN in either operand gives NaN
BINARY(minimum, math::min(a, b))
BINARY(add_relu, math::max(a + b, V(0.0)))
BINARY(equal, a == b)
BINARY(not_equal, a != b)
BINARY(less, a < b)
BINARY(less_equal, a <= b)
BINARY(greater, a > b)
BINARY(greater_equal, a >= b)

#undef UNARY
#undef UNARY_ALPHA
#undef BINARY

}  // namespace nerve::NERVE_ISA::functor
