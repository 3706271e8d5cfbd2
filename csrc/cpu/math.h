// Elementary functions of vec<float> and vec<double>, all lanes at once, always inline. They are right at infinities,
// NaN, zeros of either sign and subnormals; tests/test_math.py holds each to its error and has the table of measured
// maxima. Polynomials are minimax fits made for this library.
#pragma once
#include "cpu/math_erf.h"
#include "cpu/math_exp.h"
#include "cpu/math_log.h"
#include "cpu/math_pow.h"
#include "cpu/math_round.h"
#include "cpu/math_trig.h"

// What functors.h looks for here as well.
namespace nerve::NERVE_ISA::math {
using NERVE_ISA::abs;
using NERVE_ISA::fma;
using NERVE_ISA::max;
using NERVE_ISA::min;
using NERVE_ISA::sqrt;
}  // namespace nerve::NERVE_ISA::math
