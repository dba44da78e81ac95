"""What an object was, to make it that again: for arguments that refuse to be copied."""

import inspect
from typing import Any

import numpy as np

from .snapshot import PLAIN, attributes


class Kept:
    """Remembers everything that is reached from `thing`, private attributes as well.

    Arrays are copied; of lists, dicts, sets and objects it is remembered which things they hold.
    """

    def __init__(self, thing: Any) -> None:
        self.arrays: list[tuple] = []
        self.holders: list[tuple] = []
        seen: dict[int, Any] = {}
        stack = [thing]
        while stack:
            node = stack.pop()
            if id(node) in seen or isinstance(node, PLAIN) or _is_code(node):
                continue
            seen[id(node)] = node
            if isinstance(node, np.ndarray):
                self.arrays.append((node, node.copy()))
                continue
            own = attributes(node)
            parts = _entries(node)
            self.holders.append((node, own, parts))
            stack += [*own.values(), *(parts.values() if isinstance(parts, dict) else parts or ())]

    def restore(self) -> None:
        """Make everything what it was. What an object has got in private since then, filled at first use, stays."""
        for node, own, parts in self.holders:
            _restore_entries(node, parts)
            now = attributes(node)
            for name, part in own.items():
                if now.get(name) is not part:
                    object.__setattr__(node, name, part)
            for name in now.keys() - own.keys():
                if not name.startswith("_"):
                    object.__delattr__(node, name)
        for array, was in self.arrays:
            if array.flags.writeable and array.tobytes() != was.tobytes():  # NaN is not equal to itself
                array[...] = was


def _is_code(node):
    return isinstance(node, type) or inspect.ismodule(node) or inspect.isroutine(node)


def _entries(node):
    """The entries of a container, in a container of its own; None for other things."""
    if isinstance(node, dict):
        return dict(node)
    if isinstance(node, (list, tuple)):
        return list(node)
    return set(node) if isinstance(node, (set, frozenset)) else None


def _restore_entries(node, parts):
    if isinstance(node, list) and (
        len(node) != len(parts) or any(a is not b for a, b in zip(node, parts, strict=True))
    ):
        node[:] = parts
    elif isinstance(node, (dict, set)) and not _alike(node, parts):
        node.clear()
        node.update(parts)


def _alike(node, parts):
    if isinstance(node, set):
        return node == parts
    return list(node) == list(parts) and all(node[key] is part for key, part in parts.items())
