// Connectionist temporal classification: Graves et al., "Connectionist temporal classification: labelling unsegmented
// sequence data with recurrent neural networks", ICML 2006.
//
// The states of a sequence are its labels with a blank before, between and behind them. alpha[t][s], the logarithm of
// the probability of all ways to be in state s at step t, comes from the states s, s - 1 and, over a blank between
// different labels, s - 2 of the step before; beta[t][s], of all ways from there to the end, in the same way backwards.
// Each step's are shifted so that their maximum is 0: what matters then is small and exact also in long sequences, and
// the occupancy exp(alpha + beta) is had by its sum being 1. A sequence is a task, a step's states are vectors.
#include "cpu/math.h"
#include "cpu/parallel.h"
#include "cpu/simd.h"
#include "shapes.h"

namespace nerve::NERVE_ISA {
namespace {

// In place of -infinity: sums of it and anything stay finite, and their exponentials are 0.
template <class T>
constexpr T none = T(-1e30);

template <class T>
NERVE_INLINE vec<T> log_sum(vec<T> a, vec<T> b, vec<T> c) {
    const vec<T> most = max(max(a, b), c);
    return most + math::log(math::exp(a - most) + math::exp(b - most) + math::exp(c - most));
}

template <class T>
struct Sequence {
    const T* log_probabilities;  // (steps, classes)
    const int64_t* labels;
    int64_t steps, classes, states, blank;
    T *skip, *emitted, *before, *now;  // with `margin` elements of `none` on both sides, as far as vectors reach

    static constexpr int64_t margin = vec<T>::size + 2;
    static int64_t padded(int64_t states) { return states + 2 * margin; }

    int64_t label(int64_t s) const { return s % 2 == 0 ? blank : labels[s / 2]; }

    void prepare(T* memory) {
        for (int64_t i = 0; i < 4 * padded(states); ++i) memory[i] = none<T>;
        skip = memory + margin, emitted = skip + padded(states);
        before = emitted + padded(states), now = before + padded(states);
        for (int64_t s = 3; s < states; s += 2)
            if (label(s) != blank && label(s) != label(s - 2)) skip[s] = 0;
    }

    void emit(int64_t t) {
        const T* p = log_probabilities + t * classes;
        for (int64_t s = 0; s < states; ++s) {
            const T value = p[label(s)];
            emitted[s] = value < none<T> ? none<T> : value;
        }
    }

    // Take what the maximum is off a row; nothing if there is no way to be in any state.
    double shift(T* row) const {
        T most = row[0];
        for (int64_t s = 1; s < states; ++s) most = row[s] > most || row[s] != row[s] ? row[s] : most;
        if (most < none<T> / 2) return 0;
        for (int64_t s = 0; s < states; ++s) row[s] -= most;
        return double(most);
    }

    void swap() {
        T* other = before;
        before = now, now = other;
    }

    // Rows of alpha go to `alpha`; gives the logarithm of the labels' probability.
    double forward(T* alpha) {
        double shifted = 0;
        for (int64_t t = 0; t < steps; ++t) {
            emit(t);
            if (t == 0) {
                for (int64_t s = 0; s < 2 && s < states; ++s) now[s] = emitted[s];
            } else {
                for (int64_t s = 0; s < states; s += vec<T>::size)
                    store(now + s,
                          log_sum(load(before + s), load(before + s - 1), load(before + s - 2) + load(skip + s)) +
                              load(emitted + s));
                clear(now);
            }
            shifted += shift(now);
            std::memcpy(alpha + t * states, now, size_t(states) * sizeof(T));
            swap();
        }
        if (steps == 0) return states == 1 ? 0.0 : double(none<T>);
        alignas(64) T total[vec<T>::size];
        const vec<T> nothing(none<T>), last(before[states - 1]);
        store(total, log_sum(last, states > 1 ? vec<T>(before[states - 2]) : nothing, nothing));
        return shifted + double(total[0]);
    }

    // What vectors wrote behind the last state.
    void clear(T* row) const {
        for (int64_t s = states; s < states + vec<T>::size; ++s) row[s] = none<T>;
    }

    // alpha becomes the occupancy, and its sums by label are taken off grad.
    void backward(T* alpha, T* grad) {
        for (int64_t s = 0; s < states; ++s) before[s] = s >= states - 2 ? T(0) : none<T>;
        clear(before), clear(now);
        for (int64_t t = steps - 1; t >= 0; --t) {
            T* row = alpha + t * states;
            occupy(row);
            T* slopes = grad + t * classes;
            for (int64_t s = 0; s < states; ++s) slopes[label(s)] -= row[s];
            if (t == 0) return;
            emit(t);
            for (int64_t s = 0; s < states; ++s) before[s] += emitted[s];
            for (int64_t s = 0; s < states; s += vec<T>::size)
                store(now + s,
                      log_sum(load(before + s), load(before + s + 1), load(before + s + 2) + load(skip + s + 2)));
            clear(now);
            shift(now);
            swap();
        }
    }

    // exp(alpha + beta), scaled to a sum of 1.
    void occupy(T* row) const {
        for (int64_t s = 0; s < states; ++s) row[s] += before[s];
        shift(row);
        for (int64_t s = 0; s < states; s += vec<T>::size) {
            const int64_t n = states - s < vec<T>::size ? states - s : vec<T>::size;
            store_partial(row + s, math::exp(load_partial(row + s, n)), n);
        }
        double sum = 0;
        for (int64_t s = 0; s < states; ++s) sum += double(row[s]);
        const T scale = T(1 / sum);
        for (int64_t s = 0; s < states; ++s) row[s] *= scale;
    }
};

}  // namespace

template <class T>
void ctc_loss(T* loss, T* grad, T* occupancy, T* work, const T* log_probabilities, const int64_t* labels,
              const int64_t* label_lengths, const int64_t* lengths, int64_t batch, int64_t time, int64_t classes,
              int64_t length, int64_t blank) {
    const int64_t most = 2 * length + 1;
    std::memset(work, 0, size_t(batch * 2 * most) * sizeof(T));
    parallel(batch, [=](int64_t b) {
        Sequence<T> sequence{log_probabilities + b * time * classes,
                             labels + b * length,
                             lengths[b],
                             classes,
                             2 * label_lengths[b] + 1,
                             blank,
                             nullptr,
                             nullptr,
                             nullptr,
                             nullptr};
        const int64_t size = 4 * Sequence<T>::padded(sequence.states);
        sequence.prepare(static_cast<T*>(runtime::scratch(runtime::workspace, size_t(size) * sizeof(T))));
        T *rows = occupancy + b * time * most, *slopes = grad + b * time * classes;
        std::memset(slopes, 0, size_t(time * classes) * sizeof(T));
        const double total = sequence.forward(rows);
        const bool possible = !(total < double(none<T>) / 2);
        loss[b] = possible ? T(-total) : T(__builtin_inf());
        if (possible) sequence.backward(rows, slopes);
        // From rows of this sequence's states to rows of the most there are, the last one first.
        for (int64_t t = time - 1; t >= 0; --t) {
            const int64_t filled = possible && t < sequence.steps ? sequence.states : 0;
            std::memmove(rows + t * most, rows + t * sequence.states, size_t(filled) * sizeof(T));
            std::memset(rows + t * most + filled, 0, size_t(most - filled) * sizeof(T));
        }
    });
}

}  // namespace nerve::NERVE_ISA

#define NERVE_FAMILY "kernels/ctc.inc"
#include "cpu/instantiate.h"
