// Images of another size, a thread for each element of the result.
#include "cuda/common.cuh"

namespace nerve::cuda {
namespace {

template <class T>
__global__ void resize_kernel(T* out, const T* x, const int64_t* row_starts, const T* row_weights,
                              const int64_t* column_starts, const T* column_weights, ResizeShape s, int64_t size) {
    for (int64_t element = first_index(); element < size; element += index_step()) {
        const int64_t c = element % s.channels, pixel = element / s.channels;
        const int64_t j = pixel % s.out_width, line = pixel / s.out_width;
        const int64_t i = line % s.out_height, image = line / s.out_height;
        const int64_t row = image * s.height + row_starts[i], column = column_starts[j];
        T value = 0;
        for (int64_t k = 0; k < s.row_taps; ++k) {
            const T* from = x + ((row + k) * s.width + column) * s.channels + c;
            T across = 0;
            for (int64_t l = 0; l < s.column_taps; ++l)
                across = math::fma(column_weights[j * s.column_taps + l], from[l * s.channels], across);
            value = math::fma(row_weights[i * s.row_taps + k], across, value);
        }
        out[element] = value;
    }
}

}  // namespace

template <class T>
void resize(Stream stream, T* out, const T* x, const int64_t* row_starts, const T* row_weights,
            const int64_t* column_starts, const T* column_weights, const ResizeShape& shape) {
    const int64_t size = shape.batch * shape.out_height * shape.out_width * shape.channels;
    launch(stream, resize_kernel<T>, loop_blocks(size), out, x, row_starts, row_weights, column_starts, column_weights,
           shape, size);
}

}  // namespace nerve::cuda

#define NERVE_FAMILY "kernels/resizing.inc"
#include "cuda/instantiate.cuh"
