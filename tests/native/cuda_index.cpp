// The index maths of the CUDA kernels (csrc/cuda/tile.cuh, conv_index.cuh, wgmma_index.cuh), index by index; prints
// what is wrong.
#include <cstdio>
#include <set>
#include <utility>

#include "cuda/conv_index.cuh"
#include "cuda/tile.cuh"
#include "cuda/wgmma_index.cuh"

using namespace nerve::cuda;

int failures = 0;

void expect(bool right, const char* what) {
    if (!right && ++failures < 20) std::printf("%s\n", what);
}

// Every element has a place of its own; a chunk stays together; the banks of 4 bytes that a warp reads at once differ.
template <class T, bool along_k, int indices>
void check_places() {
    std::set<int> places;
    for (int index = 0; index < indices; ++index)
        for (int k = 0; k < slice; ++k) {
            const int at = place<T, along_k, indices>(index, k);
            expect(at >= 0 && at < indices * slice && places.insert(at).second, "two elements have one place");
            const int within = (along_k ? k : index) % chunk<T>;
            const int first = place<T, along_k, indices>(along_k ? index : index - within, along_k ? k - within : k);
            expect(at == first + within && first % chunk<T> == 0, "a chunk is torn");
        }
    std::set<int> chunks;
    for (int i = 0; i < indices * slice / chunk<T>; ++i) {
        const ChunkPosition at = chunk_position<T, along_k, indices>(i);
        expect(at.index < indices && at.k < slice, "a chunk lies outside");
        chunks.insert(place<T, along_k, indices>(at.index, at.k));
        if (i % 8 == 7) {  // eight threads write 128 bytes at once
            std::set<int> banks;
            for (int j = i - 7; j <= i; ++j) {
                const ChunkPosition other = chunk_position<T, along_k, indices>(j);
                banks.insert(place<T, along_k, indices>(other.index, other.k) * int(sizeof(T)) / 16 % 8);
            }
            expect(banks.size() == 8, "chunks that are written together meet in a bank");
        }
    }
    expect(int(chunks.size()) == indices * slice / chunk<T>, "chunks are left out");

    // A fragment's element is at index g, k = t, for the lanes 4 g + t; 32 words of 4 bytes are read at once.
    constexpr int lanes = 128 / int(sizeof(T));
    for (int first_index = 0; first_index < indices; first_index += 8)
        for (int first_k = 0; first_k < slice; first_k += 4)
            for (int first = 0; first < 32; first += lanes) {
                std::set<int> banks;
                for (int lane = first; lane < first + lanes; ++lane)
                    banks.insert(place<T, along_k, indices>(first_index + lane / 4, first_k + lane % 4) *
                                 int(sizeof(T)) / 4 % 32);
                expect(int(banks.size()) == lanes, "lanes of a fragment meet in a bank");
            }
}

void check_tiles() {
    for (int64_t rows = 1; rows < 20; ++rows)
        for (int64_t columns = 1; columns < 12; ++columns) {
            std::set<std::pair<int64_t, int64_t>> seen;
            for (int64_t i = 0; i < rows * columns; ++i) {
                const TilePosition at = tile_position(i, rows, columns);
                expect(at.row >= 0 && at.row < rows && at.column >= 0 && at.column < columns, "a tile lies outside");
                seen.insert({at.row, at.column});
            }
            expect(int64_t(seen.size()) == rows * columns, "a tile is left out");
        }
}

void check_cuts() {
    for (int64_t rows : {0, 1, 64, 65, 1000})
        for (int64_t columns : {0, 1, 63, 129})
            for (int64_t inner = 0; inner < 3000; inner += 7) {
                const Cut cut = cut_product(1, rows, columns, inner, true, true, 264);
                const int64_t tile = cut.large ? 128 : 64, slices = divide_up(inner, slice);
                expect(cut.row_tiles * tile >= rows && cut.column_tiles * tile >= columns, "rows or columns left out");
                expect(cut.splits * cut.slices >= slices, "slices left out");
                expect(cut.splits == 1 || (cut.splits - 1) * cut.slices < slices, "a part of nothing");
                expect(cut.splits == 1 || cut.slices >= 16, "a part too small");
            }
}

// What backward_axis says against all pairs of outputs and taps.
void check_axes() {
    for (int64_t size = 1; size < 8; ++size)
        for (int64_t kernel = 1; kernel < 5; ++kernel)
            for (int64_t stride = 1; stride < 5; ++stride)
                for (int64_t dilation = 1; dilation < 4; ++dilation)
                    for (int64_t pad = 0; pad < 5; ++pad)
                        for (int64_t out = 1; out < 6; ++out) {
                            std::set<std::pair<int64_t, int64_t>> wanted, found;  // (pixel, tap), output from both
                            const Axis forward = forward_axis(size, out, kernel, stride, dilation, pad);
                            for (int64_t o = 0; o < forward.places; ++o)
                                for (int64_t t = 0; t < forward.taps; ++t) {
                                    const int64_t pixel = o * forward.scale + forward.offset + t * forward.step;
                                    if (pixel >= 0 && pixel < forward.size)
                                        wanted.insert({(pixel * 16 + t) * 16 + o, o});
                                }
                            const int64_t step = stride / greatest_divisor(stride, dilation);
                            int64_t pixels = 0;
                            for (int64_t phase = 0; phase < stride; ++phase) {
                                const Axis axis = backward_axis(size, out, kernel, stride, dilation, pad, step,
                                                                -(step * dilation / stride), phase);
                                pixels += axis.places;
                                expect(phase > 0 || axis.places >= divide_up(size, stride), "phase 0 has the most");
                                for (int64_t i = 0; i < axis.places; ++i)
                                    for (int64_t t = 0; t < axis.taps; ++t) {
                                        const int64_t o = i * axis.scale + axis.offset + t * axis.step;
                                        const int64_t tap = axis.first_tap + t * axis.tap_step;
                                        expect(tap < kernel, "a tap outside of the kernel");
                                        const int64_t pixel = phase + i * stride;
                                        if (o >= 0 && o < axis.size) found.insert({(pixel * 16 + tap) * 16 + o, o});
                                    }
                            }
                            expect(pixels == size, "pixels left out");
                            expect(wanted == found, "the gradient of the input looks at other outputs");
                        }
}

void check_advancing() {
    for (int rows = 1; rows < 4; ++rows)
        for (int columns = 1; columns < 6; ++columns)
            for (int by = 0; by < 40; ++by)
                for (int i = 0; i < 60; ++i) {
                    Place place = place_at(i, rows, columns);
                    advance(place, by, rows, columns);
                    const Place there = place_at(i + by, rows, columns);
                    expect(place.image == there.image && place.row == there.row && place.column == there.column,
                           "a place goes astray");
                    Tap tap = tap_at(i, rows, columns);
                    advance(tap, by, rows, columns);
                    const Tap goal = tap_at(i + by, rows, columns);
                    expect(tap.row == goal.row && tap.column == goal.column && tap.channel == goal.channel,
                           "a tap goes astray");
                }
}

// An operand of products by warpgroups: every element has a place, which is where the instruction looks for it (PTX
// ISA: groups of 8 lines of 128 bytes, bits 4 to 6 of an address exchanged by those above); eight threads write to all
// banks.
void check_wgmma_places() {
    std::set<int> places;
    for (int index = 0; index < wgmma_lines; ++index)
        for (int k = 0; k < wgmma_slice; ++k) {
            const int at = wgmma_place(index, k);
            expect(at >= 0 && at < wgmma_lines * wgmma_slice && places.insert(at).second,
                   "two elements have one place");
            const int plain = index / 8 * 1024 + index % 8 * 128 + k * 4;
            expect(at * 4 == (plain ^ (plain / 128 % 8 * 16)), "an operand is not swizzled as the instruction has it");
        }
    for (bool along_k : {false, true}) {
        std::set<std::pair<int, int>> elements;
        for (unsigned thread = 0; thread < threads; ++thread)
            for (int i = 0; i < 4; ++i) {
                const ChunkPosition at = wgmma_chunk(along_k, thread, i);
                expect(at.index >= 0 && at.index < wgmma_lines && at.k >= 0 && at.k < wgmma_slice && at.k % 4 == 0,
                       "a chunk lies outside");
                for (int e = 0; e < 4; ++e) elements.insert({at.index, at.k + e});
                const ChunkPosition first = wgmma_chunk(along_k, thread, 0);
                expect(along_k ? at.index == first.index + 32 * i && at.k == first.k
                               : at.index == first.index + i && at.k == first.k && first.index % 4 == 0,
                       "the chunks of a thread are not those that it reads");
                std::set<int> banks;
                for (unsigned other = thread / 8 * 8; other < thread / 8 * 8 + 8; ++other) {
                    const ChunkPosition there = wgmma_chunk(along_k, other, i);
                    banks.insert(wgmma_place(there.index, there.k) / 4 % 8);
                }
                expect(banks.size() == 8, "chunks that are written together meet in a bank");
            }
        expect(int(elements.size()) == wgmma_lines * wgmma_slice, "elements are left out");
    }
}

void check_wgmma_descriptors() {
    for (uint32_t address = 0; address < 1 << 18; address += 16) {
        const uint64_t descriptor = wgmma_descriptor(address);
        expect((descriptor & 0x3fff) << 4 == address, "a descriptor has another address");
        expect((descriptor >> 32 & 0x3fff) << 4 == 1024 && descriptor >> 62 == 1, "a descriptor has another layout");
        expect((descriptor & 0x3ffec000c000c000) == 0, "a descriptor has bits that mean nothing");
        for (unsigned bytes : {0, 32, 96, 0x4000})
            if (address + bytes < 1 << 18)
                expect(wgmma_advance(descriptor, bytes) == wgmma_descriptor(address + bytes),
                       "a descriptor goes astray");
    }
}

void check_wgmma_results() {
    std::set<std::pair<int, int>> results;
    for (unsigned thread = 0; thread < threads; ++thread)
        for (int i = 0; i < wgmma_sums; ++i) {
            const ResultPosition at = wgmma_result(thread, i);
            expect(at.row / 64 == int(thread) / warpgroup, "a result of the other warpgroup's rows");
            results.insert({at.row, at.column});
            expect(at.row >= 0 && at.row < wgmma_lines && at.column >= 0 && at.column < wgmma_lines,
                   "a result outside");
        }
    expect(int(results.size()) == wgmma_lines * wgmma_lines, "results are left out");
}

int main() {
    check_places<float, true, 128>();
    check_places<float, false, 128>();
    check_places<float, true, 64>();
    check_places<float, false, 64>();
    check_places<double, true, 64>();
    check_places<double, false, 64>();
    check_tiles();
    check_cuts();
    check_axes();
    check_advancing();
    check_wgmma_places();
    check_wgmma_descriptors();
    check_wgmma_results();
    return failures > 0;
}
