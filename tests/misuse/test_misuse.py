"""No call reaches outside an array: whatever is wrong with the arguments, they are refused, or the result is right.

The walks are programs of their own, since a wrong call may end the process. Each runs twice: with compiled kernels, as
users run them, and with Numba's compiler off, where a loop that reaches outside an array raises IndexError in the loop.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
WALKS = {"kernels": 1450, "layers": 2100, "functions": 410}  # program -> calls at least


@pytest.mark.parametrize("without_compiler", [False, True])
@pytest.mark.parametrize("walk", WALKS)
def test_no_misuse_is_silent(walk, without_compiler):
    environ = os.environ | {"NUMBA_DISABLE_JIT": str(int(without_compiler))}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", HERE / f"{walk}.py"], env=environ, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert found["wrong"] == []
    assert sum(found["counts"].values()) >= WALKS[walk]
