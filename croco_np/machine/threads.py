"""Settings that have to stand in the environment before NumPy loads.

    OMP_WAIT_POLICY=passive     workers of OpenMP, Numba's pool, sleep between parallel regions. By default they spin,
                                on cores that the next matrix product needs. Intel's and LLVM's OpenMP obey it too.
    OPENBLAS_THREAD_TIMEOUT=4   OpenBLAS's workers spin for 2^4 clock ticks after a product, not for milliseconds.
    OPENBLAS_CORETYPE=SkylakeX  AVX-512 kernels on AMD CPUs that have it, where OpenBLAS may choose AVX2 ones. Newer
                                names ("Cooperlake", "SapphireRapids") are left alone: a build that does not know a
                                name may fall back to its oldest kernels.

What the user set wins, and CROCO_NP_AS_IS=1 leaves everything alone. Whoever imports croco_np as a library gets the
settings too, and child processes inherit them.
"""

import os
import sys
import warnings

from . import cpu

PEACE = {"OMP_WAIT_POLICY": "passive", "OPENBLAS_THREAD_TIMEOUT": "4"}
SWITCH = "CROCO_NP_AS_IS"
AVX512_KERNELS = ("SkylakeX", "Cooperlake", "SapphireRapids")  # as OpenBLAS names them
OURS = {}  # what `prepare` set
LATE = {}  # of it, what came too late for a library that is loaded


class TooLateWarning(UserWarning):
    """NumPy was imported before croco_np, so its BLAS runs with settings that slow training down."""


def as_is(environ):
    """Whether the user wants the process left alone."""
    return environ.get(SWITCH, "0") not in ("", "0")


def core_type(machine, vendor, flags):
    """The kernels to ask OpenBLAS for on a CPU, or None where its own choice is right or unknown to us.

    machine "x86_64" or "AMD64", vendor and flags (a set) as in /proc/cpuinfo. A wrong answer ends in an illegal
    instruction, so all five subsets of AVX-512 that the kernels use have to be there.
    """
    is_amd = machine in ("x86_64", "AMD64") and vendor in ("AuthenticAMD", "HygonGenuine")
    return "SkylakeX" if is_amd and flags >= cpu.AVX512 else None


def wanted():
    """{name: value} of the settings for this machine."""
    settings = dict(PEACE)
    if cpu.is_linux():
        core = cpu.first_core()
        kernels = core_type(cpu.machine(), core.get("vendor_id"), frozenset(core.get("flags", "").split()))
        if kernels:
            settings["OPENBLAS_CORETYPE"] = kernels
    return settings


def late(ours, libraries, pool_started, cores):
    """Of the settings `ours`, those that came too late and would have made a difference.

    libraries     of `threadpoolctl.threadpool_info()`: what is loaded
    pool_started  whether Numba's OpenMP pool runs already
    cores         that this process may use; pools of one thread do not fight
    """
    kernels = {b.get("architecture") for b in libraries if b["internal_api"] == "openblas"}
    matters = {
        "OMP_WAIT_POLICY": pool_started and cores > 1,
        "OPENBLAS_THREAD_TIMEOUT": bool(kernels) and cores > 1,
        "OPENBLAS_CORETYPE": bool(kernels.difference(AVX512_KERNELS)),
    }
    return {name: value for name, value in ours.items() if matters[name]}


def _loaded():
    try:
        from threadpoolctl import threadpool_info

        return threadpool_info()
    except Exception:  # it serves a warning here, and no import may fail for that
        return []


def prepare(environ=os.environ):
    """Set what is wanted and not set; warn, in one line, of what comes too late."""
    if as_is(environ):
        return
    OURS.update({name: value for name, value in wanted().items() if name not in environ})
    environ.update(OURS)
    if OURS and "numpy" in sys.modules:
        LATE.update(late(OURS, _loaded(), "numba.np.ufunc.omppool" in sys.modules, cpu.cores()))
    if LATE:
        missed = " ".join(f"{name}={value}" for name, value in LATE.items())
        warnings.warn(
            f"NumPy was imported before croco_np, too late for {missed}, and training is slower: "
            "import croco_np first, or export the settings before Python starts",
            TooLateWarning,
            stacklevel=3,  # the user's own import
        )
