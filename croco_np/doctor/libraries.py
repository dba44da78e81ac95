"""Which libraries can be loaded. Imports none of them before it is asked to."""

import importlib
from collections.abc import Iterable
from importlib import metadata

from ..command.streams import one_line

NEEDED_FOR = {  # what goes without it
    "numpy": "everything",
    "numba": "fast kernels",
    "scipy": "Numba's linear algebra",
    "pandas": "reading KuaiRand",
    "matplotlib": "pictures",
    "jinja2": "report pages",
    "tqdm": "progress bars",
    "threadpoolctl": "--threads",
    "safetensors": "saving and reading runs",
}


def libraries(names: Iterable[str] = tuple(NEEDED_FOR)) -> dict[str, dict[str, str | None]]:
    """{name: {"version": None if absent, "error": why it cannot be loaded, or None}}."""
    return {name: {"version": _version(name), "error": _error(name)} for name in names}


def _version(name):
    try:
        return metadata.version(name)
    except Exception:  # absent, or its own records are damaged
        return None


def _error(name):
    try:
        importlib.import_module("croco_np.canvas" if name == "matplotlib" else name)  # as this package loads it
    except Exception as error:  # a library that is there and fails may raise anything
        return f"{type(error).__name__}: {one_line(error)}"
    return None
