#include "runtime/program.h"

#include <algorithm>
#include <chrono>
#include <new>
#include <numeric>
#include <set>
#include <string>

namespace nerve::runtime {

namespace {

constexpr size_t alignment = 64;
size_t rounded(size_t bytes) { return (bytes + alignment - 1) / alignment * alignment; }

// From the first call that uses it to the last.
struct Life {
    size_t temporary, bytes, first, last;
    size_t offset = 0;
    int64_t heir = -1;  // the life that goes on in its place
};

// Whether a call may write its output over an input: every element comes from those at its place alone, and they are
// read before it is written. Not where types differ: a compiler may take pointers of two types for two arrays.
bool works_in_place(const char* kernel) {
    static const std::set<std::string> names = [] {
        std::set<std::string> found;
#define KERNEL(family, name, ...) \
    if (std::string(#family) == "elementwise") found.insert(#name);
#include "kernels.inc"
        for (const char* conversion : {"to_float32", "to_float64", "to_int64", "from_int64"}) found.erase(conversion);
        return found;
    }();
    return names.count(kernel) > 0;
}

// Largest first, each at the lowest offset that is free all its life.
size_t place(std::vector<Life>& lives) {
    std::vector<size_t> order(lives.size());
    std::iota(order.begin(), order.end(), size_t(0));
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return lives[a].bytes > lives[b].bytes; });
    std::vector<size_t> placed;  // by offset
    size_t end = 0;
    for (size_t i : order) {
        Life& life = lives[i];
        size_t offset = 0;
        for (size_t j : placed) {
            const Life& other = lives[j];
            if (other.last < life.first || life.last < other.first) continue;
            if (offset + life.bytes <= other.offset) break;
            offset = std::max(offset, other.offset + other.bytes);
        }
        life.offset = offset;
        end = std::max(end, offset + life.bytes);
        auto later = [&](size_t a, size_t b) { return lives[a].offset < lives[b].offset; };
        placed.insert(std::upper_bound(placed.begin(), placed.end(), i, later), i);
    }
    return end;
}

}  // namespace

Program::~Program() {
    stop_noting();
    if (block_ != nullptr) release(block_);
}

std::vector<size_t> Program::by_address() const {
    std::vector<size_t> order(temporaries_.size());
    std::iota(order.begin(), order.end(), size_t(0));
    std::sort(order.begin(), order.end(),
              [&](size_t a, size_t b) { return temporaries_[a].data < temporaries_[b].data; });
    return order;
}

Program::Place Program::find(const std::vector<size_t>& order, const void* pointer) const {
    const char* p = static_cast<const char*>(pointer);
    auto after = std::upper_bound(order.begin(), order.end(), p,
                                  [&](const char* q, size_t i) { return q < temporaries_[i].data; });
    if (after == order.begin()) return {-1, 0};
    const Temporary& found = temporaries_[*(after - 1)];
    if (p >= found.data + found.bytes) return {-1, 0};
    return {int64_t(*(after - 1)), size_t(p - found.data)};
}

std::string Program::difference(const Program& later) const {
    const auto order = by_address(), later_order = later.by_address();
    std::vector<bool> written(later.temporaries_.size());
    for (const Step& step : later.steps_) {
        for (const Operand& operand : step.operands) {
            const Place found = later.find(later_order, operand.pointer());
            if (operand.bytes == 0 || found.temporary < 0) continue;
            if (!operand.written && !written[size_t(found.temporary)])
                return "an array that no kernel computed was given to " + std::string(step.kernel) + "\n" + step.line;
            written[size_t(found.temporary)] = true;
        }
    }
    const size_t count = std::min(steps_.size(), later.steps_.size());
    for (size_t i = 0; i < count; ++i) {
        const Step &a = steps_[i], &b = later.steps_[i];
        const std::string where = "\n" + b.line;
        if (std::strcmp(a.kernel, b.kernel) != 0)
            return "call " + std::to_string(i) + " was of " + a.kernel + " and is now of " + b.kernel + where;
        if (a.numbers != b.numbers || a.operands.size() != b.operands.size())
            return "the sizes or numbers given to " + std::string(a.kernel) + " have changed" + where;
        for (size_t j = 0; j < a.operands.size(); ++j) {
            const Operand &x = a.operands[j], &y = b.operands[j];
            if (x.bytes != y.bytes) return "an array given to " + std::string(a.kernel) + " has another size" + where;
            if (x.bytes == 0) continue;
            const Place p = find(order, x.pointer()), q = later.find(later_order, y.pointer());
            if (p.temporary != q.temporary || p.offset != q.offset)
                return std::string(a.kernel) + " was given the result of another call than before" + where;
            if (p.temporary < 0 && !x.written && x.pointer() != y.pointer() &&
                std::memcmp(x.pointer(), y.pointer(), x.bytes) != 0)
                return "an array that no kernel computed was given to " + std::string(a.kernel) +
                       " and has other values than before" + where;
        }
    }
    if (steps_.size() != later.steps_.size())
        return std::to_string(steps_.size()) + " kernels were called before, and now " +
               std::to_string(later.steps_.size());
    return "";
}

void Program::plan(const std::vector<bool>& kept) {
    const auto order = by_address();
    std::vector<Life> lives;
    std::vector<int64_t> life_of(temporaries_.size(), -1);
    struct Use {
        const Operand& operand;
        size_t life, offset;
    };
    std::vector<Use> uses;
    for (size_t i = 0; i < steps_.size(); ++i) {
        for (const Operand& operand : steps_[i].operands) {
            if (operand.bytes == 0) continue;
            const Place found = find(order, operand.pointer());
            if (found.temporary < 0 || kept[size_t(found.temporary)]) continue;
            int64_t& life = life_of[size_t(found.temporary)];
            if (life < 0) {
                life = int64_t(lives.size());
                lives.push_back({size_t(found.temporary), rounded(temporaries_[size_t(found.temporary)].bytes), i, i});
            }
            lives[size_t(life)].last = i;
            uses.push_back({operand, size_t(life), found.offset});
        }
    }
    for (size_t i = 0; i < steps_.size(); ++i) {
        const auto life_at = [&](const Operand& operand) -> Life* {
            const Place found = operand.bytes > 0 ? find(order, operand.pointer()) : Place{-1, 0};
            const int64_t life = found.temporary < 0 || found.offset > 0 ? -1 : life_of[size_t(found.temporary)];
            return life < 0 ? nullptr : &lives[size_t(life)];
        };
        const auto& operands = steps_[i].operands;
        if (operands.empty() || !works_in_place(steps_[i].kernel)) continue;
        Life* out = life_at(operands[0]);
        if (out == nullptr || out->first != i) continue;
        for (size_t j = 1; j < operands.size(); ++j) {
            Life* in = life_at(operands[j]);
            if (in == nullptr || in->first == i || in->last != i || in->heir >= 0) continue;
            if (in->bytes != out->bytes || operands[j].bytes != operands[0].bytes) continue;
            // Nor where another input is a part of it, which is read again when some of it is written.
            bool parts = false;
            for (const Operand& other : operands) {
                const bool same = other.pointer() == operands[j].pointer() && other.bytes == operands[j].bytes;
                parts |= !same && other.bytes > 0 && find(order, other.pointer()).temporary == int64_t(in->temporary);
            }
            if (parts) continue;
            in->heir = out - lives.data();
            break;
        }
    }
    // Those that follow one another are one life to be placed.
    std::vector<int64_t> begun(lives.size(), -1);
    std::vector<Life> chains;
    for (size_t i = 0; i < lives.size(); ++i) {
        int64_t& chain = begun[i];
        if (chain < 0) {
            chain = int64_t(chains.size());
            chains.push_back(lives[i]);
        }
        chains[size_t(chain)].last = lives[i].last;
        if (lives[i].heir >= 0) begun[size_t(lives[i].heir)] = chain;
    }
    const size_t bytes = place(chains);
    for (size_t i = 0; i < lives.size(); ++i) lives[i].offset = chains[size_t(begun[i])].offset;
    Block* block = allocate(bytes);
    if (block == nullptr) throw std::bad_alloc();
    for (const Use& use : uses) use.operand.set(static_cast<char*>(block->data) + lives[use.life].offset + use.offset);
    if (block_ != nullptr) release(block_);
    block_ = block;
    planned_ = bytes;
    recorded_ = 0;
    for (const Life& life : lives) recorded_ += life.bytes;
}

void Program::run() {
    reserve_scratch(needs_, reserved_);
    for (const Step& step : steps_) step.call->run();
}

std::vector<double> Program::timed_run() {
    reserve_scratch(needs_, reserved_);
    using clock = std::chrono::steady_clock;
    std::vector<double> seconds;
    seconds.reserve(steps_.size());
    for (const Step& step : steps_) {
        const auto before = clock::now();
        step.call->run();
        seconds.push_back(std::chrono::duration<double>(clock::now() - before).count());
    }
    return seconds;
}

size_t Program::operand_bytes() const {
    size_t bytes = 0;
    for (const Step& step : steps_)
        for (const Operand& operand : step.operands) bytes += operand.bytes;
    return bytes;
}

}  // namespace nerve::runtime
