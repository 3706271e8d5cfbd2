#include "runtime/memory.h"

#include <atomic>
#include <cstdlib>
#include <map>
#include <mutex>
#include <new>
#include <vector>

#include "runtime/runtime.h"

#if defined(_WIN32)
#include <malloc.h>
#else
#include <pthread.h>
#endif
#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace nerve::runtime {
namespace {

constexpr size_t smallest_block = 64 * 1024;
constexpr size_t huge_page = size_t(2) << 20;
constexpr size_t slack = size_t(256) << 20;  // bytes kept beyond the most ever in use

void* system_allocate(size_t bytes) {
#if defined(__linux__)
    // A mapping of one huge page more, trimmed to a huge-page boundary.
    void* raw = mmap(nullptr, bytes + huge_page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (raw == MAP_FAILED) return nullptr;
    uintptr_t start = reinterpret_cast<uintptr_t>(raw), aligned = (start + huge_page - 1) & ~(huge_page - 1);
    if (aligned > start) munmap(raw, aligned - start);
    size_t tail = start + huge_page - aligned;
    if (tail > 0) munmap(reinterpret_cast<void*>(aligned + bytes), tail);
    madvise(reinterpret_cast<void*>(aligned), bytes, MADV_HUGEPAGE);
    return reinterpret_cast<void*>(aligned);
#elif defined(_WIN32)
    return _aligned_malloc(bytes, 64);
#else
    return std::aligned_alloc(64, bytes);
#endif
}

void system_release(void* data, [[maybe_unused]] size_t bytes) {
#if defined(__linux__)
    munmap(data, bytes);
#elif defined(_WIN32)
    _aligned_free(data);
#else
    std::free(data);
#endif
}

// Four sizes to a power of two, so that at most a fifth of a block is unused; large ones end with a huge page.
size_t size_class(size_t bytes) {
    size_t size = smallest_block;
    while (size < bytes) size *= 2;
    for (size_t quarter = size / 8, finer = size / 2; size > smallest_block && finer < size; finer += quarter)
        if (finer >= bytes) {
            size = finer;
            break;
        }
    if (size > huge_page) size = (size + huge_page - 1) & ~(huge_page - 1);
    return size;
}

class Arena {
  public:
    Block* allocate(size_t bytes) {
        if (bytes > SIZE_MAX / 4) return nullptr;
        size_t size = size_class(bytes);
        std::lock_guard lock(mutex);
        auto& waiting = free_[size];
        if (waiting.empty()) {
            if (size > huge_page) trim(size);
            if (!refill(size, waiting)) {
                trim(everything);
                if (!refill(size, waiting)) return nullptr;
            }
        }
        Block* block = waiting.back();
        waiting.pop_back();
        cached_ -= size, live_ += size;
        if (live_ > peak_) peak_ = live_;
        return block;
    }

    void release(Block* block) {
        std::lock_guard lock(mutex);
        live_ -= block->bytes;
        if (block->bytes > huge_page && cached_ + live_ + block->bytes > worth_keeping()) {
            discard(block);
        } else {
            cached_ += block->bytes;
            free_[block->bytes].push_back(block);
        }
    }

    void empty_cache() {
        std::lock_guard lock(mutex);
        trim(everything);
        peak_ = live_;
    }

    MemoryStatistics statistics() {
        std::lock_guard lock(mutex);
        return {live_, cached_, peak_};
    }

    std::mutex mutex;

  private:
    static constexpr size_t everything = SIZE_MAX / 2;

    // What a further step like those before could use, and a little more; the rest goes back to the system.
    size_t worth_keeping() const { return peak_ + slack; }

    // Gives unused large blocks back, the largest first, until `bytes` more are worth keeping. Smaller blocks share
    // their pages with others.
    void trim(size_t bytes) {
        for (auto entry = free_.rbegin(); entry != free_.rend() && entry->first > huge_page; ++entry)
            for (auto& waiting = entry->second; !waiting.empty(); waiting.pop_back()) {
                if (live_ + cached_ + bytes <= worth_keeping()) return;
                cached_ -= entry->first;
                discard(waiting.back());
            }
    }

    bool refill(size_t size, std::vector<Block*>& waiting) {
        size_t count = size > huge_page ? 1 : 2 * huge_page / size;  // small blocks are cut from two huge pages
        char* data = static_cast<char*>(system_allocate(count == 1 ? size : 2 * huge_page));
        if (data == nullptr) return false;
        for (size_t i = 0; i < count; ++i) waiting.push_back(new Block{data + i * size, size});
        cached_ += count * size;
        return true;
    }

    static void discard(Block* block) {
        system_release(block->data, block->bytes);
        delete block;
    }

    std::map<size_t, std::vector<Block*>> free_;
    size_t live_ = 0, cached_ = 0, peak_ = 0;
};

// Never destroyed: arrays may outlive every static object of this module.
Arena& arena() {
    static Arena* the = [] {
        auto* made = new Arena;
#if !defined(_WIN32)
        pthread_atfork([] { arena().mutex.lock(); }, [] { arena().mutex.unlock(); }, [] { arena().mutex.unlock(); });
#endif
        return made;
    }();
    return *the;
}

thread_local Scratch own_scratch;
thread_local Scratch* lent_scratch = nullptr;
std::atomic<uint64_t> version{1};

// Those who want to know of scratch(); hardly ever anybody.
std::atomic<int> listeners{0};
std::vector<ScratchNeeds*> listening_needs;  // guarded by the arena's mutex

void note(Slot slot, size_t bytes) {
    const bool task = inside_task();
    std::lock_guard lock(arena().mutex);
    for (ScratchNeeds* needs : listening_needs) {
        size_t& most = (task ? needs->of_tasks : needs->of_caller)[slot];
        if (most < bytes) most = bytes;
    }
}

}  // namespace

void make_arena() { arena(); }
Block* allocate(size_t bytes) { return arena().allocate(bytes); }
void release(Block* block) { arena().release(block); }
void empty_cache() { arena().empty_cache(); }
MemoryStatistics memory_statistics() { return arena().statistics(); }

void* Scratch::take(Slot slot, size_t bytes) {
    Block*& block = blocks[slot];
    if (block == nullptr || block->bytes < bytes) {
        if (block != nullptr) release(block);
        block = allocate(bytes);
        if (block == nullptr) {
            scratch_changed();  // less than before is left
            return nullptr;
        }
    }
    return block->data;
}

void Scratch::give_back() {
    for (Block*& block : blocks) {
        if (block != nullptr) release(block);
        block = nullptr;
    }
}

void lend_scratch(Scratch* scratch) { lent_scratch = scratch; }
uint64_t scratch_version() { return version.load(std::memory_order_acquire); }
void scratch_changed() { version.fetch_add(1); }

void* scratch(Slot slot, size_t bytes) {
    if (listeners.load(std::memory_order_relaxed) > 0) note(slot, bytes);
    void* data = (lent_scratch != nullptr ? *lent_scratch : own_scratch).take(slot, bytes);
    if (data == nullptr) throw std::bad_alloc();
    return data;
}

void note_scratch(ScratchNeeds* needs) {
    std::lock_guard lock(arena().mutex);
    listening_needs.push_back(needs);
    listeners.fetch_add(1);
}

void stop_noting(ScratchNeeds* needs) {
    std::lock_guard lock(arena().mutex);
    listeners.fetch_sub(int(std::erase(listening_needs, needs)));
}

}  // namespace nerve::runtime
