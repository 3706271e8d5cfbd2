// _cuda: every kernel of kernels.inc that has a CUDA file, as <name>_float32 and <name>_float64: first the stream, then
// the kernel's arguments, pointers as integers. nerve.kernels._cupy puts CuPy arrays in front of it.
#include <pybind11/pybind11.h>

#include <cstdint>
#include <string>
#include <vector>

#include "bind/arguments.h"
#include "cuda/kernels.h"

namespace py = pybind11;

namespace nerve::bind {
namespace {

// An address in device memory, or None.
template <class P>
struct Address {
    P* data = nullptr;
};

template <class P>
struct AddressList {
    std::vector<P*> data;
    bool none = false;
};

template <class A>
struct DeviceArgument : Argument<A> {};  // numbers and sizes are taken as on the CPU

template <class P>
struct DeviceArgument<P*> {
    using type = Address<P>;
    static P* pass(const type& address) { return address.data; }
};

template <class P>
struct DeviceArgument<P* const*> {
    using type = AddressList<P>;
    static P* const* pass(const type& list) { return list.none ? nullptr : list.data.data(); }
};

template <class... A, size_t... I>
void define(py::module_& module, const std::string& op, const char* dtype, void (*launcher)(cuda::Stream, A...),
            const char* signature, std::index_sequence<I...>) {
    auto names = argument_names(signature);
    module.def((op + dtype).c_str(),
               [op, launcher](std::uintptr_t stream, typename DeviceArgument<A>::type... arguments) {
                   launcher(reinterpret_cast<cuda::Stream>(stream), DeviceArgument<A>::pass(arguments)...);
                   if (std::string error = cuda::launch_error(); !error.empty())
                       py::set_error(py::module_::import("nerve.errors").attr("DeviceError"),
                                     ("[" + op + "] could not be launched on the GPU: " + error).c_str());
                   else
                       return;
                   throw py::error_already_set();
               },
               py::arg("stream"), py::arg(names.at(I).c_str())...);
}

template <class... A>
void define(py::module_& module, const char* op, const char* dtype, void (*launcher)(cuda::Stream, A...),
            const char* signature) {
    define(module, op, dtype, launcher, signature, std::index_sequence_for<A...>{});
}

}  // namespace
}  // namespace nerve::bind

namespace pybind11::detail {

template <class P>
struct type_caster<nerve::bind::Address<P>> {
    PYBIND11_TYPE_CASTER(nerve::bind::Address<P>, const_name("int | None"));
    bool load(handle source, bool) { return load_address(source, value.data); }

    static bool load_address(handle source, P*& data) {
        if (source.is_none()) return true;
        if (!PyLong_Check(source.ptr())) return false;
        data = static_cast<P*>(PyLong_AsVoidPtr(source.ptr()));
        if (!PyErr_Occurred()) return true;
        PyErr_Clear();
        return false;
    }
};

template <class P>
struct type_caster<nerve::bind::AddressList<P>> {
    PYBIND11_TYPE_CASTER(nerve::bind::AddressList<P>, const_name("list[int] | None"));
    bool load(handle source, bool) {
        value.none = source.is_none();
        if (value.none) return true;
        if (!PyList_Check(source.ptr())) return false;
        for (handle item : reinterpret_borrow<list>(source)) {
            P* data = nullptr;
            if (!type_caster<nerve::bind::Address<P>>::load_address(item, data)) return false;
            value.data.push_back(data);
        }
        return true;
    }
};

}  // namespace pybind11::detail

PYBIND11_MODULE(_cuda, module, py::mod_gil_not_used()) {
    using namespace nerve;
    module.doc() = "Kernels on the GPU, over addresses in device memory; see nerve.kernels for the public functions.";
#define DEFINE(name, signature)                                             \
    bind::define(module, #name, "_float32", &cuda::name<float>, signature); \
    bind::define(module, #name, "_float64", &cuda::name<double>, signature);
#define KERNEL(family, name, ...) NERVE_IF_HERE(family, DEFINE(name, #__VA_ARGS__))
#include "kernels.inc"

    module.def("status", &cuda::status, "The GPUs that can be used, or the reason why there are none, in words.");
    module.def("device_count", &cuda::device_count, "GPUs that can be used.");
}
