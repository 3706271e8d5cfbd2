// Products of float32 matrices by warpgroups (wgmma.cu), which only GPUs of compute capability 9.0 have.
#pragma once
#include "cuda/launch.h"

namespace nerve::cuda {

// Whether the GPU that launches go to is one (device.cu).
bool has_wgmma();

// Launches matmul (kernels/matmul.inc) if that GPU is one and the product is of the large ones that this is for; else
// returns false, having done nothing.
bool matmul_wgmma(Stream stream, float* out, const float* a, const float* b, const float* bias,
                  const MatmulShape& shape, int64_t activation);

}  // namespace nerve::cuda
