// Included at the end of cpu/<family>.cpp, after `#define NERVE_FAMILY "kernels/<family>.inc"`: instantiates every
// kernel of that list for float and double, so that no file keeps a list of its own.
#define KERNEL(family, name, ...) template void name<T> __VA_ARGS__;

namespace nerve::NERVE_ISA {

#define T float
#include NERVE_FAMILY
#undef T

#define T double
#include NERVE_FAMILY
#undef T

}  // namespace nerve::NERVE_ISA
