#include "bind/recording.h"

#include <pybind11/stl.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "runtime/cpu.h"

namespace py = pybind11;

namespace nerve::bind {
namespace {

thread_local Recording* current_recording = nullptr;

constexpr size_t worth_releasing = size_t(1) << 18;  // bytes in all operands, from which on other threads may run

runtime::Cell cell_of(const py::object& number) {
    runtime::Cell cell;
    cell.real = number.cast<double>();
    if (PyLong_Check(number.ptr())) {
        cell.whole = PyLong_AsUnsignedLongLongMask(number.ptr());
        if (PyErr_Occurred() != nullptr) throw py::error_already_set();
    }
    return cell;
}

template <class T>
bool all_numbers(const T* values, int64_t size) {
    bool good = true;
    for (int64_t i = 0; i < size; ++i) good &= values[i] == values[i];
    return good;
}

struct RangeCheck final : runtime::Call {
    const int64_t* values;
    int64_t size, least, most;
    bool index;
    std::string message;

    void run() const override {
        if (all_in_range(values, size, least, most)) return;
        if (index) throw std::out_of_range(message);
        throw std::invalid_argument(message);
    }
};

}  // namespace

Recording* Recording::current() { return current_recording; }

void Recording::start() {
    if (current_recording != nullptr) throw std::runtime_error("a recording is under way in this thread already");
    current_recording = this;
    program_.start_noting();
    kernels_ = &runtime::active_table();
    split_ = runtime::matmul_split();
}

void Recording::stop() {
    if (current_recording == this) current_recording = nullptr;
    program_.stop_noting();
}

void Recording::allocated(py::object array) {
    const py::array a = py::reinterpret_borrow<py::array>(array);
    program_.allocated(const_cast<void*>(a.data()), size_t(a.nbytes()));
    temporaries_.push_back(std::move(array));
}

void Recording::require_range(const py::object& values, int64_t least, int64_t most, bool index, std::string message) {
    const auto array = py::reinterpret_borrow<py::array_t<int64_t>>(values);
    auto call = std::make_unique<RangeCheck>();
    call->values = array.data();
    call->size = array.size();
    call->least = least;
    call->most = most;
    call->index = index;
    call->message = std::move(message);
    runtime::Step step{"in_range", nullptr, {}, {}, line_().cast<std::string>()};
    Notes notes(step, arrays_);
    notes.array(call->values, call->size, array.ptr());
    notes.number(&least, sizeof least);
    notes.number(&most, sizeof most);
    step.call = std::move(call);
    program_.append(std::move(step));
}

bool Recording::computed(const py::object& array) const {
    return program_.temporary_at(py::reinterpret_borrow<py::array>(array).data());
}

// Views of temporaries are not needed to hold these; other arrays are needed by the calls.
void Recording::forget_views() {
    std::map<const char*, const char*> spans;  // of temporaries
    for (const py::object& array : temporaries_) {
        const py::array a = py::reinterpret_borrow<py::array>(array);
        spans[static_cast<const char*>(a.data())] = static_cast<const char*>(a.data()) + a.nbytes();
    }
    std::vector<py::object> others;
    for (py::object& array : arrays_) {
        const char* data = static_cast<const char*>(py::reinterpret_borrow<py::array>(array).data());
        const auto after = spans.upper_bound(data);
        if (after == spans.begin() || data >= std::prev(after)->second) others.push_back(std::move(array));
    }
    arrays_ = std::move(others);
}

void Recording::forget() {
    forgotten_ = true;
    forget_views();
    temporaries_.clear();
}

// A temporary that somebody besides this recording holds is kept where it is.
void Recording::plan() {
    forget_views();
    std::vector<bool> kept;
    for (const py::object& array : temporaries_) kept.push_back(array.ref_count() > 1);
    program_.plan(kept);
    for (size_t i = 0; i < kept.size(); ++i)
        if (kept[i]) arrays_.push_back(std::move(temporaries_[i]));
    temporaries_.clear();
    release_ = program_.operand_bytes() >= worth_releasing;
}

void Recording::set_inputs(const py::typing::List<py::object>& arrays) {
    for (const py::handle array : arrays) inputs_.push_back(py::reinterpret_borrow<py::array>(array));
}

bool Recording::accept(const py::typing::Tuple<py::object, py::ellipsis>& values) const {
    if (values.size() != inputs_.size() || &runtime::active_table() != kernels_ || runtime::matmul_split() != split_)
        return false;
    constexpr int needed = py::detail::npy_api::NPY_ARRAY_C_CONTIGUOUS_ | py::detail::npy_api::NPY_ARRAY_ALIGNED_;
    std::vector<py::object> found;
    found.reserve(values.size());
    for (size_t i = 0; i < inputs_.size(); ++i) {
        py::object value = values[i];
        if (!py::isinstance<py::array>(value)) {
            if (!py::hasattr(value, "array")) return false;
            value = value.attr("array");
            if (!py::isinstance<py::array>(value)) return false;
        }
        const py::array given = py::reinterpret_borrow<py::array>(value), &own = inputs_[i];
        if (given.ndim() != own.ndim() || !given.dtype().is(own.dtype()) || (given.flags() & needed) != needed)
            return false;
        if (!std::equal(given.shape(), given.shape() + given.ndim(), own.shape())) return false;
        found.push_back(std::move(value));
    }
    for (size_t i = 0; i < inputs_.size(); ++i) {
        const py::array given = py::reinterpret_borrow<py::array>(found[i]);
        std::memcpy(const_cast<void*>(inputs_[i].data()), given.data(), size_t(given.nbytes()));
    }
    return true;
}

bool Recording::gather(const py::typing::List<py::object>& arrays, const py::object& indices) const {
    using npy = py::detail::npy_api;
    constexpr int needed = npy::NPY_ARRAY_C_CONTIGUOUS_ | npy::NPY_ARRAY_ALIGNED_;
    const auto readable = [](const py::array& array) {
        return (array.flags() & needed) == needed && array.dtype().byteorder() != '>';
    };
    if (arrays.size() != inputs_.size() || &runtime::active_table() != kernels_ || runtime::matmul_split() != split_ ||
        !py::isinstance<py::array_t<int64_t>>(indices))
        return false;
    const auto places = py::reinterpret_borrow<py::array>(indices);
    if (!readable(places)) return false;
    const auto* rows = static_cast<const int64_t*>(places.data());
    const int64_t count = places.size();
    for (size_t i = 0; i < inputs_.size(); ++i) {
        const py::object& value = arrays[i];
        if (!py::isinstance<py::array>(value)) return false;
        const auto from = py::reinterpret_borrow<py::array>(value);
        const py::array& own = inputs_[i];
        if (from.ndim() != own.ndim() || own.ndim() == 0 || own.shape(0) != count || !readable(from)) return false;
        if (!std::equal(from.shape() + 1, from.shape() + from.ndim(), own.shape() + 1)) return false;
        if (!all_in_range(rows, count, 0, from.shape(0) - 1)) return false;
        const bool integers = own.dtype().kind() == 'i' && (from.dtype().kind() == 'i' || from.dtype().kind() == 'u');
        if (!integers && !from.dtype().is(own.dtype())) return false;
    }
    for (size_t i = 0; i < inputs_.size(); ++i) {
        const auto from = py::reinterpret_borrow<py::array>(arrays[i]);
        auto* to = static_cast<char*>(const_cast<void*>(inputs_[i].data()));
        const size_t row = count > 0 ? size_t(inputs_[i].size()) / size_t(count) : 0;
        const auto each = [&](auto example) {
            const auto* values = static_cast<const decltype(example)*>(from.data());
            for (int64_t r = 0; r < count; ++r)
                for (size_t k = 0; k < row; ++k)
                    reinterpret_cast<int64_t*>(to)[size_t(r) * row + k] = int64_t(values[size_t(rows[r]) * row + k]);
        };
        const bool is_signed = from.dtype().kind() == 'i';
        const size_t bytes = row * size_t(from.itemsize());
        if (from.itemsize() == inputs_[i].itemsize())
            for (int64_t r = 0; r < count; ++r)
                std::memcpy(to + size_t(r) * bytes, static_cast<const char*>(from.data()) + size_t(rows[r]) * bytes,
                            bytes);
        else if (from.itemsize() == 1)
            is_signed ? each(int8_t()) : each(uint8_t());
        else if (from.itemsize() == 2)
            is_signed ? each(int16_t()) : each(uint16_t());
        else
            is_signed ? each(int32_t()) : each(uint32_t());
    }
    return true;
}

void Recording::guard_range(const py::object& values, int64_t least, int64_t most, Error error) {
    guards_.push_back({py::reinterpret_borrow<py::array>(values), least, most, std::move(error)});
}

void Recording::guard_numbers(const py::object& values, Error error) {
    guards_.push_back({py::reinterpret_borrow<py::array>(values), 0, 0, std::move(error)});
}

void Recording::check() const {
    for (const Guard& guard : guards_) {
        const void* values = guard.values.data();
        const int64_t size = guard.values.size();
        const bool good = guard.values.dtype().kind() != 'f'
                              ? all_in_range(static_cast<const int64_t*>(values), size, guard.least, guard.most)
                          : guard.values.itemsize() == 4 ? all_numbers(static_cast<const float*>(values), size)
                                                         : all_numbers(static_cast<const double*>(values), size);
        if (good) continue;
        const py::object error = guard.error();
        PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(error.ptr())), error.ptr());
        throw py::error_already_set();
    }
}

void Recording::set_outputs(const py::typing::List<py::object>& arrays) {
    for (const py::handle array : arrays) outputs_.push_back(py::reinterpret_borrow<py::array>(array));
}

std::vector<double> Recording::timed_run() {
    if (forgotten_) throw std::runtime_error("the memory of this recording has been given back");
    return program_.timed_run();
}

py::object Recording::replay(const py::typing::Tuple<py::object, py::ellipsis>& values) {
    if (current_recording != nullptr || !accept(values)) return py::none();
    check();
    return run();
}

py::typing::List<py::object> Recording::run() {
    if (forgotten_) throw std::runtime_error("the memory of this recording has been given back");
    if (running_.exchange(true)) throw std::runtime_error("this recording is running in another thread");
    struct Done {
        std::atomic<bool>& running;
        ~Done() { running = false; }
    } done{running_};
    py::typing::List<py::object> results(outputs_.size());
    struct Output {
        const void* from;
        void* to;
        size_t bytes;
    };
    std::vector<Output> copies;
    copies.reserve(outputs_.size());
    for (size_t i = 0; i < outputs_.size(); ++i) {
        const py::array& own = outputs_[i];
        py::array made(own.dtype(), std::vector<py::ssize_t>(own.shape(), own.shape() + own.ndim()));
        if ((own.flags() & py::array::c_style) != 0)
            copies.push_back({own.data(), made.mutable_data(), size_t(own.nbytes())});
        PyList_SET_ITEM(results.ptr(), py::ssize_t(i), made.release().ptr());
    }
    const auto work = [&] {
        program_.run();
        for (const Output& copy : copies) std::memcpy(copy.to, copy.from, copy.bytes);
        ++runs_;
    };
    if (release_) {
        py::gil_scoped_release release;
        work();
    } else {
        work();
    }
    if (copies.size() < outputs_.size())  // views that are not contiguous
        for (size_t i = 0; i < outputs_.size(); ++i)
            if ((outputs_[i].flags() & py::array::c_style) == 0)
                results[i].attr("__setitem__")(py::ellipsis(), outputs_[i]);
    return results;
}

void define_recording(py::module_& module) {
    using runtime::Cell;
    py::class_<Cell, std::shared_ptr<Cell>>(module, "Cell", "A number that recorded calls look up when they run.")
        .def(py::init([](const py::object& number) { return std::make_shared<Cell>(cell_of(number)); }),
             py::arg("value"))
        .def(
            "set",
            [](Cell& cell, const py::object& number) {
                const Cell found = cell_of(number);
                cell.real = found.real;
                cell.whole = found.whole;
            },
            py::arg("value"), "Change the number.")
        .def(
            "after",
            [](const std::shared_ptr<Cell>& start, uint64_t count) {
                auto cell = std::make_shared<Cell>();
                cell->whole = count;
                cell->start = start;
                return cell;
            },
            py::arg("count"), "A cell that always holds `count` more than this one, a whole number.")
        .def("__float__", [](const Cell& cell) { return cell.get<double>(); })
        .def("__index__", [](const Cell& cell) { return cell.get<uint64_t>(); });

    py::class_<Recording>(module, "Recording", "Kernel calls, recorded while it is on, to be run again.")
        .def(py::init<py::object>(), py::arg("line"), "`line` says, when called, which line of the program is at work.")
        .def("start", &Recording::start, "Record the calls that this thread makes from now on.")
        .def("stop", &Recording::stop, "Record no more.")
        .def("allocated", &Recording::allocated, py::arg("array"), "Note an array that recorded calls will fill.")
        .def("require_range", &Recording::require_range, py::arg("values"), py::arg("least"), py::arg("most"),
             py::arg("index"), py::arg("message"), "Check in each run that computed integers lie in a range.")
        .def("computed", &Recording::computed, py::arg("array"), "Whether an array lies in one of those.")
        .def("difference", &Recording::difference, py::arg("later"),
             "Why another recording of the same code is not the same list of calls; empty if it is.")
        .def("forget", &Recording::forget,
             "Give the memory of those arrays back: this recording is only to be compared.")
        .def("plan", &Recording::plan, "Move arrays nobody else holds into one block, where they share memory.")
        .def("set_inputs", &Recording::set_inputs, py::arg("arrays"), "Say which arrays `accept` is to fill.")
        .def("accept", &Recording::accept, py::arg("values"),
             "Copy the inputs from arrays or tensors of just their shapes and dtypes; False if they are others.")
        .def("gather", &Recording::gather, py::arg("arrays"), py::arg("indices"),
             "Copy the inputs from those rows of larger arrays; False if these are not just like them.")
        .def("guard_range", &Recording::guard_range, py::arg("values"), py::arg("least"), py::arg("most"),
             py::arg("error"), "Expect an int64 array's elements in a range.")
        .def("guard_numbers", &Recording::guard_numbers, py::arg("values"), py::arg("error"),
             "Expect no NaN in an array of floats.")
        .def("check", &Recording::check, "Raise `error()` of the first of these that does not hold.")
        .def("set_outputs", &Recording::set_outputs, py::arg("arrays"), "Say of which arrays a run gives copies.")
        .def("run", &Recording::run, "Make all calls again; gives copies of the outputs.")
        .def("replay", &Recording::replay, py::arg("values"), "`accept`, `check` and `run`; None if not accepted.")
        .def_property_readonly("runs", &Recording::runs, "How often all calls were made again, to the last one.")
        .def("timed_run", &Recording::timed_run, "Make all calls again, and give the seconds that each took.")
        .def_property_readonly("kernels",
                               [](const Recording& recording) {
                                   std::vector<std::string> names;
                                   for (const auto& step : recording.program().steps()) names.emplace_back(step.kernel);
                                   return names;
                               })
        .def_property_readonly("planned_bytes", [](const Recording& r) { return r.program().planned_bytes(); })
        .def_property_readonly("recorded_bytes", [](const Recording& r) { return r.program().recorded_bytes(); });
}

}  // namespace nerve::bind
