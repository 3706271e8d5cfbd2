// Normalization: batch (norm_columns.cuh), layer and root mean square (norm_rows.cuh), group (norm_groups.cuh).
#include "cuda/norm_columns.cuh"
#include "cuda/norm_groups.cuh"
#include "cuda/norm_rows.cuh"

namespace nerve::cuda {

template <class T>
void layer_norm(Stream stream, T* out, T* mean, T* rstd, const T* x, const T* gamma, const T* beta, int64_t rows,
                int64_t columns, double epsilon) {
    normalize_rows(stream, out, mean, rstd, x, gamma, beta, rows, columns, epsilon, true);
}

template <class T>
void layer_norm_backward(Stream stream, T* grad_x, T* grad_gamma, T* grad_beta, const T* grad, const T* x,
                         const T* mean, const T* rstd, const T* gamma, int64_t rows, int64_t columns) {
    rows_backward(stream, grad_x, grad_gamma, grad_beta, grad, x, mean, rstd, gamma, rows, columns);
}
template <class T>
int64_t layer_norm_backward_scratch(T*, T*, T*, const T*, const T*, const T*, const T*, const T*, int64_t rows,
                                    int64_t columns) {
    return gamma_and_beta_scratch<T>(rows, columns);
}

template <class T>
void rms_norm(Stream stream, T* out, T* rstd, const T* x, const T* gamma, int64_t rows, int64_t columns,
              double epsilon) {
    T* none = nullptr;
    normalize_rows<T>(stream, out, none, rstd, x, gamma, none, rows, columns, epsilon, false);
}

template <class T>
void rms_norm_backward(Stream stream, T* grad_x, T* grad_gamma, const T* grad, const T* x, const T* rstd,
                       const T* gamma, int64_t rows, int64_t columns) {
    T* none = nullptr;
    rows_backward<T>(stream, grad_x, grad_gamma, none, grad, x, none, rstd, gamma, rows, columns);
}
template <class T>
int64_t rms_norm_backward_scratch(T*, T*, const T*, const T*, const T*, const T*, int64_t rows, int64_t columns) {
    return gamma_and_beta_scratch<T>(rows, columns);
}

template <class T>
void group_norm(Stream stream, T* out, T* mean, T* rstd, const T* x, const T* gamma, const T* beta, int64_t batch,
                int64_t positions, int64_t groups, int64_t channels, double epsilon) {
    const GroupParts p = group_parts<T>(batch, positions, groups, channels);
    const Room<Moments, T> room(stream.scratch, batch * groups, p.splits);
    const GroupForward<T> done{mean, rstd, room.numbers, x, p, epsilon};
    const int64_t blocks = batch * groups * p.splits;
    const bool aligned = whole_chunks(channels, x, out, x);
    launch(stream, group_moments_kernel<T>, blocks, room.parts, x, p, aligned, done);
    join_parts(stream, room.parts, batch * groups, p.splits, done);
    launch(stream, group_forward_kernel<T>, blocks, out, x, gamma, beta, p, aligned, done);
}
template <class T>
int64_t group_norm_scratch(T*, T*, T*, const T*, const T*, const T*, int64_t batch, int64_t positions, int64_t groups,
                           int64_t channels, double) {
    const int64_t splits = group_parts<T>(batch, positions, groups, channels).splits;
    return Room<Moments, T>::bytes(batch * groups, splits, 1);
}

template <class T>
void group_norm_backward(Stream stream, T* grad_x, T* grad_gamma, T* grad_beta, const T* grad, const T* x,
                         const T* mean, const T* rstd, const T* gamma, int64_t batch, int64_t positions, int64_t groups,
                         int64_t channels) {
    gamma_and_beta(stream, GradientTerms<T>{grad, x, mean, rstd, {positions, groups, channels}}, batch * positions,
                   groups * channels, GammaAndBeta<T>{grad_gamma, grad_beta});
    if (positions * channels == 0) return;
    const GroupParts p = group_parts<T>(batch, positions, groups, channels);
    const Room<Sums, T> room(stream.scratch, batch * groups, p.splits);
    const GroupBackward<T> done{room.numbers, room.numbers + batch * groups, p.size()};
    const int64_t blocks = batch * groups * p.splits;
    const bool aligned = whole_chunks(channels, x, grad, grad_x);
    launch(stream, group_sums_kernel<T>, blocks, room.parts, grad, x, mean, rstd, gamma, p, aligned, done);
    join_parts(stream, room.parts, batch * groups, p.splits, done);
    launch(stream, group_backward_kernel<T>, blocks, grad_x, grad, x, mean, rstd, gamma, p, aligned, done);
}
template <class T>
int64_t group_norm_backward_scratch(T*, T*, T*, const T*, const T*, const T*, const T*, const T*, int64_t batch,
                                    int64_t positions, int64_t groups, int64_t channels) {
    const int64_t splits = group_parts<T>(batch, positions, groups, channels).splits;
    const int64_t own = Room<Sums, T>::bytes(batch * groups, splits, 2);
    const int64_t before = gamma_and_beta_scratch<T>(batch * positions, groups * channels);
    return own > before ? own : before;
}

template <class T>
void batch_norm_training(Stream stream, T* out, T* mean, T* variance, const T* x, const T* gamma, const T* beta,
                         int64_t rows, int64_t channels, double epsilon) {
    if (rows == 0) return;
    const Strips s = strips_of<T>(rows, channels);
    const Room<Moments, T> room(stream.scratch, channels, s.splits);
    T *const scale = room.numbers, *const shift = scale + channels;
    const Training<T> done{mean, variance, scale, shift, x, gamma, beta, epsilon};
    const bool wide = whole_chunks(channels, x, out, x);
    launch(stream, column_moments_kernel<T, Training<T>>, s.blocks(), room.parts, x, s, wide, done);
    join_parts(stream, room.parts, channels, s.splits, done);
    launch(stream, affine_kernel<T>, s.blocks(), out, x, s, wide, Affine<T>{mean, scale, shift});
}
template <class T>
int64_t batch_norm_training_scratch(T*, T*, T*, const T*, const T*, const T*, int64_t rows, int64_t channels, double) {
    return Room<Moments, T>::bytes(channels, strips_of<T>(rows, channels).splits, 2);
}

template <class T>
void batch_norm_inference(Stream stream, T* out, const T* x, const T* mean, const T* variance, const T* gamma,
                          const T* beta, int64_t rows, int64_t channels, double epsilon) {
    const Strips s = strips_of<T>(rows, channels);
    launch(stream, affine_kernel<T>, s.blocks(), out, x, s, whole_chunks(channels, x, out, x),
           Affine<T>{mean, gamma, beta, variance, T(epsilon)});
}

template <class T>
void fold_batch_norm(Stream stream, T* folded_kernel, T* folded_bias, const T* kernel, const T* bias, const T* mean,
                     const T* variance, const T* gamma, const T* beta, int64_t rows, int64_t channels, double epsilon) {
    launch(stream, fold_kernel<T>, loop_blocks(channels + rows * channels), folded_kernel, folded_bias, kernel, bias,
           mean, variance, gamma, beta, rows, channels, epsilon);
}

template <class T>
void batch_norm_backward(Stream stream, T* grad_x, T* grad_gamma, T* grad_beta, const T* grad, const T* x,
                         const T* mean, const T* variance, const T* gamma, int64_t rows, int64_t channels,
                         double epsilon) {
    const Strips s = strips_of<T>(rows, channels);
    const Room<Sums, T> room(stream.scratch, channels, s.splits);
    T *const scale = room.numbers, *const slope = scale + channels, *const average = slope + channels;
    const GammaAndBeta<T> done{grad_gamma, grad_beta, variance, gamma, scale, slope, average, double(rows), epsilon};
    gamma_and_beta(stream, GradientTerms<T>{grad, x, mean, nullptr, of_channels()}, rows, channels, done);
    launch(stream, batch_backward_kernel<T>, s.blocks(), grad_x, grad, x, mean, s,
           whole_chunks(channels, x, grad, grad_x), done);
}
template <class T>
int64_t batch_norm_backward_scratch(T*, T*, T*, const T*, const T*, const T*, const T*, const T*, int64_t rows,
                                    int64_t channels, double) {
    return Room<Sums, T>::bytes(channels, strips_of<T>(rows, channels).splits, 3);
}

}  // namespace nerve::cuda

#define NERVE_FAMILY "kernels/norm.inc"
#include "cuda/instantiate.cuh"
