// _cuda: every kernel of kernels.inc that has a CUDA file, under its own name: first the dtype and the stream, then the
// kernel's arguments, pointers as integers. Some have a <name>_scratch beside them, which says for the same arguments
// how many bytes of memory the kernel is to be given as `scratch`. nerve.kernels._cupy puts CuPy arrays in front of it.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bind/arguments.h"
#include "cuda/graph.h"
#include "cuda/kernels.h"

namespace py = pybind11;

namespace nerve::bind {
namespace {

// An address in device memory, or None.
struct Address {
    void* data = nullptr;
};

struct AddressList {
    std::vector<void*> data;
    bool none = false;
};

template <class A>
struct DeviceArgument : Argument<A> {};  // numbers and sizes are taken as on the CPU

template <class P>
struct DeviceArgument<P*> {
    using type = Address;
    static P* pass(const type& address) { return static_cast<P*>(address.data); }
};

template <class P>
struct DeviceArgument<P* const*> {
    using type = AddressList;
    static P* const* pass(const type& list) {
        return list.none ? nullptr : reinterpret_cast<P* const*>(list.data.data());
    }
};

[[noreturn]] void fail(const char* type, const std::string& message) {
    py::set_error(py::module_::import("nerve.errors").attr(type), message.c_str());
    throw py::error_already_set();
}

// float32() or float64(), as the dtype says.
template <class F, class D>
auto choose(const std::string& op, std::string_view dtype, const F& float32, const D& float64) {
    if (dtype == "float32") return float32();
    if (dtype == "float64") return float64();
    fail("DTypeError", "[" + op + "] expects float32 or float64, got " + std::string(dtype));
}

// A and B differ in float and double only, which Python does not see. With `scratch` a kernel also takes memory of its
// own, and the precision of products.
template <bool scratch, class... A, class... B, size_t... I>
void define(py::module_& module, const std::string& op, void (*float32)(cuda::Stream, A...),
            void (*float64)(cuda::Stream, B...), const char* signature, std::index_sequence<I...>) {
    auto names = argument_names(signature);
    const auto call = [=](std::string_view dtype, const cuda::Stream& stream,
                          const typename DeviceArgument<A>::type&... arguments) {
        choose(
            op, dtype, [&] { float32(stream, DeviceArgument<A>::pass(arguments)...); },
            [&] { float64(stream, DeviceArgument<B>::pass(arguments)...); });
        if (std::string error = cuda::launch_error(); !error.empty())
            fail("DeviceError", "[" + op + "] could not be launched on the GPU: " + error);
    };
    if constexpr (scratch)
        module.def(
            op.c_str(),
            [=](std::string_view dtype, std::uintptr_t stream, const typename DeviceArgument<A>::type&... arguments,
                const Address& memory, int64_t precision) {
                call(dtype,
                     {reinterpret_cast<CUstream_st*>(stream), memory.data, static_cast<cuda::Precision>(precision)},
                     arguments...);
            },
            py::arg("dtype"), py::arg("stream"), names.at(I).argument()..., py::kw_only(),
            py::arg("scratch") = py::none(), py::arg("precision") = int64_t(cuda::Precision::high));
    else
        module.def(
            op.c_str(),
            [=](std::string_view dtype, std::uintptr_t stream, const typename DeviceArgument<A>::type&... arguments) {
                call(dtype, {reinterpret_cast<CUstream_st*>(stream)}, arguments...);
            },
            py::arg("dtype"), py::arg("stream"), names.at(I).argument()...);
}

template <class... A, class... B, size_t... I>
void define_scratch(py::module_& module, const std::string& op, int64_t (*float32)(A...), int64_t (*float64)(B...),
                    const char* signature, std::index_sequence<I...>) {
    auto names = argument_names(signature);
    module.def((op + "_scratch").c_str(),
               [=](std::string_view dtype, const typename DeviceArgument<A>::type&... arguments) {
                   return choose(
                       op, dtype, [&] { return float32(DeviceArgument<A>::pass(arguments)...); },
                       [&] { return float64(DeviceArgument<B>::pass(arguments)...); });
               },
               py::arg("dtype"), names.at(I).argument()...);
}

template <bool scratch, class... A, class... B>
void define(py::module_& module, const char* op, void (*float32)(cuda::Stream, A...),
            void (*float64)(cuda::Stream, B...), const char* signature) {
    define<scratch>(module, op, float32, float64, signature, std::index_sequence_for<A...>{});
}

template <class... A, class... B>
void define_scratch(py::module_& module, const char* op, int64_t (*float32)(A...), int64_t (*float64)(B...),
                    const char* signature) {
    define_scratch(module, op, float32, float64, signature, std::index_sequence_for<A...>{});
}

}  // namespace
}  // namespace nerve::bind

namespace pybind11::detail {

inline bool load_address(handle source, void*& data) {
    if (source.is_none()) return true;
    if (!PyLong_Check(source.ptr())) return false;
    data = PyLong_AsVoidPtr(source.ptr());
    if (!PyErr_Occurred()) return true;
    PyErr_Clear();
    return false;
}

template <>
struct type_caster<nerve::bind::Address> {
    PYBIND11_TYPE_CASTER(nerve::bind::Address, const_name("int | None"));
    bool load(handle source, bool) { return load_address(source, value.data); }
};

template <>
struct type_caster<nerve::bind::AddressList> {
    PYBIND11_TYPE_CASTER(nerve::bind::AddressList, const_name("list[int] | None"));
    bool load(handle source, bool) {
        value.none = source.is_none();
        if (value.none) return true;
        if (!PyList_Check(source.ptr())) return false;
        for (handle item : reinterpret_borrow<list>(source))
            if (!load_address(item, value.data.emplace_back(nullptr))) return false;
        return true;
    }
};

}  // namespace pybind11::detail

PYBIND11_MODULE(_cuda, module, py::mod_gil_not_used()) {
    using namespace nerve;
    module.doc() = "Kernels on the GPU, over addresses in device memory; see nerve.kernels for the public functions.";
#define DEFINE_SCRATCH(name, signature) \
    bind::define_scratch(module, #name, &cuda::name##_scratch<float>, &cuda::name##_scratch<double>, signature);
#define DEFINE(name, signature)                                                                                     \
    bind::define<NERVE_IS_HERE(SCRATCH_##name)>(module, #name, &cuda::name<float>, &cuda::name<double>, signature); \
    NERVE_IF_SCRATCH(name, DEFINE_SCRATCH(name, signature))
#define KERNEL(family, name, ...) NERVE_IF_HERE(family, DEFINE(name, #__VA_ARGS__))
#include "kernels.inc"

    module.def("note_nodes", &cuda::note_nodes, "Note which node of a capture each launch of this thread becomes.");
    module.def("noted_nodes", &cuda::noted_nodes, "These nodes; no further ones are noted.");
    module.def("replace_arguments", &cuda::replace_arguments, py::arg("executable"), py::arg("nodes"),
               "Let launches of this thread give their arguments to these nodes of a graph instead.");
    module.def("launch_again", &cuda::launch_again, "Let launches of this thread be launches again.");
    module.def("status", &cuda::status, "The GPUs that can be used, or the reason why there are none, in words.");
    module.def("device_count", &cuda::device_count, "GPUs that can be used.");
}
