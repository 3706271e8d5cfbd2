// Included at the end of cuda/<family>.cu, after `#define NERVE_FAMILY "kernels/<family>.inc"`: instantiates the
// launcher of every kernel of that list for float and double, and what says how much scratch memory it needs.
#include "cuda/scratch.h"

#define INSTANTIATE_SCRATCH(name, ...) template int64_t name##_scratch<T>(NERVE_BARE __VA_ARGS__);
#define KERNEL(family, name, ...)                          \
    template void name<T>(Stream, NERVE_BARE __VA_ARGS__); \
    NERVE_IF_SCRATCH(name, INSTANTIATE_SCRATCH(name, __VA_ARGS__))

namespace nerve::cuda {

#define T float
#include NERVE_FAMILY
#undef T

#define T double
#include NERVE_FAMILY
#undef T

}  // namespace nerve::cuda
