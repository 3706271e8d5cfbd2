// One tiled product under matmul and the three directions of conv2d.
//
// A product is a struct (matmul.cu, conv.cuh) that says how large it is, where its operands are found and its results
// go: batch, rows, columns, inner(batch), may_split(); left() and right(), whose Cursor finds chunks along k;
// epilogue() and out(), which finish a result. Slices of the operands are copied into shared memory while earlier ones
// are multiplied; a convolution needs no matrix in memory. Sums run along k in an order that depends on the shape
// alone.
#pragma once
#include "cuda/multiply.cuh"

namespace nerve::cuda {

// --- one tile

template <class T, class Tile>
struct TileMemory {
    static constexpr int a = Tile::rows * slice, b = Tile::columns * slice, stage = a + b;
    static constexpr int half = Tile::rows / 2, width = Tile::columns + 8;  // of results; + 8: other banks
    static_assert(half * width <= stages * stage, "half of the results fit where the slices were");
    alignas(16) T of[stages * stage];
};

// The chunks of an operand that a thread copies in every slice: one in every `spread` lines.
template <class T, class Source, int indices>
struct Copier {
    static constexpr int line = (Source::along_k ? slice : indices) / chunk<T>;  // chunks of it
    static constexpr int count = indices * slice / chunk<T> / threads, spread = threads / line;
    typename Source::template Cursor<count, spread> cursor;

    __device__ Copier(const Source& source, int64_t first_index, int64_t first_k) {
        const ChunkPosition at = chunk_position<T, Source::along_k, indices>(threadIdx.x);
        cursor.start(source, first_index + at.index, first_k + at.k);
    }

    __device__ void copy(const Source& source, T* to) {
        for (int i = 0; i < count; ++i) {
            const ChunkPosition at = chunk_position<T, Source::along_k, indices>(threadIdx.x + i * threads);
            T* const chunk_to = to + place<T, Source::along_k, indices>(at.index, at.k);
            if (source.wide) {
                const T* from = cursor.find(source, i, 0);
                copy_async<16>(chunk_to, from ? from : source.data, from != nullptr);
            } else {
#pragma unroll 1
                for (int e = 0; e < chunk<T>; ++e) {
                    const T* from = cursor.find(source, i, e);
                    copy_async<sizeof(T)>(chunk_to + e, from ? from : source.data, from != nullptr);
                }
            }
        }
        cursor.next(source);
    }
};

// One result by fused multiply-adds, for what a sum of tf32 parts cannot hold.
template <class T, class Product>
__device__ T exact(const Product& p, int64_t batch, int64_t row, int64_t column, int64_t first, int64_t last) {
    const auto a = p.left(batch);
    const auto b = p.right(batch);
    T sum = 0;
    for (int64_t k = first; k < last; ++k) {
        typename Product::A::template Cursor<1, 0> in_a;
        typename Product::B::template Cursor<1, 0> in_b;
        in_a.start(a, row, k);
        in_b.start(b, column, k);
        const T *x = in_a.find(a, 0, 0), *y = in_b.find(b, 0, 0);
        sum = math::fma(x ? *x : T(0), y ? *y : T(0), sum);
    }
    return sum;
}

// Finishes the results from `column` of `row` on, a chunk that lies in shared memory, and writes them to where they go.
// They are sums over `slices` slices from `first` on.
template <class T, bool splits_numbers, class Product>
__device__ void write_results(const Product& p, const Cut& cut, T* partials, const T* from, int64_t batch,
                              int64_t split, int64_t row, int64_t column, int64_t first, int slices) {
    constexpr int size = chunk<T>;
    if (row >= p.rows || column >= p.columns) return;
    const int64_t inner = p.inner(batch);
    Values<T> values;
    values.read(from);
    const int count = p.columns - column < size ? int(p.columns - column) : size;
#pragma unroll
    for (int e = 0; e < size; ++e) {
        if (e >= count) break;
        if constexpr (splits_numbers)
            if (!(math::abs(values.of[e]) < T(1e38)))  // or NaN: perhaps of a part alone
                values.of[e] = exact<T>(p, forget(batch), row, column + e, first * slice,
                                        inner < (first + slices) * slice ? inner : (first + slices) * slice);
        if (cut.splits == 1) values.of[e] = p.epilogue(batch, column + e, values.of[e]);
    }
    T* const to = cut.splits == 1 ? p.out(batch, row, column)
                                  : partials + ((split * p.batch + batch) * p.rows + row) * p.columns + column;
    if (to == nullptr) return;
    if (cut.splits == 1 ? p.wide_out : p.columns % size == 0)
        values.write(to);
    else
        for (int e = 0; e < size; ++e)
            if (e < count) to[e] = values.of[e];
}

template <class T, class Tile, Precision precision, class Product>
__global__ void __launch_bounds__(threads, Tile::rows > 64 || sizeof(T) == 8 ? 1 : 2)
    product_kernel(Product p, Cut cut, T* partials) {
    using Memory = TileMemory<T, Tile>;
    using Sums = Multiply<T, Tile, Product::A::along_k, Product::B::along_k, precision>;
    auto& memory = shared<Memory>();
    int64_t block = blockIdx.x;
    const int64_t tiles = cut.row_tiles * cut.column_tiles;
    const TilePosition tile = tile_position(block % tiles, cut.row_tiles, cut.column_tiles);
    block /= tiles;
    const int64_t batch = block % p.batch, split = block / p.batch;
    const int64_t first_row = tile.row * Tile::rows, first_column = tile.column * Tile::columns;
    const int64_t inner = p.inner(batch), last = divide_up(inner, slice), first = split * cut.slices;
    const int slices = int(cut.splits > 1 && first + cut.slices < last ? cut.slices : last - first);

    const auto a = p.left(batch);
    const auto b = p.right(batch);
    Copier<T, typename Product::A, Tile::rows> from_a(a, first_row, first * slice);
    Copier<T, typename Product::B, Tile::columns> from_b(b, first_column, first * slice);
    int to_copy = slices;
    int written = 0, read = 0;  // stages
    const auto after = [](int stage) { return stage + 1 == stages ? 0 : stage + 1; };
    const auto copy = [&] {
        if (to_copy-- > 0) {
            from_a.copy(a, memory.of + written * Memory::stage);
            from_b.copy(b, memory.of + written * Memory::stage + Memory::a);
        }
        copy_commit();
        written = after(written);
    };
    for (int i = 0; i < stages - 1; ++i) copy();

    Sums sums;
    if constexpr (Sums::steps == 1) {
        for (int i = 0; i < slices; ++i) {
            copy_wait<stages - 2>();
            __syncthreads();  // slice i has arrived, and all have read the one before
            copy();
            const T* const from = memory.of + read * Memory::stage;
            sums.add(from, from + Memory::a);
            read = after(read);
        }
    } else if (slices > 0) {
        copy_wait<stages - 2>();
        __syncthreads();
        sums.load(memory.of, memory.of + Memory::a, 0);
        for (int i = 0; i < slices; ++i) {
#pragma unroll Sums::unrolled
            for (int step = 0; step < Sums::steps; ++step) {
                const bool ends = step + 1 == Sums::steps;
                if (ends) {
                    copy_wait<stages - 2>();
                    __syncthreads();
                    read = after(read);
                }
                if (step == 0) copy();  // over what all have read
                const T* const next = memory.of + read * Memory::stage;
                sums.add(next, next + Memory::a, ends ? 0 : step + 1);
            }
        }
    }
    copy_wait<0>();

    constexpr int size = chunk<T>;
    for (int part = 0; part < 2; ++part) {
        __syncthreads();  // what lay there has been read
        sums.each([&](int row, int column, T value) {
            if (row / Memory::half == part) memory.of[row % Memory::half * Memory::width + column] = value;
        });
        __syncthreads();
#pragma unroll 1
        for (int i = threadIdx.x * size; i < Memory::half * Tile::columns; i += threads * size) {
            const int64_t row = first_row + part * Memory::half + i / Tile::columns;
            const int64_t column = first_column + i % Tile::columns;
            write_results<T, Sums::splits_numbers>(p, cut, partials,
                                                   memory.of + i / Tile::columns * Memory::width + i % Tile::columns,
                                                   batch, split, row, column, first, slices);
        }
    }
}

// Adds up the parts of a product that was split.
template <class T, class Product>
__global__ void join_kernel(Product p, const T* partials, int64_t splits) {
    const int64_t size = p.batch * p.rows * p.columns;
    for (int64_t i = first_index(); i < size; i += index_step()) {
        T sum = partials[i];
        for (int64_t split = 1; split < splits; ++split) sum += partials[split * size + i];
        const int64_t column = i % p.columns, row = i / p.columns % p.rows, batch = i / p.columns / p.rows;
        *p.out(batch, row, column) = p.epilogue(batch, column, sum);
    }
}

// --- launching

template <class T, class Product>
Cut cut_of(const Product& p) {
    return cut_product(p.batch, p.rows, p.columns, p.inner(0), sizeof(T) == 4, p.may_split(), busy_blocks());
}

template <class T, class Product>
int64_t product_scratch(const Product& p) {
    const Cut cut = cut_of<T>(p);
    return cut.splits > 1 ? cut.splits * p.batch * p.rows * p.columns * int64_t(sizeof(T)) : 0;
}

template <class T, class Tile, Precision precision, class Product>
void launch_product(Stream stream, const Product& p, const Cut& cut) {
    launch(stream, product_kernel<T, Tile, precision, Product>, cut.splits * p.batch * cut.row_tiles * cut.column_tiles,
           p, cut, static_cast<T*>(stream.scratch));
}

template <class T, class Tile, class Product>
void launch_product(Stream stream, const Product& p, const Cut& cut) {
    if (sizeof(T) == 8 || stream.precision == Precision::highest)
        return launch_product<T, Tile, Precision::highest>(stream, p, cut);
    if constexpr (sizeof(T) == 4) {
        if (stream.precision == Precision::high)
            launch_product<T, Tile, Precision::high>(stream, p, cut);
        else
            launch_product<T, Tile, Precision::medium>(stream, p, cut);
    }
}

template <class T, class Product>
void multiply(Stream stream, const Product& p) {
    const Cut cut = cut_of<T>(p);
    if constexpr (sizeof(T) == 4) {
        if (cut.large)
            launch_product<T, LargeTile>(stream, p, cut);
        else
            launch_product<T, SmallTile>(stream, p, cut);
    } else {
        launch_product<T, SmallTile>(stream, p, cut);
    }
    if (cut.splits > 1)
        launch(stream, join_kernel<T, Product>, loop_blocks(p.batch * p.rows * p.columns), p,
               static_cast<const T*>(stream.scratch), cut.splits);
}

}  // namespace nerve::cuda
