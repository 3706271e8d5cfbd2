// Attention of a few queries, as in decoding one position at a time: keys and values are read once, where they lie.
// Scores are dot products along a key's row, results weighted sums of rows of values. A task has a
// sequence's queries, all heads of them, and its keys or, where there are few sequences, a part of these.
#pragma once
#include "cpu/attention_softmax.h"
#include "cpu/parallel.h"
#include "cpu/shuffle.h"

namespace nerve::NERVE_ISA::tiles {

constexpr int64_t few_queries = 8;
constexpr int64_t few_keys = 256;      // whose scores are held at a time
constexpr int64_t stripe = 16;         // keys between one head and the next
constexpr int64_t few_part = 64;       // keys of a part at least
constexpr int64_t few_work = 1 << 18;  // of a block of tasks, about 5 us
constexpr int64_t few_tasks_wanted = 8;
constexpr int64_t near = 1 << 22;  // bytes of keys and values up to which the caches hold them

// The dot products of x, filled up with zeros to whole lanes, with the rows y[at[0]], y[at[1]] ...: lanes as `dot` has
// them, folded in the same order.
template <class T>
NERVE_INLINE vec<T> dots_of(const T* x, const T* const (&rows)[vec<T>::size], int64_t size) {
    using V = vec<T>;
    constexpr int n = V::size, parts = Lanes<T>::parts, at_once = 8 / parts < n ? 8 / parts : n;
    V folded[n];
#pragma GCC unroll 8
    for (int first = 0; first < n; first += at_once) {
        V sum[at_once][parts];
#pragma GCC unroll 8
        for (int r = 0; r < at_once; ++r)
#pragma GCC unroll 4
            for (int j = 0; j < parts; ++j) sum[r][j] = V(T(0));
        int64_t i = 0;
        for (; i + lanes<T> <= size; i += lanes<T>)
#pragma GCC unroll 4
            for (int j = 0; j < parts; ++j) {
                const V xs = load(x + i + j * n);
#pragma GCC unroll 8
                for (int r = 0; r < at_once; ++r) sum[r][j] = fma(load(rows[first + r] + i + j * n), xs, sum[r][j]);
            }
        for (int j = 0; i < size; ++j, i += n)
#pragma GCC unroll 8
            for (int r = 0; r < at_once; ++r)
                sum[r][j] = fma(load_partial(rows[first + r] + i, smaller(size - i, n)), load(x + i), sum[r][j]);
#pragma GCC unroll 8
        for (int r = 0; r < at_once; ++r) {
#pragma GCC unroll 4
            for (int width = parts / 2; width > 0; width /= 2)
#pragma GCC unroll 4
                for (int j = 0; j < width; ++j) sum[r][j] = sum[r][j] + sum[r][j + width];
            folded[first + r] = sum[r][0];
        }
    }
    return fold_rows<n / 2, T>(folded, [](V a, V b) { return a + b; });
}

// scores[r, k] = queries[r] . keys[k]; writes whole vectors of keys.
template <class T>
void few_scores(T* scores, int64_t score_row, const T* queries, int64_t query_row, int64_t count, const T* keys,
                int64_t key_row, int64_t width, int64_t size) {
    constexpr int n = vec<T>::size;
    for (int64_t k = 0; k < width; k += n) {
        const T* rows[n];
        for (int64_t i = 0; i < n; ++i) rows[i] = keys + smaller(k + i, width - 1) * key_row;
        for (int64_t r = 0; r < count; ++r)
            store(scores + r * score_row + k, dots_of(queries + r * query_row, rows, size));
    }
}

// R rows of J vectors, of which the last has `left` lanes: c = shrink[r] c + weights @ values.
template <int R, int J, class T>
NERVE_NOINLINE void weigh_tile(int64_t inner, const T* weights, int64_t weight_row, const T* values, int64_t value_row,
                               T* c, int64_t c_row, int64_t left) {
    using V = vec<T>;
    V sum[R][J];
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
        for (int j = 0; j < J; ++j) sum[r][j] = load(c + r * c_row + j * V::size);
    auto add = [&](auto last) NERVE_LAMBDA_INLINE {
        for (int64_t k = 0; k < inner; ++k, values += value_row) {
            V row[J];
#pragma GCC unroll 8
            for (int j = 0; j < J; ++j) row[j] = j < J - 1 ? load(values + j * V::size) : last(values + j * V::size);
#pragma GCC unroll 4
            for (int r = 0; r < R; ++r) {
                const V weight(weights[r * weight_row + k]);
#pragma GCC unroll 8
                for (int j = 0; j < J; ++j) sum[r][j] = fma(weight, row[j], sum[r][j]);
            }
        }
    };
    if (left == V::size)
        add([](const T* p) NERVE_LAMBDA_INLINE { return load(p); });
    else
        add([&](const T* p) NERVE_LAMBDA_INLINE { return load_partial(p, left); });
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
        for (int j = 0; j < J; ++j) store(c + r * c_row + j * V::size, sum[r][j]);
}

template <int R, class T>
void weigh_rows(int64_t inner, const T* weights, int64_t weight_row, const T* values, int64_t value_row, T* c,
                int64_t c_row, int64_t size) {
    constexpr int n = vec<T>::size, most = vector_bytes == 64 && R > 1 ? 16 / R : 8 / R;
    auto run = [&](int64_t column, auto vectors) NERVE_LAMBDA_INLINE {
        weigh_tile<R, decltype(vectors)::value>(inner, weights, weight_row, values + column, value_row, c + column,
                                                c_row, smaller(size - column - (vectors - 1) * n, n));
        return column + vectors * n;
    };
    int64_t column = 0;
    while (column < size) {
        const int64_t vectors = (size - column + n - 1) / n;
        if (most == 8 && vectors >= 8)
            column = run(column, std::integral_constant<int, most == 8 ? 8 : 1>());
        else if (most >= 4 && vectors >= 4)
            column = run(column, std::integral_constant<int, most >= 4 ? 4 : 1>());
        else if (vectors >= 2)
            column = run(column, std::integral_constant<int, 2>());
        else
            column = run(column, std::integral_constant<int, 1>());
    }
}

// c += weights @ values.
template <class T>
void weigh(int64_t rows, int64_t inner, const T* weights, int64_t weight_row, const T* values, int64_t value_row, T* c,
           int64_t c_row, int64_t size) {
    int64_t r = 0;
    for (; r + 4 <= rows; r += 4)
        weigh_rows<4>(inner, weights + r * weight_row, weight_row, values, value_row, c + r * c_row, c_row, size);
    for (; r + 2 <= rows; r += 2)
        weigh_rows<2>(inner, weights + r * weight_row, weight_row, values, value_row, c + r * c_row, c_row, size);
    if (r < rows)
        weigh_rows<1>(inner, weights + r * weight_row, weight_row, values, value_row, c + r * c_row, c_row, size);
}

// A head's rows of the next stripe are asked for while this one's are computed with.
template <class T>
void ask_for_stripe(const Head<const T>& rows, int64_t k, int64_t end, int64_t size) {
    for (const int64_t past = smaller(k + stripe, end); k < past; ++k) prefetch_row<0>(rows.data + k * rows.row, size);
}

// What a part of the keys gives for all `rows` of a sequence, head by head: sums of weighted values, of weights (in
// lanes), and what the weights are relative to.
template <class T>
struct FewPart {
    T *results, *sums, *highest;
    FewPart(T* data, int64_t rows, int64_t value_size)
        : results(data), sums(results + rows * value_size), highest(sums + rows * lanes<T>) {}
    static int64_t size(int64_t rows, int64_t value_size) {
        return rows * (value_size + lanes<T>)+round_up(rows, lanes<T>);
    }
};

template <class T>
struct FewCall {
    T *out, *logsumexp;
    const T *query, *key, *value;
    const bool* mask;
    const AttentionShape& s;
    T scale;
    bool causal;

    int64_t rows() const { return s.heads * s.query_length; }
    int64_t value_size() const { return round_up(s.value_size, lanes<T>); }

    // Sequence b against keys begin .. end. All heads at a few keys, then at the next few, so that memory is read from
    // front to back.
    void part(const FewPart<T>& to, int64_t b, int64_t begin, int64_t end) const {
        constexpr int64_t L = lanes<T>, row = few_keys + L;
        const int64_t size = round_up(s.key_size, L), results = value_size(), shared = rows() / s.key_heads;
        T *queries, *scores;
        Pieces<T> pieces;
        for (int pass = 0; pass < 2; ++pass) {  // the first only counts
            if (pass == 1) pieces.allocate(runtime::packed_a);
            queries = pieces.take(rows() * size), scores = pieces.take(rows() * row);
        }
        for (int64_t h = 0; h < s.heads; ++h) {
            const auto from = head_of(query, b, h, s.query_length, s.heads, s.key_size);
            copy_rows(queries + h * s.query_length * size, s.query_length, size, from.data, s.query_length, from.row,
                      s.key_size, scale * unit<T>);
        }
        const bool far = s.batch * s.key_length * s.key_heads * (s.key_size + s.value_size) * int64_t(sizeof(T)) > near;
        std::memset(to.results, 0, size_t(rows() * (results + L)) * sizeof(T));
        for (int64_t r = 0; r < rows(); ++r) to.highest[r] = -math::infinity<T>;
        for (int64_t k0 = begin; k0 < end; k0 += few_keys) {
            const int64_t width = smaller(end - k0, few_keys);
            auto stripes = [&](auto body) NERVE_LAMBDA_INLINE {
                for (int64_t k = 0; k < width; k += stripe)
                    for (int64_t h = 0; h < s.key_heads; ++h) body(h, k, smaller(width - k, stripe));
            };
            stripes([&](int64_t h, int64_t k, int64_t count) {
                const auto from = head_of(key, b, h, s.key_length, s.key_heads, s.key_size);
                if (far) ask_for_stripe(from, k0 + k + stripe, end, s.key_size);
                few_scores(scores + h * shared * row + k, row, queries + h * shared * size, size, shared,
                           from.data + (k0 + k) * from.row, from.row, count, s.key_size);
            });
            for (int64_t r = 0; r < rows(); ++r) {
                const int64_t h = r / s.query_length, q = r % s.query_length;
                const Seen seen{causal ? larger(smaller(q + 1 - k0, width), 0) : width, mask_row(mask, s, b, h, q, k0)};
                const T shrink = online_softmax(scores + r * row, seen, width, to.highest + r, to.sums + r * L);
                T* result = to.results + r * results;
                if (k0 > begin && shrink != 1) write_row<false>(result, result, results, shrink);
            }
            stripes([&](int64_t h, int64_t k, int64_t count) {
                const auto from = head_of(value, b, h, s.key_length, s.key_heads, s.value_size);
                if (far) ask_for_stripe(from, k0 + k + stripe, end, s.value_size);
                weigh(shared, count, scores + h * shared * row + k, row, from.data + (k0 + k) * from.row, from.row,
                      to.results + h * shared * results, results, s.value_size);
            });
        }
    }

    // One row's parts, in order.
    void combine(T* data, int64_t part_size, int64_t parts, int64_t b, int64_t r) const {
        using V = vec<T>;
        const int64_t results = value_size(), h = r / s.query_length, q = r % s.query_length;
        auto at = [&](int64_t p) { return FewPart<T>(data + p * part_size, rows(), results); };
        T highest = -math::infinity<T>, sum(0);
        for (int64_t p = 0; p < parts; ++p) highest = larger(at(p).highest[r], highest);
        T* result = at(0).results + r * results;
        for (int64_t p = 0; p < parts; ++p) {
            const FewPart<T> from = at(p);
            const T base = highest == -math::infinity<T> ? T(0) : highest;  // then nothing was seen
            const T shrink = exponential(V(from.highest[r]) - V(base)).v[0];
            Lanes<T> lane;
            for (int j = 0; j < Lanes<T>::parts; ++j) lane.part[j] = load(from.sums + r * lanes<T> + j * V::size);
            sum += shrink * fold(lane, [](V x, V y) { return x + y; });
            if (parts == 1) break;
            if (p == 0)
                write_row<false>(result, result, results, shrink);
            else
                write_row<true>(result, from.results + r * results, results, shrink);
        }
        const auto to = head_of(out, b, h, s.query_length, s.heads, s.value_size);
        write_row<false>(to.data + q * to.row, result, s.value_size, sum == 0 ? T(0) : 1 / sum);
        logsumexp[(b * s.heads + h) * s.query_length + q] = highest * (1 / unit<T>)+log_of(sum);
    }

    void operator()() const {
        const int64_t key_end = causal ? smaller(s.key_length, s.query_length) : s.key_length;
        const int64_t wanted = (few_tasks_wanted + s.batch - 1) / s.batch;
        const int64_t length = larger(round_up((key_end + wanted - 1) / wanted, stripe), few_part);
        const int64_t parts = larger((key_end + length - 1) / length, 1);
        const int64_t part_size = FewPart<T>::size(rows(), value_size()), of_sequence = parts * part_size;
        T* all = parts == 1 ? nullptr : scratch(runtime::packed_b, s.batch * of_sequence);
        const int64_t work = (rows() + 2 * s.key_heads) * smaller(length, key_end) * (s.key_size + s.value_size);
        parallel_blocks(s.batch * parts, 1 + few_work / (work + 1), [&](int64_t first, int64_t last) {
            for (int64_t i = first; i < last; ++i) {
                T* data = parts == 1 ? scratch(runtime::workspace, part_size) : all + i * part_size;
                const int64_t b = i / parts, begin = i % parts * length;
                part({data, rows(), value_size()}, b, begin, smaller(begin + length, key_end));
                for (int64_t r = 0; parts == 1 && r < rows(); ++r) combine(data, part_size, 1, b, r);
            }
        });
        for (int64_t i = 0; parts > 1 && i < s.batch * rows(); ++i)
            combine(all + i / rows() * of_sequence, part_size, parts, i / rows(), i % rows());
    }

  private:
    static T larger(T a, T b) { return a > b ? a : b; }
    static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }
    static T* scratch(runtime::Slot slot, int64_t elements) {
        return static_cast<T*>(runtime::scratch(slot, size_t(elements) * sizeof(T)));
    }
};

}  // namespace nerve::NERVE_ISA::tiles
