"""CUDA twins of the kernels, for arrays on an NVIDIA GPU: written with `numba.cuda`, imported when one is first used.

Under each file's NumPy definitions in `croco_np.kernels` stands a Numba twin for the processor; the file of the same
name here has the twin for the GPU. The order of reading is the same: a function that says which thread owns what, then
the formula.

    TWINS       {name of a kernel: its CUDA twin}: the same arguments, results and changes in place as the definition
    SIMULATED   whether Numba's simulator runs them (NUMBA_ENABLE_CUDASIM=1), for tests: no GPU is used

A kernel that is not in TWINS runs as it is defined. No twin uses atomic operations: sums are added up in an order
that the shapes decide, but for the last few numbers of a column sum, which CuPy adds up in an order that may depend on
the model of the GPU. So two runs on one GPU give the same bits. Needs `numba.cuda`; without it, raises ImportError.
"""

from . import adam, covariance, idle, idle_series, mix, relu, rows, sigmoid  # noqa: F401  (defining twins registers them)
from .launch import SIMULATED, TWINS

__all__ = ["SIMULATED", "TWINS"]
