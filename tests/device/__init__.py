"""Tests of the same lines on a device: on the stand-in for CuPy's arrays, and of the kernels in CUDA's simulator."""
