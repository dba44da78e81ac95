"""Every kernel's CUDA twin computes what the NumPy definition says, in Numba's simulator: no GPU is needed.

The simulator runs a thread of Python for each CUDA thread, so shapes are small. It checks no types and no precision:
`test_cuda_types` compiles the same kernels for a GPU.
"""

import functools
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from cuda_draws import DRAW_FOR_CUDA, draw_replay, normal
from test_kernels import DRAW, run

from croco_np import backend
from croco_np.kernels.twin import KERNELS
from croco_np.standin.array import waits

numba = pytest.importorskip("numba", reason="CUDA twins are written with Numba")
numba.config.ENABLE_CUDASIM = True  # before numba.cuda is imported, which happens in the next line
TWINS = pytest.importorskip("croco_np.kernels.cuda", reason="needs numba.cuda", exc_type=ImportError).TWINS
launch = pytest.importorskip("croco_np.kernels.cuda.launch")
assert "simulator" in launch.cuda.jit.__module__, "numba.cuda was imported before this file could ask for the simulator"

WITHOUT_CUDA_TWIN = {"right_pairs"}  # pairs of gAUC are counted between epochs, on scores that are back on the host
SIZES = [(0, 3), (3, 0), (1, 1), (2, 33), (33, 2)]  # rows and columns: neither fills warps or blocks
LONG = ("sum_by_row", "sum_rows", "relu_backward", "adam_dense")  # threads that take many rows, blocks that are full
ULPS = 16  # sums are added up in another order, and the processor's exponential is not the simulator's


@pytest.fixture(autouse=True, scope="module")
def brisk():
    """The simulator's main thread watches the others without a pause: at Python's 5 ms a turn they would starve."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


@pytest.fixture(autouse=True)
def nothing_is_zero_by_chance(monkeypatch):
    """What a twin leaves unwritten in new memory, or reads before it is written, is 99."""

    def filled(create):
        @functools.wraps(create)
        def create_and_fill(*args, **kwargs):
            a = create(*args, **kwargs)
            if a.dtype.kind in "if":
                a.fill(99)
            return a

        return create_and_fill

    monkeypatch.setattr(np, "empty", filled(np.empty))
    monkeypatch.setattr(np, "empty_like", filled(np.empty_like))


def agree(name, arguments):
    """The twin's results and changes in place are those of the definition, dtype and shape included."""
    outputs = 1 if name == "bias_relu" else None  # the buffer it was handed may hold anything afterwards
    found = run(TWINS[name], arguments)[:outputs]
    for told, said in zip(found, run(KERNELS[name].reference, arguments)[:outputs], strict=True):
        assert (told.dtype, told.shape) == (said.dtype, said.shape)
        near = ULPS * np.finfo(said.dtype).eps if said.dtype.kind == "f" else 0
        np.testing.assert_allclose(told, said, rtol=near, atol=near)
    return found


def test_every_kernel_has_a_cuda_twin_but_those_named_here():
    assert set(KERNELS) - set(TWINS) == WITHOUT_CUDA_TWIN
    assert set(TWINS) == set(DRAW_FOR_CUDA)
    assert set(TWINS) <= set(KERNELS)


@pytest.mark.parametrize(("n", "k"), SIZES)
@pytest.mark.parametrize("name", DRAW_FOR_CUDA)
def test_twin_equals_definition(name, n, k):
    for kind in (np.float32, np.float64) if n < 33 else (np.float32,):
        agree(name, DRAW_FOR_CUDA[name](np.random.default_rng(n), kind, n, k))


@pytest.mark.parametrize("n", [63, 64, 65, 129, 257])
@pytest.mark.parametrize("name", LONG)
def test_many_rows(name, n):
    agree(name, DRAW_FOR_CUDA[name](np.random.default_rng(n), np.float32, n, 1))


@pytest.fixture
def gpu(monkeypatch):
    """CuPy's stand-in, which knows the functions that CuPy has and refuses what CuPy refuses."""
    monkeypatch.setenv(backend.CHOSEN, "standin")
    return backend.load("cupy")


@pytest.mark.parametrize("name", TWINS)
def test_arrays_of_a_device(name, gpu):
    """What stands around the kernels is NumPy's text, answered by the arrays: nothing is looked at by the host."""
    arguments = DRAW_FOR_CUDA[name](np.random.default_rng(2), np.float32, 3, 2)
    there = [gpu.bring(a) if isinstance(a, np.ndarray) else a for a in arguments]
    waits.clear()
    result = TWINS[name](*there)
    assert not waits
    returned = result if isinstance(result, tuple) else () if result is None else (result,)
    assert all(map(backend.on_device, returned))
    told = [*returned, *filter(backend.on_device, there)]
    for a, b in zip(told, run(TWINS[name], arguments), strict=True):
        np.testing.assert_array_equal(a.get(), b)


@pytest.mark.parametrize("name", TWINS)
def test_twice_gives_the_same_bits(name):
    arguments = DRAW_FOR_CUDA[name](np.random.default_rng(1), np.float32, 3, 5)
    once, again = (run(TWINS[name], arguments) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(once, again, strict=True))


RUNS = [[1], [128], [129], [127, 1], [128, 128], [256, 5], [1, 128, 127], [300], [0, 257, 0, 3], [99, 300, 99], [2] * 9]


@pytest.mark.parametrize("lengths", RUNS, ids=str)
def test_runs_of_places_are_summed_wherever_chunks_end(lengths):
    """Whole numbers add up without rounding: what differs by a bit is wrong."""
    rng = np.random.default_rng(0)
    slots = rng.permutation(np.repeat(np.arange(len(lengths)), lengths))[:, None]
    dx = rng.integers(-99, 99, (len(slots), 1, 2)).astype(np.float32)
    for name in ("sum_by_row", "sum_rows"):
        arguments = slots, len(lengths), dx
        assert np.array_equal(TWINS[name](*arguments), KERNELS[name].reference(*arguments))


@pytest.mark.parametrize("name", ["mix_elements", "mix_scalars"])
def test_large_logits_do_not_overflow(name):
    a, o = DRAW_FOR_CUDA[name](np.random.default_rng(0), np.float32, 2, 3)
    agree(name, (1000 * a, o))


def test_a_batch_without_fields():
    rng = np.random.default_rng(0)
    none, x = np.zeros((3, 0), int), normal(rng, np.float32, 3, 2, 4)
    agree("gather", (x, none))
    agree("sum_by_row", (none, 4, x[:, :, :0]))
    agree("add_rows", (x, x, none))
    agree("sum_rows", (none, 4, x))


@pytest.mark.parametrize(("b1", "b2"), [(0.0, 0.9), (0.9, 0.0), (0.9, 0.5)])
def test_replay_with_other_decays(b1, b2):
    """At (0.9, 0.5) the terms do not fade: none is left out."""
    agree("replay_rows", draw_replay(np.random.default_rng(0), np.float64, 3, 2, 20, 2**62, b1, b2))


def test_no_rows_to_replay_cost_nothing_however_late_it_is():
    """There is no memory for a factor of each step from 0 to t."""
    agree("replay_rows", draw_replay(np.random.default_rng(0), np.float32, 0, 2, t=2**50))


def test_not_a_number_stays_one():
    z = np.array([[np.nan, -1.0, 2.0]])
    np.testing.assert_equal(TWINS["bias_relu"](z, np.zeros(3)), [[np.nan, 0, 2]])
    signs, total = TWINS["cross_signs"](np.array([np.nan, -1.0, 2.0, 0.0]).reshape(2, 1, 2, 1), 0)
    np.testing.assert_equal(signs.ravel(), [np.nan, -1, 1, 0])
    assert np.isnan(total)


def test_arrays_that_do_not_lie_one_after_another():
    """What is only read may be a part of a larger array, as `real` allows."""
    rng = np.random.default_rng(0)
    o, y = normal(rng, np.float32, 6, 6, 4)[::2, ::2, ::2], normal(rng, np.float32, 4, 6)[:, ::2]
    agree("mix_elements", (o, o[::-1]))
    agree("relu_backward", (np.maximum(y, 0), y))
    agree("sum_by_row", (np.zeros((3, 6), int)[:, ::6], 1, o))


@pytest.mark.parametrize("shape", [(1,), (255,), (257,), (1, 1), (3, 33), (70_000, 80), (9, 4), (129, 1), (5, 32)])
def test_a_grid_has_a_thread_for_each_element(shape):
    (blocks_x, blocks_y), (x, y) = launch.grid(*shape)
    assert x * y <= launch.THREADS
    if len(shape) == 1:
        assert (blocks_y, y) == (1, 1)
        assert shape[0] <= blocks_x * x < shape[0] + x
    else:  # blocks along x go down the rows
        assert shape[0] <= blocks_x * y < shape[0] + y
        assert shape[1] <= blocks_y * x < shape[1] + x
        assert x <= launch.LANES


def test_arrays_of_the_device_are_seen_without_waiting(monkeypatch):
    seen = []
    monkeypatch.setattr(launch, "SIMULATED", False)
    monkeypatch.setattr(launch, "cuda", SimpleNamespace(as_cuda_array=lambda a, sync: seen.append(sync) or "a view"))
    assert launch.seen_by_cuda(SimpleNamespace(__cuda_array_interface__={})) == "a view"
    assert seen == [False]
    assert launch.seen_by_cuda(3) == 3


def test_on_a_device_no_array_is_copied_from_the_host(monkeypatch):
    monkeypatch.setattr(launch, "SIMULATED", False)
    with pytest.raises(TypeError, match="host memory"):
        launch.seen_by_cuda(np.zeros(3))


def test_the_draws_of_numba_twins_agree_too():
    """Those that are not large: with them come gaps of 399 steps and whole numbers as ids."""
    for name in ("sum_by_row", "adam_rows", "catch_up_rows", "replay_rows", "cross_signs"):
        agree(name, DRAW[name](np.random.default_rng(0), np.float64))
