// The formulas of functors.h over arrays. A unary kernel is one flat loop. A binary one goes along rows of the last
// dimension while these are long; short rows are first laid out side by side (`Plane`), so that registers stay full.
#include "cpu/math.h"
#include "cpu/parallel.h"
#include "cpu/simd.h"
#include "functors.h"
#include "shapes.h"

namespace nerve::NERVE_ISA {
namespace {

constexpr int64_t block = 16384;    // elements of a task
constexpr int64_t short_row = 48;   // elements; shorter rows are laid out side by side
constexpr int64_t laid_out = 1024;  // elements of that layout

// --- registers in and out; the first n lanes, or all of them

template <class T>
NERVE_INLINE vec<T> load_some(const T* p, int64_t n) {
    return n >= vec<T>::size ? load(p) : load_partial(p, n);
}
// Of two operands, which come from memory at the speed of sums; the formulas of one are mostly longer than that.
template <class T>
NERVE_INLINE vec<T> load_operand(const T* p, int64_t n) {
    return n >= vec<T>::size ? load_streamed(p) : load_partial(p, n);
}
template <class T>
NERVE_INLINE void store_some(T* p, vec<T> x, int64_t n) {
    if (n >= vec<T>::size)
        store(p, x);
    else
        store_partial(p, x, n);
}

// A byte for each lane.
template <class T>
struct lane_bytes;
template <>
struct lane_bytes<float> {
    typedef int8_t type __attribute__((vector_size(vector_bytes / 4)));
};
template <>
struct lane_bytes<double> {
    typedef int8_t type __attribute__((vector_size(vector_bytes / 8)));
};

template <class T>
NERVE_INLINE void store_some(bool* p, mask<T> condition, int64_t n) {
    using Bytes = typename lane_bytes<T>::type;
    const Bytes bytes = __builtin_convertvector(condition.v, Bytes) & 1;
    if (n >= vec<T>::size)
        std::memcpy(p, &bytes, sizeof bytes);
    else
        for (int64_t i = 0; i < n; ++i) p[i] = bytes[i] != 0;
}
template <class T>
NERVE_INLINE mask<T> load_condition(const bool* p, int64_t n) {
    using Bytes = typename lane_bytes<T>::type;
    Bytes bytes{};
    if (n >= vec<T>::size)
        std::memcpy(&bytes, p, sizeof bytes);
    else
        for (int64_t i = 0; i < n; ++i) bytes[i] = p[i];
    return {__builtin_convertvector(bytes, bits<T>) != 0};
}

// body(i, n) for each register of [0, size), n of its lanes in use. Written as one loop, so that a long formula is in
// the code once or twice and not for every kind of remainder.
template <class T, class Body>
NERVE_INLINE void each_register(int64_t size, const Body& body) {
    constexpr int64_t width = vec<T>::size;
    int64_t i = 0;
    for (; i + width <= size; i += width) body(i, width);
    if (i < size) body(i, size - i);
}

// body(begin, end) over [0, size) in blocks that begin where registers of `out` are aligned, after what lies before the
// first of these: a register across two cache lines is stored at half the speed.
template <class T, class Body>
NERVE_INLINE void aligned_blocks(const T* out, int64_t size, const Body& body) {
    int64_t before = int64_t(-reinterpret_cast<uintptr_t>(out) % vector_bytes / sizeof(T));
    if (before > size) before = size;
    if (before > 0) body(0, before);
    parallel_blocks(size - before, block, [&](int64_t begin, int64_t end) { body(before + begin, before + end); });
}

// --- one operand

template <class T, class F>
void map(T* out, const T* x, int64_t size, F f) {
    aligned_blocks(out, size, [=](int64_t begin, int64_t end) {
        each_register<T>(end - begin, [=](int64_t i, int64_t n) NERVE_LAMBDA_INLINE {
            i += begin;
            store_some(out + i, f(load_some(x + i, n)), n);
        });
    });
}

template <class T, class F>
void map_backward(T* out, const T* grad, const T* x, const T* y, int64_t size, F f) {
    aligned_blocks(out, size, [=](int64_t begin, int64_t end) {
        each_register<T>(end - begin, [=](int64_t i, int64_t n) NERVE_LAMBDA_INLINE {
            i += begin;
            const vec<T> slope = f.derivative(load_some(x + i, n), load_some(y + i, n));
            store_some(out + i, load_some(grad + i, n) * slope, n);
        });
    });
}

// --- two operands

// out[i] = f(a[i], b[i]), where an operand that does not move is repeated.
template <bool a_moves, bool b_moves, class T, class Out, class F>
NERVE_NOINLINE void combine(Out* out, const T* a, const T* b, int64_t size, F f) {
    const vec<T> a0(*a), b0(*b);
    each_register<T>(size, [=](int64_t i, int64_t n) NERVE_LAMBDA_INLINE {
        const vec<T> left = a_moves ? load_operand(a + i, n) : a0;
        const vec<T> right = b_moves ? load_operand(b + i, n) : b0;
        store_some(out + i, f(left, right), n);
    });
}

template <class T, class Out, class F>
void combine_row(Out* out, const T* a, int64_t a_stride, const T* b, int64_t b_stride, int64_t size, F f) {
    if (a_stride != 0 && b_stride != 0) return combine<true, true>(out, a, b, size, f);
    if (a_stride != 0) return combine<true, false>(out, a, b, size, f);
    if (b_stride != 0) return combine<false, true>(out, a, b, size, f);
    combine<false, false>(out, a, b, size, f);
}

// One operand's rows [0, rows) of `columns` elements, as if they stood in memory one after another, for `rows` that fit
// into laid_out elements. Rows that do stand so are used in place, and those that repeat one row are laid out once, for
// the first and largest number of rows asked for.
template <class T>
struct Plane {
    T memory[laid_out + vec<T>::size];  // rows are stored in whole registers, and what is beyond one is overwritten
    const T* repeated = nullptr;

    const T* rows_from(const T* x, int64_t row_stride, int64_t stride, int64_t rows, int64_t columns) {
        if (row_stride == columns && stride == 1) return x;
        if (row_stride == 0 && repeated == x) return memory;
        repeated = row_stride == 0 ? x : nullptr;
        T* to = memory;
        for (int64_t row = 0; row < rows; ++row, x += row_stride, to += columns)
            each_register<T>(columns, [=](int64_t i, int64_t n) NERVE_LAMBDA_INLINE {
                store(to + i, stride == 0 ? vec<T>(*x) : load_some(x + i, n));
            });
        return memory;
    }
};

// Where two operands are at a position of the leading `rank` dimensions of a shape.
struct Position {
    const Broadcast& shape;
    int rank;
    int64_t index[max_rank], a = 0, b = 0;

    Position(const Broadcast& s, int r, int64_t at) : shape(s), rank(r) {
        for (int d = rank - 1; d >= 0; --d) {
            index[d] = at % shape.shape[d];
            at /= shape.shape[d];
            a += index[d] * shape.a_strides[d];
            b += index[d] * shape.b_strides[d];
        }
    }
    void next() {
        for (int d = rank - 1; d >= 0; --d) {
            a += shape.a_strides[d];
            b += shape.b_strides[d];
            if (++index[d] < shape.shape[d]) return;
            index[d] = 0;
            a -= shape.shape[d] * shape.a_strides[d];
            b -= shape.shape[d] * shape.b_strides[d];
        }
    }
};

// The last stride of an operand is 0 or 1 (shapes.h): what is broadcast was contiguous.
template <class T, class Out, class F>
void broadcast(Out* out, const T* a, const T* b, const Broadcast& shape, F f) {
    constexpr int last = max_rank - 1;
    const int64_t columns = shape.shape[last], rows = shape.shape[last - 1];
    const int64_t a_stride = shape.a_strides[last], b_stride = shape.b_strides[last];
    int64_t count = 1;  // of planes (rows, columns)
    for (int d = 0; d < last - 1; ++d) count *= shape.shape[d];
    if (count * rows * columns == 0) return;

    if (count * rows == 1)
        return aligned_blocks(out, columns, [=](int64_t begin, int64_t end) {
            combine_row(out + begin, a + begin * a_stride, a_stride, b + begin * b_stride, b_stride, end - begin, f);
        });
    if (columns >= short_row) {
        // A task is a piece of a long row, or several rows.
        const int64_t pieces = (columns + block - 1) / block, rows_at_once = pieces > 1 ? 1 : block / columns;
        const int64_t groups = (count * rows + rows_at_once - 1) / rows_at_once;
        return parallel(groups * pieces, [&](int64_t task) {
            const int64_t begin = task % pieces * block, left = columns - begin;
            int64_t row = task / pieces * rows_at_once, end = row + rows_at_once;
            if (end > count * rows) end = count * rows;
            Position at(shape, last, row);
            for (; row < end; ++row, at.next())
                combine_row(out + row * columns + begin, a + at.a + begin * a_stride, a_stride,
                            b + at.b + begin * b_stride, b_stride, left < block ? left : block, f);
        });
    }

    // A task is a stretch of rows of one plane, or several planes.
    const int64_t size = rows * columns, step = laid_out / columns;  // rows laid out at a time
    const int64_t stretch = block / laid_out * step, pieces = (rows + stretch - 1) / stretch;
    const int64_t planes_at_once = pieces > 1 ? 1 : (block + size - 1) / size;
    const int64_t groups = (count + planes_at_once - 1) / planes_at_once;
    const int64_t a_row = shape.a_strides[last - 1], b_row = shape.b_strides[last - 1];
    parallel(groups * pieces, [&](int64_t task) {
        Plane<T> a_plane, b_plane;
        const int64_t begin = task % pieces * stretch, stop = begin + stretch < rows ? begin + stretch : rows;
        int64_t plane = task / pieces * planes_at_once, end = plane + planes_at_once;
        if (end > count) end = count;
        Position at(shape, last - 1, plane);
        for (; plane < end; ++plane, at.next()) {
            for (int64_t row = begin; row < stop; row += step) {
                const int64_t some = row + step < stop ? step : stop - row;
                const T* left = a_plane.rows_from(a + at.a + row * a_row, a_row, a_stride, some, columns);
                const T* right = b_plane.rows_from(b + at.b + row * b_row, b_row, b_stride, some, columns);
                combine<true, true>(out + plane * size + row * columns, left, right, some * columns, f);
            }
        }
    });
}

}  // namespace

#define UNARY(name)                                                                     \
    template <class T>                                                                  \
    void name(T* out, const T* x, int64_t size) {                                       \
        map(out, x, size, functor::name{});                                             \
    }                                                                                   \
    template <class T>                                                                  \
    void name##_backward(T* out, const T* grad, const T* x, const T* y, int64_t size) { \
        map_backward(out, grad, x, y, size, functor::name{});                           \
    }
#define UNARY_ALPHA(name)                                                                             \
    template <class T>                                                                                \
    void name(T* out, const T* x, int64_t size, double alpha) {                                       \
        map(out, x, size, functor::name{alpha});                                                      \
    }                                                                                                 \
    template <class T>                                                                                \
    void name##_backward(T* out, const T* grad, const T* x, const T* y, int64_t size, double alpha) { \
        map_backward(out, grad, x, y, size, functor::name{alpha});                                    \
    }
#define BINARY(name)                                                    \
    template <class T>                                                  \
    void name(T* out, const T* a, const T* b, const Broadcast& shape) { \
        broadcast(out, a, b, shape, functor::name{});                   \
    }
#define COMPARE(name)                                                      \
    template <class T>                                                     \
    void name(bool* out, const T* a, const T* b, const Broadcast& shape) { \
        broadcast(out, a, b, shape, functor::name{});                      \
    }
#define KERNEL(...)
#include "kernels/elementwise.inc"
#undef KERNEL

template <class T>
void where(T* out, const bool* condition, const T* a, const T* b, int64_t size) {
    aligned_blocks(out, size, [=](int64_t begin, int64_t end) {
        each_register<T>(end - begin, [=](int64_t i, int64_t n) NERVE_LAMBDA_INLINE {
            i += begin;
            store_some(out + i, select(load_condition<T>(condition + i, n), load_some(a + i, n), load_some(b + i, n)),
                       n);
        });
    });
}

namespace {
template <class Out, class In>
void convert(Out* out, const In* x, int64_t size) {
    parallel_blocks(size, block, [=](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) out[i] = Out(x[i]);
    });
}
}  // namespace

template <class T>
void to_float32(float* out, const T* x, int64_t size) {
    convert(out, x, size);
}
template <class T>
void to_float64(double* out, const T* x, int64_t size) {
    convert(out, x, size);
}
template <class T>
void to_int64(int64_t* out, const T* x, int64_t size) {
    convert(out, x, size);
}
template <class T>
void from_int64(T* out, const int64_t* x, int64_t size) {
    convert(out, x, size);
}

}  // namespace nerve::NERVE_ISA

#define NERVE_FAMILY "kernels/elementwise.inc"
#include "cpu/instantiate.h"
