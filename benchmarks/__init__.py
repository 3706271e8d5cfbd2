"""nerve's kernels measured beside their peers; see :mod:`benchmarks.kernels`."""
