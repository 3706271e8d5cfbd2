// The functions of csrc/cuda/mma.cuh on the CPU.
//
// A copy into shared memory takes place either at once or as late as its group is waited for, at random: whoever reads
// before waiting, or overwrites what others still read, is found out. A product sums as tensor cores are known to:
// terms are cut off one bit below the last one of the largest, as on an A100, and so is the sum (Fasi et al.,
// "Numerical behavior of NVIDIA tensor cores", 2021; Li et al., "FTTN", 2024: newer ones keep more).
#pragma once
#include <vector>

namespace shim {

struct Copy {
    void* to;
    const void* from;
    int bytes;
    bool valid;
};

// Of the thread that runs: groups of copies, the last of which is not ended yet.
std::vector<std::vector<Copy>>& copies();
void perform(const Copy& copy);

inline uint32_t bits_of(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}
inline float float_of(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

// The sum of nine terms as a tensor core makes it.
float cut_sum(const double (&terms)[9]);

}  // namespace shim

namespace nerve::cuda {

#ifdef NERVE_SHIM_TURING
constexpr bool has_mma = false;
#else
constexpr bool has_mma = true;
#endif

template <int bytes>
void copy_async(void* to, const void* from, bool valid) {
    if (size_t(to) % bytes != 0 || (valid && size_t(from) % bytes != 0)) shim::fail("copies what is not aligned");
    const shim::Copy copy{to, from, bytes, valid};
    if (!has_mma || shim::random_below(2))
        shim::perform(copy);
    else
        shim::copies().back().push_back(copy);
}
inline void copy_commit() { shim::copies().emplace_back(); }
template <int pending>
void copy_wait() {
    auto& groups = shim::copies();
    while (groups.size() > pending + 1) {
        for (const shim::Copy& copy : groups.front()) shim::perform(copy);
        groups.erase(groups.begin());
    }
}

inline float round_to_tf32(float x) {
    return x - x == 0 ? shim::float_of((shim::bits_of(x) + 0x1000u) & 0xffffe000u) : x;
}
inline float cut_to_tf32(float x) { return shim::float_of(shim::bits_of(x) & 0xffffe000u); }

inline void load_matrices(float (&to)[4], const float* row) {
    if (size_t(row) % 16 != 0) shim::fail("reads a matrix that is not aligned");
    const shim::Slot* rows = shim::exchange(&row, sizeof row);
    for (int i = 0; i < 4; ++i) {
        const float* from;
        memcpy(&from, rows[8 * i + threadIdx.x % 32 / 4].bytes, sizeof from);
        to[i] = from[threadIdx.x % 4];
    }
}

inline void mma(float (&sum)[4], const float (&a)[4], const float (&b)[2]) {
    struct Fragments {
        float a[4], b[2];
    } mine;
    memcpy(mine.a, a, sizeof mine.a);
    memcpy(mine.b, b, sizeof mine.b);
    for (int i = 0; i < 6; ++i) {
        const float x = i < 4 ? a[i] : b[i - 4];
        if (x - x == 0 && (shim::bits_of(x) & 0x1fffu) != 0) shim::fail("multiplies what is no tf32");
    }
    const shim::Slot* slots = shim::exchange(&mine, sizeof mine);
    const int g = threadIdx.x % 32 / 4, t = threadIdx.x % 4;
    for (int e = 0; e < 4; ++e) {
        double terms[9] = {sum[e]};
        for (int k = 0; k < 8; ++k) {
            Fragments left, right;
            memcpy(&left, slots[g * 4 + k % 4].bytes, sizeof left);
            memcpy(&right, slots[(2 * t + e % 2) * 4 + k % 4].bytes, sizeof right);
            terms[1 + k] = double(left.a[e / 2 + 2 * (k / 4)]) * double(right.b[k / 4]);
        }
        sum[e] = shim::cut_sum(terms);
    }
}

inline void mma(double (&sum)[2], const double (&a)[1], const double (&b)[1]) {
    const double mine[2] = {a[0], b[0]};
    const shim::Slot* slots = shim::exchange(mine, sizeof mine);
    const int g = threadIdx.x % 32 / 4, t = threadIdx.x % 4;
    for (int e = 0; e < 2; ++e)
        for (int k = 0; k < 4; ++k) {
            double left[2], right[2];
            memcpy(left, slots[g * 4 + k].bytes, sizeof left);
            memcpy(right, slots[(2 * t + e) * 4 + k].bytes, sizeof right);
            sum[e] = fma(left[0], right[1], sum[e]);
        }
}

}  // namespace nerve::cuda
