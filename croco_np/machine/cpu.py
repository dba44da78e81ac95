"""The processor: its name, its vector instructions, and the cores that this process may use. Imports no NumPy."""

import math
import os
import sys

CPUINFO, QUOTA = "/proc/cpuinfo", "/sys/fs/cgroup/cpu.max"
AVX512 = frozenset({"avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512cd"})  # what "SkylakeX" kernels execute


def machine() -> str:
    """Architecture: "x86_64", "aarch64", ..., in the system's words."""
    return os.uname().machine if hasattr(os, "uname") else os.environ.get("PROCESSOR_ARCHITECTURE", "unknown")


def first_core(path: str = CPUINFO) -> dict[str, str]:
    """{"vendor_id": ..., "model name": ..., "flags": ...} of the first core; empty where there is no such file.

    The file has a block a core; reading all of them takes long on a large machine.
    """
    entries = {}
    try:
        with open(path, errors="replace") as lines:
            for line in lines:
                if not line.strip():
                    break
                key, _, value = line.partition(":")
                entries[key.strip()] = value.strip()
    except OSError:
        pass
    return entries


def name() -> str:
    """The processor's name, or its architecture where the system tells no more."""
    return first_core().get("model name") or machine()


def vector_words(flags: frozenset[str]) -> str:
    """The vector instructions of an x86-64 CPU in words."""
    words = [word for word, flag in (("AVX", "avx"), ("AVX2", "avx2"), ("FMA", "fma")) if flag in flags]
    if flags >= AVX512:
        words.append("AVX-512" + (" with bfloat16" if "avx512_bf16" in flags else ""))
    elif words:
        words.append("no AVX-512")
    return ", ".join(words) or "unknown"


def cores(quota: str = QUOTA) -> int:
    """Processors that this process may use: its affinity mask, and no more than the quota of its container."""
    n = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        with open(quota) as file:
            limit, period = file.read().split()
        return n if limit == "max" else max(1, min(n, math.ceil(int(limit) / int(period))))
    except (OSError, ValueError, ZeroDivisionError):
        return n


def is_linux() -> bool:
    return sys.platform == "linux"
