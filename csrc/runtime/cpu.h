// Which instruction sets this processor and system can run, and which table of kernels is in use.
#pragma once
#include <string>
#include <vector>

#include "kernels.h"

namespace nerve::runtime {

std::vector<std::string> usable_isas();   // of those built, lowest first; NERVE_MAX_ISA cuts the list
std::vector<std::string> cpu_features();  // what detection saw, matrix units included
void set_isa(const std::string& name);    // throws std::invalid_argument naming the usable ones
const KernelTable& active_table();

std::string matmul_precision();                      // "highest", "high" (at first), or "medium"
void set_matmul_precision(const std::string& name);  // throws std::invalid_argument naming them
std::string matmul_pieces();  // what float32 products are made of now: "float32", "bf16", "bf16x6", "fp16x3"

}  // namespace nerve::runtime
