"""Crocodile (Lin et al., arXiv 2405.12706) in NumPy, with every backward pass written by hand."""

import os

# Both thread pools of a training step, Numba's (OpenMP) and OpenBLAS's, busy-wait between calls by default and then
# steal each other's cores. The settings are read when the libraries load, hence here; what the user set wins.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")

__version__ = "0.1.0"
