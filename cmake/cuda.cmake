# The module _cuda, of the families that have a csrc/cuda/<family>.cu. Needs nvcc, but no GPU and no driver: the CUDA
# runtime is linked statically and finds the driver when first used.
if(NERVE_CUDA STREQUAL "OFF" OR NOT NERVE_PYTHON)
  return()
endif()

# Enough for every GPU from Ampere on (newer ones compile the PTX of 90 when first used), in little build time. Release
# wheels pass -DCMAKE_CUDA_ARCHITECTURES="75-real;80-real;86-real;90-real;100-real;120".
if(NOT CMAKE_CUDA_ARCHITECTURES)
  set(CMAKE_CUDA_ARCHITECTURES "80-real;90")
endif()

include(CheckLanguage)
check_language(CUDA)
set(cuda_missing "")
if(NOT CMAKE_CUDA_COMPILER)
  set(cuda_missing "no working nvcc was found")
else()
  enable_language(CUDA)
  find_package(CUDAToolkit QUIET)
  if(CMAKE_CUDA_COMPILER_VERSION VERSION_LESS 12.8)
    set(cuda_missing "nvcc ${CMAKE_CUDA_COMPILER_VERSION} is too old, 12.8 is needed")
  elseif(NOT TARGET CUDA::cudart_static)
    set(cuda_missing "the CUDA runtime's static library was not found")
  endif()
endif()
if(cuda_missing)
  if(NERVE_CUDA STREQUAL "ON")
    message(FATAL_ERROR "nerve: NERVE_CUDA=ON, but ${cuda_missing}")
  endif()
  message(STATUS "nerve: built without CUDA, as ${cuda_missing}")
  return()
endif()

set(cuda_sources csrc/cuda/device.cu)
set(cuda_families "")
foreach(family IN LISTS families)
  if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/csrc/cuda/${family}.cu)
    list(APPEND cuda_sources csrc/cuda/${family}.cu)
    list(APPEND cuda_families FAMILY_${family}=FAMILY_HERE)
  endif()
endforeach()

add_library(cuda_kernels OBJECT ${cuda_sources})
set_target_properties(cuda_kernels PROPERTIES CUDA_STANDARD 17 CUDA_STANDARD_REQUIRED ON CUDA_VISIBILITY_PRESET hidden
                                              CUDA_RUNTIME_LIBRARY Static)
# fmad off, as -ffp-contract=off on the CPU: only what is written as fma is rounded once.
target_compile_options(cuda_kernels PRIVATE --fmad=false --expt-relaxed-constexpr --compress-mode=size)

pybind11_add_module(_cuda MODULE NO_EXTRAS csrc/bind/cuda.cpp $<TARGET_OBJECTS:cuda_kernels>)
target_compile_definitions(_cuda PRIVATE ${cuda_families})
target_compile_options(_cuda PRIVATE $<$<NOT:$<CONFIG:Debug>>:-Os>)
target_link_libraries(_cuda PRIVATE CUDA::cudart_static)
if(NOT CMAKE_BUILD_TYPE STREQUAL "Debug" AND NOT MSVC)
  target_link_options(_cuda PRIVATE -Wl,--gc-sections -Wl,--strip-debug -Wl,--exclude-libs,ALL)
endif()
install(TARGETS _cuda LIBRARY DESTINATION nerve)
list(JOIN CMAKE_CUDA_ARCHITECTURES " " cuda_architectures)
message(STATUS "nerve: CUDA ${CMAKE_CUDA_COMPILER_VERSION} for ${cuda_architectures}")
