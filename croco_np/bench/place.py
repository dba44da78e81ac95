"""Where the steps are computed: on the processor, timed by its clock; on a GPU, timed by events in its stream."""

from collections.abc import Iterable, Iterator
from typing import Any

from ..kernels import device
from ..kernels.twin import running
from ..machine import cpu, gpu
from ..machine.rates import Product, Triad, blas
from ..machine.watch import HOST, EventWatch, Watch

NO_TIMES = "stand-in, no GPU: times mean nothing"


def is_gpu(backend: Any) -> bool:
    """Whether the arrays of a backend are CuPy's, on a GPU or on the stand-in for one."""
    return backend.name == "cupy"


def is_standin(backend: Any) -> bool:
    """Whether no GPU is used: `croco_np.standin` runs in its place."""
    return is_gpu(backend) and backend.is_standin


def watch_of(backend: Any) -> Watch:
    """What tells the time of steps on a backend."""
    return EventWatch(backend.xp) if is_gpu(backend) else HOST


def measures(backend: Any, threads: int) -> tuple[Any, Any]:
    """Contenders for the rate of products and for that of memory: `step` gives seconds, of `flop` and of `bytes`."""
    if not is_gpu(backend):
        return Product(), Triad(threads)
    xp, sizes = backend.xp, gpu.SMALL if is_standin(backend) else gpu.FULL
    return gpu.Product(xp, sizes), gpu.Copy(xp, sizes)


def kernels(backend: Any) -> str:
    """Which side of the kernels runs on a backend."""
    if not is_gpu(backend):
        return running()
    return "CUDA twins" if running() == "numba" and device.side() == "cuda" else "the NumPy text, in CuPy"


def facts(backend: Any, precision: str, threads: int) -> dict[str, Any]:
    """What ran, and on what, for the JSON object.

    backend    "numpy" or "cupy"
    device     the processor or the GPU, in words
    precision  of float32 products
    library    of the arrays and the products
    kernels    which side of them runs
    """
    found = {"backend": backend.name, "precision": precision, "threads": threads, "kernels": kernels(backend)}
    if not is_gpu(backend):
        return found | {"device": cpu.name(), "cpu": cpu.name(), "blas": blas(), "library": "NumPy", "standin": False}
    major, minor = backend.capability
    return found | {
        "device": f"{backend.where} (compute capability {major}.{minor})",
        "cpu": cpu.name(),
        "blas": "cuBLAS",
        "library": f"CuPy {backend.xp.__version__}",
        "standin": is_standin(backend),
    }


def line(r: dict[str, Any]) -> str:
    """The line of a report that says where its steps ran, from `facts`."""
    if r["backend"] == "numpy":
        return f"{r['device']}, {r['threads']} thread(s); BLAS: {r['blas']}"
    return f"{r['device']}, {r['precision']} products; {r['library']}; kernels: {r['kernels']}; host: {r['cpu']}"


def marked(lines: Iterable[str], standin: bool) -> Iterator[str]:
    """The lines of a report; those of the stand-in say, each of them, that no GPU was timed."""
    for text in lines:
        yield f"{text}   [{NO_TIMES}]" if standin and text else text
