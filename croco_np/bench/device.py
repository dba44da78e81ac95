"""The memory of a device: what steps take of it, and a line that says so where there is no more.

CuPy shares it out from a pool, which counts it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..errors import InputError
from ..tree import flatten
from .ours import Ours

MB = 1e6
STEPS = 6


def device_memory(ours: Ours) -> dict[str, float]:
    """The memory of a device that steps take, while nothing else of this process lies there ->

    peak_device_mb  what CuPy's pool holds after some steps. It takes more when no piece of it fits, and gives none
                    back, so that is the most these steps needed
    model_mb        parameters + moments of the optimiser
    batches_mb      the batches, which all stay on the device here
    device_mb, free_device_mb  all of the device's memory, and what nobody had taken
    """
    ours.backend.release()
    free = ours.backend.memory().free
    for i in range(STEPS):
        ours.step(i)
    memory = ours.backend.memory()
    return {
        "peak_device_mb": memory.kept / MB,
        **{f"{name}_mb": n / MB for name, n in _lasting(ours).items()},
        "device_mb": memory.total / MB,
        "free_device_mb": free / MB,
    }


def _lasting(ours):
    """Bytes of what lies on a device from step to step."""
    moments = ours.state.moments
    trees = (ours.state.params,) if ours.predict else (ours.state.params, moments["m"], moments["v"])
    batches = [a for b in ours.batches for a in (b.ids, b.prior_ids, b.labels)]
    model = sum(w.nbytes for tree in trees for w in flatten(tree).values())
    return {"model": model, "batches": sum(a.nbytes for a in batches)}


@contextmanager
def room(backend: Any, batch_size: int, ours: Ours | None = None) -> Iterator[None]:
    """Inside a `with` block, a device that has no more room raises InputError: what takes it, what to make smaller.

    ours  what lies there for good; None while it is being made
    """
    try:
        yield
    except Exception as error:
        if not backend.is_out_of_memory(error):
            raise
        memory, lasting = backend.memory(), {} if ours is None else _lasting(ours)
        parts = {"parameters and moments": lasting["model"], "batches": lasting["batches"]} if ours else {}
        rest = memory.kept - sum(lasting.values())
        parts |= {f"steps on {batch_size:,} rows and their floor" if ours else "the model": rest}
        parts |= {"other programs, a peer among them,": memory.total - memory.free - memory.kept}
        taken = ", ".join(f"{name} {max(n, 0) / 1e9:.1f} GB" for name, n in parts.items())
        raise InputError(
            f"out of memory on {backend.where}, {memory.total / 1e9:.1f} GB: {taken}; "
            f"a --batch-size below {batch_size} needs less, or a smaller --workload"
        ) from error
