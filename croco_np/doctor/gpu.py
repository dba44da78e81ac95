"""The GPU: what CuPy and the driver say of it, and its measured rates. That there is none is a fact, and no error.

CuPy is loaded only where it is installed, and whatever it raises becomes a line.

Written for CUDA GPUs; run on the stand-in only.
"""

from collections.abc import Callable
from importlib import import_module, metadata
from typing import Any

from .. import backend
from ..command.streams import one_line
from ..errors import InputError
from ..machine import gpu as measured

CUDA = "numba.cuda"


def gpu() -> dict[str, Any]:
    """The GPU as plain data: {"none": why there is none} or

    name, capability    such as "NVIDIA H100 80GB HBM3", "9.0"
    standin             whether it is `croco_np.standin`: then no time means anything
    total, free         bytes of its memory, free before anything was measured
    driver, runtime     CUDA versions: the newest that the driver knows, and that of CuPy's libraries
    cupy, numba_cuda    versions; None without numba-cuda
    why_no_twins        why CUDA twins cannot be compiled, or None
    rates               `rates`
    """
    if not backend.is_installed():
        return {"none": f"CuPy is not installed; with an NVIDIA GPU: {backend.EXTRA}"}
    try:
        there = backend.load("cupy")
        return _of(there)
    except InputError as error:
        return {"none": str(error).removeprefix("--backend cupy: ")}
    except Exception as error:  # a driver that does not fit, or a card that fails, may raise anything
        return {"none": f"it cannot be used ({type(error).__name__}: {one_line(error)})"}


def _of(there):
    runtime, memory = there.xp.cuda.runtime, there.memory()
    major, minor = there.capability
    return {
        "name": there.where,
        "standin": there.is_standin,
        "capability": f"{major}.{minor}",
        "total": memory.total,
        "free": memory.free,
        "driver": version(runtime.driverGetVersion()),
        "runtime": version(runtime.runtimeGetVersion()),
        "cupy": there.xp.__version__,
        "numba_cuda": _installed("numba-cuda"),
        "why_no_twins": None if there.is_standin else why_no_twins(),
        "rates": rates(there),
    }


def version(number: int) -> str:
    """13020 -> "13.2", as CUDA writes its versions."""
    return f"{number // 1000}.{number % 1000 // 10}"


def why_no_twins() -> str | None:
    """Why Numba cannot compile for the GPU, or None."""
    try:
        return None if import_module(CUDA).is_available() else f"{CUDA} finds no GPU"
    except Exception as error:  # absent, or of another CUDA than its libraries
        return f"{type(error).__name__}: {one_line(error)}"


def _installed(name):
    try:
        return metadata.version(name)
    except Exception:  # absent, or its own records are damaged
        return None


def rates(there: Any) -> dict[str, float | None]:
    """Measured by CUDA's events; None where the device has no room for it, or cannot do it.

    copy              GB/s of the device's memory, read and written
    pinned, pageable  GB/s from the host's memory, locked in place or not
    float32, tf32     TFLOP/s of a square product
    call              microseconds of one call of a NumPy function on a device array
    """
    xp, sizes = there.xp, measured.SMALL if there.is_standin else measured.FULL
    found: dict[str, Any] = {}
    for name, make in (
        ("copy", lambda: measured.Copy(xp, sizes)),
        ("pinned", lambda: measured.Upload(xp, True, sizes)),
        ("pageable", lambda: measured.Upload(xp, False, sizes)),
    ):
        found[name] = _if_possible(there, lambda make=make: _rate(make(), "bytes", 1e9))
    for precision in backend.PRECISIONS:
        found[precision] = _if_possible(there, lambda precision=precision: _product(there, precision, sizes))
    there.multiply_in("float32")
    found["call"] = _if_possible(there, lambda: 1e6 * measured.best(measured.Call(xp)))
    return found


def _product(there, precision, sizes):
    there.multiply_in(precision)
    return _rate(measured.Product(there.xp, sizes), "flop", 1e12)


def _rate(contender, amount, unit):
    return getattr(contender, amount) / measured.best(contender) / unit


def _if_possible(there: Any, measure: Callable) -> float | None:
    try:
        return measure()
    except Exception:
        return None
    finally:
        there.release()
