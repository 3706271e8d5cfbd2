// The engine behind cuda_shim.h, and the table through which Python calls the kernels (tests/cuda_shim.py).
#include "cuda_shim.h"

#include <ucontext.h>

#include <cmath>
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cuda/kernels.h"
#include "cuda/wgmma.cuh"

namespace shim {

Thread* current;
Index block, grid;

namespace {

constexpr size_t stack_bytes = 64 * 1024;
constexpr int warp = 32;
constexpr size_t shared_limit = 48 * 1024, large_limit = 227 * 1024, guard = 1024;

enum class State { ready, at_barrier, at_shuffle, done };

// Started once and used for every block; setjmp and longjmp switch between fibers without a system call.
struct Fiber : Thread {
    State state = State::ready;
    bool started = false;
    unsigned shuffles = 0;
    std::vector<std::vector<Copy>> copies;
    Asynchronous asynchronous;
    jmp_buf context;
    ucontext_t first;
    std::unique_ptr<char[]> stack{new char[stack_bytes]};
};

std::vector<std::unique_ptr<Fiber>> fibers;
jmp_buf scheduler;
ucontext_t first_scheduler;
void (*body)(void*);
void* body_context;
Slot values[2][64][warp];  // of a warp's exchange; the next one uses the other half, as some lane may be ahead by one
uint64_t random_state = 1;
std::string failure;

std::map<const void*, std::vector<unsigned char>> shared_blocks;
const char large_key = 0;  // large_shared's
size_t large_bytes;
bool wgmma_here = false;
int64_t large_launches = 0;

int64_t busy = 264;

}  // namespace

unsigned random_below(unsigned n) {  // splitmix64
    uint64_t z = random_state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return unsigned((z ^ (z >> 31)) % n);
}

namespace {

Fiber& self() { return static_cast<Fiber&>(*current); }

void leave(State state) {
    Fiber& fiber = self();
    fiber.state = state;
    if (_setjmp(fiber.context) == 0) _longjmp(scheduler, 1);
}

void fiber_main() {
    for (;;) {
        body(body_context);
        leave(State::done);
    }
}

void enter(Fiber& fiber) {
    current = &fiber;
    if (_setjmp(scheduler) != 0) return;
    if (fiber.started) _longjmp(fiber.context, 1);
    fiber.started = true;
    getcontext(&fiber.first);
    fiber.first.uc_stack.ss_sp = fiber.stack.get();
    fiber.first.uc_stack.ss_size = stack_bytes;
    fiber.first.uc_link = nullptr;
    makecontext(&fiber.first, fiber_main, 0);
    swapcontext(&first_scheduler, &fiber.first);  // comes back by longjmp
}

int count(int begin, int end, State state) {
    int found = 0;
    for (int i = begin; i < end; ++i) found += fibers[i]->state == state;
    return found;
}

void release(int begin, int end) {
    for (int i = begin; i < end; ++i) fibers[i]->state = State::ready;
}

// Lets waiting threads go on where all that should have come are there; false if that is nowhere.
bool release_waiting(int threads) {
    if (count(0, threads, State::at_barrier) == threads) return release(0, threads), true;
    bool any = false;
    for (int begin = 0; begin < threads; begin += warp) {
        const int end = begin + warp < threads ? begin + warp : threads;
        if (count(begin, end, State::at_shuffle) == end - begin) release(begin, end), any = true;
    }
    return any;
}

// NaN and -1, or, as some kernels mend a NaN and what is near infinity, a number that spoils every sum: 9e8 in float.
int poison() { return random_below(2) ? 0xFF : 0x4E; }

void poison_shared() {
    for (auto& [key, bytes] : shared_blocks) {
        for (size_t i = 0; i < guard; ++i)
            if (bytes[i] != 0xAB || bytes[bytes.size() - 1 - i] != 0xAB) failure = "wrote outside shared memory";
        std::memset(bytes.data() + guard, poison(), bytes.size() - 2 * guard);
    }
}

void shuffle(std::vector<int>& order) {
    for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random_below(unsigned(i))]);
}

// Threads take turns, or, so that a missing barrier is missed, a warp goes on for as long as it can before the next
// does.
void run_block(int threads) {
    std::vector<int> order, warps;
    for (int begin = 0; begin < threads; begin += warp) warps.push_back(begin);
    shuffle(warps);
    const bool one_by_one = random_below(2);
    for (int i = 0; i < threads; ++i) {
        fibers[i]->index = {unsigned(i), 0, 0};
        fibers[i]->state = State::ready;
        fibers[i]->shuffles = 0;
        fibers[i]->copies.assign(1, {});
        if (large_bytes > 0) fibers[i]->asynchronous = {};
    }
    for (;;) {
        order.clear();
        for (int begin : warps) {
            for (int i = begin; i < begin + warp && i < threads; ++i)
                if (fibers[i]->state == State::ready) order.push_back(i);
            if (one_by_one && !order.empty()) break;
        }
        shuffle(order);
        for (int i : order) enter(*fibers[i]);
        if (one_by_one && !order.empty()) {
            const int begin = order[0] / warp * warp, end = begin + warp < threads ? begin + warp : threads;
            if (count(begin, end, State::at_shuffle) == end - begin) release(begin, end);
            continue;
        }
        if (count(0, threads, State::done) == threads) break;
        if (release_waiting(threads)) continue;
        failure = "of " + std::to_string(threads) + " threads, " +
                  std::to_string(count(0, threads, State::at_barrier)) + " wait at a barrier, " +
                  std::to_string(count(0, threads, State::at_shuffle)) + " at a shuffle, and " +
                  std::to_string(count(0, threads, State::done)) + " have returned";
        fibers.clear();  // their stacks cannot be used again
        return;
    }
    poison_shared();
}

}  // namespace

void run(void (*new_body)(void*), void* context, int64_t blocks, int threads, size_t large) {
    if (blocks > 0x7fffffff) failure = "a grid has at most 2^31 - 1 blocks";
    body = new_body;
    body_context = context;
    shared_blocks.clear();
    large_bytes = large;
    large_launches += large > 0;
    grid = {unsigned(blocks), 1, 1};
    for (int64_t i = 0; i < blocks && failure.empty(); ++i) {
        while (int(fibers.size()) < threads) fibers.push_back(std::make_unique<Fiber>());
        block = {unsigned(i), 0, 0};
        run_block(threads);
    }
    size_t total = 0;
    for (auto& [key, bytes] : shared_blocks) total += bytes.size() - 2 * guard;
    if (total > (large > 0 ? large_limit : shared_limit))
        failure = "uses " + std::to_string(total) + " bytes of shared memory";
}

void block_barrier() { leave(State::at_barrier); }

const Slot* exchange(const void* value, size_t bytes) {
    Fiber& fiber = self();
    auto& slots = values[fiber.shuffles++ % 2][fiber.index.x / warp];
    std::memcpy(slots[fiber.index.x % warp].bytes, value, bytes);
    leave(State::at_shuffle);
    return slots;
}

void* large_shared_memory(size_t bytes) {
    if (bytes != large_bytes) fail("another size of shared memory than launched with");
    return shared_memory(&large_key, bytes);
}
LargeMemory large_memory() {
    return {static_cast<unsigned char*>(shared_memory(&large_key, large_bytes)), large_bytes};
}

std::vector<std::vector<Copy>>& copies() { return self().copies; }
Asynchronous& asynchronous() { return self().asynchronous; }

void perform(const Copy& copy) {
    if (copy.valid)
        std::memcpy(copy.to, copy.from, copy.bytes);
    else
        std::memset(copy.to, 0, copy.bytes);
}

float cut_sum(const double (&terms)[9]) {
    double plain = 0, largest = 0;
    for (double term : terms) {
        plain += term;
        if (std::fabs(term) > largest) largest = std::fabs(term);
    }
    if (!(plain - plain == 0) || largest == 0) return float(plain);
    int exponent;
    std::frexp(largest, &exponent);
    const double up = std::ldexp(1.0, 25 - exponent), down = std::ldexp(1.0, exponent - 25);
    int64_t sum = 0;
    for (double term : terms) sum += int64_t(term * up);
    const double exact = double(sum) * down;
    const float rounded = float(exact);
    return std::fabs(double(rounded)) > std::fabs(exact) ? std::nextafter(rounded, 0.0f) : rounded;
}

void fail(const char* reason) { failure = reason; }

void* shared_memory(const void* key, size_t bytes) {
    auto& memory = shared_blocks[key];
    if (memory.empty()) {
        memory.assign(bytes + 2 * guard, static_cast<unsigned char>(poison()));
        std::memset(memory.data(), 0xAB, guard);
        std::memset(memory.data() + guard + bytes, 0xAB, guard);
    }
    return memory.data() + guard;
}

namespace {

struct Entry {
    const char *family, *name, *signature;
    void *float32, *float64;
    void *scratch32, *scratch64;  // null where the kernel needs no memory of its own
};

#define SCRATCH(name)                                             \
    reinterpret_cast<void*>(&nerve::cuda::name##_scratch<float>), \
        reinterpret_cast<void*>(&nerve::cuda::name##_scratch<double>)
#define LISTED(family, name, signature)                   \
    {family,                                              \
     #name,                                               \
     signature,                                           \
     reinterpret_cast<void*>(&nerve::cuda::name<float>),  \
     reinterpret_cast<void*>(&nerve::cuda::name<double>), \
     NERVE_IF_SCRATCH(name, SCRATCH(name))},
const Entry entries[] = {
#define KERNEL(family, name, ...) NERVE_IF_HERE(family, LISTED(#family, name, #__VA_ARGS__))
#include "kernels.inc"
    {},
};

}  // namespace
}  // namespace shim

extern "C" const void* shim_kernels() { return shim::entries; }

int64_t nerve::cuda::busy_blocks() { return shim::busy; }

bool nerve::cuda::has_wgmma() { return shim::wgmma_here; }

extern "C" void shim_has_wgmma(bool has) { shim::wgmma_here = has; }

// How many launches had large shared memory since the last call.
extern "C" int64_t shim_large_launches() {
    const int64_t last = shim::large_launches;
    shim::large_launches = 0;
    return last;
}

extern "C" void shim_busy_blocks(int64_t blocks) { shim::busy = blocks; }

extern "C" void shim_seed(uint64_t seed) { shim::random_state = seed; }

// What the kernels since the last call did wrong; empty if nothing.
extern "C" const char* shim_failure() {
    static std::string last;
    last = shim::failure;
    shim::failure.clear();
    return last.c_str();
}
