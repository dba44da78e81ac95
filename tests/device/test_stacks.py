"""Products of stacks as cuBLAS is asked for them: its reading of the arguments, in NumPy, against `np.matmul`."""

import ctypes
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.lib.stride_tricks import as_strided

from croco_np.kernels.stacks import _are_plain, _multiply, _stack, matmul

KINDS = (np.float32, np.float64)  # CUDA_R_32F, CUDA_R_64F


def gemm_strided_batched(handle, ta, tb, m, n, k, one, A, At, lda, a_next, B, Bt, ldb, b_next, zero, *result):
    """C_i = op(A_i) op(B_i): matrices lie column by column in memory, a column `ld` entries after the one before."""
    C, Ct, ldc, c_next, count, compute_type, _ = result
    assert compute_type == f"as {np.dtype(KINDS[Ct])}"

    def matrices(at, kind, swapped, n_rows, n_columns, ld, following):
        n_rows, n_columns = (n_columns, n_rows) if swapped else (n_rows, n_columns)
        assert ld >= n_rows
        item = np.dtype(KINDS[kind]).itemsize
        extent = (count - 1) * following + (n_columns - 1) * ld + n_rows
        memory = np.frombuffer((ctypes.c_char * (extent * item)).from_address(at), KINDS[kind])
        found = as_strided(memory, (count, n_rows, n_columns), (following * item, item, ld * item))
        return found.swapaxes(1, 2) if swapped else found

    a, b = matrices(A, At, ta, m, k, lda, a_next), matrices(B, Bt, tb, k, n, ldb, b_next)
    matrices(C, Ct, False, m, n, ldc, c_next)[:] = a @ b


GPU = SimpleNamespace(
    xp=SimpleNamespace(
        cuda=SimpleNamespace(
            cublas=SimpleNamespace(gemmStridedBatchedEx=gemm_strided_batched, CUBLAS_GEMM_DEFAULT=-1),
            get_cublas_handle=lambda: 0,
        )
    ),
    compute_type=lambda dtype: f"as {dtype}",
)


def pointed(a):
    """An array with what CuPy's has: the address of its first entry."""
    return SimpleNamespace(shape=a.shape, dtype=a.dtype, data=SimpleNamespace(ptr=a.ctypes.data))


@pytest.mark.parametrize("dtype", KINDS)
@pytest.mark.parametrize("sizes", [(7, 5, 3, 4), (7, 2, 1, 4), (7, 2, 3, 1), (1, 2, 3, 4), (7, 1, 3, 4), (1, 1, 1, 1)])
@pytest.mark.parametrize("is_one_input", [False, True])
def test_what_cublas_is_asked_for(sizes, is_one_input, dtype):
    """The products of `StackedDense`, forward and backward: operands whose axes are swapped are read in place."""
    n_rows, n_experts, n_in, n_out = sizes
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n_rows, 1 if is_one_input else n_experts, n_in)).astype(dtype)
    W = rng.normal(size=(n_experts, n_in, n_out)).astype(dtype)
    dz = rng.normal(size=(n_rows, n_experts, n_out)).astype(dtype)
    forward = (x.swapaxes(0, 1), W, np.empty_like(dz).swapaxes(0, 1))
    weights = (x.transpose(1, 2, 0), dz.swapaxes(0, 1), np.empty_like(W))
    inputs = (dz.swapaxes(0, 1), W.swapaxes(1, 2), np.empty((n_rows, n_experts, n_in), dtype).swapaxes(0, 1))
    for a, b, out in (forward, weights, inputs):
        stacks = [_stack(s, len(out)) for s in (a, b, out)]
        assert _are_plain(stacks, a, b, out)
        _multiply(GPU, pointed(a), pointed(b), pointed(out), *stacks)
        np.testing.assert_allclose(out, a @ b, rtol=1e-4 if dtype == np.float32 else 1e-12, atol=1e-6)


def test_what_cublas_cannot_be_told():
    a = np.zeros((2, 6, 8))
    for hard in (a[:, ::2, ::2], np.broadcast_to(a[:, :1], (2, 6, 8))[:, :, ::2]):
        assert _stack(hard, 2) is None
    plain = [_stack(a, 2)] * 3
    assert not _are_plain(plain, a.astype(complex), a, a)
    assert not _are_plain(plain, a, a.astype(np.float32), a)
    swapped = _stack(a.swapaxes(1, 2), 2)
    assert not _are_plain([*plain[:2], swapped], a, a, a)


def test_on_the_host_it_is_matmul():
    a, b, out = np.ones((2, 3, 4)), np.ones((2, 4, 5)), np.empty((2, 3, 5))
    matmul(a, b, out)
    assert np.array_equal(out, a @ b)
