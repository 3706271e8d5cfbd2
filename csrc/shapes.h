// What the signatures of kernels are made of. The sizes a kernel gets as one argument: each is a plain run of int64_t;
// Python passes a NamedTuple with the same fields in the same order (python/nerve/kernels/shapes.py), nested tuples for
// arrays.
#pragma once
#include <cstdint>

namespace nerve {

constexpr int max_rank = 8;

// A pointer that may be null; the bindings refuse None for every other.
template <class P>
using Nullable = P*;

// Row-major out of shape `shape` (leading ones up to max_rank); strides in elements, 0 where an operand is repeated.
struct Broadcast {
    int64_t shape[max_rank], a_strides[max_rank], b_strides[max_rank];
};

// out[out_offset + i . out_strides] = x[x_offset + i . x_strides] for every index i of `shape`; in elements.
struct CopyShape {
    int64_t shape[max_rank], out_strides[max_rank], x_strides[max_rank], out_offset, x_offset;
};

// out (batch, rows, columns); a is (rows, inner), or (inner, rows) when transposed; a batch stride of 0 repeats.
struct MatmulShape {
    int64_t batch, rows, columns, inner, a_batch_stride, b_batch_stride, transpose_a, transpose_b;
};

struct Conv2DShape {
    int64_t batch, height, width, channels;
    int64_t kernel_height, kernel_width, filters, groups;
    int64_t out_height, out_width;
    int64_t stride_height, stride_width, dilation_height, dilation_width;
    int64_t pad_top, pad_left;
};

struct Conv3DShape {
    int64_t batch, depth, height, width, channels;
    int64_t kernel_depth, kernel_height, kernel_width, filters, groups;
    int64_t out_depth, out_height, out_width;
    int64_t stride_depth, stride_height, stride_width, dilation_depth, dilation_height, dilation_width;
    int64_t pad_front, pad_top, pad_left;
};

struct Pool2DShape {
    int64_t batch, height, width, channels;
    int64_t pool_height, pool_width;
    int64_t out_height, out_width;
    int64_t stride_height, stride_width;
    int64_t pad_top, pad_left;
};

// The same over volumes NDHWC. Along an axis with a stride of 0 the windows are adaptive: pool and padding mean
// nothing.
struct Pool3DShape {
    int64_t batch, depth, height, width, channels;
    int64_t pool_depth, pool_height, pool_width;
    int64_t out_depth, out_height, out_width;
    int64_t stride_depth, stride_height, stride_width;
    int64_t pad_front, pad_top, pad_left;
};

// What lies outside an image: a value, the edge, the other side, or the image mirrored about its outermost pixels
// (d c b a b c d c) or their edges (c b a a b c d d).
enum class Fill : int64_t { constant = 0, nearest = 1, wrap = 2, mirror = 3, reflect = 4 };

// x (sizes..., inner), out (before + sizes + after..., inner); leading sizes of one up to max_rank. `fill` is constant,
// mirror or reflect, and no border but one of a number is wider than the mirrored elements.
struct PadShape {
    int64_t sizes[max_rank], before[max_rank], after[max_rank], inner, fill;
};

// Images NHWC, looked at between their pixels (bilinear = 1) or at the nearest one (0).
struct SampleShape {
    int64_t batch, height, width, channels;
    int64_t out_height, out_width;
    int64_t bilinear, fill;
};

// Images NHWC and their results; of how many rows and columns each row and column of a result is made.
struct ResizeShape {
    int64_t batch, height, width, channels;
    int64_t out_height, out_width;
    int64_t row_taps, column_taps;
};

// query and out (batch, query_length, heads, key_size or value_size), key and value (batch, key_length, key_heads,
// ...). mask element (b, h, i, j) at b mask_batch_stride + h mask_head_stride + i mask_query_stride + j.
struct AttentionShape {
    int64_t batch, query_length, key_length, heads, key_heads, key_size, value_size;
    int64_t mask_batch_stride, mask_head_stride, mask_query_stride;
};

// x (batch, time, features), states (batch, units).
struct RecurrentShape {
    int64_t batch, time, features, units, go_backwards;
};

// How far a row of x (rows, features) is from a row of y (columns, features).
enum class Metric : int64_t { sqeuclidean = 0, euclidean = 1, manhattan = 2, cosine = 3 };

struct DistanceShape {
    int64_t rows, columns, features, metric;
};

// A k-d tree of `points` points: leaves of `leaf_size` points each, the last one filled up with NaN, and their boxes.
struct TreeShape {
    int64_t points, features, leaf_size;
};

// Of the components of a mixture: a matrix each, one for all, a diagonal each (kernels/mixture.py).
enum class Covariance : int64_t { full = 0, tied = 1, diagonal = 2 };

// What a product applies to its result before storing it. Each derivative can be had from the output alone.
enum class Activation : int64_t { linear = 0, relu = 1, sigmoid = 2, tanh = 3 };

}  // namespace nerve
