// Random numbers, one per element of an index space, from Philox blocks (philox.h has the rules). Lanes are blocks:
// two times eight at once on AVX-512.
#include "cpu/math.h"
#include "cpu/parallel.h"
#include "cpu/shuffle.h"
#include "cpu/simd.h"
#include "philox.h"
#include "shapes.h"

namespace nerve::NERVE_ISA {

namespace {

constexpr int64_t task_elements = 16384;

template <class T>
constexpr int per_block = 16 / int(sizeof(T));  // elements
template <class T>
constexpr int64_t group = 2 * vec<T>::size;  // elements in one block of every lane
constexpr int at_once = 2;                   // blocks of every lane

template <class T>
struct Pair {
    vec<T> first, second;
};

// The 64 bits of the first half of each block, and of the second.
struct Halves {
    words first, second;
};

NERVE_INLINE void draw_blocks(Halves (&out)[at_once], uint64_t block, const PhiloxKeys<words>& keys) {
    constexpr uint64_t low = 0xffffffff;
    words x[at_once][4], lane;
    for (int i = 0; i < vector_bytes / 8; ++i) lane[i] = uint64_t(i);
    for (int i = 0; i < at_once; ++i) {
        const words counter = lane + (block + uint64_t(i) * (vector_bytes / 8));
        x[i][0] = counter, x[i][1] = counter >> 32, x[i][2] = words{}, x[i][3] = words{};
    }
    philox4x32_10(x, keys);
    for (int i = 0; i < at_once; ++i) out[i] = {(x[i][0] & low) | x[i][1] << 32, (x[i][2] & low) | x[i][3] << 32};
}

// Bits of a block in each 64-bit lane as numbers of [0, 1). Exact, so the same on every instruction set.
template <class T>
NERVE_INLINE vec<T> uniform_from(words w) {
    if constexpr (sizeof(T) == 4) {
        typedef uint32_t halves __attribute__((vector_size(vector_bytes)));
        return to_float<T>((bits<T>)((halves)w >> 8)) * vec<T>(T(0x1p-24));
    } else {
        // The 53 bits in two parts that fit below 2^52, where adding 2^52 turns an integer into a double's low bits.
        const words shift = (words)vec<T>(T(0x1p52)).v;
        const vec<T> high = from_bits<T>((bits<T>)(w >> 32 | shift)) - vec<T>(T(0x1p52));
        const vec<T> low = from_bits<T>((bits<T>)((w & 0xffffffff) >> 11 | shift)) - vec<T>(T(0x1p52));
        return high * vec<T>(T(0x1p-32)) + low * vec<T>(T(0x1p-53));
    }
}

// Halves of blocks put side by side: the elements in order.
template <class T>
NERVE_INLINE Pair<T> in_order(Pair<T> halves) {
    vec<double> low, high;
    interleave(vec<double>((vec<double>::native)halves.first.v), vec<double>((vec<double>::native)halves.second.v), low,
               high);
    return {(typename vec<T>::native)low.v, (typename vec<T>::native)high.v};
}

// finish(i, n, value): elements i .. i + n - 1 (n <= vec::size), where draw(halves) made `value` of their numbers. T
// says how many elements a block is for.
template <class T, class Draw, class Finish>
NERVE_INLINE void for_elements(int64_t size, uint64_t seed, uint64_t offset, const Draw& draw, const Finish& finish) {
    constexpr int n = vec<T>::size;
    const PhiloxKeys<words> keys(seed);
    parallel_blocks(size, task_elements, [&](int64_t begin, int64_t end) {
        int64_t i = begin;
        Halves halves[at_once];
        for (; i + at_once * group<T> <= end; i += at_once * group<T>) {
            draw_blocks(halves, offset + uint64_t(i / per_block<T>), keys);
#pragma GCC unroll 4
            for (int j = 0; j < at_once; ++j) {
                const Pair<T> value = in_order<T>(draw(halves[j]));
                finish(i + j * group<T>, n, value.first);
                finish(i + j * group<T> + n, n, value.second);
            }
        }
        if (i == end) return;
        draw_blocks(halves, offset + uint64_t(i / per_block<T>), keys);
        for (int j = 0; j < at_once; ++j, i += group<T>) {
            const Pair<T> value = in_order<T>(draw(halves[j]));
            if (end > i) finish(i, end - i < n ? end - i : n, value.first);
            if (end > i + n) finish(i + n, end - i - n < n ? end - i - n : n, value.second);
        }
    });
}

// log(x) for a normal x of (0, 1], without the care for others that takes some instructions nothing and others much.
template <class T>
NERVE_INLINE vec<T> log_of_normal(vec<T> x) {
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4) return math::log(x);
#endif
    const math::ReducedLogarithm<T> reduced = math::reduce_logarithm(x);
    return math::log_reduced(reduced, sizeof(T) == 4 ? reduced.f : vec<T>(T(0)));
}

// The cosine and the sine of 2 pi u for 0 <= u < 1. Quarter turns are taken off exactly.
template <class T>
NERVE_INLINE Pair<T> around_circle(vec<T> u) {
    using math::from_words, math::to_words;
    constexpr int top = 8 * sizeof(T) - 2;
    const vec<T> shift(math::rounding_shift<T>), quarters = vec<T>(T(4)) * u, shifted = quarters + shift;
    const vec<T> r = (quarters - (shifted - shift)) * vec<T>(T(1.5707963267948966192));
    const math::words<T> quadrant = to_words(shifted);
    const mask<T> odd{(quadrant & 1) != 0};
    const vec<T> c = math::cos_reduced(r), s = math::sin_reduced(r, vec<T>(T(0)));
    return {from_words<T>(to_words(select(odd, s, c)) ^ ((quadrant + 1) & 2) << top),
            from_words<T>(to_words(select(odd, c, s)) ^ (quadrant & 2) << top)};
}

template <class T>
NERVE_INLINE void store_some(T* p, vec<T> x, int64_t n) {
    n == vec<T>::size ? store(p, x) : store_partial(p, x, n);
}

// Lanes first, first + 1, ... of float numbers' bits, in lanes of T.
typedef uint32_t words32 __attribute__((vector_size(vector_bytes)));
template <class T>
NERVE_INLINE auto lanes_from(words32 w, int first) {
    if constexpr (sizeof(T) == 4) {
        return w;
    } else {
        typedef uint32_t some __attribute__((vector_size(vector_bytes / 2)));
        some values;
        std::memcpy(&values, reinterpret_cast<const char*>(&w) + first * sizeof(uint32_t), sizeof values);
        return __builtin_convertvector(values, words);
    }
}

// The largest number below x.
template <class T>
T below(T x) {
    using I = typename vec<T>::integer;
    constexpr I sign = I(1) << (8 * sizeof(T) - 1);
    I b;
    std::memcpy(&b, &x, sizeof x);
    b = x == 0 ? sign | 1 : x > 0 ? b - 1 : b + 1;
    std::memcpy(&x, &b, sizeof x);
    return x;
}

}  // namespace

// low + u (high - low) can round up to high, which the interval leaves out.
template <class T>
void random_uniform(T* out, int64_t size, uint64_t seed, uint64_t offset, double low, double high) {
    using V = vec<T>;
    const T first = T(low), last = T(high) > first ? below(T(high)) : first;
    const V start(first), span(T(high) - first), most(last);
    for_elements<T>(
        size, seed, offset,
        [](Halves w) NERVE_LAMBDA_INLINE -> Pair<T> { return {uniform_from<T>(w.first), uniform_from<T>(w.second)}; },
        [=](int64_t i, int64_t n, V u) NERVE_LAMBDA_INLINE { store_some(out + i, min(start + u * span, most), n); });
}

template <class T>
void random_normal(T* out, int64_t size, uint64_t seed, uint64_t offset, double mean, double stddev) {
    using V = vec<T>;
    const V shift{T(mean)}, scale{T(stddev)}, one(T(1)), minus_two(T(-2));
    for_elements<T>(
        size, seed, offset,
        [=](Halves w) NERVE_LAMBDA_INLINE -> Pair<T> {
            const V radius = sqrt(minus_two * log_of_normal(one - uniform_from<T>(w.first)));
            const Pair<T> direction = around_circle(uniform_from<T>(w.second));
            return {radius * direction.first, radius * direction.second};
        },
        [=](int64_t i, int64_t n, V z) NERVE_LAMBDA_INLINE { store_some(out + i, shift + z * scale, n); });
}

// The mask is made of the float numbers for either type: u < rate, where u = (w >> 8) 2^-24, says the same as w <=
// last.
template <class T>
void dropout(T* out, const T* x, int64_t size, double rate, uint64_t seed, uint64_t offset) {
    constexpr int n = vec<T>::size;
    const vec<T> scale{T(1 / (1 - rate))}, zero(T(0));
    const double steps = double(float(rate)) * 0x1p24;  // those u below are dropped
    const int64_t dropped = int64_t(steps) + (steps > double(int64_t(steps)));
    const uint32_t last = uint32_t((dropped << 8) - 1);
    if (dropped == 0)
        return parallel_blocks(size, task_elements, [=](int64_t begin, int64_t end) {
            for (int64_t i = begin; i < end; i += n) {
                if (end - i >= n)
                    store(out + i, load(x + i) * scale);
                else
                    store_partial(out + i, load_partial(x + i, end - i) * scale, end - i);
            }
        });
    for_elements<float>(
        size, seed, offset,
        [](Halves w)
            NERVE_LAMBDA_INLINE -> Pair<float> { return {(vec<float>::native)w.first, (vec<float>::native)w.second}; },
        [=](int64_t i, int64_t count, vec<float> numbers) NERVE_LAMBDA_INLINE {
            const words32 w = (words32)numbers.v;
            for (int j = 0; j < vec<float>::size / n; ++j) {
                const int64_t first = i + j * n, left = i + count - first;
                const auto lane = lanes_from<T>(w, j * n);
                const mask<T> gone{(bits<T>)(lane <= last)};
                if (left >= n)
                    store(out + first, select(gone, zero, load(x + first) * scale));
                else if (left > 0)
                    store_partial(out + first, select(gone, zero, load_partial(x + first, left) * scale), left);
            }
        });
}

}  // namespace nerve::NERVE_ISA

#define NERVE_FAMILY "kernels/random.inc"
#include "cpu/instantiate.h"
