// The thread pool. A parallel region is a count of tasks that threads take one by one; which thread runs a task never
// changes its result. Workers spin for a short while after a region, since the next usually follows at once, then park.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <vector>

#include "runtime/memory.h"
#include "runtime/runtime.h"

#if !defined(_WIN32)
#include <pthread.h>
#endif
#if defined(__linux__)
#include <sched.h>
#endif

namespace nerve::runtime {
namespace {

inline void pause() {
#if defined(__x86_64__) || defined(_M_X64)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

using Clock = std::chrono::steady_clock;
constexpr auto worker_spin = std::chrono::microseconds(50);
constexpr int most_threads = 4096;  // that nerve.set_num_threads takes
constexpr int owner_spins = 200;  // about a microsecond: beyond it, a spinning owner keeps a woken worker off its core

thread_local bool inside_region = false;

class Pool {
  public:
    explicit Pool(int threads) : threads_(threads), scratch_(new Scratch[size_t(threads) - 1]) {
        scratch_changed();
        try {
            workers_.reserve(size_t(threads));
            for (int i = 1; i < threads; ++i) {
                std::thread worker([this, i] { work(scratch_[size_t(i) - 1]); });
                workers_.push_back(worker.native_handle());
                worker.detach();
            }
        } catch (const std::system_error&) {
            // The system grants no more of them: fewer threads do the same work.
        }
    }

    int threads() const { return threads_; }

    // Only one thread at a time may call run or retire. Throws std::bad_alloc, after the round, if a task did.
    void run(int64_t tasks, void (*body)(void*, int64_t), void* context) {
        body_ = body, context_ = context;
        front_ = 0;
        back_.store(tasks, std::memory_order_relaxed);
        unfinished_.store(tasks, std::memory_order_relaxed);
        tickets_.store(tasks);
        leave_owner_alone();
        if (parked_.load() > 0) wake();
        take_tasks(true);
        for (int spin = 0; unfinished_.load(std::memory_order_acquire) > 0;) {
            if (++spin < owner_spins) {
                pause();
            } else {
                int64_t left = unfinished_.load(std::memory_order_acquire);
                if (left > 0) unfinished_.wait(left, std::memory_order_acquire);
            }
        }
        if (out_of_memory_.exchange(false)) throw std::bad_alloc();
    }

    // Gives every worker as much scratch memory; false when there is not enough. Not while a region runs.
    bool reserve(const size_t (&bytes)[slots]) {
        for (size_t i = 0; i < workers_.size(); ++i)
            for (int slot = 0; slot < slots; ++slot)
                if (bytes[slot] > 0 && scratch_[i].take(Slot(slot), bytes[slot]) == nullptr) return false;
        return true;
    }

    // Lets the workers end. They may still be reading members, so a retired pool is never deleted: a few hundred bytes
    // for every change of the number of threads.
    void retire() {
        retired_.store(true);
        wake();
    }

  private:
    // The kernel likes to wake a thread where its waker runs, and may leave it there, waiting, for milliseconds while
    // another core idles. It also moves the owner, when that has slept, to a worker's core, where the two then share it
    // region after region. So workers are kept off the core the owner is on. Costs a call into the kernel for each
    // worker when the owner has moved since, else next to nothing.
    void leave_owner_alone() {
#if defined(__linux__)
        const int core = sched_getcpu();
        if (core == owner_core_ || core < 0 || core >= CPU_SETSIZE) return;
        cpu_set_t allowed;
        if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
        CPU_CLR(core, &allowed);
        if (CPU_COUNT(&allowed) == 0) return;
        for (pthread_t worker : workers_) pthread_setaffinity_np(worker, sizeof allowed, &allowed);
        owner_core_ = core;
#endif
    }

    void wake() {
        wakeups_.fetch_add(1);
        wakeups_.notify_all();
    }

    // A ticket is the right to one task, taken from their number by compare-and-swap, so that a late worker never takes
    // one that is not there. Whoever has one may read the body: the round cannot end before that ticket's task is
    // finished. The owner goes through the tasks from the first on, the workers from the last, so that neighbours in
    // memory are one thread's and, with two threads, in its cache when the next region comes to them.
    void take_tasks(bool owner) {
        int64_t left = tickets_.load(std::memory_order_acquire);
        while (left > 0) {
            if (!tickets_.compare_exchange_weak(left, left - 1, std::memory_order_acq_rel)) continue;
            try {
                body_(context_, owner ? front_++ : back_.fetch_sub(1, std::memory_order_relaxed) - 1);
            } catch (const std::bad_alloc&) {  // of scratch memory; others still need this round's context
                out_of_memory_.store(true);
            }
            if (unfinished_.fetch_sub(1, std::memory_order_acq_rel) == 1) unfinished_.notify_one();
            left = tickets_.load(std::memory_order_acquire);
        }
    }

    void work(Scratch& scratch) {
        inside_region = true;
        lend_scratch(&scratch);
        while (!retired_.load(std::memory_order_relaxed)) {
            take_tasks(false);
            auto until = Clock::now() + worker_spin;
            bool found = false;
            while (!found && Clock::now() < until) {
                for (int i = 0; i < 32 && !found; ++i) {
                    pause();
                    found = tickets_.load(std::memory_order_relaxed) > 0 || retired_.load();
                }
            }
            if (found) continue;
            parked_.fetch_add(1);
            uint32_t seen = wakeups_.load();
            if (tickets_.load() == 0 && !retired_.load()) wakeups_.wait(seen);
            parked_.fetch_sub(1);
        }
        scratch.give_back();
    }

    const int threads_;
    const std::unique_ptr<Scratch[]> scratch_;  // of the workers
    std::vector<std::thread::native_handle_type> workers_;
    int owner_core_ = -1;
    void (*body_)(void*, int64_t) = nullptr;
    void* context_ = nullptr;
    int64_t front_ = 0;  // the owner's
    alignas(64) std::atomic<int64_t> tickets_{0};
    std::atomic<int64_t> back_{0};
    alignas(64) std::atomic<int64_t> unfinished_{0};
    alignas(64) std::atomic<uint32_t> wakeups_{0};
    std::atomic<int> parked_{0};
    std::atomic<bool> retired_{false}, out_of_memory_{false};
};

struct State {
    std::mutex owner;      // held while a region runs or the pool changes
    Pool* pool = nullptr;  // made on first use, and anew in a forked child
    std::atomic<int> threads{0};
};

State& state() {
    static State* the = [] {
        auto* made = new State;
#if !defined(_WIN32)
        // Handlers before a fork run last registered first: the pool is locked before the arena, as its tasks do.
        make_arena();
        pthread_atfork([] { state().owner.lock(); }, [] { state().owner.unlock(); },
                       [] {
                           state().pool = nullptr;  // its threads did not come along
                           scratch_changed();
                           state().owner.unlock();
                       });
#endif
        return made;
    }();
    return *the;
}

#if defined(__linux__)
// Whole processors this control group may use, 0 where there is no limit (cgroup v2, then v1).
int cgroup_limit() {
    long long quota = -1, period = -1;
    if (FILE* file = std::fopen("/sys/fs/cgroup/cpu.max", "r")) {
        if (std::fscanf(file, "%lld %lld", &quota, &period) != 2) quota = -1;
        std::fclose(file);
    } else {
        auto read = [](const char* path, long long& value) {
            if (FILE* file = std::fopen(path, "r")) {
                if (std::fscanf(file, "%lld", &value) != 1) value = -1;
                std::fclose(file);
            }
        };
        read("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", quota);
        read("/sys/fs/cgroup/cpu/cpu.cfs_period_us", period);
    }
    return quota > 0 && period > 0 ? int((quota + period - 1) / period) : 0;
}
#endif

}  // namespace

int default_num_threads() {
    int threads = int(std::thread::hardware_concurrency());
#if defined(__linux__)
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) threads = CPU_COUNT(&set);
    int limit = cgroup_limit();
    if (limit > 0 && limit < threads) threads = limit;
#endif
    if (const char* text = std::getenv("OMP_NUM_THREADS")) {
        long asked = std::strtol(text, nullptr, 10);  // "4,2" means 4 at the outer level, which is ours
        if (asked > 0) threads = asked < most_threads ? int(asked) : most_threads;
    }
    return threads > 0 ? threads : 1;
}

int num_threads() {
    int threads = state().threads.load();
    if (threads == 0) {
        int expected = 0;
        state().threads.compare_exchange_strong(expected, default_num_threads());
        threads = state().threads.load();
    }
    return threads;
}

void set_num_threads(int threads) {
    std::lock_guard lock(state().owner);
    state().threads.store(threads < 1 ? 1 : threads);
    if (state().pool != nullptr && state().pool->threads() != state().threads.load()) {
        state().pool->retire();
        state().pool = nullptr;
        scratch_changed();
    }
}

namespace {

// While it lives, what this thread does is part of a region: tasks started inside are run at once.
struct Region {
    const bool outer = inside_region;
    Region() { inside_region = true; }
    ~Region() { inside_region = outer; }
};

}  // namespace

bool inside_task() { return inside_region; }

void parallel_for(int64_t tasks, void (*body)(void*, int64_t), void* context) {
    auto serial = [&] {
        for (int64_t i = 0; i < tasks; ++i) body(context, i);
    };
    if (tasks <= 1) return serial();
    Region region;
    if (region.outer || num_threads() == 1) return serial();
    std::unique_lock lock(state().owner, std::try_to_lock);
    if (!lock) return serial();
    if (state().pool == nullptr) state().pool = new Pool(num_threads());
    state().pool->run(tasks, body, context);
}

void reserve_scratch(const ScratchNeeds& needs, uint64_t& known) {
    bool tasks = false;
    for (int slot = 0; slot < slots; ++slot) {
        const size_t of_tasks = needs.of_tasks[slot], of_caller = needs.of_caller[slot];
        const size_t most = of_tasks > of_caller ? of_tasks : of_caller;
        if (most > 0) scratch(Slot(slot), most);
        tasks |= of_tasks > 0;
    }
    if (!tasks || inside_region || num_threads() == 1 || known == scratch_version()) return;
    std::lock_guard lock(state().owner);
    if (state().pool == nullptr) state().pool = new Pool(num_threads());
    const uint64_t version = scratch_version();
    if (!state().pool->reserve(needs.of_tasks)) throw std::bad_alloc();
    known = version;
}

}  // namespace nerve::runtime
