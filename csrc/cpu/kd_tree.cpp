// A k-d tree: nodes halve their points along the longest side of their box (Friedman, Bentley and Finkel, 1977), leaves
// hold coordinates side by side and are looked at with vectors. A search descends into the nearer half first and passes
// over boxes that are too far. As in neighbors.cpp a bound in T says which points matter; those are decided in float64.
#include "cpu/bounds.h"
#include "cpu/kd_tree_build.h"
#include "cpu/nearest.h"

namespace nerve::NERVE_ISA {
namespace {

constexpr int64_t queries_a_task = 64;
constexpr int deepest = 64;  // more than the levels of any tree

// The search's point of view: a node's box, a leaf's points.
template <class T>
struct Tree {
    const T* leaves;
    const int64_t* order;
    const T *low, *high;
    const TreeShape& shape;

    int64_t count() const { return larger(pieces(shape.points, shape.leaf_size), 1); }
    int64_t begin(const Node& node) const { return smaller(node.first * shape.leaf_size, shape.points); }
    int64_t end(const Node& node) const { return smaller((node.first + node.leaves) * shape.leaf_size, shape.points); }
};

// Sums of squares or of magnitudes from a point to a box: to the nearest point in it, or to the farthest.
template <bool manhattan, bool farthest, class T>
NERVE_INLINE double to_box(const T* x, const T* low, const T* high, int64_t features) {
    double sum = 0;
    for (int64_t f = 0; f < features; ++f) {
        const double below = double(low[f]) - double(x[f]), above = double(x[f]) - double(high[f]);
        const double outside = below > above ? below : above;
        if constexpr (farthest) {
            const double nearer_side = below < above ? below : above;
            sum += term_of<manhattan>(nearer_side);  // -the distance to the farther side
        } else {
            sum += term_of<manhattan>(outside > 0 ? outside : 0);
        }
    }
    return sum;
}

// bits of lanes: the points of a leaf, from i on, that may be within `limit`
template <bool manhattan, class T>
NERVE_INLINE uint32_t lanes_within(const T* x, const T* leaf, int64_t i, vec<T> limit, const TreeShape& shape) {
    vec<T> sum(T(0));
    for (int64_t f = 0; f < shape.features; ++f) {
        const vec<T> apart = load(leaf + f * shape.leaf_size + i) - vec<T>(x[f]);
        sum = manhattan ? sum + abs(apart) : fma(apart, apart, sum);
    }
    return lane_bits(~(sum > limit));
}

// Descends to the leaves. Before a node is entered, enters(node) is asked, which may also deal with it otherwise.
template <class T, class Distance, class Enters, class Leaf>
NERVE_INLINE void descend(const Tree<T>& tree, const Distance& distance, const Enters& enters, const Leaf& leaf) {
    struct Waiting {
        Node node;
        double distance;
    };
    Waiting stack[deepest];
    int waiting = 0;
    stack[waiting++] = {{0, 0, tree.count()}, 0.0};
    while (waiting > 0) {
        Waiting next = stack[--waiting];
        while (enters(next.node, next.distance)) {
            if (next.node.leaves == 1) {
                leaf(next.node);
                break;
            }
            Waiting left{next.node.left(), 0.0}, right{next.node.right(), 0.0};
            left.distance = distance(left.node), right.distance = distance(right.node);
            const bool left_first = left.distance <= right.distance;
            stack[waiting++] = left_first ? right : left;
            next = left_first ? left : right;
        }
    }
}

template <bool manhattan, class T>
struct Search {
    const T* x;
    Tree<T> tree;
    const DistanceShape& shape;
    double relative = relative_error<T>(tree.shape.features), absolute = absolute_error<T>(tree.shape.features);
    double of_boxes = 1 - relative_error<double>(tree.shape.features);  // what rounding may take from a box's distance

    const T* row(int64_t i) const { return x + i * tree.shape.features; }
    double distance(int64_t i, const Node& node) const {
        const int64_t at = node.node * tree.shape.features;
        return to_box<manhattan, false>(row(i), tree.low + at, tree.high + at, tree.shape.features) * of_boxes;
    }
    // What a distance in T is at most where the exact one is at most `limit`.
    vec<T> loose(double limit) const { return vec<T>(rounded_up_or_infinite((1 + relative) * limit + absolute)); }
    static T rounded_up_or_infinite(double x) { return x < double(largest) ? rounded_up<T>(x) : T(__builtin_inf()); }
    static constexpr T largest = sizeof(T) == 4 ? T(0x1.fffffep127) : T(0x1.fffffffffffffp1023);

    // Calls found(distance, place) for points of a leaf: those within limit(), which may shrink meanwhile.
    template <class Limit, class Found>
    NERVE_INLINE void scan(int64_t i, const Node& node, const Limit& limit, const Found& found) const {
        const T* leaf = tree.leaves + node.first * tree.shape.features * tree.shape.leaf_size;
        const int64_t begin = tree.begin(node), size = tree.end(node) - begin;
        for (int64_t c = 0; c < size; c += vec<T>::size) {
            uint32_t lanes = lanes_within<manhattan>(row(i), leaf, c, loose(limit()), tree.shape);
            if (size - c < vec<T>::size) lanes &= uint32_t((uint64_t(1) << (size - c)) - 1);
            for (; lanes != 0; lanes &= lanes - 1) {
                const int64_t place = c + __builtin_ctz(lanes);
                found(exact_distance<manhattan>(row(i), leaf + place, tree.shape.leaf_size, tree.shape.features),
                      begin + place);
            }
        }
    }

    double exact(int64_t i, int64_t place) const {
        const TreeShape& sizes = tree.shape;
        const int64_t leaf = place / sizes.leaf_size;
        return exact_distance<manhattan>(
            row(i), tree.leaves + leaf * sizes.features * sizes.leaf_size + place % sizes.leaf_size, sizes.leaf_size,
            sizes.features);
    }

    void nearest(int64_t i, Nearest& nearest) const {
        descend<T>(
            tree, [&](const Node& node) NERVE_LAMBDA_INLINE { return distance(i, node); },
            [&](const Node&, double distance) NERVE_LAMBDA_INLINE { return !(distance > nearest.limit()); },
            [&](const Node& node) NERVE_LAMBDA_INLINE {
                scan(
                    i, node, [&] { return nearest.limit(); },
                    [&](double distance, int64_t place) { nearest.add({far_if_nan(distance), tree.order[place]}); });
            });
    }

    // some(begin, end): all points of these places are within the limit; one(place, distance): that one is.
    template <class Some, class One>
    NERVE_INLINE void within(int64_t i, double limit, const Some& some, const One& one) const {
        descend<T>(
            tree, [](const Node& node) NERVE_LAMBDA_INLINE { return double(node.first); },  // leaves in order
            [&](const Node& node, double) NERVE_LAMBDA_INLINE {
                if (distance(i, node) > limit) return false;
                const int64_t at = node.node * tree.shape.features;
                const double farthest =
                    to_box<manhattan, true>(row(i), tree.low + at, tree.high + at, tree.shape.features);
                if (!(farthest <= limit * of_boxes)) return true;
                some(tree.begin(node), tree.end(node));
                return false;
            },
            [&](const Node& node) NERVE_LAMBDA_INLINE {
                scan(
                    i, node, [&] { return limit; },
                    [&](double distance, int64_t place) {
                        if (distance <= limit) one(place, distance);
                    });
            });
    }
};

template <class T>
NERVE_INLINE T reported(double distance, int64_t metric) {
    return T(Metric(metric) == Metric::euclidean ? __builtin_sqrt(distance) : distance);
}

// use(search, limit) with a search of the metric, and the radius as it compares it
template <class T, class Use>
void searched(const T* x, const Tree<T>& tree, const DistanceShape& shape, double radius, const Use& use) {
    if (Metric(shape.metric) == Metric::manhattan)
        use(Search<true, T>{x, tree, shape}, radius);
    else
        use(Search<false, T>{x, tree, shape}, Metric(shape.metric) == Metric::euclidean ? radius * radius : radius);
}

}  // namespace

template <class T>
void kd_tree(T* leaves, int64_t* order, T* low, T* high, const T* points, const TreeShape& tree) {
    for (int64_t i = 0; i < tree.points; ++i) order[i] = i;
    const Builder<T> builder{leaves, order, low, high, points, tree, scratch<Key<T>>(runtime::workspace, tree.points)};
    builder.build_all();
}

template <class T>
void kd_tree_nearest(T* distances, int64_t* indices, const T* x, const T* leaves, const int64_t* order, const T* low,
                     const T* high, const TreeShape& tree, const DistanceShape& shape, int64_t neighbors) {
    if (neighbors == 0) return;
    searched(x, Tree<T>{leaves, order, low, high, tree}, shape, 0.0, [&](const auto& search, double) {
        parallel_blocks(shape.rows, queries_a_task, [&](int64_t begin, int64_t end) {
            auto* heap = scratch<Neighbor>(runtime::candidates, neighbors);
            for (int64_t i = begin; i < end; ++i) {
                Nearest found{heap, neighbors};
                search.nearest(i, found);
                found.sort();
                for (int64_t n = 0; n < neighbors; ++n) {
                    indices[i * neighbors + n] = heap[n].index;
                    if (distances != nullptr)
                        distances[i * neighbors + n] = reported<T>(heap[n].distance, shape.metric);
                }
            }
        });
    });
}

template <class T>
void kd_tree_radius_counts(int64_t* counts, const T* x, const T* leaves, const int64_t* order, const T* low,
                           const T* high, const TreeShape& tree, const DistanceShape& shape, double radius) {
    searched(x, Tree<T>{leaves, order, low, high, tree}, shape, radius, [&](const auto& search, double limit) {
        parallel_blocks(shape.rows, queries_a_task, [&](int64_t begin, int64_t end) {
            for (int64_t i = begin; i < end; ++i) {
                int64_t count = 0;
                search.within(
                    i, limit, [&](int64_t from, int64_t to) { count += to - from; }, [&](int64_t, double) { ++count; });
                counts[i] = count;
            }
        });
    });
}

template <class T>
void kd_tree_radius(T* distances, int64_t* indices, const int64_t* offsets, const T* x, const T* leaves,
                    const int64_t* order, const T* low, const T* high, const TreeShape& tree,
                    const DistanceShape& shape, double radius) {
    searched(x, Tree<T>{leaves, order, low, high, tree}, shape, radius, [&](const auto& search, double limit) {
        parallel_blocks(shape.rows, queries_a_task, [&](int64_t begin, int64_t end) {
            for (int64_t i = begin; i < end; ++i) {
                int64_t next = offsets[i];
                auto one = [&](int64_t place, double distance) {
                    indices[next] = order[place];
                    if (distances != nullptr) distances[next] = reported<T>(distance, shape.metric);
                    ++next;
                };
                auto some = [&](int64_t from, int64_t to) {
                    if (distances == nullptr) {
                        std::memcpy(indices + next, order + from, size_t(to - from) * sizeof(int64_t));
                        next += to - from;
                        return;
                    }
                    for (int64_t place = from; place < to; ++place) one(place, search.exact(i, place));
                };
                search.within(i, limit, some, one);
            }
        });
    });
}

}  // namespace nerve::NERVE_ISA

#define NERVE_FAMILY "kernels/kd_tree.inc"
#include "cpu/instantiate.h"
