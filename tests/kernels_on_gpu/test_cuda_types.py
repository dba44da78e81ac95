"""Every CUDA kernel compiles for a GPU. Numba's simulator runs them as Python, and takes what no GPU would."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("cuda_types.py")


@pytest.fixture(scope="module")
def found():
    if find_spec("numba_cuda") is None:
        pytest.skip("needs numba-cuda with its compiler for GPUs: pip install numba-cuda[cu13]")
    environment = os.environ | {"NUMBA_ENABLE_CUDASIM": "0", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run([sys.executable, PROGRAM], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    if "why" in answer:
        pytest.skip(answer["why"])
    return answer


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_every_kernel_compiles(found, precision):
    assert sorted(found["compiled"][precision]) == found["kernels"]
    assert len(found["kernels"]) > 15


def test_float32_stays_float32(found):
    """One float64 among them would make a kernel compute in it, at 1/64 of the speed on most cards."""
    assert {name: lines for name, lines in found["compiled"]["float32"].items() if lines} == {}
    assert all(lines for name, lines in found["compiled"]["float64"].items())  # such lines are seen


IMPORTS = """
import json, sys, croco_np.kernels.rows, croco_np.losses, croco_np.optim
loaded = [name for name in sys.modules if name.startswith(("numba.cuda.", "croco_np.kernels.cuda"))]
sys.modules["numba.cuda"] = None  # as where a Numba comes without it
try:
    import croco_np.kernels.cuda
except ImportError as error:
    print(json.dumps([loaded, str(error)]))
"""


def test_cuda_is_loaded_by_nothing_else_and_missed_in_one_error():
    pytest.importorskip("numba")
    done = subprocess.run([sys.executable, "-c", IMPORTS], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    loaded, missed = json.loads(done.stdout)
    assert loaded == []
    assert "numba" in missed
