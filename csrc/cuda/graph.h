// Launches that become part of a CUDA graph, and what they get from run to run.
//
// A launcher called while its stream captures adds nodes to a graph, with the arguments it has then. To run the graph
// with other numbers, the same launcher is called again with these, and gives the nodes their new arguments instead of
// launching. All of this is a matter of the thread that calls.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "cuda/launch.h"

namespace nerve::cuda {

// From now on note which node of the capture each launch becomes.
void note_nodes();
// These, in order; none are noted any more.
std::vector<std::uintptr_t> noted_nodes();

// From now on launches give their arguments to nodes of an instantiated graph, in order, for its next runs.
void replace_arguments(std::uintptr_t executable, std::vector<std::uintptr_t> nodes);
// From now on launches are launches again.
void launch_again();

// kernel<<<blocks, threads, shared>>>, or what has been said above; `shared` are bytes.
void launch_kernel(CUstream_st* stream, const void* kernel, int64_t blocks, void** arguments, size_t shared);

}  // namespace nerve::cuda
