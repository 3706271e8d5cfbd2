// How one C++ argument of a kernel is taken from Python: Argument<A>::type has a type_caster, pass() gives the kernel
// its value, elements() how many array elements it brings, note() tells a recording (bind/recording.h) what it is.
#pragma once
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

#include "bind/recording.h"
#include "kernels.h"

namespace nerve::bind {

// A C-contiguous NumPy array of exactly P's type (writeable unless P is const), or None.
template <class P>
struct Buffer {
    P* data = nullptr;
    int64_t size = 0;
    PyObject* array = nullptr;
};

template <class P>
struct BufferList {
    std::vector<P*> data;
    std::vector<Buffer<P>> arrays;
    int64_t size = 0;
    bool none = false;
};

// A number, or a cell that holds one.
template <class A>
struct Number {
    A value{};
    std::shared_ptr<runtime::Cell> cell;
};

// A struct of int64_t, from a tuple of as many integers, nested as may be.
template <class S>
struct Sizes {
    S value{};
};

template <class A>
struct Argument {
    using type = Number<A>;
    static A pass(const type& number) { return number.cell ? number.cell->template get<A>() : number.value; }
    static int64_t elements(const type&) { return 0; }
    static void note(type& number, Notes& notes) {
        if (!number.cell) notes.number(&number.value, sizeof(A));
    }
};

template <class P>
struct Argument<P*> {
    using type = Buffer<P>;
    static P* pass(const type& buffer) { return buffer.data; }
    static int64_t elements(const type& buffer) { return buffer.size; }
    static void note(type& buffer, Notes& notes) { notes.array(buffer.data, buffer.size, buffer.array); }
};

template <class P>
struct Argument<P* const*> {
    using type = BufferList<P>;
    static P* const* pass(const type& list) { return list.none ? nullptr : list.data.data(); }
    static int64_t elements(const type& list) { return list.size; }
    static void note(type& list, Notes& notes) {
        for (size_t i = 0; i < list.data.size(); ++i)
            notes.array(list.data[i], list.arrays[i].size, list.arrays[i].array);
    }
};

template <class S>
struct Argument<const S&> {
    using type = Sizes<S>;
    static const S& pass(const type& sizes) { return sizes.value; }
    static int64_t elements(const type&) { return 0; }
    static void note(type& sizes, Notes& notes) { notes.number(&sizes.value, sizeof(S)); }
};

struct Name {
    std::string text;
    bool nullable;

    pybind11::arg argument() const { return pybind11::arg(text.c_str()).none(nullable); }
};

// "(T * out, const T* x, Nullable<const T> bias)" -> out, x, and bias, which may be None
inline std::vector<Name> argument_names(const std::string& signature) {
    std::vector<Name> names;
    for (size_t start = 0, end; (end = signature.find_first_of(",)", start)) != std::string::npos; start = end + 1) {
        size_t begin = signature.find_last_of(" *&", end - 1) + 1;
        bool nullable = signature.substr(start, begin - start).find("Nullable<") != std::string::npos;
        names.push_back({signature.substr(begin, end - begin), nullable});
    }
    return names;
}

}  // namespace nerve::bind

namespace pybind11::detail {

template <class P>
struct array_type_name {
    using T = std::remove_const_t<P>;
    static constexpr auto of() {
        if constexpr (std::is_same_v<T, float>)
            return const_name("numpy.typing.NDArray[numpy.float32]");
        else if constexpr (std::is_same_v<T, double>)
            return const_name("numpy.typing.NDArray[numpy.float64]");
        else if constexpr (std::is_same_v<T, bool>)
            return const_name("numpy.typing.NDArray[numpy.bool_]");
        else if constexpr (std::is_same_v<T, uint8_t>)
            return const_name("numpy.typing.NDArray[numpy.uint8]");
        else if constexpr (std::is_same_v<T, int32_t>)
            return const_name("numpy.typing.NDArray[numpy.int32]");
        else
            return const_name("numpy.typing.NDArray[numpy.int64]");
    }
};

// NumPy's number for T; NumPy has two for some integers.
template <class T>
bool is_type(int number) {
    if constexpr (std::is_same_v<T, float>) return number == npy_api::NPY_FLOAT_;
    if constexpr (std::is_same_v<T, double>) return number == npy_api::NPY_DOUBLE_;
    if constexpr (std::is_same_v<T, bool>) return number == npy_api::NPY_BOOL_;
    if constexpr (std::is_same_v<T, uint8_t>) return number == npy_api::NPY_UBYTE_;
    if constexpr (std::is_same_v<T, int32_t>)
        return number == npy_api::NPY_INT_ || (sizeof(long) == 4 && number == npy_api::NPY_LONG_);
    if constexpr (std::is_same_v<T, int64_t>)
        return number == npy_api::NPY_LONGLONG_ || (sizeof(long) == 8 && number == npy_api::NPY_LONG_);
}

template <class P>
bool load_array(handle source, P*& data, int64_t& size) {
    if (!npy_api::get().PyArray_Check_(source.ptr())) return false;
    auto* proxy = array_proxy(source.ptr());
    auto* type = array_descriptor_proxy(proxy->descr);
    if (!is_type<std::remove_const_t<P>>(type->type_num) || type->byteorder == '>') return false;
    constexpr int read = npy_api::NPY_ARRAY_C_CONTIGUOUS_ | npy_api::NPY_ARRAY_ALIGNED_;
    constexpr int needed = std::is_const_v<P> ? read : read | npy_api::NPY_ARRAY_WRITEABLE_;
    if ((proxy->flags & needed) != needed) return false;
    data = reinterpret_cast<P*>(proxy->data);
    size = 1;
    for (int i = 0; i < proxy->nd; ++i) size *= proxy->dimensions[i];
    return true;
}

template <class P>
struct type_caster<nerve::bind::Buffer<P>> {
    PYBIND11_TYPE_CASTER(nerve::bind::Buffer<P>, array_type_name<P>::of() + const_name(" | None"));
    bool load(handle source, bool) {
        value.array = source.ptr();
        return source.is_none() || load_array(source, value.data, value.size);
    }
};

template <class P>
struct type_caster<nerve::bind::BufferList<P>> {
    PYBIND11_TYPE_CASTER(nerve::bind::BufferList<P>,
                         const_name("list[") + array_type_name<P>::of() + const_name("] | None"));
    bool load(handle source, bool) {
        value.none = source.is_none();
        if (value.none) return true;
        if (!PyList_Check(source.ptr())) return false;
        for (handle item : reinterpret_borrow<list>(source)) {
            P* data = nullptr;
            int64_t size = 0;
            if (!load_array(item, data, size)) return false;
            value.data.push_back(data);
            value.arrays.push_back({data, size, item.ptr()});
            value.size += size;
        }
        return true;
    }
};

template <class A>
struct type_caster<nerve::bind::Number<A>> {
    PYBIND11_TYPE_CASTER(nerve::bind::Number<A>, make_caster<A>::name);
    bool load(handle source, bool convert) {
        // A cell would pass for a number, too.
        const bool plain = PyLong_CheckExact(source.ptr()) || PyFloat_CheckExact(source.ptr());
        if (!plain && !std::is_same_v<A, bool> && isinstance<nerve::runtime::Cell>(source)) {
            value.cell = source.cast<std::shared_ptr<nerve::runtime::Cell>>();
            return true;
        }
        make_caster<A> caster;
        if (!caster.load(source, convert)) return false;
        value.value = cast_op<A>(caster);
        return true;
    }
};

template <class S>
struct type_caster<nerve::bind::Sizes<S>> {
    PYBIND11_TYPE_CASTER(nerve::bind::Sizes<S>, const_name("tuple[object, ...]"));
    bool load(handle source, bool) {
        static_assert(std::is_trivially_copyable_v<S> && sizeof(S) % sizeof(int64_t) == 0);
        char* next = reinterpret_cast<char*>(&value.value);
        char* end = next + sizeof(S);
        return fill(source.ptr(), next, end) && next == end;
    }

  private:
    static bool fill(PyObject* source, char*& next, char* end) {
        if (!PyTuple_Check(source)) return false;
        for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(source); ++i) {
            PyObject* item = PyTuple_GET_ITEM(source, i);
            if (PyTuple_Check(item)) {
                if (!fill(item, next, end)) return false;
                continue;
            }
            int64_t number = PyLong_Check(item) ? PyLong_AsLongLong(item) : -1;
            if (number == -1 && (!PyLong_Check(item) || PyErr_Occurred())) {
                PyErr_Clear();
                return false;
            }
            if (next == end) return false;
            std::memcpy(next, &number, sizeof number);
            next += sizeof number;
        }
        return true;
    }
};

}  // namespace pybind11::detail
