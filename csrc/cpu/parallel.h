// parallel(tasks, body) calls body(i) for every i in [0, tasks), on the pool. Cut the work by its shape alone, so that
// results do not depend on the number of threads.
#pragma once
#include <cstdint>

#include "runtime/runtime.h"

namespace nerve::NERVE_ISA {

template <class Body>
inline void parallel(int64_t tasks, const Body& body) {
    runtime::parallel_for(
        tasks, [](void* context, int64_t task) { (*static_cast<const Body*>(context))(task); },
        const_cast<void*>(static_cast<const void*>(&body)));
}

// body(begin, end) over [0, size) in blocks of `block`, the last one shorter.
template <class Body>
inline void parallel_blocks(int64_t size, int64_t block, const Body& body) {
    if (size <= 0) return;
    parallel((size + block - 1) / block, [&](int64_t task) {
        int64_t begin = task * block, end = begin + block;
        body(begin, end < size ? end : size);
    });
}

}  // namespace nerve::NERVE_ISA
