// A caching arena for outputs. A fresh 4 KB page costs about a microsecond on its first touch, more than most kernels
// spend on it, so blocks are kept, reused, and backed by huge pages where the system has them.
#pragma once
#include <cstddef>
#include <cstdint>

namespace nerve::runtime {

struct Block {
    void* data;
    size_t bytes;  // of the block, at least what was asked for
};

void make_arena();              // else made on first use; registers what a fork must do with it
Block* allocate(size_t bytes);  // 64-byte aligned, uninitialised; null when there is no memory
void release(Block* block);
void empty_cache();  // gives unused large blocks back to the system

struct MemoryStatistics {
    size_t live, cached, peak;  // bytes in blocks handed out, in blocks waiting, and the most ever handed out
};
MemoryStatistics memory_statistics();

}  // namespace nerve::runtime
