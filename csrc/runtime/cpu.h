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

}  // namespace nerve::runtime
