// What the CUDA runtime says of this machine and of the last launch, and launching itself. The runtime is linked
// statically and looks for the driver when first asked, so that importing the module needs neither.
#include <cstdio>
#include <mutex>
#include <set>
#include <utility>

#include "cuda/common.cuh"
#include "cuda/kernels.h"
#include "cuda/wgmma.h"

namespace nerve::cuda {
namespace {

// What this thread's launches do.
struct Redirection {
    bool noting = false, replacing = false;
    cudaGraphExec_t executable = nullptr;
    std::vector<std::uintptr_t> nodes;
    size_t next = 0;  // of the nodes, to get arguments
    bool failed = false;
};
thread_local Redirection redirection;

// The node that the last launch of a capturing stream became.
cudaGraphNode_t last_node(cudaStream_t stream) {
    cudaStreamCaptureStatus status;
    const cudaGraphNode_t* last = nullptr;
    size_t count = 0;
#if CUDART_VERSION >= 13000
    const cudaError_t error = cudaStreamGetCaptureInfo(stream, &status, nullptr, nullptr, &last, nullptr, &count);
#else
    const cudaError_t error = cudaStreamGetCaptureInfo_v2(stream, &status, nullptr, nullptr, &last, &count);
#endif
    if (error != cudaSuccess || status != cudaStreamCaptureStatusActive || count != 1) return nullptr;
    return last[0];
}

// Lets blocks of a kernel have so much shared memory on this thread's device: once, as the runtime may wait for the
// device. False if the runtime has an error to tell.
bool allow_shared(const void* kernel, size_t bytes) {
    static std::mutex mutex;
    static std::set<std::pair<int, const void*>> allowed;
    int device = 0;
    if (cudaGetDevice(&device) != cudaSuccess) return false;
    const std::lock_guard<std::mutex> lock(mutex);
    if (allowed.count({device, kernel})) return true;
    if (cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, int(bytes)) != cudaSuccess)
        return false;
    allowed.insert({device, kernel});
    return true;
}

std::string version(int number) { return std::to_string(number / 1000) + "." + std::to_string(number % 1000 / 10); }

}  // namespace

void note_nodes() {
    redirection = {};
    redirection.noting = true;
}

std::vector<std::uintptr_t> noted_nodes() {
    std::vector<std::uintptr_t> nodes = std::move(redirection.nodes);
    redirection = {};
    return nodes;
}

void replace_arguments(std::uintptr_t executable, std::vector<std::uintptr_t> nodes) {
    redirection = {};
    redirection.replacing = true;
    redirection.executable = reinterpret_cast<cudaGraphExec_t>(executable);
    redirection.nodes = std::move(nodes);
}

void launch_again() { redirection = {}; }

void launch_kernel(CUstream_st* stream, const void* kernel, int64_t blocks, void** arguments, size_t shared) {
    if (shared > 0 && !allow_shared(kernel, shared)) return;
    if (redirection.replacing) {
        if (redirection.next == redirection.nodes.size()) {
            redirection.failed = true;
            return;
        }
        cudaKernelNodeParams parameters = {};
        parameters.func = const_cast<void*>(kernel);
        parameters.gridDim = dim3(unsigned(blocks));
        parameters.blockDim = dim3(threads);
        parameters.kernelParams = arguments;
        parameters.sharedMemBytes = unsigned(shared);
        const auto node = reinterpret_cast<cudaGraphNode_t>(redirection.nodes[redirection.next++]);
        cudaGraphExecKernelNodeSetParams(redirection.executable, node, &parameters);
        return;
    }
    const cudaError_t error =
        cudaLaunchKernel(kernel, dim3(unsigned(blocks)), dim3(threads), arguments, shared, stream);
    if (!redirection.noting || error != cudaSuccess) return;
    const cudaGraphNode_t node = last_node(stream);
    redirection.failed |= node == nullptr;
    redirection.nodes.push_back(reinterpret_cast<std::uintptr_t>(node));
}

std::string launch_error() {
    if (redirection.failed) return "the launches are not those that the graph has captured";
    const cudaError_t error = cudaGetLastError();
    if (error == cudaSuccess) return "";
    if (error == cudaErrorInsufficientDriver || error == cudaErrorNoDevice) return status();
    return cudaGetErrorString(error);
}

bool has_wgmma() {
    int device = 0, major = 0, minor = 0;
    return cudaGetDevice(&device) == cudaSuccess &&
           cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device) == cudaSuccess &&
           cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device) == cudaSuccess && major == 9 &&
           minor == 0;
}

int device_count() {
    int count = 0;
    if (cudaGetDeviceCount(&count) == cudaSuccess) return count;
    cudaGetLastError();  // reported by status(), and no launch's fault
    return 0;
}

std::string status() {
    int driver = 0, count = 0;
    if (cudaDriverGetVersion(&driver) != cudaSuccess || driver == 0) {
        cudaGetLastError();
        return "no NVIDIA driver was found";
    }
    const cudaError_t error = cudaGetDeviceCount(&count);
    if (error != cudaSuccess) cudaGetLastError();
    if (error == cudaErrorInsufficientDriver)
        return "the NVIDIA driver is for CUDA " + version(driver) + " at most, and nerve was built with CUDA " +
               version(CUDART_VERSION) + ": update the driver";
    if (error == cudaErrorNoDevice || (error == cudaSuccess && count == 0)) return "no NVIDIA GPU was found";
    if (error != cudaSuccess) return std::string("the NVIDIA driver reports: ") + cudaGetErrorString(error);

    std::string text = std::to_string(count) + (count == 1 ? " device: " : " devices: ");
    for (int i = 0; i < count; ++i) {
        cudaDeviceProp device;
        if (cudaGetDeviceProperties(&device, i) != cudaSuccess) {
            cudaGetLastError();
            continue;
        }
        char line[400];
        std::snprintf(line, sizeof line, "%s%s (sm_%d%d, %.0f GiB)", i == 0 ? "" : ", ", device.name, device.major,
                      device.minor, double(device.totalGlobalMem) / (1 << 30));
        text += line;
    }
    return text;
}

}  // namespace nerve::cuda
