// Random numbers, one per element of an index space, from Philox blocks (philox.h has the rules): a thread for each
// block. Uniform numbers and dropout's masks have the CPU's bits; normal ones differ by the rounding of log, sin and
// cos.
#include "cuda/common.cuh"
#include "philox.h"

namespace nerve::cuda {
namespace {

template <class T>
constexpr int per_block = 16 / int(sizeof(T));  // elements

// The numbers of [0, 1) of one block.
__device__ void uniforms(float (&u)[4], uint64_t block, uint64_t seed) {
    uint64_t words[1][4]{{block, block >> 32, 0, 0}};
    philox4x32_10(words, PhiloxKeys<uint64_t>(seed));
    for (int i = 0; i < 4; ++i) u[i] = float(uint32_t(words[0][i]) >> 8) * 0x1p-24f;
}
__device__ void uniforms(double (&u)[2], uint64_t block, uint64_t seed) {
    uint64_t words[1][4]{{block, block >> 32, 0, 0}};
    philox4x32_10(words, PhiloxKeys<uint64_t>(seed));
    for (int i = 0; i < 2; ++i) u[i] = double((words[0][2 * i + 1] << 32 | uint32_t(words[0][2 * i])) >> 11) * 0x1p-53;
}

// --- what becomes of a block's numbers; finish(i, value) makes element i

template <class T>
struct Uniform {
    using Number = T;
    T low, span, most;
    __device__ void draw(T (&)[per_block<T>]) const {}
    __device__ T finish(int64_t, T u) const { return math::min(low + u * span, most); }
};

template <class T>
struct Normal {
    using Number = T;
    T mean, stddev;
    __device__ void draw(T (&u)[per_block<T>]) const {
        constexpr int half = per_block<T> / 2;
        for (int i = 0; i < half; ++i) {
            const T radius = math::sqrt(T(-2) * math::log(T(1) - u[i])), angle = T(6.283185307179586477) * u[half + i];
            u[i] = radius * math::cos(angle);
            u[half + i] = radius * math::sin(angle);
        }
    }
    __device__ T finish(int64_t, T z) const { return mean + z * stddev; }
};

template <class T>
struct Dropout {
    using Number = float;  // for either T
    const T* x;
    float rate;
    T scale;
    __device__ void draw(float (&)[per_block<float>]) const {}
    __device__ T finish(int64_t i, float u) const { return u < rate ? T(0) : x[i] * scale; }
};

// --- kernel and launchers

template <class T, class Draw>
__global__ void random_kernel(T* out, int64_t size, uint64_t seed, uint64_t offset, Draw draw) {
    constexpr int numbers = per_block<typename Draw::Number>;
    for (int64_t block = first_index(); block * numbers < size; block += index_step()) {
        typename Draw::Number u[numbers];
        uniforms(u, offset + uint64_t(block), seed);
        draw.draw(u);
        for (int j = 0; j < numbers; ++j) {
            const int64_t i = block * numbers + j;
            if (i < size) out[i] = draw.finish(i, u[j]);
        }
    }
}

template <class T, class Draw>
void fill(Stream stream, T* out, int64_t size, uint64_t seed, uint64_t offset, Draw draw) {
    const int64_t blocks = divide_up(size, per_block<typename Draw::Number>);
    launch(stream, random_kernel<T, Draw>, loop_blocks(blocks), out, size, seed, offset, draw);
}

}  // namespace

// low + u (high - low) can round up to high, which the interval leaves out.
template <class T>
void random_uniform(Stream stream, T* out, int64_t size, uint64_t seed, uint64_t offset, double low, double high) {
    const T first = T(low), last = T(high);
    fill(stream, out, size, seed, offset,
         Uniform<T>{first, last - first, last > first ? std::nextafter(last, first) : first});
}

template <class T>
void random_normal(Stream stream, T* out, int64_t size, uint64_t seed, uint64_t offset, double mean, double stddev) {
    fill(stream, out, size, seed, offset, Normal<T>{T(mean), T(stddev)});
}

template <class T>
void dropout(Stream stream, T* out, const T* x, int64_t size, double rate, uint64_t seed, uint64_t offset) {
    fill(stream, out, size, seed, offset, Dropout<T>{x, float(rate), T(1 / (1 - rate))});
}

}  // namespace nerve::cuda

#define NERVE_FAMILY "kernels/random.inc"
#include "cuda/instantiate.cuh"
