"""nerve on a GPU beside PyTorch (cuBLAS, cuDNN) and CuPy, all on the same arrays: ``python -m benchmarks.gpu``."""
