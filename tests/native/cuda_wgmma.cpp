// What cuda_wgmma.h emulates: products of a warpgroup out of shared memory.
#include "cuda/wgmma.cuh"

namespace shim {
namespace {

constexpr float spoiled = 9e8f;

// The number at (line, k) of an operand of so many lines along k, 8 numbers of 4 bytes each: PTX ISA, "Matrix
// descriptor format" and "Swizzling modes", for operands along k in groups of 8 lines.
float operand(uint64_t descriptor, int line, int k) {
    const uint32_t start = uint32_t(descriptor & 0x3fff) << 4, stride = uint32_t(descriptor >> 32 & 0x3fff) << 4;
    if (descriptor >> 62 != 1 || (descriptor >> 49 & 7) != 0) {
        fail("a descriptor of another swizzling than that of 128 bytes");
        return 0;
    }
    if (start % 128 + 32 > 128) fail("a line crosses its 128 bytes");
    uint32_t address = start + uint32_t(line / 8) * stride + uint32_t(line % 8) * 128 + uint32_t(k) * 4;
    address ^= (address >> 7 & 7) << 4;
    const LargeMemory memory = large_memory();
    if (address < large_address || address + 4 > large_address + memory.bytes) {
        fail("a product reads outside of shared memory");
        return 0;
    }
    float x;
    memcpy(&x, memory.data + (address - large_address), sizeof x);
    if (x - x == 0 && (bits_of(x) & 0x1fffu) != 0) fail("multiplies what is no tf32");
    return x;
}

// The 64 sums of a thread (PTX ISA, "wgmma.mma_async", fragments of D).
void multiply(float (&sum)[64], const Product& product) {
    const int lane = threadIdx.x % 32, first_row = threadIdx.x % 128 / 32 * 16;
    float rows[2][8];
    for (int h = 0; h < 2; ++h)
        for (int k = 0; k < 8; ++k) rows[h][k] = operand(product.a, first_row + h * 8 + lane / 4, k);
    for (int j = 0; j < 32; ++j) {
        float column[8];
        for (int k = 0; k < 8; ++k) column[k] = operand(product.b, j / 2 * 8 + lane % 4 * 2 + j % 2, k);
        for (int h = 0; h < 2; ++h) {
            float& to = sum[j / 2 * 4 + h * 2 + j % 2];
            double terms[9] = {product.adds ? to : 0.0};
            for (int k = 0; k < 8; ++k) terms[1 + k] = double(rows[h][k]) * double(column[k]);
            to = cut_sum(terms);
        }
    }
}

bool on_its_way(const float* sum) {
    for (const auto& group : asynchronous().products)
        for (const Product& product : group)
            if (product.sum == sum) return true;
    return false;
}

}  // namespace

void finish_products() {
    Asynchronous& all = asynchronous();
    while (all.products.size() > 1) {
        for (const Product& product : all.products.front()) multiply(all.sums.at(product.sum).of, product);
        all.products.erase(all.products.begin());
    }
    for (auto sum = all.sums.begin(); sum != all.sums.end();) {
        if (on_its_way(sum->first)) {
            ++sum;
            continue;
        }
        for (int i = 0; i < 64; ++i)
            if (sum->first[i] != spoiled) fail("writes sums that are on their way");
        memcpy(sum->first, sum->second.of, sizeof sum->second.of);
        sum = all.sums.erase(sum);
    }
}

void add_product(const Product& product) {
    // A product is of all lanes; what they give must agree, but for where their sums are.
    const uint64_t given[3] = {product.a, product.b, product.adds};
    const Slot* slots = exchange(given, sizeof given);
    if (memcmp(slots[0].bytes, given, sizeof given) != 0) fail("lanes of a warp multiply different things");
    Asynchronous& all = asynchronous();
    if (!all.begun) fail("a product whose sums nobody has said to be ready");
    if (!all.sums.count(product.sum)) {
        memcpy(all.sums[product.sum].of, product.sum, sizeof(Sums));
        for (int i = 0; i < 64; ++i) product.sum[i] = spoiled;
    }
    all.products.back().push_back(product);
    if (random_below(2) == 0) return;
    for (auto& group : all.products) {  // what is not waited for may be done just the same
        for (const Product& one : group) multiply(all.sums.at(one.sum).of, one);
        group.clear();
    }
}

}  // namespace shim
