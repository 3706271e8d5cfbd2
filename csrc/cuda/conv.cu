// Convolution of NHWC images with HWIO kernels, and its two gradients, each as one product whose operands are looked up
// in place; the groups are the product's batch. Where a filter sees one channel of several, depthwise.cuh.
#include "cuda/depthwise.cuh"
#include "cuda/gemm.cuh"

namespace nerve::cuda {

template <class T>
void conv2d(Stream stream, T* out, const T* x, const T* kernel, const T* bias, const Conv2DShape& shape,
            int64_t activation) {
    const Geometry s(shape);
    const Activation code = static_cast<Activation>(activation);
    if (is_depthwise(s))
        launch(stream, depthwise_kernel<T>, loop_blocks(s.places * s.filters), out, x, kernel, s,
               Epilogue<T>{bias, code});
    else
        multiply<T>(stream, ConvForward<T>(out, x, kernel, bias, s, code));
}
template <class T>
int64_t conv2d_scratch(T* out, const T* x, const T* kernel, const T* bias, const Conv2DShape& shape,
                       int64_t activation) {
    const Geometry s(shape);
    if (is_depthwise(s)) return 0;
    return product_scratch<T>(ConvForward<T>(out, x, kernel, bias, s, static_cast<Activation>(activation)));
}

template <class T>
void conv2d_backward_input(Stream stream, T* grad_x, const T* grad, const T* kernel, const Conv2DShape& shape) {
    const Geometry s(shape);
    if (is_depthwise(s))
        launch(stream, depthwise_input_kernel<T>, loop_blocks(s.batch * s.height * s.width * s.channels), grad_x, grad,
               kernel, s);
    else
        multiply<T>(stream, ConvBackwardInput<T>(grad_x, grad, kernel, s));
}
template <class T>
int64_t conv2d_backward_input_scratch(T* grad_x, const T* grad, const T* kernel, const Conv2DShape& shape) {
    const Geometry s(shape);
    return is_depthwise(s) ? 0 : product_scratch<T>(ConvBackwardInput<T>(grad_x, grad, kernel, s));
}

template <class T>
void conv2d_backward_kernel(Stream stream, T* grad_kernel, const T* grad, const T* x, const Conv2DShape& shape) {
    const Geometry s(shape);
    if (!is_depthwise(s)) return multiply<T>(stream, ConvBackwardKernel<T>(grad_kernel, grad, x, s));
    const int64_t splits = depthwise_splits(s), size = s.taps * s.filters;
    T* const partials = splits > 1 ? static_cast<T*>(stream.scratch) : grad_kernel;
    launch(stream, depthwise_taps_kernel<T>, s.taps * splits * divide_up(s.filters, warp), partials, grad, x, s,
           splits);
    if (splits > 1) launch(stream, add_parts_kernel<T>, loop_blocks(size), grad_kernel, partials, size, splits);
}
template <class T>
int64_t conv2d_backward_kernel_scratch(T* grad_kernel, const T* grad, const T* x, const Conv2DShape& shape) {
    const Geometry s(shape);
    if (!is_depthwise(s)) return product_scratch<T>(ConvBackwardKernel<T>(grad_kernel, grad, x, s));
    const int64_t splits = depthwise_splits(s);
    return splits > 1 ? splits * s.taps * s.filters * int64_t(sizeof(T)) : 0;
}

}  // namespace nerve::cuda

#define NERVE_FAMILY "kernels/conv.inc"
#include "cuda/instantiate.cuh"
