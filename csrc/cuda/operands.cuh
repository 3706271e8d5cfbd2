// Operands of a product (gemm.cuh) that lie in memory as matrices, and what is done to its results.
#pragma once
#include "cuda/multiply.cuh"

namespace nerve::cuda {

// Element (index, k) of an operand: index is a row of the left one or a column of the right one. With along_k a line in
// memory is an index, else a k. `wide`: chunks are aligned, and either whole or outside.
template <class T, bool along_k_>
struct Matrix {
    static constexpr bool along_k = along_k_;
    const T* data;
    int64_t lines, length;  // of a line
    int64_t batch_stride, line_stride, element_stride;
    bool wide;

    Matrix(const T* data, int64_t lines, int64_t length, int64_t batch_stride, int64_t line_stride,
           int64_t element_stride = 1)
        : data(data),
          lines(lines),
          length(length),
          batch_stride(batch_stride),
          line_stride(line_stride),
          element_stride(element_stride),
          wide(element_stride == 1 && is_wide(data, length, batch_stride, line_stride)) {}

    static bool is_wide(const T* data, int64_t length, int64_t batch_stride, int64_t line_stride) {
        return reinterpret_cast<uintptr_t>(data) % 16 == 0 && length % chunk<T> == 0 && batch_stride % chunk<T> == 0 &&
               line_stride % chunk<T> == 0;
    }

    __device__ Matrix of_batch(int64_t batch) const {
        Matrix m = *this;
        m.data += batch * batch_stride;
        return m;
    }

    // `count` chunks of lines `spread` apart, as they move along k.
    template <int count, int spread>
    struct Cursor {
        const T* from;
        int64_t line, begin;

        __device__ void start(const Matrix& m, int64_t index, int64_t k) {
            line = along_k ? index : k;
            begin = along_k ? k : index;
            from = m.data + line * m.line_stride + begin * m.element_stride;
        }
        // Element e of chunk i, or null outside of the matrix.
        __device__ const T* find(const Matrix& m, int i, int e) const {
            const bool inside = line + i * spread < m.lines && begin + e < m.length;
            return inside ? from + i * spread * m.line_stride + e * m.element_stride : nullptr;
        }
        __device__ void next(const Matrix& m) {
            (along_k ? begin : line) += slice;
            from += slice * (along_k ? m.element_stride : m.line_stride);
        }
    };
};

// An operand whose elements At finds: at(index, k) gives an address, or null for zero.
template <class T, bool along_k_, class At>
struct Lookup {
    static constexpr bool along_k = along_k_, wide = false;
    const T* data;  // anything that can be read
    int64_t indices, inner;
    At at;

    template <int count, int spread>
    struct Cursor {
        int64_t index, k;
        __device__ void start(const Lookup&, int64_t from_index, int64_t from_k) { index = from_index, k = from_k; }
        __device__ const T* find(const Lookup& all, int i, int e) const {
            const int64_t here = index + (along_k ? i * spread : e), k_here = k + (along_k ? e : i * spread);
            return here < all.indices && k_here < all.inner ? all.at(here, k_here) : nullptr;
        }
        __device__ void next(const Lookup&) { k += slice; }
    };
};

// A single product of such operands; to(row, column) is where a result goes.
template <class T, class Left, class Right, class To>
struct LookupProduct {
    using A = Left;
    using B = Right;
    A a;
    B b;
    To to;
    int64_t batch, rows, columns;
    bool wide_out;

    LookupProduct(const A& a, const B& b, const To& to)
        : a(a), b(b), to(to), batch(1), rows(a.indices), columns(b.indices), wide_out(false) {}

    bool may_split() const { return true; }
    __host__ __device__ int64_t inner(int64_t) const { return a.inner; }
    __device__ const A& left(int64_t) const { return a; }
    __device__ const B& right(int64_t) const { return b; }
    __device__ T epilogue(int64_t, int64_t, T value) const { return value; }
    __device__ T* out(int64_t, int64_t row, int64_t column) const { return to(row, column); }
};

// bias (may be null) and activation, as a result is stored
template <class T>
struct Epilogue {
    const T* bias;
    Activation activation;

    __device__ T operator()(T value, int64_t column) const {
        if (bias != nullptr) value += bias[column];
        switch (activation) {
            case Activation::relu:
                return value < T(0) ? T(0) : value;
            case Activation::sigmoid:
                return math::sigmoid(value);
            case Activation::tanh:
                return math::tanh(value);
            default:
                return value;
        }
    }
};

}  // namespace nerve::cuda
