// Included at the end of cuda/<family>.cu, after `#define NERVE_FAMILY "kernels/<family>.inc"`: instantiates the launcher
// of every kernel of that list for float and double.
#define KERNEL(family, name, ...) template void name<T>(Stream, NERVE_BARE __VA_ARGS__);

namespace nerve::cuda {

#define T float
#include NERVE_FAMILY
#undef T

#define T double
#include NERVE_FAMILY
#undef T

}  // namespace nerve::cuda
