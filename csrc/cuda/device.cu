// What the CUDA runtime says of this machine and of the last launch. The runtime is linked statically and looks for the
// driver when first asked, so that importing the module needs neither.
#include <cstdio>

#include "cuda/common.cuh"
#include "cuda/kernels.h"

namespace nerve::cuda {
namespace {

std::string version(int number) { return std::to_string(number / 1000) + "." + std::to_string(number % 1000 / 10); }

}  // namespace

std::string launch_error() {
    const cudaError_t error = cudaGetLastError();
    if (error == cudaSuccess) return "";
    if (error == cudaErrorInsufficientDriver || error == cudaErrorNoDevice) return status();
    return cudaGetErrorString(error);
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
