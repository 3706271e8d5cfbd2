// Softmax along rows and what is made of it. A row's maximum is subtracted first, so that no exponential
// overflows. A row with NaN or +inf, or of -inf alone, is NaN throughout, as exp(x - max) / sum says. Each formula
// reads what it needs before it writes, so that the output may be an input.
#include "cpu/math.h"
#include "cpu/rows.h"
#include "shapes.h"

namespace nerve::NERVE_ISA {
namespace {

template <class T>
constexpr T lowest = -T(__builtin_inf());

template <class T, class Over>
NERVE_INLINE vec<T> highest_of(const Over& over, const T* x) {
    return over.reduce(lowest<T>, Max{},
                       [&](int64_t i, int64_t n, int64_t) NERVE_LAMBDA_INLINE { return load_or(x + i, n, lowest<T>); });
}

// terms = exp(x - highest), where they are wanted; gives their sum.
template <bool stored, class T, class Over>
NERVE_INLINE vec<T> exponentials(const Over& over, T* terms, const T* x, vec<T> highest_of_rows) {
    const auto highest = over.spread(highest_of_rows);
    return over.reduce(T(0), Add{}, [&](int64_t i, int64_t n, int64_t r) NERVE_LAMBDA_INLINE {
        const vec<T> term = math::exp(load_or(x + i, n, lowest<T>) - highest(r));  // zero in idle lanes
        if constexpr (stored) store_some(terms + i, term, n);
        return term;
    });
}
template <class T, class Over>
NERVE_INLINE vec<T> exponentials(const Over& over, T* terms, const T* x, vec<T> highest) {
    return terms == nullptr ? exponentials<false>(over, terms, x, highest)
                            : exponentials<true>(over, terms, x, highest);
}

template <class T, class Over>
NERVE_INLINE vec<T> sum_of(const Over& over, const T* x) {
    return over.reduce(T(0), Add{},
                       [&](int64_t i, int64_t n, int64_t) NERVE_LAMBDA_INLINE { return load_some(x + i, n); });
}

template <class T, class Over>
NERVE_INLINE void multiply(const Over& over, T* x, vec<T> factors) {
    const auto factor = over.spread(factors);
    over.each([&](int64_t i, int64_t n, int64_t r)
                  NERVE_LAMBDA_INLINE { store_some(x + i, load_some(x + i, n) * factor(r), n); });
}

}  // namespace

template <class T>
void softmax(T* out, const T* x, int64_t rows, int64_t columns) {
    for_rows(out, {x}, rows, columns, [](const auto& over, T* y, const T* const(&in)[1], int64_t) NERVE_LAMBDA_INLINE {
        const vec<T> sum = exponentials<true>(over, y, in[0], highest_of(over, in[0]));
        multiply(over, y, vec<T>(T(1)) / sum);
    });
}

// y (grad - sum(grad y))
template <class T>
void softmax_backward(T* grad_x, const T* grad, const T* y, int64_t rows, int64_t columns) {
    auto formula = [](const auto& over, T* out, const T* const(&in)[2], int64_t) NERVE_LAMBDA_INLINE {
        const T *g = in[0], *p = in[1];
        const auto sum = over.spread(over.reduce(T(0), Add{}, [&](int64_t i, int64_t n, int64_t) NERVE_LAMBDA_INLINE {
            return load_some(g + i, n) * load_some(p + i, n);
        }));
        over.each([&](int64_t i, int64_t n, int64_t r) NERVE_LAMBDA_INLINE {
            store_some(out + i, load_some(p + i, n) * (load_some(g + i, n) - sum(r)), n);
        });
    };
    for_rows(grad_x, {grad, y}, rows, columns, formula);
}

template <class T>
void log_softmax(T* out, const T* x, int64_t rows, int64_t columns) {
    for_rows(out, {x}, rows, columns, [](const auto& over, T* y, const T* const(&in)[1], int64_t) NERVE_LAMBDA_INLINE {
        const vec<T> highest = highest_of(over, in[0]);
        const auto log_sum = over.spread(math::log(exponentials<false>(over, y, in[0], highest)));
        const auto most = over.spread(highest);
        over.each([&](int64_t i, int64_t n, int64_t r)
                      NERVE_LAMBDA_INLINE { store_some(y + i, (load_some(in[0] + i, n) - most(r)) - log_sum(r), n); });
    });
}

// grad - exp(y) sum(grad)
template <class T>
void log_softmax_backward(T* grad_x, const T* grad, const T* y, int64_t rows, int64_t columns) {
    auto formula = [](const auto& over, T* out, const T* const(&in)[2], int64_t) NERVE_LAMBDA_INLINE {
        const auto total = over.spread(sum_of(over, in[0]));
        over.each([&](int64_t i, int64_t n, int64_t r) NERVE_LAMBDA_INLINE {
            store_some(out + i, fma(-math::exp(load_some(in[1] + i, n)), total(r), load_some(in[0] + i, n)), n);
        });
    };
    for_rows(grad_x, {grad, y}, rows, columns, formula);
}

// loss = -sum(t log p), where 0 log 0 is 0; its gradient is p sum(t) - t.
template <class T>
void softmax_cross_entropy(T* loss, T* grad, const T* logits, const T* targets, int64_t rows, int64_t columns) {
    auto formula = [=](const auto& over, T* out, const T* const(&in)[2], int64_t row) NERVE_LAMBDA_INLINE {
        const T *x = in[0], *t = in[1];
        const vec<T> zero(T(0)), highest = highest_of(over, x), total = sum_of(over, t);
        const auto most = over.spread(highest);
        const vec<T> expected = over.reduce(T(0), Add{}, [&](int64_t i, int64_t n, int64_t r) NERVE_LAMBDA_INLINE {
            const vec<T> target = load_some(t + i, n);
            return select(target == zero, zero, target * (load_some(x + i, n) - most(r)));
        });
        const vec<T> sum = exponentials(over, out, x, highest);
        store_partial(loss + row, total * math::log(sum) - expected, over.rows);
        if (out == nullptr) return;
        const auto scale = over.spread(total / sum);
        over.each([&](int64_t i, int64_t n, int64_t r) NERVE_LAMBDA_INLINE {
            store_some(out + i, fma(load_some(out + i, n), scale(r), -load_some(t + i, n)), n);
        });
    };
    for_rows(grad, {logits, targets}, rows, columns, formula);
}

template <class T>
void sparse_softmax_cross_entropy(T* loss, T* grad, const T* logits, const int64_t* labels, int64_t rows,
                                  int64_t columns) {
    auto formula = [=](const auto& over, T* out, const T* const(&in)[1], int64_t row) NERVE_LAMBDA_INLINE {
        alignas(64) T picked[vec<T>::size] = {};
        for (int64_t r = 0; r < over.rows; ++r) picked[r] = in[0][over.place(r, labels[row + r])];
        const vec<T> highest = highest_of(over, in[0]), sum = exponentials(over, out, in[0], highest);
        store_partial(loss + row, math::log(sum) - (load(picked) - highest), over.rows);
        if (out == nullptr) return;
        multiply(over, out, vec<T>(T(1)) / sum);
        for (int64_t r = 0; r < over.rows; ++r) out[over.place(r, labels[row + r])] -= 1;
    };
    for_rows(grad, {logits}, rows, columns, formula);
}

}  // namespace nerve::NERVE_ISA

#define NERVE_FAMILY "kernels/softmax.inc"
#include "cpu/instantiate.h"
