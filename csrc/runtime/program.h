// A recorded run of kernels: a flat list of calls with their arguments, which can be run again without Python.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "runtime/memory.h"
#include "runtime/runtime.h"

namespace nerve::runtime {

// A number that may change from run to run: calls that were given it look it up when they run.
struct Cell {
    double real = 0;
    uint64_t whole = 0;           // of negative numbers two's complement
    std::shared_ptr<Cell> start;  // if there is one, the number is this cell's and `whole` more

    template <class A>
    A get() const {
        if (start) return A(start->whole + whole);
        if constexpr (A(0.5) == A(0))
            return A(whole);
        else
            return A(real);
    }
};

struct Call {
    virtual ~Call() = default;
    virtual void run() const = 0;
};

// A place inside a call that holds a pointer, of whatever type, to an array's elements.
struct Operand {
    void* place;
    size_t bytes;
    bool written;

    const char* pointer() const {
        const char* p;
        std::memcpy(&p, place, sizeof p);
        return p;
    }
    void set(char* p) const { std::memcpy(place, &p, sizeof p); }
};

struct Step {
    const char* kernel;
    std::unique_ptr<Call> call;
    std::vector<Operand> operands;
    std::vector<unsigned char> numbers;  // every other argument but cells, to compare two recordings by
    std::string line;                    // of the code that made the call
};

class Program {
  public:
    Program() = default;
    Program(const Program&) = delete;
    ~Program();
    void append(Step step) { steps_.push_back(std::move(step)); }

    // Memory that was allocated while recording, whose contents nobody needs between runs unless it is kept.
    void allocated(void* data, size_t bytes) { temporaries_.push_back({static_cast<char*>(data), bytes}); }
    bool temporary_at(const void* pointer) const { return find(by_address(), pointer).temporary >= 0; }

    // What makes this program another one than `later`, recorded from the same code with other values; empty if nothing
    // does. Both must not be planned yet.
    std::string difference(const Program& later) const;

    // Gives the temporaries that are not `kept` places in one block, where those whose lives do not overlap may share
    // one. Throws std::bad_alloc and changes nothing if there is no memory.
    void plan(const std::vector<bool>& kept);

    // Scratch memory asked for between these two is what a run reserves.
    void start_noting() { note_scratch(&needs_); }
    void stop_noting() { runtime::stop_noting(&needs_); }

    // Not from two threads at once. Throws std::bad_alloc before the first call if memory is short, and not later.
    void run();
    std::vector<double> timed_run();  // the seconds each call took

    const std::vector<Step>& steps() const { return steps_; }
    size_t planned_bytes() const { return planned_; }    // of the block
    size_t recorded_bytes() const { return recorded_; }  // of the temporaries in it, each by itself
    size_t operand_bytes() const;                        // of all operands of all calls

  private:
    struct Temporary {
        char* data;
        size_t bytes;
    };
    struct Place {
        int64_t temporary;  // or -1
        size_t offset;
    };
    std::vector<size_t> by_address() const;
    Place find(const std::vector<size_t>& order, const void* pointer) const;

    std::vector<Step> steps_;
    std::vector<Temporary> temporaries_;
    Block* block_ = nullptr;
    size_t planned_ = 0, recorded_ = 0;
    ScratchNeeds needs_;
    uint64_t reserved_ = 0;
};

}  // namespace nerve::runtime
