#include <algorithm>

#include "checks.h"

namespace checks {
namespace {

template <class T>
double average(const std::vector<T>& values) {
    double sum = 0;
    for (T value : values) sum += value;
    return sum / double(values.size());
}

template <class T>
void random(const nerve::Kernels<T>& k) {
    const int64_t many = 20000;
    std::vector<T> all(many), squares(many), ones(many, T(1));

    k.random_uniform(all.data(), many, 42, 7, -1, 3);
    auto [lowest, highest] = std::minmax_element(all.begin(), all.end());
    expect(*lowest >= T(-1) && *highest < T(3), label<T>("random_uniform range", many));
    expect(std::abs(average(all) - 1) < 0.05, label<T>("random_uniform mean", many));  // six standard errors
    for (int64_t size : sizes) {  // a shorter run is the beginning of a longer one
        Output<T> some(size);
        k.random_uniform(some.data(), size, 42, 7, -1, 3);
        close(label<T>("random_uniform", size), some, {all.begin(), all.begin() + size}, 0);
    }

    k.random_normal(all.data(), many, 42, 7, 5, 2);
    for (int64_t i = 0; i < many; ++i) squares[i] = (all[i] - T(5)) * (all[i] - T(5));
    expect(std::abs(average(all) - 5) < 0.085, label<T>("random_normal mean", many));         // six standard errors
    expect(std::abs(average(squares) - 4) < 0.24, label<T>("random_normal variance", many));  // six standard errors

    k.dropout(all.data(), ones.data(), many, 0.25, 42, 7);
    const auto kept = std::count(all.begin(), all.end(), T(1 / 0.75)),
               dropped = std::count(all.begin(), all.end(), T(0));
    expect(kept + dropped == many, label<T>("dropout values", many));
    expect(std::abs(double(dropped) / many - 0.25) < 0.019, label<T>("dropout rate", many));  // six standard errors
    for (int64_t size : sizes) {
        Output<T> some(size);
        k.dropout(some.data(), ones.data(), size, 0.25, 42, 7);
        close(label<T>("dropout", size), some, {all.begin(), all.begin() + size}, 0);
    }
}

template <class T>
void indexing(const nerve::Kernels<T>& k) {
    for (int64_t size : sizes) {  // a transpose of (3, size)
        std::vector<T> x = uniform<T>(3 * size);
        Output<T> out(3 * size);
        std::vector<double> want(3 * size);
        nerve::CopyShape shape{};
        for (int64_t& extent : shape.shape) extent = 1;
        shape.shape[6] = size, shape.shape[7] = 3;
        shape.out_strides[6] = 3, shape.out_strides[7] = 1;
        shape.x_strides[6] = 1, shape.x_strides[7] = size;
        for (int64_t i = 0; i < 3 * size; ++i) want[i] = x[i % 3 * size + i / 3];
        k.copy(out.data(), x.data(), shape);
        close(label<T>("copy transposed", size), out, want, 0);
    }
    for (int64_t inner : sizes) {
        const int64_t outer = 2, axis = 5, indices[]{4, 0, 0, 3}, count = 4;
        std::vector<T> x = uniform<T>(outer * axis * inner), grad = uniform<T>(outer * count * inner);
        Output<T> out(grad.size()), grad_x(x.size());
        std::vector<double> want(grad.size()), want_x(x.size());
        for (int64_t o = 0; o < outer; ++o)
            for (int64_t c = 0; c < count; ++c)
                for (int64_t i = 0; i < inner; ++i) {
                    const int64_t to = (o * count + c) * inner + i, from = (o * axis + indices[c]) * inner + i;
                    want[to] = x[from];
                    want_x[from] += grad[to];
                }
        k.take(out.data(), x.data(), indices, outer, axis, inner, count);
        close(label<T>("take", inner), out, want, 0);
        k.take_backward(grad_x.data(), grad.data(), indices, outer, axis, inner, count);
        close(label<T>("take backward", inner), grad_x, want_x);
    }
    for (int64_t classes : sizes) {
        if (classes == 0) continue;
        const std::vector<int64_t> labels{0, classes - 1, classes / 2};
        Output<T> out(3 * classes);
        std::vector<double> want(3 * classes);
        for (int64_t r = 0; r < 3; ++r) want[r * classes + labels[r]] = 1;
        k.one_hot(out.data(), labels.data(), 3, classes);
        close(label<T>("one_hot", classes), out, want, 0);
    }
}

}  // namespace

template <class T>
void moves(const nerve::Kernels<T>& kernels) {
    random(kernels);
    indexing(kernels);
}
template void moves(const nerve::Kernels<float>&);
template void moves(const nerve::Kernels<double>&);

}  // namespace checks
