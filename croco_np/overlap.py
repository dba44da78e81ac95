"""Which arrays lie over each other in memory: whoever writes to one of them would change what the other says."""

import numpy as np

from .backend import KINDS, on_device


def keep_apart(written: list[tuple[str, np.ndarray]], read: list[tuple[str, np.ndarray]]) -> None:
    """Raise ValueError if a written array shares memory with any other; each is a list of (name, array).

    Arrays that do not stem from one array lie apart, which is quickly seen, step by step. Only others are sorted by
    address. Of those the whole stretch from the first to the last element counts, gaps included.
    """
    roots, others = ([_root(a) for _, a in arrays] for arrays in (written, read))
    distinct = set(roots)
    if None in distinct or None in others or len(distinct) < len(roots) or not distinct.isdisjoint(others):
        if any(on_device(a) for _, a in written):
            _in_pairs(written, read)
        else:
            _by_address(written, read)


def _root(a):
    """Identity of what owns the memory that an array lies in; None where others may lie in it unseen (files, buffers).

    A result of a compiled loop has an owner of Numba's, made for it alone.
    """
    while type(base := a.base) in KINDS:
        a = base
    if base is None:
        return id(a)
    return id(base) if type(base).__name__ == "_MemInfo" else None


def _in_pairs(written, read):
    """As `_by_address`, for a device's arrays, whose addresses are nobody's business but CuPy's."""
    for i, (name, a) in enumerate(written):
        for other, b in (*written[:i], *read):
            if np.may_share_memory(a, b):
                raise _shared(name, other)


def _shared(name, other):
    return ValueError(f"{name} shares memory with {other}, and one is written to; hand in a copy")


def _by_address(written, read):
    stretches = [
        (*np.lib.array_utils.byte_bounds(a), is_written, name)
        for arrays, is_written in ((written, True), (read, False))
        for name, a in arrays
        if a.size
    ]
    furthest = {True: (0, ""), False: (0, "")}
    for start, end, is_written, name in sorted(stretches):
        for kind in (True, False) if is_written else (True,):
            if start < furthest[kind][0]:
                raise _shared(name, furthest[kind][1])
        furthest[is_written] = max(furthest[is_written], (end, name))
