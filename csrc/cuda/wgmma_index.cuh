// The index maths of products by warpgroups (wgmma.cuh): where an operand's numbers lie in shared memory, how that is
// said to the instruction, who copies what, and which results a thread has. All of it is constexpr, and
// tests/native/cuda_index.cpp tries every index.
#pragma once
#include "cuda/tile.cuh"

namespace nerve::cuda {

constexpr int warpgroup = 128;    // threads, that make 64 rows of a tile
constexpr int wgmma_slice = 32;   // along k: 128 bytes, the longest line that shared memory is swizzled in
constexpr int wgmma_step = 8;     // along k, of an instruction
constexpr int wgmma_stages = 3;   // slices in shared memory: one is multiplied while one is written; see wgmma_kernel
constexpr int wgmma_lines = 128;  // of an operand, along k each: rows of the left one, columns of the right one
constexpr int wgmma_sums = 64;    // results of a thread

// Element (index, k) of a slice of an operand. The instruction finds the 16 bytes at an address after exchanging bits
// 4 to 6 of it by those above (PTX ISA, "Swizzling modes", 128 bytes): chunk k / 4 of a line lies elsewhere in the
// line.
constexpr int wgmma_place(unsigned index, unsigned k) {
    return int(index * wgmma_slice + ((k / 4) ^ (index % 8)) * 4 + k % 4);
}

// Says where an operand lies (PTX ISA, "Matrix descriptor format"): the address, in units of 16 bytes like all of
// these; a number that means nothing for swizzled lines along k; the distance of groups of 8 lines; and the swizzling
// of 128 bytes. `address` is one of shared memory; line 0 lies at a multiple of 1024 bytes, and steps along k add to
// it.
constexpr uint64_t wgmma_descriptor(uint32_t address) {
    return uint64_t(address / 16 % (1 << 14)) | uint64_t(1) << 16 | uint64_t(8 * wgmma_slice * 4 / 16) << 32 |
           uint64_t(1) << 62;
}
// The same `bytes` further on.
constexpr uint64_t wgmma_advance(uint64_t descriptor, unsigned bytes) { return descriptor + bytes / 16; }

// Chunk i, of four numbers along k, of the four that a thread writes of an operand's slice. With along_k they lie in
// memory like this, in lines 32 indices apart; else neighbours in memory are of one k, and a thread reads the four
// indices of its chunks from each of four lines. Eight neighbouring threads read 128 bytes of a line with along_k, a
// warp such of four lines without; and eight write to different banks.
constexpr ChunkPosition wgmma_chunk(bool along_k, unsigned thread, int i) {
    if (along_k) return {int(thread / 8) + i * 32, int(thread % 8 * 4)};
    const unsigned lane = thread % warp, w = thread / warp;
    return {int((w % 4 * 8 + lane / 8 * 2 + lane % 2) * 4) + i, int((w / 4 * 4 + lane / 2 % 4) * 4)};
}

struct ResultPosition {
    int row, column;
};

// Result i of a thread (PTX ISA, "wgmma.mma_async", matrix fragments of D), in a tile of 128 x 128.
constexpr ResultPosition wgmma_result(unsigned thread, int i) {
    const int g = thread % warp / 4, t = thread % 4;
    return {int(thread / warp * 16) + i / 2 % 2 * 8 + g, i / 4 * 8 + 2 * t + i % 2};
}

}  // namespace nerve::cuda
