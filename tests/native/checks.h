// A small harness for checking kernels against plain loops in double, without Python: it is how the kernels are tested
// where no Python is (arm64 under emulation), and what a debugger is attached to most easily.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <string>
#include <vector>

#include "kernels.h"

namespace checks {

inline int passed = 0, failed = 0;

// Around the widths of every instruction set, in both precisions.
inline const std::vector<int64_t> sizes{0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 130, 1000};

inline void expect(bool ok, const std::string& name, const std::string& detail = "") {
    (ok ? passed : failed) += 1;
    if (!ok) std::printf("FAILED %s %s\n", name.c_str(), detail.c_str());
}

// Values in [low, high), the same on every machine (splitmix64).
template <class T>
std::vector<T> uniform(int64_t size, double low = -2, double high = 2) {
    static uint64_t state = 1;
    std::vector<T> values(size);
    for (T& value : values) {
        uint64_t z = state += 0x9e3779b97f4a7c15;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        value = T(low + (high - low) * double((z ^ (z >> 31)) >> 11) * 0x1p-53);
    }
    return values;
}

// An output buffer whose kernel must fill all of it and nothing beyond: it starts as NaN, with guards on both sides.
template <class T>
class Output {
  public:
    explicit Output(int64_t size) : size_(size), all_(size + 2 * guard, T(-77)) {
        for (int64_t i = 0; i < size; ++i) data()[i] = std::numeric_limits<T>::quiet_NaN();
    }
    explicit Output(const std::vector<T>& values) : Output(int64_t(values.size())) {
        for (int64_t i = 0; i < size_; ++i) data()[i] = values[i];
    }
    T* data() { return all_.data() + guard; }
    int64_t size() const { return size_; }
    bool guards_intact() const {
        for (int64_t i = 0; i < guard; ++i)
            if (all_[i] != T(-77) || all_[guard + size_ + i] != T(-77)) return false;
        return true;
    }

  private:
    static constexpr int64_t guard = 32;
    int64_t size_;
    std::vector<T> all_;
};

// |got - want| <= tolerance * (1 + |want|), by default 64 units of T's precision.
template <class T>
void close(const std::string& name, Output<T>& got, const std::vector<double>& want,
           double tolerance = 64 * std::numeric_limits<T>::epsilon()) {
    if (!got.guards_intact()) return expect(false, name, "wrote outside its output");
    for (int64_t i = 0; i < got.size(); ++i) {
        double error = std::abs(double(got.data()[i]) - want[i]);
        if (error > tolerance * (1 + std::abs(want[i])) || std::isnan(error)) {
            char detail[160];
            std::snprintf(detail, sizeof detail, "[%lld of %lld]: got %.17g, expected %.17g", (long long)i,
                          (long long)got.size(), double(got.data()[i]), want[i]);
            return expect(false, name, detail);
        }
    }
    expect(true, name);
}

template <class T>
std::string label(const char* kernel, int64_t size) {
    return std::string(kernel) + (sizeof(T) == 4 ? " float32 size " : " float64 size ") + std::to_string(size);
}

// One function per file, checking the families its name says, for T = float and double.
template <class T>
void elementwise(const nerve::Kernels<T>& kernels);
template <class T>
void products(const nerve::Kernels<T>& kernels);  // matmul, conv, pool
template <class T>
void rows(const nerve::Kernels<T>& kernels);  // reduce, norm, softmax
template <class T>
void moves(const nerve::Kernels<T>& kernels);  // random, indexing
template <class T>
void optim(const nerve::Kernels<T>& kernels);
template <class T>
void attention(const nerve::Kernels<T>& kernels);

}  // namespace checks
