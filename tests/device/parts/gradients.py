"""Part 3: the gradient checks, computed on the device.

The figure is the number of checks that failed. First come all layers and losses and two cases of every system, its taps
and its objective; then, while time is left, the systems' variants.
"""

from collections.abc import Iterator
from functools import partial

from croco_np.gradcheck import METHODS, OnDevice
from croco_np.gradcheck.__main__ import run
from croco_np.gradcheck.cases import at_blackboard, layer_cases, loss_cases, model_cases
from croco_np.gradcheck.report import passed
from croco_np.gradcheck.stops import stop_checks
from croco_np.losses import LOSSES
from croco_np.models import MODELS

from .item import Found, Item, Place

FIRST = 2  # cases of a system


def gradients(place: Place) -> Iterator[Item]:
    if set(place.systems) == set(MODELS):
        yield Item("layers", lambda: checked(place, layer_cases()), 0)
        losses = {label: draw for name in ("bce", *LOSSES) for label, draw in loss_cases(name).items()}
        yield Item("losses", lambda: checked(place, losses), 0)
    for name in place.systems:
        yield Item(name, lambda name=name: checked(place, some(name, slice(FIRST))), 0)
        if hasattr(at_blackboard(name), "stop"):
            yield Item(f"{name}, stops closed", lambda name=name: counted(stop_checks(name, 0, None, at(place)), ""), 0)
    for name in () if place.standin else place.systems:
        yield Item(f"{name}, variants", lambda name=name: checked(place, some(name, slice(FIRST, None))), 0)


def some(name: str, which: slice) -> dict:
    """Some of the cases of a system."""
    return dict(list(model_cases(name).items())[which])


def at(place: Place):
    return partial(OnDevice, gpu=place.gpu)


def checked(place: Place, cases: dict) -> Found:
    """The cases that there is time for."""
    found, done = [], 0
    for label, draw in cases.items():
        if place.left < 3 and done:
            break
        found += run({label: draw}, 0, at(place))
        done += 1
    return counted(found, f"{done} of {len(cases)} cases, ")


def counted(found, cases) -> Found:
    failed = [c.name for c in found if not passed(c)]
    worst = ", ".join(f"{m} {max((c.error for c in found if c.method == m), default=0.0):.0e}" for m in METHODS)
    said = f"failed: {failed[0]}" if failed else f"worst: {worst}"
    return Found(len(failed), f"{cases}{len(found)} checks; {said}")
