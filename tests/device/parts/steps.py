"""Part 5: ten training steps from the same start end where the host's end.

Differences are relative to the largest entry of each array: losses, parameters and both moments. Adam divides a
gradient by its own size, so the relative rounding of the smallest gradients counts: 1e-10 in float64, as for the golden
files, and 1e-3 in float32. One step moves an entry by up to lr = 0.01 whatever its gradient, so a wrong step is far
above.
"""

from collections.abc import Iterator
from functools import partial

import numpy as np

from croco_np.gradcheck.cases import at_blackboard
from croco_np.kernels.twin import using
from croco_np.objective import Objective
from croco_np.optim import Adam

from ..moved import moved
from ..ten_steps import ten_steps
from .item import PRECISIONS, Found, Item, Place, furthest

TOLERANCE = {"float64": 1e-10, "float32": 1e-3}


def steps(place: Place) -> Iterator[Item]:
    for dtype in PRECISIONS:
        for name in place.systems:
            measure = partial(compared, place, name, dtype)
            yield Item(f"{name}, {dtype}", measure, TOLERANCE[dtype])


def compared(place: Place, name: str, dtype: str) -> Found:
    objective = Objective("domain_mean", alpha=0.1, rows=5)

    def train(bring):
        model, adam = at_blackboard(name), Adam(lr=0.01, l2=0.01)
        losses, params, state = ten_steps(model, adam, objective, bring, np.dtype(dtype))
        return {"loss": losses, "params": params, "m": state["m"], "v": state["v"], "last": state["last"]}

    here = train(lambda x: x)
    with using("numpy" if place.standin else "numba"):
        there = train(lambda x: moved(x, place.gpu))
    return furthest(there, here)
