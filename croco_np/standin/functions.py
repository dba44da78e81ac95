"""NumPy's functions and methods that CuPy has, with their parameters there: the table `cupy_functions.txt`.

python -m croco_np.standin.functions     prints the table anew, from the CuPy that is installed
"""

import functools
import inspect
import re
from inspect import Parameter, Signature
from pathlib import Path
from typing import Any

import numpy as np

METHOD = "ndarray."  # before the names of an array's methods
TABLE = Path(__file__).with_name("cupy_functions.txt")
UFUNC = "ufunc"


@functools.cache
def table() -> dict[str, Signature | None]:
    """{name below `numpy`: signature in CuPy}; None for a ufunc."""
    lines = (line.partition(": ") for line in TABLE.read_text().splitlines() if not line.startswith("#"))
    return {name: None if said == UFUNC else _signature(said.split()) for name, _, said in lines}


def _signature(words):
    """`a axis=` -> the signature (a, axis=...); what stands behind `*` goes by keyword, `*args` takes any number."""
    parameters, kind = [], Parameter.POSITIONAL_OR_KEYWORD
    for word in words:
        name = word.rstrip("=").lstrip("*")
        if word == "*":
            kind = Parameter.KEYWORD_ONLY
        elif word.startswith("**"):
            parameters.append(Parameter(name, Parameter.VAR_KEYWORD))
        elif word.startswith("*"):
            parameters.append(Parameter(name, Parameter.VAR_POSITIONAL))
            kind = Parameter.KEYWORD_ONLY
        else:
            default = None if word.endswith("=") else Parameter.empty
            parameters.append(Parameter(name, kind, default=default))
    return Signature(parameters)


def name_of(function: Any) -> str:
    """The name below `numpy` under which CuPy looks for a function: `linalg.svd`."""
    module = function.__module__.split(".")[1:]
    return ".".join([*module, function.__name__])


def survey(module: Any) -> list[str]:
    """The lines of the table for a CuPy module: all public functions and ufuncs of NumPy that it has, too."""
    lines = [f"# {module.__name__} {module.__version__}: NumPy's functions that it has, and their parameters there."]
    for place in ("", "linalg.", "fft."):
        own, theirs = (functools.reduce(getattr, place.split(".")[:-1], m) for m in (np, module))
        for name in sorted(n for n in dir(own) if not n.startswith("_")):
            function, cupys = getattr(own, name), getattr(theirs, name, None)
            if isinstance(function, np.ufunc) and cupys is not None:
                lines.append(f"{place}{name}: {UFUNC}")
            elif _dispatches(function) and cupys not in (None, function) and name_of(function) == f"{place}{name}":
                lines.append(f"{place}{name}: {' '.join(_words(cupys))}".rstrip())
    for name in sorted(n for n in dir(np.ndarray) if not n.startswith("_")):
        method = getattr(module.ndarray, name, None)
        if callable(method):
            lines.append(f"{METHOD}{name}: {' '.join(_words_of_method(method))}".rstrip())
    return lines


def _dispatches(function):
    """Whether NumPy asks its arguments for `__array_function__`, or takes `like=`."""
    return callable(function) and (
        hasattr(function, "__wrapped__") or "Reference object to allow" in (function.__doc__ or "")
    )


def _words_of_method(method):
    """The parameters of a compiled method, which stand in the first line of its docstring."""
    found = re.match(r"[\w.]*\((.*?)\)( ->.*)?$", (method.__doc__ or "").partition("\n")[0])
    if not found:
        return _words(method)[1:]
    words = [part.partition("=") for part in found[1].split(",")[1:]]
    return [f"{name.split()[-1]}{'=' if default else ''}" for name, _, default in words]


def _words(function):
    try:
        signature = inspect.signature(function)
    except ValueError:  # a ufunc where NumPy has a function, or compiled without a signature
        return ["*args", "**kwargs"]
    words, keyword = [], False
    for p in signature.parameters.values():
        if p.kind is Parameter.KEYWORD_ONLY and not keyword and not any(w.startswith("*") for w in words):
            words.append("*")
            keyword = True
        star = {Parameter.VAR_POSITIONAL: "*", Parameter.VAR_KEYWORD: "**"}.get(p.kind, "")
        words.append(f"{star}{p.name}{'' if star or p.default is Parameter.empty else '='}")
    return words
