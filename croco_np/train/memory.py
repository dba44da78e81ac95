"""Does a model fit into memory? Asked before it is drawn: some systems end a process that takes too much."""

import os
from math import prod

import numpy as np

from ..errors import InputError
from ..models import System
from ..models.assembly import shapes_of

COPIES = 4  # of a parameter: itself, two moments, the best so far


def require_room(model: System, dtype: str, memory: int | None = None) -> None:
    """Raise InputError if training takes more than all the memory of this machine for its parameters alone.

    memory  bytes; None: what the system says, and if it does not, nothing is refused
    """
    memory = memory or _memory()
    n = sum(prod(shape) for shape in shapes_of(model).values())
    needed = COPIES * n * np.dtype(dtype).itemsize
    if memory is not None and needed > memory:
        raise InputError(
            f"the model has {n:,} parameters: training takes {needed / 1e9:,.1f} GB for them, this machine has "
            f"{memory / 1e9:,.1f} GB; choose smaller sizes, such as --embedding-width or --expert-sizes"
        )


def _memory():
    """Bytes of memory that the machine has, or None."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # not every system tells
        return None
