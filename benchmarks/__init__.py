"""nerve beside its peers: :mod:`benchmarks.kernels`, :mod:`benchmarks.training`, :mod:`benchmarks.estimators`."""
