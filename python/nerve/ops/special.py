"""Special functions: the inverse of the error function, and a Bessel function."""

from __future__ import annotations

import math

import numpy as np

from nerve import kernels
from nerve._typing import Array
from nerve.kernels._arrays import placed
from nerve.kernels._backend import as_floats
from nerve.ops._differentiable import Result, differentiable
from nerve.ops._on_host import back, on_host

__all__ = ["erfinv", "i0"]

# Wichura, "Algorithm AS 241: the percentage points of the normal distribution", Applied Statistics 37 (1988): quotients
# of polynomials, highest power first, in the middle, towards the ends and near them.
_QUOTIENTS = (
    (
        (2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4, 4.5921953931549871457e4,
         1.3731693765509461125e4, 1.9715909503065514427e3, 1.3314166789178437745e2, 3.3871328727963666080),
        (5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4, 2.1213794301586595867e4,
         5.3941960214247511077e3, 6.8718700749205790830e2, 4.2313330701600911252e1, 1.0),
    ),
    (
        (7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1, 1.27045825245236838258,
         3.64784832476320460504, 5.76949722146069140550, 4.63033784615654529590, 1.42343711074968357734),
        (1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2, 1.48103976427480074590e-1,
         6.89767334985100004550e-1, 1.67638483018380384940, 2.05319162663775882187, 1.0),
    ),
    (
        (2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3, 2.65321895265761230930e-2,
         2.96560571828504891230e-1, 1.78482653991729133580, 5.46378491116411436990, 6.65790464350110377720),
        (2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5, 7.86869131145613259100e-4,
         1.48753612908506148525e-2, 1.36929880922735805310e-1, 5.99832206555887937690e-1, 1.0),
    ),
)  # fmt: skip


def _quotient(part: int, x: Array) -> Array:
    found = []
    for coefficients in _QUOTIENTS[part]:
        total = kernels.add(kernels.multiply(x, coefficients[0]), coefficients[1])
        for coefficient in coefficients[2:]:
            total = kernels.add(kernels.multiply(total, x), coefficient)
        found.append(total)
    return kernels.divide(*found)


@differentiable
def erfinv(x: Array) -> Result:
    """The number whose error function is `x`: infinite at -1 and 1, NaN beyond."""
    (x,) = as_floats("erfinv", x)
    size = kernels.absolute(x)
    inside = kernels.minimum(size, 0.85)
    middle = _quotient(0, kernels.subtract(0.180625, kernels.square(kernels.multiply(inside, 0.5))))
    ends = kernels.equal(size, 1.0)
    tail = kernels.multiply(kernels.subtract(1.0, kernels.where(ends, 0.0, size)), 0.5)
    depth = kernels.sqrt(kernels.negative(kernels.log(tail)))
    outer = kernels.where(
        kernels.less_equal(depth, 5.0),
        _quotient(1, kernels.subtract(kernels.minimum(depth, 5.0), 1.6)),
        _quotient(2, kernels.subtract(kernels.maximum(depth, 5.0), 5.0)),
    )
    outer = kernels.multiply(kernels.where(ends, np.inf, outer), kernels.sign(x))
    inner = kernels.multiply(kernels.multiply(middle, math.sqrt(0.125)), x)
    y = kernels.where(kernels.less_equal(size, 0.85), inner, kernels.multiply(outer, math.sqrt(0.5)))

    def gradient(grad: Array) -> Array:
        return kernels.multiply(grad, kernels.multiply(kernels.exp(kernels.square(y)), math.sqrt(math.pi) / 2))

    return y, (gradient,)


@differentiable
def i0(x: Array) -> Result:
    """The modified Bessel function of the first kind of order 0. SciPy's: no recording holds it."""
    from scipy import special

    values = on_host("i0", x)
    return placed(special.i0(values), x), (back(x, lambda grad: grad * special.i1(values)),)
