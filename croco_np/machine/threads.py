"""Environment variables that make thread pools sleep when idle, and pick OpenBLAS's kernels for the processor.

    OMP_WAIT_POLICY=passive     workers of OpenMP, Numba's pool, sleep between parallel regions. By default they spin,
                                on cores that the next matrix product needs. Intel's and LLVM's OpenMP obey it too.
    OPENBLAS_THREAD_TIMEOUT=4   OpenBLAS's workers spin for 2^4 clock ticks after a product, not for milliseconds.
    OPENBLAS_CORETYPE=SkylakeX  AVX-512 kernels on AMD CPUs that have it, where OpenBLAS may choose AVX2 ones. Newer
                                names ("Cooperlake", "SapphireRapids") are left alone: a build that does not know a
                                name may fall back to its oldest kernels.

A library reads its variables once, when it loads: they have to be set before NumPy is imported. Child processes inherit
them. Nothing is set here but by `tuning.tune`.
"""

import sys
from collections.abc import Mapping, MutableMapping

from . import cpu

PEACE = {"OMP_WAIT_POLICY": "passive", "OPENBLAS_THREAD_TIMEOUT": "4"}
AVX512_KERNELS = ("SkylakeX", "Cooperlake", "SapphireRapids")  # as OpenBLAS names them
OURS: dict[str, str] = {}  # what `set_missing` set in this process
LATE: dict[str, str] = {}  # of it, what came too late for a library that was loaded


def core_type(machine: str, vendor: str | None, flags: frozenset[str]) -> str | None:
    """The kernels to ask OpenBLAS for on a CPU, or None where its own choice is right or unknown to us.

    machine "x86_64" or "AMD64", vendor and flags (a set) as in /proc/cpuinfo. A wrong answer ends in an illegal
    instruction, so all five subsets of AVX-512 that the kernels use have to be there.
    """
    is_amd = machine in ("x86_64", "AMD64") and vendor in ("AuthenticAMD", "HygonGenuine")
    return "SkylakeX" if is_amd and flags >= cpu.AVX512 else None


def wanted() -> dict[str, str]:
    """{name: value} of the variables for this machine."""
    settings = dict(PEACE)
    if cpu.is_linux():
        core = cpu.first_core()
        kernels = core_type(cpu.machine(), core.get("vendor_id"), frozenset(core.get("flags", "").split()))
        if kernels:
            settings["OPENBLAS_CORETYPE"] = kernels
    return settings


def missing(environ: Mapping[str, str]) -> dict[str, str]:
    """{name: value} of the variables that are wanted and not set: what the user set, to whatever value, stays."""
    return {name: value for name, value in wanted().items() if name not in environ}


def set_missing(environ: MutableMapping[str, str]) -> None:
    """Set the variables that are wanted and not set; note them in `OURS`, and in `LATE` those that came too late."""
    unset = missing(environ)
    environ.update(unset)
    OURS.update(unset)
    if unset and "numpy" in sys.modules:
        LATE.update(slowing(unset, loaded(), pool_started(), cpu.cores()))


def slowing(unset: Mapping[str, str], libraries: list[dict], numba_runs: bool, cores: int) -> dict[str, str]:
    """Of the variables `unset` when libraries loaded, those that make a difference to them.

    libraries   of `threadpoolctl.threadpool_info()`: what is loaded
    numba_runs  whether Numba's OpenMP pool has loaded without them, or will
    cores       that this process may use; pools of one thread do not fight
    """
    kernels = {b.get("architecture") for b in libraries if b["internal_api"] == "openblas"}
    matters = {
        "OMP_WAIT_POLICY": numba_runs and cores > 1,
        "OPENBLAS_THREAD_TIMEOUT": bool(kernels) and cores > 1,
        "OPENBLAS_CORETYPE": bool(kernels.difference(AVX512_KERNELS)),
    }
    return {name: value for name, value in unset.items() if matters[name]}


def loaded() -> list[dict]:
    """The BLAS and OpenMP libraries in this process, as threadpoolctl tells; empty where it cannot."""
    try:
        from threadpoolctl import threadpool_info

        return threadpool_info()
    except Exception:  # it serves a hint, and no program may fail for that
        return []


def pool_started() -> bool:
    """Whether Numba has loaded its OpenMP pool."""
    return "numba.np.ufunc.omppool" in sys.modules
