"""The manners of the stand-in: what it refuses, in which words and where, what it takes, and when the host waits."""

import importlib.util
import re
from copy import deepcopy

import numpy as np
import pytest

from croco_np.backend import host, on_device
from croco_np.standin import journal

PLANTED = {
    "np.asarray(x)": "a device array where NumPy wants a host array",
    "np.linalg.norm(np.asarray(x))": "a device array where NumPy wants a host array",
    "np.zeros(3) + x": "a host array .3,. beside a device array",
    "x += np.zeros(3)": "a host array .3,. beside a device array",
    "np.where(x > 0, x, np.zeros(3))": "a host array .3,. beside a device array",
    "x[np.arange(2)]": "a host array .2,. beside a device array",
    "x[1:] = np.zeros(2)": "a host array .2,. beside a device array",
    "np.maximum.at(x, x, x)": "CuPy has no maximum.at",
    "np.maximum.reduceat(x, [0])": "CuPy has no maximum.reduceat",
    "np.add.reduceat(x, [0])": "CuPy's add.reduceat subtracts running sums",
    "np.logaddexp.reduce(x)": "CuPy has no logaddexp.reduce",
    "np.modf(x, out=(x, x))": "out= takes one array",
    "np.full(3, 1.0, like=x)": "CuPy's full has no such arguments",
    "np.eye(3, like=x)": "CuPy's eye has no such arguments",
    "np.sum(x, where=x > 0)": "CuPy's sum has no such arguments",
    "x.sum(where=x > 0)": "CuPy's ndarray.sum has no such arguments",
    "np.divide(1.0, x, out=x, where=x > 0)": "CuPy's divide has no argument where",
    "np.add.reduce(x, initial=1.0)": "CuPy's add has no argument initial",
    "np.maximum(x, [0, 1, 2])": "CuPy's maximum takes arrays and numbers, not lists or tuples",
    "np.add.at(x.reshape(1, 3), ([0], [1]), 1.0)": "CuPy's add takes arrays and numbers, not lists or tuples",
    "np.concatenate([x, [1.0]])": "CuPy's concatenate joins arrays alone",
    "np.stack([x[0], 1.0])": "CuPy's stack joins arrays alone",
    "x[:, None][x > 0, x[:1] > 0]": "CuPy takes one mask in an index",
    "x[1:] = [1, 2]": "CuPy assigns arrays and numbers, not lists or tuples",
    "np.zeros_like(x, shape=(x.argmax(), 2))": "CuPy's zeros_like wants lengths of the host",
    "x.reshape(x.argmax() + 1, 1)": "CuPy's ndarray.reshape wants lengths of the host",
    "np.insert(x, 0, 1.0)": "CuPy has no function insert",
    "np.repeat(x, x)": "CuPy's repeat takes a number or a list of them",
    "np.zeros_like(x, shape=0)": "zeros_like.shape=0. has the shape of its model in CuPy",
    "np.full_like(x, 1, shape=())": "full_like.shape=... has the shape of its model in CuPy",
    "x[np.array([0, 0], like=x)] = 1": "two writes to one place",
    "x.set(np.zeros(2))": "a host array float64 .2,. for a device array float64 .3,.",
}


@pytest.fixture
def planted(tmp_path):
    """A function f(x) of a line of code, in a module of its own: the line is line 4 of the file."""

    def function(line):
        file = tmp_path / "planted.py"
        file.write_text(f"import numpy as np\n\ndef f(x):\n    {line}\n")
        spec = importlib.util.spec_from_file_location("planted", file)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return file, module.f

    return function


@pytest.mark.parametrize("line", PLANTED)
def test_what_a_gpu_would_not_do_is_refused_with_file_and_line(line, planted, gpu):
    file, f = planted(line)
    with pytest.raises(TypeError, match=f"^{re.escape(str(file))}:4: {PLANTED[line]}"):
        f(gpu.bring(np.arange(3.0)))


def test_an_attribute_that_cupys_arrays_lack(planted, gpu):
    file, f = planted("x.ctypes")
    with pytest.raises(AttributeError, match=rf"^{re.escape(str(file))}:4: CuPy's arrays have no ctypes"):
        f(gpu.bring(np.zeros(3)))


def test_an_index_out_of_range_is_refused(gpu):
    with pytest.raises(IndexError):
        gpu.bring(np.zeros(3))[np.array([3], like=gpu.bring(np.zeros(1)))]


@pytest.mark.parametrize("number", [2, 0.5, True, 1j, np.float32(0.5), np.float64(0.5), np.int64(2), np.bool_(True)])
def test_numbers_are_taken_and_types_are_numpys(number, gpu):
    here = np.arange(1, 4, dtype=np.float32)
    there = gpu.bring(here)
    for apply in (np.add, np.multiply, np.power, lambda a, b: np.where(a > 1, b, a), lambda a, b: b - a):
        found, want = apply(there, number), apply(here, number)
        assert on_device(found)
        assert (found.dtype, found.shape) == (want.dtype, want.shape)
        assert np.array_equal(host(found), want)


def test_add_at_adds(gpu):
    x = gpu.bring(np.zeros(3))
    np.add.at(x, np.array([0, 0], like=x), 1.0)
    assert host(x).tolist() == [2, 0, 0]


def test_results_without_an_axis_stay_on_the_device(gpu):
    total = gpu.bring(np.arange(3.0)).sum()
    assert on_device(total)
    assert (total.shape, float(total)) == ((), 3)


def test_views_share_memory_and_copies_do_not(gpu):
    x = gpu.bring(np.zeros((2, 3)))
    x.T[0] = 1
    assert host(x).tolist() == [[1, 0, 0], [1, 0, 0]]
    assert x.T[1:].base is x
    assert x[0, 0].base is x
    assert x[..., 0, 0].base is x
    assert np.may_share_memory(x, x.T)
    for other in (x.copy(), deepcopy(x), gpu.bring(host(x))):
        other[:] = 5
    assert host(x).max() == 1


WAITS = {
    "float(x[0])": 1,
    "bool((x > 0).all())": 1,
    "x.get()": 1,
    "x[x > 0]": 1,
    "np.unique(x)": 1,
    "np.flatnonzero(x)": 1,
    "np.bincount(x.astype(int))": 2,
    "x[x > 0] = 0": 1,
    "x.sum()": 0,
    "x[1:] + 1": 0,
    "np.where(x > 0, x, 0)": 0,
}


@pytest.mark.parametrize("line", WAITS)
def test_waits_of_the_host_are_counted_where_they_happen(line, planted, gpu):
    file, f = planted(line)
    f(gpu.bring(np.arange(3.0)))
    assert journal.waits.pop(f"{file}:4", 0) == WAITS[line]
