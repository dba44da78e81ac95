"""What nested containers hold, and whether they still hold it after a call."""

import dataclasses
import inspect

import numpy as np

KEYS = "its entries"  # the end of the path under which a dict has its keys and a list its length
PLAIN = (bool, int, float, complex, str, bytes, slice, type(None), np.generic)


def contents(thing):
    """{path: leaf} of nested dicts, lists, tuples and objects; the keys of a dict and the length of a list are leaves.

    A leaf is an array or a plain value. What is none of these (generators, functions, modules) is left out.
    """
    found = {}

    def walk(node, path, above):
        if isinstance(node, (np.ndarray, *PLAIN)):
            found[path] = node
        elif id(node) not in above:  # else it contains itself
            if isinstance(node, (dict, list)):
                found[(*path, KEYS)] = tuple(map(str, node)) if isinstance(node, dict) else len(node)
            for key, part in _parts(node):
                walk(part, (*path, key), above | {id(node)})

    walk(thing, (), frozenset())
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
    named |= getattr(node, "__dict__", {})
    return ((key, part) for key, part in named.items() if not key.startswith("_"))  # those may be filled at first use


def _is_dataclass(node):
    return dataclasses.is_dataclass(node) and not isinstance(node, type)


def snapshot(thing):
    """`contents` with every array copied."""
    return {path: leaf.copy() if isinstance(leaf, np.ndarray) else leaf for path, leaf in contents(thing).items()}


def changed(thing, before):
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
