"""Are the stop-gradients closed? Exact zeros where nothing may arrive.

A stopped backward is not the derivative of its forward, so the numeric checks run with the stops open (`stop=False`).
Here they are closed, in settings of the system's own (`System.stop_settings`) in which all roads to some leaves lead
through a stop: the gradient there must be exactly 0, and must not be 0 with the stops open, or else the setting proves
nothing.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from ..models import MODELS
from ..tree import flatten
from .cases import SCHEMA, _bend, at_blackboard, draw_batch
from .forms import random_like
from .gradients import dense, fault
from .measure import Check

METHOD = "exact zeros"


def stop_checks(
    name: str, seed: int, changes: Iterable[dict[str, Any]] | None = None, place: Callable[[Any], Any] = lambda m: m
) -> list[Check]:
    """The checks of one system; empty if it has no stop-gradient. The error is relative to the open gradient.

    changes  as for `model_cases`
    place    what is done to a model before it is called, such as `OnDevice`
    """
    checks = []
    for change in ({}, *MODELS[name].variants) if changes is None else changes:
        model = at_blackboard(name, **change)
        if hasattr(model, "stop"):
            label = name + "".join(f", {key} {value}" for key, value in change.items())
            checks += _checks_of(model, label, np.random.default_rng(seed), place)
    return checks


def _checks_of(model, label, rng, place):
    """Every leaf of every setting; one that fails if the system has a stop and no setting."""
    checks = []
    params, batch = _bend(model.init(rng), rng), draw_batch(rng)
    for what, p, some, places in model.stop_settings(params, batch, SCHEMA):
        out, cache = place(model).forward(p, some)
        d = random_like(out, rng)
        closed, opened = (flatten(place(m).backward(cache, d)) for m in (model, replace(model, stop=False)))
        for path, where in places.items():
            leaf = flatten(p)[path]
            error, why = _closed(closed.get(path), opened.get(path), leaf, where)
            checks.append(Check(f"{label}, {what} closed: {path}", METHOD, error, 0.0, error == 0, hint=why))
    nothing = Check(f"{label}, stop-gradients closed", METHOD, np.inf, 0.0, False, hint="no stop_settings close them")
    return checks or [nothing]


def _closed(closed, opened, leaf, where):
    """(the closed gradient relative to the open one, what is wrong), at `where` of a leaf."""
    if why := fault(closed, leaf) or fault(opened, leaf):
        return np.inf, why
    stopped, live = (float(np.abs(dense(g, leaf)[where]).max(initial=0)) for g in (closed, opened))
    if not live:
        return np.inf, "nothing arrives, open or closed"
    return stopped / live, "a road leads around the stop" if stopped else ""
