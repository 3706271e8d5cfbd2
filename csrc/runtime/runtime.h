// What kernels may ask of the process: threads and scratch memory. Everything behind it is built with baseline flags,
// and nothing here is inline, so that no instruction set's copy of it can end up in another's code.
#pragma once
#include <cstddef>
#include <cstdint>

namespace nerve::runtime {

// Calls body(context, i) once for every i in [0, tasks), on up to num_threads() threads, and returns when all are done,
// or throws std::bad_alloc when all are done if scratch memory was short in one of them. Serial when called from inside
// a task, or while another thread holds the pool.
void parallel_for(int64_t tasks, void (*body)(void* context, int64_t task), void* context);

int num_threads();
void set_num_threads(int threads);
int default_num_threads();  // from OMP_NUM_THREADS, the affinity mask and the cgroup's quota

// Of what 16-bit pieces the matrix units of this machine make float32 products, at the precision asked for; none: of
// floats, as everywhere else (cpu/amx_split.h).
enum class Split { none, bf16, bf16x6, fp16x3 };
Split matmul_split();

// Whether kernels of AVX-512 may use VNNI (cpu/dots16.h).
bool has_dots16();

// Memory of this thread, 64-byte aligned, uninitialised, valid until the same thread asks for the same slot again.
// Throws std::bad_alloc, which passes through kernels as it is.
enum Slot { packed_a, packed_b, workspace, candidates, slots };
void* scratch(Slot slot, size_t bytes);

}  // namespace nerve::runtime
