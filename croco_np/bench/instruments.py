"""Methods and kernels wrapped in a `Clock`, which also counts operations and bytes.

Products are counted by their weights, kernels by what they read and write according to their rules (`Kernel.takes`).
Nothing in the package knows of it: what is wrapped is named here, and is as it was when the block ends.
"""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from .. import layers
from ..backend import KINDS
from ..kernels.twin import Kernel
from ..layers import experts, lookup
from ..losses import LOSSES
from ..machine.watch import HOST, Watch
from ..objective import Objective
from ..optim import Adam
from .clock import Clock
from .floor import covariance_flop

WAYS = ("forward", "backward")
GATES = (layers.ScalarGate, layers.ElementGate, layers.GateUnit, layers.ScenarioAttention)
METHODS: dict[tuple[type, str], str] = {
    **{(layer, "forward"): "gather" for layer in (layers.Embeddings, layers.LookUpExperts)},
    **{(layer, "backward"): "scatter" for layer in (layers.Embeddings, layers.LookUpExperts)},
    **{(layer, way): f"products {way}" for layer in (layers.Dense, layers.Linear) for way in WAYS},
    **{(layer, way): "gate" for layer in GATES for way in WAYS},
    **{(layers.Tower, way): "towers" for way in WAYS},
    **{(Adam, method): "optimiser dense" for method in ("step", "catch_up")},
    (Objective, "__call__"): "BCE",
}
FUNCTIONS = {"products": "products forward", "products_backward": "products backward"}  # of stacked experts
KERNELS = {  # phase of a kernel; one that is not named here belongs to the phase that calls it
    "gather": "gather",
    "sum_by_row": "scatter",
    "bias_relu": "bias + ReLU",
    "relu_backward": "bias + ReLU",
    "add_rows": "products forward",
    "sum_rows": "products backward",
    "mix_elements": "gate",
    "mix_elements_backward": "gate",
    "mix_scalars": "gate",
    "mix_scalars_backward": "gate",
    "scaled_sigmoid": "gate",
    "scaled_sigmoid_backward": "gate",
    "cross_signs": "loss",
    "adam_dense": "optimiser dense",
    "adam_rows": "optimiser rows",
    "catch_up_rows": "optimiser rows",
    "replay_rows": "optimiser rows",
}


@contextmanager
def instruments(watch: Watch = HOST) -> Iterator[Clock]:
    """A `Clock` that runs inside the block, by the processor's clock or by events in the stream of a GPU."""
    clock = Clock(watch)
    undo: list[tuple] = []

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
        with clock.phase(KERNELS.get(self.__name__)) as now:
            result = call(self, *args, **kwargs)
        clock.bytes[now] += kernel_bytes(self, args, result)
        clock.skip()  # the time of counting belongs to no phase
        return result

    return timed


def kernel_bytes(kernel: Kernel, args: tuple, result: Any) -> int:
    """Bytes that a kernel must move: arguments read, new results written, what is changed in place both.

    Of an array whose rows are named by ids (`arguments.ids`) only those rows count, each time they are named, and never
    more than the whole array. A result that lies in an argument's buffer is no second array.
    """
    rules = kernel.check.rules
    named = {rule.below: a.size for (_, rule), a in zip(rules, args, strict=True) if rule.below}
    total = 0
    for (_, rule), a in zip(rules, args, strict=True):
        if rule.axes:
            touched = min(a.nbytes, named.get(rule.axes[0], len(a)) * a[:1].nbytes)
            total += 2 * touched if rule.in_place else touched
    given = [a for (_, rule), a in zip(rules, args, strict=True) if rule.in_place]
    for r in result if isinstance(result, tuple) else (result,):
        if type(r) in KINDS and r.ndim and not any(np.may_share_memory(r, a) for a in given):
            total += r.nbytes
    return total
