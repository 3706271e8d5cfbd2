// How a k-d tree is built: nodes halve their points along the longest side of their box.
#pragma once
#include "cpu/nearest.h"
#include "cpu/rows.h"
#include "shapes.h"

namespace nerve::NERVE_ISA {
namespace {

constexpr int64_t serial_leaves = 8;  // a tree of so many is built by one task
constexpr int64_t build_tasks = 32;   // others are cut into about so many subtrees

struct Node {
    int64_t node, first, leaves;  // its number in preorder, its first leaf and how many it has
    Node left() const { return {node + 1, first, leaves / 2}; }
    Node right() const { return {node + 2 * (leaves / 2), first + leaves / 2, leaves - leaves / 2}; }
};

template <class T>
struct Key {
    T value;
    int64_t index;
};

template <class T>
struct Builder {
    T* leaves;
    int64_t* order;
    T *low, *high;
    const T* points;
    const TreeShape& shape;
    Key<T>* keys;  // as many as points

    int64_t begin(const Node& node) const { return smaller(node.first * shape.leaf_size, shape.points); }
    int64_t end(const Node& node) const { return smaller((node.first + node.leaves) * shape.leaf_size, shape.points); }

    int64_t widest(const Node& node) const {
        T *from = low + node.node * shape.features, *to = high + node.node * shape.features;
        for (int64_t f = 0; f < shape.features; ++f) from[f] = T(__builtin_inf()), to[f] = -from[f];
        for (int64_t i = begin(node); i < end(node); ++i) {
            const T* point = points + order[i] * shape.features;
            for (int64_t f = 0; f < shape.features; ++f) {
                from[f] = point[f] < from[f] ? point[f] : from[f];
                to[f] = point[f] > to[f] ? point[f] : to[f];
            }
        }
        int64_t widest = 0;
        for (int64_t f = 1; f < shape.features; ++f)
            if (double(to[f]) - double(from[f]) > double(to[widest]) - double(from[widest])) widest = f;
        return widest;
    }
    // A node's box, and its points in the halves they belong to.
    void halve(const Node& node) const {
        const int64_t feature = widest(node), from = begin(node), size = end(node) - from;
        for (int64_t i = 0; i < size; ++i) {
            const int64_t index = order[from + i];
            const T value = shape.features > 0 ? points[index * shape.features + feature] : T(0);
            keys[from + i] = {value == value ? value : T(__builtin_inf()), index};
        }
        const int64_t left = end(node.left()) - from;
        select_rank(keys + from, size, left, [](const Key<T>& a, const Key<T>& b) NERVE_LAMBDA_INLINE {
            return a.value < b.value || (a.value == b.value && a.index < b.index);
        });
        for (int64_t i = 0; i < size; ++i) order[from + i] = keys[from + i].index;
    }
    void leaf(const Node& node) const {
        widest(node);
        const int64_t from = begin(node), size = end(node) - from;
        int64_t* members = order + from;
        select_all(members, size);
        T* to = leaves + node.first * shape.features * shape.leaf_size;
        for (int64_t f = 0; f < shape.features; ++f, to += shape.leaf_size) {
            for (int64_t i = 0; i < size; ++i) to[i] = points[members[i] * shape.features + f];
            for (int64_t i = size; i < shape.leaf_size; ++i) to[i] = T(__builtin_nan(""));
        }
    }
    static void select_all(int64_t* members, int64_t size) {  // ascending; they are few
        for (int64_t i = 1; i < size; ++i) {
            const int64_t member = members[i];
            int64_t j = i;
            for (; j > 0 && members[j - 1] > member; --j) members[j] = members[j - 1];
            members[j] = member;
        }
    }
    void build(const Node& node) const {
        if (node.leaves == 1) return leaf(node);
        halve(node);
        build(node.left()), build(node.right());
    }

    // From the root down until there are subtrees enough, and each by a task.
    void build_all() const {
        Node subtrees[2 * build_tasks];
        int64_t count = 1;
        const Node root = subtrees[0] = {0, 0, larger(pieces(shape.points, shape.leaf_size), 1)};
        const int64_t few = larger(root.leaves / build_tasks, serial_leaves);
        for (int64_t i = 0; i < count;) {
            const Node node = subtrees[i];
            if (node.leaves <= few || count == 2 * build_tasks) {
                ++i;
                continue;
            }
            halve(node);
            subtrees[i] = node.left(), subtrees[count++] = node.right();
        }
        parallel(count, [&](int64_t task) { build(subtrees[task]); });
    }
};

}  // namespace
}  // namespace nerve::NERVE_ISA
