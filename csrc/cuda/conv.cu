// Convolution of NHWC images with HWIO kernels, and its two gradients, each as one product whose operands are looked up
// in place; the groups are the product's batch. Where a filter sees one channel of several, depthwise.cuh; of volumes,
// volumes.cuh.
#include "cuda/depthwise.cuh"
#include "cuda/gemm.cuh"
#include "cuda/volumes.cuh"

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

template <class T>
void conv3d(Stream stream, T* out, const T* x, const T* kernel, const T* bias, const Conv3DShape& shape,
            int64_t activation) {
    const Volumes s(shape);
    if (s.sees_itself()) return conv2d(stream, out, x, kernel, bias, s.images(), activation);
    const VolumeScratch<T> parts(s);
    launch(stream, planes_kernel<T>, loop_blocks(s.planes_size()), parts.planes_of(stream), x, s);
    launch(stream, turned_kernel<T, false>, loop_blocks(s.kernel_size()), parts.kernel_of(stream), kernel, s);
    conv2d<T>(parts.rest_of(stream), out, parts.planes_of(stream), parts.kernel_of(stream), bias, s.images(),
              activation);
}
template <class T>
int64_t conv3d_scratch(T* out, const T* x, const T* kernel, const T* bias, const Conv3DShape& shape,
                       int64_t activation) {
    const Volumes s(shape);
    return VolumeScratch<T>(s).bytes() + conv2d_scratch<T>(out, x, kernel, bias, s.images(), activation);
}

template <class T>
void conv3d_backward_input(Stream stream, T* grad_x, const T* grad, const T* kernel, const Conv3DShape& shape) {
    const Volumes s(shape);
    if (s.sees_itself()) return conv2d_backward_input(stream, grad_x, grad, kernel, s.images());
    const VolumeScratch<T> parts(s);
    launch(stream, turned_kernel<T, false>, loop_blocks(s.kernel_size()), parts.kernel_of(stream), kernel, s);
    conv2d_backward_input<T>(parts.rest_of(stream), parts.planes_of(stream), grad, parts.kernel_of(stream), s.images());
    launch(stream, planes_sum_kernel<T>, loop_blocks(s.batch * s.depth * s.pixels * s.channels), grad_x,
           parts.planes_of(stream), s);
}
template <class T>
int64_t conv3d_backward_input_scratch(T* grad_x, const T* grad, const T* kernel, const Conv3DShape& shape) {
    const Volumes s(shape);
    return VolumeScratch<T>(s).bytes() + conv2d_backward_input_scratch<T>(grad_x, grad, kernel, s.images());
}

template <class T>
void conv3d_backward_kernel(Stream stream, T* grad_kernel, const T* grad, const T* x, const Conv3DShape& shape) {
    const Volumes s(shape);
    if (s.sees_itself()) return conv2d_backward_kernel(stream, grad_kernel, grad, x, s.images());
    const VolumeScratch<T> parts(s);
    launch(stream, planes_kernel<T>, loop_blocks(s.planes_size()), parts.planes_of(stream), x, s);
    conv2d_backward_kernel<T>(parts.rest_of(stream), parts.kernel_of(stream), grad, parts.planes_of(stream),
                              s.images());
    launch(stream, turned_kernel<T, true>, loop_blocks(s.kernel_size()), grad_kernel, parts.kernel_of(stream), s);
}
template <class T>
int64_t conv3d_backward_kernel_scratch(T* grad_kernel, const T* grad, const T* x, const Conv3DShape& shape) {
    const Volumes s(shape);
    return VolumeScratch<T>(s).bytes() + conv2d_backward_kernel_scratch<T>(grad_kernel, grad, x, s.images());
}

}  // namespace nerve::cuda

#define NERVE_FAMILY "kernels/conv.inc"
#include "cuda/instantiate.cuh"
