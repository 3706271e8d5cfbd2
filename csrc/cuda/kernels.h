// The launchers of the CUDA kernels: those of kernels.inc, under the same names, with the stream in front. Pointers are
// to device memory, except lists of pointers and the sizes that come with them, which are read before a launcher
// returns. Needs no CUDA header, so the binding can include it.
#pragma once
#include <string>

#include "cuda/launch.h"
#include "cuda/scratch.h"

namespace nerve::cuda {

#define KERNEL(family, name, ...)                     \
    template <class T>                                \
    void name(Stream stream, NERVE_BARE __VA_ARGS__); \
    NERVE_IF_SCRATCH(name, NERVE_DECLARE_SCRATCH(name, __VA_ARGS__))
#include "kernels.inc"

// What went wrong in this thread's last launch; empty if nothing did.
std::string launch_error();
// The GPUs this process can use, or the reason why there are none, in words.
std::string status();
int device_count();

}  // namespace nerve::cuda
