#include <algorithm>
#include <memory>

#include "checks.h"

namespace checks {
namespace {

// Calls visit(query row, key row, head row of logsumexp, weight of the key in the softmax) for every key that a query
// sees; `rows` are positions in (batch, length, heads).
template <class T, class Visit>
void each_weight(const nerve::AttentionShape& s, const std::vector<T>& query, const std::vector<T>& key,
                 const bool* mask, double scale, bool causal, std::vector<double>& logsumexp, const Visit& visit) {
    std::vector<double> scores(s.key_length);
    for (int64_t b = 0; b < s.batch; ++b)
        for (int64_t h = 0; h < s.heads; ++h)
            for (int64_t i = 0; i < s.query_length; ++i) {
                const int64_t q = (b * s.query_length + i) * s.heads + h, at = (b * s.heads + h) * s.query_length + i;
                auto key_row = [&](int64_t j) {
                    return (b * s.key_length + j) * s.key_heads + h * s.key_heads / s.heads;
                };
                auto seen = [&](int64_t j) {
                    return (!causal || j <= i) &&
                           (mask == nullptr ||
                            mask[b * s.mask_batch_stride + h * s.mask_head_stride + i * s.mask_query_stride + j]);
                };
                double highest = -std::numeric_limits<double>::infinity(), sum = 0;
                for (int64_t j = 0; j < s.key_length; ++j) {
                    scores[j] = 0;
                    for (int64_t c = 0; c < s.key_size; ++c)
                        scores[j] +=
                            scale * double(query[q * s.key_size + c]) * double(key[key_row(j) * s.key_size + c]);
                    if (seen(j)) highest = std::max(highest, scores[j]);
                }
                for (int64_t j = 0; j < s.key_length; ++j)
                    if (seen(j)) sum += std::exp(scores[j] - highest);
                logsumexp[at] = highest + std::log(sum);
                for (int64_t j = 0; j < s.key_length; ++j)
                    if (seen(j)) visit(q, key_row(j), std::exp(scores[j] - logsumexp[at]));
            }
}

}  // namespace

template <class T>
void attention(const nerve::Kernels<T>& k) {
    // batch, query_length, key_length, heads, key_heads, key_size, value_size: around the lengths up to which queries
    // are few, tiles of scores, registers, and parts of the keys.
    const int64_t shapes[][7]{{1, 1, 1, 1, 1, 1, 1},     {2, 1, 70, 2, 2, 8, 8},    {1, 1, 1100, 2, 1, 16, 20},
                              {2, 3, 17, 4, 2, 5, 33},   {1, 8, 300, 3, 1, 64, 64}, {1, 9, 40, 2, 2, 7, 130},
                              {1, 97, 200, 1, 1, 19, 3}, {1, 4, 0, 2, 2, 3, 5},     {2, 2, 33, 1, 1, 130, 64},
                              {0, 4, 3, 2, 2, 3, 5},     {1, 5, 6, 2, 2, 0, 3},     {1, 5, 6, 2, 2, 3, 0}};
    for (const auto& [batch, queries, keys, heads, key_heads, size, value_size] : shapes)
        for (int mode = 0; mode < 4; ++mode) {
            nerve::AttentionShape s{batch, queries, keys, heads, key_heads, size, value_size, queries * keys, 0, keys};
            const bool causal = mode & 1;
            const double scale = 0.3;
            const std::vector<T> query = uniform<T>(batch * queries * heads * size),
                                 key = uniform<T>(batch * keys * key_heads * size),
                                 value = uniform<T>(batch * keys * key_heads * value_size),
                                 grad = uniform<T>(batch * queries * heads * value_size);
            const auto kept = std::make_unique<bool[]>(batch * queries * keys);
            for (int64_t i = 0; i < batch * queries * keys; ++i)
                kept[i] = i % keys == 0 || uniform<T>(1)[0] < 1;  // the first key always
            const bool* mask = mode & 2 ? kept.get() : nullptr;
            const std::string name = label<T>("attention", queries) + " x " + std::to_string(keys) + " heads " +
                                     std::to_string(heads) + " size " + std::to_string(size) + " mode " +
                                     std::to_string(mode);

            Output<T> out(grad.size()), logsumexp(batch * heads * queries);
            std::vector<double> want(out.size()), want_sum(logsumexp.size()), want_query(query.size()),
                want_key(key.size()), want_value(value.size());
            each_weight(s, query, key, mask, scale, causal, want_sum, [&](int64_t q, int64_t j, double p) {
                for (int64_t c = 0; c < value_size; ++c) {
                    want[q * value_size + c] += p * double(value[j * value_size + c]);
                    want_value[j * value_size + c] += p * double(grad[q * value_size + c]);
                }
            });
            each_weight(s, query, key, mask, scale, causal, want_sum, [&](int64_t q, int64_t j, double p) {
                double slope = 0;
                for (int64_t c = 0; c < value_size; ++c)
                    slope += double(grad[q * value_size + c]) *
                             (double(value[j * value_size + c]) - want[q * value_size + c]);
                for (int64_t c = 0; c < size; ++c) {
                    want_query[q * size + c] += scale * p * slope * double(key[j * size + c]);
                    want_key[j * size + c] += scale * p * slope * double(query[q * size + c]);
                }
            });
            const double tolerance = 256 * std::numeric_limits<T>::epsilon();
            k.attention(out.data(), logsumexp.data(), query.data(), key.data(), value.data(), mask, s, scale, causal);
            close(name, out, want, tolerance);
            if (keys > 0) close(name + " logsumexp", logsumexp, want_sum, tolerance);
            Output<T> grad_query(query.size()), grad_key(key.size()), grad_value(value.size());
            k.attention_backward(grad_query.data(), grad_key.data(), grad_value.data(), grad.data(), query.data(),
                                 key.data(), value.data(), out.data(), logsumexp.data(), mask, s, scale, causal);
            close(name + " grad_query", grad_query, want_query, tolerance);
            close(name + " grad_key", grad_key, want_key, tolerance);
            close(name + " grad_value", grad_value, want_value, tolerance);
        }
}
template void attention(const nerve::Kernels<float>&);
template void attention(const nerve::Kernels<double>&);

}  // namespace checks
