"""What a training step asks of a GPU, counted on the stand-in for CuPy: operations, products, and waits.

Each operation starts one kernel on the GPU or more, whatever the size of its arrays; each wait is a value that the host
has to look at before it can go on. Neither depends on the rows of a batch, so a small one is counted.
"""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from .. import backend
from ..batch import make_batch
from ..datasets.splits import Rows, Schema
from ..kernels import device
from ..kernels.twin import KERNELS, using
from ..models import System
from ..objective import Objective
from ..optim import Adam
from ..standin.array import asked, waits
from ..tree import tree_map

SMALL, ROWS = 9, 24  # values of a field, and rows of a batch
PRODUCTS = ("matmul", "tensordot", "dot")


class Asked(NamedTuple):
    """Of one training step: operations of CuPy, products among them; kernels that CUDA twins launch, and the arrays
    handed to these; values of the device that the host waits for.
    """

    operations: int
    products: int
    kernels: int
    arrays: int
    waits: int


def count_step(system: type[System], schema: Schema, sizes: dict[str, Any], twins: bool = True) -> Asked:
    """`Asked` by one step of a system with its own loss and Adam, its second: the first also makes Adam's notes.

    twins  whether the hot loops are counted as their CUDA twins, or as their definitions
    """
    rng = np.random.default_rng(0)
    small = replace(schema, vocabulary=tuple(min(n, SMALL) for n in schema.vocabulary))
    model = system.build(small, **sizes)
    objective, adam = Objective(alpha=1.0 if model.taps else 0.0), Adam()
    gpu = backend.standin()
    launched: list[int] = []
    with using("numba" if twins else "numpy"), device.instead(_counted(launched) if twins else {}):
        params = tree_map(gpu.bring, model.init(rng))
        state = adam.init(params)
        for _ in range(2):
            batch = _batch(rng, small, gpu)
            asked.clear()
            waits.clear()
            launched.clear()
            adam.catch_up(params, model.reads(batch), state)
            out, cache = model.forward(params, batch)
            parts, d, _ = objective(out, batch)
            adam.step(params, model.backward(cache, d), state, defer=True, tracked=model.tracked(cache))
            float(parts["total"])
    products = sum(asked[name] for name in PRODUCTS)
    return Asked(sum(asked.values()), products, len(launched), sum(launched), sum(waits.values()))


def _counted(launched):
    """The CUDA twins, which launch nothing: what they would is noted, and their definitions do the work."""
    return {name: _noting(name, twin, launched) for name, twin in device.all_twins().items()}


def _noting(name, twin, launched):
    def noting(*args):
        with device.not_launching() as kernels, np.errstate(all="ignore"):  # nothing is computed: memory holds anything
            twin(*args)  # for what it asks of CuPy; its result is nothing
        launched.extend(kernels)
        before = asked.copy(), waits.copy()
        result = KERNELS[name].reference(*args)
        for counter, count in zip((asked, waits), before, strict=True):
            counter.clear()
            counter.update(count)  # what the definition asks for is not asked for by the twin
        return result

    return noting


def _batch(rng, schema, gpu):
    """A batch on the device in which every domain has rows, and ids repeat."""
    n = len(schema.domains)
    ids = np.stack([rng.integers(0, size, ROWS) for size in schema.vocabulary], axis=1)
    rows = Rows(ids, rng.integers(0, 2, ROWS), np.arange(ROWS) % n, ids[:, 0])
    batch, _ = make_batch(rows, np.arange(ROWS), schema)
    return batch.brought(gpu.bring)
