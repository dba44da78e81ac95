"""Facts about the system, the libraries and the settings of this process, as plain data."""

import importlib
import os
import pkgutil
import platform
from collections.abc import Mapping
from typing import Any

import numpy as np

from .. import __version__
from ..kernels import twin
from ..kernels.twin import numba, running
from ..machine import cpu, heap, threads, tuning
from .libraries import libraries
from .room import cannot_write, room

PREFIXES = ("OMP_", "GOMP_", "KMP_", "OPENBLAS_", "GOTO_", "MKL_", "BLIS_", "NUMBA_", "MALLOC_", "GLIBC_", "CROCO_NP_")
NOBODY = "KMP_DUPLICATE_LIB_OK"  # threadpoolctl sets it when it is imported


def facts() -> dict[str, Any]:
    """{topic: plain data}. `numba` is None without Numba; `numba.layer` is None until a parallel region has run."""
    return {
        "cpu": processor(),
        "versions": versions(),
        "blas": blas(),
        "kernels": running(),
        "numba": pool(),
        "environment": environment(os.environ),
        "hint": tuning.hint(),
        "heap": dict(heap.STATE),
        "why_numpy": twin.why_numpy(),
        "cache": cache(),
        "room": room(),
        "libraries": libraries(),  # last: what they load is not what training runs with
    }


def processor() -> dict[str, Any]:
    core = cpu.first_core() if cpu.is_linux() else {}
    return {
        "name": cpu.name(),
        "machine": cpu.machine(),
        "cores": cpu.cores(),
        "cores_of_machine": os.cpu_count() or cpu.cores(),
        "vector": cpu.vector_words(flags := frozenset(core.get("flags", "").split())),
        "avx512": flags >= cpu.AVX512,
    }


def versions() -> dict[str, str | None]:
    return {
        "croco_np": __version__,
        "Python": platform.python_version(),
        "NumPy": np.__version__,
        "Numba": None if numba is None else numba.__version__,
    }


def blas() -> list[dict[str, Any]]:
    """Each BLAS in the process; `kernels` is None where a library does not tell. Empty without threadpoolctl."""
    try:
        from threadpoolctl import threadpool_info

        loaded = threadpool_info()
    except Exception:  # `libraries` says what is wrong with it
        return []
    return [
        {
            "library": b["internal_api"],
            "version": b["version"],
            "kernels": b.get("architecture"),
            "threads": b["num_threads"],
            "file": b["filepath"],
        }
        for b in loaded
        if b["user_api"] == "blas"
    ]


def pool() -> dict[str, Any] | None:
    """Numba's pool, or None without Numba."""
    if numba is None:
        return None
    try:
        layer = numba.threading_layer()
    except ValueError:  # no parallel region has run
        layer = None
    return {"layer": layer, "threads": numba.get_num_threads()}


def cache() -> dict[str, Any] | None:
    """Where compiled kernels are kept, as in `kernel_cache.state`; None without Numba."""
    if numba is None:
        return None
    from .. import kernels
    from ..kernels import cache as kernel_cache

    for module in pkgutil.iter_modules(kernels.__path__):  # each defines some, and looks for a place to keep them
        if not module.ispkg:  # the twins for a GPU: nothing of CUDA is loaded unless it is asked for
            importlib.import_module(f"{kernels.__name__}.{module.name}")
    found = kernel_cache.state()
    if found["folder"] and (error := cannot_write(found["folder"])):
        found["why"] = f"{found['folder']} cannot be written to: {error}"
    return found


def environment(environ: Mapping[str, str]) -> list[dict[str, str]]:
    """The settings of pools, BLAS and heap that are in the environment, and who set each: "croco_np" or "user"."""
    return [
        {"name": name, "value": value, "by": "croco_np" if threads.OURS.get(name) == value else "user"}
        for name, value in sorted(environ.items())
        if name.startswith(PREFIXES) and name != NOBODY
    ]
