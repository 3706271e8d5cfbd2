#include <functional>

#include "checks.h"

namespace checks {
namespace {

constexpr double rate = 0.1, decay = 0.01, epsilon = 1e-7, beta_1 = 0.9, beta_2 = 0.999, rho = 0.95, momentum = 0.9;
constexpr int64_t step = 3;

// What a step does to one parameter p with gradient g and slots a, b, c, in Keras's formulas.
using Formula = std::function<void(double& p, double g, double& a, double& b, double& c)>;

template <class T>
using Step =
    std::function<void(T* const* p, const T* const* g, T* const* a, T* const* b, T* const* c, const int64_t* sizes)>;

// Two parameters of different sizes in one call.
template <class T>
void check(const char* name, const Step<T>& kernel, const Formula& formula) {
    for (int64_t size : sizes) {
        const int64_t counts[2]{size, 5};
        std::vector<Output<T>> p, a, b, c;
        std::vector<std::vector<T>> g;
        std::vector<std::vector<double>> want;
        for (int64_t count : counts) {
            p.emplace_back(uniform<T>(count));
            g.push_back(uniform<T>(count));
            a.emplace_back(uniform<T>(count, 0.1, 1)), b.emplace_back(uniform<T>(count, 1, 2)),
                c.emplace_back(uniform<T>(count, 0, 0.1));
            std::vector<double> values(count);
            for (int64_t i = 0; i < count; ++i) {
                double slots[3]{a.back().data()[i], b.back().data()[i], c.back().data()[i]};
                values[i] = p.back().data()[i] * (1 - rate * decay);
                formula(values[i], g.back()[i], slots[0], slots[1], slots[2]);
            }
            want.push_back(values);
        }
        T* const ps[]{p[0].data(), p[1].data()};
        T* const as[]{a[0].data(), a[1].data()};
        T* const bs[]{b[0].data(), b[1].data()};
        T* const cs[]{c[0].data(), c[1].data()};
        const T* const gs[]{g[0].data(), g[1].data()};
        kernel(ps, gs, as, bs, cs, counts);
        for (int i = 0; i < 2; ++i) {
            close(label<T>(name, counts[i]), p[i], want[i]);
            expect(a[i].guards_intact() && b[i].guards_intact() && c[i].guards_intact(),
                   label<T>(name, counts[i]) + " slots");
        }
    }
}

}  // namespace

template <class T>
void optim(const nerve::Kernels<T>& k) {
    using P = T* const*;
    using G = const T* const*;
    using N = const int64_t*;
    auto adam = [](double p, double m, double v) {
        return p - m * rate * std::sqrt(1 - std::pow(beta_2, step)) / (1 - std::pow(beta_1, step)) /
                       (std::sqrt(v) + epsilon);
    };
    check<T>(
        "sgd_step", [&](P p, G g, P, P, P, N n) { k.sgd_step(p, nullptr, g, n, 2, rate, 0, false, decay); },
        [](double& p, double g, double&, double&, double&) { p -= rate * g; });
    check<T>(
        "sgd_step momentum", [&](P p, G g, P a, P, P, N n) { k.sgd_step(p, a, g, n, 2, rate, momentum, false, decay); },
        [](double& p, double g, double& a, double&, double&) { p += a = momentum * a - rate * g; });
    check<T>(
        "sgd_step nesterov", [&](P p, G g, P a, P, P, N n) { k.sgd_step(p, a, g, n, 2, rate, momentum, true, decay); },
        [](double& p, double g, double& a, double&, double&) {
            a = momentum * a - rate * g;
            p += momentum * a - rate * g;
        });
    check<T>(
        "adagrad_step", [&](P p, G g, P a, P, P, N n) { k.adagrad_step(p, a, g, n, 2, rate, epsilon, decay); },
        [](double& p, double g, double& a, double&, double&) { p -= rate * g / std::sqrt(a + g * g + epsilon); });
    check<T>(
        "rmsprop_step",
        [&](P p, G g, P a, P, P, N n) {
            k.rmsprop_step(p, a, nullptr, nullptr, g, n, 2, rate, rho, 0, epsilon, decay);
        },
        [](double& p, double g, double& a, double&, double&) {
            p -= rate * g / std::sqrt(rho * a + (1 - rho) * g * g + epsilon);
        });
    check<T>(
        "rmsprop_step centered",
        [&](P p, G g, P a, P b, P c, N n) { k.rmsprop_step(p, b, a, c, g, n, 2, rate, rho, momentum, epsilon, decay); },
        [](double& p, double g, double& a, double& b, double& c) {
            const double mean = rho * c + (1 - rho) * g, square = rho * b + (1 - rho) * g * g;
            p -= momentum * a + rate * g / std::sqrt(square - mean * mean + epsilon);
        });
    check<T>(
        "adadelta_step",
        [&](P p, G g, P a, P b, P, N n) { k.adadelta_step(p, a, b, g, n, 2, rate, rho, epsilon, decay); },
        [](double& p, double g, double& a, double& b, double&) {
            p -= rate * std::sqrt(b + epsilon) * g / std::sqrt(rho * a + (1 - rho) * g * g + epsilon);
        });
    check<T>(
        "adam_step",
        [&](P p, G g, P a, P b, P, N n) {
            k.adam_step(p, a, b, nullptr, g, n, 2, rate, beta_1, beta_2, epsilon, step, decay);
        },
        [=](double& p, double g, double& a, double& b, double&) {
            p = adam(p, a + (g - a) * (1 - beta_1), b + (g * g - b) * (1 - beta_2));
        });
    check<T>(
        "adam_step amsgrad",
        [&](P p, G g, P a, P c, P b, N n) {
            k.adam_step(p, a, b, c, g, n, 2, rate, beta_1, beta_2, epsilon, step, decay);
        },
        [=](double& p, double g, double& a, double& c, double& b) {
            p = adam(p, a + (g - a) * (1 - beta_1), std::max(c, b + (g * g - b) * (1 - beta_2)));
        });
    check<T>(
        "adamax_step",
        [&](P p, G g, P a, P b, P, N n) {
            k.adamax_step(p, a, b, g, n, 2, rate, beta_1, beta_2, epsilon, step, decay);
        },
        [](double& p, double g, double& a, double& b, double&) {
            const double m = a + (g - a) * (1 - beta_1), u = std::max(beta_2 * b, std::abs(g));
            p -= rate * m / ((1 - std::pow(beta_1, step)) * (u + epsilon));
        });
    check<T>(
        "nadam_step",
        [&](P p, G g, P a, P b, P, N n) {
            k.nadam_step(p, a, b, g, n, 2, rate, beta_1, beta_2, epsilon, step, 0.88, 0.89, 0.6, decay);
        },
        [](double& p, double g, double& a, double& b, double&) {
            const double m = a + (g - a) * (1 - beta_1), v = b + (g * g - b) * (1 - beta_2);
            const double m_hat = 0.89 * m / (1 - 0.6 * 0.89) + (1 - 0.88) * g / (1 - 0.6);
            p -= rate * m_hat / (std::sqrt(v / (1 - std::pow(beta_2, step))) + epsilon);
        });
}
template void optim(const nerve::Kernels<float>&);
template void optim(const nerve::Kernels<double>&);

}  // namespace checks
