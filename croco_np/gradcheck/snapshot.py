"""What nested containers hold, and whether they still hold it after a call."""

import dataclasses
import inspect
from typing import Any

import numpy as np

from ..backend import host, on_device

KEYS = "its entries"  # the end of the path under which a dict has its keys and a list its length
PLAIN = (bool, int, float, complex, str, bytes, slice, type(None), np.generic)


def contents(thing: Any) -> dict[tuple, Any]:
    """{path: leaf} of nested dicts, lists, tuples and objects; the keys of a dict and the length of a list are leaves.

    A leaf is an array or a plain value. What is none of these (generators, functions, modules) is left out. A container
    that is reached on several ways, or from itself, is walked once.
    """
    found: dict[tuple, Any] = {}
    seen: dict[int, Any] = {}
    stack: list[tuple[tuple, Any]] = [((), thing)]
    while stack:  # and no recursion: a chain may be longer than Python calls deep
        path, node = stack.pop()
        if isinstance(node, (np.ndarray, *PLAIN)) or on_device(node):
            found[path] = host(node)  # a cache may lie in a device's memory
        elif id(node) not in seen:
            seen[id(node)] = node  # alive, so that no other gets its id
            if isinstance(node, (dict, list)):
                found[(*path, KEYS)] = tuple(map(str, node)) if isinstance(node, dict) else len(node)
            stack += reversed([((*path, key), part) for key, part in _parts(node)])
    return found


def _parts(node):
    if isinstance(node, dict):
        return node.items()
    if isinstance(node, tuple) and hasattr(node, "_fields"):
        return zip(node._fields, node, strict=True)
    if isinstance(node, (list, tuple)):
        return enumerate(node)
    if isinstance(node, type) or inspect.ismodule(node) or inspect.isroutine(node):
        return ()
    named = {f.name: getattr(node, f.name, None) for f in dataclasses.fields(node)} if _is_dataclass(node) else {}
    named |= attributes(node)
    return ((key, part) for key, part in named.items() if not key.startswith("_"))  # those may be filled at first use


def attributes(node: Any) -> dict[str, Any]:
    """{name: value} of what an object holds in its own dict and in slots, private ones as well."""
    slots = [name for kind in type(node).__mro__ for name in _slots(kind)]
    held = {name: getattr(node, name) for name in slots if hasattr(node, name)}
    own = getattr(node, "__dict__", {})
    return held | own if isinstance(own, dict) else held


def _slots(kind):
    """The names of the slots that a class adds, as its objects know them."""
    names = kind.__dict__.get("__slots__", ())
    names = (names,) if isinstance(names, str) else names
    owner = kind.__name__.lstrip("_")
    hidden = [f"_{owner}{name}" if name.startswith("__") and not name.endswith("__") else name for name in names]
    return [name for name in hidden if name not in ("__dict__", "__weakref__")]


def _is_dataclass(node):
    return dataclasses.is_dataclass(node) and not isinstance(node, type)


def snapshot(thing: Any) -> dict[tuple, Any]:
    """`contents` with every array copied."""
    return {path: leaf.copy() if isinstance(leaf, np.ndarray) else leaf for path, leaf in contents(thing).items()}


def changed(thing: Any, before: dict[tuple, Any]) -> list[tuple]:
    """Paths of a snapshot at which `thing` holds something else now, in order."""
    now = contents(thing)
    return [path for path, leaf in before.items() if path not in now or not _same(leaf, now[path])]


def _same(a, b):
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        if a.shape != b.shape or a.dtype != b.dtype:
            return False
        return np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return False
    return a is b or a == b or (a != a and b != b)
