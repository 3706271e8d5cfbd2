// Included at the end of cuda/<family>.cu, after `#define FAMILY_<family> FAMILY_HERE`: instantiates for float and
// double every launcher that kernels.inc lists under that family.
#define NERVE_LAUNCHER(name, ...) template void name<T>(Stream, NERVE_BARE __VA_ARGS__);

namespace nerve::cuda {

#define T float
#define KERNEL(family, name, ...) NERVE_IF_HERE(family, NERVE_LAUNCHER(name, __VA_ARGS__))
#include "kernels.inc"
#undef T

#define T double
#define KERNEL(family, name, ...) NERVE_IF_HERE(family, NERVE_LAUNCHER(name, __VA_ARGS__))
#include "kernels.inc"
#undef T

}  // namespace nerve::cuda
