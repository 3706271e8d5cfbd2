// The functions of csrc/cuda/wgmma.cuh on the CPU.
//
// What a thread stores as an operand is seen either at once or as late as it is published, at random, and a product
// reads it either at once or as late as it is waited for. Sums on their way are spoiled. So whoever misses a wait, a
// barrier or the publishing is found out. Operands are found as PTX has it: by what the descriptor says, through the
// exchange of address bits, and not by the maths of wgmma_index.cuh. Sums are cut off as in cuda_mma.h.
#pragma once
#include <map>
#include <vector>

namespace shim {

struct Store {
    float* to;
    float of[4];
};

struct Product {
    float* sum;  // 64 of a thread
    uint64_t a, b;
    bool adds;
};

struct Sums {
    float of[64];
};

// Of the thread that runs: groups of products, the last of which is not ended yet, and the sums on their way.
struct Asynchronous {
    std::vector<Store> stores;
    std::vector<std::vector<Product>> products{1};
    std::map<float*, Sums> sums;
    bool begun = false;
};
Asynchronous& asynchronous();

// Of the block: where its large shared memory lies, and how much.
struct LargeMemory {
    unsigned char* data;
    size_t bytes;
};
LargeMemory large_memory();
constexpr uint32_t large_address = 1024;  // of it, in shared memory

void add_product(const Product& product);
// All that have been committed.
void finish_products();

}  // namespace shim

namespace nerve::cuda {

bool has_wgmma();

inline void wgmma_publish() {
    auto& stores = shim::asynchronous().stores;
    for (const shim::Store& store : stores) memcpy(store.to, store.of, sizeof store.of);
    stores.clear();
}
inline void store_operand(float* to, const float (&of)[4]) {
    if (size_t(to) % 16 != 0) shim::fail("stores an operand that is not aligned");
    shim::asynchronous().stores.push_back({to, {of[0], of[1], of[2], of[3]}});
    if (shim::random_below(2)) wgmma_publish();
}
inline uint64_t describe(const float* shared) {
    const auto* from = reinterpret_cast<const unsigned char*>(shared);
    return wgmma_descriptor(shim::large_address + uint32_t(from - shim::large_memory().data));
}

inline void wgmma_begin(float (&)[wgmma_sums]) { shim::asynchronous().begun = true; }
template <bool adds>
void wgmma(float (&sum)[wgmma_sums], uint64_t a, uint64_t b) {
    shim::add_product({sum, a, b, adds});
}
inline void wgmma_commit() {
    shim::asynchronous().products.emplace_back();
    shim::asynchronous().begun = false;
}
inline void wgmma_wait(float (&)[wgmma_sums]) { shim::finish_products(); }

}  // namespace nerve::cuda
