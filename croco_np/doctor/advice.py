"""Advice: what to change on a machine, given its facts and rates."""

from typing import Any

from ..machine.threads import AVX512_KERNELS, PEACE
from ..machine.tuning import SWITCH
from . import gpu_advice
from .libraries import NEEDED_FOR

FIGHT = 1.2  # times as long as alone: above noise; pools left as they are reach 1.25 to 2.5
BUSY = 1.5  # processes a core
TOGETHER = 1.3  # times the rate of one thread that all threads should reach at least
LITTLE = 1e9  # bytes on a disk or in memory


def advice(found: dict[str, Any]) -> list[str]:
    """Facts and rates -> what to change, a line each; empty if there is nothing."""
    return [line for rule in RULES if (line := rule(found))]


def _alone(found):
    if any(e["name"] == SWITCH and e["value"] not in ("", "0") for e in found["environment"]):
        return f"{SWITCH} keeps croco_np from setting up pools, kernels and heap: unset it"


def _untuned(found):
    return found["hint"]  # in a program that calls the doctor, or where something loads NumPy as Python starts


def _kernels(found):
    old = sorted(
        {b["kernels"] for b in found["blas"] if b["library"] == "openblas" and b["kernels"] not in AVX512_KERNELS}
        - {None}
    )
    if found["cpu"]["avx512"] and old:
        return (
            f"OpenBLAS runs its {', '.join(old)} kernels on a CPU with AVX-512: "
            "export OPENBLAS_CORETYPE=SkylakeX before Python starts"
        )


def _threads(found):
    cores = found["cpu"]["cores"]
    pools = {"BLAS": max((b["threads"] for b in found["blas"]), default=0)}
    pools["Numba"] = found["numba"]["threads"] if found["numba"] else 0
    crowded = [f"{name} has {n} threads" for name, n in pools.items() if n > cores]
    if crowded:
        return (
            f"{' and '.join(crowded)} for {cores} core(s): pass --threads {cores} to commands, "
            f"or export OPENBLAS_NUM_THREADS={cores} NUMBA_NUM_THREADS={cores}"
        )


def _numba(found):
    if found["why_numpy"]:
        return f"all kernels run in NumPy, more slowly: {found['why_numpy']}"


def broken(libraries: dict[str, dict]) -> dict[str, str]:
    """{name: error} of the libraries that cannot be loaded; Numba has its own line."""
    return {name: state["error"] for name, state in libraries.items() if state["error"] and name != "numba"}


def _libraries(found):
    if names := list(broken(found["libraries"])):
        lost = "; ".join(f"without {name}: no {NEEDED_FOR[name]}" for name in names)
        return f"{', '.join(names)} cannot be loaded ({lost}): pip install --force-reinstall {' '.join(names)}"


def _cache(found):
    state = found["cache"] or {"why": None, "damaged": []}
    if state["why"]:
        return f"compiled kernels are not kept as they should be: {state['why']}"
    if state["damaged"]:
        return (
            f"{len(state['damaged'])} file(s) of the kernel cache are damaged: they are written anew at their next use"
        )


def _room(found):
    room = found["room"]
    if room["error"]:
        return f"{room['folder']} cannot be written to ({room['error']}): go to another folder, or pass --out"
    for what, left in (("free on the disk", room["disk"]), ("of memory left", room["memory"])):
        if left is not None and left < LITTLE:
            return f"only {left / 1e6:.0f} MB {what}: a run may end before it is done"


def _fight(found):
    ratio = found["rates"]["peace"]
    if ratio is not None and ratio > FIGHT and not _busy(found):
        said = f"a product takes {ratio:.1f} times as long after a parallel region of Numba"
        settings = {e["name"]: e["value"] for e in found["environment"]}
        missing = [f"{name}={value}" for name, value in PEACE.items() if settings.get(name) != value]
        if missing:
            return f"the thread pools fight, {said}: export {' '.join(missing)}"
        return f"{said}, though idle threads are set to sleep: something else may use the cores; run again later"


def _busy(found):
    load, cores = found["rates"]["load"], found["cpu"]["cores_of_machine"]
    if load is not None and load > BUSY * cores:
        return (
            f"the machine is busy, {load:.1f} processes on {cores} core(s), and the rates are low: run again later, "
            "or train with --threads 1"
        )


def _shared(found):
    one, every, cores = found["rates"]["gemm_one"], found["rates"]["gemm_all"], found["cpu"]["cores"]
    if cores > 1 and one is not None and every < TOGETHER * one and not _busy(found):
        return (
            f"{cores} cores multiply hardly faster than one ({every:.0f} and {one:.0f} GFLOP/s): "
            "other work or other guests of this machine take them; run again later, or train with --threads 1"
        )


RULES = (
    _alone,
    _untuned,
    _kernels,
    _threads,
    _numba,
    _libraries,
    _cache,
    _room,
    _fight,
    _busy,
    _shared,
    *gpu_advice.RULES,
)
