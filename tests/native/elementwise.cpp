#include "checks.h"

namespace checks {
namespace {

template <class T>
struct Unary {
    const char* name;
    void (*forward)(T*, const T*, int64_t);
    void (*backward)(T*, const T*, const T*, const T*, int64_t);
    double (*formula)(double);
    double low, high;  // where the formula has a derivative almost everywhere
};

// The slope of f at x by central differences, accurate to about 1e-9 where f is smooth.
template <class F>
double slope(F f, double x) {
    const double h = 1e-5;
    return (f(x + h) - f(x - h)) / (2 * h);
}

template <class T>
double slope_tolerance() {
    return sizeof(T) == 4 ? 1e-5 : 1e-8;
}

// Moves values away from integers, where the rounding functions and the kinks of the activations are.
template <class T>
std::vector<T> off_kinks(std::vector<T> values) {
    for (T& value : values)
        if (std::abs(value - std::nearbyint(value)) < T(0.01)) value += T(0.1);
    return values;
}

template <class T>
void unary(const nerve::Kernels<T>& k) {
#define ROW(name, low, high, ...)                                                                   \
    {                                                                                               \
        #name, k.name, k.name##_backward, [](double x) -> double { return __VA_ARGS__; }, low, high \
    }
    const Unary<T> rows[] = {
        ROW(negative, -2, 2, -x),
        ROW(absolute, -2, 2, std::abs(x)),
        ROW(sign, -2, 2,
            x > 0   ? 1
            : x < 0 ? -1
                    : 0),
        ROW(square, -2, 2, x * x),
        ROW(sqrt, 0.1, 9, std::sqrt(x)),
        ROW(rsqrt, 0.1, 9, 1 / std::sqrt(x)),
        ROW(reciprocal, 0.1, 9, 1 / x),
        ROW(exp, -5, 5, std::exp(x)),
        ROW(expm1, -3, 3, std::expm1(x)),
        ROW(log, 0.1, 9, std::log(x)),
        ROW(log1p, -0.5, 9, std::log1p(x)),
        ROW(sin, -9, 9, std::sin(x)),
        ROW(cos, -9, 9, std::cos(x)),
        ROW(tanh, -4, 4, std::tanh(x)),
        ROW(erf, -3, 3, std::erf(x)),
        ROW(sigmoid, -9, 9, 1 / (1 + std::exp(-x))),
        ROW(relu, -2, 2, x > 0 ? x : 0),
        ROW(relu6, -2, 9,
            x < 0   ? 0
            : x > 6 ? 6
                    : x),
        ROW(selu, -2, 2, 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * std::expm1(x))),
        ROW(gelu, -4, 4, x / 2 * (1 + std::erf(x / std::sqrt(2.0)))),
        ROW(gelu_tanh, -4, 4, x / 2 * (1 + std::tanh(std::sqrt(2 / 3.141592653589793) * (x + 0.044715 * x * x * x)))),
        ROW(silu, -9, 9, x / (1 + std::exp(-x))),
        ROW(softplus, -9, 9, std::log1p(std::exp(x))),
        ROW(softsign, -9, 9, x / (1 + std::abs(x))),
        ROW(hard_sigmoid, -5, 5,
            x < -3  ? 0
            : x > 3 ? 1
                    : x / 6 + 0.5),
        ROW(floor, -5, 5, std::floor(x)),
        ROW(ceil, -5, 5, std::ceil(x)),
        ROW(round, -5, 5, std::nearbyint(x)),
    };
#undef ROW
    for (const Unary<T>& row : rows) {
        for (int64_t size : sizes) {
            std::vector<T> x = off_kinks(uniform<T>(size, row.low, row.high)), grad = uniform<T>(size);
            // A rounding function jumps half-way between integers too.
            for (T& value : x)
                if (std::abs(std::abs(value - std::floor(value)) - T(0.5)) < T(0.01)) value += T(0.1);
            Output<T> y(size), grad_x(size);
            std::vector<double> want(size), want_grad(size);
            for (int64_t i = 0; i < size; ++i) {
                want[i] = row.formula(x[i]);
                want_grad[i] = grad[i] * slope(row.formula, x[i]);
            }
            row.forward(y.data(), x.data(), size);
            close(label<T>(row.name, size), y, want);
            row.backward(grad_x.data(), grad.data(), x.data(), y.data(), size);
            close(label<T>(row.name, size) + " backward", grad_x, want_grad, slope_tolerance<T>());
        }
    }
}

template <class T>
void unary_alpha(const nerve::Kernels<T>& k) {
    const double alpha = 0.3;
    auto check = [&](const char* name, auto forward, auto backward, auto formula) {
        for (int64_t size : sizes) {
            std::vector<T> x = off_kinks(uniform<T>(size)), grad = uniform<T>(size);
            Output<T> y(size), grad_x(size);
            std::vector<double> want(size), want_grad(size);
            for (int64_t i = 0; i < size; ++i) {
                want[i] = formula(x[i]);
                want_grad[i] = grad[i] * slope(formula, x[i]);
            }
            forward(y.data(), x.data(), size, alpha);
            close(label<T>(name, size), y, want);
            backward(grad_x.data(), grad.data(), x.data(), y.data(), size, alpha);
            close(label<T>(name, size) + " backward", grad_x, want_grad, slope_tolerance<T>());
        }
    };
    check("leaky_relu", k.leaky_relu, k.leaky_relu_backward, [=](double x) { return x > 0 ? x : alpha * x; });
    check("elu", k.elu, k.elu_backward, [=](double x) { return x > 0 ? x : alpha * std::expm1(x); });
}

// Operands of shape (rows, columns), each repeated along the axes where its strides are 0.
nerve::Broadcast broadcast(int64_t rows, int64_t columns, const int64_t (&a)[2], const int64_t (&b)[2]) {
    nerve::Broadcast shape{};
    for (int i = 0; i < nerve::max_rank; ++i) shape.shape[i] = 1;
    const int last = nerve::max_rank - 1;
    shape.shape[last - 1] = rows, shape.shape[last] = columns;
    for (int i = 0; i < 2; ++i) shape.a_strides[last - 1 + i] = a[i], shape.b_strides[last - 1 + i] = b[i];
    return shape;
}

// Calls body(label, shape, a, b, index into a, index into b) for the ways two operands can meet.
template <class T, class Body>
void each_broadcast(const char* name, double low, const Body& body) {
    for (int64_t columns : sizes) {
        const int64_t full[2]{columns, 1}, row[2]{0, 1}, column[2]{1, 0}, scalar[2]{0, 0};
        for (const auto& a : {full, row, column, scalar}) {
            for (const auto& b : {full, row, column, scalar}) {
                const int64_t a_strides[2]{a[0], a[1]}, b_strides[2]{b[0], b[1]};
                nerve::Broadcast shape = broadcast(3, columns, a_strides, b_strides);
                body(
                    label<T>(name, columns), shape, uniform<T>(3 * columns + 3, low), uniform<T>(3 * columns + 3, low),
                    [&](int64_t i) { return i / columns * a_strides[0] + i % columns * a_strides[1]; },
                    [&](int64_t i) { return i / columns * b_strides[0] + i % columns * b_strides[1]; }, 3 * columns);
            }
        }
    }
}

template <class T>
void binary(const nerve::Kernels<T>& k) {
    auto check = [&](const char* name, auto kernel, auto formula, double low = -2) {
        each_broadcast<T>(name, low, [&](auto what, auto& shape, auto a, auto b, auto at_a, auto at_b, int64_t size) {
            Output<T> out(size);
            std::vector<double> want(size);
            for (int64_t i = 0; i < size; ++i) want[i] = formula(double(a[at_a(i)]), double(b[at_b(i)]));
            kernel(out.data(), a.data(), b.data(), shape);
            close(what, out, want);
        });
    };
    check("add", k.add, [](double a, double b) { return a + b; });
    check("subtract", k.subtract, [](double a, double b) { return a - b; });
    check("multiply", k.multiply, [](double a, double b) { return a * b; });
    check("divide", k.divide, [](double a, double b) { return a / b; }, 0.5);
    check("power", k.power, [](double a, double b) { return std::pow(a, b); }, 0.5);
    check("maximum", k.maximum, [](double a, double b) { return a > b ? a : b; });
    check("minimum", k.minimum, [](double a, double b) { return a < b ? a : b; });
}

template <class T>
void compare(const nerve::Kernels<T>& k) {
    auto check = [&](const char* name, auto kernel, auto formula) {
        each_broadcast<T>(name, -2, [&](auto what, auto& shape, auto a, auto b, auto at_a, auto at_b, int64_t size) {
            for (T& value : a) value = std::nearbyint(value);  // so that some are equal
            for (T& value : b) value = std::nearbyint(value);
            Output<uint8_t> out(size);  // a bool array
            bool right = true;
            kernel(reinterpret_cast<bool*>(out.data()), a.data(), b.data(), shape);
            for (int64_t i = 0; i < size; ++i) right = right && bool(out.data()[i]) == formula(a[at_a(i)], b[at_b(i)]);
            expect(right && out.guards_intact(), what);
        });
    };
    check("equal", k.equal, [](T a, T b) { return a == b; });
    check("not_equal", k.not_equal, [](T a, T b) { return a != b; });
    check("less", k.less, [](T a, T b) { return a < b; });
    check("less_equal", k.less_equal, [](T a, T b) { return a <= b; });
    check("greater", k.greater, [](T a, T b) { return a > b; });
    check("greater_equal", k.greater_equal, [](T a, T b) { return a >= b; });

    for (int64_t size : sizes) {
        std::vector<T> a = uniform<T>(size), b = uniform<T>(size), coin = uniform<T>(size);
        Output<uint8_t> condition(size);
        Output<T> out(size);
        std::vector<double> want(size);
        for (int64_t i = 0; i < size; ++i) {
            condition.data()[i] = coin[i] > 0;
            want[i] = coin[i] > 0 ? a[i] : b[i];
        }
        k.where(out.data(), reinterpret_cast<bool*>(condition.data()), a.data(), b.data(), size);
        close(label<T>("where", size), out, want, 0);
    }
}

}  // namespace

template <class T>
void elementwise(const nerve::Kernels<T>& kernels) {
    unary(kernels);
    unary_alpha(kernels);
    binary(kernels);
    compare(kernels);
}
template void elementwise(const nerve::Kernels<float>&);
template void elementwise(const nerve::Kernels<double>&);

}  // namespace checks
