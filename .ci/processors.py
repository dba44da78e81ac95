"""Run a fast numeric part of the tests as on other processors: without AVX-512, without AVX2, with other BLAS kernels.

    python .ci/processors.py

What this processor does not have is left out: it cannot be switched off, and must not be switched on.
"""

import os
import subprocess
import sys
import time

from croco_np.machine import cpu

TESTS = ["tests/test_optim.py", "tests/test_golden.py", "tests/losses/test_by_hand.py", "tests/layers/test_by_hand.py"]
TESTS += ["-k", "test_golden or by_hand or series or bias_correction or replay"]
CORES = {  # kernels of OpenBLAS -> what the processor must be able to do
    "Prescott": {"pni"},
    "Nehalem": {"sse4_2"},
    "Haswell": {"avx2", "fma"},
    "SkylakeX": cpu.AVX512,
}


def without_vectors():
    """NumPy's own switch: all that needs x86-64-v4 off (AVX-512), then v3 as well (AVX2)."""
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

    here = [name for name in __cpu_dispatch__ if __cpu_features__.get(name)]  # each needs those before it
    for i, name in reversed(list(enumerate(here))):
        if name.startswith("X86_V"):
            yield {"NPY_DISABLE_CPU_FEATURES": " ".join(here[i:])}


def settings():
    flags = set(cpu.first_core().get("flags", "").split())
    yield {}
    yield from without_vectors()
    yield from ({"OPENBLAS_CORETYPE": core} for core, needed in CORES.items() if flags >= needed)
    yield {"CROCO_NP_KERNELS": "numpy"}


def main():
    failed = []
    for setting in settings():
        started = time.perf_counter()
        command = [sys.executable, "-m", "pytest", *TESTS]
        done = subprocess.run(command, env=os.environ | setting, capture_output=True, text=True)
        words = " ".join(f"{name}='{value}'" for name, value in setting.items()) or "as it comes"
        print(f"{words}: {'passed' if done.returncode == 0 else 'FAILED'}, {time.perf_counter() - started:.0f} s")
        if done.returncode:
            print(done.stdout)
            failed.append(words)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
