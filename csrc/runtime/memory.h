// A caching arena for outputs. A fresh 4 KB page costs about a microsecond on its first touch, more than most kernels
// spend on it, so blocks are kept, reused, and backed by huge pages where the system has them.
#pragma once
#include <cstddef>
#include <cstdint>

#include "runtime/runtime.h"

namespace nerve::runtime {

struct Block {
    void* data;
    size_t bytes;  // of the block, at least what was asked for
};

void make_arena();              // else made on first use; registers what a fork must do with it
Block* allocate(size_t bytes);  // 64-byte aligned, uninitialised; null when there is no memory
void release(Block* block);
void empty_cache();  // gives unused large blocks back to the system

// The scratch memory of a thread. A worker's is its pool's, whose owner may see to it that there is enough.
struct Scratch {
    Block* blocks[slots] = {};
    Scratch() = default;
    Scratch(const Scratch&) = delete;
    ~Scratch() { give_back(); }
    void* take(Slot slot, size_t bytes);  // null when there is no memory
    void give_back();
};
void lend_scratch(Scratch* scratch);  // to this thread, which has none of its own then
bool inside_task();                   // whether this thread runs tasks of a region just now (threads.cpp)
uint64_t scratch_version();           // another number when scratch memory was lost, or the workers changed
void scratch_changed();

// How much scratch memory some calls asked for: in the thread that made them, and in tasks, which any thread may run.
struct ScratchNeeds {
    size_t of_caller[slots] = {}, of_tasks[slots] = {};
};
void note_scratch(ScratchNeeds* needs);  // also of calls by other threads meanwhile; until it is told to
void stop_noting(ScratchNeeds* needs);   // stop

// Makes sure that this thread and all workers have as much, so that the same calls cannot fail for want of it. Throws
// std::bad_alloc. `known` is what the last such call for these needs left there, 0 before the first.
void reserve_scratch(const ScratchNeeds& needs, uint64_t& known);

struct MemoryStatistics {
    size_t live, cached, peak;  // bytes in blocks handed out, in blocks waiting, and the most ever handed out
};
MemoryStatistics memory_statistics();

}  // namespace nerve::runtime
