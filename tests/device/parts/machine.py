"""Part 0: what the checks ran on."""

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from .command import output_of
from .item import Item, Place

PACKAGES = ("numpy", "cupy-cuda13x", "cupy-cuda12x", "numba", "numba-cuda", "torch", "scipy")
LONGEST = 30  # seconds of doctor


def machine(place: Place) -> Iterator[Item]:
    yield Item("device", lambda: f"{place.gpu.where}, compute capability {'.'.join(map(str, place.gpu.capability))}")
    yield Item("memory", lambda: "{:.1f} of {:.1f} GB free".format(*(n / 1e9 for n in place.gpu.memory()[1::-1])))
    yield Item("versions", lambda: ", ".join(filter(None, map(installed, PACKAGES))))
    runtime = place.gpu.xp.cuda.runtime
    yield Item("CUDA", lambda: f"driver {runtime.driverGetVersion()}, runtime {runtime.runtimeGetVersion()}")
    yield Item("doctor", lambda: doctor(place))


def installed(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return ""


def doctor(place: Place) -> str:
    """The lines of `python -m croco_np.doctor`."""
    said = output_of("croco_np.doctor", [], LONGEST)
    return "\n" + "\n".join(f"    {line}" for line in said.strip().splitlines())
