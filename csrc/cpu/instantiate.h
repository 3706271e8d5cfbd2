// Included at the end of cpu/<family>.cpp, after `#define FAMILY_<family> FAMILY_HERE`: instantiates for float and
// double every kernel that kernels.inc lists under that family, so that no file keeps a list of its own.
#define FAMILY_HERE ~, 1
#define NERVE_SECOND(first, second, ...) second
#define NERVE_IS_HERE(...) NERVE_SECOND(__VA_ARGS__, 0, 0)
#define NERVE_CAT_(a, b) a##b
#define NERVE_CAT(a, b) NERVE_CAT_(a, b)
#define NERVE_INSTANTIATE_0(name, ...)
#define NERVE_INSTANTIATE_1(name, ...) template void name<T> __VA_ARGS__;

namespace nerve::NERVE_ISA {

#define T float
#define KERNEL(family, name, ...) NERVE_CAT(NERVE_INSTANTIATE_, NERVE_IS_HERE(FAMILY_##family))(name, __VA_ARGS__)
#include "kernels.inc"
#undef T

#define T double
#define KERNEL(family, name, ...) NERVE_CAT(NERVE_INSTANTIATE_, NERVE_IS_HERE(FAMILY_##family))(name, __VA_ARGS__)
#include "kernels.inc"
#undef T

}  // namespace nerve::NERVE_ISA
