"""What the system and the libraries say of themselves, as plain data."""

import os
import platform

import numpy as np
from threadpoolctl import threadpool_info

from .. import __version__, cpu, heap, threads
from ..backend import numba, running

PREFIXES = ("OMP_", "GOMP_", "KMP_", "OPENBLAS_", "GOTO_", "MKL_", "BLIS_", "NUMBA_", "MALLOC_", "GLIBC_", "CROCO_NP_")
NOBODY = "KMP_DUPLICATE_LIB_OK"  # threadpoolctl sets it when it is imported


def facts():
    """{topic: plain data}. `numba` is None without Numba; `numba.layer` is None until a parallel region has run."""
    return {
        "cpu": processor(),
        "versions": versions(),
        "blas": blas(),
        "kernels": running(),
        "numba": pool(),
        "environment": environment(os.environ),
        "late": dict(threads.LATE),
        "heap": dict(heap.STATE),
    }


def processor():
    core = cpu.first_core() if cpu.is_linux() else {}
    return {
        "name": cpu.name(),
        "machine": cpu.machine(),
        "cores": cpu.cores(),
        "cores_of_machine": os.cpu_count(),
        "vector": cpu.vector_words(flags := frozenset(core.get("flags", "").split())),
        "avx512": flags >= cpu.AVX512,
    }


def versions():
    return {
        "croco_np": __version__,
        "Python": platform.python_version(),
        "NumPy": np.__version__,
        "Numba": None if numba is None else numba.__version__,
    }


def blas():
    """Each BLAS in the process; `kernels` is None where a library does not tell."""
    return [
        {
            "library": b["internal_api"],
            "version": b["version"],
            "kernels": b.get("architecture"),
            "threads": b["num_threads"],
            "file": b["filepath"],
        }
        for b in threadpool_info()
        if b["user_api"] == "blas"
    ]


def pool():
    """Numba's pool, or None without Numba."""
    if numba is None:
        return None
    try:
        layer = numba.threading_layer()
    except ValueError:  # no parallel region has run
        layer = None
    return {"layer": layer, "threads": numba.get_num_threads()}


def environment(environ):
    """The settings of pools, BLAS and heap that are in the environment, and who set each: "croco_np" or "user".

    A child of a process that imported croco_np inherits its settings and takes them for the user's.
    """
    return [
        {"name": name, "value": value, "by": "croco_np" if threads.OURS.get(name) == value else "user"}
        for name, value in sorted(environ.items())
        if name.startswith(PREFIXES) and name != NOBODY
    ]
