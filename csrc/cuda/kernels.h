// The launchers of the CUDA kernels: those of kernels.inc, under the same names, with the stream in front. Pointers are
// to device memory, except lists of pointers and the sizes that come with them, which are read before a launcher
// returns. Needs no CUDA header, so the binding can include it.
#pragma once
#include <string>

#include "cuda/launch.h"

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

namespace nerve::cuda {

#define KERNEL(family, name, ...) \
    template <class T>            \
    void name(Stream stream, NERVE_BARE __VA_ARGS__);
#include "kernels.inc"

// What went wrong in this thread's last launch; empty if nothing did.
std::string launch_error();
// The GPUs this process can use, or the reason why there are none, in words.
std::string status();
int device_count();

}  // namespace nerve::cuda
