"""What the caller of the checker passes: whatever would not be checked, or end far from its cause, is named here."""

import array
import decimal
import numbers
from collections.abc import Mapping, MappingView, Sequence, Set
from typing import Any

import numpy as np

from ..tree import BRANCH
from .forms import FLOAT, leaves, not_finite, paths

OWN = "pass each array of floats as an input of its own; what is no variable belongs in the layer"


def check_arguments(
    layer: Any, params: Any, inputs: Any, rng: Any, methods: Sequence[str], known: Sequence[str]
) -> None:
    """TypeError or ValueError in a sentence; `known` are the methods there are."""
    if isinstance(layer, type):
        raise TypeError(f"layer is the class {layer.__name__}: pass an instance, {layer.__name__}(...)")
    for method in ("forward", "backward"):
        if not callable(getattr(layer, method, None)):
            raise TypeError(f"{type(layer).__name__} has no method {method}")
    if not isinstance(params, BRANCH):
        raise TypeError(f"params must be a dict or a list of arrays, {{}} for none; it is {type(params).__name__}")
    if not isinstance(inputs, tuple):
        raise TypeError(f"inputs must be a tuple, (x,) for a single one; it is {type(inputs).__name__}")
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng must be a generator, np.random.default_rng(0); it is {type(rng).__name__}")
    if unknown := [m for m in methods if m not in known]:
        raise ValueError(f"method {unknown[0]!r}: choose from {known}")
    if not len(methods):
        raise ValueError(f"methods is empty, and nothing would be checked: choose from {known}")
    _check_params(params)
    for i, x in enumerate(inputs):
        _check_input(f"input {i}", x)
    found = leaves(params, inputs)
    if not found:
        raise ValueError("nothing to check: no parameters, and no input is an array of floats")
    if all(leaf.size == 0 for leaf in found.values()):
        raise ValueError("nothing to check: all parameters and inputs are empty, and empty arrays prove nothing")


def _check_params(params):
    by_path = {}
    try:
        found = paths(params)
    except RecursionError:
        raise ValueError(
            "params is nested too deep, or holds itself: a layer's parameters are few levels deep"
        ) from None
    for path, leaf in found.items():
        if odd := [key for key in path if not isinstance(key, str)]:
            raise TypeError(f"params has the key {odd[0]!r}: keys are strings")
        name = ".".join(path)
        if name in by_path:
            raise ValueError(f"two parameters are called {name}: leave dots out of keys")
        by_path[name] = leaf
        if not isinstance(leaf, np.ndarray):
            raise TypeError(f"parameter {name} is of type {type(leaf).__name__}: pass a float64 array")
        if leaf.dtype.kind != "f":
            raise TypeError(f"parameter {name} is {leaf.dtype}: pass float64; integers and flags belong in the layer")
        _check_floats(f"parameter {name}", leaf)


def _check_input(name, x):
    """Arrays of floats are leaves. Ids, slices, numbers, named tuples and other objects are handed through as they are.

    A list of floats would be handed through as well, and seem to be checked; so would sets, views, buffers, fractions.
    """
    if isinstance(x, np.ndarray):
        if x.dtype.kind == "f":
            _check_floats(name, x)
        elif _is_of_floats(x.dtype):
            raise TypeError(f"{name} is {x.dtype}: only plain real arrays are checked, float64")
    elif _holds_floats(x) and not isinstance(x, (numbers.Number, decimal.Decimal, np.inexact)):
        raise TypeError(f"{name} is a {type(x).__name__} that holds floats, which would not be checked: {OWN}")


def _check_floats(name, a):
    if type(a) is not np.ndarray:
        raise TypeError(f"{name} is of type {type(a).__name__}, with rules of its own: pass np.array(...)")
    if a.dtype != FLOAT:
        raise TypeError(f"{name} is {a.dtype}: pass float64, or rounding looks like a mistake")
    if place := not_finite(a):
        raise ValueError(f"{name} is {place}: a gradient is measured at a finite point")


def _is_of_floats(dtype):
    """Whether entries of arrays are, or hold, anything but whole numbers, flags, texts and dates."""
    if dtype.names:
        return any(_is_of_floats(dtype[name]) for name in dtype.names)
    return dtype.kind in "fcO" or (dtype.subdtype is not None and _is_of_floats(dtype.base))


def _holds_floats(thing):
    """Whether numbers that are not whole are in a container, however deep; named tuples are records, as batches are."""
    seen, stack = {}, [thing]
    while stack:
        node = stack.pop()
        if id(node) in seen or isinstance(node, (str, bytes, bytearray, range)):
            continue
        seen[id(node)] = node
        if isinstance(node, (array.array, memoryview)):
            node = np.asarray(node)
        if isinstance(node, (np.ndarray, np.generic)):
            if _is_of_floats(node.dtype):
                return True
        elif isinstance(node, (numbers.Number, decimal.Decimal)):
            if not isinstance(node, numbers.Integral):
                return True
        elif isinstance(node, Mapping):
            stack += node.values()
        elif isinstance(node, (Sequence, Set, MappingView)) and not hasattr(node, "_fields"):
            stack += node
    return False
