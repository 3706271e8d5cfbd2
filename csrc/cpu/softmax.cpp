// Softmax along rows and what is made of it. A row's maximum is subtracted first, so that no exponential
// overflows; the exponentials lie in the output until they are scaled. A row with NaN or +inf, or of -inf alone, is
// NaN throughout, as exp(x - max) / sum says.
#include "cpu/math.h"
#include "cpu/parallel.h"
#include "cpu/reduction.h"
#include "cpu/simd.h"
#include "kernels.h"

namespace nerve::NERVE_ISA {
namespace {

constexpr int64_t task_elements = 16384;

// body(row) for every row, several short ones in a task.
template <class Body>
void for_rows(int64_t rows, int64_t columns, const Body& body) {
    if (columns == 0) return;
    const int64_t in_task = columns < task_elements ? task_elements / columns : 1;
    parallel_blocks(rows, in_task, [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; ++row) body(row);
    });
}

template <class T>
NERVE_INLINE void store_some(T* p, vec<T> x, int64_t n) {
    n == vec<T>::size ? store(p, x) : store_partial(p, x, n);
}

template <class T>
NERVE_INLINE vec<T> load_some(const T* p, int64_t n) {
    return n == vec<T>::size ? load(p) : load_partial(p, n);
}

// out[i .. i + n) = value(i, n) along a row.
template <class T, class Value>
NERVE_INLINE void map_row(T* out, int64_t columns, const Value& value) {
    constexpr int n = vec<T>::size;
    int64_t i = 0;
    for (; i + n <= columns; i += n) store(out + i, value(i, n));
    if (i < columns) store_partial(out + i, value(i, columns - i), columns - i);
}

// terms = exp(x - highest); gives their sum.
template <class T>
T exponentials(T* terms, const T* x, T highest, int64_t columns) {
    map_row(terms, columns, [&](int64_t i, int64_t n) { return math::exp(load_some(x + i, n) - vec<T>(highest)); });
    return sum_row(terms, columns);
}

// Where a loss keeps its exponentials: in the gradient, if it is wanted.
template <class T>
T* terms_of(T* grad, int64_t row, int64_t columns) {
    if (grad != nullptr) return grad + row * columns;
    return static_cast<T*>(runtime::scratch(runtime::workspace, size_t(columns) * sizeof(T)));
}

template <class T>
NERVE_INLINE T log_of(T x) {
    return math::log(vec<T>(x)).v[0];
}

}  // namespace

template <class T>
void softmax(T* out, const T* x, int64_t rows, int64_t columns) {
    for_rows(rows, columns, [&](int64_t row) {
        T* y = out + row * columns;
        const T* values = x + row * columns;
        const vec<T> scale(1 / exponentials(y, values, max_row(values, columns), columns));
        map_row(y, columns, [&](int64_t i, int64_t n) { return load_some(y + i, n) * scale; });
    });
}

// y (grad - sum(grad y))
template <class T>
void softmax_backward(T* grad_x, const T* grad, const T* y, int64_t rows, int64_t columns) {
    for_rows(rows, columns, [&](int64_t row) {
        const T *g = grad + row * columns, *p = y + row * columns;
        const vec<T> weighted(reduce_row<T>(0, columns, T(0), Add{}, [&](int64_t i, int64_t n) NERVE_LAMBDA_INLINE {
            return load_some(g + i, n) * load_some(p + i, n);
        }));
        map_row(grad_x + row * columns, columns,
                [&](int64_t i, int64_t n) { return load_some(p + i, n) * (load_some(g + i, n) - weighted); });
    });
}

template <class T>
void log_softmax(T* out, const T* x, int64_t rows, int64_t columns) {
    for_rows(rows, columns, [&](int64_t row) {
        T* y = out + row * columns;
        const T* values = x + row * columns;
        const T highest = max_row(values, columns);
        const vec<T> log_sum(log_of(exponentials(y, values, highest, columns)));
        map_row(y, columns,
                [&](int64_t i, int64_t n) { return (load_some(values + i, n) - vec<T>(highest)) - log_sum; });
    });
}

// grad - exp(y) sum(grad)
template <class T>
void log_softmax_backward(T* grad_x, const T* grad, const T* y, int64_t rows, int64_t columns) {
    for_rows(rows, columns, [&](int64_t row) {
        const T *g = grad + row * columns, *log_p = y + row * columns;
        const vec<T> total(sum_row(g, columns));
        map_row(grad_x + row * columns, columns, [&](int64_t i, int64_t n) {
            return fma(-math::exp(load_some(log_p + i, n)), total, load_some(g + i, n));
        });
    });
}

// loss = -sum(t log p), where 0 log 0 is 0; its gradient is p sum(t) - t.
template <class T>
void softmax_cross_entropy(T* loss, T* grad, const T* logits, const T* targets, int64_t rows, int64_t columns) {
    for_rows(rows, columns, [&](int64_t row) {
        const T *x = logits + row * columns, *t = targets + row * columns;
        T* g = terms_of(grad, row, columns);
        const T highest = max_row(x, columns), sum = exponentials(g, x, highest, columns);
        const vec<T> log_sum(log_of(sum)), zero(T(0));
        loss[row] = reduce_row<T>(0, columns, T(0), Add{}, [&](int64_t i, int64_t n) NERVE_LAMBDA_INLINE {
            const vec<T> target = load_some(t + i, n);
            return select(target == zero, zero, target * (log_sum - (load_some(x + i, n) - vec<T>(highest))));
        });
        if (grad == nullptr) return;
        const vec<T> scale(sum_row(t, columns) / sum);
        map_row(g, columns,
                [&](int64_t i, int64_t n) { return fma(load_some(g + i, n), scale, -load_some(t + i, n)); });
    });
}

template <class T>
void sparse_softmax_cross_entropy(T* loss, T* grad, const T* logits, const int64_t* labels, int64_t rows,
                                  int64_t columns) {
    for_rows(rows, columns, [&](int64_t row) {
        const T* x = logits + row * columns;
        T* g = terms_of(grad, row, columns);
        const T highest = max_row(x, columns), sum = exponentials(g, x, highest, columns);
        loss[row] = log_of(sum) - (x[labels[row]] - highest);
        if (grad == nullptr) return;
        const vec<T> scale(1 / sum);
        map_row(g, columns, [&](int64_t i, int64_t n) { return load_some(g + i, n) * scale; });
        g[labels[row]] -= 1;
    });
}

}  // namespace nerve::NERVE_ISA

#define FAMILY_softmax FAMILY_HERE
#include "cpu/instantiate.h"
