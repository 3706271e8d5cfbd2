// Attention without its matrix of scores: tiles of them live in scratch memory, and the softmax runs along with the
// products (Rabe and Staats, "Self-attention does not need O(n^2) memory", 2021; Dao et al., "FlashAttention", 2022).
// The backward pass makes the probabilities again from the logarithm of their denominator, in one walk over the tiles.
//
// Heads are read where they lie in (batch, length, heads, size). Work is cut by the shape alone.
#include "cpu/attention_few.h"
#include "cpu/attention_softmax.h"
#include "cpu/attention_tile.h"
#include "cpu/parallel.h"
#include "shapes.h"

namespace nerve::NERVE_ISA {
namespace {

using namespace tiles;

constexpr int64_t query_block = 96, key_block = 192;  // the sides of a tile of scores
constexpr int64_t tasks_wanted = 8;
constexpr int64_t blocks_in_task = 16;  // of queries, at most

template <class T>
constexpr int64_t tile_row = key_block + lanes<T>;  // of scores and of transposed keys; keeps rows off one cache set

// A tile of scores: queries q0 .. q0 + queries, keys k0 .. k0 + keys.
struct Tile {
    int64_t q0, queries, k0, keys;
    bool causal;

    // How many of the keys row r sees.
    int64_t seen(int64_t r) const {
        if (!causal) return keys;
        return smaller(larger(q0 + r + 1 - k0, 0), keys);
    }
    // How many any row of the register tile from row r on sees.
    int64_t tile_seen(int64_t r) const { return seen(r - r % tile_rows + tile_rows - 1); }
    bool empty() const { return seen(queries - 1) == 0; }
};

// Queries first .. first + count of one head.
template <class T>
void forward_task(Head<T> out, T* logsumexp, Head<const T> query, Head<const T> key, Head<const T> value,
                  const bool* mask, const AttentionShape& s, int64_t b, int64_t h, int64_t first, int64_t count,
                  T scale, bool causal) {
    constexpr int64_t L = lanes<T>, row = tile_row<T>;
    const int64_t size = round_up(s.key_size, L), value_size = round_up(s.value_size, L);
    const int64_t rows = round_up(count, tile_rows);
    T *queries, *results, *keys, *values, *scores, *highest, *sums;
    Pieces<T> pieces;
    for (int pass = 0; pass < 2; ++pass) {  // the first only counts
        if (pass == 1) pieces.allocate(runtime::workspace);
        queries = pieces.take(rows * size), results = pieces.take(rows * value_size);
        keys = pieces.take(s.key_size * row), values = pieces.take(key_block * value_size);
        scores = pieces.take(query_block * row), highest = pieces.take(count), sums = pieces.take(count * L);
    }
    copy_rows(queries, rows, size, query.data + first * query.row, count, query.row, s.key_size, scale * unit<T>);
    for (int64_t i = 0; i < count; ++i) highest[i] = -math::infinity<T>;
    std::memset(sums, 0, size_t(count * L) * sizeof(T));
    if (s.key_length == 0) std::memset(results, 0, size_t(rows * value_size) * sizeof(T));

    const int64_t key_end = causal ? smaller(s.key_length, first + count) : s.key_length;
    for (int64_t k0 = 0; k0 < key_end; k0 += key_block) {
        const int64_t width = smaller(s.key_length - k0, key_block);
        copy_transposed(keys, row, key.data + k0 * key.row, width, key.row, s.key_size);
        copy_rows(values, width, value_size, value.data + k0 * value.row, width, value.row, s.value_size, T(1));
        for (int64_t q0 = 0; q0 < count; q0 += query_block) {
            const Tile tile{first + q0, smaller(count - q0, query_block), k0, width, causal};
            if (tile.empty()) continue;
            T* result = results + q0 * value_size;
            product<false>(tile.queries, Operand<T>{queries + q0 * size, size, 1}, keys, row, scores, row,
                           [&](int64_t r) { return Part{0, s.key_size, tile.tile_seen(r)}; });
            for (int64_t r = 0; r < tile.queries; ++r) {
                const Seen seen{tile.seen(r), mask_row(mask, s, b, h, tile.q0 + r, k0)};
                const T shrink =
                    online_softmax(scores + r * row, seen, tile.tile_seen(r), highest + q0 + r, sums + (q0 + r) * L);
                if (k0 > 0 && shrink != 1)
                    write_row<false>(result + r * value_size, result + r * value_size, value_size, shrink);
            }
            const Operand<T> weights{scores, row, 1};
            auto part = [&](int64_t r) { return Part{0, tile.tile_seen(r), s.value_size}; };
            if (k0 == 0)
                product<false>(tile.queries, weights, values, value_size, result, value_size, part);
            else
                product<true>(tile.queries, weights, values, value_size, result, value_size, part);
        }
    }
    write_rows<false>({out.data + first * out.row, out.row}, results, count, value_size, s.value_size, [&](int64_t i) {
        Lanes<T> lane;
        for (int j = 0; j < Lanes<T>::parts; ++j) lane.part[j] = load(sums + i * L + j * vec<T>::size);
        const T sum = fold(lane, [](vec<T> x, vec<T> y) { return x + y; });
        logsumexp[first + i] = highest[i] * (1 / unit<T>)+log_of(sum);
        return sum == 0 ? T(0) : 1 / sum;  // a row that sees no key is zero
    });
}

// What the backward pass of one head reads again for every tile.
template <class T>
struct BackwardRows {
    T *queries, *grads, *grad_queries, *logsumexp, *delta;
};

template <class T>
struct BackwardTile {
    T *keys, *key_rows, *values, *scores, *grad_scores, *grad_keys, *grad_values;
};

// All queries against keys k0 .. k0 + width; gives these keys' gradients, and adds to the queries'.
template <class T>
void backward_keys(const BackwardRows<T>& rows, const BackwardTile<T>& t, const bool* mask, const AttentionShape& s,
                   int64_t b, int64_t h, int64_t k0, int64_t width, bool causal) {
    constexpr int64_t L = lanes<T>, row = tile_row<T>;
    const int64_t size = round_up(s.key_size, L), value_size = round_up(s.value_size, L);
    std::memset(t.grad_keys, 0, size_t(round_up(width, tile_rows) * size) * sizeof(T));
    std::memset(t.grad_values, 0, size_t(round_up(width, tile_rows) * value_size) * sizeof(T));
    const int64_t first = causal ? k0 / query_block * query_block : 0;  // queries before see none of the keys
    for (int64_t q0 = first; q0 < s.query_length; q0 += query_block) {
        const Tile tile{q0, smaller(s.query_length - q0, query_block), k0, width, causal};
        if (tile.empty()) continue;
        const T *queries = rows.queries + q0 * size, *grads = rows.grads + q0 * value_size;
        product<false>(tile.queries, Operand<T>{queries, size, 1}, t.keys, row, t.scores, row,
                       [&](int64_t r) { return Part{0, s.key_size, tile.tile_seen(r)}; });
        product<false>(tile.queries, Operand<T>{grads, value_size, 1}, t.values, row, t.grad_scores, row,
                       [&](int64_t r) { return Part{0, s.value_size, tile.tile_seen(r)}; });
        for (int64_t r = 0; r < tile.queries; ++r)
            probabilities(t.scores + r * row, t.grad_scores + r * row,
                          {tile.seen(r), mask_row(mask, s, b, h, q0 + r, k0)},
                          round_up(tile.tile_seen(r) + tile_rows - 1, L), rows.logsumexp[q0 + r], rows.delta[q0 + r]);
        // Key r is seen by the queries from k0 + r on.
        auto part = [&](int64_t r) { return causal ? smaller(larger(k0 + r - q0, 0), tile.queries) : 0; };
        product<true>(width, Operand<T>{t.scores, 1, row}, grads, value_size, t.grad_values, value_size,
                      [&](int64_t r) { return Part{part(r), tile.queries, s.value_size}; });
        product<true>(width, Operand<T>{t.grad_scores, 1, row}, queries, size, t.grad_keys, size,
                      [&](int64_t r) { return Part{part(r), tile.queries, s.key_size}; });
        product<true>(tile.queries, Operand<T>{t.grad_scores, row, 1}, t.key_rows, size, rows.grad_queries + q0 * size,
                      size, [&](int64_t r) { return Part{0, tile.tile_seen(r), s.key_size}; });
    }
}

}  // namespace

template <class T>
void attention(T* out, T* logsumexp, const T* query, const T* key, const T* value, const bool* mask,
               const AttentionShape& s, double scale, bool causal) {
    if (s.batch * s.heads * s.query_length == 0) return;
    if (s.query_length <= few_queries)
        return FewCall<T>{out, logsumexp, query, key, value, mask, s, T(scale), causal}();
    const int64_t blocks = (s.query_length + query_block - 1) / query_block, all_heads = s.batch * s.heads;
    const int64_t in_task = smaller(larger(blocks * all_heads / tasks_wanted, 1), blocks_in_task) * query_block;
    const int64_t tasks = (s.query_length + in_task - 1) / in_task;
    const int64_t work = smaller(in_task, s.query_length) * s.key_length * (s.key_size + s.value_size);
    parallel_blocks(all_heads * tasks, 1 + (1 << 17) / (work + 1), [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
            const int64_t bh = i / tasks, b = bh / s.heads, h = bh % s.heads, shared = h * s.key_heads / s.heads;
            const int64_t first = i % tasks * in_task;
            forward_task(head_of(out, b, h, s.query_length, s.heads, s.value_size), logsumexp + bh * s.query_length,
                         head_of(query, b, h, s.query_length, s.heads, s.key_size),
                         head_of(key, b, shared, s.key_length, s.key_heads, s.key_size),
                         head_of(value, b, shared, s.key_length, s.key_heads, s.value_size), mask, s, b, h, first,
                         smaller(s.query_length - first, in_task), T(scale), causal);
        }
    });
}

template <class T>
void attention_backward(T* grad_query, T* grad_key, T* grad_value, const T* grad, const T* query, const T* key,
                        const T* value, const T* out, const T* logsumexp, const bool* mask, const AttentionShape& s,
                        double scale, bool causal) {
    constexpr int64_t L = lanes<T>, row = tile_row<T>;
    const int64_t size = round_up(s.key_size, L), value_size = round_up(s.value_size, L);
    const int64_t key_tasks = s.batch * s.key_heads, group = s.key_heads == 0 ? 0 : s.heads / s.key_heads;
    // Few heads are cut along the keys; each part's gradient of the queries is added up in order.
    const int64_t key_tiles = larger((s.key_length + key_block - 1) / key_block, 1);
    const int64_t wanted = larger(smaller(tasks_wanted / larger(key_tasks, 1), key_tiles), 1);
    const int64_t part_length = (key_tiles + wanted - 1) / wanted * key_block;
    const int64_t parts = larger((s.key_length + part_length - 1) / part_length, 1);
    const int64_t elements = s.batch * s.query_length * s.heads * s.key_size;
    T* further = static_cast<T*>(runtime::scratch(runtime::packed_b, size_t((parts - 1) * elements) * sizeof(T)));

    auto task = [&](int64_t b, int64_t shared, int64_t part) {
        const int64_t queries = round_up(s.query_length, tile_rows);
        BackwardRows<T> rows;
        BackwardTile<T> t;
        Pieces<T> pieces;
        for (int pass = 0; pass < 2; ++pass) {  // the first only counts
            if (pass == 1) pieces.allocate(runtime::workspace);
            rows.queries = pieces.take(queries * size), rows.grad_queries = pieces.take(queries * size);
            rows.grads = pieces.take(queries * value_size);
            rows.logsumexp = pieces.take(queries), rows.delta = pieces.take(queries);
            t.keys = pieces.take(s.key_size * row), t.values = pieces.take(s.value_size * row);
            t.key_rows = pieces.take(key_block * size);
            t.scores = pieces.take(query_block * row), t.grad_scores = pieces.take(query_block * row);
            t.grad_keys = pieces.take(key_block * size), t.grad_values = pieces.take(key_block * value_size);
        }
        const auto keys = head_of(key, b, shared, s.key_length, s.key_heads, s.key_size);
        const auto values = head_of(value, b, shared, s.key_length, s.key_heads, s.value_size);
        const auto to_key = head_of(grad_key, b, shared, s.key_length, s.key_heads, s.key_size);
        const auto to_value = head_of(grad_value, b, shared, s.key_length, s.key_heads, s.value_size);
        const int64_t key_end = smaller(s.key_length, (part + 1) * part_length);
        for (int64_t h = shared * group; h < (shared + 1) * group; ++h) {
            const auto from = head_of(query, b, h, s.query_length, s.heads, s.key_size);
            const auto grads = head_of(grad, b, h, s.query_length, s.heads, s.value_size);
            const auto outs = head_of(out, b, h, s.query_length, s.heads, s.value_size);
            copy_rows(rows.queries, queries, size, from.data, s.query_length, from.row, s.key_size, T(scale) * unit<T>);
            copy_rows(rows.grads, queries, value_size, grads.data, s.query_length, grads.row, s.value_size, T(1));
            std::memset(rows.grad_queries, 0, size_t(queries * size) * sizeof(T));
            for (int64_t i = 0; i < s.query_length; ++i) {
                const T* o = outs.data + i * outs.row;
                if (i + ahead < s.query_length) prefetch_row<0>(o + ahead * outs.row, s.value_size);
                rows.delta[i] = dot(rows.grads + i * value_size, o, s.value_size);
                const T given = logsumexp[(b * s.heads + h) * s.query_length + i] * unit<T>;
                rows.logsumexp[i] = given == -math::infinity<T> ? math::infinity<T> : given;  // saw no key
            }
            for (int64_t k0 = part * part_length; k0 < key_end; k0 += key_block) {
                const int64_t width = smaller(key_end - k0, key_block);
                const T *k = keys.data + k0 * keys.row, *v = values.data + k0 * values.row;
                copy_transposed(t.keys, row, k, width, keys.row, s.key_size);
                copy_transposed(t.values, row, v, width, values.row, s.value_size);
                copy_rows(t.key_rows, width, size, k, width, keys.row, s.key_size, T(scale));
                backward_keys(rows, t, mask, s, b, h, k0, width, causal);
                const bool more = h > shared * group;
                auto write = more ? write_rows<true, T, T (*)(int64_t)> : write_rows<false, T, T (*)(int64_t)>;
                // The queries came with scale and unit.
                write({to_key.data + k0 * to_key.row, to_key.row}, t.grad_keys, width, size, s.key_size,
                      [](int64_t) { return 1 / unit<T>; });
                write({to_value.data + k0 * to_value.row, to_value.row}, t.grad_values, width, value_size, s.value_size,
                      [](int64_t) { return T(1); });
            }
            T* to = part == 0 ? grad_query : further + (part - 1) * elements;
            write_rows<false>(head_of(to, b, h, s.query_length, s.heads, s.key_size), rows.grad_queries, s.query_length,
                              size, s.key_size, [](int64_t) { return T(1); });
        }
    };
    const int64_t work = s.query_length * group * smaller(part_length, s.key_length) * (s.key_size + s.value_size);
    parallel_blocks(key_tasks * parts, 1 + (1 << 16) / (work + 1), [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) task(i / parts / s.key_heads, i / parts % s.key_heads, i % parts);
    });
    if (parts > 1)
        parallel_blocks(elements, 16384, [&](int64_t begin, int64_t end) {
            for (int64_t part = 0; part < parts - 1; ++part)
                write_row<true>(grad_query + begin, further + part * elements + begin, end - begin, T(1));
        });
}

}  // namespace nerve::NERVE_ISA

#define NERVE_FAMILY "kernels/attention.inc"
#include "cpu/instantiate.h"
