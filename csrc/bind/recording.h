// Recording kernel calls as they are made (runtime/program.h): while one is on in a thread, every call of that thread
// appends itself to it.
#pragma once
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/typing.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "runtime/program.h"
#include "runtime/runtime.h"

namespace nerve::bind {

// Whether all of some integers lie in [least, most].
inline bool all_in_range(const int64_t* values, int64_t size, int64_t least, int64_t most) {
    bool inside = true;
    for (int64_t i = 0; i < size; ++i) inside &= values[i] >= least && values[i] <= most;
    return inside;
}

// What the arguments of one call say of themselves, once they lie where they will stay.
class Notes {
  public:
    explicit Notes(runtime::Step& step, std::vector<pybind11::object>& arrays) : step_(step), arrays_(arrays) {}

    void number(const void* value, size_t bytes) {
        const auto* first = static_cast<const unsigned char*>(value);
        step_.numbers.insert(step_.numbers.end(), first, first + bytes);
    }
    template <class P>
    void array(P*& data, int64_t size, PyObject* array) {
        step_.operands.push_back({&data, data == nullptr ? 0 : size_t(size) * sizeof(P), !std::is_const_v<P>});
        if (data != nullptr) arrays_.push_back(pybind11::reinterpret_borrow<pybind11::object>(array));
    }

  private:
    runtime::Step& step_;
    std::vector<pybind11::object>& arrays_;
};

class Recording {
  public:
    explicit Recording(pybind11::object line) : line_(std::move(line)) {}

    static Recording* current();
    void start();
    void stop();

    template <class... A, class Function, class... Arguments>
    void append(const char* kernel, Function function, const Arguments&... arguments);

    void allocated(pybind11::object array);
    // Makes the calls up to here end in an IndexError or ValueError where an element of `values` is out of range.
    void require_range(const pybind11::object& values, int64_t least, int64_t most, bool index, std::string message);
    bool computed(const pybind11::object& array) const;  // whether it lies in what was allocated
    std::string difference(const Recording& later) const { return program_.difference(later.program_); }
    void forget();  // gives the temporaries back; what is left is enough to be compared with
    void plan();

    // Arrays that a run gets other values of. `accept` copies them from arrays, or objects with an attribute `array`,
    // of just their shapes and types; false, and nothing is copied, where one is not.
    void set_inputs(const pybind11::typing::List<pybind11::object>& arrays);
    bool accept(const pybind11::typing::Tuple<pybind11::object, pybind11::ellipsis>& values) const;

    // The same by rows of larger arrays, as many as there are indices; integers of any size become those of inputs.
    bool gather(const pybind11::typing::List<pybind11::object>& arrays, const pybind11::object& indices) const;

    using Error = pybind11::typing::Callable<pybind11::object()>;
    // What inputs must be like: integers in a range, floats no NaN; `check` raises `error()` of the first that is not.
    void guard_range(const pybind11::object& values, int64_t least, int64_t most, Error error);
    void guard_numbers(const pybind11::object& values, Error error);
    void check() const;

    // Arrays whose copies a run gives: made before its first call, so that it cannot fail after its last.
    void set_outputs(const pybind11::typing::List<pybind11::object>& arrays);
    pybind11::typing::List<pybind11::object> run();
    pybind11::object replay(const pybind11::typing::Tuple<pybind11::object, pybind11::ellipsis>& values);
    int64_t runs() const { return runs_; }  // that have come to their end
    std::vector<double> timed_run();        // the seconds each call took

    const runtime::Program& program() const { return program_; }

  private:
    runtime::Program program_;
    void forget_views();

    struct Guard {
        pybind11::array values;
        int64_t least, most;  // of integers
        Error error;
    };
    std::vector<pybind11::object> temporaries_, arrays_;
    std::vector<pybind11::array> inputs_, outputs_;
    std::vector<Guard> guards_;
    const void* kernels_ = nullptr;                // in use when recorded,
    runtime::Split split_ = runtime::Split::none;  // as were these products
    pybind11::object line_;
    std::atomic<bool> running_ = false;
    bool release_ = false, forgotten_ = false;
    int64_t runs_ = 0;
};

void define_recording(pybind11::module_& module);

}  // namespace nerve::bind
