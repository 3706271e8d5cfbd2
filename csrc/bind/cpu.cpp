// _cpu: every kernel of kernels.inc under its own name, over NumPy arrays. The binding of each is made from its C++
// signature, so there is nothing to write here for a new kernel. Sizes are not checked: nerve.kernels does that.
#include <pybind11/gil_safe_call_once.h>
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <pybind11/typing.h>

#include <cstdio>
#include <map>

#include "bind/arguments.h"
#include "bind/recorded_call.h"
#include "runtime/cpu.h"
#include "runtime/memory.h"
#include "runtime/runtime.h"

namespace py = pybind11;

namespace nerve::bind {
namespace {

template <class T>
const Kernels<T>& active_kernels() {
    if constexpr (sizeof(T) == 4)
        return runtime::active_table().float32;
    else
        return runtime::active_table().float64;
}

// Elements in all arrays of a call from which on other Python threads may run meanwhile.
constexpr int64_t worth_releasing = 1 << 15;

template <class T, class... A, size_t... I>
void define(py::module_& module, const char* name, void (*Kernels<T>::*kernel)(A...), const char* signature,
            std::index_sequence<I...>) {
    auto names = argument_names(signature);
    module.def(
        name,
        [kernel, name](typename Argument<A>::type... arguments) {
            auto function = active_kernels<T>().*kernel;
            if (Recording* recording = Recording::current()) recording->append<A...>(name, function, arguments...);
            if ((Argument<A>::elements(arguments) + ...) >= worth_releasing) {
                py::gil_scoped_release release;
                function(Argument<A>::pass(arguments)...);
            } else {
                function(Argument<A>::pass(arguments)...);
            }
        },
        names.at(I).argument()...);
}

template <class T, class... A>
void define(py::module_& module, const char* name, void (*Kernels<T>::*kernel)(A...), const char* signature) {
    define(module, name, kernel, signature, std::index_sequence_for<A...>{});
}

template <class T>
void define_kernels(py::module_& module) {
#define KERNEL(family, name, ...) define<T>(module, #name, &Kernels<T>::name, #__VA_ARGS__);
#include "kernels.inc"
}

py::array empty(const py::typing::Tuple<py::int_, py::ellipsis>& shape, const py::dtype& dtype) {
    size_t bytes = size_t(dtype.itemsize());
    for (py::handle item : shape) {
        py::ssize_t extent = PyLong_AsSsize_t(item.ptr());
        if (extent == -1 && PyErr_Occurred() != nullptr) throw py::error_already_set();
        if (extent < 0) throw py::value_error("empty expects sizes >= 0, got " + std::to_string(extent));
        if (extent > 0 && bytes > SIZE_MAX / 8 / size_t(extent)) throw std::bad_alloc();
        bytes *= size_t(extent);
    }
    runtime::Block* block = runtime::allocate(bytes);
    if (block == nullptr) throw std::bad_alloc();
    py::capsule owner(block, [](void* data) { runtime::release(static_cast<runtime::Block*>(data)); });
    return py::array(dtype, shape.cast<std::vector<py::ssize_t>>(), std::vector<py::ssize_t>{}, block->data, owner);
}

bool in_range(const Buffer<const int64_t>& values, int64_t least, int64_t most) {
    return all_in_range(values.data, values.size, least, most);
}

std::string huge_pages() {
    std::string text = "not available on this system";
    if (FILE* file = std::fopen("/sys/kernel/mm/transparent_hugepage/enabled", "r")) {
        char line[128] = "";
        if (std::fgets(line, sizeof line, file) != nullptr) {
            text = line;
            while (!text.empty() && text.back() == '\n') text.pop_back();
        }
        std::fclose(file);
    }
    return text;
}

}  // namespace
}  // namespace nerve::bind

PYBIND11_MODULE(_cpu, module, py::mod_gil_not_used()) {
    using namespace nerve;
    module.doc() = "Kernels on the CPU, over NumPy arrays; see nerve.kernels for the public functions.";
    bind::define_recording(module);
    bind::define_kernels<float>(module);
    bind::define_kernels<double>(module);

    module.def("isa", [] { return std::string(runtime::active_table().isa); }, "The instruction set in use.");
    module.def("isas", &runtime::usable_isas, "The instruction sets usable here, lowest first.");
    module.def("set_isa", &runtime::set_isa, py::arg("name"), "Use the kernels of another instruction set.");
    module.def("cpu_features", &runtime::cpu_features, "What detection found, matrix units included.");
    module.def("matmul_precision", &runtime::matmul_precision, "The precision float32 products are to have.");
    module.def("set_matmul_precision", &runtime::set_matmul_precision, py::arg("name"),
               "Set the precision float32 products are to have.");
    module.def("matmul_pieces", &runtime::matmul_pieces, "What float32 products are made of now.");
    module.def("num_threads", &runtime::num_threads, "Threads a kernel may use.");
    module.def("set_num_threads", &runtime::set_num_threads, py::arg("threads"), "Set the threads a kernel may use.");
    module.def("default_num_threads", &runtime::default_num_threads,
               "Threads from OMP_NUM_THREADS, the affinity mask and the control group's quota.");
    module.def(
        "address", [](const py::array& array) { return reinterpret_cast<uintptr_t>(array.data()); }, py::arg("array"),
        "Where in memory the first element lies.");
    module.def("empty", &bind::empty, py::arg("shape"), py::arg("dtype"), "An uninitialised array from the arena.");
    module.def("in_range", &bind::in_range, py::arg("values"), py::arg("least"), py::arg("most"),
               "Whether every element of a contiguous int64 array lies in a range, its ends included.");
    module.def("empty_cache", &runtime::empty_cache, "Give unused large blocks back to the system.");
    module.def(
        "memory_stats",
        [] {
            auto statistics = runtime::memory_statistics();
            return std::map<std::string, size_t>{
                {"live", statistics.live}, {"cached", statistics.cached}, {"peak", statistics.peak}};
        },
        "Bytes in arrays handed out, waiting in the cache, and the most ever handed out.");
    module.def("huge_pages", &bind::huge_pages, "The system's setting for transparent huge pages.");
}
