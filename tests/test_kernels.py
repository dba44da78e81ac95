"""Every kernel: the Numba twin computes what the NumPy definition says, whatever the number of threads."""

import numpy as np
import pytest

import croco_np.kernels.adam
import croco_np.kernels.covariance
import croco_np.kernels.idle
import croco_np.kernels.idle_series
import croco_np.kernels.mix
import croco_np.kernels.ranking
import croco_np.kernels.relu
import croco_np.kernels.rows
import croco_np.kernels.sigmoid  # noqa: F401  (defining the kernels registers them)
from croco_np.kernels.idle_series import plan, series
from croco_np.kernels.twin import KERNELS, numba, running, using

TOLERANCE = {np.float64: 1e-13, np.float32: 2e-6}  # relative; sums are added up in another order


def draw_rows(rng, kind):
    slots = np.unique(rng.integers(0, 3, (10, 5)) + 3 * np.arange(5), return_inverse=True)[1]
    return slots, int(slots.max()) + 1, rng.standard_normal((10, 3, 5 * 4)).astype(kind)


def draw_rows_of_all(rng, kind):
    return rng.integers(0, 9, (10, 4)), 9, rng.standard_normal((10, 3, 150)).astype(kind)


def draw_adam(rng, kind, *extra):
    w, g, m = (rng.standard_normal((7, 5)).astype(kind) for _ in range(3))
    return w, g, m, rng.random((7, 5)).astype(kind), 1e-2, 0.5, 0.9, 0.999, 1e-8


def draw_idle(rng, kind):
    """Four rows, one of them never used, that slept 1, 30 or 399 steps before step 400."""
    w, _, m, v, *_ = draw_adam(rng, kind)
    m[4] = v[4] = 0
    gaps = np.array([1, 30, 399])
    coefficients, _ = series(plan(w.dtype, 0.9, 0.999), gaps, 400, 1e-2, 0.9, 0.999)
    return w, np.array([0, 1, 4, 6]), m, v, np.array([2, 0, 2, 1]), gaps, coefficients, 0.9, 0.999, 1e-8


def draw_mix(rng, kind, *gate):
    return rng.standard_normal((11, 3, *gate)).astype(kind), rng.standard_normal((11, 3, 70)).astype(kind)


def draw_mix_backward(rng, kind, name, *gate):
    a, o = draw_mix(rng, kind, *gate)
    g, h = KERNELS[name].reference(a, o)
    return g, o, h, rng.standard_normal(h.shape).astype(kind)


def draw_ranking(rng, kind):
    """60 rows of a few scores in group 1, too many for an insertion sort; 30 in groups 0 to 4; none in group 5."""
    groups = np.r_[np.ones(60, int), rng.integers(0, 5, 30)]
    return rng.integers(-8, 9, 90).astype(kind), rng.random(90) < 0.5, groups, 6


DRAW = {
    "gather": lambda rng, kind: (rng.standard_normal((9, 3, 5)).astype(kind), rng.integers(0, 9, (10, 4))),
    "sum_by_row": draw_rows,
    "add_rows": lambda rng, kind: (
        rng.standard_normal((10, 3, 150)).astype(kind),
        rng.standard_normal((9, 3, 150)).astype(kind),
        rng.integers(0, 9, (10, 4)),
    ),
    "sum_rows": draw_rows_of_all,
    "bias_relu": lambda rng, kind: (rng.standard_normal((11, 150)).astype(kind), rng.standard_normal(150).astype(kind)),
    "relu_backward": lambda rng, kind: (
        np.maximum(rng.standard_normal((11, 150)), 0).astype(kind),
        rng.standard_normal((11, 150)).astype(kind),
    ),
    "scaled_sigmoid": lambda rng, kind: (rng.standard_normal((11, 70)).astype(kind), 1.5, 2.0),
    "scaled_sigmoid_backward": lambda rng, kind: (
        rng.uniform(0, 2, (11, 70)).astype(kind),
        rng.standard_normal((11, 70)).astype(kind),
        1.5,
        2.0,
    ),
    "mix_elements": lambda rng, kind: draw_mix(rng, kind, 70),
    "mix_scalars": lambda rng, kind: draw_mix(rng, kind),
    "mix_elements_backward": lambda rng, kind: draw_mix_backward(rng, kind, "mix_elements", 70),
    "mix_scalars_backward": lambda rng, kind: draw_mix_backward(rng, kind, "mix_scalars"),
    "right_pairs": draw_ranking,
    "cross_signs": lambda rng, kind: (rng.integers(-2, 3, (3, 5, 3, 5)).astype(kind), 2),
    "adam_dense": draw_adam,
    "adam_rows": lambda rng, kind: (lambda w, g, *rest: (w, np.array([1, 4]), g[:2].copy(), *rest))(
        *draw_adam(rng, kind)
    ),
    "catch_up_rows": draw_idle,
    "replay_rows": lambda rng, kind: (
        lambda w, rows, m, v, gap, gaps, _, *betas: (w, rows, m, v, gaps[gap], 400, 300, 1e-2, *betas)
    )(*draw_idle(rng, kind)),
}


WITHOUT_TWIN = {"cross_signs"}  # NumPy's three passes over it take a third of the time of a compiled loop
WITH_TWIN = [name for name in DRAW if name not in WITHOUT_TWIN]


def run(side, arguments):
    """All that a kernel returns, and its array arguments afterwards, since some kernels work in place."""
    arguments = [a.copy() if isinstance(a, np.ndarray) else a for a in arguments]
    result = side(*arguments)
    returned = result if isinstance(result, tuple) else (result,)
    return [*(r for r in returned if r is not None), *(a for a in arguments if isinstance(a, np.ndarray))]


def test_every_kernel_is_drawn():
    assert set(DRAW) == set(KERNELS)


@pytest.mark.skipif(numba is None, reason="Numba is not installed, so there are no twins")
def test_every_kernel_has_a_twin_but_those_named_here():
    assert {name for name, kernel in KERNELS.items() if kernel.twin is None} == WITHOUT_TWIN


@pytest.mark.skipif(numba is None, reason="Numba is not installed, so there are no twins to compare")
@pytest.mark.parametrize("kind", [np.float64, np.float32])
@pytest.mark.parametrize("name", WITH_TWIN)
def test_twin_equals_definition(name, kind):
    kernel, arguments = KERNELS[name], DRAW[name](np.random.default_rng(0), kind)
    outputs = 1 if name == "bias_relu" else None  # the buffer it was handed may hold anything afterwards
    for told, said in zip(
        run(kernel.twin, arguments)[:outputs], run(kernel.reference, arguments)[:outputs], strict=True
    ):
        assert told.dtype == said.dtype
        np.testing.assert_allclose(told, said, rtol=TOLERANCE[kind], atol=TOLERANCE[kind])


@pytest.mark.skipif(numba is None, reason="Numba is not installed, so there are no twins to run")
@pytest.mark.parametrize("name", WITH_TWIN)
def test_threads_do_not_change_a_bit(name):
    kernel, arguments = KERNELS[name], DRAW[name](np.random.default_rng(1), np.float32)
    threads, results = numba.get_num_threads(), []
    try:
        for n in range(1, numba.config.NUMBA_NUM_THREADS + 1):
            numba.set_num_threads(n)
            results.append(run(kernel.twin, arguments))
    finally:
        numba.set_num_threads(threads)
    for other in results[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(results[0], other, strict=True))


@pytest.mark.parametrize("side", ["reference", "twin"])
def test_relu_keeps_nan(side):
    z = np.array([[np.nan, -1.0, 2.0]])
    relu = getattr(KERNELS["bias_relu"], side)
    if relu is None:
        pytest.skip("Numba is not installed")
    np.testing.assert_equal(relu(z, np.zeros(3)), [[np.nan, 0.0, 2.0]])


@pytest.mark.skipif(numba is None, reason="Numba is not installed, so there is nothing to switch off")
@pytest.mark.parametrize("slope", [10**30, np.float16(1), "1", None])
def test_one_bad_call_leaves_the_compiled_kernels_on(slope):
    with using("numba"), pytest.raises((TypeError, ValueError), match="slope"):
        KERNELS["scaled_sigmoid"].run(np.ones((2, 2)), slope, 1.0)
    assert running() == "numba"


def test_memory_mapped_arrays_are_taken(tmp_path):
    table = np.memmap(tmp_path / "table", float, "w+", shape=(3, 2, 2))
    rows = np.memmap(tmp_path / "rows", np.int32, "w+", shape=(2, 1))
    table[:], rows[:] = np.arange(12).reshape(3, 2, 2), [[2], [0]]
    x = KERNELS["gather"](table, rows)
    assert type(x) is np.ndarray
    assert np.array_equal(x, np.array(table)[[2, 0]])
