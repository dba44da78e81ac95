"""A device that has no room for the model, or for the activations of a block of rows: a line that names both."""

from collections.abc import Iterator
from contextlib import contextmanager

from ..backend import Backend
from ..errors import InputError
from ..tree import Tree, flatten
from .predictor import BLOCK_ROWS


@contextmanager
def room_named(backend: Backend, params: Tree) -> Iterator[None]:
    """Inside a `with` block, a device that has no more room raises InputError: what takes it, and where else to go.

    params  the model's parameters on the host
    """
    try:
        yield
    except backend.out_of_memory as error:
        memory = backend.memory()
        assert memory, "only a device has such errors"
        model = sum(w.nbytes for w in flatten(params).values()) / 1e6
        raise InputError(
            f"out of memory on {backend.where}, {memory.total / 1e6:,.1f} MB, {memory.free / 1e6:,.1f} MB of it free: "
            f"the model's parameters take {model:,.1f} MB, and as many rows as there are, up to {BLOCK_ROWS:,}, go "
            "through it at a time; --backend numpy predicts in the host's memory"
        ) from error
