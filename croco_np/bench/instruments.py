"""Methods and kernels wrapped in a `Clock`, which also counts operations and bytes.

Products are counted by their weights, kernels by what they read and write. Nothing in the package knows of it: what is
wrapped is named here, and is as it was when the block ends.
"""

import functools
import inspect
import time
from contextlib import contextmanager

import numpy as np

from .. import layers
from ..kernels.twin import Kernel
from ..layers import experts, lookup
from ..losses import LOSSES
from ..objective import Objective
from ..optim import Adam
from .clock import Clock
from .floor import covariance_flop

WAYS = ("forward", "backward")
GATES = (layers.ScalarGate, layers.ElementGate, layers.GateUnit, layers.ScenarioAttention)
METHODS = {
    **{(layer, "forward"): "gather" for layer in (layers.Embeddings, layers.LookUpExperts)},
    **{(layer, "backward"): "scatter" for layer in (layers.Embeddings, layers.LookUpExperts)},
    **{(layer, way): f"products {way}" for layer in (layers.Dense, layers.Linear) for way in WAYS},
    **{(layer, way): "gate" for layer in GATES for way in WAYS},
    **{(layers.Tower, way): "towers" for way in WAYS},
    **{(Adam, method): "optimiser dense" for method in ("step", "catch_up")},
    (Objective, "__call__"): "BCE",
}
FUNCTIONS = {"products": "products forward", "products_backward": "products backward"}  # of stacked experts
KERNELS = {  # by the beginning of the name; other kernels belong to whoever calls them
    **{"gather": "gather", "sum_by_row": "scatter", "bias_relu": "bias + ReLU", "relu_backward": "bias + ReLU"},
    **{
        "add_rows": "products forward",
        "sum_rows": "products backward",
        "mix_": "gate",
        "scaled_sigmoid": "gate",
        "adam_dense": "optimiser dense",
    },
    **{"adam_": "optimiser rows", "catch_up_": "optimiser rows", "replay_": "optimiser rows"},
}


@contextmanager
def instruments():
    """A `Clock` that runs inside the block."""
    clock, undo = Clock(), []

    def patch(owner, name, wrap, *args):
        undo.append((owner, name, vars(owner).get(name)))
        setattr(owner, name, wrap(clock, getattr(owner, name), *args))

    for (owner, method), phase in METHODS.items():
        patch(owner, method, _timed_method, phase, method if owner in (layers.Dense, layers.Linear) else None)
    for module in (experts, lookup):
        for name, phase in FUNCTIONS.items():
            patch(module, name, _timed_product, phase)
    patch(Kernel, "run", _timed_kernel)
    losses = dict(LOSSES)
    for name, loss in losses.items():
        LOSSES[name] = loss._replace(loss=_timed_loss(clock, loss.loss, name))
    try:
        yield clock
    finally:
        LOSSES.update(losses)
        for owner, name, before in reversed(undo):
            setattr(owner, name, before) if before is not None else delattr(owner, name)


def _timed_method(clock, f, phase, way):
    """way: "forward" or "backward" of a layer with weights W, whose products are counted; None elsewhere."""

    @functools.wraps(f)
    def timed(self, *args, **kwargs):
        with clock.phase(phase) as now:
            result = f(self, *args, **kwargs)
        if way:
            weights = (args[0] if way == "forward" else result[1])["W"]  # or their gradient, of the same size
            clock.flop[now] += (2 if way == "forward" else 4) * len(args[1]) * weights.size
        return result

    return timed


def _timed_product(clock, f, phase):
    """`products` takes one product; `products_backward` one of its own, for dW, and for dx it calls `products`."""

    @functools.wraps(f)
    def timed(x, W, *args):
        with clock.phase(phase) as now:
            result = f(x, W, *args)
        clock.flop[now] += 2 * len(x) * W.size
        return result

    return timed


def _timed_loss(clock, f, name):
    @functools.wraps(f)
    def timed(tap, *args, **kwargs):
        with clock.phase("loss"):
            result = f(tap, *args, **kwargs)
        if name == "covariance":
            some = kwargs.get("rows")
            clock.flop["loss"] += covariance_flop(len(tap) if some is None else len(some), tap[0].size)
        return result

    return timed


def _timed_kernel(clock, call):
    @functools.wraps(call)
    def timed(self, *args, **kwargs):
        phase = next((phase for start, phase in KERNELS.items() if self.__name__.startswith(start)), None)
        with clock.phase(phase) as now:
            result = call(self, *args, **kwargs)
        clock.bytes[now] += kernel_bytes(self, args, result)
        clock.last = time.perf_counter()  # the time of counting belongs to no phase
        return result

    return timed


@functools.cache
def _names(reference):
    return tuple(inspect.signature(reference).parameters)


def kernel_bytes(kernel, args, result):
    """Bytes that a kernel must move: arguments read, results written, what is changed in place both.

    Of a table (`table`, or `w`, `m`, `v` next to `rows`) only the rows named in `rows` count, each time they are named.
    """
    named = dict(zip(_names(kernel.reference), args, strict=False))
    rows, total = named.get("rows"), 0
    for name, a in named.items():
        if isinstance(a, np.ndarray):
            size = a.nbytes
            if name in ("table", "w", "m", "v") and isinstance(rows, np.ndarray) and len(a):
                size = rows.size * a[:1].nbytes
            total += 2 * size if name in ("w", "m", "v") or (name == "z" and result is None) else size
    results = result if isinstance(result, tuple) else (result,)
    return total + sum(r.nbytes for r in results if isinstance(r, np.ndarray))
