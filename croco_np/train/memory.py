"""Does a model fit into memory? Asked before it is drawn: some systems end a process that takes too much.

A device that has no room says so when it is asked for some. Then a line names what takes the room.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from typing import Any

import numpy as np

from ..backend import Backend
from ..errors import InputError, OptionError
from ..models import System
from ..models.assembly import shapes_of
from ..runs.state import State
from ..tree import Tree, flatten

COPIES = 4  # of a parameter: itself, two moments, the best so far


def require_room(model: System, dtype: str, memory: int | None = None, whose: str = "this machine") -> None:
    """Raise InputError if training takes more than all the memory of this machine for its parameters alone.

    memory  bytes; None: what the system says, and if it does not, nothing is refused
    whose   the memory is, in words
    """
    memory = memory or _memory()
    n = sum(prod(shape) for shape in shapes_of(model).values())
    needed = COPIES * n * np.dtype(dtype).itemsize
    if memory is not None and needed > memory:
        raise InputError(
            f"the model has {n:,} parameters: training takes {needed / 1e9:,.1f} GB for them, {whose} has "
            f"{memory / 1e9:,.1f} GB; choose smaller sizes, such as --embedding-width or --expert-sizes"
        )


def require_room_on(backend: Backend, model: System, dtype: str) -> None:
    """The same of a device, for what others have left of its memory; of the host nothing."""
    memory = backend.memory()
    if memory:
        require_room(model, dtype, memory.free + memory.kept, backend.where)


@contextmanager
def room_named(backend: Backend, batch_size: int, state: State | None = None, folder: Any = None) -> Iterator[None]:
    """Inside a `with` block, a device that has no more room raises InputError: what takes it, what to make smaller.

    batch_size  rows of a step
    state       of training, if it was made
    folder      a `RunFolder`, whose last checkpoint is named, or None
    """
    try:
        yield
    except Exception as error:
        if not backend.is_out_of_memory(error):
            raise
        memory = backend.memory()
        assert memory, "only a device has such errors"
        parts = {} if state is None else _parts(state)
        rest = f"activations of a batch of {batch_size:,} rows" if parts else "parameters and moments"
        parts[rest] = max(memory.kept - sum(parts.values()), 0)
        taken = ", ".join(f"{name} {_size(n)}" for name, n in parts.items())
        kept = folder is not None and folder.has_checkpoint
        last = f" (the last checkpoint in {folder.where} is from before)" if kept else ""
        raise OptionError(
            lambda called: (
                f"out of memory on {backend.where}, {_size(memory.total)}: {taken}; a smaller {called('batch_size')}, "
                f"{called('embedding_width')} or {called('expert_sizes')} needs less{last}"
            )
        ) from error


def _parts(state):
    """Bytes of what is kept from step to step, by name."""
    best = {} if state.best is None else {"best weights": _bytes(state.best)}
    moments = _bytes(state.moments["m"]) + _bytes(state.moments["v"])
    return {"parameters": _bytes(state.params), "moments": moments} | best


def _bytes(tree: Tree) -> int:
    return sum(w.nbytes for w in flatten(tree).values())


def _size(n):
    return f"{n / 1e9:,.1f} GB" if n >= 1e8 else f"{n / 1e6:,.1f} MB"


def _memory():
    """Bytes of memory that the machine has, or None."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # not every system tells
        return None
