"""Products of stacks of matrices, read and written where they lie.

One of M experts reads every M-th row of x (B, M, n). BLAS takes such rows as they are, if it is told how far apart they
are, and so does `np.matmul` on the host. CuPy's `matmul` copies each operand whose axes are swapped, and the result: at
batch 65536, experts of the paper's size and M = 5 these copies move 16 GB a step. Hence the call to cuBLAS here.
"""

from typing import NamedTuple

import numpy as np

from .. import backend


class Stack(NamedTuple):
    """How cuBLAS reads a stack of matrices (M, n, k): columns first, so that ours look transposed to it."""

    swapped: bool  # whether our matrices lie in memory column by column
    apart: int  # entries between two rows that follow each other; of a swapped one, between two columns
    next: int  # entries from a matrix to the next; 0 where one matrix serves all


def matmul(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
    """out_m = a_m b_m: a (M or 1, n, k), b (M or 1, k, l), out (M, n, l), which shares no memory with them."""
    gpu = backend.of(out)
    stacks = [] if gpu.name == "numpy" or gpu.is_standin else [_stack(x, len(out)) for x in (a, b, out)]
    if stacks and a.size and b.size and _are_plain(stacks, a, b, out):
        _multiply(gpu, a, b, out, *stacks)
    else:
        np.matmul(a, b, out=out)


def _stack(x, n_matrices):
    """The `Stack` of an array; None if neither its rows nor its columns lie in one piece."""
    between, down, along = (step // x.itemsize for step in x.strides)
    _, n_rows, n_columns = x.shape
    step = between if len(x) == n_matrices else 0
    if along == 1 or n_columns == 1:
        swapped, apart, least = False, down if n_rows > 1 else n_columns, n_columns
    else:
        swapped, apart, least = True, along, n_rows
    fits = apart >= least and (not swapped or down == 1 or n_rows == 1)
    return Stack(swapped, apart, step) if fits else None


def _are_plain(stacks, a, b, out):
    """Whether cuBLAS can be told of them: numbers of one kind, not complex, in rows or columns of one piece."""
    return None not in stacks and not stacks[2].swapped and a.dtype == b.dtype == out.dtype and out.dtype.char in "fd"


def _multiply(gpu, a, b, out, of_a, of_b, of_out):
    """cuBLAS reads every matrix transposed, so it is asked for out^T = b^T a^T."""
    cublas, one, zero = gpu.xp.cuda.cublas, np.ones((), out.dtype), np.zeros((), out.dtype)
    kind = 0 if out.dtype.char == "f" else 1  # CUDA_R_32F, CUDA_R_64F
    cublas.gemmStridedBatchedEx(
        gpu.xp.cuda.get_cublas_handle(),
        *(int(of_b.swapped), int(of_a.swapped)),
        *(out.shape[2], out.shape[1], a.shape[2]),
        one.ctypes.data,
        *(b.data.ptr, kind, of_b.apart, of_b.next),
        *(a.data.ptr, kind, of_a.apart, of_a.next),
        zero.ctypes.data,
        *(out.data.ptr, kind, of_out.apart, of_out.next),
        out.shape[0],
        gpu.compute_type(out.dtype),
        cublas.CUBLAS_GEMM_DEFAULT,
    )
