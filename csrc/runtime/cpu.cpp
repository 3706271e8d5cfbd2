// Built with baseline flags: nothing here may run an instruction before it is known to exist.
#include "runtime/cpu.h"

#include <atomic>
#include <cstdlib>
#include <stdexcept>

#include "runtime/runtime.h"

#if defined(__x86_64__) || defined(_M_X64)
#include <cpuid.h>
#define NERVE_X86 1
#endif
#if defined(__linux__) && defined(NERVE_X86)
#include <sys/syscall.h>
#include <unistd.h>
#endif

// NERVE_ISAS is a list ISA(baseline) ISA(avx2) ... of the levels built, lowest first (CMakeLists.txt).
#define ISA(name) extern "C" const nerve::KernelTable* nerve_table_##name();
NERVE_ISAS
#undef ISA

namespace nerve::runtime {
namespace {

struct Features {
    bool avx2 = false, avx512 = false, vnni = false, amx_bf16 = false, amx_fp16 = false;
};

#if defined(NERVE_AMX_EMULATION)
constexpr bool emulated = true;
#else
constexpr bool emulated = false;
#endif

#ifdef NERVE_X86
uint64_t enabled_states() {  // XCR0: which registers the system saves
    uint32_t low, high;
    asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return uint64_t(high) << 32 | low;
}

// Asked once for the process; its children inherit the answer.
bool amx_permitted() {
#if defined(__linux__)
    constexpr long request_permission = 0x1023, tile_data = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
    return syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
#else
    return false;
#endif
}

Features detect() {
    Features found;
    uint32_t a, b, c, d;
    auto bit = [](uint32_t word, int index) { return (word >> index & 1) != 0; };
    if (!__get_cpuid(1, &a, &b, &c, &d) || !bit(c, 27)) return found;  // OSXSAVE
    bool fma = bit(c, 12), f16c = bit(c, 29), avx = bit(c, 28);
    uint64_t states = enabled_states();
    bool ymm = (states & 0x6) == 0x6, zmm = (states & 0xe6) == 0xe6, tiles = (states & 0x60000) == 0x60000;
    uint32_t a7, b7, c7, d7;
    if (!__get_cpuid_count(7, 0, &a7, &b7, &c7, &d7)) return found;
    found.avx2 = ymm && avx && fma && f16c && bit(b7, 5) && bit(b7, 8);  // AVX2, BMI2
    // F, DQ, CD, BW, VL
    found.avx512 = found.avx2 && zmm && bit(b7, 16) && bit(b7, 17) && bit(b7, 28) && bit(b7, 30) && bit(b7, 31);
    found.vnni = found.avx512 && bit(c7, 11);
    if (emulated) {
        found.amx_bf16 = found.amx_fp16 = found.avx512;
    } else if (found.avx512 && tiles && bit(d7, 24) && bit(d7, 22) && amx_permitted()) {
        found.amx_bf16 = true;
        found.amx_fp16 = __get_cpuid_count(7, 1, &a, &b, &c, &d) && bit(a, 21);
    }
    return found;
}
#else
Features detect() { return {}; }
#endif

const Features& features() {
    static const Features found = detect();
    return found;
}

bool runs(const std::string& isa) {
    if (isa == "avx2") return features().avx2;
    if (isa == "avx512") return features().avx512;
    return true;  // baseline, neon: what the module itself is built for
}

struct Level {
    std::string name;
    const KernelTable* table;
};

// The levels usable here, and of what their kernels may make products.
struct Usable {
    std::vector<Level> levels;
    bool dots16 = false;
    Split pieces = Split::none;
};

Usable find_usable() {
    const Level built[] = {
#define ISA(name) {#name, nerve_table_##name()},
        NERVE_ISAS
#undef ISA
    };
    const char* most = std::getenv("NERVE_MAX_ISA");
    const std::string cap = most == nullptr ? "" : most;
    Usable usable;
    std::string names;
    bool known = cap.empty(), beyond = false;  // beyond the cap
    auto allowed = [&](const std::string& name) {
        names += (names.empty() ? "" : ", ") + name;
        const bool within = !beyond;
        if (name == cap) known = beyond = true;
        return within;
    };
    for (const Level& level : built) {
        if (allowed(level.name) && runs(level.name)) usable.levels.push_back(level);
        if (level.name != "avx512") continue;
        // Kernels of that level, with dot products of integers, and with matrix units.
        if (allowed("avx512_vnni") && features().vnni) usable.dots16 = true;
        if (allowed("amx_bf16") && features().amx_bf16) usable.pieces = Split::bf16x6;
        if (allowed("amx_fp16") && features().amx_fp16) usable.pieces = Split::fp16x3;
    }
    if (!known) throw std::invalid_argument("NERVE_MAX_ISA expects one of " + names + ", got " + cap);
    return usable;
}

const Usable& usable() {
    static const Usable found = find_usable();
    return found;
}
const std::vector<Level>& levels() { return usable().levels; }

const std::string precisions[] = {"highest", "high", "medium"};
std::atomic<int> precision{1};

std::atomic<const KernelTable*> active{nullptr};

}  // namespace

std::vector<std::string> usable_isas() {
    std::vector<std::string> names;
    for (const Level& level : levels()) names.push_back(level.name);
    return names;
}

std::vector<std::string> cpu_features() {
    std::vector<std::string> names;
    if (features().avx2) names.push_back("avx2");
    if (features().avx512) names.push_back("avx512");
    if (features().vnni) names.push_back("avx512-vnni");
    if (features().amx_bf16) names.push_back(emulated ? "emulated-amx-bf16" : "amx-bf16");
    if (features().amx_fp16) names.push_back(emulated ? "emulated-amx-fp16" : "amx-fp16");
    return names;
}

void set_isa(const std::string& name) {
    std::string names;
    for (const Level& level : levels()) {
        if (level.name == name) return active.store(level.table);
        names += (names.empty() ? "" : ", ") + level.name;
    }
    throw std::invalid_argument("set_isa expects one of " + names + " on this machine, got " + name);
}

const KernelTable& active_table() {
    const KernelTable* table = active.load(std::memory_order_relaxed);
    if (table == nullptr) {
        table = levels().back().table;
        active.store(table);
    }
    return *table;
}

bool has_dots16() { return usable().dots16; }

Split matmul_split() {
    const int wanted = precision.load(std::memory_order_relaxed);
    if (wanted == 0 || usable().pieces == Split::none) return Split::none;
    return wanted == 2 ? Split::bf16 : usable().pieces;
}

std::string matmul_precision() { return precisions[precision.load()]; }

void set_matmul_precision(const std::string& name) {
    for (int i = 0; i < 3; ++i)
        if (precisions[i] == name) return precision.store(i);
    throw std::invalid_argument("set_matmul_precision expects one of highest, high, medium, got " + name);
}

std::string matmul_pieces() {
    constexpr const char* names[] = {"float32", "bf16", "bf16x6", "fp16x3"};
    return names[active_table().isa == std::string("avx512") ? int(matmul_split()) : 0];
}

}  // namespace nerve::runtime
