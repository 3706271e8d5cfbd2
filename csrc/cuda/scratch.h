// Which kernels of kernels.inc there are on the GPU, and which of them work in memory of their own.
#pragma once

// CMake defines FAMILY_<family> as FAMILY_HERE for the families with a .cu file. NERVE_IF_HERE(family, then) is `then`
// for these, and nothing for the others.
#define FAMILY_HERE ~, 1
#define NERVE_SECOND(first, second, ...) second
#define NERVE_IS_HERE(...) NERVE_SECOND(__VA_ARGS__, 0, 0)
#define NERVE_CAT_(a, b) a##b
#define NERVE_CAT(a, b) NERVE_CAT_(a, b)
#define NERVE_IF_0(...)
#define NERVE_IF_1(...) __VA_ARGS__
#define NERVE_IF_HERE(family, ...) NERVE_CAT(NERVE_IF_, NERVE_IS_HERE(FAMILY_##family))(__VA_ARGS__)

// The kernels that work in memory of their own: name##_scratch has the kernel's arguments and says how many bytes they
// need, which may be none. Stream::scratch has them when the kernel is called.
#define SCRATCH_matmul FAMILY_HERE
#define SCRATCH_matmul_packed FAMILY_HERE
#define SCRATCH_conv2d FAMILY_HERE
#define SCRATCH_conv2d_backward_input FAMILY_HERE
#define SCRATCH_conv2d_backward_kernel FAMILY_HERE
#define SCRATCH_conv3d FAMILY_HERE
#define SCRATCH_conv3d_backward_input FAMILY_HERE
#define SCRATCH_conv3d_backward_kernel FAMILY_HERE
#define SCRATCH_lstm_backward FAMILY_HERE
#define SCRATCH_gru_backward FAMILY_HERE
#define SCRATCH_simple_rnn_backward FAMILY_HERE
#define SCRATCH_batch_norm_training FAMILY_HERE
#define SCRATCH_batch_norm_backward FAMILY_HERE
#define SCRATCH_layer_norm_backward FAMILY_HERE
#define SCRATCH_rms_norm_backward FAMILY_HERE
#define SCRATCH_group_norm FAMILY_HERE
#define SCRATCH_group_norm_backward FAMILY_HERE
#define SCRATCH_sum FAMILY_HERE
#define SCRATCH_mean FAMILY_HERE
#define SCRATCH_max FAMILY_HERE
#define SCRATCH_min FAMILY_HERE
#define SCRATCH_argmax FAMILY_HERE
#define SCRATCH_argmin FAMILY_HERE
#define SCRATCH_kmeans_assign FAMILY_HERE
#define SCRATCH_kmeans_plusplus_step FAMILY_HERE
#define SCRATCH_elkan_assign FAMILY_HERE
#define SCRATCH_pairwise_distances FAMILY_HERE
#define SCRATCH_nearest_neighbors FAMILY_HERE
#define SCRATCH_radius_counts FAMILY_HERE
#define SCRATCH_radius_neighbors FAMILY_HERE
#define NERVE_IF_SCRATCH(name, ...) NERVE_CAT(NERVE_IF_, NERVE_IS_HERE(SCRATCH_##name))(__VA_ARGS__)
#define NERVE_DECLARE_SCRATCH(name, ...) \
    template <class T>                   \
    int64_t name##_scratch(NERVE_BARE __VA_ARGS__);
